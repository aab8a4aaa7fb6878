// What the ops over lists of tensors share: their checks, and their tensors as kernels see them.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <new>

#include "wengert/base/allocator.h"
#include "wengert/kernels/update/update.h"
#include "wengert/tape/op.h"

namespace wengert {

inline void check_written(const Tensor& t, const char* what, int i) {
  check(t->storage->writable(), "the memory of ", what, " ", i, " is read-only; clone() it first");
  if (t.is_contiguous()) return;
  for (int d = 0; d < t.ndim(); ++d)
    check(t.strides()[d] != 0 || t.shape()[d] <= 1, what, " ", i, " is an expanded tensor, whose ",
          "elements share memory; clone() it first");
}

inline void check_floating(const Tensor& t, const char* what, int i) {
  check(is_floating(t.dtype()), what, " ", i, " has dtype ", t.dtype(),
        "; a floating-point dtype is needed");
}

// The items of a call whose inputs are lists of n tensors, in memory of the caching allocator.
class UpdateList {
 public:
  // Lane l is list lists[l], or empty if that is negative.
  UpdateList(const Call& c, int n, std::span<const int> lists)
      : n_(n), memory_(static_cast<size_t>(n) * sizeof(kernels::UpdateItem)) {
    for (int i = 0; i < n; ++i) {
      const Tensor& p = c.in(i);
      auto* item = new (&(*this)[i]) kernels::UpdateItem;
      item->dtype = p.dtype();
      item->size = p.numel();
      kernels::Lane* lane = item->lanes;
      for (const int list : lists) {
        if (list >= 0) *lane = lane_of(c.in(list * n + i));
        item->contiguous &= lane++->contiguous;
      }
    }
  }
  UpdateList(const Call& c, int n, std::initializer_list<int> lists)
      : UpdateList(c, n, std::span(lists.begin(), lists.size())) {}

  kernels::UpdateItem& operator[](int i) { return memory_.as<kernels::UpdateItem>()[i]; }
  operator kernels::UpdateItems() {
    return {memory_.as<kernels::UpdateItem>(), static_cast<size_t>(n_)};
  }

 private:
  static kernels::Lane lane_of(const Tensor& t) {
    return {t.data(), t.shape().begin(), t.strides().begin(), t.ndim(), t.is_contiguous()};
  }
  int n_;
  Scratch memory_;
};

}  // namespace wengert
