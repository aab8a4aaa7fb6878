// The innermost loops of a matrix product, compiled for each type in a file of its own: there are
// many of them. See Note [register tiles]. Internal: includes Eigen.
#pragma once

#include <array>
#include <type_traits>
#include <utility>

#include "wengert/kernels/core/turn.h"
#include "wengert/kernels/gemm/kernel.h"

namespace wengert::detail {

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

// What lies between the first and the last row of a B that stays in the L1 cache.
template <class T>
inline constexpr int64_t kInL1 = (32 << 10) / sizeof(T);

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
  const auto add_products = [&](auto fetch) __attribute__((always_inline)) {
    V row[kN];
    if constexpr (fetch)
      each<kN>([&](auto j)
                   __attribute__((always_inline)) { __builtin_prefetch(b + 4 * b_step + j * kS); });
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
  const auto add_all = [&](auto fetch) __attribute__((always_inline)) {
    int64_t l = 0;
    // C is fetched a row at a time: all rows at once would fill the queue of misses, and wait.
    if (t.k > 64)
      for (const T* at = t.c; l < kR; ++l, at += t.ldc) {
        __builtin_prefetch(at, 1);
        __builtin_prefetch(at + kWidth - 1, 1);
        add_products(fetch);
      }
    for (; l < t.k; ++l) add_products(fetch);
  };
  // A B that L1 does not hold is fetched ahead: its rows are far apart, or panels lie in L2.
  if constexpr (kPanelsInL2 && kR > 8) {
    add_all(std::true_type());
  } else {
    const bool beyond = t.k * b_step > kInL1<T>;
    beyond ? add_all(std::true_type()) : add_all(std::false_type());
  }
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

template <class T, int kN, bool kAlong, int... kR>
constexpr auto kernels_of(std::integer_sequence<int, kR...>) {
  return std::array<RegisterKernel<T>, sizeof...(kR)>{register_tile<T, kR + 1, kN, kAlong>...};
}
template <class T, int kN, int kMost, bool kAlong>
inline constexpr auto kKernels =
    kernels_of<T, kN, kAlong>(std::make_integer_sequence<int, kMost>());

template <class T>
const RegisterKernel<T>* wide_kernels(bool along) {
  return along ? kKernels<T, kVectors, kRows, true>.data()
               : kKernels<T, kVectors, kRows, false>.data();
}
template <class T>
const RegisterKernel<T>* narrow_kernels(bool along) {
  return along ? kKernels<T, 1, kMaxRows, true>.data() : kKernels<T, 1, kMaxRows, false>.data();
}

}  // namespace wengert::detail
