// Arithmetic of two operands.
#include <cmath>

#include "wengert/kernels/core/pointwise_rows.h"
#include "wengert/ops/pointwise/pointwise.h"
#include "wengert/ops/pointwise/rows.h"

namespace wengert {

extern const Op add_scaled_op, trunc_divide_op, pow_odd_op;

namespace {

constexpr Signature kAddScaled = "(input: Operand, other: Operand, alpha: float) -> Tensor";
constexpr Signature kBinary = "(input: Operand, other: Operand) -> Tensor";
constexpr auto add_scaled_f = [](auto a, auto b, const double* p) { return a + b * p[0]; };

template <class Ts, class F>
constexpr Op binary(const char* name, const char* doc, F, void (*vjp)(Vjp&), uint32_t reads,
                    Promote promote = Promote::kCommon, uint32_t on = kEverywhere,
                    void (*shape)(Call&) = pointwise_shape) {
  return pointwise_op(name, kBinary, doc, &kRow<2, Ts, F>, promote, vjp, reads, on, shape);
}

template <class T>
T int_power(T base, T exponent) {
  if constexpr (std::is_signed_v<T>)
    if (exponent < 0) return base == 1 ? 1 : base == T(-1) ? (exponent % 2 ? T(-1) : T(1)) : T(0);
  std::make_unsigned_t<T> result = 1, square = static_cast<std::make_unsigned_t<T>>(base);
  for (; exponent > 0; exponent /= 2) {
    if (exponent % 2) result *= square;
    square *= square;
  }
  return static_cast<T>(result);
}

// Python's rule: the remainder has the sign of the divisor.
template <class T>
T remainder_of(T a, T b) {
  check(b != 0, "ZeroDivisionError");
  if (b == T(-1) && std::is_signed_v<T>) return 0;
  const T r = a % b;
  return r != 0 && (b < 0) != (r < 0) ? r + b : r;
}

template <class T>
T floored_quotient(T a, T b) {
  check(b != 0, "ZeroDivisionError");
  if (b == T(-1) && std::is_signed_v<T>) return static_cast<T>(-std::make_unsigned_t<T>(a));
  const T q = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? q - 1 : q;
}

template <class T>
T truncated_quotient(T a, T b) {
  check(b != 0, "ZeroDivisionError");
  if (b == T(-1) && std::is_signed_v<T>) return static_cast<T>(-static_cast<int64_t>(a));
  return a / b;
}

template <class T>
T truncated_remainder(T a, T b) {
  check(b != 0, "ZeroDivisionError");
  return b == T(-1) && std::is_signed_v<T> ? T(0) : a % b;
}

// A function of registers, and one of integers.
#define WENGERT_EITHER(of_registers, of_integers) \
  [](auto a, auto b) {                            \
    if constexpr (is_vec<decltype(a)>) {          \
      return of_registers;                        \
    } else {                                      \
      return of_integers(a, b);                   \
    }                                             \
  }

// f(exponent, function) for the exponents that are products and roots, as PyTorch rounds them. An
// element's value is theirs wherever it stands: beside others in a tensor of exponents, too.
template <class F>
void each_special_exponent(const F& f) {
  f(2.0, [](auto x) { return x * x; });
  f(3.0, [](auto x) { return x * x * x; });
  f(0.5, [](auto x) { return abs(sqrt(flushed(x))); });
  f(-1.0, [](auto x) { return 1.0 / x; });
  f(1.0, [](auto x) { return x; });
  f(-2.0, [](auto x) { return 1.0 / (x * x); });
  f(-0.5, [](auto x) { return 1.0 / abs(sqrt(flushed(x))); });
  f(0.0, [](auto x) { return decltype(x)(1.0); });
}
template <class F>
bool with_special_exponent(double exponent, const F& f) {
  bool found = false;
  each_special_exponent([&](double e, auto power) {
    if (e != exponent) return;
    f(power);
    found = true;
  });
  return found;
}

template <class V>
[[gnu::noinline]] V special_powers(V x, V y, V z) {
  each_special_exponent([&](double e, auto power) { z = select(y == e, power(x), z); });
  return z;
}
constexpr auto power_f = [](auto x, auto y) {
  const auto z = pow(x, y), twice = y + y;
  if (any((trunc(twice) == twice) & (abs(y) <= 3.0))) return special_powers(x, y, z);
  return z;
};

template <class T>
void power_kernel(void* out, const void* const* in, int64_t n, const double*) {
  using V = Vec<T>;
  const auto* y = static_cast<const T*>(in[1]);
  const V first = V::repeat(y[0]);
  int64_t i = 0;
  while (i + V::kSize <= n && !any(V::load(y + i) != first)) i += V::kSize;
  while (i < n && y[i] == y[0]) ++i;
  if (i == n && with_special_exponent(
                    y[0], [&]<class F>(F) { detail::vector_kernel<T, 1, F>(out, in, n, nullptr); }))
    return;
  detail::vector_kernel<T, 2, decltype(power_f)>(out, in, n, nullptr);
}

constexpr PointwiseRow power_row() {
  PointwiseRow row = pointwise<2>(Types<uint8_t, int32_t, int64_t>{},
                                  [](auto a, auto b) { return int_power(a, b); });
  row.kernels[index(Dtype::kFloat32)] = power_kernel<float>;
  row.kernels[index(Dtype::kFloat64)] = power_kernel<double>;
  return row;
}
constexpr PointwiseRow kPower = power_row();

void pow_run(Call& c) {
  const bool numbers = is_floating(c.common) && c.input(0).is_tensor() && c.input(1).is_scalar();
  if (numbers && with_special_exponent(c.input(1).scalar().real(),
                                       [&]<class F>(F) { pointwise_run(c, kRow<1, Floats, F>); }))
    return;
  pointwise_run(c);
}

// log x, of a number too in full precision: a tensor of it would have the default dtype.
Operand log_of(const Operand& x) {
  return x.is_scalar() ? Operand(std::log(x.scalar().real())) : Operand(log(x));
}
Operand square_of(const Operand& x) {
  return x.is_scalar() ? Operand(x.scalar().real() * x.scalar().real()) : Operand(mul(x, x));
}

constexpr auto odd_power_f = [](auto x, auto e) {
  const auto even = pow(x, e);
  return select(e > 0.0, x * even, even / x);
};

// d(x^y)/dx = y x^(y-1), and 0 where y = 0 (x^-1 may be infinite there).
Tensor power_dx(const Tensor& g, const Operand& x, const Operand& y) {
  if (y.is_scalar()) {
    const Scalar e = y.scalar();
    if (e.real() == 0) return mul(g, 0.0);
    if (e.real() == 1) return g;
    if (e.real() == 2) return mul(g, mul(x, y));
    const Operand less = e.is_float() ? Operand(e.real() - 1) : Operand(e.integer() - 1);
    return mul(g, mul(pow(x, less), y));
  }
  return where(eq(y, 0), 0.0, mul(g, mul(y, pow(x, sub(y, 1)))));
}

// Ties share the gradient; where one is NaN both have it, as in PyTorch.
Tensor share(const Tensor& g, const Tensor& loses, const Operand& x, const Operand& y) {
  return where(eq(x, y), mul(g, 0.5), where(loses, 0.0, g));
}

constexpr Signature kAddAlpha = "(input: Operand, other: Operand, *, alpha: Number = 1) -> Tensor";
constexpr Signature kSubAlpha = "(input: Operand, other: Operand, *, alpha: Number = 1) -> Tensor";
constexpr Signature kRsub = "(input: Operand, other: Operand, *, alpha: Number = 1) -> Tensor";
constexpr int kAlpha = attribute("alpha", kAddAlpha, kSubAlpha, kRsub);

// Checked on the call, not on what promotion makes of it.
bool is_bool(const Operand& x) {
  return x.is_tensor() ? x->dtype() == Dtype::kBool
                       : x.is_scalar() && x.scalar().kind() == Scalar::Kind::kBool;
}
void check_no_bool(const Call& c) {
  for (int i = 0; i < 2; ++i)
    check(!is_bool(c.original(i)),
          "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying "
          "to invert a mask, use the `~` or `logical_not()` operator instead.");
}

void sub_shape(Call& c) {
  check_no_bool(c);
  pointwise_shape(c);
}

// float32 has no odd numbers above 2^24, yet with an odd exponent a negative number stays negative.
bool is_odd_above_24_bits(double e) {
  return std::abs(e) > 0x1p24 && std::isfinite(e) && std::fmod(e, 2) != 0 && e == std::trunc(e);
}
void pow_shape(Call& c) {
  if (c.input(1).is_scalar()) {
    const Scalar e = c.input(1).scalar();
    if (!is_floating(c.common)) {
      check(e.integer() >= 0, "Integers to negative integer powers are not allowed.");
      checked_number(e, c.common);
    } else if (c.common == Dtype::kFloat32 && is_odd_above_24_bits(e.real())) [[unlikely]] {
      c.input(1) = e.real() > 0 ? e.real() - 1 : e.real() + 1;
      c.become(pow_odd_op);
    }
  }
  pointwise_shape(c);
}
void pow_odd_shape(Call& c) {
  check(c.input(0).is_tensor() && c.input(1).is_scalar(), "a tensor and a number expected");
  pointwise_shape(c);
}
template <bool kUpper>
void extremum_shape(Call& c) {
  for (int i = 0; i < 2; ++i) fit_bound(c, i, kUpper);
  pointwise_shape(c);
}

// Input i times alpha, an integer, in the common dtype.
Operand scaled(const Call& c, int i) {
  const Dtype common = common_dtype(c);
  const Scalar given = c.attrs.scalar(kAlpha);
  check(!given.is_float(),
        "For integral input tensors, argument alpha must not be a floating point number.");
  const Scalar alpha = checked_number(given, common);
  const Operand& x = c.input(i);
  if (x.is_tensor()) return mul(cast_to(x, common), alpha);
  return dispatch(widened(common), [&](auto zero) -> Operand {
    using T = decltype(zero);
    const T a = x.scalar().wrapped<T>(), b = alpha.wrapped<T>();
    if constexpr (std::is_same_v<T, bool>) return Operand(a && b);
    if constexpr (std::is_floating_point_v<T>) return Operand(static_cast<double>(a * b));
    return Operand(static_cast<int64_t>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b)));
  });
}

