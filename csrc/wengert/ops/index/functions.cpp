// Written by `python -m tests.functions` from the signatures of the rows; do not edit.
// clang-format off
#include "wengert/ops/index/functions.h"

#include "wengert/ops/calling.h"

namespace wengert {

Tensor scatter_reduce(const Tensor& input, int64_t dim, const Tensor& index, const Tensor& src,
                      Word reduce, bool include_self) {
  static const Op& op = calling::row("scatter_reduce");
  return calling::one(op,
                      {input, index, src},
                      {dim, calling::choice(op, "reduce", reduce), include_self});
}
Tensor& scatter_reduce_(Tensor& input, int64_t dim, const Tensor& index, const Tensor& src,
                        Word reduce, bool include_self) {
  static const Op& op = calling::row("scatter_reduce");
  return calling::in_place(op, input,
                           {index, src},
                           {dim, calling::choice(op, "reduce", reduce), include_self});
}
Tensor scatter(const Tensor& input, int64_t dim, const Tensor& index, const Tensor& src,
               Word reduce) {
  static const Op& op = calling::row("scatter");
  return calling::one(op, {input, index, src}, {dim, calling::choice(op, "reduce", reduce)});
}
Tensor& scatter_(Tensor& input, int64_t dim, const Tensor& index, const Tensor& src, Word reduce) {
  static const Op& op = calling::row("scatter");
  return calling::in_place(op, input, {index, src}, {dim, calling::choice(op, "reduce", reduce)});
}
Tensor scatter(const Tensor& input, int64_t dim, const Tensor& index, const Operand& value,
               Word reduce) {
  static const Op& op = calling::row("scatter", 1);
  return calling::one(op, {input, index, value}, {dim, calling::choice(op, "reduce", reduce)});
}
Tensor& scatter_(Tensor& input, int64_t dim, const Tensor& index, const Operand& value,
                 Word reduce) {
  static const Op& op = calling::row("scatter", 1);
  return calling::in_place(op, input, {index, value}, {dim, calling::choice(op, "reduce", reduce)});
}
Tensor index_reduce(const Tensor& input, int64_t dim, const Tensor& index, const Tensor& source,
                    Word reduce, bool include_self) {
  static const Op& op = calling::row("index_reduce");
  return calling::one(op,
                      {input, index, source},
                      {dim, calling::choice(op, "reduce", reduce), include_self});
}
Tensor& index_reduce_(Tensor& input, int64_t dim, const Tensor& index, const Tensor& source,
                      Word reduce, bool include_self) {
  static const Op& op = calling::row("index_reduce");
  return calling::in_place(op, input,
                           {index, source},
                           {dim, calling::choice(op, "reduce", reduce), include_self});
}
Tensor take_along_dim(const Tensor& input, const Tensor& indices, std::optional<int64_t> dim) {
  static const Op& op = calling::row("take_along_dim");
  return calling::one(op, {input, indices}, {dim});
}
Tensor take(const Tensor& input, const Tensor& index) {
  static const Op& op = calling::row("take");
  return calling::one(op, {input, index});
}
Tensor argwhere(const Tensor& input) {
  static const Op& op = calling::row("argwhere");
  return calling::one(op, {input});
}
std::vector<Tensor> where(const Tensor& condition) {
  static const Op& op = calling::row("where", 1);
  return calling::many(op, {condition});
}
Tensor& scatter_(Tensor& input, int64_t dim, const Tensor& index, const Tensor& src) {
  static const Op& op = calling::row("scatter", 2);
  return calling::in_place(op, input, {index, src}, {dim});
}
Tensor& scatter_(Tensor& input, int64_t dim, const Tensor& index, const Operand& value) {
  static const Op& op = calling::row("scatter", 3);
  return calling::in_place(op, input, {index, value}, {dim});
}
Tensor& scatter_add_(Tensor& input, int64_t dim, const Tensor& index, const Tensor& src) {
  static const Op& op = calling::row("scatter_add");
  return calling::in_place(op, input, {index, src}, {dim});
}
Tensor& index_add_(Tensor& input, int64_t dim, const Tensor& index, const Tensor& source,
                   const Scalar& alpha) {
  static const Op& op = calling::row("index_add");
  return calling::in_place(op, input, {index, source}, {dim, alpha});
}
Tensor index_copy(const Tensor& input, int64_t dim, const Tensor& index, const Tensor& source) {
  static const Op& op = calling::row("index_copy");
  return calling::one(op, {input, index, source}, {dim});
}
Tensor& index_copy_(Tensor& input, int64_t dim, const Tensor& index, const Tensor& source) {
  static const Op& op = calling::row("index_copy");
  return calling::in_place(op, input, {index, source}, {dim});
}
Tensor& index_fill_(Tensor& input, int64_t dim, const Tensor& index, const Operand& value) {
  static const Op& op = calling::row("index_fill");
  return calling::in_place(op, input, {index, value}, {dim});
}
Tensor& masked_scatter_(Tensor& input, const Tensor& mask, const Tensor& source) {
  static const Op& op = calling::row("masked_scatter");
  return calling::in_place(op, input, {mask, source});
}
Tensor put(const Tensor& input, const Tensor& index, const Tensor& source, bool accumulate) {
  static const Op& op = calling::row("put");
  return calling::one(op, {input, index, source}, {accumulate});
}
Tensor& put_(Tensor& input, const Tensor& index, const Tensor& source, bool accumulate) {
  static const Op& op = calling::row("put");
  return calling::in_place(op, input, {index, source}, {accumulate});
}

}  // namespace wengert
