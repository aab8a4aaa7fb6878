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

// A row of pixels. The shares of the rows of parts that it is in are worked out once, and
// neighbours in the same parts are copies.
template <class T>
void part_shares(const LastWindows& w, const T* g, int64_t r, T* dx) {
  const PixelRow row(r, w.in);
  const auto first = [&](int d, int64_t i) { return i * w.out[d] / w.in[d]; };
  const auto end = [&](int d, int64_t i) { return ceil_div((i + 1) * w.out[d], w.in[d]); };
  const int64_t a0 = first(0, row.at[0]), a1 = end(0, row.at[0]);
  const int64_t b0 = first(1, row.at[1]), b1 = end(1, row.at[1]);
  const int64_t length = w.out[2] * w.channels;
  const Scratch memory(static_cast<size_t>((a1 - a0) * (b1 - b0) * length) * sizeof(T));
  T* at = memory.as<T>();
  for (int64_t a = a0; a < a1; ++a)
    for (int64_t b = b0; b < b1; ++b) {
      const int64_t windows = (row.sample * w.out[0] + a) * w.out[1] + b;
      const T* from = g + windows * length;
      for (int64_t o = 0; o < w.out[2]; ++o, at += w.channels, from += w.channels) {
        const auto volume = static_cast<T>(part_box(w, PixelRow(windows, w.out), o).volume());
        for (int64_t c = 0; c < w.channels; ++c) at[c] = from[c] / volume;
      }
    }
  T* to = dx + r * w.in[2] * w.channels;
  int64_t before = -1, behind = -1;  // the parts of the pixel before
  for (int64_t i = 0; i < w.in[2]; ++i, to += w.channels) {
    const int64_t c0 = first(2, i), c1 = end(2, i);
    if (c0 == before && c1 == behind) {
      std::copy_n(to - w.channels, w.channels, to);
      continue;
    }
    before = c0;
    behind = c1;
    std::fill_n(to, w.channels, T(0));
    for (const T* part = memory.as<const T>(); part < at; part += length)
      for (const T* from = part + c0 * w.channels; from < part + c1 * w.channels;)
        for (int64_t c = 0; c < w.channels; ++c) to[c] += *from++;
  }
}

// Each pixel is in one window.
template <class T>
void spread_parts(const LastWindows& w, T divisor, const T* g, T* dx) {
  using L = Channels<T>;
  const List<int64_t> offsets = tap_offsets(w);
  const Vec<T> by = Vec<T>::repeat(divisor);
  for_parts(w, [&](int64_t window, int64_t pixel) {
    for_channels<L::kSize>(w.channels, [&](auto registers, int64_t c, int64_t n) {
      constexpr int kN = decltype(registers)::value;
      Vec<T> share[kN];
      for (int k = 0; k < kN; ++k)
        share[k] = L::load(g + window * w.channels + c + k * L::kSize, n) / by;
      for (const int64_t offset : offsets) {
        T* to = dx + (pixel + offset) * w.channels + c;
        for (int k = 0; k < kN; ++k) L::store(share[k], to + k * L::kSize, n);
      }
    });
  });
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
    if (are_parts(w))
      return spread_parts(w, static_cast<T>(divisor_of(w, by, 0, 0, 0)), static_cast<const T*>(g),
                          static_cast<T*>(dx));
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
