// Walk: N operands of one shape, each with its own strides, taken row by row.
#pragma once

#include <array>
#include <cstdint>
#include <cstdlib>
#include <utility>

#include "wengert/base/shape.h"

namespace wengert {

// Strides are in elements and may be zero or negative. There is always at least one dimension
// after simplify(), so a kernel only ever deals with rows.
template <int N>
struct Walk {
  Dims shape;
  std::array<Dims, N> strides;

  int64_t count() const { return numel(shape); }
  int64_t inner(int k) const { return strides[k].back(); }

  // Drops sizes of 1, orders the dimensions by the strides of operand 0 (the one written to, so
  // that writes go forward in memory), and merges those that lie evenly in all operands.
  void simplify() {
    squeeze();
    sort();
    merge();
    if (!shape.empty()) return;
    shape.push_back(1);
    for (Dims& s : strides) s.push_back(1);
  }

  // f(offsets, length) for the pieces of rows that make up elements [begin, end); offsets are
  // those of the piece's first element, one for each operand.
  template <class F>
  void rows(int64_t begin, int64_t end, const F& f) const {
    if (begin >= end) return;
    const int last = shape.size() - 1;
    int64_t at[kMaxDims];
    std::array<int64_t, N> offset{};
    int64_t rest = begin;
    for (int d = last; d >= 0; --d) {
      at[d] = rest % shape[d];
      rest /= shape[d];
      for (int k = 0; k < N; ++k) offset[k] += at[d] * strides[k][d];
    }
    for (int64_t i = begin;;) {
      const int64_t length = std::min(shape[last] - at[last], end - i);
      f(offset, length);
      i += length;
      if (i >= end) return;
      for (int k = 0; k < N; ++k) offset[k] -= at[last] * strides[k][last];
      at[last] = 0;
      for (int d = last - 1;; --d) {
        for (int k = 0; k < N; ++k) offset[k] += strides[k][d];
        if (++at[d] < shape[d]) break;
        for (int k = 0; k < N; ++k) offset[k] -= shape[d] * strides[k][d];
        at[d] = 0;
      }
    }
  }

  // The offset of element i in operand k.
  int64_t offset(int64_t i, int k) const {
    int64_t o = 0;
    for (int d = shape.size() - 1; d >= 0; --d) {
      o += i % shape[d] * strides[k][d];
      i /= shape[d];
    }
    return o;
  }

  void erase(int d) {
    shape.erase(d);
    for (Dims& s : strides) s.erase(d);
  }

  void sort() {
    for (int i = 1; i < shape.size(); ++i)
      for (int j = i; j > 0 && std::abs(strides[0][j - 1]) < std::abs(strides[0][j]); --j)
        swap(j - 1, j);
  }

 private:
  void squeeze() {
    for (int d = shape.size() - 1; d >= 0; --d)
      if (shape[d] == 1) erase(d);
  }
  void swap(int a, int b) {
    std::swap(shape[a], shape[b]);
    for (Dims& s : strides) std::swap(s[a], s[b]);
  }
  void merge() {
    for (int d = shape.size() - 2; d >= 0; --d) {
      bool even = true;
      for (const Dims& s : strides) even &= s[d] == s[d + 1] * shape[d + 1];
      if (!even) continue;
      shape[d] *= shape[d + 1];
      for (Dims& s : strides) s[d] = s[d + 1];
      erase(d + 1);
    }
  }
};

// Elements that make one chunk of parallel work: well above what it costs to start a team.
inline constexpr int64_t kMoveGrain = 1 << 16;

// Calls f(T{}) with an unsigned integer of this many bytes: enough to move an element.
template <class F>
void dispatch_size(int64_t item_size, const F& f) {
  if (item_size == 1) return f(uint8_t{});
  if (item_size == 4) return f(uint32_t{});
  f(uint64_t{});
}

}  // namespace wengert
