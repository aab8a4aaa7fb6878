#include <algorithm>
#include <cstring>

#include "wengert/base/allocator.h"
#include "wengert/base/parallel.h"
#include "wengert/kernels/gemm/gemm.h"

namespace wengert {
namespace {

// A tile is kRows rows by kVectors registers of columns; of B, a panel as wide as a tile is packed.
// Unsigned numbers, so that sums wrap. All sums stay in registers.
#if defined(__AVX512F__)
constexpr int kBytes = 64;
#elif defined(__AVX2__)
constexpr int kBytes = 32;
#else
constexpr int kBytes = 16;
#endif
constexpr int kRows = 4, kVectors = 2;
constexpr int64_t kBand = 64;  // rows that repay packing a panel
constexpr int64_t kWork = int64_t{1} << 16;

template <class U>
struct Tile {
  typedef U Lanes __attribute__((vector_size(kBytes)));
  static constexpr int64_t kCols = kVectors * kBytes / static_cast<int64_t>(sizeof(U));
};

// Columns j, j + 1 ... of B, a row after another, filled up with zeros.
template <class U, class T>
void pack(U* to, const MatrixRef<T>& b, int64_t j, int64_t cols, int64_t k) {
  constexpr int64_t kCols = Tile<U>::kCols;
  std::memset(to, 0, static_cast<size_t>(k * kCols) * sizeof(U));
  for (int64_t l = 0; l < k; ++l)
    for (int64_t q = 0; q < cols; ++q)
      to[l * kCols + q] = static_cast<U>(b.data[l * b.row_stride + (j + q) * b.col_stride]);
}

// The sums of `rows` rows of A with a panel of B.
template <class U, class T, int rows>
void tile(U* sums, const T* a, const MatrixRef<T>& steps, const U* panel, int64_t k) {
  using Lanes = typename Tile<U>::Lanes;
  constexpr int64_t kLanes = Tile<U>::kCols / kVectors;
  const int64_t down = steps.row_stride, along = steps.col_stride;
  Lanes sum[rows][kVectors] = {};
  for (int64_t l = 0; l < k; ++l) {
    Lanes y[kVectors];
    for (int v = 0; v < kVectors; ++v)
      std::memcpy(&y[v], panel + (l * kVectors + v) * kLanes, sizeof(Lanes));
    for (int r = 0; r < rows; ++r) {
      const U x = static_cast<U>(a[r * down + l * along]);
      for (int v = 0; v < kVectors; ++v) sum[r][v] += x * y[v];
    }
  }
  std::memcpy(sums, sum, sizeof sum);
}

template <class U, class T>
void product(T* c, const MatrixRef<T>& a, const MatrixRef<T>& b, int64_t m, int64_t n, int64_t k,
             const T* bias) {
  constexpr int64_t kCols = Tile<U>::kCols;
  const int64_t panels = (n + kCols - 1) / kCols, bands = (m + kBand - 1) / kBand;
  const int64_t grain = kWork / (std::min(m, kBand) * std::min(n, kCols) * (k + 1)) + 1;
  parallel_for(panels * bands, grain, [&](int64_t begin, int64_t end) {
    const Scratch scratch(static_cast<size_t>(k * kCols) * sizeof(U));
    U* const panel = scratch.as<U>();
    for (int64_t t = begin, packed = -1; t < end; ++t) {
      const int64_t j = t / bands * kCols, cols = std::min(kCols, n - j);
      if (packed != j) pack(panel, b, packed = j, cols, k);
      const int64_t first = t % bands * kBand, last = std::min(m, first + kBand);
      for (int64_t i = first, rows; i < last; i += rows) {
        alignas(kBytes) U sums[kRows * kCols];
        const T* from = a.data + i * a.row_stride;
        rows = last - i < kRows ? 1 : kRows;
        rows == 1 ? tile<U, T, 1>(sums, from, a, panel, k)
                  : tile<U, T, kRows>(sums, from, a, panel, k);
        for (int64_t r = 0; r < rows; ++r)
          for (int64_t q = 0; q < cols; ++q)
            c[(i + r) * n + j + q] =
                static_cast<T>(sums[r * kCols + q] + (bias ? static_cast<U>(bias[j + q]) : U(0)));
      }
    }
  });
}

// With a vector: of a panel there would be one column.
template <class U, class T>
void vector_product(T* c, const MatrixRef<T>& a, const MatrixRef<T>& b, int64_t m, int64_t k,
                    const T* bias) {
  parallel_for(m, kWork / (k + 1) + 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const T *x = a.data + i * a.row_stride, *y = b.data;
      U sum = bias ? static_cast<U>(*bias) : U(0);
      for (int64_t l = 0; l < k; ++l, x += a.col_stride, y += b.row_stride)
        sum += static_cast<U>(*x) * static_cast<U>(*y);
      c[i] = static_cast<T>(sum);
    }
  });
}

}  // namespace

template <class T>
void integer_gemm(T* c, MatrixRef<T> a, MatrixRef<T> b, int64_t m, int64_t n, int64_t k,
                  const T* bias) {
  if (m == 0 || n == 0) return;
  // Bools are counted, and what is not zero is true.
  using U = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;
  if (n == 1) return vector_product<U>(c, a, b, m, k, bias);
  product<U>(c, a, b, m, n, k, bias);
}

template void integer_gemm<bool>(bool*, MatrixRef<bool>, MatrixRef<bool>, int64_t, int64_t, int64_t,
                                 const bool*);
template void integer_gemm<uint8_t>(uint8_t*, MatrixRef<uint8_t>, MatrixRef<uint8_t>, int64_t,
                                    int64_t, int64_t, const uint8_t*);
template void integer_gemm<int32_t>(int32_t*, MatrixRef<int32_t>, MatrixRef<int32_t>, int64_t,
                                    int64_t, int64_t, const int32_t*);
template void integer_gemm<int64_t>(int64_t*, MatrixRef<int64_t>, MatrixRef<int64_t>, int64_t,
                                    int64_t, int64_t, const int64_t*);

}  // namespace wengert
