#include "wengert/kernels/reduce/scan.h"

#include <algorithm>
#include <type_traits>

#include "wengert/base/allocator.h"
#include "wengert/base/parallel.h"
#include "wengert/kernels/core/turn.h"

namespace wengert {
namespace {

constexpr int64_t kColumns = 64;  // lines side by side that are followed together
constexpr int64_t kChains = 8;    // lines one behind the other: each step waits for the one before
constexpr int64_t kGrain = 32768;

using One = std::integral_constant<int64_t, 1>;
using Chains = std::integral_constant<int64_t, kChains>;

// f(j) for each of a group's lines; a constant number of them stays in registers.
template <class N, class F>
[[gnu::always_inline]] inline void each_line(N lines, const F& f) {
  if constexpr (std::is_same_v<N, int64_t>) {
    for (int64_t j = 0; j < lines; ++j) f(j);
  } else {
    detail::each<N::value>(f);
  }
}
// Room for a number of each line.
template <class N>
constexpr int64_t kRoom = std::is_same_v<N, int64_t> ? kColumns : N();

// body(first, lines, across, step): a group of lines whose first elements are `across` apart, from
// `first` on, and whose elements are `step` apart.
template <class F>
void for_line_groups(const Lines& l, const F& body) {
  const bool beside = l.inner > 1;
  const int64_t most = beside ? kColumns : kChains, together = beside ? l.inner : l.outer;
  const int64_t groups = (together + most - 1) / most;
  const int64_t work = std::max<int64_t>(1, l.n * std::min(together, most));
  parallel_for(groups * (beside ? l.outer : 1), std::max<int64_t>(1, kGrain / work),
               [&](int64_t begin, int64_t end) {
                 for (int64_t i = begin; i < end; ++i) {
                   const int64_t line = i % groups * most, lines = std::min(most, together - line);
                   if (beside) {
                     body(i / groups * l.n * l.inner + line, lines, One(), l.inner);
                   } else if (lines == kChains) {
                     body(line * l.n, Chains(), l.n, One());
                   } else {
                     for (int64_t j = line; j < line + lines; ++j) body(j * l.n, One(), l.n, One());
                   }
                 }
               });
}

template <class T>
using Wide = std::conditional_t<std::is_floating_point_v<T>, double, uint64_t>;

template <class T, bool kProduct>
void accumulate(const Lines& l, const T* x, T* y, bool reverse) {
  for_line_groups(l, [&](int64_t first, auto lines, auto across, auto step) {
    Wide<T> acc[kRoom<decltype(lines)>];
    std::fill_n(acc, lines, Wide<T>(kProduct));
    for (int64_t k = 0; k < l.n; ++k) {
      const int64_t at = first + (reverse ? l.n - 1 - k : k) * step;
      each_line(lines, [&](auto j) {
        const auto v = static_cast<Wide<T>>(x[at + j * across]);
        acc[j] = kProduct ? acc[j] * v : acc[j] + v;
        y[at + j * across] = static_cast<T>(acc[j]);
      });
    }
  });
}

template <bool kLargest, class T>
bool follows(T v, T best) {
  return (kLargest ? v >= best : v <= best) || v != v;
}

template <class T, bool kLargest>
void extremes(const Lines& l, const T* x, T* y, int64_t* index) {
  if (l.n == 0) return;
  for_line_groups(l, [&](int64_t first, auto lines, auto across, auto step) {
    if constexpr (std::is_same_v<decltype(step), One>) {
      // New ones are rare.
      for (int64_t j = 0; j < lines; ++j, first += across) {
        T best = x[first];
        for (int64_t k = 0, where = 0; k < l.n; ++k) {
          const T v = x[first + k];
          if (follows<kLargest>(v, best)) {
            best = v;
            where = k;
          }
          y[first + k] = best;
          index[first + k] = where;
        }
      }
    } else {
      T best[kColumns];
      int64_t where[kColumns] = {};
      std::copy_n(x + first, lines, best);
      for (int64_t k = 0; k < l.n; ++k, first += step)
        for (int64_t j = 0; j < lines; ++j) {
          const T v = x[first + j];
          const bool better = follows<kLargest>(v, best[j]);
          best[j] = better ? v : best[j];
          where[j] = better ? k : where[j];
          y[first + j] = best[j];
          index[first + j] = where[j];
        }
    }
  });
}

template <class T>
void scan(const Lines& l, const T* x, const T* f, T* y, bool reverse) {
  for_line_groups(l, [&](int64_t first, auto lines, auto across, auto step) {
    double acc[kRoom<decltype(lines)>];
    std::fill_n(acc, lines, 0.0);
    for (int64_t k = 0; k < l.n; ++k) {
      const int64_t at = first + (reverse ? l.n - 1 - k : k) * step;
      each_line(lines, [&](auto j) {
        acc[j] = x[at + j * across] + f[at + j * across] * acc[j];
        y[at + j * across] = static_cast<T>(acc[j]);
      });
    }
  });
}

template <class T>
void product_scan(const Lines& l, const T* g, const T* x, const T* y, T* dx) {
  for_line_groups(l, [&](int64_t first, auto lines, auto across, auto step) {
    double carried[kRoom<decltype(lines)>];  // x_{k+1} s_{k+1}
    std::fill_n(carried, lines, 0.0);
    for (int64_t k = l.n - 1; k >= 0; --k) {
      const int64_t at = first + k * step;
      each_line(lines, [&](auto j) {
        const int64_t i = at + j * across;
        const double s = g[i] + carried[j];
        dx[i] = static_cast<T>(k > 0 ? y[i - step] * s : s);
        carried[j] = x[i] * s;
      });
    }
  });
}

// Lines side by side: what stands before each element is kept, then multiplied from the end.
template <class T>
void product_backward_beside(const Lines& l, const T* g, const T* x, T* dx) {
  for_line_groups(l, [&](int64_t first, auto lines, auto, int64_t step) {
    const Scratch scratch(static_cast<size_t>(l.n * lines) * sizeof(double));
    double* before = scratch.as<double>();
    double acc[kColumns];
    std::fill_n(acc, lines, 1.0);
    for (int64_t k = 0; k < l.n; ++k, before += lines)
      for (int64_t j = 0; j < lines; ++j) {
        before[j] = acc[j];
        acc[j] *= x[first + k * step + j];
      }
    const T* own = g + first / (l.n * step) * step + first % step;
    for (int64_t j = 0; j < lines; ++j) acc[j] = own[j];
    for (int64_t k = l.n - 1; k >= 0; --k) {
      const int64_t at = first + k * step;
      before -= lines;
      for (int64_t j = 0; j < lines; ++j) {
        dx[at + j] = static_cast<T>(before[j] * acc[j]);
        acc[j] *= x[at + j];
      }
    }
  });
}

constexpr int64_t kPart = 1024;  // of a line, whose products before it and behind it are known

// dx of a part, g already in `behind`. Eighths of it are followed together.
template <class T>
void product_part(const T* x, T* dx, int64_t n, double before, double behind) {
  double kept[kPart / kChains][kChains], product[kChains], at[kChains], from[kChains];
  const int64_t length = n / kChains, rest = length * kChains;
  // The last few of all, which are no eighth.
  double ends[kChains];
  for (int64_t i = n - 1; i >= rest; --i) {
    ends[i - rest] = behind;
    behind *= x[i];
  }
  std::fill_n(product, kChains, 1.0);
  for (int64_t k = 0; k < length; ++k)
    detail::each<kChains>([&](auto j) {
      kept[k][j] = product[j];
      product[j] *= x[j * length + k];
    });
  for (int64_t j = 0; j < kChains; ++j) {
    at[j] = before;
    before *= product[j];
  }
  for (int64_t j = kChains - 1; j >= 0; --j) {
    from[j] = behind;
    behind *= product[j];
  }
  for (int64_t k = length - 1; k >= 0; --k)
    detail::each<kChains>([&](auto j) {
      const int64_t i = j * length + k;
      dx[i] = static_cast<T>(kept[k][j] * at[j] * from[j]);
      from[j] *= x[i];
    });
  for (int64_t i = rest; i < n; ++i) {
    dx[i] = static_cast<T>(before * ends[i - rest]);
    before *= x[i];
  }
}

template <class T>
double product_of(const T* x, int64_t n) {
  double lane[kChains];
  std::fill_n(lane, kChains, 1.0);
  int64_t i = 0;
  for (; i + kChains <= n; i += kChains)
    detail::each<kChains>([&](auto j) { lane[j] *= x[i + j]; });
  for (int64_t j = 0; i < n; ++i, ++j) lane[j] *= x[i];
  double product = 1;
  for (const double v : lane) product *= v;
  return product;
}

// Lines one behind the other, in parts.
template <class T>
void product_backward_behind(const Lines& l, const T* g, const T* x, T* dx) {
  const int64_t parts = (l.n + kPart - 1) / kPart, count = l.outer * parts;
  const int64_t grain = std::max<int64_t>(1, kGrain / std::min(l.n, kPart));
  // Of each part: the product of what stands before, and g times that of what stands behind.
  const Scratch scratch(static_cast<size_t>(2 * count) * sizeof(double));
  double *before = scratch.as<double>(), *behind = before + count;
  const auto for_parts = [&](const auto& f) {
    parallel_for(count, grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t at = i % parts * kPart;
        f(i, i / parts * l.n + at, std::min(kPart, l.n - at));
      }
    });
  };
  if (parts > 1)
    for_parts([&](int64_t i, int64_t at, int64_t n) { before[i] = product_of(x + at, n); });
  for (int64_t o = 0; o < l.outer; ++o) {
    double product = static_cast<double>(g[o]);
    for (int64_t i = (o + 1) * parts - 1; i >= o * parts; --i) {
      behind[i] = product;
      product *= before[i];
    }
    product = 1;
    for (int64_t i = o * parts; i < (o + 1) * parts; ++i)
      product *= std::exchange(before[i], product);
  }
  for_parts([&](int64_t i, int64_t at, int64_t n) {
    product_part(x + at, dx + at, n, before[i], behind[i]);
  });
}

}  // namespace

