// Means of windows, channels last.
#include "wengert/kernels/pool/last_windows.h"

namespace wengert {
namespace {

using namespace pooling;

// The positions of window o along a dimension that count.
int64_t counted(const Windows& w, const Divisor& by, int d, int64_t o) {
  const int64_t start = o * w.stride[d] - w.pad[d];
  const int64_t end = std::min(start + w.kernel[d], w.in[d] + w.pad[d]);
  return by.include_pad ? end - start : std::min(end, w.in[d]) - std::max<int64_t>(start, 0);
}
int64_t divisor_of(const Windows& w, const Divisor& by, int64_t a, int64_t b, int64_t c) {
  if (by.fixed) return by.fixed;
  return counted(w, by, 0, a) * counted(w, by, 1, b) * counted(w, by, 2, c);
}

// Positions [begin, end) of each dimension.
struct Box {
  int64_t begin[3], end[3];
  int64_t volume() const { return (end[0] - begin[0]) * (end[1] - begin[1]) * (end[2] - begin[2]); }
};
Box window_box(const Windows& w, const PixelRow& row, int64_t o) {
  Box box{{row.at[0], row.at[1], o}, {}};
  for (int d = 0; d < 3; ++d) {
    const int64_t start = box.begin[d] * w.stride[d] - w.pad[d];
    box.begin[d] = std::max<int64_t>(start, 0);
    box.end[d] = std::max(box.begin[d], std::min(start + w.kernel[d], w.in[d]));
  }
  return box;
}
Box part_box(const Windows& w, const PixelRow& row, int64_t o) {
  Box box{{row.at[0], row.at[1], o}, {}};
  for (int d = 0; d < 3; ++d) {
    box.end[d] = ceil_div((box.begin[d] + 1) * w.in[d], w.out[d]);
    box.begin[d] = box.begin[d] * w.in[d] / w.out[d];
  }
  return box;
}

// y = the sum over the box / divisor of each channel; long sums by lines, each of which has a sum
// of its own.
template <class T, bool kByLines>
void mean(const Windows& w, int64_t channels, const Box& box, const T* x, T divisor, T* y) {
  using L = Channels<T>;
  for_channels<L::kSize>(channels, [&](auto registers, int64_t c, int64_t n) {
    constexpr int kN = decltype(registers)::value;
    typename L::V sum[kN], line[kN];
    for (int k = 0; k < kN; ++k) sum[k] = L::all(T(0));
    for (int64_t i = box.begin[0]; i < box.end[0]; ++i)
      for (int64_t j = box.begin[1]; j < box.end[1]; ++j) {
        const T* from = x + ((i * w.in[1] + j) * w.in[2] + box.begin[2]) * channels + c;
        for (int k = 0; k < kN; ++k) line[k] = kByLines ? L::all(T(0)) : sum[k];
        for (int64_t l = box.begin[2]; l < box.end[2]; ++l, from += channels)
          for (int k = 0; k < kN; ++k) line[k] = line[k] + L::load(from + k * L::kSize, n);
        for (int k = 0; k < kN; ++k) sum[k] = kByLines ? sum[k] + line[k] : line[k];
      }
    for (int k = 0; k < kN; ++k) L::store(sum[k] / L::all(divisor), y + c + k * L::kSize, n);
  });
}

template <class T>
void average(const LastWindows& w, const Divisor& by, const T* x, T* y) {
  const int64_t sample = w.in[0] * w.in[1] * w.in[2] * w.channels;
  for_pixel_rows(w.samples() * w.out[0] * w.out[1], w.out[2] * w.taps() * w.channels,
                 [&](int64_t r) {
                   const PixelRow row(r, w.out);
                   const T* from = x + row.sample * sample;
                   for (int64_t o = 0; o < w.out[2]; ++o)
                     mean<T, false>(w, w.channels, window_box(w, row, o), from,
                                    static_cast<T>(divisor_of(w, by, row.at[0], row.at[1], o)),
                                    y + (r * w.out[2] + o) * w.channels);
                 });
}

// to = sum of g / divisor over windows of some pixels.
template <class T>
struct Share {
  const T* g;
  T divisor;
};
template <class T>
void add_shares(int64_t channels, const List<Share<T>>& shares, T* to) {
  using L = Channels<T>;
  for_channels<L::kSize>(channels, [&](auto registers, int64_t c, int64_t n) {
    constexpr int kN = decltype(registers)::value;
    Vec<T> sum[kN];
    for (int k = 0; k < kN; ++k) sum[k] = Vec<T>(0.0);
    for (const Share<T>& s : shares) {
      const Vec<T> by = Vec<T>::repeat(s.divisor);
      for (int k = 0; k < kN; ++k) sum[k] = sum[k] + L::load(s.g + c + k * L::kSize, n) / by;
    }
    for (int k = 0; k < kN; ++k) L::store(sum[k], to + c + k * L::kSize, n);
  });
}

// The parts that a position is in.
template <class T>
void part_shares(const LastWindows& w, const T* g, int64_t r, T* dx) {
  const PixelRow row(r, w.in);
  List<Share<T>> shares;
  const auto first = [&](int d, int64_t i) { return i * w.out[d] / w.in[d]; };
  const auto end = [&](int d, int64_t i) { return ceil_div((i + 1) * w.out[d], w.in[d]); };
  for (int64_t i = 0; i < w.in[2]; ++i) {
    shares.clear();
    for (int64_t a = first(0, row.at[0]); a < end(0, row.at[0]); ++a)
      for (int64_t b = first(1, row.at[1]); b < end(1, row.at[1]); ++b)
        for (int64_t c = first(2, i); c < end(2, i); ++c) {
          const int64_t windows = (row.sample * w.out[0] + a) * w.out[1] + b;
          shares.push_back({g + (windows * w.out[2] + c) * w.channels,
                            static_cast<T>(part_box(w, PixelRow(windows, w.out), c).volume())});
        }
    add_shares(w.channels, shares, dx + (r * w.in[2] + i) * w.channels);
  }
}

}  // namespace

void avg_pool_last(const LastWindows& w, const Divisor& by, Dtype dtype, const void* x, void* y) {
  if (dtype == Dtype::kInt64)
    return average(w, by, static_cast<const int64_t*>(x), static_cast<int64_t*>(y));
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    average(w, by, static_cast<const T*>(x), static_cast<T*>(y));
  });
}

