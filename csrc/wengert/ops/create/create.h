// New tensors, and what writes to a tensor as a whole.
#pragma once

#include <functional>

#include "wengert/ops/basic.h"

namespace wengert {

Tensor ones(const Dims& shape, Dtype dtype = Dtype::kFloat32);
Tensor arange(double start, double end, double step = 1, Dtype dtype = Dtype::kInt64);
Tensor linspace(double start, double end, int64_t steps, Dtype dtype = Dtype::kFloat32);
Tensor eye(int64_t rows, int64_t columns, Dtype dtype = Dtype::kFloat32);
inline Tensor eye(int64_t n, Dtype dtype = Dtype::kFloat32) { return eye(n, n, dtype); }
// Whatever is in the memory, with the shape, the dtype and the order of dimensions of x.
Tensor empty_like(const Tensor& x);
Tensor& fill_(Tensor& x, const Scalar& value);

// Memory of somebody else's as a contiguous tensor, without a copy; `release` is called when the
// last tensor of it goes. What points to const is read-only: writing to it is a RuntimeError. So is
// a null pointer to elements, and one that is not aligned to them.
Tensor from_blob(void* data, const Dims& shape, Dtype dtype, std::function<void()> release = {});
Tensor from_blob(const void* data, const Dims& shape, Dtype dtype,
                 std::function<void()> release = {});
template <class T>
Tensor from_blob(T* data, const Dims& shape, std::function<void()> release = {}) {
  return from_blob(data, shape, dtype_of<std::remove_const_t<T>>(), std::move(release));
}

}  // namespace wengert
