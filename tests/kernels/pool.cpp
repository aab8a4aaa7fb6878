// Windows over planes: the largest elements and their places exactly, sums to rounding.
#include "wengert/kernels/pool/pool.h"

#include <limits>

#include "kernels.h"
#include "wengert/kernels/pool/fractional.h"
#include "wengert/kernels/pool/naive.h"

namespace wengert {
namespace {

Windows windows(const Dims& in, const Dims& kernel, const Dims& stride, const Dims& pad,
                const Dims& dilation, int64_t planes) {
  Windows w;
  w.planes = planes;
  for (int d = 0; d < 3; ++d) {
    w.in[d] = in[d];
    w.kernel[d] = kernel[d];
    w.stride[d] = stride[d];
    w.pad[d] = pad[d];
    w.dilation[d] = dilation[d];
    w.out[d] = (in[d] + 2 * pad[d] - w.reach(d)) / stride[d] + 1;
  }
  return w;
}

template <class T>
std::vector<T> empty(int64_t n) {
  return std::vector<T>(static_cast<size_t>(n));
}

template <class T>
struct Sizes {
  explicit Sizes(const Windows& w)
      : in(w.in_rows() * w.in[2]), out(w.out_rows() * w.out[2]), x(numbers<T>(in)) {}
  int64_t in, out;
  std::vector<T> x;
};

template <class T, class P>
void largest(const Windows& w) {
  Sizes<T> s(w);
  if constexpr (std::is_floating_point_v<T>)
    for (size_t i = 3; i < s.x.size(); i += 7)
      s.x[i] = i % 3 ? static_cast<T>(NAN) : -static_cast<T>(INFINITY);
  auto fast = empty<T>(s.out), slow = fast;
  auto element = empty<int64_t>(s.out), tap = element, indices = element;
  naive::max_pool(w, s.x.data(), slow.data(), element.data(), tap.data());
  auto positions = empty<P>(s.out);
  max_pool(w, dtype_of<T>(), s.x.data(), fast.data(), positions.data());
  CHECK(close(fast, slow, 0, 0));
  CHECK(std::equal(positions.begin(), positions.end(), tap.begin()));
  max_pool_indices(w, dtype_of<T>(), s.x.data(), fast.data(), indices.data());
  CHECK(close(fast, slow, 0, 0));
  const int64_t plane = s.in / w.planes;
  for (int64_t& e : element) e %= plane;
  CHECK(indices == element);
  if constexpr (std::is_floating_point_v<T>) {
    auto taken = empty<T>(s.out);
    pool_take(w, dtype_of<T>(), s.x.data(), positions.data(), taken.data());
    CHECK(close(taken, slow, 0, 0));
    const std::vector<T> g = numbers<T>(s.out, 2);
    auto dx = empty<T>(s.in), expected = dx;
    const int64_t each = s.out / w.planes;
    for (int64_t i = 0; i < s.out; ++i)
      expected[static_cast<size_t>(i / each * plane + element[static_cast<size_t>(i)])] +=
          g[static_cast<size_t>(i)];
    max_pool_backward(w, dtype_of<T>(), g.data(), positions.data(), dx.data());
    CHECK(close(dx, expected, kLoose<T>, kLoose<T>));
  }
}

template <class T>
void means(const Windows& w) {
  const Sizes<T> s(w);
  auto sum = empty<T>(s.out), fast = sum, slow = sum;
  naive::sums(w, s.x.data(), sum.data());
  for (const Divisor by : {Divisor{}, Divisor{false, 0}, Divisor{true, 5}}) {
    auto ones = std::vector<T>(s.x.size(), T(1)), count = sum;
    naive::sums(w, ones.data(), count.data());
    const bool whole = by.include_pad && !by.fixed;
    if (whole) std::fill(count.begin(), count.end(), static_cast<T>(w.taps()));
    for (size_t i = 0; i < slow.size(); ++i) slow[i] = sum[i] / (by.fixed ? T(5) : count[i]);
    avg_pool(w, by, dtype_of<T>(), s.x.data(), fast.data());
    CHECK(close(fast, slow, kLoose<T>, kLoose<T>));
    if constexpr (std::is_floating_point_v<T>) {
      const std::vector<T> g = numbers<T>(s.out, 2);
      auto dx = empty<T>(s.in), expected = dx;
      naive::each_tap(w, [&](int64_t window, int64_t, int64_t at) {
        const auto i = static_cast<size_t>(window);
        if (at >= 0) expected[static_cast<size_t>(at)] += g[i] / (by.fixed ? T(5) : count[i]);
      });
      avg_pool_backward(w, by, dtype_of<T>(), g.data(), dx.data());
      CHECK(close(dx, expected, kLoose<T>, kLoose<T>));
    }
  }
}

template <class T>
void columns(const Windows& w) {
  if (w.in[0] > 1) return;
  const Sizes<T> s(w);
  auto y = empty<T>(s.out * w.taps()), slow = y;
  const int64_t each = s.out / w.planes;
  const auto place = [&](int64_t window, int64_t t) {
    return static_cast<size_t>((window / each * w.taps() + t) * each + window % each);
  };
  naive::each_tap(w, [&](int64_t window, int64_t t, int64_t at) {
    slow[place(window, t)] = at < 0 ? T(0) : s.x[static_cast<size_t>(at)];
  });
  unfold(w, dtype_of<T>(), s.x.data(), y.data());
  CHECK(y == slow);
  auto back = empty<T>(s.in), expected = back;
  naive::each_tap(w, [&](int64_t window, int64_t t, int64_t at) {
    if (at >= 0) expected[static_cast<size_t>(at)] += y[place(window, t)];
  });
  fold(w, dtype_of<T>(), y.data(), back.data());
  CHECK(close(back, expected, kLoose<T>, kLoose<T>));
}

template <class T>
void parts(const Dims& in, const Dims& out) {
  Windows w;
  w.planes = 3;
  for (int d = 0; d < 3; ++d) {
    w.in[d] = in[d];
    w.out[d] = out[d];
  }
  const Sizes<T> s(w);
  std::vector<T> some = s.x;  // of which some are no numbers, and one plane is of equal ones
  for (size_t i = 3; i < some.size(); i += 301) some[i] = i % 2 ? T(NAN) : -T(INFINITY);
  std::fill(some.end() - s.in / 3, some.end(), -T(INFINITY));
  auto fast = empty<T>(s.out), sum = fast, count = fast, best = fast;
  auto element = empty<int64_t>(s.out), indices = element;
  const int64_t plane = s.in / w.planes;
  naive::each_part(w, [&](int64_t window, int64_t at) {
    const auto i = static_cast<size_t>(window);
    const T x = some[static_cast<size_t>(at)];
    if (count[i] == 0 || x > best[i] || x != x) {
      best[i] = x;
      element[i] = at % plane;
    }
    sum[i] += s.x[static_cast<size_t>(at)];
    count[i] += 1;
  });
  for (size_t i = 0; i < sum.size(); ++i) sum[i] /= count[i];
  adaptive_avg_pool(w, dtype_of<T>(), s.x.data(), fast.data());
  CHECK(close(fast, sum, kLoose<T>, kLoose<T>));
  adaptive_max_pool(w, dtype_of<T>(), some.data(), fast.data(), indices.data());
  CHECK(close(fast, best, 0, 0));
  CHECK(indices == element);
  const std::vector<T> g = numbers<T>(s.out, 2);
  auto dx = empty<T>(s.in), expected = dx;
  naive::each_part(w, [&](int64_t window, int64_t at) {
    const auto i = static_cast<size_t>(window);
    expected[static_cast<size_t>(at)] += g[i] / count[i];
  });
  adaptive_avg_pool_backward(w, dtype_of<T>(), g.data(), dx.data());
  CHECK(close(dx, expected, kLoose<T>, kLoose<T>));
}

// Where a window begins, in whole numbers: samples are k / 8 here, and sizes such that a is whole.
template <class T>
void fractional(const Dims& in, const Dims& out, const Dims& kernel, int n) {
  Windows w;
  w.planes = 5;
  for (int d = 0; d < 3; ++d) {
    w.in[d] = in[d];
    w.out[d] = out[d];
    w.kernel[d] = kernel[d];
  }
  const Sizes<T> s(w);
  std::vector<T> samples;
  for (int64_t i = 0; i < w.planes * n; ++i) samples.push_back(static_cast<T>(i * 5 % 8) / T(8));
  const auto begin = [&](int64_t p, int d, int64_t o) -> int64_t {
    if (d < 3 - n || o == w.out[d] - 1) return w.in[d] - w.kernel[d];
    const int64_t number = p * n + (n == 2 ? 2 - d : d);
    const int64_t a = (w.in[d] - w.kernel[d]) / (w.out[d] - 1), k = number * 5 % 8;
    return (8 * o + k) * a / 8 - k * a / 8;
  };
  auto y = empty<T>(s.out), best = y;
  auto indices = empty<int64_t>(s.out), element = indices;
  std::vector<char> seen(static_cast<size_t>(s.out));
  const int64_t plane = s.in / w.planes;
  naive::each_begun(w, begin, [&](int64_t window, int64_t at) {
    const auto i = static_cast<size_t>(window);
    const T x = s.x[static_cast<size_t>(at)];
    if (seen[i] && !(x > best[i])) return;
    seen[i] = 1;
    best[i] = x;
    element[i] = at % plane;
  });
  fractional_max_pool(w, n, dtype_of<T>(), s.x.data(), samples.data(), y.data(), indices.data());
  CHECK(y == best);
  CHECK(indices == element);
}

// Windows lie in the input whatever the number is.
template <class T>
void fractional_within() {
  constexpr T kInf = std::numeric_limits<T>::infinity();
  for (const T s :
       {T(-1e30), T(-0.5), T(1), T(1e30), -kInf, kInf, std::numeric_limits<T>::quiet_NaN()})
    for (const int64_t out : {2, 3, 7})
      for (int64_t o = 0; o < out; ++o) {
        const int64_t at = fractional_begin(s, o, 11, out, 2);
        CHECK(0 <= at && at <= 9);
      }
}

template <class T>
void padded(PadMode mode, const Dims& in, const Dims& before, const Dims& after) {
  Dims out = in;
  for (int d = 0; d < in.size(); ++d) out[d] += before[d] + after[d];
  const std::vector<T> x = numbers<T>(numel(in)), g = numbers<T>(numel(out), 2);
  auto y = empty<T>(numel(out)), slow = y;
  auto dx = empty<T>(numel(in)), expected = dx;
  const T fill = T(3);
  for (int64_t i = 0; i < numel(out); ++i) {
    int64_t at = 0, step = 1, rest = i;
    bool inside = true;
    for (int d = in.size() - 1; d >= 0; --d) {
      const int64_t o = rest % out[d];
      rest /= out[d];
      const int64_t j =
          mode == PadMode::kConstant ? o - before[d] : pad_source(mode, o, before[d], in[d]);
      inside &= j >= 0 && j < in[d];
      at += j * step;
      step *= in[d];
    }
    slow[static_cast<size_t>(i)] = inside ? x[static_cast<size_t>(at)] : fill;
    if (inside) expected[static_cast<size_t>(at)] += g[static_cast<size_t>(i)];
  }
  if (mode == PadMode::kConstant) {
    pad_constant(in, out, before, sizeof(T), x.data(), &fill, y.data());
  } else {
    pad_mode(mode, in, out, before, sizeof(T), x.data(), y.data());
    pad_mode_backward(mode, in, out, before, dtype_of<T>(), g.data(), dx.data());
    CHECK(close(dx, expected, kLoose<T>, kLoose<T>));
  }
  CHECK(y == slow);
}

template <class T>
void all_windows() {
  const Dims none{0, 0, 0}, one{1, 1, 1};
  std::vector<Windows> cases = {
      windows({1, 8, 12}, {1, 2, 2}, {1, 2, 2}, none, one, 3),
      windows({1, 8, 80}, {1, 2, 2}, {1, 2, 2}, none, one, 2),
      windows({1, 9, 13}, {1, 2, 2}, {1, 2, 2}, none, one, 2),
      windows({1, 11, 11}, {1, 3, 3}, {1, 2, 2}, {0, 1, 1}, one, 2),
      windows({1, 20, 67}, {1, 3, 3}, {1, 2, 2}, {0, 1, 1}, one, 2),
      windows({1, 20, 66}, {1, 3, 3}, {1, 2, 2}, none, one, 2),
      windows({1, 7, 40}, {1, 3, 3}, one, {0, 1, 1}, one, 2),
      windows({1, 7, 40}, {1, 3, 3}, one, none, one, 2),
      windows({1, 6, 9}, {1, 4, 5}, {1, 1, 3}, {0, 2, 2}, one, 2),
      windows({1, 12, 23}, {1, 2, 3}, {1, 3, 4}, {0, 0, 1}, {1, 2, 3}, 2),
      windows({1, 12, 23}, {1, 2, 5}, {1, 1, 2}, {0, 1, 2}, {1, 3, 3}, 2),
      windows({1, 1, 50}, {1, 1, 4}, {1, 1, 5}, {0, 0, 2}, one, 3),
      windows({1, 1, 70}, {1, 1, 1}, {1, 1, 2}, none, one, 3),
      windows({1, 1, 5}, {1, 1, 5}, {1, 1, 5}, none, one, 3),
      windows({6, 5, 9}, {2, 2, 2}, {2, 2, 2}, none, one, 2),
      windows({6, 5, 9}, {3, 2, 3}, {1, 2, 2}, {1, 1, 1}, {2, 1, 1}, 2),
      windows({1, 70, 300}, {1, 3, 3}, {1, 2, 2}, {0, 1, 1}, one, 1),
      windows({1, 70, 9000}, {1, 2, 2}, {1, 2, 2}, none, one, 1),
  };
  for (const Windows& w : cases) {
    largest<T, uint8_t>(w);
    columns<T>(w);
    const bool dense = std::all_of(w.dilation, w.dilation + 3, [](int64_t d) { return d == 1; });
    if constexpr (std::is_floating_point_v<T>)
      if (dense) means<T>(w);
  }
  largest<T, int32_t>(windows({1, 40, 40}, {1, 17, 18}, {1, 3, 2}, {0, 1, 1}, one, 2));
}

template <class T>
void all_paddings() {
  for (const PadMode mode :
       {PadMode::kConstant, PadMode::kReflect, PadMode::kReplicate, PadMode::kCircular}) {
    padded<T>(mode, {3, 4, 5}, {0, 1, 2}, {0, 3, 4});
    padded<T>(mode, {3, 4, 50}, {2, 1, -3}, {1, 0, 4});
    padded<T>(mode, {7}, {3}, {-2});
  }
}

}  // namespace

void test_pool() {
  all_windows<float>();
  all_windows<double>();
  all_windows<int64_t>();
  for (const Dims& out : {Dims{1, 3, 4}, Dims{1, 1, 1}, Dims{1, 7, 9}, Dims{1, 13, 30}}) {
    parts<float>({1, 7, 9}, out);
    parts<double>({4, 12, 16}, out);
    parts<float>({3, 20, 70}, out);
  }
  fractional_within<float>();
  fractional_within<double>();
  fractional<float>({1, 8, 11}, {1, 4, 5}, {1, 2, 3}, 2);
  fractional<double>({9, 8, 11}, {3, 4, 5}, {1, 2, 3}, 3);
  fractional<double>({5, 4, 6}, {1, 1, 3}, {2, 4, 2}, 3);
  all_paddings<float>();
  all_paddings<double>();
}

}  // namespace wengert
