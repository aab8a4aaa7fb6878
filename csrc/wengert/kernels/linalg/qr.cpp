// Householder's QR by panels; E. Elmroth and F. Gustavson, "Applying recursion to serial and
// parallel QR factorization", 2000; R. Schreiber and C. Van Loan, "A storage-efficient WY
// representation for products of Householder transformations", 1989.
#include <algorithm>
#include <cmath>

#include "wengert/base/allocator.h"
#include "wengert/base/parallel.h"
#include "wengert/kernels/linalg/linalg.h"

namespace wengert::linalg {
namespace {

constexpr int64_t kNarrow = 8, kPanel = 64;

// The sum of squares of n numbers, as scale^2 times the result where it would not fit.
template <class T>
double squares(const T* x, int64_t step, int64_t n, double scale) {
  double sums[4] = {};
  for (int64_t i = 0; i < n; ++i) {
    const double v = static_cast<double>(x[i * step]) * scale;
    sums[i & 3] += v * v;
  }
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}
template <class T>
double length(const T* x, int64_t step, int64_t n) {
  const double sum = squares(x, step, n, 1);
  if ((sum > 1e-280 && sum < 1e300) || std::isnan(sum)) return std::sqrt(sum);
  double largest = 0;
  for (int64_t i = 0; i < n; ++i)
    largest = std::max(largest, std::abs(static_cast<double>(x[i * step])));
  if (largest == 0 || !std::isfinite(largest)) return largest;
  int exponent;
  std::frexp(largest, &exponent);
  exponent = std::max(exponent, -1000);
  return std::ldexp(std::sqrt(squares(x, step, n, std::ldexp(1.0, -exponent))), exponent);
}

// The v as columns of a matrix with ones and zeros in place of R, and the T of I - V T V'.
template <class T>
class Block {
 public:
  Block(const T* a, int64_t lda, const T* tau, int64_t m, int64_t k)
      : m_(m),
        k_(k),
        memory_(static_cast<size_t>((m + 2 * k) * k) * sizeof(T)),
        v_(memory_.as<T>()),
        t_(v_ + m * k),
        products_(t_ + k * k) {
    parallel_for(m, std::max<int64_t>(1, (1 << 16) / k), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        for (int64_t j = 0; j < k; ++j)
          v_[i * k + j] = i > j ? a[i * lda + j] : static_cast<T>(i == j);
    });
    gemm<T>(products_, k, {v_, 1, k}, {v_, k, 1}, k, k, m, false);
    std::fill_n(t_, k * k, T(0));
    for (int64_t j = 0; j < k; ++j) {
      for (int64_t i = 0; i < j; ++i) {
        T sum = 0;
        for (int64_t l = i; l < j; ++l) sum += t_[i * k + l] * products_[l * k + j];
        t_[i * k + j] = -tau[j] * sum;
      }
      t_[j * k + j] = tau[j];
    }
    for (int64_t i = 0; i < k * k; ++i) t_[i] = -t_[i];
  }
  // C (m x n) <- (I - V T V') C, or with T'.
  void apply(bool transpose, T* c, int64_t ldc, int64_t n) const {
    if (n == 0) return;
    const Scratch scratch(static_cast<size_t>(2 * k_ * n) * sizeof(T));
    T *const w = scratch.as<T>(), *const tw = w + k_ * n;
    gemm<T>(w, n, {v_, 1, k_}, {c, ldc, 1}, k_, n, m_, false);
    const MatrixRef<T> t{t_, transpose ? 1 : k_, transpose ? k_ : 1};
    gemm<T>(tw, n, k_ == 1 ? MatrixRef<T>{t_, 1, 1} : t, {w, n, 1}, k_, n, k_, false);
    gemm<T>(c, ldc, {v_, k_, 1}, {tw, n, 1}, m_, n, k_, true);
  }

