// Written by `python -m tests.functions` from the signatures of the rows; do not edit.
// clang-format off
#include "wengert/ops/matmul/functions.h"

#include "wengert/ops/calling.h"

namespace wengert {

Tensor mm(const Tensor& input, const Tensor& mat2) {
  static const Op& op = calling::row("mm");
  return calling::one(op, {input, mat2});
}
Tensor bmm(const Tensor& input, const Tensor& mat2) {
  static const Op& op = calling::row("bmm");
  return calling::one(op, {input, mat2});
}
Tensor mv(const Tensor& input, const Tensor& vec) {
  static const Op& op = calling::row("mv");
  return calling::one(op, {input, vec});
}
Tensor dot(const Tensor& input, const Tensor& tensor) {
  static const Op& op = calling::row("dot");
  return calling::one(op, {input, tensor});
}
Tensor outer(const Tensor& input, const Tensor& vec2) {
  static const Op& op = calling::row("outer");
  return calling::one(op, {input, vec2});
}
Tensor inner(const Tensor& input, const Tensor& other) {
  static const Op& op = calling::row("inner");
  return calling::one(op, {input, other});
}
Tensor trace(const Tensor& input) {
  static const Op& op = calling::row("trace");
  return calling::one(op, {input});
}
Tensor addmm(const Tensor& input, const Tensor& mat1, const Tensor& mat2, const Scalar& beta,
             const Scalar& alpha) {
  static const Op& op = calling::row("addmm");
  return calling::one(op, {input, mat1, mat2}, {beta, alpha});
}
Tensor& addmm_(Tensor& input, const Tensor& mat1, const Tensor& mat2, const Scalar& beta,
               const Scalar& alpha) {
  static const Op& op = calling::row("addmm");
  return calling::in_place(op, input, {mat1, mat2}, {beta, alpha});
}
Tensor addmv(const Tensor& input, const Tensor& mat, const Tensor& vec, const Scalar& beta,
             const Scalar& alpha) {
  static const Op& op = calling::row("addmv");
  return calling::one(op, {input, mat, vec}, {beta, alpha});
}
Tensor& addmv_(Tensor& input, const Tensor& mat, const Tensor& vec, const Scalar& beta,
               const Scalar& alpha) {
  static const Op& op = calling::row("addmv");
  return calling::in_place(op, input, {mat, vec}, {beta, alpha});
}
Tensor baddbmm(const Tensor& input, const Tensor& batch1, const Tensor& batch2, const Scalar& beta,
               const Scalar& alpha) {
  static const Op& op = calling::row("baddbmm");
  return calling::one(op, {input, batch1, batch2}, {beta, alpha});
}
Tensor& baddbmm_(Tensor& input, const Tensor& batch1, const Tensor& batch2, const Scalar& beta,
                 const Scalar& alpha) {
  static const Op& op = calling::row("baddbmm");
  return calling::in_place(op, input, {batch1, batch2}, {beta, alpha});
}

}  // namespace wengert
