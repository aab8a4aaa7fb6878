#include "wengert/nn/pool.h"

#include "wengert/ops/pool/pool.h"

namespace wengert::nn {
namespace {

// As Python prints what it was given.
std::string printed(const Each& each) {
  return each.numbers.size() == 1 ? text(each.numbers[0]) : text(each.numbers);
}

}  // namespace

MaxPool2d::MaxPool2d(const Each& kernel_size, const MaxPoolOptions& options)
    : kernel_(kernel_size), options_(options) {
  if (options_.stride.numbers.empty()) options_.stride = kernel_;
}
Tensor MaxPool2d::forward(const Tensor& x) {
  return max_pool2d(x, kernel_.numbers, options_.stride.numbers, options_.padding.numbers,
                    options_.dilation.numbers, options_.ceil_mode);
}
std::string MaxPool2d::options() const {
  return text("kernel_size=", printed(kernel_), ", stride=", printed(options_.stride),
              ", padding=", printed(options_.padding), ", dilation=", printed(options_.dilation),
              ", ceil_mode=", options_.ceil_mode);
}

AvgPool2d::AvgPool2d(const Each& kernel_size, const AvgPoolOptions& options)
    : kernel_(kernel_size), options_(options) {
  if (options_.stride.numbers.empty()) options_.stride = kernel_;
}
Tensor AvgPool2d::forward(const Tensor& x) {
  return avg_pool2d(x, kernel_.numbers, options_.stride.numbers, options_.padding.numbers,
                    options_.ceil_mode, options_.count_include_pad, options_.divisor_override);
}
std::string AvgPool2d::options() const {
  return text("kernel_size=", printed(kernel_), ", stride=", printed(options_.stride),
              ", padding=", printed(options_.padding));
}

Tensor AdaptiveAvgPool2d::forward(const Tensor& x) {
  return adaptive_avg_pool2d(x, output_size_.numbers);
}
std::string AdaptiveAvgPool2d::options() const { return "output_size=" + printed(output_size_); }

}  // namespace wengert::nn
