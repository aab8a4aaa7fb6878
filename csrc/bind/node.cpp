// The graph as Python sees it: its nodes, what they lead to, their hooks.
#include <map>
#include <unordered_map>

#include "bind/graph.h"
// After Python.h, which it does not include.
#include <structmember.h>

#include "wengert/tape/anomaly.h"

namespace wengert::bind {
namespace {

// An entry of the tape, or the end of the graph at a leaf, where gradients are accumulated.
struct PyNode {
  PyObject_HEAD Entry* entry;  // owned, as is `leaf`; one of them is null
  TensorImpl* leaf;
  PyObject* notes;  // of a leaf; an entry keeps its own
  PyObject* weakrefs;
};
PyNode* as(PyObject* o) { return reinterpret_cast<PyNode*>(o); }

PyTypeObject* node_type;

// The object of each node that has one: nodes are compared by identity. Each keeps its key alive.
std::unordered_map<const void*, PyObject*>& live() {
  static auto* all = new std::unordered_map<const void*, PyObject*>;
  return *all;
}

constexpr const char* kLeafNode = "AccumulateGrad";

int traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(o));
  Py_VISIT(as(o)->notes);
  return as(o)->entry ? visit_python(*as(o)->entry, visit, arg) : 0;
}
int clear(PyObject* o) {
  Py_CLEAR(as(o)->notes);
  return 0;
}
void dealloc(PyObject* o) {
  PyObject_GC_UnTrack(o);
  PyTypeObject* type = Py_TYPE(o);
  PyNode* self = as(o);
  if (self->weakrefs) PyObject_ClearWeakRefs(o);
  live().erase(self->entry ? static_cast<void*>(self->entry) : self->leaf);
  const Ref<Entry> entry = self->entry;
  const Ref<TensorImpl> leaf = self->leaf;
  if (entry) entry->release();
  if (leaf) leaf->release();
  Py_CLEAR(self->notes);
  type->tp_free(o);
  Py_DECREF(type);
}

// What a Function's node has beside: the attributes of its ctx.
PyObject* ctx_of(PyObject* o) {
  const Entry* e = as(o)->entry;
  return e && e->custom() ? static_cast<PyObject*>(e->custom()->held()) : nullptr;
}
bool is_special(PyObject* name) {
  return PyUnicode_GET_LENGTH(name) > 1 && PyUnicode_READ_CHAR(name, 0) == '_' &&
         PyUnicode_READ_CHAR(name, 1) == '_';
}
// With the error that is set left as it is if there is no such attribute.
PyObject* get_saved(Entry* e, PyObject* name) {
  PyObject *type, *value, *trace;
  PyErr_Fetch(&type, &value, &trace);
  bool none = true;
  PyObject* found = nullptr;
  if (const char* text = PyUnicode_AsUTF8(name)) {
    found = guarded([&] {
      PyObject* o = saved_attribute(*e, text);
      none = !o;
      return o;
    });
    none &= !PyErr_Occurred();
  }
  if (none) {
    PyErr_Restore(type, value, trace);
  } else {
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
  }
  return found;
}
PyObject* get_attribute(PyObject* o, PyObject* name) {
  PyObject* found = PyObject_GenericGetAttr(o, name);
  if (found || !PyErr_ExceptionMatches(PyExc_AttributeError) || is_special(name)) return found;
  PyObject* ctx = ctx_of(o);
  if (!ctx) return as(o)->entry ? get_saved(as(o)->entry, name) : nullptr;
  PyErr_Clear();
  return PyObject_GetAttr(ctx, name);
}
int set_attribute(PyObject* o, PyObject* name, PyObject* value) {
  PyObject* ctx = ctx_of(o);
  return ctx && !is_special(name) ? PyObject_SetAttr(ctx, name, value)
                                  : PyObject_GenericSetAttr(o, name, value);
}

