// Tensors as indices: the dimensions of what they select, and its places. Internal to the family.
#pragma once

#include <bit>

#include "wengert/ops/index/positions.h"
#include "wengert/ops/shape/view.h"

namespace wengert {

// That inputs `first` on of the call are indices of a tensor of so many dimensions.
inline void check_indices(const Call& c, int first, int ndim) {
  check(c.inputs() - first <= ndim, ErrorKind::kIndex, "too many indices for tensor of dimension ",
        ndim, ", got ", c.inputs() - first);
  for (int i = first; i < c.inputs(); ++i)
    check(!c.has(i) || is_index(c.in(i).dtype()), ErrorKind::kIndex,
          "indices must be int64 or int32, got ", c.has(i) ? c.in(i).dtype() : Dtype::kInt64);
}

// Where the dimensions of the result come from. The indices are inputs `first` on of the call.
struct IndexedShape {
  IndexedShape(const Dims& shape, const Call& c, int first) {
    uint32_t indexed = 0;
    for (int i = first; i < c.inputs(); ++i) {
      if (!c.has(i)) continue;
      indexed |= 1u << (i - first);
      try {
        index = broadcast_shapes(index, c.in(i).shape());
      } catch (const Error&) {
        fail(ErrorKind::kIndex,
             "shape mismatch: indexing tensors could not be broadcast together: ", c.in(i).shape(),
             " with ", index);
      }
    }
    const int lead = indexed ? std::countr_zero(indexed) : 0;
    const uint32_t run = indexed >> lead;
    const bool adjacent = (run & (run + 1)) == 0;
    for (int d = 0; d < shape.size(); ++d)
      if (!(indexed >> d & 1)) (adjacent && d < lead ? before : after).push_back(d);
    for (int64_t d : before) result.push_back(shape[d]);
    for (int64_t n : index) result.push_back(n);
    for (int64_t d : after) result.push_back(shape[d]);
  }
  Dims before, after;  // dimensions of the input
  Dims index;          // the common shape of the indices
  Dims result;
};

// The kernel's view of a tensor at `at` for the indices in the call.
class IndexedPlaces {
 public:
  IndexedPlaces(const View& at, const Call& c, int first, const IndexedShape& l)
      : offsets_(static_cast<size_t>(numel(l.index) * 8)) {
    for (int64_t d : l.before) {
      v.before.push_back(at.shape[d]);
      v.before_strides.push_back(at.strides[d]);
    }
    for (int64_t d : l.after) {
      v.after.push_back(at.shape[d]);
      v.after_strides.push_back(at.strides[d]);
    }
    v.count = numel(l.index);
    int64_t* offsets = offsets_.as<int64_t>();
    v.offsets = offsets;
    std::fill_n(offsets, v.count, 0);
    for (int i = first; i < c.inputs(); ++i) {
      if (!c.has(i)) continue;
      const Positions p(c.in(i), l.index);
      const int64_t n = at.shape[i - first], step = at.strides[i - first];
      p.check_range(-n, n, i - first, ErrorKind::kIndex);
      for (int64_t k = 0; k < v.count; ++k) offsets[k] += (p[k] < 0 ? p[k] + n : p[k]) * step;
    }
  }
  Indexed v;

 private:
  Scratch offsets_;
};

}  // namespace wengert
