// What tables of rows compute, an element at a time. For tests: nothing fast includes this.
#pragma once

#include <cmath>
#include <vector>

#include "wengert/kernels/embedding/embedding.h"

namespace wengert::naive {

template <class T>
double factor(const void* weight, int64_t k) {
  return weight ? double(static_cast<const T*>(weight)[k]) : 1;
}

template <class T>
void sum_rows(const RowSums& s, bool add, const T* source, T* table) {
  for (int64_t r = 0; r < s.rows; ++r) {
    for (int64_t i = 0; i < s.width; ++i) {
      double sum = 0;
      int64_t times = 0;
      for (int64_t k = 0; k < s.count; ++k) {
        if (s.index[k] != r || r == s.skip) continue;
        sum += factor<T>(s.weight, k) * double(source[(s.from ? s.from[k] : k) * s.width + i]);
        ++times;
      }
      if (s.by_frequency && times > 0) sum /= double(times);
      T& to = table[r * s.width + i];
      to = static_cast<T>(add ? double(to) + sum : sum);
    }
  }
}

template <class T>
void bag_rows(const Bags& b, const T* table, T* y, int64_t* largest) {
  for (int64_t bag = 0; bag < b.bags; ++bag) {
    for (int64_t i = 0; i < b.width; ++i) {
      double sum = 0, best = -INFINITY;
      int64_t n = 0, at = -1;
      for (int64_t k = b.ends[bag]; k < b.ends[bag + 1]; ++k) {
        if (b.index[k] == b.skip) continue;
        const double v = double(table[b.index[k] * b.width + i]);
        sum += factor<T>(b.weight, k) * v;
        if (at < 0 || v > best) best = v, at = b.index[k];
        ++n;
      }
      if (b.mode == BagMode::kMean && n > 0) sum /= double(n);
      const bool max = b.mode == BagMode::kMax;
      y[bag * b.width + i] = static_cast<T>(!max ? sum : n > 0 ? best : 0);
      if (max) largest[bag * b.width + i] = at;
    }
  }
}

template <class T>
void bag_products(const Bags& b, int64_t count, const T* source, const T* table, T* out) {
  for (int64_t k = 0; k < count; ++k) out[k] = 0;
  for (int64_t bag = 0; bag < b.bags; ++bag) {
    int64_t n = 0;
    for (int64_t k = b.ends[bag]; k < b.ends[bag + 1]; ++k) n += b.index[k] != b.skip;
    for (int64_t k = b.ends[bag]; k < b.ends[bag + 1]; ++k) {
      double sum = 0;
      for (int64_t i = 0; i < b.width; ++i)
        sum += double(source[bag * b.width + i]) * double(table[b.index[k] * b.width + i]);
      if (b.mode == BagMode::kMean) sum /= double(n);
      out[k] = static_cast<T>(b.index[k] == b.skip ? 0 : sum);
    }
  }
}

template <class T>
double row_norm(const T* row, int64_t step, int64_t width, double p) {
  double sum = 0;
  for (int64_t i = 0; i < width; ++i) {
    const double a = std::abs(double(row[i * step]));
    if (std::isinf(p)) {
      sum = i == 0 ? a : p > 0 ? std::fmax(sum, a) : std::fmin(sum, a);
    } else {
      sum += p == 0 ? double(a != 0) : std::pow(a, p);
    }
  }
  return std::isinf(p) || p == 0 ? sum : std::pow(sum, 1 / p);
}

}  // namespace wengert::naive
