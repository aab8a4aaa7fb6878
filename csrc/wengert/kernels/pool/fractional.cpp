#include "wengert/kernels/pool/fractional.h"

#include <cmath>

#include "wengert/kernels/pool/windows.h"

namespace wengert {
namespace {

// One window of one plane, from its first element on.
template <class T>
void largest(const Windows& w, const T* x, int64_t first, T& best, int64_t& place) {
  best = x[first];
  place = first;
  for (int64_t a = 0; a < w.kernel[0]; ++a)
    for (int64_t b = 0; b < w.kernel[1]; ++b) {
      const int64_t row = first + (a * w.in[1] + b) * w.in[2];
      for (int64_t i = row; i < row + w.kernel[2]; ++i)
        if (x[i] > best || std::isnan(x[i])) {
          best = x[i];
          place = i;
        }
    }
}

template <class T>
void pool_plane(const Windows& w, int n, const T* x, const T* samples, int64_t* begins, T* y,
                int64_t* indices) {
  int64_t* begin[3];
  for (int d = 0; d < 3; ++d) {
    begin[d] = begins;
    begins += w.out[d];
    const bool pooled = d >= 3 - n;
    const T s = pooled ? samples[n == 2 ? 2 - d : d] : T(0);
    for (int64_t o = 0; o < w.out[d]; ++o)
      begin[d][o] = fractional_begin(s, o, w.in[d], w.out[d], w.kernel[d]);
  }
  for (int64_t a = 0; a < w.out[0]; ++a)
    for (int64_t b = 0; b < w.out[1]; ++b)
      for (int64_t c = 0; c < w.out[2]; ++c)
        largest(w, x, (begin[0][a] * w.in[1] + begin[1][b]) * w.in[2] + begin[2][c], *y++,
                *indices++);
}

}  // namespace

void fractional_max_pool(const Windows& w, int n, Dtype dtype, const void* x, const void* samples,
                         void* y, int64_t* indices) {
  const int64_t in = w.in[0] * w.in[1] * w.in[2], out = w.out[0] * w.out[1] * w.out[2];
  const int64_t sides = w.out[0] + w.out[1] + w.out[2];
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    const int64_t work = std::max<int64_t>(out * w.taps(), 1);
    parallel_for(w.planes, std::max<int64_t>(pooling::kGrain / work, 1),
                 [&](int64_t first, int64_t end) {
                   const Scratch begins(static_cast<size_t>(sides) * sizeof(int64_t));
                   for (int64_t p = first; p < end; ++p)
                     pool_plane(w, n, static_cast<const T*>(x) + p * in,
                                static_cast<const T*>(samples) + p * n, begins.as<int64_t>(),
                                static_cast<T*>(y) + p * out, indices + p * out);
                 });
  });
}

}  // namespace wengert
