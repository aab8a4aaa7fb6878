// Maxima and minima, with and without their places.
#include <cmath>
#include <limits>

#include "wengert/kernels/reduce/driver.h"

namespace wengert::detail {
namespace {

template <class T, bool kLargest>
constexpr T worst() {
  using L = std::numeric_limits<T>;
  if constexpr (L::has_infinity) return kLargest ? -L::infinity() : L::infinity();
  return kLargest ? L::lowest() : L::max();
}

template <class T, bool kLargest>
struct Extreme {
  using In = T;
  using Acc = T;
  static constexpr bool kFolds = true;
  Acc init() const { return worst<T, kLargest>(); }
  Acc combine(Acc a, Acc b) const { return better_of<kLargest>(a, b); }
  Acc row(const T* p, int64_t n, int64_t) const { return extreme<kLargest>(p, n); }
  void rows(Acc* acc, const T* p, int64_t stride, int64_t n, int64_t width, int64_t) const {
    for (int64_t r = 0; r < n; ++r, p += stride)
      for (int64_t j = 0; j < width; ++j) {
        const T v = p[j], a = acc[j];
        acc[j] = ((kLargest ? v > a : v < a) | (v != v)) ? v : a;
      }
  }
  void store(Acc acc, const ReduceTarget& to, int64_t i) const { static_cast<T*>(to.out)[i] = acc; }
};

// The largest (smallest) magnitude.
template <class T, bool kLargest>
struct Magnitude {
  using In = T;
  using Acc = T;
  static constexpr bool kFolds = true;
  Acc init() const { return kLargest ? T(0) : worst<T, false>(); }
  Acc combine(Acc a, Acc b) const { return better_of<kLargest>(a, b); }
  Acc row(const T* p, int64_t n, int64_t) const {
    Acc acc = std::abs(p[0]);
    for (int64_t i = 1; i < n; ++i) acc = better_of<kLargest>(acc, std::abs(p[i]));
    return acc;
  }
  void rows(Acc* acc, const T* p, int64_t stride, int64_t n, int64_t width, int64_t) const {
    for (int64_t r = 0; r < n; ++r, p += stride)
      for (int64_t j = 0; j < width; ++j) acc[j] = better_of<kLargest>(acc[j], std::abs(p[j]));
  }
  void store(Acc acc, const ReduceTarget& to, int64_t i) const { static_cast<T*>(to.out)[i] = acc; }
};

template <class T>
struct Place {
  T value;
  int64_t index;  // -1: nothing seen yet
};

template <class T, bool kLargest>
struct PlaceOf {
  using In = T;
  using Acc = Place<T>;
  static constexpr bool kFolds = false;

  static bool beats(T v, T a) { return (kLargest ? v > a : v < a) || (v != v && a == a); }
  Acc init() const { return {worst<T, kLargest>(), -1}; }
  Acc combine(Acc a, Acc b) const {
    if (a.index < 0 || (b.index >= 0 && beats(b.value, a.value))) return b;
    return a;
  }

  // The extreme of each block is found at full speed; its place only in the block that wins.
  Acc row(const T* p, int64_t n, int64_t at) const {
    constexpr int64_t kBlock = 1024;
    T best = extreme<kLargest>(p, std::min(n, kBlock));
    int64_t from = 0;
    for (int64_t i = kBlock; i < n && best == best; i += kBlock) {
      const T m = extreme<kLargest>(p + i, std::min(n - i, kBlock));
      if (beats(m, best)) {
        best = m;
        from = i;
      }
    }
    if (best == best) {
      while (p[from] != best) ++from;
    } else {
      while (p[from] == p[from]) ++from;
    }
    return {p[from], at + from};
  }

  void rows(Acc* acc, const T* p, int64_t stride, int64_t n, int64_t width, int64_t at) const {
    for (int64_t r = 0; r < n; ++r, p += stride)
      for (int64_t j = 0; j < width; ++j)
        if (beats(p[j], acc[j].value) || acc[j].index < 0) acc[j] = {p[j], at + r};
  }

  void store(Acc acc, const ReduceTarget& to, int64_t i) const {
    if (to.second) static_cast<T*>(to.out)[i] = acc.value;
    static_cast<int64_t*>(to.second ? to.second : to.out)[i] = acc.index;
  }
};

template <bool kLargest, class T>
void run(ReduceKind kind, const ReducePlan& plan, const void* x, const ReduceTarget& to) {
  using K = ReduceKind;
  if (kind == K::kMax || kind == K::kMin) {
    drive(Extreme<T, kLargest>{}, plan, x, to);
  } else if (kind == K::kNormInf || kind == K::kNormNegInf) {
    if constexpr (std::is_floating_point_v<T>) drive(Magnitude<T, kLargest>{}, plan, x, to);
  } else {
    drive(PlaceOf<T, kLargest>{}, plan, x, to);
  }
}

}  // namespace

void reduce_extremes(ReduceKind kind, const ReducePlan& plan, Dtype dtype, const void* x,
                     const ReduceTarget& to) {
  using K = ReduceKind;
  const bool largest =
      kind == K::kMax || kind == K::kArgMax || kind == K::kMaxIndex || kind == K::kNormInf;
  dispatch_values(dtype, [&](auto zero) {
    using T = decltype(zero);
    largest ? run<true, T>(kind, plan, x, to) : run<false, T>(kind, plan, x, to);
  });
}

}  // namespace wengert::detail
