// What the binding files share: the Python types of ours and conversions to and from them.
#pragma once

#include <pybind11/pybind11.h>

#include "wengert/ops/basic.h"

namespace wengert::bind {

namespace py = pybind11;

// ---- Tensor objects ------------------------------------------------------------------------

struct PyTensor {
  PyObject_HEAD TensorImpl* impl;  // owned
  PyObject* dict;
  PyObject* weakrefs;
};

extern PyTypeObject* tensor_type;
void init_tensor_type(py::module_& m);

inline bool is_tensor(PyObject* o) {
  return Py_TYPE(o) == tensor_type || PyObject_TypeCheck(o, tensor_type);
}
inline Tensor unwrap(PyObject* o) { return Tensor(reinterpret_cast<PyTensor*>(o)->impl); }
// The Python object of a tensor: always the same one while it lives. None if undefined.
PyObject* wrap(const Tensor& t);
PyObject* wrap_as(PyTypeObject* type, const Tensor& t);
// Throws TypeError naming `what` unless o is a Tensor.
Tensor expect_tensor(PyObject* o, const char* what);

// ---- lists of tensors ------------------------------------------------------------------------

enum class Nones : uint8_t { kRefused, kAllowed };

[[noreturn]] void refuse_element(PyObject* o, Py_ssize_t i, std::string_view what);
[[noreturn]] void refuse_list(PyObject* o, std::string_view what);

// Element i of the argument `what`; undefined for None, where that is allowed.
inline Tensor read_element(PyObject* o, Py_ssize_t i, std::string_view what, Nones nones) {
  if (is_tensor(o)) [[likely]]
    return unwrap(o);
  if (o != Py_None || nones == Nones::kRefused) refuse_element(o, i, what);
  return Tensor();
}

// f(tensor) for each element of a list, a tuple, or whatever else Python iterates over. All lists
// of tensors that come from Python are read here: TypeError naming `what` and the element.
template <class F>
void each_tensor(PyObject* o, std::string_view what, Nones nones, const F& f) {
  if (PyList_Check(o) || PyTuple_Check(o)) {
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(o); ++i)
      f(read_element(PySequence_Fast_GET_ITEM(o, i), i, what, nones));
    return;
  }
  const py::object items = py::reinterpret_steal<py::object>(PyObject_GetIter(o));
  if (!items) refuse_list(o, what);
  Py_ssize_t i = 0;
  while (PyObject* item = PyIter_Next(items.ptr()))
    f(read_element(py::reinterpret_steal<py::object>(item).ptr(), i++, what, nones));
  if (PyErr_Occurred()) throw py::error_already_set();
}
std::vector<Tensor> read_tensors(PyObject* o, std::string_view what, Nones nones = Nones::kRefused);

// ---- dtypes, sizes, devices ----------------------------------------------------------------

void init_types(py::module_& m);
PyObject* wrap_dtype(Dtype d);  // new reference
bool read_dtype(PyObject* o, Dtype& out);
PyObject* wrap_size(Ints shape);
// Accepts "cpu", a device of type cpu, None; anything else is a RuntimeError.
void check_device(PyObject* o);
bool read_generator(PyObject* o, Generator*& out);
void keep_for_capture(PyObject* o);  // capture/conditions.cpp: as long as the program that uses it
void init_generator(py::module_& m);
// Of a class of pybind11's: pickling as `object` has it would take the process down.
void refuse_pickling(const py::object& cls);

// How the dimensions of an image lie in memory.
enum class MemoryFormat : uint8_t { kContiguous, kPreserve, kChannelsLast, kChannelsLast3d };
MemoryFormat read_memory_format(PyObject* o);  // TypeError if it is none
bool lies_in(const Tensor& x, MemoryFormat format);
// The same values in that format: x itself, or a copy.
Tensor laid_out(const Tensor& x, MemoryFormat format);

// ---- numbers -------------------------------------------------------------------------------

// False, with no Python error set, if o is not a number of that kind.
bool read_int(PyObject* o, int64_t& out);
bool read_float(PyObject* o, double& out);
bool read_scalar(PyObject* o, Scalar& out);
// The same beside a tensor, or what may be one: an integer beyond 64 bits is a float where that
// one is floating.
bool read_scalar_beside(PyObject* o, const TensorImpl* tensor, Scalar& out);
PyObject* wrap_scalar(const Scalar& s);

// ---- errors --------------------------------------------------------------------------------

extern PyObject* out_of_memory_error;
extern PyObject* capture_error;
// Sets the Python exception for the C++ exception in flight.
void set_python_error();

// Runs body and turns C++ exceptions into Python ones.
template <class F>
PyObject* guarded(F&& body) {
  try {
    return body();
  } catch (...) {
    set_python_error();
    return nullptr;
  }
}

// The __new__ of classes whose objects are made here alone: one of pybind11's would be without a
// value.
py::object refuse_new(const py::handle& cls, const py::args&, const py::kwargs&);

// A function of a module that reads its arguments by hand, which a call through pybind11's
// conversions costs several times of.
inline PyMethodDef fast(const char* name, PyObject* (*f)(PyObject*, PyObject* const*, Py_ssize_t),
                        const char* doc) {
  return {name, reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(f)), METH_FASTCALL, doc};
}

// ---- rooms of the binding ------------------------------------------------------------------

void init_ops(py::module_& m);                                 // call/op_object.cpp
void init_ask(py::module_& m);                                 // call/ask.cpp
void init_gil(py::module_& m);                                 // gil.cpp
void init_construct(py::module_& m);                           // construct.cpp
void init_numpy(py::module_& m);                               // numpy.cpp
void init_autograd(py::module_& m);                            // autograd.cpp
void init_nodes(py::module_& m);                               // node.cpp
void init_optim(py::module_& m);                               // optim.cpp
void init_capture(py::module_& m);                             // capture/capture.cpp
void init_program_file(py::module_& m);                        // capture/program_file.cpp
void init_warnings(py::module_& m);                            // warnings.cpp
PyObject* get_item(PyObject* self, PyObject* key);             // index.cpp
int set_item(PyObject* self, PyObject* key, PyObject* value);  // index.cpp
void init_index(py::module_& m);                               // index.cpp
// Calls the method or function of that op as Python would; for number slots.
PyObject* call_op(const Op& op, PyObject* a, PyObject* b);
PyObject* call_op_inplace(const Op& op, PyObject* a, PyObject* b);
Tensor tensor_from_object(PyObject* o, std::optional<Dtype> dtype);  // construct.cpp
bool is_array(PyObject* o);                                          // numpy.cpp
// A copy, of the array's dtype or one that holds all its values; undefined if there is none.
Tensor operand_from_array(PyObject* array);  // numpy.cpp
PyObject* to_list(const Tensor& t);          // construct.cpp

}  // namespace wengert::bind
