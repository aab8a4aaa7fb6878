// The Python type of tensors: creation, identity, properties, number slots. Methods that are ops
// come from the registry; what is not worth a native line is in python/wengert/_tensor.py.
#include "bind/graph.h"
#include "bind/types/memory_format.h"
#include "bind/uninitialized.h"
// After Python.h, which it does not include.
#include <structmember.h>

#include "wengert/base/warning.h"
#include "wengert/ops/pointwise/rows.h"
#include "wengert/tape/saved.h"

namespace wengert::bind {

PyTypeObject* tensor_type;

namespace {

PyTensor* as(PyObject* o) { return reinterpret_cast<PyTensor*>(o); }

// Freed objects of the plain type, kept for the next tensor.
constexpr int kMaxFree = 64;
PyTensor* free_list[kMaxFree];
int free_count = 0;

PyObject* make(PyTypeObject* type, const Tensor& t) {
  PyTensor* self;
  if (type == tensor_type && free_count > 0) {
    self = free_list[--free_count];
    PyObject_Init(reinterpret_cast<PyObject*>(self), type);
  } else {
    self = PyObject_GC_New(PyTensor, type);
    if (!self) throw py::error_already_set();
    // A subclass may have more fields; its instances are fresh.
    std::memset(reinterpret_cast<char*>(self) + sizeof(PyTensor), 0,
                static_cast<size_t>(type->tp_basicsize) - sizeof(PyTensor));
  }
  self->impl = t.impl();
  self->impl->retain();
  self->dict = nullptr;
  self->weakrefs = nullptr;
  t->python = self;
  // Tracked by the collector only once it has a dict, or saves what hooks have made of tensors: a
  // tensor alone can't be in a cycle.
  if (type != tensor_type || saved_hooks()) PyObject_GC_Track(self);
  return reinterpret_cast<PyObject*>(self);
}

void dealloc(PyObject* o) {
  PyTensor* self = as(o);
  PyTypeObject* type = Py_TYPE(o);
  if (PyObject_GC_IsTracked(o)) PyObject_GC_UnTrack(o);
  if (self->weakrefs) PyObject_ClearWeakRefs(o);
  TensorImpl* impl = self->impl;
  if (impl && impl->python == self) impl->python = nullptr;
  Py_CLEAR(self->dict);
  self->impl = nullptr;
  if (type == tensor_type && free_count < kMaxFree) {
    free_list[free_count++] = self;
  } else {
    type->tp_free(o);
  }
  Py_DECREF(type);
  if (impl) impl->release();
}

int traverse(PyObject* o, visitproc visit, void* arg) {
  Py_VISIT(as(o)->dict);
  Py_VISIT(Py_TYPE(o));
  return as(o)->impl ? visit_python(*as(o)->impl, visit, arg) : 0;
}
int clear(PyObject* o) {
  Py_CLEAR(as(o)->dict);
  if (as(o)->impl) forget_graph(*as(o)->impl);
  return 0;
}

PyObject* new_tensor(PyTypeObject* type, PyObject* args, PyObject*) {
  return guarded([&]() -> PyObject* {
    const Py_ssize_t n = PyTuple_GET_SIZE(args);
    if (n == 0) return wrap_as(type, Tensor::empty({0}, default_dtype()));
    PyObject* first = PyTuple_GET_ITEM(args, 0);
    if (is_tensor(first)) {
      const Tensor t = unwrap(first);
      return wrap_as(type, t.detach());
    }
    int64_t size;
    if (PyLong_Check(first) && read_int(first, size)) {
      Dims shape;
      for (Py_ssize_t i = 0; i < n; ++i) {
        if (!read_int(PyTuple_GET_ITEM(args, i), size))
          fail(ErrorKind::kType, "new(): sizes must be ints");
        shape.push_back(size);
      }
      return wrap_as(type, Tensor::empty(shape, default_dtype()));
    }
    if (!PySequence_Check(first))
      fail(ErrorKind::kType, "new(): data must be a sequence (got ", Py_TYPE(first)->tp_name, ")");
    return wrap_as(type, tensor_from_object(first, default_dtype()));
  });
}

// ---- properties ----------------------------------------------------------------------------

PyObject* get_shape(PyObject* o, void*) { return wrap_size(as(o)->impl->shape); }
PyObject* get_dtype(PyObject* o, void*) { return wrap_dtype(as(o)->impl->dtype); }
PyObject* get_ndim(PyObject* o, void*) { return PyLong_FromLong(as(o)->impl->shape.size()); }
PyObject* get_requires_grad(PyObject* o, void*) {
  return guarded([&] { return PyBool_FromLong(unwrap(o).requires_grad()); });
}
// A tensor of inference mode has no version, so nothing may be saved of it.
void ask_gradient(const Tensor& t, bool on) {
  check(!on || !t->is_inference || inference_mode(),
        "Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.");
  Tensor(t).set_requires_grad(on);
}
int set_requires_grad(PyObject* o, PyObject* value, void*) {
  return guarded([&] {
    check(value && PyBool_Check(value), "requires_grad must be a bool");
    ask_gradient(unwrap(o), value == Py_True);
    return o;
  })
             ? 0
             : -1;
}
PyObject* get_grad(PyObject* o, void*) {
  return guarded([&] {
    const Tensor t = unwrap(o);
    if (t->entry && !t->grad && !t->retains_grad) [[unlikely]]
      warn(
          "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad "
          "attribute won't be populated during autograd.backward(). If you indeed want the .grad "
          "field to be populated for a non-leaf Tensor, use .retain_grad() on the non-leaf Tensor. "
          "If you access the non-leaf Tensor by mistake, make sure you access the leaf Tensor "
          "instead.");
    return wrap(t.grad());
  });
}
int set_grad(PyObject* o, PyObject* value, void*) {
  return guarded([&] {
    const Tensor t = unwrap(o);
    Tensor g;
    if (value && value != Py_None) {
      if (!is_tensor(value))
        fail(ErrorKind::kType, "assigned grad expected to be a Tensor or None but got ",
             Py_TYPE(value)->tp_name);
      g = unwrap(value);
      check(g.shape() == t.shape() && g.dtype() == t.dtype(),
            "assigned grad has data of a different size or type: ", g.dtype(), ' ', g.shape(),
            ", expected ", t.dtype(), ' ', t.shape());
      check(!g.is_same(t), "can't assign Variable as its own grad");
    }
    t.set_grad(g);
    return o;
  })
             ? 0
             : -1;
}
PyObject* get_is_leaf(PyObject* o, void*) {
  return guarded([&] { return PyBool_FromLong(unwrap(o).is_leaf()); });
}
PyObject* get_retains_grad(PyObject* o, void*) {
  return PyBool_FromLong(as(o)->impl->retains_grad);
}
PyObject* get_version(PyObject* o, void*) {
  return PyLong_FromUnsignedLong(as(o)->impl->storage->version);
}
PyObject* get_itemsize(PyObject* o, void*) {
  return PyLong_FromLongLong(item_size(as(o)->impl->dtype));
}
PyObject* get_nbytes(PyObject* o, void*) {
  return guarded([&] { return PyLong_FromLongLong(unwrap(o).bytes()); });
}
// The memory without history; unlike those of detach(), the tape does not count changes to it.
PyObject* get_data(PyObject* o, void*) {
  return guarded([&] { return wrap(unwrap(o).unseen()); });
}
int set_data(PyObject* o, PyObject* value, void*) {
  return guarded([&] {
    if (!value) fail(ErrorKind::kRuntime, "can't delete .data");
    const Tensor t = unwrap(o), v = expect_tensor(value, "data");
    check(is_floating(v.dtype()) || !t.requires_grad(),
          "data set to a tensor that requires gradients must be floating point");
    t.move_onto(v);
    return o;
  })
             ? 0
             : -1;
}
void warn_of_no_dims(const char* name) {
  warn("Tensor.", name,
       " is deprecated on 0-D tensors. This function is the identity in these "
       "cases.");
}
PyObject* get_transposed(PyObject* o, void*) {
  return guarded([&] {
    const Tensor t = unwrap(o);
    if (t.ndim() != 2) [[unlikely]]
      t.ndim() == 0 ? warn_of_no_dims("T")
                    : warn(
                          "The use of `x.T` on tensors of dimension other than 2 to reverse their "
                          "shape is deprecated and it will throw an error in a future release. "
                          "Consider `x.mT` to transpose batches of matrices or "
                          "`x.permute(*range(x.ndim - 1, -1, -1))` to reverse the dimensions of "
                          "a tensor.");
    Dims reversed;
    for (int d = t.ndim() - 1; d >= 0; --d) reversed.push_back(d);
    return wrap(permute(t, reversed));
  });
}
PyObject* get_matrix_transposed(PyObject* o, void*) {
  return guarded([&] {
    const Tensor t = unwrap(o);
    if (t.ndim() == 0) {
      warn_of_no_dims("mT");
      return wrap(permute(t, Dims()));
    }
    check(t.ndim() >= 2, "tensor.mT is only supported on matrices or batches of matrices. Got ",
          t.ndim(), "-D tensor.");
    return wrap(transpose(t, -2, -1));
  });
}

// Asking for the dict makes it; from then on a cycle is possible.
PyObject* get_dict(PyObject* o, void* context) {
  PyObject* dict = PyObject_GenericGetDict(o, context);
  if (dict && !PyObject_GC_IsTracked(o)) PyObject_GC_Track(o);
  return dict;
}

PyGetSetDef getset[] = {
    {"__dict__", get_dict, PyObject_GenericSetDict, nullptr, nullptr},
    {"shape", get_shape, nullptr, "The sizes: a wengert.Size.", nullptr},
    {"dtype", get_dtype, nullptr, "The type of the elements.", nullptr},
    {"ndim", get_ndim, nullptr, "The number of dimensions.", nullptr},
    {"requires_grad", get_requires_grad, set_requires_grad, "Whether backward reaches it.",
     nullptr},
    {"grad", get_grad, set_grad, "The accumulated gradient, or None.", nullptr},
    {"is_leaf", get_is_leaf, nullptr, "Whether no recorded op made it.", nullptr},
    {"retains_grad", get_retains_grad, nullptr, "Whether retain_grad() was called.", nullptr},
    {"_version", get_version, nullptr, "Counts changes in place.", nullptr},
    {"itemsize", get_itemsize, nullptr, "Bytes per element.", nullptr},
    {"nbytes", get_nbytes, nullptr, "Bytes of all elements.", nullptr},
    {"data", get_data, set_data, "The values without history.", nullptr},
    {"T", get_transposed, nullptr, "Dimensions in reverse order.", nullptr},
    {"mT", get_matrix_transposed, nullptr, "The last two dimensions exchanged.", nullptr},
    {}};

// ---- plain methods -------------------------------------------------------------------------

PyObject* item(PyObject* o, PyObject*) {
  return guarded([&] { return wrap_scalar(unwrap(o).item()); });
}
PyObject* tolist(PyObject* o, PyObject*) {
  return guarded([&] { return to_list(unwrap(o)); });
}
PyObject* numel(PyObject* o, PyObject*) {
  return guarded([&] { return PyLong_FromLongLong(unwrap(o).numel()); });
}
PyObject* dim(PyObject* o, PyObject*) { return get_ndim(o, nullptr); }
PyObject* detach(PyObject* o, PyObject*) {
  return guarded([&] { return wrap(unwrap(o).detach()); });
}
PyObject* detach_(PyObject* o, PyObject*) {
  return guarded([&] {
    TensorImpl* t = as(o)->impl;
    check(t->view == ViewKind::kNone || !t->entry,
          "Can't detach views in-place: detach_() on a view would leave "
          "its base attached. Use detach() instead.");
    t->entry.reset();
    t->requires_grad = false;
    return Py_NewRef(o);
  });
}
PyObject* requires_grad_(PyObject* o, PyObject* const* args, Py_ssize_t n, PyObject* names) {
  return guarded([&]() -> PyObject* {
    const Py_ssize_t given = n + (names ? PyTuple_GET_SIZE(names) : 0);
    if (given && !PyBool_Check(args[0]))
      fail(ErrorKind::kType, "requires_grad_(): argument 'requires_grad' must be bool, not ",
           Py_TYPE(args[0])->tp_name);
    ask_gradient(unwrap(o), !given || args[0] == Py_True);
    return Py_NewRef(o);
  });
}
PyObject* data_ptr(PyObject* o, PyObject*) { return PyLong_FromVoidPtr(unwrap(o).data()); }
PyObject* storage_offset(PyObject* o, PyObject*) {
  return PyLong_FromLongLong(as(o)->impl->offset);
}
// size() and stride(): all of them, or that of one dimension.
PyObject* one_or_all(PyObject* o, PyObject* const* args, Py_ssize_t n, PyObject* names,
                     const Dims& values, bool as_size) {
  return guarded([&]() -> PyObject* {
    const Py_ssize_t given = n + (names ? PyTuple_GET_SIZE(names) : 0);
    if (given == 0 || args[0] == Py_None) {
      if (as_size) return wrap_size(values);
      PyObject* t = PyTuple_New(values.size());
      for (int i = 0; i < values.size(); ++i)
        PyTuple_SET_ITEM(t, i, PyLong_FromLongLong(values[i]));
      return t;
    }
    int64_t d;
    if (!read_int(args[0], d))
      fail(ErrorKind::kType, as_size ? "size" : "stride", "(): argument 'dim' must be int, not ",
           Py_TYPE(args[0])->tp_name);
    const int ndim = as(o)->impl->shape.size();
    check(ndim > 0, ErrorKind::kIndex, "Dimension specified as ", d,
          " but tensor has no dimensions");
    return PyLong_FromLongLong(values[wrap_dim(d, ndim)]);
  });
}
PyObject* size(PyObject* o, PyObject* const* args, Py_ssize_t n, PyObject* names) {
  return one_or_all(o, args, n, names, as(o)->impl->shape, true);
}
PyObject* stride(PyObject* o, PyObject* const* args, Py_ssize_t n, PyObject* names) {
  return one_or_all(o, args, n, names, as(o)->impl->strides, false);
}
PyObject* is_contiguous(PyObject* o, PyObject* const* args, Py_ssize_t n, PyObject* names) {
  const Py_ssize_t named = names ? PyTuple_GET_SIZE(names) : 0;
  if (n + named == 0 || args[0] == Py_None) return PyBool_FromLong(unwrap(o).is_contiguous());
  return guarded([&] {
    check(n + named == 1 && (named == 0 || PyUnicode_CompareWithASCIIString(
                                               PyTuple_GET_ITEM(names, 0), "memory_format") == 0),
          ErrorKind::kType, "is_contiguous(): memory_format is its only argument");
    const MemoryFormat format = read_memory_format(args[0]);
    check(format != MemoryFormat::kPreserve,
          "preserve memory format is unsupported by the contiguous operator");
    return PyBool_FromLong(lies_in(unwrap(o), format));
  });
}
PyObject* lay_out(PyObject* o, PyObject* format) {
  return guarded([&] {
    const Tensor x = unwrap(o);
    const MemoryFormat wanted = read_memory_format(format);
    return wrap(wanted == format_of(x) ? x : laid_out(x, wanted));
  });
}
PyObject* is_floating_point(PyObject* o, PyObject*) {
  return PyBool_FromLong(is_floating(as(o)->impl->dtype));
}
PyObject* retain_grad_method(PyObject* o, PyObject*) {
  return guarded([&]() -> PyObject* {
    retain_grad(unwrap(o));
    Py_RETURN_NONE;
  });
}
PyObject* to_dtype(PyObject* o, PyObject* d) {
  return guarded([&] {
    Dtype dtype;
    if (!read_dtype(d, dtype)) fail(ErrorKind::kType, "to(): a wengert.dtype expected");
    return wrap(to(unwrap(o), dtype));
  });
}

template <class F>
PyCFunction fast(F f) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(f));
}
constexpr int kFast = METH_FASTCALL | METH_KEYWORDS;
PyMethodDef methods[] = {
    {"item", item, METH_NOARGS, "The one element as a Python number."},
    {"tolist", tolist, METH_NOARGS, "The elements as nested lists."},
    {"numel", numel, METH_NOARGS, "The number of elements."},
    {"nelement", numel, METH_NOARGS, "The number of elements."},
    {"dim", dim, METH_NOARGS, "The number of dimensions."},
    {"ndimension", dim, METH_NOARGS, "The number of dimensions."},
    {"detach", detach, METH_NOARGS, "The same memory without history."},
    {"detach_", detach_, METH_NOARGS, "Forgets its history, in place."},
    {"requires_grad_", fast(requires_grad_), kFast, "Asks for gradients; returns self."},
    {"data_ptr", data_ptr, METH_NOARGS, "The address of the first element."},
    {"storage_offset", storage_offset, METH_NOARGS, "Elements before the first one."},
    {"size", fast(size), kFast, "The sizes, or that of one dimension."},
    {"stride", fast(stride), kFast, "The strides in elements, or that of one dimension."},
    {"is_contiguous", fast(is_contiguous), kFast, "Whether elements lie in order, without gaps."},
    {"is_floating_point", is_floating_point, METH_NOARGS, "Whether the dtype has fractions."},
    {"retain_grad", retain_grad_method, METH_NOARGS, "Keeps .grad of a tensor that is no leaf."},
    {"_to_dtype", to_dtype, METH_O, nullptr},
    {"_laid_out", lay_out, METH_O, nullptr},
    {}};

