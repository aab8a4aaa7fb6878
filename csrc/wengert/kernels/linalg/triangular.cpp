// Triangular systems and Cholesky's factor, in halves down to blocks that stay in L1.
#include <algorithm>
#include <cmath>

#include "wengert/base/allocator.h"
#include "wengert/base/parallel.h"
#include "wengert/kernels/core/vec.h"
#include "wengert/kernels/linalg/linalg.h"

namespace wengert::linalg {
namespace {

constexpr int64_t kBlock = 32;

// Half of n, in whole blocks.
int64_t half(int64_t n) { return (n / 2 + kBlock - 1) / kBlock * kBlock; }

template <class T>
MatrixRef<T> part(const MatrixRef<T>& a, int64_t i, int64_t j) {
  return {a.data + i * a.row_stride + j * a.col_stride, a.row_stride, a.col_stride};
}
template <class T>
MatrixRef<T> turned(const MatrixRef<T>& a) {
  return {a.data, a.col_stride, a.row_stride};
}

// kVecs registers of columns of X, the rows `step` apart and in the order in which they are solved.
template <class T, int kVecs>
void solve_columns(const T* a, T* x, int64_t step, int64_t n) {
  using V = Vec<T>;
  for (int64_t i = 0; i < n; ++i) {
    V sums[kVecs];
    for (int v = 0; v < kVecs; ++v) sums[v] = V::load(x + i * step + v * V::kSize);
    for (int64_t j = 0; j < i; ++j) {
      const V factor = V::repeat(-a[i * kBlock + j]);
      for (int v = 0; v < kVecs; ++v)
        sums[v] = fma(factor, V::load(x + j * step + v * V::kSize), sums[v]);
    }
    const V diagonal = V::repeat(a[i * kBlock + i]);
    for (int v = 0; v < kVecs; ++v) (sums[v] / diagonal).store(x + i * step + v * V::kSize);
  }
}

template <class T>
void solve_block(const MatrixRef<T>& a, bool upper, bool unit, T* x, int64_t row_step,
                 int64_t col_step, int64_t n, int64_t m) {
  // The rows in the order in which they are solved.
  T tri[kBlock * kBlock];
  const auto place = [&](int64_t i) { return upper ? n - 1 - i : i; };
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < i; ++j)
      tri[i * kBlock + j] = a.data[place(i) * a.row_stride + place(j) * a.col_stride];
    tri[i * kBlock + i] = unit ? T(1) : a.data[place(i) * (a.row_stride + a.col_stride)];
  }
  constexpr int kVecs = 4, kWidth = kVecs * Vec<T>::kSize;
  parallel_for(
      (m + kWidth - 1) / kWidth, std::max<int64_t>(1, (1 << 16) / (n * n * kWidth)),
      [&](int64_t begin, int64_t end) {
        for (int64_t c = begin; c < end; ++c) {
          T* const at = x + c * kWidth * col_step;
          const int64_t width = std::min<int64_t>(kWidth, m - c * kWidth);
          if (col_step == 1 && width == kWidth) {
            solve_columns<T, kVecs>(tri, at + place(0) * row_step, upper ? -row_step : row_step, n);
            continue;
          }
          alignas(64) T buffer[kBlock * kWidth];
          for (int64_t i = 0; i < n; ++i)
            for (int64_t j = 0; j < kWidth; ++j)
              buffer[i * kWidth + j] = j < width ? at[place(i) * row_step + j * col_step] : T(0);
          if (width <= Vec<T>::kSize)
            solve_columns<T, 1>(tri, buffer, kWidth, n);
          else
            solve_columns<T, kVecs>(tri, buffer, kWidth, n);
          for (int64_t i = 0; i < n; ++i)
            for (int64_t j = 0; j < width; ++j)
              at[place(i) * row_step + j * col_step] = buffer[i * kWidth + j];
        }
      });
}

template <class T>
void negate_into(T* to, const MatrixRef<T>& a, int64_t m, int64_t n) {
  const bool rows = a.col_stride == 1;
  parallel_for(m, std::max<int64_t>(1, (1 << 16) / std::max<int64_t>(n, 1)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t i = begin; i < end; ++i) {
                   const T* from = a.data + i * a.row_stride;
                   if (rows)
                     for (int64_t j = 0; j < n; ++j) to[i * n + j] = -from[j];
                   else
                     for (int64_t j = 0; j < n; ++j) to[i * n + j] = -from[j * a.col_stride];
                 }
               });
}

