#include "wengert/tape/leaf.h"

#include "wengert/tape/tape.h"

namespace wengert {

Tensor as_gradient_of(const Tensor& leaf, const Tensor& g) {
  const bool contiguous_one = leaf.is_contiguous() || !is_dense(leaf.shape(), leaf.strides());
  if (contiguous_one ? g.is_contiguous() : g.strides() == leaf.strides()) {
    const bool own = g->refs() == 1 && g->storage->refs() == 1;
    return own ? g : clone(g);
  }
  if (contiguous_one) return contiguous(g);
  Tensor y = Tensor::empty(leaf.shape(), leaf.strides(), g.dtype());
  copy_(y, g);
  return y;
}

}  // namespace wengert
