#include "wengert/kernels/gemm/gemm.h"

#include <unistd.h>

#include <algorithm>
#include <type_traits>

#include "wengert/base/allocator.h"
#include "wengert/base/parallel.h"
#include "wengert/kernels/core/ways.h"
#include "wengert/kernels/gemm/dot.h"
#include "wengert/kernels/gemm/kernel.h"
#include "wengert/kernels/gemm/pack.h"

namespace wengert {
namespace {

using namespace detail;

constexpr int64_t kMostRows = 2048;     // all that is packed in the L3 cache
constexpr int64_t kPackedCols = 128;    // of B that one thread packs at a time
constexpr int64_t kFarApart = 2048;     // bytes between lines: a panel's are not in the caches
constexpr int64_t kTasks = 32;          // so many blocks of C leave no thread waiting for long
constexpr int64_t kTaskWork = 1 << 19;  // multiply-adds that are worth a task

// A packed block of A stays in the L2 cache, beside what else is there: the panels of B where they
// are (Note [register tiles]), and room for what passes through. Where the size is not known it is
// taken for large enough.
int64_t block_rows() {
  static const int64_t rows = [] {
    constexpr int64_t kMost = 16, kLeast = 4, kTileBytes = kRows * kDepthBytes;
    const int64_t l2 = sysconf(_SC_LEVEL2_CACHE_SIZE);
    const int64_t panels = kPanelsInL2 ? kMostCols * kDepthBytes : 0;
    return (l2 <= 0 ? kMost : std::clamp((l2 / 4 * 3 - panels) / kTileBytes, kLeast, kMost)) *
           kRows;
  }();
  return rows;
}

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

// The epilogue of the part of C that begins at (i, j).
template <class T>
Epilogue<T> at(Epilogue<T> e, int64_t i, int64_t j) {
  if (e.bias) e.bias += j;
  if (e.activated) e.activated += i * e.activated_ld + j;
  if (e.other) e.other += i * e.other_ld + j;
  return e;
}

// The epilogue, some rows at a time.
template <class T>
void finish(T* c, int64_t ldc, int64_t m, int64_t n, const Epilogue<T>& e) {
  if (!e.bias && !e.activation) return;
  T* to = e.activated ? e.activated : c;
  const int64_t ld = e.activated ? e.activated_ld : ldc;
  const bool dense = ld == n && ldc == n && (!e.other || e.other_ld == n);
  const int64_t step = std::max<int64_t>(1, 4096 / n);
  for (int64_t r = 0; r < m; r += step) {
    const int64_t rows = std::min(step, m - r);
    if (e.bias)
      for (int64_t s = r; s < r + rows; ++s)
        for (int64_t l = 0; l < n; ++l) c[s * ldc + l] += e.bias[l];
    if (!e.activation) continue;
    for (int64_t s = r; s < r + rows; s += dense ? rows : 1) {
      const void* in[] = {c + s * ldc, e.other ? e.other + s * e.other_ld : nullptr};
      e.activation(to + s * ld, in, dense ? rows * n : n, e.params);
    }
  }
}

// The rows of a box as blocks of register tiles that are as high as can be.
class Blocks {
 public:
  explicit Blocks(int64_t rows)
      : tiles_(rows, kRows), blocks_(tiles_.parts, block_rows() / kRows) {}
  int64_t parts() const { return blocks_.parts; }
  int64_t begin(int64_t i) const { return tiles_.begin(blocks_.begin(i)); }
  int64_t size(int64_t i) const { return begin(i + 1) - begin(i); }
  int64_t most() const { return begin(1); }

 private:
  Cut tiles_, blocks_;
};

// Columns of C in parts of whole panels of B, at most so many.
template <class T>
class Panels {
 public:
  Panels(int64_t cols, int64_t most) : cols_(cols), cut_((cols + kCols<T> - 1) / kCols<T>, most) {}
  int64_t parts() const { return cut_.parts; }
  int64_t begin(int64_t j) const { return std::min(cut_.begin(j) * kCols<T>, cols_); }
  int64_t size(int64_t j) const { return begin(j + 1) - begin(j); }
  int64_t most() const { return size(0); }

