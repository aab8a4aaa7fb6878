// Windows as columns, and columns added up to what they are windows of.
#include "wengert/kernels/pool/windows.h"

namespace wengert {
namespace {

using namespace pooling;

// One row of windows at one tap: those with their element before the row, in it, and behind.
template <class T>
void unfold_row(const Windows& w, const T* row, int64_t tap, T* y) {
  const int64_t start = tap * w.dilation[2] - w.pad[2], step = w.stride[2], n = w.out[2];
  const int64_t begin = std::clamp<int64_t>(ceil_div(-start, step), 0, n);
  const int64_t end = std::clamp<int64_t>(ceil_div(w.in[2] - start, step), begin, n);
  std::fill(y, y + begin, T(0));
  if (step == 1)
    std::copy(row + start + begin, row + start + end, y + begin);
  else
    for (int64_t i = begin; i < end; ++i) y[i] = row[start + i * step];
  std::fill(y + end, y + n, T(0));
}

// Adds the rows of columns to where they come from.
template <class T>
struct Columns {
  const Windows& w;
  const T* y;
  void before(int64_t, int64_t, int64_t) {}
  void add(int64_t windows, int64_t o, int64_t tap, Sums<T>& sums, int64_t row) {
    const int64_t n = w.out[2];
    for (int64_t k = 0; k < w.kernel[2]; ++k) {
      const T* __restrict from = y + ((windows * w.taps() + tap + k) * w.out[1] + o) * n;
      T* __restrict to = sums.at(row, k);
      for (int64_t i = 0; i < n; ++i) to[i] = static_cast<T>(to[i] + from[i]);
    }
  }
};

}  // namespace

void unfold(const Windows& w, Dtype dtype, const void* x, void* y) {
  const int64_t n = w.out[2], grain = std::max<int64_t>(kGrain / std::max<int64_t>(n, 1), 1);
  dispatch(dtype, [&](auto zero) {
    using T = decltype(zero);
    const T* from = static_cast<const T*>(x);
    T* to = static_cast<T*>(y);
    parallel_for(w.planes * w.taps() * w.out[1], grain, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const int64_t o = r % w.out[1], tap = r / w.out[1] % w.taps();
        const int64_t plane = r / w.out[1] / w.taps();
        const int64_t i = o * w.stride[1] - w.pad[1] + tap / w.kernel[2] * w.dilation[1];
        if (i < 0 || i >= w.in[1])
          std::fill(to + r * n, to + r * n + n, T(0));
        else
          unfold_row(w, from + (plane * w.in[1] + i) * w.in[2], tap % w.kernel[2], to + r * n);
      }
    });
  });
}

void fold(const Windows& w, Dtype dtype, const void* x, void* y) {
  dispatch(dtype, [&](auto zero) {
    using T = decltype(zero);
    for_sums(w, static_cast<T*>(y), 1,
             [&](int64_t) { return Columns<T>{w, static_cast<const T*>(x)}; });
  });
}

}  // namespace wengert
