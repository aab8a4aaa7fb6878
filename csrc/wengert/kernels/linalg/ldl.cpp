// Factors of symmetric indefinite matrices: J. Bunch and L. Kaufman, "Some stable methods for
// calculating inertia and solving symmetric linear systems", 1977. And the matrix exponential.
#include <algorithm>
#include <cmath>
#include <utility>

#include "wengert/base/allocator.h"
#include "wengert/base/parallel.h"
#include "wengert/kernels/linalg/linalg.h"

namespace wengert::linalg {
namespace {

// Some columns of L at a time, as LAPACK's lasyf has it: what is left of A stays as it is while its
// columns are needed one by one, each with what the panel's columns so far take from it, and is
// reduced by one product at the end. A is held whole, so that a column of it is a row in memory.
template <class T>
struct Panel {
  T* a;
  int64_t ld, n;
  T *l, *w;  // columns of L and of L D, n numbers each

  // Column `row` of what is left after k columns, in column `at` of L D.
  T* take(int64_t at, int64_t row, int64_t k) const {
    T* const __restrict to = w + at * n;
    std::copy(a + row * ld + k, a + row * ld + n, to + k);
    int64_t p = 0;
    for (; p + 4 <= k; p += 4) {
      const T* const x = l + p * n;
      const T* const f = w + p * n + row;
      const T f0 = f[0], f1 = f[n], f2 = f[2 * n], f3 = f[3 * n];
      for (int64_t i = k; i < n; ++i)
        to[i] -= (f0 * x[i] + f1 * x[i + n]) + (f2 * x[i + 2 * n] + f3 * x[i + 3 * n]);
    }
    for (; p < k; ++p)
      for (int64_t i = k; i < n; ++i) to[i] -= w[p * n + row] * l[p * n + i];
    return to;
  }
  static int64_t largest(const T* x, int64_t begin, int64_t end, int64_t but) {
    int64_t most = begin;
    T size = -1;
    for (int64_t i = begin; i < end; ++i)
      if (i != but && std::abs(x[i]) > size) size = std::abs(x[most = i]);
    return most;
  }
  // Which row becomes the pivot's, and the size of its block, whose columns of L D are there then.
  std::pair<int64_t, int> choose(int64_t k, bool& zero) const {
    const T alpha = static_cast<T>((1 + std::sqrt(17.0)) / 8);
    const T* const x = take(k, k, k);
    const T own = std::abs(x[k]);
    const int64_t most = k + 1 < n ? largest(x, k + 1, n, k) : k;
    const T column = most == k ? T(0) : std::abs(x[most]);
    zero = std::max(own, column) == 0 || std::isnan(own);
    if (zero || own >= alpha * column) return {k, 1};
    const T* const y = take(k + 1, most, k);
    const T row = std::abs(y[largest(y, k, n, most)]);
    if (own >= alpha * column * (column / row)) return {k, 1};
    if (!(std::abs(y[most]) >= alpha * row)) return {most, 2};
    std::copy(y + k, y + n, w + k * n + k);
    return {most, 1};
  }
  // Rows and columns kk and p of what is left: of A only what is needed later, so p's.
  void exchange(int64_t k, int64_t kk, int64_t p) const {
    for (int64_t i = kk + 1; i < n; ++i) a[i * ld + p] = a[i * ld + kk];
    std::copy(a + kk * ld + kk + 1, a + kk * ld + n, a + p * ld + kk + 1);
    a[p * ld + p] = a[kk * ld + kk];
    for (int64_t j = 0; j < k; ++j) std::swap(l[j * n + kk], l[j * n + p]);
    for (int64_t j = 0; j <= kk; ++j) std::swap(w[j * n + kk], w[j * n + p]);
  }
  void divide(int64_t k, int size) const {
    const T *const x = w + k * n, *const y = x + n;
    T *const to = l + k * n, *const next = to + n;
    std::copy_n(x + k, size, to + k);
    if (size == 1) {
      const T inverse = x[k] == 0 ? T(0) : 1 / x[k];  // of a column of zeros
      for (int64_t i = k + 1; i < n; ++i) to[i] = inverse * x[i];
      return;
    }
    next[k + 1] = y[k + 1];
    const T d11 = y[k + 1] / x[k + 1], d22 = x[k] / x[k + 1], d = 1 / (d11 * d22 - 1) / x[k + 1];
    for (int64_t i = k + 2; i < n; ++i) {
      to[i] = d * (d11 * x[i] - y[i]);
      next[i] = d * (d22 * y[i] - x[i]);
    }
  }
  // Takes `width` columns or one more; how many, and the number of the first zero block.
  std::pair<int64_t, int64_t> run(int64_t width, int32_t* pivots) const {
    int64_t k = 0, info = 0;
    while (k < std::min(width, n)) {
      bool zero;
      const auto [p, size] = choose(k, zero);
      const int64_t kk = k + size - 1;
      if (p != kk) exchange(k, kk, p);
      if (zero && !info) info = k + 1;
      divide(k, size);
      pivots[k] = static_cast<int32_t>(size == 1 ? p + 1 : -p - 1);
      if (size == 2) pivots[k + 1] = pivots[k];
      k += size;
    }
    return {k, info};
  }
  // The columns into A, where exchanges reach only what comes after them.
  void store(int64_t count, const int32_t* pivots) const {
    for (int64_t k = count - 1; k > 0;) {
      const int64_t p = std::abs(pivots[k]) - 1, kk = k;
      k -= pivots[k] > 0 ? 1 : 2;
      if (p != kk)
        for (int64_t j = 0; j <= k; ++j) std::swap(l[j * n + kk], l[j * n + p]);
    }
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < std::min(i + 1, count); ++j) a[i * ld + j] = l[j * n + i];
  }
};

template <class T>
struct Lower {
  T* a;
  int64_t ld, n;
  T& operator()(int64_t i, int64_t j) const { return a[i * ld + j]; }
};

template <class T>
struct Rows {
  T* b;
  int64_t m;
  T* operator[](int64_t i) const { return b + i * m; }
  void swap(int64_t i, int64_t j) const {
    if (i != j) std::swap_ranges((*this)[i], (*this)[i] + m, (*this)[j]);
  }
  void subtract(int64_t i, T factor, int64_t from) const {
    T *const to = (*this)[i], *const x = (*this)[from];
    for (int64_t j = 0; j < m; ++j) to[j] -= factor * x[j];
  }
};

// b <- D^-1 L^-1 b, both with the exchanges.
template <class T>
void ldl_forward(const Lower<const T>& at, const int32_t* pivots, const Rows<T>& b) {
  for (int64_t k = 0; k < at.n;) {
    if (pivots[k] > 0) {
      b.swap(k, pivots[k] - 1);
      for (int64_t i = k + 1; i < at.n; ++i) b.subtract(i, at(i, k), k);
      for (int64_t j = 0; j < b.m; ++j) b[k][j] /= at(k, k);
      ++k;
      continue;
    }
    b.swap(k + 1, -pivots[k] - 1);
    for (int64_t i = k + 2; i < at.n; ++i) {
      b.subtract(i, at(i, k), k);
      b.subtract(i, at(i, k + 1), k + 1);
    }
    const T d21 = at(k + 1, k), d11 = at(k, k) / d21, d22 = at(k + 1, k + 1) / d21;
    const T denominator = d11 * d22 - 1;
    for (int64_t j = 0; j < b.m; ++j) {
      const T x = b[k][j] / d21, y = b[k + 1][j] / d21;
      b[k][j] = (d22 * x - y) / denominator;
      b[k + 1][j] = (d11 * y - x) / denominator;
    }
    k += 2;
  }
}

}  // namespace

