// What distributions.h says that is drawn, a number at a time. For tests: nothing fast includes
// this.
#pragma once

#include <cmath>
#include <numbers>
#include <utility>

#include "wengert/base/generator.h"

namespace wengert::naive {

template <class F>
double unit(Generator& g) {
  if constexpr (sizeof(F) == 4) return static_cast<double>(g.random() & 0xffffff) * 0x1p-24;
  return static_cast<double>(g.random64() & ((uint64_t{1} << 53) - 1)) * 0x1p-53;
}

template <class F>
void uniform(Generator& g, F* out, int64_t n, double from, double to) {
  for (int64_t i = 0; i < n; ++i) {
    const F x = static_cast<F>(unit<F>(g));
    out[i] = std::fma(x, static_cast<F>(to - from), static_cast<F>(from));
  }
}

template <class F>
void normal_block(F* b, double mean, double std) {
  for (int k = 0; k < 8; ++k) {
    const double r = std::sqrt(-2 * std::log(1 - double(b[k])));
    const double angle = 2 * std::numbers::pi * double(b[k + 8]);
    b[k] = static_cast<F>(r * std::cos(angle) * std + mean);
    b[k + 8] = static_cast<F>(r * std::sin(angle) * std + mean);
  }
}

template <class F>
void normal(Generator& g, F* out, int64_t n, double mean, double std) {
  if (n < 16) {
    for (int64_t i = 0; i < n; ++i) out[i] = static_cast<F>(g.normal() * std + mean);
    return;
  }
  for (int64_t i = 0; i < n; ++i) out[i] = static_cast<F>(unit<F>(g));
  for (int64_t i = 0; i + 16 <= n; i += 16) normal_block(out + i, mean, std);
  if (n % 16 == 0) return;
  for (int64_t i = n - 16; i < n; ++i) out[i] = static_cast<F>(unit<F>(g));
  normal_block(out + n - 16, mean, std);
}

template <class T>
void bernoulli(Generator& g, T* out, int64_t n, double p) {
  for (int64_t i = 0; i < n; ++i) out[i] = static_cast<T>(unit<double>(g) < p);
}

template <class F>
void dropout_mask(Generator& g, F* out, int64_t n, double p) {
  bernoulli(g, out, n, 1 - p);
  for (int64_t i = 0; i < n; ++i) out[i] /= static_cast<F>(1 - p);
}

inline void random_range(Generator& g, int64_t* out, int64_t n, int64_t from, int64_t to) {
  const uint64_t range = static_cast<uint64_t>(to) - static_cast<uint64_t>(from);
  for (int64_t i = 0; i < n; ++i) {
    const uint64_t u = range >= uint64_t{1} << 28 ? g.random64() : g.random();
    out[i] = static_cast<int64_t>(static_cast<uint64_t>(from) + u % range);
  }
}

inline void randperm(Generator& g, int64_t* out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] = i;
  for (int64_t i = 0; i + 1 < n; ++i) std::swap(out[i], out[i + g.random() % (n - i)]);
}

template <class F>
void exponential(Generator& g, F* out, int64_t n, double rate) {
  for (int64_t i = 0; i < n; ++i) out[i] = static_cast<F>(-1 / rate * std::log1p(-unit<double>(g)));
}

}  // namespace wengert::naive
