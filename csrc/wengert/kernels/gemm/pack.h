// Copies of blocks of A and B in the order in which the register tiles read them. Internal:
// includes Eigen.
#pragma once

#include "wengert/kernels/core/turn.h"
#include "wengert/kernels/gemm/kernel.h"

namespace wengert::detail {

// Note [beyond the edge]: panels are written in whole registers. What a register holds beyond the
// edge of the matrix is never used: in a panel of B it gives columns that are not stored, and in a
// panel of A it is overwritten by what belongs there. So it may be anything that can be read.

// to[l * to_step + i] = from[l * step + i] for i < n, at most a register, and l < length.
template <class T>
void copy_lines(T* to, int64_t to_step, const T* from, int64_t step, int64_t n, int64_t length) {
  const T* end = from + (length - 1) * step + n;
  for (int64_t l = 0; l < length; ++l) load_some(from + l * step, n, end).store(to + l * to_step);
}

// to[l * width + j] = b(l, j) for j < n; the width is that of whole registers.
template <class T>
void pack_columns(T* to, int64_t width, const MatrixRef<T>& b, int64_t k, int64_t n) {
  constexpr int kSize = Vec<T>::kSize;
  for (int64_t j = 0; j < width; j += kSize) {
    const int64_t cols = std::min<int64_t>(kSize, n - j);
    const T* from = b.data + j * b.col_stride;
    b.col_stride == 1 ? copy_lines(to + j, width, from, b.row_stride, cols, k)
                      : turn(to + j, width, from, b.col_stride, cols, k);
  }
}

// As pack_columns, for panels of kCols columns one after the other and a B whose rows are runs:
// these are read from end to end.
template <class T>
void pack_lines(T* to, const MatrixRef<T>& b, int64_t k, int64_t n) {
  constexpr int64_t kAhead = 2;  // a row is often a page: where the next begins is not foreseen
  for (int64_t l = 0; l < k; ++l) {
    const T* from = b.data + l * b.row_stride;
    const T* next = b.data + std::min(l + kAhead, k - 1) * b.row_stride;
    for (int64_t j = 0; j < n; j += kCols<T>) {
      __builtin_prefetch(next + j);
      each<kVectors>([&](auto i) {
        const int64_t at = i * kLanes<T>;
        Vec<T>::load(from + j + at).store(to + j * k + l * kCols<T> + at);
      });
    }
  }
}

// to[l * rows + r] = a(r, l). Up to a register more is written behind it.
template <class T>
void pack_rows(T* to, int64_t rows, const MatrixRef<T>& a, int64_t k) {
  constexpr int kSize = Vec<T>::kSize;
  // The last rows first: what they write beyond the edge belongs to the first rows.
  for (int64_t r = (rows - 1) / kSize * kSize; r >= 0; r -= kSize) {
    const int64_t lines = std::min<int64_t>(kSize, rows - r);
    const T* from = a.data + r * a.row_stride;
    a.col_stride == 1 ? turn(to + r, rows, from, a.row_stride, lines, k)
                      : copy_lines(to + r, rows, from, a.col_stride, lines, k);
  }
}

// Between the panels of a block of A: most panels are as long as a multiple of a page, and what is
// that far apart displaces one another from the L1 cache.
template <class T>
inline constexpr int64_t kPanelGap = 64 / sizeof(T);
template <class T>
int64_t panel_begin(const Cut& cut, int64_t q, int64_t k) {
  return cut.begin(q) * k + q * kPanelGap<T>;
}

// As pack_rows, for the panels of a block one after the other and an A whose columns are runs:
// these are read from end to end.
template <class T>
void pack_rows_of_runs(T* to, const Cut& cut, const MatrixRef<T>& a, int64_t k) {
  constexpr int kSize = Vec<T>::kSize;
  constexpr int64_t kAhead = 2, kLine = 64 / sizeof(T);
  const int64_t rows = cut.begin(cut.parts);
  for (int64_t l = 0; l < k; ++l) {
    const T* from = a.data + l * a.col_stride;
    const T* next = a.data + std::min(l + kAhead, k - 1) * a.col_stride;
    for (int64_t r = 0; r < rows; r += kLine) __builtin_prefetch(next + r);
    for (int64_t q = 0; q < cut.parts; ++q) {
      const int64_t begin = cut.begin(q), size = cut.size(q);
      T* at = to + panel_begin<T>(cut, q, k) + l * size;
      // Whole registers where what is beyond the edge can be read, and is yet to be written.
      const int64_t whole = (size + kSize - 1) / kSize * kSize;
      if (begin + whole <= rows && (k - 1 - l) * size >= kSize) {
        for (int64_t r = 0; r < whole; r += kSize) Vec<T>::load(from + begin + r).store(at + r);
      } else {
        std::copy_n(from + begin, size, at);
      }
    }
  }
}

}  // namespace wengert::detail
