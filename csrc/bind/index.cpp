// What stands between the brackets, from Python to IndexKey.
#include "bind/call/ask.h"
#include "bind/python.h"
#include "wengert/base/warning.h"
#include "wengert/ops/index/key.h"

namespace wengert::bind {

namespace {

// A sequence of indices; a string is none.
bool is_list_like(PyObject* o) {
  return PyList_Check(o) || PyTuple_Check(o) || is_array(o) ||
         (PySequence_Check(o) && !PyUnicode_Check(o) && !PyBytes_Check(o));
}

std::optional<int64_t> bound(PyObject* o) {
  if (o == Py_None) return {};
  int64_t v;
  if (!read_int(o, v))
    fail(ErrorKind::kType, "slice indices must be integers or None or have an __index__ method");
  return v;
}

void add_item(IndexKey& key, PyObject* o) {
  if (PyLong_CheckExact(o)) {
    int64_t i;
    read_int(o, i);
    return key.add_int(i);
  }
  if (o == Py_None) return key.add_new_axis();
  if (o == Py_Ellipsis) return key.add_ellipsis();
  if (PyBool_Check(o)) return key.add_bool(o == Py_True);
  if (PySlice_Check(o)) {
    auto* s = reinterpret_cast<PySliceObject*>(o);
    const std::optional<int64_t> step = bound(s->step);
    return key.add_slice(bound(s->start), bound(s->stop), step.value_or(1));
  }
  if (is_tensor(o)) {
    const Tensor t = unwrap(o);
    if (t.ndim() == 0 && !is_floating(t.dtype()) && t.dtype() != Dtype::kBool &&
        t.dtype() != Dtype::kUInt8)
      return key.add_int(t.item().integer());
    if (t.dtype() == Dtype::kUInt8)
      warn("indexing with dtype uint8 is now deprecated, please use a dtype bool instead.");
    return key.add_tensor(t);
  }
  if (is_list_like(o)) {
    Tensor t = tensor_from_object(o, {});
    // An empty list has no type of its own; as an index it selects nothing.
    if (t.numel() == 0 && is_floating(t.dtype())) t = to(t, Dtype::kInt64);
    return key.add_tensor(t);
  }
  int64_t i;
  if (PyIndex_Check(o) && read_int(o, i)) return key.add_int(i);
  fail(PyUnicode_Check(o) ? ErrorKind::kType : ErrorKind::kIndex,
       "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid "
       "indices (got ",
       Py_TYPE(o)->tp_name, ")");
}

IndexKey read_key(PyObject* o) {
  IndexKey key;
  if (!PyTuple_Check(o)) {
    add_item(key, o);
    return key;
  }
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(o); ++i) add_item(key, PyTuple_GET_ITEM(o, i));
  return key;
}

}  // namespace

PyObject* get_item(PyObject* self, PyObject* key) {
  return guarded([&] {
    if (somebody_asks && asks(&key, 1, false)) [[unlikely]]
      return ask_method("__getitem__", {self, key});
    return wrap(wengert::get_item(unwrap(self), read_key(key)));
  });
}

int set_item(PyObject* self, PyObject* key, PyObject* value) {
  PyObject* done = guarded([&]() -> PyObject* {
    if (!value) fail(ErrorKind::kType, "Tensor does not support deleting items");
    PyObject* const others[] = {key, value};
    if (somebody_asks && asks(others, 2, false)) [[unlikely]] {
      const py::object answer =
          py::reinterpret_steal<py::object>(ask_method("__setitem__", {self, key, value}));
      return answer ? self : nullptr;
    }
    Tensor x = unwrap(self);
    Scalar s;
    Operand v;
    if (is_tensor(value)) {
      v = unwrap(value);
    } else if (read_scalar_beside(value, x.impl(), s)) {
      v = s;
    } else {
      if (!PySequence_Check(value) && !is_array(value))
        fail(ErrorKind::kType, "can't assign a ", Py_TYPE(value)->tp_name, " to a tensor of ",
             x.dtype());
      v = tensor_from_object(value, x.dtype());
    }
    wengert::set_item(x, read_key(key), v);
    return self;
  });
  return done ? 0 : -1;
}

namespace {

// A tuple or list of index tensors, one for each dimension; None takes the whole dimension.
std::vector<Tensor> read_indices(const py::object& o) {
  if (!PyTuple_Check(o.ptr()) && !PyList_Check(o.ptr()))
    fail(ErrorKind::kType, "index_put: indices must be a tuple of Tensors, got ",
         Py_TYPE(o.ptr())->tp_name);
  return read_tensors(o.ptr(), "indices", Nones::kAllowed);
}

py::object put(const py::object& input, const py::object& indices, const py::object& values,
               bool accumulate, bool inplace) {
  PyObject* const all[] = {input.ptr(), indices.ptr(), values.ptr()};
  if (somebody_asks && asks(all, 3, false)) [[unlikely]] {
    const py::object result = py::reinterpret_steal<py::object>(
        ask_method(inplace ? "index_put_" : "index_put",
                   {all[0], all[1], all[2], accumulate ? Py_True : Py_False}));
    if (!result) throw py::error_already_set();
    return result;
  }
  Tensor x = expect_tensor(input.ptr(), "input");
  const Tensor v = expect_tensor(values.ptr(), "values");
  check(v.dtype() == x.dtype(), "index_put: values must have the dtype of the input, ", x.dtype(),
        ", but got ", v.dtype());
  const std::vector<Tensor> at = read_indices(indices);
  if (!inplace) return py::reinterpret_steal<py::object>(wrap(index_put(x, at, v, accumulate)));
  index_put_(x, at, v, accumulate);
  return input;
}

}  // namespace

void init_index(py::module_& m) {
  for (const bool inplace : {false, true})
    m.def(
        inplace ? "index_put_" : "index_put",
        [inplace](const py::object& input, const py::object& indices, const py::object& values,
                  bool accumulate) { return put(input, indices, values, accumulate, inplace); },
        py::arg("input"), py::arg("indices"), py::arg("values"), py::arg("accumulate") = false,
        "Writes `values`, broadcast, to the elements of `input` at `indices`, a tuple of index "
        "tensors; with `accumulate` adds them. In place if the name ends in an underscore.");
}

}  // namespace wengert::bind
