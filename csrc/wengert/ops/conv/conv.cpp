// Convolutions as users call them: what they may leave out is filled in, what cannot be is said.
#include "wengert/ops/conv/conv.h"

#include "wengert/ops/conv/product.h"
#include "wengert/ops/optional.h"

namespace wengert {
namespace {

constexpr Signature kConv =
    "(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: ints = 1, padding: ints = "
    "0, dilation: ints = 1, groups: int = 1) -> Tensor";
constexpr Signature kConvNamed =
    "(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: ints = 1, padding: "
    "'valid' | 'same' = 'valid', dilation: ints = 1, groups: int = 1) -> Tensor";
constexpr Signature kTransposed =
    "(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: ints = 1, padding: ints = "
    "0, output_padding: ints = 0, groups: int = 1, dilation: ints = 1) -> Tensor";
constexpr int kStride = attribute("stride", kConv, kConvNamed, kTransposed);
constexpr int kPadding = attribute("padding", kConv, kConvNamed, kTransposed);
constexpr int kDilation = attribute("dilation", kConv, kConvNamed);
constexpr int kGroups = attribute("groups", kConv, kConvNamed);

// A number for each spatial dimension; one stands for all.
Dims numbers(const Attrs& a, int at, const char* name, int dims) {
  const Ints v = a.ints(at);
  check(v.size() == 1 || std::ssize(v) == dims, "expected ", name,
        " to be a single integer value or a list of ", dims,
        " values to match the convolution dimensions, but got ", name, '=', v);
  return v.size() == 1 ? Dims::filled(dims, v[0]) : Dims(v);
}
void check_numbers(const Dims& v, const char* name, int64_t least) {
  for (const int64_t n : v) {
    check(n >= least, least == 0 ? "negative " : "non-positive ", name, " is not supported");
    check(n < (int64_t{1} << 31), name, ' ', n, " is too large");
  }
}

// The tensors of a call, in a batch, and what all convolutions ask of them.
struct Operands {
  Tensor x, w, bias;
  bool batched;

  Operands(const Call& c, int dims) : x(c.in(0)), w(c.in(1)) {
    if (c.has(2)) bias = c.in(2);
    check(w.ndim() == dims + 2, "expected ", dims + 2, "-dimensional weight, but got shape ",
          w.shape());
    check(x.ndim() == dims + 1 || x.ndim() == dims + 2, "Expected ", dims + 1, "D (unbatched) or ",
          dims + 2, "D (batched) input, but got input of size: ", x.shape());
    check(x.dtype() == w.dtype(), "Input type (", x.dtype(), ") and weight type (", w.dtype(),
          ") should be the same");
    check(!bias.defined() || bias.dtype() == x.dtype(), "Input type (", x.dtype(),
          ") and bias type (", bias.defined() ? bias.dtype() : x.dtype(), ") should be the same");
    batched = x.ndim() == dims + 2;
    if (!batched) x = unsqueeze(x, 0);
  }

