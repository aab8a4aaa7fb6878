// Capture from Python: recording a function, the conditions of a replay that only Python knows of,
// and replays without it.
#include "bind/capture.h"

#include <pybind11/stl.h>

#include <cstring>
#include <unordered_set>

namespace wengert::bind {
namespace {

// Counts what could make a program wrong: a module's attribute set, an optimizer's state replaced.
uint64_t changes = 0;

Recording& expect_recording() {
  Recording* r = current_recording();
  check(r != nullptr, ErrorKind::kCapture, "no function is being captured");
  return *r;
}

// ---- guards --------------------------------------------------------------------------------

// The same object, or an equal number or string; -0.0 is not 0.0.
bool same(PyObject* a, PyObject* b) {
  if (a == b) return true;
  if (Py_TYPE(a) != Py_TYPE(b)) return false;
  if (PyFloat_CheckExact(a)) {
    const double x = PyFloat_AS_DOUBLE(a), y = PyFloat_AS_DOUBLE(b);
    return std::memcmp(&x, &y, sizeof x) == 0;
  }
  if (!PyLong_CheckExact(a) && !PyUnicode_CheckExact(a)) return false;
  return PyObject_RichCompareBool(a, b, Py_EQ) == 1;
}

// The variables of the function and what they name: (where, key, value). `where` is a cell (key
// None), a dict, a list (an index), or another object, whose attribute is meant. A key of Ellipsis
// means the length. No value: there must be none.
struct NamesGuard final : Guard {
  // The values are read anew, after the function has run. Sets `moved` if a tensor, or something
  // else that is no number or text, is another one than before.
  NamesGuard(const py::list& entries, bool& moved) {
    for (const py::handle& e : entries) {
      PyObject* t = e.ptr();
      PyObject *where = PyTuple_GET_ITEM(t, 0), *key = PyTuple_GET_ITEM(t, 1),
               *before = PyTuple_GET_ITEM(t, 2);
      py::object now = look_up(where, key);
      if (now.ptr() != before) moved |= is_tensor(before) || (now && is_tensor(now.ptr()));
      if (!now && before != Py_Ellipsis) continue;
      names.push_back({py::reinterpret_borrow<py::object>(where),
                       py::reinterpret_borrow<py::object>(key), std::move(now)});
    }
  }
  bool holds() override {
    for (const Name& n : names) {
      const py::object now = look_up(n.where.ptr(), n.key.ptr());
      if (!now != !n.value || (now && !same(now.ptr(), n.value.ptr()))) return false;
    }
    return true;
  }
  static py::object look_up(PyObject* where, PyObject* key) {
    PyObject* found = nullptr;
    if (key == Py_Ellipsis)
      return py::reinterpret_steal<py::object>(PyLong_FromSsize_t(PyObject_Size(where)));
    if (key == Py_None) {
      found = PyCell_GET(where);
    } else if (PyDict_Check(where)) {
      found = PyDict_GetItem(where, key);
    } else if (PyList_Check(where)) {
      const Py_ssize_t i = PyLong_AsSsize_t(key);
      if (i < PyList_GET_SIZE(where)) found = PyList_GET_ITEM(where, i);
    } else {
      PyObject* value = PyObject_GetAttr(where, key);
      if (!value) PyErr_Clear();
      return py::reinterpret_steal<py::object>(value);
    }
    return py::reinterpret_borrow<py::object>(found);
  }
  struct Name {
    py::object where, key, value;
  };
  std::vector<Name> names;
};

// A condition in Python, asked only after something has changed somewhere. `prepare` looks at how
// things are and returns the condition; that can wait until just before the first change.
struct CheckGuard final : Guard {
  explicit CheckGuard(py::object f) : prepare(std::move(f)), seen(changes) { waiting.insert(this); }
  ~CheckGuard() override { waiting.erase(this); }
  bool holds() override {
    if (seen == changes) return true;
    if (!check || !py::cast<bool>(check())) return false;
    seen = changes;
    return true;
  }
  // Of all that have not been prepared yet.
  static void prepare_all() {
    while (!waiting.empty()) {
      CheckGuard* g = *waiting.begin();
      waiting.erase(waiting.begin());
      g->check = g->prepare();
    }
  }
  static inline std::unordered_set<CheckGuard*> waiting;
  py::object prepare, check;
  uint64_t seen;
};

// A condition in Python, asked every time.
struct CallGuard final : Guard {
  explicit CallGuard(py::object f) : check(std::move(f)) {}
  bool holds() override { return py::cast<bool>(check()); }
  py::object check;
};

struct KeepAlive final : Guard {
  explicit KeepAlive(py::object o) : object(std::move(o)) {}
  bool holds() override { return true; }
  py::object object;
};

// A fused optimizer: that its groups hold the parameters they held, and that nobody has replaced
// its state. See Note [optimizer state].
struct OptimizerGuard final : Guard {
  OptimizerGuard(py::dict attributes, py::list flag, py::object plans)
      : attributes_(std::move(attributes)), flag_(std::move(flag)), plans_(std::move(plans)) {
    for (const py::handle& g : groups()) {
      Group group{py::cast<py::dict>(g), {}};
      for (const py::handle& p : py::cast<py::list>(group.dict["params"]))
        group.params.push_back(py::reinterpret_borrow<py::object>(p));
      groups_.push_back(std::move(group));
    }
  }
  bool holds() override {
    if (PyDict_GetItemString(attributes_.ptr(), "_plans") != plans_.ptr()) return false;
    if (PyList_GET_ITEM(flag_.ptr(), 0) != Py_False) return false;
    const py::list now = groups();
    if (now.size() != groups_.size()) return false;
    for (size_t i = 0; i < groups_.size(); ++i) {
      if (PyList_GET_ITEM(now.ptr(), static_cast<Py_ssize_t>(i)) != groups_[i].dict.ptr())
        return false;
      PyObject* params = PyDict_GetItemString(groups_[i].dict.ptr(), "params");
      const std::vector<py::object>& were = groups_[i].params;
      if (!params || !PyList_Check(params) ||
          PyList_GET_SIZE(params) != static_cast<Py_ssize_t>(were.size()))
        return false;
      for (size_t k = 0; k < were.size(); ++k)
        if (PyList_GET_ITEM(params, static_cast<Py_ssize_t>(k)) != were[k].ptr()) return false;
    }
    return true;
  }

