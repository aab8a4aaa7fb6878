// Variance and standard deviation, with and without the mean.
#include "wengert/base/warning.h"
#include "wengert/ops/reduce/dims.h"
#include "wengert/ops/reduce/reduce.h"

namespace wengert {
namespace {

// The older form with `unbiased` alone, the newer with `correction`, and the older along `dim`.
#define WENGERT_MOMENT_SIGNATURES(result)                                                 \
  {"(input: Tensor, unbiased: bool) -> " result,                                          \
   "(input: Tensor, dim: ints | None = None, *, correction: Number | None = 1, keepdim: " \
   "bool = False) -> " result,                                                            \
   "(input: Tensor, dim: ints | None, unbiased: bool = True, keepdim: bool = False) -> " result}
struct Forms {
  Signature all, newer, dims;
};
constexpr Forms kOne = WENGERT_MOMENT_SIGNATURES("Tensor");
constexpr Forms kVarMean = WENGERT_MOMENT_SIGNATURES("(var: Tensor, mean: Tensor)");
constexpr Forms kStdMean = WENGERT_MOMENT_SIGNATURES("(std: Tensor, mean: Tensor)");
#undef WENGERT_MOMENT_SIGNATURES
constexpr int kDim = kOne.newer["dim"], kKeepdim = kOne.newer["keepdim"];
constexpr int kCorrection = kOne.newer["correction"];

double correction_of(const Attrs& a) { return a.has(kCorrection) ? a.real(kCorrection) : 1.0; }

template <int kOutputs>
void moments_shape(Call& c) {
  const Tensor& x = c.in(0);
  check(is_floating(x.dtype()), "only floating point dtypes are supported, got ", x.dtype());
  const uint32_t mask = reduced_mask(c.attrs, kDim, x.ndim());
  const Dims shape = reduced_shape(x.shape(), mask, c.attrs.flag(kKeepdim));
  const int64_t results = numel(shape), each = results == 0 ? 0 : x.numel() / results;
  if (!(static_cast<double>(each) > correction_of(c.attrs))) [[unlikely]]
    warn(c.op().name,
         "(): degrees of freedom is <= 0. Correction should be strictly less than the reduction "
         "factor (input numel divided by output numel).");
  for (int i = 0; i < kOutputs; ++i)
    output_reduced(c, c.in(0).dtype(), mask, c.attrs.flag(kKeepdim));
}

template <ReduceKind kKind>
void moments_run(Call& c) {
  run_reduction(c, kKind, reduced_mask(c.attrs, kDim, c.in(0).ndim()), correction_of(c.attrs));
}

int64_t count_of(const Vjp& v) {
  return plan_reduction(v.shape(0), reduced_mask(v.attrs(), kDim, v.shape(0).size())).count;
}

// The mean of x, shaped to broadcast against it.
Tensor centre(const Vjp& v, const Tensor& x) {
  const uint32_t mask = reduced_mask(v.attrs(), kDim, x.ndim());
  Dims dims;
  for (int i = 0; i < x.ndim(); ++i)
    if (mask >> i & 1) dims.push_back(i);
  return sub(x, mean(x, dims, true));
}

// d var = 2 (x - mean) / (n - correction)
Tensor var_dx(const Vjp& v, const Tensor& g) {
  const double freedom = static_cast<double>(count_of(v)) - correction_of(v.attrs());
  return mul(mul(restore_dims(v, g, kDim), 2.0 / std::max(0.0, freedom)), centre(v, v.x()));
}

// d std = (x - mean) / ((n - correction) std), and 0 where std is 0
Tensor std_dx(const Vjp& v, const Tensor& g) {
  const Tensor y = v.y();
  const Tensor flat = eq(y, 0);
  const double freedom = static_cast<double>(count_of(v)) - correction_of(v.attrs());
  const Tensor scale = where(flat, 0.0, div(g, where(flat, 1.0, y)));
  return mul(mul(restore_dims(v, scale, kDim), 1.0 / std::max(0.0, freedom)), centre(v, v.x()));
}

Tensor mean_dx(const Vjp& v, const Tensor& g) {
  return expand(restore_dims(v, div(g, static_cast<double>(count_of(v))), kDim), v.shape(0));
}

void set_both(Vjp& v, Tensor (*spread_dx)(const Vjp&, const Tensor&)) {
  if (!v.has_g(0)) return v.set(0, mean_dx(v, v.g(1)));
  Tensor dx = spread_dx(v, v.g(0));
  v.set(0, v.has_g(1) ? add(dx, mean_dx(v, v.g(1))) : dx);
}

// The older forms with `unbiased`, in terms of the newer with `correction`.
template <const Op& kOp>
void unbiased_all(Call& c) {
  Call inner(kOp, Attrs(nullptr, c.attrs.flag(kOne.all["unbiased"]) ? 1 : 0, false));
  inner.add_input(c.in(0));
  apply(inner);
  c.results.assign(inner.out, inner.out + inner.outputs());
}
template <const Op& kOp>
void unbiased_dims(Call& c) {
  Attrs a;
  a.add_from(c.attrs, kOne.dims["dim"]);
  a.add(c.attrs.flag(kOne.dims["unbiased"]) ? 1 : 0);
  a.add(c.attrs.flag(kOne.dims["keepdim"]));
  Call inner(kOp, a);
  inner.add_input(c.in(0));
  apply(inner);
  c.results.assign(inner.out, inner.out + inner.outputs());
}

constexpr Op older(const char* name, const Signature& signature, uint32_t on,
                   void (*composed)(Call&)) {
  Op op{.name = name, .signature = signature, .on = on};
  op.doc = "The older form: `unbiased` is a correction of 1, otherwise 0.";
  op.composed = composed;
  return op;
}

}  // namespace

// y = sum (x - mean)^2 / (n - correction)
// dx = 2 g (x - mean) / (n - correction)
constinit const Op var_op{
    .name = "var",
    .signature = kOne.newer,
    .doc =
        "The variance over `dim` (all if None or empty) of a floating tensor: the sum of "
        "squared deviations over n - `correction`, by two passes in float64.",
    .shape = moments_shape<1>,
    .run = moments_run<ReduceKind::kVar>,
    .vjp = [](Vjp& v) { v.set(0, var_dx(v, v.g())); },
    .reads = kInput};

// y = sqrt(var x)
// dx = g (x - mean) / (y (n - correction))
constinit const Op std_op{.name = "std",
                          .signature = kOne.newer,
                          .doc = "The standard deviation: the root of `var`.",
                          .shape = moments_shape<1>,
                          .run = moments_run<ReduceKind::kStd>,
                          .vjp = [](Vjp& v) { v.set(0, std_dx(v, v.g())); },
                          .reads = kInput | kOutput};

// v = sum (x - m)^2 / (n - correction), m = sum x / n
// dx = 2 gv (x - m) / (n - correction) + gm / n
constinit const Op var_mean_op{.name = "var_mean",
                               .signature = kVarMean.newer,
                               .on = kModule,
                               .doc = "The variance, as `var`, and the mean.",
                               .shape = moments_shape<2>,
                               .run = moments_run<ReduceKind::kVar>,
                               .vjp = [](Vjp& v) { set_both(v, var_dx); },
                               .reads = kInput};

// s = sqrt(sum (x - m)^2 / (n - correction)), m = sum x / n
// dx = gs (x - m) / (s (n - correction)) + gm / n
constinit const Op std_mean_op{.name = "std_mean",
                               .signature = kStdMean.newer,
                               .on = kModule,
                               .doc = "The standard deviation, as `std`, and the mean.",
                               .shape = moments_shape<2>,
                               .run = moments_run<ReduceKind::kStd>,
                               .vjp = [](Vjp& v) { set_both(v, std_dx); },
                               .reads = kInput | kOutput};

namespace {

constexpr uint32_t kBoth = kMethod | kModule;
constinit const Op var_all_op = older("var", kOne.all, kBoth, unbiased_all<var_op>);
constinit const Op var_dims_op = older("var", kOne.dims, kBoth, unbiased_dims<var_op>);
constinit const Op std_all_op = older("std", kOne.all, kBoth, unbiased_all<std_op>);
constinit const Op std_dims_op = older("std", kOne.dims, kBoth, unbiased_dims<std_op>);
// v = sum (x - m)^2 / (n - correction), m = sum x / n
// dx = 2 gv (x - m) / (n - correction) + gm / n
constinit const Op var_mean_all_op =
    older("var_mean", kVarMean.all, kModule, unbiased_all<var_mean_op>);
// v = sum (x - m)^2 / (n - correction), m = sum x / n
// dx = 2 gv (x - m) / (n - correction) + gm / n
constinit const Op var_mean_dims_op =
    older("var_mean", kVarMean.dims, kModule, unbiased_dims<var_mean_op>);
// s = sqrt(sum (x - m)^2 / (n - correction)), m = sum x / n
// dx = gs (x - m) / (s (n - correction)) + gm / n
constinit const Op std_mean_all_op =
    older("std_mean", kStdMean.all, kModule, unbiased_all<std_mean_op>);
// s = sqrt(sum (x - m)^2 / (n - correction)), m = sum x / n
// dx = gs (x - m) / (s (n - correction)) + gm / n
constinit const Op std_mean_dims_op =
    older("std_mean", kStdMean.dims, kModule, unbiased_dims<std_mean_op>);

Tensor moment(const Op& op, const Tensor& x, Ints dims, double correction, bool keepdim) {
  Attrs a;
  add_dims(a, dims);
  a.add(correction);
  a.add(keepdim);
  return apply(op, {x}, a);
}

}  // namespace

Tensor var(const Tensor& x, Ints dims, double correction, bool keepdim) {
  return moment(var_op, x, dims, correction, keepdim);
}
Tensor std(const Tensor& x, Ints dims, double correction, bool keepdim) {
  return moment(std_op, x, dims, correction, keepdim);
}

namespace {
// The form with `unbiased` alone comes first: True is no dimension.
const Op* const kOps[] = {&var_all_op,       &var_op,          &var_dims_op,     &std_all_op,
                          &std_op,           &std_dims_op,     &var_mean_all_op, &var_mean_op,
                          &var_mean_dims_op, &std_mean_all_op, &std_mean_op,     &std_mean_dims_op};
}  // namespace
std::span<const Op* const> moment_ops() { return kOps; }

}  // namespace wengert
