// Copies, casts, and how results lie in memory.
#include "wengert/kernels/core/copy.h"

#include "wengert/ops/shape/shape.h"
#include "wengert/ops/shape/view.h"

namespace wengert {

// ---- how results lie in memory -------------------------------------------------------------

// Note [layout]
// A result lies in memory as the inputs do, as in PyTorch: of transposed tensors it is transposed,
// and of images whose channels come last it is one as well. So inputs that lie alike are read and
// the result is written from end to end, whatever the order of their dimensions; and a network of
// such images stays one. Where the inputs disagree, the first that tells two dimensions apart
// decides; a dimension that it repeats tells nothing.

namespace {

// Whether dimension a of the result lies further out than b (1), further in (-1), or as it may be.
int compare(const List<Dims>& strides, const Dims& shape, int a, int b) {
  for (const Dims& s : strides) {
    if (s[a] == 0 || s[b] == 0) continue;
    if (s[a] != s[b]) return s[a] > s[b] ? 1 : -1;
    if (shape[a] > shape[b]) return 1;
  }
  return 0;
}

}  // namespace

Dims dense_strides(const List<Dims>& like, const Dims& shape) {
  const int n = shape.size();
  int inner_first[kMaxDims];
  for (int i = 0; i < n; ++i) inner_first[i] = n - 1 - i;
  for (int i = 1; i < n; ++i)
    for (int at = i, j = i - 1; j >= 0; --j) {
      const int order = compare(like, shape, inner_first[j], inner_first[at]);
      if (order < 0) break;
      if (order > 0) std::swap(inner_first[j], inner_first[std::exchange(at, j)]);
    }
  Dims result = shape;
  int64_t step = 1;
  for (int i = 0; i < n; ++i) {
    const int d = inner_first[i];
    result[d] = step;
    step *= std::max<int64_t>(shape[d], 1);
  }
  return is_contiguous(shape, result) ? Dims() : result;
}

void output_like(Call& c, Dtype dtype) {
  const Tensor& x = c.in(0);
  if (x.is_contiguous()) [[likely]]
    return c.output(dtype, x.shape());
  if (is_dense(x.shape(), x.strides())) return c.output(dtype, x.shape(), x.strides());
  List<Dims> strides;
  strides.push_back(x.strides());
  c.output(dtype, x.shape(), dense_strides(strides, x.shape()));
}

namespace {

// ---- copies and casts ----------------------------------------------------------------------

void copy_run(Call& c) {
  const Tensor &x = c.in(0), &y = c.out[0];
  copy_strided(y.data(), y.strides(), x.data(), x.strides(), y.shape(), item_size(y));
}

// y = x          dx = g
constinit const Op clone_op{
    .name = "clone",
    .signature = "(input: Tensor) -> Tensor",
    .doc =
        "A copy of the input, with its shape and dtype, which lies in memory as the input does "
        "unless memory_format says otherwise.",
    .any_dtype = true,
    .shape = [](Call& c) { output_like(c, c.in(0).dtype()); },
    .run = copy_run,
    .vjp = [](Vjp& v) { v.set(0, v.g()); },
};

// y = x          dx = g
constinit const Op contiguous_copy_op{
    .name = "_contiguous",
    .signature = "(input: Tensor) -> Tensor",
    .on = 0,
    .doc = "A copy of the input whose elements lie in order.",
    .checked = true,
    .any_dtype = true,
    .shape = [](Call& c) { c.output(c.in(0).dtype(), c.in(0).shape()); },
    .run = copy_run,
    .vjp = [](Vjp& v) { v.set(0, v.g()); },
};

// y = x
constinit const Op contiguous_op{
    .name = "contiguous",
    .signature = "(input: Tensor) -> Tensor",
    .on = kMethod,
    .doc =
        "The input itself if its memory is contiguous, or as memory_format says; else such a copy.",
    .composed = [](Call& c) { c.results = {contiguous(c.in(0))}; },
};

constexpr Signature kTo = "(input: Tensor, dtype: dtype | None) -> Tensor";
// y = x in another dtype       dx = g in the dtype of x
constinit const Op to_op{
    .name = "_to",
    .signature = kTo,
    .on = 0,
    .doc =
        "A copy of the input in another dtype. Floating to integer truncates; to bool, all but "
        "zero is True. The gradient is cast back.",
    .checked = true,
    .any_dtype = true,
    .shape = [](Call& c) { output_like(c, c.attrs.dtype_or(kTo["dtype"], c.in(0).dtype())); },
    .run =
        [](Call& c) {
          const Tensor &x = c.in(0), &y = c.out[0];
          cast_strided(y.data(), y.dtype(), y.strides(), x.data(), x.dtype(), x.strides(),
                       x.shape());
        },
    .vjp = [](Vjp& v) { v.set(0, v.g()); },
};

const Op* const kOps[] = {&clone_op, &contiguous_copy_op, &contiguous_op, &to_op};

}  // namespace

std::span<const Op* const> copy_ops() { return kOps; }

Tensor clone(const Tensor& x) { return apply(clone_op, {x}); }
Tensor contiguous(const Tensor& x) {
  check_defined(x, "contiguous");
  return x.is_contiguous() ? x : contiguous_copy(x);
}
Tensor contiguous_copy(const Tensor& x) { return apply(contiguous_copy_op, {x}); }
Tensor to(const Tensor& x, Dtype dtype) {
  check_defined(x, "to");
  return x.dtype() == dtype ? x : apply(to_op, {x}, Attrs(dtype));
}

}  // namespace wengert