// ---- slots ---------------------------------------------------------------------------------

template <const Op& op>
PyObject* binary(PyObject* a, PyObject* b) {
  return call_op(op, a, b);
}
template <const Op& op>
PyObject* unary(PyObject* a) {
  return call_op(op, a, nullptr);
}
template <const Op& op>
PyObject* inplace(PyObject* a, PyObject* b) {
  return call_op_inplace(op, a, b);
}
// There is no power modulo a number.
PyObject* power(PyObject* a, PyObject* b, PyObject* modulus) {
  if (modulus == Py_None) return call_op(pow_op, a, b);
  Py_RETURN_NOTIMPLEMENTED;
}
PyObject* inplace_power(PyObject* a, PyObject* b, PyObject*) {
  return call_op_inplace(pow_op, a, b);
}
PyObject* invert(PyObject* a) {
  if (is_floating(as(a)->impl->dtype)) {
    PyErr_SetString(PyExc_TypeError,
                    "~ (operator.invert) is only implemented on integer and Boolean-type tensors");
    return nullptr;
  }
  return call_op(bitwise_not_op, a, nullptr);
}
PyObject* positive(PyObject* a) {
  return guarded([&] {
    check(as(a)->impl->dtype != Dtype::kBool,
          "The `+` operator, on a bool tensor is not supported.");
    return Py_NewRef(a);
  });
}

