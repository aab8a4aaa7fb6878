// Sums, products, any and all; the plan. Extremes and moments: see reduce_driver.h.
#include "wengert/kernels/reduce/reduce.h"

#include <atomic>
#include <cmath>

#include "wengert/kernels/reduce/driver.h"

namespace wengert {
namespace detail {
namespace {

template <class T>
using Wide = std::conditional_t<std::is_floating_point_v<T>, double, uint64_t>;

// Sums of integers may be stored as any integer type; floats only as themselves.
template <class T>
[[gnu::noinline]] void store_sum(Wide<T> acc, const ReduceTarget& to, int64_t i) {
  if constexpr (std::is_floating_point_v<T>) {
    static_cast<T*>(to.out)[i] = static_cast<T>(acc);
  } else if (to.dtype == Dtype::kInt64) {
    static_cast<uint64_t*>(to.out)[i] = acc;
  } else {
    dispatch(to.dtype, [&](auto zero) {
      using Out = decltype(zero);
      static_cast<Out*>(to.out)[i] =
          std::is_same_v<Out, bool> ? static_cast<Out>(acc != 0) : static_cast<Out>(acc);
    });
  }
}

// Of neighbours.
template <class T>
[[gnu::noinline]] void store_sums(const double* acc, int64_t n, T* out) {
  for (int64_t i = 0; i < n; ++i) out[i] = static_cast<T>(acc[i]);
}

struct Identity {
  auto operator()(auto v) const { return v; }
};
struct Magnitude {
  auto operator()(auto v) const {
    if constexpr (is_vec<decltype(v)>) {
      return abs(v);
    } else {
      return std::abs(v);
    }
  }
};
struct NanIsZero {
  auto operator()(auto v) const {
    if constexpr (is_vec<decltype(v)>) {
      return select(v == v, v, 0.0);
    } else {
      return v == v ? v : 0;
    }
  }
};
struct Square {
  double operator()(double v) const { return v * v; }
};
struct Power {
  double p;
  double operator()(double v) const { return std::pow(std::abs(v), p); }
};

// A map that takes registers is summed in blocks, one of doubles in float64 throughout.
template <class F>
inline constexpr bool kIsWide = std::is_same_v<F, Square> || std::is_same_v<F, Power>;

template <class T, class F>
struct SumOf {
  using In = T;
  using Acc = Wide<T>;
  static constexpr bool kFolds = true;
  F map;
  ReduceKind kind;
  double param;
  int64_t count;

  Acc init() const { return 0; }
  Acc combine(Acc a, Acc b) const { return a + b; }

  Acc row(const T* p, int64_t n, int64_t) const {
    if constexpr (!std::is_floating_point_v<T>) {
      Acc acc = 0;
      for (int64_t i = 0; i < n; ++i) acc += static_cast<Acc>(p[i]);
      return acc;
    } else if constexpr (kIsWide<F>) {
      return wide_sum(p, n, map);
    } else {
      return blocked_sum(p, n, 0, map);
    }
  }

  Vec<T> lanes(const T* p, int64_t n) const
    requires(std::is_floating_point_v<T> && !kIsWide<F>)
  {
    Vec<T> total = map(load_part(p, n, 0));
    for (int64_t i = Vec<T>::kSize; i < n; i += Vec<T>::kSize)
      total = total + map(load_part(p + i, n - i, 0));
    return total;
  }

  void rows(Acc* acc, const T* p, int64_t stride, int64_t n, int64_t width, int64_t) const {
    if constexpr (!std::is_floating_point_v<T> || kIsWide<F>) {
      for (int64_t r = 0; r < n; ++r, p += stride)
        for (int64_t j = 0; j < width; ++j) acc[j] += map(static_cast<Acc>(p[j]));
    } else {
      T part[kTile];
      for (int64_t r = 0; r < n;) {
        const int64_t end = std::min(n, r + 32);
        std::fill_n(part, width, T(0));
        for (; r + 4 <= end; r += 4, p += 4 * stride) {
          const T *a = p, *b = p + stride, *c = p + 2 * stride, *d = p + 3 * stride;
          for (int64_t j = 0; j < width; ++j)
            part[j] += (map(a[j]) + map(b[j])) + (map(c[j]) + map(d[j]));
        }
        for (; r < end; ++r, p += stride)
          for (int64_t j = 0; j < width; ++j) part[j] += map(p[j]);
        for (int64_t j = 0; j < width; ++j) acc[j] += part[j];
      }
    }
  }

