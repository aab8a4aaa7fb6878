// Products of matrices of integers. Internal to the family.
#pragma once

#include "wengert/base/parallel.h"
#include "wengert/kernels/gemm/gemm.h"
#include "wengert/tensor/tensor.h"

namespace wengert {

// out = x y, or out_ij = (x y)_ij + bias_j, for `batch` matrices of integers.
inline void integer_product(const Tensor& out, const Tensor& x, const Tensor& y, int64_t batch,
                            const Tensor& bias = {}) {
  const int r = out.ndim() - 2, c = out.ndim() - 1;
  const int64_t m = x.shape()[r], k = x.shape()[c], n = y.shape()[c];
  dispatch(out.dtype(), [&](auto zero) {
    using T = decltype(zero);
    if constexpr (std::is_integral_v<T>) {
      const int64_t grain = (int64_t{1} << 16) / (m * n * k + 1) + 1;
      parallel_for(batch, grain, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          const auto matrix = [&](const Tensor& t) {
            return MatrixRef<T>{t.data_as<const T>() + (r ? i * t.strides()[0] : 0), t.strides()[r],
                                t.strides()[c]};
          };
          integer_gemm<T>(out.data_as<T>() + i * m * n, matrix(x), matrix(y), m, n, k,
                          bias.defined() ? bias.data_as<const T>() : nullptr);
        }
      });
    }
  });
}

}  // namespace wengert
