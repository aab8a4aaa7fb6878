// Ops that write to a tensor they are given.
#include <cmath>
#include <optional>

#include "wengert/base/allocator.h"
#include "wengert/kernels/core/copy.h"
#include "wengert/ops/create/create.h"
#include "wengert/ops/pointwise/rows.h"
#include "wengert/ops/shape/view.h"

namespace wengert {

namespace {

// x = y, broadcast           dx = 0      dy = g, summed to its shape
constinit const Op copy_op{
    .name = "copy_",
    .signature = "(input: Tensor, src: Tensor, non_blocking: bool = False) -> Tensor",
    .on = kMethod,
    .doc = "Writes src, broadcast and cast, into the tensor. The gradient goes to src.",
    .mutates = true,
    .any_dtype = true,
    .shape =
        [](Call& c) {
          const Dims &to = c.in(0).shape(), &from = c.in(1).shape();
          check(broadcast_shapes(to, from) == to, "a source of shape ", from,
                " cannot be broadcast to a tensor of shape ", to);
        },
    .run =
        [](Call& c) {
          const Tensor &y = c.in(0), &x = c.in(1);
          const Dims steps = broadcast_strides(x.shape(), x.strides(), y.shape());
          if (!x.shares_memory(y))
            return cast_strided(y.data(), y.dtype(), y.strides(), x.data(), x.dtype(), steps,
                                y.shape());
          if (x.data() == y.data() && steps == y.strides() && x.dtype() == y.dtype()) return;
          const Scratch copy(static_cast<size_t>(y.bytes()));
          const Dims own = contiguous_strides(y.shape());
          cast_strided(copy.as<void>(), y.dtype(), own, x.data(), x.dtype(), steps, y.shape());
          copy_strided(y.data(), y.strides(), copy.as<void>(), own, y.shape(), item_size(y));
        },
    .vjp =
        [](Vjp& v) {
          zero_vjp(v);
          if (v.needs(1)) v.set(1, v.g());
        },
};

// x = v                      dx = 0      dv = sum g
constinit const Op fill_op{
    .name = "fill_",
    .signature = "(input: Tensor, value: Operand) -> Tensor",
    .on = kMethod,
    .doc =
        "Writes a number, or a 0-d tensor, into all elements. The gradient of a 0-d tensor is "
        "the sum of the output's.",
    .mutates = true,
    .any_dtype = true,
    .shape =
        [](Call& c) {
          if (c.input(1).is_scalar())
            return dispatch_all(c.in(0).dtype(),
                                [&](auto zero) { c.input(1).scalar().to<decltype(zero)>(); });
          check(c.in(1).ndim() == 0, "only supports 0-dimension value tensor but got tensor with ",
                c.in(1).ndim(), " dimensions.");
        },
    .run =
        [](Call& c) {
          const Tensor& y = c.in(0);
          const Scalar s = c.input(1).is_scalar() ? c.input(1).scalar() : c.in(1).item();
          fill_strided(y.data(), y.dtype(), y.strides(), y.shape(), s);
        },
    .vjp =
        [](Vjp& v) {
          zero_vjp(v);
          if (v.needs(1)) v.set(1, v.g());
        },
};

// y = v
constinit const Op filled_op{
    .name = "fill",
    .signature = "(input: Tensor, value: Operand) -> Tensor",
    .doc = "A tensor of the input's shape and dtype with a number, or a 0-d tensor, throughout.",
    .composed =
        [](Call& c) {
          const Tensor& x = c.in(0);
          const bool followed =
              grad_enabled() && x.requires_grad();  // x has a gradient then: zeros
          c.results = {followed ? clone(x) : empty_like(x)};
          Call fill(fill_op);
          fill.add_input(c.results[0]);
          fill.add_input(c.input(1));
          apply(fill);
        },
};

// x = 0                      dx = 0
constinit const Op zero_op{
    .name = "zero_",
    .signature = "(input: Tensor) -> Tensor",
    .on = kMethod,
    .doc = "Writes zeros into all elements.",
    .mutates = true,
    .zeros = true,
    .any_dtype = true,
    .run =
        [](Call& c) {
          const Tensor& y = c.in(0);
          if (y.is_contiguous()) return zero_bytes(y.data(), y.bytes());
          fill_strided(y.data(), y.dtype(), y.strides(), y.shape(), 0);
        },
    .vjp = zero_vjp,
};

constexpr Signature kFillDiagonal =
    "(input: Tensor, fill_value: Number, wrap: bool = False) -> Tensor";
// x_ii = v                   dx = g but 0 on the diagonal
constinit const Op fill_diagonal_op{
    .name = "fill_diagonal_",
    .signature = kFillDiagonal,
    .on = kMethod,
    .doc =
        "Writes a number onto the main diagonal (all indices equal) of a tensor of at least 2 "
        "dimensions; with `wrap`, a tall matrix gets one every m + 1 rows.",
    .mutates = true,
    .shape =
        [](Call& c) {
          const Tensor& x = c.in(0);
          check(x.ndim() >= 2, "dimensions must be larger than 1, got ", x.ndim());
          for (int64_t n : x.shape())
            check(x.ndim() == 2 || n == x.shape()[0],
                  "all dimensions of input must be of equal length, got ", x.shape());
        },
    .run =
        [](Call& c) {
          const Tensor& y = c.in(0);
          int64_t step = 0, n = y.shape()[0];
          for (int d = 0; d < y.ndim(); ++d) {
            step += y.strides()[d];
            n = std::min(n, y.shape()[d]);
          }
          const Scalar value = c.attrs.scalar(kFillDiagonal["fill_value"]);
          fill_strided(y.data(), y.dtype(), Dims{step}, Dims{n}, value);
          if (!c.attrs.flag(kFillDiagonal["wrap"]) || y.ndim() != 2) return;
          const int64_t rows = y.shape()[0], m = y.shape()[1];
          for (int64_t first = m + 1; first < rows; first += m + 1)
            fill_strided(y.data() + first * y.strides()[0] * item_size(y), y.dtype(), Dims{step},
                         Dims{std::min(m, rows - first)}, value);
        },
    .vjp =
        [](Vjp& v) {
          if (!v.needs(0)) return;
          Tensor g = clone(v.g());
          Call c(*v.entry().op, Attrs(0, v.attrs().flag(kFillDiagonal["wrap"])));
          c.add_input(g);
          apply(c);
          v.set(0, g);
        },
};

Tensor& inplace(const Op& op, Tensor& x, const Operand& y, const Attrs& attrs) {
  Call c(op, attrs);
  c.add_input(x);
  c.add_input(y);
  op.mutates ? apply(c) : apply_inplace(c);
  return x;
}

const Op* const kInplaceOps[] = {&copy_op, &fill_op, &filled_op, &zero_op, &fill_diagonal_op};

}  // namespace

Tensor& copy_(Tensor& x, const Operand& source) {
  check_defined(x, "copy_");
  if (source.is_scalar()) return fill_(x, source.scalar());
  check_defined(source, "copy_", "src");
  return inplace(copy_op, x, is_floating(x.dtype()) ? source : Operand(source->detach()),
                 Attrs(false));
}
Tensor& fill_(Tensor& x, const Scalar& value) { return inplace(fill_op, x, value, {}); }
Tensor& zero_(Tensor& x) {
  Call c(zero_op);
  c.add_input(x);
  apply(c);
  return x;
}
Tensor& add_(Tensor& x, const Operand& y) { return inplace(add_op, x, y, {}); }
Tensor& sub_(Tensor& x, const Operand& y) { return inplace(sub_op, x, y, {}); }
Tensor& mul_(Tensor& x, const Operand& y) { return inplace(mul_op, x, y, {}); }
Tensor& div_(Tensor& x, const Operand& y) { return inplace(div_op, x, y, {}); }
std::span<const Op* const> inplace_ops() { return kInplaceOps; }

}  // namespace wengert
