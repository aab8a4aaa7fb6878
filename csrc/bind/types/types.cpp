// dtype, Size, Generator; numbers and errors.
#include <cmath>
#include <string_view>

#include "bind/python.h"
#include "wengert/base/assertion.h"
#include "wengert/base/linalg_error.h"
#include "wengert/base/parallel.h"
#include "wengert/ops/random/random.h"

namespace wengert::bind {
namespace {

// ---- dtype ---------------------------------------------------------------------------------

struct PyDtype {
  PyObject_HEAD Dtype dtype;
};
PyTypeObject* dtype_type;
PyObject* dtype_objects[kNumDtypes];
PyTypeObject* size_type;
PyTypeObject* generator_type;

Dtype dtype_at(PyObject* self) { return reinterpret_cast<PyDtype*>(self)->dtype; }

PyObject* dtype_repr(PyObject* self) {
  return PyUnicode_FromFormat("wengert.%s", name(dtype_at(self)));
}
PyObject* dtype_reduce(PyObject* self, PyObject*) {
  return PyUnicode_FromString(name(dtype_at(self)));
}
PyObject* dtype_is_floating(PyObject* self, void*) {
  return PyBool_FromLong(is_floating(dtype_at(self)));
}
PyObject* dtype_is_complex(PyObject*, void*) { Py_RETURN_FALSE; }
PyObject* dtype_is_signed(PyObject* self, void*) {
  return PyBool_FromLong(dtype_at(self) > Dtype::kUInt8);
}
PyObject* dtype_itemsize(PyObject* self, void*) {
  return PyLong_FromLongLong(item_size(dtype_at(self)));
}

PyMethodDef dtype_methods[] = {{"__reduce__", dtype_reduce, METH_NOARGS, nullptr}, {}};
PyGetSetDef dtype_getset[] = {
    {"is_floating_point", dtype_is_floating, nullptr, "Whether it holds fractions.", nullptr},
    {"is_complex", dtype_is_complex, nullptr, "False: there are no complex dtypes.", nullptr},
    {"is_signed", dtype_is_signed, nullptr, "Whether it holds negative numbers.", nullptr},
    {"itemsize", dtype_itemsize, nullptr, "Bytes per element.", nullptr},
    {}};

PyTypeObject* new_type(const char* name, int size, unsigned flags, PyType_Slot* slots,
                       PyObject* base = nullptr) {
  PyType_Spec spec{name, size, 0, flags, slots};
  PyObject* type = base ? PyType_FromSpecWithBases(&spec, base) : PyType_FromSpec(&spec);
  if (!type) throw py::error_already_set();
  return reinterpret_cast<PyTypeObject*>(type);
}

void init_dtypes(py::module_& m) {
  PyType_Slot slots[] = {{Py_tp_repr, reinterpret_cast<void*>(dtype_repr)},
                         {Py_tp_methods, dtype_methods},
                         {Py_tp_getset, dtype_getset},
                         {Py_tp_doc, const_cast<char*>("The type of a tensor's elements.")},
                         {0, nullptr}};
  dtype_type = new_type("wengert.dtype", sizeof(PyDtype),
                        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots);
  m.attr("dtype") = py::handle(reinterpret_cast<PyObject*>(dtype_type));
  for (int i = 0; i < kNumDtypes; ++i) {
    auto* o = PyObject_New(PyDtype, dtype_type);
    o->dtype = static_cast<Dtype>(i);
    dtype_objects[i] = reinterpret_cast<PyObject*>(o);
    m.attr(kDtypeName[i]) = py::handle(dtype_objects[i]);
  }
}

// ---- Size ----------------------------------------------------------------------------------

PyObject* size_repr(PyObject* self) {
  std::string out = "wengert.Size([";
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(self); ++i) {
    const py::str item = py::repr(PyTuple_GET_ITEM(self, i));
    out += (i ? ", " : "") + std::string(item);
  }
  return PyUnicode_FromString((out + "])").c_str());
}
PyObject* as_size(PyObject* tuple) {
  if (!tuple || !PyTuple_Check(tuple)) return tuple;
  PyObject* result = PyObject_CallOneArg(reinterpret_cast<PyObject*>(size_type), tuple);
  Py_DECREF(tuple);
  return result;
}
PyObject* size_numel(PyObject* self, PyObject*) {
  return guarded([&] {
    int64_t n = 1;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(self); ++i) {
      const int64_t size = PyLong_AsLongLong(PyTuple_GET_ITEM(self, i));
      if (size == -1 && PyErr_Occurred()) throw py::error_already_set();
      check(!__builtin_mul_overflow(n, size, &n),
            "numel: the number of elements overflows 64 bits");
    }
    return PyLong_FromLongLong(n);
  });
}
PyObject* size_item(PyObject* self, PyObject* key) {
  return as_size(PyTuple_Type.tp_as_mapping->mp_subscript(self, key));
}
PyObject* size_concat(PyObject* a, PyObject* b) {
  return as_size(PyTuple_Type.tp_as_sequence->sq_concat(a, b));
}
PyObject* size_reduce(PyObject* self, PyObject*) {
  PyObject* list = PySequence_List(self);
  return list ? Py_BuildValue("(O(N))", size_type, list) : nullptr;
}
// Of any iterable of integers, or what stands for one: a tensor of one element, NumPy's.
PyObject* new_size(PyTypeObject* type, PyObject* args, PyObject* names) {
  PyObject* tuple = PyTuple_Type.tp_new(type, args, names);
  if (!tuple) return nullptr;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); ++i) {
    PyObject* item = PyTuple_GET_ITEM(tuple, i);
    if (PyLong_CheckExact(item)) continue;
    PyObject* number = PyIndex_Check(item) ? PyNumber_Index(item) : nullptr;
    if (!number) {
      if (!PyErr_Occurred() || PyErr_ExceptionMatches(PyExc_TypeError))
        PyErr_Format(PyExc_TypeError,
                     "wengert.Size() takes an iterable of 'int' (item %zd is '%s')", i,
                     Py_TYPE(item)->tp_name);
      Py_DECREF(tuple);
      return nullptr;
    }
    PyTuple_SET_ITEM(tuple, i, number);
    Py_DECREF(item);
  }
  return tuple;
}
PyMethodDef size_methods[] = {
    {"numel", size_numel, METH_NOARGS, "The number of elements of a tensor of this size."},
    {"__reduce__", size_reduce, METH_NOARGS, nullptr},
    {}};

