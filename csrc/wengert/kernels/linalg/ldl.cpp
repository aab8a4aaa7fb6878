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

template <class T>
struct Lower {
  T* a;
  int64_t ld, n;
  T& operator()(int64_t i, int64_t j) const { return a[i * ld + j]; }

  // Which row becomes the pivot's, and the size of its block.
  std::pair<int64_t, int> choose(int64_t k, bool& zero) const {
    const auto& at = *this;
    const T alpha = static_cast<T>((1 + std::sqrt(17.0)) / 8), own = std::abs(at(k, k));
    int64_t most = k;
    T column = 0;
    for (int64_t i = k + 1; i < n; ++i)
      if (std::abs(at(i, k)) > column) column = std::abs(at(most = i, k));
    zero = std::max(own, column) == 0 || std::isnan(own);
    if (zero || own >= alpha * column) return {k, 1};
    T row = 0;
    for (int64_t j = k; j < most; ++j) row = std::max(row, std::abs(at(most, j)));
    for (int64_t i = most + 1; i < n; ++i) row = std::max(row, std::abs(at(i, most)));
    if (own >= alpha * column * (column / row)) return {k, 1};
    return {most, std::abs(at(most, most)) >= alpha * row ? 1 : 2};
  }
  void exchange(int64_t k, int64_t kk, int64_t p) const {
    const auto& at = *this;
    for (int64_t i = p + 1; i < n; ++i) std::swap(at(i, kk), at(i, p));
    for (int64_t i = kk + 1; i < p; ++i) std::swap(at(i, kk), at(p, i));
    std::swap(at(kk, kk), at(p, p));
    if (kk != k) std::swap(at(k + 1, k), at(p, k));
  }
  void eliminate_one(int64_t k) const {
    const auto& at = *this;
    const T inverse = 1 / at(k, k);
    for (int64_t i = k + 1; i < n; ++i) {
      const T factor = inverse * at(i, k);
      for (int64_t j = k + 1; j < i; ++j) at(i, j) -= factor * (at(j, k) * at(k, k));
      at(i, i) -= factor * at(i, k);
      at(i, k) = factor;
    }
  }
  void eliminate_two(int64_t k) const {
    const auto& at = *this;
    T d21 = at(k + 1, k);
    const T d11 = at(k + 1, k + 1) / d21, d22 = at(k, k) / d21;
    d21 = (1 / (d11 * d22 - 1)) / d21;
    for (int64_t j = k + 2; j < n; ++j) {
      const T w = d21 * (d11 * at(j, k) - at(j, k + 1)), z = d21 * (d22 * at(j, k + 1) - at(j, k));
      for (int64_t i = j; i < n; ++i) at(i, j) -= at(i, k) * w + at(i, k + 1) * z;
      at(j, k) = w;
      at(j, k + 1) = z;
    }
  }
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
  const Lower<T> at{a, ld, n};
  int64_t info = 0;
  for (int64_t k = 0; k < n;) {
    bool zero;
    const auto [p, size] = at.choose(k, zero);
    const int64_t kk = k + size - 1;
    if (p != kk) at.exchange(k, kk, p);
    if (zero && !info) info = k + 1;
    if (!zero) size == 1 ? at.eliminate_one(k) : at.eliminate_two(k);
    const auto name = static_cast<int32_t>(p + 1);
    pivots[k] = size == 1 ? name : -name;
    if (size == 2) pivots[k + 1] = -name;
    k += size;
  }
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
