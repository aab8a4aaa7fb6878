// NumPy in and out, sharing memory. Each side keeps the other's owner alive.
#include <pybind11/numpy.h>

#include "bind/python.h"

namespace wengert::bind {

namespace {

std::optional<Dtype> dtype_of_array(const py::dtype& d) {
  const char kind = d.kind();
  const auto size = d.itemsize();
  if (kind == 'b') return Dtype::kBool;
  if (kind == 'u' && size == 1) return Dtype::kUInt8;
  if (kind == 'i' && size == 1) return Dtype::kInt8;
  if (kind == 'i' && size == 2) return Dtype::kInt16;
  if (kind == 'i' && size == 4) return Dtype::kInt32;
  if (kind == 'i' && size == 8) return Dtype::kInt64;
  if (kind == 'f' && size == 2) return Dtype::kFloat16;
  if (kind == 'f' && size == 4) return Dtype::kFloat32;
  if (kind == 'f' && size == 8) return Dtype::kFloat64;
  return {};
}

// NumPy has no bfloat16.
const py::dtype& array_dtype(Dtype d) {
  static const py::dtype* all[kNumDtypes] = {};
  check(d != Dtype::kBFloat16, ErrorKind::kType,
        "Got unsupported ScalarType BFloat16; use .float() first");
  if (!all[0])
    for (int i = 0; i < kNumDtypes; ++i)
      if (static_cast<Dtype>(i) != Dtype::kBFloat16) all[i] = new py::dtype(kDtypeName[i]);
  return *all[index(d)];
}

[[noreturn]] void unsupported(const py::array& a) {
  fail(ErrorKind::kType, "can't convert np.ndarray of type ", std::string(py::str(a.dtype())),
       ". The only supported types are: float64, float32, float16, int64, int32, int16, int8, "
       "uint8, "
       "and bool.");
}

bool native_order(const py::array& a) {
  const char order = a.dtype().byteorder();
  return order == '=' || order == '|' || order == '<';
}

void release_object(void* owner) {
  if (!Py_IsInitialized()) return;
  const py::gil_scoped_acquire gil;
  Py_DECREF(static_cast<PyObject*>(owner));
}

bool shareable(const py::array& a) {
  if (!native_order(a)) return false;
  for (py::ssize_t i = 0; i < a.ndim(); ++i)
    if (a.shape(i) > 1 && (a.strides(i) < 0 || a.strides(i) % a.itemsize() != 0)) return false;
  return true;
}

// A tensor on the array's memory.
Tensor share_array(const py::array& a) {
  const std::optional<Dtype> d = dtype_of_array(a.dtype());
  if (!d) unsupported(a);
  check(native_order(a), ErrorKind::kValue,
        "given numpy array has byte order different from the native byte order. Conversion between "
        "byte orders is currently not supported.");
  Dims shape, strides;
  int64_t span = item_size(*d);
  for (py::ssize_t i = 0; i < a.ndim(); ++i) {
    const int64_t step = a.strides(i), n = a.shape(i);
    check(step >= 0 || n < 2, ErrorKind::kValue,
          "At least one stride in the given numpy array is negative, and tensors with negative "
          "strides are not currently supported. (You can probably work around this by making a "
          "copy of your array with array.copy().)");
    check(step % item_size(*d) == 0 || n < 2, ErrorKind::kValue,
          "given numpy array strides not a multiple of the element byte size. Copy the numpy array "
          "to reallocate the memory.");
    shape.push_back(n);
    strides.push_back(step / item_size(*d));
    span += std::max<int64_t>(n - 1, 0) * step;
  }
  if (a.size() == 0) span = 0;
  PyObject* owner = Py_NewRef(a.ptr());
  Ref<Storage> storage = new Storage(const_cast<void*>(a.data()), static_cast<size_t>(span), owner,
                                     release_object, a.writeable());
  return Tensor(new TensorImpl(std::move(storage), 0, *d, shape, strides));
}

py::array as_array(const py::handle& o) {
  return py::array(py::reinterpret_borrow<py::object>(o));  // ensure() would drop the error
}

// The memory is kept alive by a capsule that the array holds as its base: not by the tensor, which
// may be given other memory.
py::array to_array(const Tensor& t) {
  auto* keep = new Ref<Storage>(t->storage);
  const py::capsule base(keep, [](void* p) { delete static_cast<Ref<Storage>*>(p); });
  std::vector<py::ssize_t> shape(t.shape().begin(), t.shape().end()), strides;
  for (int64_t s : t.strides()) strides.push_back(s * item_size(t.dtype()));
  py::array a(array_dtype(t.dtype()), shape, strides, t.data(), base);
  if (!t->storage->writable()) a.attr("flags").attr("writeable") = false;
  return a;
}

py::array checked_array(const py::object& self, bool force) {
  const Tensor t = expect_tensor(self.ptr(), "self");
  value_leaves("numpy()");
  check(force || !t.requires_grad(),
        "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.");
  return to_array(t);
}

// ---- buffer protocol -----------------------------------------------------------------------

struct BufferInfo {
  Ref<Storage> memory;  // the tensor may be given other memory
  Py_ssize_t shape[kMaxDims], strides[kMaxDims];
};
constexpr const char* kFormats[kNumDtypes] = {"?", "B", "b", "h", "i", "q", "e", nullptr, "f", "d"};

// Whether the elements lie as who asks for the buffer wants them.
bool lies_right(const Tensor& t, int flags) {
  const auto wants = [&](int what) { return (flags & what) == what; };
  if (t.is_contiguous() && (t.ndim() < 2 || !wants(PyBUF_F_CONTIGUOUS))) return true;
  return wants(PyBUF_STRIDES) && !wants(PyBUF_C_CONTIGUOUS) && !wants(PyBUF_F_CONTIGUOUS) &&
         !wants(PyBUF_ANY_CONTIGUOUS);
}

int get_buffer(PyObject* o, Py_buffer* view, int flags) {
  const Tensor t = unwrap(o);
  view->obj = nullptr;
  if (watch()) return guarded([&]() -> PyObject* { return value_leaves("a buffer"), o; }) ? 0 : -1;
  if ((flags & PyBUF_WRITABLE) && !t->storage->writable()) {
    PyErr_SetString(PyExc_BufferError, "the memory of this tensor is read-only");
    return -1;
  }
  if (t.dtype() == Dtype::kBFloat16) {
    PyErr_SetString(PyExc_BufferError, "bfloat16 has no buffer format");
    return -1;
  }
  if (t.requires_grad() || !lies_right(t, flags)) {
    PyErr_SetString(PyExc_BufferError, t.requires_grad()
                                           ? "tensor requires grad: use detach() first"
                                           : "tensor is not contiguous");
    return -1;
  }
  auto* info = new BufferInfo{t->storage, {}, {}};
  for (int i = 0; i < t.ndim(); ++i) {
    info->shape[i] = t.shape()[i];
    info->strides[i] = t.strides()[i] * item_size(t.dtype());
  }
  view->buf = t.data();
  view->obj = Py_NewRef(o);
  view->len = t.bytes();
  view->readonly = !t->storage->writable();
  view->itemsize = item_size(t.dtype());
  view->format = (flags & PyBUF_FORMAT) ? const_cast<char*>(kFormats[index(t.dtype())]) : nullptr;
  view->ndim = t.ndim();
  view->shape = (flags & PyBUF_ND) ? info->shape : nullptr;
  view->strides = (flags & PyBUF_STRIDES) ? info->strides : nullptr;
  view->suboffsets = nullptr;
  view->internal = info;
  return 0;
}
void release_buffer(PyObject*, Py_buffer* view) { delete static_cast<BufferInfo*>(view->internal); }

}  // namespace

bool is_array(PyObject* o) {
  // NumPy is imported with the package, so its array type is known without importing it here.
  static PyObject* type = py::object(py::module_::import("numpy").attr("ndarray")).release().ptr();
  return PyObject_TypeCheck(o, reinterpret_cast<PyTypeObject*>(type));
}

Tensor tensor_from_array(PyObject* o, std::optional<Dtype> dtype) {
  py::array a = as_array(o);
  const std::optional<Dtype> own = dtype_of_array(a.dtype());
  const char kind = a.dtype().kind();
  // Unsigned integers of more bits have no dtype here; they are taken when one is asked for.
  if (!own && !(dtype && (kind == 'f' || kind == 'i' || kind == 'u'))) unsupported(a);
  const Dtype d = dtype.value_or(own.value_or(Dtype::kFloat32));
  const py::module_ numpy = py::module_::import("numpy");
  const py::object order = py::str("C");
  const Dtype between = own.value_or(d == Dtype::kBFloat16 ? Dtype::kFloat32 : d);
  a = numpy.attr("array")(a, py::arg("dtype") = array_dtype(between), py::arg("order") = order,
                          py::arg("copy") = true);
  const Tensor shared = share_array(a);
  GradMode off(false);
  return clone(wengert::to(shared, d));
}

Tensor operand_from_array(PyObject* o) {
  const py::dtype d = py::reinterpret_borrow<py::array>(o).dtype();
  const char kind = d.kind();
  const py::array a = py::reinterpret_borrow<py::array>(o);
  const GradMode off(false);
  // A captured program copies at every replay, from the array's own memory.
  if (dtype_of_array(d) && shareable(a)) return clone(share_array(a));
  value_leaves("an operation with a NumPy array of this dtype or layout");
  if (dtype_of_array(d)) return tensor_from_array(o, {});
  if (kind == 'u' && d.itemsize() == 2) return tensor_from_array(o, Dtype::kInt32);
  if (kind == 'u' && d.itemsize() == 4) return tensor_from_array(o, Dtype::kInt64);
  return {};
}

void init_numpy(py::module_& m) {
  // Python may give its lock to another thread while these are made, which would wait for them.
  is_array(Py_None);
  array_dtype(Dtype::kBool);
  m.def(
      "from_numpy",
      [](const py::object& array) {
        if (!is_array(array.ptr()))
          fail(ErrorKind::kType, "expected np.ndarray (got ", Py_TYPE(array.ptr())->tp_name, ")");
        return py::reinterpret_steal<py::object>(wrap(share_array(as_array(array))));
      },
      py::arg("ndarray"),
      "A tensor on the memory of a NumPy array; changes show on both sides. TypeError for dtypes "
      "wengert does not have, ValueError for negative strides.");
  m.def("_operand_from_array", [](const py::array& a) {
    return py::reinterpret_steal<py::object>(wrap(operand_from_array(a.ptr())));
  });
  m.def("_numpy", &checked_array, py::arg("tensor"), py::arg("force") = false);
  tensor_type->tp_as_buffer->bf_getbuffer = get_buffer;
  tensor_type->tp_as_buffer->bf_releasebuffer = release_buffer;
}

}  // namespace wengert::bind
