// The loops of a reduction, for any reducer. Included by the reduce_*.cpp only.
//
// A reducer R holds its parameters and has
//   In, Acc                              element and accumulator types
//   Acc init() const
//   Acc row(const In* p, n, at)          reduces n consecutive elements; p[0] is element `at`
//   void rows(Acc* acc, p, stride, n, width, at)   acc[j] takes in column j of n rows
//   Acc combine(Acc a, Acc b)            a's elements come before b's
//   void store(Acc, const ReduceTarget&, i)
//   bool store_all(const Acc*, n, const ReduceTarget&, i)    if it has a faster way for neighbours
//   static constexpr bool kFolds         may columns of several rows be taken for columns of one?
#pragma once

#include <type_traits>

#include "wengert/base/allocator.h"
#include "wengert/base/parallel.h"
#include "wengert/kernels/core/rows.h"
#include "wengert/kernels/core/walk.h"
#include "wengert/kernels/reduce/reduce.h"

namespace wengert::detail {

inline constexpr int64_t kReduceGrain = 32768;  // elements per chunk
inline constexpr int64_t kTile = 256;           // columns per accumulator buffer
inline constexpr int64_t kEnoughTasks = 16;     // with fewer, one output's elements are split too

// Not inline, nor the two below: each is used several times, for every reducer and dtype.
template <class R>
[[gnu::noinline]] typename R::Acc reduce_range(const R& r, const ReducePlan& p,
                                               const typename R::In* x, int64_t begin,
                                               int64_t end) {
  if (p.reduced_shape.empty()) return r.row(x + begin, end - begin, begin);
  auto acc = r.init();
  while (begin < end) {
    const int64_t row = begin / p.run, column = begin % p.run;
    const int64_t n = std::min(p.run - column, end - begin);
    const auto* from = x + offset_at(row, p.reduced_shape, p.reduced_strides) + column;
    acc = r.combine(acc, r.row(from, n, begin));
    begin += n;
  }
  return acc;
}

// Outputs [begin, end) of up to four elements each: what the fold of a register would be.
template <class R>
void reduce_few(const R& r, const ReducePlan& p, const typename R::In* x, const ReduceTarget& to,
                int64_t begin, int64_t end) {
  const typename R::In none = 0, *at[4];
  int64_t step[4];
  for (int64_t i = 0; i < 4; ++i) {
    step[i] = i < p.count ? p.outer_strides[0] : 0;
    at[i] = i < p.count ? x + begin * step[i] + i : &none;
  }
  for (int64_t o = begin; o < end; ++o) {
    r.store((r.map(*at[0]) + r.map(*at[2])) + (r.map(*at[1]) + r.map(*at[3])), to, o);
    for (int64_t i = 0; i < 4; ++i) at[i] += step[i];
  }
}

// Rows of a register or a few: as many side by side as a register has lanes, whose sums are then
// one register: the sums that R::row gives, too. R::lanes(p, n) adds up n consecutive elements in
// each lane.
template <class R>
[[gnu::noinline]] void reduce_short_runs(const R& r, const ReducePlan& p, const typename R::In* x,
                                         const ReduceTarget& to, int64_t begin, int64_t end) {
  using T = typename R::In;
  constexpr int kSize = Vec<T>::kSize;
  const bool even = p.outer_shape.size() == 1;
  const int64_t step = p.outer_strides.back();
  if (even && p.count <= 4) return reduce_few(r, p, x, to, begin, end);
  for (int64_t o = begin; o < end; o += kSize) {
    const int64_t rows = std::min<int64_t>(kSize, end - o);
    Vec<T> row[kSize];
    for (int64_t i = 0; i < kSize; ++i) {
      const int64_t at = o + std::min(i, rows - 1);
      row[i] =
          r.lanes(x + (even ? at * step : offset_at(at, p.outer_shape, p.outer_strides)), p.count);
    }
    T sum[kSize];
    fold_sum<T>([&](auto i) { return row[i]; }).store(sum);
    for (int64_t i = 0; i < rows; ++i) r.store(sum[i], to, o + i);
  }
}

template <class R>
void reduce_runs(const R& r, const ReducePlan& p, const typename R::In* x, const ReduceTarget& to) {
  if constexpr (requires { r.lanes(x, p.count); })
    if (constexpr int kSize = Vec<typename R::In>::kSize;
        p.reduced_shape.empty() && p.count <= kShortRow && p.outputs >= kSize) {
      const int64_t grain = std::max<int64_t>(1, kReduceGrain / (p.count * kSize)) * kSize;
      return parallel_for(p.outputs, grain, [&](int64_t begin, int64_t end) {
        reduce_short_runs(r, p, x, to, begin, end);
      });
    }
  const auto start = [&](int64_t o) { return x + offset_at(o, p.outer_shape, p.outer_strides); };
  if (p.outputs >= kEnoughTasks || p.count < 2 * kReduceGrain) {
    parallel_for(p.outputs, std::max<int64_t>(1, kReduceGrain / p.count),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t o = begin; o < end; ++o)
                     r.store(reduce_range(r, p, start(o), 0, p.count), to, o);
                 });
    return;
  }
  using Acc = typename R::Acc;
  const int64_t chunks = (p.count + kReduceGrain - 1) / kReduceGrain;
  const Scratch scratch(static_cast<size_t>(p.outputs * chunks) * sizeof(Acc));
  Acc* parts = scratch.as<Acc>();
  parallel_for(p.outputs * chunks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t from = i % chunks * kReduceGrain;
      parts[i] =
          reduce_range(r, p, start(i / chunks), from, std::min(p.count, from + kReduceGrain));
    }
  });
  for (int64_t o = 0; o < p.outputs; ++o) {
    Acc acc = parts[o * chunks];
    for (int64_t i = 1; i < chunks; ++i) acc = r.combine(acc, parts[o * chunks + i]);
    r.store(acc, to, o);
  }
}

