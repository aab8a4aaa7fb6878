// Gamma, Dirichlet, Poisson and binomial numbers, and the derivatives of those that have one.
#include "wengert/kernels/random/counts.h"

#include "wengert/kernels/core/pointwise_rows.h"
#include "wengert/kernels/special/gamma.h"
#include "wengert/kernels/special/incomplete.h"
#include "wengert/ops/pointwise/rows.h"
#include "wengert/ops/random/drawing.h"
#include "wengert/ops/random/random.h"
#include "wengert/ops/shape/view.h"

namespace wengert {

extern const Op gamma_slope_op, beta_slope_op;

namespace {

constexpr Signature kOne = "(input: Tensor, generator: Generator | None = None) -> Tensor";
constexpr Signature kBinomial =
    "(count: Tensor, prob: Tensor, generator: Generator | None = None) -> Tensor";

void check_floating(const Call& c, int i) {
  check(is_floating(c.in(i).dtype()), ErrorKind::kNotImplemented, "not implemented for dtype ",
        c.in(i).dtype(), "; a floating dtype is needed");
}
void like_input(Call& c) {
  check_floating(c, 0);
  c.output(c.in(0).dtype(), c.in(0).shape());
}

// f(out, in, n, generator) in the input's dtype.
template <class F>
void draw_of(Call& c, const F& f) {
  const Tensor& x = c.in(0);
  dispatch_floating(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const Drawing drawing(c, kOne["generator"]);
    f(c.out[0].data_as<T>(), static_cast<const T*>(x.data_as<T>()), x.numel(), drawing);
  });
}

constexpr Op drawn(const char* name, uint32_t on, const char* doc, void (*shape)(Call&),
                   void (*run)(Call&), void (*vjp)(Vjp&), uint32_t reads) {
  return {.name = name,
          .signature = kOne,
          .on = on,
          .doc = doc,
          .contiguous = true,
          .draws = true,
          .checked = true,
          .shape = shape,
          .run = run,
          .vjp = vjp,
          .reads = reads};
}

void dirichlet_shape(Call& c) {
  like_input(c);
  check(c.in(0).ndim() > 0, "a tensor of at least one dimension expected, got a scalar");
}

void binomial_shape(Call& c) {
  for (const int i : {0, 1})
    check(is_floating(c.in(i).dtype()), ErrorKind::kValue,
          "binomial only supports floating-point dtypes for ", i == 0 ? "count" : "prob",
          ", got: ", c.in(i).dtype());
  check(c.in(0).dtype() == c.in(1).dtype(), "Found dtype ", c.in(1).dtype(), " but expected ",
        c.in(0).dtype());
  const Dims shape = broadcast_shapes(c.in(0).shape(), c.in(1).shape());
  for (const int i : {0, 1})
    if (c.in(i).shape() != shape) c.replace(i, contiguous_copy(expand(c.in(i), shape)));
  c.output(c.in(0).dtype(), shape);
}

// As in PyTorch.
void no_further(Vjp& v) {
  check(false, ErrorKind::kNotImplemented, "the derivative for '", v.entry().op->name,
        "' is not implemented.");
}

constexpr auto gamma_slope_f = [](auto a, auto x) {
  using T = std::remove_cvref_t<decltype(x.first())>;
  return lanes(a, x, [](T v, T w) {
    return static_cast<T>(special::gamma_slope(static_cast<double>(v), static_cast<double>(w)));
  });
};
// Of three operands: lanes by hand.
constexpr auto beta_slope_f = [](auto x, auto a, auto total) {
  using V = decltype(x);
  using T = std::remove_cvref_t<decltype(x.first())>;
  T xs[V::kSize], as[V::kSize], totals[V::kSize];
  x.store(xs);
  a.store(as);
  total.store(totals);
  for (int i = 0; i < V::kSize; ++i) {
    const double of_a = static_cast<double>(as[i]);
    xs[i] = static_cast<T>(special::beta_slope(of_a, static_cast<double>(totals[i]) - of_a,
                                               static_cast<double>(xs[i])));
  }
  return V::load(xs);
};

}  // namespace

