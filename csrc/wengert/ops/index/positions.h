// The integers of index tensors, as kernels want them. Internal to the families that index.
#pragma once

#include <optional>

#include "wengert/base/allocator.h"
#include "wengert/kernels/core/copy.h"
#include "wengert/kernels/index/index.h"
#include "wengert/tape/op.h"

namespace wengert {

inline bool is_index(Dtype d) { return d == Dtype::kInt64 || d == Dtype::kInt32; }

// Contiguous int64 values of `index` broadcast to `shape`; a copy only where one is needed.
class Positions {
 public:
  Positions(const Tensor& index, const Dims& shape) : count(numel(shape)) {
    if (index.dtype() == Dtype::kInt64 && index.is_contiguous() && index.shape() == shape) {
      data_ = index.data_as<int64_t>();
      return;
    }
    scratch_.emplace(static_cast<size_t>(count * 8));
    int64_t* out = scratch_->as<int64_t>();
    cast_strided(out, Dtype::kInt64, contiguous_strides(shape), index.data(), index.dtype(),
                 broadcast_strides(index.shape(), index.strides(), shape), shape);
    data_ = out;
  }
  explicit Positions(const Tensor& index) : Positions(index, index.shape()) {}

  const int64_t* data() const { return data_; }
  int64_t operator[](int64_t i) const { return data_[i]; }
  // All in [low, size), or an error of this kind naming the first that is not.
  void check_range(int64_t low, int64_t size, int dim, ErrorKind kind) const {
    const int64_t i = find_outside(data_, count, low, size);
    check(i < 0, kind, "index ", i < 0 ? 0 : data_[i], " is out of bounds for dimension ", dim,
          " with size ", size);
  }

  const int64_t count;

 private:
  const int64_t* data_;
  std::optional<Scratch> scratch_;
};

// A tensor of which one dimension is indexed by a vector. A 0-d tensor counts as (1,).
class OneDim {
 public:
  // The indexed tensor is x, or one of x's shape and these strides.
  OneDim(const Tensor& x, int64_t dim, const Tensor& index, bool negative)
      : OneDim(x.shape(), x.strides(), dim, index, negative) {}
  OneDim(const Dims& shape, const Dims& strides, int64_t dim, const Tensor& index, bool negative)
      : offsets_(static_cast<size_t>(index.numel() * 8)) {
    const int d = wrap_dim(dim, shape.size());
    for (int i = 0; i < shape.size(); ++i) {
      if (i == d) continue;
      (i < d ? v.before : v.after).push_back(shape[i]);
      (i < d ? v.before_strides : v.after_strides).push_back(strides[i]);
    }
    const Positions p(index);
    const int64_t n = shape.empty() ? 1 : shape[d], step = shape.empty() ? 1 : strides[d];
    p.check_range(negative ? -n : 0, n, d, ErrorKind::kIndex);
    int64_t* offsets = offsets_.as<int64_t>();
    for (int64_t i = 0; i < p.count; ++i) offsets[i] = (p[i] < 0 ? p[i] + n : p[i]) * step;
    v.offsets = offsets;
    v.count = p.count;
  }
  Indexed v;

 private:
  Scratch offsets_;
};

inline void check_index_vector(const Tensor& index) {
  check(index.ndim() <= 1, ErrorKind::kIndex, "Index is supposed to be a vector, got shape ",
        index.shape());
  check(is_index(index.dtype()), "Expected dtype int32 or int64 for index, got ", index.dtype());
}

// For gather and scatter: `index` fits within `bound` apart from dimension `dim`, and within `all`
// where that is given.
inline void check_along(int64_t dim, const Tensor& index, const Dims& bound,
                        const Dims* all = nullptr) {
  const int d = wrap_dim(dim, bound.size());
  check(is_index(index.dtype()), "Expected dtype int32/int64 for index, got ", index.dtype());
  if (index.numel() == 0) return;
  const auto rank = [](const Dims& s) { return std::max(s.size(), 1); };
  check(rank(index.shape()) == rank(bound),
        "Index tensor must have the same number of dimensions as input tensor: ", index.shape(),
        " and ", bound);
  for (int i = 0; i < std::min(index.ndim(), bound.size()); ++i)
    check(i == d || index.shape()[i] <= bound[i], "Size does not match at dimension ", i,
          " expected index ", index.shape(), " to be no larger than self ", bound,
          " apart from dimension ", d);
  if (!all) return;
  check(rank(index.shape()) == rank(*all),
        "Index tensor must have the same number of dimensions as src tensor: ", index.shape(),
        " and ", *all);
  for (int i = 0; i < std::min(index.ndim(), all->size()); ++i)
    check(index.shape()[i] <= (*all)[i], "expected index ", index.shape(),
          " to be no larger than src ", *all);
}

// Strides of a 0-d tensor as those of (1,), and the other way round, where the index has that rank.
inline Dims same_rank(const Dims& strides, int ndim) {
  Dims out = strides;
  out.resize(ndim, 1);
  return out;
}

}  // namespace wengert
