// The largest and smallest elements, and where they are.
#include "wengert/ops/reduce/dims.h"
#include "wengert/ops/reduce/reduce.h"

namespace wengert {
namespace {

constexpr Signature kFull = "(input: Tensor) -> Tensor";
constexpr Signature kValuesIndices =
    "(input: Tensor, dim: int, keepdim: bool = False) -> (values: Tensor, indices: Tensor)";
constexpr Signature kOther = "(input: Tensor, other: Tensor) -> Tensor";
constexpr Signature kOverDims =
    "(input: Tensor, dim: ints | None = None, keepdim: bool = False) -> Tensor";
constexpr Signature kPlace =
    "(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor";

constexpr int kDim = attribute("dim", kValuesIndices, kOverDims, kPlace);
constexpr int kKeepdim = attribute("keepdim", kValuesIndices, kOverDims, kPlace);

uint32_t mask_of(const Call& c) { return reduced_mask(c.attrs, kDim, c.in(0).ndim()); }

// There is no largest of no elements.
void check_elements(const Tensor& x, uint32_t mask, bool all, ErrorKind kind) {
  if (x.numel() > 0) return;
  check(!all, kind,
        "Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim "
        "with the 'dim' argument.");
  for (int i = 0; i < x.ndim(); ++i)
    check(!(mask >> i & 1) || x.shape()[i] > 0, ErrorKind::kIndex, "Expected reduction dim ", i,
          " to have non-zero size.");
}

bool over_all(const Call& c) {
  return !c.attrs.has(kDim) ||
         (c.attrs.kind(kDim) == Attrs::Kind::kInts && c.attrs.ints(kDim).empty());
}

void amax_shape(Call& c) {
  const Tensor& x = c.in(0);
  const uint32_t mask = mask_of(c);
  check_elements(x, mask, over_all(c), ErrorKind::kRuntime);
  output_reduced(c, x.dtype(), mask, c.attrs.flag(kKeepdim));
}

void full_shape(Call& c) {
  check_elements(c.in(0), 0, true, ErrorKind::kRuntime);
  output_reduced(c, c.in(0).dtype(), (1u << c.in(0).ndim()) - 1, false);
}

void argmax_shape(Call& c) {
  const Tensor& x = c.in(0);
  check(x.dtype() != Dtype::kBool, "does not support bool input");
  const uint32_t mask = mask_of(c);
  check_elements(x, mask, over_all(c), ErrorKind::kIndex);
  c.output(Dtype::kInt64, reduced_shape(x.shape(), mask, c.attrs.flag(kKeepdim)));
}

void values_indices_shape(Call& c) {
  const Tensor& x = c.in(0);
  const uint32_t mask = mask_of(c);
  check_elements(x, mask, false, ErrorKind::kIndex);
  const Dims shape = reduced_shape(x.shape(), mask, c.attrs.flag(kKeepdim));
  c.output(x.dtype(), shape);
  c.output(Dtype::kInt64, shape);
}

template <ReduceKind kKind>
void run_over_dims(Call& c) {
  run_reduction(c, kKind, mask_of(c));
}
template <ReduceKind kKind>
void run_over_all(Call& c) {
  run_reduction(c, kKind, (1u << c.in(0).ndim()) - 1);
}

// Elements equal to the extreme share its gradient evenly.
void share(Vjp& v, const Tensor& g, const Tensor& y, const Tensor& hit) {
  const Tensor weight = to(hit, y.dtype());
  v.set(0, mul(weight, div(g, sum_to(weight, y.shape()))));
}

void amax_vjp(Vjp& v) {
  const Tensor y = restore_dims(v, v.y(), kDim);
  share(v, restore_dims(v, v.g(), kDim), y, eq(v.x(), y));
}

// As above, and NaNs are equal to each other.
void full_vjp(Vjp& v) {
  const Operand x = v.x();
  const Tensor y = v.y();
  share(v, v.g(), y, where(ne(y, y), ne(x, x), eq(x, y)));
}

void values_vjp(Vjp& v) {
  if (!v.has_g(0)) return;
  const Dims& shape = v.shape(0);
  const int64_t dim = v.attrs().integer(kDim);
  Tensor g = v.g(), index = v.y(1);
  if (!v.attrs().flag(kKeepdim) && !shape.empty()) {
    g = unsqueeze(g, wrap_dim(dim, shape.size()));
    index = unsqueeze(index, wrap_dim(dim, shape.size()));
  }
  scatter_back(v, dim, g, index);
}

constexpr Op full(const char* name, const char* doc, void (*run)(Call&)) {
  Op op{.name = name, .signature = kFull, .doc = doc};
  op.shape = full_shape;
  op.run = run;
  op.vjp = full_vjp;
  op.reads = kInput | kOutput;
  return op;
}

constexpr Op along(const char* name, const char* doc, void (*run)(Call&)) {
  Op op{.name = name, .signature = kValuesIndices, .doc = doc};
  op.contiguous = true;
  op.shape = values_indices_shape;
  op.run = run;
  op.vjp = values_vjp;
  op.reads = reads_output(1);
  return op;
}

constexpr Op over_dims(const char* name, const char* doc, void (*run)(Call&)) {
  Op op{.name = name, .signature = kOverDims, .doc = doc};
  op.shape = amax_shape;
  op.run = run;
  op.vjp = amax_vjp;
  op.reads = kInput | kOutput;
  return op;
}

constexpr Op place(const char* name, const char* doc, void (*run)(Call&)) {
  Op op{.name = name, .signature = kPlace, .doc = doc};
  op.contiguous = true;
  op.shape = argmax_shape;
  op.run = run;
  return op;
}

// y = max x        dx = g / ties where x = y
constinit const Op max_op =
    full("max", "The largest of all elements; NaN if there is one. Ties share the gradient.",
         run_over_all<ReduceKind::kMax>);
// y = min x        dx = g / ties where x = y
constinit const Op min_op =
    full("min", "The smallest of all elements; NaN if there is one. Ties share the gradient.",
         run_over_all<ReduceKind::kMin>);

constinit const Op max_dim_op =
    along("max", "The largest elements along `dim` and the indices of the first such.",
          run_over_dims<ReduceKind::kMaxIndex>);
// y = min x        dx = g / ties where x = y
constinit const Op min_dim_op =
    along("min", "The smallest elements along `dim` and the indices of the first such.",
          run_over_dims<ReduceKind::kMinIndex>);

constinit const Op max_other_op{
    .name = "max", .signature = kOther, .doc = "`maximum(input, other)`.", .composed = [](Call& c) {
      c.results = {maximum(c.input(0), c.input(1))};
    }};
// y = min x        dx = g / ties where x = y
constinit const Op min_other_op{
    .name = "min", .signature = kOther, .doc = "`minimum(input, other)`.", .composed = [](Call& c) {
      c.results = {minimum(c.input(0), c.input(1))};
    }};

// y = max x        dx = g / ties where x = y
constinit const Op amax_op = over_dims(
    "amax", "The largest elements over `dim` (all if None or empty). Ties share the gradient.",
    run_over_dims<ReduceKind::kMax>);
// y = min x        dx = g / ties where x = y
constinit const Op amin_op = over_dims(
    "amin", "The smallest elements over `dim` (all if None or empty). Ties share the gradient.",
    run_over_dims<ReduceKind::kMin>);

// y = the first i of the largest x_i
constinit const Op argmax_op =
    place("argmax",
          "The index, int64, of the first largest element along `dim`, or in the flattened "
          "tensor. NaN is the largest.",
          run_over_dims<ReduceKind::kArgMax>);
// y = the first i of the smallest x_i
constinit const Op argmin_op =
    place("argmin",
          "The index, int64, of the first smallest element along `dim`, or in the flattened "
          "tensor. NaN is the smallest.",
          run_over_dims<ReduceKind::kArgMin>);

Tensor apply_dims(const Op& op, const Tensor& x, Ints dims, bool keepdim) {
  Attrs a;
  add_dims(a, dims);
  a.add(keepdim);
  return apply(op, {x}, a);
}
Tensor apply_dim(const Op& op, const Tensor& x, Dim dim, bool keepdim) {
  Attrs a;
  add_dim(a, dim);
  a.add(keepdim);
  return apply(op, {x}, a);
}

}  // namespace

Tensor amax(const Tensor& x, Ints dims, bool keepdim) {
  return apply_dims(amax_op, x, dims, keepdim);
}
Tensor amin(const Tensor& x, Ints dims, bool keepdim) {
  return apply_dims(amin_op, x, dims, keepdim);
}
Tensor max(const Tensor& x) { return apply(max_op, {x}); }
Tensor min(const Tensor& x) { return apply(min_op, {x}); }
std::pair<Tensor, Tensor> max(const Tensor& x, int64_t dim, bool keepdim) {
  return apply_pair(max_dim_op, x, Attrs(dim, keepdim));
}
std::pair<Tensor, Tensor> min(const Tensor& x, int64_t dim, bool keepdim) {
  return apply_pair(min_dim_op, x, Attrs(dim, keepdim));
}
Tensor argmax(const Tensor& x, Dim dim, bool keepdim) {
  return apply_dim(argmax_op, x, dim, keepdim);
}
Tensor argmin(const Tensor& x, Dim dim, bool keepdim) {
  return apply_dim(argmin_op, x, dim, keepdim);
}

namespace {
const Op* const kOps[] = {&max_op,     &max_other_op, &max_dim_op, &min_op,    &min_other_op,
                          &min_dim_op, &amax_op,      &amin_op,    &argmax_op, &argmin_op};
}
std::span<const Op* const> extremum_ops() { return kOps; }

}  // namespace wengert
