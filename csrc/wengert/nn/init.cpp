#include "wengert/nn/init.h"

#include <cmath>

#include "wengert/base/warning.h"
#include "wengert/ops/create/create.h"
#include "wengert/ops/pointwise/pointwise.h"
#include "wengert/ops/random/random.h"
#include "wengert/ops/reduce/reduce.h"

namespace wengert::nn::init {
namespace {

struct Fans {
  double in, out;
};

Fans fans_of(const Tensor& t, const char* name) {
  check_defined(t, name, "t");
  check(t.ndim() >= 2, name,
        ": fans can not be computed for a tensor with fewer than 2 dimensions, ", "got shape ",
        t.shape());
  int64_t field = 1;
  for (int d = 2; d < t.ndim(); ++d) field *= t.size(d);
  return {static_cast<double>(t.size(1) * field), static_cast<double>(t.size(0) * field)};
}

double xavier_std(const Tensor& t, double gain, const char* name) {
  const Fans fans = fans_of(t, name);
  return gain * std::sqrt(2.0 / (fans.in + fans.out));
}

// Not for a tensor without elements, which has no fan.
double kaiming_std(const Tensor& t, double gain, Fan fan, const char* name) {
  const Fans fans = fans_of(t, name);
  return gain / std::sqrt(fan == Fan::kIn ? fans.in : fans.out);
}

bool is_empty(const Tensor& t, const char* name) {
  check_defined(t, name, "t");
  if (t.numel() > 0) return false;
  warn("Initializing zero-element tensors is a no-op");
  return true;
}

double normal_below(double x) { return (1 + std::erf(x / std::sqrt(2.0))) / 2; }

// All elements are drawn anew each time, as many numbers as PyTorch takes.
Tensor repeat_normal(const Tensor& t, double mean, double std, double a, double b, Generator* g) {
  // The bounds are compared in the tensor's own precision.
  const double low = Tensor::scalar(a, t.dtype()).item<double>();
  const double high = Tensor::scalar(b, t.dtype()).item<double>();
  Tensor values = t.normal_(mean, std, g);
  for (;;) {
    const Tensor outside = logical_or(lt(values, low), gt(values, high));
    if (!any(outside).item<bool>()) break;
    values = where(outside, Tensor::empty(t.shape(), t.dtype()).normal_(mean, std, g), values);
  }
  return values.is_same(t) ? t : t.copy_(values);
}

Tensor reject_uniform(const Tensor& t, double mean, double std, double a, double b, Generator* g) {
  const double mode = std::max(a, std::min(mean, b));
  const double at_mode = (mode - mean) / std, log_peak = -0.5 * (at_mode * at_mode);
  const auto rejected = [&](const Tensor& values) {
    const Tensor score = sub(mul(pow(div(sub(values, mean), std), 2), -0.5), log_peak);
    return gt(log(Tensor::empty(t.shape(), t.dtype()).uniform_(0, 1, g)), score);
  };
  Tensor values = t.uniform_(a, b, g);
  Tensor pending = rejected(values);
  while (any(pending).item<bool>()) {
    const Tensor candidates = Tensor::empty(t.shape(), t.dtype()).uniform_(a, b, g);
    values = where(pending, candidates, values);
    pending = logical_and(pending, rejected(candidates));
  }
  return values.is_same(t) ? t : t.copy_(values);
}

}  // namespace

double relu_gain(double negative_slope) {
  return std::sqrt(2.0 / (1 + negative_slope * negative_slope));
}

Tensor uniform_(const Tensor& t, double a, double b, Generator* generator) {
  const NoGradGuard off;
  return t.uniform_(a, b, generator);
}
Tensor normal_(const Tensor& t, double mean, double std, Generator* generator) {
  const NoGradGuard off;
  return t.normal_(mean, std, generator);
}
Tensor constant_(const Tensor& t, const Scalar& value) {
  const NoGradGuard off;
  return t.fill_(value);
}
Tensor zeros_(const Tensor& t) { return constant_(t, 0.0); }
Tensor ones_(const Tensor& t) { return constant_(t, 1.0); }
Tensor eye_(const Tensor& t) {
  check_defined(t, "eye_", "t");
  check(t.ndim() == 2, "eye_: only tensors with 2 dimensions are supported, got shape ", t.shape());
  const NoGradGuard off;
  return t.copy_(eye(t.size(0), t.size(1), t.dtype()));
}

Tensor trunc_normal_(const Tensor& t, double mean, double std, double a, double b,
                     Generator* generator) {
  check_defined(t, "trunc_normal_", "t");
  check(std > 0 && a < b, ErrorKind::kValue, "trunc_normal_: no normal with std ", std, " within [",
        a, ", ", b, "]");
  if (mean < a - 2 * std || mean > b + 2 * std)
    warn(
        "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. The distribution of values "
        "may be incorrect.");
  const NoGradGuard off;
  const double inside = normal_below((b - mean) / std) - normal_below((a - mean) / std);
  return inside > 0.3 ? repeat_normal(t, mean, std, a, b, generator)
                      : reject_uniform(t, mean, std, a, b, generator);
}

Tensor xavier_uniform_(const Tensor& t, double gain, Generator* generator) {
  const double bound = std::sqrt(3.0) * xavier_std(t, gain, "xavier_uniform_");
  return uniform_(t, -bound, bound, generator);
}
Tensor xavier_normal_(const Tensor& t, double gain, Generator* generator) {
  return normal_(t, 0, xavier_std(t, gain, "xavier_normal_"), generator);
}
Tensor kaiming_uniform_(const Tensor& t, double gain, Fan fan, Generator* generator) {
  if (is_empty(t, "kaiming_uniform_")) return t;
  const double bound = std::sqrt(3.0) * kaiming_std(t, gain, fan, "kaiming_uniform_");
  return uniform_(t, -bound, bound, generator);
}
Tensor kaiming_normal_(const Tensor& t, double gain, Fan fan, Generator* generator) {
  if (is_empty(t, "kaiming_normal_")) return t;
  return normal_(t, 0, kaiming_std(t, gain, fan, "kaiming_normal_"), generator);
}

}  // namespace wengert::nn::init