void init_size(py::module_& m) {
  PyType_Slot slots[] = {{Py_tp_repr, reinterpret_cast<void*>(size_repr)},
                         {Py_tp_methods, size_methods},
                         {Py_tp_new, reinterpret_cast<void*>(new_size)},
                         {Py_mp_subscript, reinterpret_cast<void*>(size_item)},
                         {Py_sq_concat, reinterpret_cast<void*>(size_concat)},
                         {Py_tp_doc, const_cast<char*>("The sizes of a tensor: a tuple of ints.")},
                         {0, nullptr}};
  const py::tuple bases = py::make_tuple(py::handle(reinterpret_cast<PyObject*>(&PyTuple_Type)));
  size_type = new_type("wengert.Size", 0, Py_TPFLAGS_DEFAULT, slots, bases.ptr());
  m.attr("Size") = py::handle(reinterpret_cast<PyObject*>(size_type));
}

}  // namespace

PyObject* wrap_dtype(Dtype d) { return Py_NewRef(dtype_objects[index(d)]); }

bool read_dtype(PyObject* o, Dtype& out) {
  if (Py_TYPE(o) == dtype_type) {
    out = dtype_at(o);
  } else if (o == reinterpret_cast<PyObject*>(&PyFloat_Type)) {
    out = default_dtype();
  } else if (o == reinterpret_cast<PyObject*>(&PyLong_Type)) {
    out = Dtype::kInt64;
  } else if (o == reinterpret_cast<PyObject*>(&PyBool_Type)) {
    out = Dtype::kBool;
  } else {
    return false;
  }
  return true;
}

PyObject* wrap_size(Ints shape) {
  const auto n = static_cast<Py_ssize_t>(shape.size());
  PyObject* t = size_type->tp_alloc(size_type, n);
  if (!t) return nullptr;
  for (Py_ssize_t i = 0; i < n; ++i) PyTuple_SET_ITEM(t, i, PyLong_FromLongLong(shape[i]));
  return t;
}

void check_device(PyObject* o) {
  if (o == Py_None) return;
  const std::string s = py::str(py::handle(o));
  if (s == "cpu" || s == "cpu:0") return;
  if (!PyUnicode_Check(o) && py::hasattr(o, "type") &&
      std::string(py::str(py::handle(o).attr("type"))) == "cpu")
    return;
  fail(ErrorKind::kRuntime, "wengert computes on the CPU only: expected device 'cpu', got '", s,
       "'");
}

// ---- numbers -------------------------------------------------------------------------------

