// Largest elements of windows.
#include <limits>

#include "wengert/kernels/pool/narrow.h"

namespace wengert {
namespace {

using namespace pooling;

template <class T>
constexpr T lowest() {
  using Limits = std::numeric_limits<T>;
  return Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
}

// The numbers of taps are held in lanes of T, which are exact so far. What else there is, integers
// and windows of millions of elements, goes one by one.
inline constexpr int64_t kExactTaps = 1 << 24;

template <class T>
bool in_registers(const Windows& w) {
  return std::is_floating_point_v<T> && w.taps() <= kExactTaps;
}

// One row of windows: the values, and the numbers of their taps as elements of P. `first`: the
// first tap along w that is within the input, of each window.
template <class L, class T, class P>
void max_row(const Taps<T>& taps, const P* first, int64_t n, T* y, P* number) {
  using LP = std::conditional_t<std::is_same_v<typename L::V, T>, Lanes<P, false>, Lanes<P, true>>;
  const P base = taps.count ? static_cast<P>(taps.number[0]) : P(0);
  for_registers<L::kSize>(n, [&](int64_t i, int64_t lanes) {
    auto best = L::all(lowest<T>());
    auto at = LP::load(first + i) + LP::all(base);
    for (int64_t t = 0; t < taps.count; ++t) {
      const auto x = L::load(taps.at[t] + i);
      const auto larger = (x > best) | (x != x);
      best = select(larger, x, best);
      at = select(larger, LP::all(static_cast<P>(taps.number[t])), at);
    }
    L::store(best, y + i, lanes);
    LP::store(at, number + i, lanes);
  });
}

// For each window of a row the first tap along w that is within the input.
template <class P>
void first_taps(const Windows& w, P* out) {
  for (int64_t o = 0; o < w.out[2]; ++o)
    out[o] =
        static_cast<P>(std::max<int64_t>(ceil_div(w.pad[2] - o * w.stride[2], w.dilation[2]), 0));
}

// Where the numbers of taps go, row by row, as one of three; chosen while running, as the loops
// over windows are the same.
struct Sink {
  const Windows& w;
  uint8_t* bytes = nullptr;
  int32_t* numbers = nullptr;
  int64_t* places = nullptr;         // in planes
  const int64_t* offsets = nullptr;  // of taps, for these

