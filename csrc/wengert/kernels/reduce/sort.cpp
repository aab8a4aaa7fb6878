#include "wengert/kernels/reduce/sort.h"

#include <algorithm>

#include "wengert/base/allocator.h"
#include "wengert/base/parallel.h"

namespace wengert {
namespace {

template <class T>
struct Item {
  T value;
  int64_t index;
};

// Ties are broken by index: any sort is then a stable one, and there is one answer.
template <class T>
bool ascending(const Item<T>& a, const Item<T>& b) {
  if (a.value < b.value) return true;
  if (a.value > b.value) return false;
  const bool nan_a = a.value != a.value, nan_b = b.value != b.value;
  return nan_a != nan_b ? nan_b : a.index < b.index;
}
template <class T>
bool descending(const Item<T>& a, const Item<T>& b) {
  if (a.value > b.value) return true;
  if (a.value < b.value) return false;
  const bool nan_a = a.value != a.value, nan_b = b.value != b.value;
  return nan_a != nan_b ? nan_a : a.index < b.index;
}

template <class T>
void sort_line(Item<T>* line, int64_t n, int64_t k, bool down) {
  const auto less = down ? descending<T> : ascending<T>;
  if (k == n) {
    std::sort(line, line + n, less);
  } else if (k < n / 16) {
    std::partial_sort(line, line + k, line + n, less);
  } else {
    std::nth_element(line, line + k, line + n, less);
    std::sort(line, line + k, less);
  }
}

template <class T>
void middle(Item<T>* line, int64_t n) {
  if constexpr (std::is_floating_point_v<T>)
    for (int64_t i = 0; i < n; ++i)
      if (line[i].value != line[i].value) {
        line[0] = line[i];
        return;
      }
  Item<T>* at = line + (n - 1) / 2;
  std::nth_element(line, at, line + n, ascending<T>);
  line[0] = *at;
}

// Copies each line out, orders it with `order`, and writes what is kept.
template <class T, class F>
void for_lines(const SortShape& s, const void* in, void* values, int64_t* indices, const F& order) {
  constexpr int64_t kGrain = 8192;
  if (s.n == 0) return;
  const T* x = static_cast<const T*>(in);
  T* y = static_cast<T*>(values);
  parallel_for(s.outer * s.inner, std::max<int64_t>(1, kGrain / s.n),
               [&](int64_t begin, int64_t end) {
                 const Scratch scratch(static_cast<size_t>(s.n) * sizeof(Item<T>));
                 auto* line = scratch.as<Item<T>>();
                 for (int64_t l = begin; l < end; ++l) {
                   const int64_t outer = l / s.inner, column = l % s.inner;
                   const T* from = x + outer * s.n * s.inner + column;
                   for (int64_t i = 0; i < s.n; ++i) line[i] = {from[i * s.inner], i};
                   order(line);
                   int64_t at = outer * s.k * s.inner + column;
                   for (int64_t i = 0; i < s.k; ++i, at += s.inner) {
                     if (y) y[at] = line[i].value;
                     if (indices) indices[at] = line[i].index;
                   }
                 }
               });
}

template <class F>
void dispatch_values(Dtype dtype, const F& f) {
  dispatch(dtype, [&](auto zero) {
    // Truth values are bytes of 0 and 1.
    f(std::conditional_t<std::is_same_v<decltype(zero), bool>, uint8_t, decltype(zero)>{});
  });
}

}  // namespace

void sort_lines(Dtype dtype, const SortShape& s, const void* x, void* values, int64_t* indices,
                bool descending) {
  dispatch_values(dtype, [&](auto zero) {
    using T = decltype(zero);
    for_lines<T>(s, x, values, indices,
                 [&](Item<T>* line) { sort_line(line, s.n, s.k, descending); });
  });
}

void median_lines(Dtype dtype, const SortShape& s, const void* x, void* values, int64_t* indices) {
  dispatch_values(dtype, [&](auto zero) {
    using T = decltype(zero);
    for_lines<T>(s, x, values, indices, [&](Item<T>* line) { middle(line, s.n); });
  });
}

}  // namespace wengert
