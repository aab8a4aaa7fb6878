#include "wengert/kernels/loss/linear_loss.h"

#include <cmath>

#include "wengert/base/allocator.h"
#include "wengert/base/parallel.h"
#include "wengert/kernels/core/rows.h"
#include "wengert/kernels/gemm/gemm.h"

namespace wengert {
namespace {

using namespace detail;

// Rows of a tile: enough that packing W costs little beside its product. Numbers of one: few enough
// for a cache that is shared.
constexpr int64_t kTileRows = 1024, kTileSize = int64_t{1} << 21, kLeastClasses = 256;
constexpr int64_t kGrain = 16384;  // numbers in a chunk

template <class T>
struct Problem {
  explicit Problem(const LinearLoss& loss)
      : l(loss),
        rows(loss.loss.rows),
        classes(loss.loss.classes),
        features(loss.features),
        x(static_cast<const T*>(loss.x)),
        w(static_cast<const T*>(loss.w)),
        b(static_cast<const T*>(loss.b)),
        class_weights(static_cast<const T*>(loss.loss.weight)) {
    for (int64_t i = 0; i < rows; ++i)
      if (const int64_t t = l.loss.target[i]; !ignored(t) && (t < 0 || t >= classes))
        fail(ErrorKind::kIndex, "Target ", t, " is out of bounds.");
    if (l.loss.smoothing == 0) return;
    for (int64_t c = 0; c < classes; ++c) total_weight += weight(c);
  }
  bool ignored(int64_t t) const { return t == l.loss.ignore_index; }
  double weight(int64_t c) const { return class_weights ? double(class_weights[c]) : 1.0; }
  double smooth() const { return l.loss.smoothing / static_cast<double>(classes); }

  // f(logits, first row, rows, first class, classes) for all tiles: the classes of some rows, then
  // the next rows. Which tiles there are depends on the sizes only.
  template <class F>
  void each_tile(const F& f) const {
    if (rows == 0 || classes == 0) return;
    const int64_t high = std::min(rows, kTileRows);
    const int64_t wide = std::min(
        classes, std::max(kLeastClasses, kTileSize / high / kLeastClasses * kLeastClasses));
    const Scratch scratch(static_cast<size_t>(high * wide) * sizeof(T));
    T* tile = scratch.as<T>();
    for (int64_t r = 0; r < rows; r += high)
      for (int64_t c = 0; c < classes; c += wide) {
        const int64_t m = std::min(high, rows - r), n = std::min(wide, classes - c);
        Epilogue<T> e;
        if (b) e.bias = b + c;
        gemm<T>(tile, n, {x + r * features, features, 1}, {w + c * features, 1, features}, m, n,
                features, false, e);
        f(tile, r, m, c, n);
      }
  }

  const LinearLoss& l;
  const int64_t rows, classes, features;
  const T *x, *w, *b, *class_weights;
  double total_weight = 0;  // the sum over classes, when smoothing needs it
};

// f(i) for the rows of a tile.
template <class F>
void each_row(int64_t rows, int64_t classes, const F& f) {
  parallel_for(rows, std::max<int64_t>(1, kGrain / std::max<int64_t>(classes, 1)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t i = begin; i < end; ++i) f(i);
               });
}

// Of the logits of a row that have been seen: the largest m, sum exp(x - m), that of the target,
// and sum w x.
struct Seen {
  double most, sum, target, weighted;

