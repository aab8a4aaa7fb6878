// Loops over one row of numbers in registers; the end of a row is padded, so that every element of
// a row goes through the same arithmetic.
#pragma once

#include <algorithm>
#include <type_traits>

#include "wengert/kernels/turn.h"
#include "wengert/kernels/vec.h"

namespace wengert::detail {

// Deduced: naming the register's type as a template argument draws a warning from GCC.
template <class Packet>
Eigen::internal::unpacket_traits<Packet> traits_of(const Packet&);
template <class T>
using PacketTraits = decltype(traits_of(Vec<T>().p));

// The first n lanes, for instruction sets with masks.
template <class T>
inline auto first_lanes(int64_t n) {
  return static_cast<typename PacketTraits<T>::mask_t>((1u << n) - 1);
}

template <class T>
inline Vec<T> load_part(const T* p, int64_t n, double fill) {
  using namespace Eigen::internal;
  using V = Vec<T>;
  using Packet = typename V::Packet;
  if (n >= V::kSize) return V::load(p);
  if constexpr (PacketTraits<T>::masked_load_available) {
    const V v = ploadu<Packet>(p, first_lanes<T>(n));  // 0 where there is nothing
    if (fill == 0) return v;
    return select(V(plset<Packet>(T(0))) < static_cast<double>(n), v, fill);
  } else {
    T lane[V::kSize];
    for (int i = 0; i < V::kSize; ++i) lane[i] = i < n ? p[i] : static_cast<T>(fill);
    return V::load(lane);
  }
}

template <class T>
inline void store_part(Vec<T> v, T* p, int64_t n) {
  if (n >= Vec<T>::kSize) return v.store(p);
  if constexpr (PacketTraits<T>::masked_store_available) {
    Eigen::internal::pstoreu(p, v.p, first_lanes<T>(n));
  } else {
    T lane[Vec<T>::kSize];
    v.store(lane);
    for (int i = 0; i < n; ++i) p[i] = lane[i];
  }
}

template <class T>
inline T lane_sum(Vec<T> v) {
  return Eigen::internal::predux(v.p);
}

// The larger (smaller) of two; NaN wins.
template <bool kLargest, class V>
inline V better_of(V a, V b) {
  return kLargest ? max(a, b) : min(a, b);
}

template <bool kLargest, class T>
T row_extreme(const T* p, int64_t n) {
  using V = Vec<T>;
  constexpr int64_t kSize = V::kSize;
  constexpr double kWorst = kLargest ? -INFINITY : INFINITY;
  V a = load_part(p, n, kWorst);
  int64_t i = kSize;
  if (i + 4 * kSize <= n) {
    V b = a, c = a, d = a;
    for (; i + 4 * kSize <= n; i += 4 * kSize) {
      a = better_of<kLargest>(a, V::load(p + i));
      b = better_of<kLargest>(b, V::load(p + i + kSize));
      c = better_of<kLargest>(c, V::load(p + i + 2 * kSize));
      d = better_of<kLargest>(d, V::load(p + i + 3 * kSize));
    }
    a = better_of<kLargest>(better_of<kLargest>(a, b), better_of<kLargest>(c, d));
  }
  for (; i < n; i += kSize) a = better_of<kLargest>(a, load_part(p + i, n - i, kWorst));
  return kLargest ? Eigen::internal::predux_max<Eigen::PropagateNaN>(a.p)
                  : Eigen::internal::predux_min<Eigen::PropagateNaN>(a.p);
}

// The largest, for exp(x - m): a NaN may be passed over, as the sum of these takes it in.
template <class T>
inline Vec<T> greater(Vec<T> a, Vec<T> b) {
  return Eigen::internal::pmax(a.p, b.p);
}
template <class T>
T row_greatest(const T* p, int64_t n) {
  using V = Vec<T>;
  constexpr int64_t kSize = V::kSize;
  V a = load_part(p, n, -INFINITY), b = a, c = a, d = a;
  int64_t i = kSize;
  for (; i + 4 * kSize <= n; i += 4 * kSize) {
    a = greater(a, V::load(p + i));
    b = greater(b, V::load(p + i + kSize));
    c = greater(c, V::load(p + i + 2 * kSize));
    d = greater(d, V::load(p + i + 3 * kSize));
  }
  a = greater(greater(a, b), greater(c, d));
  for (; i < n; i += kSize) a = greater(a, load_part(p + i, n - i, -INFINITY));
  return Eigen::internal::predux_max(a.p);
}

// Has memory send what will be wanted while the arithmetic on other numbers goes on. Beyond the end
// of memory it does nothing.
template <class T>
inline void fetch(const T* p) {
  __builtin_prefetch(p, 0, 2);
}

// Sum of f(i, m) over the registers of a row: m elements from i. f fills padding with what adds
// nothing. Sixteen steps at most in T, then float64.
template <class T, class F>
double row_sum(int64_t n, const F& f) {
  constexpr int64_t kSize = Vec<T>::kSize, kBlock = 64 * kSize;
  double total = 0;
  int64_t i = 0;
  for (; i + kBlock <= n; i += kBlock) {
    Vec<T> a = f(i, kSize), b = f(i + kSize, kSize);
    Vec<T> c = f(i + 2 * kSize, kSize), d = f(i + 3 * kSize, kSize);
    for (int64_t k = i + 4 * kSize; k < i + kBlock; k += 4 * kSize) {
      a = a + f(k, kSize);
      b = b + f(k + kSize, kSize);
      c = c + f(k + 2 * kSize, kSize);
      d = d + f(k + 3 * kSize, kSize);
    }
    total += lane_sum((a + b) + (c + d));
  }
  if (i >= n) return total;
  Vec<T> a = f(i, n - i);
  for (i += kSize; i < n; i += kSize) a = a + f(i, n - i);
  return total + lane_sum(a);
}

// f(i, m) for the registers of a row.
template <class T, class F>
void row_each(int64_t n, const F& f) {
  for (int64_t i = 0; i < n; i += Vec<T>::kSize) f(i, n - i);
}

// Lines that lie side by side are taken a few registers at a time: all loads are of neighbours.
inline constexpr int kWide = 4;
template <class T>
inline constexpr int64_t kTileColumns = kWide * Vec<T>::kSize;

// f(true_type) for a tile of kTileColumns, whose registers then stay registers; else f(false_type).
template <class T, class F>
inline void by_width(int64_t columns, const F& f) {
  columns == kTileColumns<T> ? f(std::true_type()) : f(std::false_type());
}

// f(k, i, m): register k of a tile of `columns`, which starts at column i and holds m of them.
template <class T, bool kFull = false, class F>
inline void each_register(int64_t columns, const F& f) {
  constexpr int64_t kSize = Vec<T>::kSize;
  if constexpr (kFull) return each<kWide>([&](auto k) { f(k, k * kSize, kSize); });
  for (int64_t k = 0; k * kSize < columns; ++k) f(k, k * kSize, columns - k * kSize);
}

// Rows that are shorter than this fill registers better when turned: to[j * kTileColumns + r] =
// from[r][j] for r < rows <= kTileColumns, and rows of n numbers that follow each other.
inline constexpr int64_t kShortRow = 128;
template <class T>
void turn_rows(T* to, const T* from, int64_t rows, int64_t n) {
  constexpr int kSize = Vec<T>::kSize;
  for (int64_t r = 0; r < rows; r += kSize)
    turn(to + r, kTileColumns<T>, from + r * n, n, std::min<int64_t>(kSize, rows - r), n);
}
// And back; up to a register more is written behind it.
template <class T>
void turn_back(T* to, const T* from, int64_t rows, int64_t n) {
  constexpr int kSize = Vec<T>::kSize;
  // The last columns first: what they write beyond the edge belongs to the next row's first.
  for (int64_t j = (n - 1) / kSize * kSize; j >= 0; j -= kSize)
    turn(to + j, n, from + j * kTileColumns<T>, kTileColumns<T>, std::min<int64_t>(kSize, n - j),
         rows);
}

}  // namespace wengert::detail
