// Reductions to sums, means, products and norms.
#include "wengert/ops/reduce/reduce.h"

#include <bit>
#include <cmath>
#include <limits>

#include "wengert/ops/create/create.h"
#include "wengert/ops/linalg/calls.h"
#include "wengert/ops/reduce/dims.h"

namespace wengert {

namespace {

constexpr Signature kDimsDtype =
    "(input: Tensor, dim: ints | None = None, keepdim: bool = False, *, dtype: dtype | None = "
    "None) -> Tensor";
constexpr Signature kDimsKeep =
    "(input: Tensor, dim: ints | None = None, keepdim: bool = False) -> Tensor";
constexpr Signature kProd =
    "(input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: dtype | None = None) "
    "-> Tensor";
constexpr Signature kLogsumexp = "(input: Tensor, dim: ints, keepdim: bool = False) -> Tensor";
constexpr Signature kCountNonzero = "(input: Tensor, dim: ints | None = None) -> Tensor";
// Where all of them have what they share.
constexpr int kDim = attribute("dim", kDimsDtype, kDimsKeep, kProd, kLogsumexp, kCountNonzero);
constexpr int kKeepdim = attribute("keepdim", kDimsDtype, kDimsKeep, kProd, kLogsumexp);
constexpr int kDtype = attribute("dtype", kDimsDtype, kProd);

uint32_t mask_of(const Call& c) { return reduced_mask(c.attrs, kDim, c.in(0).ndim()); }

// An empty list means none of the dimensions to any and all, and all of them to the others.
uint32_t strict_mask_of(const Call& c) {
  if (c.attrs.kind(kDim) == Attrs::Kind::kInts && c.attrs.ints(kDim).empty()) return 0;
  return mask_of(c);
}

void output_over_dims(Call& c, Dtype dtype) {
  output_reduced(c, dtype, mask_of(c), c.attrs.flag(kKeepdim));
}

template <ReduceKind kKind>
void run_over_dims(Call& c) {
  run_reduction(c, kKind, mask_of(c));
}

void spread(Vjp& v) { v.set(0, expand(restore_dims(v, v.g(), kDim), v.shape(0))); }

int64_t reduced_count(const Vjp& v) {
  const uint32_t mask = reduced_mask(v.attrs(), kDim, v.shape(0).size());
  int64_t n = 1;
  for (int i = 0; i < v.shape(0).size(); ++i)
    if (mask >> i & 1) n *= v.shape(0)[i];
  return n;
}

// Integers are summed as int64 unless a dtype is asked for, to which elements are cast first.
void sum_shape(Call& c) {
  const Dtype x = c.in(0).dtype();
  const Dtype dtype = c.attrs.dtype_or(kDtype, is_floating(x) ? x : Dtype::kInt64);
  if (is_floating(dtype) || is_floating(x) || dtype == Dtype::kBool) cast_input(c, 0, dtype);
  output_over_dims(c, dtype);
}

// Integers have no NaN that could be left out later.
void nansum_shape(Call& c) {
  const Tensor x = c.in(0);
  if (is_floating(x.dtype()) && !is_floating(c.attrs.dtype_or(kDtype, x.dtype())))
    c.input(0) = where(eq(x, x), x, 0.0);
  sum_shape(c);
}

void mean_shape(Call& c) {
  const Dtype dtype = c.attrs.dtype_or(kDtype, c.in(0).dtype());
  check(is_floating(dtype), "could not infer output dtype. ",
        c.attrs.has(kDtype) ? "Optional" : "Input",
        " dtype must be a floating point dtype. Got: ", dtype);
  cast_input(c, 0, dtype);
  output_over_dims(c, dtype);
}

void prod_vjp(Vjp& v) {
  const bool all = !v.attrs().has(kDim);
  const Tensor g = v.g();
  const Tensor x = to(v.x(), g.dtype()), flat = all || x.ndim() == 0 ? reshape(x, Dims{-1}) : x;
  const int64_t dim = all ? 0 : wrap_dim(v.attrs().integer(kDim), x.ndim());
  Dims kept = flat.shape();
  kept[static_cast<int>(dim)] = 1;
  v.set(0, reshape(apply(prod_backward_op, {reshape(g, kept), flat}, Attrs(dim)), v.shape(0)));
}

void truth_shape(Call& c) {
  const Dtype dtype = c.in(0).dtype() == Dtype::kUInt8 ? Dtype::kUInt8 : Dtype::kBool;
  output_reduced(c, dtype, strict_mask_of(c), c.attrs.flag(kKeepdim));
}

void nanmean_composed(Call& c) {
  const Tensor& x = c.in(0);
  check(is_floating(x.dtype()), "expected input to have floating point dtype but got ", x.dtype());
  const Dims dims = c.attrs.has(kDim) ? Dims(c.attrs.dims(kDim)) : Dims();
  const bool keepdim = c.attrs.flag(kKeepdim);
  const Tensor total = apply(nansum_op, {x}, c.attrs);
  c.results = {div(total, sum(eq(x, x), dims, keepdim, total.dtype()))};
}

// ---- norms

constexpr Signature kNorm =
    "(input: Tensor, p: Number | None = 2, dim: ints | None = None, keepdim: bool = False, dtype: "
    "dtype | None = None) -> Tensor";
constexpr Signature kNormNamed =
    "(input: Tensor, p: 'fro' | 'nuc' = 'fro', dim: ints | None = None, keepdim: bool = False, "
    "dtype: dtype | None = None) -> Tensor";

double norm_power(const Attrs& a) { return a.has(kNorm["p"]) ? a.real(kNorm["p"]) : 2.0; }
uint32_t norm_mask(const Call& c) { return reduced_mask(c.attrs, kNorm["dim"], c.in(0).ndim()); }

void norm_shape(Call& c) {
  const Tensor& x = c.in(0);
  const Dtype dtype = c.attrs.dtype_or(kNorm["dtype"], x.dtype());
  check(is_floating(x.dtype()) && is_floating(dtype),
        "Expected a floating point tensor as input. Got ", is_floating(dtype) ? x.dtype() : dtype);
  cast_input(c, 0, dtype);
  const uint32_t mask = norm_mask(c);
  const double p = norm_power(c.attrs);
  if (p < 0 || std::isinf(p)) {
    const ReducePlan plan = plan_reduction(x.shape(), mask);
    check(plan.count > 0 || plan.outputs == 0, "cannot compute the ", p,
          " norm on an empty tensor because the operation does not have an identity");
  }
  output_reduced(c, dtype, mask, c.attrs.flag(kNorm["keepdim"]));
}

void norm_run(Call& c) {
  const double p = norm_power(c.attrs);
  const uint32_t mask = norm_mask(c);
  if (p == 2) return run_reduction(c, ReduceKind::kNorm2, mask);
  if (p == 1) return run_reduction(c, ReduceKind::kNorm1, mask);
  if (std::isinf(p))
    return run_reduction(c, p > 0 ? ReduceKind::kNormInf : ReduceKind::kNormNegInf, mask);
  if (p != 0) return run_reduction(c, ReduceKind::kNormP, mask, p);
  // The number of elements that are not zero, as a floating number.
  const Tensor& x = c.in(0);
  const ReducePlan plan = plan_reduction(x, mask);
  const Scratch counts(static_cast<size_t>(plan.outputs) * sizeof(int64_t));
  reduce(ReduceKind::kCountNonzero, plan, x.dtype(), x.data(), {Dtype::kInt64, counts.as<void>()});
  dispatch_floating(x.dtype(), [&](auto zero) {
    std::copy_n(counts.as<int64_t>(), plan.outputs, c.out[0].data_as<decltype(zero)>());
  });
}

// g / y where y is not 0, and 0 there: the subgradient of a norm at its kink.
Tensor div_or_zero(const Tensor& g, const Tensor& y) {
  return div(where(eq(y, 0), 0.0, g), where(eq(y, 0), 1.0, y));
}

// y = (sum |x|^p)^(1/p)        dx = g sign(x) |x|^(p-1) / y^(p-1)
void norm_vjp(Vjp& v) {
  const double p = norm_power(v.attrs());
  const Tensor x = v.x();
  const uint32_t mask = reduced_mask(v.attrs(), kNorm["dim"], x.ndim());
  const Tensor g = restore_dims(v.g(), x.shape(), mask);
  const Tensor y = restore_dims(v.y(), x.shape(), mask);
  if (p == 0) return v.set(0, zeros(x.shape(), x.dtype()));
  if (p == 1) return v.set(0, mul(sign(x), g));
  if (p == 2) return v.set(0, mul(x, div_or_zero(g, y)));
  if (std::isinf(p)) {
    const Tensor a = abs(x);
    const Tensor hit = to(where(ne(y, y), ne(a, a), eq(a, y)), y.dtype());
    return v.set(0, mul(mul(sign(x), hit), div(g, sum_to(hit, y.shape()))));
  }
  // A power of the ratio: those of its parts overflow. 0 where x is 0 also when p < 1.
  const Tensor a = abs(x), none = eq(a, 0);
  const Tensor ratio = div(where(none, 1.0, a), where(eq(y, 0), 1.0, y));
  v.set(0, mul(mul(sign(x), where(none, 0.0, pow(ratio, p - 1))), g));
}

void nuclear_norm(Call& c) {
  Tensor x = c.in(0);
  if (c.attrs.has(kNormNamed["dtype"])) x = to(x, c.attrs.dtype_or(kNormNamed["dtype"], x.dtype()));
  const uint32_t mask = reduced_mask(c.attrs, kNormNamed["dim"], x.ndim());
  check(std::popcount(mask) == 2, "p='nuc' is the norm of matrices, and needs two dimensions, got ",
        static_cast<int64_t>(std::popcount(mask)));
  Dims order, matrix;
  for (int d = 0; d < x.ndim(); ++d) (mask >> d & 1 ? matrix : order).push_back(d);
  for (int64_t d : matrix) order.push_back(d);
  Tensor y = sum(svd(permute(x, order)).s, {-1});
  if (c.attrs.flag(kNormNamed["keepdim"]))
    for (int64_t d : matrix) y = unsqueeze(y, d);
  c.results = {y};
}

void norm_named(Call& c) {
  if (c.attrs.integer(kNormNamed["p"]) != 0) return nuclear_norm(c);
  Attrs a(2.0);
  for (int i : {kNormNamed["dim"], kNormNamed["keepdim"], kNormNamed["dtype"]})
    a.add_from(c.attrs, i);
  c.results = {apply(norm_op, {c.in(0)}, a)};
}

// ---- un-broadcasting

// The dimensions of `from` that were stretched to get there from `to`.
uint32_t stretched(const Dims& from, const Dims& to) {
  const int lead = from.size() - to.size();
  check(lead >= 0, "shape ", from, " can't be summed to ", to);
  uint32_t mask = (1u << lead) - 1;
  for (int i = 0; i < to.size(); ++i) {
    if (from[lead + i] == to[i]) continue;
    check(to[i] == 1, "shape ", from, " can't be summed to ", to);
    mask |= 1u << (lead + i);
  }
  return mask;
}

}  // namespace

// y = sum x        dx = g, spread
constinit const Op sum_op{
    .name = "sum",
    .signature = kDimsDtype,
    .doc =
        "Sums over `dim` (all dimensions if None or empty). Integers and bools give int64 "
        "unless `dtype`, to which the elements are cast first, says otherwise. Sums of floats "
        "are accumulated in float64.",
    .shape = sum_shape,
    .run = run_over_dims<ReduceKind::kSum>,
    .vjp = spread};

// y = sum of x that are not NaN        dx = g where x is not NaN
constinit const Op nansum_op{
    .name = "nansum",
    .signature = kDimsDtype,
    .doc = "`sum` with NaN counted as 0.",
    .shape = nansum_shape,
    .run = run_over_dims<ReduceKind::kNanSum>,
    .vjp = [](Vjp& v) { v.set(0, where(eq(v.x(), v.x()), restore_dims(v, v.g(), kDim), 0.0)); },
    .reads = kInput};

// y = sum x / n        dx = g / n, spread
constinit const Op mean_op{
    .name = "mean",
    .signature = kDimsDtype,
    .doc =
        "The mean over `dim` (all dimensions if None or empty) of a floating tensor, or of one "
        "cast to the floating `dtype`. NaN over no elements.",
    .shape = mean_shape,
    .run = run_over_dims<ReduceKind::kMean>,
    .vjp = [](Vjp& v) {
      const Tensor g = div(v.g(), static_cast<double>(reduced_count(v)));
      v.set(0, expand(restore_dims(v, g, kDim), v.shape(0)));
    }};

// y = sum of x that are not NaN / their count
constinit const Op nanmean_op{.name = "nanmean",
                              .signature = kDimsDtype,
                              .doc = "The mean of the elements that are not NaN.",
                              .composed = nanmean_composed};

// y = prod x                     dx_i = g times the product of all x_j but x_i
constinit const Op prod_op{
    .name = "prod",
    .autocast = Cast::kFloat32,
    .signature = kProd,
    .doc =
        "The product over one dimension, or of all elements. Integers and bools give int64 "
        "unless `dtype` says otherwise.",
    .shape = sum_shape,
    .run = run_over_dims<ReduceKind::kProd>,
    .vjp = prod_vjp,
    .reads = kInput};

// y = 1 if an x != 0, else 0
constinit const Op any_op{
    .name = "any",
    .signature = kDimsKeep,
    .doc = "Whether one element over `dim` is not zero; NaN is not zero. Bool, or uint8 of uint8.",
    .shape = truth_shape,
    .run = [](Call& c) { run_reduction(c, ReduceKind::kAny, strict_mask_of(c)); }};

// y = 1 if every x != 0, else 0
constinit const Op all_op{
    .name = "all",
    .signature = kDimsKeep,
    .doc = "Whether no element over `dim` is zero; NaN is not zero. Bool, or uint8 of uint8.",
    .shape = truth_shape,
    .run = [](Call& c) { run_reduction(c, ReduceKind::kAll, strict_mask_of(c)); }};

// y = 1 if x and z have one shape and x = z everywhere, else 0
constinit const Op all_equal_op{
    .name = "all_equal",
    .signature = "(input: Tensor, other: Tensor) -> Tensor",
    .on = 0,
    .doc = "Whether two tensors have the same shape and equal elements; NaN equals nothing. Bool.",
    .checked = true,
    .shape =
        [](Call& c) {
          const Dtype common = promote(c.in(0).dtype(), c.in(1).dtype());
          for (int i = 0; i < 2; ++i) cast_input(c, i, common);
          c.output(Dtype::kBool, {});
        },
    .run =
        [](Call& c) {
          const Tensor &x = c.in(0), &y = c.in(1);
          *c.out[0].data_as<bool>() =
              x.shape() == y.shape() &&
              all_equal(x.dtype(), x.shape(), x.data(), x.strides(), y.data(), y.strides());
        }};

// y = how many x != 0
constinit const Op count_nonzero_op{
    .name = "count_nonzero",
    .signature = kCountNonzero,
    .doc = "The number of elements over `dim` that are not zero, int64.",
    .shape = [](Call& c) { output_reduced(c, Dtype::kInt64, mask_of(c), false); },
    .run = run_over_dims<ReduceKind::kCountNonzero>};

// y = log sum exp x        dx = g exp(x - y)
constinit const Op logsumexp_op{
    .name = "logsumexp",
    .signature = kLogsumexp,
    .doc = "log(sum(exp(x))) over `dim`, without overflow. Integers become the default dtype.",
    .promote = Promote::kFloat,
    .shape = [](Call& c) { output_over_dims(c, c.in(0).dtype()); },
    .run = run_over_dims<ReduceKind::kLogSumExp>,
    .vjp =
        [](Vjp& v) {
          const Tensor y = restore_dims(v, v.y(), kDim);
          v.set(0, mul(restore_dims(v, v.g(), kDim), exp(sub(v.x(), y))));
        },
    .reads = kInput | kOutput};

// y = (sum |x|^p)^(1/p)          dx = g sign(x) (|x| / y)^(p-1), and 0 where y = 0
constinit const Op norm_op{
    .name = "norm",
    .signature = kNorm,
    .doc =
        "The p-norm (sum |x|^p)^(1/p) over `dim`, of all elements if None; p = inf and -inf are "
        "the largest and smallest magnitude, p = 0 counts what is not zero. Floating only.",
    .shape = norm_shape,
    .run = norm_run,
    .vjp = norm_vjp,
    .reads = kInput | kOutput};
// y = (sum x^2)^(1/2)
constinit const Op norm_named_op{
    .name = "norm",
    .signature = kNormNamed,
    .doc =
        "'fro', the Frobenius norm: the 2-norm of all elements over `dim`. 'nuc', the nuclear "
        "norm: the sum of the singular values of matrices, along the two dimensions `dim`.",
    .composed = norm_named};

constexpr Signature kNormalize =
    "(input: Tensor, p: float = 2.0, dim: ints | None = 1, eps: float = 1e-12) -> Tensor";

// y = x / max(||x||_p, eps), the norm along dim
constinit const Op normalize_op{
    .name = "normalize",
    .signature = kNormalize,
    .on = kFunctional,
    .doc =
        "x / max(||x||_p, eps), the p-norm taken along `dim`, of all elements if None; p may be "
        "inf.",
    .composed = [](Call& c) {
      const Tensor& x = c.in(0);
      Attrs a;
      a.add_from(c.attrs, kNormalize["p"]);
      a.add_from(c.attrs, kNormalize["dim"]);
      a.add(true);
      a.add(nullptr);
      c.results = {
          div(x, clamp(apply(norm_op, {x}, a), c.attrs.real(kNormalize["eps"]), Operand()))};
    }};

constexpr Signature kPairwiseDistance =
    "(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-06, keepdim: bool = False) -> Tensor";

// z = ||x - y + eps||_p, the norm along the last dimension
constinit const Op pairwise_distance_op{
    .name = "pairwise_distance",
    .signature = kPairwiseDistance,
    .on = kFunctional | kModule,
    .doc =
        "The p-norm of x1 - x2 + eps along the last dimension: (*, d), (*, d) -> (*), or (*, 1) "
        "with keepdim. The two are broadcast; eps keeps the gradient away from that of 0.",
    .composed = [](Call& c) {
      const Tensor d = add(sub(c.input(0), c.input(1)), c.attrs.real(kPairwiseDistance["eps"]));
      Attrs a;
      a.add_from(c.attrs, kPairwiseDistance["p"]);
      a.add(Dims{-1});
      a.add_from(c.attrs, kPairwiseDistance["keepdim"]);
      a.add(nullptr);
      c.results = {apply(norm_op, {d}, a)};
    }};

constexpr Signature kCosineSimilarity =
    "(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-08) -> Tensor";

// z = sum_i x_i y_i / (max(|x|, eps) max(|y|, eps))
constinit const Op cosine_similarity_op{
    .name = "cosine_similarity",
    .signature = kCosineSimilarity,
    .on = kFunctional | kModule,
    .doc =
        "The cosine of the angle between the vectors along `dim`, which is dropped; the inputs are "
        "broadcast. A norm below eps counts as eps.",
    .composed = [](Call& c) {
      c.results = {cosine_similarity(c.in(0), c.in(1), c.attrs.integer(kCosineSimilarity["dim"]),
                                     c.attrs.real(kCosineSimilarity["eps"]))};
    }};

constexpr Signature kSumTo = "(input: Tensor, size: ints) -> Tensor";

// y = x summed over what was stretched        dx = g, spread
constinit const Op sum_to_op{
    .name = "sum_to",
    .signature = kSumTo,
    .on = 0,
    .doc = "Sums to a shape that broadcasts to the input's; undoes broadcasting.",
    .checked = true,
    .shape =
        [](Call& c) {
          const Dims to = c.attrs.dims(kSumTo["size"]);
          const uint32_t mask = stretched(c.in(0).shape(), to);
          const int lead = c.in(0).ndim() - to.size();
          output_reduced(c, c.in(0).dtype(), mask, (1u << lead) - 1, to);
        },
    .run =
        [](Call& c) {
          run_reduction(c, ReduceKind::kSum,
                        stretched(c.in(0).shape(), c.attrs.dims(kSumTo["size"])));
        },
    .vjp = [](Vjp& v) { v.set(0, expand(v.g(), v.shape(0))); }};

constexpr Signature kSumToSize = "(input: Tensor, *size: ints) -> Tensor";
// y = sum of x over what was stretched
constinit const Op sum_to_size_op{
    .name = "sum_to_size",
    .signature = kSumToSize,
    .on = kMethod,
    .doc = "Sums to `size`, which must broadcast to the input's shape.",
    .composed = [](Call& c) { c.results = {sum_to(c.in(0), c.attrs.dims(kSumToSize["size"]))}; }};

Tensor sum(const Tensor& x, Ints dims, bool keepdim, std::optional<Dtype> dtype) {
  Attrs a;
  add_dims(a, dims);
  a.add(keepdim);
  dtype ? a.add(*dtype) : a.add(nullptr);
  return apply(sum_op, {x}, a);
}
Tensor mean(const Tensor& x, Ints dims, bool keepdim) {
  Attrs a;
  add_dims(a, dims);
  a.add(keepdim);
  a.add(nullptr);
  return apply(mean_op, {x}, a);
}
Tensor prod(const Tensor& x, Dim dim, bool keepdim) {
  Attrs a;
  add_dim(a, dim);
  a.add(keepdim);
  a.add(nullptr);
  return apply(prod_op, {x}, a);
}
Tensor any(const Tensor& x, Dim dim, bool keepdim) {
  Attrs a;
  add_dim(a, dim);
  a.add(keepdim);
  return apply(any_op, {x}, a);
}
Tensor all(const Tensor& x, Dim dim, bool keepdim) {
  Attrs a;
  add_dim(a, dim);
  a.add(keepdim);
  return apply(all_op, {x}, a);
}
Tensor logsumexp(const Tensor& x, Ints dims, bool keepdim) {
  return apply(logsumexp_op, {x}, Attrs(dims, keepdim));
}
Tensor normalize(const Tensor& x, double p, Ints dims, double eps) {
  return apply(normalize_op, {x}, Attrs(p, dims, eps));
}
Tensor sum_to(const Tensor& x, const Dims& shape) {
  check_defined(x, "sum_to");
  if (x.shape() == shape) return x;
  return apply(sum_to_op, {x}, Attrs(shape));
}

Tensor pairwise_distance(const Tensor& x, const Tensor& y, double p, double eps, bool keepdim) {
  return apply(pairwise_distance_op, {x, y}, Attrs(p, eps, keepdim));
}

Tensor cosine_similarity(const Tensor& x, const Tensor& y, int64_t dim, double eps) {
  check_defined(x, "cosine_similarity");
  check_defined(y, "cosine_similarity", "x2");
  const Dtype common = promote(x.dtype(), y.dtype());
  check(is_floating(common), "expected common dtype to be floating point, yet common dtype is ",
        common);
  const Dims shape = broadcast_shapes(x.shape(), y.shape());
  // The unit vectors; as in PyTorch, a norm below eps has its own gradient, not that of eps.
  const auto unit = [&](const Tensor& t) {
    const Tensor v = expand(to(t, common), shape);
    Attrs a(2.0, Dims{dim}, true, nullptr);
    const Tensor n = apply(norm_op, {v}, a);
    Tensor missing;
    {
      const GradMode off(false);
      missing = sub(clamp(n, eps, Operand()), n);
    }
    return div(v, add(n, missing));
  };
  return sum(mul(unit(x), unit(y)), Dims{dim});
}

namespace {
const Op* const kOps[] = {&sum_op,
                          &nansum_op,
                          &mean_op,
                          &nanmean_op,
                          &prod_op,
                          &any_op,
                          &all_op,
                          &logsumexp_op,
                          &norm_op,
                          &norm_named_op,
                          &normalize_op,
                          &sum_to_op,
                          &count_nonzero_op,
                          &sum_to_size_op,
                          &pairwise_distance_op,
                          &cosine_similarity_op,
                          &all_equal_op};
}
std::span<const Op* const> reduce_ops() { return kOps; }

}  // namespace wengert
