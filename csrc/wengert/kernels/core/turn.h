// Transposes in registers. Internal: includes Eigen.
#pragma once

#include <algorithm>
#include <utility>

#include "wengert/kernels/core/vec.h"

namespace wengert::detail {

// f(0), ..., f(n - 1) with constants: loops that are unrolled too late leave the sums in memory.
template <int kN, class F>
[[gnu::always_inline]] inline void each(const F& f) {
  [&]<int... i>(std::integer_sequence<int, i...>) __attribute__((always_inline)) {
    (f(std::integral_constant<int, i>()), ...);
  }(std::make_integer_sequence<int, kN>());
}
template <int kR, int kN, class F>
[[gnu::always_inline]] inline void each(const F& f) {
  each<kR * kN>([&](auto i) __attribute__((always_inline)) {
    f(std::integral_constant<int, i / kN>(), std::integral_constant<int, i % kN>());
  });
}

// A register of which the first n elements count; `end` is the end of memory.
template <class T>
Vec<T> load_some(const T* from, int64_t n, const T* end) {
  if (from + Vec<T>::kSize <= end) return Vec<T>::load(from);
  T part[Vec<T>::kSize] = {};
  for (int64_t i = 0; i < n; ++i) part[i] = from[i];
  return Vec<T>::load(part);
}

// to[l * to_step + i] = from[i * step + l] for i < lines, at most a register, and l < length.
template <class T>
void turn(T* to, int64_t to_step, const T* from, int64_t step, int64_t lines, int64_t length) {
  constexpr int kSize = Vec<T>::kSize;
  Eigen::internal::PacketBlock<typename Vec<T>::Packet, kSize> block;
  const auto line = [&](int64_t i) { return from + std::min(i, lines - 1) * step; };
  int64_t l = 0;
  for (; l + kSize <= length; l += kSize) {
    each<kSize>([&](auto i) { block.packet[i] = Vec<T>::load(line(i) + l).p; });
    Eigen::internal::ptranspose(block);
    each<kSize>([&](auto i) { Vec<T>(block.packet[i]).store(to + (l + i) * to_step); });
  }
  if (l == length) return;
  const int64_t rest = length - l;
  const T* end = line(lines - 1) + length;
  each<kSize>([&](auto i) { block.packet[i] = load_some(line(i) + l, rest, end).p; });
  Eigen::internal::ptranspose(block);
  each<kSize>([&](auto i) {
    if (i < rest) Vec<T>(block.packet[i]).store(to + (l + i) * to_step);
  });
}

}  // namespace wengert::detail
