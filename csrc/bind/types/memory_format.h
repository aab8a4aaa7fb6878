// What memory formats are made of tensors, beside what bind/python.h has of them.
#pragma once

#include "bind/python.h"

namespace wengert::bind {

// What PyTorch takes a tensor for: an image whose channels come last where the strides say so,
// whatever gaps they leave; else contiguous.
MemoryFormat format_of(const Tensor& x);
// Uninitialised, like x but in that format.
Tensor empty_in(const Tensor& x, MemoryFormat format);

}  // namespace wengert::bind
