// Sums over neighbouring channels.
#pragma once

#include <cstdint>

#include "wengert/base/dtype.h"

namespace wengert {

// Of contiguous [samples, channels, inner]: y_c = sum x_i, c - before <= i <= c + after.
void channel_window_sum(Dtype dtype, int64_t samples, int64_t channels, int64_t inner,
                        int64_t before, int64_t after, const void* x, void* y);

}  // namespace wengert
