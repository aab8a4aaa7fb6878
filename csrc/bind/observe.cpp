// What an entry of the tape holds, and calls of Python's at every run and every entry.
#include "bind/observe.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "bind/graph.h"
#include "wengert/tape/anomaly.h"
#include "wengert/tape/observe.h"
#include "wengert/tape/parameters.h"
#include "wengert/tape/rule.h"
#include "wengert/tape/saved.h"

namespace wengert::bind {
namespace {

// ---- values that are no numbers --------------------------------------------------------------

// Whether the caller has given such a number himself, as a mask's -inf; or no value at all.
bool asked_for(const Call& c) {
  bool any = false;
  for (int i = 0; i < c.inputs(); ++i) {
    any |= c.input(i).is_tensor();
    if (c.input(i).is_scalar() && !std::isfinite(c.input(i).scalar().to<double>())) return true;
  }
  for (int i = 0; i < c.attrs.count(); ++i)
    if (c.attrs.kind(i) == Attrs::Kind::kFloat && !std::isfinite(c.attrs.real(i))) return true;
  return !any;
}

template <class F>
void each_result(const Call& c, Writes writes, const F& f) {
  for (int i = 0; i < c.outputs(); ++i) f(c.out[i]);
  if (writes != Writes::kInputs) return;
  for (int i = 0; i < c.inputs(); ++i)
    if (c.writes(i)) f(c.in(i));
}

bool makes_bad(const Call& c, Writes writes) {
  if (c.op().shape_only) return false;
  bool bad = false;
  each_result(c, writes, [&](const Tensor& t) { bad = bad || not_finite(t); });
  return bad && !asked_for(c);
}

// ---- being told --------------------------------------------------------------------------------

// Its own calls of ops are not observed.
struct PythonObserver final : Observer {
  void ran(const Call& c, Writes writes) override {
    if (busy || on_run.is_none() || (only_bad && !makes_bad(c, writes))) return;
    const Busy scope(*this);
    const py::gil_scoped_acquire gil;
    py::list inputs, outputs;
    for (int i = 0; i < c.inputs(); ++i) inputs.append(object_of(c.input(i)));
    each_result(c, writes, [&](const Tensor& t) { outputs.append(object_of(t)); });
    const Entry* rule = entry_of_rule();
    on_run(c.op().name, inputs, outputs, rule ? rule->number : 0);
  }
  void recorded(Entry& e, std::span<const Tensor> outputs) override {
    if (busy || on_entry.is_none()) return;
    const Busy scope(*this);
    const py::gil_scoped_acquire gil;
    py::list made;
    for (const Tensor& t : outputs) made.append(object_of(t.detach()));
    const Entry* rule = entry_of_rule();
    on_entry(e.name(), e.number, made, rule ? rule->number : 0);
  }
  bool wants_all() const override { return !only_bad; }
  struct Busy {
    explicit Busy(PythonObserver& o) : of(o) { of.busy = true; }
    ~Busy() { of.busy = false; }
    PythonObserver& of;
    const WatchPause pause;
    const GradMode off{false};
  };
  py::object on_run, on_entry;
  bool only_bad = false, busy = false;
};

// Python's observers of this thread, the innermost last; all are told.
struct Observers final : Observer {
  void ran(const Call& c, Writes writes) override {
    for (size_t i = 0; i < list.size(); ++i) list[i]->ran(c, writes);
  }
  void recorded(Entry& e, std::span<const Tensor> outputs) override {
    for (size_t i = 0; i < list.size(); ++i) list[i]->recorded(e, outputs);
  }
  bool wants_all() const override {
    return std::ranges::any_of(list, [](const auto& o) { return o->wants_all(); });
  }
  std::vector<std::shared_ptr<PythonObserver>> list;
};
Observers& observers() {
  static thread_local auto* all = new Observers;
  return *all;
}

uintptr_t observe(const py::object& on_run, const py::object& on_entry, bool only_bad) {
  for (const py::object& f : {on_run, on_entry})
    check(f.is_none() || PyCallable_Check(f.ptr()), ErrorKind::kType,
          "_observe: a function or None expected, got ", Py_TYPE(f.ptr())->tp_name);
  auto o = std::make_shared<PythonObserver>();
  o->on_run = on_run;
  o->on_entry = on_entry;
  o->only_bad = only_bad;
  observers().list.push_back(o);
  set_observer(&observers());
  return reinterpret_cast<uintptr_t>(o.get());
}

void stop_observing(uintptr_t key) {
  auto& list = observers().list;
  std::erase_if(list,
                [&](const auto& o) { return !key || reinterpret_cast<uintptr_t>(o.get()) == key; });
  if (list.empty()) set_observer(nullptr);
}

// ---- what an entry holds ---------------------------------------------------------------------

Entry& expect_entry(const py::object& node) {
  Entry* e = entry_of_node(node.ptr());
  check(e != nullptr, ErrorKind::kType, "a node of the tape expected, got ",
        std::string(py::str(py::type::of(node))));
  return *e;
}

py::object value_of(const Attrs& attrs, int i, const Param& p) {
  switch (attrs.kind(i)) {
    case Attrs::Kind::kBool:
      return py::bool_(attrs.flag(i));
    case Attrs::Kind::kInt: {
      const auto at = static_cast<size_t>(attrs.integer(i));
      if (at < p.choices.size()) return py::str(std::string(p.choices[at]));
      return py::int_(attrs.integer(i));
    }
    case Attrs::Kind::kFloat:
      return py::float_(attrs.real(i));
    case Attrs::Kind::kInts: {
      py::list out;
      for (int k = 0; k < std::ssize(attrs.ints(i)); ++k)
        p.kind == ParamKind::kFloats ? out.append(attrs.real_at(i, k))
                                     : out.append(attrs.ints(i)[static_cast<size_t>(k)]);
      return py::tuple(out);
    }
    case Attrs::Kind::kDtype:
      return py::reinterpret_steal<py::object>(wrap_dtype(attrs.dtype(i)));
    case Attrs::Kind::kOp:
      return py::str(attrs.op(i) ? attrs.op(i)->name : "");
    default:
      return py::none();
  }
}

// By the words of the signature.
py::dict attributes(Entry& e) {
  py::dict out;
  if (e.custom() || !e.has_attrs()) return out;
  const Attrs attrs = e.attrs();
  int i = 0;
  for (const Param& p : parameters_of(*e.op).params) {
    if (p.is_input()) continue;
    if (i == attrs.count()) break;
    if (attrs.has(i)) out[py::str(std::string(p.name))] = value_of(attrs, i, p);
    ++i;
  }
  return out;
}

py::tuple shape_of(Ints shape) {
  py::tuple out(shape.size());
  for (size_t i = 0; i < shape.size(); ++i) out[i] = py::int_(shape[i]);
  return out;
}
py::object dtype_of(Dtype d) { return py::reinterpret_steal<py::object>(wrap_dtype(d)); }

// A saved tensor without history, for looking at it.
py::object look(const Tensor& t) { return t.defined() ? object_of(t.detach()) : py::none(); }

py::dict describe(const py::object& node) {
  Entry& e = expect_entry(node);
  py::list inputs, outputs;
  for (Entry::Input& in : e.inputs()) {
    const Operand x = in.has_saved() ? in.saved() : Operand();
    const bool changed = x.is_tensor() && x.tensor()->storage->version != in.version;
    inputs.append(py::make_tuple(shape_of(e.shape(in)), dtype_of(in.dtype),
                                 x.is_tensor() ? look(x.tensor()) : object_of(x), changed));
  }
  for (uint32_t i = 0; i < e.outputs().size(); ++i) {
    Entry::Output& out = e.outputs()[i];
    const Hooks* hooks = e.hooks(i);
    outputs.append(
        py::make_tuple(shape_of(e.shape(out)), dtype_of(out.dtype), look(out.saved),
                       hooks && hooks->kept ? object_of(Tensor(hooks->kept)) : py::none()));
  }
  py::dict d;
  d["op"] = e.name();
  d["number"] = e.number;
  d["freed"] = e.freed;
  d["view"] = e.op->view;
  d["custom"] = e.custom() != nullptr;
  d["attributes"] = attributes(e);
  d["inputs"] = inputs;
  d["outputs"] = outputs;
  return d;
}

// The outputs of an entry computed anew from values of its inputs; None where that cannot be.
py::object compute_again(const py::object& node, const py::list& inputs) {
  Entry& e = expect_entry(node);
  const Op& op = *e.op;
  if (e.custom() || op.mutates || op.draws || op.data_dependent || (!op.run && !op.view))
    return py::none();
  check(inputs.size() == e.inputs().size(), "_compute_again: as many values as inputs expected");
  const GradMode off(false);
  Call c(op, e.attrs());
  for (size_t i = 0; i < inputs.size(); ++i) {
    const py::object x = inputs[i];
    const Entry::Input& in = e.inputs()[i];
    Scalar number;
    if (is_tensor(x.ptr())) {
      const Tensor t = unwrap(x.ptr());
      check(t.shape() == Dims(e.shape(in)) && t.dtype() == in.dtype, "_compute_again: input ",
            static_cast<uint64_t>(i), " was ", in.dtype, ' ', Dims(e.shape(in)), ", got ",
            t.dtype(), ' ', t.shape());
      c.add_input(t);
    } else if (read_scalar(x.ptr(), number)) {
      c.add_input(number);
    } else {
      c.add_input({});
    }
  }
  apply(c);
  py::list out;
  for (int i = 0; i < c.outputs(); ++i) out.append(object_of(c.out[i]));
  return out;
}

}  // namespace

void init_observe(py::module_& m) {
  m.def("_observe", &observe, py::arg("on_run"), py::arg("on_entry"), py::arg("only_bad"),
        "From here on this thread calls on_run(op, inputs, outputs, rule) after every run of an "
        "op, or only after those that make a value that is not finite, and on_entry(name, number, "
        "outputs, rule) for every entry of the tape. The rule is the number of the entry whose "
        "gradient is being computed, or 0. Returns what `_stop_observing` takes.");
  m.def("_stop_observing", &stop_observing, py::arg("key"), "Of 0: all of this thread's.");
  m.def(
      "_runs_as_written", [] { return observed() || anomaly_enabled() || saved_hooks(); },
      "Whether captured functions run as they are: somebody wants to see what they do.");
  m.def("_entry", &describe, "What an entry of the tape holds, as a dict.");
  m.def("_compute_again", &compute_again);
}

}  // namespace wengert::bind
