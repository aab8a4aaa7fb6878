#include "wengert/ops/pointwise/pointwise.h"

#include "wengert/kernels/core/pointwise_rows.h"
#include "wengert/ops/pointwise/rows.h"
#include "wengert/ops/shape/view.h"

namespace wengert {
namespace {

constexpr int64_t kFew = 16 * 1024;  // of more elements the blocks of a buffer cost something

PointwiseKernel kernel_of(const Call& c, const PointwiseRow& row) {
  const PointwiseKernel k = row.kernels[index(c.common)];
  check(k, ErrorKind::kNotImplemented, "not implemented for dtype ", c.common);
  return k;
}

// The dense strides of the result; none if it is contiguous. See Note [layout].
Dims result_strides(const Call& c, int inputs, const Dims& shape) {
  List<Dims> strides;
  for (int i = 0; i < inputs; ++i)
    if (c.input(i).is_tensor())
      strides.push_back(broadcast_strides(c.in(i).shape(), c.in(i).strides(), shape));
  return dense_strides(strides, shape);
}

bool lies_alike(const Tensor& x, const Tensor& y) {
  return x.shape() == y.shape() &&
         (x.strides() == y.strides() || (x.is_contiguous() && y.is_contiguous()));
}

}  // namespace

void pointwise_shape(Call& c) {
  const PointwiseRow& row = *c.op().pointwise;
  kernel_of(c, row);
  const Dims* shape = nullptr;
  Dims joined;
  bool plain = true;
  for (int i = 0; i < row.arity; ++i) {
    if (!c.input(i).is_tensor()) continue;
    plain &= c.in(i).is_contiguous();
    if (!shape) {
      shape = &c.in(i).shape();
    } else if (!(c.in(i).shape() == *shape)) {
      joined = broadcast_shapes(*shape, c.in(i).shape());
      shape = &joined;
    }
  }
  const Dtype dtype = row.bool_output ? Dtype::kBool : c.common;
  if (plain) [[likely]]
    return c.output(dtype, shape ? *shape : Dims());
  c.output(dtype, *shape, result_strides(c, row.arity, *shape));
}

void pointwise_run(Call& c) { pointwise_run(c, *c.op().pointwise); }
void pointwise_run(Call& c, const PointwiseRow& row) {
  const int count = row.arity + 1;
  const Tensor& out = c.out[0];
  double params[kMaxPointwiseParams];
  for (int i = 0; i < c.attrs.count(); ++i) params[i] = c.attrs.has(i) ? c.attrs.real(i) : 0;

  std::byte* data[kMaxOperands];
  int64_t sizes[kMaxOperands];
  bool single[kMaxOperands];
  int64_t numbers[kMaxOperands];
  data[0] = out.data();
  sizes[0] = item_size(out.dtype());
  single[0] = false;
  bool some_single = false;
  bool flat = out.is_contiguous() || is_dense(out.shape(), out.strides());
  for (int k = 1; k < count; ++k) {
    const Operand& x = c.input(k - 1);
    if (x.is_tensor()) {
      data[k] = x->data();
      sizes[k] = item_size(x->dtype());
      single[k] = x->numel() == 1;
      flat &= single[k] || lies_alike(x.tensor(), out);
      some_single |= single[k];
      continue;
    }
    const Dtype type = row.mask_first && k == 1 ? Dtype::kBool : c.common;
    dispatch(type, [&](auto zero) {
      using T = decltype(zero);
      // `where` stores the number; in arithmetic it wraps.
      const T v = row.mask_first ? x.scalar().to<T>() : x.scalar().wrapped<T>();
      std::memcpy(&numbers[k], &v, sizeof v);
    });
    data[k] = reinterpret_cast<std::byte*>(&numbers[k]);
    sizes[k] = item_size(type);
    single[k] = some_single = true;
  }
  const bool takes = row.singles && is_floating(c.common);
  if (flat && !(takes && some_single && out.numel() > kFew))
    return pointwise_flat(kernel_of(c, row), params, out.numel(), data, sizes, single, count);

  PointwiseOperand operands[kMaxOperands];
  for (int k = 0; k < count; ++k) {
    const Tensor* t = k == 0 ? &out : c.input(k - 1).is_tensor() ? &c.in(k - 1) : nullptr;
    operands[k] = {
        data[k], sizes[k],
        t ? broadcast_strides(t->shape(), t->strides(), out.shape()) : Dims::filled(out.ndim(), 0)};
  }
  pointwise_loop(kernel_of(c, row), params, out.shape(), operands, count, takes);
}

Scalar checked_number(const Scalar& s, Dtype dtype) {
  return dispatch_all(dtype, [&](auto zero) { return number(s.to<decltype(zero)>()); });
}

void fit_bound(Call& c, int i, bool upper) {
  if (!c.input(i).is_scalar() || c.common == Dtype::kFloat64) return;
  const Scalar s = c.input(i).scalar();
  dispatch(c.common, [&](auto zero) {
    using T = decltype(zero);
    using Limits = std::numeric_limits<T>;
    constexpr T most = std::is_floating_point_v<T> ? Limits::infinity() : Limits::max();
    const double v = s.real();
    const bool above = v > static_cast<double>(Limits::max());
    if (std::isinf(v) || !(above || v < static_cast<double>(Limits::lowest()))) return;
    if (upper != above) overflows(s, c.common);
    c.input(i) = Scalar(upper ? most : std::is_floating_point_v<T> ? -most : Limits::lowest());
  });
}

Operand cast_to(const Operand& x, Dtype dtype) {
  return x.is_tensor() && x->dtype() != dtype ? Operand(to(x, dtype)) : x;
}

namespace {
PointwiseKernel kernel_of(const Op& op, int arity, Dtype dtype) {
  const PointwiseRow* row = op.pointwise;
  return row && row->arity == arity && !row->bool_output ? row->kernels[index(dtype)] : nullptr;
}
}  // namespace
PointwiseKernel unary_kernel(const Op& op, Dtype dtype) { return kernel_of(op, 1, dtype); }
PointwiseKernel binary_kernel(const Op& op, Dtype dtype) { return kernel_of(op, 2, dtype); }

void no_gradient(Vjp& v) {
  for (int i = 0; i < v.inputs(); ++i)
    if (v.needs(i)) v.set(i, zeros(v.shape(i), v.dtype(i)));
}

}  // namespace wengert
