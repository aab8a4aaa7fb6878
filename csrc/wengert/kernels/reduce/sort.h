// Ordering along lines of contiguous memory seen as [outer, n, inner].
#pragma once

#include <cstdint>

#include "wengert/base/dtype.h"

namespace wengert {

struct SortShape {
  int64_t outer, n, inner;
  int64_t k;  // how many of each line are kept: the output is [outer, k, inner]
};

// The first k in order; all of them when k = n. Equal elements stay in the order of the input,
// NaN is larger than everything. Either output may be null.
void sort_lines(Dtype dtype, const SortShape& s, const void* x, void* values, int64_t* indices,
                bool descending);
// The lower of two middle elements, or the first NaN. k = 1; n > 0.
void median_lines(Dtype dtype, const SortShape& s, const void* x, void* values, int64_t* indices);

}  // namespace wengert
