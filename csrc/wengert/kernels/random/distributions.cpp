#include "wengert/kernels/random/distributions.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <limits>
#include <memory>
#include <numbers>
#include <numeric>
#include <random>
#include <type_traits>
#include <utility>

#include "wengert/base/error.h"

namespace wengert {
namespace {

// Contractions are written out, so that values do not depend on the compiler's choice of them.
inline double madd(double a, double b, double c) { return std::fma(a, b, c); }
inline float madd(float a, float b, float c) {
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA) || defined(__FP_FAST_FMAF)
  return std::fma(a, b, c);
#else
  return a * b + c;
#endif
}

// Draws are made in blocks that stay in the first-level cache, then transformed by plain loops.
constexpr int kBlock = 1024;

template <class Body>
void for_each_block(int64_t n, Body body) {
  for (int64_t i = 0; i < n; i += kBlock)
    body(i, static_cast<int>(std::min<int64_t>(kBlock, n - i)));
}

// n <= kBlock values of f, or of d.
void fill_unit(Generator& g, float* out, int n) {
  uint32_t raw[kBlock];
  g.fill(raw, n);
  for (int i = 0; i < n; ++i) out[i] = static_cast<float>(raw[i] & 0xffffff) * 0x1p-24f;
}

void fill_unit(Generator& g, double* out, int n) {
  uint32_t raw[2 * kBlock];
  g.fill(raw, 2 * n);
  for (int i = 0; i < n; ++i) {  // two signed conversions, which every ISA has; all steps are exact
    double high = static_cast<int32_t>(raw[2 * i] & 0x1fffff);
    double low = static_cast<int32_t>(raw[2 * i + 1] ^ 0x80000000);
    out[i] = (high * 0x1p32 + (low + 0x1p31)) * 0x1p-53;
  }
}

template <class F, class T, class Map>
void map_units(Generator& g, T* out, int64_t n, Map map) {
  for_each_block(n, [&](int64_t begin, int count) {
    F unit[kBlock];
    fill_unit(g, unit, count);
    for (int i = 0; i < count; ++i) out[begin + i] = static_cast<T>(map(unit[i], begin + i));
  });
}

template <class T, class Map>
void map_words(Generator& g, T* out, int64_t n, Map map) {
  for_each_block(n, [&](int64_t begin, int count) {
    uint32_t raw[kBlock];
    g.fill(raw, count);
    for (int i = 0; i < count; ++i) out[begin + i] = static_cast<T>(map(raw[i]));
  });
}

template <class T, class Map>
void map_words64(Generator& g, T* out, int64_t n, Map map) {
  for_each_block(n, [&](int64_t begin, int count) {
    uint32_t raw[2 * kBlock];
    g.fill(raw, 2 * count);
    for (int i = 0; i < count; ++i)
      out[begin + i] = static_cast<T>(map(uint64_t{raw[2 * i]} << 32 | raw[2 * i + 1]));
  });
}

// The float forms of log, sin and cos evaluate Cephes' minimax polynomials (Moshier 1989), within
// 2 ulp on the ranges used here; without branches, so that the loops over them are vectorised.

// log x, 0 < x <= 1 and normal: x = 2^e m, sqrt(1/2) <= m < sqrt(2).
inline float log_of(float x) {
  uint32_t bits = std::bit_cast<uint32_t>(x);
  uint32_t half_bits = (bits & 0x007fffff) | 0x3f000000;  // the significand, in [1/2, 1)
  bool small = half_bits < 0x3f3504f3;                    // below sqrt(1/2)
  float m = std::bit_cast<float>(half_bits);
  float e = static_cast<float>(static_cast<int32_t>(bits >> 23) - 126 - small);
  float t = (m - 1) + (small ? m : 0.0f);
  float z = t * t;
  float y = madd(7.0376836292e-2f, t, -1.1514610310e-1f);
  y = madd(y, t, 1.1676998740e-1f);
  y = madd(y, t, -1.2420140846e-1f);
  y = madd(y, t, 1.4249322787e-1f);
  y = madd(y, t, -1.6668057665e-1f);
  y = madd(y, t, 2.0000714765e-1f);
  y = madd(y, t, -2.4999993993e-1f);
  y = madd(y, t, 3.3333331174e-1f);
  y = madd(y * t, z, e * -2.12194440e-4f);  // log 2 in two parts
  y = madd(z, -0.5f, y);
  return madd(e, 0.693359375f, t + y);
}

struct SinCos {
  float sin, cos;
};

// x in [0, 2 pi]: the nearest even multiple of pi/4 is taken off in three parts.
inline SinCos sincos_of(float x) {
  int32_t octant = (static_cast<int32_t>(x * 1.27323954473516f) + 1) & ~1;
  float k = static_cast<float>(octant);
  float t = madd(k, -0.78515625f, x);
  t = madd(k, -2.4187564849853515625e-4f, t);
  t = madd(k, -3.77489497744594108e-8f, t);
  float z = t * t;
  float c = madd(2.443315711809948e-5f, z, -1.388731625493765e-3f);
  c = madd(madd(c, z, 4.166664568298827e-2f) * z, z, z * -0.5f) + 1;
  float s = madd(-1.9515295891e-4f, z, 8.3321608736e-3f);
  s = madd(madd(s, z, -1.6666654611e-1f) * z, t, t);
  bool swap = octant & 2;
  auto negate_if = [](float v, int32_t sign) {  // by bit 2 of sign
    return std::bit_cast<float>(std::bit_cast<uint32_t>(v) ^ uint32_t(sign & 4) << 29);
  };
  return {negate_if(swap ? c : s, octant), negate_if(swap ? s : c, octant + 2)};
}

void box_muller_16(float* b, double mean, double std) {
  float m = static_cast<float>(mean), s = static_cast<float>(std);
  for (int j = 0; j < 8; ++j) {
    float radius = std::sqrt(-2 * log_of(1 - b[j]));
    SinCos angle = sincos_of(2 * std::numbers::pi_v<float> * b[j + 8]);
    b[j] = madd(radius * angle.cos, s, m);
    b[j + 8] = madd(radius * angle.sin, s, m);
  }
}

void box_muller_16(double* b, double mean, double std) {
  for (int j = 0; j < 8; ++j) {
    double radius = std::sqrt(-2 * std::log(1 - b[j]));
    double angle = 2 * std::numbers::pi * b[j + 8];
    b[j] = madd(radius * std::cos(angle), std, mean);
    b[j + 8] = madd(radius * std::sin(angle), std, mean);
  }
}

void check_std(double std) { check(std >= 0, "std is ", std, ", needs std >= 0"); }

void check_probability(double p) { check(p >= 0 && p <= 1, "p is ", p, ", needs 0 <= p <= 1"); }

// The largest value random_ draws: every integer up to it is a T.
template <class T>
constexpr int64_t random_max() {
  if constexpr (std::is_floating_point_v<T>) return int64_t{1} << std::numeric_limits<T>::digits;
  return static_cast<int64_t>(std::numeric_limits<T>::max());
}

template <class T>
void check_bound(int64_t value, const char* name) {
  if constexpr (!std::is_floating_point_v<T>)
    check(
        value >= static_cast<int64_t>(std::numeric_limits<T>::lowest()) && value <= random_max<T>(),
        name, " is ", value, ", out of the dtype's range");
}

// from + word % range; a range of 0 stands for 2^64.
// For 32-bit words m w mod 2^64, with m = ceil(2^64 / range), is the fraction of w / range, and its
// product with range is the remainder: exactly, by Lemire, Kaser and Kurz 2019 (theorem 1), and in
// products that vector registers have, which they do not have for a division.
template <class T>
void fill_modulo(Generator& g, T* out, int64_t n, int64_t from, uint64_t range) {
  auto shift = [=](uint64_t word) { return static_cast<int64_t>(word + uint64_t(from)); };
  if (range == 0)
    map_words64(g, out, n, shift);
  else if (range >= uint64_t{1} << 28)
    map_words64(g, out, n, [=](uint64_t w) { return shift(w % range); });
  else
    map_words(g, out, n, [=, m = ~uint64_t{0} / range + 1](uint32_t w) {
      uint64_t fraction = m * w;
      return shift(((fraction >> 32) * range + ((fraction & 0xffffffff) * range >> 32)) >> 32);
    });
}

// A bound whose neighbour inside the range rounds, in F, to outside it moves in by F's spacing
// there.
template <class F>
void shrink_to_representable(int64_t& from, int64_t& to) {
  auto rounded = [](int64_t v) {
    double f = static_cast<double>(static_cast<F>(v));
    return f >= 0x1p63 ? std::numeric_limits<int64_t>::max() : static_cast<int64_t>(f);
  };
  auto spacing = [](int64_t v) {
    auto magnitude = v < 0 ? 0 - static_cast<uint64_t>(v) : static_cast<uint64_t>(v);
    int bits = static_cast<int>(std::bit_width(magnitude));
    return int64_t{1} << std::max(0, bits - std::numeric_limits<F>::digits);
  };
  if (int64_t r = rounded(from + 1); r < from) from = r + spacing(from + 1);
  if (int64_t r = rounded(to - 1); r >= to) to = r - spacing(to - 1);
}

}  // namespace

