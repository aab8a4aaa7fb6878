#include "wengert/kernels/gemm.h"

#include <algorithm>

#include "wengert/base/allocator.h"
#include "wengert/base/parallel.h"
#include "wengert/kernels/gemm_kernel.h"
#include "wengert/kernels/gemm_pack.h"

namespace wengert {
namespace {

using namespace detail;

constexpr int64_t kBlockRows = 96;   // a packed block of A stays in the L2 cache
constexpr int64_t kBlockCols = 512;  // a packed block of B in the L3 cache

// Note [packing]: copying a panel pays when it is read often and its lines are so far apart that
// they displace each other from the caches. A B whose columns are runs must be turned in any case.
template <class T>
bool pays_to_pack_a(const MatrixRef<T>& a, int64_t m, int64_t n, int64_t k) {
  constexpr int64_t kSize = sizeof(T);
  if (m <= 8 * kRows || n <= 4 * kCols<T> || k < 64) return false;
  return a.col_stride == 1 ? a.row_stride * kSize >= 4096 : a.col_stride * kSize >= 512;
}
template <class T>
bool pays_to_pack_b(const MatrixRef<T>& b, int64_t m) {
  constexpr int64_t kSize = sizeof(T);
  return b.col_stride != 1 || (m >= 16 * kRows && b.row_stride * kSize >= 1024);
}

template <class T>
MatrixRef<T> from(MatrixRef<T> x, int64_t i, int64_t j) {
  x.data += i * x.row_stride + j * x.col_stride;
  return x;
}

// C = or += A B, the bias added last, for a tile of C: blocks of B that stay in the L3 cache, of A
// that stay in L2, and panels of B that stay in L1. K. Goto, R. van de Geijn, "Anatomy of
// high-performance matrix multiplication", 2008.
template <class T>
class TileProduct {
 public:
  TileProduct(T* c, int64_t ldc, MatrixRef<T> a, MatrixRef<T> b, int64_t m, int64_t n, int64_t k)
      : c_(c), ldc_(ldc), m_(m), n_(n), k_(k), a_(a), b_(b) {
    pack_a_ = pays_to_pack_a(a, m, n, k);
    pack_b_ = pays_to_pack_b(b, m);
    const bool along = !pack_a_ && a.col_stride == 1;
    wide_ = along ? kWide<T, true>.data() : kWide<T, false>.data();
    narrow_ = along ? kNarrow<T, true>.data() : kNarrow<T, false>.data();
    a_step_ = along ? a.row_stride : a.col_stride;
  }

  void run(bool accumulate, const T* bias) {
    const Cut across(n_, kBlockCols), depth(k_, kDepth), down(m_, kBlockRows);
    const int64_t cols = pack_b_ ? across.most() + kCols<T> : kCols<T>;
    const int64_t rows = pack_a_ ? down.most() + kCols<T> : 0;
    const Scratch scratch(static_cast<size_t>((cols + rows) * depth.most()) * sizeof(T));
    packed_b_ = scratch.as<T>();
    packed_a_ = packed_b_ + cols * depth.most();
    for (int64_t j = 0; j < across.parts; ++j)
      for (int64_t l = 0; l < depth.parts; ++l) {
        const T* end = l + 1 == depth.parts && bias ? bias + across.begin(j) : nullptr;
        for (int64_t i = 0; i < down.parts; ++i)
          block({down.begin(i), across.begin(j), depth.begin(l)},
                {down.size(i), across.size(j), depth.size(l)}, accumulate || l > 0, end);
      }
  }

 private:
  struct Place {
    int64_t row, col, depth;
  };

  void block(Place at, Place size, bool accumulate, const T* bias) {
    const Cut wide(size.row, kRows), high(size.row, kMaxRows);
    if (pack_a_) pack_a(wide, from(a_, at.row, at.depth), size.depth);
    if (pack_b_ && at.row == 0) pack_b(from(b_, at.depth, at.col), size.col, size.depth);
    for (int64_t j = 0; j < size.col; j += kCols<T>) {
      const bool narrow = size.col - j <= kLanes<T>;
      const int64_t width = narrow ? kLanes<T> : kCols<T>;
      RegisterTile<T> t;
      t.k = size.depth;
      t.ldc = ldc_;
      t.cols = std::min(width, size.col - j);
      t.accumulate = accumulate;
      t.bias = bias ? bias + j : nullptr;
      place_b(t, {at.row, at.col + j, at.depth}, j, width);
      column(t, at, j, narrow && !pack_a_ ? high : wide, narrow ? narrow_ : wide_);
    }
  }

  void pack_a(const Cut& cut, const MatrixRef<T>& a, int64_t depth) {
    for (int64_t q = 0; q < cut.parts; ++q)
      pack_rows(packed_a_ + cut.begin(q) * depth, cut.size(q), from(a, cut.begin(q), 0), depth);
  }
  void pack_b(const MatrixRef<T>& b, int64_t cols, int64_t depth) {
    int64_t j = 0;
    if (b.col_stride == 1) {
      j = cols / kCols<T> * kCols<T>;
      pack_lines(packed_b_, b, depth, j);
    }
    for (; j < cols; j += kCols<T>) {
      const int64_t width = cols - j <= kLanes<T> ? kLanes<T> : kCols<T>;
      pack_columns(packed_b_ + j * depth, width, from(b, 0, j), depth, std::min(width, cols - j));
    }
  }

