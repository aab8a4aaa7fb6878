// What the rows of linear algebra share: the last two dimensions are matrices, the others a batch.
#pragma once

#include <algorithm>

#include "wengert/base/allocator.h"
#include "wengert/base/linalg_error.h"
#include "wengert/base/parallel.h"
#include "wengert/kernels/linalg/linalg.h"
#include "wengert/ops/basic.h"

namespace wengert {

inline Dims lead_of(const Tensor& x, int own = 2) {
  Dims d = x.shape();
  d.resize(std::max(d.size() - own, 0));
  return d;
}
inline Dims with(Dims lead, std::initializer_list<int64_t> sizes) {
  for (int64_t n : sizes) lead.push_back(n);
  return lead;
}
inline int64_t batch_of(const Tensor& x, int own = 2) { return numel(lead_of(x, own)); }

inline void expect_floating(const Tensor& x) {
  check(is_floating(x.dtype()), "Expected a floating point tensor as input. Got ", x.dtype());
}
inline void expect_matrix(const Tensor& x, const char* name = "A") {
  check(x.ndim() >= 2, "The input tensor ", name, " must have at least 2 dimensions.");
  expect_floating(x);
}
inline void expect_square(const Tensor& x, const char* name = "A") {
  expect_matrix(x, name);
  check(x.size(-1) == x.size(-2), name, " must be batches of square matrices, but they are ",
        x.size(-2), " by ", x.size(-1), " matrices");
}
inline void expect_same_dtype(const Tensor& x, const Tensor& y) {
  check(x.dtype() == y.dtype(), "Expected both tensors to have the same dtype, got ", x.dtype(),
        " and ", y.dtype());
}

// f(i) for every matrix of a batch, of about so many operations each: side by side where they are
// several, one with all threads where it is alone.
template <class F>
void for_each_matrix(int64_t count, int64_t work, const F& f) {
  parallel_for(count, std::max<int64_t>(1, (1 << 16) / std::max<int64_t>(work, 1)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t i = begin; i < end; ++i) f(i);
               });
}

// In which words the first failure of a batch is told.
inline std::string element(const Tensor& info, int64_t i) {
  return info.ndim() == 0 ? std::string() : text("(Batch element ", i, "): ");
}
template <class Message>
void check_infos(const Tensor& info, const Message& message) {
  const auto* const p = info.data_as<int32_t>();
  for (int64_t i = 0, n = info.numel(); i < n; ++i)
    if (p[i] != 0) throw LinAlgError(element(info, i), message(p[i]));
}
inline void check_converged(const List<char>& done, const Tensor& values) {
  for (size_t i = 0; i < done.size(); ++i)
    if (!done[i])
      throw LinAlgError(
          values.ndim() == 1 ? std::string()
                             : text("(Batch element ", static_cast<int64_t>(i), "): "),
          "The algorithm failed to converge because the input matrix contained non-finite values.");
}

// The one tensor of a row of several outputs that is asked for.
inline std::vector<Tensor> apply_all(const Op& op, std::initializer_list<Operand> inputs,
                                     const Attrs& attrs = {}) {
  Call c(op, attrs);
  for (const Operand& x : inputs) c.add_input(x);
  apply(c);
  if (op.is_composite()) return {c.results.begin(), c.results.end()};
  return {c.out, c.out + c.outputs()};
}
inline List<Tensor> listed(const std::vector<Tensor>& v) { return {v.begin(), v.end()}; }

extern const Op linalg_cholesky_ex_op, linalg_lu_factor_ex_op, lu_permutation_op, qr_factors_op,
    linalg_householder_product_op, linalg_ldl_factor_ex_op, triangular_system_op, linear_system_op,
    linalg_inv_ex_op, det_op, slogdet_op, eigh_factors_op, svd_factors_op, pinv_matrix_op,
    matrix_exp_op;

// The rows of x in the order of the pivots of an LU decomposition, or back.
Tensor exchanged_rows(const Tensor& pivots, const Tensor& x, bool back);
// A^-1 B, or with A', of an A whose decomposition is `lu`.
Tensor solve_by_lu(const Tensor& lu, const Tensor& pivots, const Tensor& b, bool adjoint);

}  // namespace wengert