void avg_pool_backward_last(const LastWindows& w, const Divisor& by, Dtype dtype, const void* g,
                            void* dx) {
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    for_seen(w, static_cast<T*>(dx), [&](T* to, const List<SeenWindow>& windows) {
      List<Share<T>> shares;
      for (const SeenWindow& s : windows)
        shares.push_back(
            {static_cast<const T*>(g) + s.pixel * w.channels,
             static_cast<T>(divisor_of(w, by, s.window[0], s.window[1], s.window[2]))});
      add_shares(w.channels, shares, to);
    });
  });
}

void adaptive_avg_pool_last(const LastWindows& w, Dtype dtype, const void* x, void* y) {
  const int64_t plane = w.in[0] * w.in[1] * w.in[2];
  const int64_t work = plane / std::max<int64_t>(w.out[0] * w.out[1], 1) + w.out[2];
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    for_pixel_rows(w.samples() * w.out[0] * w.out[1], work * w.channels, [&](int64_t r) {
      const PixelRow row(r, w.out);
      for (int64_t o = 0; o < w.out[2]; ++o) {
        const Box box = part_box(w, row, o);
        mean<T, true>(
            w, w.channels, box, static_cast<const T*>(x) + row.sample * plane * w.channels,
            static_cast<T>(box.volume()), static_cast<T*>(y) + (r * w.out[2] + o) * w.channels);
      }
    });
  });
}

void adaptive_avg_pool_backward_last(const LastWindows& w, Dtype dtype, const void* g, void* dx) {
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    for_pixel_rows(w.samples() * w.in[0] * w.in[1], 2 * w.in[2] * w.channels, [&](int64_t r) {
      part_shares(w, static_cast<const T*>(g), r, static_cast<T*>(dx));
    });
  });
}

}  // namespace wengert
