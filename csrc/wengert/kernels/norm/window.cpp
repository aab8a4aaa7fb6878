#include "wengert/kernels/norm/window.h"

#include "wengert/base/parallel.h"
#include "wengert/kernels/core/rows.h"

namespace wengert {
namespace {

using namespace detail;

constexpr int64_t kWindowGrain = 16384;  // additions per chunk
constexpr int64_t kTile = 2048;          // elements of a channel that are worked on together

}  // namespace

void channel_window_sum(Dtype dtype, int64_t samples, int64_t channels, int64_t inner,
                        int64_t before, int64_t after, const void* in, void* out) {
  if (samples * channels * inner == 0) return;
  const int64_t tiles = (inner + kTile - 1) / kTile;
  const int64_t width = std::min(before + after + 1, channels);
  const int64_t work = width * std::min(inner, kTile);
  const auto all = [&](auto zero) {
    using T = decltype(zero);
    const T* x = static_cast<const T*>(in);
    T* y = static_cast<T*>(out);
    // Channels follow each other, so that those of a window are in cache.
    parallel_for(samples * tiles * channels, std::max<int64_t>(1, kWindowGrain / work),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t k = begin; k < end; ++k) {
                     const int64_t c = k % channels, tile = k / channels % tiles;
                     const int64_t sample = k / channels / tiles * channels;
                     const int64_t first = std::max<int64_t>(0, c - before);
                     const int64_t last = std::min(channels - 1, c + after);
                     const int64_t at = tile * kTile, n = std::min(kTile, inner - at);
                     row_each<T>(n, [&](int64_t i, int64_t m) {
                       Vec<T> sum(0.0);
                       for (int64_t j = first; j <= last; ++j)
                         sum = sum + load_part(x + (sample + j) * inner + at + i, m, 0);
                       store_part(sum, y + (sample + c) * inner + at + i, m);
                     });
                   }
                 });
  };
  dispatch_floating(dtype, all);
}

}  // namespace wengert
