// Draws with one probability for all elements: fill_bernoulli and dropout.
#include "wengert/base/dropout.h"

#include <algorithm>
#include <cmath>

#include "wengert/base/error.h"

namespace wengert {
namespace {

// 8 KB of words, which with the mask, the input and the output stay in the first-level cache.
constexpr int kBlock = 1024;

// Note [integer decisions]
// d = k 2^-53 for a 53-bit integer k, so d < p exactly if k < p 2^53, which is k < t for
// t = ceil(p 2^53): the product only moves p's exponent and the ceiling of a double is a double, so
// that neither rounds; 0 <= t <= 2^53. The first word holds the upper 21 bits of k. They decide by
// themselves unless they equal t's, which happens once in 2^21 draws: the common loop reads no
// second word and has 32-bit lanes only.
struct Threshold {
  explicit Threshold(double p) {
    const auto t = static_cast<int64_t>(std::ceil(p * 0x1p53));
    high = static_cast<int32_t>(t >> 32);
    low = static_cast<uint32_t>(t);
  }
  int32_t high;
  uint32_t low;
};

int32_t high_bits(uint32_t first) { return static_cast<int32_t>(first & 0x1fffff); }

// n <= kBlock elements: `hit` where d < p, else 0.
template <class T>
void decide_block(Generator& g, T* out, int n, Threshold t, T hit) {
  uint32_t raw[2 * kBlock];
  g.fill(raw, 2 * n);
  int32_t ties = 0;
  for (int i = 0; i < n; ++i) {
    const int32_t high = high_bits(raw[2 * i]);
    out[i] = high < t.high ? hit : T(0);
    ties |= high == t.high;
  }
  if (!ties || t.low == 0) return;  // no second word is below 0
  for (int i = 0; i < n; ++i)
    if (high_bits(raw[2 * i]) == t.high && raw[2 * i + 1] < t.low) out[i] = hit;
}

template <class Body>
void for_each_block(int64_t n, Body body) {
  for (int64_t i = 0; i < n; i += kBlock)
    body(i, static_cast<int>(std::min<int64_t>(kBlock, n - i)));
}

void check_probability(double p) { check(p >= 0 && p <= 1, "p is ", p, ", needs 0 <= p <= 1"); }

}  // namespace

template <typename T>
void fill_bernoulli(Generator& g, T* out, int64_t n, double p) {
  check_probability(p);
  const Threshold t(p);
  for_each_block(n, [&](int64_t i, int count) { decide_block(g, out + i, count, t, T(1)); });
}

template <typename F>
void fill_dropout_mask(Generator& g, F* out, int64_t n, double p) {
  check_probability(p);
  if (p == 0 || p == 1) {
    std::fill_n(out, n, static_cast<F>(1 - p));
    return;
  }
  const Threshold t(1 - p);
  const F scale = 1 / static_cast<F>(1 - p);
  for_each_block(n, [&](int64_t i, int count) { decide_block(g, out + i, count, t, scale); });
}

template <typename F>
void fill_dropout(Generator& g, F* y, F* mask, const F* x, int64_t n, double p) {
  for_each_block(n, [&](int64_t begin, int count) {
    fill_dropout_mask(g, mask + begin, count, p);
    for (int64_t i = begin; i < begin + count; ++i) y[i] = x[i] * mask[i];
  });
}

#define WENGERT_FOR_FLOATS(F)                                       \
  template void fill_dropout_mask(Generator&, F*, int64_t, double); \
  template void fill_dropout(Generator&, F*, F*, const F*, int64_t, double);
WENGERT_FOR_FLOATS(float)
WENGERT_FOR_FLOATS(double)
#undef WENGERT_FOR_FLOATS
#define WENGERT_FOR_ALL(T) template void fill_bernoulli(Generator&, T*, int64_t, double);
WENGERT_FOR_ALL(float)
WENGERT_FOR_ALL(double)
WENGERT_FOR_ALL(int64_t)
WENGERT_FOR_ALL(int32_t)
WENGERT_FOR_ALL(uint8_t)
WENGERT_FOR_ALL(bool)
#undef WENGERT_FOR_ALL

}  // namespace wengert
