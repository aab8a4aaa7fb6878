// Differences and sums along a dimension, and distances: made of other rows.
#include "wengert/kernels/reduce/distances.h"
#include "wengert/ops/pointwise/pointwise.h"
#include "wengert/ops/reduce/dims.h"
#include "wengert/ops/reduce/reduce.h"

namespace wengert {

extern const Op linear_scan_op, pdist_backward_op, pdist_euclidean_op;

namespace {

// x without its last position along dim, or without its first.
Tensor but_last(const Tensor& x, int d) { return narrow(x, d, 0, x.size(d) - 1); }
Tensor but_first(const Tensor& x, int d) { return narrow(x, d, 1, x.size(d) - 1); }

// ---- logcumsumexp

constexpr Signature kLogcumsumexp = "(input: Tensor, dim: int) -> Tensor";

// With m the largest so far, y = m + log z, z_k = e^(x_k - m_k) + z_{k-1} e^(m_{k-1} - m_k). y does
// not depend on m, so nothing has to be known of its gradient.
Tensor logcumsumexp(const Tensor& x, int64_t dim) {
  const int d = wrap_dim(dim, x.ndim());
  check(is_floating(x.dtype()), ErrorKind::kNotImplemented, "not implemented for dtype ",
        x.dtype());
  if (x.numel() == 0) return clone(x);
  if (x.ndim() == 0) return reshape(logcumsumexp(reshape(x, Dims{1}), 0), Dims{});
  Tensor shift, factor;
  {
    const NoGradGuard guard;
    const Tensor m = cummax(x, d).first;
    const Tensor before = but_last(m, d), here = but_first(m, d);
    const Tensor change = where(eq(before, here), 1.0, exp(sub(before, here)));
    Dims edge = x.shape();
    edge[d] = 1;
    const Tensor parts[] = {zeros(edge, x.dtype()), change};
    factor = cat(parts, d);
    shift = where(eq(abs(m), INFINITY), 0.0, m);
  }
  const Tensor z = apply(linear_scan_op, {exp(sub(x, shift)), factor}, Attrs(d, false));
  return add(log(z), shift);
}

// ---- diff

constexpr Signature kDiff =
    "(input: Tensor, n: int = 1, dim: int = -1, prepend: Tensor | None = None, append: Tensor | "
    "None = None) -> Tensor";

void diff_composed(Call& c) {
  Tensor x = c.in(0);
  check(x.ndim() > 0, "expects input to be at least one-dimensional");
  const int64_t n = c.attrs.integer(kDiff["n"]);
  check(n >= 0, "order must be non-negative but got ", n);
  const int d = wrap_dim(c.attrs.integer(kDiff["dim"]), x.ndim());
  if (n > 0 && (c.has(1) || c.has(2))) {
    std::vector<Tensor> parts;
    for (const int i : {1, 0, 2}) {
      if (!c.has(i)) continue;
      check(c.in(i).ndim() == x.ndim(),
            "expects prepend or append to be the same dimension as input");
      for (int k = 0; k < x.ndim(); ++k)
        check(k == d || c.in(i).size(k) == x.size(k), "expects the shape of tensor to prepend or ",
              "append to match that of input except along the differencing dimension; found ",
              c.in(i).shape(), " and ", x.shape());
      parts.push_back(c.in(i));
    }
    x = cat(parts, d);
  }
  if (n == 0) x = clone(x);
  for (int64_t i = std::min(n, x.size(d)); i > 0; --i) {
    if (x.size(d) == 0) break;
    x = x.dtype() == Dtype::kBool ? ne(but_first(x, d), but_last(x, d))
                                  : sub(but_first(x, d), but_last(x, d));
  }
  c.results = {x};
}

// ---- trapezoids

constexpr Signature kTrapezoid = "(y: Tensor, *, dx: Number = 1, dim: int = -1) -> Tensor";
constexpr Signature kTrapezoidAt = "(y: Tensor, x: Tensor, *, dim: int = -1) -> Tensor";

// The integral of samples `step` apart: the sum less half of both ends.
Tensor evenly(const Tensor& y, double step, int d) {
  const Tensor ends = add(select(y, d, 0), select(y, d, -1));
  return mul(sub(sum(y, Dims{d}), mul(ends, 0.5)), step);
}
// The areas between neighbours along d; `at` is None where they lie `step` apart.
Tensor areas(const Tensor& y, const Operand& at, const Scalar& step, int d, bool mean) {
  const Tensor sums = add(but_last(y, d), but_first(y, d));
  if (!at.is_tensor()) return mul(sums, step.real() / (mean ? 2 : 1));
  Tensor x = at.tensor();
  Dims shape = Dims::filled(y.ndim(), 1);
  if (x.ndim() == 1) {
    check(x.size(0) == y.size(d), "There must be one `x` value for each sample point, found ",
          x.size(0), " for ", y.size(d));
    shape[d] = x.size(0);
    x = reshape(x, shape);
  } else if (x.ndim() < y.ndim()) {
    Dims padded = x.shape();
    while (padded.size() < y.ndim()) padded.insert(0, 1);
    x = reshape(x, padded);
  }
  const int of_x = x.ndim() - y.ndim() + d;
  check(x.size(of_x) == y.size(d), "There must be one `x` value for each sample point, found ",
        x.size(of_x), " for ", y.size(d));
  const Tensor a = mul(sums, sub(but_first(x, of_x), but_last(x, of_x)));
  return mean ? div(a, 2.0) : a;
}

template <bool kAt, bool kCumulative>
void trapezoid_composed(Call& c) {
  const Tensor& y = c.in(0);
  const int64_t dim = c.attrs.integer(kAt ? kTrapezoidAt["dim"] : kTrapezoid["dim"]);
  const int d = wrap_dim(dim, y.ndim());
  check(y.ndim() > 0, ErrorKind::kIndex, "Dimension specified as ", dim,
        " but tensor has no dimensions");
  const Dtype dtype = is_floating(y.dtype()) ? y.dtype() : default_dtype();
  if (kCumulative || y.size(d) > 0)  // as PyTorch does
    check(y.dtype() != Dtype::kBool && !(kAt && c.in(1).dtype() == Dtype::kBool),
          "received a bool input for `x` or `y`, but bool is not supported");
  if (y.size(d) == 0) {
    Dims left = y.shape();
    if (!kCumulative) left.erase(d);
    c.results = {kCumulative ? to(y, dtype) : zeros(left, y.dtype())};
    return;
  }
  const Scalar step = kAt ? Scalar(1) : c.attrs.scalar(kTrapezoid["dx"]);
  if (!kAt && !kCumulative) {
    c.results = {evenly(y, step.real(), d)};
    return;
  }
  const Tensor a = areas(y, kAt ? c.input(1) : Operand(), step, d, kCumulative);
  const int from_end = d - y.ndim();  // `at` may have more dimensions
  c.results = {kCumulative ? cumsum(a, from_end) : div(sum(a, Dims{from_end}), 2.0)};
}

constexpr Op trapezoid(const char* name, const Signature& signature, const char* doc,
                       void (*composed)(Call&)) {
  Op op{.name = name, .signature = signature, .on = kModule, .doc = doc};
  op.composed = composed;
  return op;
}

// ---- distances

constexpr Signature kDist = "(input: Tensor, other: Tensor, p: Number = 2) -> Tensor";
constexpr Signature kRenorm = "(input: Tensor, p: Number, dim: int, maxnorm: Number) -> Tensor";

void renorm_composed(Call& c) {
  const Tensor& x = c.in(0);
  const double p = c.attrs.real(kRenorm["p"]), most = c.attrs.real(kRenorm["maxnorm"]);
  check(is_floating(x.dtype()), "a floating tensor expected, got ", x.dtype());
  check(p > 0, "non-positive norm not supported, got ", p);
  check(most >= 0, "expected maxnorm to be >= 0 but got ", most);
  check(x.ndim() > 1, "input needs at least 2 dimensions, got ", x.ndim(), " dimensions");
  const int d = wrap_dim(c.attrs.integer(kRenorm["dim"]), x.ndim());
  Dims others;
  for (int i = 0; i < x.ndim(); ++i)
    if (i != d) others.push_back(i);
  const Tensor norm = apply(norm_op, {x}, Attrs(p, others, true, nullptr));
  c.results = {mul(x, where(gt(norm, most), div(full({}, most, x.dtype()), add(norm, 1e-7)), 1.0))};
}

// ---- all distances

constexpr Signature kCdist =
    "(x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: 'use_mm_for_euclid_dist_if_necessary' "
    "| 'use_mm_for_euclid_dist' | 'donot_use_mm_for_euclid_dist' = "
    "'use_mm_for_euclid_dist_if_necessary') -> Tensor";
constexpr Signature kPdist = "(input: Tensor, p: float = 2.0) -> Tensor";

Tensor last_norm(const Tensor& x, double p) {
  if (x.size(-1) == 0) return sum(x, Dims{-1});
  return apply(norm_op, {x}, Attrs(p, Dims{-1}, false, nullptr));
}

// |x|^2 + |y|^2 - 2 x y as one product. The root has no gradient at 0.
Tensor euclidean(const Tensor& x, const Tensor& y) {
  const Tensor xx = sum(square(x), Dims{-1}, true), yy = sum(square(y), Dims{-1}, true);
  const Tensor left[] = {mul(x, -2), xx, ones_like(xx)}, right[] = {y, ones_like(yy), yy};
  const Tensor d = clamp(matmul(cat(left, -1), transpose(cat(right, -1), -2, -1)), 0, Operand());
  const Tensor none = eq(d, 0);
  return where(none, 0.0, sqrt(where(none, 1.0, d)));
}

void cdist_composed(Call& c) {
  const double p = c.attrs.real(kCdist["p"]);
  for (const int i : {0, 1}) {
    check(is_floating(c.in(i).dtype()), "only supports floating-point dtypes, X", i + 1,
          " got: ", c.in(i).dtype());
    check(c.in(i).ndim() >= 2, "only supports at least 2D tensors, X", i + 1,
          " got: ", c.in(i).ndim(), "D");
  }
  const Tensor &x = c.in(0), &y = c.in(1);
  check(x.size(-1) == y.size(-1),
        "X1 and X2 must have the same number of columns. X1: ", x.size(-1), " X2: ", y.size(-1));
  check(p >= 0, "only supports non-negative p values, got ", p);
  const int64_t how = c.attrs.integer(kCdist["compute_mode"]);
  const bool product = how == 1 || (how == 0 && (x.size(-2) > 25 || y.size(-2) > 25));
  c.results = {p == 2 && product && x.numel() > 0 && y.numel() > 0
                   ? euclidean(x, y)
                   : last_norm(sub(unsqueeze(x, -2), unsqueeze(y, -3)), p)};
}

int64_t pairs_of(int64_t n) {
  check(n < int64_t{1} << 31, "too many pairs of ", n, " rows");
  return n * (n - 1) / 2;
}

// x_i - x_j of all pairs, i < j.
Tensor differences(const Tensor& x) {
  const int64_t n = x.size(0), pairs = pairs_of(n);
  const Tensor first = Tensor::empty(Dims{pairs}, Dtype::kInt64);
  const Tensor second = Tensor::empty(Dims{pairs}, Dtype::kInt64);
  int64_t *a = first.data_as<int64_t>(), *b = second.data_as<int64_t>();
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = i + 1; j < n; ++j) {
      *a++ = i;
      *b++ = j;
    }
  return sub(index_select(x, 0, first), index_select(x, 0, second));
}

void check_rows(const Tensor& x) {
  check(x.ndim() == 2, "only supports 2D tensors, got: ", x.ndim(), "D");
  check(is_floating(x.dtype()), "only supports floating-point dtypes, got ", x.dtype());
}
void pdist_composed(Call& c) {
  const Tensor& x = c.in(0);
  check_rows(x);
  const double p = c.attrs.real(kPdist["p"]);
  check(p >= 0, "only supports non-negative p values, got ", p);
  c.results = {p == 2 ? apply(pdist_euclidean_op, {x}) : last_norm(differences(x), p)};
}

// With h the gradient of dx and s_k = (h_i - h_j) (x_i - x_j).
void pdist_backward_vjp(Vjp& v) {
  const Tensor h = v.g(), g = v.x(0), x = v.x(1), y = v.x(2), none = eq(y, 0);
  const Tensor s = sum(mul(differences(h), differences(x)), Dims{-1});
  const Tensor slope = where(none, 0.0, div(s, where(none, 1.0, y)));
  v.set(0, slope);
  v.set(1, apply(pdist_backward_op, {g, h, y}));
  if (v.needs(2)) v.set(2, neg(where(none, 0.0, div(mul(g, slope), where(none, 1.0, y)))));
}

}  // namespace

