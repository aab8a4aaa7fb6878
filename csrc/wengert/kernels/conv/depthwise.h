// Convolutions with one channel of input in a group, where a product would have nothing to share:
// vectors run along rows of the staged image, and the bound is memory.
#pragma once

#include "wengert/kernels/conv/gather.h"

namespace wengert::detail {

// Whether it is for so many groups, channels and rows of results in each.
bool is_depthwise(int64_t groups, int64_t channels, int64_t rows);

// As gather_product.
template <class T>
void depthwise_product(const List<Part<T>>& parts, const T* source, const Weights<T>& w);

// As conv_weight.
template <class T>
void depthwise_weight(const ConvShape& s, const T* x, const T* y, T* w);

}  // namespace wengert::detail
