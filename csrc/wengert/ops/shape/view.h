// What the families shape, index and join share: views as data, and their derivative.
#pragma once

#include "wengert/tape/tape.h"

namespace wengert {

// A place in some memory: offset and strides in elements.
struct View {
  Dims shape, strides;
  int64_t offset;
};
inline View view_of(const Tensor& x) { return {x.shape(), x.strides(), x->offset}; }

// A view op is a rule from the input's place and the attributes to the output's. The rule does not
// depend on the input's strides being what they are, so the derivative applies it to a contiguous
// tensor of the input's shape and writes the gradient there.
using ViewRule = View (*)(const View& x, const Attrs& a);

// Zeros of `shape` with g written at (strides, offset) of its contiguous memory, or the sum of what
// falls on one place.
Tensor strided_backward(const Tensor& g, const Dims& shape, const Dims& strides, int64_t offset);

template <ViewRule rule>
void view_shape(Call& c) {
  const View r = rule(view_of(c.in(0)), c.attrs);
  c.output_view(r.shape, r.strides, r.offset);
}
template <ViewRule rule>
void view_vjp(Vjp& v) {
  const Dims& shape = v.shape(0);
  const View r = rule({shape, contiguous_strides(shape), 0}, v.attrs());
  if (v.add_part(0, v.g(), r.strides, r.offset)) return;
  v.set(0, strided_backward(v.g(), shape, r.strides, r.offset));
}

// The results of c are as many parts of x along dimension d, whose sizes differ by one at most; or
// those of its input 0 between these positions.
void cut_evenly(Call& c, const Tensor& x, int64_t count, int d);
void cut_at(Call& c, int d, Ints places);

// The dense strides of a result that lies in memory as these do; none if it is contiguous. See
// Note [layout].
Dims dense_strides(const List<Dims>& like, const Dims& shape);
// Declares an output of that dtype with the shape of input 0, which lies in memory as it does.
void output_like(Call& c, Dtype dtype);
// A copy whose elements lie in order, whatever the input's do.
Tensor contiguous_copy(const Tensor& x);

// The set of dimensions as bits; an error if one is named twice.
uint32_t dim_bits(Ints dims, int ndim);

// Data of c.in(i), and of the output, for kernels that take bytes.
inline int64_t item_size(const Tensor& x) { return item_size(x.dtype()); }

// Another name for an op.
constexpr Op renamed(Op op, const char* name) {
  op.name = name;
  return op;
}
constexpr Op renamed(Op op, const char* name, const Signature& signature) {
  op.signature = signature;
  return renamed(op, name);
}

// A gradient of zero for input 0, which the op overwrites.
void zero_vjp(Vjp& v);

}  // namespace wengert
