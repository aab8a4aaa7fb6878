// Hooks for saved tensors, and places of the graph, for Python; see autograd/graph.py.
#include "wengert/tape/saved.h"

#include "bind/graph.h"
#include "wengert/tape/parameters.h"
#include "wengert/tape/running.h"

namespace wengert::bind {
namespace {

bool python_ends() {
#if PY_VERSION_HEX >= 0x030d0000
  return !Py_IsInitialized() || Py_IsFinalizing();
#else
  return !Py_IsInitialized() || _Py_IsFinalizing();
#endif
}

// Lets go of what is held for Python, unless Python is ending, or has ended.
void drop(py::object& o) {
  if (python_ends()) {
    o.release();
    return;
  }
  const py::gil_scoped_acquire gil;
  o = py::object();
}

struct PythonPacked final : Packed {
  PythonPacked(const py::object& value, const py::object& f) : both(py::make_tuple(f, value)) {}
  ~PythonPacked() override { drop(both); }
  void* held() const override { return both.ptr(); }
  Tensor unpack() override {
    const py::tuple known = both;
    const py::object made = known[0](known[1]);
    if (!is_tensor(made.ptr()))
      fail(ErrorKind::kType,
           "Output of saved tensor unpack_hook expected to be a Tensor but got result of type ",
           Py_TYPE(made.ptr())->tp_name);
    return unwrap(made.ptr());
  }
  py::object both;  // the hook, and what was packed
};

struct PythonSavedHooks final : SavedHooks {
  PythonSavedHooks(py::object p, py::object u)
      : pack_hook(std::move(p)), unpack_hook(std::move(u)) {}
  ~PythonSavedHooks() override {
    drop(pack_hook);
    drop(unpack_hook);
  }
  Ref<Packed> pack(const Tensor& t) override {
    const py::object f = pack_hook;
    return new PythonPacked(f(object_of(t)), unpack_hook);
  }
  py::object pack_hook, unpack_hook;
};

void check_callable(const py::object& pack, const py::object& unpack) {
  for (const auto& [name, hook] : {std::pair("pack_hook", pack), std::pair("unpack_hook", unpack)})
    if (!PyCallable_Check(hook.ptr()))
      fail(ErrorKind::kType, name, " must be callable, got ", Py_TYPE(hook.ptr())->tp_name);
}

std::optional<std::string> text_or_none(const py::object& o) {
  if (o.is_none()) return std::nullopt;
  Py_ssize_t size = 0;
  const char* text = PyUnicode_Check(o.ptr()) ? PyUnicode_AsUTF8AndSize(o.ptr(), &size) : nullptr;
  if (PyErr_Occurred()) throw py::error_already_set();
  if (!text) fail(ErrorKind::kType, "error_message must be str, got ", Py_TYPE(o.ptr())->tp_name);
  return std::string(text, static_cast<size_t>(size));
}

// What the innermost hooks made of a tensor that a Function saves, and its place of the graph.
struct PackedTensor {
  Ref<Packed> packed;
  Tensor edge;

  // None where there are no hooks.
  static py::object of(const py::object& tensor, bool has_place) {
    const Tensor t = expect_tensor(tensor.ptr(), "tensor");
    const Ref<SavedHooks> hooks = saved_hooks();  // which the hook may take off
    if (!hooks) return py::none();
    return py::cast(PackedTensor{wengert::pack(*hooks, has_place ? t : t.detach()),
                                 has_place ? edge_of(t) : Tensor()});
  }
  py::object unpack() const { return object_of(at_edge(wengert::unpack(*packed), edge)); }
};

// A stand-in for output i of a node, of its shape and dtype: for roots and inputs of backward.
py::object tensor_of_edge(const py::object& node, int64_t i) {
  if (TensorImpl* leaf = leaf_of_node(node.ptr())) {
    check(i == 0, ErrorKind::kIndex, "a leaf is output 0 of its node, not ", i);
    return object_of(Tensor(leaf));
  }
  Entry* e = entry_of_node(node.ptr());
  if (!e)
    fail(ErrorKind::kType, "a node of the graph expected, got ", Py_TYPE(node.ptr())->tp_name);
  const auto outputs = e->outputs();
  check(i >= 0 && i < static_cast<int64_t>(outputs.size()), ErrorKind::kIndex, e->name(), " has ",
        static_cast<uint64_t>(outputs.size()), " outputs, not one numbered ", i);
  const Entry::Output& out = outputs[static_cast<size_t>(i)];
  const Dims shape(e->shape(out));
  Dims strides(shape);
  for (int64_t& s : strides) s = 0;
  return object_of(at_output(Tensor::empty({1}, out.dtype).alias(shape, strides, 0), *e,
                             static_cast<uint32_t>(i)));
}

// ---- what a node has saved -------------------------------------------------------------------

struct SavedTensor {
  Ref<Entry> entry;
  bool output;
  uint32_t i;

