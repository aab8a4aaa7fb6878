// Loops over one row of numbers in registers; the end of a row is padded, so that every element of
// a row goes through the same arithmetic.
#pragma once

#include <algorithm>
#include <type_traits>
#include <utility>

#include "wengert/kernels/core/turn.h"
#include "wengert/kernels/core/vec.h"

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

// Short rows are worked on many at once; how depends on whether they fill whole registers.
inline constexpr int64_t kShortRow = 128;
template <class T>
bool fills_registers(int64_t n) {
  constexpr int64_t kSize = Vec<T>::kSize;
  return 5 * ((n + kSize - 1) / kSize * kSize) < 6 * n;
}

// Others are turned, so that columns are registers: to[j * kTileColumns + r] = from[r][j] for
// r < rows <= kTileColumns, and rows of n numbers that follow each other.
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

// Note [folding]
// A register each of kSize rows becomes one register, whose lane r is the sum (the largest, ...) of
// row r's lanes. A step takes registers whose lanes are blocks of 2h, a block per row, in pairs,
// and adds the upper to the lower half of every block: a shuffle gathers the lower halves of both,
// one the upper ones, so that nothing is moved that does not count. kSize - 1 steps, where a
// transpose would take kSize log2(kSize) shuffles. Halves of 8, 4, 2 and 1 lanes are the order in
// which lane_sum adds. From halves of less than 128 bits on, lanes stay within their 128: a shuffle
// of the whole register needs its indices in another.
template <class T>
struct Fold {
  static constexpr int kSize = Vec<T>::kSize;
  // Where lane l of the step's result comes from: the first or the second register, and the lane of
  // the lower half there.
  struct Source {
    bool second;
    int lane;
  };
  static constexpr Source source(int l, int h) {
    constexpr int kQuad = std::min<int>(kSize, 16 / sizeof(T));
    const int unit = 2 * h > kQuad ? kSize : kQuad, at = l % unit;
    const int within = at % (unit / 2);
    return {at >= unit / 2, l / unit * unit + within / h * 2 * h + within % h};
  }
  // The row that the leaf-th register of the tree has to hold for lane r of the result to be row r.
  static constexpr int row(int leaf) {
    for (int r = 0; r < kSize; ++r) {
      int l = r, found = 0;
      for (int h = 1; h < kSize; h *= 2) {
        const Source s = source(l, h);
        found = 2 * found + s.second;
        l = s.lane;
      }
      if (found == leaf) return r;
    }
    return -1;
  }
  template <int kHalf, bool kUpper>
  static Vec<T> half(Vec<T> a, Vec<T> b) {
    return [&]<int... l>(std::integer_sequence<int, l...>) -> Vec<T> {
      return __builtin_shufflevector(
          a.p, b.p,
          (source(l, kHalf).lane + (source(l, kHalf).second ? kSize : 0) +
           (kUpper ? kHalf : 0))...);
    }(std::make_integer_sequence<int, kSize>());
  }
  template <int kHalf = 1, int kLeaf = 0, class F, class Op>
  [[gnu::always_inline]] static Vec<T> all(const F& f, const Op& op) {
    if constexpr (kHalf == kSize) {
      return f(std::integral_constant<int, row(kLeaf)>());
    } else {
      const Vec<T> a = all<2 * kHalf, 2 * kLeaf>(f, op), b = all<2 * kHalf, 2 * kLeaf + 1>(f, op);
      return op(half<kHalf, false>(a, b), half<kHalf, true>(a, b));
    }
  }
};
// f(r) -> the register of row r, r a constant.
template <class T, class F>
inline Vec<T> fold_sum(const F& f) {
  return Fold<T>::all(f, [](Vec<T> a, Vec<T> b) { return a + b; });
}

