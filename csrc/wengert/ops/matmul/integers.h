// Products of matrices of integers.
#pragma once

#include "wengert/tensor/tensor.h"

namespace wengert {

// out = x y, or out_ij = (x y)_ij + bias_j, for `batch` matrices. These are rare: plain loops.
template <class T>
void integer_product(const Tensor& out, const Tensor& x, const Tensor& y, int64_t batch,
                     const Tensor& bias) {
  const int r = out.ndim() - 2, c = out.ndim() - 1;
  const int64_t m = x.shape()[r], k = x.shape()[c], n = y.shape()[c];
  for (int64_t b = 0; b < batch; ++b) {
    const T* px = x.data_as<T>() + (r ? b * x.strides()[0] : 0);
    const T* py = y.data_as<T>() + (r ? b * y.strides()[0] : 0);
    T* po = out.data_as<T>() + b * m * n;
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < n; ++j) {
        T sum = bias.defined() ? bias.data_as<T>()[j] : T{0};
        for (int64_t l = 0; l < k; ++l)
          sum = static_cast<T>(sum + px[i * x.strides()[r] + l * x.strides()[c]] *
                                         py[l * y.strides()[r] + j * y.strides()[c]]);
        po[i * n + j] = sum;
      }
  }
}

}  // namespace wengert
