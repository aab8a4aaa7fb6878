// What functions of C, and this package's, read of what they are called with.
#include <algorithm>
#include <cstring>

#include "bind/capture/reads.h"

namespace wengert::bind {
namespace {

constexpr Py_ssize_t kLargest = 100000;

// Modules whose functions and types of C give what follows from their arguments.
constexpr const char* kPure[] = {
    "builtins",     "math",    "cmath",      "operator",     "_operator",   "itertools",
    "functools",    "numpy",   "_functools", "_collections", "collections", "_struct",
    "_bisect",      "_heapq",  "wengert",    "_json",        "_sre",        "re",
    "types",        "weakref", "_weakref",   "typing",       "_abc",        "decimal",
    "_decimal",     "enum",    "array",      "fractions",    "copyreg",     "contextvars",
    "_contextvars", "abc",     "string",     "_string",      "dataclasses"};

constexpr const char* kForeignNumbers =
    "it draws numbers that are not this package's, which a replay would not";

}  // namespace

// The contents of containers, of what they hold as well unless `depth` says that it is enough.
void Reads::contents(PyObject* o, int depth) {
  if (!o || is_plain(o) || is_tensor(o) || PyType_Check(o) || depth >= kDeepest) return;
  if (PyTuple_Check(o)) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(o); ++i)
      contents(PyTuple_GET_ITEM(o, i), depth + 1);
    return;
  }
  if (is_iterator_of_c(o)) return next_of(o);
  if (!holds_contents(o)) return;
  if (PyObject_HasAttrString(o, "__len__") && PyObject_Size(o) > kLargest && !is_buffer(o))
    return refuse("it reads a container of more than 100000 items");
  PyErr_Clear();
  const bool own_one = is_made_here(o) || is_number_of_numpy(o);
  if (!own_one) touch(Read::Of::kContents, o, nullptr);
  if (depth + 1 >= kDeepest || is_buffer(o)) return;
  const py::object items = snapshot(o);
  if (items) contents(items.ptr(), depth);
}

// What a function of C may read of a user's object.
void Reads::state_of(PyObject* o, int depth) {
  if (!o || is_tensor(o) || is_plain(o) || PyType_Check(o) || PyModule_Check(o) ||
      is_made_here(o) || !is_watched(Py_TYPE(o)) || depth >= kDeepest)
    return;
  if (const py::object d = attributes_of(o)) {
    contents(d.ptr(), depth + 1);
    PyObject *k, *value;
    for (Py_ssize_t at = 0; PyDict_Next(d.ptr(), &at, &k, &value);) state_of(value, depth + 1);
  }
  PyObject* mro = Py_TYPE(o)->tp_mro;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(mro); ++i) {
    PyObject *k, *member,
        *dict = dict_of_type(reinterpret_cast<PyTypeObject*>(PyTuple_GET_ITEM(mro, i)));
    for (Py_ssize_t at = 0; dict && PyDict_Next(dict, &at, &k, &member);)
      if (Py_TYPE(member) == &PyMemberDescr_Type) touch(Read::Of::kMember, o, member);
  }
}

void Reads::callable(PyObject* f) { call_with(f, nullptr, 0); }

void Reads::arguments(PyObject* o) {
  if (PyList_Check(o) || PyTuple_Check(o)) {
    made_here_.insert(o);
    for (const py::handle& item : py::reinterpret_borrow<py::sequence>(o)) arguments(item.ptr());
  } else if (PyDict_Check(o)) {
    made_here_.insert(o);
    PyObject *key, *value;
    for (Py_ssize_t at = 0; PyDict_Next(o, &at, &key, &value);) arguments(value);
  }
}

void Reads::call(const FrameView& f, const Instruction& i) {
  const int n = i.arg;
  std::vector<PyObject*> args;
  PyObject *callable = nullptr, *self = nullptr;
  if (i.act == Act::kCallSpread) {
    PyObject* keywords = n ? f.peek(i.depth, 1) : nullptr;
    PyObject* positional = f.peek(i.depth, 1 + n);
    callable = f.peek(i.depth, 2 + n);
    if (positional && PyTuple_Check(positional))
      for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(positional); ++k)
        args.push_back(PyTuple_GET_ITEM(positional, k));
    PyObject *key, *value;
    Py_ssize_t at = 0;
    while (keywords && PyDict_Check(keywords) && PyDict_Next(keywords, &at, &key, &value))
      args.push_back(value);
  } else {
    const int skip = i.act == Act::kCallKeywords ? 1 : 0;
    for (int k = n; k > 0; --k) args.push_back(f.peek(i.depth, k + skip));
    PyObject *near = f.peek(i.depth, n + skip + 1), *far = f.peek(i.depth, n + skip + 2);
#if PY_VERSION_HEX >= 0x030d0000
    callable = far;
    self = near;
#elif PY_VERSION_HEX >= 0x030b0000
    callable = far ? far : near;
    self = far ? near : nullptr;
#else
    const bool method = i.act == Act::kCallMethod;
    callable = method && far ? far : near;
    self = method && far ? near : nullptr;
#endif
  }
  if (!callable) return;
  if (self) args.insert(args.begin(), self);
  call_with(callable, args.data(), static_cast<Py_ssize_t>(args.size()));
}

void Reads::may_be_opaque(const char* name, const std::string& module) {
  if (!opaque_.empty()) return;
  for (const char* pure : kPure)
    if (is_within(module, pure)) return;
  const Read here{Read::Of::kKey, {}, {}, {}, own(reinterpret_cast<PyObject*>(code_)), position_};
  opaque_ = text(module, module.empty() ? "" : ".", name, place(here));
}