bool read_int(PyObject* o, int64_t& out) {
  if (PyLong_Check(o)) {
    out = PyLong_AsLongLong(o);
  } else if (is_tensor(o)) {
    const Tensor t = unwrap(o);
    if (t.numel() != 1 || is_floating(t.dtype())) return false;
    out = t.item().integer();
    return true;
  } else if (PyIndex_Check(o)) {
    const py::object i = py::reinterpret_steal<py::object>(PyNumber_Index(o));
    if (!i) throw py::error_already_set();
    out = PyLong_AsLongLong(i.ptr());
  } else {
    return false;
  }
  if (out == -1 && PyErr_Occurred()) {
    PyErr_Clear();
    fail(ErrorKind::kValue, "Overflow when unpacking long long: an integer does not fit 64 bits");
  }
  return true;
}

bool read_float(PyObject* o, double& out) {
  if (PyFloat_Check(o)) {
    out = PyFloat_AS_DOUBLE(o);
    return true;
  }
  if (is_tensor(o)) {
    const Tensor t = unwrap(o);
    if (t.numel() != 1) return false;
    out = t.item().real();
    return true;
  }
  if (PyUnicode_Check(o) || (!PyLong_Check(o) && !PyNumber_Check(o))) return false;
  out = PyFloat_AsDouble(o);
  if (out == -1 && PyErr_Occurred()) {
    PyErr_Clear();
    return false;
  }
  return true;
}

// Python's and NumPy's: their real part alone would be another number.
static bool is_complex(PyObject* o) {
  return PyComplex_Check(o) || std::string_view(Py_TYPE(o)->tp_name).starts_with("numpy.complex") ||
         std::string_view(Py_TYPE(o)->tp_name).starts_with("numpy.clongdouble");
}

bool read_scalar(PyObject* o, Scalar& out) {
  if (PyFloat_Check(o)) {
    out = Scalar(PyFloat_AS_DOUBLE(o));
    return true;
  }
  if (PyBool_Check(o)) {
    out = Scalar(o == Py_True);
    return true;
  }
  int64_t i;
  if (PyLong_Check(o)) {
    int overflow;
    i = PyLong_AsLongLongAndOverflow(o, &overflow);
    if (overflow != 0) {
      PyErr_SetString(PyExc_OverflowError, "int too big to convert: it does not fit 64 bits");
      throw py::error_already_set();
    }
    out = Scalar(i);
    return true;
  }
  // NumPy's numbers, and 0-d tensors where a number is wanted. Arrays are not numbers.
  if (is_tensor(o)) {
    const Tensor t = unwrap(o);
    if (t.numel() != 1) return false;
    out = t.item();
    return true;
  }
  if (PySequence_Check(o) || PyUnicode_Check(o) || !PyNumber_Check(o) || is_complex(o))
    return false;
  if (PyIndex_Check(o)) {
    if (!read_int(o, i)) return false;
    out = Scalar(i);
    return true;
  }
  double d;
  if (py::hasattr(o, "dtype") && std::string(py::str(py::handle(o).attr("dtype"))) == "bool") {
    const int on = PyObject_IsTrue(o);
    if (on < 0) throw py::error_already_set();
    out = Scalar(on == 1);
    return true;
  }
  if (!read_float(o, d)) return false;
  out = Scalar(d);
  return true;
}

bool read_scalar_beside(PyObject* o, const TensorImpl* tensor, Scalar& out) {
  if (!PyLong_CheckExact(o)) return read_scalar(o, out);
  int overflow;
  const int64_t i = PyLong_AsLongLongAndOverflow(o, &overflow);
  if (overflow == 0) [[likely]] {
    out = Scalar(i);
    return true;
  }
  if (!tensor || !is_floating(tensor->dtype)) return read_scalar(o, out);
  const double d = PyLong_AsDouble(o);
  if (d == -1 && PyErr_Occurred()) throw py::error_already_set();
  out = Scalar(d);
  return true;
}

PyObject* wrap_scalar(const Scalar& s) {
  if (s.is_float()) return PyFloat_FromDouble(s.real());
  if (s.kind() == Scalar::Kind::kBool) return PyBool_FromLong(s.integer());
  return PyLong_FromLongLong(s.integer());
}

// ---- Generator -----------------------------------------------------------------------------

bool read_generator(PyObject* o, Generator*& out) {
  if (!PyObject_TypeCheck(o, generator_type)) return false;
  out = &py::cast<Generator&>(py::handle(o));
  if (watch()) keep_for_capture(o);
  return true;
}

