// The rest of torch.special: Bessel functions, the normal distribution, orthogonal polynomials.
#include "wengert/kernels/special/bessel.h"

#include <cmath>

#include "wengert/kernels/core/pointwise_rows.h"
#include "wengert/ops/pointwise/pointwise.h"
#include "wengert/ops/pointwise/rows.h"

namespace wengert {

extern const Op i1_op, i1e_op, i0e_op, log_ndtr_op, erfcx_op;

namespace {

using special::Polynomial;

// A kernel that calls a function of one double for each number.
template <double (*kF)(double)>
struct Each {
  auto operator()(auto x) const {
    using T = std::remove_cvref_t<decltype(x.first())>;
    return lanes(x, [](T v) { return static_cast<T>(kF(static_cast<double>(v))); });
  }
};
template <double (*kF)(double, double)>
struct EachTwo {
  auto operator()(auto x, auto y) const {
    using T = std::remove_cvref_t<decltype(x.first())>;
    return lanes(x, y, [](T v, T w) {
      return static_cast<T>(kF(static_cast<double>(v), static_cast<double>(w)));
    });
  }
};

template <class F>
constexpr Op row(const char* name, const char* doc, F, void (*vjp)(Vjp&), uint32_t reads,
                 uint32_t on = 0) {
  return pointwise_op(name, "(input: Tensor) -> Tensor", doc, &kRow<1, Floats, F>, Promote::kFloat,
                      vjp, reads, on);
}
template <double (*kF)(double)>
constexpr Op each(const char* name, const char* doc, void (*vjp)(Vjp&) = nullptr,
                  uint32_t reads = kNothing, uint32_t on = 0) {
  return row(name, doc, Each<kF>(), vjp, reads, on);
}
template <double (*kF)(double, double)>
constexpr Op each_two(const char* name, const char* first, const char* doc) {
  return pointwise_op(name,
                      *first == 'x' ? Signature("(x: Operand, n: Operand) -> Tensor")
                                    : Signature("(input: Operand, other: Operand) -> Tensor"),
                      doc, &kRow<2, Floats, EachTwo<kF>>, Promote::kFloat, nullptr, kNothing, 0);
}

double i0_of(double x) { return special::bessel_i(0, x); }
double i0e_of(double x) { return special::scaled_bessel_i(0, x); }
double i1_of(double x) { return special::bessel_i(1, x); }
double i1e_of(double x) { return special::scaled_bessel_i(1, x); }
double k0_of(double x) { return special::scaled_bessel_k(0, x) * std::exp(-x); }
double k0e_of(double x) { return special::scaled_bessel_k(0, x); }
double k1_of(double x) { return special::scaled_bessel_k(1, x) * std::exp(-x); }
double k1e_of(double x) { return special::scaled_bessel_k(1, x); }
double j0_of(double x) { return ::j0(x); }
double j1_of(double x) { return ::j1(x); }
double y0_of(double x) { return ::y0(x); }
double y1_of(double x) { return ::y1(x); }
template <Polynomial kFamily>
double polynomial(double x, double n) {
  return special::polynomial_of(kFamily, x, n);
}
template <Polynomial kFamily>
double shifted_polynomial(double x, double n) {
  return special::polynomial_of(kFamily, x + x - 1, n);
}

// a / x without a pole at 0, where it is `limit`.
Tensor over_x(const Tensor& a, const Tensor& x, double limit) {
  const Tensor none = eq(x, 0);
  return where(none, limit, div(a, where(none, 1.0, x)));
}

}  // namespace

// y = 1 / pi int_0^pi e^(x cos t) dt        dx = g I_1(x)
constinit const Op i0_op = each<i0_of>(
    "i0", "The modified Bessel function of the first kind of order 0.",
    [](Vjp& v) { v.set(0, mul(v.g(), apply(i1_op, {v.x()}))); }, kInput, kEverywhere);
// y = e^-|x| I_0(x)                         dx = g (e^-|x| I_1(x) - sign(x) y)
constinit const Op i0e_op = each<i0e_of>(
    "i0e", "i0(x) * exp(-|x|).",
    [](Vjp& v) { v.set(0, mul(v.g(), sub(apply(i1e_op, {v.x()}), mul(sign(v.x()), v.y())))); },
    kInput | kOutput);
// y = 1 / pi int_0^pi e^(x cos t) cos t dt  dx = g (I_0(x) - y / x)
constinit const Op i1_op = each<i1_of>(
    "i1", "The modified Bessel function of the first kind of order 1.",
    [](Vjp& v) {
      const Tensor x = v.x();
      v.set(0, mul(v.g(), sub(apply(i0_op, {x}), over_x(v.y(), x, 0.5))));
    },
    kInput | kOutput);
// y = e^-|x| I_1(x)                         dx = g (e^-|x| I_0(x) - y (sign(x) + 1 / x))
constinit const Op i1e_op = each<i1e_of>(
    "i1e", "i1(x) * exp(-|x|).",
    [](Vjp& v) {
      const Tensor x = v.x(), y = v.y();
      const Tensor rest = add(mul(y, sign(x)), over_x(y, x, 0.5));
      v.set(0, mul(v.g(), sub(apply(i0e_op, {x}), rest)));
    },
    kInput | kOutput);
// y = J_0(x)
constinit const Op bessel_j0_op =
    each<j0_of>("bessel_j0", "The Bessel function of the first kind of order 0; no gradient.");
// y = J_1(x)
constinit const Op bessel_j1_op =
    each<j1_of>("bessel_j1", "The Bessel function of the first kind of order 1; no gradient.");
// y = Y_0(x)
constinit const Op bessel_y0_op =
    each<y0_of>("bessel_y0", "The Bessel function of the second kind of order 0; no gradient.");
// y = Y_1(x)
constinit const Op bessel_y1_op =
    each<y1_of>("bessel_y1", "The Bessel function of the second kind of order 1; no gradient.");
// y = I_0(x)
constinit const Op modified_bessel_i0_op =
    each<i0_of>("modified_bessel_i0", "i0(), without a gradient.");
// y = I_1(x)
constinit const Op modified_bessel_i1_op =
    each<i1_of>("modified_bessel_i1", "i1(), without a gradient.");
// y = K_0(x) = int_0^inf e^(-x cosh t) dt
constinit const Op modified_bessel_k0_op =
    each<k0_of>("modified_bessel_k0",
                "The modified Bessel function of the second kind of order 0; no gradient.");
// y = K_1(x) = int_0^inf e^(-x cosh t) cosh t dt
constinit const Op modified_bessel_k1_op =
    each<k1_of>("modified_bessel_k1",
                "The modified Bessel function of the second kind of order 1; no gradient.");
// y = e^x K_0(x)
constinit const Op scaled_modified_bessel_k0_op =
    each<k0e_of>("scaled_modified_bessel_k0", "modified_bessel_k0(x) * exp(x); no gradient.");
// y = e^x K_1(x)
constinit const Op scaled_modified_bessel_k1_op =
    each<k1e_of>("scaled_modified_bessel_k1", "modified_bessel_k1(x) * exp(x); no gradient.");
// y = sin(x) / x
constinit const Op spherical_bessel_j0_op = each<special::spherical_bessel_j0>(
    "spherical_bessel_j0", "The spherical Bessel function of order 0; no gradient.");

// y = (1 + erf(x / sqrt(2))) / 2            dx = g e^(-x^2 / 2) / sqrt(2 pi)
constinit const Op ndtr_op = row(
    "ndtr", "The probability that a normal variable is below x.",
    [](auto x) { return normal_cdf(x); },
    [](Vjp& v) { v.set(0, mul(v.g(), mul(exp(mul(square(v.x()), -0.5)), kNormalDensity))); },
    kInput);
// y = log ndtr(x)                           dx = g / (erfcx(-x / sqrt(2)) sqrt(pi / 2))
constinit const Op log_ndtr_op = each<special::log_normal_cdf>(
    "log_ndtr", "log(ndtr(x)), accurate for large negative x.",
    [](Vjp& v) {
      const Tensor ratio = apply(erfcx_op, {mul(v.x(), -std::numbers::sqrt2 / 2)});
      v.set(0, div(v.g(), mul(ratio, std::sqrt(std::numbers::pi / 2))));
    },
    kInput);
// y = the x with ndtr(x) = p                dx = g sqrt(2 pi) e^(y^2 / 2)
constinit const Op ndtri_op = each<special::normal_quantile>(
    "ndtri", "The inverse of ndtr(): infinite at 0 and 1, NaN beyond.",
    [](Vjp& v) { v.set(0, mul(v.g(), mul(exp(mul(square(v.y()), 0.5)), 1 / kNormalDensity))); },
    kOutput);
// y = e^(x^2) erfc(x)                       dx = g (2 x y - 2 / sqrt(pi))
constinit const Op erfcx_op = each<special::scaled_erfc>(
    "erfcx", "exp(x^2) * erfc(x), without overflow for positive x.",
    [](Vjp& v) { v.set(0, mul(v.g(), sub(mul(mul(v.x(), v.y()), 2), M_2_SQRTPI))); },
    kInput | kOutput);
// y = -x log x, 0 where x = 0, -inf where x < 0           dx = -g (log x + 1)
constinit const Op entr_op = row(
    "entr", "-x * log(x), 0 at 0, -inf below.",
    [](auto x) {
      using V = decltype(x);
      return select(x > 0.0, -x * log(x),
                    select(x < 0.0, V(-std::numeric_limits<double>::infinity()), x));
    },
    [](Vjp& v) { v.set(0, mul(v.g(), neg(add(log(v.x()), 1)))); }, kInput);
// y = sin(pi x) / (pi x), 1 where x = 0                   dx = g (cos(pi x) - y) / x
constinit const Op sinc_op = row(
    "sinc", "sin(pi * x) / (pi * x), and 1 at 0.",
    [](auto x) {
      using V = decltype(x);
      const V t = x * M_PI;
      return select(x == 0.0, V(1.0), sin(t) / t);
    },
    [](Vjp& v) {
      const Tensor x = v.x(), t = mul(x, M_PI), none = eq(x, 0);
      const Tensor slope = div(sub(mul(t, cos(t)), sin(t)), mul(t, x));
      v.set(0, mul(v.g(), where(none, 0.0, slope)));
    },
    kInput, kEverywhere);

// z = sum_{k >= 0} (y + k)^-x
constinit const Op zeta_op = each_two<special::hurwitz_zeta>(
    "zeta", "i", "The Hurwitz zeta function, the sum of (other + k)^-input; no gradient.");
// z = T_n(x)
constinit const Op chebyshev_polynomial_t_op = each_two<polynomial<Polynomial::kChebyshevT>>(
    "chebyshev_polynomial_t", "x", "The Chebyshev polynomial of the first kind of degree n.");
// z = U_n(x)
constinit const Op chebyshev_polynomial_u_op = each_two<polynomial<Polynomial::kChebyshevU>>(
    "chebyshev_polynomial_u", "x", "The Chebyshev polynomial of the second kind of degree n.");
// z = V_n(x)
constinit const Op chebyshev_polynomial_v_op = each_two<polynomial<Polynomial::kChebyshevV>>(
    "chebyshev_polynomial_v", "x", "The Chebyshev polynomial of the third kind of degree n.");
// z = W_n(x)
constinit const Op chebyshev_polynomial_w_op = each_two<polynomial<Polynomial::kChebyshevW>>(
    "chebyshev_polynomial_w", "x", "The Chebyshev polynomial of the fourth kind of degree n.");
// z = T_n(2 x - 1)
constinit const Op shifted_chebyshev_polynomial_t_op =
    each_two<shifted_polynomial<Polynomial::kChebyshevT>>("shifted_chebyshev_polynomial_t", "x",
                                                          "chebyshev_polynomial_t(2 * x - 1, n).");
// z = U_n(2 x - 1)
constinit const Op shifted_chebyshev_polynomial_u_op =
    each_two<shifted_polynomial<Polynomial::kChebyshevU>>("shifted_chebyshev_polynomial_u", "x",
                                                          "chebyshev_polynomial_u(2 * x - 1, n).");
// z = V_n(2 x - 1)
constinit const Op shifted_chebyshev_polynomial_v_op =
    each_two<shifted_polynomial<Polynomial::kChebyshevV>>("shifted_chebyshev_polynomial_v", "x",
                                                          "chebyshev_polynomial_v(2 * x - 1, n).");
// z = W_n(2 x - 1)
constinit const Op shifted_chebyshev_polynomial_w_op =
    each_two<shifted_polynomial<Polynomial::kChebyshevW>>("shifted_chebyshev_polynomial_w", "x",
                                                          "chebyshev_polynomial_w(2 * x - 1, n).");
// z = H_n(x)
constinit const Op hermite_polynomial_h_op = each_two<polynomial<Polynomial::kHermite>>(
    "hermite_polynomial_h", "x", "The physicist's Hermite polynomial of degree n.");
// z = He_n(x)
constinit const Op hermite_polynomial_he_op = each_two<polynomial<Polynomial::kHermiteProb>>(
    "hermite_polynomial_he", "x", "The probabilist's Hermite polynomial of degree n.");
// z = L_n(x)
constinit const Op laguerre_polynomial_l_op = each_two<polynomial<Polynomial::kLaguerre>>(
    "laguerre_polynomial_l", "x", "The Laguerre polynomial of degree n.");
// z = P_n(x)
constinit const Op legendre_polynomial_p_op = each_two<polynomial<Polynomial::kLegendre>>(
    "legendre_polynomial_p", "x", "The Legendre polynomial of degree n.");

namespace {
const Op* const kOps[] = {&i0_op,
                          &i0e_op,
                          &i1_op,
                          &i1e_op,
                          &bessel_j0_op,
                          &bessel_j1_op,
                          &bessel_y0_op,
                          &bessel_y1_op,
                          &modified_bessel_i0_op,
                          &modified_bessel_i1_op,
                          &modified_bessel_k0_op,
                          &modified_bessel_k1_op,
                          &scaled_modified_bessel_k0_op,
                          &scaled_modified_bessel_k1_op,
                          &spherical_bessel_j0_op,
                          &ndtr_op,
                          &log_ndtr_op,
                          &ndtri_op,
                          &erfcx_op,
                          &entr_op,
                          &sinc_op,
                          &zeta_op,
                          &chebyshev_polynomial_t_op,
                          &chebyshev_polynomial_u_op,
                          &chebyshev_polynomial_v_op,
                          &chebyshev_polynomial_w_op,
                          &shifted_chebyshev_polynomial_t_op,
                          &shifted_chebyshev_polynomial_u_op,
                          &shifted_chebyshev_polynomial_v_op,
                          &shifted_chebyshev_polynomial_w_op,
                          &hermite_polynomial_h_op,
                          &hermite_polynomial_he_op,
                          &laguerre_polynomial_l_op,
                          &legendre_polynomial_p_op};
}
std::span<const Op* const> bessel_ops() { return kOps; }

}  // namespace wengert
