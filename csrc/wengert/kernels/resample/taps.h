// Taps: where each output of an axis comes from.
#pragma once

#include "wengert/base/allocator.h"
#include "wengert/kernels/resample/resample.h"

namespace wengert {

// Output i is the sum of weight[begin[i] + k] times input first[i] + k, for k < begin[i + 1] -
// begin[i]. Neither `first` nor the ends of these runs ever decrease.
template <class T>
struct Taps {
  int64_t in = 1, out = 1;
  List<int32_t> first, begin;
  List<T> weight;
  int32_t most = 1;    // of one output
  bool same = false;   // every output is its input
  bool picks = false;  // every output is one input

  int32_t count(int64_t i) const { return begin[i + 1] - begin[i]; }
  const T* weights(int64_t i) const { return weight.data() + begin[i]; }
  void finish();  // what follows from the lists
};

// As PyTorch computes them, in T: positions are compared with its own to the last bit, as the
// nearest of two neighbours may depend on it.
template <class T>
Taps<T> make_taps(const ResampleAxis& axis, Resampling how, bool align_corners);

// Those of the gradient.
template <class T>
Taps<T> turned(const Taps<T>& taps);

}  // namespace wengert
