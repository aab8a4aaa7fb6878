#include "bind/capture/objects.h"

#include <cstring>

#include "bind/capture/code.h"

namespace wengert::bind {
namespace {

bool has_prefix(const char* name, const char* prefix) {
  return std::strncmp(name, prefix, std::strlen(prefix)) == 0;
}

bool is_sequence_like(PyObject* o) {
  return PyAnySet_Check(o) || PyObject_TypeCheck(o, deque_type()) ||
         Py_TYPE(o) == &PyDictKeys_Type || Py_TYPE(o) == &PyDictValues_Type ||
         Py_TYPE(o) == &PyDictItems_Type;
}

}  // namespace

PyObject* imported(const char* module, const char* name) {
  return py::object(py::module_::import(module).attr(name)).release().ptr();
}

bool is_plain(PyObject* o) {
  return o == Py_None || o == Py_Ellipsis || PyBool_Check(o) || PyLong_CheckExact(o) ||
         PyFloat_CheckExact(o) || PyUnicode_CheckExact(o) || PyBytes_CheckExact(o) ||
         PyComplex_CheckExact(o);
}

bool is_number_of_numpy(PyObject* o) {
  static PyTypeObject* const generic =
      reinterpret_cast<PyTypeObject*>(imported("numpy", "generic"));
  return PyObject_TypeCheck(o, generic);
}

bool is_safe_key(PyObject* o) {
  if (is_plain(o) || is_tensor(o) || PyType_Check(o) || PyFunction_Check(o)) return true;
  if (!PyTuple_CheckExact(o)) return false;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(o); ++i)
    if (!is_safe_key(PyTuple_GET_ITEM(o, i))) return false;
  return true;
}

std::string module_of(PyTypeObject* type) {
  const py::object name =
      steal(PyObject_GetAttrString(reinterpret_cast<PyObject*>(type), "__module__"));
  return name && PyUnicode_Check(name.ptr()) ? std::string(py::str(name)) : std::string();
}
bool is_within(const std::string& module, const char* package) {
  return module == package || has_prefix(module.c_str(), (std::string(package) + ".").c_str());
}

bool is_watched(PyTypeObject* t) {
  if (!is_heap(t)) return false;
  static PyTypeObject* last = nullptr;
  static bool last_watched = false;
  if (t == last) return last_watched;
  const std::string module = module_of(t);
  last_watched = !is_within(module, "wengert") && !is_within(module, "numpy");
  last = t;
  return last_watched;
}

PyObject* told_by(PyTypeObject* t) {  // borrowed
  static PyObject* const name = PyUnicode_InternFromString("__capture_conditions__");
  return is_heap(t) ? _PyType_Lookup(t, name) : nullptr;
}

bool tells(PyTypeObject* t) {
  PyObject* f = told_by(t);
  return f && PyFunction_Check(f) &&
         !view_of(reinterpret_cast<PyCodeObject*>(PyFunction_GET_CODE(f))).is_own;
}
bool is_its_own_affair(PyTypeObject* t) { return told_by(t) == Py_None || tells(t); }

bool is_buffer(PyObject* o) {
  return PyObject_CheckBuffer(o) && !PyBytes_Check(o) && !is_tensor(o);
}
bool draws(PyObject* o) {
  static PyObject* const random = imported("_random", "Random");
  return PyObject_TypeCheck(o, reinterpret_cast<PyTypeObject*>(random)) ||
         is_within(module_of(Py_TYPE(o)), "numpy.random");
}

bool is_iterator_of_c(PyObject* o) {
  return PyIter_Check(o) && !is_within(module_of(Py_TYPE(o)), "_io") &&
         (!is_heap(Py_TYPE(o)) || !is_watched(Py_TYPE(o)) || PyGen_Check(o) ||
          is_within(module_of(Py_TYPE(o)), "itertools"));
}

bool is_partial(PyObject* o) {
  static PyObject* const partial = imported("functools", "partial");
  return Py_TYPE(o) == reinterpret_cast<PyTypeObject*>(partial);
}

bool gets_in_python(PyTypeObject* type) {
  for (const char* name : {"__getattr__", "__getattribute__"}) {
    const py::object text = steal(PyUnicode_InternFromString(name));
    PyObject* method = _PyType_Lookup(type, text.ptr());
    if (method && PyFunction_Check(method)) return true;
  }
  return false;
}