 private:
  int64_t cols_;
  Cut cut_;
};

// f(0), ..., f(n - 1), in parallel unless `alone`.
template <class F>
void for_each(int64_t n, bool alone, const F& f) {
  if (!alone) return parallel_for(n, 1, [&](int64_t i, int64_t) { f(i); });
  for (int64_t i = 0; i < n; ++i) f(i);
}

// C = or += A B: blocks of B that stay in the L3 cache, of A that stay in L2, and panels of B that
// stay in L1. K. Goto, R. van de Geijn, "Anatomy of high-performance matrix multiplication", 2008.
// A team packs what it shares together, and then shares out the blocks of C.
template <class T>
class Product {
 public:
  Product(T* c, int64_t ldc, MatrixRef<T> a, MatrixRef<T> b, int64_t m, int64_t n, int64_t k,
          const Epilogue<T>& epilogue, const NarrowFactors* factors = nullptr)
      : c_(c),
        ldc_(ldc),
        m_(m),
        n_(n),
        k_(k),
        a_(a),
        b_(b),
        bias_(epilogue.bias),
        rest_(epilogue),
        factors_(factors) {
    rest_.bias = nullptr;  // the register tiles add it
    pack_a_ = factors || pays_to_pack_a(a, m, n, k);
    pack_b_ = factors || pays_to_pack_b(b, m);
    const bool along = !pack_a_ && a.col_stride == 1;
    wide_ = wide_kernels<T>(along);
    narrow_ = narrow_kernels<T>(along);
    a_step_ = along ? a.row_stride : a.col_stride;
  }

  void run(bool accumulate, bool alone) {
    alone_ = alone;
    const Cut down(m_, kMostRows), depth(k_, kDepth<T>);
    const Panels<T> across(n_, kMostCols / kCols<T>);
    const int64_t cols = pack_b_ ? across.most() + kCols<T> : kCols<T>;
    const Blocks first(down.most());
    // The blocks of a smaller box may be larger. Behind a block of A is room for what its packing
    // writes beyond its edge.
    block_step_ = std::min(block_rows(), down.most()) * depth.most() + kCols<T> +
                  block_rows() / kRows * kPanelGap<T>;
    const int64_t rows = pack_a_ ? first.parts() * block_step_ : 0;
    const Scratch scratch(static_cast<size_t>(cols * depth.most() + rows) * sizeof(T));
    packed_b_ = scratch.as<T>();
    packed_a_ = packed_b_ + cols * depth.most();
    for (int64_t i = 0; i < down.parts; ++i) {
      const Blocks blocks = i == 0 ? first : Blocks(down.size(i));
      for (int64_t l = 0; l < depth.parts; ++l)
        for (int64_t j = 0; j < across.parts(); ++j) {
          const Box box{blocks,         down.begin(i),  across.begin(j),
                        across.size(j), depth.begin(l), depth.size(l)};
          pack(box, j == 0);
          multiply(box, accumulate || l > 0, l + 1 == depth.parts);
        }
    }
  }

 private:
  struct Box {
    Blocks blocks;  // its rows
    int64_t row, col, cols, depth, k;
  };
  struct Part {  // of a box; its row and column count from those of the box
    int64_t row, rows, col, cols;
  };

