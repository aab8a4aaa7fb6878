// What the rows of pooling share: windows from arguments, and the checks of these.
#pragma once

#include "wengert/kernels/pool/last.h"
#include "wengert/ops/images.h"
#include "wengert/ops/pool/pool.h"

namespace wengert::pooling {

// One number for all n dimensions, or n of them, as the last of three. Whether a list of one stands
// for all as well is PyTorch's choice, function by function.
void read_sizes(Ints from, int n, const char* what, int64_t* to, bool list_of_one = true);
// Of `int | ints`, where it does not.
inline void read_sizes(const Attrs& a, int i, int n, const char* what, int64_t* to) {
  read_sizes(a.ints(i), n, what, to, a.kind(i) != Attrs::Kind::kInts || n == 1);
}
// C++'s lists of one number stand for all: as `int | ints` has it.
inline void add_sizes(Attrs& to, Ints sizes) {
  sizes.size() == 1 ? to.add(sizes[0]) : to.add(sizes);
}
// Planes and sizes of a tensor; its last n dimensions are pooled. Ranks and empty sizes are
// checked.
void read_input(const Dims& shape, int n, Windows& w);
// As above without the checks.
void read_planes(const Dims& shape, int n, Windows& w);
// Kernel, stride and padding; none of a stride is the kernel's.
void read_kernel(Ints kernel, Ints stride, Ints padding, Ints dilation, int n, Windows& w);
// Checks the numbers.
void check_kernel(const Windows& w, int n);
// Finds how many windows there are.
void count_windows(Windows& w, int n, bool ceil_mode);
// That no size overflows and that buffers for a few rows fit in memory.
void check_extent(const Windows& w);
// The shape with the last n sizes replaced by the windows'.
Dims pooled_shape(const Dims& shape, const Windows& w, int n);

inline Ints last(const int64_t* sizes, int n) {
  return Ints(sizes + 3 - n, static_cast<size_t>(n));
}
// Windows on images (n, c, ...) whose channels lie last.
inline LastWindows with_channels(const Windows& w, int64_t channels) { return {w, channels}; }
// An absent list is an empty one.
inline Ints ints_or_none(const Attrs& a, int i) { return a.has(i) ? a.ints(i) : Ints(); }
void floating_input(const Call& c, int i = 0);
// dx for values that were taken from places in their planes, of this shape.
Tensor scatter_in_planes(const Tensor& g, const Tensor& indices, const Dims& shape, int n);

}  // namespace wengert::pooling
