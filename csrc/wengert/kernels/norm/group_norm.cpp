// Layer, RMS, group and instance norm.
#include "wengert/kernels/norm/lines.h"
#include "wengert/kernels/norm/norm.h"

namespace wengert {
namespace {

using namespace detail;

Lines rows_of(const GroupNormShape& s) { return {s.rows(), 1, s.row(), s.row(), s.row()}; }

template <class T>
struct Affine {
  const T *w, *b;
};

// The numbers of a row's elements follow each other.
template <class T>
void scale_elements(const T* x, Affine<T> a, T* y, int64_t n, double mean, double rstd) {
  row_each<T>(n, [&](int64_t i, int64_t k) {
    Vec<T> v = (load_part(x + i, k, 0) - mean) * rstd;
    if (a.w) v = v * load_part(a.w + i, k, 0);
    if (a.b) v = v + load_part(a.b + i, k, 0);
    store_part(v, y + i, k);
  });
}
// Those of a channel are the same; elements [from, from + n) of a row of channels.
template <class T>
void scale_channels(const T* x, Affine<T> a, T* y, int64_t from, int64_t n, int64_t inner,
                    double mean, double rstd) {
  for (int64_t i = 0; i < n;) {
    const int64_t c = (from + i) / inner, end = std::min(n, (c + 1) * inner - from);
    const double scale = rstd * number_or(a.w, c, 1), shift = number_or(a.b, c, 0);
    row_each<T>(end - i, [&](int64_t j, int64_t k) {
      store_part(fma(load_part(x + i + j, k, 0) - mean, Vec<T>(scale), Vec<T>(shift)), y + i + j,
                 k);
    });
    i = end;
  }
}

// Sum of squares, for a norm without a mean.
template <class T>
Moments squares_of(const T* x, const Piece& p) {
  const auto n = static_cast<double>(p.size());
  return {n, 0, sums_of<T, 1>(p, [&](int64_t i, int64_t m, Vec<T>* v) {
                  v[0] = load_part(x + i, m, 0);
                  v[0] = v[0] * v[0];
                }).of[0]};
}

// Short rows of layer norm, a register's lanes of them at a time.
template <class T, bool kOne>
void forward_group(const GroupNormShape& s, const T* x, Affine<T> a, T* y, T* mean, T* rstd,
                   RowGroup<T, kOne>& group) {
  constexpr int64_t kSize = Vec<T>::kSize;
  alignas(64) T m[kSize] = {}, r[kSize];
  const double part = 1 / static_cast<double>(group.n);
  const auto load = [&](int64_t row, int64_t j, int64_t i, int64_t c) {
    return group.cell[row][j] = group.load(x, row, i, c, 0);
  };
  if (s.centred) {
    (group.sum(load) * part).store(m);
    std::copy_n(m, group.rows, mean);
  }
  const Vec<T> lane = Eigen::internal::plset<typename Vec<T>::Packet>(T(0));
  const Vec<T> squares = group.sum([&](int64_t row, int64_t j, int64_t i, int64_t c) {
    Vec<T>& d = group.cell[row][j];
    if (!s.centred) load(row, j, i, c);
    d = d - Vec<T>::repeat(m[row]);
    if (c < kSize) d = select(lane < static_cast<double>(c), d, 0.0);
    return d * d;
  });
  (1.0 / sqrt(squares * part + s.eps)).store(r);
  std::copy_n(r, group.rows, rstd);
  group.store(y, [&](int64_t row, int64_t j, int64_t i, int64_t c) {
    Vec<T> v = group.cell[row][j] * Vec<T>::repeat(r[row]);
    if (a.w) v = v * load_part(a.w + i, c, 0);
    if (a.b) v = v + load_part(a.b + i, c, 0);
    return v;
  });
}

template <class T>
void forward_groups(const GroupNormShape& s, const T* x, Affine<T> a, T* y, T* mean, T* rstd) {
  constexpr int64_t kSize = Vec<T>::kSize;
  const int64_t n = s.row(), grain = std::max<int64_t>(1, kNormGrain / (n * kSize)) * kSize;
  parallel_for(s.rows(), grain, [&](int64_t begin, int64_t end) {
    each_group<T>(begin, end, n, [&](int64_t row, auto& group) {
      forward_group(s, x + row * n, a, y + row * n, mean + (s.centred ? row : 0), rstd + row,
                    group);
    });
  });
}

template <class T>
void forward(const GroupNormShape& s, const T* x, Affine<T> a, T* y, T* mean, T* rstd) {
  if (s.groups == 1 && s.inner == 1 && s.row() <= kShortRow)
    return forward_groups(s, x, a, y, mean, rstd);
  const Lines lines = rows_of(s);
  for_lines<Moments>(
      lines,
      [&](const Piece& p) { return s.centred ? moments_of(x, p, p.length) : squares_of(x, p); },
      [&](int64_t row, const Moments* parts, int64_t count) {
        const Moments m = joined(parts, count);
        if (s.centred) mean[row] = static_cast<T>(m.mean);
        rstd[row] = static_cast<T>(1 / std::sqrt(m.m2 / m.n + s.eps));
      },
      [&](int64_t row, const Piece& p) {
        const double m = s.centred ? double(mean[row]) : 0, r = double(rstd[row]);
        const int64_t first = row % s.groups * s.channels;
        Affine<T> own{a.w ? a.w + first : nullptr, a.b ? a.b + first : nullptr};
        if (s.inner > 1)
          return scale_channels(x + p.at, own, y + p.at, p.within, p.length, s.inner, m, r);
        if (own.w) own.w += p.within;
        if (own.b) own.b += p.within;
        scale_elements(x + p.at, own, y + p.at, p.length, m, r);
      });
}

// ---- gradients

template <class T>
struct Gradients {
  T *x, *w, *b;
};
template <class T>
struct Saved {
  const T *x, *mean, *rstd, *w;
  double mean_of(int64_t row) const { return mean ? double(mean[row]) : 0; }
};
// dx = r (g w) + slope (x - m) + shift, from the sums of g w and of g w (x - m).
struct Line {
  double slope, shift;
  Line(double rstd, double sum, double dot, double n, bool centred)
      : slope(-rstd * rstd * rstd * dot / n), shift(centred ? -rstd * sum / n : 0) {}
};

// One row of layer norm; adds to the sums over rows where these are wanted.
template <class T, bool kWeight, bool kSums>
void gradient_row(const T* g, const T* x, const T* w, double mean, double rstd, int64_t n,
                  bool centred, T* dx, T* dw, T* db) {
  const auto weighted = [&](int64_t i, int64_t k) {
    const Vec<T> v = load_part(g + i, k, 0);
    if constexpr (kWeight) return v * load_part(w + i, k, 0);
    return v;
  };
  const Sums<2> s = sums_of<T, 2>(Piece{0, 1, n, n, 0}, [&](int64_t i, int64_t k, Vec<T>* v) {
    const Vec<T> d = load_part(x + i, k, mean) - mean;
    v[0] = weighted(i, k);
    v[1] = v[0] * d;
    if constexpr (kSums) {
      const Vec<T> grad = load_part(g + i, k, 0);
      store_part(fma(grad, d * rstd, load_part(dw + i, k, 0)), dw + i, k);
      store_part(load_part(db + i, k, 0) + grad, db + i, k);
    }
  });
  if (!dx) return;
  const Line line(rstd, s.of[0], s.of[1], static_cast<double>(n), centred);
  const Vec<T> slope(line.slope), r(rstd);
  row_each<T>(n, [&](int64_t i, int64_t k) {
    fetch(g + n + i);
    fetch(x + n + i);
    const Vec<T> d = load_part(x + i, k, 0) - mean;
    store_part(fma(weighted(i, k), r, fma(d, slope, Vec<T>(line.shift))), dx + i, k);
  });
}

// to[j] = the sum of rows of `from`, in order.
template <class T>
void sum_chunks(const T* from, int64_t chunks, int64_t step, T* to, int64_t n) {
  constexpr int64_t kTile = 256;
  parallel_for((n + kTile - 1) / kTile, std::max<int64_t>(1, kNormGrain / (kTile * chunks)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t j0 = begin * kTile; j0 < std::min(n, end * kTile); j0 += kTile) {
                   const int64_t width = std::min(kTile, n - j0);
                   double sum[kTile] = {};
                   for (int64_t c = 0; c < chunks; ++c)
                     for (int64_t j = 0; j < width; ++j) sum[j] += from[c * step + j0 + j];
                   for (int64_t j = 0; j < width; ++j) to[j0 + j] = static_cast<T>(sum[j]);
                 }
               });
}

// Layer norm: chunks of rows, each with sums of its own for dw and db.
template <class T>
void gradient_elements(const GroupNormShape& s, const T* g, const Saved<T>& a, Gradients<T> d) {
  constexpr int64_t kMostRows = 256;
  const int64_t n = s.row(), width = s.groups * n, rows = s.rows();
  const int64_t per_chunk = std::clamp<int64_t>(2 * kNormGrain / n, 1, kMostRows);
  const int64_t chunks = (rows + per_chunk - 1) / per_chunk;
  const bool sums = d.w || d.b;
  const Scratch scratch(sums ? static_cast<size_t>(2 * width * chunks) * sizeof(T) : 0);
  T* parts = scratch.as<T>();
  parallel_for(rows, per_chunk, [&](int64_t begin, int64_t end) {
    T* dw = sums ? parts + begin / per_chunk * 2 * width : nullptr;
    if (sums) std::fill_n(dw, 2 * width, T(0));
    for (int64_t row = begin; row < end; ++row) {
      const int64_t first = row % s.groups * n, at = row * n;
      T* dx = d.x ? d.x + at : nullptr;
      const auto run = [&](auto weight, auto sum) {
        gradient_row<T, weight, sum>(
            g + at, a.x + at, weight ? a.w + first : nullptr, a.mean_of(row), double(a.rstd[row]),
            n, s.centred, dx, sum ? dw + first : nullptr, sum ? dw + width + first : nullptr);
      };
      if (a.w)
        sums ? run(std::true_type(), std::true_type()) : run(std::true_type(), std::false_type());
      else
        sums ? run(std::false_type(), std::true_type()) : run(std::false_type(), std::false_type());
    }
  });
  if (d.w) sum_chunks(parts, chunks, 2 * width, d.w, width);
  if (d.b) sum_chunks(parts + width, chunks, 2 * width, d.b, width);
}

// Sums of g and of g (x - m) over one channel of one sample.
template <class T>
Sums<2> channel_sums(const T* g, const T* x, int64_t n, double mean) {
  Sums<2> total{{0, 0}};
  for (int64_t i = 0; i < n; i += Lines::kPiece) {
    const int64_t length = std::min(Lines::kPiece, n - i);
    const Sums<2> s =
        sums_of<T, 2>(Piece{i, 1, length, length, 0}, [&](int64_t j, int64_t k, Vec<T>* v) {
          v[0] = load_part(g + j, k, 0);
          v[1] = v[0] * (load_part(x + j, k, mean) - mean);
        });
    total.of[0] += s.of[0];
    total.of[1] += s.of[1];
  }
  return total;
}

template <class T>
struct ChannelGradient {
  const GroupNormShape& s;
  const T* g;
  const Saved<T>& a;
  T* dx;
  Sums<2>* sums;  // [samples, groups, channels]

