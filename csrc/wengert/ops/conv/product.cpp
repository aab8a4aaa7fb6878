// Convolution, and the gradients of its input and weight: y of (x, w), x of (y, w), w of (x, y).
// The three are linear in both of their arguments, and the gradients of each are the other two. The
// size of the result is an attribute: more than one input size gives the same output size.
#include "wengert/ops/conv/product.h"

#include <algorithm>

#include "wengert/kernels/conv/conv.h"
#include "wengert/kernels/conv/naive.h"
#include "wengert/ops/images.h"
#include "wengert/ops/ways.h"

namespace wengert {
namespace {

constexpr Signature kForward =
    "(input: Tensor, weight: Tensor, bias: Tensor | None, stride: ints, padding: ints, dilation: "
    "ints, groups: int, size: ints) -> Tensor";
constexpr Signature kInputOf =
    "(grad: Tensor, weight: Tensor, bias: Tensor | None, stride: ints, padding: ints, dilation: "
    "ints, groups: int, size: ints) -> Tensor";
constexpr Signature kWeight =
    "(input: Tensor, grad: Tensor, stride: ints, padding: ints, dilation: ints, groups: int, size: "
    "ints) -> Tensor";
constexpr int kStride = attribute("stride", kForward, kInputOf, kWeight);
constexpr int kPadding = attribute("padding", kForward, kInputOf, kWeight);
constexpr int kDilation = attribute("dilation", kForward, kInputOf, kWeight);
constexpr int kGroups = attribute("groups", kForward, kInputOf, kWeight);
constexpr int kSize = attribute("size", kForward, kInputOf, kWeight);

// One list of the attributes: as many numbers as there are spatial dimensions, none below `least`.
// Beyond 2^31 positions are no numbers to count with.
void check_list(const Attrs& a, int at, const char* name, int dims, int64_t least) {
  const Ints list = a.ints(at);
  check(std::ssize(list) == dims, name, " must have ", dims, " numbers, got ", list);
  for (const int64_t v : list)
    check(v >= least && v < (int64_t{1} << 31), name, " out of range: ", list);
}

// What all three check of two tensors and the attributes; `bias` is input 2, or -1.
void check_call(const Call& c, int bias) {
  const Tensor &a = c.in(0), &b = c.in(1);
  check(a.ndim() >= 3 && a.ndim() <= 5 && b.ndim() == a.ndim(),
        "two tensors of 3 to 5 dimensions expected, got shapes ", a.shape(), " and ", b.shape());
  check(a.dtype() == b.dtype() && (bias < 0 || !c.has(bias) || c.in(bias).dtype() == a.dtype()),
        "all tensors must have the same dtype, got ", a.dtype(), " and ", b.dtype());
  check(a.dtype() != Dtype::kBool, ErrorKind::kNotImplemented, "not implemented for bool");
  const int dims = a.ndim() - 2;
  check_list(c.attrs, kStride, "stride", dims, 1);
  check_list(c.attrs, kPadding, "padding", dims, 0);
  check_list(c.attrs, kDilation, "dilation", dims, 1);
  check_list(c.attrs, kSize, "size", dims, 0);
  check(c.attrs.integer(kGroups) > 0, "groups must be positive, got ", c.attrs.integer(kGroups));
}
void check_bias(const Call& c, int64_t channels) {
  check(!c.has(2) || c.in(2).shape() == Dims{channels}, "bias of shape ", Dims{channels},
        " expected, got ", c.has(2) ? c.in(2).shape() : Dims());
}
// (n, channels, size...)
Dims with_size(const Call& c, int64_t n, int64_t channels) {
  Dims shape{n, channels};
  for (const int64_t v : c.attrs.ints(kSize)) shape.push_back(v);
  return shape;
}

// Each input is read as it lies. Of images or a weight with channels last the result is such.
void output_laid_out(Call& c, const Dims& shape) {
  arrange_images(c, [&](int i) { return i < 2 && has_channels_last(c.in(i)); });
  const bool last =
      c.in(0).ndim() > 3 && (has_channels_last(c.in(0)) || has_channels_last(c.in(1)));
  output_images(c, c.in(0).dtype(), shape, last);
}

}  // namespace

void conv_output_shape(Call& c) {
  check_call(c, 2);
  const Dims &x = c.in(0).shape(), &w = c.in(1).shape();
  const int64_t groups = c.attrs.integer(kGroups);
  check(w[0] % groups == 0 && x[1] == w[1] * groups, "an input of ", w[1] * groups,
        " channels expected for weight ", w, " and ", groups, " groups, got shape ", x);
  check_bias(c, w[0]);
  output_laid_out(c, with_size(c, x[0], w[0]));
}
void conv_input_shape(Call& c) {
  check_call(c, 2);
  const Dims &y = c.in(0).shape(), &w = c.in(1).shape();
  const int64_t groups = c.attrs.integer(kGroups);
  check(w[0] % groups == 0 && y[1] == w[0], w[0], " channels expected for weight ", w, " and ",
        groups, " groups, got shape ", y);
  check_bias(c, w[1] * groups);
  output_laid_out(c, with_size(c, y[0], w[1] * groups));
}

// What the kernels want: spatial dimensions that are not there are sizes of 1.
ConvShape conv_shape(const Attrs& a, const Tensor& of_x, const Tensor& of_w, const Tensor& of_y) {
  const auto last = [](const Tensor& t) { return !t.is_contiguous() && has_channels_last(t); };
  const Dims &x = of_x.shape(), &w = of_w.shape(), &y = of_y.shape();
  const int64_t groups = a.integer(kGroups);
  ConvShape s{x[0],      groups,    w[1],      w[0] / groups, {1, 1, 1},
              {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0},     {1, 1, 1}};
  s.x_last = last(of_x);
  s.w_last = last(of_w);
  s.y_last = last(of_y);
  const int dims = x.size() - 2;
  for (int i = 0; i < dims; ++i) {
    const int d = 3 - dims + i;
    s.in[d] = x[2 + i];
    s.out[d] = y[2 + i];
    s.kernel[d] = w[2 + i];
    s.stride[d] = a.ints(kStride)[static_cast<size_t>(i)];
    s.pad[d] = a.ints(kPadding)[static_cast<size_t>(i)];
    s.dilation[d] = a.ints(kDilation)[static_cast<size_t>(i)];
  }
  return s;
}

namespace {

void weight_shape(Call& c) {
  check_call(c, -1);
  const Dims &x = c.in(0).shape(), &y = c.in(1).shape();
  const int64_t groups = c.attrs.integer(kGroups);
  check(x[0] == y[0] && x[1] % groups == 0 && y[1] % groups == 0,
        "one batch, and channels that can be divided by ", groups, ", expected, got shapes ", x,
        " and ", y);
  output_laid_out(c, with_size(c, y[1], x[1] / groups));
}

template <class T>
const T* bias_of(const Call& c) {
  return c.has(2) ? c.in(2).data_as<T>() : nullptr;
}

// Integers are rare: plain loops.
void output_run(Call& c) {
  const Tensor &x = c.in(0), &w = c.in(1), &y = c.out[0];
  const ConvShape s = conv_shape(c.attrs, x, w, y);
  dispatch(y.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const T *px = x.data_as<T>(), *pw = w.data_as<T>(), *b = bias_of<T>(c);
    if constexpr (std::is_floating_point_v<T>)
      conv_output(s, px, pw, b, y.data_as<T>());
    else
      naive::conv_output(s, px, pw, b, y.data_as<T>());
  });
}
void input_run(Call& c) {
  const Tensor &y = c.in(0), &w = c.in(1), &x = c.out[0];
  const ConvShape s = conv_shape(c.attrs, x, w, y);
  dispatch(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const T *py = y.data_as<T>(), *pw = w.data_as<T>(), *b = bias_of<T>(c);
    if constexpr (std::is_floating_point_v<T>)
      conv_input(s, py, pw, b, x.data_as<T>());
    else
      naive::conv_input(s, py, pw, b, x.data_as<T>());
  });
}
void weight_run(Call& c) {
  const Tensor &x = c.in(0), &y = c.in(1), &w = c.out[0];
  const ConvShape s = conv_shape(c.attrs, x, w, y);
  dispatch(w.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const T *px = x.data_as<T>(), *py = y.data_as<T>();
    if constexpr (std::is_floating_point_v<T>)
      conv_weight(s, px, py, w.data_as<T>());
    else
      naive::conv_weight(s, px, py, w.data_as<T>());
  });
}

