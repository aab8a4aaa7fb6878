// local_response_norm: by the neighbouring channels.
#include "wengert/kernels/norm/window.h"
#include "wengert/ops/norm/second.h"
#include "wengert/ops/pointwise/pointwise.h"

namespace wengert {
namespace {

constexpr Signature kWindow = "(input: Tensor, before: int, after: int) -> Tensor";
constexpr Signature kLocal =
    "(input: Tensor, size: int, alpha: float = 0.0001, beta: float = 0.75, k: float = 1.0) -> "
    "Tensor";

int64_t inner_of(const Dims& shape) {
  int64_t n = 1;
  for (int d = 2; d < shape.size(); ++d) n *= shape[d];
  return n;
}

}  // namespace

extern const Op channel_window_sum_op;
// y_c = sum_{i = c - before}^{c + after} x_i        dx_c = sum_{i = c - after}^{c + before} g_i
constinit const Op channel_window_sum_op{
    .name = "_channel_window_sum",
    .signature = kWindow,
    .on = 0,
    .doc = "Sums over neighbouring channels of (N, C, *), those that there are.",
    .contiguous = true,
    .checked = true,
    .shape =
        [](Call& c) {
          const Tensor& x = c.in(0);
          check_norm_dtype(x);
          check(x.ndim() >= 2, "an input (N, C, *) is needed, got ", x.shape());
          check(c.attrs.integer(kWindow["before"]) >= 0 && c.attrs.integer(kWindow["after"]) >= 0,
                "a window ends before it begins");
          c.output(x.dtype(), x.shape());
        },
    .run =
        [](Call& c) {
          const Dims& shape = c.in(0).shape();
          channel_window_sum(c.in(0).dtype(), shape[0], shape[1], inner_of(shape),
                             c.attrs.integer(kWindow["before"]), c.attrs.integer(kWindow["after"]),
                             c.in(0).data(), c.out[0].data());
        },
    .vjp =
        [](Vjp& v) {
          v.set(0, apply(channel_window_sum_op, {v.g()},
                         Attrs(v.attrs().integer(kWindow["after"]),
                               v.attrs().integer(kWindow["before"]))));
        }};

// y_c = x_c / (k + alpha / size sum x_i^2)^beta, c - size / 2 <= i <= c + (size - 1) / 2
constinit const Op local_response_norm_op{
    .name = "local_response_norm",
    .signature = kLocal,
    .on = kFunctional,
    .doc =
        "Input (N, C, *), of 3 dimensions or more (ValueError): each element by (k + alpha * the "
        "mean square of `size` neighbouring channels) ** beta, channels beyond the ends counting "
        "as 0. Krizhevsky, Sutskever, Hinton 2012, section 3.3.",
    .composed = [](Call& c) {
      const Attrs& a = c.attrs;
      c.results = {local_response_norm(c.in(0), a.integer(kLocal["size"]), a.real(kLocal["alpha"]),
                                       a.real(kLocal["beta"]), a.real(kLocal["k"]))};
    }};

Tensor local_response_norm(const Tensor& x, int64_t size, double alpha, double beta, double k) {
  check_defined(x, "local_response_norm");
  check(x.ndim() >= 3, ErrorKind::kValue, "Expected 3D or higher dimensionality input (got ",
        x.ndim(), " dimensions)");
  if (x.numel() == 0) return x;
  check(size > 0, "kernel size should be greater than zero, but got ", size);
  const auto n = static_cast<double>(size);
  const auto sums = [&](const Tensor& of) {
    return apply(channel_window_sum_op, {of}, Attrs(size / 2, (size - 1) / 2));
  };
  // The mean of integers is one, as PyTorch has it.
  const bool whole = x.dtype() == Dtype::kInt64;
  const Tensor squares =
      whole ? to(floor(div(sums(to(mul(x, x), Dtype::kFloat64)), n)), default_dtype())
            : sums(mul(x, x));
  const Tensor scale = add(mul(squares, whole ? alpha : alpha / n), k);
  return div(x, pow(scale, beta));
}

namespace {
const Op* const kOps[] = {&local_response_norm_op, &channel_window_sum_op};
}
std::span<const Op* const> local_norm_ops() { return kOps; }

}  // namespace wengert
