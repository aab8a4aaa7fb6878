#include "wengert/ops/resample/layout.h"

#include "wengert/kernels/core/copy.h"

namespace wengert::resampling {

Dense::Dense(const Tensor& x, bool last)
    : copy_(lies(x, last) ? 0 : static_cast<size_t>(x.bytes())), data_(x.data()) {
  if (lies(x, last)) return;
  copy_strided(copy_.as<void>(),
               last ? channels_last_strides(x.shape()) : contiguous_strides(x.shape()), x.data(),
               x.strides(), x.shape(), item_size(x.dtype()));
  data_ = copy_.as<void>();
}

}  // namespace wengert::resampling