  bool there() const {
    return output ? entry->outputs()[i].saved.defined() || entry->packed_output(i)
                  : entry->inputs()[i].has_saved();
  }
  Operand unpack() const {
    if (!there() && !entry->freed) return {};  // not needed for the gradients that are wanted
    const Vjp v(*entry);
    return output ? Operand(v.y(static_cast<int>(i))) : v.x(static_cast<int>(i));
  }
  void register_hooks(const py::object& pack, const py::object& unpack) const {
    check_callable(pack, unpack);
    check(there(), "register_hooks: ", entry->name(), " keeps this tensor no more");
    check(!(output ? entry->packed_output(i) : entry->inputs()[i].packed()),
          "Calling register_hooks on a saved tensor whose hooks have already been set is not "
          "permitted; this one had hooks when it was saved, or since");
    PythonSavedHooks hooks(pack, unpack);
    output ? entry->pack_output(hooks, i, entry->outputs()[i].saved) : entry->pack_input(hooks, i);
  }
};

// The input that PyTorch's node calls `name`, or the output; false if the node has none.
bool find_saved(const Ref<Entry>& e, std::string_view name, SavedTensor& out) {
  if (name == "result" && (e->op->reads & reads_output(0))) {
    out = {e, true, 0};
    return true;
  }
  uint32_t i = 0;
  for (const Param& p : parameters_of(*e->op).params) {
    if (p.kind == ParamKind::kTensors) return false;
    if (!p.is_input()) continue;
    if (name == (p.name == "input" ? "self" : p.name) &&
        (e->op->reads & reads_input(static_cast<int>(i))) && i < e->inputs().size()) {
      out = {e, false, i};
      return true;
    }
    ++i;
  }
  return false;
}

}  // namespace

PyObject* saved_attribute(Entry& e, std::string_view name) {
  constexpr std::string_view kSaved = "_saved_", kRaw = "_raw_saved_";
  const bool raw = name.starts_with(kRaw);
  if (!raw && !name.starts_with(kSaved)) return nullptr;
  SavedTensor found;
  if (!find_saved(Ref<Entry>(&e), name.substr(raw ? kRaw.size() : kSaved.size()), found))
    return nullptr;
  if (raw) return py::cast(found).release().ptr();
  return object_of(found.unpack()).release().ptr();
}

void init_saved(py::module_& m) {
  py::class_<SavedTensor> c(m, "SavedTensor", "A tensor that a node of the graph keeps.");
  refuse_pickling(c);
  c.def_static("__new__", &refuse_new);
  c.def("unpack", [](const SavedTensor& s) { return object_of(s.unpack()); });
  c.def("register_hooks", &SavedTensor::register_hooks, py::arg("pack_hook"),
        py::arg("unpack_hook"));
  m.def("_push_saved_hooks", [](const py::object& pack, const py::object& unpack) {
    check_callable(pack, unpack);
    push_saved_hooks(new PythonSavedHooks(pack, unpack));
  });
  m.def("_pop_saved_hooks", &pop_saved_hooks);
  m.def("_refuse_saved_hooks", [](const py::object& why) -> py::object {
    const std::optional<std::string> before = refuse_saved_hooks(text_or_none(why));
    return before ? py::object(py::str(*before)) : py::none();
  });
  py::class_<PackedTensor> p(m, "_PackedTensor");
  refuse_pickling(p);
  p.def_static("__new__", &refuse_new);
  p.def("unpack", &PackedTensor::unpack);
  m.def("_pack_saved", &PackedTensor::of, "As hooks pack it, or None where there are none.");
  m.def("_tensor_of_edge", &tensor_of_edge);
  m.def("_backward_running", &backward_running, "The number of this thread's run; 0 in none.");
  m.def("_backward_reaches", [](const py::object& place) {
    return PyLong_Check(place.ptr()) ? backward_reaches(py::cast<uint64_t>(place))
                                     : backward_reaches(expect_tensor(place.ptr(), "place"));
  });
}

}  // namespace wengert::bind
