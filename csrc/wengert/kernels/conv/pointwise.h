// Convolutions with a kernel of one tap: products of the weights and each image as it lies.
#pragma once

#include "wengert/kernels/conv/finish.h"

namespace wengert::detail {

// Whether a kernel of one tap meets every position of an input of the output's size.
bool is_pointwise(const ConvShape& s);

// All with channels last, and nothing becomes of the sums, or none.
// (rows, positions) = w (rows, depth) from (depth, positions) + bias for each image and group, and
// what becomes of that; row r and column c of the weights of a group lie at r row_step + c
// column_step.
template <class T>
void pointwise_product(const ConvShape& s, int64_t rows, int64_t depth, const T* w,
                       int64_t row_step, int64_t column_step, const T* from, const T* bias,
                       const Finish<T>& finish);

}  // namespace wengert::detail
