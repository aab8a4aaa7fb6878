// Pooling of images whose channels lie last in memory: (samples, d, h, w, channels). Vectors run
// along channels, and nothing is sorted or copied. As the functions of pool.h otherwise; the planes
// of the windows are those of all channels. The largest elements and their gradients are the same
// bits; means and theirs may be added up in another order.
#pragma once

#include "wengert/kernels/pool/pool.h"

namespace wengert {

struct LastWindows : Windows {
  int64_t channels = 1;
  int64_t samples() const { return planes / channels; }
};

void max_pool_last(const LastWindows& w, Dtype dtype, const void* x, void* y, void* positions);
void max_pool_indices_last(const LastWindows& w, Dtype dtype, const void* x, void* y,
                           int64_t* indices);
void max_pool_backward_last(const LastWindows& w, Dtype dtype, const void* g, const void* positions,
                            void* dx);
void pool_take_last(const LastWindows& w, Dtype dtype, const void* x, const void* positions,
                    void* y);

void avg_pool_last(const LastWindows& w, const Divisor& by, Dtype dtype, const void* x, void* y);
void avg_pool_backward_last(const LastWindows& w, const Divisor& by, Dtype dtype, const void* g,
                            void* dx);

void adaptive_avg_pool_last(const LastWindows& w, Dtype dtype, const void* x, void* y);
void adaptive_avg_pool_backward_last(const LastWindows& w, Dtype dtype, const void* g, void* dx);
void adaptive_max_pool_last(const LastWindows& w, Dtype dtype, const void* x, void* y,
                            int64_t* indices);

}  // namespace wengert