// Rows [begin, end) of `width` columns starting at x.
template <class R>
[[gnu::noinline]] void reduce_strip(const R& r, const ReducePlan& p, const typename R::In* x,
                                    int64_t width, int64_t begin, int64_t end,
                                    typename R::Acc* acc) {
  std::fill_n(acc, width, r.init());
  if (p.reduced_shape.empty()) {
    if (begin < end) r.rows(acc, x, 0, 1, width, 0);
    return;
  }
  const int64_t stride = p.reduced_strides.back(), length = p.reduced_shape.back();
  if (R::kFolds && p.reduced_shape.size() == 1 && stride == width && width <= kTile / 8) {
    // Narrow and gapless: f rows are one row of f * width columns.
    const int64_t f = kTile / 2 / width, folds = (end - begin) / f;
    if (folds > 1) {
      typename R::Acc wide[kTile / 2];
      std::fill_n(wide, f * width, r.init());
      r.rows(wide, x + begin * width, f * width, folds, f * width, begin);
      for (int64_t k = 0; k < f * width; k += width)
        for (int64_t j = 0; j < width; ++j) acc[j] = r.combine(acc[j], wide[k + j]);
      begin += folds * f;
    }
  }
  while (begin < end) {
    const int64_t n = std::min(length - begin % length, end - begin);
    r.rows(acc, x + offset_at(begin, p.reduced_shape, p.reduced_strides), stride, n, width, begin);
    begin += n;
  }
}

