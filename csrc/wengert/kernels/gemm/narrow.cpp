// Products of 16-bit floats. They are float32 products, rounded: what differs is when the factors
// become float32. Large ones widen them as they are packed. Those with a vector or a few rows wait
// for memory: there the larger factor is read once, half as large as float32, and is widened in
// registers, or some columns at a time in cache. The rest is small, and widened first.
#include <algorithm>

#include "wengert/base/allocator.h"
#include "wengert/base/parallel.h"
#include "wengert/kernels/gemm/kernel.h"

namespace wengert {
namespace {

using namespace detail;
using Bits = MatrixRef<uint16_t>;

constexpr int64_t kLineGrain = int64_t{1} << 15;  // elements to widen that are worth a task
constexpr int64_t kBlock = int64_t{1} << 16;      // of widened elements: they stay in L2
constexpr int64_t kFewest = 16;                   // columns of a block, however long they are
constexpr int64_t kRowPart = 512;                 // columns of rows that are worth another thread
constexpr int64_t kFewRows = 48;

// float32 numbers of one call.
class Floats {
 public:
  explicit Floats(int64_t n)
      : room_(static_cast<size_t>(std::max<int64_t>(n, 1)) * sizeof(float)) {}
  operator float*() const { return room_.as<float>(); }

 private:
  Scratch room_;
};

// One dtype's products.
class Narrow {
 public:
  explicit Narrow(Dtype d) : lines_(half_lines(d)) {}

  // Of `batch` matrices (m, n), widened into `to` without gaps, along the lines that they have.
  MatrixRef<float> widened(float* to, const Bits& x, int64_t step, int64_t batch, int64_t m,
                           int64_t n) const {
    const bool along = x.col_stride == 1;
    const int64_t lines = along ? m : n, length = along ? n : m;
    const int64_t apart = along ? x.row_stride : x.col_stride;
    if (length == 0) return {to, 1, 1};
    const int64_t grain = std::max<int64_t>(1, kLineGrain / length);
    parallel_for(batch * lines, grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        lines_.widen(to + i * length, x.data + i / lines * step + i % lines * apart, length);
    });
    return {to, along ? length : 1, along ? 1 : length};
  }

  void rounded(uint16_t* to, const float* from, int64_t n) const {
    parallel_for(n, kLineGrain, [&](int64_t begin, int64_t end) {
      lines_.round(to + begin, from + begin, end - begin);
    });
  }

  void multiply(uint16_t* c, const Bits& a, const Bits& b, int64_t m, int64_t n, int64_t k,
                const float* bias) const {
    const auto turned = [](const Bits& x) { return Bits{x.data, x.col_stride, x.row_stride}; };
    const bool large = std::max(m, n) * k >= kLineGrain;
    if (m == 1 && large) return row(c, a, b, n, k, bias);
    if (n == 1 && large && !bias) return row(c, turned(b), turned(a), m, k, nullptr);
    if (m <= kFewRows && large) return by_columns(c, a, b, m, n, k, bias);
    const MatrixRef<float> strides_a{nullptr, a.row_stride, a.col_stride};
    const MatrixRef<float> strides_b{nullptr, b.row_stride, b.col_stride};
    const Floats sums(m * n);
    if (goes_to_team(strides_a, strides_b, m, n, k))
      return packed_narrow_product({a, b, c, lines_}, sums, m, n, k, bias);
    const Floats room(m * k + k * n);
    const MatrixRef<float> wide_a = widened(room, a, 0, 1, m, k);
    const MatrixRef<float> wide_b = widened(room + m * k, b, 0, 1, k, n);
    Epilogue<float> e;
    e.bias = bias;
    gemm<float>(sums, n, wide_a, wide_b, m, n, k, false, e);
    rounded(c, sums, m * n);
  }

