#include "wengert/kernels/loss/softmax.h"

#include "wengert/base/allocator.h"
#include "wengert/base/parallel.h"
#include "wengert/kernels/core/rows.h"

namespace wengert {
namespace {

using namespace detail;

constexpr int64_t kGrain = 16384;  // elements per chunk; an exponential each

// While a row's exponentials are computed memory has time to send the next row and the lines that
// the result will be written to.
constexpr int64_t kAhead = 512;

template <class T>
void softmax_row(const T* x, T* y, int64_t n) {
  const double m = row_greatest(x, n);
  const double total = row_sum<T>(n, [&](int64_t i, int64_t k) {
    fetch(x + n + i);
    fetch(y + i + kAhead);
    const Vec<T> e = exp_nonpositive(load_part(x + i, k, -INFINITY) - m);
    store_part(e, y + i, k);
    return e;
  });
  const double scale = 1 / total;
  row_each<T>(n,
              [&](int64_t i, int64_t k) { store_part(load_part(y + i, k, 0) * scale, y + i, k); });
}

template <class T>
void log_softmax_row(const T* x, T* y, int64_t n) {
  const double m = row_greatest(x, n);
  const double log_total = std::log(row_sum<T>(n, [&](int64_t i, int64_t k) {
    fetch(y + i);
    return exp_nonpositive(load_part(x + i, k, -INFINITY) - m);
  }));
  row_each<T>(n, [&](int64_t i, int64_t k) {
    fetch(x + n + i);
    store_part((load_part(x + i, k, 0) - m) - log_total, y + i, k);
  });
}

template <class T>
void softmax_gradient_row(const T* g, const T* y, T* dx, int64_t n) {
  const double dot = row_sum<T>(
      n, [&](int64_t i, int64_t k) { return load_part(g + i, k, 0) * load_part(y + i, k, 0); });
  row_each<T>(n, [&](int64_t i, int64_t k) {
    store_part(load_part(y + i, k, 0) * (load_part(g + i, k, 0) - dot), dx + i, k);
  });
}

template <class T>
void log_softmax_gradient_row(const T* g, const T* y, T* dx, int64_t n) {
  const double total = row_sum<T>(n, [&](int64_t i, int64_t k) { return load_part(g + i, k, 0); });
  row_each<T>(n, [&](int64_t i, int64_t k) {
    store_part(load_part(g + i, k, 0) - exp_nonpositive(load_part(y + i, k, 0)) * total, dx + i, k);
  });
}

template <class T, class F>
void for_each_tile(const SoftmaxShape& s, const F& f) {
  const int64_t tiles = (s.inner + kTileColumns<T> - 1) / kTileColumns<T>;
  const int64_t work = s.n * std::min(s.inner, kTileColumns<T>);
  parallel_for(
      s.outer * tiles, std::max<int64_t>(1, kGrain / work), [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          const int64_t column = i % tiles * kTileColumns<T>;
          f(i / tiles * s.n * s.inner + column, std::min(kTileColumns<T>, s.inner - column));
        }
      });
}

template <class T, bool kFull>
void forward_tile(bool log, const T* x, T* y, int64_t n, int64_t inner, int64_t columns) {
  using V = Vec<T>;
  V m[kWide], total[kWide];
  each_register<T, kFull>(columns, [&](int64_t k, int64_t i, int64_t c) {
    m[k] = load_part(x + i, c, 0);
    total[k] = V(0.0);
  });
  for (int64_t j = 1; j < n; ++j)
    each_register<T, kFull>(columns, [&](int64_t k, int64_t i, int64_t c) {
      m[k] = greater(m[k], load_part(x + j * inner + i, c, 0));
    });
  for (int64_t j = 0; j < n; ++j)
    each_register<T, kFull>(columns, [&](int64_t k, int64_t i, int64_t c) {
      const V e = exp_nonpositive(load_part(x + j * inner + i, c, 0) - m[k]);
      total[k] = total[k] + e;
      if (!log) store_part(e, y + j * inner + i, c);
    });
  each_register<T, kFull>(columns, [&](int64_t k, int64_t, int64_t) {
    total[k] = log ? wengert::log(total[k]) : 1.0 / total[k];
  });
  for (int64_t j = 0; j < n; ++j)
    each_register<T, kFull>(columns, [&](int64_t k, int64_t i, int64_t c) {
      const int64_t at = j * inner + i;
      store_part(
          log ? (load_part(x + at, c, 0) - m[k]) - total[k] : load_part(y + at, c, 0) * total[k],
          y + at, c);
    });
}

template <class T, bool kFull>
void gradient_tile(bool log, const T* g, const T* y, T* dx, int64_t n, int64_t inner,
                   int64_t columns) {
  using V = Vec<T>;
  V total[kWide];
  for (V& t : total) t = V(0.0);
  for (int64_t j = 0; j < n; ++j)
    each_register<T, kFull>(columns, [&](int64_t k, int64_t i, int64_t c) {
      const int64_t at = j * inner + i;
      const V v = load_part(g + at, c, 0);
      total[k] = total[k] + (log ? v : v * load_part(y + at, c, 0));
    });
  for (int64_t j = 0; j < n; ++j)
    each_register<T, kFull>(columns, [&](int64_t k, int64_t i, int64_t c) {
      const int64_t at = j * inner + i;
      const V v = load_part(g + at, c, 0), w = load_part(y + at, c, 0);
      store_part(log ? v - exp_nonpositive(w) * total[k] : w * (v - total[k]), dx + at, c);
    });
}

template <class T>
void turned_forward(bool log, const SoftmaxShape& s, const T* x, T* y) {
  const int64_t n = s.n, grain = std::max<int64_t>(1, kGrain / (n * kTileColumns<T>));
  const int64_t tiles = (s.outer + kTileColumns<T> - 1) / kTileColumns<T>;
  parallel_for(tiles, grain, [&](int64_t begin, int64_t end) {
    const auto size = static_cast<size_t>(n * kTileColumns<T>);
    const Scratch scratch(3 * size * sizeof(T) + 64);
    T *in = scratch.as<T>(), *out = in + size, *back = out + size;
    for (int64_t row = begin * kTileColumns<T>; row < std::min(s.outer, end * kTileColumns<T>);
         row += kTileColumns<T>) {
      const int64_t rows = std::min(kTileColumns<T>, s.outer - row);
      turn_rows(in, x + row * n, rows, n);
      by_width<T>(
          rows, [&](auto full) { forward_tile<T, full>(log, in, out, n, kTileColumns<T>, rows); });
      turn_back(back, out, rows, n);
      std::copy_n(back, rows * n, y + row * n);
    }
  });
}

template <class T, bool kOne>
void forward_group(bool log, const T* x, T* y, RowGroup<T, kOne>& g) {
  alignas(64) T m[Vec<T>::kSize], total[Vec<T>::kSize];
  g.load_all(x).store(m);
  const auto shifted = [&](int64_t r, int64_t j) { return g.cell[r][j] - Vec<T>::repeat(m[r]); };
  if (log) {
    wengert::log(g.sum([&](int64_t r, int64_t j, int64_t, int64_t) {
      return exp_nonpositive(g.cell[r][j] = shifted(r, j));
    })).store(total);
    g.store(y, [&](int64_t r, int64_t j, int64_t, int64_t) {
      return g.cell[r][j] - Vec<T>::repeat(total[r]);
    });
  } else {
    (1.0 / g.sum([&](int64_t r, int64_t j, int64_t, int64_t) {
      return g.cell[r][j] = exp_nonpositive(shifted(r, j));
    })).store(total);
    g.store(y, [&](int64_t r, int64_t j, int64_t, int64_t) {
      return g.cell[r][j] * Vec<T>::repeat(total[r]);
    });
  }
}

template <class T, bool kOne>
void gradient_group(bool log, const T* grad, const T* y, T* dx, RowGroup<T, kOne>& g) {
  alignas(64) T total[Vec<T>::kSize];
  g.sum([&](int64_t r, int64_t j, int64_t i, int64_t c) {
     const Vec<T> v = g.cell[r][j] = g.load(grad, r, i, c, 0);
     return log ? v : v * g.load(y, r, i, c, 0);
   }).store(total);
  // dx may be grad, of which only what is in the cells is still whole.
  g.store(dx, [&](int64_t r, int64_t j, int64_t i, int64_t c) {
    const Vec<T> v = g.cell[r][j], w = g.load(y, r, i, c, 0), t = Vec<T>::repeat(total[r]);
    return log ? v - exp_nonpositive(w) * t : w * (v - t);
  });
}

// f(where a group of short rows starts, the group).
template <class T, class F>
void for_each_group(const SoftmaxShape& s, const F& f) {
  constexpr int64_t kSize = Vec<T>::kSize;
  const int64_t grain = std::max<int64_t>(1, kGrain / (s.n * kSize)) * kSize;
  parallel_for(s.outer, grain, [&](int64_t begin, int64_t end) {
    each_group<T>(begin, end, s.n, [&](int64_t first, auto& g) { f(first * s.n, g); });
  });
}

template <class F>
void for_each_row(const SoftmaxShape& s, const F& f) {
  parallel_for(s.outer, std::max<int64_t>(1, kGrain / s.n), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) f(i * s.n);
  });
}

}  // namespace

