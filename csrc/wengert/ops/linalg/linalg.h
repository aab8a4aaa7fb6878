// Determinants and exponentials of matrices. Decompositions, systems of equations and norms are in
// namespace linalg: see namespace.h.
#pragma once

#include "wengert/ops/basic.h"

namespace wengert {

Tensor det(const Tensor& A);
std::pair<Tensor, Tensor> slogdet(const Tensor& A);  // sign and logarithm of the magnitude
Tensor matrix_exp(const Tensor& A);

}  // namespace wengert