int truth(PyObject* o) {
  PyObject* ok = guarded([&]() -> PyObject* {
    const Tensor t = unwrap(o);
    check(t.numel() != 0, "Boolean value of Tensor with no values is ambiguous");
    check(t.numel() == 1, "Boolean value of Tensor with more than one value is ambiguous");
    const Scalar s = t.item();
    return (s.is_float() ? s.real() != 0 : s.integer() != 0) ? Py_True : Py_False;
  });
  return ok ? ok == Py_True : -1;
}
// The element that int() and float() give.
Scalar only_element(PyObject* o) {
  const Tensor t = unwrap(o);
  check(t.numel() == 1, ErrorKind::kValue,
        "only one element tensors can be converted to Python scalars, got shape ", t.shape());
  return t.item();
}
PyObject* to_float(PyObject* o) {
  return guarded([&] { return PyFloat_FromDouble(only_element(o).real()); });
}
PyObject* to_int(PyObject* o) {
  return guarded([&]() -> PyObject* {
    const Scalar s = only_element(o);
    return s.is_float() ? PyLong_FromDouble(s.real()) : PyLong_FromLongLong(s.integer());
  });
}
PyObject* to_index(PyObject* o) {
  return guarded([&]() -> PyObject* {
    const Tensor t = unwrap(o);
    check(t.numel() == 1 && !is_floating(t.dtype()), ErrorKind::kType,
          "only integer tensors of a single element can be converted to an index");
    return PyLong_FromLongLong(t.item().integer());
  });
}
Py_ssize_t length(PyObject* o) {
  const Dims& shape = as(o)->impl->shape;
  if (shape.empty()) {
    PyErr_SetString(PyExc_TypeError, "len() of a 0-d tensor");
    return -1;
  }
  return shape[0];
}
PyObject* compare(PyObject* a, PyObject* b, int how) {
  static const Op* const ops[] = {&lt_op, &le_op, &eq_op, &ne_op, &gt_op, &ge_op};
  return call_op(*ops[how], a, b);
}
Py_hash_t hash(PyObject* o) { return static_cast<Py_hash_t>(reinterpret_cast<size_t>(o) >> 4); }

