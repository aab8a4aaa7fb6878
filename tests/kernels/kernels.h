// What the tests of kernels share: numbers, layouts, comparison.
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <type_traits>
#include <vector>

#include "../cpp/check.h"
#include "wengert/base/generator.h"
#include "wengert/kernels/core/naive.h"

namespace wengert {

void test_attention();
void test_core();
void test_gemm();
void test_conv();
void test_embedding();
void test_reduce();
void test_loss();
void test_index();
void test_norm();
void test_random();
void test_resample();
void test_rnn();
void test_update();
void test_pool();
void test_pool_last();

// Floats between -2 and 2, whole numbers between -9 and 9 (0 and 17 without a sign).
template <class T>
std::vector<T> numbers(int64_t n, uint32_t seed = 1) {
  Generator g(seed);
  std::vector<T> out(static_cast<size_t>(n));
  for (size_t i = 0; i < out.size(); ++i) {
    if constexpr (std::is_floating_point_v<T>)
      out[i] = static_cast<T>(g.unit() * 4 - 2);
    else
      out[i] = static_cast<T>(static_cast<int>(g.random() % 19) - (std::is_signed_v<T> ? 9 : 0));
  }
  return out;
}

// NaN where NaN; infinities alike; else within the tolerance.
inline bool close(double a, double b, double rtol, double atol) {
  if (std::isnan(b) || std::isinf(b)) return std::isnan(b) ? std::isnan(a) : a == b;
  return std::abs(a - b) <= rtol * std::abs(b) + atol;
}
template <class A, class B>
bool close(const std::vector<A>& a, const std::vector<B>& b, double rtol, double atol) {
  bool all = a.size() == b.size();
  for (size_t i = 0; all && i < a.size(); ++i)
    all = close(static_cast<double>(a[i]), static_cast<double>(b[i]), rtol, atol);
  return all;
}

// Of sums of about a hundred terms near 1.
template <class T>
constexpr double kLoose = sizeof(T) == 4 ? 2e-5 : 1e-12;

// A tensor in memory of `size` elements.
struct Memory {
  Dims strides;
  int64_t offset, size;
};

// Contiguous; every second element of the last dimension; dimensions in reverse order; backwards.
inline std::vector<Memory> memories(const Dims& shape) {
  const int n = shape.size();
  const int64_t count = numel(shape);
  const Dims dense = contiguous_strides(shape);
  Dims turned = shape, wide = dense, back = dense;
  for (int64_t d = 0, step = 1; d < n; step *= shape[static_cast<int>(d++)])
    turned[static_cast<int>(d)] = step;
  for (int64_t& s : wide) s *= 2;
  for (int64_t& s : back) s = -s;
  return {{dense, 0, count},
          {wide, 1, 2 * count + 1},
          {turned, 0, count},
          {back, std::max<int64_t>(count - 1, 0), count}};
}

}  // namespace wengert