// C -= A A' on the lower triangle, `minus` being -A, m x k.
template <class T>
void subtract_square(T* c, int64_t ld, const T* minus, const T* a, int64_t lda, int64_t m,
                     int64_t k) {
  if (m > 256) {
    const int64_t h = half(m);
    subtract_square(c, ld, minus, a, lda, h, k);
    gemm<T>(c + h * ld, ld, {minus + h * k, k, 1}, {a, 1, lda}, m - h, h, k, true);
    return subtract_square(c + h * ld + h, ld, minus + h * k, a + h * lda, lda, m - h, k);
  }
  // In full, as a product of whole registers takes no longer; what is above the diagonal is kept.
  const Scratch scratch(static_cast<size_t>(m * m) * sizeof(T));
  T* const square = scratch.as<T>();
  gemm<T>(square, m, {minus, k, 1}, {a, 1, lda}, m, m, k, false);
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j <= i; ++j) c[i * ld + j] += square[i * m + j];
}

template <class T>
int64_t cholesky_block(T* a, int64_t ld, int64_t n) {
  T u[kBlock * kBlock];  // the transposed factor, whose rows the loop subtracts
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j <= i; ++j) u[j * kBlock + i] = a[i * ld + j];
  int64_t info = 0;
  for (int64_t j = 0; j < n && !info; ++j) {
    T* const row = u + j * kBlock;
    if (!(row[j] > 0)) {
      info = j + 1;
      break;
    }
    const T root = std::sqrt(row[j]);
    row[j] = root;
    for (int64_t i = j + 1; i < n; ++i) row[i] /= root;
    for (int64_t i = j + 1; i < n; ++i) {
      const T factor = row[i];
      for (int64_t k = i; k < n; ++k) u[i * kBlock + k] -= factor * row[k];
    }
  }
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j <= i; ++j) a[i * ld + j] = u[j * kBlock + i];
  return info;
}

}  // namespace

template <class T>
void subtract_product(T* c, int64_t ldc, MatrixRef<T> a, MatrixRef<T> b, int64_t m, int64_t n,
                      int64_t k) {
  if (m == 0 || n == 0 || k == 0) return;
  const bool first = m <= n;
  const Scratch scratch(static_cast<size_t>((first ? m : n) * k) * sizeof(T));
  T* const minus = scratch.as<T>();
  if (first) {
    negate_into(minus, a, m, k);
    gemm<T>(c, ldc, {minus, k, 1}, b, m, n, k, true);
  } else {
    negate_into(minus, b, k, n);
    gemm<T>(c, ldc, a, {minus, n, 1}, m, n, k, true);
  }
}

template <class T>
void solve_triangular(MatrixRef<T> a, bool upper, bool unit, T* x, int64_t row_step,
                      int64_t col_step, int64_t n, int64_t m) {
  if (n == 0 || m == 0) return;
  if (n <= kBlock) return solve_block(a, upper, unit, x, row_step, col_step, n, m);
  const int64_t h = half(n);
  const auto solve = [&](int64_t from, int64_t count) {
    solve_triangular(part(a, from, from), upper, unit, x + from * row_step, row_step, col_step,
                     count, m);
  };
  const auto subtract = [&](int64_t to, int64_t rows, int64_t from, int64_t k) {
    T* const c = x + to * row_step;
    const MatrixRef<T> f = part(a, to, from);
    const MatrixRef<T> known{x + from * row_step, row_step, col_step};
    if (col_step == 1)
      subtract_product(c, row_step, f, known, rows, m, k);
    else
      subtract_product(c, col_step, turned(known), turned(f), m, rows, k);
  };
  if (upper) {
    solve(h, n - h);
    subtract(0, h, h, n - h);
    solve(0, h);
  } else {
    solve(0, h);
    subtract(h, n - h, 0, h);
    solve(h, n - h);
  }
}

template <class T>
int64_t cholesky(T* a, int64_t ld, int64_t n) {
  if (n <= kBlock) return cholesky_block(a, ld, n);
  const int64_t h = half(n), rest = n - h;
  if (const int64_t info = cholesky(a, ld, h)) return info;
  // A21 <- A21 L11^-T, which is L11 X = A21' of the transposes.
  T* const below = a + h * ld;
  solve_triangular<T>({a, ld, 1}, false, false, below, 1, ld, h, rest);
  {
    const Scratch scratch(static_cast<size_t>(rest * h) * sizeof(T));
    negate_into<T>(scratch.as<T>(), {below, ld, 1}, rest, h);
    subtract_square(below + h, ld, scratch.as<T>(), below, ld, rest, h);
  }
  const int64_t info = cholesky(below + h, ld, rest);
  return info ? info + h : 0;
}

#define WENGERT_INSTANCES(T)                                                                   \
  template void subtract_product<T>(T*, int64_t, MatrixRef<T>, MatrixRef<T>, int64_t, int64_t, \
                                    int64_t);                                                  \
  template void solve_triangular<T>(MatrixRef<T>, bool, bool, T*, int64_t, int64_t, int64_t,   \
                                    int64_t);                                                  \
  template int64_t cholesky<T>(T*, int64_t, int64_t);
WENGERT_INSTANCES(float)
WENGERT_INSTANCES(double)
#undef WENGERT_INSTANCES

}  // namespace wengert::linalg
