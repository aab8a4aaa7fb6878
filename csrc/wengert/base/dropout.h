// Dropout on contiguous memory, drawn as base/random.h says.
#pragma once

#include <cstdint>

#include "wengert/base/random.h"

namespace wengert {

// fill_dropout_mask(g, mask, n, p) and y = x mask, a block at a time while it is in the cache. y
// may be x.
template <typename F>
void fill_dropout(Generator& g, F* y, F* mask, const F* x, int64_t n, double p);

}  // namespace wengert
