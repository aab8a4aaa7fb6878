// Where the channels of images (n, c, ...) lie.
#pragma once

#include "wengert/base/allocator.h"
#include "wengert/tape/tape.h"

namespace wengert::resampling {

// Whether they come last in memory, by the strides of 4 or 5 dimensions as PyTorch reads them:
// where both ways are the same they do not.
bool channels_last(const Tensor& x);
Dims last_strides(const Dims& shape);
// For `shape`: the next output, its channels where those of x are.
void output_like(Call& c, const Tensor& x, const Dims& shape);

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
