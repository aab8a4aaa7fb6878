// Images (n, c, ...) as resampling reads them.
#pragma once

#include "wengert/base/allocator.h"
#include "wengert/ops/images.h"

namespace wengert::resampling {

// Images and volumes only: lines (n, c, l) are read contiguous.
inline bool channels_last(const Tensor& x) { return x.ndim() > 3 && has_channels_last(x); }

// The elements of x in dense memory, contiguous or with the channels last: its own, or a copy.
class Dense {
 public:
  Dense(const Tensor& x, bool last);
  const void* data() const { return data_; }

 private:
  Scratch copy_;
  const void* data_;
};

}  // namespace wengert::resampling