// Input i, and alpha times the other one added or subtracted.
template <const Op& kOp>
void with_scaled(Call& c, int i) {
  const Dtype common = common_dtype(c);
  const Operand &x = c.input(i), &y = c.input(1 - i);
  if (!is_floating(common)) {
    c.results = {apply(kOp, {x, scaled(c, 1 - i)})};
    return;
  }
  const double alpha = checked_number(c.attrs.scalar(kAlpha), common).real();
  c.results = {apply(add_scaled_op, {x, y}, Attrs(&kOp == &sub_op ? -alpha : alpha))};
}

constexpr Signature kDivRounded =
    "(input: Operand, other: Operand, *, rounding_mode: 'trunc' | 'floor' | None = None) -> Tensor";

void div_rounded(Call& c) {
  const bool floor = c.attrs.has(kDivRounded["rounding_mode"]) &&
                     c.attrs.integer(kDivRounded["rounding_mode"]) == 1;
  c.results = {!c.attrs.has(kDivRounded["rounding_mode"]) ? div(c.input(0), c.input(1))
               : floor                                    ? floor_divide(c.input(0), c.input(1))
                       : apply(trunc_divide_op, {c.input(0), c.input(1)})};
}

}  // namespace

// z = x + y        dx = g        dy = g
constinit const Op add_op = binary<AllTypes>(
    "add", "Adds `other` to `input`, element by element, with broadcasting and type promotion.",
    TakesSingles{[](auto a, auto b) { return a + b; }},
    [](Vjp& v) {
      v.set(0, v.g());
      v.set(1, v.g());
    },
    kNothing);