 private:
  struct Group {
    py::dict dict;
    std::vector<py::object> params;
  };
  py::list groups() const { return py::cast<py::list>(attributes_["param_groups"]); }
  py::dict attributes_;
  py::list flag_;
  py::object plans_;
  std::vector<Group> groups_;
};

// Hyper-parameters of a group, read from its dict into the attributes of its step. A flag, or a
// momentum that comes or goes, needs another program.
struct GroupRefresh final : Refresh {
  explicit GroupRefresh(py::dict g, const py::dict& places) : group(std::move(g)) {
    for (const auto& [key, at] : places)
      fields.push_back(
          {py::reinterpret_borrow<py::object>(key), py::reinterpret_borrow<py::object>(at)});
  }
  bool refresh(Attrs& a) override {
    const py::gil_scoped_acquire gil;  // asked within a run too, after a call out of it
    for (const Field& f : fields) {
      PyObject* value = PyDict_GetItem(group.ptr(), f.key.ptr());
      if (!value) return false;
      if (PyLong_Check(f.at.ptr())) {
        if (!set(a, static_cast<int>(PyLong_AsLong(f.at.ptr())), value)) return false;
        continue;
      }
      const Py_ssize_t n = PyTuple_GET_SIZE(f.at.ptr());  // betas
      if (!PyTuple_Check(value) || PyTuple_GET_SIZE(value) != n) return false;
      for (Py_ssize_t i = 0; i < n; ++i)
        if (!set(a, static_cast<int>(PyLong_AsLong(PyTuple_GET_ITEM(f.at.ptr(), i))),
                 PyTuple_GET_ITEM(value, i)))
          return false;
    }
    return true;
  }
  // A negative place: whether the number is zero decides what the step is.
  static bool set(Attrs& a, int place, PyObject* value) {
    const int i = place < 0 ? -place : place;
    if (a.kind(i) == Attrs::Kind::kBool) {
      const int on = PyObject_IsTrue(value);
      if (on < 0) throw py::error_already_set();
      return (on == 1) == a.flag(i);
    }
    double v;
    if (!read_float(value, v)) return false;
    if (place < 0 && (v == 0) != (a.real(i) == 0)) return false;
    a.set(i, v);
    return true;
  }
  struct Field {
    py::object key, at;
  };
  py::dict group;
  std::vector<Field> fields;
};

struct PythonCall final : HostCall {
  explicit PythonCall(py::object f) : function(std::move(f)) {}
  ~PythonCall() override {
    const py::gil_scoped_acquire gil;
    function = py::object();
  }
  void call() override {
    const py::gil_scoped_acquire gil;
    function();
  }
  py::object function;
};

}  // namespace

void keep_for_capture(PyObject* o) {
  expect_recording().guard(new KeepAlive(py::reinterpret_borrow<py::object>(o)));
}

namespace {

// ---- recording -----------------------------------------------------------------------------

// Where a tensor lies matters to a program as little as its values do.
PyObject* tensor_key(PyObject*, PyObject* o) {
  return guarded([&]() -> PyObject* {
    const Tensor t = expect_tensor(o, "argument");
    int64_t key[2 + 2 * kMaxDims];
    int n = 0;
    key[n++] = index(t.dtype());
    key[n++] = t->requires_grad;
    for (int64_t s : t.shape()) key[n++] = s;
    for (int64_t s : t.strides()) key[n++] = s;
    return PyBytes_FromStringAndSize(reinterpret_cast<const char*>(key),
                                     n * static_cast<Py_ssize_t>(sizeof key[0]));
  });
}

struct Handle {
  std::unique_ptr<Recording> recording;
};

py::list start(Handle& h, const py::iterable& arguments, bool strict) {
  h.recording = std::make_unique<Recording>();
  h.recording->strict = strict;
  py::list copies;
  for (const py::handle& o : arguments) {
    const Tensor copy = h.recording->add_input(expect_tensor(o.ptr(), "argument"));
    copies.append(py::reinterpret_steal<py::object>(wrap(copy)));
  }
  h.recording->start();
  return copies;
}

std::vector<Tensor> tensors_of(const py::handle& o) {
  std::vector<Tensor> out;
  for (const py::handle& t : o)
    out.push_back(t.is_none() ? Tensor() : expect_tensor(t.ptr(), "result"));
  return out;
}

Ready finish(Handle& h, const py::list& results) {
  h.recording->stop();
  const std::vector<Tensor> tensors = tensors_of(results);
  h.recording->finish(tensors);
  check(h.recording->failure.empty(), ErrorKind::kCapture, "capture: ", h.recording->failure);
  return {new Program(std::move(h.recording))};
}

// ---- replay --------------------------------------------------------------------------------

// The results as a tuple, or None if the program no longer fits.
}  // namespace

std::unique_lock<std::mutex> claim(Program& p) {
  std::unique_lock lock(p.busy(), std::try_to_lock);
  if (!lock) {
    const py::gil_scoped_release free;
    lock.lock();
  }
  return lock;
}

namespace {

PyObject* replay_arguments(Program& p, const py::handle& arguments) {
  const std::unique_lock lock = claim(p);
  if (!p.ready()) Py_RETURN_NONE;
  int i = 0;
  for (const py::handle& o : arguments) p.set_input(i++, unwrap(o.ptr()));
  {
    const py::gil_scoped_release free;
    p.run();
  }
  i = 0;
  for (const py::handle& o : arguments) p.give_back(i++, unwrap(o.ptr()));
  const size_t count = p.result_count();
  py::tuple out(count);
  for (size_t k = 0; k < count; ++k)
    PyTuple_SET_ITEM(out.ptr(), static_cast<Py_ssize_t>(k), wrap(p.result(k)));
  return out.release().ptr();
}
py::object replay(const Ready& r, const py::handle& arguments) {
  return py::reinterpret_steal<py::object>(replay_arguments(*r.program, arguments));
}

py::list listing(const Ready& r) {
  py::list out;
  for (const Program::Line& l : r.program->listing()) {
    py::dict d;
    d["op"] = l.op;
    d["operands"] = l.operands;
    d["bytes"] = l.bytes;
    d["seconds"] = l.seconds;
    d["group"] = l.group;
    d["reads"] = l.reads;
    d["writes"] = l.writes;
    out.append(d);
  }
  return out;
}

PyObject* is_capturing(PyObject*, PyObject*) { return PyBool_FromLong(watch() != nullptr); }
PyObject* changed(PyObject*, PyObject*) {
  return guarded([&]() -> PyObject* {
    CheckGuard::prepare_all();
    ++changes;
    Py_RETURN_NONE;
  });
}
PyObject* modes(PyObject*, PyObject*) { return PyLong_FromLongLong(capture_modes()); }
PyObject* change_count(PyObject*, PyObject*) { return PyLong_FromUnsignedLongLong(changes); }

// Whether backward could still be called on it: it asks for a gradient, and nothing of its history
// has been freed.
bool has_live_graph(const Tensor& t) {
  if (t.is_leaf()) return t.requires_grad();
  std::vector<Entry*> open{entry_of(t)};
  std::unordered_set<Entry*> seen{open[0]};
  while (!open.empty()) {
    Entry* e = open.back();
    open.pop_back();
    if (e->freed) return false;
    for (const Entry::Input& in : e->inputs())
      if (in.producer && seen.insert(in.producer.get()).second) open.push_back(in.producer.get());
  }
  return true;
}

// What `view` is of `base`, of `to`, which has the shape and strides of `base`; None if it lies
// elsewhere.
py::object moved_view(const py::handle& view, const py::handle& base, const py::handle& to) {
  const Tensor v = expect_tensor(view.ptr(), "view"), b = expect_tensor(base.ptr(), "base");
  if (!(v->storage == b->storage)) return py::none();
  const Tensor t = expect_tensor(to.ptr(), "to");
  return py::reinterpret_steal<py::object>(
      wrap(t.alias(v.shape(), v.strides(), t->offset + v->offset - b->offset)));
}

PyMethodDef fast_functions[] = {
    {"_change_count", change_count, METH_NOARGS, "How often _changed was called."},
    {"_is_capturing", is_capturing, METH_NOARGS, "Whether this thread records a function."},
    {"_changed", changed, METH_NOARGS, "Something is about to change that programs depend on."},
    {"_capture_modes", modes, METH_NOARGS, "What beside its arguments a program depends on."},
    {"_tensor_key", tensor_key, METH_O, "Dtype, shape and strides of an argument, as bytes."},
    {}};

}  // namespace

// What Python adds to the recording under way; each does nothing outside a capture.
static void init_conditions(py::module_& m);

void init_capture(py::module_& m) {
  if (PyModule_AddFunctions(m.ptr(), fast_functions) < 0) throw py::error_already_set();
  py::class_<Handle>(m, "_Recording")
      .def(py::init<>())
      .def("start", &start)
      .def("stop", [](Handle& h) { h.recording->stop(); })
      .def_property_readonly("failure", [](Handle& h) { return h.recording->failure; })
      .def("finish", &finish);
  py::class_<Ready>(m, "_Program")
      .def("replay", &replay)
      .def("ready", [](const Ready& r) { return r.program->ready(); })
      .def("listing", &listing)
      .def("profile", [](const Ready& r, int runs) { r.program->profile(runs); })
      .def_property_readonly("provisional", [](const Ready& r) { return r.program->provisional(); })
      .def_property_readonly("arena_bytes",
                             [](const Ready& r) { return r.program->arena_bytes(); });
  init_conditions(m);
  init_loop(m);
}

void init_conditions(py::module_& m) {
  m.def("_capture_names", [](const py::list& entries) {
    if (!watch()) return;
    Recording& r = expect_recording();
    r.guard(new NamesGuard(entries, r.left_behind));
  });
  m.def("_capture_check", [](const py::object& f, bool always) {
    if (!watch()) return;
    expect_recording().guard(always ? Ref<Guard>(new CallGuard(f)) : Ref<Guard>(new CheckGuard(f)));
  });
  m.def("_capture_keep", [](const py::object& o) {
    if (watch()) expect_recording().guard(new KeepAlive(o));
  });
  m.def("_capture_optimizer",
        [](const py::dict& attributes, const py::list& flag, const py::object& plans) {
          if (watch()) expect_recording().guard(new OptimizerGuard(attributes, flag, plans));
        });
  m.def("_capture_group", [](const py::dict& group, const py::dict& places) {
    if (watch()) expect_recording().attach(new GroupRefresh(group, places));
  });
  m.def("_capture_call", [](const py::object& f) {
    if (watch()) expect_recording().call_host(new PythonCall(f));
  });
  m.def("_capture_again", [] {
    if (watch()) expect_recording().left_behind = true;
  });
  m.def("_capture_refuse", [](const std::string& what) {
    if (watch()) value_leaves(what.c_str());
  });
  m.def("_has_live_graph",
        [](const py::handle& t) { return has_live_graph(expect_tensor(t.ptr(), "tensor")); });
  m.def("_moved_view", &moved_view);
  m.def("_outside_capture", [](const py::object& f) {
    const WatchPause pause;
    return f();
  });
}

}  // namespace wengert::bind
