// Tensors as the matrices of a product.
#pragma once

#include "wengert/kernels/gemm/gemm.h"
#include "wengert/ops/basic.h"
#include "wengert/ops/shape/view.h"

namespace wengert {

// A matrix whose rows or columns lie densely is used as it is, a transpose included.
inline bool dense(const Tensor& t, int rows, int cols) {
  const Dims &n = t.shape(), &s = t.strides();
  const auto ok = [&](int inner, int outer) {
    return (s[inner] == 1 || n[inner] == 1) && (s[outer] >= n[inner] || n[outer] == 1);
  };
  return ok(cols, rows) || ok(rows, cols);
}
// Sizes of 1 may carry any stride; the kernels want one of the two to be 1. Of an (m, n) matrix.
template <class T>
MatrixRef<T> canonical(MatrixRef<T> r, int64_t m, int64_t n) {
  if (r.col_stride == 1 && (r.row_stride >= n || m == 1)) {
    if (m == 1) r.row_stride = n;
  } else if (r.row_stride == 1 && (r.col_stride >= m || n == 1)) {
    if (n == 1) r.col_stride = m;
  } else if (n == 1) {
    r.col_stride = 1;  // a column with a step: its rows are runs of one
  } else {
    r.row_stride = 1;
  }
  return r;
}
template <class T>
MatrixRef<T> canonical(const Tensor& t, int rows, int cols) {
  return canonical<T>({t.data_as<const T>(), t.strides()[rows], t.strides()[cols]}, t.shape()[rows],
                      t.shape()[cols]);
}
inline Tensor usable(const Tensor& t, int rows, int cols) {
  if (dense(t, rows, cols)) return t;
  GradMode off(false);
  return contiguous_copy(t);
}

}  // namespace wengert
