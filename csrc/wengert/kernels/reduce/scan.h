// Running sums, products and extremes, and the gradients of products. Sums and products of floats
// are carried in float64, those of integers wrap.
#pragma once

#include "wengert/base/dtype.h"
#include "wengert/kernels/reduce/lines.h"

namespace wengert {

// y_k = x_0 + ... + x_k, or from k to the end if `reverse`.
void running_sum(const Lines& l, Dtype dtype, const void* x, void* y, bool reverse);
void running_product(const Lines& l, Dtype dtype, const void* x, void* y);
// Of equal elements the last counts, and a NaN is beyond every number, as PyTorch has it.
void running_extreme(const Lines& l, Dtype dtype, const void* x, void* y, int64_t* index,
                     bool largest);

// Of a floating dtype:
// y_k = x_k + f_k y_{k-1}; from the end, with y_{k+1}, if `reverse`.
void linear_scan(const Lines& l, Dtype dtype, const void* x, const void* f, void* y, bool reverse);
// dx_k = y_{k-1} s_k, s_k = g_k + x_{k+1} s_{k+1}: the gradient of y, the running product of x.
void running_product_backward(const Lines& l, Dtype dtype, const void* g, const void* x,
                              const void* y, void* dx);
// dx_k = g times the product of all x but x_k; g has one element for each line.
void product_backward(const Lines& l, Dtype dtype, const void* g, const void* x, void* dx);

}  // namespace wengert