constinit const Op add_alpha_op{.name = "add",
                                .signature = kAddAlpha,
                                .on = kEverywhere,
                                .doc = "Adds `alpha * other` to `input`.",
                                .composed = [](Call& c) { with_scaled<add_op>(c, 0); }};
// z = x + alpha y        dx = g        dy = alpha g
constinit const Op add_scaled_op = pointwise_op(
    "add_scaled", kAddScaled, "add with a factor, of floating tensors.",
    &kRow<2, Floats, TakesSingles<decltype(add_scaled_f)>>, Promote::kCommon,
    [](Vjp& v) {
      if (v.needs(0)) v.set(0, v.g());
      if (v.needs(1)) v.set(1, v.over_g(mul_op, v.attrs().real(kAddScaled["alpha"])));
    },
    kNothing, 0);

// z = x - y        dx = g        dy = -g
constinit const Op sub_op =
    binary<Numbers>(
        "sub", "Subtracts `other` from `input`. Not defined for bool: use logical_xor.",
        TakesSingles{[](auto a, auto b) { return a - b; }},
        [](Vjp& v) {
          v.set(0, v.g());
          if (v.needs(1)) v.set(1, v.over_g(neg_op));
        },
        kNothing, Promote::kCommon, kEverywhere, sub_shape)
        .also("subtract");