void running_sum(const Lines& l, Dtype dtype, const void* x, void* y, bool reverse) {
  dispatch(dtype, [&](auto zero) {
    using T = decltype(zero);
    if constexpr (!std::is_same_v<T, bool>)
      accumulate<T, false>(l, static_cast<const T*>(x), static_cast<T*>(y), reverse);
  });
}

void running_product(const Lines& l, Dtype dtype, const void* x, void* y) {
  dispatch(dtype, [&](auto zero) {
    using T = decltype(zero);
    if constexpr (!std::is_same_v<T, bool>)
      accumulate<T, true>(l, static_cast<const T*>(x), static_cast<T*>(y), false);
  });
}

void running_extreme(const Lines& l, Dtype dtype, const void* x, void* y, int64_t* index,
                     bool largest) {
  dispatch(dtype, [&](auto zero) {
    using T = decltype(zero);
    const auto* from = static_cast<const T*>(x);
    auto* to = static_cast<T*>(y);
    largest ? extremes<T, true>(l, from, to, index) : extremes<T, false>(l, from, to, index);
  });
}

void linear_scan(const Lines& l, Dtype dtype, const void* x, const void* f, void* y, bool reverse) {
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    scan(l, static_cast<const T*>(x), static_cast<const T*>(f), static_cast<T*>(y), reverse);
  });
}

void running_product_backward(const Lines& l, Dtype dtype, const void* g, const void* x,
                              const void* y, void* dx) {
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    product_scan(l, static_cast<const T*>(g), static_cast<const T*>(x), static_cast<const T*>(y),
                 static_cast<T*>(dx));
  });
}

void product_backward(const Lines& l, Dtype dtype, const void* g, const void* x, void* dx) {
  if (l.outer * l.n * l.inner == 0) return;
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    const auto *of = static_cast<const T*>(g), *from = static_cast<const T*>(x);
    auto* to = static_cast<T*>(dx);
    l.inner > 1 ? product_backward_beside(l, of, from, to)
                : product_backward_behind(l, of, from, to);
  });
}

}  // namespace wengert
