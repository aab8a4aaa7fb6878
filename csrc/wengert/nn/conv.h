// Convolutions as layers. See nn.h.
#pragma once

#include <initializer_list>

#include "wengert/nn/nn.h"

namespace wengert::nn {

// A number for each spatial dimension; one stands for all.
struct Each {
  Each(int n) : numbers{n} {}
  Each(int64_t n) : numbers{n} {}
  Each(std::initializer_list<int64_t> list) : numbers(list) {}
  Dims numbers;
};

// So many positions before and behind, or kSame: so many that the output has the input's size, one
// more behind where they are odd. Strides must be 1 then.
struct Same {};
inline constexpr Same kSame{};
struct Padding : Each {
  using Each::Each;
  Padding(Same) : Each(0), same(true) {}
  bool same = false;
};
// What they hold.
enum class PaddingMode : uint8_t { kZeros, kReflect, kReplicate, kCircular };

struct ConvOptions {
  Each stride = 1;
  Padding padding = 0;
  Each dilation = 1;
  int64_t groups = 1;
  bool bias = true;
  PaddingMode padding_mode = PaddingMode::kZeros;
  Dtype dtype = default_dtype();
};
struct ConvTransposeOptions {
  Each stride = 1, padding = 0, output_padding = 0;
  int64_t groups = 1;
  bool bias = true;
  Each dilation = 1;
  Dtype dtype = default_dtype();
};

// What they share: a weight, a bias of as many numbers as there are output channels, and the
// options, printed as Python prints them. Both are drawn from U(-b, b), b = 1 / sqrt(fan in), the
// weight first, with the default generator. ValueError for channels that groups do not divide.
class ConvNd : public Module {
 public:
  const Tensor& weight() const { return weight_; }
  const Tensor& bias() const { return bias_; }  // undefined without a bias
  std::string options() const override;

 protected:
  ConvNd(int dims, int64_t in_channels, int64_t out_channels, const Each& kernel_size,
         const ConvOptions& options);
  ConvNd(int dims, int64_t in_channels, int64_t out_channels, const Each& kernel_size,
         const ConvTransposeOptions& options, bool transposed);
  // x with the padding that the convolution itself does not do, which does `inside_`.
  Tensor padded(const Tensor& x) const;

  int64_t in_, out_, groups_;
  Dims kernel_, stride_, padding_, output_padding_, dilation_, inside_;
  Tensor weight_, bias_;

 private:
  PaddingMode mode_ = PaddingMode::kZeros;
  bool same_ = false;
  Dims around_;  // as pad takes it; empty if the convolution does all
};

// x (n, in, l) or (in, l), weight (out, in / groups, kernel_size)
class Conv1d final : public ConvNd {
 public:
  Conv1d(int64_t in_channels, int64_t out_channels, const Each& kernel_size,
         const ConvOptions& options = {});
  Tensor forward(const Tensor& x) override;
};
// x (n, in, h, w) or (in, h, w), weight (out, in / groups, kernel_size...)
class Conv2d final : public ConvNd {
 public:
  Conv2d(int64_t in_channels, int64_t out_channels, const Each& kernel_size,
         const ConvOptions& options = {});
  Tensor forward(const Tensor& x) override;
};
// x (n, in, h, w) or (in, h, w), weight (in, out / groups, kernel_size...)
class ConvTranspose2d final : public ConvNd {
 public:
  ConvTranspose2d(int64_t in_channels, int64_t out_channels, const Each& kernel_size,
                  const ConvTransposeOptions& options = {});
  Tensor forward(const Tensor& x) override;
};

}  // namespace wengert::nn
