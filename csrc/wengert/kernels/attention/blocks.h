// Blocks of weights: the products of register tiles that they take part in, and what is done to
// their rows. Internal: includes Eigen.
#pragma once

#include <bit>
#include <cstring>
#include <limits>

#include "wengert/kernels/attention/attention.h"
#include "wengert/kernels/core/rows.h"
#include "wengert/kernels/gemm/kernel.h"

namespace wengert::detail {

inline constexpr int64_t kQueries = 96;  // of a block, at most

// So few queries meet a head of keys that it does not pay to pack these.
inline constexpr int64_t kFewRows = 8;
inline bool has_few_rows(const AttentionShape& s) {
  return s.group() * s.queries <= kFewRows && s.keys > 0;
}
// Head and query of row r of those that head kv of keys serves.
inline std::pair<int64_t, int64_t> place_of(const AttentionShape& s, int64_t kv, int64_t r) {
  return {kv * s.group() + r / s.queries, r % s.queries};
}

template <class T>
int64_t whole_registers(int64_t n) {
  return (n + kLanes<T> - 1) / kLanes<T> * kLanes<T>;
}

// Note [triangles]: in a block of weights that begins at query i and key j, row r of a causal
// attention ends before column r + shift + 1, shift = i - j. What lies beyond is zero: tiles of it
// are left out, and so is their part of the sums.
inline constexpr int64_t kFull = int64_t{1} << 40;  // the shift of a block that is not cut

// C = or += A B by register tiles. A's rows or columns are runs; B lies in panels of kCols columns,
// whose rows are `b_row` apart. Of C whole registers are written.
template <class T>
struct BlockProduct {
  const T* a;
  int64_t a_row, a_col;
  const T* b;
  int64_t b_row, b_panel;
  T* c;
  int64_t ldc;

  // Rows [r, r + rows) of the panel of C that begins at column j, summed over [l, l + k).
  void panel(int64_t r, int64_t rows, int64_t j, int64_t cols, int64_t l, int64_t k,
             bool accumulate) const {
    if (rows <= 0 || k <= 0) return;
    const bool along = a_col == 1, narrow = cols - j <= kLanes<T>;
    const RegisterKernel<T>* kernels = narrow ? narrow_kernels<T>(along) : wide_kernels<T>(along);
    RegisterTile<T> t;
    t.a_step = along ? a_row : a_col;
    t.b = b + j / kCols<T> * b_panel + l * b_row;
    t.b_step = b_row;
    t.k = k;
    t.ldc = ldc;
    t.cols = narrow ? kLanes<T> : kCols<T>;
    t.accumulate = accumulate;
    t.bias = nullptr;
    const Cut cut(rows, narrow ? kMaxRows : kRows);
    for (int64_t i = 0; i < cut.parts; ++i) {
      t.a = a + (r + cut.begin(i)) * a_row + l * a_col;
      t.c = c + (r + cut.begin(i)) * ldc + j;
      kernels[cut.size(i) - 1](t);
    }
  }
  // C is a block of weights.
  void weights(int64_t rows, int64_t cols, int64_t k, int64_t shift) const {
    for (int64_t j = 0; j < cols; j += kCols<T>) {
      const int64_t first = std::clamp<int64_t>(j - shift, 0, rows);
      panel(first, rows - first, j, cols, 0, k, false);
    }
  }
  // A is one, of k columns.
  void by_weights(int64_t rows, int64_t cols, int64_t k, int64_t shift, bool accumulate) const {
    const Cut cut(rows, kMaxRows);
    if (shift >= k) {
      for (int64_t j = 0; j < cols; j += kCols<T>) panel(0, rows, j, cols, 0, k, accumulate);
      return;
    }
    for (int64_t i = 0; i < cut.parts; ++i)
      for (int64_t j = 0; j < cols; j += kCols<T>)
        panel(cut.begin(i), cut.size(i), j, cols, 0, std::min(k, cut.begin(i + 1) + shift),
              accumulate);
  }
  // A is one turned, of k rows.
  void by_turned(int64_t rows, int64_t cols, int64_t k, int64_t shift) const {
    const Cut cut(rows, shift >= rows ? rows : kMaxRows);
    for (int64_t i = 0; i < cut.parts; ++i) {
      const int64_t first = std::clamp<int64_t>(cut.begin(i) - shift, 0, k);
      for (int64_t j = 0; j < cols; j += kCols<T>)
        panel(cut.begin(i), cut.size(i), j, cols, first, k - first, true);
    }
  }
};

// to[r * ld + j] = by from[r * step + j], and zeros up to whole registers.
template <class T>
void copy_rows(T* to, int64_t ld, const T* from, int64_t step, int64_t rows, int64_t n,
               double by = 1) {
  const Vec<T> factor(by);
  for (int64_t r = 0; r < rows; ++r)
    row_each<T>(n, [&](int64_t i, int64_t m) {
      (factor * load_part(from + r * step + i, m, 0)).store(to + r * ld + i);
    });
}
// And back, without what lies beyond n.
template <class T>
void store_rows(T* to, int64_t step, const T* from, int64_t ld, int64_t rows, int64_t n,
                double by = 1) {
  const Vec<T> factor(by);
  for (int64_t r = 0; r < rows; ++r)
    row_each<T>(n, [&](int64_t i, int64_t m) {
      store_part(factor * Vec<T>::load(from + r * ld + i), to + r * step + i, m);
    });
}

// The panels of X', X having n rows of `width`.
template <class T>
void pack_turned(T* to, const T* x, int64_t step, int64_t n, int64_t width) {
  for (int64_t j = 0; j < n; j += kLanes<T>)
    turn(to + j / kCols<T> * kCols<T> * width + j % kCols<T>, kCols<T>, x + j * step, step,
         std::min<int64_t>(kLanes<T>, n - j), width);
}
template <class T>
int64_t turned_size(int64_t n, int64_t width) {
  return (n + kCols<T> - 1) / kCols<T> * kCols<T> * width;
}

// What a row of weights, of one query from one key on, is masked with.
template <class T>
class MaskRow {
 public:
  MaskRow(const AttentionMask& m, int64_t b, int64_t h, int64_t query, int64_t key)
      : data_(m.data), is_bool_(m.is_bool), step_(m.key) {
    at_ = b * m.batch + h * m.head + query * m.query + key * m.key;
  }
  void apply(T* s, int64_t n) const {
    if (!data_) return;
    if (is_bool_) {
      // Adds 0, or minus infinity by its bits: a choice would be a branch for each.
      using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
      constexpr Bits kNone = std::bit_cast<Bits>(-std::numeric_limits<T>::infinity());
      each(static_cast<const uint8_t*>(data_) + at_, n, [s](int64_t j, uint8_t takes_part) {
        s[j] += std::bit_cast<T>((Bits{takes_part} - 1) & kNone);
      });
    } else {
      each(static_cast<const T*>(data_) + at_, n, [s](int64_t j, T x) { s[j] += x; });
    }
  }

