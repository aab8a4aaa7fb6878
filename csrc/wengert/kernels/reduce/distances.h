// Euclidean distances of all pairs of rows.
#pragma once

#include <cstdint>

#include "wengert/base/dtype.h"

namespace wengert {

// x (n, d): out_k = ||x_i - x_j||, i < j, in the order of (i, j).
void pair_distances(Dtype dtype, int64_t n, int64_t d, const void* x, void* out);
// dx_i = sum_j w_ij (x_i - x_j), w_k = g_k / y_k of the pair's gradient and distance; 0 where that
// is 0.
void pair_distances_backward(Dtype dtype, int64_t n, int64_t d, const void* g, const void* x,
                             const void* y, void* dx);

}  // namespace wengert
