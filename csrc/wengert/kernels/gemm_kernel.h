// The innermost loops of a matrix product: a tile of C that fits into registers, and the panels of
// A and B that it walks along. Internal: includes Eigen.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "wengert/kernels/gemm.h"
#include "wengert/kernels/turn.h"
#include "wengert/kernels/vec.h"

namespace wengert::detail {

// Note [register tiles]: a tile is up to kRows rows by kVectors registers of columns. Its sums, one
// row of B and one element of A stay in registers: 12 + 2 + 1 of 16, or 24 + 2 + 1 of 32 with
// AVX-512. More than 8 sums are needed to hide the latency of an FMA on two units, so a tile of
// one register of columns has up to kMaxRows rows.
//
// kDepth is the most that is summed at once: that many rows of a panel of B, and of a panel of A,
// stay in the L1 cache. A sum is that of its parts, which depend on k only: C may be cut anywhere
// without a change of the result. kMostCols are packed of B before they are used. CPUs with AVX-512
// have L2 caches of 1 MiB and more: there panels of B are fetched from L2 fast enough, and all of
// them stay in it.
#if defined(__AVX512F__)
inline constexpr int kRows = 12, kDepth = 384, kMostCols = 512;
#else
inline constexpr int kRows = 6, kDepth = 400, kMostCols = 2048;
#endif
inline constexpr int kVectors = 2;
inline constexpr int kMaxRows = 12;
template <class T>
inline constexpr int kLanes = Vec<T>::kSize;
template <class T>
inline constexpr int kCols = kVectors * kLanes<T>;

// C = or += A B for the rows and columns of a tile, with the bias added last.
template <class T>
struct RegisterTile {
  const T* a;
  int64_t a_step;  // from row to row, or from column to column
  const T* b;
  int64_t b_step;  // from row to row
  int64_t k;
  T* c;
  int64_t ldc;
  int64_t cols;  // those of B may be more
  bool accumulate;
  const T* bias;
};

// The sums in `from` reach C, of which there are fewer columns than a register has.
template <class T>
void store_part(const RegisterTile<T>& t, const T* from, int rows, int width) {
  for (int r = 0; r < rows; ++r)
    for (int64_t j = 0; j < t.cols; ++j) {
      T& c = t.c[r * t.ldc + j];
      T sum = from[r * width + j];
      if (t.accumulate) sum = c + sum;
      c = t.bias ? sum + t.bias[j] : sum;
    }
}

// kAlong: A's rows are runs of memory, else its columns are (packed panels are of that kind).
template <class T, int kR, int kN, bool kAlong>
void register_tile(const RegisterTile<T>& t) {
  using V = Vec<T>;
  constexpr int kS = V::kSize, kWidth = kN * kS;
  V sum[kR][kN];
  each<kR, kN>([&](auto r, auto j) __attribute__((always_inline)) { sum[r][j] = V(0.0); });
  const T *a = t.a, *b = t.b;
  const int64_t a_step = t.a_step, b_step = t.b_step;
  constexpr int kNear = 6;  // rows reached from one pointer: their offsets fit into registers
  const T* far = kR > kNear ? a + kNear * a_step : a;
  const auto add_products = [&]() __attribute__((always_inline)) {
    V row[kN];
    each<kN>([&](auto j) __attribute__((always_inline)) { row[j] = V::load(b + j * kS); });
    each<kR>([&](auto r) __attribute__((always_inline)) {
      const T* at = !kAlong ? a + r : r < kNear ? a + r * a_step : far + (r - kNear) * a_step;
      const V x = Eigen::internal::pset1<typename V::Packet>(*at);
      each<kN>([&](auto j)
                   __attribute__((always_inline)) { sum[r][j] = fma(x, row[j], sum[r][j]); });
    });
    a += kAlong ? 1 : a_step;
    ++far;
    b += b_step;
  };
  int64_t l = 0;
  // C is fetched a row at a time: all rows at once would fill the queue of misses, and wait.
  if (t.k > 64)
    for (const T* at = t.c; l < kR; ++l, at += t.ldc) {
      __builtin_prefetch(at, 1);
      __builtin_prefetch(at + kWidth - 1, 1);
      add_products();
    }
  for (; l < t.k; ++l) add_products();
  if (t.cols < kWidth) {
    T part[kR * kWidth];
    each<kR, kN>([&](auto r, auto j) __attribute__((always_inline)) {
      sum[r][j].store(part + r * kWidth + j * kS);
    });
    return store_part(t, part, kR, kWidth);
  }
  T* const c = t.c;
  const int64_t ldc = t.ldc;
  if (t.accumulate)
    each<kR, kN>([&](auto r, auto j) __attribute__((always_inline)) {
      sum[r][j] = V::load(c + r * ldc + j * kS) + sum[r][j];
    });
  if (t.bias)
    each<kR, kN>([&](auto r, auto j) __attribute__((always_inline)) {
      sum[r][j] = sum[r][j] + V::load(t.bias + j * kS);
    });
  each<kR, kN>([&](auto r, auto j)
                   __attribute__((always_inline)) { sum[r][j].store(c + r * ldc + j * kS); });
}

template <class T>
using RegisterKernel = void (*)(const RegisterTile<T>&);

template <class T, int kN, bool kAlong, int... kR>
constexpr auto kernels_of(std::integer_sequence<int, kR...>) {
  return std::array<RegisterKernel<T>, sizeof...(kR)>{register_tile<T, kR + 1, kN, kAlong>...};
}
// By rows - 1.
template <class T, bool kAlong>
inline constexpr auto kWide =
    kernels_of<T, kVectors, kAlong>(std::make_integer_sequence<int, kRows>());
template <class T, bool kAlong>
inline constexpr auto kNarrow =
    kernels_of<T, 1, kAlong>(std::make_integer_sequence<int, kMaxRows>());

// Rows are cut evenly: 32 are 5 + 5 + 5 + 5 + 6 + 6, not 6 * 5 + 2.
struct Cut {
  int64_t parts, base, longer;
  // Small products cut a lot of things into one part, and divisions are slow.
  Cut(int64_t n, int64_t most)
      : parts((n + most - 1) / most),
        base(parts == 1 ? n : n / parts),
        longer(parts == 1 ? 0 : n % parts) {}
  int64_t begin(int64_t i) const { return i * base + std::min(i, longer); }
  int64_t size(int64_t i) const { return base + (i < longer); }
  int64_t most() const { return size(0); }
};

}  // namespace wengert::detail
