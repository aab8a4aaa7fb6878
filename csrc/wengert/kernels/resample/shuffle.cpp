#include "wengert/kernels/resample/shuffle.h"

#include <algorithm>

#include "wengert/base/parallel.h"
#include "wengert/kernels/core/walk.h"

namespace wengert {
namespace {

// f(row of the wide image, the first channel's row that goes into it) for all rows, among threads;
// the other channels' lie h * w elements apart.
template <class F>
void for_rows(const PixelShuffle& s, const F& f) {
  const int64_t r = s.factor, length = std::max<int64_t>(s.width * r, 1);
  parallel_for(s.planes * s.height * r, std::max<int64_t>(kMoveGrain / length, 1),
               [&](int64_t begin, int64_t end) {
                 for (int64_t row = begin; row < end; ++row) {
                   const int64_t i = row % r, h = row / r % s.height, plane = row / r / s.height;
                   f(row * s.width * r, (((plane * r + i) * r) * s.height + h) * s.width);
                 }
               });
}

}  // namespace

void pixel_shuffle(const PixelShuffle& s, int64_t item_size, const void* x, void* y) {
  const int64_t r = s.factor, n = s.width, apart = s.height * n;
  dispatch_size(item_size, [&](auto zero) {
    using T = decltype(zero);
    for_rows(s, [&](int64_t wide, int64_t narrow) {
      const T* __restrict from = static_cast<const T*>(x) + narrow;
      T* __restrict to = static_cast<T*>(y) + wide;
      if (r == 2) {
        for (int64_t k = 0; k < n; ++k) {
          to[2 * k] = from[k];
          to[2 * k + 1] = from[apart + k];
        }
        return;
      }
      for (int64_t j = 0; j < r; ++j)
        for (int64_t k = 0; k < n; ++k) to[k * r + j] = from[j * apart + k];
    });
  });
}

void pixel_unshuffle(const PixelShuffle& s, int64_t item_size, const void* y, void* x) {
  const int64_t r = s.factor, n = s.width, apart = s.height * n;
  dispatch_size(item_size, [&](auto zero) {
    using T = decltype(zero);
    for_rows(s, [&](int64_t wide, int64_t narrow) {
      const T* __restrict from = static_cast<const T*>(y) + wide;
      T* __restrict to = static_cast<T*>(x) + narrow;
      if (r == 2) {
        for (int64_t k = 0; k < n; ++k) {
          to[k] = from[2 * k];
          to[apart + k] = from[2 * k + 1];
        }
        return;
      }
      for (int64_t j = 0; j < r; ++j)
        for (int64_t k = 0; k < n; ++k) to[j * apart + k] = from[k * r + j];
    });
  });
}

}  // namespace wengert
