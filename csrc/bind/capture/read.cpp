#include "bind/capture/read.h"

#include <algorithm>
#include <cstring>

namespace wengert::bind {
namespace {

// The same without a copy, for those that are looked at most.
bool same_contents(PyObject* o, PyObject* before) {
  if (PyList_Check(o)) {
    if (PyList_GET_SIZE(o) != PyTuple_GET_SIZE(before)) return false;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(o); ++i)
      if (!same_value(PyList_GET_ITEM(o, i), PyTuple_GET_ITEM(before, i))) return false;
    return true;
  }
  if (PyDict_Check(o) && !PyODict_Check(o)) {
    PyObject *keys = PyTuple_GET_ITEM(before, 0), *values = PyTuple_GET_ITEM(before, 1);
    if (PyDict_GET_SIZE(o) != PyTuple_GET_SIZE(keys)) return false;
    PyObject *key, *value;
    Py_ssize_t at = 0;
    for (Py_ssize_t i = 0; PyDict_Next(o, &at, &key, &value); ++i)
      if (!same_value(key, PyTuple_GET_ITEM(keys, i)) ||
          !same_value(value, PyTuple_GET_ITEM(values, i)))
        return false;
    return true;
  }
  const py::object now = snapshot(o);
  return now && same_value(now.ptr(), before);
}

py::object code_of(PyObject* f) {
  const auto or_none = [](PyObject* o) { return o ? own(o) : py::object(py::none()); };
  return py::make_tuple(own(PyFunction_GET_CODE(f)), or_none(PyFunction_GET_DEFAULTS(f)),
                        or_none(PyFunction_GET_KW_DEFAULTS(f)));
}
bool same_code(PyObject* f, PyObject* before) {
  const auto same_or_none = [](PyObject* now, PyObject* was) {
    return now ? now == was : was == Py_None;
  };
  return PyFunction_GET_CODE(f) == PyTuple_GET_ITEM(before, 0) &&
         same_or_none(PyFunction_GET_DEFAULTS(f), PyTuple_GET_ITEM(before, 1)) &&
         same_or_none(PyFunction_GET_KW_DEFAULTS(f), PyTuple_GET_ITEM(before, 2));
}

// The value without a reference of its own, if it can be had so.
PyObject* borrowed(const Read& r, bool& known) {
  known = true;
  PyObject *where = r.where.ptr(), *key = r.key.ptr();
  switch (r.of) {
    case Read::Of::kKey: {
      PyObject* value = PyDict_GetItemWithError(where, key);
      if (!value) PyErr_Clear();
      return value;
    }
    case Read::Of::kTypeAttr:
      return _PyType_Lookup(reinterpret_cast<PyTypeObject*>(where), key);
    case Read::Of::kCell:
      return PyCell_GET(where);
    case Read::Of::kType:
      return reinterpret_cast<PyObject*>(Py_TYPE(where));
    case Read::Of::kItem: {
      const Py_ssize_t i = PyLong_AsSsize_t(key);
      return i < PyList_GET_SIZE(where) ? PyList_GET_ITEM(where, i) : nullptr;
    }
    default:
      known = false;
      return nullptr;
  }
}

}  // namespace

bool holds(const Read& r) {
  bool known;
  PyObject* now = borrowed(r, known);
  if (known) return now ? r.value && same_value(now, r.value.ptr()) : !r.value;
  if (r.of == Read::Of::kContents) return same_contents(r.where.ptr(), r.value.ptr());
  if (r.of == Read::Of::kCode) return same_code(r.where.ptr(), r.value.ptr());
  if (r.of == Read::Of::kLength)
    return PyObject_Size(r.where.ptr()) == PyLong_AsSsize_t(r.value.ptr());
  const py::object value = look_up(r);
  return value ? r.value && same_value(value.ptr(), r.value.ptr()) : !r.value;
}

bool same_value(PyObject* a, PyObject* b) {
  if (a == b) return true;
  if (Py_TYPE(a) != Py_TYPE(b)) return false;
  if (PyFloat_CheckExact(a)) {
    const double x = PyFloat_AS_DOUBLE(a), y = PyFloat_AS_DOUBLE(b);
    return std::memcmp(&x, &y, sizeof x) == 0;
  }
  if (PyComplex_CheckExact(a)) {
    const Py_complex x = PyComplex_AsCComplex(a), y = PyComplex_AsCComplex(b);
    return std::memcmp(&x, &y, sizeof x) == 0;
  }
  if (PyLong_CheckExact(a) || PyUnicode_CheckExact(a) || PyBytes_CheckExact(a))
    return PyObject_RichCompareBool(a, b, Py_EQ) == 1;
  if (PyTuple_CheckExact(a)) {
    if (PyTuple_GET_SIZE(a) != PyTuple_GET_SIZE(b)) return false;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(a); ++i)
      if (!same_value(PyTuple_GET_ITEM(a, i), PyTuple_GET_ITEM(b, i))) return false;
    return true;
  }
  if (!is_number_of_numpy(a)) return false;
  const py::object x = snapshot(a), y = snapshot(b);
  return x && y && same_value(x.ptr(), y.ptr());
}

py::object look_up(const Read& r) {
  bool known;
  if (PyObject* value = borrowed(r, known); known) return value ? own(value) : py::object();
  PyObject* where = r.where.ptr();
  switch (r.of) {
    case Read::Of::kMember:
      return steal(
          Py_TYPE(r.key.ptr())
              ->tp_descr_get(r.key.ptr(), where, reinterpret_cast<PyObject*>(Py_TYPE(where))));
    case Read::Of::kLength:
      return steal(PyLong_FromSsize_t(PyObject_Size(where)));
    case Read::Of::kCode:
      return code_of(where);
    case Read::Of::kGot:
      return steal(PyObject_GetAttr(where, r.key.ptr()));
    case Read::Of::kContext: {
      PyObject* value = nullptr;
      return PyContextVar_Get(where, nullptr, &value) < 0 ? steal(nullptr) : steal(value);
    }
    default:
      return snapshot(where);
  }
}

bool ReadsGuard::holds() { return std::all_of(reads.begin(), reads.end(), bind::holds); }

}  // namespace wengert::bind
