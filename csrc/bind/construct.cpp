// Tensors from nested Python sequences, and back.
#include "bind/python.h"
#include "wengert/base/warning.h"

namespace wengert::bind {

Tensor tensor_from_array(PyObject* array, std::optional<Dtype> dtype);  // numpy.cpp

namespace {

bool is_sequence(PyObject* o) {
  return PyList_Check(o) || PyTuple_Check(o) ||
         (PySequence_Check(o) && !PyUnicode_Check(o) && !PyBytes_Check(o) && !is_tensor(o));
}

// The shape of nested sequences, following first elements; at most kMaxDims deep, which also ends
// lists that contain themselves.
Dims find_shape(PyObject* o) {
  Dims shape;
  py::object level = py::reinterpret_borrow<py::object>(o);
  while (is_sequence(level.ptr())) {
    const Py_ssize_t n = PySequence_Size(level.ptr());
    if (n < 0) throw py::error_already_set();
    if (shape.size() == kMaxDims)
      fail(ErrorKind::kValue, "tensor: too many dimensions: nested more than ", kMaxDims, " deep");
    shape.push_back(n);
    if (n == 0) return shape;
    level = py::reinterpret_steal<py::object>(PySequence_GetItem(level.ptr(), 0));
    if (!level) throw py::error_already_set();
  }
  if (is_tensor(level.ptr()))
    for (int64_t s : unwrap(level.ptr()).shape()) shape.push_back(s);
  return shape;
}

// Walks the leaves in order; f(object) for each.
template <class F>
void for_each_leaf(PyObject* o, const Dims& shape, int depth, const F& f) {
  if (depth == shape.size() || is_tensor(o)) return f(o, depth);
  if (!is_sequence(o))
    fail(ErrorKind::kType, "tensor: expected a sequence of length ", shape[depth], " at dim ",
         depth, ", got ", Py_TYPE(o)->tp_name);
  const py::object fast = py::reinterpret_steal<py::object>(PySequence_Fast(o, "not a sequence"));
  if (!fast) throw py::error_already_set();
  const Py_ssize_t n = PySequence_Fast_GET_SIZE(fast.ptr());
  check(n == shape[depth], ErrorKind::kValue, "tensor: expected sequence of length ", shape[depth],
        " at dim ", depth, " (got ", static_cast<int64_t>(n), ")");
  for (Py_ssize_t i = 0; i < n; ++i) {
    // What an element is asked may change the list that holds it.
    check(i < PySequence_Fast_GET_SIZE(fast.ptr()), ErrorKind::kRuntime,
          "tensor: a list became shorter while it was read");
    const auto item = py::reinterpret_borrow<py::object>(PySequence_Fast_GET_ITEM(fast.ptr(), i));
    for_each_leaf(item.ptr(), shape, depth + 1, f);
  }
}

// row(items, n) for the innermost of nested lists or tuples of Python's own classes, in order,
// until it gives false. False as well if they are not of this shape. None of this runs Python's
// code, so that the lists stay as they are.
template <class F>
bool each_row(PyObject* o, const Dims& shape, int depth, const F& row) {
  const bool list = PyList_CheckExact(o);
  if (depth == shape.size() || !(list || PyTuple_CheckExact(o)) || Py_SIZE(o) != shape[depth])
    return false;
  PyObject** items = PySequence_Fast_ITEMS(o);
  if (depth + 1 == shape.size()) return row(items, shape[depth]);
  for (int64_t i = 0; i < shape[depth]; ++i)
    if (!each_row(items[i], shape, depth + 1, row)) return false;
  return true;
}

// The dtype of floats, ints and bools of Python's own classes; none if there is anything else.
std::optional<Dtype> plain_dtype(PyObject* o, const Dims& shape) {
  bool floats = false, ints = false, bools = false;
  const bool plain = each_row(o, shape, 0, [&](PyObject** items, int64_t n) {
    for (int64_t i = 0; i < n; ++i) {
      const bool is_float = PyFloat_CheckExact(items[i]), is_int = PyLong_CheckExact(items[i]);
      if (!is_float && !is_int && !PyBool_Check(items[i])) return false;
      floats |= is_float;
      ints |= is_int;
      bools |= !is_float && !is_int;
    }
    return true;
  });
  if (!plain || !(floats || ints || bools)) return {};
  return floats ? default_dtype() : ints ? Dtype::kInt64 : Dtype::kBool;
}

// Writes such numbers; false, with nothing said, if there are others or one that is out of range.
template <class T>
bool fill_plain(PyObject* o, const Dims& shape, T* to) {
  return each_row(o, shape, 0, [&](PyObject** items, int64_t n) {
    for (int64_t i = 0; i < n; ++i) {
      int overflow = 0;
      if (PyFloat_CheckExact(items[i])) {
        const double v = PyFloat_AS_DOUBLE(items[i]);
        *to++ = std::is_floating_point_v<T> ? static_cast<T>(v) : Scalar(v).to<T>();
      } else if (PyLong_CheckExact(items[i])) {
        const int64_t v = PyLong_AsLongLongAndOverflow(items[i], &overflow);
        if (overflow != 0) return false;
        *to++ = Scalar(v).to<T>();
      } else if (PyBool_Check(items[i])) {
        *to++ = Scalar(items[i] == Py_True).to<T>();
      } else {
        return false;
      }
    }
    return true;
  });
}

// For elements of a floating dtype an integer may be of any size.
Scalar leaf_value(PyObject* o, bool floating) {
  Scalar s;
  if (PyLong_Check(o)) {
    int overflow;
    PyLong_AsLongLongAndOverflow(o, &overflow);
    check(overflow == 0 || floating, ErrorKind::kValue,
          "tensor: Overflow when unpacking long long");
    if (overflow != 0) {
      const double d = PyLong_AsDouble(o);
      if (d == -1 && PyErr_Occurred()) throw py::error_already_set();
      return d;
    }
  }
  if (!read_scalar(o, s)) {
    if (PyErr_Occurred()) throw py::error_already_set();
    check(!PyUnicode_Check(o), ErrorKind::kValue, "tensor: too many dimensions 'str'");
    if (PySequence_Check(o))
      fail(ErrorKind::kType, "tensor: a number expected, got ", Py_TYPE(o)->tp_name);
    fail(ErrorKind::kRuntime, "tensor: Could not infer dtype of ", Py_TYPE(o)->tp_name);
  }
  return s;
}

Dtype infer_dtype(PyObject* o, const Dims& shape) {
  if (const std::optional<Dtype> plain = plain_dtype(o, shape)) return *plain;
  std::optional<Dtype> found;
  for_each_leaf(o, shape, 0, [&](PyObject* leaf, int) {
    Dtype d;
    if (is_tensor(leaf)) {
      d = unwrap(leaf).dtype();
    } else if (py::hasattr(leaf, "dtype")) {  // NumPy's numbers carry their own
      d = tensor_from_array(leaf, {}).dtype();
    } else if (PyLong_Check(leaf) && !PyBool_Check(leaf)) {
      d = Dtype::kInt64;
    } else {
      d = leaf_value(leaf, true).dtype();
    }
    found = found ? promote(*found, d) : d;
  });
  return found.value_or(default_dtype());
}

template <class T>
void fill_from(PyObject* o, const Dims& shape, const Tensor& out) {
  T* to = out.data_as<T>();
  if (fill_plain(o, shape, to)) return;
  for_each_leaf(o, shape, 0, [&](PyObject* leaf, int depth) {
    if (!is_tensor(leaf)) {
      if (std::is_floating_point_v<T> && PyFloat_CheckExact(leaf)) {
        *to++ = static_cast<T>(PyFloat_AS_DOUBLE(leaf));
      } else {
        *to++ = leaf_value(leaf, std::is_floating_point_v<T>).template to<T>();
      }
      return;
    }
    value_leaves("tensor() of tensors");
    GradMode off(false);
    const Tensor t = contiguous(wengert::to(unwrap(leaf), out.dtype()));
    Dims rest;
    for (int d = depth; d < shape.size(); ++d) rest.push_back(shape[d]);
    check(t.shape() == rest, ErrorKind::kValue, "tensor: expected a tensor of shape ", rest,
          " at dim ", depth, ", got ", t.shape());
    to = std::copy_n(t.data_as<T>(), t.numel(), to);
  });
}

template <class T>
PyObject* list_of(const Tensor& t, const T* data, int dim) {
  if (dim == t.ndim()) {
    // Memory that nobody has written may hold what no bool is.
    if constexpr (std::is_same_v<T, bool>)
      return PyBool_FromLong(*reinterpret_cast<const uint8_t*>(data) != 0);
    const Scalar v = number(*data);
    return v.is_float() ? PyFloat_FromDouble(v.real()) : PyLong_FromLongLong(v.integer());
  }
  const int64_t n = t.shape()[dim], step = t.strides()[dim];
  PyObject* list = PyList_New(n);
  for (int64_t i = 0; list && i < n; ++i) {
    PyObject* item = list_of(t, data + i * step, dim + 1);
    if (!item)
      Py_CLEAR(list);
    else
      PyList_SET_ITEM(list, i, item);
  }
  return list;
}

// Numbers in a dtype that tensors only hold; an integer that it has not is an error.
Tensor narrowed(const Tensor& wide, Dtype dtype) {
  const NoGradGuard off;
  Tensor y = wengert::to(wide, dtype);
  if (is_floating(dtype)) return y;
  const Tensor back = contiguous(wengert::to(y, wide.dtype()));
  const auto *given = wide.data_as<int32_t>(), *kept = back.data_as<int32_t>();
  for (int64_t i = 0; i < wide.numel(); ++i)
    if (given[i] != kept[i]) overflows(Scalar(given[i]), dtype);
  return y;
}

// Arrays of other packages, tables and their columns. Not NumPy's numbers, which have no length.
bool gives_array(PyObject* o) {
  return !PyList_Check(o) && !PyTuple_Check(o) && !PyFloat_Check(o) && !PyLong_Check(o) &&
         PyObject_HasAttrString(o, "__array__") && PyObject_HasAttrString(o, "__len__");
}

void warn_of_arrays(PyObject* o) {
  if (PyList_Check(o) && PyList_GET_SIZE(o) > 0 && is_array(PyList_GET_ITEM(o, 0))) [[unlikely]]
    warn(
        "Creating a tensor from a list of numpy.ndarrays is extremely slow. Please consider "
        "converting the list to a single numpy.ndarray with numpy.array() before converting to a "
        "tensor.");
}

}  // namespace

Tensor tensor_from_object(PyObject* o, std::optional<Dtype> dtype) {
  if (is_tensor(o)) {
    GradMode off(false);
    const Tensor t = unwrap(o);
    const Tensor copy = clone(dtype ? wengert::to(t, *dtype) : t);
    return copy;
  }
  if (is_array(o) || gives_array(o)) return tensor_from_array(o, dtype);
  if (PyUnicode_Check(o) || PyBytes_Check(o))
    fail(ErrorKind::kType, "new(): invalid data type '", Py_TYPE(o)->tp_name, "'");
  warn_of_arrays(o);
  const Dims shape = find_shape(o);
  const Dtype d = dtype ? *dtype : infer_dtype(o, shape);
  const Tensor out = Tensor::empty(shape, widened(d));
  dispatch(out.dtype(), [&](auto zero) { fill_from<decltype(zero)>(o, shape, out); });
  return is_narrow(d) ? narrowed(out, d) : out;
}

PyObject* to_list(const Tensor& t) {
  value_leaves("tolist()");
  const NoGradGuard off;
  const Tensor wide = wengert::to(t, widened(t.dtype()));
  return dispatch(wide.dtype(), [&](auto zero) {
    return list_of(wide, wide.data_as<const decltype(zero)>(), 0);
  });
}

void init_construct(py::module_& m) {
  m.def(
      "tensor",
      [](const py::object& data, const py::object& dtype, const py::object& device,
         bool requires_grad, bool /*pin_memory*/) {
        check_device(device.ptr());
        if (is_tensor(data.ptr())) [[unlikely]]
          warn(
              "To copy construct from a tensor, it is recommended to use "
              "sourceTensor.detach().clone() or "
              "sourceTensor.detach().clone().requires_grad_(True), "
              "rather than tensor(sourceTensor).");
        std::optional<Dtype> d;
        if (!dtype.is_none()) {
          Dtype given;
          if (!read_dtype(dtype.ptr(), given))
            fail(ErrorKind::kType, "tensor(): argument 'dtype' must be wengert.dtype, not ",
                 Py_TYPE(dtype.ptr())->tp_name);
          d = given;
        }
        Tensor t = tensor_from_object(data.ptr(), d);
        t.set_requires_grad(requires_grad);
        return py::reinterpret_steal<py::object>(wrap(t));
      },
      py::arg("data"), py::kw_only(), py::arg("dtype") = py::none(), py::arg("device") = py::none(),
      py::arg("requires_grad") = false, py::arg("pin_memory") = false,
      "A tensor with a copy of `data`: nested sequences of numbers, a NumPy array or what gives "
      "one "
      "(`__array__`: arrays of JAX, frames and series of pandas), a number.");
}

}  // namespace wengert::bind