PyObject* repr(PyObject* o) {
  return guarded([&] {
    const std::string name = as(o)->entry ? node_name(*as(o)->entry) : kLeafNode;
    return PyUnicode_FromFormat("<%s object at %p>", name.c_str(), o);
  });
}
PyObject* name(PyObject* o, PyObject*) {
  return guarded([&] {
    const std::string n =
        as(o)->entry ? node_name(*as(o)->entry) : std::string("wengert::autograd::") + kLeafNode;
    return PyUnicode_FromString(n.c_str());
  });
}
PyObject* sequence_nr(PyObject* o, PyObject*) {
  return PyLong_FromUnsignedLongLong(as(o)->entry ? as(o)->entry->number : UINT64_MAX);
}
PyObject* requires_grad(PyObject*, void*) { Py_RETURN_TRUE; }

PyObject* next_functions(PyObject* o, void*) {
  return guarded([&] {
    py::list out;
    if (Entry* e = as(o)->entry) {
      for (const Entry::Input& in : e->inputs()) {
        const bool made = in.producer();
        PyObject* node = made        ? wrap_node(in.producer())
                         : in.leaf() ? wrap_node(in.leaf())
                                     : Py_NewRef(Py_None);
        out.append(py::make_tuple(py::reinterpret_steal<py::object>(node), made ? in.index : 0));
      }
    }
    return py::tuple(out).release().ptr();
  });
}

PyObject* variable(PyObject* o, void*) {
  if (as(o)->leaf) return guarded([&] { return wrap(Tensor(as(o)->leaf)); });
  PyErr_Format(PyExc_AttributeError, "'%s' object has no attribute 'variable'",
               Py_TYPE(o)->tp_name);
  return nullptr;
}

struct Notes final : Held {
  ~Notes() override {
    const py::gil_scoped_acquire gil;
    dict = py::object();
  }
  void* held() const override { return dict.ptr(); }
  py::object dict = py::dict();
};
PyObject* metadata(PyObject* o, void*) {
  return guarded([&] {
    PyNode* self = as(o);
    if (self->leaf) {
      if (!self->notes) self->notes = PyDict_New();
      return Py_XNewRef(self->notes);
    }
    if (!self->entry->notes()) self->entry->set_notes(new Notes);
    return Py_NewRef(static_cast<PyObject*>(self->entry->notes()->held()));
  });
}

PyMethodDef methods[] = {
    {"name", name, METH_NOARGS, "What PyTorch calls the node of that operation."},
    {"_sequence_nr", sequence_nr, METH_NOARGS, "Counts the entries of the tape."},
    {}};
PyGetSetDef getset[] = {
    {"next_functions", next_functions, nullptr,
     "For each input its node, or None, and which output of that it is.", nullptr},
    {"metadata", metadata, nullptr, "A dict of the user's, kept as long as the node.", nullptr},
    {"variable", variable, nullptr, "The leaf whose .grad is added to.", nullptr},
    {"requires_grad", requires_grad, nullptr, "True.", nullptr},
    {}};
PyMemberDef members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(PyNode, weakrefs), READONLY, nullptr}, {}};

