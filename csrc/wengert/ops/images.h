// Images (n, c, ...) whose channels lie last in memory. Rows that take them as they are arrange
// their inputs in `shape`, in place of `contiguous`.
#pragma once

#include "wengert/ops/basic.h"

namespace wengert {

// The strides without gaps.
Dims channels_last_strides(const Dims& shape);
// Whether a tensor's are rather these than those of a contiguous one: PyTorch's rule, by which gaps
// do not matter; where both would do for sizes of 1 the strides of these tell.
bool has_channels_last(const Tensor& x);
// Of input i, if it is a tensor of `dims` dimensions.
bool has_channels_last(const Call& c, int i, int dims);

// Whether x lies with channels last, or contiguous, and without gaps.
bool lies(const Tensor& x, bool last);

// Gives `run` each input that is read with channels last, or contiguous, by a copy where it lies
// otherwise; last(i) says which.
void arrange(Call& c, const Tensor& x, int i, bool last);
template <class F>
void arrange_images(Call& c, const F& last) {
  for (int i = 0; i < c.inputs(); ++i)
    if (c.input(i).is_tensor() && !(c.op().mutates && c.writes(i))) arrange(c, c.in(i), i, last(i));
}
// Those of as many dimensions as input k has lie as it does, which has images of `dims` dimensions
// or contiguous ones. Whether channels are last.
bool arrange_alike(Call& c, int k, int dims);

// x, or a copy of it that lies so, with a gradient; volumes and images only.
Tensor laid_out(const Tensor& x, bool last);

// Declares an output.
inline void output_images(Call& c, Dtype dtype, const Dims& shape, bool last) {
  c.output(dtype, shape, last ? channels_last_strides(shape) : Dims());
}

}  // namespace wengert
