// Singular values: the bidiagonal form by panels (J. Dongarra, S. Hammarling and D. Sorensen, 1989,
// see eigh.cpp), then implicit QR (G. Golub and C. Reinsch, "Singular value decomposition and least
// squares solutions", 1970). What is taller than wide is first made square by QR.
#include <limits>
#include <numeric>

#include "wengert/kernels/linalg/spectral.h"

namespace wengert::linalg {
namespace {

constexpr int64_t kPanel = 32;

// Of a square matrix; row k of v and p is the reflection number k of columns and of rows, which
// begin at k and at k + 1.
template <class T>
struct Bidiagonal {
  T* a;
  int64_t n;
  double *d, *e;
  T *v, *p, *tau_v, *tau_p;
  T *x = nullptr, *y = nullptr;  // A - V Y' - X P' is the matrix so far

  void reduce() {
    const Scratch scratch(static_cast<size_t>((2 * kPanel + 1) * n) * sizeof(T));
    x = scratch.as<T>();
    y = x + kPanel * n;
    T* const small = y + kPanel * n;
    std::fill_n(v, n * n, T(0));
    std::fill_n(p, n * n, T(0));
    for (int64_t begin = 0; begin < n; begin += kPanel) {
      const int64_t end = std::min(begin + kPanel, n);
      for (int64_t k = begin; k < end; ++k) {
        column(begin, k, small);
        if (k + 1 < n) row(begin, k, small);
      }
      update(begin, end);
    }
  }
  void column(int64_t begin, int64_t k, T* small) {
    T* const vk = v + k * n;
    for (int64_t i = k; i < n; ++i) vk[i] = a[i * n + k];
    for (int64_t j = begin; j < k; ++j) {
      const T yk = y[(j - begin) * n + k], pk = p[j * n + k];
      const T *const vj = v + j * n, *const xj = x + (j - begin) * n;
      for (int64_t i = k; i < n; ++i) vk[i] -= vj[i] * yk + xj[i] * pk;
    }
    const T tau = tau_v[k] = reflection(vk + k, 1, n - k);
    d[k] = static_cast<double>(vk[k]);
    vk[k] = 1;
    const int64_t w = n - k - 1, before = k - begin;
    if (w == 0) return;
    T* const to = y + before * n + k + 1;
    gemm<T>(to, w, {vk + k, n - k, 1}, {a + k * n + k + 1, n, 1}, 1, w, n - k, false);
    rows_times(small, v + begin * n + k, n, vk + k, before, n - k);
    subtract_rows(to, y + k + 1, n, small, before, w);
    rows_times(small, x + k, n, vk + k, before, n - k);
    subtract_rows(to, p + begin * n + k + 1, n, small, before, w);
    for (int64_t i = 0; i < w; ++i) to[i] *= tau;
  }
  void row(int64_t begin, int64_t k, T* small) {
    const int64_t w = n - k - 1, before = k - begin;
    T* const pk = p + k * n + k + 1;
    std::copy_n(a + k * n + k + 1, w, pk);
    for (int64_t j = begin; j <= k; ++j) small[j - begin] = v[j * n + k];
    subtract_rows(pk, y + k + 1, n, small, before + 1, w);
    for (int64_t j = begin; j < k; ++j) small[j - begin] = x[(j - begin) * n + k];
    subtract_rows(pk, p + begin * n + k + 1, n, small, before, w);
    const T tau = tau_p[k] = reflection(pk, 1, w);
    e[k] = static_cast<double>(pk[0]);
    pk[0] = 1;
    T* const to = x + before * n + k + 1;
    rows_times(to, a + (k + 1) * n + k + 1, n, pk, w, w);
    rows_times(small, y + k + 1, n, pk, before + 1, w);
    subtract_rows(to, v + begin * n + k + 1, n, small, before + 1, w);
    rows_times(small, p + begin * n + k + 1, n, pk, before, w);
    subtract_rows(to, x + k + 1, n, small, before, w);
    for (int64_t i = 0; i < w; ++i) to[i] *= tau;
  }
  void update(int64_t begin, int64_t end) {
    const int64_t m = n - end, k = end - begin;
    if (m == 0) return;
    T* const to = a + end * n + end;
    subtract_product<T>(to, n, {v + begin * n + end, 1, n}, {y + end, n, 1}, m, m, k);
    subtract_product<T>(to, n, {x + end, 1, n}, {p + begin * n + end, n, 1}, m, m, k);
  }
};

// The singular values of the bidiagonal matrix with w on its diagonal and r[i] above w[i]; they may
// come out negative. False if it takes too long, as with NaN.
template <class T>
class ImplicitQr {
 public:
  ImplicitQr(double* w, double* r, int64_t n, Rotations<T>& left, Rotations<T>& right)
      : w_(w), r_(r), left_(left), right_(right) {
    for (int64_t i = 0; i < n; ++i) norm_ = std::max(norm_, std::abs(w[i]) + std::abs(r[i]));
    n_ = n;
  }
  bool run() {
    for (int64_t k = n_ - 1; k >= 0; --k) {
      for (int turns = 0;; ++turns) {
        const int64_t l = split(k);
        if (l == k) break;
        if (turns == 80) return false;
        step(l, k);
      }
    }
    left_.flush();
    right_.flush();
    return true;
  }

