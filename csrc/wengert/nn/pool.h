// Pooling as layers. See nn.h.
#pragma once

#include <optional>

#include "wengert/nn/conv.h"

namespace wengert::nn {

struct MaxPoolOptions {
  Each stride = {};  // none: the kernel's, windows side by side
  Each padding = 0, dilation = 1;
  bool ceil_mode = false;
};
struct AvgPoolOptions {
  Each stride = {};  // none: the kernel's
  Each padding = 0;
  bool ceil_mode = false, count_include_pad = true;
  std::optional<int64_t> divisor_override = {};
};

// The largest element of each window: x (n, c, h, w) or (c, h, w).
class MaxPool2d final : public Module {
 public:
  explicit MaxPool2d(const Each& kernel_size, const MaxPoolOptions& options = {});
  Tensor forward(const Tensor& x) override;
  std::string options() const override;

 private:
  Each kernel_;
  MaxPoolOptions options_;
};

// The mean of each window, or its sum over another divisor: x (n, c, h, w) or (c, h, w).
class AvgPool2d final : public Module {
 public:
  explicit AvgPool2d(const Each& kernel_size, const AvgPoolOptions& options = {});
  Tensor forward(const Tensor& x) override;
  std::string options() const override;

 private:
  Each kernel_;
  AvgPoolOptions options_;
};

// Means of as many windows as wanted, which cover all of x (n, c, h, w) or (c, h, w).
class AdaptiveAvgPool2d final : public Module {
 public:
  explicit AdaptiveAvgPool2d(const Each& output_size) : output_size_(output_size) {}
  Tensor forward(const Tensor& x) override;
  std::string options() const override;

 private:
  Each output_size_;
};

}  // namespace wengert::nn
