// Elements around a tensor: a number, or the tensor's own, mirrored, repeated or from the other
// end.
#include <cstring>

#include "wengert/ops/pool/windows.h"

namespace wengert {
namespace {

using namespace pooling;

constexpr Signature kConstant = "(input: Tensor, pad: ints, value: Number = 0) -> Tensor";
constexpr Signature kMode = "(input: Tensor, pad: ints, mode: int) -> Tensor";
constexpr Signature kModeBackward = "(grad: Tensor, pad: ints, mode: int, size: ints) -> Tensor";
constexpr Signature kPad =
    "(input: Tensor, pad: ints, mode: 'constant' | 'reflect' | 'replicate' | 'circular' = "
    "'constant', value: Number | None = None) -> Tensor";
constexpr int kAmounts = attribute("pad", kConstant, kMode, kModeBackward, kPad);

// How much is put before each dimension, and the shape with all of it.
struct Padding {
  Dims before, shape;
  Padding(const Dims& x, Ints pad) : before(Dims::filled(x.size(), 0)), shape(x) {
    check(pad.size() % 2 == 0, "Padding length must be divisible by 2");
    check(static_cast<int>(pad.size()) <= 2 * x.size(),
          "Padding length should be less than or equal to two times the input dimension but got "
          "padding length ",
          static_cast<int64_t>(pad.size()), " and input of dimension ", x.size());
    for (size_t i = 0; i < pad.size(); i += 2) {
      const int d = x.size() - 1 - static_cast<int>(i / 2);
      for (int64_t p : {pad[i], pad[i + 1]})
        check(p > -kMost && p < kMost, "padding is out of range: ", pad);
      before[d] = pad[i];
      shape[d] += pad[i] + pad[i + 1];
      check(shape[d] >= 0, "The input size ", x[d], ", plus negative padding ", pad[i], " and ",
            pad[i + 1], " resulted in a negative output size, which is invalid");
    }
    static_cast<void>(numel(shape));
  }

