// Cross entropy and negative log-likelihood.
#include <cmath>

#include "wengert/base/allocator.h"
#include "wengert/base/parallel.h"
#include "wengert/kernels/core/rows.h"
#include "wengert/kernels/loss/loss.h"

namespace wengert {
namespace {

using namespace detail;

constexpr int64_t kGrain = 16384;  // elements per chunk

struct Sums {
  double loss = 0, weight = 0;
};

// f(begin, end) -> Sums over chunks of [0, n), added in order.
template <class F>
Sums sum_chunks(int64_t n, int64_t grain, const F& f) {
  Sums total;
  if (n == 0) return total;
  if (n <= grain) return f(0, n);
  const int64_t chunks = (n + grain - 1) / grain;
  const Scratch scratch(static_cast<size_t>(chunks) * sizeof(Sums));
  Sums* parts = scratch.as<Sums>();
  parallel_for(n, grain, [&](int64_t begin, int64_t end) { parts[begin / grain] = f(begin, end); });
  for (int64_t i = 0; i < chunks; ++i) {
    total.loss += parts[i].loss;
    total.weight += parts[i].weight;
  }
  return total;
}

[[gnu::cold, gnu::noinline]] void out_of_bounds(int64_t target) {
  fail(ErrorKind::kIndex, "Target ", target, " is out of bounds.");
}

template <class T>
struct Classes {
  explicit Classes(const ClassLoss& loss) : l(loss), w(static_cast<const T*>(loss.weight)) {
    if (l.smoothing == 0) return;
    weights = static_cast<double>(l.classes);
    if (!w) return;
    weights = 0;
    for (int64_t c = 0; c < l.classes; ++c) weights += w[c];
  }
  double weight(int64_t c) const { return w ? static_cast<double>(w[c]) : 1.0; }
  bool ignored(int64_t t) const {
    if (t == l.ignore_index) return true;
    if (t < 0 || t >= l.classes) [[unlikely]]
      out_of_bounds(t);
    return false;
  }
  double smooth() const { return l.smoothing / static_cast<double>(l.classes); }
  // What all probabilities of a target's loss are multiplied by in its gradient.
  double mass(int64_t t) const { return (1 - l.smoothing) * weight(t) + smooth() * weights; }
  // sum_c w_c (x_c - m)
  double smoothed(const T* x, double m) const {
    double total = 0;
    for (int64_t c = 0; c < l.classes; ++c) total += weight(c) * (x[c * l.inner] - m);
    return total;
  }
  // The loss of a line that starts at x, with m its maximum and log_sum = log sum exp(x - m).
  double loss(const T* x, int64_t t, double m, double log_sum) const {
    double value = (1 - l.smoothing) * weight(t) * (log_sum - (x[t * l.inner] - m));
    if (l.smoothing != 0) value += smooth() * (weights * log_sum - smoothed(x, m));
    return value;
  }
  // The factor on the gradient of target i.
  double scale(const T* g, double total, int64_t i) const {
    return l.sum == LossSum::kNone ? g[i] : l.sum == LossSum::kMean ? g[0] / total : g[0];
  }