// y_k = log sum_{i <= k} e^x_i
constinit const Op logcumsumexp_op{
    .name = "logcumsumexp",
    .signature = kLogcumsumexp,
    .doc = "The logarithm of the running sum of the exponentials along `dim`, without overflow.",
    .composed = [](Call& c) {
      c.results = {logcumsumexp(c.in(0), c.attrs.integer(kLogcumsumexp["dim"]))};
    }};
// y_k = x_{k+1} - x_k, n times
constinit const Op diff_op{
    .name = "diff",
    .signature = kDiff,
    .doc =
        "The differences of neighbours along `dim`, taken n times, with `prepend` and `append` "
        "joined on before; of bools whether they differ.",
    .composed = diff_composed};

// z = sum_k (y_k + y_{k+1}) dx / 2
constinit const Op trapezoid_op =
    trapezoid("trapezoid", kTrapezoid,
              "The integral along `dim` of samples `dx` apart, by the trapezoidal rule.",
              trapezoid_composed<false, false>)
        .also("trapz");
// z = sum_k (y_k + y_{k+1}) (x_{k+1} - x_k) / 2
constinit const Op trapezoid_at_op =
    trapezoid("trapezoid", kTrapezoidAt,
              "The integral along `dim` of samples at x, a vector or a tensor that broadcasts.",
              trapezoid_composed<true, false>)
        .also("trapz");
