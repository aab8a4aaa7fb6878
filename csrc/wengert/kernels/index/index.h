// Reading and writing at computed places. Every place is written by one thread, in the order of
// the index: with duplicates the last one wins, and sums do not depend on the number of threads.
#pragma once

#include "wengert/base/dtype.h"
#include "wengert/base/shape.h"

namespace wengert {

// A strided tensor with one group of indexed dimensions: (before, indexed, after). The index is a
// list of `count` offsets into it, in elements.
struct Indexed {
  Dims before, before_strides;
  Dims after, after_strides;
  const int64_t* offsets;
  int64_t count;
};
// The other side is contiguous, of shape (before, count, after).
void index_gather(const Indexed& v, void* dst, const void* src, int64_t item_size);
// `one`: src is a single element, written everywhere.
void index_scatter(const Indexed& v, void* dst, const void* src, bool one, int64_t item_size);
void index_accumulate(const Indexed& v, void* dst, const void* src, bool one, const Scalar& alpha,
                      Dtype dtype);

// gather and scatter: index, contiguous and of shape `shape`, holds positions along `dim`. A
// strided tensor and, at the index's own positions, a second one.
struct Along {
  Dims shape;
  int dim;
  const int64_t* index;
  Dims strides;        // of the tensor that is indexed
  Dims other_strides;  // of the other
  int64_t size;        // positions are checked to be below it, each just before it is used
};
// All give whether every position was in range; where one is not, what is written is undefined.
bool along_gather(const Along& a, void* other, const void* src, int64_t item_size);
bool along_scatter(const Along& a, void* dst, const void* other, bool one, int64_t item_size);
bool along_accumulate(const Along& a, void* dst, const void* other, Dtype dtype);

// Masks are contiguous bytes of 0 and 1.
int64_t count_true(const bool* mask, int64_t n);
// The positions of the `count` true elements, ndim > 0 numbers each.
void find_true(const bool* mask, const Dims& shape, int64_t count, int64_t* out);
// Elements of src where the mask is true, one after another.
void compress(void* dst, const void* src, const bool* mask, int64_t n, int64_t item_size);
// And back: x, which may be dst, but where the mask is true.
void decompress(void* dst, const void* x, const void* src, const bool* mask, int64_t n,
                int64_t item_size);
// dst (contiguous) = mask ? value : src, over `shape`.
void mask_fill(void* dst, const void* src, const Dims& src_strides, const bool* mask,
               const Dims& mask_strides, const Dims& shape, const void* value, int64_t item_size);

// The first position whose value is not in [low, high), or -1.
int64_t find_outside(const int64_t* v, int64_t n, int64_t low, int64_t high);

// i from to[begin[i]] up to to[begin[i + 1]], for i in [first, last).
void fill_runs(int64_t* to, const int64_t* begin, int64_t first, int64_t last);

}  // namespace wengert