template <typename F>
void fill_uniform(Generator& g, F* out, int64_t n, double from, double to) {
  F low = static_cast<F>(from), high = static_cast<F>(to);
  check(std::isfinite(low) && std::isfinite(high), "from is ", from, " and to is ", to,
        ", out of the dtype's range");
  check(from <= to, "from is ", from, " and to is ", to, ", needs from <= to");
  double base = low, range = high - low;
  check(std::isfinite(range), "from is ", from, " and to is ", to,
        ", needs to - from within the dtype's range");
  if (low == 0 && range == 1)  // the common case needs no second pass
    for_each_block(n, [&](int64_t begin, int count) { fill_unit(g, out + begin, count); });
  else
    map_units<F>(g, out, n, [=](F x, int64_t) {
      if constexpr (std::is_same_v<F, double>) return madd(x, range, base);
      return x * range + base;  // the product is exact
    });
}

template <typename F>
void fill_normal(Generator& g, F* out, int64_t n, double mean, double std) {
  if (n < 16) return fill_normal_serial(g, out, n, mean, std);
  check_std(std);
  static_assert(kBlock % 16 == 0);
  for_each_block(n, [&](int64_t begin, int count) {
    fill_unit(g, out + begin, count);
    for (int i = 0; i + 16 <= count; i += 16) box_muller_16(out + begin + i, mean, std);
  });
  if (n % 16) {
    fill_unit(g, out + n - 16, 16);
    box_muller_16(out + n - 16, mean, std);
  }
}

