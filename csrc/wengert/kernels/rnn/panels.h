// Weights that are packed once for all steps, and their products with a few rows. Internal:
// includes Eigen.
#pragma once

#include "wengert/kernels/gemm/kernel.h"
#include "wengert/kernels/gemm/pack.h"

namespace wengert::detail {

// B (k x n) as panels of kCols columns or, the last, of one register; each has all its rows one
// after the other, as the register tiles of a matrix product read them. See Note [register tiles].
template <class T>
class Panels {
 public:
  // So many elements are needed.
  static int64_t memory(int64_t k, int64_t n) { return k * whole(n); }
  Panels() = default;
  Panels(T* memory, int64_t k, int64_t n) : data_(memory), k_(k), n_(n) {}

  int64_t count() const { return (n_ + kCols<T> - 1) / kCols<T>; }
  int64_t begin(int64_t p) const { return std::min(p * kCols<T>, n_); }

  // Rows [l, l + k) of panel p are those of b, of which columns from `cols` on are zeros.
  void pack(int64_t p, int64_t l, const MatrixRef<T>& b, int64_t k, int64_t cols) const {
    const int64_t w = width(p);
    for (int64_t j = 0; j < w; j += kLanes<T>) {
      T* const to = at(p) + l * w + j;
      const int64_t first = p * kCols<T> + j, n = std::clamp<int64_t>(cols - first, 0, kLanes<T>);
      const T* const from = b.data + first * b.col_stride;
      if (n > 0 && b.col_stride != 1) turn(to, w, from, b.col_stride, n, k);
      if (n > 0 && b.col_stride == 1) copy_lines(to, w, from, b.row_stride, n, k);
      if (n < kLanes<T>)
        for (int64_t i = 0; i < k; ++i) std::fill(to + i * w + n, to + i * w + kLanes<T>, T(0));
    }
  }

  // c = or += a B for the columns of panel p, of c those of all of B, and rows [l, l + k) of B.
  void multiply(int64_t p, T* c, int64_t ldc, const T* a, int64_t lda, int64_t rows, int64_t l,
                int64_t k, bool accumulate, const T* bias = nullptr) const {
    const int64_t w = width(p), col = begin(p);
    const bool wide = w == kCols<T>;
    const RegisterKernel<T>* const kernels = wide ? wide_kernels<T>(true) : narrow_kernels<T>(true);
    const Cut cut(rows, wide ? kRows : kMaxRows), depth(k, kDepth<T>);
    RegisterTile<T> t;
    t.a_step = lda;
    t.b_step = w;
    t.ldc = ldc;
    t.cols = std::min(w, n_ - col);
    for (int64_t d = 0; d < depth.parts; ++d) {
      t.b = at(p) + (l + depth.begin(d)) * w;
      t.k = depth.size(d);
      t.accumulate = accumulate || d > 0;
      t.bias = bias && d + 1 == depth.parts ? bias + col : nullptr;
      for (int64_t q = 0; q < cut.parts; ++q) {
        t.a = a + cut.begin(q) * lda + depth.begin(d);
        t.c = c + cut.begin(q) * ldc + col;
        kernels[cut.size(q) - 1](t);
      }
    }
  }

 private:
  static int64_t whole(int64_t n) { return (n + kLanes<T> - 1) / kLanes<T> * kLanes<T>; }
  int64_t width(int64_t p) const { return std::min<int64_t>(kCols<T>, whole(n_) - p * kCols<T>); }
  T* at(int64_t p) const { return data_ + p * kCols<T> * k_; }

  T* data_ = nullptr;
  int64_t k_ = 0, n_ = 0;
};

}  // namespace wengert::detail