// ---- gradients

ConvArguments arguments_of(const Attrs& a) {
  return {a.dims(kStride), a.dims(kPadding), a.dims(kDilation), a.integer(kGroups)};
}
Dims spatial(const Dims& shape) {
  Dims out;
  for (int i = 2; i < shape.size(); ++i) out.push_back(shape[i]);
  return out;
}
Tensor output_of(const ConvArguments& a, const Operand& x, const Operand& w, const Dims& shape) {
  return apply(conv_output_op, {x, w, Operand()}, a.with(spatial(shape)));
}
Tensor input_of(const ConvArguments& a, const Operand& y, const Operand& w, const Dims& shape) {
  return apply(conv_input_op, {y, w, Operand()}, a.with(spatial(shape)));
}
Tensor weight_of(const ConvArguments& a, const Operand& x, const Operand& y, const Dims& shape) {
  return apply(conv_weight_op, {x, y}, a.with(spatial(shape)));
}
// The gradient of a result lies as the result did, so that those of the inputs lie as PyTorch's. Of
// an input that was not kept it tells itself.
Tensor gradient_of(const Vjp& v) {
  const Tensor g = v.g();
  bool last = false;
  for (int i = 0; i < 2; ++i) last |= has_channels_last(v.has(i) ? v.x(i).tensor() : g);
  return laid_out(g, last);
}

