// What reductions share.
#include "wengert/ops/reduce/dims.h"

#include "wengert/ops/create/create.h"
#include "wengert/ops/index/key.h"
#include "wengert/ops/reduce/reduce.h"

namespace wengert {

uint32_t reduced_mask(Ints dims, int ndim) {
  if (dims.empty()) return (1u << ndim) - 1;
  uint32_t mask = 0;
  for (int64_t d : dims) {
    const int i = wrap_dim(d, ndim);
    check(!(mask >> i & 1), "dim ", i, " appears multiple times in the list of dims");
    mask |= 1u << i;
  }
  return mask;
}

uint32_t reduced_mask(const Attrs& a, int dim, int ndim) {
  if (!a.has(dim)) return (1u << ndim) - 1;
  if (a.kind(dim) == Attrs::Kind::kInts) return reduced_mask(a.ints(dim), ndim);
  return 1u << wrap_dim(a.integer(dim), ndim);
}

Dims reduced_shape(const Dims& shape, uint32_t mask, bool keepdim) {
  Dims out;
  for (int i = 0; i < shape.size(); ++i) {
    if (!(mask >> i & 1)) {
      out.push_back(shape[i]);
    } else if (keepdim) {
      out.push_back(1);
    }
  }
  return out;
}

Tensor restore_dims(const Tensor& g, const Dims& shape, uint32_t mask) {
  // A 0-d gradient broadcasts as it is.
  if (g.ndim() == 0 || g.ndim() == shape.size()) return g;
  return reshape(g, reduced_shape(shape, mask, true));
}

Tensor restore_dims(const Vjp& v, const Tensor& g, int dim) {
  const Dims& shape = v.shape(0);
  return restore_dims(g, shape, reduced_mask(v.attrs(), dim, shape.size()));
}

void scatter_back(Vjp& v, int64_t dim, const Tensor& g, const Tensor& index) {
  v.set(0, gather_backward(g, index, v.shape(0), dim));
}

void cast_input(Call& c, int i, Dtype dtype) {
  if (c.in(i).dtype() == dtype) return;
  GradMode off(false);
  c.replace(i, to(c.in(i), dtype));
}

void add_dims(Attrs& a, Ints dims) {
  if (dims.empty()) return a.add(nullptr);
  a.add(dims);
}

void add_dim(Attrs& a, Dim dim) {
  if (!dim) return a.add(nullptr);
  a.add(*dim);
}

// Note [memory order]
// What does not depend on where an element stands, a sum but not the place of the largest, is taken
// of the elements as they lie in memory, whatever the order of the dimensions: of a transposed
// matrix nothing is copied, and the result lies as the dimensions that are left do. Dimensions that
// repeat come first. Any other input, one with gaps, is made contiguous.
namespace {

struct MemoryOrder {
  explicit MemoryOrder(const Tensor& x) {
    const Dims& all = x.strides();
    for (int d = 0; d < x.ndim(); ++d) {
      int at = d;
      for (; at > 0 && all[dims[at - 1]] != 0 && (all[d] == 0 || all[dims[at - 1]] < all[d]); --at)
        dims[at] = dims[at - 1];
      dims[at] = d;
    }
    for (int i = 0; i < x.ndim(); ++i) {
      shape.push_back(x.shape()[dims[i]]);
      strides.push_back(all[dims[i]]);
    }
  }
  // Whether there are no gaps.
  bool dense() const {
    int64_t step = 1;
    for (int i = shape.size() - 1; i >= 0; --i) {
      if (shape[i] == 1 || (strides[i] == 0 && step > 1)) continue;
      if (strides[i] != step) return false;
      step *= shape[i];
    }
    return true;
  }
  uint32_t mask(uint32_t logical) const {
    uint32_t m = 0;
    for (int i = 0; i < shape.size(); ++i) m |= (logical >> dims[i] & 1) << i;
    return m;
  }
  // Of the result, with all dimensions.
  Dims result_strides(uint32_t logical) const {
    Dims result = shape;
    int64_t step = 1;
    for (int i = shape.size() - 1; i >= 0; --i) {
      result[dims[i]] = step;
      if (!(logical >> dims[i] & 1)) step *= shape[i];
    }
    return result;
  }

  int dims[kMaxDims];
  Dims shape, strides;
};

}  // namespace

void output_reduced(Call& c, Dtype dtype, uint32_t mask, uint32_t dropped, const Dims& shape) {
  const Tensor& x = c.in(0);
  if (x.is_contiguous()) return c.output(dtype, shape);
  const MemoryOrder order(x);
  if (!order.dense()) {
    GradMode off(false);
    c.replace(0, contiguous(x));
    return c.output(dtype, shape);
  }
  Dims strides = order.result_strides(mask);
  for (int d = x.ndim() - 1; d >= 0; --d)
    if (dropped >> d & 1) strides.erase(d);
  c.output(dtype, shape, is_contiguous(shape, strides) ? Dims() : strides);
}

void output_reduced(Call& c, Dtype dtype, uint32_t mask, bool keepdim) {
  output_reduced(c, dtype, mask, keepdim ? 0 : mask, reduced_shape(c.in(0).shape(), mask, keepdim));
}

ReducePlan plan_reduction(const Tensor& x, uint32_t mask) {
  if (x.is_contiguous()) return plan_reduction(x.shape(), mask);
  const MemoryOrder order(x);
  return plan_reduction(order.shape, order.strides, order.mask(mask));
}

void run_reduction(Call& c, ReduceKind kind, uint32_t mask, double param) {
  const Tensor& x = c.in(0);
  ReduceTarget target{c.out[0].dtype(), c.out[0].data()};
  if (c.outputs() > 1) target.second = c.out[1].data();
  reduce(kind, plan_reduction(x, mask), x.dtype(), x.data(), target, param);
}

Lines lines_of(const Dims& shape, int64_t dim) {
  const int at = wrap_dim(dim, shape.size());
  Lines l;
  for (int i = 0; i < shape.size(); ++i) (i < at ? l.outer : i == at ? l.n : l.inner) *= shape[i];
  return l;
}

}  // namespace wengert
