#include "wengert/ops/images.h"

namespace wengert {
namespace {

// The dimensions from the innermost to the outermost.
int inner_first(int k, int ndim) { return k == 0 ? 1 : k == ndim - 1 ? 0 : ndim - k; }

}  // namespace

Dims channels_last_strides(const Dims& shape) {
  Dims strides = shape;
  int64_t step = 1;
  for (int k = 0; k < shape.size(); ++k) {
    const int d = inner_first(k, shape.size());
    strides[d] = step;
    step *= std::max<int64_t>(shape[d], 1);
  }
  return strides;
}

bool has_channels_last(const Tensor& x) {
  const Dims &shape = x.shape(), &strides = x.strides();
  if (shape.size() < 3 || strides[1] == 0) return false;
  int64_t least = 0;
  for (int k = 0; k < shape.size(); ++k) {
    const int d = inner_first(k, shape.size());
    if (shape[d] == 0 || strides[d] < least) return false;
    if (d == 0 && least == strides[1]) return false;
    least = strides[d] * shape[d];
  }
  return true;
}

bool has_channels_last(const Call& c, int i, int dims) {
  return c.input(i).is_tensor() && c.in(i).ndim() == dims && has_channels_last(c.in(i));
}

bool lies(const Tensor& x, bool last) {
  if (!last) return x.is_contiguous();
  const Dims strides = channels_last_strides(x.shape());
  for (int d = 0; d < x.ndim(); ++d)
    if (x.shape()[d] != 1 && x.strides()[d] != strides[d]) return x.numel() == 0;
  return true;
}

void arrange(Call& c, const Tensor& x, int i, bool last) {
  if (lies(x, last)) return;
  const GradMode off(false);
  if (!last) return c.replace(i, contiguous(x));
  Tensor y = Tensor::empty(x.shape(), channels_last_strides(x.shape()), x.dtype());
  copy_(y, x);
  c.replace(i, y);
}

Tensor laid_out(const Tensor& x, bool last) {
  if (x.ndim() < 4 || lies(x, last)) return x;
  if (!last) return contiguous(x);
  Dims forth{0}, back{0, x.ndim() - 1};
  for (int d = 2; d < x.ndim(); ++d) {
    forth.push_back(d);
    back.push_back(d - 1);
  }
  forth.push_back(1);
  return permute(contiguous(permute(x, forth)), back);
}

bool arrange_alike(Call& c, int k, int dims) {
  const bool last = has_channels_last(c, k, dims);
  arrange_images(c, [&](int i) { return last && c.in(i).ndim() == dims; });
  return last;
}

}  // namespace wengert