// y = dx/da of a sample x of the gamma distribution of shape a      its gradient is an error
constinit const Op gamma_slope_op = pointwise_op(
    "standard_gamma_grad", "(input: Tensor, output: Tensor) -> Tensor",
    "How a sample `output` of the standard gamma distribution of shape `input` moves with that: "
    "implicit reparameterization, Figurnov, Mohamed and Mnih 2018.",
    &kRow<2, Floats, decltype(gamma_slope_f)>, Promote::kCommon, no_further, kNothing, 0);
// y = dx/da / (1 - x), x of the beta distribution of a and total - a      its gradient is an error
constinit const Op beta_slope_op = pointwise_op(
    "dirichlet_grad", "(x: Tensor, alpha: Tensor, total: Tensor) -> Tensor",
    "How a sample `x` of the beta distribution of `alpha` and `total` - `alpha` moves with "
    "`alpha`, over 1 - `x`.",
    &kRow<3, Floats, decltype(beta_slope_f)>, Promote::kCommon, no_further, kNothing, 0);

// y = a sample of the gamma distribution of shape x, rate 1       dx = g dy/dx
constinit const Op standard_gamma_op = drawn(
    "standard_gamma", 0,
    "Numbers from the gamma distributions of these shapes and rate 1; they have a gradient.",
    like_input,
    [](Call& c) {
      draw_of(c, [](auto* y, const auto* a, int64_t n, Generator& g) { fill_gamma(g, y, a, n); });
    },
    [](Vjp& v) { v.set(0, v.over_g(mul_op, apply(gamma_slope_op, {v.x(), v.y()}))); },
    kInput | kOutput);

// y = samples of the Dirichlet distributions of x, along the last dimension
//                                  dx = D (g - sum g y),  D_i = dy_i/dx_i / (1 - y_i) of the beta
//                                  distribution of y_i alone
constinit const Op sample_dirichlet_op = drawn(
    "sample_dirichlet", 0,
    "Points of the simplex, along the last dimension, from the Dirichlet distributions of these "
    "concentrations; they have a gradient.",
    dirichlet_shape,
    [](Call& c) {
      const int64_t size = c.in(0).size(-1);
      if (size == 0) return;
      const Scratch gammas(static_cast<size_t>(size) * sizeof(double));
      draw_of(c, [&](auto* y, const auto* a, int64_t n, Generator& g) {
        fill_dirichlet(g, y, a, n / size, size, gammas.as<double>());
      });
    },
    [](Vjp& v) {
      const Tensor x = v.x(), y = v.y(), g = v.g();
      const Tensor slope = apply(beta_slope_op, {y, x, sum(x, {-1}, true)});
      v.set(0, mul(slope, sub(g, sum(mul(y, g), {-1}, true))));
    },
    kInput | kOutput);

// y = a sample of the Poisson distribution of rate x       dx = 0
constinit const Op poisson_op = drawn(
    "poisson", kModule,
    "Numbers from the Poisson distributions of these rates, in their dtype. A RuntimeError for a "
    "rate below 0. No gradient flows.",
    like_input,
    [](Call& c) {
      draw_of(c, [](auto* y, const auto* r, int64_t n, Generator& g) { fill_poisson(g, y, r, n); });
    },
    zero_vjp, kNothing);

// y = a sample of the binomial distribution of n and p     dn = 0     dp = 0
constinit const Op binomial_op{
    .name = "binomial",
    .signature = kBinomial,
    .on = kModule,
    .doc =
        "The successes of `count` trials of probability `prob`, which broadcast and have one "
        "floating dtype. No gradient flows.",
    .contiguous = true,
    .draws = true,
    .checked = true,
    .shape = binomial_shape,
    .run =
        [](Call& c) {
          dispatch_floating(c.in(0).dtype(), [&](auto zero) {
            using T = decltype(zero);
            fill_binomial(Drawing(c, kBinomial["generator"]), c.out[0].data_as<T>(),
                          static_cast<const T*>(c.in(0).data_as<T>()),
                          static_cast<const T*>(c.in(1).data_as<T>()), c.out[0].numel());
          });
        },
    .vjp = zero_vjp};

namespace {
const Op* const kOps[] = {&standard_gamma_op, &sample_dirichlet_op, &poisson_op,
                          &binomial_op,       &gamma_slope_op,      &beta_slope_op};
}
std::span<const Op* const> count_ops() { return kOps; }

}  // namespace wengert
