#include "wengert/kernels/reduce/histogram.h"

#include <algorithm>
#include <cmath>

#include "wengert/base/allocator.h"
#include "wengert/base/parallel.h"

namespace wengert {
namespace {

constexpr int64_t kGrain = 32768, kBlock = 512;
// Neighbours are often in one bin, and a count waits for the one before it: each of a few
// neighbours has counters of its own, where they stay in a cache.
constexpr int64_t kApart = 4, kFewBins = 1024;

template <class T>
struct Bins {
  T low, high;
  int64_t count;
  // A power of two in which neither the range nor a product with the count overflows.
  T unit = std::isfinite((high - low) * static_cast<T>(count)) ? T(1) : T(0x1p-32);
  static_assert(kMostBins <= int64_t{1} << 30);

  int64_t counters() const { return count + 1; }  // the last is of what lies outside
  int64_t apart() const { return count <= kFewBins ? kApart : 1; }

  // The bins of n <= kBlock numbers. A range that vanishes in T has 0 / 0: the first.
  void find(const T* x, int64_t n, int32_t* places) const {
    const T scale = static_cast<T>(count), from = low * unit, range = high * unit - from;
    const int32_t outside = static_cast<int32_t>(count);
    for (int64_t i = 0; i < n; ++i) {
      const bool within = (x[i] >= low) & (x[i] <= high);
      const T at = (x[i] * unit - from) * scale / range;
      const T bounded = at > 0 ? std::min(at, scale) : T(0);
      places[i] = within ? std::min(static_cast<int32_t>(bounded), outside - 1) : outside;
    }
  }

  void add(const T* x, int64_t n, int64_t* counts) const {
    int32_t places[kBlock];
    const int64_t mask = apart() - 1;
    for (int64_t i = 0; i < n; i += kBlock) {
      const int64_t m = std::min(kBlock, n - i);
      find(x + i, m, places);
      for (int64_t k = 0; k < m; ++k) ++counts[(k & mask) * counters() + places[k]];
    }
  }
};

template <class T>
void count_all(const Bins<T>& bins, int64_t n, const T* x, T* out) {
  const int64_t each = bins.apart() * bins.counters();
  const int64_t grain = std::max(kGrain, 2 * each);  // there is more to count than to add up
  const int64_t chunks = std::max<int64_t>(1, (n + grain - 1) / grain);
  const Scratch memory(static_cast<size_t>(chunks * each) * sizeof(int64_t));
  int64_t* counts = memory.as<int64_t>();
  parallel_for(chunks, 1, [&](int64_t b, int64_t e) {
    for (int64_t c = b; c < e; ++c) {
      std::fill_n(counts + c * each, each, 0);
      bins.add(x + c * grain, std::min(grain, n - c * grain), counts + c * each);
    }
  });
  for (int64_t k = 0; k < bins.count; ++k) {
    int64_t sum = 0;
    for (int64_t c = 0; c < chunks * bins.apart(); ++c) sum += counts[c * bins.counters() + k];
    out[k] = static_cast<T>(sum);
  }
}

}  // namespace

void count_in_bins(Dtype dtype, int64_t n, const void* x, double low, double high, int64_t bins,
                   void* counts) {
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    count_all(Bins<T>{static_cast<T>(low), static_cast<T>(high), bins}, n, static_cast<const T*>(x),
              static_cast<T*>(counts));
  });
}

}  // namespace wengert
