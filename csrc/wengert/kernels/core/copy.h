// Moving elements between strided memory. Strides are in elements and may be zero (in the source)
// or negative; source and destination do not overlap.
#pragma once

#include "wengert/base/dtype.h"
#include "wengert/base/shape.h"

namespace wengert {

void copy_strided(void* dst, const Dims& dst_strides, const void* src, const Dims& src_strides,
                  const Dims& shape, int64_t item_size);

// Floating to integer truncates (negative numbers wrap in uint8); anything but zero is true.
void cast_strided(void* dst, Dtype to, const Dims& dst_strides, const void* src, Dtype from,
                  const Dims& src_strides, const Dims& shape);

// One element, at `value`, into all of dst.
void fill_strided(void* dst, const Dims& strides, const Dims& shape, int64_t item_size,
                  const void* value);
// The number as an element of `dtype`.
void fill_strided(void* dst, Dtype dtype, const Dims& strides, const Dims& shape,
                  const Scalar& value);

// Contiguous memory.
void copy_bytes(void* dst, const void* src, int64_t bytes);
void zero_bytes(void* dst, int64_t bytes);

}  // namespace wengert
