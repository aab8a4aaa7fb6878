// Functions of one operand.
#include <cmath>

#include "wengert/kernels/core/pointwise_rows.h"
#include "wengert/ops/pointwise/pointwise.h"
#include "wengert/ops/pointwise/rows.h"
#include "wengert/ops/pointwise/slope.h"

namespace wengert {

extern const Op clamp_both_op, clamp_min_op, clamp_max_op, logit_backward_op;

namespace {

template <class Ts, class F>
constexpr Op unary(const char* name, const char* doc, F, void (*vjp)(Vjp&), uint32_t reads,
                   Promote promote = Promote::kFloat, uint32_t on = kEverywhere) {
  return pointwise_op(name, "(input: Tensor) -> Tensor", doc, &kRow<1, Ts, F>, promote, vjp, reads,
                      on);
}

// floor and its like leave integers as they are.
template <class F>
constexpr Op rounding(const char* name, const char* doc, F f) {
  return unary<Numbers>(name, doc, f, no_gradient, kNothing, Promote::kCommon);
}

template <class T>
T whole(T x) {
  return x;
}

}  // namespace

// y = -x           dx = -g
constinit const Op neg_op =
    unary<Numbers>(
        "neg", "The negative of every element. Not defined for bool: use logical_not.",
        [](auto x) { return -x; }, [](Vjp& v) { v.set(0, v.over_g(neg_op)); }, kNothing,
        Promote::kCommon)
        .also("negative");
// y = |x|          dx = g sign(x)
constinit const Op abs_op =
    unary<Numbers>(
        "abs", "The absolute value of every element.",
        [](auto x) {
          if constexpr (is_vec<decltype(x)>) {
            return abs(x);
          } else {
            return x < 0 ? -x : x;
          }
        },
        [](Vjp& v) { v.set(0, v.over_g(mul_op, sign(v.x()))); }, kInput, Promote::kCommon)
        .also("absolute");
// y = -1, 0 or 1     dx = 0
constinit const Op sign_op =
    unary<AllTypes>(
        "sign", "-1, 0 or 1; 0 for NaN.",
        [](auto x) {
          if constexpr (is_vec<decltype(x)>) {
            using V = decltype(x);
            return select(x > 0.0, V(1.0), select(x < 0.0, V(-1.0), V(0.0)));
          } else {
            return static_cast<int>(x > decltype(x)(0)) - static_cast<int>(x < decltype(x)(0));
          }
        },
        no_gradient, kNothing, Promote::kCommon)
        .also("sgn");
// y = x^2          dx = 2 g x
constinit const Op square_op = [] {
  Op op = unary<Numbers>(
      "square", "The square of every element; of bools int64.", [](auto x) { return x * x; },
      [](Vjp& v) { v.set(0, v.over_g(mul_op, mul(v.x(), 2))); }, kInput, Promote::kCommon);
  op.shape = [](Call& c) {
    if (c.common == Dtype::kBool) {
      c.common = Dtype::kInt64;
      c.replace(0, to(c.in(0), c.common));
    }
    pointwise_shape(c);
  };
  return op;
}();
// y = sqrt(x)      dx = g / (2 y)
constinit const Op sqrt_op = unary<Floats>(
    "sqrt", "The square root of every element; NaN below 0.",
    [](auto x) { return sqrt(flushed(x)); },
    [](Vjp& v) { v.set(0, v.over_g(div_op, mul(v.y(), 2))); }, kOutput);
// y = x^-1/2       dx = -g y^3 / 2
constinit const Op rsqrt_op = unary<Floats>(
    "rsqrt", "The reciprocal of the square root.", [](auto x) { return 1.0 / sqrt(x); },
    [](Vjp& v) { v.set(0, mul(v.over_g(mul_op, -0.5), pow(v.y(), 3))); }, kOutput);
// y = 1 / x        dx = -g y^2
constinit const Op reciprocal_op = unary<Floats>(
    "reciprocal", "1 / x.", [](auto x) { return 1.0 / x; },
    [](Vjp& v) { v.set(0, mul(v.over_g(neg_op), mul(v.y(), v.y()))); }, kOutput);
// y = e^x          dx = g y
constinit const Op exp_op = unary<Floats>(
    "exp", "The exponential of every element.", [](auto x) { return exp(x); },
    [](Vjp& v) { v.set(0, v.over_g(mul_op, v.y())); }, kOutput);
// y = 2^x          dx = g y ln 2
constinit const Op exp2_op = unary<Floats>(
    "exp2", "2 to the power of every element.", [](auto x) { return exp2(x); },
    [](Vjp& v) { v.set(0, v.over_g(mul_op, mul(v.y(), M_LN2))); }, kOutput);
// y = e^x - 1      dx = g (y + 1)
constinit const Op expm1_op = unary<Floats>(
    "expm1", "exp(x) - 1, accurate near 0.", [](auto x) { return expm1(x); },
    [](Vjp& v) { v.set(0, v.over_g(mul_op, add(v.y(), 1))); }, kOutput);
// y = ln x         dx = g / x
constinit const Op log_op = unary<Floats>(
    "log", "The natural logarithm of every element; NaN below 0.", [](auto x) { return log(x); },
    [](Vjp& v) { v.set(0, v.over_g(div_op, v.x())); }, kInput);
// y = ln x / ln 2    dx = g / (x ln 2)
constinit const Op log2_op = unary<Floats>(
    "log2", "The logarithm to base 2.", [](auto x) { return log2(x); },
    [](Vjp& v) { v.set(0, v.over_g(div_op, mul(v.x(), M_LN2))); }, kInput);
// y = ln x / ln 10   dx = g / (x ln 10)
constinit const Op log10_op = unary<Floats>(
    "log10", "The logarithm to base 10.", [](auto x) { return log10(x); },
    [](Vjp& v) { v.set(0, v.over_g(div_op, mul(v.x(), M_LN10))); }, kInput);
// y = ln(1 + x)    dx = g / (1 + x)
constinit const Op log1p_op = unary<Floats>(
    "log1p", "log(1 + x), accurate near 0.", [](auto x) { return log1p(x); },
    [](Vjp& v) { v.set(0, v.over_g(div_op, add(v.x(), 1))); }, kInput);

// y = sin x        dx = g cos x
constinit const Op sin_op = unary<Floats>(
    "sin", "The sine of every element, in radians.", [](auto x) { return sin(x); },
    [](Vjp& v) { v.set(0, v.over_g(mul_op, cos(v.x()))); }, kInput);
// y = cos x        dx = -g sin x
constinit const Op cos_op = unary<Floats>(
    "cos", "The cosine of every element, in radians.", [](auto x) { return cos(x); },
    [](Vjp& v) { v.set(0, neg(v.over_g(mul_op, sin(v.x())))); }, kInput);
// y = tan x        dx = g (1 + y^2)
constinit const Op tan_op = unary<Floats>(
    "tan", "The tangent of every element, in radians.", [](auto x) { return tan(x); },
    [](Vjp& v) { v.set(0, v.over_g(mul_op, add(square(v.y()), 1))); }, kOutput);
// y = sinh x       dx = g cosh x
constinit const Op sinh_op = unary<Floats>(
    "sinh", "The hyperbolic sine.", [](auto x) { return sinh(x); },
    [](Vjp& v) { v.set(0, v.over_g(mul_op, cosh(v.x()))); }, kInput);
// y = cosh x       dx = g sinh x
constinit const Op cosh_op = unary<Floats>(
    "cosh", "The hyperbolic cosine.", [](auto x) { return cosh(x); },
    [](Vjp& v) { v.set(0, v.over_g(mul_op, sinh(v.x()))); }, kInput);
// y = asin x       dx = g / sqrt(1 - x^2)
constinit const Op asin_op =
    unary<Floats>(
        "asin", "The angle in [-pi/2, pi/2] whose sine is x.", [](auto x) { return asin(x); },
        [](Vjp& v) { v.set(0, v.over_g(mul_op, rsqrt(sub(1, square(v.x()))))); }, kInput)
        .also("arcsin");
// y = acos x       dx = -g / sqrt(1 - x^2)
constinit const Op acos_op =
    unary<Floats>(
        "acos", "The angle in [0, pi] whose cosine is x.", [](auto x) { return acos(x); },
        [](Vjp& v) { v.set(0, neg(v.over_g(mul_op, rsqrt(sub(1, square(v.x())))))); }, kInput)
        .also("arccos");
// y = atan x       dx = g / (1 + x^2)
constinit const Op atan_op =
    unary<Floats>(
        "atan", "The angle in (-pi/2, pi/2) whose tangent is x.", [](auto x) { return atan(x); },
        [](Vjp& v) { v.set(0, v.over_g(div_op, add(square(v.x()), 1))); }, kInput)
        .also("arctan");
// y = asinh x      dx = g / sqrt(x^2 + 1)
constinit const Op asinh_op =
    unary<Floats>(
        "asinh", "The inverse hyperbolic sine.", [](auto x) { return asinh(x); },
        [](Vjp& v) { v.set(0, v.over_g(mul_op, rsqrt(add(square(v.x()), 1)))); }, kInput)
        .also("arcsinh");
// y = acosh x      dx = g / sqrt(x^2 - 1)
constinit const Op acosh_op =
    unary<Floats>(
        "acosh", "The inverse hyperbolic cosine.", [](auto x) { return acosh(x); },
        [](Vjp& v) { v.set(0, v.over_g(mul_op, rsqrt(sub(square(v.x()), 1)))); }, kInput)
        .also("arccosh");
// y = atanh x      dx = g / (1 - x^2)
constinit const Op atanh_op =
    unary<Floats>(
        "atanh", "The inverse hyperbolic tangent.", [](auto x) { return atanh(x); },
        [](Vjp& v) { v.set(0, v.over_g(div_op, sub(1, square(v.x())))); }, kInput)
        .also("arctanh");
// y = erf x        dx = g (2 / sqrt(pi)) exp(-x^2)
constinit const Op erf_op = unary<Floats>(
    "erf", "The error function.", [](auto x) { return erf(x); },
    [](Vjp& v) { v.set(0, v.over_g(mul_op, mul(exp(neg(square(v.x()))), M_2_SQRTPI))); }, kInput);
// y = 1 - erf x    dx = -g (2 / sqrt(pi)) exp(-x^2)
constinit const Op erfc_op = unary<Floats>(
    "erfc", "1 - erf(x), accurate for large x.", [](auto x) { return erfc(x); },
    [](Vjp& v) { v.set(0, v.over_g(mul_op, mul(exp(neg(square(v.x()))), -M_2_SQRTPI))); }, kInput);

// y = floor x      dx = 0
constinit const Op floor_op =
    rounding("floor", "The largest integer not above each element.", [](auto x) {
      if constexpr (is_vec<decltype(x)>)
        return floor(x);
      else
        return whole(x);
    });
// y = ceil x       dx = 0
constinit const Op ceil_op =
    rounding("ceil", "The smallest integer not below each element.", [](auto x) {
      if constexpr (is_vec<decltype(x)>)
        return ceil(x);
      else
        return whole(x);
    });
// y = x to the nearest integer, ties to the even one      dx = 0
constinit const Op round_op =
    rounding("round", "The nearest integer; halves go to the even one.", [](auto x) {
      if constexpr (is_vec<decltype(x)>)
        return round_half_even(x);
      else
        return whole(x);
    });
constexpr Signature kRoundTo = "(input: Tensor, *, decimals: int) -> Tensor";
// p are the power of ten and which way it goes.
struct RoundTo {
  auto operator()(auto x, const double* p) const {
    return p[1] > 0 ? round_half_even(x * p[0]) / p[0] : round_half_even(x / p[0]) * p[0];
  }
};
template <class T>
void round_to_kernel(void* out, const void* const* in, int64_t n, const double* params) {
  const double p[] = {std::pow(10.0, std::abs(*params)), *params};
  detail::vector_kernel<T, 1, RoundTo>(out, in, n, p);
}
constexpr PointwiseRow kRoundToRow = [] {
  PointwiseRow row{.arity = 1};
  row.kernels[index(Dtype::kFloat32)] = round_to_kernel<float>;
  row.kernels[index(Dtype::kFloat64)] = round_to_kernel<double>;
  return row;
}();
// y = x to the nearest multiple of 10^-decimals      dx = 0
constinit const Op round_to_op = pointwise_op(
    "round", kRoundTo,
    "The nearest multiple of 10^-decimals: the nearest integer of input * 10^decimals, halves to "
    "the even one, divided again. Floating only.",
    &kRoundToRow, Promote::kCommon, no_gradient, kNothing, kEverywhere, [](Call& c) {
      check(is_floating(c.in(0).dtype()), ErrorKind::kNotImplemented, "not implemented for dtype ",
            c.in(0).dtype(), " with decimals");
      pointwise_shape(c);
    });
// y = trunc x      dx = 0
constinit const Op trunc_op = rounding("trunc", "Each element without its fraction.", [](auto x) {
                                if constexpr (is_vec<decltype(x)>)
                                  return trunc(x);
                                else
                                  return whole(x);
                              }).also("fix");
// y = x - trunc(x)      dx = g
constinit const Op frac_op = unary<Floats>(
    "frac", "The fraction of each element, with its sign.", [](auto x) { return x - trunc(x); },
    [](Vjp& v) { v.set(0, v.g()); }, kNothing, Promote::kCommon);

// y = x
constinit const Op positive_op{.name = "positive",
                               .signature = "(input: Tensor) -> Tensor",
                               .doc = "`input` itself.",
                               .composed = [](Call& c) { c.results = {c.in(0)}; }};

namespace {

// y = min(max(x, lo), hi)   dx = g within the bounds; a bound takes the gradient beyond it.
Tensor within(const Vjp& v) { return logical_and(ge(v.x(0), v.x(1)), le(v.x(0), v.x(2))); }
constexpr auto clamp_f = [](auto x, auto lo, auto hi) { return min(max(x, lo), hi); };
constexpr auto clamp_min_f = [](auto x, auto lo) { return max(x, lo); };
constexpr auto clamp_max_f = [](auto x, auto hi) { return min(x, hi); };

// Input 1 is the lower bound, or, if there is no other, what kUpper says.
template <bool kUpper>
void clamp_shape(Call& c) {
  fit_bound(c, 1, kUpper);
  if (c.inputs() == 3) fit_bound(c, 2, true);
  pointwise_shape(c);
}

void clamp_any(Call& c) {
  const Operand &x = c.input(0), &lo = c.input(1), &hi = c.input(2);
  check(!lo.is_none() || !hi.is_none(), "at least one of 'min' or 'max' must not be None");
  c.results = {hi.is_none()   ? apply(clamp_min_op, {x, lo})
               : lo.is_none() ? apply(clamp_max_op, {x, hi})
                              : apply(clamp_both_op, {x, lo, hi})};
}

// y = x where finite, else the replacements (the largest finite numbers when not given)
constexpr auto nan_to_num_f = [](auto x, const double* p) {
  using X = decltype(x);
  const X y = select(abs(x) < INFINITY, x, select(x > 0.0, X(p[1]), X(p[2])));
  return select(x == x, y, X(p[0]));
};

constexpr auto lerp_f = [](auto x, auto y, auto w) {
  const auto d = y - x;
  return select(abs(w) < 0.5, x + w * d, y - d * (1.0 - w));
};

constexpr auto addcmul_f = [](auto x, auto a, auto b, const double* p) { return x + a * b * p[0]; };
constexpr auto addcdiv_f = [](auto x, auto a, auto b, const double* p) { return x + a / b * p[0]; };

// The first input, and value times what the op makes of the two others, by `fused` in one pass.
void add_scaled(Call& c, const Scalar& value, const Op& op, const Op& fused) {
  c.add_input(value);  // it takes part in promotion
  const Dtype common = common_dtype(c);
  const Scalar factor = checked_number(value, common);
  const Operand a = cast_to(c.input(1), common), b = cast_to(c.input(2), common);
  if (is_floating(common)) {
    c.results = {apply(fused, {cast_to(c.input(0), common), a, b}, Attrs(factor.real()))};
    return;
  }
  Tensor z = apply(op, {a, b});
  if (value.real() != 1) z = mul(z, factor);
  c.results = {add(c.input(0), z)};
}

constexpr Signature kWithValue =
    "(input: Tensor, tensor1: Tensor, tensor2: Tensor, value: float) -> Tensor";
template <class F>
constexpr Op fused(const char* name, const char* doc, F, void (*vjp)(Vjp&)) {
  return pointwise_op(name, kWithValue, doc, &kRow<3, Floats, TakesSingles<F>>, Promote::kCommon,
                      vjp, kOther | kThird, 0);
}
// value g
Tensor scaled_g(Vjp& v) {
  const double value = v.attrs().real(kWithValue["value"]);
  return value == 1 ? v.g() : mul(v.g(), value);
}
}  // namespace

// y = min(max(x, lo), hi)     dx = g where lo <= x <= hi     the bounds have what is left of g
constinit const Op clamp_both_op = pointwise_op(
    "clamp_both", "(input: Tensor, min: Operand, max: Operand) -> Tensor", "clamp with two bounds.",
    &kRow<3, Numbers, TakesSingles<decltype(clamp_f)>>, Promote::kCommon,
    [](Vjp& v) {
      if (v.needs(0)) v.set(0, where(within(v), v.g(), 0.0));
      if (v.needs(1)) {
        const Tensor below = logical_and(lt(v.x(1), v.x(2)), lt(v.x(0), v.x(1)));
        v.set(1, where(below, v.g(), 0.0));
      }
      if (v.needs(2)) {
        const Tensor crossed = where(lt(v.x(2), v.x(1)), v.g(), 0.0);
        v.set(2, where(gt(v.x(0), v.x(2)), v.g(), crossed));
      }
    },
    kInputs, 0, clamp_shape<false>);
// y = max(x, lo)              dx = g where x >= lo          dlo = g where x < lo
constinit const Op clamp_min_op = pointwise_op(
    "clamp_min", "(input: Tensor, min: Operand) -> Tensor", "max(x, min); NaN stays NaN.",
    &kRow<2, Numbers, TakesSingles<decltype(clamp_min_f)>>, Promote::kCommon,
    [](Vjp& v) {
      if (v.needs(0)) v.set(0, where(ge(v.x(0), v.x(1)), v.g(), 0.0));
      if (v.needs(1)) v.set(1, where(lt(v.x(0), v.x(1)), v.g(), 0.0));
    },
    kInputs, kEverywhere, clamp_shape<false>);
// y = min(x, hi)              dx = g where x <= hi          dhi = g where x > hi
constinit const Op clamp_max_op = pointwise_op(
    "clamp_max", "(input: Tensor, max: Operand) -> Tensor", "min(x, max); NaN stays NaN.",
    &kRow<2, Numbers, TakesSingles<decltype(clamp_max_f)>>, Promote::kCommon,
    [](Vjp& v) {
      if (v.needs(0)) v.set(0, where(le(v.x(0), v.x(1)), v.g(), 0.0));
      if (v.needs(1)) v.set(1, where(gt(v.x(0), v.x(1)), v.g(), 0.0));
    },
    kInputs, kEverywhere, clamp_shape<true>);
// y = min(max(x, lo), hi)
constinit const Op clamp_op{
    .name = "clamp",
    .signature =
        "(input: Tensor, min: Operand | None = None, max: Operand | None = None) -> Tensor",
    .on = kEverywhere,
    .doc =
        "Limits every element to [min, max]; either bound may be left out. Where min > max the "
        "result is max. NaN stays NaN. A number beyond the dtype limits nothing, or is a "
        "RuntimeError if every element would become it.",
    .composed = clamp_any};
// y = min(max(x, lo), hi)
constinit const Op clip_op{
    .name = "clip",
    .signature =
        "(input: Tensor, min: Operand | None = None, max: Operand | None = None) -> Tensor",
    .on = kEverywhere,
    .doc = "The same as clamp.",
    .composed = clamp_any};

// y = x, or a number where x is NaN or infinite        dx = g where x is finite
constinit const Op nan_to_num_float_op = pointwise_op(
    "nan_to_num_float", "(input: Tensor, nan: float, posinf: float, neginf: float) -> Tensor",
    "nan_to_num of a floating tensor.", &kRow<1, Floats, decltype(nan_to_num_f)>, Promote::kCommon,
    [](Vjp& v) { v.set(0, where(apply(isfinite_op, {v.x()}), v.g(), 0.0)); }, kInput, 0);

constexpr Signature kNanToNum =
    "(input: Tensor, nan: float | None = None, posinf: float | None = None, neginf: float | None = "
    "None) -> Tensor";
// y = x, or a number where x is NaN or infinite
constinit const Op nan_to_num_op{
    .name = "nan_to_num",
    .signature = kNanToNum,
    .on = kEverywhere,
    .doc = "Replaces NaN (by 0) and infinities (by the largest finite numbers of the dtype).",
    .composed = [](Call& c) {
      if (!is_floating(c.in(0).dtype())) {
        c.results = {clone(c.in(0))};
        return;
      }
      const double most = c.in(0).dtype() == Dtype::kFloat32 ? std::numeric_limits<float>::max()
                                                             : std::numeric_limits<double>::max();
      const Attrs& a = c.attrs;
      c.results = {apply(nan_to_num_float_op, {c.input(0)},
                         Attrs(a.has(kNanToNum["nan"]) ? a.real(kNanToNum["nan"]) : 0.0,
                               a.has(kNanToNum["posinf"]) ? a.real(kNanToNum["posinf"]) : most,
                               a.has(kNanToNum["neginf"]) ? a.real(kNanToNum["neginf"]) : -most))};
    }};

// z = x + w (y - x)         dx = g (1 - w)      dy = g w      dw = g (y - x)
// From the nearer end, so that a weight of 1 gives y.
constinit const Op lerp_op =
    pointwise_op(
        "lerp", "(input: Tensor, end: Tensor, weight: Operand) -> Tensor",
        "Linear interpolation, input + weight * (end - input), in the common dtype, which must be "
        "a "
        "floating one.",
        &kRow<3, Floats, decltype(lerp_f)>, Promote::kCommon,
        [](Vjp& v) {
          const Operand w = v.x(2);  // none if neither of the two is wanted
          if (v.needs(0))
            v.set(0,
                  mul(v.g(), w.is_scalar() ? Operand(1 - w.scalar().real()) : Operand(sub(1, w))));
          if (v.needs(1)) v.set(1, mul(v.g(), w));
          if (v.needs(2)) v.set(2, mul(v.g(), sub(v.x(1), v.x(0))));
        },
        kInputs, kEverywhere)
        .reading_for({kThird, kThird, kInput | kOther});

// z = x + value a b         dx = g      da = value g b      db = value g a
constinit const Op addcmul_float_op =
    fused("addcmul_float", "addcmul of floating tensors.", addcmul_f, [](Vjp& v) {
      if (v.needs(0)) v.set(0, v.g());
      if (!v.needs(1) && !v.needs(2)) return;
      const Tensor g = scaled_g(v);
      if (v.needs(1)) v.set(1, mul(g, v.x(2)));
      if (v.needs(2)) v.set(2, mul(g, v.x(1)));
    }).reading_for({0, kThird, kOther});
// z = x + value a / b       dx = g      da = value g / b    db = -value g a / b^2
constinit const Op addcdiv_float_op =
    fused("addcdiv_float", "addcdiv of floating tensors.", addcdiv_f, [](Vjp& v) {
      if (v.needs(0)) v.set(0, v.g());
      if (!v.needs(1) && !v.needs(2)) return;
      const Tensor by_b = div(scaled_g(v), v.x(2));
      if (v.needs(1)) v.set(1, by_b);
      if (v.needs(2)) v.set(2, neg(mul(by_b, div(v.x(1), v.x(2)))));
    }).reading_for({0, kThird, 0});

constexpr Signature kAddcmul =
    "(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Tensor";
// z = x + value a b
constinit const Op addcmul_op{
    .name = "addcmul",
    .signature = kAddcmul,
    .on = kEverywhere,
    .doc = "input + value * tensor1 * tensor2, in the dtype that they and `value` have in common.",
    .composed = [](Call& c) {
      add_scaled(c, c.attrs.scalar(kAddcmul["value"]), mul_op, addcmul_float_op);
    }};

constexpr Signature kAddcdiv =
    "(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: Number = 1) -> Tensor";
// z = x + value a / b
constinit const Op addcdiv_op{.name = "addcdiv",
                              .signature = kAddcdiv,
                              .on = kEverywhere,
                              .doc = "input + value * tensor1 / tensor2, in the common dtype.",
                              .composed = [](Call& c) {
                                check(is_floating(c.in(1).dtype()) || is_floating(c.in(2).dtype()),
                                      "Integer division with addcdiv is no longer supported.");
                                add_scaled(c, c.attrs.scalar(kAddcdiv["value"]), div_op,
                                           addcdiv_float_op);
                              }};

// y = x pi / 180
constinit const Op deg2rad_op{
    .name = "deg2rad",
    .signature = "(input: Tensor) -> Tensor",
    .on = kEverywhere,
    .doc = "Degrees as radians: input * pi / 180.",
    .composed = [](Call& c) { c.results = {mul(c.input(0), M_PI / 180)}; }};
// y = x 180 / pi
constinit const Op rad2deg_op{
    .name = "rad2deg",
    .signature = "(input: Tensor) -> Tensor",
    .on = kEverywhere,
    .doc = "Radians as degrees: input * 180 / pi.",
    .composed = [](Call& c) { c.results = {mul(c.input(0), 180 / M_PI)}; }};

namespace {
constexpr auto logit_f = [](auto x, const double* p) {
  using X = decltype(x);
  return logit(p[0] < 0 ? x : min(max(x, X(p[0])), X(1 - p[0])));
};
constexpr Signature kLogitBounded = "(input: Tensor, eps: float) -> Tensor";

struct LogitSlope {
  auto operator()(auto g, auto x, const double* p) const {
    const double lo = std::max(p[0], 0.0), outside = p[0] < 0 ? NAN : 0.0;
    return select((x < lo) | (x > 1 - lo), outside, g / (x * (1.0 - x)));
  }
  static Tensor bend(const Operand& x, const Attrs& a) {
    return mul(square(apply(logit_backward_op, {1.0, x}, a)), sub(mul(x, 2), 1));
  }
};
}  // namespace

// d = g / (x (1 - x)), 0 outside [eps, 1 - eps]; NaN outside [0, 1] if eps < 0
// dg = h / (x (1 - x)) likewise     dx = h d (2 x - 1) / (x (1 - x))
constinit const Op logit_backward_op =
    slope_op<LogitSlope>("logit_backward", "(grad: Tensor, input: Tensor, eps: float) -> Tensor");
// y = log(z / (1 - z)), z = min(max(x, eps), 1 - eps), or x if eps < 0
// dx = g / (x (1 - x)) where z = x, else 0; NaN outside [0, 1] if eps < 0
constinit const Op logit_bounded_op =
    pointwise_op("logit_bounded", kLogitBounded, "logit; without bounds if `eps` is negative.",
                 &kRow<1, Floats, decltype(logit_f)>, Promote::kFloat,
                 gradient_by<logit_backward_op>, kInput, 0);

constexpr Signature kLogit = "(input: Tensor, eps: float | None = None) -> Tensor";
// y = log(x / (1 - x))
constinit const Op logit_op{
    .name = "logit",
    .signature = kLogit,
    .on = kEverywhere,
    .doc =
        "log(x / (1 - x)), the inverse of sigmoid; NaN outside [0, 1]. With `eps`, x is limited "
        "to [eps, 1 - eps] first.",
    .composed = [](Call& c) {
      const double eps = c.attrs.has(kLogit["eps"]) ? c.attrs.real(kLogit["eps"]) : -1.0;
      c.results = {apply(logit_bounded_op, {c.in(0)}, Attrs(eps))};
    }};

#define WENGERT_UNARY(name) \
  Tensor name(const Operand& x) { return apply(name##_op, {x}); }
WENGERT_UNARY(neg)
WENGERT_UNARY(abs)
WENGERT_UNARY(sign)
WENGERT_UNARY(square)
WENGERT_UNARY(sqrt)
WENGERT_UNARY(rsqrt)
WENGERT_UNARY(reciprocal)
WENGERT_UNARY(exp)
WENGERT_UNARY(exp2)
WENGERT_UNARY(expm1)
WENGERT_UNARY(log)
WENGERT_UNARY(log2)
WENGERT_UNARY(log10)
WENGERT_UNARY(log1p)
WENGERT_UNARY(sin)
WENGERT_UNARY(cos)
WENGERT_UNARY(tan)
WENGERT_UNARY(sinh)
WENGERT_UNARY(cosh)
WENGERT_UNARY(erf)
WENGERT_UNARY(floor)
WENGERT_UNARY(ceil)
WENGERT_UNARY(round)
WENGERT_UNARY(trunc)
#undef WENGERT_UNARY
Tensor clamp(const Operand& x, const Operand& min, const Operand& max) {
  return apply(clamp_op, {x, min, max});
}

namespace {
const Op* const kOps[] = {
    &neg_op,        &abs_op,        &sign_op,          &square_op,         &sqrt_op,
    &rsqrt_op,      &reciprocal_op, &exp_op,           &exp2_op,           &expm1_op,
    &log_op,        &log2_op,       &log10_op,         &log1p_op,          &sin_op,
    &cos_op,        &tan_op,        &sinh_op,          &cosh_op,           &asin_op,
    &acos_op,       &atan_op,       &asinh_op,         &acosh_op,          &atanh_op,
    &erf_op,        &erfc_op,       &floor_op,         &ceil_op,           &round_op,
    &round_to_op,   &trunc_op,      &frac_op,          &positive_op,       &clamp_both_op,
    &clamp_min_op,  &clamp_max_op,  &clamp_op,         &clip_op,           &nan_to_num_float_op,
    &nan_to_num_op, &lerp_op,       &addcmul_float_op, &addcdiv_float_op,  &addcmul_op,
    &addcdiv_op,    &deg2rad_op,    &rad2deg_op,       &logit_backward_op, &logit_bounded_op,
    &logit_op};
}
std::span<const Op* const> math_ops() { return kOps; }

}  // namespace wengert
