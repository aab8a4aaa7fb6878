// Functions for C++ users of the rows of this family that no other header declares.
// Written by `python -m tests.functions` from the signatures of the rows; do not edit.
#pragma once

#include "wengert/ops/argument.h"

// clang-format off
namespace wengert {

// The product of two matrices, (m, k) @ (k, n)
Tensor mm(const Tensor& input, const Tensor& mat2);
// Products of two batches of matrices, (b, m, k) @ (b, k, n)
Tensor bmm(const Tensor& input, const Tensor& mat2);
// Matrix (m, k) times vector (k,)
Tensor mv(const Tensor& input, const Tensor& vec);
// The inner product of two vectors
Tensor dot(const Tensor& input, const Tensor& tensor);
// The outer product of two vectors: (m,) and (n,) to (m, n)
Tensor outer(const Tensor& input, const Tensor& vec2);
// Sums of products over the last dimension of both: (*a, k) and (*b, k) to (*a, *b)
Tensor inner(const Tensor& input, const Tensor& other);
// The sum of the main diagonal of a matrix; integers are summed as int64
Tensor trace(const Tensor& input);
// beta * input + alpha * (mat1 @ mat2); `input` broadcasts
Tensor addmm(const Tensor& input, const Tensor& mat1, const Tensor& mat2, const Scalar& beta = 1,
             const Scalar& alpha = 1);
Tensor& addmm_(Tensor& input, const Tensor& mat1, const Tensor& mat2, const Scalar& beta = 1,
               const Scalar& alpha = 1);
// beta * input + alpha * (mat @ vec)
Tensor addmv(const Tensor& input, const Tensor& mat, const Tensor& vec, const Scalar& beta = 1,
             const Scalar& alpha = 1);
Tensor& addmv_(Tensor& input, const Tensor& mat, const Tensor& vec, const Scalar& beta = 1,
               const Scalar& alpha = 1);
// beta * input + alpha * (batch1 @ batch2), batch by batch
Tensor baddbmm(const Tensor& input, const Tensor& batch1, const Tensor& batch2,
               const Scalar& beta = 1, const Scalar& alpha = 1);
Tensor& baddbmm_(Tensor& input, const Tensor& batch1, const Tensor& batch2, const Scalar& beta = 1,
                 const Scalar& alpha = 1);

}  // namespace wengert
