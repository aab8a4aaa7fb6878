// Functions for C++ users of the rows of this family that no other header declares.
// Written by `python -m tests.functions` from the signatures of the rows; do not edit.
#pragma once

#include "wengert/ops/argument.h"

// clang-format off
namespace wengert {

Tensor scatter_reduce(const Tensor& input, int64_t dim, const Tensor& index, const Tensor& src,
                      Word reduce, bool include_self = true);
Tensor& scatter_reduce_(Tensor& input, int64_t dim, const Tensor& index, const Tensor& src,
                        Word reduce, bool include_self = true);
// scatter_reduce with the sum ('add') or the product ('multiply'), the input's included
Tensor scatter(const Tensor& input, int64_t dim, const Tensor& index, const Tensor& src,
               Word reduce);
Tensor& scatter_(Tensor& input, int64_t dim, const Tensor& index, const Tensor& src, Word reduce);
// scatter_reduce with the sum ('add') or the product ('multiply'), the input's included
Tensor scatter(const Tensor& input, int64_t dim, const Tensor& index, const Operand& value,
               Word reduce);
Tensor& scatter_(Tensor& input, int64_t dim, const Tensor& index, const Operand& value,
                 Word reduce);
Tensor index_reduce(const Tensor& input, int64_t dim, const Tensor& index, const Tensor& source,
                    Word reduce, bool include_self = true);
Tensor& index_reduce_(Tensor& input, int64_t dim, const Tensor& index, const Tensor& source,
                      Word reduce, bool include_self = true);
Tensor take_along_dim(const Tensor& input, const Tensor& indices, std::optional<int64_t> dim = {});
// The elements of the flattened input at `index`, in its shape
Tensor take(const Tensor& input, const Tensor& index);
// The positions of the elements that are not zero, (count, ndim), int64
Tensor argwhere(const Tensor& input);
// The positions of the elements that are not zero, one vector for each dimension
std::vector<Tensor> where(const Tensor& condition);
Tensor& scatter_(Tensor& input, int64_t dim, const Tensor& index, const Tensor& src);
Tensor& scatter_(Tensor& input, int64_t dim, const Tensor& index, const Operand& value);
Tensor& scatter_add_(Tensor& input, int64_t dim, const Tensor& index, const Tensor& src);
Tensor& index_add_(Tensor& input, int64_t dim, const Tensor& index, const Tensor& source,
                   const Scalar& alpha = 1);
// The input with `source` at the positions `index` of dimension `dim`
Tensor index_copy(const Tensor& input, int64_t dim, const Tensor& index, const Tensor& source);
Tensor& index_copy_(Tensor& input, int64_t dim, const Tensor& index, const Tensor& source);
Tensor& index_fill_(Tensor& input, int64_t dim, const Tensor& index, const Operand& value);
Tensor& masked_scatter_(Tensor& input, const Tensor& mask, const Tensor& source);
Tensor put(const Tensor& input, const Tensor& index, const Tensor& source, bool accumulate = false);
Tensor& put_(Tensor& input, const Tensor& index, const Tensor& source, bool accumulate = false);

}  // namespace wengert
