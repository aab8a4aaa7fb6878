// What the parts of a matrix product share: the tile of C that fits into registers, and how rows
// and columns are cut. Internal: includes Eigen.
#pragma once

#include <algorithm>
#include <cstdint>

#include "wengert/kernels/core/halves.h"
#include "wengert/kernels/core/vec.h"
#include "wengert/kernels/gemm/gemm.h"

namespace wengert::detail {

// Note [register tiles]: a tile is up to kRows rows by kVectors registers of columns. Its sums, one
// row of B and one element of A stay in registers: 12 + 2 + 1 of 16, or 24 + 2 + 1 of 32 with
// AVX-512. More than 8 sums are needed to hide the latency of an FMA on two units, so a tile of
// one register of columns has up to kMaxRows rows.
//
// kDepth is the most that is summed at once: that many rows of a panel of B, and of a panel of A,
// stay in the L1 cache. A sum is that of its parts, which depend on k only: C may be cut anywhere
// without a change of the result. kMostCols are packed of B before they are used. CPUs with AVX-512
// have L2 caches of 1 MiB and more: there all panels of B stay in L2. From there, and of a B that
// is read where it is with its rows far apart, a row is fetched a few rows before it is needed.
#if defined(__AVX512F__)
inline constexpr int kRows = 12, kDepthBytes = 2048, kMostCols = 256;
inline constexpr bool kPanelsInL2 = true;
#else
inline constexpr int kRows = 6, kDepthBytes = 1600, kMostCols = 2048;
inline constexpr bool kPanelsInL2 = false;
#endif
inline constexpr int kVectors = 2;
inline constexpr int kMaxRows = 12;
inline constexpr int64_t kTeamWork = 1 << 24;  // multiply-adds worth a team that packs together
template <class T>
inline constexpr int kDepth = kDepthBytes / static_cast<int>(sizeof(T));
template <class T>
inline constexpr int kLanes = Vec<T>::kSize;
template <class T>
inline constexpr int kCols = kVectors * kLanes<T>;

// C = or += A B for the rows and columns of a tile, with the bias added last.
template <class T>
struct RegisterTile {
  const T* a;
  int64_t a_step;  // from row to row, or from column to column
  const T* b;
  int64_t b_step;  // from row to row
  int64_t k;
  T* c;
  int64_t ldc;
  int64_t cols;  // those of B may be more
  bool accumulate;
  const T* bias;
};

template <class T>
using RegisterKernel = void (*)(const RegisterTile<T>&);

// For tiles of kVectors registers of columns, and of one: by rows - 1. `along`: A's rows are runs
// of memory, else its columns are (packed panels are of that kind).
template <class T>
const RegisterKernel<T>* wide_kernels(bool along);
template <class T>
const RegisterKernel<T>* narrow_kernels(bool along);

// Rows are cut evenly: 32 are 5 + 5 + 5 + 5 + 6 + 6, not 6 * 5 + 2.
struct Cut {
  int64_t parts, base, longer;
  // Small products cut a lot of things into one part, and divisions are slow.
  Cut(int64_t n, int64_t most)
      : parts((n + most - 1) / most),
        base(parts == 1 ? n : n / parts),
        longer(parts == 1 ? 0 : n % parts) {}
  int64_t begin(int64_t i) const { return i * base + std::min(i, longer); }
  int64_t size(int64_t i) const { return base + (i < longer); }
  int64_t most() const { return size(0); }
};

// The (m, n) block of 16-bit floats that begins at x.data, widened into `to` without gaps, along
// the lines that it has.
inline MatrixRef<float> widened(const HalfLines& h, float* to, const MatrixRef<uint16_t>& x,
                                int64_t m, int64_t n) {
  const bool along = x.col_stride == 1;
  const int64_t lines = along ? m : n, length = along ? n : m;
  const int64_t apart = along ? x.row_stride : x.col_stride;
  for (int64_t i = 0; i < lines; ++i) h.widen(to + i * length, x.data + i * apart, length);
  return {to, along ? length : 1, along ? 1 : length};
}

// The 16-bit floats of a product whose sums are float32: factors are widened as they are packed,
// and blocks of the result rounded as they are finished.
struct NarrowFactors {
  MatrixRef<uint16_t> a, b;
  uint16_t* c;
  const HalfLines& lines;
};
// Of a product large enough to be packed by a team. `sums` has room for C.
void packed_narrow_product(const NarrowFactors& f, float* sums, int64_t m, int64_t n, int64_t k,
                           const float* bias);
// Whether `gemm` would have it packed by a team.
bool goes_to_team(const MatrixRef<float>& a, const MatrixRef<float>& b, int64_t m, int64_t n,
                  int64_t k);
// c = or += a b, some columns of a product of `n`, by the way of the whole, on this thread.
void some_columns(float* c, const MatrixRef<float>& a, const MatrixRef<float>& b, int64_t m,
                  int64_t cols, int64_t n, int64_t k, bool accumulate, const float* bias);

}  // namespace wengert::detail
