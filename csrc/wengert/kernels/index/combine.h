// scatter_reduce: many elements become one.
#pragma once

#include "wengert/kernels/index/index.h"

namespace wengert {

// dst = dst (combined with) other, one element after another; NaN stays NaN. As along_accumulate.
enum class Combine : uint8_t { kSum, kProd, kMax, kMin };
bool along_combine(const Along& a, void* dst, const void* other, Dtype dtype, Combine how);

}  // namespace wengert