// A bias was added to each position of its channel.
Tensor bias_gradient(const Tensor& g) {
  Dims dims{0};
  for (int i = 2; i < g.ndim(); ++i) dims.push_back(i);
  return sum(g, dims);
}

}  // namespace

// Y = conv(X, W) + b       dX = conv_input(G, W)     dW = conv_weight(X, G)    db = sum G
constinit const Op conv_output_op{
    .name = "conv_output",
    .autocast = Cast::kLower,
    .signature = kForward,
    .on = 0,
    .doc =
        "Convolution of (n, groups * c, ...) with a weight (groups * o, c, ...), of 1 to 3 spatial "
        "dimensions; `padding` is that in front, what is behind follows from `size`.",
    .checked = true,
    .shape = conv_output_shape,
    .run = output_run,
    .vjp =
        [](Vjp& v) {
          const ConvArguments a = arguments_of(v.attrs());
          const Tensor g = gradient_of(v);
          if (v.needs(0)) v.set(0, input_of(a, g, v.x(1), v.shape(0)));
          if (v.needs(1)) v.set(1, weight_of(a, v.x(0), g, v.shape(1)));
          if (v.needs(2)) v.set(2, bias_gradient(g));
        },
    .reads = kInput | kOther,
    .read_for = {kOther, kInput},
    .then_unary = &conv_output_then_op,
    .then_binary = &conv_output_then_op};

// X = conv_input(Y, W) + b     dY = conv(G, W)       dW = conv_weight(G, Y)    db = sum G
constinit const Op conv_input_op{
    .name = "conv_input",
    .autocast = Cast::kLower,
    .signature = kInputOf,
    .on = 0,
    .doc =
        "The gradient of conv_output's input, of spatial sizes `size`, from that of its output and "
        "the weight; and the transposed convolution.",
    .checked = true,
    .shape = conv_input_shape,
    .run = input_run,
    .vjp =
        [](Vjp& v) {
          const ConvArguments a = arguments_of(v.attrs());
          const Tensor g = gradient_of(v);
          if (v.needs(0)) v.set(0, output_of(a, g, v.x(1), v.shape(0)));
          if (v.needs(1)) v.set(1, weight_of(a, g, v.x(0), v.shape(1)));
          if (v.needs(2)) v.set(2, bias_gradient(g));
        },
    .reads = kInput | kOther,
    .read_for = {kOther, kInput},
    .then_unary = &conv_input_then_op,
    .then_binary = &conv_input_then_op};

// W = conv_weight(X, Y)        dX = conv_input(Y, G)     dY = conv(X, G)
constinit const Op conv_weight_op{
    .name = "conv_weight",
    .signature = kWeight,
    .on = 0,
    .doc =
        "The gradient of conv_output's weight, of spatial sizes `size`, from its input and the "
        "gradient of its output.",
    .checked = true,
    .shape = weight_shape,
    .run = weight_run,
    .vjp =
        [](Vjp& v) {
          const ConvArguments a = arguments_of(v.attrs());
          const Tensor g = v.g();
          if (v.needs(0)) v.set(0, input_of(a, v.x(1), g, v.shape(0)));
          if (v.needs(1)) v.set(1, output_of(a, v.x(0), g, v.shape(1)));
        },
    .reads = kInputs,
    .read_for = {kOther, kInput}};

std::span<const Op* const> conv_product_ops() {
  static constexpr const Op* kOps[] = {&conv_output_op, &conv_input_op, &conv_weight_op};
  return kOps;
}

namespace {

template <class T>
std::string first_in(std::span<const ConvWay<T>> ways, const ConvShape& s) {
  return std::find_if(ways.begin(), ways.end(), [&](const auto& w) { return w.accepts(s); })->name;
}
// For the shapes of x, w and y.
std::string way_in(const Call& c, const Tensor& x, const Tensor& w, const Tensor& y,
                   std::span<const ConvWay<float>> of_float,
                   std::span<const ConvWay<double>> of_double) {
  const ConvShape s = conv_shape(c.attrs, x, w, y);
  if (!is_floating(y.dtype())) return "plain loops";
  return y.dtype() == Dtype::kFloat32 ? first_in(of_float, s) : first_in(of_double, s);
}
std::string output_way(const Call& c) {
  return way_in(c, c.in(0), c.in(1), c.out[0], conv_output_ways<float>(),
                conv_output_ways<double>());
}
std::string input_way(const Call& c) {
  return way_in(c, c.out[0], c.in(1), c.in(0), conv_input_ways<float>(), conv_input_ways<double>());
}
std::string weight_way(const Call& c) {
  return way_in(c, c.in(0), c.out[0], c.in(1), conv_weight_ways<float>(),
                conv_weight_ways<double>());
}

}  // namespace

std::span<const OpWays> conv_product_ways() {
  static constexpr OpWays kWays[] = {{&conv_output_op, output_way},
                                     {&conv_output_then_op, output_way},
                                     {&conv_input_op, input_way},
                                     {&conv_input_then_op, input_way},
                                     {&conv_weight_op, weight_way}};
  return kWays;
}

}  // namespace wengert
