// What reading and writing at computed places does, an element at a time. For tests: nothing fast
// includes this.
#pragma once

#include "wengert/kernels/core/naive.h"
#include "wengert/kernels/index/index.h"

namespace wengert::naive {

// f(place in the strided tensor, place on the contiguous side), in the order of the index.
template <class F>
void each_indexed(const Indexed& v, const F& f) {
  const int64_t after = numel(v.after);
  each(v.before, [&](const Dims& b, int64_t ib) {
    for (int64_t c = 0; c < v.count; ++c) {
      each(v.after, [&](const Dims& a, int64_t ia) {
        f(place(b, v.before_strides) + v.offsets[c] + place(a, v.after_strides),
          (ib * v.count + c) * after + ia);
      });
    }
  });
}

// f(place in the tensor that is indexed, place in the other).
template <class F>
void each_along(const Along& a, const F& f) {
  each(a.shape, [&](const Dims& at, int64_t i) {
    Dims there = at;
    there[a.dim] = a.index[i];
    f(place(there, a.strides), place(at, a.other_strides));
  });
}

}  // namespace wengert::naive