template <typename F>
void fill_normal_serial(Generator& g, F* out, int64_t n, double mean, double std) {
  check_std(std);
  for (int64_t i = 0; i < n; ++i) out[i] = static_cast<F>(madd(g.normal(), std, mean));
}

template <typename T>
void fill_random_range(Generator& g, T* out, int64_t n, int64_t from, int64_t to) {
  check(from < to, "from is ", from, " and to is ", to, ", needs from < to");
  if constexpr (std::is_floating_point_v<T>) {
    shrink_to_representable<T>(from, to);
    check(from < to, "no value of the dtype lies in the range");
  }
  check_bound<T>(from, "from");
  check_bound<T>(to - 1, "to - 1");
  fill_modulo(g, out, n, from, static_cast<uint64_t>(to) - static_cast<uint64_t>(from));
}

template <typename T>
void fill_random_from(Generator& g, T* out, int64_t n, int64_t from) {
  check_bound<T>(from, "from");
  if (from == std::numeric_limits<int64_t>::min()) return fill_modulo(g, out, n, 0, 0);
  constexpr int64_t kMax = random_max<T>();
  check(from <= kMax, "from is ", from, ", needs from <= ", kMax);
  fill_modulo(g, out, n, from, static_cast<uint64_t>(kMax) - static_cast<uint64_t>(from) + 1);
}

template <typename T>
void fill_random(Generator& g, T* out, int64_t n) {
  constexpr uint64_t kMax = random_max<T>();
  if constexpr (sizeof(T) == 8)
    map_words64(g, out, n, [](uint64_t w) { return w % (kMax + 1); });
  else
    map_words(g, out, n, [](uint32_t w) { return w % static_cast<uint32_t>(kMax + 1); });
}

template <typename T, typename F>
void fill_bernoulli(Generator& g, T* out, int64_t n, const F* p) {
  bool valid = true;
  for (int64_t i = 0; i < n; ++i) valid &= (p[i] >= 0) & (p[i] <= 1);
  for (int64_t i = 0; !valid && i < n; ++i) check_probability(p[i]);
  map_units<F>(g, out, n, [=](F x, int64_t i) { return x < p[i]; });
}

template <typename F>
void fill_exponential(Generator& g, F* out, int64_t n, double rate) {
  check(rate > 0, "the rate is ", rate, ", needs rate > 0");
  double scale = -1 / rate;
  map_units<double>(g, out, n, [=](double d, int64_t) { return scale * std::log1p(-d); });
}

template <typename T>
void fill_geometric(Generator& g, T* out, int64_t n, double p) {
  check(p > 0 && p < 1, "p is ", p, ", needs 0 < p < 1");
  double scale = std::log1p(-p);
  map_units<double>(g, out, n, [=](double d, int64_t) {
    double trials = std::ceil(std::log(d) / scale);
    if constexpr (std::is_floating_point_v<T>)
      return trials;
    else
      return static_cast<int64_t>(std::min(trials, 0x1p62));  // d may be 0
  });
}

template <typename F>
void fill_cauchy(Generator& g, F* out, int64_t n, double median, double sigma) {
  check(sigma > 0, "sigma is ", sigma, ", needs sigma > 0");
  map_units<double>(g, out, n, [=](double d, int64_t) {
    return madd(sigma, std::tan(std::numbers::pi * (d - 0.5)), median);
  });
}

