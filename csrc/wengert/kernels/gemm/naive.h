// What gemm() computes, in three loops. For tests: nothing fast includes this.
#pragma once

#include "wengert/kernels/gemm/gemm.h"

namespace wengert::naive {

template <class T>
void gemm(T* c, int64_t ldc, MatrixRef<T> a, MatrixRef<T> b, int64_t m, int64_t n, int64_t k,
          bool accumulate, const Epilogue<T>& e = {}) {
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      double sum = accumulate ? static_cast<double>(c[i * ldc + j]) : 0;
      for (int64_t p = 0; p < k; ++p) {
        sum += static_cast<double>(a.data[i * a.row_stride + p * a.col_stride]) *
               static_cast<double>(b.data[p * b.row_stride + j * b.col_stride]);
      }
      T& y = c[i * ldc + j];
      y = static_cast<T>(e.bias ? sum + static_cast<double>(e.bias[j]) : sum);
      if (!e.activation) continue;
      const void* in[] = {&y, e.other ? e.other + i * e.other_ld + j : nullptr};
      T z;
      e.activation(&z, in, 1, e.params);
      (e.activated ? e.activated[i * e.activated_ld + j] : y) = z;
    }
  }
}

}  // namespace wengert::naive