  // The panel of B at column j of its block, packed unless it is read where it is. Of such a B only
  // a panel that ends within a register is packed.
  void place_b(RegisterTile<T>& t, Place at, int64_t j, int64_t width) {
    const MatrixRef<T> panel = from(b_, at.depth, at.col);
    if (!pack_b_ && t.cols == width) {
      t.b = panel.data;
      t.b_step = b_.row_stride;
      return;
    }
    if (!pack_b_) pack_columns(packed_b_, width, panel, t.k, t.cols);
    t.b = packed_b_ + (pack_b_ ? j * t.k : 0);
    t.b_step = width;
  }

  // The tiles under one panel of B.
  void column(RegisterTile<T>& t, Place at, int64_t j, const Cut& cut,
              const RegisterKernel<T>* kernels) {
    for (int64_t q = 0; q < cut.parts; ++q) {
      const int64_t r = cut.begin(q), rows = cut.size(q);
      t.c = c_ + (at.row + r) * ldc_ + at.col + j;
      t.a = pack_a_ ? packed_a_ + r * t.k : from(a_, at.row + r, at.depth).data;
      t.a_step = pack_a_ ? rows : a_step_;
      kernels[rows - 1](t);
    }
  }

  T* c_;
  int64_t ldc_, m_, n_, k_;
  MatrixRef<T> a_, b_;
  bool pack_a_, pack_b_;
  int64_t a_step_;
  const RegisterKernel<T>*wide_, *narrow_;
  T *packed_a_ = nullptr, *packed_b_ = nullptr;
};

// Products with a vector: no packing, one pass over the matrix.
template <class T, int kOrderB, int kOrderA>
void vector_product(T* c, int64_t ldc, MatrixRef<T> a, MatrixRef<T> b, int64_t m, int64_t n,
                    int64_t k) {
  using Stride = Eigen::OuterStride<>;
  const int64_t lda = kOrderA == Eigen::ColMajor ? a.row_stride : a.col_stride;
  const int64_t ldb = kOrderB == Eigen::ColMajor ? b.row_stride : b.col_stride;
  constexpr int kA = kOrderA == Eigen::ColMajor ? Eigen::RowMajor : Eigen::ColMajor;
  constexpr int kB = kOrderB == Eigen::ColMajor ? Eigen::RowMajor : Eigen::ColMajor;
  Eigen::Map<const Eigen::Matrix<T, -1, -1, kA>, 0, Stride> ma(a.data, m, k, Stride(lda));
  Eigen::Map<const Eigen::Matrix<T, -1, -1, kB>, 0, Stride> mb(b.data, k, n, Stride(ldb));
  if (n == 1) {
    Eigen::Map<Eigen::Matrix<T, -1, 1>, 0, Eigen::InnerStride<>> mc(c, m,
                                                                    Eigen::InnerStride<>(ldc));
    mc.noalias() += ma * mb.col(0);
  } else {
    Eigen::Map<Eigen::Matrix<T, 1, -1>> mc(c, n);
    mc.noalias() += ma.row(0) * mb;
  }
}

// Whether memory runs along rows (the element after (i, j) is (i, j + 1)).
template <class T>
bool along_rows(const MatrixRef<T>& x) {
  return x.col_stride == 1;
}

// The epilogue of a tile whose first element is (i, j) of C, some rows at a time.
template <class T>
void finish(T* c, int64_t ldc, int64_t i, int64_t j, int64_t m, int64_t n, const Epilogue<T>& e) {
  if (!e.bias && !e.activation) return;
  T* to = e.activated ? e.activated + i * e.activated_ld + j : c;
  const int64_t ld = e.activated ? e.activated_ld : ldc;
  const bool dense = ld == n && ldc == n;
  const int64_t step = std::max<int64_t>(1, 4096 / n);
  for (int64_t r = 0; r < m; r += step) {
    const int64_t rows = std::min(step, m - r);
    if (e.bias)
      for (int64_t s = r; s < r + rows; ++s)
        for (int64_t l = 0; l < n; ++l) c[s * ldc + l] += e.bias[j + l];
    if (!e.activation) continue;
    for (int64_t s = r; s < r + rows; s += dense ? rows : 1) {
      const void* in = c + s * ldc;
      e.activation(to + s * ld, &in, dense ? rows * n : n, e.params);
    }
  }
}

template <class T>
void vector_tile(T* c, int64_t ldc, MatrixRef<T> a, MatrixRef<T> b, int64_t m, int64_t n, int64_t k,
                 bool accumulate) {
  if (!accumulate)
    for (int64_t i = 0; i < m; ++i) std::fill_n(c + i * ldc, n, T(0));
  if (k == 0) return;
  constexpr int kCol = Eigen::ColMajor, kRow = Eigen::RowMajor;
  if (along_rows(b)) {
    along_rows(a) ? vector_product<T, kCol, kCol>(c, ldc, a, b, m, n, k)
                  : vector_product<T, kCol, kRow>(c, ldc, a, b, m, n, k);
  } else {
    along_rows(a) ? vector_product<T, kRow, kCol>(c, ldc, a, b, m, n, k)
                  : vector_product<T, kRow, kRow>(c, ldc, a, b, m, n, k);
  }
}

// How C is cut: by its sizes alone, so that the summation order of an element never depends on
// the number of threads.
struct Partition {
  int64_t rows, cols;  // of a tile
  int64_t down, across;
  Partition(int64_t m, int64_t n, int64_t k) {
    // Multiply-adds that are worth a second tile, and more than two.
    constexpr int64_t kSecond = 1 << 20, kMore = 3 << 20;
    constexpr int64_t kArea = 640 * 640;
    const int64_t work = m * n * std::max<int64_t>(k, 1);
    const int64_t want = std::max(std::min<int64_t>(work / kSecond, 2),
                                  std::min(work / kMore, std::max<int64_t>(8, m * n / kArea)));
    down = across = 1;
    while (down * across < want) {
      const int64_t tall = m / (down * 2), wide = n / (across * 2);
      if (wide >= 32 && (2 * wide >= tall || tall < 24)) {
        across *= 2;
      } else if (tall >= 24) {
        down *= 2;
      } else {
        break;
      }
    }
    rows = (m + down - 1) / down;
    cols = (n + across - 1) / across;
    if (down > 1) rows = (rows + 7) / 8 * 8;
    if (across > 1) cols = (cols + 15) / 16 * 16;
    down = (m + rows - 1) / std::max<int64_t>(rows, 1);
    across = (n + cols - 1) / std::max<int64_t>(cols, 1);
  }
};

// Whether the vector kernels do the product. It goes by the whole product, not by its tiles.
bool is_vector(int64_t m, int64_t n, int64_t k) { return m == 1 || n == 1 || k == 0; }

}  // namespace

template <class T>
void gemm(T* c, int64_t ldc, MatrixRef<T> a, MatrixRef<T> b, int64_t m, int64_t n, int64_t k,
          bool accumulate, const Epilogue<T>& epilogue) {
  if (m == 0 || n == 0) return;
  const Partition p(m, n, k);
  const bool vector = is_vector(m, n, k);
  Epilogue<T> rest = epilogue;
  if (!vector) rest.bias = nullptr;  // the register tiles have added it
  parallel_for(p.down * p.across, 1, [&](int64_t t, int64_t) {
    const int64_t i = t / p.across * p.rows, j = t % p.across * p.cols;
    const int64_t rows = std::min(p.rows, m - i), cols = std::min(p.cols, n - j);
    T* at = c + i * ldc + j;
    const MatrixRef<T> x = from(a, i, 0), y = from(b, 0, j);
    if (vector) {
      vector_tile<T>(at, ldc, x, y, rows, cols, k, accumulate);
    } else {
      TileProduct<T>(at, ldc, x, y, rows, cols, k)
          .run(accumulate, epilogue.bias ? epilogue.bias + j : nullptr);
    }
    finish<T>(at, ldc, i, j, rows, cols, rest);
  });
}

template <class T>
void gemm_batched(T* c, int64_t c_step, MatrixRef<T> a, int64_t a_step, MatrixRef<T> b,
                  int64_t b_step, int64_t batch, int64_t m, int64_t n, int64_t k) {
  if (batch == 1) return gemm(c, n, a, b, m, n, k, false);
  if (m == 0 || n == 0) return;
  const int64_t work = std::max<int64_t>(m * n * k, 1);
  const int64_t grain = std::max<int64_t>(1, (int64_t{1} << 18) / work);
  const bool vector = is_vector(m, n, k);
  parallel_for(batch, grain, [&](int64_t begin, int64_t end) {
    MatrixRef<T> x = a, y = b;
    for (int64_t i = begin; i < end; ++i) {
      x.data = a.data + i * a_step;
      y.data = b.data + i * b_step;
      vector ? vector_tile<T>(c + i * c_step, n, x, y, m, n, k, false)
             : TileProduct<T>(c + i * c_step, n, x, y, m, n, k).run(false, nullptr);
    }
  });
}

template void gemm<float>(float*, int64_t, MatrixRef<float>, MatrixRef<float>, int64_t, int64_t,
                          int64_t, bool, const Epilogue<float>&);
template void gemm<double>(double*, int64_t, MatrixRef<double>, MatrixRef<double>, int64_t, int64_t,
                           int64_t, bool, const Epilogue<double>&);
template void gemm_batched<float>(float*, int64_t, MatrixRef<float>, int64_t, MatrixRef<float>,
                                  int64_t, int64_t, int64_t, int64_t, int64_t);
template void gemm_batched<double>(double*, int64_t, MatrixRef<double>, int64_t, MatrixRef<double>,
                                   int64_t, int64_t, int64_t, int64_t, int64_t);

}  // namespace wengert
