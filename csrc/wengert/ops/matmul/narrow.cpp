#include "wengert/ops/matmul/narrow.h"

#include "wengert/kernels/core/copy.h"
#include "wengert/kernels/gemm/gemm.h"
#include "wengert/ops/matmul/integers.h"
#include "wengert/ops/matmul/operands.h"

namespace wengert {
namespace {

Tensor in_int32(const Tensor& t) {
  if (!t.defined()) return t;
  const Tensor wide = Tensor::empty(t.shape(), Dtype::kInt32);
  cast_strided(wide.data(), Dtype::kInt32, wide.strides(), t.data(), t.dtype(), t.strides(),
               t.shape());
  return wide;
}

}  // namespace

void narrow_product(const Tensor& out, const Tensor& x, const Tensor& y, int64_t batch,
                    const Tensor& bias) {
  const int r = out.ndim() - 2, c = out.ndim() - 1;
  const int64_t m = x.shape()[r], k = x.shape()[c], n = y.shape()[c];
  if (!is_floating(out.dtype())) {
    const Tensor wide = Tensor::empty(out.shape(), Dtype::kInt32);
    integer_product(wide, in_int32(x), in_int32(y), batch, in_int32(bias));
    return cast_strided(out.data(), out.dtype(), out.strides(), wide.data(), Dtype::kInt32,
                        wide.strides(), out.shape());
  }
  const auto bits = [](const Tensor& t) { return reinterpret_cast<uint16_t*>(t.data()); };
  const auto matrix = [&](const Tensor& t) {
    const MatrixRef<uint16_t> x{bits(t), t.strides()[r], t.strides()[c]};
    return canonical<uint16_t>(x, t.shape()[r], t.shape()[c]);
  };
  narrow_gemm_batched(out.dtype(), bits(out), matrix(x), r ? x.strides()[0] : 0, matrix(y),
                      r ? y.strides()[0] : 0, batch, m, n, k,
                      bias.defined() ? bits(bias) : nullptr);
}

}  // namespace wengert