  template <class T>
  void take(const Problem<T>& p, const T* logits, int64_t first, int64_t n, int64_t t) {
    const double top = std::max(most, static_cast<double>(row_greatest(logits, n)));
    const double base = top == -INFINITY ? 0 : top;  // a NaN must come through
    if (top > most) sum *= std::exp(most - top);
    sum += row_sum<T>(n, [&](int64_t j, int64_t c) {
      return exp_nonpositive(load_part(logits + j, c, -INFINITY) - base);
    });
    most = top;
    if (t >= first && t < first + n) target = logits[t - first];
    if (p.l.loss.smoothing == 0) return;
    for (int64_t c = 0; c < n; ++c) weighted += p.weight(first + c) * logits[c];
  }
};

template <class T>
void forward(const LinearLoss& l, T* loss, T* state) {
  const Problem<T> p(l);
  const int64_t* target = l.loss.target;
  const Scratch scratch(static_cast<size_t>(p.rows) * sizeof(Seen));
  Seen* seen = scratch.as<Seen>();
  std::fill_n(seen, p.rows, Seen{-INFINITY, 0, 0, 0});
  p.each_tile([&](const T* tile, int64_t r, int64_t m, int64_t c, int64_t n) {
    each_row(m, n, [&](int64_t i) { seen[r + i].take(p, tile + i * n, c, n, target[r + i]); });
  });
  double sum = 0, weights = 0;
  const double s = l.loss.smoothing;
  for (int64_t i = 0; i < p.rows; ++i) {
    const double lse = seen[i].most + std::log(seen[i].sum);
    state[i] = static_cast<T>(lse);
    double value = 0;
    if (!p.ignored(target[i])) {
      const double w = p.weight(target[i]);
      value = (1 - s) * w * (lse - seen[i].target);
      if (s != 0) value += p.smooth() * (p.total_weight * lse - seen[i].weighted);
      weights += w;
      sum += value;
    }
    if (l.loss.sum == LossSum::kNone) loss[i] = static_cast<T>(value);
  }
  state[p.rows] = static_cast<T>(weights);
  if (l.loss.sum != LossSum::kNone)
    loss[0] = static_cast<T>(l.loss.sum == LossSum::kMean ? sum / weights : sum);
}

// In place of a row's logits their gradient, scale (mass softmax - s / C w_c - (1 - s) w_t [c =
// t]).
template <class T>
void gradient_row(const Problem<T>& p, T* row, int64_t first, int64_t n, int64_t t, double lse,
                  double scale) {
  if (p.ignored(t)) return void(std::fill_n(row, n, T(0)));
  const double of_target = scale * (1 - p.l.loss.smoothing) * p.weight(t);
  const double mass = of_target + scale * p.smooth() * p.total_weight;
  row_each<T>(n, [&](int64_t i, int64_t c) {
    store_part(exp_nonpositive(load_part(row + i, c, 0) - lse) * mass, row + i, c);
  });
  if (p.l.loss.smoothing != 0)
    for (int64_t c = 0; c < n; ++c)
      row[c] -= static_cast<T>(scale * p.smooth() * p.weight(first + c));
  if (t >= first && t < first + n) row[t - first] -= static_cast<T>(of_target);
}

// db += the sums of a tile's columns.
template <class T>
void add_columns(const T* tile, int64_t m, int64_t n, bool first, T* db) {
  constexpr int64_t kSide = 64;
  each_row((n + kSide - 1) / kSide, m * kSide, [&](int64_t block) {
    const int64_t at = block * kSide, count = std::min(kSide, n - at);
    double sum[kSide] = {};
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < count; ++j) sum[j] += tile[i * n + at + j];
    for (int64_t j = 0; j < count; ++j)
      db[at + j] = static_cast<T>(first ? sum[j] : db[at + j] + sum[j]);
  });
}

template <class T>
void gradient(const LinearLoss& l, const T* g, const T* state, T* dx, T* dw, T* db) {
  const Problem<T> p(l);
  const int64_t k = p.features;
  const double total = state[p.rows];
  if (dx && p.classes == 0) std::fill_n(dx, p.rows * k, T(0));
  if (dw && p.rows == 0) std::fill_n(dw, p.classes * k, T(0));
  if (db && p.rows == 0) std::fill_n(db, p.classes, T(0));
  p.each_tile([&](T* tile, int64_t r, int64_t m, int64_t c, int64_t n) {
    each_row(m, n, [&](int64_t i) {
      const LossSum sum = l.loss.sum;
      const double scale = sum == LossSum::kNone   ? g[r + i]
                           : sum == LossSum::kMean ? g[0] / total
                                                   : g[0];
      gradient_row(p, tile + i * n, c, n, l.loss.target[r + i], state[r + i], scale);
    });
    if (dx) gemm<T>(dx + r * k, k, {tile, n, 1}, {p.w + c * k, k, 1}, m, k, n, c > 0);
    if (dw) gemm<T>(dw + c * k, k, {tile, 1, n}, {p.x + r * k, k, 1}, n, k, m, r > 0);
    if (db) add_columns(tile, m, n, r == 0, db + c);
  });
}

}  // namespace

void linear_cross_entropy_forward(const LinearLoss& l, void* loss, void* state) {
  dispatch_floating(l.loss.dtype, [&](auto zero) {
    using T = decltype(zero);
    forward(l, static_cast<T*>(loss), static_cast<T*>(state));
  });
}

void linear_cross_entropy_gradient(const LinearLoss& l, const void* g, const void* state, void* dx,
                                   void* dw, void* db) {
  dispatch_floating(l.loss.dtype, [&](auto zero) {
    using T = decltype(zero);
    gradient(l, static_cast<const T*>(g), static_cast<const T*>(state), static_cast<T*>(dx),
             static_cast<T*>(dw), static_cast<T*>(db));
  });
}

}  // namespace wengert