template <class T>
int64_t ldl(T* a, int64_t ld, int64_t n, int32_t* pivots) {
  constexpr int64_t kWidth = 32, kTile = 32;
  for (int64_t i = 0; i < n; i += kTile)
    for (int64_t j = 0; j <= i; j += kTile)
      for (int64_t r = i; r < std::min(i + kTile, n); ++r)
        for (int64_t c = j; c < std::min(j + kTile, r); ++c) a[c * ld + r] = a[r * ld + c];
  const int64_t columns = std::min(kWidth + 1, n + 1);
  const Scratch scratch(static_cast<size_t>(2 * columns * n) * sizeof(T));
  int64_t info = 0;
  for (int64_t begin = 0; begin < n;) {
    const int64_t left = n - begin;
    T *const l = scratch.as<T>(), *const w = l + columns * left, *const at = a + begin * (ld + 1);
    const Panel<T> panel{at, ld, left, l, w};
    const auto [count, zero] = panel.run(kWidth, pivots + begin);
    if (zero && !info) info = begin + zero;
    const int64_t rest = left - count;
    subtract_product<T>(at + count * (ld + 1), ld, {l + count, 1, left}, {w + count, left, 1}, rest,
                        rest, count);
    panel.store(count, pivots + begin);
    for (int64_t k = begin; k < begin + count; ++k)
      pivots[k] += static_cast<int32_t>(pivots[k] > 0 ? begin : -begin);
    begin += count;
  }
  for (int64_t i = 0; i < n; ++i) std::fill(a + i * ld + i + 1, a + i * ld + n, T(0));
  return info;
}

