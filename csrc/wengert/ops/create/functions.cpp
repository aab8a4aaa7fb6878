// Written by `python -m tests.functions` from the signatures of the rows; do not edit.
// clang-format off
#include "wengert/ops/create/functions.h"

#include "wengert/ops/calling.h"

namespace wengert {

Tensor empty(const Dims& size, std::optional<Dtype> dtype) {
  static const Op& op = calling::row("empty");
  return calling::one(op, {}, {size, dtype});
}
Tensor new_zeros(const Tensor& input, const Dims& size, std::optional<Dtype> dtype) {
  static const Op& op = calling::row("new_zeros");
  return calling::one(op, {input}, {size, dtype});
}
Tensor new_ones(const Tensor& input, const Dims& size, std::optional<Dtype> dtype) {
  static const Op& op = calling::row("new_ones");
  return calling::one(op, {input}, {size, dtype});
}
Tensor new_empty(const Tensor& input, const Dims& size, std::optional<Dtype> dtype) {
  static const Op& op = calling::row("new_empty");
  return calling::one(op, {input}, {size, dtype});
}
Tensor full_like(const Tensor& input, const Scalar& fill_value, std::optional<Dtype> dtype) {
  static const Op& op = calling::row("full_like");
  return calling::one(op, {input}, {fill_value, dtype});
}
Tensor new_full(const Tensor& input, const Dims& size, const Scalar& fill_value,
                std::optional<Dtype> dtype) {
  static const Op& op = calling::row("new_full");
  return calling::one(op, {input}, {size, fill_value, dtype});
}
Tensor arange(const Scalar& end, std::optional<Dtype> dtype) {
  static const Op& op = calling::row("arange");
  return calling::one(op, {}, {end, dtype});
}
Tensor logspace(const Scalar& start, const Scalar& end, int64_t steps, double base,
                std::optional<Dtype> dtype) {
  static const Op& op = calling::row("logspace");
  return calling::one(op, {}, {start, end, steps, base, dtype});
}
Tensor tril_indices(int64_t row, int64_t col, int64_t offset, std::optional<Dtype> dtype) {
  static const Op& op = calling::row("tril_indices");
  return calling::one(op, {}, {row, col, offset, dtype});
}
Tensor triu_indices(int64_t row, int64_t col, int64_t offset, std::optional<Dtype> dtype) {
  static const Op& op = calling::row("triu_indices");
  return calling::one(op, {}, {row, col, offset, dtype});
}
Tensor fill(const Tensor& input, const Operand& value) {
  static const Op& op = calling::row("fill");
  return calling::one(op, {input, value});
}
Tensor& fill_diagonal_(Tensor& input, const Scalar& fill_value, bool wrap) {
  static const Op& op = calling::row("fill_diagonal_");
  return calling::in_place(op, input, {}, {fill_value, wrap});
}
Tensor rand_like(const Tensor& input, std::optional<Dtype> dtype, Generator* generator) {
  static const Op& op = calling::row("rand_like");
  return calling::one(op, {input}, {dtype, generator});
}
Tensor randn_like(const Tensor& input, std::optional<Dtype> dtype, Generator* generator) {
  static const Op& op = calling::row("randn_like");
  return calling::one(op, {input}, {dtype, generator});
}

}  // namespace wengert