  const ClassLoss& l;
  const T* w;
  double weights = 0;  // the sum over classes, when smoothing needs it
};

template <class T>
struct LossSink {
  const Classes<T>& classes;
  T* loss;  // per target, or null
  Sums sums;
  void take(const T* x, int64_t i, double m, double log_sum) {
    const int64_t t = classes.l.target[i];
    double value = 0;
    if (!classes.ignored(t)) {
      value = classes.loss(x, t, m, log_sum);
      sums.weight += classes.weight(t);
      sums.loss += value;
    }
    if (loss) loss[i] = static_cast<T>(value);
  }
  // Rows of consecutive numbers, the first of which belongs to target `first`.
  void take_rows(const T* x, int64_t first, int64_t rows, const T* m, const T* log_sum) {
    const int64_t n = classes.l.classes;
    if (loss || classes.w || classes.l.smoothing != 0) {
      for (int64_t r = 0; r < rows; ++r) take(x + r * n, first + r, m[r], log_sum[r]);
      return;
    }
    Sums total = sums;
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t t = classes.l.target[first + r];
      if (classes.ignored(t)) continue;
      total.weight += 1;
      total.loss += log_sum[r] - (static_cast<double>(x[r * n + t]) - m[r]);
    }
    sums = total;
  }
};

template <class T>
Sums entropy_rows(const Classes<T>& k, const T* x, T* loss, T* lse) {
  const int64_t n = k.l.classes;
  return sum_chunks(k.l.rows, std::max<int64_t>(1, kGrain / std::max<int64_t>(n, 1)),
                    [&](int64_t begin, int64_t end) {
                      LossSink<T> sink{k, loss, {}};
                      for (int64_t i = begin; i < end; ++i) {
                        const T* row = x + i * n;
                        const double m = row_greatest(row, n);
                        const double log_sum = std::log(row_sum<T>(n, [&](int64_t j, int64_t c) {
                          fetch(row + n + j);
                          return exp_nonpositive(load_part(row + j, c, -INFINITY) - m);
                        }));
                        lse[i] = static_cast<T>(m + log_sum);
                        sink.take(row, i, m, log_sum);
                      }
                      return sink.sums;
                    });
}

// m and log sum exp(x - m) of up to kTileColumns lines that lie side by side.
template <class T, bool kFull>
void entropy_tile(const T* x, int64_t n, int64_t inner, int64_t columns, T* m_out, T* log_out) {
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
      total[k] = total[k] + exp_nonpositive(load_part(x + j * inner + i, c, 0) - m[k]);
    });
  each_register<T, kFull>(columns, [&](int64_t k, int64_t i, int64_t c) {
    store_part(m[k], m_out + i, c);
    store_part(log(total[k]), log_out + i, c);
  });
}

// Rows that are turned.
template <class T>
Sums entropy_turned(const Classes<T>& k, const T* x, T* loss, T* lse) {
  const int64_t n = k.l.classes, tiles = (k.l.rows + kTileColumns<T> - 1) / kTileColumns<T>;
  const int64_t grain = std::max<int64_t>(1, kGrain / (n * kTileColumns<T>));
  return sum_chunks(tiles, grain, [&](int64_t begin, int64_t end) {
    LossSink<T> sink{k, loss, {}};
    T m[kTileColumns<T>], log_sum[kTileColumns<T>];
    alignas(64) T tile[kShortRow * kTileColumns<T>];
    for (int64_t task = begin; task < end; ++task) {
      const int64_t first = task * kTileColumns<T>;
      const int64_t rows = std::min(kTileColumns<T>, k.l.rows - first);
      turn_rows(tile, x + first * n, rows, n);
      by_width<T>(rows, [&](auto full) {
        entropy_tile<T, full>(tile, n, kTileColumns<T>, rows, m, log_sum);
      });
      for (int64_t r = 0; r < rows; ++r) lse[first + r] = m[r] + log_sum[r];
      sink.take_rows(x + first * n, first, rows, m, log_sum);
    }
    return sink.sums;
  });
}

// Short rows that fill registers.
template <class T>
Sums entropy_groups(const Classes<T>& k, const T* x, T* loss, T* lse) {
  constexpr int64_t kSize = Vec<T>::kSize;
  const int64_t n = k.l.classes;
  const int64_t grain = std::max<int64_t>(1, kGrain / (n * kSize)) * kSize;
  return sum_chunks(k.l.rows, grain, [&](int64_t begin, int64_t end) {
    LossSink<T> sink{k, loss, {}};
    alignas(64) T m[kSize], log_sum[kSize];
    each_group<T>(begin, end, n, [&](int64_t first, auto& g) {
      const T* rows = x + first * n;
      g.load_all(rows).store(m);
      log(g.sum([&](int64_t r, int64_t j, int64_t, int64_t) {
        return exp_nonpositive(g.cell[r][j] - Vec<T>::repeat(m[r]));
      })).store(log_sum);
      for (int64_t r = 0; r < g.rows; ++r) lse[first + r] = m[r] + log_sum[r];
      sink.take_rows(rows, first, g.rows, m, log_sum);
    });
    return sink.sums;
  });
}

