#include "wengert/kernels/update/update.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "wengert/base/allocator.h"
#include "wengert/base/parallel.h"
#include "wengert/base/shape.h"

namespace wengert::kernels {
namespace {

// Up to here one thread is as fast as two.
constexpr int64_t kSerial = 64 * 1024;
constexpr int64_t kGrain = 8 * 1024;
constexpr int64_t kNormGrain = 32 * 1024;
// Elements of an array that is not contiguous that are staged at a time.
constexpr int64_t kStage = 256;

// f(item, begin, end) for every run of one item's elements in [begin, end) of the index space.
template <class F>
void for_runs(UpdateItems items, int64_t begin, int64_t end, const F& f) {
  auto it = std::upper_bound(items.begin(), items.end(), begin,
                             [](int64_t at, const UpdateItem& i) { return at < i.first; }) -
            1;
  for (; begin < end; ++it) {
    const int64_t stop = std::min(end, it->first + it->size);
    if (stop > begin) f(*it, begin - it->first, stop - it->first);
    begin = std::max(begin, stop);
  }
}

// Calls f(pointer, count) for runs of equal stride of elements begin.. of a strided array.
template <class T, class F>
void for_rows(const Lane& lane, int64_t begin, int64_t count, const F& f) {
  int64_t at[kMaxDims] = {}, rest = begin;
  T* p = reinterpret_cast<T*>(lane.data);
  for (int d = lane.ndim - 1; d >= 0; --d) {
    at[d] = rest % lane.shape[d];
    rest /= lane.shape[d];
    p += at[d] * lane.strides[d];
  }
  const int last = lane.ndim - 1;
  while (count > 0) {
    const int64_t n = std::min(count, lane.shape[last] - at[last]);
    f(p, n, lane.strides[last]);
    if ((count -= n) == 0) return;
    p -= at[last] * lane.strides[last];
    at[last] = 0;
    for (int d = last - 1; d >= 0; --d) {
      p += lane.strides[d];
      if (++at[d] < lane.shape[d]) break;
      p -= at[d] * lane.strides[d];
      at[d] = 0;
    }
  }
}

template <class T>
void gather(const Lane& lane, int64_t begin, int64_t count, T* to) {
  for_rows<const T>(lane, begin, count, [&](const T* p, int64_t n, int64_t stride) {
    for (int64_t i = 0; i < n; ++i) *to++ = p[i * stride];
  });
}

template <class T>
void scatter(const Lane& lane, int64_t begin, int64_t count, const T* from) {
  for_rows<T>(lane, begin, count, [&](T* p, int64_t n, int64_t stride) {
    for (int64_t i = 0; i < n; ++i) p[i * stride] = *from++;
  });
}

// f(pointers of the lanes, count) over elements [begin, end) of an item; every lane but 1 (the
// gradient) may be written if `writes`.
template <class T, class F>
void run_item(const UpdateItem& item, int64_t begin, int64_t end, bool writes, const F& f) {
  constexpr int kLanes = UpdateItem::kMaxLanes;
  T* x[kLanes];
  for (int l = 0; l < kLanes; ++l) {
    const Lane& lane = item.lanes[l];
    x[l] = lane.data ? reinterpret_cast<T*>(lane.data) + begin : nullptr;
  }
  if (item.contiguous) return f(x, end - begin);
  T stage[kLanes][kStage];
  for (int64_t n; begin < end; begin += n) {
    n = std::min(kStage, end - begin);
    for (int l = 0; l < kLanes; ++l) {
      const Lane& lane = item.lanes[l];
      if (!lane.data) continue;
      x[l] = lane.contiguous ? reinterpret_cast<T*>(lane.data) + begin : stage[l];
      if (!lane.contiguous) gather<T>(lane, begin, n, stage[l]);
    }
    f(x, n);
    for (int l = 0; writes && l < kLanes; ++l)
      if (!item.lanes[l].contiguous && l != 1) scatter<T>(item.lanes[l], begin, n, stage[l]);
  }
}

// f(T{}, item, pointers, count) over all items, in parallel when there is enough to do.
template <class F>
void for_all(UpdateItems items, const F& f) {
  const int64_t total = place(items);
  parallel_for(total, total <= kSerial ? std::max<int64_t>(total, 1) : kGrain,
               [&](int64_t begin, int64_t end) {
                 for_runs(items, begin, end, [&](const UpdateItem& item, int64_t b, int64_t e) {
                   dispatch_floating(item.dtype, [&](auto zero) {
                     using T = decltype(zero);
                     run_item<T>(item, b, e, true,
                                 [&](T* const* x, int64_t n) { f(zero, item, x, n); });
                   });
                 });
               });
}

// ---- SGD

template <class T>
struct SgdNumbers {
  T sign, decay, momentum, damped, lr;
  explicit SgdNumbers(const SgdRule& r)
      : sign(r.maximize ? -1 : 1),
        decay(static_cast<T>(r.weight_decay)),
        momentum(static_cast<T>(r.momentum)),
        damped(static_cast<T>(1 - r.dampening)),
        lr(static_cast<T>(-r.lr)) {}
};

template <class T, bool kDecay>
void sgd_plain(T* __restrict p, const T* __restrict g, int64_t n, const SgdNumbers<T> c) {
  for (int64_t i = 0; i < n; ++i) {
    T d = c.sign * g[i];
    if constexpr (kDecay) d = d + c.decay * p[i];
    p[i] = p[i] + c.lr * d;
  }
}

template <class T, bool kDecay, bool kNesterov, bool kFresh>
void sgd_momentum(T* __restrict p, const T* __restrict g, T* __restrict buffer, int64_t n,
                  const SgdNumbers<T> c) {
  for (int64_t i = 0; i < n; ++i) {
    T d = c.sign * g[i];
    if constexpr (kDecay) d = d + c.decay * p[i];
    T b = d;
    if constexpr (!kFresh) b = buffer[i] * c.momentum + c.damped * d;
    buffer[i] = b;
    if constexpr (kNesterov) b = d + c.momentum * b;
    p[i] = p[i] + c.lr * b;
  }
}

// Calls f with each condition as a type, so that the loops have no branches.
template <class F>
void with_flags(const F& f) {
  f();
}
template <class F, class... More>
void with_flags(const F& f, bool flag, More... more) {
  if (flag) {
    with_flags([&](auto... rest) { f(std::true_type{}, rest...); }, more...);
  } else {
    with_flags([&](auto... rest) { f(std::false_type{}, rest...); }, more...);
  }
}

// ---- Adam

template <class T>
struct AdamNumbers {
  T sign, decay, shrink, weight, beta2, rest2, eps, step_size, scale;
  bool from_gradient;
  AdamNumbers(const AdamRule& r, const UpdateItem& item)
      : sign(r.maximize ? -1 : 1),
        decay(static_cast<T>(r.weight_decay)),
        shrink(static_cast<T>(r.decoupled ? 1 - r.lr * r.weight_decay : 1)),
        weight(static_cast<T>(1 - r.beta1)),
        beta2(static_cast<T>(r.beta2)),
        rest2(static_cast<T>(1 - r.beta2)),
        eps(static_cast<T>(r.eps)),
        step_size(static_cast<T>(-item.step_size)),
        scale(static_cast<T>(1 / item.root)) {
    // A weight of a half or more is applied from the other end: exact at both ends.
    from_gradient = weight >= T{0.5};
    if (from_gradient) weight = weight - 1;
  }
};

template <class T, bool kDecay, bool kMax, bool kFromGradient>
void adam(T* __restrict p, const T* __restrict g, T* __restrict m, T* __restrict v,
          T* __restrict max, int64_t n, const AdamNumbers<T> c) {
  for (int64_t i = 0; i < n; ++i) {
    T d = c.sign * g[i], x = p[i];
    if constexpr (kDecay) d = d + c.decay * x;
    x = x * c.shrink;
    const T m1 = (kFromGradient ? d : m[i]) + c.weight * (d - m[i]);
    const T v1 = v[i] * c.beta2 + c.rest2 * d * d;
    m[i] = m1;
    v[i] = v1;
    T top = v1;
    if constexpr (kMax) {
      top = v1 > max[i] || v1 != v1 ? v1 : max[i];  // a NaN on either side stays
      max[i] = top;
    }
    p[i] = x + c.step_size * m1 / (std::sqrt(top) * c.scale + c.eps);
  }
}

// ---- norms

enum class Norm { kOne, kTwo, kMax, kMin, kPower };

Norm norm_kind(double p) {
  if (p == 1) return Norm::kOne;
  if (p == 2) return Norm::kTwo;
  if (std::isinf(p)) return p > 0 ? Norm::kMax : Norm::kMin;
  return Norm::kPower;
}

double combine(Norm kind, double a, double b) {
  if (kind == Norm::kMax) return a > b || a != a ? a : b;
  if (kind == Norm::kMin) return a < b || a != a ? a : b;
  return a + b;
}

double start(Norm kind) { return kind == Norm::kMin ? std::numeric_limits<double>::infinity() : 0; }

// Eight sums side by side, for the vector unit; their order depends on n alone.
template <class T, class F>
double sum_by_eight(const T* x, int64_t n, const F& f) {
  double s[8] = {};
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (int j = 0; j < 8; ++j) s[j] += f(static_cast<double>(x[i + j]));
  for (; i < n; ++i) s[i % 8] += f(static_cast<double>(x[i]));
  return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

template <class T>
double norm_run(Norm kind, double p, const T* x, int64_t n) {
  if (kind == Norm::kTwo) return sum_by_eight(x, n, [](double v) { return v * v; });
  if (kind == Norm::kOne) return sum_by_eight(x, n, [](double v) { return std::abs(v); });
  double r = start(kind);
  for (int64_t i = 0; i < n; ++i) {
    const double v = std::abs(static_cast<double>(x[i]));
    r = combine(kind, kind == Norm::kPower ? std::pow(v, p) : v, r);
  }
  return r;
}

double norm_range(UpdateItems items, int64_t begin, int64_t end, Norm kind, double p) {
  double r = start(kind);
  for_runs(items, begin, end, [&](const UpdateItem& item, int64_t b, int64_t e) {
    dispatch_floating(item.dtype, [&](auto zero) {
      using T = decltype(zero);
      run_item<T>(item, b, e, false, [&](T* const* x, int64_t n) {
        r = combine(kind, norm_run<T>(kind, p, x[0], n), r);
      });
    });
  });
  return r;
}

}  // namespace

int64_t place(UpdateItems items) {
  int64_t total = 0;
  for (UpdateItem& item : items) {
    item.first = total;
    total += item.size;
  }
  return total;
}

void sgd_update(UpdateItems items, const SgdRule& r) {
  with_flags(
      [&](auto decay, auto nesterov, auto fresh) {
        for_all(items, [&](auto zero, const UpdateItem&, auto x, int64_t n) {
          using T = decltype(zero);
          const SgdNumbers<T> c(r);
          if (r.momentum == 0) return sgd_plain<T, decltype(decay)::value>(x[0], x[1], n, c);
          sgd_momentum<T, decltype(decay)::value, decltype(nesterov)::value,
                       decltype(fresh)::value>(x[0], x[1], x[2], n, c);
        });
      },
      r.weight_decay != 0, r.nesterov, r.fresh);
}

void adam_update(UpdateItems items, const AdamRule& r) {
  const bool coupled = r.weight_decay != 0 && !r.decoupled;
  with_flags(
      [&](auto decay, auto amsgrad) {
        for_all(items, [&](auto zero, const UpdateItem& item, auto x, int64_t n) {
          using T = decltype(zero);
          const AdamNumbers<T> c(r, item);
          if (c.from_gradient) {
            adam<T, decltype(decay)::value, decltype(amsgrad)::value, true>(x[0], x[1], x[2], x[3],
                                                                            x[4], n, c);
          } else {
            adam<T, decltype(decay)::value, decltype(amsgrad)::value, false>(x[0], x[1], x[2], x[3],
                                                                             x[4], n, c);
          }
        });
      },
      coupled, r.amsgrad);
}

void scale(UpdateItems items, double factor) {
  for_all(items, [&](auto zero, const UpdateItem&, auto x, int64_t n) {
    const auto by = static_cast<decltype(zero)>(factor);
    for (int64_t i = 0; i < n; ++i) x[0][i] *= by;
  });
}

double norm(UpdateItems items, double p) {
  const int64_t total = place(items);
  if (p == 0) {
    double count = 0;
    for (const UpdateItem& i : items)
      count += norm_range(items, i.first, i.first + i.size, Norm::kMax, 0) != 0;
    return count;
  }
  const Norm kind = norm_kind(p);
  const int64_t chunks = (total + kNormGrain - 1) / kNormGrain;
  Scratch partial(static_cast<size_t>(chunks) * sizeof(double));
  parallel_for(total, kNormGrain, [&](int64_t begin, int64_t end) {
    partial.as<double>()[begin / kNormGrain] = norm_range(items, begin, end, kind, p);
  });
  double r = start(kind);
  for (int64_t i = 0; i < chunks; ++i) r = combine(kind, partial.as<double>()[i], r);
  if (kind == Norm::kTwo) return std::sqrt(r);
  return kind == Norm::kPower ? std::pow(r, 1 / p) : r;
}

}  // namespace wengert::kernels