bool is_made_in_python(PyTypeObject* type) {
  for (const char* name : {"__init__", "__new__"}) {
    const py::object text = steal(PyUnicode_InternFromString(name));
    PyObject* method = _PyType_Lookup(type, text.ptr());
    if (method && (PyFunction_Check(method) || Py_TYPE(method) == &PyStaticMethod_Type))
      return true;
  }
  return false;
}

bool is_called_in_python(PyTypeObject* type) {
  static PyObject* const name = PyUnicode_InternFromString("__call__");
  PyObject* method = is_heap(type) ? _PyType_Lookup(type, name) : nullptr;
  return method && PyFunction_Check(method);
}

namespace {
PyObject* get_referrers() {
  static PyObject* const function = imported("gc", "get_referrers");
  return function;
}
}  // namespace

py::object referrers_of(PyObject* o) { return steal(PyObject_CallOneArg(get_referrers(), o)); }

void prepare_objects() {
  get_referrers();
  is_partial(Py_None);
  deque_type();
  draws(Py_None);
  is_number_of_numpy(Py_None);
}

PyTypeObject* deque_type() {
  static PyObject* const type = imported("collections", "deque");
  return reinterpret_cast<PyTypeObject*>(type);
}
bool holds_contents(PyObject* o) {
  return PyList_Check(o) || PyDict_Check(o) || is_sequence_like(o) ||
         Py_TYPE(o) == &PyDictProxy_Type || is_buffer(o);
}

PyObject* dict_of_type(PyTypeObject* t) {  // borrowed
#if PY_VERSION_HEX >= 0x030c0000
  PyObject* d = PyType_GetDict(t);
  Py_XDECREF(d);  // the type holds it
  return d;
#else
  return t->tp_dict;
#endif
}
py::object dict_of(PyObject* o) {
  if (PyType_Check(o) || is_tensor(o)) return {};
  PyTypeObject* t = Py_TYPE(o);
#if PY_VERSION_HEX >= 0x030b0000
  const bool has = t->tp_dictoffset != 0 || t->tp_flags & Py_TPFLAGS_MANAGED_DICT;
#else
  const bool has = t->tp_dictoffset != 0;
#endif
  py::object d = has ? steal(PyObject_GenericGetDict(o, nullptr)) : py::object();
  return d && PyDict_Check(d.ptr()) ? d : py::object();
}

py::object snapshot(PyObject* o) {
  if (PyODict_Check(o)) {  // its order is its own
    const py::object keys = steal(PySequence_Tuple(o));
    py::list values;
    for (Py_ssize_t i = 0; keys && i < PyTuple_GET_SIZE(keys.ptr()); ++i)
      if (PyObject* v = PyDict_GetItemWithError(o, PyTuple_GET_ITEM(keys.ptr(), i)))
        values.append(own(v));
    PyErr_Clear();
    return keys ? py::object(py::make_tuple(keys, py::tuple(values))) : py::object();
  }
  if (PyDict_Check(o)) {
    const py::object keys = steal(PyDict_Keys(o)), values = steal(PyDict_Values(o));
    return keys && values ? py::object(py::make_tuple(py::tuple(keys), py::tuple(values)))
                          : py::object();
  }
  if (Py_TYPE(o) == &PyDictProxy_Type) {
    const py::object items = steal(PyMapping_Items(o));
    return items ? py::object(py::tuple(items)) : py::object();
  }
  if (PyList_Check(o)) return steal(PyList_AsTuple(o));
  if (is_sequence_like(o)) return steal(PySequence_Tuple(o));
  Py_buffer view;
  if (PyObject_GetBuffer(o, &view, PyBUF_FULL_RO) < 0) {
    PyErr_Clear();
    return {};
  }
  py::object bytes = steal(PyBytes_FromStringAndSize(nullptr, view.len));
  if (bytes && PyBuffer_ToContiguous(PyBytes_AS_STRING(bytes.ptr()), &view, view.len, 'C') < 0)
    PyErr_Clear();
  std::string shape;
  for (int d = 0; view.shape && d < view.ndim; ++d) shape += text(view.shape[d], ",");
  const py::object format = view.format ? py::object(py::str(view.format)) : py::object(py::none());
  PyBuffer_Release(&view);
  return bytes
             ? py::object(py::make_tuple(bytes, py::tuple(py::make_tuple(py::str(shape))), format))
             : py::object();
}

}  // namespace wengert::bind