// z_k = sum_{i <= k} (y_i + y_{i+1}) dx / 2
constinit const Op cumulative_trapezoid_op =
    trapezoid("cumulative_trapezoid", kTrapezoid,
              "The integrals along `dim` from the first sample to each other, `dx` apart.",
              trapezoid_composed<false, true>);
// z_k = sum_{i <= k} (y_i + y_{i+1}) (x_{i+1} - x_i) / 2
constinit const Op cumulative_trapezoid_at_op =
    trapezoid("cumulative_trapezoid", kTrapezoidAt,
              "The integrals along `dim` from the first sample to each other, which are at x.",
              trapezoid_composed<true, true>);

// z = ||x - y||_p
constinit const Op dist_op{
    .name = "dist",
    .signature = kDist,
    .doc = "The p-norm of input - other, over all elements; the two are broadcast.",
    .composed = [](Call& c) {
      const double p = c.attrs.real(kDist["p"]);
      c.results = {apply(norm_op, {sub(c.in(0), c.in(1))}, Attrs(p, nullptr, false, nullptr))};
    }};
// y_i = x_i min(1, maxnorm / (||x_i||_p + 1e-7))
constinit const Op renorm_op{
    .name = "renorm",
    .signature = kRenorm,
    .on = kMethod | kModule | kInplace,
    .doc =
        "The input with each part input.select(dim, i) whose p-norm is above `maxnorm` scaled down "
        "to that.",
    .composed = renorm_composed};

