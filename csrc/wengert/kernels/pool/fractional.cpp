#include "wengert/kernels/pool/fractional.h"

#include "wengert/kernels/pool/windows.h"

namespace wengert {
namespace {

constexpr int64_t kGrain = 4096;  // elements that windows look at

// For each dimension where its windows begin, and for each window of a row which element of it was
// the largest so far.
struct Places {
  explicit Places(const Windows& w)
      : memory(static_cast<size_t>(w.out[0] + w.out[1] + 2 * w.out[2]) * sizeof(int64_t)) {
    begin[0] = memory.as<int64_t>();
    for (int d = 1; d < 3; ++d) begin[d] = begin[d - 1] + w.out[d - 1];
    taken = begin[2] + w.out[2];
  }
  Scratch memory;
  int64_t *begin[3], *taken;
};

// The windows of one row, from its first element on. They are looked at side by side, as nobody
// could foresee which element is the largest.
template <class T>
void pool_row(const Windows& w, const T* __restrict x, const Places& places, T* __restrict y) {
  const int64_t* __restrict begin = places.begin[2];
  int64_t* __restrict taken = places.taken;
  const int64_t n = w.out[2];
  for (int64_t c = 0; c < n; ++c) {
    y[c] = x[begin[c]];
    taken[c] = 0;
  }
  for (int64_t a = 0; a < w.kernel[0]; ++a)
    for (int64_t b = 0; b < w.kernel[1]; ++b)
      for (int64_t i = 0; i < w.kernel[2]; ++i) {
        const int64_t tap = (a * w.in[1] + b) * w.in[2] + i;
        for (int64_t c = 0; c < n; ++c) {
          const T at = x[tap + begin[c]];
          const bool more = (at > y[c]) | (at != at);
          y[c] = more ? at : y[c];
          taken[c] = more ? tap : taken[c];
        }
      }
}

template <class T>
void pool_plane(const Windows& w, int n, const T* x, const T* samples, const Places& places, T* y,
                int64_t* indices) {
  for (int d = 0; d < 3; ++d) {
    const T s = d >= 3 - n ? samples[n == 2 ? 2 - d : d] : T(0);
    for (int64_t o = 0; o < w.out[d]; ++o)
      places.begin[d][o] = fractional_begin(s, o, w.in[d], w.out[d], w.kernel[d]);
  }
  for (int64_t a = 0; a < w.out[0]; ++a)
    for (int64_t b = 0; b < w.out[1]; ++b) {
      const int64_t first = (places.begin[0][a] * w.in[1] + places.begin[1][b]) * w.in[2];
      pool_row(w, x + first, places, y);
      for (int64_t c = 0; c < w.out[2]; ++c)
        indices[c] = first + places.begin[2][c] + places.taken[c];
      y += w.out[2];
      indices += w.out[2];
    }
}

}  // namespace

void fractional_max_pool(const Windows& w, int n, Dtype dtype, const void* x, const void* samples,
                         void* y, int64_t* indices) {
  const int64_t in = w.in[0] * w.in[1] * w.in[2], out = w.out[0] * w.out[1] * w.out[2];
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    const int64_t work = std::max<int64_t>(out * w.taps(), 1);
    parallel_for(w.planes, std::max<int64_t>(kGrain / work, 1), [&](int64_t first, int64_t end) {
      const Places places(w);
      for (int64_t p = first; p < end; ++p)
        pool_plane(w, n, static_cast<const T*>(x) + p * in, static_cast<const T*>(samples) + p * n,
                   places, static_cast<T*>(y) + p * out, indices + p * out);
    });
  });
}

}  // namespace wengert