  // Row o of a slab of windows.
  template <class P>
  void put(int64_t slab, int64_t o, const P* __restrict number) const {
    const int64_t n = w.out[2], to = (slab * w.out[1] + o) * n;
    if (bytes) return copy(number, n, bytes + to);
    if (numbers) return copy(number, n, numbers + to);
    const int64_t step = w.stride[2], at = row_place(w, slab, o);
    int64_t* __restrict place = places + to;
    const int64_t* __restrict offset = offsets;
    for (int64_t i = 0; i < n; ++i)
      place[i] = at + i * step + offset[static_cast<size_t>(number[i])];
  }
  template <class P, class To>
  static void copy(const P* __restrict from, int64_t n, To* __restrict to) {
    for (int64_t i = 0; i < n; ++i) to[i] = static_cast<To>(from[i]);
  }
};

template <class T, bool kVector>
void max_rows(const Windows& w, const T* x, T* y, const Sink& sink) {
  using L = Lanes<T, kVector>;
  using P = std::conditional_t<kVector, T, int32_t>;
  const int64_t width = round_up(w.out[2], 64);
  const Scratch first(static_cast<size_t>(width) * sizeof(P));
  first_taps(w, first.as<P>());
  const int64_t own = ceil_div(width * static_cast<int64_t>(sizeof(P)), sizeof(T));
  for_windows<T>(w, x, lowest<T>(), L::kSize, own + 8,
                 [&](int64_t slab, int64_t o, const Taps<T>& taps, T* scratch) {
                   const int64_t row = slab * w.out[1] + o;
                   P* number = reinterpret_cast<P*>(scratch);
                   max_row<L>(taps, first.as<const P>(), w.out[2], y + row * w.out[2], number);
                   sink.put(slab, o, number);
                 });
}

template <class T>
bool is_nan(T v) {
  if constexpr (std::is_floating_point_v<T>) return v != v;
  return false;
}
template <class T>
void max_narrow(const Windows& w, const T* x, T* y, const Sink& sink) {
  for_narrow(w, x,
             [&](int64_t row, const Span& s0, const Span& s1, const Span* along, const auto& each) {
               // Where nothing is within the input, the first tap of all.
               const bool some = s0.begin < s0.end && s1.begin < s1.end;
               const int64_t base = some ? (s0.begin * w.kernel[1] + s1.begin) * w.kernel[2] : 0;
               int32_t number[kNarrow];
               for (int64_t o = 0; o < w.out[2]; ++o) {
                 T best = lowest<T>();
                 int64_t at = base + along[o].begin;
                 each(along[o], [&](int64_t tap, T v) {
                   if (!(v > best) && !is_nan(v)) return;
                   best = v;
                   at = tap;
                 });
                 y[row * w.out[2] + o] = best;
                 number[o] = static_cast<int32_t>(at);
               }
               sink.put(row / w.out[1], row % w.out[1], number);
             });
}

template <class T>
void max_any(const Windows& w, const T* x, T* y, const Sink& sink) {
  if (is_narrow(w, kHandful)) return max_narrow(w, x, y, sink);
  if constexpr (std::is_floating_point_v<T>)
    if (in_registers<T>(w)) return max_rows<T, true>(w, x, y, sink);
  max_rows<T, false>(w, x, y, sink);
}

// The largest elements of windows of rows. Those that begin at every element of the padded row are
// found in registers, and a stride takes some of them; far apart, each is found for itself. Several
// rows are padded before the first is read: a register that spans two writes waits for both.
template <class T>
class Largest {
 public:
  static constexpr int64_t kRows = 8;
  explicit Largest(const Windows& windows) : w(windows) { std::fill(rows, best, lowest<T>()); }
  void find(const T* x, int64_t n, T* y) {
    const int64_t read = std::min(w.in[2], width - w.pad[2]);
    for (int64_t r = 0; r < n; ++r) std::copy_n(x + r * w.in[2], read, rows + r * width + w.pad[2]);
    for (int64_t r = 0; r < n; ++r) of_row(rows + r * width, y + r * w.out[2]);
  }

 private:
  using V = Vec<T>;
  void of_row(const T* row, T* __restrict y) {
    const int64_t n = w.out[2];
    if (step == 1)
      return for_registers<V::kSize>(n, [&](int64_t i, int64_t lanes) {
        detail::store_part(of_window<V>(row + i), y + i, lanes);
      });
    if (step > V::kSize) {
      for (int64_t o = 0; o < n; ++o) y[o] = of_window<T>(row + o * step);
      return;
    }
    for (int64_t i = 0; i < begins; i += V::kSize) of_window<V>(row + i).store(best + i);
    const T* from = best;
#pragma GCC unroll 4
    for (int64_t o = 0; o < n; ++o, from += step) y[o] = *from;
  }
  template <class X>
  X of_window(const T* at) const {
    using L = Lanes<T, is_vec<X>>;
    X most = L::load(at);
    for (int64_t k = 1; k < w.kernel[2]; ++k) most = max(most, L::load(at + k * w.dilation[2]));
    return most;
  }

  const Windows w;
  const int64_t step = w.stride[2], begins = (w.out[2] - 1) * step + 1;
  const int64_t width = round_up(begins, V::kSize) + w.reach(2) - 1;
  const Scratch memory{static_cast<size_t>((kRows + 1) * width) * sizeof(T)};
  T *const rows = memory.as<T>(), *const best = rows + kRows * width;
};

void max_of(const Windows& w, Dtype dtype, const void* x, void* y, const Sink& sink) {
  dispatch(dtype, [&](auto zero) {
    using T = decltype(zero);
    max_any(w, static_cast<const T*>(x), static_cast<T*>(y), sink);
  });
}

// Adds g to its places, window after window in their order. A thread has rows of the input, and
// adds what falls into these.
template <class T, class P>
class Scatter {
 public:
  Scatter(const Windows& w, const T* g, const P* positions, T* dx)
      : w_(w), g_(g), positions_(positions), dx_(dx), offsets_(tap_offsets(w)) {
    // What no pooling gives is a place far from any.
    if (sizeof(P) == 1) offsets_.resize(kByteTaps, int64_t{1} << 60);
  }

