// Products of 16-bit floats. They are float32 products, rounded: what differs is when the factors
// become float32. Large ones widen them as they are packed. Those with a vector or a few rows wait
// for memory: there the larger factor is read once, half as large as float32, and is widened in
// registers, or some columns at a time in cache. The rest is small, and widened first.
#include <algorithm>

#include "wengert/base/allocator.h"
#include "wengert/base/half.h"
#include "wengert/base/parallel.h"
#include "wengert/kernels/core/halves.h"
#include "wengert/kernels/gemm/kernel.h"

namespace wengert {
namespace {

using namespace detail;

constexpr int64_t kLineGrain = int64_t{1} << 15;  // elements to widen that are worth a task
constexpr int64_t kBlock = int64_t{1} << 16;      // of widened elements: they stay in L2
constexpr int64_t kFewest = 16;                   // columns of a block, however long they are
constexpr int64_t kRowPart = 512;                 // columns of rows that are worth another thread
constexpr int64_t kFewRows = 48;

Scratch floats(int64_t n) { return Scratch(static_cast<size_t>(std::max<int64_t>(n, 1)) * 4); }

// Of `batch` matrices (m, n), widened into `to` without gaps, along the lines that they have.
template <class N>
MatrixRef<float> widened(float* to, const MatrixRef<N>& x, int64_t step, int64_t batch, int64_t m,
                         int64_t n) {
  const bool along = x.col_stride == 1;
  const int64_t lines = along ? m : n, length = along ? n : m;
  const int64_t apart = along ? x.row_stride : x.col_stride;
  if (length == 0) return {to, 1, 1};
  const int64_t grain = std::max<int64_t>(1, kLineGrain / length);
  parallel_for(batch * lines, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      widen_line<N>(to + i * length, x.data + i / lines * step + i % lines * apart, length);
  });
  return {to, along ? length : 1, along ? 1 : length};
}

template <class N>
void rounded(N* to, const float* from, int64_t n) {
  parallel_for(n, kLineGrain, [&](int64_t begin, int64_t end) {
    narrow_line<N>(to + begin, from + begin, end - begin);
  });
}

// C = A B + bias for an A of few rows. A block of B is as long as the sums that `gemm` takes at
// once where its rows are runs, and has whole columns where those are.
template <class N>
void by_columns(N* c, const MatrixRef<N>& a, const MatrixRef<N>& b, int64_t m, int64_t n, int64_t k,
                const float* bias) {
  const Scratch room = floats(m * k);
  const MatrixRef<float> wide_a = widened(room.as<float>(), a, 0, 1, m, k);
  const bool along = b.col_stride == 1;
  const Cut depth(k, along ? kDepth<float> : k);
  // As many whatever the threads are.
  const int64_t cols = std::max(kBlock / depth.most() / kFewest, int64_t{1}) * kFewest;
  const int64_t grain = std::max<int64_t>(1, (int64_t{1} << 16) / (m * cols * k));
  parallel_for((n + cols - 1) / cols, grain, [&](int64_t begin, int64_t end) {
    const Scratch block = floats(cols * depth.most()), sums = floats(m * cols);
    for (int64_t p = begin; p < end; ++p)
      for (int64_t d = 0; d < depth.parts; ++d) {
        const int64_t j = p * cols, w = std::min(cols, n - j), l = depth.begin(d),
                      size = depth.size(d);
        const N* from = b.data + l * b.row_stride + j * b.col_stride;
        const int64_t lines = along ? size : w, length = along ? w : size;
        for (int64_t i = 0; i < lines; ++i)
          widen_line<N>(block.as<float>() + i * length,
                        from + i * (along ? b.row_stride : b.col_stride), length);
        const MatrixRef<float> part{wide_a.data + l * wide_a.col_stride, wide_a.row_stride,
                                    wide_a.col_stride};
        const bool last = d + 1 == depth.parts;
        some_columns(sums.as<float>(), part,
                     {block.as<float>(), along ? length : 1, along ? 1 : length}, m, w, n, size,
                     d > 0, last && bias ? bias + j : nullptr);
        for (int64_t i = 0; last && i < m; ++i)
          narrow_line<N>(c + i * n + j, sums.as<float>() + i * w, w);
      }
  });
}

// c = a B + bias: of a row, whose sums are taken in another order than in float32.
template <class N>
void row_product(N* c, const MatrixRef<N>& a, const MatrixRef<N>& b, int64_t n, int64_t k,
                 const float* bias) {
  const Scratch room = floats(k);
  float* const x = room.as<float>();
  if (a.col_stride == 1) {
    widen_line<N>(x, a.data, k);
  } else {
    for (int64_t l = 0; l < k; ++l) x[l] = static_cast<float>(a.data[l * a.col_stride]);
  }
  const bool along = b.col_stride == 1;
  const int64_t grain = std::max(kLineGrain / k, along ? kRowPart : 1);
  parallel_for(n, grain, [&](int64_t begin, int64_t end) {
    const int64_t size = end - begin;
    const Scratch sums = floats(size);
    float* const y = sums.as<float>();
    std::fill_n(y, size, 0.0f);
    if (along) {
      for (int64_t l = 0; l < k; l += 4) {
        const int count = static_cast<int>(std::min<int64_t>(4, k - l));
        const N* rows[4];
        for (int i = 0; i < count; ++i) rows[i] = b.data + (l + i) * b.row_stride + begin;
        add_rows(y, x + l, rows, count, size);
      }
    } else {
      for (int64_t j = 0; j < size; ++j) y[j] = dot(x, b.data + (begin + j) * b.col_stride, k);
    }
    for (int64_t j = 0; bias && j < size; ++j) y[j] += bias[begin + j];
    narrow_line<N>(c + begin, y, size);
  });
}

// C' = B' A' is a product of few rows where C = A B is one of few columns.
template <class N>
MatrixRef<N> transposed(const MatrixRef<N>& x) {
  return {x.data, x.col_stride, x.row_stride};
}

template <class N>
void one(N* c, const MatrixRef<N>& a, const MatrixRef<N>& b, int64_t m, int64_t n, int64_t k,
         const float* bias) {
  const MatrixRef<float> sa{nullptr, a.row_stride, a.col_stride};
  const MatrixRef<float> sb{nullptr, b.row_stride, b.col_stride};
  const bool large = std::max(m, n) * k >= kLineGrain;
  if (m == 1 && large) return row_product(c, a, b, n, k, bias);
  if (n == 1 && large && !bias) return row_product(c, transposed(b), transposed(a), m, k, nullptr);
  if (m <= kFewRows && large) return by_columns(c, a, b, m, n, k, bias);
  const Scratch sums = floats(m * n);
  if (goes_in_panels(sa, sb, m, n, k, true)) {
    const auto bits = [](const N* p) { return reinterpret_cast<const uint16_t*>(p); };
    const NarrowFactors f{bits(a.data), bits(b.data), reinterpret_cast<uint16_t*>(c), widen_line<N>,
                          narrow_line<N>};
    return packed_narrow_product(f, sums.as<float>(), sa, sb, m, n, k, bias);
  }
  const Scratch room = floats(m * k + k * n);
  const MatrixRef<float> wide_a = widened(room.as<float>(), a, 0, 1, m, k);
  const MatrixRef<float> wide_b = widened(room.as<float>() + m * k, b, 0, 1, k, n);
  Epilogue<float> e;
  e.bias = bias;
  gemm<float>(sums.as<float>(), n, wide_a, wide_b, m, n, k, false, e);
  rounded(c, sums.as<float>(), m * n);
}

}  // namespace