template <class T>
void ldl_solve(const T* a, int64_t ld, const int32_t* pivots, T* x, int64_t n, int64_t m) {
  const Lower<const T> at{a, ld, n};
  const Rows<T> b{x, m};
  ldl_forward(at, pivots, b);
  for (int64_t k = n - 1; k >= 0;) {
    const int size = pivots[k] > 0 ? 1 : 2;
    for (int64_t i = k + 1; i < n; ++i) {
      b.subtract(k, at(i, k), i);
      if (size == 2) b.subtract(k - 1, at(i, k - 1), i);
    }
    b.swap(k, (size == 1 ? pivots[k] : -pivots[k]) - 1);
    k -= size;
  }
}

// Pade's approximant of degree 13 of the exponential of x / 2^s, squared s times; N. Higham, "The
// scaling and squaring method for the matrix exponential revisited", 2005.
template <class T>
void matrix_exp(const T* x, T* y, int64_t n) {
  static constexpr double kPade[] = {64764752532480000.0,
                                     32382376266240000.0,
                                     7771770303897600.0,
                                     1187353796428800.0,
                                     129060195264000.0,
                                     10559470521600.0,
                                     670442572800.0,
                                     33522128640.0,
                                     1323241920.0,
                                     40840800.0,
                                     960960.0,
                                     16380.0,
                                     182.0,
                                     1.0};
  const int64_t size = n * n;
  double norm = 0;
  for (int64_t j = 0; j < n; ++j) {
    double sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += std::abs(static_cast<double>(x[i * n + j]));
    norm = sum > norm || std::isnan(sum) ? sum : norm;
  }
  if (!std::isfinite(norm)) return static_cast<void>(std::fill_n(y, size, static_cast<T>(NAN)));
  int exponent = 0;
  if (norm > 0) std::frexp(norm / 5.371920351148152, &exponent);
  const int squarings = std::max(exponent, 0);
  const double scale = std::ldexp(1.0, -squarings);
  const Scratch scratch(static_cast<size_t>(6 * size) * sizeof(T));
  const Scratch places(static_cast<size_t>(n) * sizeof(int32_t));
  T *const a = scratch.as<T>(), *const a2 = a + size, *const a4 = a2 + size, *const a6 = a4 + size,
           *const u = a6 + size, *const w = u + size;
  const auto product = [&](T* to, const T* p, const T* q, bool accumulate = false) {
    gemm<T>(to, n, {p, n, 1}, {q, n, 1}, n, n, n, accumulate);
  };
  // Divided by the last coefficient but one of its kind, so that all fit into float32.
  const auto sum = [&](T* to, double c6, double c4, double c2, double c0) {
    for (int64_t i = 0; i < size; ++i)
      to[i] = static_cast<T>((c6 * static_cast<double>(a6[i]) + c4 * static_cast<double>(a4[i]) +
                              c2 * static_cast<double>(a2[i]) + (i % (n + 1) == 0 ? c0 : 0)) /
                             kPade[0]);
  };
  for (int64_t i = 0; i < size; ++i) a[i] = static_cast<T>(static_cast<double>(x[i]) * scale);
  product(a2, a, a);
  product(a4, a2, a2);
  product(a6, a4, a2);
  sum(w, kPade[13], kPade[11], kPade[9], 0);
  sum(y, kPade[7], kPade[5], kPade[3], kPade[1]);
  product(y, a6, w, true);
  product(u, a, y);
  sum(w, kPade[12], kPade[10], kPade[8], 0);
  sum(y, kPade[6], kPade[4], kPade[2], kPade[0]);
  product(y, a6, w, true);
  for (int64_t i = 0; i < size; ++i) {
    w[i] = y[i] - u[i];
    y[i] += u[i];
  }
  lu(w, n, n, n, places.as<int32_t>(), true);
  exchange_rows(y, n, n, places.as<int32_t>(), n, false);
  solve_triangular<T>({w, n, 1}, false, true, y, n, 1, n, n);
  solve_triangular<T>({w, n, 1}, true, false, y, n, 1, n, n);
  for (int k = 0; k < squarings; ++k) {
    product(w, y, y);
    std::copy_n(w, size, y);
  }
}

#define WENGERT_INSTANCES(T)                                                           \
  template int64_t ldl<T>(T*, int64_t, int64_t, int32_t*);                             \
  template void ldl_solve<T>(const T*, int64_t, const int32_t*, T*, int64_t, int64_t); \
  template void matrix_exp<T>(const T*, T*, int64_t);
WENGERT_INSTANCES(float)
WENGERT_INSTANCES(double)
#undef WENGERT_INSTANCES

}  // namespace wengert::linalg