 private:
  bool small(double x) const { return std::abs(x) <= kEps * norm_; }
  // Where the block that ends with k begins.
  int64_t split(int64_t k) {
    for (int64_t l = k; l > 0; --l) {
      if (small(r_[l])) {
        r_[l] = 0;
        return l;
      }
      if (small(w_[l - 1])) {
        cancel(l, k);
        return l;
      }
    }
    return 0;
  }
  // w[l - 1] is zero: r[l] can be turned away.
  void cancel(int64_t l, int64_t k) {
    double c = 0, s = 1;
    for (int64_t i = l; i <= k; ++i) {
      const double f = s * r_[i];
      r_[i] *= c;
      if (small(f)) break;
      const double g = w_[i], h = std::hypot(f, g);
      w_[i] = h;
      c = g / h;
      s = -f / h;
      left_.add(l - 1, i, c, s);
    }
  }
  void step(int64_t l, int64_t k) {
    const double z = w_[k], y = w_[k - 1], h = r_[k];
    double x = w_[l], g = r_[k - 1];
    if (k - 1 == l) g = 0;
    double f = ((y - z) * (y + z) + (g - h) * (g + h)) / (2 * h * y);
    g = std::hypot(f, 1.0);
    f = ((x - z) * (x + z) + h * (y / (f + std::copysign(g, f)) - h)) / x;
    double c = 1, s = 1;
    for (int64_t j = l; j < k; ++j) chase(j, l, c, s, f, x);
    r_[l] = 0;
    r_[k] = f;
    w_[k] = x;
  }
  void chase(int64_t j, int64_t l, double& c, double& s, double& f, double& x) {
    const int64_t i = j + 1;
    double g = r_[i], y = w_[i], h = s * g;
    g *= c;
    divide(f, h, c, s, j > l ? &r_[j] : nullptr);
    f = x * c + g * s;
    g = g * c - x * s;
    h = y * s;
    y *= c;
    right_.add(j, i, c, s);
    divide(f, h, c, s, &w_[j]);
    f = c * g + s * y;
    x = c * y - s * g;
    left_.add(j, i, c, s);
  }
  // The rotation that takes (f, h) to (length, 0).
  static void divide(double f, double h, double& c, double& s, double* length) {
    const double z = std::hypot(f, h);
    if (length) *length = z;
    c = z == 0 ? 1 : f / z;
    s = z == 0 ? 0 : h / z;
  }