template <class N>
void narrow_gemm_batched(N* c, MatrixRef<N> a, int64_t a_step, MatrixRef<N> b, int64_t b_step,
                         int64_t batch, int64_t m, int64_t n, int64_t k, const N* bias) {
  if (m == 0 || n == 0 || batch == 0) return;
  const Scratch wide_bias = floats(n);
  if (bias) widen_line<N>(wide_bias.as<float>(), bias, n);
  const float* add = bias ? wide_bias.as<float>() : nullptr;
  const auto matrix = [](MatrixRef<N> x, int64_t step, int64_t i) {
    x.data += i * step;
    return x;
  };
  constexpr int64_t kLarge = int64_t{1} << 24;
  if (batch == 1 || m * n * k >= kLarge) {
    for (int64_t i = 0; i < batch; ++i)
      one(c + i * m * n, matrix(a, a_step, i), matrix(b, b_step, i), m, n, k, add);
    return;
  }
  const Scratch room = floats(batch * (m * k + k * n + m * n));
  float *const to_a = room.as<float>(), *const to_b = to_a + batch * m * k,
               *const sums = to_b + batch * k * n;
  const MatrixRef<float> wide_a = widened(to_a, a, a_step, batch, m, k);
  const MatrixRef<float> wide_b = widened(to_b, b, b_step, batch, k, n);
  gemm_batched<float>(sums, m * n, wide_a, m * k, wide_b, k * n, batch, m, n, k);
  rounded(c, sums, batch * m * n);
}

template void narrow_gemm_batched<Half>(Half*, MatrixRef<Half>, int64_t, MatrixRef<Half>, int64_t,
                                        int64_t, int64_t, int64_t, int64_t, const Half*);
template void narrow_gemm_batched<BFloat16>(BFloat16*, MatrixRef<BFloat16>, int64_t,
                                            MatrixRef<BFloat16>, int64_t, int64_t, int64_t, int64_t,
                                            int64_t, const BFloat16*);

}  // namespace wengert
