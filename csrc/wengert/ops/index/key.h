// x[key] and x[key] = value, for any key Python's brackets take.
#pragma once

#include <span>

#include "wengert/ops/index/index.h"

namespace wengert {

class IndexKey {
 public:
  IndexKey() { items_.reserve(4); }
  IndexItem& add(IndexItem::Kind kind) {
    IndexItem& item = items_.emplace_back();
    item.kind = kind;
    return item;
  }
  void add_int(int64_t i) { add(IndexItem::Kind::kInt).start = i; }
  void add_bool(bool b) { add(IndexItem::Kind::kBool).start = b; }
  void add_new_axis() { add(IndexItem::Kind::kNewAxis); }
  void add(const IndexItem& item) { items_.push_back(item); }
  void add_ellipsis() { add(IndexItem::Kind::kEllipsis); }
  void add_tensor(Tensor t) { add(IndexItem::Kind::kTensor).tensor = std::move(t); }
  void add_slice(std::optional<int64_t> start, std::optional<int64_t> stop, int64_t step = 1) {
    IndexItem& item = add(IndexItem::Kind::kSlice);
    item.start = start;
    item.stop = stop;
    item.step = step;
  }
  std::span<const IndexItem> items() const { return items_; }

 private:
  List<IndexItem> items_;
};

// One view op for integers, slices, None and `...`; then, where there are tensors, `index`.
Tensor get_item(const Tensor& x, const IndexKey& key);
// One op on x itself, in place; the value is cast and broadcast. Returns x.
Tensor& set_item(Tensor& x, const IndexKey& key, const Operand& value);

// x indexed by tensors, one per dimension (a mask takes as many as it has); an undefined one takes
// the whole dimension. The dimensions of the index stand where the indexed ones were if those were
// adjacent, otherwise first.
Tensor index(const Tensor& x, std::span<const Tensor> indices);
Tensor index_put(const Tensor& x, std::span<const Tensor> indices, const Operand& values,
                 bool accumulate = false);
Tensor& index_put_(Tensor& x, std::span<const Tensor> indices, const Operand& values,
                   bool accumulate = false);
// Zeros of `shape` with g added at the indices: the derivative of index and index_select.
Tensor index_backward(const Tensor& g, const Dims& shape, std::span<const Tensor> indices);
// Zeros of a shape with g, which was gathered from there along dim, added at the index.
Tensor gather_backward(const Tensor& g, const Tensor& index, const Dims& shape, int64_t dim);

}  // namespace wengert
