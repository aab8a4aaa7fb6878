#include "wengert/ops/special/special.h"

#include <cmath>

#include "wengert/kernels/core/pointwise_rows.h"
#include "wengert/kernels/special/gamma.h"
#include "wengert/kernels/special/vec_gamma.h"
#include "wengert/kernels/special/vec_incomplete.h"
#include "wengert/kernels/special/vec_quantile.h"
#include "wengert/ops/create/create.h"
#include "wengert/ops/pointwise/pointwise.h"
#include "wengert/ops/pointwise/rows.h"

namespace wengert {
namespace {

template <class F>
constexpr Op one_operand(const char* name, const char* doc, F, void (*vjp)(Vjp&), uint32_t reads) {
  return pointwise_op(name, "(input: Tensor) -> Tensor", doc, &kRow<1, Floats, F>, Promote::kFloat,
                      vjp, reads, kEverywhere);
}

constexpr auto polygamma_f = [](auto x, const double* p) {
  using T = std::remove_cvref_t<decltype(x.first())>;
  if (p[0] == 0) return special::digamma(x);
  if (p[0] == 1) return special::trigamma(x);
  return lanes(x, [n = p[0]](T v) {
    return static_cast<T>(special::polygamma_of(n, static_cast<double>(v)));
  });
};
constexpr Signature kPolygamma = "(n: int, input: Tensor) -> Tensor";
constexpr Signature kPolygammaMethod = "(input: Tensor, n: int) -> Tensor";
constexpr int kOrder = attribute("n", kPolygamma, kPolygammaMethod);

void polygamma_shape(Call& c) {
  check(c.attrs.integer(kOrder) >= 0, "polygamma(n, x) does not support negative n.");
  pointwise_shape(c);
}
constexpr Op polygamma_row(const Signature& signature, uint32_t on) {
  return pointwise_op(
      "polygamma", signature, "The derivative number n of digamma(); digamma itself for n = 0.",
      &kRow<1, Floats, decltype(polygamma_f)>, Promote::kFloat,
      [](Vjp& v) { v.set(0, mul(v.g(), polygamma(v.attrs().integer(kOrder) + 1, v.x()))); }, kInput,
      on, polygamma_shape);
}

// As in PyTorch, the derivative by the first argument is not there.
void incomplete_vjp(Vjp& v, bool lower);

template <class F>
constexpr Op incomplete(const char* name, const char* doc, F, void (*vjp)(Vjp&),
                        uint32_t on = kEverywhere) {
  return pointwise_op(name, "(input: Tensor, other: Tensor) -> Tensor", doc, &kRow<2, Floats, F>,
                      Promote::kCommon, vjp, kInputs, on);
}

}  // namespace

// y = log |Gamma(x)|       dx = g psi(x)
constinit const Op lgamma_op = one_operand(
    "lgamma", "The logarithm of the absolute value of the gamma function.",
    [](auto x) { return special::log_gamma(x); },
    [](Vjp& v) { v.set(0, v.over_g(mul_op, digamma(v.x()))); }, kInput);
// y = psi(x) = Gamma'(x) / Gamma(x)      dx = g psi'(x)
constinit const Op digamma_op = one_operand(
    "digamma", "The derivative of lgamma(); infinite at 0, NaN at negative integers.",
    [](auto x) { return special::digamma(x); },
    [](Vjp& v) { v.set(0, v.over_g(mul_op, polygamma(1, v.x()))); }, kInput);
// y = psi^(n)(x)           dx = g psi^(n + 1)(x)
constinit const Op polygamma_op = polygamma_row(kPolygamma, kModule);
constinit const Op polygamma_method_op = polygamma_row(kPolygammaMethod, kMethod);
// y = the inverse of erf    dx = g (sqrt(pi) / 2) exp(y^2)
constinit const Op erfinv_op = one_operand(
    "erfinv", "The inverse of erf(): infinite at -1 and 1, NaN beyond.",
    [](auto x) { return special::erf_inverse(x); },
    [](Vjp& v) { v.set(0, v.over_g(mul_op, mul(exp(square(v.y())), std::sqrt(M_PI) / 2))); },
    kOutput);

// y = x^(a - 1) e^-x / Gamma(a)     dx = g ((a - 1) / x - 1) y        da = g (log x - psi(a)) y
constinit const Op gamma_density_op = incomplete(
    "gamma_density", "The density of the gamma distribution of shape `input` at `other`.",
    special::GammaDensity(),
    [](Vjp& v) {
      const Tensor a = v.x(0), x = v.x(1), y = mul(v.g(), apply(gamma_density_op, {a, x}));
      if (v.needs(0)) v.set(0, mul(y, sub(log(x), digamma(a))));
      if (v.needs(1)) v.set(1, mul(y, sub(div(sub(a, 1), x), 1)));
    },
    0);

// y = P(a, x) = 1 / Gamma(a) int_0^x t^(a - 1) e^-t dt         dx = g x^(a - 1) e^-x / Gamma(a)
constinit const Op igamma_op = incomplete(
    "igamma",
    "The regularized lower incomplete gamma function P(input, other). NaN where either is "
    "negative; a gradient flows into `other` only, as in PyTorch. Abramowitz and Stegun 6.5.1.",
    special::IncompleteGamma<true>(), [](Vjp& v) { incomplete_vjp(v, true); });
// y = Q(a, x) = 1 - P(a, x)                                    dx = -g x^(a - 1) e^-x / Gamma(a)
constinit const Op igammac_op = incomplete(
    "igammac",
    "The regularized upper incomplete gamma function, 1 - igamma(input, other), accurate where "
    "that is near 1. A gradient flows into `other` only, as in PyTorch.",
    special::IncompleteGamma<false>(), [](Vjp& v) { incomplete_vjp(v, false); });

namespace {

void incomplete_vjp(Vjp& v, bool lower) {
  check(!v.needs(0), ErrorKind::kNotImplemented, "the derivative for '",
        lower ? "igamma" : "igammac", ": input' is not implemented.");
  const Tensor d = mul(v.g(), apply(gamma_density_op, {v.x(0), v.x(1)}));
  v.set(1, lower ? d : neg(d));
}

constexpr Signature kMvlgamma = "(input: Tensor, p: int) -> Tensor";

}  // namespace

// y = p (p - 1) / 4 log(pi) + sum_{j < p} log Gamma(x - j / 2)
constinit const Op mvlgamma_op{
    .name = "mvlgamma",
    .signature = kMvlgamma,
    .on = kEverywhere,
    .doc =
        "The logarithm of the multivariate gamma function of dimension p >= 1. "
        "https://en.wikipedia.org/wiki/Multivariate_gamma_function",
    .composed = [](Call& c) { c.results = {mvlgamma(c.in(0), c.attrs.integer(kMvlgamma["p"]))}; }};

Tensor lgamma(const Operand& x) { return apply(lgamma_op, {x}); }
Tensor digamma(const Operand& x) { return apply(digamma_op, {x}); }
Tensor polygamma(int64_t n, const Tensor& x) { return apply(polygamma_op, {x}, Attrs(n)); }
Tensor erfinv(const Operand& x) { return apply(erfinv_op, {x}); }
Tensor mvlgamma(const Tensor& x, int64_t p) {
  check_defined(x, "mvlgamma");
  check(x.dtype() != Dtype::kBool, "The input tensor may not be a boolean tensor.");
  check(p >= 1, "p has to be greater than or equal to 1");
  check(p <= 1 << 16, "p is ", p, ", needs to be at most 65536");
  const Dtype d = is_floating(x.dtype()) ? x.dtype() : default_dtype();
  const double n = static_cast<double>(p);
  const Tensor shifts = arange((1 - n) / 2, 0.25, 0.5, d);
  const Tensor parts = lgamma(add(unsqueeze(x, -1), shifts));
  return add(sum(parts, {-1}), n * (n - 1) / 4 * std::log(M_PI));
}

namespace {
const Op* const kOps[] = {&lgamma_op,           &digamma_op,       &polygamma_op,
                          &polygamma_method_op, &erfinv_op,        &igamma_op,
                          &igammac_op,          &gamma_density_op, &mvlgamma_op};
}
std::span<const Op* const> special_ops() { return kOps; }

}  // namespace wengert