  static constexpr double kEps = 1.1102230246251565e-16;
  double *w_, *r_, norm_ = 0;
  Rotations<T>&left_, &right_;
  int64_t n_;
};

// The product of reflections that rows of v hold, number k from k + first on, turned over.
template <class T>
void turned_product(const T* v, const T* tau, int64_t first, int64_t n, T* memory, T* to) {
  transpose_into(memory, v, n, n);
  std::fill_n(to, n * n, T(0));
  if (first) to[0] = 1;
  T* const q = to + first * (n + 1);
  reflections_product(memory + first * n, n, tau, n - first, q, n, n - first, n - first);
  transpose_into(memory, to, n, n);
  std::copy_n(memory, n * n, to);
}

// Of a square matrix; the left vectors as rows.
template <class T>
bool square_svd(T* a, int64_t n, T* ut, T* s, T* vt) {
  double scale = scale_of(a, n * n);
  if (scale < 0) return false;
  if (scale == 0) scale = 1;
  for (int64_t i = 0; i < n * n; ++i) a[i] = static_cast<T>(static_cast<double>(a[i]) * scale);
  const Scratch numbers(static_cast<size_t>(2 * n + 1) * sizeof(double));
  const Scratch memory(static_cast<size_t>(2 * n * (n + 1)) * sizeof(T));
  double *const d = numbers.as<double>(), *const e = d + n;
  T *const v = memory.as<T>(), *const p = v + n * n, *const tau = p + n * n;
  std::fill_n(tau, 2 * n, T(0));
  e[0] = 0;
  Bidiagonal<T>{a, n, d, e + 1, v, p, tau, tau + n}.reduce();
  if (ut) {
    turned_product<T>(v, tau, 0, n, a, ut);
    turned_product<T>(p, tau + n, 1, n, a, vt);
  }
  Rotations<T> left(ut, n), right(vt, n);
  if (!ImplicitQr<T>(d, e, n, left, right).run()) return false;
  List<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  const auto size = [&](int64_t i) { return std::abs(d[i]); };
  std::sort(order.begin(), order.end(), [&](int64_t i, int64_t j) {
    return size(i) > size(j) || (size(i) == size(j) && i < j);
  });
  for (int64_t i = 0; i < n; ++i) {
    const int64_t from = order[static_cast<size_t>(i)];
    s[i] = static_cast<T>(size(from) / scale);
    if (!ut) continue;
    std::copy_n(ut + from * n, n, v + i * n);
    for (int64_t j = 0; j < n; ++j)
      p[i * n + j] = std::signbit(d[from]) ? -vt[from * n + j] : vt[from * n + j];
  }
  if (!ut) return true;
  std::copy_n(v, n * n, ut);
  std::copy_n(p, n * n, vt);
  return true;
}

template <class T>
bool tall_svd(T* a, int64_t m, int64_t n, bool full, T* u, T* s, T* vh) {
  const Scratch memory(static_cast<size_t>(2 * n * n + n) * sizeof(T));
  T *const r = memory.as<T>(), *const ut = r + n * n, *const tau = ut + n * n;
  if (m > n && scale_of(a, m * n) < 0) return false;
  if (m > n) qr(a, n, m, n, tau);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j) r[i * n + j] = m > n && j < i ? T(0) : a[i * n + j];
  if (!square_svd(r, n, u ? ut : nullptr, s, vh)) return false;
  if (!u) return true;
  if (m == n) return transpose_into(u, ut, n, n), true;
  const int64_t width = full ? m : n;
  std::fill_n(u, m * width, T(0));
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < n; ++j) u[i * width + j] = ut[j * n + i];
  for (int64_t i = n; i < width; ++i) u[i * width + i] = 1;
  apply_reflections(a, n, tau, n, false, u, width, m, width);
  return true;
}

}  // namespace

template <class T>
bool svd(T* a, int64_t m, int64_t n, bool full, T* u, T* s, T* vh) {
  if (m == 0 || n == 0) {
    for (auto [to, k] : {std::pair(u, m), std::pair(vh, n)})
      if (to && full)
        for (int64_t i = 0; i < k * k; ++i) to[i] = static_cast<T>(i % (k + 1) == 0);
    return true;
  }
  if (m >= n) return tall_svd(a, m, n, full, u, s, vh);
  const int64_t width = full ? n : m;
  const Scratch memory(static_cast<size_t>(m * n + (u ? n * width + m * m : 0)) * sizeof(T));
  T *const turned = memory.as<T>(), *const v = turned + m * n, *const ut = v + n * width;
  transpose_into(turned, a, m, n);
  if (!tall_svd(turned, n, m, full, u ? v : nullptr, s, u ? ut : nullptr)) return false;
  if (!u) return true;
  transpose_into(u, ut, m, m);
  transpose_into(vh, v, n, width);
  return true;
}

template bool svd<float>(float*, int64_t, int64_t, bool, float*, float*, float*);
template bool svd<double>(double*, int64_t, int64_t, bool, double*, double*, double*);

}  // namespace wengert::linalg