 private:
  // C = A B + bias for an A of few rows. A block of B is as long as the sums that `gemm` takes at
  // once where its rows are runs, and has whole columns where those are.
  void by_columns(uint16_t* c, const Bits& a, const Bits& b, int64_t m, int64_t n, int64_t k,
                  const float* bias) const {
    const Floats room(m * k);
    const MatrixRef<float> wide_a = widened(room, a, 0, 1, m, k);
    const Cut depth(k, b.col_stride == 1 ? kDepth<float> : k);
    // As many whatever the threads are.
    const int64_t cols = std::max(kBlock / depth.most() / kFewest, int64_t{1}) * kFewest;
    const int64_t grain = std::max<int64_t>(1, (int64_t{1} << 16) / (m * cols * k));
    parallel_for((n + cols - 1) / cols, grain, [&](int64_t begin, int64_t end) {
      const Floats block(cols * depth.most()), sums(m * cols);
      for (int64_t p = begin; p < end; ++p) {
        const int64_t j = p * cols, w = std::min(cols, n - j);
        for (int64_t d = 0; d < depth.parts; ++d) {
          const int64_t l = depth.begin(d), size = depth.size(d);
          const bool last = d + 1 == depth.parts;
          const Bits from{b.data + l * b.row_stride + j * b.col_stride, b.row_stride, b.col_stride};
          const MatrixRef<float> part{wide_a.data + l * wide_a.col_stride, wide_a.row_stride,
                                      wide_a.col_stride};
          some_columns(sums, part, detail::widened(lines_, block, from, size, w), m, w, n, size,
                       d > 0, last && bias ? bias + j : nullptr);
        }
        for (int64_t i = 0; i < m; ++i) lines_.round(c + i * n + j, sums + i * w, w);
      }
    });
  }

  // c = a B + bias: of a row, whose sums are taken in another order than in float32.
  void row(uint16_t* c, const Bits& a, const Bits& b, int64_t n, int64_t k,
           const float* bias) const {
    const Floats x(k);
    if (a.col_stride == 1) {
      lines_.widen(x, a.data, k);
    } else {
      for (int64_t l = 0; l < k; ++l) lines_.widen(x + l, a.data + l * a.col_stride, 1);
    }
    const bool along = b.col_stride == 1;
    const int64_t grain = std::max(kLineGrain / k, along ? kRowPart : 1);
    parallel_for(n, grain, [&](int64_t begin, int64_t end) {
      const int64_t size = end - begin;
      const Floats sums(size);
      float* const y = sums;
      std::fill_n(y, size, 0.0f);
      for (int64_t l = 0; along && l < k; l += 4) {
        const int count = static_cast<int>(std::min<int64_t>(4, k - l));
        const uint16_t* rows[4];
        for (int i = 0; i < count; ++i) rows[i] = b.data + (l + i) * b.row_stride + begin;
        lines_.add_rows(y, x + l, rows, count, size);
      }
      for (int64_t j = 0; !along && j < size; ++j)
        y[j] = lines_.dot(x, b.data + (begin + j) * b.col_stride, k);
      for (int64_t j = 0; bias && j < size; ++j) y[j] += bias[begin + j];
      lines_.round(c + begin, y, size);
    });
  }

  const HalfLines& lines_;
};

}  // namespace

void narrow_gemm_batched(Dtype dtype, uint16_t* c, MatrixRef<uint16_t> a, int64_t a_step,
                         MatrixRef<uint16_t> b, int64_t b_step, int64_t batch, int64_t m, int64_t n,
                         int64_t k, const uint16_t* bias) {
  if (m == 0 || n == 0 || batch == 0) return;
  const Narrow narrow(dtype);
  const Floats wide_bias(bias ? n : 0);
  if (bias) half_lines(dtype).widen(wide_bias, bias, n);
  const auto matrix = [](Bits x, int64_t step, int64_t i) {
    x.data += i * step;
    return x;
  };
  if (batch == 1 || m * n * k >= kTeamWork) {
    for (int64_t i = 0; i < batch; ++i)
      narrow.multiply(c + i * m * n, matrix(a, a_step, i), matrix(b, b_step, i), m, n, k,
                      bias ? static_cast<const float*>(wide_bias) : nullptr);
    return;
  }
  const Floats wide(batch * (m * k + k * n)), sums(batch * m * n);
  const MatrixRef<float> wide_a = narrow.widened(wide, a, a_step, batch, m, k);
  const MatrixRef<float> wide_b = narrow.widened(wide + batch * m * k, b, b_step, batch, k, n);
  gemm_batched<float>(sums, m * n, wide_a, m * k, wide_b, k * n, batch, m, n, k);
  narrow.rounded(c, sums, batch * m * n);
}

}  // namespace wengert
