// Channels as the pixels of squares, and back.
#pragma once

#include <cstdint>

namespace wengert {

// y (planes, h r, w r) of x (planes, r r, h, w), where pixel (i, j) of a square is channel i r + j.
struct PixelShuffle {
  int64_t planes, factor, height, width;
};
void pixel_shuffle(const PixelShuffle& s, int64_t item_size, const void* x, void* y);
// x from y.
void pixel_unshuffle(const PixelShuffle& s, int64_t item_size, const void* y, void* x);

}  // namespace wengert
