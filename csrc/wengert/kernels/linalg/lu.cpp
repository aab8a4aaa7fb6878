// LU with partial pivoting, in halves of the columns; S. Toledo, "Locality of reference in LU
// decomposition with partial pivoting", 1997.
#include <algorithm>
#include <cmath>
#include <utility>

#include "wengert/base/allocator.h"
#include "wengert/base/parallel.h"
#include "wengert/kernels/linalg/linalg.h"

namespace wengert::linalg {
namespace {

constexpr int64_t kNarrow = 8, kPanel = 64;

template <class T>
int64_t eliminate(T* a, int64_t ld, int64_t m, int64_t n, int32_t* pivots, bool pivot) {
  int64_t info = 0;
  for (int64_t j = 0; j < std::min(m, n); ++j) {
    int64_t best = j;
    if (pivot)
      for (int64_t i = j + 1; i < m; ++i)
        if (std::abs(a[i * ld + j]) > std::abs(a[best * ld + j])) best = i;
    pivots[j] = static_cast<int32_t>(best + 1);
    T* const top = a + j * ld;
    if (best != j) std::swap_ranges(top, top + n, a + best * ld);
    if (top[j] == 0) {
      if (!info) info = j + 1;
      continue;
    }
    for (int64_t i = j + 1; i < m; ++i) {
      T* const row = a + i * ld;
      const T factor = row[j] /= top[j];
      for (int64_t k = j + 1; k < n; ++k) row[k] -= factor * top[k];
    }
  }
  return info;
}

template <class T>
int64_t in_halves(T* a, int64_t ld, int64_t m, int64_t n, int32_t* pivots, bool pivot);

// A tall, narrow panel in memory of its own, as its rows would fall on the same lines of a cache.
template <class T>
int64_t in_panel(T* a, int64_t ld, int64_t m, int64_t n, int32_t* pivots, bool pivot) {
  const Scratch scratch(static_cast<size_t>(m * n) * sizeof(T));
  T* const panel = scratch.as<T>();
  for (int64_t i = 0; i < m; ++i) std::copy_n(a + i * ld, n, panel + i * n);
  const int64_t info = in_halves(panel, n, m, n, pivots, pivot);
  for (int64_t i = 0; i < m; ++i) std::copy_n(panel + i * n, n, a + i * ld);
  return info;
}

template <class T>
int64_t in_halves(T* a, int64_t ld, int64_t m, int64_t n, int32_t* pivots, bool pivot) {
  const int64_t k = std::min(m, n);
  if (k <= kNarrow && n <= kPanel) return eliminate(a, ld, m, n, pivots, pivot);
  if (n <= kPanel && ld > kPanel) return in_panel(a, ld, m, n, pivots, pivot);
  const int64_t h = k <= kNarrow ? k : std::max<int64_t>(k / 2 / kNarrow * kNarrow, kNarrow);
  T *const right = a + h, *const below = a + h * ld;
  int64_t info = in_halves(a, ld, m, h, pivots, pivot);
  exchange_rows(right, ld, n - h, pivots, h, false);
  solve_triangular<T>({a, ld, 1}, false, true, right, ld, 1, h, n - h);
  if (h == k) return info;
  subtract_product<T>(below + h, ld, {below, ld, 1}, {right, ld, 1}, m - h, n - h, h);
  const int64_t later = in_halves(below + h, ld, m - h, n - h, pivots + h, pivot);
  exchange_rows(below, ld, h, pivots + h, k - h, false);
  for (int64_t i = h; i < k; ++i) pivots[i] += static_cast<int32_t>(h);
  if (!info && later) info = later + h;
  return info;
}

}  // namespace

template <class T>
void exchange_rows(T* b, int64_t ld, int64_t n, const int32_t* pivots, int64_t count, bool undo) {
  const int64_t width = std::max<int64_t>(64, (1 << 16) / std::max<int64_t>(count, 1));
  parallel_for(n, width, [&](int64_t begin, int64_t end) {
    for (int64_t k = 0; k < count; ++k) {
      const int64_t i = undo ? count - 1 - k : k, j = pivots[i] - 1;
      if (i != j) std::swap_ranges(b + i * ld + begin, b + i * ld + end, b + j * ld + begin);
    }
  });
}

template <class T>
int64_t lu(T* a, int64_t ld, int64_t m, int64_t n, int32_t* pivots, bool pivot) {
  return m && n ? in_halves(a, ld, m, n, pivots, pivot) : 0;
}

template void exchange_rows<float>(float*, int64_t, int64_t, const int32_t*, int64_t, bool);
template void exchange_rows<double>(double*, int64_t, int64_t, const int32_t*, int64_t, bool);
template int64_t lu<float>(float*, int64_t, int64_t, int64_t, int32_t*, bool);
template int64_t lu<double>(double*, int64_t, int64_t, int64_t, int32_t*, bool);

}  // namespace wengert::linalg
