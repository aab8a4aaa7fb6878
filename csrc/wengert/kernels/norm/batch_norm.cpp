// Batch norm. Where a channel is long runs of memory, each is worked on as a whole; where it is not
// (one number per sample), neighbouring columns of [samples, channels * inner] are, in registers.
#include <vector>

#include "wengert/kernels/norm/channel_map.h"
#include "wengert/kernels/norm/lines.h"
#include "wengert/kernels/norm/norm.h"

namespace wengert {
namespace {

using namespace detail;

template <class T>
using Numbers = std::vector<T, Pooled<T>>;

constexpr int64_t kShortRun = 16;

Lines channels_of(const BatchNormShape& s) {
  return {s.channels, s.samples, s.channels * s.inner, s.inner, s.inner};
}

// dx = g scale + (x - mean) slope + shift.
template <class T>
struct GradientMap {
  T mean, scale, slope, shift;
};

// ---- what is found of a channel

template <class T>
struct Statistics {
  const BatchNormShape& s;
  const RunningMoments& running;
  T *mean, *rstd;
  // Saves what was found, and moves the running statistics, whose variance is the unbiased one.
  void save(int64_t c, const Moments& m) const {
    mean[c] = static_cast<T>(m.mean);
    rstd[c] = static_cast<T>(1 / std::sqrt(m.m2 / m.n + s.eps));
    move(running.mean, c * running.mean_stride, m.mean);
    move(running.var, c * running.var_stride, m.m2 / (m.n - 1));
  }
  void move(void* to, int64_t at, double value) const {
    if (!to) return;
    T& old = static_cast<T*>(to)[at];
    old = static_cast<T>(running.momentum * value + (1 - running.momentum) * double(old));
  }
};

template <class T>
struct Gradients {
  T *x, *w, *b;
};
template <class T>
struct Saved {
  const BatchNormShape& s;
  bool given;
  const T *x, *mean, *rstd, *w;
  Gradients<T> d;
  // From the sums of g and of g (x - mean).
  GradientMap<T> save(int64_t c, double sum, double dot) const {
    const double r = double(rstd[c]), scale = r * number_or(w, c, 1);
    const double n = given ? INFINITY : static_cast<double>(s.count());
    if (d.w) d.w[c] = static_cast<T>(dot * r);
    if (d.b) d.b[c] = static_cast<T>(sum);
    return {mean[c], static_cast<T>(scale), static_cast<T>(-scale * r * r * dot / n),
            static_cast<T>(-scale * sum / n)};
  }
};

// ---- long runs

template <class T>
void apply_piece(const T* x, T* y, const Piece& p, const ChannelMap<T>& m) {
  for (int64_t r = 0; r < p.planes; ++r)
    m.run(x + p.at + r * p.stride, y + p.at + r * p.stride, p.length);
}

template <class T>
void forward_runs(const Statistics<T>& to, const T* x, Affine<T> a, T* y) {
  for_lines<Moments>(
      channels_of(to.s), [&](const Piece& p) { return moments_of(x, p); },
      [&](int64_t c, const Moments* parts, int64_t count) { to.save(c, joined(parts, count)); },
      [&](int64_t c, const Piece& p) {
        apply_piece(x, y, p, a.map(double(to.mean[c]), double(to.rstd[c]), c));
      });
}

template <class T>
void gradient_runs(const Saved<T>& a, const T* g) {
  Numbers<GradientMap<T>> maps(static_cast<size_t>(a.s.channels));
  const Lines lines = channels_of(a.s);
  const auto sums = [&](const Piece& p) {
    const int64_t c = p.at / lines.step % a.s.channels;
    const Vec<T> mean = Vec<T>::repeat(a.mean[c]);
    return sums_of<T, 2>(p, [&](int64_t i, int64_t k, Vec<T>* v) {
      v[0] = load_part(g + i, k, 0);
      v[1] = v[0] * (load_part(a.x + i, k, 0) - mean);
    });
  };
  const auto finish = [&](int64_t c, const Sums<2>* parts, int64_t count) {
    double sum = 0, dot = 0;
    for (int64_t k = 0; k < count; ++k) {
      sum += parts[k].of[0];
      dot += parts[k].of[1];
    }
    maps[static_cast<size_t>(c)] = a.save(c, sum, dot);
  };
  for_lines<Sums<2>>(lines, sums, finish, [&](int64_t c, const Piece& p) {
    if (!a.d.x) return;
    const GradientMap<T>& m = maps[static_cast<size_t>(c)];
    const Vec<T> mean = Vec<T>::repeat(m.mean), scale = Vec<T>::repeat(m.scale);
    const Vec<T> slope = Vec<T>::repeat(m.slope), shift = Vec<T>::repeat(m.shift);
    each_of<T>(p, [&](int64_t i, int64_t k) {
      const Vec<T> d = load_part(a.x + i, k, 0) - mean;
      store_part(fma(load_part(g + i, k, 0), scale, fma(d, slope, shift)), a.d.x + i, k);
    });
  });
}

// ---- columns

// [rows, width] in blocks of rows and tiles of columns.
struct Columns {
  static constexpr int64_t kRows = 128;
  int64_t rows, width, inner, tile;
  int64_t blocks() const { return (rows + kRows - 1) / kRows; }
  int64_t tiles() const { return (width + tile - 1) / tile; }
  int64_t rows_of(int64_t block) const { return std::min(kRows, rows - block * kRows); }
};
template <class T>
Columns columns_of(const BatchNormShape& s) {
  return {s.samples, s.channels * s.inner, s.inner, kTileColumns<T>};
}

// f(full, block, column, columns) of all tiles.
template <class T, class F>
void each_tile(const Columns& l, const F& f) {
  const int64_t work = std::min(l.rows, l.kRows) * std::min(l.width, l.tile);
  parallel_for(l.blocks() * l.tiles(), std::max<int64_t>(1, kNormGrain / work),
               [&](int64_t begin, int64_t end) {
                 for (int64_t i = begin; i < end; ++i) {
                   const int64_t column = i % l.tiles() * l.tile;
                   const int64_t columns = std::min(l.tile, l.width - column);
                   by_width<T>(columns,
                               [&](auto full) { f(full, i / l.tiles(), column, columns); });
                 }
               });
}

// f(channel) for all, which are `work` additions each.
template <class F>
void each_channel(const BatchNormShape& s, int64_t work, const F& f) {
  parallel_for(s.channels, std::max<int64_t>(1, kNormGrain / work),
               [&](int64_t begin, int64_t end) {
                 for (int64_t c = begin; c < end; ++c) f(c);
               });
}

// As moments_of, of the columns of a tile.
template <class T, bool kFull>
void column_moments(const T* x, int64_t rows, int64_t step, int64_t columns, T* mean, T* m2) {
  using V = Vec<T>;
  V about[kWide], sum[kWide], squares[kWide];
  for (int k = 0; k < kWide; ++k) about[k] = sum[k] = squares[k] = V(0.0);
  for (int64_t r = 0; r < rows; ++r)
    each_register<T, kFull>(columns, [&](int64_t k, int64_t i, int64_t m) {
      about[k] = about[k] + load_part(x + r * step + i, m, 0);
    });
  const double part = 1 / static_cast<double>(rows);
  for (V& v : about) v = v * part;
  for (int64_t r = 0; r < rows; ++r)
    each_register<T, kFull>(columns, [&](int64_t k, int64_t i, int64_t m) {
      const V d = load_part(x + r * step + i, m, 0) - about[k];
      sum[k] = sum[k] + d;
      squares[k] = fma(d, d, squares[k]);
    });
  each_register<T, kFull>(columns, [&](int64_t k, int64_t i, int64_t m) {
    store_part(about[k] + sum[k] * part, mean + i, m);
    const V least = squares[k] - sum[k] * sum[k] * part;
    store_part(select(least < 0.0, 0.0, least), m2 + i, m);
  });
}

// The numbers of columns, from those of channels.
template <class T, class Field>
void spread(T* to, const BatchNormShape& s, const Field& field) {
  for (int64_t c = 0; c < s.channels; ++c) {
    const T v = field(c);
    for (int64_t i = 0; i < s.inner; ++i) *to++ = v;
  }
}

// Of rows that are one tile: their maps stay in registers.
template <class T>
void apply_tile(const Columns& l, const T* x, T* y, const T* maps) {
  each_tile<T>(l, [&](auto full, int64_t block, int64_t column, int64_t columns) {
    Vec<T> mean[kWide], scale[kWide], shift[kWide];
    each_register<T, full>(columns, [&](int64_t k, int64_t i, int64_t m) {
      mean[k] = load_part(maps + column + i, m, 0);
      scale[k] = load_part(maps + l.width + column + i, m, 0);
      shift[k] = load_part(maps + 2 * l.width + column + i, m, 0);
    });
    const int64_t at = block * l.kRows * l.width + column;
    for (int64_t r = 0; r < l.rows_of(block); ++r)
      each_register<T, full>(columns, [&](int64_t k, int64_t i, int64_t m) {
        const int64_t j = at + r * l.width + i;
        store_part(fma(load_part(x + j, m, 0) - mean[k], scale[k], shift[k]), y + j, m);
      });
  });
}
// Else along rows, which memory gives faster than columns: as much of them as has its maps in the
// first cache.
template <class T>
void apply_columns(const BatchNormShape& s, const T* x, T* y, const T* maps) {
  using V = Vec<T>;
  constexpr int64_t kTile = 4096 / sizeof(T);
  const Columns l = columns_of<T>(s);
  if (l.tiles() == 1) return apply_tile(l, x, y, maps);
  const int64_t tiles = (l.width + kTile - 1) / kTile;
  const int64_t work = std::min(l.rows, l.kRows) * std::min(l.width, kTile);
  const auto apply = [&](int64_t block, int64_t column, int64_t columns) {
    const T *mean = maps + column, *scale = mean + l.width, *shift = scale + l.width;
    int64_t at = block * l.kRows * l.width + column;
    for (int64_t r = 0; r < l.rows_of(block); ++r, at += l.width)
      for (int64_t i = 0; i < columns; i += V::kSize) {
        const int64_t m = columns - i;
        const V d = load_part(x + at + i, m, 0) - load_part(mean + i, m, 0);
        store_part(fma(d, load_part(scale + i, m, 0), load_part(shift + i, m, 0)), y + at + i, m);
      }
  };
  parallel_for(l.blocks() * tiles, std::max<int64_t>(1, kNormGrain / work),
               [&](int64_t begin, int64_t end) {
                 for (int64_t i = begin; i < end; ++i) {
                   const int64_t column = i % tiles * kTile;
                   apply(i / tiles, column, std::min(kTile, l.width - column));
                 }
               });
}
// By the channels' moments.
template <class T, class F>
void apply_channels(const BatchNormShape& s, const T* x, T* y, const F& map) {
  const int64_t width = s.channels * s.inner;
  Numbers<T> maps(static_cast<size_t>(3 * width));
  spread(maps.data(), s, [&](int64_t c) { return map(c).mean; });
  spread(maps.data() + width, s, [&](int64_t c) { return map(c).scale; });
  spread(maps.data() + 2 * width, s, [&](int64_t c) { return map(c).shift; });
  apply_columns(s, x, y, maps.data());
}

template <class T>
void forward_columns(const Statistics<T>& to, const T* x, Affine<T> a, T* y) {
  const BatchNormShape& s = to.s;
  const Columns l = columns_of<T>(s);
  Numbers<T> parts(static_cast<size_t>(2 * l.width * l.blocks()));
  each_tile<T>(l, [&](auto full, int64_t block, int64_t column, int64_t columns) {
    T* mean = parts.data() + 2 * block * l.width + column;
    column_moments<T, full>(x + block * l.kRows * l.width + column, l.rows_of(block), l.width,
                            columns, mean, mean + l.width);
  });
  each_channel(s, l.blocks() * s.inner, [&](int64_t c) {
    const auto each_part = [&](const auto& f) {
      for (int64_t b = 0; b < l.blocks(); ++b)
        for (int64_t i = 0; i < s.inner; ++i) {
          const T* mean = parts.data() + 2 * b * l.width + c * s.inner + i;
          f(static_cast<double>(l.rows_of(b)), double(*mean), double(mean[l.width]));
        }
    };
    Moments m{static_cast<double>(s.count()), 0, 0};
    each_part([&](double n, double mean, double) { m.mean += n * mean; });
    m.mean /= m.n;
    each_part([&](double n, double mean, double m2) {
      m.m2 += m2 + n * ((mean - m.mean) * (mean - m.mean));
    });
    to.save(c, m);
  });
  apply_channels(s, x, y,
                 [&](int64_t c) { return a.map(double(to.mean[c]), double(to.rstd[c]), c); });
}

// Sums of g and of g (x - mean) of the columns of a tile.
template <class T, bool kFull>
void column_sums(const T* g, const T* x, const T* mean, int64_t rows, int64_t step, int64_t columns,
                 T* sum, T* dot) {
  using V = Vec<T>;
  V sums[kWide], dots[kWide], about[kWide];
  for (int k = 0; k < kWide; ++k) sums[k] = dots[k] = V(0.0);
  each_register<T, kFull>(
      columns, [&](int64_t k, int64_t i, int64_t m) { about[k] = load_part(mean + i, m, 0); });
  for (int64_t r = 0; r < rows; ++r)
    each_register<T, kFull>(columns, [&](int64_t k, int64_t i, int64_t m) {
      const V v = load_part(g + r * step + i, m, 0);
      sums[k] = sums[k] + v;
      dots[k] = fma(v, load_part(x + r * step + i, m, 0) - about[k], dots[k]);
    });
  each_register<T, kFull>(columns, [&](int64_t k, int64_t i, int64_t m) {
    store_part(sums[k], sum + i, m);
    store_part(dots[k], dot + i, m);
  });
}

template <class T>
void map_columns(const Saved<T>& a, const T* g, const T* maps) {
  const Columns l = columns_of<T>(a.s);
  each_tile<T>(l, [&](auto full, int64_t block, int64_t column, int64_t columns) {
    Vec<T> mean[kWide], scale[kWide], slope[kWide], shift[kWide];
    each_register<T, full>(columns, [&](int64_t k, int64_t i, int64_t m) {
      const T* from = maps + column + i;
      mean[k] = load_part(from, m, 0);
      scale[k] = load_part(from + l.width, m, 0);
      slope[k] = load_part(from + 2 * l.width, m, 0);
      shift[k] = load_part(from + 3 * l.width, m, 0);
    });
    const int64_t at = block * l.kRows * l.width + column;
    for (int64_t r = 0; r < l.rows_of(block); ++r)
      each_register<T, full>(columns, [&](int64_t k, int64_t i, int64_t m) {
        const int64_t j = at + r * l.width + i;
        const Vec<T> d = load_part(a.x + j, m, 0) - mean[k];
        store_part(fma(load_part(g + j, m, 0), scale[k], fma(d, slope[k], shift[k])), a.d.x + j, m);
      });
  });
}

template <class T>
void gradient_columns(const Saved<T>& a, const T* g) {
  const BatchNormShape& s = a.s;
  const Columns l = columns_of<T>(s);
  Numbers<T> parts(static_cast<size_t>(2 * l.width * l.blocks()));
  Numbers<T> maps(static_cast<size_t>(4 * l.width));
  spread(maps.data(), s, [&](int64_t c) { return a.mean[c]; });
  each_tile<T>(l, [&](auto full, int64_t block, int64_t column, int64_t columns) {
    const int64_t at = block * l.kRows * l.width + column;
    T* sum = parts.data() + 2 * block * l.width + column;
    column_sums<T, full>(g + at, a.x + at, maps.data() + column, l.rows_of(block), l.width, columns,
                         sum, sum + l.width);
  });
  Numbers<GradientMap<T>> found(static_cast<size_t>(s.channels));
  each_channel(s, l.blocks() * s.inner, [&](int64_t c) {
    double sum = 0, dot = 0;
    for (int64_t b = 0; b < l.blocks(); ++b)
      for (int64_t i = 0; i < s.inner; ++i) {
        const T* part = parts.data() + 2 * b * l.width + c * s.inner + i;
        sum += double(*part);
        dot += double(part[l.width]);
      }
    found[static_cast<size_t>(c)] = a.save(c, sum, dot);
  });
  if (!a.d.x) return;
  const auto of = [&](int64_t c) -> const GradientMap<T>& { return found[static_cast<size_t>(c)]; };
  spread(maps.data() + l.width, s, [&](int64_t c) { return of(c).scale; });
  spread(maps.data() + 2 * l.width, s, [&](int64_t c) { return of(c).slope; });
  spread(maps.data() + 3 * l.width, s, [&](int64_t c) { return of(c).shift; });
  map_columns(a, g, maps.data());
}

}  // namespace

void batch_norm_forward(Dtype dtype, const BatchNormShape& s, const void* x, const void* w,
                        const void* b, const RunningMoments& running, void* y, void* mean,
                        void* rstd) {
  if (s.size() == 0) return;
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    const Statistics<T> to{s, running, static_cast<T*>(mean), static_cast<T*>(rstd)};
    const Affine<T> a{static_cast<const T*>(w), static_cast<const T*>(b)};
    const T* in = static_cast<const T*>(x);
    s.inner < kShortRun ? forward_columns(to, in, a, static_cast<T*>(y))
                        : forward_runs(to, in, a, static_cast<T*>(y));
  });
}