  void add_up(int64_t channel) const {
    const int64_t at = channel * s.inner;
    sums[channel] = channel_sums(g + at, a.x + at, s.inner, a.mean_of(channel / s.channels));
  }
  Line line_of(int64_t row) const {
    double sum = 0, dot = 0;
    for (int64_t c = 0; c < s.channels; ++c) {
      const Sums<2>& of = sums[row * s.channels + c];
      const double w = number_or(a.w, row % s.groups * s.channels + c, 1);
      sum += w * of.of[0];
      dot += w * of.of[1];
    }
    return {double(a.rstd[row]), sum, dot, static_cast<double>(s.row()), s.centred};
  }
  void map(int64_t channel, const Line& line) const {
    const int64_t row = channel / s.channels, at = channel * s.inner;
    const double mean = a.mean_of(row);
    const Vec<T> scale(double(a.rstd[row]) * number_or(a.w, channel % (s.groups * s.channels), 1));
    row_each<T>(s.inner, [&](int64_t i, int64_t k) {
      const Vec<T> d = load_part(a.x + at + i, k, 0) - mean;
      store_part(
          fma(load_part(g + at + i, k, 0), scale, fma(d, Vec<T>(line.slope), Vec<T>(line.shift))),
          dx + at + i, k);
    });
  }
};

// dw and db of all channels.
template <class T>
void sum_samples(const GroupNormShape& s, const Saved<T>& a, const Sums<2>* sums, Gradients<T> d) {
  const int64_t all = s.groups * s.channels;
  parallel_for(all, std::max<int64_t>(1, kNormGrain / (4 * s.samples)),
               [&](int64_t from, int64_t to) {
                 for (int64_t c = from; c < to; ++c) {
                   double dw = 0, db = 0;
                   for (int64_t k = 0; k < s.samples; ++k) {
                     const int64_t row = k * s.groups + c / s.channels;
                     dw += sums[k * all + c].of[1] * double(a.rstd[row]);
                     db += sums[k * all + c].of[0];
                   }
                   if (d.w) d.w[c] = static_cast<T>(dw);
                   if (d.b) d.b[c] = static_cast<T>(db);
                 }
               });
}

template <class T>
void gradient_channels(const GroupNormShape& s, const T* g, const Saved<T>& a, Gradients<T> d) {
  constexpr int64_t kCached = 65536;
  const int64_t rows = s.rows(), channels = rows * s.channels, n = s.row();
  const Scratch scratch(static_cast<size_t>(channels) * sizeof(Sums<2>));
  const ChannelGradient<T> of{s, g, a, d.x, scratch.as<Sums<2>>()};
  if (n <= kNormGrain || (n <= kCached && rows >= 8)) {
    parallel_for(rows, std::max<int64_t>(1, kNormGrain / n), [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const int64_t first = row * s.channels, last = first + s.channels;
        for (int64_t c = first; c < last; ++c) of.add_up(c);
        if (!d.x) continue;
        const Line line = of.line_of(row);
        for (int64_t c = first; c < last; ++c) of.map(c, line);
      }
    });
  } else {
    const int64_t grain = std::max<int64_t>(1, kNormGrain / s.inner);
    parallel_for(channels, grain, [&](int64_t begin, int64_t end) {
      for (int64_t c = begin; c < end; ++c) of.add_up(c);
    });
    if (d.x)
      parallel_for(channels, grain, [&](int64_t begin, int64_t end) {
        for (int64_t c = begin; c < end;) {
          const int64_t row = c / s.channels, last = std::min(end, (row + 1) * s.channels);
          for (const Line line = of.line_of(row); c < last; ++c) of.map(c, line);
        }
      });
  }
  if (d.w || d.b) sum_samples(s, a, of.sums, d);
}

}  // namespace

