// What symmetric eigenvalues and singular values share: the numbers of their iterations are double,
// and what these do to the vectors is written down and done later, to many columns at once.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "wengert/base/allocator.h"
#include "wengert/base/parallel.h"
#include "wengert/kernels/core/vec.h"
#include "wengert/kernels/linalg/linalg.h"

namespace wengert::linalg {

// Row a becomes c a + s b, row b becomes c b - s a.
struct Rotation {
  int32_t a, b;
  double c, s;
};

// Rotations of the rows of a matrix (n columns), done when there are many.
template <class T>
class Rotations {
 public:
  Rotations(T* rows, int64_t n) : rows_(rows), n_(n) {}
  void add(int64_t a, int64_t b, double c, double s) {
    if (!rows_) return;
    list_.push_back({static_cast<int32_t>(a), static_cast<int32_t>(b), c, s});
    if (list_.size() >= kMany) flush();
  }
  void flush() {
    if (list_.empty()) return;  // there may be no rows
    constexpr int kVecs = 4, kWidth = kVecs * Vec<T>::kSize;
    const auto work = std::max<int64_t>(1, static_cast<int64_t>(list_.size()) * kWidth);
    parallel_for((n_ + kWidth - 1) / kWidth, std::max<int64_t>(1, (1 << 16) / work),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t i = begin; i < end; ++i) {
                     T* const at = rows_ + i * kWidth;
                     if (n_ - i * kWidth >= kWidth)
                       turn<kVecs>(at);
                     else
                       turn_tail(at, n_ - i * kWidth);
                   }
                 });
    list_.clear();
  }

 private:
  static constexpr size_t kMany = 1 << 15;
  template <int kVecs>
  void turn(T* at) const {
    using V = Vec<T>;
    for (const Rotation& r : list_) {
      const V c = V::repeat(static_cast<T>(r.c)), s = V::repeat(static_cast<T>(r.s));
      T *const pa = at + r.a * n_, *const pb = at + r.b * n_;
      for (int v = 0; v < kVecs; ++v) {
        const V a = V::load(pa + v * V::kSize), b = V::load(pb + v * V::kSize);
        (c * a + s * b).store(pa + v * V::kSize);
        (c * b - s * a).store(pb + v * V::kSize);
      }
    }
  }
  void turn_tail(T* at, int64_t width) const {
    for (const Rotation& r : list_) {
      const T c = static_cast<T>(r.c), s = static_cast<T>(r.s);
      T *const pa = at + r.a * n_, *const pb = at + r.b * n_;
      for (int64_t j = 0; j < width; ++j) {
        const T a = pa[j], b = pb[j];
        pa[j] = c * a + s * b;
        pb[j] = c * b - s * a;
      }
    }
  }

  T* rows_;
  int64_t n_;
  std::vector<Rotation, Pooled<Rotation>> list_;
};

// y (count numbers) = M x, M with contiguous rows `ld` apart; y -= M' x.
template <class T>
void rows_times(T* y, const T* m, int64_t ld, const T* x, int64_t count, int64_t n) {
  if (n == 0) return static_cast<void>(std::fill_n(y, count, T(0)));
  gemm<T>(y, 1, {m, ld, 1}, {x, 1, 1}, count, 1, n, false);
}
template <class T>
void subtract_rows(T* y, const T* m, int64_t ld, const T* x, int64_t count, int64_t n) {
  for (int64_t k = 0; k < count; ++k)
    for (int64_t j = 0; j < n; ++j) y[j] -= x[k] * m[k * ld + j];
}

// The power of two that brings the largest of n numbers below 1: squares of what is scaled by it
// neither overflow nor vanish. 0 if there are only zeros, negative if one is not finite.
template <class T>
double scale_of(const T* x, int64_t n) {
  T largest = 0;
  bool finite = true;
  for (int64_t i = 0; i < n; ++i) {
    finite &= std::isfinite(x[i]);
    largest = std::max(largest, std::abs(x[i]));
  }
  if (!finite) return -1;
  if (largest == 0) return 0;
  int exponent;
  std::frexp(static_cast<double>(largest), &exponent);
  return std::ldexp(1.0, std::clamp(-exponent, -1000, 1000));
}

// to (n x m) = the transpose of from (m x n).
template <class T>
void transpose_into(T* to, const T* from, int64_t m, int64_t n) {
  constexpr int64_t kTile = 16;
  parallel_for((m + kTile - 1) / kTile, std::max<int64_t>(1, (1 << 12) / std::max<int64_t>(n, 1)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t i = begin * kTile; i < std::min(m, end * kTile); i += kTile)
                   for (int64_t j = 0; j < n; ++j)
                     for (int64_t k = i; k < std::min(i + kTile, m); ++k)
                       to[j * m + k] = from[k * n + j];
               });
}

}  // namespace wengert::linalg