PyTypeObject* make_type(const char* name, PyObject* bases) {
  PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
                         {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
                         {Py_tp_clear, reinterpret_cast<void*>(clear)},
                         {Py_tp_repr, reinterpret_cast<void*>(repr)},
                         {Py_tp_getattro, reinterpret_cast<void*>(get_attribute)},
                         {Py_tp_setattro, reinterpret_cast<void*>(set_attribute)},
                         {Py_tp_methods, methods},
                         {Py_tp_getset, getset},
                         {Py_tp_members, members},
                         {Py_tp_doc, const_cast<char*>("A node of the graph.")},
                         {0, nullptr}};
  PyType_Slot derived[] = {{Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
                           {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
                           {Py_tp_clear, reinterpret_cast<void*>(clear)},
                           {0, nullptr}};
  PyType_Spec spec{name, sizeof(PyNode), 0,
                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC |
                       Py_TPFLAGS_DISALLOW_INSTANTIATION,
                   bases ? derived : slots};
  PyObject* type = bases ? PyType_FromSpecWithBases(&spec, bases) : PyType_FromSpec(&spec);
  if (!type) throw py::error_already_set();
  return reinterpret_cast<PyTypeObject*>(type);
}

// Nodes of one name have a type of that name.
PyTypeObject* type_named(const std::string& name) {
  static auto* all = new std::map<std::string, PyTypeObject*>;
  const auto [at, fresh] = all->try_emplace("wengert." + name, nullptr);
  if (!at->second) {
    const py::tuple bases = py::make_tuple(py::handle(reinterpret_cast<PyObject*>(node_type)));
    at->second = make_type(at->first.c_str(), bases.ptr());  // which keeps the name's address
  }
  return at->second;
}

PyObject* make(const void* key, const std::string& name, Entry* entry, TensorImpl* leaf) {
  if (const auto at = live().find(key); at != live().end()) return Py_NewRef(at->second);
  PyTypeObject* type = type_named(name);
  PyNode* self = PyObject_GC_New(PyNode, type);
  if (!self) throw py::error_already_set();
  self->entry = entry;
  self->leaf = leaf;
  self->notes = self->weakrefs = nullptr;
  if (entry) entry->retain();
  if (leaf) leaf->retain();
  auto* o = reinterpret_cast<PyObject*>(self);
  live().emplace(key, o);
  PyObject_GC_Track(o);
  return o;
}

// ---- hooks of nodes ------------------------------------------------------------------------

py::tuple tuple_of(std::span<const Tensor> values) {
  py::tuple out(values.size());
  for (size_t i = 0; i < values.size(); ++i)
    out[i] = py::reinterpret_steal<py::object>(wrap(values[i]));
  return out;
}

std::string name_of_hook(const py::object& hook) {
  return py::str(py::getattr(hook, "__name__", py::repr(hook)));
}

// What a hook returns takes the place of what it was given.
void replace(const py::object& hook, const py::object& result, std::span<Tensor> values) {
  if (result.is_none()) return;
  if (!PyTuple_Check(result.ptr()))
    fail(ErrorKind::kType, "expected tuple, but hook returned '", Py_TYPE(result.ptr())->tp_name,
         "'");
  const py::tuple given = result;
  check(given.size() == values.size(), "hook '", name_of_hook(hook),
        "' has returned an incorrect number of values (got ", static_cast<uint64_t>(given.size()),
        ", but expected ", static_cast<uint64_t>(values.size()), ")");
  for (size_t i = 0; i < values.size(); ++i) {
    if (given[i].is_none()) {
      values[i] = Tensor();
      continue;
    }
    const Tensor t = expect_tensor(py::object(given[i]).ptr(), "hook result");
    check(values[i].defined(), "can't replace a None gradient with a non-None value");
    check(t.shape() == values[i].shape(), "hook '", name_of_hook(hook),
          "' has changed the size of value");
    check(t.dtype() == values[i].dtype(), "hook '", name_of_hook(hook),
          "' has changed the type of value (was ", values[i].dtype(), " got ", t.dtype(), ")");
    values[i] = t;
  }
}

struct PythonNodeHook final : NodeHook {
  PythonNodeHook(int64_t number, bool first, py::object f)
      : NodeHook(number, first), function(std::move(f)) {}
  ~PythonNodeHook() override {
    const py::gil_scoped_acquire gil;
    function = py::object();
  }
  void* held() const override { return function.ptr(); }
  void call(std::span<Tensor> of_inputs, std::span<Tensor> of_outputs) override {
    const py::object f = function;
    before ? replace(f, f(tuple_of(of_outputs)), of_outputs)
           : replace(f, f(tuple_of(of_inputs), tuple_of(of_outputs)), of_inputs);
  }
  py::object function;
};

// Of the end of the graph: nothing comes out of it.
struct PythonLeafHook final : Hooks::Hook {
  PythonLeafHook(bool first, py::object f) : before(first), function(std::move(f)) {}
  ~PythonLeafHook() override {
    const py::gil_scoped_acquire gil;
    function = py::object();
  }
  void* held() const override { return function.ptr(); }
  Tensor call(const Tensor& grad) override {
    const py::object f = function;
    Tensor value = grad;
    before ? replace(f, f(tuple_of({&value, 1})), {&value, 1})
           : replace(f, f(py::tuple(), tuple_of({&value, 1})), {});
    return value;
  }
  bool before;
  py::object function;
};

PyNode* expect_node(const py::object& o) {
  if (!PyObject_TypeCheck(o.ptr(), node_type))
    fail(ErrorKind::kType, "a node of the graph expected, got ", Py_TYPE(o.ptr())->tp_name);
  return as(o.ptr());
}

int64_t add_node_hook(const py::object& node, const py::object& f, bool before) {
  PyNode* self = expect_node(node);
  const int64_t id = next_hook_id();
  if (self->entry) {
    self->entry->add_node_hook(new PythonNodeHook(id, before, f));
  } else {
    const Tensor t(self->leaf);
    using When = Hooks::When;
    hooks_of(t).items.push_back(
        {id, new PythonLeafHook(before, f), before ? When::kBeforeNode : When::kAfterNode});
    show_to_collector(t);
  }
  return id;
}

void remove_node_hook(const py::object& node, int64_t id) {
  PyNode* self = expect_node(node);
  self->entry ? self->entry->remove_node_hook(id) : remove_hook(Tensor(self->leaf), id);
}

// ---- tensors -------------------------------------------------------------------------------

PyObject* get_grad_fn(PyObject* o, void*) {
  return guarded([&]() -> PyObject* {
    const Tensor t = unwrap(o);
    if (t.is_leaf()) Py_RETURN_NONE;
    show_to_collector(t);  // the node may be given hooks and notes
    return wrap_node(entry_of(t));
  });
}
PyObject* get_grad_fn_name(PyObject* o, void*) {
  return guarded([&]() -> PyObject* {
    const Tensor t = unwrap(o);
    if (t.is_leaf()) Py_RETURN_NONE;
    return PyUnicode_FromString(node_name(*entry_of(t)).c_str());
  });
}
PyObject* get_output_nr(PyObject* o, void*) {
  return guarded([&] {
    const Tensor t = unwrap(o);
    return PyLong_FromUnsignedLong(t.is_leaf() ? 0 : t->output_index);
  });
}
PyGetSetDef tensor_getset[] = {
    {"grad_fn", get_grad_fn, nullptr, "The node of the graph that made it, or None.", nullptr},
    {"output_nr", get_output_nr, nullptr, "Which output of its grad_fn it is; 0 without one.",
     nullptr},
    {"_grad_fn_name", get_grad_fn_name, nullptr, nullptr, nullptr}};

}  // namespace

PyObject* wrap_node(Entry* e) { return make(e, node_name(*e), e, nullptr); }
PyObject* wrap_node(TensorImpl* leaf) { return make(leaf, kLeafNode, nullptr, leaf); }

Entry* entry_of_node(PyObject* o) {
  return PyObject_TypeCheck(o, node_type) ? as(o)->entry : nullptr;
}

TensorImpl* leaf_of_node(PyObject* o) {
  return PyObject_TypeCheck(o, node_type) ? as(o)->leaf : nullptr;
}

int64_t next_hook_id() {
  static int64_t next = 0;
  return next++;
}

void show_to_collector(const Tensor& t) {
  auto* o = static_cast<PyObject*>(t->python);
  if (o && !PyObject_GC_IsTracked(o)) PyObject_GC_Track(o);
}

namespace {
struct Visit {
  visitproc visit;
  void* arg;
  static int call(void* object, void* context) {
    const auto* v = static_cast<const Visit*>(context);
    return v->visit(static_cast<PyObject*>(object), v->arg);
  }
};
}  // namespace
int visit_python(Entry& e, visitproc visit, void* arg) {
  Visit v{visit, arg};
  return visit_held(e, Visit::call, &v);
}
int visit_python(TensorImpl& t, visitproc visit, void* arg) {
  Visit v{visit, arg};
  return visit_held(t, Visit::call, &v);
}

void init_nodes(py::module_& m) {
  node_type = make_type("wengert.Node", nullptr);
  m.attr("Node") = py::handle(reinterpret_cast<PyObject*>(node_type));
  m.def("_add_node_hook", &add_node_hook);
  m.def("_remove_node_hook", &remove_node_hook);
  for (PyGetSetDef& d : tensor_getset) {
    PyObject* descriptor = PyDescr_NewGetSet(tensor_type, &d);
    PyDict_SetItemString(tensor_type->tp_dict, d.name, descriptor);
    Py_DECREF(descriptor);
  }
}

}  // namespace wengert::bind