// Whether it is a method of a generator that the function has not made itself.
bool Reads::drawing(PyObject* callable, PyObject* const* args, Py_ssize_t count) const {
  if (PyFunction_Check(callable) || PyType_Check(callable)) return false;
  if (count > 0 && args[0] && draws(args[0]) && !is_made_here(args[0])) return true;
  if (is_tensor(callable) || Py_TYPE(callable) == &PyMethodDescr_Type) return false;
  const py::object self = steal(PyObject_GetAttrString(callable, "__self__"));
  return self && draws(self.ptr()) && !is_made_here(self.ptr());
}

void Reads::call_with(PyObject* callable, PyObject* const* args, Py_ssize_t count) {
  if (is_heap(Py_TYPE(callable))) special(callable, {"__call__"});
  if (drawing(callable, args, count)) return refuse(kForeignNumbers);
  if (PyWeakref_Check(callable) && !is_made_here(callable))
    return refuse("it asks a weak reference, whose object a program would keep");
  if (PyMethod_Check(callable)) callable = PyMethod_GET_FUNCTION(callable);
  if (is_partial(callable)) {
    for (const char* part : {"args", "keywords"})
      contents(steal(PyObject_GetAttrString(callable, part)).ptr());
    const py::object inner = steal(PyObject_GetAttrString(callable, "func"));
    return inner ? call_with(inner.ptr(), args, count) : void();
  }
  const bool python = PyFunction_Check(callable);
  if (python) {
    auto* code = reinterpret_cast<PyCodeObject*>(PyFunction_GET_CODE(callable));
    if (!view_of(code).is_own) {
      if (!kFramesKnowFunctions) {
        function(callable);
        functions_[code] = callable;
      }
      return;
    }
  }
  if (PyType_Check(callable) && is_watched(reinterpret_cast<PyTypeObject*>(callable))) {
    made_of_ = reinterpret_cast<PyTypeObject*>(callable);
    if (is_made_in_python(made_of_)) return;
  }
  if (PyCFunction_Check(callable))
    return call_builtin(reinterpret_cast<PyCFunctionObject*>(callable)->m_ml->ml_name,
                        PyCFunction_GET_SELF(callable), args, count);
  if (Py_TYPE(callable) == &PyMethodDescr_Type && count > 0)
    return call_builtin(reinterpret_cast<PyMethodDescrObject*>(callable)->d_method->ml_name,
                        args[0], args + 1, count - 1);
  const std::string module = module_of(Py_TYPE(callable));
  const bool ours = python || is_within(module, "wengert");
  if (!ours && is_called_in_python(Py_TYPE(callable))) return;
  if (ours && !python) {
    const py::object name = steal(PyObject_GetAttrString(callable, "__name__"));
    if (name && PyUnicode_Check(name.ptr()) &&
        (PyUnicode_CompareWithASCIIString(name.ptr(), "from_numpy") == 0 ||
         PyUnicode_CompareWithASCIIString(name.ptr(), "as_tensor") == 0))
      return;  // the array's memory is used where it lies
  }
  for (Py_ssize_t k = 0; k < count; ++k) {
    contents(args[k]);
    if (!ours && args[k]) state_of(args[k], 0);
  }
}

void Reads::call_builtin(const char* name, PyObject* self, PyObject* const* args,
                         Py_ssize_t count) {
  const auto is = [&](const char* other) { return std::strcmp(name, other) == 0; };
  if (self && PyModule_Check(self)) {
    const char* module = PyModule_GetName(self);
    if (!module) PyErr_Clear();
    if (module && std::strcmp(module, "builtins") == 0) {
      if (count >= 2 && (is("getattr") || is("hasattr") || is("setattr") || is("delattr")) &&
          PyUnicode_CheckExact(args[1]))
        return attribute(args[0], args[1]);
      if (count == 1 && is("len")) return length(args[0]);
      if (count >= 1 && is("next")) return next_of(args[0]);
      if (is("vars") && count == 1 && !is_made_here(args[0])) attributes_of(args[0]);
      if (is("isinstance") || is("issubclass") || is("id") || is("callable") || is("vars") ||
          is("globals") || is("locals"))
        return;
    }
    if (is("urandom") || is("getrandom") || is("generate_time_safe"))
      return refuse(kForeignNumbers);
    may_be_opaque(name, module ? module : "");
  } else if (self && is_within(module_of(Py_TYPE(self)), "pybind11_builtins")) {
    // a function of an extension's; it has no state of its own
  } else if (self && !is_tensor(self)) {
    const std::string type = module_of(Py_TYPE(self));
    if (PyContextVar_CheckExact(self) && is("get")) {
      if (count > 0) contents(args[0]);
      return touch(Read::Of::kContext, self, nullptr);
    }
    if (is("__next__")) return next_of(self);
    if (PyType_Check(self)) {
      may_be_opaque(name, module_of(reinterpret_cast<PyTypeObject*>(self)));
    } else if (!is_made_here(self)) {
      may_be_opaque(name, type);
    }
    if (PyDict_Check(self) && count >= 1 &&
        (is("get") || is("setdefault") || is("pop") || is("__getitem__") || is("__contains__")))
      return key(self, args[0]);
    writing_ = is("append");
    contents(self, writing_ ? kDeepest - 1 : 0);
    writing_ = false;
    state_of(self, 0);
  }
  for (Py_ssize_t k = 0; k < count; ++k) {
    if (!args[k]) continue;
    contents(args[k]);
    if (!is_tensor(args[k])) state_of(args[k], 0);
  }
}

}  // namespace wengert::bind