constinit const Op sub_alpha_op{.name = "sub",
                                .signature = kSubAlpha,
                                .on = kEverywhere,
                                .aliases = "subtract",
                                .doc = "Subtracts `alpha * other` from `input`.",
                                .composed = [](Call& c) {
                                  check_no_bool(c);
                                  with_scaled<sub_op>(c, 0);
                                }};
// z = y - alpha x
constinit const Op rsub_op{
    .name = "rsub", .signature = kRsub, .doc = "`other - alpha * input`.", .composed = [](Call& c) {
      check_no_bool(c);
      with_scaled<sub_op>(c, 1);
    }};

// z = x y          dx = g y      dy = g x
constinit const Op mul_op = binary<AllTypes>(
                                "mul", "Multiplies `input` by `other`, element by element.",
                                TakesSingles{[](auto a, auto b) { return a * b; }},
                                [](Vjp& v) {
                                  if (!v.needs(1)) return v.set(0, v.over_g(mul_op, v.x(1)));
                                  if (v.needs(0)) v.set(0, mul(v.g(), v.x(1)));
                                  v.set(1, v.over_g(mul_op, v.x(0)));
                                },
                                kInputs)
                                .reading_for({kOther, kInput})
                                .also("multiply");

// z = x / y        dx = g / y    dy = -g z / y
constinit const Op div_op =
    binary<Floats>(
        "div",
        "Divides `input` by `other`; integers become the default floating dtype. `rounding_mode` "
        "'trunc' or 'floor' rounds the quotient and keeps integers.",
        TakesSingles{[](auto a, auto b) { return a / b; }},
        [](Vjp& v) {
          if (!v.needs(1)) return v.set(0, v.over_g(div_op, v.x(1)));
          if (v.needs(0)) v.set(0, div(v.g(), v.x(1)));
          v.set(1, neg(div(v.over_g(mul_op, v.y()), v.x(1))));
        },
        kOther | kOutput, Promote::kFloat)
        .reading_for({}, kOther)
        .also("divide true_divide");
constinit const Op div_rounded_op{.name = "div",
                                  .signature = kDivRounded,
                                  .on = kEverywhere,
                                  .aliases = "divide true_divide",
                                  .doc = "Division with rounding.",
                                  .composed = div_rounded};

