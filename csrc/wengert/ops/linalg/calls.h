// The decompositions as functions, for what is made of them.
#pragma once

#include <utility>

#include "wengert/ops/linalg/linalg.h"

namespace wengert {

Tensor cholesky(const Tensor& x, bool upper = false);
// A X = B, or X A = B if not `left`, of which A is triangular.
Tensor solve_triangular(const Tensor& a, const Tensor& b, bool upper, bool left = true,
                        bool unitriangular = false);
Tensor solve(const Tensor& a, const Tensor& b, bool left = true);
Tensor inverse(const Tensor& x);
std::pair<Tensor, Tensor> qr(const Tensor& x, bool complete = false);
// Eigenvalues in ascending order, and eigenvectors as columns.
std::pair<Tensor, Tensor> eigh(const Tensor& x, bool upper = false);

struct Svd {
  Tensor u, s, vh;
};
Svd svd(const Tensor& x, bool full_matrices = false);
Tensor pinverse(const Tensor& x, double rtol = 1e-15);

}  // namespace wengert