void softmax_forward(Dtype dtype, bool log, const SoftmaxShape& s, const void* in, void* out) {
  if (s.outer * s.n * s.inner == 0) return;
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    const T* x = static_cast<const T*>(in);
    T* y = static_cast<T*>(out);
    if (s.inner == 1 && s.n <= kShortRow && !fills_registers<T>(s.n))
      return turned_forward(log, s, x, y);
    if (s.inner == 1 && s.n <= kShortRow)
      return for_each_group<T>(s,
                               [&](int64_t at, auto& g) { forward_group(log, x + at, y + at, g); });
    if (s.inner == 1)
      return for_each_row(s, [&](int64_t at) {
        log ? log_softmax_row(x + at, y + at, s.n) : softmax_row(x + at, y + at, s.n);
      });
    for_each_tile<T>(s, [&](int64_t at, int64_t columns) {
      by_width<T>(columns, [&](auto full) {
        forward_tile<T, full>(log, x + at, y + at, s.n, s.inner, columns);
      });
    });
  });
}

void softmax_gradient(Dtype dtype, bool log, const SoftmaxShape& s, const void* grad,
                      const void* out, void* result) {
  if (s.outer * s.n * s.inner == 0) return;
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    const T *g = static_cast<const T*>(grad), *y = static_cast<const T*>(out);
    T* dx = static_cast<T*>(result);
    if (s.inner == 1 && s.n <= kShortRow)
      return for_each_group<T>(
          s, [&](int64_t at, auto& group) { gradient_group(log, g + at, y + at, dx + at, group); });
    if (s.inner == 1)
      return for_each_row(s, [&](int64_t at) {
        log ? log_softmax_gradient_row(g + at, y + at, dx + at, s.n)
            : softmax_gradient_row(g + at, y + at, dx + at, s.n);
      });
    for_each_tile<T>(s, [&](int64_t at, int64_t columns) {
      by_width<T>(columns, [&](auto full) {
        gradient_tile<T, full>(log, g + at, y + at, dx + at, s.n, s.inner, columns);
      });
    });
  });
}

}  // namespace wengert