  bool store_all(const Acc* acc, int64_t n, const ReduceTarget& to, int64_t i) const
    requires(std::is_floating_point_v<T> && std::is_same_v<F, Identity>)
  {
    if (kind != ReduceKind::kSum) return false;
    store_sums(acc, n, static_cast<T*>(to.out) + i);
    return true;
  }

  void store(Acc acc, const ReduceTarget& to, int64_t i) const {
    if constexpr (std::is_floating_point_v<T>) {
      if (kind == ReduceKind::kMean) acc /= static_cast<double>(count);
      if (kind == ReduceKind::kNorm2) acc = std::sqrt(acc);
      if (kind == ReduceKind::kNormP) acc = std::pow(acc, 1 / param);
    }
    store_sum<T>(acc, to, i);
  }
};

template <class T>
struct Product {
  using In = T;
  using Acc = Wide<T>;
  static constexpr bool kFolds = true;
  Acc init() const { return 1; }
  Acc combine(Acc a, Acc b) const { return a * b; }
  Acc row(const T* p, int64_t n, int64_t) const {
    return wide_fold(p, n, Acc(1), Identity(), [](Acc a, Acc b) { return a * b; });
  }
  void rows(Acc* acc, const T* p, int64_t stride, int64_t n, int64_t width, int64_t) const {
    for (int64_t r = 0; r < n; ++r, p += stride)
      for (int64_t j = 0; j < width; ++j) acc[j] *= static_cast<Acc>(p[j]);
  }
  void store(Acc acc, const ReduceTarget& to, int64_t i) const { store_sum<T>(acc, to, i); }
};

// Any: is one not zero? All: is none zero? Both as "was one found?". NaN is not zero.
template <class T>
struct Found {
  using In = T;
  using Acc = uint8_t;
  static constexpr bool kFolds = true;
  bool any;

  // In counters as wide as the elements: the loop is then all registers.
  using Counter = std::conditional_t<sizeof(T) == 1, uint8_t,
                                     std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>>;
  static constexpr int64_t kStep = 1024;

