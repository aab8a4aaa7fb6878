// Functions for C++ users of the rows of this family that no other header declares.
// Written by `python -m tests.functions` from the signatures of the rows; do not edit.
#pragma once

#include "wengert/ops/argument.h"

// clang-format off
namespace wengert {

// A tensor of whatever is in its memory
Tensor empty(const Dims& size, std::optional<Dtype> dtype = {});
// Zeros of this shape, with the tensor's dtype
Tensor new_zeros(const Tensor& input, const Dims& size, std::optional<Dtype> dtype = {});
// Ones of this shape, with the tensor's dtype
Tensor new_ones(const Tensor& input, const Dims& size, std::optional<Dtype> dtype = {});
// An uninitialised tensor of this shape, with the tensor's dtype
Tensor new_empty(const Tensor& input, const Dims& size, std::optional<Dtype> dtype = {});
// fill_value everywhere, with the input's shape and dtype
Tensor full_like(const Tensor& input, const Scalar& fill_value, std::optional<Dtype> dtype = {});
// fill_value in this shape, with the tensor's dtype
Tensor new_full(const Tensor& input, const Dims& size, const Scalar& fill_value,
                std::optional<Dtype> dtype = {});
// start, start + step, ..
Tensor arange(const Scalar& end, std::optional<Dtype> dtype = {});
// base to the power of `steps` evenly spaced values from start to end
Tensor logspace(const Scalar& start, const Scalar& end, int64_t steps, double base = 10.0,
                std::optional<Dtype> dtype = {});
Tensor tril_indices(int64_t row, int64_t col, int64_t offset = 0, std::optional<Dtype> dtype = {});
Tensor triu_indices(int64_t row, int64_t col, int64_t offset = 0, std::optional<Dtype> dtype = {});
// A tensor of the input's shape and dtype with a number, or a 0-d tensor, throughout
Tensor fill(const Tensor& input, const Operand& value);
Tensor& fill_diagonal_(Tensor& input, const Scalar& fill_value, bool wrap = false);
// Uniform numbers from [0, 1) with the input's shape and dtype
Tensor rand_like(const Tensor& input, std::optional<Dtype> dtype = {},
                 Generator* generator = nullptr);
// Normal numbers of mean 0 and standard deviation 1 with the input's shape and dtype
Tensor randn_like(const Tensor& input, std::optional<Dtype> dtype = {},
                  Generator* generator = nullptr);

}  // namespace wengert