template <class R>
void reduce_columns(const R& r, const ReducePlan& p, const typename R::In* x,
                    const ReduceTarget& to) {
  using Acc = typename R::Acc;
  const int64_t tiles = (p.inner + kTile - 1) / kTile;
  const int64_t tasks = p.outputs / p.inner * tiles;
  const int64_t widest = std::min(p.inner, kTile);
  const auto strip = [&](int64_t task, int64_t begin, int64_t end, Acc* acc) {
    const int64_t first = task % tiles * kTile;
    const int64_t outer = offset_at(task / tiles, p.outer_shape, p.outer_strides);
    reduce_strip(r, p, x + outer + first, std::min(kTile, p.inner - first), begin, end, acc);
  };
  const auto store = [&](int64_t task, const Acc* acc) {
    const int64_t first = task % tiles * kTile;
    const int64_t width = std::min(kTile, p.inner - first);
    const int64_t at = task / tiles * p.inner + first;
    if constexpr (requires { r.store_all(acc, width, to, at); })
      if (r.store_all(acc, width, to, at)) return;
    for (int64_t j = 0; j < width; ++j) r.store(acc[j], to, at + j);
  };
  if (tasks >= kEnoughTasks || p.count * widest < 2 * kReduceGrain) {
    const int64_t grain = std::max<int64_t>(1, kReduceGrain / (p.count * widest));
    parallel_for(tasks, grain, [&](int64_t begin, int64_t end) {
      Acc acc[kTile];
      for (int64_t task = begin; task < end; ++task) {
        strip(task, 0, p.count, acc);
        store(task, acc);
      }
    });
    return;
  }
  const int64_t rows = kReduceGrain / widest, chunks = (p.count + rows - 1) / rows;
  const Scratch scratch(static_cast<size_t>(tasks * chunks * kTile) * sizeof(Acc));
  Acc* parts = scratch.as<Acc>();
  parallel_for(tasks * chunks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t from = i % chunks * rows;
      strip(i / chunks, from, std::min(p.count, from + rows), parts + i * kTile);
    }
  });
  for (int64_t task = 0; task < tasks; ++task) {
    Acc* acc = parts + task * chunks * kTile;
    const int64_t width = std::min(kTile, p.inner - task % tiles * kTile);
    for (int64_t i = 1; i < chunks; ++i)
      for (int64_t j = 0; j < width; ++j) acc[j] = r.combine(acc[j], acc[i * kTile + j]);
    store(task, acc);
  }
}

template <class R>
void drive(const R& r, const ReducePlan& p, const void* x, const ReduceTarget& to) {
  const auto* from = static_cast<const typename R::In*>(x);
  if (p.count == 0) {
    for (int64_t o = 0; o < p.outputs; ++o) r.store(r.init(), to, o);
  } else if (p.inner > 1) {
    reduce_columns(r, p, from, to);
  } else {
    reduce_runs(r, p, from, to);
  }
}

// `dispatch` with truth values as what they are in memory, bytes of 0 and 1.
template <class F>
void dispatch_values(Dtype d, const F& f) {
  if (d == Dtype::kBool) d = Dtype::kUInt8;
  dispatch(d, [&](auto zero) {
    if constexpr (!std::is_same_v<decltype(zero), bool>) f(zero);
  });
}

// Sum of f(x) over a row; f(fill) is 0.
template <class T, class F>
double blocked_sum(const T* p, int64_t n, double fill, const F& f) {
  return row_sum<T>(n, [&](int64_t i, int64_t m) { return f(load_part(p + i, m, fill)); });
}

// op over f(p[i]), all in Acc, from its neutral element: many at once, as each waits for the one
// before it.
template <class Acc, class T, class F, class Op>
Acc wide_fold(const T* p, int64_t n, Acc neutral, const F& f, const Op& op) {
  constexpr int kLanes = 32;
  Acc lane[kLanes];
  std::fill_n(lane, kLanes, neutral);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (int j = 0; j < kLanes; ++j) lane[j] = op(lane[j], f(static_cast<Acc>(p[i + j])));
  for (int j = 0; i < n; ++i, ++j) lane[j] = op(lane[j], f(static_cast<Acc>(p[i])));
  for (int half = kLanes / 2; half > 0; half /= 2)
    for (int j = 0; j < half; ++j) lane[j] = op(lane[j], lane[j + half]);
  return lane[0];
}
template <class T, class F>
double wide_sum(const T* p, int64_t n, const F& f) {
  return wide_fold(p, n, 0.0, f, [](double a, double b) { return a + b; });
}

// The largest (smallest) of all; NaN wins.
template <bool kLargest, class T>
T extreme(const T* p, int64_t n) {
  if constexpr (std::is_floating_point_v<T>) {
    return row_extreme<kLargest>(p, n);
  } else {
    T m = p[0];
    for (int64_t i = 1; i < n; ++i) m = better_of<kLargest>(m, p[i]);
    return m;
  }
}

// The parts of `reduce`, by file.
void reduce_sums(ReduceKind kind, const ReducePlan& plan, Dtype dtype, const void* x,
                 const ReduceTarget& to, double param);
void reduce_extremes(ReduceKind kind, const ReducePlan& plan, Dtype dtype, const void* x,
                     const ReduceTarget& to);
void reduce_moments(ReduceKind kind, const ReducePlan& plan, Dtype dtype, const void* x,
                    const ReduceTarget& to, double param);

}  // namespace wengert::detail
