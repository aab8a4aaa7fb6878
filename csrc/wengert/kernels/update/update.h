// Loops that update many arrays at once: one index space over all of them, cut into equal chunks,
// so that one large and a hundred small parameters keep all threads busy alike.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "wengert/base/dtype.h"

namespace wengert::kernels {

// One array of an item. Arrays that are not contiguous are read and written through a buffer.
struct Lane {
  std::byte* data = nullptr;
  const int64_t* shape = nullptr;
  const int64_t* strides = nullptr;
  int dims = 0;
  bool contiguous = true;

  // As a space of kernels/core/walk.h.
  static constexpr int kMost = 1;
  static constexpr int operands() { return 1; }
  int ndim() const { return dims; }
  int64_t size(int d) const { return shape[d]; }
  int64_t stride(int, int d) const { return strides[d]; }
};

// One parameter and what goes with it: arrays of the same shape and dtype.
struct UpdateItem {
  static constexpr int kMaxLanes = 6, kMaxNumbers = 3;
  Dtype dtype = Dtype::kFloat32;
  bool contiguous = true;  // all lanes are
  int64_t size = 0;
  int64_t first = 0;  // where it begins in the index space of all items; see place()
  Lane lanes[kMaxLanes];
  double numbers[kMaxNumbers] = {};  // that follow from its step count
};
using UpdateItems = std::span<UpdateItem>;

// Sets `first` of every item; returns the number of elements of all.
int64_t place(UpdateItems items);

// Multiplies lane 0 by `factor`.
void scale(UpdateItems items, double factor);

// The p-norm of lane 0 of all items together; p = 0 counts the items that are not all zero.
double norm(UpdateItems items, double p);

}  // namespace wengert::kernels
