// Tensors whose shape is still to be found, of which no function takes one; see nn/parameter.py.
#pragma once

#include "bind/python.h"

namespace wengert::bind {

// Python's class of them, once it has told.
extern PyTypeObject* uninitialized_type;
void init_uninitialized(py::module_& m);
[[noreturn]] void refuse_uninitialized(std::string_view function, std::string_view type);

// The tensor o as the argument of a function.
inline Tensor unwrap_argument(PyObject* o) {
  PyTypeObject* type = Py_TYPE(o);
  if (type != tensor_type && uninitialized_type && PyType_IsSubtype(type, uninitialized_type))
      [[unlikely]]
    refuse_uninitialized("a function", type->tp_name);
  return unwrap(o);
}

}  // namespace wengert::bind
