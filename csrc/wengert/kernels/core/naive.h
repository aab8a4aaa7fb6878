// What the loops of core/ compute, one element at a time. For tests: nothing fast includes this.
#pragma once

#include <cstring>

#include "wengert/kernels/core/copy.h"
#include "wengert/kernels/core/pointwise.h"

namespace wengert::naive {

// f(index, position in row-major order) for every element.
template <class F>
void each(const Dims& shape, const F& f) {
  for (int64_t i = 0, n = numel(shape); i < n; ++i) {
    Dims at = shape;
    int64_t rest = i;
    for (int d = shape.size() - 1; d >= 0; --d) {
      at[d] = rest % shape[d];
      rest /= shape[d];
    }
    f(at, i);
  }
}

inline int64_t place(const Dims& at, const Dims& strides) {
  int64_t sum = 0;
  for (int d = 0; d < at.size(); ++d) sum += at[d] * strides[d];
  return sum;
}

inline void copy(void* dst, const Dims& dst_strides, const void* src, const Dims& src_strides,
                 const Dims& shape, int64_t item_size) {
  each(shape, [&](const Dims& at, int64_t) {
    std::memcpy(static_cast<char*>(dst) + place(at, dst_strides) * item_size,
                static_cast<const char*>(src) + place(at, src_strides) * item_size,
                static_cast<size_t>(item_size));
  });
}

// Towards zero; negative numbers wrap in uint8.
template <class To, class From>
To cast(From x) {
  if constexpr (std::is_same_v<To, bool>) return x != 0;
  if constexpr (std::is_integral_v<To>) return static_cast<To>(static_cast<int64_t>(x));
  return static_cast<To>(x);
}

inline void pointwise(PointwiseKernel kernel, const double* params, const Dims& shape,
                      const PointwiseOperand* operands, int count) {
  each(shape, [&](const Dims& at, int64_t) {
    std::byte* data[kMaxOperands];
    for (int k = 0; k < count; ++k)
      data[k] = operands[k].data + place(at, operands[k].strides) * operands[k].item_size;
    const void* in[kMaxOperands];
    for (int k = 1; k < count; ++k) in[k - 1] = data[k];
    kernel(data[0], in, 1, params);
  });
}

}  // namespace wengert::naive
