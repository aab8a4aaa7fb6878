// Products of every edge, layout and epilogue. The tolerance is that of the sum of |a b|.
#include "wengert/kernels/gemm/gemm.h"

#include "kernels.h"
#include "wengert/kernels/gemm/naive.h"

namespace wengert {
namespace {

template <class T>
void relu(void* out, const void* const* in, int64_t n, const double*) {
  for (int64_t i = 0; i < n; ++i)
    static_cast<T*>(out)[i] = std::max(static_cast<const T*>(in[0])[i], T(0));
}
template <class T>
void times(void* out, const void* const* in, int64_t n, const double*) {
  for (int64_t i = 0; i < n; ++i)
    static_cast<T*>(out)[i] = static_cast<const T*>(in[0])[i] * static_cast<const T*>(in[1])[i];
}

template <class T>
void product(int64_t m, int64_t n, int64_t k, bool a_turned, bool b_turned, int variant) {
  const std::vector<T> a = numbers<T>(m * k), b = numbers<T>(k * n, 2), bias = numbers<T>(n, 3);
  const int64_t ldc = n + 3;
  std::vector<T> fast = numbers<T>(m * ldc, 4), slow = fast;
  std::vector<T> fast_z(static_cast<size_t>(m * n)), slow_z = fast_z;
  const std::vector<T> other = numbers<T>(m * n, 5);
  const MatrixRef<T> ar = a_turned ? MatrixRef<T>{a.data(), 1, m} : MatrixRef<T>{a.data(), k, 1};
  const MatrixRef<T> br = b_turned ? MatrixRef<T>{b.data(), 1, k} : MatrixRef<T>{b.data(), n, 1};
  Epilogue<T> e;
  if (variant > 0) e.bias = bias.data();
  if (variant == 2) e.activation = relu<T>;
  if (variant == 3) {
    e.activation = times<T>;
    e.other = other.data();
    e.other_ld = n;
    e.activated_ld = n;
    e.activated = fast_z.data();
  }
  Epilogue<T> f = e;
  if (variant == 3) f.activated = slow_z.data();
  const bool accumulate = variant == 0 && (m + n) % 2;
  gemm(fast.data(), ldc, ar, br, m, n, k, accumulate, e);
  naive::gemm(slow.data(), ldc, ar, br, m, n, k, accumulate, f);
  const double tolerance = kLoose<T> * static_cast<double>(k + 1) / 4;
  CHECK(close(fast, slow, kLoose<T>, tolerance));
  CHECK(close(fast_z, slow_z, kLoose<T>, 2 * tolerance));
}

template <class T>
void products() {
  for (const int64_t m : {1, 3, 17, 65})
    for (const int64_t n : {1, 5, 16, 33})
      for (const int64_t k : {0, 1, 7, 130})
        for (int v = 0; v < 4; ++v)
          for (const bool turned : {false, true}) product<T>(m, n, k, turned, v % 2 != turned, v);
  for (const int64_t k : {8191, 8193, 40000}) product<T>(1, 1, k, false, true, 1);
  product<T>(300, 270, 520, false, true, 1);
  product<T>(290, 300, 260, true, false, 2);

  const int64_t batch = 5, m = 4, n = 6, k = 9;
  const std::vector<T> a = numbers<T>(batch * m * k), b = numbers<T>(batch * k * n, 2);
  std::vector<T> fast(static_cast<size_t>(batch * m * n)), slow = fast;
  const MatrixRef<T> ar{a.data(), k, 1}, br{b.data(), n, 1};
  gemm_batched(fast.data(), m * n, ar, m * k, br, k * n, batch, m, n, k);
  for (int64_t i = 0; i < batch; ++i) {
    naive::gemm(slow.data() + i * m * n, n, MatrixRef<T>{a.data() + i * m * k, k, 1},
                MatrixRef<T>{b.data() + i * k * n, n, 1}, m, n, k, false);
  }
  CHECK(close(fast, slow, kLoose<T>, 10 * kLoose<T>));
}

// Sums wrap, as integers do in memory; what is not zero is true.
template <class T>
void integers() {
  for (const int64_t m : {1, 6, 70})
    for (const int64_t n : {1, 40})
      for (const int64_t k : {0, 1, 19})
        for (int v = 0; v < 4; ++v) {
          std::vector<T> fast(static_cast<size_t>(m * n)), slow = fast;
          const auto large = [](int64_t count, int64_t step) {
            std::vector<T> x;
            for (int64_t i = 0; i < count; ++i)
              x.push_back(
                  static_cast<T>(uint64_t{0x9E3779B97F4A7C15} * static_cast<uint64_t>(i) >> step));
            return x;
          };
          std::vector<T> a = large(m * k, 1), b = large(k * n, 3), bias = large(n, 2);
          const MatrixRef<T> ar =
              v % 2 ? MatrixRef<T>{a.data(), 1, m} : MatrixRef<T>{a.data(), k, 1};
          const MatrixRef<T> br =
              v / 2 ? MatrixRef<T>{b.data(), 1, k} : MatrixRef<T>{b.data(), n, 1};
          integer_gemm(fast.data(), ar, br, m, n, k, v ? bias.data() : nullptr);
          for (int64_t i = 0; i < m; ++i)
            for (int64_t j = 0; j < n; ++j) {
              uint64_t sum = v ? static_cast<uint64_t>(bias[static_cast<size_t>(j)]) : 0;
              for (int64_t l = 0; l < k; ++l)
                sum += static_cast<uint64_t>(ar.data[i * ar.row_stride + l * ar.col_stride]) *
                       static_cast<uint64_t>(br.data[l * br.row_stride + j * br.col_stride]);
              slow[static_cast<size_t>(i * n + j)] = static_cast<T>(sum);
            }
          CHECK(fast == slow);
        }
}

}  // namespace

void test_gemm() {
  integers<uint8_t>();
  integers<int32_t>();
  integers<int64_t>();
  products<float>();
  products<double>();
}

}  // namespace wengert
