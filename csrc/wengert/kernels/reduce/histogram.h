// How many numbers fall into each of equal intervals.
#pragma once

#include <cstdint>

#include "wengert/base/dtype.h"

namespace wengert {

// counts_k = the number of x in [low + k w, low + (k + 1) w), w = (high - low) / bins; the last
// interval is closed. low <= high, finite; x and counts are of this floating dtype; bins <=
// kMostBins.
inline constexpr int64_t kMostBins = int64_t{1} << 30;
void count_in_bins(Dtype dtype, int64_t n, const void* x, double low, double high, int64_t bins,
                   void* counts);

}  // namespace wengert