 private:
  static constexpr int64_t kMost = int64_t{1} << 40;
};

// y = x, with `value` around it        dx = g without what was put around
constinit const Op constant_pad_nd_op{
    .name = "constant_pad_nd",
    .signature = kConstant,
    .on = kModule,
    .doc =
        "The input with `value` before and behind: pairs of sizes, from the last dimension on. "
        "Negative ones cut off. RuntimeError if less than nothing would be left.",
    .contiguous = true,
    .shape =
        [](Call& c) {
          const Tensor& x = c.in(0);
          const Ints pad = c.attrs.ints(kAmounts);
          const Padding p(x.shape(), pad);
          for (size_t i = 0; i < pad.size(); i += 2) {
            const int d = x.ndim() - 1 - static_cast<int>(i / 2);
            check(
                x.shape()[d] + std::min<int64_t>(pad[i], 0) + std::min<int64_t>(pad[i + 1], 0) >= 0,
                "more is cut off than there is: ", pad[i], " and ", pad[i + 1], " at dimension ", d,
                " of input ", x.shape());
          }
          c.output(x.dtype(), p.shape);
        },
    .run =
        [](Call& c) {
          const Tensor &x = c.in(0), &y = c.out[0];
          if (y.numel() == 0) return;
          const Padding p(x.shape(), c.attrs.ints(kAmounts));
          dispatch(x.dtype(), [&](auto zero) {
            const auto value = c.attrs.scalar(kConstant["value"]).to<decltype(zero)>();
            if (x.ndim() == 0)
              return pad_constant({1}, {1}, {0}, sizeof value, x.data(), &value, y.data());
            pad_constant(x.shape(), p.shape, p.before, sizeof value, x.data(), &value, y.data());
          });
        },
    .vjp =
        [](Vjp& v) {
          Dims back = v.attrs().dims(kAmounts);
          for (int64_t& p : back) p = -p;
          v.set(0, constant_pad_nd(v.g(), back));
        }};

PadMode mode_of(const Attrs& a) {
  const int64_t mode = a.integer(attribute("mode", kMode, kModeBackward, kPad));
  check(mode >= 1 && mode <= 3, "padding mode ", mode, " is not known");
  return static_cast<PadMode>(mode);
}

// What is put around must be there, once.
void check_mode(PadMode mode, const Dims& x, Ints pad) {
  for (size_t i = 0; i < pad.size(); ++i) {
    const int d = x.size() - 1 - static_cast<int>(i / 2);
    if (mode == PadMode::kReflect)
      check(pad[i] < x[d],
            "Padding size should be less than the corresponding input dimension, but got: padding ",
            Ints{pad[i / 2 * 2], pad[i / 2 * 2 + 1]}, " at dimension ", d, " of input ", x);
    if (mode == PadMode::kCircular)
      check(pad[i] <= x[d], "Padding value causes wrapping around more than once.");
    check(x[d] > 0 || pad[i] <= 0, "Expected non-zero dimensions for input, but got: ", x);
  }
}

Tensor padded(const Tensor& x, Ints pad, PadMode mode);
extern const Op pad_backward_op;

// y_i = x_j(i)        dx_j = sum of g_i with j(i) = j
constinit const Op pad_mode_op{
    .name = "_pad_mode",
    .signature = kMode,
    .on = 0,
    .doc = "pad() with the tensor's own elements: 1 reflect, 2 replicate, 3 circular.",
    .contiguous = true,
    .checked = true,
    .shape =
        [](Call& c) {
          const Tensor& x = c.in(0);
          const Padding p(x.shape(), c.attrs.ints(kAmounts));
          const PadMode mode = mode_of(c.attrs);
          check(x.ndim() > 0, "a tensor of at least 1 dimension expected");
          check_mode(mode, x.shape(), c.attrs.ints(kAmounts));
          check(x.dtype() != Dtype::kBool || mode == PadMode::kCircular, ErrorKind::kNotImplemented,
                "not implemented for dtype bool");
          c.output(x.dtype(), p.shape);
        },
    .run =
        [](Call& c) {
          const Tensor &x = c.in(0), &y = c.out[0];
          if (y.numel() == 0) return;
          const Padding p(x.shape(), c.attrs.ints(kAmounts));
          pad_mode(mode_of(c.attrs), x.shape(), p.shape, p.before, item_size(x.dtype()), x.data(),
                   y.data());
        },
    .vjp =
        [](Vjp& v) {
          Attrs a(v.attrs());
          a.add(v.shape(0));
          v.set(0, apply(pad_backward_op, {v.g()}, a));
        }};

// dx_j = sum of g_i with j(i) = j      linear in g: dg_i = h_j(i)
constinit const Op pad_backward_op{
    .name = "_pad_mode_backward",
    .signature = kModeBackward,
    .on = 0,
    .doc = "The gradient of pad() with the tensor's own elements, for an input of shape `size`.",
    .contiguous = true,
    .checked = true,
    .shape =
        [](Call& c) {
          floating_input(c);
          const Dims size = c.attrs.dims(kModeBackward["size"]);
          for (int64_t s : size) check(s >= 0, "sizes below zero: ", size);
          const Padding p(size, c.attrs.ints(kAmounts));
          check_mode(mode_of(c.attrs), size, c.attrs.ints(kAmounts));
          check(size.size() > 0 && c.in(0).shape() == p.shape, "a gradient of shape ", p.shape,
                " expected, got ", c.in(0).shape());
          c.output(c.in(0).dtype(), size);
        },
    .run =
        [](Call& c) {
          const Tensor &g = c.in(0), &dx = c.out[0];
          if (dx.numel() == 0) return;
          const Padding p(dx.shape(), c.attrs.ints(kAmounts));
          pad_mode_backward(mode_of(c.attrs), dx.shape(), p.shape, p.before, g.dtype(), g.data(),
                            dx.data());
        },
    .vjp = [](Vjp& v) { v.set(0, padded(v.g(), v.attrs().ints(kAmounts), mode_of(v.attrs()))); }};

Tensor padded(const Tensor& x, Ints pad, PadMode mode) {
  return apply(pad_mode_op, {x}, Attrs(pad, static_cast<int64_t>(mode)));
}

void pad_composed(Call& c) {
  const Tensor& x = c.in(0);
  const Ints pad = c.attrs.ints(kAmounts);
  const auto mode = static_cast<PadMode>(c.attrs.integer(kPad["mode"]));
  const bool given = c.attrs.has(kPad["value"]);
  if (mode == PadMode::kConstant) {
    c.results = {constant_pad_nd(x, pad, given ? c.attrs.scalar(kPad["value"]) : Scalar(0))};
    return;
  }
  static_cast<void>(Padding(x.shape(), pad));
  check(!given || c.attrs.real(kPad["value"]) == 0,
        "Padding modes other than constant don't take in a value argument");
  const int dims = static_cast<int>(pad.size() / 2);
  check(dims >= 1 && dims <= 3 && (x.ndim() == dims + 1 || x.ndim() == dims + 2),
        ErrorKind::kNotImplemented, "Padding size ", 2 * dims, " is not supported for ", x.ndim(),
        "D input tensor: all modes but constant pad the last 1 to 3 dimensions of a tensor of 1 or "
        "2 more");
  for (int d = x.ndim() == dims + 2; d < x.ndim(); ++d)
    check(x.size(d) != 0 || mode == PadMode::kCircular, "Expected ", dims + 1, "D or ", dims + 2,
          "D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for "
          "input, but got: ",
          x.shape());
  Tensor y = x;
  Dims more(pad);
  if (mode == PadMode::kCircular) {  // the other end is that of what is left
    Dims less(pad);
    for (int i = 0; i < more.size(); ++i) {
      less[i] = std::min<int64_t>(pad[i], 0);
      more[i] = std::max<int64_t>(pad[i], 0);
    }
    if (!(less == Dims::filled(less.size(), 0))) y = constant_pad_nd(x, less);
  }
  c.results = {padded(y, more, mode)};
}

// y_i = x_j(i): j mirrored, cut to the ends, or modulo their distance
constinit const Op pad_op{
    .name = "pad",
    .signature = kPad,
    .on = kFunctional,
    .doc =
        "The input with more positions around it: pairs of sizes, before and behind, from the last "
        "dimension on; negative ones cut off. They hold `value`, or 0; with 'reflect' the elements "
        "mirrored at the ends, with 'replicate' those at the ends, with 'circular' those of the "
        "other end. All but 'constant' pad 1 to 3 dimensions of a tensor with 1 or 2 more.",
    .composed = pad_composed};

}  // namespace

Tensor constant_pad_nd(const Tensor& x, Ints pad, const Scalar& value) {
  return apply(constant_pad_nd_op, {x}, Attrs(pad, value));
}

namespace {
const Op* const kOps[] = {&constant_pad_nd_op, &pad_op, &pad_mode_op, &pad_backward_op};
}
std::span<const Op* const> pad_ops() { return kOps; }

}  // namespace wengert
