// Fractional pooling: windows whose distances differ, drawn at random for each plane.
#pragma once

#include <algorithm>

#include "wengert/kernels/pool/pool.h"

namespace wengert {

// y: the largest element of each window, the last NaN if there is one, and where it lies in its
// plane; of equal ones the first. `samples` has a number of [0, 1) for each plane and each of the
// last n dimensions, in two of them that of the last dimension first. Stride, padding and dilation
// are not used; each kernel fits its dimension out times when it moves by 1.
void fractional_max_pool(const Windows& w, int n, Dtype dtype, const void* x, const void* samples,
                         void* y, int64_t* indices);

// Where window o of `out` begins for the number s: floor((o + s) a) - floor(s a), computed in T,
// with a = (in - kernel) / (out - 1); the last one ends where the dimension does. As in PyTorch,
// which takes any s; here windows stay within the input all the same.
template <class T>
int64_t fractional_begin(T s, int64_t o, int64_t in, int64_t out, int64_t kernel) {
  if (o == out - 1) return in - kernel;
  constexpr T kMost = 1 << 20;
  s = s > -kMost ? std::min(s, kMost) : -kMost;
  const T a = static_cast<T>(in - kernel) / static_cast<T>(out - 1);
  const int64_t begin =
      static_cast<int64_t>((static_cast<T>(o) + s) * a) - static_cast<int64_t>(s * a);
  return std::clamp<int64_t>(begin, 0, in - kernel);
}

}  // namespace wengert
