// Mean and variance, and log(sum(exp)).
#include <cmath>
#include <limits>

#include "wengert/kernels/reduce/driver.h"

namespace wengert::detail {
namespace {

// Count, mean and sum of squared deviations; two such are joined without cancellation:
// Chan, Golub, LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances"
// (1979). Within a block: two passes.
struct Moments {
  double n, mean, m2;
};

template <class T>
struct Variance {
  using In = T;
  using Acc = Moments;
  static constexpr bool kFolds = true;
  double correction;
  bool root;

  Acc init() const { return {0, 0, 0}; }
  Acc combine(Acc a, Acc b) const {
    if (a.n == 0) return b;
    if (b.n == 0) return a;
    const double n = a.n + b.n, d = b.mean - a.mean;
    return {n, a.mean + d * (b.n / n), a.m2 + b.m2 + d * d * (a.n * b.n / n)};
  }

  Acc row(const T* p, int64_t n, int64_t) const {
    constexpr int64_t kBlock = 4096;
    Acc acc = init();
    for (int64_t i = 0; i < n; i += kBlock) {
      const int64_t m = std::min(kBlock, n - i);
      const double mean = wide_sum(p + i, m, [](double v) { return v; }) / static_cast<double>(m);
      const double m2 = wide_sum(p + i, m, [mean](double v) { return (v - mean) * (v - mean); });
      acc = combine(acc, {static_cast<double>(m), mean, m2});
    }
    return acc;
  }

  void rows(Acc* acc, const T* p, int64_t stride, int64_t n, int64_t width, int64_t) const {
    constexpr int64_t kBlock = 64;
    double mean[kTile], m2[kTile];
    for (int64_t i = 0; i < n; i += kBlock) {
      const int64_t m = std::min(kBlock, n - i);
      const T* block = p + i * stride;
      std::fill_n(mean, width, 0.0);
      std::fill_n(m2, width, 0.0);
      for (int64_t r = 0; r < m; ++r)
        for (int64_t j = 0; j < width; ++j) mean[j] += block[r * stride + j];
      for (int64_t j = 0; j < width; ++j) mean[j] /= static_cast<double>(m);
      for (int64_t r = 0; r < m; ++r)
        for (int64_t j = 0; j < width; ++j) {
          const double d = block[r * stride + j] - mean[j];
          m2[j] += d * d;
        }
      for (int64_t j = 0; j < width; ++j)
        acc[j] = combine(acc[j], {static_cast<double>(m), mean[j], m2[j]});
    }
  }

  void store(Acc acc, const ReduceTarget& to, int64_t i) const {
    const double var = acc.m2 / std::max(0.0, acc.n - correction);
    static_cast<T*>(to.out)[i] = static_cast<T>(root ? std::sqrt(var) : var);
    if (to.second)
      static_cast<T*>(to.second)[i] = static_cast<T>(acc.n == 0 ? std::nan("") : acc.mean);
  }
};

// sum exp(x) = sum * exp(max), with max the largest x, so that nothing overflows.
template <class T>
struct ScaledSum {
  T max;
  double sum;
};

template <class T>
struct LogSumExp {
  using In = T;
  using Acc = ScaledSum<T>;
  static constexpr bool kFolds = true;
  static constexpr T kInf = std::numeric_limits<T>::infinity();

  Acc init() const { return {-kInf, 0}; }
  Acc combine(Acc a, Acc b) const {
    if (a.max == -kInf) return b;
    if (b.max == -kInf) return a;
    const T m = better_of<true>(a.max, b.max);
    if (std::isinf(m)) return {m, 1};
    return {m, a.sum * std::exp(static_cast<double>(a.max - m)) +
                   b.sum * std::exp(static_cast<double>(b.max - m))};
  }

  Acc row(const T* p, int64_t n, int64_t) const {
    const T m = extreme<true>(p, n);
    if (std::isinf(m)) return {m, m > 0 ? 1.0 : 0.0};
    const auto term = [m](Vec<T> v) { return exp(v - static_cast<double>(m)); };
    return {m, blocked_sum(p, n, -INFINITY, term)};
  }

  void rows(Acc* acc, const T* p, int64_t stride, int64_t n, int64_t width, int64_t) const {
    constexpr int64_t kBlock = 64, kSize = Vec<T>::kSize;
    T m[kTile], sum[kTile];
    for (int64_t i = 0; i < n; i += kBlock) {
      const int64_t rows = std::min(kBlock, n - i);
      const T* block = p + i * stride;
      std::fill_n(m, width, -kInf);
      std::fill_n(sum, width, T(0));
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t j = 0; j < width; ++j) m[j] = better_of<true>(m[j], block[r * stride + j]);
      for (int64_t r = 0; r < rows; ++r) {
        const T* x = block + r * stride;
        int64_t j = 0;
        for (; j + kSize <= width; j += kSize)
          (Vec<T>::load(sum + j) + exp(Vec<T>::load(x + j) - Vec<T>::load(m + j))).store(sum + j);
        for (; j < width; ++j) sum[j] += std::exp(x[j] - m[j]);
      }
      for (int64_t j = 0; j < width; ++j)
        acc[j] = combine(acc[j], {m[j], std::isinf(m[j]) ? m[j] > 0 : double(sum[j])});
    }
  }

  void store(Acc acc, const ReduceTarget& to, int64_t i) const {
    static_cast<T*>(to.out)[i] =
        std::isinf(acc.max) ? acc.max : static_cast<T>(acc.max + std::log(acc.sum));
  }
};

}  // namespace

void reduce_moments(ReduceKind kind, const ReducePlan& plan, Dtype dtype, const void* x,
                    const ReduceTarget& to, double param) {
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    if (kind == ReduceKind::kLogSumExp) return drive(LogSumExp<T>{}, plan, x, to);
    drive(Variance<T>{param, kind == ReduceKind::kStd}, plan, x, to);
  });
}

}  // namespace wengert::detail
