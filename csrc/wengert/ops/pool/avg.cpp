// Means of windows, and what is made of them.
#include <cmath>

#include "wengert/ops/pointwise/pointwise.h"
#include "wengert/ops/pool/windows.h"

namespace wengert {
namespace {

using namespace pooling;

constexpr Signature kAvgPool1d =
    "(input: Tensor, kernel_size: ints, stride: ints | None = None, padding: ints = 0, ceil_mode: "
    "bool = False, count_include_pad: bool = True) -> Tensor";
constexpr Signature kAvgPool =
    "(input: Tensor, kernel_size: ints, stride: ints | None = None, padding: ints = 0, ceil_mode: "
    "bool = False, count_include_pad: bool = True, divisor_override: int | None = None) -> Tensor";
constexpr int kKernel = attribute("kernel_size", kAvgPool1d, kAvgPool);
constexpr int kStride = attribute("stride", kAvgPool1d, kAvgPool);
constexpr int kPadding = attribute("padding", kAvgPool1d, kAvgPool);
constexpr int kCeil = attribute("ceil_mode", kAvgPool1d, kAvgPool);
constexpr int kIncludePad = attribute("count_include_pad", kAvgPool1d, kAvgPool);
constexpr int kDivisor = kAvgPool["divisor_override"];

Windows windows_of(const Dims& shape, const Attrs& a, int n) {
  Windows w;
  read_kernel(a.ints(kKernel), ints_or_none(a, kStride), a.ints(kPadding), 1, n, w);
  check_kernel(w, n);
  read_input(shape, n, w);
  count_windows(w, n, a.flag(kCeil));
  return w;
}

Divisor divisor_of(const Attrs& a) {
  Divisor by{.include_pad = a.flag(kIncludePad)};
  if (a.count() > kDivisor && a.has(kDivisor)) by.fixed = a.integer(kDivisor);
  return by;
}

// The number of dimensions of images whose channels may lie last; of volumes a mean is contiguous,
// as in PyTorch.
constexpr int images_of(int64_t n) { return n == 2 ? 4 : 0; }

template <int n>
void avg_shape(Call& c) {
  const Tensor& x = c.in(0);
  check(is_floating(x.dtype()) || x.dtype() == Dtype::kInt64, ErrorKind::kNotImplemented,
        "not implemented for dtype ", x.dtype());
  if (c.attrs.count() > kDivisor && c.attrs.has(kDivisor))
    check(c.attrs.integer(kDivisor) != 0, "divisor must be not zero");
  const Dims shape = pooled_shape(x.shape(), windows_of(x.shape(), c.attrs, n), n);
  output_images(c, x.dtype(), shape, arrange_alike(c, 0, images_of(n)));
}

template <int n>
void avg_run(Call& c) {
  const Tensor &x = c.in(0), &y = c.out[0];
  if (y.numel() == 0) return;
  const Windows w = windows_of(x.shape(), c.attrs, n);
  if (has_channels_last(c, 0, images_of(n)))
    return avg_pool_last(with_channels(w, x.shape()[1]), divisor_of(c.attrs), x.dtype(), x.data(),
                         y.data());
  avg_pool(w, divisor_of(c.attrs), x.dtype(), x.data(), y.data());
}

// The first attributes are those of the forward pass, with one divisor for all.
constexpr Signature kBackward =
    "(grad: Tensor, kernel_size: ints, stride: ints | None, padding: ints, ceil_mode: bool, "
    "count_include_pad: bool, divisor_override: int | None, size: ints, dims: int) -> Tensor";
static_assert(attribute("divisor_override", kBackward, kAvgPool) == kDivisor &&
              attribute("kernel_size", kBackward, kAvgPool) == kKernel);

Windows backward_windows(const Call& c) {
  const Dims size = c.attrs.dims(kBackward["size"]);
  const int64_t n = c.attrs.integer(kBackward["dims"]);
  check(n >= 1 && n <= 3, "1 to 3 dims expected, got ", n);
  for (int64_t s : size) check(s >= 0, "sizes below zero: ", size);
  const Windows w = windows_of(size, c.attrs, static_cast<int>(n));
  const Dims expected = pooled_shape(size, w, static_cast<int>(n));
  check(c.in(0).shape() == expected, "a gradient of shape ", expected, " expected, got ",
        c.in(0).shape());
  return w;
}

const Op* avg_op(int64_t n);

// dx_i = sum of g_o / divisor over the windows o that see i      linear in g: dg = avg_pool(h)
constinit const Op avg_pool_backward_op{
    .name = "_avg_pool_backward",
    .signature = kBackward,
    .on = 0,
    .doc = "The gradient of avg_pool1d(), 2d and 3d, for an input of shape `size`.",
    .checked = true,
    .shape =
        [](Call& c) {
          floating_input(c);
          check(!c.attrs.has(kDivisor) || c.attrs.integer(kDivisor) != 0,
                "divisor must be not zero");
          backward_windows(c);
          const bool last = arrange_alike(c, 0, images_of(c.attrs.integer(kBackward["dims"])));
          output_images(c, c.in(0).dtype(), c.attrs.dims(kBackward["size"]), last);
        },
    .run =
        [](Call& c) {
          const Tensor& g = c.in(0);
          if (c.out[0].numel() == 0) return;
          const Windows w = backward_windows(c);
          if (has_channels_last(c, 0, images_of(c.attrs.integer(kBackward["dims"]))))
            return avg_pool_backward_last(with_channels(w, g.shape()[1]), divisor_of(c.attrs),
                                          g.dtype(), g.data(), c.out[0].data());
          avg_pool_backward(w, divisor_of(c.attrs), g.dtype(), g.data(), c.out[0].data());
        },
    .vjp =
        [](Vjp& v) {
          const int64_t n = v.attrs().integer(kBackward["dims"]);
          Attrs a;
          for (int i = 0; i <= (n == 1 ? kIncludePad : kDivisor); ++i) a.add_from(v.attrs(), i);
          v.set(0, apply(*avg_op(n), {v.g()}, a));
        }};

template <int n>
void avg_vjp(Vjp& v) {
  Attrs a;
  for (int i = 0; i <= kIncludePad; ++i) a.add_from(v.attrs(), i);
  n == 1 ? a.add(nullptr) : a.add_from(v.attrs(), kDivisor);
  a.add(v.shape(0));
  a.add(n);
  v.set(0, apply(avg_pool_backward_op, {v.g()}, a));
}

template <int n>
constexpr Op avg_pool_row(const char* name, const Signature& signature, uint32_t on) {
  Op op{.name = name, .signature = signature, .on = on};
  op.doc =
      "The mean of each window of the last dimensions. `stride`, `padding` and `ceil_mode` as in "
      "max pooling; zeros stand in the padding, which counts unless `count_include_pad` is False. "
      "The sum is divided by `divisor_override` where that is given. Floating or int64.";
  op.shape = avg_shape<n>;
  op.run = avg_run<n>;
  op.vjp = avg_vjp<n>;
  return op;
}
// y_o = sum of x over window o / divisor        dx_i = sum of g_o / divisor over the windows with i
constinit const Op avg_pool1d_op = avg_pool_row<1>("avg_pool1d", kAvgPool1d, kModule | kFunctional);
// y_o = sum of x over window o / divisor        dx_i = sum of g_o / divisor over the windows with i
constinit const Op avg_pool2d_op = avg_pool_row<2>("avg_pool2d", kAvgPool, kFunctional);
// y_o = sum of x over window o / divisor        dx_i = sum of g_o / divisor over the windows with i
constinit const Op avg_pool3d_op = avg_pool_row<3>("avg_pool3d", kAvgPool, kFunctional);

const Op* avg_op(int64_t n) {
  return n == 1 ? &avg_pool1d_op : n == 2 ? &avg_pool2d_op : &avg_pool3d_op;
}

Tensor averaged(int n, const Tensor& x, Ints kernel, Ints stride, Ints padding, bool ceil_mode,
                bool include_pad, std::optional<int64_t> divisor = {}) {
  Attrs a(kernel, stride, padding, ceil_mode, include_pad);
  if (divisor)
    a.add(*divisor);
  else if (n > 1)
    a.add(nullptr);
  return apply(*avg_op(n), {x}, a);
}

// ---- power means

constexpr Signature kLpPool =
    "(input: Tensor, norm_type: Number, kernel_size: ints, stride: ints | None = None, ceil_mode: "
    "bool = False) -> Tensor";

Tensor largest(int n, const Tensor& x, Ints kernel, Ints stride, bool ceil_mode) {
  if (n == 1) return max_pool1d(x, kernel, stride, 0, 1, ceil_mode);
  if (n == 2) return max_pool2d(x, kernel, stride, 0, 1, ceil_mode);
  return max_pool3d(x, kernel, stride, 0, 1, ceil_mode);
}

template <int n>
void lp_composed(Call& c) {
  const Tensor& x = c.in(0);
  const Scalar p = c.attrs.scalar(kLpPool["norm_type"]);
  const Ints kernel = c.attrs.ints(kLpPool["kernel_size"]);
  const Ints stride = ints_or_none(c.attrs, kLpPool["stride"]);
  const bool ceil_mode = c.attrs.flag(kLpPool["ceil_mode"]);
  if (std::isinf(p.real())) {
    const Tensor m = p.real() > 0 ? abs(x) : neg(abs(x));
    const Tensor y = largest(n, m, kernel, stride, ceil_mode);
    c.results = {p.real() > 0 ? y : neg(y)};
    return;
  }
  int64_t sizes[3] = {1, 1, 1};
  read_sizes(kernel, n, "kernel_size", sizes);
  const Tensor mean = averaged(n, pow(x, p), kernel, stride, 0, ceil_mode, true);
  const double count =
      static_cast<double>(sizes[0]) * static_cast<double>(sizes[1]) * static_cast<double>(sizes[2]);
  c.results = {pow(mul(mul(sign(mean), relu(abs(mean))), Scalar(static_cast<int64_t>(count))),
                   1.0 / p.real())};
}

template <int n>
constexpr Op lp_pool_row(const char* name) {
  Op op{.name = name, .signature = kLpPool, .on = kFunctional};
  op.doc =
      "(sum of x^p over each window)^(1/p) with p = `norm_type`; of an infinite one the largest "
      "magnitude. `stride` and `ceil_mode` as in max pooling.";
  op.composed = lp_composed<n>;
  return op;
}
// y_o = (sum of x^p over window o)^(1/p)
constinit const Op lp_pool1d_op = lp_pool_row<1>("lp_pool1d");
// y_o = (sum of x^p over window o)^(1/p)
constinit const Op lp_pool2d_op = lp_pool_row<2>("lp_pool2d");
// y_o = (sum of x^p over window o)^(1/p)
constinit const Op lp_pool3d_op = lp_pool_row<3>("lp_pool3d");

}  // namespace

Tensor avg_pool1d(const Tensor& x, Ints kernel, Ints stride, Ints padding, bool ceil_mode,
                  bool count_include_pad) {
  return averaged(1, x, kernel, stride, padding, ceil_mode, count_include_pad);
}
Tensor avg_pool2d(const Tensor& x, Ints kernel, Ints stride, Ints padding, bool ceil_mode,
                  bool count_include_pad, std::optional<int64_t> divisor_override) {
  return averaged(2, x, kernel, stride, padding, ceil_mode, count_include_pad, divisor_override);
}
Tensor avg_pool3d(const Tensor& x, Ints kernel, Ints stride, Ints padding, bool ceil_mode,
                  bool count_include_pad, std::optional<int64_t> divisor_override) {
  return averaged(3, x, kernel, stride, padding, ceil_mode, count_include_pad, divisor_override);
}

namespace {
const Op* const kOps[] = {&avg_pool1d_op, &avg_pool2d_op, &avg_pool3d_op,       &lp_pool1d_op,
                          &lp_pool2d_op,  &lp_pool3d_op,  &avg_pool_backward_op};
}
std::span<const Op* const> avg_pool_ops() { return kOps; }

}  // namespace wengert