int set_attribute(PyObject* o, PyObject* name, PyObject* value) {
  const int result = PyObject_GenericSetAttr(o, name, value);
  if (as(o)->dict && !PyObject_GC_IsTracked(o)) PyObject_GC_Track(o);
  return result;
}

PyMemberDef members[] = {
    {"__dictoffset__", T_PYSSIZET, offsetof(PyTensor, dict), READONLY, nullptr},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(PyTensor, weakrefs), READONLY, nullptr},
    {}};

template <class F>
void* slot(F f) {
  return reinterpret_cast<void*>(f);
}

PyType_Slot slots[] = {{Py_tp_new, slot(new_tensor)},
                       {Py_tp_dealloc, slot(dealloc)},
                       {Py_tp_traverse, slot(traverse)},
                       {Py_tp_clear, slot(clear)},
                       {Py_tp_getset, getset},
                       {Py_tp_methods, methods},
                       {Py_tp_members, members},
                       {Py_tp_setattro, slot(set_attribute)},
                       {Py_tp_richcompare, slot(compare)},
                       {Py_tp_hash, slot(hash)},
                       {Py_mp_subscript, slot(get_item)},
                       {Py_mp_ass_subscript, slot(set_item)},
                       {Py_mp_length, slot(length)},
                       {Py_nb_add, slot(binary<add_op>)},
                       {Py_nb_subtract, slot(binary<sub_op>)},
                       {Py_nb_multiply, slot(binary<mul_op>)},
                       {Py_nb_true_divide, slot(binary<div_op>)},
                       {Py_nb_floor_divide, slot(binary<floor_divide_op>)},
                       {Py_nb_remainder, slot(binary<remainder_op>)},
                       {Py_nb_power, slot(power)},
                       {Py_nb_matrix_multiply, slot(binary<matmul_op>)},
                       {Py_nb_lshift, slot(binary<bitwise_left_shift_op>)},
                       {Py_nb_rshift, slot(binary<bitwise_right_shift_op>)},
                       {Py_nb_and, slot(binary<bitwise_and_op>)},
                       {Py_nb_or, slot(binary<bitwise_or_op>)},
                       {Py_nb_xor, slot(binary<bitwise_xor_op>)},
                       {Py_nb_inplace_add, slot(inplace<add_op>)},
                       {Py_nb_inplace_subtract, slot(inplace<sub_op>)},
                       {Py_nb_inplace_multiply, slot(inplace<mul_op>)},
                       {Py_nb_inplace_true_divide, slot(inplace<div_op>)},
                       {Py_nb_inplace_floor_divide, slot(inplace<floor_divide_op>)},
                       {Py_nb_inplace_remainder, slot(inplace<remainder_op>)},
                       {Py_nb_inplace_power, slot(inplace_power)},
                       {Py_nb_inplace_lshift, slot(inplace<bitwise_left_shift_op>)},
                       {Py_nb_inplace_rshift, slot(inplace<bitwise_right_shift_op>)},
                       {Py_nb_inplace_and, slot(inplace<bitwise_and_op>)},
                       {Py_nb_inplace_or, slot(inplace<bitwise_or_op>)},
                       {Py_nb_inplace_xor, slot(inplace<bitwise_xor_op>)},
                       {Py_nb_negative, slot(unary<neg_op>)},
                       {Py_nb_positive, slot(positive)},
                       {Py_nb_absolute, slot(unary<abs_op>)},
                       {Py_nb_invert, slot(invert)},
                       {Py_nb_bool, slot(truth)},
                       {Py_nb_float, slot(to_float)},
                       {Py_nb_int, slot(to_int)},
                       {Py_nb_index, slot(to_index)},
                       {Py_tp_doc, const_cast<char*>("An n-dimensional array that can be "
                                                     "differentiated.")},
                       {0, nullptr}};

}  // namespace

