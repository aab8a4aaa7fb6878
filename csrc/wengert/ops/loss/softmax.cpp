// softmax, log_softmax, softmin. Their gradients are fused ops of their own.
#include "wengert/kernels/loss/softmax.h"

#include "wengert/base/warning.h"
#include "wengert/ops/loss/loss.h"
#include "wengert/ops/reduce/dims.h"

namespace wengert {
namespace {

constexpr Signature kSoftmax = "(input: Tensor, dim: int, dtype: dtype | None = None) -> Tensor";
constexpr Signature kFunctionalSoftmax =
    "(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: dtype | None = None) -> "
    "Tensor";
constexpr Signature kSoftmaxBackward = "(grad: Tensor, output: Tensor, dim: int) -> Tensor";

SoftmaxShape softmax_shape(const Dims& shape, int64_t dim) {
  const Lines l = lines_of(shape, dim);
  return {l.outer, l.n, l.inner};
}

void forward_shape(Call& c) {
  const Tensor& x = c.in(0);
  wrap_dim(c.attrs.integer(kSoftmax["dim"]), x.ndim());
  const Dtype dtype = c.attrs.dtype_or(kSoftmax["dtype"], x.dtype());
  check(is_floating(dtype), ErrorKind::kNotImplemented, "not implemented for dtype ", dtype,
        "; a floating dtype is needed");
  const Dims shape = x.shape();
  cast_input(c, 0, dtype);
  c.output(dtype, shape);
}

template <bool kLog>
void forward_run(Call& c) {
  softmax_forward(c.out[0].dtype(), kLog,
                  softmax_shape(c.out[0].shape(), c.attrs.integer(kSoftmax["dim"])), c.in(0).data(),
                  c.out[0].data());
}

void backward_shape(Call& c) {
  check(c.in(0).shape() == c.in(1).shape(), "grad and output differ in shape: ", c.in(0).shape(),
        " and ", c.in(1).shape());
  wrap_dim(c.attrs.integer(kSoftmaxBackward["dim"]), c.in(0).ndim());
  c.output(c.common, c.in(0).shape());
}

template <bool kLog>
void backward_run(Call& c) {
  softmax_gradient(c.out[0].dtype(), kLog,
                   softmax_shape(c.out[0].shape(), c.attrs.integer(kSoftmaxBackward["dim"])),
                   c.in(0).data(), c.in(1).data(), c.out[0].data());
}

Tensor line_sum(const Tensor& x, int64_t dim) { return sum(x, Dims{dim}, true); }

// dim = None, as PyTorch has it.
int64_t implicit_dim(const Call& c) {
  if (c.attrs.has(kFunctionalSoftmax["dim"])) return c.attrs.integer(kFunctionalSoftmax["dim"]);
  warn("Implicit dimension choice for ", c.op().name,
       " has been deprecated. Change the call to include dim=X as an argument.");
  const int n = c.in(0).ndim();
  return n == 0 || n == 1 || n == 3 ? 0 : 1;
}

Attrs functional_attrs(const Call& c) {
  Attrs a(implicit_dim(c));
  a.add_from(c.attrs, kFunctionalSoftmax["dtype"]);
  return a;
}

}  // namespace

// d = y (g - sum g y)          dg = y (h - sum h y)        dy = h (g - sum g y) - g sum h y
constinit const Op softmax_backward_op{
    .name = "softmax_backward",
    .signature = kSoftmaxBackward,
    .on = 0,
    .doc = "The gradient of softmax from that of its output, and the output.",
    .promote = Promote::kFloat,
    .contiguous = true,
    .shape = backward_shape,
    .run = backward_run<false>,
    .vjp =
        [](Vjp& v) {
          const int64_t dim = v.attrs().integer(kSoftmaxBackward["dim"]);
          const Tensor h = v.g(), g = v.x(0), y = v.x(1);
          if (v.needs(0)) v.set(0, softmax_backward(h, y, dim));
          if (v.needs(1))
            v.set(1,
                  sub(mul(h, sub(g, line_sum(mul(g, y), dim))), mul(g, line_sum(mul(h, y), dim))));
        },
    .reads = kInputs};

// d = g - exp(y) sum g         dg = h - sum h exp(y)       dy = -h exp(y) sum g
constinit const Op log_softmax_backward_op{
    .name = "log_softmax_backward",
    .signature = kSoftmaxBackward,
    .on = 0,
    .doc = "The gradient of log_softmax from that of its output, and the output.",
    .promote = Promote::kFloat,
    .contiguous = true,
    .shape = backward_shape,
    .run = backward_run<true>,
    .vjp =
        [](Vjp& v) {
          const int64_t dim = v.attrs().integer(kSoftmaxBackward["dim"]);
          const Tensor h = v.g(), g = v.x(0);
          const Tensor he = mul(h, exp(v.x(1)));
          if (v.needs(0)) v.set(0, sub(h, line_sum(he, dim)));
          if (v.needs(1)) v.set(1, neg(mul(he, line_sum(g, dim))));
        },
    .reads = kInputs};

// y_i = exp(x_i) / sum_j exp(x_j)          dx = y (g - sum g y)
constinit const Op softmax_op{
    .name = "softmax",
    .signature = kSoftmax,
    .doc =
        "exp(x) / sum(exp(x)) along `dim`, computed on x - max(x). Floating only; `dtype` casts "
        "the input first.",
    .contiguous = true,
    .shape = forward_shape,
    .run = forward_run<false>,
    .vjp =
        [](Vjp& v) {
          v.set(0, softmax_backward(v.g(), v.y(), v.attrs().integer(kSoftmax["dim"])));
        },
    .reads = kOutput};

// y_i = x_i - log sum_j exp(x_j)           dx = g - exp(y) sum g
constinit const Op log_softmax_op{
    .name = "log_softmax",
    .signature = kSoftmax,
    .doc =
        "x - log(sum(exp(x))) along `dim`, computed on x - max(x). Floating only; `dtype` casts "
        "the input first.",
    .contiguous = true,
    .shape = forward_shape,
    .run = forward_run<true>,
    .vjp =
        [](Vjp& v) {
          v.set(0, log_softmax_backward(v.g(), v.y(), v.attrs().integer(kSoftmax["dim"])));
        },
    .reads = kOutput};

constinit const Op softmax_functional_op{
    .name = "softmax",
    .signature = kFunctionalSoftmax,
    .on = kFunctional,
    .doc = "softmax along `dim`; None is 0 for 0-, 1- and 3-d inputs, otherwise 1.",
    .composed = [](Call& c) { c.results = {apply(softmax_op, {c.in(0)}, functional_attrs(c))}; }};
constinit const Op log_softmax_functional_op{
    .name = "log_softmax",
    .signature = kFunctionalSoftmax,
    .on = kFunctional,
    .doc = "log_softmax along `dim`; None is 0 for 0-, 1- and 3-d inputs, otherwise 1.",
    .composed = [](Call& c) {
      c.results = {apply(log_softmax_op, {c.in(0)}, functional_attrs(c))};
    }};
// y_i = exp(-x_i) / sum_j exp(-x_j)
constinit const Op softmin_op{
    .name = "softmin",
    .signature = kFunctionalSoftmax,
    .on = kFunctional,
    .doc = "softmax of -x along `dim`; None is 0 for 0-, 1- and 3-d inputs, otherwise 1.",
    .composed = [](Call& c) {
      c.results = {apply(softmax_op, {neg(c.in(0))}, functional_attrs(c))};
    }};

Tensor softmax(const Tensor& x, int64_t dim) { return apply(softmax_op, {x}, Attrs(dim, nullptr)); }
Tensor log_softmax(const Tensor& x, int64_t dim) {
  return apply(log_softmax_op, {x}, Attrs(dim, nullptr));
}
Tensor softmax_backward(const Tensor& g, const Tensor& y, int64_t dim) {
  return apply(softmax_backward_op, {g, y}, Attrs(dim));
}
Tensor log_softmax_backward(const Tensor& g, const Tensor& y, int64_t dim) {
  return apply(log_softmax_backward_op, {g, y}, Attrs(dim));
}

namespace {
const Op* const kOps[] = {
    &softmax_op, &log_softmax_op,      &softmax_functional_op,  &log_softmax_functional_op,
    &softmin_op, &softmax_backward_op, &log_softmax_backward_op};
}
std::span<const Op* const> softmax_ops() { return kOps; }

}  // namespace wengert