 private:
  int64_t m_, k_;
  Scratch memory_;
  T *v_, *t_, *products_;
};

// Eight columns, those from n on of zeros.
template <class T>
void narrow(T* a, int64_t ld, int64_t m, int64_t n, T* tau) {
  for (int64_t j = 0; j < std::min(m, n); ++j) {
    T* const top = a + j * ld;
    tau[j] = reflection(top + j, ld, m - j);
    if (tau[j] == 0) continue;
    T w[2][kNarrow] = {};
    std::copy_n(top, kNarrow, w[0]);
    for (int64_t i = j + 1; i < m; ++i) {
      const T v = a[i * ld + j];
      T* const to = w[i & 1];
      for (int64_t c = 0; c < kNarrow; ++c) to[c] += v * a[i * ld + c];
    }
    for (int64_t c = 0; c < kNarrow; ++c) w[0][c] = c > j ? tau[j] * (w[0][c] + w[1][c]) : T(0);
    for (int64_t c = 0; c < kNarrow; ++c) top[c] -= w[0][c];
    for (int64_t i = j + 1; i < m; ++i) {
      const T v = a[i * ld + j];
      for (int64_t c = 0; c < kNarrow; ++c) a[i * ld + c] -= v * w[0][c];
    }
  }
}

template <class T>
void in_halves(T* a, int64_t ld, int64_t m, int64_t n, T* tau) {
  if (n <= kNarrow) return narrow(a, ld, m, n, tau);
  const int64_t h = (n / 2 + kNarrow - 1) / kNarrow * kNarrow;
  in_halves(a, ld, m, std::min(h, m), tau);
  if (m <= h) {
    Block<T>(a, ld, tau, m, m).apply(true, a + m, ld, n - m);
    return;
  }
  Block<T>(a, ld, tau, m, h).apply(true, a + h, ld, n - h);
  in_halves(a + h * ld + h, ld, m - h, n - h, tau + h);
}

}  // namespace

template <class T>
T reflection(T* x, int64_t step, int64_t n) {
  const double below = n > 1 ? length(x + step, step, n - 1) : 0.0;
  if (below == 0) return 0;
  const double alpha = static_cast<double>(*x);
  const double beta = -std::copysign(std::hypot(alpha, below), alpha);
  const double divisor = alpha - beta;
  for (int64_t i = 1; i < n; ++i)
    x[i * step] = static_cast<T>(static_cast<double>(x[i * step]) / divisor);
  *x = static_cast<T>(beta);
  return static_cast<T>((beta - alpha) / beta);
}

template <class T>
void qr(T* a, int64_t ld, int64_t m, int64_t n, T* tau) {
  const int64_t k = std::min(m, n);
  for (int64_t j = 0; j < k; j += kPanel) {
    const int64_t width = std::min(kPanel, k - j), rows = m - j;
    const int64_t wide = (width + kNarrow - 1) / kNarrow * kNarrow;
    T* const from = a + j * ld + j;
    {
      const Scratch scratch(static_cast<size_t>(rows * wide) * sizeof(T));
      T* const panel = scratch.as<T>();
      for (int64_t i = 0; i < rows; ++i) {
        std::copy_n(from + i * ld, width, panel + i * wide);
        std::fill(panel + i * wide + width, panel + (i + 1) * wide, T(0));
      }
      in_halves(panel, wide, rows, width, tau + j);
      for (int64_t i = 0; i < rows; ++i) std::copy_n(panel + i * wide, width, from + i * ld);
    }
    if (j + width < n)
      Block<T>(from, ld, tau + j, rows, width).apply(true, from + width, ld, n - j - width);
  }
}

template <class T>
void apply_reflections(const T* a, int64_t lda, const T* tau, int64_t k, bool transpose, T* c,
                       int64_t ldc, int64_t m, int64_t n) {
  const int64_t blocks = (k + kPanel - 1) / kPanel;
  for (int64_t b = 0; b < blocks; ++b) {
    const int64_t j = (transpose ? b : blocks - 1 - b) * kPanel, width = std::min(kPanel, k - j);
    Block<T>(a + j * lda + j, lda, tau + j, m - j, width).apply(transpose, c + j * ldc, ldc, n);
  }
}

template <class T>
void reflections_product(const T* a, int64_t lda, const T* tau, int64_t k, T* q, int64_t ldq,
                         int64_t m, int64_t n) {
  for (int64_t i = 0; i < m; ++i) {
    std::fill_n(q + i * ldq, n, T(0));
    if (i < n) q[i * ldq + i] = 1;
  }
  // What the later ones have made is zero left of them.
  for (int64_t j = (k - 1) / kPanel * kPanel; k > 0 && j >= 0; j -= kPanel)
    Block<T>(a + j * lda + j, lda, tau + j, m - j, std::min(kPanel, k - j))
        .apply(false, q + j * ldq + j, ldq, n - j);
}

#define WENGERT_INSTANCES(T)                                                                       \
  template T reflection<T>(T*, int64_t, int64_t);                                                  \
  template void qr<T>(T*, int64_t, int64_t, int64_t, T*);                                          \
  template void apply_reflections<T>(const T*, int64_t, const T*, int64_t, bool, T*, int64_t,      \
                                     int64_t, int64_t);                                            \
  template void reflections_product<T>(const T*, int64_t, const T*, int64_t, T*, int64_t, int64_t, \
                                       int64_t);
WENGERT_INSTANCES(float)
WENGERT_INSTANCES(double)
#undef WENGERT_INSTANCES

}  // namespace wengert::linalg
