// Reductions of contiguous memory. The plan says which elements belong together, the kind what is
// made of them. Work is split by size alone: results are bitwise the same for any thread count.
#pragma once

#include <cstdint>

#include "wengert/base/dtype.h"
#include "wengert/base/shape.h"

namespace wengert {

// The elements of one output are `rows` segments of `run` consecutive elements; the segments start
// at the combinations of reduced_shape. Outputs are the combinations of outer_shape times `inner`
// neighbours. Neighbouring dimensions of one kind that lie evenly are joined, so run > 1 and
// inner > 1 exclude each other.
struct ReducePlan {
  int64_t outputs = 1;
  int64_t count = 1;  // elements per output: rows * run
  int64_t inner = 1;
  int64_t run = 1;
  Dims outer_shape, outer_strides;
  Dims reduced_shape, reduced_strides;
};

// Bit i of `reduced`: dimension i goes. The innermost dimension has the stride 1.
ReducePlan plan_reduction(const Dims& shape, const Dims& strides, uint32_t reduced);
// Of contiguous memory.
ReducePlan plan_reduction(const Dims& shape, uint32_t reduced);

enum class ReduceKind : uint8_t {
  // Sums are accumulated in float64 or int64.
  kSum,
  kMean,
  kNanSum,        // NaN counts as 0
  kCountNonzero,  // int64
  kNorm1,
  kNorm2,
  kNormP,  // param: p
  kProd,
  kAny,  // one byte per output, 0 or 1
  kAll,
  // NaN wins. The index is that of the first among equals, in the order of the input.
  kMax,
  kMin,
  kNormInf,
  kNormNegInf,
  kArgMax,  // out: indices
  kArgMin,
  kMaxIndex,  // out: values, second: indices
  kMinIndex,
  kLogSumExp,
  kVar,  // param: correction; second, if given: the means
  kStd,
};

struct ReduceTarget {
  Dtype dtype;  // of `out`; the input's dtype, or an integer type for sums of integers
  void* out;
  void* second = nullptr;
};

// The kinds from kMax to kMinIndex need count > 0 unless there are no outputs.
void reduce(ReduceKind kind, const ReducePlan& plan, Dtype dtype, const void* x,
            const ReduceTarget& to, double param = 0);

// Whether two strided tensors have equal elements; stops where two differ. NaN equals nothing.
bool all_equal(Dtype dtype, const Dims& shape, const void* x, const Dims& x_strides, const void* y,
               const Dims& y_strides);

}  // namespace wengert
