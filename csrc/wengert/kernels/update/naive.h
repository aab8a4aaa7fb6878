// What the updates of update.h compute, an element at a time. For tests: nothing fast includes
// this.
#pragma once

#include <algorithm>
#include <cmath>

#include "wengert/kernels/core/naive.h"
#include "wengert/kernels/update/update.h"

namespace wengert::naive {

// f(element of lane 0) for every item of T.
template <class T, class F>
void each_parameter(kernels::UpdateItems items, const F& f) {
  for (const kernels::UpdateItem& item : items) {
    const kernels::Lane& lane = item.lanes[0];
    const size_t n = static_cast<size_t>(lane.dims);
    const Dims strides(Ints(lane.strides, n));
    each(Dims(Ints(lane.shape, n)), [&](const Dims& at, int64_t) {
      f(item, reinterpret_cast<T*>(lane.data)[place(at, strides)]);
    });
  }
}

template <class T>
double norm(kernels::UpdateItems items, double p) {
  double sum = 0, most = 0;
  each_parameter<T>(items, [&](const kernels::UpdateItem&, T x) {
    sum += std::pow(std::abs(double(x)), p);
    most = std::max(most, std::abs(double(x)));
  });
  return std::isinf(p) ? most : std::pow(sum, 1 / p);
}

}  // namespace wengert::naive
