// What pooling with channels last shares: registers of channels, rows of pixels, which windows see
// a position.
#pragma once

#include "wengert/kernels/pool/last.h"
#include "wengert/kernels/pool/windows.h"

namespace wengert::pooling {

// Registers of channels of a floating type, else one number. The last may be a part of one.
template <class T, bool kVector = std::is_floating_point_v<T>>
struct Channels : Lanes<T, false> {
  static T load(const T* p, int64_t) { return *p; }
};
template <class T>
struct Channels<T, true> : Lanes<T, true> {
  static Vec<T> load(const T* p, int64_t n) { return detail::load_part<T>(p, n, 0); }
};

// f(registers, first channel, channels left) for groups of four registers, then one.
template <int64_t kSize, class F>
inline void for_channels(int64_t channels, const F& f) {
  int64_t c = 0;
  for (; c + 4 * kSize <= channels; c += 4 * kSize) f(std::integral_constant<int, 4>(), c, kSize);
  for (; c < channels; c += kSize) f(std::integral_constant<int, 1>(), c, channels - c);
}

// f(row) for the rows of pixels of all samples, divided among threads; `work` is that of a row.
template <class F>
void for_pixel_rows(int64_t rows, int64_t work, const F& f) {
  parallel_for(rows, std::max<int64_t>(kGrain / std::max<int64_t>(work, 1), 1),
               [&](int64_t begin, int64_t end) {
                 for (int64_t r = begin; r < end; ++r) f(r);
               });
}

// Row `row` of pixels of (samples, n0, n1, ...).
struct PixelRow {
  int64_t sample, at[2];
  PixelRow(int64_t row, const int64_t* n)
      : sample(row / n[1] / n[0]), at{row / n[1] % n[0], row % n[1]} {}
};

// Of windows that are parts of the input, f(pixel of the window, pixel of its first tap) for all.
template <class F>
void for_parts(const LastWindows& w, const F& f) {
  const int64_t rows = w.samples() * w.out[0] * w.out[1];
  for_pixel_rows(rows, 2 * w.out[2] * w.taps() * w.channels, [&](int64_t r) {
    const PixelRow row(r, w.out);
    const int64_t i = row.sample * w.in[0] + row.at[0] * w.kernel[0];
    const int64_t first = (i * w.in[1] + row.at[1] * w.kernel[1]) * w.in[2];
    for (int64_t o = 0; o < w.out[2]; ++o) f(r * w.out[2] + o, first + o * w.kernel[2]);
  });
}

// A window that sees a position, and as which of its taps.
struct Seen {
  int64_t window, tap;
};
// Those along dimension d, the first window first.
inline void seen_by(const Windows& w, int d, int64_t i, List<Seen>& out) {
  out.clear();
  for (int64_t tap = w.kernel[d] - 1; tap >= 0; --tap) {
    const int64_t t = i + w.pad[d] - tap * w.dilation[d];
    if (t >= 0 && t % w.stride[d] == 0 && t / w.stride[d] < w.out[d])
      out.push_back({t / w.stride[d], tap});
  }
}

// dx of each pixel from the windows that see it: f(dx of its channels, windows).
struct SeenWindow {
  int64_t pixel;  // of the windows' pixels, of all samples
  int64_t tap;
  int64_t window[3];
};
template <class T, class F>
void for_seen(const LastWindows& w, T* dx, const F& f) {
  List<List<Seen>> along(static_cast<size_t>(w.in[2]));
  for (int64_t i = 0; i < w.in[2]; ++i) seen_by(w, 2, i, along[static_cast<size_t>(i)]);
  const int64_t rows = w.samples() * w.in[0] * w.in[1];
  for_pixel_rows(rows, 2 * w.in[2] * w.channels, [&](int64_t r) {
    const PixelRow row(r, w.in);
    List<Seen> first, second;
    seen_by(w, 0, row.at[0], first);
    seen_by(w, 1, row.at[1], second);
    List<SeenWindow> windows;
    T* to = dx + r * w.in[2] * w.channels;
    for (int64_t i = 0; i < w.in[2]; ++i, to += w.channels) {
      windows.clear();
      for (const Seen& a : first)
        for (const Seen& b : second)
          for (const Seen& c : along[static_cast<size_t>(i)])
            windows.push_back(
                {((row.sample * w.out[0] + a.window) * w.out[1] + b.window) * w.out[2] + c.window,
                 (a.tap * w.kernel[1] + b.tap) * w.kernel[2] + c.tap,
                 {a.window, b.window, c.window}});
      f(to, windows);
    }
  });
}

}  // namespace wengert::pooling
