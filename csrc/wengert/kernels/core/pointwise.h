// The loop under every pointwise op. A kernel sees contiguous runs only: operands that are
// broadcast or strided are gathered, block by block, into memory that stays in cache. One
// instantiation per dtype serves all layouts.
#pragma once

#include <cstddef>
#include <cstdint>

#include "wengert/base/dtype.h"
#include "wengert/base/shape.h"

namespace wengert {

// What a row may have at most; a row with more is refused when it is registered.
inline constexpr int kMaxOperands = 5;         // the output and up to four inputs
inline constexpr int kMaxPointwiseParams = 8;  // arguments that are no tensors

// Computes n elements. `params` are the op's number attributes. If a kernel takes single
// elements, n may be negative: then it computes -n, and input k is one element, the same for all of
// them, where in[arity + k] is not null.
using PointwiseKernel = void (*)(void* out, const void* const* in, int64_t n, const double* params);

struct PointwiseRow {
  PointwiseKernel kernels[kNumDtypes] = {};  // by the common dtype of the inputs
  int arity = 1;
  bool bool_output = false;
  bool mask_first = false;  // input 0 is bool, whatever the others are
  bool singles = false;     // the floating kernels take single elements
};

struct PointwiseOperand {
  std::byte* data;
  int64_t item_size;
  Dims strides;  // in elements; as many as the output's dimensions
};

// operands[0] is written. Parallel when large; the result does not depend on the threads, nor on
// whether the kernel takes `singles`.
void pointwise_loop(PointwiseKernel kernel, const double* params, const Dims& shape,
                    PointwiseOperand* operands, int count, bool singles = false);
// As above for operands that are contiguous (step 1) or a single element (step 0).
void pointwise_flat(PointwiseKernel kernel, const double* params, int64_t n, std::byte* const* data,
                    const int64_t* item_size, const bool* single, int count);

}  // namespace wengert