  void run() const {
    const int64_t rows = w_.in[0] * w_.in[1];
    int64_t grain = std::max<int64_t>(kGrain / std::max<int64_t>(w_.in[2], 1), 1);
    if (grain > rows) grain = grain / rows * rows;
    parallel_for(w_.planes * rows, grain, [&](int64_t begin, int64_t end) {
      for_blocks(begin, end, rows, rows,
                 [&](int64_t plane, int64_t a, int64_t b) { add(plane, a, b); });
    });
  }

 private:
  // The windows along a dimension that see one of positions [a, b).
  std::pair<int64_t, int64_t> seeing(int d, int64_t a, int64_t b) const {
    return {std::max<int64_t>(ceil_div(a + w_.pad[d] - w_.reach(d) + 1, w_.stride[d]), 0),
            std::min((b - 1 + w_.pad[d]) / w_.stride[d] + 1, w_.out[d])};
  }
  // Rows [a, b) of a plane.
  void add(int64_t plane, int64_t a, int64_t b) const {
    const int64_t n = w_.out[2], begin = a * w_.in[2], size = (b - a) * w_.in[2];
    T* to = dx_ + plane * w_.in[0] * w_.in[1] * w_.in[2] + begin;
    std::fill(to, to + size, T(0));
    const int64_t first = a / w_.in[1], last = (b - 1) / w_.in[1];
    const auto slabs = seeing(0, first, last + 1);
    const auto rows = first == last ? seeing(1, a - first * w_.in[1], b - first * w_.in[1])
                                    : std::pair<int64_t, int64_t>(0, w_.out[1]);
    for (int64_t s = slabs.first; s < slabs.second; ++s)
      for (int64_t o = rows.first; o < rows.second; ++o) {
        const int64_t slab = plane * w_.out[0] + s, at = (slab * w_.out[1] + o) * n;
        add_row(g_ + at, positions_ + at, row_place(w_, slab, o) - begin, size, to);
      }
  }
  void add_row(const T* g, const P* p, int64_t place, int64_t size, T* to) const {
    const int64_t* offsets = offsets_.data();
    const auto end = static_cast<uint64_t>(size);
    const int64_t n = w_.out[2], step = w_.stride[2];
    for (int64_t i = 0; i < n; ++i, place += step) {
      if (sizeof(P) > 1 && static_cast<size_t>(p[i]) >= offsets_.size()) continue;
      const auto at = static_cast<uint64_t>(place + offsets[p[i]]);
      if (at < end) to[at] += g[i];
    }
  }

  const Windows& w_;
  const T* g_;
  const P* positions_;
  T* dx_;
  List<int64_t> offsets_;
};

// Where the windows are pairs of a row, and parts of a plane, each element is in one of them.
template <class T, class P>
void tiles_backward(const Windows& w, const T* g, const P* positions, T* dx) {
  using V = Vec<T>;
  const int64_t n = w.out[2], taps = w.taps(), width = round_up(n, V::kSize);
  const int64_t grain = std::max<int64_t>(kGrain / (n * taps), 1);
  parallel_for(w.out_rows(), grain, [&](int64_t begin, int64_t end) {
    const Scratch buffer(static_cast<size_t>(3 * width) * sizeof(T));
    T *number = buffer.as<T>(), *even = number + width, *odd = even + width;
    std::fill(number, number + width, T(-1));
    for (int64_t r = begin; r < end; ++r) {
      const T* v = g + r * n;
      for (int64_t i = 0; i < n; ++i) number[i] = static_cast<T>(positions[r * n + i]);
      for (int64_t t = 0; t < taps; t += 2) {
        const V first = V::repeat(static_cast<T>(t)), second = V::repeat(static_cast<T>(t + 1));
        for (int64_t i = 0; i < n; i += V::kSize) {
          const V x = detail::load_part<T>(v + i, n - i, 0), at = V::load(number + i);
          select(at == first, x, 0.0).store(even + i);
          select(at == second, x, 0.0).store(odd + i);
        }
        join_pairs(even, odd, n, dx + (r * taps + t) * n);
      }
    }
  });
}

template <class P>
void max_gradient(const Windows& w, Dtype dtype, const void* g, const P* positions, void* dx) {
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    const T* from = static_cast<const T*>(g);
    T* to = static_cast<T*>(dx);
    if (w.kernel[0] == 1 && w.kernel[2] == 2 && are_parts(w))
      return tiles_backward(w, from, positions, to);
    Scatter<T, P>(w, from, positions, to).run();
  });
}

