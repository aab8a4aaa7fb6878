// Convolutions with one channel of input in a group, where a product would have nothing to share:
// vectors run along rows of the staged image, and the bound is memory.
#pragma once

#include "wengert/kernels/conv/gather.h"

namespace wengert::detail {

// Whether there are groups, of few channels and few outputs.
bool is_depthwise(const ConvShape& s);

// As gather_product.
template <class T>
void depthwise_product(const List<Part<T>>& parts, const T* source, const Weights<T>& w);

// As conv_weight.
template <class T>
void depthwise_weight(const ConvShape& s, const T* x, const T* y, T* w);

// The same where all channels lie last in memory, and nothing becomes of the sums.
bool is_depthwise_last(const ConvShape& s);
template <class T>
void depthwise_last_product(const List<Part<T>>& parts, const T* source, const Weights<T>& w);
template <class T>
void depthwise_last_weight(const ConvShape& s, const T* x, const T* y, T* w);

}  // namespace wengert::detail