void batch_norm_apply(Dtype dtype, const BatchNormShape& s, const void* x, const void* w,
                      const void* b, const void* mean, const void* var, void* y) {
  if (s.size() == 0) return;
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    const Affine<T> a{static_cast<const T*>(w), static_cast<const T*>(b)};
    const T *in = static_cast<const T*>(x), *m = static_cast<const T*>(mean);
    const T* v = static_cast<const T*>(var);
    T* out = static_cast<T*>(y);
    const auto map = [&](int64_t c) { return a.map(m, v, s.eps, c); };
    if (s.inner < kShortRun) return apply_channels(s, in, out, map);
    parallel_for(s.samples * s.channels, std::max<int64_t>(1, kNormGrain / s.inner),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t i = begin; i < end; ++i)
                     apply_piece(in, out, Piece{i * s.inner, 1, 0, s.inner, 0},
                                 map(i % s.channels));
                 });
  });
}

void batch_norm_gradient(Dtype dtype, const BatchNormShape& s, bool given, const void* g,
                         const void* x, const void* mean, const void* rstd, const void* w, void* dx,
                         void* dw, void* db) {
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    const Gradients<T> d{static_cast<T*>(dx), static_cast<T*>(dw), static_cast<T*>(db)};
    if (s.size() == 0) {
      for (T* sum : {d.w, d.b})
        if (sum) std::fill_n(sum, s.channels, T(0));
      return;
    }
    const Saved<T> a{s,
                     given,
                     static_cast<const T*>(x),
                     static_cast<const T*>(mean),
                     static_cast<const T*>(rstd),
                     static_cast<const T*>(w),
                     d};
    const T* grad = static_cast<const T*>(g);
    s.inner < kShortRun ? gradient_columns(a, grad) : gradient_runs(a, grad);
  });
}

}  // namespace wengert