// z = trunc(x / y)         dx = dy = 0
constinit const Op trunc_divide_op = binary<Numbers>(
    "trunc_divide", "The quotient rounded towards zero.",
    WENGERT_EITHER(trunc(a / b), truncated_quotient), no_gradient, kNothing, Promote::kCommon, 0);
// z = floor(x / y)         dx = dy = 0
constinit const Op floor_divide_op = binary<Numbers>(
    "floor_divide", "The quotient rounded down, as Python's `//`. Integer division by zero raises.",
    WENGERT_EITHER(floor_quotient(a, b), floored_quotient), no_gradient, kNothing);

// r = x - y floor(x / y)         dx = g        dy = -g floor(x / y)
constinit const Op remainder_op =
    binary<Numbers>(
        "remainder", "Python's `%`: the result has the sign of `other`.",
        WENGERT_EITHER(floor_remainder(a, b), remainder_of),
        [](Vjp& v) {
          v.set(0, v.g());
          if (v.needs(1)) v.set(1, neg(mul(v.g(), floor_divide(v.x(0), v.x(1)))));
        },
        kInputs)
        .reading_for({kOther, kOther});
// r = x - y trunc(x / y)         dx = g        dy = -g trunc(x / y)
constinit const Op fmod_op = binary<Numbers>(
                                 "fmod", "C's fmod: the result has the sign of `input`.",
                                 WENGERT_EITHER(fmod(a, b), truncated_remainder),
                                 [](Vjp& v) {
                                   v.set(0, v.g());
                                   if (v.needs(1))
                                     v.set(1, neg(mul(v.g(), trunc(div(v.x(0), v.x(1))))));
                                 },
                                 kInputs)
                                 .reading_for({kOther, kOther});

// z = x^y          dx = g y x^(y-1)            dy = g z log x, and 0 where x = 0, y >= 0
constinit const Op pow_op = [] {
  Op op = pointwise_op(
      "pow", "(input: Operand, exponent: Operand) -> Tensor",
      "Raises `input` to the power `exponent`, element by element.", &kPower, Promote::kCommon,
      [](Vjp& v) {
        if (v.needs(0)) v.set(0, power_dx(v.g(), v.x(0), v.x(1)));
        if (!v.needs(1)) return;
        const Operand x = v.x(0);
        const Tensor dy = mul(v.g(), mul(v.y(), log_of(x)));
        v.set(1, where(logical_and(eq(x, 0), ge(v.x(1), 0)), 0.0, dy));
      },
      kInputs | kOutput, kEverywhere, pow_shape);
  op.outputs_read_for = kOther;
  op.run = pow_run;
  return op;
}();

// With e > 0 one below the exponent, or e < 0 one above it:
// z = x x^e or x^e / x                         dx = g (e + 1) x^e or g (e - 1) x^(e-2)
constinit const Op pow_odd_op = pointwise_op(
    "pow_odd", "(input: Operand, exponent: Operand) -> Tensor",
    "pow of float32 to a number whose odd exponent float32 does not have; given the even one "
    "beside it.",
    &kRow<2, Floats, decltype(odd_power_f)>, Promote::kCommon,
    [](Vjp& v) {
      const double e = v.x(1).scalar().real(), power = e > 0 ? e + 1 : e - 1;
      v.set(0, mul(v.g(), mul(pow(v.x(0), power - 1), power)));
    },
    kInputs, 0, pow_odd_shape);

// z = atan2(x, y)  dx = g y / (x^2 + y^2)      dy = -g x / (x^2 + y^2), and 0 where that is 0
constinit const Op atan2_op =
    binary<Floats>(
        "atan2", "The angle of the point (`other`, `input`), in (-pi, pi].",
        [](auto a, auto b) { return atan2(a, b); },
        [](Vjp& v) {
          const Operand x = v.x(0), y = v.x(1);
          const Tensor squares = add(square_of(x), square_of(y));
          const Tensor g = where(eq(squares, 0), 0.0, div(v.g(), squares));
          if (v.needs(0)) v.set(0, mul(g, y));
          if (v.needs(1)) v.set(1, neg(mul(g, x)));
        },
        kInputs, Promote::kFloat)
        .also("arctan2");