// Rows that fill registers are taken as many at a time as a register has lanes: what is found of
// each (its largest, its sum) is then a lane of one register. In between they are kept in whole
// registers, since what was written in part can be read again only after a wait.
template <class T, bool kOneRegister>
struct RowGroup {
  static constexpr int64_t kSize = Vec<T>::kSize;
  int64_t rows, n;  // 1 <= rows <= kSize
  Vec<T> cell[kSize][kOneRegister ? 1 : kShortRow / kSize];

  explicit RowGroup(int64_t n) : n(n), in_row_(first(n % kSize)) {}

  // Of the rows that start at x, row r's c elements from i and `fill` in the lanes behind them.
  Vec<T> load(const T* x, int64_t r, int64_t i, int64_t c, double fill) const {
    const T* p = x + r * n + i;
    if (c == kSize) return Vec<T>::load(p);
    if (!reaches_beyond(r, i)) return select(in_row_, Vec<T>::load(p), fill);
    return load_part(p, c, fill);
  }
  // Fills the cells from rows that start at x; returns the largest elements.
  Vec<T> load_all(const T* x) {
    return fold(
        [&](int64_t r, int64_t j, int64_t i, int64_t c) {
          fetch(x + (kSize + r) * n + i);
          return cell[r][j] = load(x, r, i, c, -INFINITY);
        },
        [](Vec<T> a, Vec<T> b) { return greater(a, b); });
  }
  // Sums of the rows of f(r, j, i, c), which is 0 in the lanes behind the end. Register j of row r
  // holds c elements from i.
  template <class F>
  Vec<T> sum(const F& f) {
    return fold(f, [](Vec<T> a, Vec<T> b) { return a + b; });
  }
  // y = f(r, j, i, c) for all rows, from the first: a whole register that ends in the next row is
  // written over there.
  template <class F>
  void store(T* y, const F& f) const {
    for (int64_t r = 0; r < rows; ++r) {
      int64_t j = 0, i = 0;
      for (; whole(i); ++j, i += kSize) f(r, j, i, kSize).store(y + r * n + i);
      if (i == n) continue;
      const Vec<T> v = f(r, j, i, n - i);
      reaches_beyond(r, i) ? store_part(v, y + r * n + i, n - i) : v.store(y + r * n + i);
    }
  }

 private:
  static Mask<T> first(int64_t count) {
    using namespace Eigen::internal;
    return Vec<T>(plset<typename Vec<T>::Packet>(T(0))) < static_cast<double>(count);
  }
  bool whole(int64_t i) const { return !kOneRegister && i + kSize <= n; }
  // A register from element i of row r would end behind the last row.
  bool reaches_beyond(int64_t r, int64_t i) const { return r * n + i + kSize > rows * n; }
  template <class F, class Op>
  Vec<T> fold(const F& f, const Op& op) {
    Vec<T> part[kSize];
    for (int64_t r = 0; r < rows; ++r) {
      Vec<T> v = f(r, 0, 0, std::min(n, kSize));
      if constexpr (!kOneRegister) {
        int64_t j = 1, i = kSize;
        for (; whole(i); ++j, i += kSize) v = op(v, f(r, j, i, kSize));
        if (i < n) v = op(v, f(r, j, i, n - i));
      }
      part[r] = v;
    }
    for (int64_t r = rows; r < kSize; ++r) part[r] = Vec<T>(0.0);
    return Fold<T>::all([&](auto r) { return part[r]; }, op);
  }

  Mask<T> in_row_;
};
// f(first, group) for the groups of rows [begin, end) of n, by their first row.
template <class T, class F>
void each_group(int64_t begin, int64_t end, int64_t n, const F& f) {
  const auto walk = [&](auto group) {
    for (int64_t first = begin; first < end; first += group.kSize) {
      group.rows = std::min<int64_t>(group.kSize, end - first);
      f(first, group);
    }
  };
  n <= Vec<T>::kSize ? walk(RowGroup<T, true>(n)) : walk(RowGroup<T, false>(n));
}

}  // namespace wengert::detail
