#include "wengert/kernels/gemm.h"

#include <algorithm>

#include "wengert/base/allocator.h"
#include "wengert/base/parallel.h"
#include "wengert/kernels/eigen.h"

namespace wengert {
namespace {

using Eigen::Index;

// Eigen's blocking sizes with our memory: its own would go to malloc at every call.
template <class T>
class Blocking : public Eigen::internal::level3_blocking<T, T> {
 public:
  Blocking(Index rows, Index cols, Index depth) {
    this->m_mc = rows;
    this->m_nc = cols;
    this->m_kc = depth;
    Eigen::internal::computeProductBlockingSizes<T, T, 1>(this->m_kc, this->m_mc, this->m_nc,
                                                          Index{1});
    const size_t a = round_up(static_cast<size_t>(this->m_mc * this->m_kc) * sizeof(T));
    const size_t b = round_up(static_cast<size_t>(this->m_kc * this->m_nc) * sizeof(T));
    bytes_ = a + b;
    memory_ = static_cast<std::byte*>(allocate(bytes_));
    this->m_blockA = reinterpret_cast<T*>(memory_);
    this->m_blockB = reinterpret_cast<T*>(memory_ + a);
  }
  ~Blocking() { deallocate(memory_, bytes_); }
  void allocateA() {}
  void allocateB() {}
  void allocateAll() {}

 private:
  static size_t round_up(size_t n) { return (n + kAlignment - 1) / kAlignment * kAlignment; }
  size_t bytes_;
  std::byte* memory_;
};

// C += A B for one tile. Row-major C is column-major C', and C' = B' A': what Eigen calls the
// left side is our B.
template <class T, int kOrderB, int kOrderA>
void tile_product(T* c, int64_t ldc, MatrixRef<T> a, MatrixRef<T> b, int64_t m, int64_t n,
                  int64_t k) {
  Blocking<T> blocking(n, m, k);
  const int64_t ldb = kOrderB == Eigen::ColMajor ? b.row_stride : b.col_stride;
  const int64_t lda = kOrderA == Eigen::ColMajor ? a.row_stride : a.col_stride;
  Eigen::internal::general_matrix_matrix_product<Index, T, kOrderB, false, T, kOrderA, false,
                                                 Eigen::ColMajor, 1>::run(n, m, k, b.data, ldb,
                                                                          a.data, lda, c, 1, ldc,
                                                                          T(1), blocking, nullptr);
}

// C += A B where C has few columns, such as the classes of a classifier: the register kernel runs
// along the left side, which must then be A. The result is column-major and is turned on the way
// into C.
template <class T, int kOrderB, int kOrderA>
void narrow_product(T* c, int64_t ldc, MatrixRef<T> a, MatrixRef<T> b, int64_t m, int64_t n,
                    int64_t k) {
  Blocking<T> blocking(m, n, k);
  const Scratch scratch(static_cast<size_t>(m * n) * sizeof(T));
  T* columns = scratch.as<T>();
  std::fill_n(columns, m * n, T(0));
  // What is row-major to us is A itself on this side, not its transpose.
  constexpr int kA = kOrderA == Eigen::ColMajor ? Eigen::RowMajor : Eigen::ColMajor;
  constexpr int kB = kOrderB == Eigen::ColMajor ? Eigen::RowMajor : Eigen::ColMajor;
  const int64_t lda = kOrderA == Eigen::ColMajor ? a.row_stride : a.col_stride;
  const int64_t ldb = kOrderB == Eigen::ColMajor ? b.row_stride : b.col_stride;
  Eigen::internal::general_matrix_matrix_product<Index, T, kA, false, T, kB, false, Eigen::ColMajor,
                                                 1>::run(m, n, k, a.data, lda, b.data, ldb, columns,
                                                         1, m, T(1), blocking, nullptr);
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) c[i * ldc + j] += columns[j * m + i];
}

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

constexpr int64_t kNarrow = 16;

template <class T>
void tile(T* c, int64_t ldc, MatrixRef<T> a, MatrixRef<T> b, int64_t m, int64_t n, int64_t k,
          bool accumulate) {
  if (!accumulate)
    for (int64_t i = 0; i < m; ++i) std::fill_n(c + i * ldc, n, T(0));
  if (k == 0) return;
  const auto run = [&]<int kB, int kA>() {
    if (m == 1 || n == 1) {
      vector_product<T, kB, kA>(c, ldc, a, b, m, n, k);
    } else if (n < kNarrow && m >= 2 * n) {
      narrow_product<T, kB, kA>(c, ldc, a, b, m, n, k);
    } else {
      tile_product<T, kB, kA>(c, ldc, a, b, m, n, k);
    }
  };
  constexpr int kCol = Eigen::ColMajor, kRow = Eigen::RowMajor;
  if (along_rows(b)) {
    along_rows(a) ? run.template operator()<kCol, kCol>() : run.template operator()<kCol, kRow>();
  } else {
    along_rows(a) ? run.template operator()<kRow, kCol>() : run.template operator()<kRow, kRow>();
  }
}

// How C is cut: by its sizes alone, so that the summation order of an element never depends on
// the number of threads.
struct Partition {
  int64_t rows, cols;  // of a tile
  int64_t down, across;
  Partition(int64_t m, int64_t n, int64_t k) {
    constexpr int64_t kWork = 1 << 20;  // multiply-adds that are worth a tile of their own
    constexpr int64_t kArea = 320 * 512;
    const int64_t work = m * n * std::max<int64_t>(k, 1);
    const int64_t want =
        std::max(std::min<int64_t>(work / kWork, 8), std::min(work / kWork, m * n / kArea));
    down = across = 1;
    while (down * across < want) {
      const int64_t tall = m / (down * 2), wide = n / (across * 2);
      if (tall >= 16 && (2 * tall >= wide || wide < 48)) {
        down *= 2;
      } else if (wide >= 48) {
        across *= 2;
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

}  // namespace

template <class T>
void gemm(T* c, int64_t ldc, MatrixRef<T> a, MatrixRef<T> b, int64_t m, int64_t n, int64_t k,
          bool accumulate, const Epilogue<T>& epilogue) {
  if (m == 0 || n == 0) return;
  const Partition p(m, n, k);
  parallel_for(p.down * p.across, 1, [&](int64_t t, int64_t) {
    const int64_t i = t / p.across * p.rows, j = t % p.across * p.cols;
    const int64_t rows = std::min(p.rows, m - i), cols = std::min(p.cols, n - j);
    T* at = c + i * ldc + j;
    tile<T>(at, ldc, {a.data + i * a.row_stride, a.row_stride, a.col_stride},
            {b.data + j * b.col_stride, b.row_stride, b.col_stride}, rows, cols, k, accumulate);
    finish<T>(at, ldc, i, j, rows, cols, epilogue);
  });
}

template <class T>
void gemm_batched(T* c, int64_t c_step, MatrixRef<T> a, int64_t a_step, MatrixRef<T> b,
                  int64_t b_step, int64_t batch, int64_t m, int64_t n, int64_t k) {
  if (batch == 1) return gemm(c, n, a, b, m, n, k, false);
  if (m == 0 || n == 0) return;
  const int64_t work = std::max<int64_t>(m * n * k, 1);
  const int64_t grain = std::max<int64_t>(1, (int64_t{1} << 18) / work);
  parallel_for(batch, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      tile<T>(c + i * c_step, n, {a.data + i * a_step, a.row_stride, a.col_stride},
              {b.data + i * b_step, b.row_stride, b.col_stride}, m, n, k, false);
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
