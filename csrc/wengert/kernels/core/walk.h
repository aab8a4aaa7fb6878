// Strided index spaces, and the one way in which kernels walk through them: row by row, each
// operand at an offset of its own. Strides are in elements and may be zero or negative.
#pragma once

#include <array>
#include <cstdint>
#include <cstdlib>
#include <utility>

#include "wengert/base/shape.h"

namespace wengert {

// The offset of element i, counted in row-major order.
inline int64_t offset_at(int64_t i, const Dims& shape, const Dims& strides) {
  if (shape.size() == 1) return i * strides[0];
  int64_t offset = 0;
  for (int d = shape.size() - 1; d >= 0; --d) {
    offset += i % shape[d] * strides[d];
    i /= shape[d];
  }
  return offset;
}

// Drops sizes of 1 and merges neighbouring dimensions that lie evenly in all operands, of which
// strides(k) are those of operand k. One dimension is always left, so that kernels deal with rows.
template <class Strides>
void merge_dims(Dims& shape, int operands, const Strides& strides) {
  int n = 0;
  for (int d = 0; d < shape.size(); ++d) {
    const int64_t size = shape[d];
    if (size == 1) continue;
    bool even = n > 0;
    for (int k = 0; k < operands && even; ++k) even = strides(k)[n - 1] == size * strides(k)[d];
    if (!even) shape[n++] = 1;
    shape[n - 1] *= size;
    for (int k = 0; k < operands; ++k) strides(k)[n - 1] = strides(k)[d];
  }
  if (n == shape.size() && n > 0) return;
  if (n == 0) {
    shape = {1};
    for (int k = 0; k < operands; ++k) strides(k) = {1};
    return;
  }
  shape.resize(n);
  for (int k = 0; k < operands; ++k) strides(k).resize(n);
}

// A position in an index space, and each operand's offset there. What a space says of itself:
//   static constexpr int kMost                      operands there may be
//   int operands() const, ndim() const              ndim() is at least 1
//   int64_t size(int d) const
//   int64_t stride(int k, int d) const              of operand k
template <class Space>
class Cursor {
 public:
  // At element i, counted in row-major order.
  Cursor(const Space& space, int64_t i) : space_(space) { seek(i); }
  // Where another one of a space of this shape stands.
  Cursor(const Space& space, const Cursor& other) : space_(space) {
    for (int d = 0; d < space_.ndim(); ++d) {
      at_[d] = other.at_[d];
      for (int k = 0; k < space_.operands(); ++k) offset_[k] += at_[d] * space_.stride(k, d);
    }
  }
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;

  void seek(int64_t i) {
    for (int k = 0; k < space_.operands(); ++k) offset_[k] = 0;
    for (int d = space_.ndim() - 1; d >= 0; --d) {
      at_[d] = i % space_.size(d);
      i /= space_.size(d);
      for (int k = 0; k < space_.operands(); ++k) offset_[k] += at_[d] * space_.stride(k, d);
    }
  }
  const std::array<int64_t, Space::kMost>& offsets() const { return offset_; }
  int64_t left_in_row() const { return space_.size(last()) - at_[last()]; }
  // To the beginning of the next row, which there must be.
  void next_row() {
    for (int k = 0; k < space_.operands(); ++k)
      offset_[k] -= at_[last()] * space_.stride(k, last());
    at_[last()] = 0;
    for (int d = last() - 1;; --d) {
      for (int k = 0; k < space_.operands(); ++k) offset_[k] += space_.stride(k, d);
      if (++at_[d] < space_.size(d)) return;
      for (int k = 0; k < space_.operands(); ++k)
        offset_[k] -= space_.size(d) * space_.stride(k, d);
      at_[d] = 0;
    }
  }
  // By n elements, at most left_in_row(), to one that there must be.
  void advance(int64_t n) {
    if (n == left_in_row()) return next_row();
    at_[last()] += n;
    for (int k = 0; k < space_.operands(); ++k) offset_[k] += n * space_.stride(k, last());
  }

 private:
  int last() const { return space_.ndim() - 1; }

  const Space& space_;
  int64_t at_[kMaxDims];
  std::array<int64_t, Space::kMost> offset_{};
};

// f(offsets, length) for the pieces of rows that make up elements [begin, end) of a space; offsets
// are those of the piece's first element, one for each operand.
template <class Space, class F>
void for_rows(const Space& space, int64_t begin, int64_t end, const F& f) {
  if (begin >= end) return;
  Cursor cursor(space, begin);
  for (int64_t i = begin;; cursor.next_row()) {
    const int64_t length = std::min(cursor.left_in_row(), end - i);
    f(cursor.offsets(), length);
    i += length;
    if (i >= end) return;
  }
}

// The space of N operands of one shape, each with its own strides.
template <int N>
struct Walk {
  static constexpr int kMost = N;
  Dims shape;
  std::array<Dims, N> strides;

  static constexpr int operands() { return N; }
  int ndim() const { return shape.size(); }
  int64_t size(int d) const { return shape[d]; }
  int64_t stride(int k, int d) const { return strides[k][d]; }
  int64_t count() const { return numel(shape); }
  int64_t inner(int k) const { return strides[k].back(); }

  // Drops sizes of 1, orders the dimensions by the strides of operand 0 (the one written to, so
  // that writes go forward in memory), and merges those that lie evenly in all operands.
  void simplify() {
    for (int d = shape.size() - 1; d >= 0; --d)
      if (shape[d] == 1) erase(d);
    sort();
    merge_dims(shape, N, [all = strides.data()](int k) -> Dims& { return all[k]; });
  }
  template <class F>
  void rows(int64_t begin, int64_t end, const F& f) const {
    for_rows(*this, begin, end, f);
  }
  // The offset of element i in operand k.
  int64_t offset(int64_t i, int k) const { return offset_at(i, shape, strides[k]); }

  void erase(int d) {
    shape.erase(d);
    for (Dims& s : strides) s.erase(d);
  }
  void sort() {
    for (int i = 1; i < shape.size(); ++i)
      for (int j = i; j > 0 && std::abs(strides[0][j - 1]) < std::abs(strides[0][j]); --j) {
        std::swap(shape[j - 1], shape[j]);
        for (Dims& s : strides) std::swap(s[j - 1], s[j]);
      }
  }
};

// Elements that make one chunk of parallel work: well above what it costs to start a team.
inline constexpr int64_t kMoveGrain = 1 << 16;

// Calls f(T{}) with an unsigned integer of this many bytes: enough to move an element.
template <class F>
void dispatch_size(int64_t item_size, const F& f) {
  if (item_size == 1) return f(uint8_t{});
  if (item_size == 2) return f(uint16_t{});
  if (item_size == 4) return f(uint32_t{});
  f(uint64_t{});
}

}  // namespace wengert