 private:
  template <class M, class F>
  void each(const M* m, int64_t n, const F& f) const {
    if (step_ == 1)
      for (int64_t j = 0; j < n; ++j) f(j, m[j]);
    else
      for (int64_t j = 0; j < n; ++j) f(j, m[j * step_]);
  }
  const void* data_;
  bool is_bool_;
  int64_t step_, at_;
};

// Of a register of weights those that dropout keeps; bit `at` is that of its first.
template <class T>
inline Mask<T> kept_lanes(Kept bits, int64_t at) {
  uint32_t word;  // 23 bits of it count
  std::memcpy(&word, bits + at / 8, sizeof word);
  word >>= at % 8;
#if defined(__AVX512F__)
  return {static_cast<decltype(Mask<T>().bits)>(word)};
#else
  T lane[Vec<T>::kSize];
  for (int i = 0; i < Vec<T>::kSize; ++i) lane[i] = static_cast<T>(word >> i & 1);
  return Vec<T>::load(lane) > 0.0;
#endif
}

// Queries [begin, begin + size) of a block meet keys [key, key + keys).
template <class T>
struct WeightBlock {
  const AttentionShape& s;
  const AttentionMask& mask;
  Kept kept;
  int64_t b, h, begin, size, key, keys;

  int64_t shift() const { return s.causal ? begin - key : kFull; }
  // Where row r ends.
  int64_t end(int64_t r) const {
    return s.causal ? std::clamp<int64_t>(begin + r - key + 1, 0, keys) : keys;
  }
  MaskRow<T> mask_row(int64_t r) const { return {mask, b, h, begin + r, key}; }
  // The first of row r's bits.
  int64_t bit(int64_t r) const {
    return ((b * s.heads + h) * s.queries + begin + r) * s.keys + key;
  }
};

}  // namespace wengert::detail