  // The panels of B, and for the first of the boxes beside each other the blocks of A. Of a B that
  // is read where it is only a panel that ends within a register is packed.
  void pack(const Box& box, bool a_too) {
    const int64_t edge = box.cols % kCols<T>;
    const int64_t parts = pack_b_ ? (box.cols + kPackedCols - 1) / kPackedCols : edge > 0;
    for_each(parts + (pack_a_ && a_too ? box.blocks.parts() : 0), alone_, [&](int64_t i) {
      if (i >= parts) return pack_a(box, i - parts);
      const int64_t j = pack_b_ ? i * kPackedCols : box.cols - edge;
      pack_columns_at(box, j, pack_b_ ? packed_b_ + j * box.k : packed_b_);
    });
  }
  // f(a block of a factor), which is widened first if it is narrow.
  template <class F>
  void with_block(const MatrixRef<T>& x, MatrixRef<uint16_t> NarrowFactors::* narrow, int64_t i,
                  int64_t j, int64_t rows, int64_t cols, const F& f) {
    if constexpr (kNarrow)
      if (factors_) {
        const Scratch room(static_cast<size_t>(rows * cols + kCols<T>) * sizeof(T));
        return f(detail::widened(factors_->lines, room.as<T>(), from(factors_->*narrow, i, j), rows,
                                 cols));
      }
    f(from(x, i, j));
  }
  // The columns of B of a box that begin at j.
  void pack_columns_at(const Box& box, int64_t j, T* to) {
    const int64_t cols = std::min(kPackedCols, box.cols - j);
    with_block(b_, &NarrowFactors::b, box.depth, box.col + j, box.k, cols,
               [&](const MatrixRef<T>& block) { pack_b(to, block, cols, box.k); });
  }
  void pack_a(const Box& box, int64_t i) {
    const int64_t row = box.row + box.blocks.begin(i), rows = box.blocks.size(i);
    with_block(a_, &NarrowFactors::a, row, box.depth, rows, box.k, [&](const MatrixRef<T>& block) {
      pack_a(packed_a_ + i * block_step_, block, rows, box.k);
    });
  }
  void pack_a(T* to, const MatrixRef<T>& block, int64_t rows, int64_t k) {
    const Cut cut(rows, kRows);
    if (block.col_stride * static_cast<int64_t>(sizeof(T)) >= kFarApart)
      return pack_rows_of_runs(to, cut, block, k);
    for (int64_t q = 0; q < cut.parts; ++q)
      pack_rows(to + panel_begin<T>(cut, q, k), cut.size(q), from(block, cut.begin(q), 0), k);
  }
  void pack_b(T* to, const MatrixRef<T>& b, int64_t cols, int64_t k) {
    int64_t j = 0;
    if (b.col_stride == 1) {
      j = cols / kCols<T> * kCols<T>;
      pack_lines(to, b, k, j);
    }
    for (; j < cols; j += kCols<T>) {
      const int64_t width = cols - j <= kLanes<T> ? kLanes<T> : kCols<T>;
      pack_columns(to + j * k, width, from(b, 0, j), k, std::min(width, cols - j));
    }
  }

  void multiply(const Box& box, bool accumulate, bool last) {
    const Blocks& blocks = box.blocks;
    const int64_t panels = (box.cols + kCols<T> - 1) / kCols<T>;
    const int64_t work = blocks.most() * kCols<T> * box.k;
    const int64_t most = std::max(panels * blocks.parts() / kTasks, kTaskWork / work) + 1;
    const Panels<T> groups(box.cols, alone_ ? panels : most);
    for_each(blocks.parts() * groups.parts(), alone_, [&](int64_t t) {
      const int64_t i = t / groups.parts(), g = t % groups.parts();
      const Part part{blocks.begin(i), blocks.size(i), groups.begin(g), groups.size(g)};
      block(box, part, packed_a_ + i * block_step_, accumulate, last);
    });
  }

  void block(const Box& box, const Part& part, const T* packed_a, bool accumulate, bool last) {
    const Cut wide(part.rows, kRows), high(part.rows, kMaxRows);
    const int64_t row = box.row + part.row;
    for (int64_t j = part.col; j < part.col + part.cols; j += kCols<T>) {
      const int64_t left = part.col + part.cols - j;
      const bool narrow = left <= kLanes<T>;
      const int64_t width = narrow ? kLanes<T> : kCols<T>, col = box.col + j;
      RegisterTile<T> t;
      t.k = box.k;
      t.ldc = ldc_;
      t.cols = std::min(width, left);
      t.accumulate = accumulate;
      t.bias = last && bias_ ? bias_ + col : nullptr;
      const bool packed = pack_b_ || t.cols < width;
      t.b = !packed ? from(b_, box.depth, col).data : pack_b_ ? packed_b_ + j * box.k : packed_b_;
      t.b_step = packed ? width : b_.row_stride;
      t.c = c_ + row * ldc_ + col;
      t.a = pack_a_ ? packed_a : from(a_, row, box.depth).data;
      column(t, narrow && !pack_a_ ? high : wide, narrow ? narrow_ : wide_);
    }
    const int64_t col = box.col + part.col;
    if (last) finish<T>(c_ + row * ldc_ + col, ldc_, part.rows, part.cols, at(rest_, row, col));
    if constexpr (kNarrow)
      if (last && factors_)
        for (int64_t r = row * ldc_ + col; r < (row + part.rows) * ldc_; r += ldc_)
          factors_->lines.round(factors_->c + r, c_ + r, part.cols);
  }

