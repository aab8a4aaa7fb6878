// Symmetric eigenvalues: Householder's tridiagonal form by panels (J. Dongarra, S. Hammarling and
// D. Sorensen, "Block reduction of matrices to condensed forms for eigenvalue computations", 1989),
// then implicit QL (R. Martin and J. Wilkinson, "The implicit QL algorithm", 1968).
#include <numeric>

#include "wengert/kernels/linalg/spectral.h"

namespace wengert::linalg {
namespace {

constexpr int64_t kPanel = 32;

// A symmetric matrix in full; its reflections, row k the v of number k, which begins at k + 1.
template <class T>
class Tridiagonal {
 public:
  Tridiagonal(T* a, int64_t n, double* d, double* e, T* v, T* tau)
      : a_(a), n_(n), d_(d), e_(e), v_(v), tau_(tau) {}

  void reduce() {
    const Scratch scratch(static_cast<size_t>((kPanel + 2) * n_) * sizeof(T));
    w_ = scratch.as<T>();
    T* const small = w_ + kPanel * n_;
    for (int64_t begin = 0; begin < n_; begin += kPanel) {
      const int64_t end = std::min(begin + kPanel, n_);
      for (int64_t k = begin; k < end; ++k) column(begin, k, small);
      update(begin, end);
    }
  }

 private:
  // Column k, brought up to date with those of the panel before it, and its reflection.
  void column(int64_t begin, int64_t k, T* small) {
    T* const x = a_ + k * n_;
    for (int64_t j = begin; j < k; ++j) {
      const T *const v = v_ + j * n_, *const w = w_ + (j - begin) * n_;
      const T vk = v[k], wk = w[k];
      for (int64_t i = k; i < n_; ++i) x[i] -= v[i] * wk + w[i] * vk;
    }
    d_[k] = static_cast<double>(x[k]);
    T *const v = v_ + k * n_, *const w = w_ + (k - begin) * n_;
    std::fill_n(v, n_, T(0));
    std::fill_n(w, n_, T(0));
    const int64_t first = k + 1, m = n_ - first;
    if (m == 0) return;
    const T tau = tau_[k] = reflection(x + first, 1, m);
    e_[k] = static_cast<double>(x[first]);
    v[first] = 1;
    std::copy_n(x + first + 1, m - 1, v + first + 1);
    if (tau == 0) return;
    // w = tau (A v), then w -= (tau / 2) (w v) v
    T *const p = w + first, *const u = v + first;
    rows_times(p, a_ + first * n_ + first, n_, u, m, m);
    const int64_t before = k - begin;
    rows_times(small, w_ + first, n_, u, before, m);
    rows_times(small + before, v_ + begin * n_ + first, n_, u, before, m);
    subtract_rows(p, v_ + begin * n_ + first, n_, small, before, m);
    subtract_rows(p, w_ + first, n_, small + before, before, m);
    for (int64_t i = 0; i < m; ++i) p[i] *= tau;
    T along;
    rows_times(&along, p, n_, u, 1, m);
    const T half = along * tau / 2;
    for (int64_t i = 0; i < m; ++i) p[i] -= half * u[i];
  }
  // A -= V W' + W V' behind the panel.
  void update(int64_t begin, int64_t end) {
    const int64_t m = n_ - end, k = end - begin;
    if (m == 0) return;
    T* const to = a_ + end * n_ + end;
    const T *const v = v_ + begin * n_ + end, *const w = w_ + end;
    subtract_product<T>(to, n_, {v, 1, n_}, {w, n_, 1}, m, m, k);
    subtract_product<T>(to, n_, {w, 1, n_}, {v, n_, 1}, m, m, k);
  }

  T* a_;
  int64_t n_;
  double *d_, *e_;
  T *v_, *tau_, *w_ = nullptr;
};

// The eigenvalues of a tridiagonal matrix with diagonal d and e beside it; false if it takes too
// long, as with NaN.
template <class T>
bool implicit_ql(double* d, double* e, int64_t n, Rotations<T>& rotations) {
  constexpr double kEps = 1.1102230246251565e-16;
  e[n - 1] = 0;
  double norm = 0;  // what is below the rounding of the whole matrix is none of it
  for (int64_t i = 0; i < n; ++i) norm = std::max(norm, std::abs(d[i]) + std::abs(e[i]));
  for (int64_t l = 0; l < n; ++l) {
    for (int turns = 0;; ++turns) {
      int64_t m = l;
      while (m + 1 < n && !(std::abs(e[m]) <= kEps * norm)) ++m;
      if (m == l) break;
      if (turns == 80) return false;
      double g = (d[l + 1] - d[l]) / (2 * e[l]), r = std::hypot(g, 1.0);
      g = d[m] - d[l] + e[l] / (g + std::copysign(r, g));
      double s = 1, c = 1, p = 0;
      int64_t i = m - 1;
      for (; i >= l; --i) {
        const double f = s * e[i], b = c * e[i];
        e[i + 1] = r = std::hypot(f, g);
        if (r == 0) {
          d[i + 1] -= p;
          e[m] = 0;
          break;
        }
        s = f / r;
        c = g / r;
        g = d[i + 1] - p;
        r = (d[i] - g) * s + 2 * c * b;
        p = s * r;
        d[i + 1] = g + p;
        g = c * r - b;
        rotations.add(i + 1, i, c, s);
      }
      if (r == 0 && i >= l) continue;
      d[l] -= p;
      e[l] = g;
      e[m] = 0;
    }
  }
  rotations.flush();
  return true;
}

}  // namespace

template <class T>
bool eigh(T* a, bool upper, int64_t n, T* values, T* vectors) {
  if (n == 0) return true;
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < i; ++j)
      (upper ? a[i * n + j] : a[j * n + i]) = upper ? a[j * n + i] : a[i * n + j];
  double scale = scale_of(a, n * n);
  if (scale < 0) return false;
  if (scale == 0) scale = 1;
  for (int64_t i = 0; i < n * n; ++i) a[i] = static_cast<T>(static_cast<double>(a[i]) * scale);
  const Scratch numbers(static_cast<size_t>(2 * n) * sizeof(double));
  const Scratch memory(static_cast<size_t>(n * (n + 1)) * sizeof(T));
  double *const d = numbers.as<double>(), *const e = d + n;
  T *const v = memory.as<T>(), *const tau = v + n * n;
  std::fill_n(tau, n, T(0));
  Tridiagonal<T>(a, n, d, e, v, tau).reduce();
  if (vectors) {
    // Q of A = Q T Q', from the reflections, turned over so that its columns lie as rows.
    transpose_into(a, v, n, n);
    std::fill_n(vectors, n * n, T(0));
    vectors[0] = 1;
    if (n > 1) reflections_product(a + n, n, tau, n - 1, vectors + n + 1, n, n - 1, n - 1);
    transpose_into(a, vectors, n, n);
  }
  Rotations<T> rotations(vectors ? a : nullptr, n);
  if (!implicit_ql(d, e, n, rotations)) return false;
  List<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](int64_t i, int64_t j) { return d[i] < d[j] || (d[i] == d[j] && i < j); });
  for (int64_t i = 0; i < n; ++i) {
    const int64_t from = order[static_cast<size_t>(i)];
    values[i] = static_cast<T>(d[from] / scale);
    if (vectors) std::copy_n(a + from * n, n, v + i * n);
  }
  if (vectors) transpose_into(vectors, v, n, n);
  return true;
}

template bool eigh<float>(float*, bool, int64_t, float*, float*);
template bool eigh<double>(double*, bool, int64_t, double*, double*);

}  // namespace wengert::linalg