// z_ij = ||x_i - y_j||_p
constinit const Op cdist_op{
    .name = "cdist",
    .autocast = Cast::kFloat32,
    .signature = kCdist,
    .on = kModule,
    .doc =
        "The p-norms of the differences of all rows: (*, n, d), (*, m, d) -> (*, n, m). For p = 2 "
        "by one matrix product, which is less accurate, if n or m is above 25 or `compute_mode` "
        "says so.",
    .composed = cdist_composed};
// y_k = ||x_i - x_j||, i < j        dx_i = sum_j g_k (x_i - x_j) / y_k
constinit const Op pdist_euclidean_op{
    .name = "_pdist_euclidean",
    .signature = "(input: Tensor) -> Tensor",
    .on = 0,
    .doc = "pdist() for p = 2.",
    .contiguous = true,
    .checked = true,
    .shape =
        [](Call& c) {
          check_rows(c.in(0));
          const int64_t n = c.in(0).size(0);
          c.output(c.in(0).dtype(), Dims{pairs_of(n)});
        },
    .run =
        [](Call& c) {
          const Tensor& x = c.in(0);
          pair_distances(x.dtype(), x.size(0), x.size(1), x.data(), c.out[0].data());
        },
    .vjp = [](Vjp& v) { v.set(0, apply(pdist_backward_op, {v.g(), v.x(), v.y()})); },
    .reads = kInput | kOutput};
// dx_i = sum_j w_k (x_i - x_j), w = g / y
// dg = s / y, s_k = (h_i - h_j) (x_i - x_j)        dx = that of h        dy = -w s / y
constinit const Op pdist_backward_op{
    .name = "_pdist_backward",
    .signature = "(grad: Tensor, input: Tensor, output: Tensor) -> Tensor",
    .on = 0,
    .doc = "The gradient of pdist() for p = 2; rows that are equal have none. Floating tensors.",
    .contiguous = true,
    .shape =
        [](Call& c) {
          const Tensor& x = c.in(1);
          check_rows(x);
          const Dims pairs{pairs_of(x.size(0))};
          for (const int i : {0, 2})
            check(c.in(i).shape() == pairs && c.in(i).dtype() == x.dtype(),
                  "a number of the input's dtype for each pair expected");
          c.output(x.dtype(), x.shape());
        },
    .run =
        [](Call& c) {
          const Tensor& x = c.in(1);
          pair_distances_backward(x.dtype(), x.size(0), x.size(1), c.in(0).data(), x.data(),
                                  c.in(2).data(), c.out[0].data());
        },
    .vjp = pdist_backward_vjp,
    .reads = kInputs};
// y_k = ||x_i - x_j||_p, i < j
constinit const Op pdist_op{
    .name = "pdist",
    .signature = kPdist,
    .on = kFunctional | kModule,
    .doc = "The p-norms of the differences of all pairs of rows: (n, d) -> (n (n - 1) / 2).",
    .composed = pdist_composed};

namespace {
const Op* const kOps[] = {&cdist_op,
                          &pdist_op,
                          &pdist_euclidean_op,
                          &pdist_backward_op,
                          &logcumsumexp_op,
                          &diff_op,
                          &trapezoid_op,
                          &trapezoid_at_op,
                          &cumulative_trapezoid_op,
                          &cumulative_trapezoid_at_op,
                          &dist_op,
                          &renorm_op};
}
std::span<const Op* const> series_ops() { return kOps; }

}  // namespace wengert
