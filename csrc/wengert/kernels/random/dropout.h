// Dropout on contiguous memory, drawn as distributions.h says.
#pragma once

#include <cstdint>

#include "wengert/kernels/random/distributions.h"

namespace wengert {

// fill_dropout_mask(g, mask, n, p) and y = x mask in one pass. y is not x.
template <typename F>
void fill_dropout(Generator& g, F* y, F* mask, const F* x, int64_t n, double p);

// A bit for each of n elements, 1 where dropout keeps it, in words of 64 and two words of zeros
// behind them. 0 < p < 1.
void fill_kept(Generator& g, uint64_t* words, int64_t n, double p);

}  // namespace wengert