// z = max(x, y)           dx = g where x > y, g / 2 where x = y        dy = g - dx
constinit const Op maximum_op = binary<AllTypes>(
    "maximum", "The larger of two elements; NaN if either is.",
    [](auto a, auto b) { return max(a, b); },
    [](Vjp& v) {
      const Operand x = v.x(0), y = v.x(1);
      if (v.needs(0)) v.set(0, share(v.g(), lt(x, y), x, y));
      if (v.needs(1)) v.set(1, share(v.g(), gt(x, y), x, y));
    },
    kInputs, Promote::kCommon, kMethod | kModule, extremum_shape<false>);
// z = min(x, y)           dx = g where x < y, g / 2 where x = y        dy = g - dx
constinit const Op minimum_op = binary<AllTypes>(
    "minimum", "The smaller of two elements; NaN if either is.",
    [](auto a, auto b) { return min(a, b); },
    [](Vjp& v) {
      const Operand x = v.x(0), y = v.x(1);
      if (v.needs(0)) v.set(0, share(v.g(), gt(x, y), x, y));
      if (v.needs(1)) v.set(1, share(v.g(), lt(x, y), x, y));
    },
    kInputs, Promote::kCommon, kMethod | kModule, extremum_shape<true>);

// A NaN loses against a number; ties give the whole gradient to `input`.
// z = max(x, y), the other where one is NaN     dx = g where x >= y or y is NaN     dy = g - dx
constinit const Op fmax_op = binary<AllTypes>(
    "fmax", "The larger of two elements; a NaN only if both are.",
    [](auto a, auto b) { return select(a == a, select(b == b, max(a, b), a), b); },
    [](Vjp& v) {
      const Operand x = v.x(0), y = v.x(1);
      const Tensor loses = logical_and(logical_not(ge(x, y)), eq(y, y));
      if (v.needs(0)) v.set(0, where(loses, 0.0, v.g()));
      if (v.needs(1)) v.set(1, where(loses, v.g(), 0.0));
    },
    kInputs, Promote::kCommon, kMethod | kModule, extremum_shape<false>);
// z = min(x, y), the other where one is NaN     dx = g where x <= y or y is NaN     dy = g - dx
constinit const Op fmin_op = binary<AllTypes>(
    "fmin", "The smaller of two elements; a NaN only if both are.",
    [](auto a, auto b) { return select(a == a, select(b == b, min(a, b), a), b); },
    [](Vjp& v) {
      const Operand x = v.x(0), y = v.x(1);
      const Tensor loses = logical_and(logical_not(le(x, y)), eq(y, y));
      if (v.needs(0)) v.set(0, where(loses, 0.0, v.g()));
      if (v.needs(1)) v.set(1, where(loses, v.g(), 0.0));
    },
    kInputs, Promote::kCommon, kMethod | kModule, extremum_shape<true>);

// z = sqrt(x^2 + y^2)            dx = g x / z  dy = g y / z
constinit const Op hypot_op = binary<Floats>(
    "hypot", "The length of the hypotenuse, sqrt(input^2 + other^2), without overflow.",
    [](auto a, auto b) { return hypot(a, b); },
    [](Vjp& v) {
      if (v.needs(0)) v.set(0, mul(v.g(), div(v.x(0), v.y())));
      if (v.needs(1)) v.set(1, mul(v.g(), div(v.x(1), v.y())));
    },
    kInputs | kOutput);