template <typename F>
void fill_log_normal(Generator& g, F* out, int64_t n, double mean, double std) {
  check(std > 0, "std is ", std, ", needs std > 0");
  for (int64_t i = 0; i < n; ++i) out[i] = static_cast<F>(std::exp(madd(g.normal(), std, mean)));
}

void randperm(Generator& g, int64_t* out, int64_t n) {
  std::iota(out, out + n, int64_t{0});
  if (n >= std::numeric_limits<uint32_t>::max() / 20) {
    for (int64_t i = 0; i < n - 1; ++i)
      std::swap(out[i], out[i + static_cast<int64_t>(g.random64() % static_cast<uint64_t>(n - i))]);
    return;
  }
  for (int64_t i = 0; i < n - 1; ++i)
    std::swap(out[i], out[i + g.random() % static_cast<uint32_t>(n - i)]);
}

namespace {

template <typename F>
F checked_sum(const F* p, int64_t n) {
  F sum = 0;
  for (int64_t i = 0; i < n; ++i) {
    check(std::isfinite(p[i]) && p[i] >= 0, "the weight at category ", i, " is ",
          static_cast<double>(p[i]), ", needs a finite weight >= 0");
    sum += p[i];
  }
  check(sum > 0, "the weights sum to ", static_cast<double>(sum), ", need a sum > 0");
  return sum;
}

}  // namespace

template <typename F>
void multinomial(Generator& g, int64_t* out, const F* p, int64_t rows, int64_t categories,
                 int64_t samples, bool replacement) {
  check(samples > 0, "cannot draw ", samples, " samples, needs at least 1");
  check(replacement || samples <= categories, "cannot draw ", samples, " samples from ", categories,
        " categories without replacement");
  for (int64_t row = 0; row < rows; ++row) checked_sum(p + row * categories, categories);
  std::vector<F> key(static_cast<size_t>(categories));
  if (replacement && samples > 1) {
    for (int64_t row = 0; row < rows; ++row, p += categories, out += samples) {
      F sum = checked_sum(p, categories), cumulative = 0;
      for (int64_t i = 0; i < categories; ++i) key[i] = (cumulative += p[i]) / sum;
      key.back() = 1;
      for (int64_t k = 0; k < samples; ++k)
        out[k] = std::ranges::lower_bound(key, g.unit()) - key.begin();
    }
    return;
  }
  std::vector<int64_t> index(static_cast<size_t>(categories));
  for (int64_t row = 0; row < rows; ++row, p += categories, out += samples) {
    fill_exponential(g, key.data(), categories, 1);
    for (int64_t i = 0; i < categories; ++i) key[i] = p[i] / key[i];
    std::iota(index.begin(), index.end(), int64_t{0});
    auto larger = [&](int64_t a, int64_t b) {
      return key[a] > key[b] || (key[a] == key[b] && a < b);
    };
    std::partial_sort(index.begin(), index.begin() + samples, index.end(), larger);
    std::copy_n(index.begin(), samples, out);
  }
}

#define WENGERT_FOR_FLOATS(F)                                                \
  template void fill_uniform(Generator&, F*, int64_t, double, double);       \
  template void fill_normal(Generator&, F*, int64_t, double, double);        \
  template void fill_normal_serial(Generator&, F*, int64_t, double, double); \
  template void fill_exponential(Generator&, F*, int64_t, double);           \
  template void fill_cauchy(Generator&, F*, int64_t, double, double);        \
  template void fill_log_normal(Generator&, F*, int64_t, double, double);    \
  template void multinomial(Generator&, int64_t*, const F*, int64_t, int64_t, int64_t, bool);
#define WENGERT_FOR_ALL(T)                                                    \
  template void fill_random_range(Generator&, T*, int64_t, int64_t, int64_t); \
  template void fill_random_from(Generator&, T*, int64_t, int64_t);           \
  template void fill_random(Generator&, T*, int64_t);                         \
  template void fill_bernoulli(Generator&, T*, int64_t, const float*);        \
  template void fill_bernoulli(Generator&, T*, int64_t, const double*);       \
  template void fill_geometric(Generator&, T*, int64_t, double);
WENGERT_FOR_FLOATS(float)
WENGERT_FOR_FLOATS(double)
WENGERT_FOR_ALL(float)
WENGERT_FOR_ALL(double)
WENGERT_FOR_ALL(int64_t)
WENGERT_FOR_ALL(int32_t)
WENGERT_FOR_ALL(uint8_t)
WENGERT_FOR_ALL(bool)
#undef WENGERT_FOR_FLOATS
#undef WENGERT_FOR_ALL

}  // namespace wengert