PyObject* wrap(const Tensor& t) {
  if (!t.defined()) Py_RETURN_NONE;
  if (t->python) return Py_NewRef(static_cast<PyObject*>(t->python));
  return make(tensor_type, t);
}

PyObject* wrap_as(PyTypeObject* type, const Tensor& t) {
  return make(type, t->python ? t.detach() : t);
}

void init_tensor_type(py::module_& m) {
  PyType_Spec spec{"wengert.Tensor", sizeof(PyTensor), 0,
                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, slots};
  tensor_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  if (!tensor_type) throw py::error_already_set();
  m.attr("Tensor") = py::handle(reinterpret_cast<PyObject*>(tensor_type));
  m.def(
      "make_parameter",
      [](const py::type& cls, const py::object& data, bool requires_grad) {
        auto* type = reinterpret_cast<PyTypeObject*>(cls.ptr());
        if (!PyType_IsSubtype(type, tensor_type))
          fail(ErrorKind::kType, "a subclass of Tensor expected, got ", type->tp_name);
        if (is_tensor(data.ptr())) unwrap_argument(data.ptr());
        const Tensor source = expect_tensor(data.ptr(), "data");
        Tensor t = source.detach();
        t->is_inference = source->is_inference;
        ask_gradient(t, requires_grad);
        t.move_onto(source);
        return py::reinterpret_steal<py::object>(wrap_as(type, t));
      },
      "A new instance of a subclass of Tensor on the memory of `data`.");
  m.def(
      "_memory_id",
      [](const py::object& t) {
        return reinterpret_cast<size_t>(expect_tensor(t.ptr(), "tensor")->storage->root());
      },
      "The same number for tensors that share memory, while one of them lives.");
  m.def(
      "_copy_memory",
      [](const py::object& o) {
        const Tensor t = expect_tensor(o.ptr(), "tensor");
        Storage* s = t->storage->root();
        const auto bytes = static_cast<int64_t>(s->bytes());
        const Tensor all(new TensorImpl(s, 0, Dtype::kUInt8, Dims{bytes}, Dims{1}));
        return py::reinterpret_steal<py::object>(wrap(clone(all)));
      },
      "A copy, as bytes, of all memory that the tensor is on.");
  m.def(
      "_on_memory",
      [](const py::object& o, const py::object& memory) {
        const Tensor t = expect_tensor(o.ptr(), "tensor"),
                     m = expect_tensor(memory.ptr(), "memory");
        check(m->storage->bytes() >= t->storage->bytes(), "_on_memory: too little memory");
        Ref<TensorImpl> r =
            new TensorImpl(m->storage, t->offset, t.dtype(), t.shape(), t.strides());
        r->view = ViewKind::kPlain;  // others may be on that memory
        return py::reinterpret_steal<py::object>(wrap(Tensor(std::move(r))));
      },
      "A tensor at the same place of other memory.");
}

}  // namespace wengert::bind
