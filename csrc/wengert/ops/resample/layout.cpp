#include "wengert/ops/resample/layout.h"

#include "wengert/kernels/core/copy.h"

namespace wengert::resampling {
namespace {

// Whether x lies so; a stride means nothing where there is one position.
bool lies(const Tensor& x, const Dims& strides) {
  for (int d = 0; d < x.ndim(); ++d)
    if (x.shape()[d] != 1 && x.strides()[d] != strides[d]) return false;
  return true;
}
size_t bytes(const Tensor& x) { return static_cast<size_t>(x.numel() * item_size(x.dtype())); }

}  // namespace

bool channels_last(const Tensor& x) {
  const int n = x.ndim();
  if (n != 4 && n != 5) return false;
  const Dims shape = x.shape(), strides = x.strides();
  if (strides[1] == 0) return false;
  int64_t least = 0;
  for (int i = 0; i < n; ++i) {
    const int d = i == 0 ? 1 : i == n - 1 ? 0 : n - i;  // channels, the others from behind, images
    if (shape[d] == 0 || strides[d] < least || (d == 0 && least == strides[1])) return false;
    least = strides[d] * std::max<int64_t>(shape[d], 1);
  }
  return true;
}

Dims last_strides(const Dims& shape) {
  Dims strides = Dims::filled(shape.size(), 1);
  int64_t step = std::max<int64_t>(shape[1], 1);
  for (int d = shape.size() - 1; d > 1; step *= std::max<int64_t>(shape[d--], 1)) strides[d] = step;
  strides[0] = step;
  return strides;
}

void output_like(Call& c, const Tensor& x, const Dims& shape) {
  channels_last(x) ? c.output(x.dtype(), shape, last_strides(shape)) : c.output(x.dtype(), shape);
}

Dense::Dense(const Tensor& x, bool last)
    : copy_(lies(x, last ? last_strides(x.shape()) : contiguous_strides(x.shape())) ? 0 : bytes(x)),
      data_(x.data()) {
  const Dims strides = last ? last_strides(x.shape()) : contiguous_strides(x.shape());
  if (lies(x, strides)) return;
  copy_strided(copy_.as<void>(), strides, x.data(), x.strides(), x.shape(), item_size(x.dtype()));
  data_ = copy_.as<void>();
}

}  // namespace wengert::resampling