  Acc init() const { return 0; }
  Acc combine(Acc a, Acc b) const { return a | b; }
  Acc row(const T* p, int64_t n, int64_t) const {
    for (int64_t i = 0; i < n; i += kStep) {
      const int64_t m = std::min(n - i, kStep);
      Counter found = 0;
      for (int64_t k = 0; k < m; ++k) found |= Counter(p[i + k] != T(0)) ^ Counter(!any);
      if (found) return 1;
    }
    return 0;
  }
  [[gnu::noinline]] void rows(Acc* acc, const T* p, int64_t stride, int64_t n, int64_t width,
                              int64_t) const {
    Counter found[kTile] = {};
    const Counter wrong = !any;
    for (int64_t r = 0; r < n; ++r, p += stride)
      for (int64_t j = 0; j < width; ++j) found[j] |= Counter(p[j] != T(0)) ^ wrong;
    for (int64_t j = 0; j < width; ++j) acc[j] |= found[j] != 0;
  }
  void store(Acc acc, const ReduceTarget& to, int64_t i) const {
    static_cast<uint8_t*>(to.out)[i] = (acc != 0) == any;
  }
};

template <class T>
struct NonzeroCount {
  using In = T;
  using Acc = int64_t;
  static constexpr bool kFolds = true;
  Acc init() const { return 0; }
  Acc combine(Acc a, Acc b) const { return a + b; }
  Acc row(const T* p, int64_t n, int64_t) const {
    Acc acc = 0;
    for (int64_t i = 0; i < n; ++i) acc += p[i] != 0;
    return acc;
  }
  void rows(Acc* acc, const T* p, int64_t stride, int64_t n, int64_t width, int64_t) const {
    for (int64_t r = 0; r < n; ++r, p += stride)
      for (int64_t j = 0; j < width; ++j) acc[j] += p[j] != 0;
  }
  void store(Acc acc, const ReduceTarget& to, int64_t i) const {
    static_cast<int64_t*>(to.out)[i] = acc;
  }
};

template <class F>
void sum_floating(F map, ReduceKind kind, const ReducePlan& plan, Dtype dtype, const void* x,
                  const ReduceTarget& to, double param) {
  dispatch_floating(dtype, [&](auto zero) {
    drive(SumOf<decltype(zero), F>{map, kind, param, plan.count}, plan, x, to);
  });
}

}  // namespace

void reduce_sums(ReduceKind kind, const ReducePlan& plan, Dtype dtype, const void* x,
                 const ReduceTarget& to, double param) {
  const auto floating = [&](auto map) { sum_floating(map, kind, plan, dtype, x, to, param); };
  switch (kind) {
    case ReduceKind::kNorm1:
      return floating(Magnitude{});
    case ReduceKind::kNorm2:
      return floating(Square{});
    case ReduceKind::kNormP:
      return floating(Power{param});
    case ReduceKind::kNanSum:
      if (is_floating(dtype)) return floating(NanIsZero{});
      break;
    case ReduceKind::kCountNonzero:
      return dispatch_values(
          dtype, [&](auto zero) { drive(NonzeroCount<decltype(zero)>{}, plan, x, to); });
    case ReduceKind::kAny:
    case ReduceKind::kAll:
      return dispatch_values(dtype, [&](auto zero) {
        drive(Found<decltype(zero)>{kind == ReduceKind::kAny}, plan, x, to);
      });
    case ReduceKind::kProd:
      return dispatch_values(dtype,
                             [&](auto zero) { drive(Product<decltype(zero)>{}, plan, x, to); });
    default:
      break;
  }
  dispatch_values(dtype, [&](auto zero) {
    drive(SumOf<decltype(zero), Identity>{{}, kind, param, plan.count}, plan, x, to);
  });
}

}  // namespace detail

bool all_equal(Dtype dtype, const Dims& shape, const void* x, const Dims& x_strides, const void* y,
               const Dims& y_strides) {
  constexpr int64_t kStep = 1024;
  if (numel(shape) == 0) return true;
  Walk<2> w{shape, {x_strides, y_strides}};
  w.simplify();
  std::atomic<bool> differ{false};
  detail::dispatch_values(dtype, [&](auto zero) {
    using T = decltype(zero);
    const int64_t sx = w.inner(0), sy = w.inner(1);
    parallel_for(w.count(), detail::kReduceGrain, [&](int64_t begin, int64_t end) {
      w.rows(begin, end, [&](const auto& at, int64_t n) {
        const T* a = static_cast<const T*>(x) + at[0];
        const T* b = static_cast<const T*>(y) + at[1];
        for (int64_t i = 0; i < n && !differ.load(std::memory_order_relaxed); i += kStep) {
          const int64_t m = std::min(kStep, n - i);
          bool found = false;
          if (sx == 1 && sy == 1) {
            for (int64_t k = i; k < i + m; ++k) found |= a[k] != b[k];
          } else {
            for (int64_t k = i; k < i + m; ++k) found |= a[k * sx] != b[k * sy];
          }
          if (found) differ.store(true, std::memory_order_relaxed);
        }
      });
    });
  });
  return !differ.load();
}

ReducePlan plan_reduction(const Dims& shape, uint32_t reduced) {
  return plan_reduction(shape, contiguous_strides(shape), reduced);
}

ReducePlan plan_reduction(const Dims& shape, const Dims& strides, uint32_t reduced) {
  ReducePlan p;
  int64_t even = 1;  // the stride that the next dimension has if it lies evenly
  int last = -1;     // of the group before: 1 reduced, 0 kept
  Dims* sizes = nullptr;
  for (int i = shape.size() - 1; i >= 0; --i) {
    const int64_t n = shape[i];
    const int kind = reduced >> i & 1;
    (kind ? p.count : p.outputs) *= n;
    if (n == 1) continue;
    if (kind == last && strides[i] == even) {
      if (sizes) {
        (*sizes)[0] *= n;
      } else {
        (kind ? p.run : p.inner) *= n;
      }
    } else if (last < 0) {
      (kind ? p.run : p.inner) = n;
    } else {
      sizes = kind ? &p.reduced_shape : &p.outer_shape;
      sizes->insert(0, n);
      (kind ? p.reduced_strides : p.outer_strides).insert(0, strides[i]);
    }
    last = kind;
    even = strides[i] * n;
  }
  return p;
}

void reduce(ReduceKind kind, const ReducePlan& plan, Dtype dtype, const void* x,
            const ReduceTarget& to, double param) {
  if (plan.outputs == 0) return;
  if (kind >= ReduceKind::kLogSumExp) {
    detail::reduce_moments(kind, plan, dtype, x, to, param);
  } else if (kind >= ReduceKind::kMax) {
    detail::reduce_extremes(kind, plan, dtype, x, to);
  } else {
    detail::reduce_sums(kind, plan, dtype, x, to, param);
  }
}

}  // namespace wengert