void group_norm_forward(Dtype dtype, const GroupNormShape& s, const void* x, const void* w,
                        const void* b, void* y, void* mean, void* rstd) {
  if (s.rows() * s.row() == 0) return;
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    forward<T>(s, static_cast<const T*>(x), {static_cast<const T*>(w), static_cast<const T*>(b)},
               static_cast<T*>(y), static_cast<T*>(mean), static_cast<T*>(rstd));
  });
}

void group_norm_gradient(Dtype dtype, const GroupNormShape& s, const void* g, const void* x,
                         const void* mean, const void* rstd, const void* w, void* dx, void* dw,
                         void* db) {
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    const Gradients<T> d{static_cast<T*>(dx), static_cast<T*>(dw), static_cast<T*>(db)};
    if (s.rows() * s.row() == 0) {
      for (T* sum : {d.w, d.b})
        if (sum) std::fill_n(sum, s.groups * s.channels, T(0));
      return;
    }
    const Saved<T> a{static_cast<const T*>(x), s.centred ? static_cast<const T*>(mean) : nullptr,
                     static_cast<const T*>(rstd), static_cast<const T*>(w)};
    const T* grad = static_cast<const T*>(g);
    s.inner > 1 ? gradient_channels(s, grad, a, d) : gradient_elements(s, grad, a, d);
  });
}

}  // namespace wengert
