// Losses of pairs of numbers, one functor each: value and derivative by x.
#include <cmath>

#include "wengert/base/allocator.h"
#include "wengert/base/parallel.h"
#include "wengert/kernels/core/rows.h"
#include "wengert/kernels/loss/loss.h"

namespace wengert {
namespace {

using namespace detail;

constexpr int64_t kGrain = 32768;

template <class V>
V sign_of(V d) {
  return select(d > 0.0, 1.0, select(d < 0.0, -1.0, d * 0.0));
}

struct Squared {
  auto value(auto x, auto t) const { return (x - t) * (x - t); }
  auto slope(auto x, auto t) const { return 2.0 * (x - t); }
};

struct Absolute {
  auto value(auto x, auto t) const { return abs(x - t); }
  auto slope(auto x, auto t) const { return sign_of(x - t); }
};

struct Smooth {
  double beta;
  auto value(auto x, auto t) const {
    const auto z = abs(x - t);
    return select(z < beta, 0.5 * (z * z) / beta, z - 0.5 * beta);
  }
  auto slope(auto x, auto t) const {
    const auto d = x - t;
    return select(abs(d) < beta, d / beta, sign_of(d));
  }
};

struct Huber {
  double delta;
  auto value(auto x, auto t) const {
    const auto z = abs(x - t);
    return select(z <= delta, 0.5 * (z * z), delta * (z - 0.5 * delta));
  }
  auto slope(auto x, auto t) const {
    const auto d = x - t;
    return select(abs(d) <= delta, d, delta * sign_of(d));
  }
};

// Logarithms are not below -100, so that a wrong certainty costs a finite amount.
struct Binary {
  template <class V>
  V value(V x, V t) const {
    return (t - 1.0) * max(log1p(-x), V(-100.0)) - t * max(log(x), V(-100.0));
  }
  template <class V>
  V slope(V x, V t) const {
    return (x - t) / max((1.0 - x) * x, V(1e-12));
  }
};

// -t log s(x) - (1 - t) log(1 - s(x)), s the logistic function, without overflow.
struct Logits {
  template <class V>
  V value(V x, V t) const {
    // An infinite x of a target 0 costs nothing, or infinity, but not their difference.
    return (max(x, V(0.0)) - select(t == 0.0, 0.0, x * t)) + log1p(exp(-abs(x)));
  }
  template <class V>
  V slope(V x, V t) const {
    return 1.0 / (1.0 + exp(-x)) - t;
  }
};

template <class F>
void with_functor(PairLoss kind, double param, const F& f) {
  switch (kind) {
    case PairLoss::kSquare:
      return f(Squared{});
    case PairLoss::kAbsolute:
      return f(Absolute{});
    case PairLoss::kSmooth:
      return f(Smooth{param});
    case PairLoss::kHuber:
      return f(Huber{param});
    case PairLoss::kBinary:
      return f(Binary{});
    case PairLoss::kLogits:
      return f(Logits{});
  }
}

template <class T>
void check_unit(const T* x, int64_t n, const char* what) {
  bool inside = true;
  for (int64_t i = 0; i < n; ++i) inside &= x[i] >= 0 && x[i] <= 1;
  check(inside, "all elements of ", what, " should be between 0 and 1");
}

template <class T, class L>
double pair_sum(const L& loss, const T* x, const T* t, int64_t n) {
  constexpr int64_t kSize = Vec<T>::kSize;
  return row_sum<T>(n, [&](int64_t i, int64_t m) {
    const Vec<T> v = loss.value(load_part(x + i, m, 0), load_part(t + i, m, 0));
    if (m >= kSize) return v;
    T lane[kSize] = {};
    store_part(v, lane, m);
    return Vec<T>::load(lane);
  });
}

template <class T, class L>
double chunked_sum(const L& loss, const T* x, const T* t, int64_t n) {
  if (n <= kGrain) return pair_sum(loss, x, t, n);
  const int64_t chunks = (n + kGrain - 1) / kGrain;
  const Scratch scratch(static_cast<size_t>(chunks) * sizeof(double));
  double* parts = scratch.as<double>();
  parallel_for(n, kGrain, [&](int64_t begin, int64_t end) {
    parts[begin / kGrain] = pair_sum(loss, x + begin, t + begin, end - begin);
  });
  double total = 0;
  for (int64_t i = 0; i < chunks; ++i) total += parts[i];
  return total;
}

}  // namespace

void pair_loss_forward(PairLoss kind, Dtype dtype, LossSum sum, double param, int64_t n,
                       const void* input, const void* target, void* out) {
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    const T *x = static_cast<const T*>(input), *t = static_cast<const T*>(target);
    T* y = static_cast<T*>(out);
    if (kind == PairLoss::kBinary) {
      check_unit(x, n, "input");
      check_unit(t, n, "target");
    }
    with_functor(kind, param, [&](const auto& loss) {
      if (sum != LossSum::kNone) {
        const double total = chunked_sum(loss, x, t, n);
        *y = static_cast<T>(sum == LossSum::kMean ? total / static_cast<double>(n) : total);
        return;
      }
      parallel_for(n, kGrain, [&](int64_t begin, int64_t end) {
        row_each<T>(end - begin, [&](int64_t i, int64_t m) {
          const int64_t at = begin + i;
          store_part<T>(loss.value(load_part(x + at, m, 0), load_part(t + at, m, 0)), y + at, m);
        });
      });
    });
  });
}

void pair_loss_gradient(PairLoss kind, Dtype dtype, LossSum sum, double param, int64_t n,
                        const void* grad, const void* input, const void* target, void* out) {
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    const T *g = static_cast<const T*>(grad), *x = static_cast<const T*>(input);
    const T* t = static_cast<const T*>(target);
    T* dx = static_cast<T*>(out);
    const double scale = sum == LossSum::kMean  ? g[0] / static_cast<double>(n)
                         : sum == LossSum::kSum ? g[0]
                                                : 1.0;
    with_functor(kind, param, [&](const auto& loss) {
      parallel_for(n, kGrain, [&](int64_t begin, int64_t end) {
        row_each<T>(end - begin, [&](int64_t i, int64_t m) {
          const int64_t at = begin + i;
          const Vec<T> slope = loss.slope(load_part(x + at, m, 0), load_part(t + at, m, 0));
          store_part<T>(sum == LossSum::kNone ? slope * load_part(g + at, m, 0) : slope * scale,
                        dx + at, m);
        });
      });
    });
  });
}

}  // namespace wengert
