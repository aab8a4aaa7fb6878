// Quantiles, counts of values, covariances: most are made of other rows.
#include <cmath>

#include "wengert/base/warning.h"
#include "wengert/kernels/reduce/histogram.h"
#include "wengert/ops/create/create.h"
#include "wengert/ops/index/index.h"
#include "wengert/ops/pointwise/pointwise.h"
#include "wengert/ops/reduce/dims.h"
#include "wengert/ops/reduce/reduce.h"

namespace wengert {
namespace {

constexpr Signature kAminmax =
    "(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> (min: Tensor, max: "
    "Tensor)";

void aminmax_composed(Call& c) {
  const Tensor& x = c.in(0);
  Dims dims;
  if (c.attrs.has(kAminmax["dim"])) {
    dims = Dims{wrap_dim(c.attrs.integer(kAminmax["dim"]), x.ndim())};
    check(x.ndim() == 0 || x.size(dims[0]) > 0, ErrorKind::kIndex, "Expected reduction dim ",
          dims[0], " to have non-zero size.");
    if (x.ndim() == 0) dims = {};
  }
  check(x.numel() > 0 || !dims.empty(),
        "Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim "
        "with the 'dim' argument.");
  const bool keepdim = c.attrs.flag(kAminmax["keepdim"]);
  c.results = {amin(x, dims, keepdim), amax(x, dims, keepdim)};
}

// ---- quantiles

constexpr Signature kQuantile =
    "(input: Tensor, q: Operand, dim: int | None = None, keepdim: bool = False, *, interpolation: "
    "'linear' | 'lower' | 'higher' | 'midpoint' | 'nearest' = 'linear') -> Tensor";
enum Interpolation : int64_t { kLinear, kLower, kHigher, kMidpoint, kNearest };

void check_quantile(const Call& c) {
  const Tensor& x = c.in(0);
  check(x.numel() > 0, "input tensor must be non-empty");
  check(is_floating(x.dtype()), "input tensor must be either float or double dtype, got ",
        x.dtype());
  if (c.input(1).is_scalar()) {
    const double q = c.input(1).scalar().real();
    check(q >= 0 && q <= 1, "q must be in the range [0, 1] but got ", q);
    return;
  }
  check(c.in(1).ndim() <= 1, "q must be a scalar or 1D tensor, got shape ", c.in(1).shape());
  check(c.in(1).dtype() == x.dtype(), "q tensor must be same dtype as the input tensor, got ",
        c.in(1).dtype(), " and ", x.dtype());
}

// The ranks of the quantiles among n ordered elements, or among those that are no NaN; a NaN beside
// numbers is the last, and every quantile.
Tensor quantile_ranks(const Tensor& lines, const Tensor& q, bool skip_nans) {
  const Tensor nans = ne(lines, lines);
  const double last = static_cast<double>(lines.size(-1) - 1);
  if (!skip_nans) return where(amax(nans, Dims{-1}, true), last, mul(q, last));
  const Tensor numbers = sum(logical_not(nans), Dims{-1}, true);
  return clamp(mul(q, to(sub(numbers, 1), lines.dtype())), 0, Operand());
}

template <bool kSkipNans>
void quantile_composed(Call& c) {
  check_quantile(c);
  const Tensor& x = c.in(0);
  const bool all = !c.attrs.has(kQuantile["dim"]), keepdim = c.attrs.flag(kQuantile["keepdim"]);
  const int dim = all ? 0 : wrap_dim(c.attrs.integer(kQuantile["dim"]), x.ndim());
  const bool one = c.input(1).is_scalar() || c.in(1).ndim() == 0;
  const Tensor given = c.input(1).is_scalar() ? full({}, c.input(1).scalar(), x.dtype()) : c.in(1);
  const Tensor q = reshape(given, Dims{given.numel()});
  const Tensor lines = all || x.ndim() == 0 ? flatten(x) : transpose(x, dim, -1);
  const Tensor sorted = sort(lines, -1).first;
  Tensor ranks = quantile_ranks(lines, q, kSkipNans);
  const int64_t how = c.attrs.integer(kQuantile["interpolation"]);
  if (how == kLower) ranks = floor(ranks);
  if (how == kHigher) ranks = ceil(ranks);
  if (how == kNearest) ranks = round(ranks);
  const Tensor below = to(ranks, Dtype::kInt64);
  Tensor y = gather(sorted, -1, below);
  if (how == kLinear || how == kMidpoint) {
    const Tensor above = gather(sorted, -1, to(ceil(ranks), Dtype::kInt64));
    const Operand weight = how == kMidpoint ? Operand(0.5) : Operand(sub(ranks, below));
    y = add(y, mul(sub(above, y), weight));
  }
  // The quantiles of a line lie last in y, where the others' dimension was.
  const Dims shape = reduced_shape(x.shape(),
                                   all        ? (1u << x.ndim()) - 1
                                   : x.ndim() ? 1u << dim
                                              : 0,
                                   keepdim);
  if (one) {
    c.results = {reshape(!all && x.ndim() ? transpose(y, dim, -1) : y, shape)};
    return;
  }
  Dims out = shape;
  out.insert(0, q.numel());
  if (all || x.ndim() == 0) {
    c.results = {reshape(y, out)};
    return;
  }
  Dims order{y.ndim() - 1};  // as transpose() left them: dim and the last exchanged
  for (int i = 0; i < y.ndim() - 1; ++i)
    if (i != dim) order.push_back(i);
  if (dim != y.ndim() - 1) order.push_back(dim);
  c.results = {reshape(permute(y, order), out)};
}

// ---- histc

constexpr Signature kHistc =
    "(input: Tensor, bins: int = 100, min: Number = 0, max: Number = 0) -> Tensor";

void check_range(double low, double high) {
  check(std::isfinite(low) && std::isfinite(high), "range of [", low, ", ", high,
        "] is not finite");
}

void histc_shape(Call& c) {
  const Tensor& x = c.in(0);
  const int64_t bins = c.attrs.integer(kHistc["bins"]);
  const double low = c.attrs.real(kHistc["min"]), high = c.attrs.real(kHistc["max"]);
  check(is_floating(x.dtype()), ErrorKind::kNotImplemented, "not implemented for dtype ",
        x.dtype());
  check(bins > 0, "bins must be > 0, got ", bins);
  check(bins <= kMostBins, "bins must be at most ", kMostBins, ", got ", bins);
  check_range(low, high);
  check(low <= high, "max must be larger than min, got ", low, " and ", high);
  c.output(x.dtype(), Dims{bins});
}

void histc_run(Call& c) {
  const Tensor& x = c.in(0);
  double low = c.attrs.real(kHistc["min"]), high = c.attrs.real(kHistc["max"]);
  if (low == high && x.numel() > 0) {
    low = amin(x).item().real();
    high = amax(x).item().real();
    check_range(low, high);
  }
  if (low == high) {
    low -= 1;
    high += 1;
  }
  count_in_bins(x.dtype(), x.numel(), x.data(), low, high, c.attrs.integer(kHistc["bins"]),
                c.out[0].data());
}

// ---- covariances

constexpr Signature kCov =
    "(input: Tensor, *, correction: int = 1, fweights: Tensor | None = None, aweights: Tensor | "
    "None = None) -> Tensor";

void check_weights(const Call& c, int i, int64_t observations, const char* name) {
  const Tensor& w = c.in(i);
  check(w.ndim() <= 1, "expected ", name, " to have one or fewer dimensions but got ", w.ndim());
  check(i == 1 ? !is_floating(w.dtype()) && w.dtype() != Dtype::kBool : is_floating(w.dtype()),
        "expected ", name, i == 1 ? " to have integral dtype" : " to have floating point dtype",
        " but got ", w.dtype());
  check(w.numel() == observations, "expected ", name, " to have the same numel as there are ",
        "observations in the input, but got ", w.numel(), " and ", observations);
  check(observations == 0 || amin(w).item<double>() >= 0, name, " cannot be negative");
}

Tensor cov(const Call& c) {
  const Tensor& x = c.in(0);
  check(x.ndim() <= 2, "expected input to have two or fewer dimensions but got ", x.ndim());
  check(x.dtype() != Dtype::kBool, "bool dtype is not supported for input");
  const Tensor rows = x.ndim() < 2 ? reshape(x, Dims{1, x.numel()}) : x;
  const int64_t n = rows.size(1), correction = c.attrs.integer(kCov["correction"]);
  Tensor weights;
  if (c.has(1)) {
    check_weights(c, 1, n, "fweights");
    weights = c.in(1);
  }
  if (c.has(2)) {
    check_weights(c, 2, n, "aweights");
    weights = weights.defined() ? mul(weights, c.in(2)) : c.in(2);
  }
  Tensor mean;
  Operand free = n - correction;
  double known = static_cast<double>(n - correction);
  if (weights.defined()) {
    const Tensor total = sum(weights);
    check(n == 0 || total.item<double>() != 0, ErrorKind::kRuntime,
          "the weights sum to zero, can't be normalized");
    mean = div(sum(mul(rows, weights), Dims{1}, true), total);
    const Tensor left = c.has(2) && correction != 0
                            ? sub(total, mul(div(sum(mul(weights, c.in(2))), total), correction))
                            : sub(total, correction);
    known = left.item<double>();
    free = clamp(left, 0, Operand());
  } else {
    mean = div(sum(rows, Dims{1}, true), n);
    free = std::max<int64_t>(n - correction, 0);
  }
  if (known <= 0)
    warn(
        "cov(): degrees of freedom is <= 0. Correction should be strictly less than the number of "
        "observations.");
  const Tensor off = sub(rows, mean), weighted = weights.defined() ? mul(off, weights) : off;
  const Tensor products = matmul(off, t(weighted));
  return squeeze(div(products, free));
}

}  // namespace

// y = min x, max x
constinit const Op aminmax_op{
    .name = "aminmax",
    .signature = kAminmax,
    .doc = "The smallest and the largest elements along `dim`, or of all. Ties share the gradient.",
    .composed = aminmax_composed};
// y = x_(i) + w (x_(i+1) - x_(i)), i + w = q (n - 1)
constinit const Op quantile_op{
    .name = "quantile",
    .autocast = Cast::kFloat32,
    .signature = kQuantile,
    .doc =
        "The quantiles q, a number or a vector of the input's dtype in [0, 1], along `dim` or of "
        "all elements, between the two next in order as `interpolation` says. A vector of q adds a "
        "first dimension. NaN where there is one.",
    .composed = quantile_composed<false>};
// y = x_(i) + w (x_(i+1) - x_(i)), i + w = q (n - 1)
constinit const Op nanquantile_op{.name = "nanquantile",
                                  .autocast = Cast::kFloat32,
                                  .signature = kQuantile,
                                  .doc = "quantile() of the elements that are numbers.",
                                  .composed = quantile_composed<true>};
// y_k = the number of x in [min + k w, min + (k + 1) w), w = (max - min) / bins
constinit const Op histc_op{
    .name = "histc",
    .signature = kHistc,
    .doc =
        "How many elements fall into each of `bins` equal intervals from `min` to `max`, the last "
        "one closed, or from the least to the largest element where both are equal. What lies "
        "outside counts nowhere. Floating tensors; no gradient.",
    .contiguous = true,
    .shape = histc_shape,
    .run = histc_run};
// y_ij = sum_k w_k (x_ik - m_i) (x_jk - m_j) / (sum w - correction)
constinit const Op cov_op{
    .name = "cov",
    .signature = kCov,
    .doc =
        "The covariances of the rows, whose columns are observations: (n, m) -> (n, n), of a "
        "vector 0-d. Observations may count `fweights` times, integers, or as `aweights` say.",
    .composed = [](Call& c) { c.results = {cov(c)}; }};
// y_ij = cov_ij / sqrt(cov_ii cov_jj)
constinit const Op corrcoef_op{
    .name = "corrcoef",
    .signature = "(input: Tensor) -> Tensor",
    .doc = "The correlation coefficients of the rows, whose columns are observations, in [-1, 1].",
    .composed = [](Call& c) {
      check(c.in(0).ndim() <= 2, "expected input to have two or fewer dimensions but got ",
            c.in(0).ndim());
      const Tensor y = apply(cov_op, {c.in(0), Operand(), Operand()}, Attrs(1));
      if (y.ndim() == 0) {
        c.results = {div(y, y)};
        return;
      }
      const Tensor spread = sqrt(diagonal(y, 0, 0, 1));
      c.results = {clamp(div(div(y, unsqueeze(spread, 1)), unsqueeze(spread, 0)), -1, 1)};
    }};

namespace {
const Op* const kOps[] = {&aminmax_op, &quantile_op, &nanquantile_op,
                          &histc_op,   &cov_op,      &corrcoef_op};
}
std::span<const Op* const> statistics_ops() { return kOps; }

}  // namespace wengert