// z = |x| with the sign of y     dx = g z / x, and 0 where x = 0      dy = 0
constinit const Op copysign_op = binary<Floats>(
    "copysign", "The magnitude of `input` with the sign of `other`, that of zeros and NaN too.",
    [](auto a, auto b) { return lanes(a, b, [](auto x, auto y) { return std::copysign(x, y); }); },
    [](Vjp& v) {
      const Operand x = v.x(0);
      if (v.needs(0)) v.set(0, mul(v.g(), where(eq(x, 0.0), 0.0, div(v.y(), x))));
      if (v.needs(1)) v.set(1, zeros(v.shape(1), v.dtype(1)));
    },
    kInput | kOutput, Promote::kFloat);

// z = log(e^x + e^y)             dx = g / (1 + e^(y-x))       dy = g / (1 + e^(x-y))
constinit const Op logaddexp_op = binary<Floats>(
    "logaddexp", "log(exp(input) + exp(other)), without overflow.",
    [](auto a, auto b) {
      using V = decltype(a);
      const V most = max(a, b);
      return select(a == b, a + M_LN2, most + log1p(exp(min(a, b) - most)));
    },
    [](Vjp& v) {
      const Operand x = v.x(0), y = v.x(1);
      if (v.needs(0)) v.set(0, div(v.g(), add(exp(sub(y, x)), 1)));
      if (v.needs(1)) v.set(1, div(v.g(), add(exp(sub(x, y)), 1)));
    },
    kInputs, Promote::kCommon, kMethod | kModule);

// z = x log y                    dx = g log y, and 0 where x = 0, y <= 0      dy = g x / y
constinit const Op xlogy_op = binary<Floats>(
    "xlogy", "input * log(other), and 0 where `input` is 0 and `other` is not NaN.",
    [](auto a, auto b) { return select(b == b, select(a == 0.0, abs(a), a * log(b)), b); },
    [](Vjp& v) {
      const Operand x = v.x(0), y = v.x(1);
      if (v.needs(0)) v.set(0, where(logical_and(eq(x, 0), le(y, 0)), 0.0, mul(v.g(), log_of(y))));
      if (v.needs(1)) v.set(1, div(mul(v.g(), x), y));
    },
    kInputs, Promote::kFloat);

Tensor add(const Operand& x, const Operand& y) { return apply(add_op, {x, y}); }
Tensor sub(const Operand& x, const Operand& y) { return apply(sub_op, {x, y}); }
Tensor mul(const Operand& x, const Operand& y) { return apply(mul_op, {x, y}); }
Tensor div(const Operand& x, const Operand& y) { return apply(div_op, {x, y}); }
Tensor floor_divide(const Operand& x, const Operand& y) { return apply(floor_divide_op, {x, y}); }
Tensor remainder(const Operand& x, const Operand& y) { return apply(remainder_op, {x, y}); }
Tensor fmod(const Operand& x, const Operand& y) { return apply(fmod_op, {x, y}); }
Tensor pow(const Operand& x, const Operand& y) { return apply(pow_op, {x, y}); }
Tensor atan2(const Operand& x, const Operand& y) { return apply(atan2_op, {x, y}); }
Tensor maximum(const Operand& x, const Operand& y) { return apply(maximum_op, {x, y}); }
Tensor minimum(const Operand& x, const Operand& y) { return apply(minimum_op, {x, y}); }

namespace {
const Op* const kOps[] = {
    &add_op,  &add_alpha_op, &add_scaled_op,  &sub_op,          &sub_alpha_op,    &rsub_op,
    &mul_op,  &div_op,       &div_rounded_op, &trunc_divide_op, &floor_divide_op, &remainder_op,
    &fmod_op, &pow_op,       &pow_odd_op,     &atan2_op,        &maximum_op,      &minimum_op,
    &fmax_op, &fmin_op,      &hypot_op,       &logaddexp_op,    &xlogy_op,        &copysign_op};
}
std::span<const Op* const> arithmetic_ops() { return kOps; }

}  // namespace wengert
