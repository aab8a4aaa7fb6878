#include "wengert/kernels/conv/pointwise.h"

#include "wengert/base/parallel.h"
#include "wengert/kernels/gemm/gemm.h"

namespace wengert::detail {
namespace {

constexpr int64_t kManyImages = 8;   // so many images and groups are shared out among threads
constexpr int64_t kGrain = 1 << 18;  // multiply-adds

}  // namespace

bool is_pointwise(const ConvShape& s) {
  bool yes = s.volume(s.kernel) == 1;
  for (int d = 0; d < 3; ++d) yes &= s.stride[d] == 1 && s.pad[d] == 0 && s.in[d] == s.out[d];
  return yes;
}

template <class T>
void pointwise_product(const ConvShape& s, int64_t rows, int64_t depth, const T* w,
                       int64_t row_step, int64_t column_step, const T* from, const T* bias,
                       const Finish<T>& finish) {
  const int64_t positions = s.volume(s.in), images = s.batch * s.groups;
  if (images * rows * positions == 0) return;
  if (s.x_last) {  // the images are one, transposed
    for (int64_t g = 0; g < s.groups; ++g)
      gemm<T>(finish.sums() + g * rows, s.groups * rows, {from + g * depth, s.groups * depth, 1},
              {w + g * rows * depth, column_step, row_step}, s.batch * positions, rows, depth,
              false, {.bias = bias ? bias + g * rows : nullptr});
    return;
  }
  const auto product = [&](int64_t i) {
    const int64_t group = i % s.groups;
    T* const out = finish.sums() + i * rows * positions;
    gemm<T>(out, positions, {w + group * rows * depth, row_step, column_step},
            {from + i * depth * positions, positions, 1}, rows, positions, depth, false);
    if (!bias && !finish.any()) return;
    parallel_for(rows, std::max<int64_t>(1, (1 << 15) / positions), [&](int64_t r, int64_t end) {
      for (; r < end; ++r) {
        T *const y = out + r * positions, *const last = y + positions;
        if (bias)
          for (T *z = y, b = bias[group * rows + r]; z < last; ++z) *z += b;
        finish.there(group * rows + r, (i * rows + r) * positions, positions);
      }
    });
  };
  // A few large images one after the other, each by all threads.
  const int64_t work = std::max<int64_t>(rows * positions * depth, 1);
  const int64_t grain = images < kManyImages ? images : std::max<int64_t>(1, kGrain / work);
  if (grain == images) {
    for (int64_t i = 0; i < images; ++i) product(i);
    return;
  }
  parallel_for(images, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) product(i);
  });
}

#define WENGERT_POINTWISE(T)                                                                      \
  template void pointwise_product(const ConvShape&, int64_t, int64_t, const T*, int64_t, int64_t, \
                                  const T*, const T*, const Finish<T>&);
WENGERT_POINTWISE(float)
WENGERT_POINTWISE(double)
#undef WENGERT_POINTWISE

}  // namespace wengert::detail
