// Products of few columns, or of few rows, whose sums run along memory in both operands. Internal:
// includes Eigen.
#pragma once

#include <numeric>

#include "wengert/base/allocator.h"
#include "wengert/base/parallel.h"
#include "wengert/kernels/core/turn.h"
#include "wengert/kernels/gemm/kernel.h"

namespace wengert::detail {

// Note [dot tiles]: register tiles hold whole registers of columns, so that few columns waste most
// of them, and they want rows of B that are runs, so that a B whose columns are runs must be
// turned, which few rows do not repay. Where rows of A and columns of B are both runs, a tile of
// scalar products needs neither: each is a register of partial sums, added up at the end. That
// costs as much as some multiplications, so the sums must be long.
inline constexpr int kDotRows = 3, kDotCols = 4;
inline constexpr int64_t kDotDepth = 1024;  // so much of a few rows or columns stays in L1

template <class T>
bool prefers_dots(const MatrixRef<T>& a, const MatrixRef<T>& b, int64_t m, int64_t n, int64_t k) {
  constexpr int64_t kFewRows = 48, kTurningIsWorth = 12;  // multiplications per row
  if (a.col_stride != 1 || b.row_stride != 1 || k < 16 * kLanes<T>) return false;
  if (m <= kFewRows && k >= kTurningIsWorth * m) return true;
  const int64_t whole = (n + kLanes<T> - 1) / kLanes<T> * kLanes<T>;
  return n < kCols<T> && 5 * n <= 4 * whole;  // a fifth of the registers is empty
}

// C += A B, or C = A B, for kR rows of A and kC columns of B, `a_step` and `b_step` apart.
template <class T, int kR, int kC>
void dot_tile(T* c, int64_t ldc, const T* a, int64_t a_step, const T* b, int64_t b_step, int64_t k,
              bool accumulate) {
  using V = Vec<T>;
  V sum[kR][kC];
  each<kR, kC>([&](auto r, auto j) __attribute__((always_inline)) { sum[r][j] = V(0.0); });
  int64_t l = 0;
  for (; l + V::kSize <= k; l += V::kSize) {
    V x[kR];
    each<kR>([&](auto r) __attribute__((always_inline)) { x[r] = V::load(a + r * a_step + l); });
    each<kC>([&](auto j) __attribute__((always_inline)) {
      const V y = V::load(b + j * b_step + l);
      each<kR>([&](auto r) __attribute__((always_inline)) { sum[r][j] = fma(x[r], y, sum[r][j]); });
    });
  }
  each<kR, kC>([&](auto r, auto j) __attribute__((always_inline)) {
    T s = Eigen::internal::predux(sum[r][j].p);
    for (int64_t i = l; i < k; ++i) s += a[r * a_step + i] * b[j * b_step + i];
    T& to = c[r * ldc + j];
    to = accumulate ? to + s : s;
  });
}

template <class T>
using DotKernel = void (*)(T*, int64_t, const T*, int64_t, const T*, int64_t, int64_t, bool);
template <class T, int... i>
constexpr auto dot_kernels_of(std::integer_sequence<int, i...>) {
  return std::array<DotKernel<T>, sizeof...(i)>{dot_tile<T, i / kDotCols + 1, i % kDotCols + 1>...};
}
// By (rows - 1) * kDotCols + columns - 1.
template <class T>
inline constexpr auto kDotKernels =
    dot_kernels_of<T>(std::make_integer_sequence<int, kDotRows * kDotCols>());

template <class T>
void dot_product(T* c, int64_t ldc, const MatrixRef<T>& a, const MatrixRef<T>& b, int64_t m,
                 int64_t n, int64_t k, bool accumulate) {
  const Cut down(m, kDotRows), across(n, kDotCols), depth(k, kDotDepth);
  const auto tile = [&](int64_t i, int64_t j, int64_t l) {
    const int64_t row = down.begin(i), col = across.begin(j), at = depth.begin(l);
    kDotKernels<T>[static_cast<size_t>((down.size(i) - 1) * kDotCols + across.size(j) - 1)](
        c + row * ldc + col, ldc, a.data + row * a.row_stride + at, a.row_stride,
        b.data + col * b.col_stride + at, b.col_stride, depth.size(l), accumulate || l > 0);
  };
  // What is smaller is walked again and again.
  const bool few_rows = m < n;
  for (int64_t l = 0; l < depth.parts; ++l)
    for (int64_t o = 0; o < (few_rows ? across : down).parts; ++o)
      for (int64_t i = 0; i < (few_rows ? down : across).parts; ++i)
        few_rows ? tile(i, o, l) : tile(o, i, l);
}

// One scalar product, of vectors with any steps.
template <class T>
T dot_part(const T* a, int64_t a_step, const T* b, int64_t b_step, int64_t k) {
  constexpr int kSums = 8;  // hide the latency of an FMA on two units
  using V = Vec<T>;
  T sum = 0;
  int64_t l = 0;
  if (a_step == 1 && b_step == 1) {
    V sums[kSums];
    each<kSums>([&](auto s) __attribute__((always_inline)) { sums[s] = V(0.0); });
    for (; l + kSums * V::kSize <= k; l += kSums * V::kSize)
      each<kSums>([&](auto s) __attribute__((always_inline)) {
        const int64_t at = l + s * V::kSize;
        sums[s] = fma(V::load(a + at), V::load(b + at), sums[s]);
      });
    for (; l + V::kSize <= k; l += V::kSize) sums[0] = fma(V::load(a + l), V::load(b + l), sums[0]);
    for (int n = kSums / 2; n > 0; n /= 2)
      for (int s = 0; s < n; ++s) sums[s] = sums[s] + sums[s + n];
    sum = Eigen::internal::predux(sums[0].p);
  }
  for (; l < k; ++l) sum += a[l * a_step] * b[l * b_step];
  return sum;
}

// The same for long ones: parts of a fixed length, added in order.
template <class T>
T long_dot(const T* a, int64_t a_step, const T* b, int64_t b_step, int64_t k) {
  constexpr int64_t kPart = 8192;
  const Cut parts(k, kPart);
  if (parts.parts <= 1) return dot_part(a, a_step, b, b_step, k);
  const Scratch scratch(static_cast<size_t>(parts.parts) * sizeof(T));
  T* const sums = scratch.as<T>();
  parallel_for(parts.parts, 4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      sums[i] = dot_part(a + parts.begin(i) * a_step, a_step, b + parts.begin(i) * b_step, b_step,
                         parts.size(i));
  });
  return std::accumulate(sums, sums + parts.parts, T(0));
}

}  // namespace wengert::detail
