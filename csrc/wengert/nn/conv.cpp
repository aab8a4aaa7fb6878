#include "wengert/nn/conv.h"

#include <cmath>

#include "wengert/nn/init.h"
#include "wengert/ops/conv/conv.h"
#include "wengert/ops/pool/pool.h"
#include "wengert/ops/registry.h"

namespace wengert::nn {
namespace {

Dims spread(const Each& each, int dims, const char* name) {
  const Dims& n = each.numbers;
  check(n.size() == 1 || n.size() == dims, ErrorKind::kValue, name, " must be 1 or ", dims,
        " numbers, got ", n);
  return n.size() == 1 ? Dims::filled(dims, n[0]) : n;
}

ConvTransposeOptions whole(const ConvOptions& o) {
  return {.stride = o.stride,
          .padding = static_cast<const Each&>(o.padding),
          .groups = o.groups,
          .bias = o.bias,
          .dilation = o.dilation,
          .dtype = o.dtype};
}

const char* name_of(PaddingMode mode) {
  constexpr const char* kNames[] = {"zeros", "reflect", "replicate", "circular"};
  return kNames[static_cast<size_t>(mode)];
}

}  // namespace

ConvNd::ConvNd(int dims, int64_t in_channels, int64_t out_channels, const Each& kernel_size,
               const ConvOptions& o)
    : ConvNd(dims, in_channels, out_channels, kernel_size, whole(o), false) {
  mode_ = o.padding_mode;
  same_ = o.padding.same;
  check(!same_ || stride_ == Dims::filled(dims, 1), ErrorKind::kValue,
        "padding='same' is not supported for strided convolutions");
  bool even = true;
  Dims around;
  for (int d = dims; d-- > 0;) {  // the last dimension first
    const int64_t total = same_ ? dilation_[d] * (kernel_[d] - 1) : 2 * padding_[d];
    inside_[d] = total / 2;
    around.push_back(total / 2);
    around.push_back(total - total / 2);
    even &= total % 2 == 0;
  }
  if (mode_ == PaddingMode::kZeros && even) return;
  around_ = around;
  inside_ = Dims::filled(dims, 0);
}

ConvNd::ConvNd(int dims, int64_t in_channels, int64_t out_channels, const Each& kernel_size,
               const ConvTransposeOptions& o, bool transposed)
    : in_(in_channels),
      out_(out_channels),
      groups_(o.groups),
      kernel_(spread(kernel_size, dims, "kernel_size")),
      stride_(spread(o.stride, dims, "stride")),
      padding_(spread(o.padding, dims, "padding")),
      output_padding_(spread(o.output_padding, dims, "output_padding")),
      dilation_(spread(o.dilation, dims, "dilation")),
      inside_(padding_) {
  check(groups_ > 0, ErrorKind::kValue, "groups must be a positive integer");
  check(in_ % groups_ == 0, ErrorKind::kValue, "in_channels must be divisible by groups");
  check(out_ % groups_ == 0, ErrorKind::kValue, "out_channels must be divisible by groups");
  Dims shape = transposed ? Dims{in_, out_ / groups_} : Dims{out_, in_ / groups_};
  double fan = static_cast<double>(shape[1]);
  for (const int64_t k : kernel_) {
    shape.push_back(k);
    fan *= static_cast<double>(k);
  }
  // He et al. 2015 with a leaky slope of sqrt(5).
  const Tensor w = Tensor::empty(shape, o.dtype);
  init::kaiming_uniform_(w, init::relu_gain(std::sqrt(5.0)));
  weight_ = add_parameter("weight", w);
  if (!o.bias) return;
  const double limit = fan > 0 ? 1 / std::sqrt(fan) : 0;
  const Tensor b = Tensor::empty({out_}, o.dtype);
  bias_ = add_parameter("bias", init::uniform_(b, -limit, limit));
}

std::string ConvNd::options() const {
  const int n = kernel_.size();
  std::string s = text(in_, ", ", out_, ", kernel_size=", kernel_, ", stride=", stride_);
  if (same_) s += ", padding=same";
  if (padding_ != Dims::filled(n, 0)) s += text(", padding=", padding_);
  if (dilation_ != Dims::filled(n, 1)) s += text(", dilation=", dilation_);
  if (output_padding_ != Dims::filled(n, 0)) s += text(", output_padding=", output_padding_);
  if (groups_ != 1) s += text(", groups=", groups_);
  if (!bias_.defined()) s += ", bias=False";
  if (mode_ != PaddingMode::kZeros) s += text(", padding_mode=", name_of(mode_));
  return s;
}

Tensor ConvNd::padded(const Tensor& x) const {
  if (around_.empty()) return x;
  if (mode_ == PaddingMode::kZeros) return constant_pad_nd(x, around_);
  static const Op& op = *find_op("pad");
  return apply(op, {x}, Attrs(around_, static_cast<int64_t>(mode_), nullptr));
}

Conv1d::Conv1d(int64_t in_channels, int64_t out_channels, const Each& kernel_size,
               const ConvOptions& options)
    : ConvNd(1, in_channels, out_channels, kernel_size, options) {}
Tensor Conv1d::forward(const Tensor& x) {
  return conv1d(padded(x), weight_, bias_, stride_, inside_, dilation_, groups_);
}

Conv2d::Conv2d(int64_t in_channels, int64_t out_channels, const Each& kernel_size,
               const ConvOptions& options)
    : ConvNd(2, in_channels, out_channels, kernel_size, options) {}
Tensor Conv2d::forward(const Tensor& x) {
  return conv2d(padded(x), weight_, bias_, stride_, inside_, dilation_, groups_);
}

ConvTranspose2d::ConvTranspose2d(int64_t in_channels, int64_t out_channels, const Each& kernel_size,
                                 const ConvTransposeOptions& options)
    : ConvNd(2, in_channels, out_channels, kernel_size, options, true) {}
Tensor ConvTranspose2d::forward(const Tensor& x) {
  return conv_transpose2d(x, weight_, bias_, stride_, padding_, output_padding_, groups_,
                          dilation_);
}

}  // namespace wengert::nn