namespace {

Tensor state_of(const Generator& g) {
  const std::vector<uint8_t> bytes = g.get_state();
  Tensor t = Tensor::empty({static_cast<int64_t>(bytes.size())}, Dtype::kUInt8);
  std::copy(bytes.begin(), bytes.end(), t.data_as<uint8_t>());
  return t;
}

void set_state(Generator& g, const py::object& state) {
  value_leaves("set_state()");
  const Tensor t = contiguous(expect_tensor(state.ptr(), "new_state"));
  check(t.dtype() == Dtype::kUInt8, ErrorKind::kType, "RNG state must be a wengert.uint8 tensor, ",
        "got ", t.dtype());
  g.set_state(t.data_as<uint8_t>(), static_cast<size_t>(t.numel()));
}

// Seeds are taken modulo 2^64, negative ones included, from -2^63 on.
uint64_t read_seed(const py::handle& o) {
  if (!PyLong_Check(o.ptr()))
    fail(ErrorKind::kRuntime, "manual_seed expected a long, but got ", Py_TYPE(o.ptr())->tp_name);
  int overflow = 0;
  const int64_t v = PyLong_AsLongLongAndOverflow(o.ptr(), &overflow);
  if (overflow == 0) return static_cast<uint64_t>(v);
  const uint64_t u = overflow > 0 ? PyLong_AsUnsignedLongLong(o.ptr()) : 0;
  if (overflow < 0 || PyErr_Occurred()) {
    PyErr_Clear();
    fail(ErrorKind::kValue, "Overflow when unpacking long: a seed is in [-2^63, 2^64)");
  }
  return u;
}

// An object of pybind11's that __init__ has not been called on would be one without a value, as who
// calls __new__ alone may see.
py::object new_generator(const py::handle& cls, const py::args& args, const py::kwargs& kwargs) {
  const py::handle own(reinterpret_cast<PyObject*>(generator_type));
  if (PyObject_IsSubclass(cls.ptr(), own.ptr()) != 1)
    fail(ErrorKind::kType, "Generator.__new__(X): X is not a kind of Generator");
  py::object self = py::reinterpret_steal<py::object>(
      py::detail::make_new_instance(reinterpret_cast<PyTypeObject*>(cls.ptr())));
  cls.is(own) ? own.attr("__init__")(self, *args, **kwargs) : own.attr("__init__")(self);
  return self;
}

}  // namespace

void refuse_pickling(const py::object& cls) {
  cls.attr("__reduce__") = py::cpp_function(
      [](const py::object& self) {
        fail(ErrorKind::kType, "cannot pickle '", Py_TYPE(self.ptr())->tp_name, "' object");
      },
      py::is_method(cls));
}

void init_generator(py::module_& m) {
  py::class_<Generator> c(m, "Generator", "A source of random numbers: mt19937, PyTorch's order.");
  generator_type = reinterpret_cast<PyTypeObject*>(c.ptr());
  c.def(py::init([](const py::object& device) {
          check_device(device.ptr());
          return new Generator();
        }),
        py::arg("device") = py::none());
  c.def_static("__new__", &new_generator);
  c.def(
      "manual_seed",
      [](Generator& self, const py::object& seed) -> Generator& {
        value_leaves("manual_seed()");
        self.manual_seed(read_seed(seed));
        return self;
      },
      py::arg("seed"), "Restarts the sequence of that seed; returns the generator.");
  c.def(
      "initial_seed", [](const Generator& g) { return g.initial_seed(); },
      "The seed that was set last.");
  c.def(
      "seed", [](Generator& g) { return g.seed(); },
      "Reseeds from the system's entropy and returns the seed.");
  c.def(
      "get_state",
      [](const Generator& g) { return py::reinterpret_steal<py::object>(wrap(state_of(g))); },
      "The state as a uint8 tensor of 5056 elements.");
  c.def("set_state", &set_state, py::arg("new_state"), "Continues where get_state() was taken.");
  c.def(
      "clone_state",
      [](const Generator& g) {
        const std::lock_guard lock(g.in_use());
        return new Generator(g);
      },
      "A copy.");
  c.def_property_readonly("device", [](const py::object&) {
    return py::module_::import("wengert").attr("device")("cpu");
  });
  // Not by __setstate__, which pybind11 takes for a constructor, and skips where there is a value.
  m.def("_generator_of", [](const py::object& cls, const py::bytes& state) {
    const py::object made = cls();
    if (!py::isinstance<Generator>(made))
      fail(ErrorKind::kType, "_generator_of: a Generator expected, got ",
           Py_TYPE(made.ptr())->tp_name);
    const std::string s = state;
    py::cast<Generator&>(made).set_state(reinterpret_cast<const uint8_t*>(s.data()), s.size());
    return made;
  });
  c.def("__reduce__", [m](const py::object& self) {
    if (!py::isinstance<Generator>(self))
      fail(ErrorKind::kType, "Generator.__reduce__: a Generator expected, got ",
           Py_TYPE(self.ptr())->tp_name);
    const std::vector<uint8_t> s = py::cast<const Generator&>(self).get_state();
    const py::bytes state(reinterpret_cast<const char*>(s.data()), s.size());
    return py::make_tuple(m.attr("_generator_of"), py::make_tuple(py::type::of(self), state));
  });
  m.attr("default_generator") = py::cast(&default_generator(), py::return_value_policy::reference);
  // The wrapper that there is of it: pybind11 knows the address.
  m.def("_thread_generator", &default_generator, py::return_value_policy::reference);
  m.def("_compute_alone", [] { thread_local const SerialScope scope; });
}

