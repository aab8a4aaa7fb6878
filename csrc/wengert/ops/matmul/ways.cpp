// Which implementation of a matrix product takes a call.
#include "wengert/ops/ways.h"

#include "wengert/ops/matmul/operands.h"

namespace wengert {

extern const Op mm_op, mm_pointwise_op, bmm_op, linear_op, linear_activation_op;

namespace {

// Only strides matter. What is neither dense along rows nor along columns is copied first.
template <class T>
MatrixRef<T> matrix(const Tensor& t, int i, int j) {
  const int64_t m = t.shape()[i], n = t.shape()[j];
  if (!dense(t, i, j)) return {nullptr, n, 1};
  return canonical<T>({nullptr, t.strides()[i], t.strides()[j]}, m, n);
}

// Of mm and bmm.
std::string product_way(const Call& c) {
  const Tensor &x = c.in(0), &y = c.in(1);
  if (is_narrow(x.dtype())) return "narrow";
  if (!is_floating(x.dtype())) return "integers";
  const int i = x.ndim() - 2, j = x.ndim() - 1;
  return dispatch_floating(x.dtype(), [&](auto zero) -> std::string {
    using T = decltype(zero);
    return gemm_way(matrix<T>(x, i, j), matrix<T>(y, i, j), x.shape()[i], y.shape()[j],
                    x.shape()[j]);
  });
}

// z = x W'
std::string linear_way(const Call& c) {
  const Tensor &x = c.in(0), &w = c.in(1), &z = c.out[0];
  if (is_narrow(x.dtype())) return "narrow";
  if (!is_floating(x.dtype())) return "integers";
  const int64_t k = w.size(-1), n = w.ndim() == 2 ? w.shape()[0] : 1, m = n ? z.numel() / n : 0;
  return dispatch_floating(x.dtype(), [&](auto zero) -> std::string {
    using T = decltype(zero);
    return gemm_way<T>({nullptr, k, 1}, {nullptr, 1, k}, m, n, k);
  });
}

}  // namespace

// Not of linear_backward, which programs do not have: they take its products one by one.
std::span<const OpWays> matmul_ways() {
  static constexpr OpWays kWays[] = {{&mm_op, product_way},
                                     {&mm_pointwise_op, product_way},
                                     {&bmm_op, product_way},
                                     {&linear_op, linear_way},
                                     {&linear_activation_op, linear_way}};
  return kWays;
}

}  // namespace wengert