  // The tiles under one panel of B.
  void column(RegisterTile<T> t, const Cut& cut, const RegisterKernel<T>* kernels) {
    for (int64_t q = 0; q < cut.parts; ++q) {
      const int64_t rows = cut.size(q);
      t.a_step = pack_a_ ? rows : a_step_;
      kernels[rows - 1](t);
      t.c += rows * ldc_;
      t.a += pack_a_ ? rows * t.k + kPanelGap<T> : rows * a_.row_stride;
    }
  }

  T* c_;
  int64_t ldc_, m_, n_, k_;
  MatrixRef<T> a_, b_;
  const T* bias_;
  Epilogue<T> rest_;
  static constexpr bool kNarrow = std::is_same_v<T, float>;
  const NarrowFactors* factors_;
  bool pack_a_, pack_b_, alone_ = true;
  int64_t a_step_, block_step_ = 0;
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

template <class T>
void vector_tile(T* c, int64_t ldc, const MatrixRef<T>& a, const MatrixRef<T>& b, int64_t m,
                 int64_t n, int64_t k, bool accumulate) {
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

// Multiply-adds that are worth another thread for another product, a second tile, and more than
// two; and how many of them it costs to write a result.
constexpr int64_t kOther = 3 << 18, kSecond = 1 << 20, kMore = 3 << 20, kWrite = 8;

// In a product with a vector each multiply-add waits for an element of the matrix.
constexpr int64_t kVectorWork = 4;

// How the C of a small product is cut into products of their own.
struct Partition {
  int64_t rows, cols;  // of a tile
  int64_t down, across;
  Partition(int64_t m, int64_t n, int64_t k, int64_t per_multiply) {
    constexpr int64_t kArea = 640 * 640;
    const int64_t work = m * n * (k + kWrite) * per_multiply;
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

// Few columns leave most of a register empty. If columns of A are runs they fill registers when C
// is computed turned, C^T = B^T A^T.
template <class T>
bool prefers_turned(const MatrixRef<T>& a, const MatrixRef<T>&, int64_t m, int64_t n, int64_t) {
  return a.row_stride == 1 && a.col_stride != 1 && n <= kMaxRows && n % kLanes<T> != 0 &&
         m >= kCols<T>;
}
template <class T>
void turned_product(T* c, int64_t ldc, const MatrixRef<T>& a, const MatrixRef<T>& b, int64_t m,
                    int64_t n, int64_t k, bool accumulate) {
  const Scratch scratch(static_cast<size_t>(m * n) * sizeof(T));
  T* const turned = scratch.as<T>();
  const auto transposed = [](const MatrixRef<T>& x) {
    return MatrixRef<T>{x.data, x.col_stride, x.row_stride};
  };
  Product<T>(turned, m, transposed(b), transposed(a), n, m, k, {}).run(false, true);
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) {
      T& to = c[i * ldc + j];
      to = accumulate ? to + turned[j * m + i] : turned[j * m + i];
    }
}

template <class T>
using Tile = void(T* c, int64_t ldc, const MatrixRef<T>& a, const MatrixRef<T>& b, int64_t m,
                  int64_t n, int64_t k, bool accumulate);

template <class T>
void one_number(T* c, int64_t, const MatrixRef<T>& a, const MatrixRef<T>& b, int64_t, int64_t,
                int64_t k, bool accumulate) {
  const T sum = long_dot(a.data, a.col_stride, b.data, b.row_stride, k);
  *c = (accumulate ? *c : T(0)) + sum;
}

// to[i] = or += x from[i]
template <class T>
void scaled_line(T* __restrict to, int64_t to_step, const T* __restrict from, int64_t step, T x,
                 int64_t n, bool accumulate) {
  const auto line = [&](int64_t d, int64_t e) {
    if (accumulate)
      for (int64_t i = 0; i < n; ++i) to[i * d] += x * from[i * e];
    else
      for (int64_t i = 0; i < n; ++i) to[i * d] = x * from[i * e];
  };
  to_step == 1 && step == 1 ? line(1, 1) : line(to_step, step);
}
// A column and a row: nothing is summed, and memory takes longer than arithmetic.
template <class T>
void outer_product(T* c, int64_t ldc, const MatrixRef<T>& a, const MatrixRef<T>& b, int64_t m,
                   int64_t n, int64_t, bool accumulate) {
  if (n == 1) return scaled_line(c, ldc, a.data, a.row_stride, *b.data, m, accumulate);
  for (int64_t i = 0; i < m; ++i)
    scaled_line(c + i * ldc, 1, b.data, b.col_stride, a.data[i * a.row_stride], n, accumulate);
}

// On one thread, the epilogue behind it.
template <class T, Tile<T>* kTile>
void finished(T* c, int64_t ldc, const MatrixRef<T>& a, const MatrixRef<T>& b, int64_t m, int64_t n,
              int64_t k, bool accumulate, const Epilogue<T>& e) {
  kTile(c, ldc, a, b, m, n, k, accumulate);
  finish<T>(c, ldc, m, n, e);
}
template <class T>
void packed(T* c, int64_t ldc, const MatrixRef<T>& a, const MatrixRef<T>& b, int64_t m, int64_t n,
            int64_t k, bool accumulate, const Epilogue<T>& e) {
  Product<T>(c, ldc, a, b, m, n, k, e).run(accumulate, true);
}

// All of a product, or, if it is to be `alone`, on the thread that calls.
template <class T>
using Whole = void(bool alone, T* c, int64_t ldc, const MatrixRef<T>& a, const MatrixRef<T>& b,
                   int64_t m, int64_t n, int64_t k, bool accumulate, const Epilogue<T>& e);
template <class T, auto kPart, int64_t kPerMultiply = 1>
void divided(bool alone, T* c, int64_t ldc, const MatrixRef<T>& a, const MatrixRef<T>& b, int64_t m,
             int64_t n, int64_t k, bool accumulate, const Epilogue<T>& e) {
  if (alone) return kPart(c, ldc, a, b, m, n, k, accumulate, e);
  const Partition p(m, n, k, kPerMultiply);
  parallel_for(p.down * p.across, 1, [&](int64_t t, int64_t) {
    const int64_t i = t / p.across * p.rows, j = t % p.across * p.cols;
    const int64_t rows = std::min(p.rows, m - i), cols = std::min(p.cols, n - j);
    kPart(c + i * ldc + j, ldc, from(a, i, 0), from(b, 0, j), rows, cols, k, accumulate,
          at(e, i, j));
  });
}
template <class T>
void panels(bool alone, T* c, int64_t ldc, const MatrixRef<T>& a, const MatrixRef<T>& b, int64_t m,
            int64_t n, int64_t k, bool accumulate, const Epilogue<T>& e) {
  if (alone || m * n * k < kTeamWork)
    return divided<T, packed<T>>(alone, c, ldc, a, b, m, n, k, accumulate, e);
  Product<T>(c, ldc, a, b, m, n, k, e).run(accumulate, false);
}

template <class T>
bool is_dot(const MatrixRef<T>&, const MatrixRef<T>&, int64_t m, int64_t n, int64_t k) {
  return m == 1 && n == 1 && k > 0;
}
template <class T>
bool is_outer(const MatrixRef<T>&, const MatrixRef<T>&, int64_t, int64_t, int64_t k) {
  return k == 1;
}
template <class T>
bool is_vector(const MatrixRef<T>&, const MatrixRef<T>&, int64_t m, int64_t n, int64_t k) {
  return m == 1 || n == 1 || k == 0;
}
template <class T>
bool is_any(const MatrixRef<T>&, const MatrixRef<T>&, int64_t, int64_t, int64_t) {
  return true;
}

// They go by the whole of a product, not by its tiles.
template <class T>
constexpr Way<decltype(is_any<T>), Whole<T>> kWays[] = {
    {"dot", is_dot<T>, divided<T, finished<T, one_number<T>>>},
    {"outer", is_outer<T>, divided<T, finished<T, outer_product<T>>, kVectorWork>},
    {"vector", is_vector<T>, divided<T, finished<T, vector_tile<T>>, kVectorWork>},
    {"dot tiles", prefers_dots<T>, divided<T, finished<T, dot_product<T>>>},
    {"turned", prefers_turned<T>, divided<T, finished<T, turned_product<T>>>},
    {"panels", is_any<T>, panels<T>},
};

}  // namespace

template <class T>
void gemm(T* c, int64_t ldc, MatrixRef<T> a, MatrixRef<T> b, int64_t m, int64_t n, int64_t k,
          bool accumulate, const Epilogue<T>& epilogue) {
  if (m == 0 || n == 0) return;
  first_way<kWays<T>>(a, b, m, n, k).run(false, c, ldc, a, b, m, n, k, accumulate, epilogue);
}

template <class T>
const char* gemm_way(MatrixRef<T> a, MatrixRef<T> b, int64_t m, int64_t n, int64_t k) {
  return first_way<kWays<T>>(a, b, m, n, k).name;
}

bool gemm_goes_in_pairs(int64_t m, int64_t n, int64_t k) {
  const int64_t work = m * n * k;
  return work >= kOther && work < 2 * kSecond;
}

template <class T>
void gemm_batched(T* c, int64_t c_step, MatrixRef<T> a, int64_t a_step, MatrixRef<T> b,
                  int64_t b_step, int64_t batch, int64_t m, int64_t n, int64_t k) {
  if (m == 0 || n == 0) return;
  const int64_t work = std::max<int64_t>(m * n * k, 1);
  const auto matrix = [=](MatrixRef<T> x, int64_t step, int64_t i) {
    x.data += i * step;
    return x;
  };
  if (batch == 1 || work >= kTeamWork) {
    for (int64_t i = 0; i < batch; ++i)
      gemm(c + i * c_step, n, matrix(a, a_step, i), matrix(b, b_step, i), m, n, k, false);
    return;
  }
  const int64_t grain = std::max<int64_t>(1, (int64_t{1} << 18) / work);
  const auto& way = first_way<kWays<T>>(a, b, m, n, k);
  parallel_for(batch, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      way.run(true, c + i * c_step, n, matrix(a, a_step, i), matrix(b, b_step, i), m, n, k, false,
              {});
  });
}

namespace detail {

void packed_narrow_product(const NarrowFactors& f, float* sums, int64_t m, int64_t n, int64_t k,
                           const float* bias) {
  Epilogue<float> e;
  e.bias = bias;
  const MatrixRef<float> a{nullptr, f.a.row_stride, f.a.col_stride};
  const MatrixRef<float> b{nullptr, f.b.row_stride, f.b.col_stride};
  Product<float>(sums, n, a, b, m, n, k, e, &f).run(false, false);
}

bool goes_to_team(const MatrixRef<float>& a, const MatrixRef<float>& b, int64_t m, int64_t n,
                  int64_t k) {
  return m * n * k >= kTeamWork && first_way<kWays<float>>(a, b, m, n, k).run == panels<float>;
}

void some_columns(float* c, const MatrixRef<float>& a, const MatrixRef<float>& b, int64_t m,
                  int64_t cols, int64_t n, int64_t k, bool accumulate, const float* bias) {
  Epilogue<float> e;
  e.bias = bias;
  first_way<kWays<float>>(a, b, m, n, k).run(true, c, cols, a, b, m, cols, k, accumulate, e);
}

}  // namespace detail

template void gemm<float>(float*, int64_t, MatrixRef<float>, MatrixRef<float>, int64_t, int64_t,
                          int64_t, bool, const Epilogue<float>&);
template void gemm<double>(double*, int64_t, MatrixRef<double>, MatrixRef<double>, int64_t, int64_t,
                           int64_t, bool, const Epilogue<double>&);
template const char* gemm_way(MatrixRef<float>, MatrixRef<float>, int64_t, int64_t, int64_t);
template const char* gemm_way(MatrixRef<double>, MatrixRef<double>, int64_t, int64_t, int64_t);
template void gemm_batched<float>(float*, int64_t, MatrixRef<float>, int64_t, MatrixRef<float>,
                                  int64_t, int64_t, int64_t, int64_t, int64_t);
template void gemm_batched<double>(double*, int64_t, MatrixRef<double>, int64_t, MatrixRef<double>,
                                   int64_t, int64_t, int64_t, int64_t, int64_t);

}  // namespace wengert