// ---- errors --------------------------------------------------------------------------------

PyObject* out_of_memory_error;
PyObject* capture_error;
static PyObject* linalg_error;

namespace {
PyObject* exception_type(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kRuntime:
      return PyExc_RuntimeError;
    case ErrorKind::kType:
      return PyExc_TypeError;
    case ErrorKind::kIndex:
      return PyExc_IndexError;
    case ErrorKind::kValue:
      return PyExc_ValueError;
    case ErrorKind::kMemory:
      return out_of_memory_error;
    case ErrorKind::kCapture:
      return capture_error;
    case ErrorKind::kNotImplemented:
      break;
  }
  return PyExc_NotImplementedError;
}
}  // namespace

void set_python_error() {
  try {
    throw;
  } catch (py::error_already_set& e) {
    e.restore();
  } catch (const AssertionError& e) {
    PyErr_SetString(PyExc_AssertionError, e.what());
  } catch (const LinAlgError& e) {
    PyErr_SetString(linalg_error, e.what());
  } catch (const Error& e) {
    PyErr_SetString(exception_type(e.kind()), e.what());
  } catch (const py::builtin_exception& e) {
    e.set_error();
  } catch (const std::bad_alloc&) {
    PyErr_SetString(out_of_memory_error, "out of memory");
  } catch (const std::exception& e) {
    PyErr_SetString(PyExc_RuntimeError, e.what());
  }
}

void init_types(py::module_& m) {
  init_dtypes(m);
  init_size(m);
  // A MemoryError, and what PyTorch raises in its place.
  const py::tuple bases =
      py::make_tuple(py::handle(PyExc_MemoryError), py::handle(PyExc_RuntimeError));
  out_of_memory_error = PyErr_NewException("wengert.OutOfMemoryError", bases.ptr(), nullptr);
  if (!out_of_memory_error) throw py::error_already_set();
  m.attr("OutOfMemoryError") = py::handle(out_of_memory_error);
  capture_error = PyErr_NewExceptionWithDoc(
      "wengert.CaptureError", "The function does what a captured program could not repeat.",
      PyExc_RuntimeError, nullptr);
  if (!capture_error) throw py::error_already_set();
  m.attr("CaptureError") = py::handle(capture_error);
  linalg_error = PyErr_NewExceptionWithDoc(
      "wengert.linalg.LinAlgError",
      "A matrix that a decomposition cannot take: singular, or not positive-definite.",
      PyExc_RuntimeError, nullptr);
  if (!linalg_error) throw py::error_already_set();
  m.attr("LinAlgError") = py::handle(linalg_error);
  py::register_exception_translator([](std::exception_ptr p) {
    try {
      if (p) std::rethrow_exception(p);
    } catch (const Error&) {
      set_python_error();
    }
  });
}

Tensor expect_tensor(PyObject* o, const char* what) {
  if (!is_tensor(o))
    fail(ErrorKind::kType, "argument '", what, "' must be Tensor, not ", Py_TYPE(o)->tp_name);
  return unwrap(o);
}

py::object refuse_new(const py::handle& cls, const py::args&, const py::kwargs&) {
  fail(ErrorKind::kType, "cannot create instances of ", std::string(py::str(cls)));
}

void refuse_element(PyObject* o, Py_ssize_t i, std::string_view what) {
  fail(ErrorKind::kType, "expected Tensor as element ", static_cast<int64_t>(i), " in argument '",
       what, "', but got ", Py_TYPE(o)->tp_name);
}

void refuse_list(PyObject* o, std::string_view what) {
  if (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_TypeError)) throw py::error_already_set();
  PyErr_Clear();
  fail(ErrorKind::kType, "argument '", what, "' must be tuple of Tensors, not ",
       Py_TYPE(o)->tp_name);
}

std::vector<Tensor> read_tensors(PyObject* o, std::string_view what, Nones nones) {
  std::vector<Tensor> out;
  each_tensor(o, what, nones, [&](Tensor t) { out.push_back(std::move(t)); });
  return out;
}

}  // namespace wengert::bind