  void check_channels(bool transposed, int64_t groups) const {
    const Dims &in = x.shape(), &k = w.shape();
    check(groups > 0, "non-positive groups is not supported");
    check(k[0] >= groups, "Given groups=", groups, ", expected weight to be at least ", groups,
          " at dimension 0, but got weight of size ", k, " instead");
    check(k[0] % groups == 0, "Given groups=", groups, ", expected weight to be divisible by ",
          groups, " at dimension 0, but got weight of size ", k, " instead");
    const int64_t channels = transposed ? k[0] : k[1] * groups;
    check(in[1] == channels, "Given ",
          transposed ? "transposed=1" : "groups=", transposed ? "" : std::to_string(groups),
          ", weight of size ", k, ", expected input ", in, " to have ", channels,
          " channels, but got ", in[1], " channels instead");
    const int64_t outputs = transposed ? k[1] * groups : k[0];
    check(!bias.defined() || bias.shape() == Dims{outputs}, "Given weight of size ", k,
          ", expected bias to be 1-dimensional with ", outputs, " elements, but got bias of size ",
          bias.defined() ? bias.shape() : Dims(), " instead");
    for (int i = 2; i < k.size(); ++i) {
      check(k[i] > 0, "kernel size should be greater than zero, but got weight of size ", k);
      check(in[i] > 0, "Only zero batch or zero channel inputs are supported, but got input shape ",
            in);
    }
  }
  Tensor result(const Op& op, const Attrs& a) const {
    const Tensor y = apply(op, {x, w, operand_of(bias)}, a);
    return batched ? y : squeeze(y, Dims{0});
  }
};

// Of a window: from its first tap to its last.
int64_t window(const Dims& weight, const Dims& dilation, int i) {
  return (weight[i + 2] - 1) * dilation[i] + 1;
}

Tensor convolve(const Operands& o, ConvArguments a, bool same) {
  const int dims = a.stride.size();
  check_numbers(a.stride, "stride", 1);
  check_numbers(a.padding, "padding", 0);
  check_numbers(a.dilation, "dilation", 1);
  o.check_channels(false, a.groups);
  Dims size;
  for (int i = 0; i < dims; ++i) {
    const int64_t in = o.x.shape()[i + 2], span = window(o.w.shape(), a.dilation, i);
    if (same) {
      check(a.stride[i] == 1, "padding='same' is not supported for strided convolutions");
      a.padding[i] = (span - 1) / 2;
      size.push_back(in);
      continue;
    }
    const int64_t padded = in + 2 * a.padding[i];
    check(padded >= span, "Calculated padded input size per channel: ", padded, " along dimension ",
          i + 2, ". Kernel size: ", span, ". Kernel size can't be greater than actual input size");
    size.push_back((padded - span) / a.stride[i] + 1);
  }
  return o.result(conv_output_op, a.with(size));
}

template <int kDims>
void conv_composed(Call& c) {
  const Operands o(c, kDims);
  const ConvArguments a{numbers(c.attrs, kStride, "stride", kDims),
                        numbers(c.attrs, kPadding, "padding", kDims),
                        numbers(c.attrs, kDilation, "dilation", kDims), c.attrs.integer(kGroups)};
  c.results = {convolve(o, a, false)};
}
template <int kDims>
void conv_named_composed(Call& c) {
  const Operands o(c, kDims);
  const ConvArguments a{numbers(c.attrs, kStride, "stride", kDims), Dims::filled(kDims, 0),
                        numbers(c.attrs, kDilation, "dilation", kDims), c.attrs.integer(kGroups)};
  c.results = {convolve(o, a, c.attrs.integer(kPadding) == 1)};
}

template <int kDims>
void transposed_composed(Call& c) {
  const Operands o(c, kDims);
  const ConvArguments a{numbers(c.attrs, kStride, "stride", kDims),
                        numbers(c.attrs, kPadding, "padding", kDims),
                        numbers(c.attrs, kTransposed["dilation"], "dilation", kDims),
                        c.attrs.integer(kTransposed["groups"])};
  const Dims more = numbers(c.attrs, kTransposed["output_padding"], "output_padding", kDims);
  check(is_floating(o.x.dtype()) || o.x.dtype() == Dtype::kInt64, ErrorKind::kNotImplemented,
        "not implemented for ", o.x.dtype());
  check_numbers(a.stride, "stride", 1);
  check_numbers(a.padding, "padding", 0);
  check_numbers(a.dilation, "dilation", 1);
  check_numbers(more, "output_padding", 0);
  o.check_channels(true, a.groups);
  Dims size;
  for (int i = 0; i < kDims; ++i) {
    check(more[i] < std::max(a.stride[i], a.dilation[i]),
          "output padding must be smaller than either stride or dilation, but got output_padding ",
          more, ", stride ", a.stride, ", dilation ", a.dilation);
    size.push_back((o.x.shape()[i + 2] - 1) * a.stride[i] - 2 * a.padding[i] +
                   window(o.w.shape(), a.dilation, i) + more[i]);
    check(size[i] > 0, "Given input size per channel: ", o.x.shape()[i + 2],
          ". Calculated output size per channel: ", size[i], ". Output size is too small");
  }
  c.results = {o.result(conv_input_op, a.with(size))};
}

constexpr Op forward(const char* name, const char* doc, void (*composed)(Call&), Signature s) {
  Op op{.name = name, .signature = s, .on = kModule | kFunctional, .doc = doc};
  op.composed = composed;
  return op;
}

#define WENGERT_CONV_DOC(sizes, padding)                                                       \
  "Convolution (cross-correlation) of (n, c, " sizes ") or (c, " sizes                         \
  ") with a weight (o, c / groups, kernel...), `bias` (o,): sizes (in + 2 padding - dilation " \
  "(kernel - 1) - 1) / stride + 1, rounded down. " padding
constexpr const char* kTransposedDoc =
    "The transposed convolution, the gradient of a convolution's input: (n, c, ...) or (c, ...) "
    "with a weight (c, o / groups, kernel...), `bias` (o,), to sizes (in - 1) stride - 2 padding + "
    "dilation (kernel - 1) + output_padding + 1.";

}  // namespace

// y[o, p] = b[o] + sum over c, k of w[o, c, k] x[c, p stride - padding + k dilation]
constinit const Op conv1d_op =
    forward("conv1d", WENGERT_CONV_DOC("l", "One number stands for all dimensions."),
            conv_composed<1>, kConv);
// y[o, p] = b[o] + sum over c, k of w[o, c, k] x[c, p stride - padding + k dilation]
constinit const Op conv2d_op =
    forward("conv2d", WENGERT_CONV_DOC("h, w", "One number stands for all dimensions."),
            conv_composed<2>, kConv);
// y[o, p] = b[o] + sum over c, k of w[o, c, k] x[c, p stride - padding + k dilation]
constinit const Op conv3d_op =
    forward("conv3d", WENGERT_CONV_DOC("d, h, w", "One number stands for all dimensions."),
            conv_composed<3>, kConv);
// y[o, p] = b[o] + sum over c, k of w[o, c, k] x[c, p stride - before + k dilation]
constinit const Op conv1d_named_op =
    forward("conv1d", WENGERT_CONV_DOC("l", "'same' needs a stride of 1."), conv_named_composed<1>,
            kConvNamed);
// y[o, p] = b[o] + sum over c, k of w[o, c, k] x[c, p stride - before + k dilation]
constinit const Op conv2d_named_op =
    forward("conv2d", WENGERT_CONV_DOC("h, w", "'same' needs a stride of 1."),
            conv_named_composed<2>, kConvNamed);
// y[o, p] = b[o] + sum over c, k of w[o, c, k] x[c, p stride - before + k dilation]
constinit const Op conv3d_named_op =
    forward("conv3d", WENGERT_CONV_DOC("d, h, w", "'same' needs a stride of 1."),
            conv_named_composed<3>, kConvNamed);
#undef WENGERT_CONV_DOC

// y[o, q] = b[o] + sum over c, k, p of w[c, o, k] x[c, p], p stride - padding + k dilation = q
constinit const Op conv_transpose1d_op =
    forward("conv_transpose1d", kTransposedDoc, transposed_composed<1>, kTransposed);
// y[o, q] = b[o] + sum over c, k, p of w[c, o, k] x[c, p], p stride - padding + k dilation = q
constinit const Op conv_transpose2d_op =
    forward("conv_transpose2d", kTransposedDoc, transposed_composed<2>, kTransposed);
// y[o, q] = b[o] + sum over c, k, p of w[c, o, k] x[c, p], p stride - padding + k dilation = q
constinit const Op conv_transpose3d_op =
    forward("conv_transpose3d", kTransposedDoc, transposed_composed<3>, kTransposed);

#define WENGERT_CONV(n)                                                                            \
  Tensor conv##n(const Tensor& x, const Tensor& weight, const Tensor& bias, Ints stride,           \
                 Ints padding, Ints dilation, int64_t groups) {                                    \
    return apply(conv##n##_op, {x, weight, operand_of(bias)},                                      \
                 Attrs(stride, padding, dilation, groups));                                        \
  }                                                                                                \
  Tensor conv_transpose##n(const Tensor& x, const Tensor& weight, const Tensor& bias, Ints stride, \
                           Ints padding, Ints output_padding, int64_t groups, Ints dilation) {     \
    return apply(conv_transpose##n##_op, {x, weight, operand_of(bias)},                            \
                 Attrs(stride, padding, output_padding, groups, dilation));                        \
  }
WENGERT_CONV(1d)
WENGERT_CONV(2d)
WENGERT_CONV(3d)
#undef WENGERT_CONV

std::span<const Op* const> conv_ops() {
  static constexpr const Op* kOps[] = {
      &conv1d_op,       &conv1d_named_op,     &conv2d_op,           &conv2d_named_op,    &conv3d_op,
      &conv3d_named_op, &conv_transpose1d_op, &conv_transpose2d_op, &conv_transpose3d_op};
  return kOps;
}

}  // namespace wengert