template <class T, class P>
void take(const Windows& w, const T* x, const P* positions, T* y) {
  const List<int64_t> offsets = tap_offsets(w);
  const int64_t n = w.out[2], plane = w.in[0] * w.in[1] * w.in[2];
  parallel_for(w.out_rows(), std::max<int64_t>(kGrain / std::max<int64_t>(n, 1), 1),
               [&](int64_t begin, int64_t end) {
                 for (int64_t r = begin; r < end; ++r) {
                   const int64_t slab = r / w.out[1];
                   const int64_t at = row_place(w, slab, r % w.out[1]);
                   const T* from = x + slab / w.out[0] * plane;
                   for (int64_t i = 0; i < n; ++i) {
                     // What no pooling gives is a place like any other, within the plane.
                     const auto tap = static_cast<size_t>(positions[r * n + i]);
                     const int64_t place =
                         tap < offsets.size() ? at + i * w.stride[2] + offsets[tap] : 0;
                     y[r * n + i] = from[std::clamp<int64_t>(place, 0, plane - 1)];
                   }
                 }
               });
}

// f(positions as they are held).
template <class F>
void with_positions(const Windows& w, const void* positions, const F& f) {
  if (w.taps() <= kByteTaps) return f(static_cast<const uint8_t*>(positions));
  f(static_cast<const int32_t*>(positions));
}

}  // namespace

void max_pool(const Windows& of, Dtype dtype, const void* x, void* y, void* positions) {
  const Windows w = with_long_planes(of);
  Sink sink{w};
  if (w.taps() <= kByteTaps)
    sink.bytes = static_cast<uint8_t*>(positions);
  else
    sink.numbers = static_cast<int32_t*>(positions);
  max_of(w, dtype, x, y, sink);
}

void max_pool_rows(const Windows& w, Dtype dtype, const void* x, void* y) {
  const int64_t work = std::max<int64_t>(w.in[2] * w.kernel[2], 1);
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    constexpr int64_t most = Largest<T>::kRows;
    const int64_t grain = round_up(std::max<int64_t>(kGrain / work, 1), most);
    parallel_for(w.planes, grain, [&](int64_t begin, int64_t end) {
      Largest<T> largest(w);
      for (int64_t r = begin; r < end; r += most)
        largest.find(static_cast<const T*>(x) + r * w.in[2], std::min(most, end - r),
                     static_cast<T*>(y) + r * w.out[2]);
    });
  });
}

void max_pool_indices(const Windows& w, Dtype dtype, const void* x, void* y, int64_t* indices) {
  const List<int64_t> offsets = tap_offsets(w);
  Sink sink{w};
  sink.places = indices;
  sink.offsets = offsets.data();
  max_of(w, dtype, x, y, sink);
}

void max_pool_backward(const Windows& w, Dtype dtype, const void* g, const void* positions,
                       void* dx) {
  with_positions(w, positions, [&](const auto* p) { max_gradient(w, dtype, g, p, dx); });
}

void pool_take(const Windows& w, Dtype dtype, const void* x, const void* positions, void* y) {
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    with_positions(w, positions, [&](const auto* p) {
      take(w, static_cast<const T*>(x), p, static_cast<T*>(y));
    });
  });
}

}  // namespace wengert
