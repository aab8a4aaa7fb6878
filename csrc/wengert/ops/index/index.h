// Elements by their positions.
#pragma once

#include "wengert/ops/basic.h"

namespace wengert {

// What Python writes as start:stop:step between brackets; what is left out is the end on that side.
struct Slice {
  Slice(std::optional<int64_t> start = {}, std::optional<int64_t> stop = {}, int64_t step = 1)
      : start(start), stop(stop), step(step) {}
  std::optional<int64_t> start, stop;
  int64_t step;
};
inline constexpr struct Ellipsis {
} ellipsis;  // `...`: all dimensions that are not named
inline constexpr struct NewAxis {
} new_axis;  // `None`: a dimension of size 1

// One item between the brackets: x[{0, Slice(1, 3), ellipsis, new_axis, positions}].
struct IndexItem {
  enum class Kind : uint8_t { kInt, kSlice, kNewAxis, kEllipsis, kTensor, kBool };
  IndexItem() = default;
  IndexItem(int i) : IndexItem(int64_t{i}) {}
  IndexItem(int64_t i) : kind(Kind::kInt), start(i) {}
  IndexItem(bool b) : kind(Kind::kBool), start(b) {}
  IndexItem(const Slice& s) : kind(Kind::kSlice), start(s.start), stop(s.stop), step(s.step) {}
  IndexItem(Ellipsis) {}
  IndexItem(NewAxis) : kind(Kind::kNewAxis) {}
  IndexItem(Tensor t) : kind(Kind::kTensor), tensor(std::move(t)) {}

  Kind kind = Kind::kEllipsis;
  std::optional<int64_t> start, stop;  // of a slice; kInt and kBool have their value in start
  int64_t step = 1;
  Tensor tensor;  // int64 or int32 positions, or a bool or uint8 mask
};

Tensor masked_fill(const Tensor& x, const Tensor& mask, const Operand& value);
Tensor masked_select(const Tensor& x, const Tensor& mask);
// With zeros behind, `size` in all.
Tensor masked_select_to(const Tensor& x, const Tensor& mask, int64_t size);
Tensor masked_scatter(const Tensor& x, const Tensor& mask, const Tensor& source);
Tensor scatter(const Tensor& x, int64_t dim, const Tensor& index, const Operand& source);
Tensor index_fill(const Tensor& x, int64_t dim, const Tensor& index, const Operand& value);
Tensor nonzero(const Tensor& x);  // (count, ndim) positions
Tensor one_hot(const Tensor& x, int64_t classes = -1);
Tensor& masked_fill_(Tensor& x, const Tensor& mask, const Operand& value);

}  // namespace wengert