template <class T>
Sums entropy_columns(const Classes<T>& k, const T* x, T* loss, T* lse) {
  const int64_t n = k.l.classes, inner = k.l.inner;
  const int64_t tiles = (inner + kTileColumns<T> - 1) / kTileColumns<T>;
  const int64_t work = std::max<int64_t>(1, n * std::min(inner, kTileColumns<T>));
  return sum_chunks(k.l.rows * tiles, std::max<int64_t>(1, kGrain / work),
                    [&](int64_t begin, int64_t end) {
                      LossSink<T> sink{k, loss, {}};
                      T m[kTileColumns<T>], log_sum[kTileColumns<T>];
                      for (int64_t task = begin; task < end; ++task) {
                        const int64_t row = task / tiles, first = task % tiles * kTileColumns<T>;
                        const int64_t columns = std::min(kTileColumns<T>, inner - first);
                        const T* from = x + row * n * inner + first;
                        by_width<T>(columns, [&](auto full) {
                          entropy_tile<T, full>(from, n, inner, columns, m, log_sum);
                        });
                        for (int64_t j = 0; j < columns; ++j) {
                          const int64_t i = row * inner + first + j;
                          lse[i] = m[j] + log_sum[j];
                          sink.take(from + j, i, m[j], log_sum[j]);
                        }
                      }
                      return sink.sums;
                    });
}

template <class T>
void store_sums(LossSum sum, const Sums& sums, T* loss, T* total) {
  *total = static_cast<T>(sums.weight);
  if (sum == LossSum::kMean) *loss = static_cast<T>(sums.loss / sums.weight);
  if (sum == LossSum::kSum) *loss = static_cast<T>(sums.loss);
}

// dx_c = scale (mass exp(x_c - lse) - smooth w_c), and the target's own part taken off.
template <class T>
void entropy_gradient_row(const Classes<T>& k, const T* x, T* dx, int64_t t, double lse,
                          double scale) {
  const int64_t n = k.l.classes;
  if (k.ignored(t)) {
    std::fill_n(dx, n, T(0));
    return;
  }
  const double mass = scale * k.mass(t);
  row_each<T>(n, [&](int64_t i, int64_t c) {
    store_part(exp_nonpositive(load_part(x + i, c, 0) - lse) * mass, dx + i, c);
  });
  if (k.l.smoothing != 0) {
    const double smooth = scale * k.smooth();
    for (int64_t c = 0; c < n; ++c) dx[c] -= static_cast<T>(smooth * k.weight(c));
  }
  dx[t] -= static_cast<T>(scale * (1 - k.l.smoothing) * k.weight(t));
}

template <class T>
void entropy_gradient_columns(const Classes<T>& k, const T* g, const T* x, const T* lse, T* dx) {
  const int64_t n = k.l.classes, inner = k.l.inner;
  const double total = lse[k.l.targets()];
  const int64_t tiles = (inner + kTileColumns<T> - 1) / kTileColumns<T>;
  const int64_t work = std::max<int64_t>(1, n * std::min(inner, kTileColumns<T>));
  parallel_for(
      k.l.rows * tiles, std::max<int64_t>(1, kGrain / work), [&](int64_t begin, int64_t end) {
        T mass[kTileColumns<T>], scale[kTileColumns<T>];
        for (int64_t task = begin; task < end; ++task) {
          const int64_t row = task / tiles, first = task % tiles * kTileColumns<T>;
          const int64_t columns = std::min(kTileColumns<T>, inner - first);
          const int64_t at = row * inner + first;
          const int64_t from = row * n * inner + first;
          for (int64_t j = 0; j < columns; ++j) {
            const int64_t t = k.l.target[at + j];
            scale[j] = k.ignored(t) ? T(0) : static_cast<T>(k.scale(g, total, at + j));
            mass[j] = scale[j] == 0 ? T(0) : static_cast<T>(scale[j] * k.mass(t));
          }
          for (int64_t c = 0; c < n; ++c) {
            const int64_t line = from + c * inner;
            const double smooth = k.l.smoothing == 0 ? 0 : k.smooth() * k.weight(c);
            each_register<T>(columns, [&](int64_t, int64_t i, int64_t m) {
              const Vec<T> p =
                  exp_nonpositive(load_part(x + line + i, m, 0) - load_part(lse + at + i, m, 0));
              store_part(p * load_part(mass + i, m, 0) - load_part(scale + i, m, 0) * smooth,
                         dx + line + i, m);
            });
          }
          for (int64_t j = 0; j < columns; ++j) {
            const int64_t t = k.l.target[at + j];
            if (t == k.l.ignore_index) continue;
            dx[from + t * inner + j] -=
                static_cast<T>(scale[j] * (1 - k.l.smoothing) * k.weight(t));
          }
        }
      });
}

}  // namespace

