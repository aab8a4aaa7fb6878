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
// Which one element of a line is taken.
enum class Pick : uint8_t {
  kMedian,     // the lower of two middle ones, or the first NaN
  kNanMedian,  // the same of what is no NaN; the first NaN where nothing else is
  kRank,       // the one with so many before it in order
  kMode,       // the most frequent, the least of several; NaNs are all different
};
// k = 1; n > 0. `rank` is that of kRank.
void pick_lines(Dtype dtype, const SortShape& s, const void* x, void* values, int64_t* indices,
                Pick pick, int64_t rank = 0);

}  // namespace wengert
