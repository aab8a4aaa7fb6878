// The rest of torch.special: Bessel functions and Airy's, the normal distribution, orthogonal
// polynomials.
#include "wengert/kernels/special/bessel.h"

#include <cmath>

#include "wengert/kernels/core/pointwise_rows.h"
#include "wengert/kernels/special/vec_airy.h"
#include "wengert/kernels/special/vec_bessel.h"
#include "wengert/kernels/special/vec_polynomials.h"
#include "wengert/kernels/special/vec_quantile.h"
#include "wengert/kernels/special/vec_tail.h"
#include "wengert/ops/pointwise/pointwise.h"
#include "wengert/ops/pointwise/rows.h"

namespace wengert {

extern const Op i1_op, i1e_op, i0e_op, log_ndtr_op, erfcx_op;

namespace {

using special::Polynomial;

// A kernel that calls a function of one double for each number. Not inline: it has three places for
// it.
template <double (*kF)(double)>
struct Each {
  [[gnu::noinline]] auto operator()(auto x) const {
    using T = std::remove_cvref_t<decltype(x.first())>;
    return lanes(x, [](T v) { return static_cast<T>(kF(static_cast<double>(v))); });
  }
};
template <double (*kF)(double, double)>
struct EachTwo {
  [[gnu::noinline]] auto operator()(auto x, auto y) const {
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

using I0 = special::BesselIOf<0, false>;
using I0e = special::BesselIOf<0, true>;
using I1 = special::BesselIOf<1, false>;
using I1e = special::BesselIOf<1, true>;
using K0 = special::BesselKOf<0, false>;
using K0e = special::BesselKOf<0, true>;
using K1 = special::BesselKOf<1, false>;
using K1e = special::BesselKOf<1, true>;
using J0 = special::BesselJOf<0, false, ::j0>;
using J1 = special::BesselJOf<1, false, ::j1>;
using Y0 = special::BesselJOf<0, true, ::y0>;
using Y1 = special::BesselJOf<1, true, ::y1>;

template <Polynomial kFamily, bool kShifted = false>
constexpr Op polynomial(const char* name, const char* doc) {
  return pointwise_op(name, "(x: Operand, n: Operand) -> Tensor", doc,
                      &kRow<2, Floats, special::PolynomialOf<kFamily, kShifted>>, Promote::kFloat,
                      nullptr, kNothing, 0);
}

// a / x without a pole at 0, where it is `limit`.
Tensor over_x(const Tensor& a, const Tensor& x, double limit) {
  const Tensor none = eq(x, 0);
  return where(none, limit, div(a, where(none, 1.0, x)));
}

}  // namespace

// y = 1 / pi int_0^pi e^(x cos t) dt        dx = g I_1(x)
constinit const Op i0_op = row(
    "i0", "The modified Bessel function of the first kind of order 0.", I0(),
    [](Vjp& v) { v.set(0, mul(v.g(), apply(i1_op, {v.x()}))); }, kInput, kEverywhere);
// y = e^-|x| I_0(x)                         dx = g (e^-|x| I_1(x) - sign(x) y)
constinit const Op i0e_op = row(
    "i0e", "i0(x) * exp(-|x|).", I0e(),
    [](Vjp& v) { v.set(0, mul(v.g(), sub(apply(i1e_op, {v.x()}), mul(sign(v.x()), v.y())))); },
    kInput | kOutput);
// y = 1 / pi int_0^pi e^(x cos t) cos t dt  dx = g (I_0(x) - y / x)
constinit const Op i1_op = row(
    "i1", "The modified Bessel function of the first kind of order 1.", I1(),
    [](Vjp& v) {
      const Tensor x = v.x();
      v.set(0, mul(v.g(), sub(apply(i0_op, {x}), over_x(v.y(), x, 0.5))));
    },
    kInput | kOutput);
// y = e^-|x| I_1(x)                         dx = g (e^-|x| I_0(x) - y (sign(x) + 1 / x))
constinit const Op i1e_op = row(
    "i1e", "i1(x) * exp(-|x|).", I1e(),
    [](Vjp& v) {
      const Tensor x = v.x(), y = v.y();
      const Tensor rest = add(mul(y, sign(x)), over_x(y, x, 0.5));
      v.set(0, mul(v.g(), sub(apply(i0e_op, {x}), rest)));
    },
    kInput | kOutput);
// y = J_0(x)
constinit const Op bessel_j0_op =
    row("bessel_j0", "The Bessel function of the first kind of order 0; no gradient.", J0(),
        nullptr, kNothing);
// y = J_1(x)
constinit const Op bessel_j1_op =
    row("bessel_j1", "The Bessel function of the first kind of order 1; no gradient.", J1(),
        nullptr, kNothing);
// y = Y_0(x)
constinit const Op bessel_y0_op =
    row("bessel_y0", "The Bessel function of the second kind of order 0; no gradient.", Y0(),
        nullptr, kNothing);
// y = Y_1(x)
constinit const Op bessel_y1_op =
    row("bessel_y1", "The Bessel function of the second kind of order 1; no gradient.", Y1(),
        nullptr, kNothing);
// y = I_0(x)
constinit const Op modified_bessel_i0_op =
    row("modified_bessel_i0", "i0(), without a gradient.", I0(), nullptr, kNothing);
// y = I_1(x)
constinit const Op modified_bessel_i1_op =
    row("modified_bessel_i1", "i1(), without a gradient.", I1(), nullptr, kNothing);
// y = K_0(x) = int_0^inf e^(-x cosh t) dt
constinit const Op modified_bessel_k0_op =
    row("modified_bessel_k0",
        "The modified Bessel function of the second kind of order 0; no gradient.", K0(), nullptr,
        kNothing);
// y = K_1(x) = int_0^inf e^(-x cosh t) cosh t dt
constinit const Op modified_bessel_k1_op =
    row("modified_bessel_k1",
        "The modified Bessel function of the second kind of order 1; no gradient.", K1(), nullptr,
        kNothing);
// y = e^x K_0(x)
constinit const Op scaled_modified_bessel_k0_op =
    row("scaled_modified_bessel_k0", "modified_bessel_k0(x) * exp(x); no gradient.", K0e(), nullptr,
        kNothing);
// y = e^x K_1(x)
constinit const Op scaled_modified_bessel_k1_op =
    row("scaled_modified_bessel_k1", "modified_bessel_k1(x) * exp(x); no gradient.", K1e(), nullptr,
        kNothing);
// y = 1 / pi int_0^inf cos(t^3 / 3 + x t) dt
constinit const Op airy_ai_op =
    row("airy_ai", "Airy's function Ai, 0 at both infinities; no gradient.", special::AiryAiOf(),
        nullptr, kNothing);
// y = sin(x) / x
constinit const Op spherical_bessel_j0_op = row(
    "spherical_bessel_j0", "The spherical Bessel function of order 0; no gradient.",
    [](auto x) {
      const auto y = select(x == 0.0, 1.0, sin(x) / x);
      return select(abs(x) < INFINITY, y, select(x == x, 0.0, x));
    },
    nullptr, kNothing);

// y = (1 + erf(x / sqrt(2))) / 2            dx = g e^(-x^2 / 2) / sqrt(2 pi)
constinit const Op ndtr_op = row(
    "ndtr", "The probability that a normal variable is below x.",
    [](auto x) { return normal_cdf(x); },
    [](Vjp& v) { v.set(0, mul(v.g(), mul(exp(mul(square(v.x()), -0.5)), kNormalDensity))); },
    kInput);
// y = log ndtr(x)                           dx = g / (erfcx(-x / sqrt(2)) sqrt(pi / 2))
constinit const Op log_ndtr_op = row(
    "log_ndtr", "log(ndtr(x)), accurate for large negative x.", special::LogNormalCdf(),
    [](Vjp& v) {
      const Tensor ratio = apply(erfcx_op, {mul(v.x(), -std::numbers::sqrt2 / 2)});
      v.set(0, div(v.g(), mul(ratio, std::sqrt(std::numbers::pi / 2))));
    },
    kInput);
// y = the x with ndtr(x) = p                dx = g sqrt(2 pi) e^(y^2 / 2)
constinit const Op ndtri_op = row(
    "ndtri", "The inverse of ndtr(): infinite at 0 and 1, NaN beyond.",
    [](auto x) { return special::normal_quantile(x); },
    [](Vjp& v) { v.set(0, mul(v.g(), mul(exp(mul(square(v.y()), 0.5)), 1 / kNormalDensity))); },
    kOutput);
// y = e^(x^2) erfc(x)                       dx = g (2 x y - 2 / sqrt(pi))
constinit const Op erfcx_op = row(
    "erfcx", "exp(x^2) * erfc(x), without overflow for positive x.", special::ScaledErfc(),
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
constinit const Op zeta_op = pointwise_op(
    "zeta", "(input: Operand, other: Operand) -> Tensor",
    "The Hurwitz zeta function, the sum of (other + k)^-input; no gradient.",
    &kRow<2, Floats, EachTwo<special::hurwitz_zeta>>, Promote::kFloat, nullptr, kNothing, 0);
// z = T_n(x)
constinit const Op chebyshev_polynomial_t_op = polynomial<Polynomial::kChebyshevT>(
    "chebyshev_polynomial_t", "The Chebyshev polynomial of the first kind of degree n.");
// z = U_n(x)
constinit const Op chebyshev_polynomial_u_op = polynomial<Polynomial::kChebyshevU>(
    "chebyshev_polynomial_u", "The Chebyshev polynomial of the second kind of degree n.");
// z = V_n(x)
constinit const Op chebyshev_polynomial_v_op = polynomial<Polynomial::kChebyshevV>(
    "chebyshev_polynomial_v", "The Chebyshev polynomial of the third kind of degree n.");
// z = W_n(x)
constinit const Op chebyshev_polynomial_w_op = polynomial<Polynomial::kChebyshevW>(
    "chebyshev_polynomial_w", "The Chebyshev polynomial of the fourth kind of degree n.");
// z = T_n(2 x - 1)
constinit const Op shifted_chebyshev_polynomial_t_op = polynomial<Polynomial::kChebyshevT, true>(
    "shifted_chebyshev_polynomial_t", "chebyshev_polynomial_t(2 * x - 1, n).");
// z = U_n(2 x - 1)
constinit const Op shifted_chebyshev_polynomial_u_op = polynomial<Polynomial::kChebyshevU, true>(
    "shifted_chebyshev_polynomial_u", "chebyshev_polynomial_u(2 * x - 1, n).");
// z = V_n(2 x - 1)
constinit const Op shifted_chebyshev_polynomial_v_op = polynomial<Polynomial::kChebyshevV, true>(
    "shifted_chebyshev_polynomial_v", "chebyshev_polynomial_v(2 * x - 1, n).");
// z = W_n(2 x - 1)
constinit const Op shifted_chebyshev_polynomial_w_op = polynomial<Polynomial::kChebyshevW, true>(
    "shifted_chebyshev_polynomial_w", "chebyshev_polynomial_w(2 * x - 1, n).");
// z = H_n(x)
constinit const Op hermite_polynomial_h_op = polynomial<Polynomial::kHermite>(
    "hermite_polynomial_h", "The physicist's Hermite polynomial of degree n.");
// z = He_n(x)
constinit const Op hermite_polynomial_he_op = polynomial<Polynomial::kHermiteProb>(
    "hermite_polynomial_he", "The probabilist's Hermite polynomial of degree n.");
// z = L_n(x)
constinit const Op laguerre_polynomial_l_op = polynomial<Polynomial::kLaguerre>(
    "laguerre_polynomial_l", "The Laguerre polynomial of degree n.");
// z = P_n(x)
constinit const Op legendre_polynomial_p_op = polynomial<Polynomial::kLegendre>(
    "legendre_polynomial_p", "The Legendre polynomial of degree n.");

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
                          &airy_ai_op,
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