void cross_entropy_forward(const ClassLoss& l, const void* in, void* out, void* state) {
  dispatch_floating(l.dtype, [&](auto zero) {
    using T = decltype(zero);
    const Classes<T> k(l);
    const T* x = static_cast<const T*>(in);
    T *loss = static_cast<T*>(out), *lse = static_cast<T*>(state);
    T* each = l.sum == LossSum::kNone ? loss : nullptr;
    const bool is_short = l.classes > 0 && l.classes <= kShortRow;
    const Sums sums = l.inner != 1                    ? entropy_columns(k, x, each, lse)
                      : !is_short                     ? entropy_rows(k, x, each, lse)
                      : fills_registers<T>(l.classes) ? entropy_groups(k, x, each, lse)
                                                      : entropy_turned(k, x, each, lse);
    store_sums(l.sum, sums, loss, lse + l.targets());
  });
}

void cross_entropy_gradient(const ClassLoss& l, const void* grad, const void* in, const void* state,
                            void* out) {
  dispatch_floating(l.dtype, [&](auto zero) {
    using T = decltype(zero);
    const Classes<T> k(l);
    const T *g = static_cast<const T*>(grad), *x = static_cast<const T*>(in);
    const T* lse = static_cast<const T*>(state);
    T* dx = static_cast<T*>(out);
    if (l.inner != 1) return entropy_gradient_columns(k, g, x, lse, dx);
    const double total = lse[l.targets()];
    parallel_for(l.rows, std::max<int64_t>(1, kGrain / std::max<int64_t>(l.classes, 1)),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t i = begin; i < end; ++i)
                     entropy_gradient_row(k, x + i * l.classes, dx + i * l.classes, l.target[i],
                                          lse[i], k.scale(g, total, i));
                 });
  });
}

void cross_entropy_weights(const ClassLoss& l, void* out) {
  dispatch_floating(l.dtype, [&](auto zero) {
    using T = decltype(zero);
    const Classes<T> k(l);
    T* y = static_cast<T*>(out);
    for (int64_t i = 0; i < l.targets(); ++i) {
      T* line = y + i / l.inner * l.classes * l.inner + i % l.inner;
      const int64_t t = l.target[i];
      const bool none = k.ignored(t);
      for (int64_t c = 0; c < l.classes; ++c)
        line[c * l.inner] = none ? T(0) : static_cast<T>(k.smooth() * k.weight(c));
      if (!none) line[t * l.inner] += static_cast<T>((1 - l.smoothing) * k.weight(t));
    }
  });
}

void nll_forward(const ClassLoss& l, const void* in, void* out, void* total) {
  dispatch_floating(l.dtype, [&](auto zero) {
    using T = decltype(zero);
    const Classes<T> k(l);
    const T* x = static_cast<const T*>(in);
    T* loss = static_cast<T*>(out);
    const Sums sums = sum_chunks(l.targets(), kGrain, [&](int64_t begin, int64_t end) {
      Sums s;
      for (int64_t i = begin; i < end; ++i) {
        const int64_t t = l.target[i];
        double value = 0;
        if (!k.ignored(t)) {
          const int64_t at = (i / l.inner * l.classes + t) * l.inner + i % l.inner;
          value = -k.weight(t) * x[at];
          s.weight += k.weight(t);
          s.loss += value;
        }
        if (l.sum == LossSum::kNone) loss[i] = static_cast<T>(value);
      }
      return s;
    });
    store_sums(l.sum, sums, loss, static_cast<T*>(total));
  });
}

void nll_gradient(const ClassLoss& l, const void* grad, const void* total, void* out) {
  dispatch_floating(l.dtype, [&](auto zero) {
    using T = decltype(zero);
    const Classes<T> k(l);
    const T* g = static_cast<const T*>(grad);
    const double weights = *static_cast<const T*>(total);
    T* dx = static_cast<T*>(out);
    std::fill_n(dx, l.targets() * l.classes, T(0));
    for (int64_t i = 0; i < l.targets(); ++i) {
      const int64_t t = l.target[i];
      if (k.ignored(t)) continue;
      const int64_t at = (i / l.inner * l.classes + t) * l.inner + i % l.inner;
      dx[at] = static_cast<T>(-k.weight(t) * k.scale(g, weights, i));
    }
  });
}

}  // namespace wengert
