#include "wengert/kernels/reduce/distances.h"

#include <algorithm>

#include "wengert/base/allocator.h"
#include "wengert/base/parallel.h"
#include "wengert/kernels/core/vec.h"

namespace wengert {
namespace {

constexpr int64_t kGrain = 32768;  // differences

// Rows of two registers and more, with zeros behind d: no loop has a rest.
template <class T>
struct Padded {
  static constexpr int64_t kStep = 2 * Vec<T>::kSize;
  int64_t n, d, stride = (d + kStep - 1) / kStep * kStep;
  Scratch memory{static_cast<size_t>(n * stride) * sizeof(T)};

  T* row(int64_t i) const { return memory.as<T>() + i * stride; }
  void read(const T* x) const {
    for (int64_t i = 0; i < n; ++i) {
      std::copy_n(x + i * d, d, row(i));
      std::fill(row(i) + d, row(i) + stride, T(0));
    }
  }
};

// Pairs (i, j), i < j, before those of row i.
int64_t pairs_before(int64_t n, int64_t i) { return i * (2 * n - i - 1) / 2; }

template <class T>
void distances(const Padded<T>& x, T* out) {
  using V = Vec<T>;
  const int64_t grain = std::max<int64_t>(1, 2 * kGrain / (x.n * x.stride));
  parallel_for(x.n, grain, [&](int64_t b, int64_t e) {
    for (int64_t i = b; i < e; ++i) {
      T* y = out + pairs_before(x.n, i);
      const T* p = x.row(i);
      for (int64_t j = i + 1; j < x.n; ++j) {
        const T* q = x.row(j);
        V even(0.0), odd(0.0);
        for (int64_t k = 0; k < x.stride; k += x.kStep) {
          const V u = V::load(p + k) - V::load(q + k);
          const V v = V::load(p + k + V::kSize) - V::load(q + k + V::kSize);
          even = fma(u, u, even);
          odd = fma(v, v, odd);
        }
        *y++ = std::sqrt(Eigen::internal::predux((even + odd).p));
      }
    }
  });
}

// Threads take columns: a sum is that of one thread.
template <class T>
void slopes(const Padded<T>& x, const T* w, const Padded<T>& dx) {
  using V = Vec<T>;
  const int64_t pairs = std::max<int64_t>(1, pairs_before(x.n, x.n));
  const int64_t grain = std::max<int64_t>(1, kGrain / (pairs * x.kStep));
  parallel_for(x.stride / x.kStep, grain, [&](int64_t b, int64_t e) {
    for (int64_t k = b * x.kStep; k < e * x.kStep; k += x.kStep) {
      const T* of_pair = w;
      for (int64_t i = 0; i < x.n; ++i) {
        const V p = V::load(x.row(i) + k), q = V::load(x.row(i) + k + V::kSize);
        V even = V::load(dx.row(i) + k), odd = V::load(dx.row(i) + k + V::kSize);
        for (int64_t j = i + 1; j < x.n; ++j) {
          const V weight = V::repeat(*of_pair++);
          const V u = weight * (p - V::load(x.row(j) + k));
          const V v = weight * (q - V::load(x.row(j) + k + V::kSize));
          T* to = dx.row(j) + k;
          even = even + u;
          odd = odd + v;
          (V::load(to) - u).store(to);
          (V::load(to + V::kSize) - v).store(to + V::kSize);
        }
        even.store(dx.row(i) + k);
        odd.store(dx.row(i) + k + V::kSize);
      }
    }
  });
}

}  // namespace

void pair_distances(Dtype dtype, int64_t n, int64_t d, const void* x, void* out) {
  if (n < 2) return;
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    if (d == 0) {
      std::fill_n(static_cast<T*>(out), pairs_before(n, n), T(0));
      return;
    }
    const Padded<T> rows{n, d};
    rows.read(static_cast<const T*>(x));
    distances(rows, static_cast<T*>(out));
  });
}

void pair_distances_backward(Dtype dtype, int64_t n, int64_t d, const void* g, const void* x,
                             const void* y, void* dx) {
  if (n == 0 || d == 0) return;
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    const Padded<T> rows{n, d}, sums{n, d};
    rows.read(static_cast<const T*>(x));
    std::fill(sums.row(0), sums.row(n), T(0));
    const int64_t pairs = pairs_before(n, n);
    const Scratch memory(static_cast<size_t>(pairs) * sizeof(T));
    T* w = memory.as<T>();
    const T *slope = static_cast<const T*>(g), *distance = static_cast<const T*>(y);
    for (int64_t k = 0; k < pairs; ++k) w[k] = distance[k] == 0 ? T(0) : slope[k] / distance[k];
    slopes<T>(rows, w, sums);
    for (int64_t i = 0; i < n; ++i) std::copy_n(sums.row(i), d, static_cast<T*>(dx) + i * d);
  });
}

}  // namespace wengert
