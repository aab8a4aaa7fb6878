// Means over windows.
#include "wengert/kernels/pool/narrow.h"

namespace wengert {
namespace {

using namespace pooling;

// The positions of window o along a dimension that count.
int64_t counted(const Windows& w, const Divisor& by, int d, int64_t o) {
  const int64_t start = o * w.stride[d] - w.pad[d];
  const int64_t end = std::min(start + w.kernel[d], w.in[d] + w.pad[d]);
  return by.include_pad ? end - start : std::min(end, w.in[d]) - std::max<int64_t>(start, 0);
}

// The divisors of a row of windows: those along w, and a factor for the row.
template <class T>
class Divisors {
 public:
  Divisors(const Windows& w, const Divisor& by, int64_t width)
      : w_(w), by_(by), along_(static_cast<size_t>(width) * sizeof(T)) {
    for (int64_t o = 0; o < width; ++o)
      along_.as<T>()[o] = o < w.out[2] && !by.fixed ? static_cast<T>(counted(w, by, 2, o)) : T(1);
  }
  const T* along() const { return along_.as<T>(); }
  T of_row(int64_t slab, int64_t o) const {
    return static_cast<T>(
        by_.fixed ? by_.fixed : counted(w_, by_, 0, slab % w_.out[0]) * counted(w_, by_, 1, o));
  }

 private:
  const Windows& w_;
  const Divisor& by_;
  Scratch along_;
};

template <class T>
void average_narrow(const Windows& w, const Divisor& by, const T* x, T* y) {
  for_narrow(w, x, [&](int64_t row, const Span&, const Span&, const Span* along, const auto& each) {
    const int64_t o0 = row / w.out[1] % w.out[0], o1 = row % w.out[1];
    const int64_t rows = by.fixed ? by.fixed : counted(w, by, 0, o0) * counted(w, by, 1, o1);
    for (int64_t o = 0; o < w.out[2]; ++o) {
      T sum = 0;
      each(along[o], [&](int64_t, T v) { sum = static_cast<T>(sum + v); });
      const T wide = by.fixed ? T(1) : static_cast<T>(counted(w, by, 2, o));
      y[row * w.out[2] + o] = static_cast<T>(sum / (wide * static_cast<T>(rows)));
    }
  });
}

template <class T>
void average(const Windows& w, const Divisor& by, const T* x, T* y) {
  if (is_narrow(w, w.taps() > 8 ? kSumTaps : kHandful)) return average_narrow(w, by, x, y);
  using L = Lanes<T, std::is_floating_point_v<T>>;
  const Divisors<T> divisors(w, by, round_up(w.out[2], L::kSize));
  for_windows<T>(w, x, T(0), L::kSize, 0, [&](int64_t slab, int64_t o, const Taps<T>& taps, T*) {
    const auto row = L::all(divisors.of_row(slab, o));
    const T* along = divisors.along();
    T* to = y + (slab * w.out[1] + o) * w.out[2];
    for_registers<L::kSize>(w.out[2], [&](int64_t i, int64_t lanes) {
      auto sum = L::all(T(0));
      for (int64_t t = 0; t < taps.count; ++t) sum = sum + L::load(taps.at[t] + i);
      L::store(sum / (L::load(along + i) * row), to + i, lanes);
    });
  });
}

// Rows of g, divided, to whole registers, zeros behind.
template <class T>
struct Shares {
  using V = Vec<T>;
  const Windows& w;
  const Divisors<T>& divisors;
  const T* g;
  int64_t width;
  Scratch buffer;
  int64_t begin = 0;

  Shares(const Windows& w, const Divisors<T>& divisors, const T* g, int64_t block)
      : w(w),
        divisors(divisors),
        g(g),
        width(round_up(w.out[2], V::kSize)),
        buffer(static_cast<size_t>(std::min((block + w.reach(1)) / w.stride[1] + 2, w.out[1]) *
                                   width) *
               sizeof(T)) {}

  void before(int64_t windows, int64_t from, int64_t to) {
    begin = from;
    for (int64_t o = from; o < to; ++o) {
      const T* row = g + (windows * w.out[1] + o) * w.out[2];
      const V by = V::repeat(divisors.of_row(windows, o));
      T* share = buffer.as<T>() + (o - from) * width;
      for (int64_t i = 0; i < width; i += V::kSize)
        (detail::load_part<T>(row + i, w.out[2] - i, 0) / (V::load(divisors.along() + i) * by))
            .store(share + i);
    }
  }
  void add(int64_t, int64_t o, int64_t, Sums<T>& sums, int64_t row) {
    const T* share = buffer.as<T>() + (o - begin) * width;
    for (int64_t k = 0; k < w.kernel[2]; ++k) {
      T* to = sums.at(row, k);
      for (int64_t i = 0; i < width; i += V::kSize)
        (V::load(to + i) + V::load(share + i)).store(to + i);
    }
  }
};

}  // namespace

void avg_pool(const Windows& w, const Divisor& by, Dtype dtype, const void* x, void* y) {
  if (dtype == Dtype::kInt64)
    return average(w, by, static_cast<const int64_t*>(x), static_cast<int64_t*>(y));
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    average(w, by, static_cast<const T*>(x), static_cast<T*>(y));
  });
}

void avg_pool_backward(const Windows& w, const Divisor& by, Dtype dtype, const void* g, void* dx) {
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    const Divisors<T> divisors(w, by, round_up(w.out[2], Vec<T>::kSize));
    for_sums(w, static_cast<T*>(dx), Vec<T>::kSize,
             [&](int64_t rows) { return Shares<T>(w, divisors, static_cast<const T*>(g), rows); });
  });
}

}  // namespace wengert
