// The parts of numbers, their divisors, their neighbours; and what is made of other rows.
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "wengert/base/parallel.h"
#include "wengert/kernels/core/pointwise_rows.h"
#include "wengert/ops/create/create.h"
#include "wengert/ops/pointwise/pointwise.h"
#include "wengert/ops/pointwise/rows.h"

namespace wengert {

namespace {

constexpr Signature kOne = "(input: Tensor) -> Tensor";
constexpr Signature kTwo = "(input: Tensor, other: Tensor) -> Tensor";
constexpr uint32_t kBoth = kMethod | kModule;
using Whole = Types<uint8_t, int32_t, int64_t>;

constexpr Op made(const char* name, const Signature& signature, uint32_t on, const char* doc,
                  void (*composed)(Call&)) {
  Op op{.name = name, .signature = signature, .on = on, .doc = doc};
  op.composed = composed;
  return op;
}

// ---- signs

constexpr auto signbit_f = [](auto x) {
  using T = decltype(x);
  if constexpr (std::is_floating_point_v<T>) {
    return std::signbit(x);
  } else {
    return std::is_signed_v<T> && x < T(0);
  }
};

// ---- divisors

template <class T>
std::make_unsigned_t<T> divisor(T a, T b) {
  using U = std::make_unsigned_t<T>;
  U x = a < 0 ? U(0) - static_cast<U>(a) : static_cast<U>(a);
  U y = b < 0 ? U(0) - static_cast<U>(b) : static_cast<U>(b);
  while (y != 0) {
    const U rest = x % y;
    x = y;
    y = rest;
  }
  return x;
}
constexpr auto gcd_f = [](auto a, auto b) { return static_cast<decltype(a)>(divisor(a, b)); };
constexpr auto lcm_f = [](auto a, auto b) {
  using T = decltype(a);
  const auto g = divisor(a, b);
  if (g == 0) return T(0);
  using U = decltype(divisor(a, b));
  const U size = a < 0 ? U(0) - static_cast<U>(a) : static_cast<U>(a);
  const U y = static_cast<U>(size / g) * static_cast<U>(b);
  return static_cast<T>(static_cast<T>(y) < 0 ? U(0) - y : y);
};
template <class F>
constexpr Op of_whole(const char* name, const char* doc, F) {
  return pointwise_op(name, kTwo, doc, &kRow<2, Whole, F>, Promote::kCommon, nullptr, kNothing,
                      kEverywhere);
}

// ---- neighbours and exponents

// By their bits, which arithmetic would take zeros of; see Note [denormals].
template <class T>
struct Bits {
  using Wide = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;
  using I = std::conditional_t<sizeof(T) == 2, int16_t, Wide>;
  static constexpr int kDigits = std::is_same_v<T, Half>       ? 10
                                 : std::is_same_v<T, BFloat16> ? 7
                                                               : std::numeric_limits<T>::digits - 1;
  static constexpr I kSign = std::numeric_limits<I>::min(), kSize = ~kSign;
  static constexpr I kExponent = kSize >> kDigits << kDigits;  // infinity's
};

// Sizes, with their sign, are in order. Bits go up by one away from 0.
template <class T>
T next_after(T x, T y) {
  using B = Bits<T>;
  using I = typename B::I;
  const auto a = std::bit_cast<I>(x), b = std::bit_cast<I>(y);
  const I p = a & B::kSize, q = b & B::kSize, below = a < 0 ? -1 : 0, other = b < 0 ? -1 : 0;
  const I from = (p ^ below) - below, to = (q ^ other) - other, up = to > from ? -1 : 0;
  const I away = up ^ below, moved = a + ~(away + away), least = (b & B::kSign) | 1;
  const I found = from == to ? b : (p == 0 ? least : moved);
  return std::bit_cast<T>(p > B::kExponent ? a : q > B::kExponent ? b : found);
}
template <class T>
void nextafter_kernel(void* out, const void* const* in, int64_t n, const double*) {
  const auto *x = static_cast<const T*>(in[0]), *y = static_cast<const T*>(in[1]);
  auto* o = static_cast<T*>(out);
  for (int64_t i = 0; i < n; ++i) o[i] = next_after(x[i], y[i]);
}
constexpr PointwiseRow kNextafter = [] {
  PointwiseRow row{.arity = 2};
  row.kernels[index(Dtype::kFloat16)] = nextafter_kernel<Half>;
  row.kernels[index(Dtype::kBFloat16)] = nextafter_kernel<BFloat16>;
  row.kernels[index(Dtype::kFloat32)] = nextafter_kernel<float>;
  row.kernels[index(Dtype::kFloat64)] = nextafter_kernel<double>;
  return row;
}();

[[gnu::cold]] void nextafter_vjp(Vjp& v) {  // small: it waits for memory
  if (v.needs(0)) v.set(0, where(ne(v.x(0), v.x(1)), v.g(), 0.0));
  if (v.needs(1)) v.set(1, zeros(v.shape(1), v.dtype(1)));
}

constexpr auto logaddexp2_f = [](auto a, auto b) {
  using V = decltype(a);
  const V most = max(a, b);
  return select(a == b, a + 1.0, most + log1p(exp2(min(a, b) - most)) * M_LOG2E);
};

constexpr auto xlog1py_f = [](auto a, auto b) {
  return select(b == b, select(a == 0.0, abs(a), a * log1p(b)), b);
};

template <class T>
struct Frexp {
  T mantissa;
  int32_t exponent;
};
// A number without a normal exponent is a whole one, its bits, times the smallest.
template <class T>
Frexp<T> frexp_of(T x) {
  using B = Bits<T>;
  using I = typename B::I;
  constexpr I kHalf = std::bit_cast<I>(T{0.5}), kBias = kHalf >> B::kDigits;
  constexpr T kWhole = static_cast<T>(I{1} << B::kDigits);  // whose bits' last are a whole number
  const auto a = std::bit_cast<I>(x);
  const I size = a & B::kSize;
  const bool small = size < I{1} << B::kDigits, plain = size == 0 || size >= B::kExponent;
  const T whole = std::bit_cast<T>(size | std::bit_cast<I>(kWhole)) - kWhole;
  const I b = small ? std::bit_cast<I>(whole) : size;
  const I e = (b >> B::kDigits) - kBias - (small ? kBias + B::kDigits : 0);
  const I mantissa = (b & ~B::kExponent) | kHalf | (a & B::kSign);
  return {std::bit_cast<T>(plain ? a : mantissa), static_cast<int32_t>(plain ? 0 : e)};
}
void frexp_run(Call& c) {
  const Tensor& x = c.in(0);
  auto* exponents = c.out[1].data_as<int32_t>();
  dispatch_floating(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const T* from = x.data_as<T>();
    T* to = c.out[0].data_as<T>();
    parallel_for(x.numel(), 8192, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const auto [mantissa, e] = frexp_of(from[i]);
        to[i] = mantissa;
        exponents[i] = e;
      }
    });
  });
}

// ---- sums of products

constexpr Signature kAddr =
    "(input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor";
constexpr Signature kAddbmm =
    "(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> "
    "Tensor";
constexpr int kBeta = attribute("beta", kAddr, kAddbmm),
              kAlpha = attribute("alpha", kAddr, kAddbmm);

void check_weights(const Call& c, Dtype common) {
  for (const auto& [s, name] :
       {std::pair{c.attrs.scalar(kBeta), "beta"}, std::pair{c.attrs.scalar(kAlpha), "alpha"}}) {
    check(is_floating(common) || !s.is_float(), "For integral input tensors, argument ", name,
          " must not be a floating point number.");
    check(common == Dtype::kBool || s.kind() != Scalar::Kind::kBool, "Boolean ", name,
          " only supported for Boolean results.");
    dispatch_all(common, [&s = s](auto zero) { s.to<decltype(zero)>(); });
  }
}

// beta x + alpha y, where x of beta 0 is not looked at, NaN or not.
Tensor weighted(const Call& c, const Tensor& y, Dtype common) {
  const Scalar beta = c.attrs.scalar(kBeta), alpha = c.attrs.scalar(kAlpha);
  check_weights(c, common);
  const Tensor x = expand(to(c.in(0), common), y.shape());
  if (common == Dtype::kBool) {
    const Tensor none = zeros(y.shape(), common);
    return add(beta.real() != 0 ? x : none, alpha.real() != 0 ? y : none);
  }
  const Tensor part = alpha.real() == 1 ? y : mul(y, alpha);
  if (beta.real() == 0) return to(part, common);
  return add(beta.real() == 1 ? x : mul(x, beta), part);
}

void addr_composed(Call& c) {
  for (const int i : {1, 2})
    check(c.in(i).ndim() == 1, "Expected 1-D argument vec", i, ", but got ", c.in(i).ndim(), "-D");
  const Dtype common = common_dtype(c);
  const Tensor column = unsqueeze(to(c.in(1), common), 1), row = to(c.in(2), common);
  const Scalar beta = c.attrs.scalar(kBeta);
  if (!is_floating(common) || beta.real() == 0) {
    c.results = {weighted(c, mul(column, row), common)};
    return;
  }
  check_weights(c, common);
  const Tensor x = expand(to(c.in(0), common), Dims{column.size(0), row.size(0)});
  c.results = {apply(addcmul_float_op, {beta.real() == 1 ? x : mul(x, beta), column, row},
                     Attrs(c.attrs.scalar(kAlpha).real()))};
}

void addbmm_composed(Call& c) {
  const Tensor &a = c.in(1), &b = c.in(2);
  check(a.ndim() == 3 && b.ndim() == 3, "batch1 and batch2 must be 3D tensors, got shapes ",
        a.shape(), " and ", b.shape());
  check(a.size(0) == b.size(0) && a.size(2) == b.size(1),
        "batch1 and batch2 must have the same number of batches and fit, got shapes ", a.shape(),
        " and ", b.shape());
  check(a.dtype() == b.dtype() && a.dtype() == c.in(0).dtype(), "expected all tensors to have one ",
        "dtype, got ", c.in(0).dtype(), ", ", a.dtype(), " and ", b.dtype());
  // The sum over the batch is one product with all of it along the inner dimension.
  const Tensor wide = reshape(transpose(a, 0, 1), Dims{a.size(1), a.size(0) * a.size(2)});
  const Tensor tall = reshape(b, Dims{b.size(0) * b.size(1), b.size(2)});
  c.results = {weighted(c, matmul(wide, tall), a.dtype())};
}

void heaviside_composed(Call& c) {
  const Tensor &x = c.in(0), &at_zero = c.in(1);
  check(x.dtype() == at_zero.dtype(), "not yet implemented for tensors with different dtypes, got ",
        x.dtype(), " and ", at_zero.dtype());
  const NoGradGuard guard;
  c.results = {where(eq(x, 0), at_zero, to(gt(x, 0), x.dtype()))};
}

Tensor in_double(const Operand& x) {
  return x.is_scalar() ? full({}, x.scalar(), Dtype::kFloat64) : to(x.tensor(), Dtype::kFloat64);
}
// A number stays one, as special exponents are better known so.
void float_power_composed(Call& c) {
  const Operand &x = c.input(0), &y = c.input(1);
  check(x.is_tensor() || y.is_tensor(), ErrorKind::kType, "one of the two must be a Tensor");
  c.results = {y.is_scalar()   ? pow(in_double(x), y.scalar().real())
               : x.is_scalar() ? pow(x.scalar().real(), in_double(y))
                               : pow(in_double(x), in_double(y))};
}

constexpr auto angle_f = [](auto x) {
  using V = decltype(x);
  return select(x < 0.0, V(M_PI), select(x == x, V(0.0), x));
};

}  // namespace

// y = 1 where the sign of x is -, of zeros and NaN too, else 0
constinit const Op signbit_op = pointwise_op(
    "signbit", kOne, "True where the sign bit is set, of -0.0 and of NaN as well.",
    &kPredicateRow<1, AllTypes, decltype(signbit_f)>, Promote::kCommon, nullptr, kNothing, kBoth);
// y = 1 where x = +inf, else 0
constinit const Op isposinf_op =
    made("isposinf", kOne, kBoth, "True where positive infinity.",
         [](Call& c) { c.results = {eq(c.in(0), std::numeric_limits<double>::infinity())}; });
// y = 1 where x = -inf, else 0
constinit const Op isneginf_op =
    made("isneginf", kOne, kBoth, "True where negative infinity.",
         [](Call& c) { c.results = {eq(c.in(0), -std::numeric_limits<double>::infinity())}; });
// y = 1
constinit const Op isreal_op =
    made("isreal", kOne, kBoth, "True everywhere: there are no complex dtypes.",
         [](Call& c) { c.results = {full(c.in(0).shape(), true, Dtype::kBool)}; });
// z = 0 where x < 0, y where x = 0, 1 where x > 0
constinit const Op heaviside_op =
    made("heaviside", "(input: Tensor, values: Tensor) -> Tensor", kEverywhere,
         "0 for negative elements, 1 for positive ones, `values` where zero. Both of one dtype; no "
         "gradient.",
         heaviside_composed);
// y = 0 where x >= 0, pi where x < 0      dx = 0
constinit const Op angle_op = pointwise_op(
    "angle", kOne, "The angle of real numbers: pi if negative, else 0; NaN stays.",
    &kRow<1, Floats, decltype(angle_f)>, Promote::kFloat, no_gradient, kNothing, kBoth);

// z = the largest number that divides x and y
constinit const Op gcd_op =
    of_whole("gcd", "The greatest common divisor of integers, not negative; gcd(0, 0) = 0.", gcd_f);
// z = |x y| / gcd(x, y)
constinit const Op lcm_op =
    of_whole("lcm", "The least common multiple of integers, not negative.", lcm_f);

// z = the next number after x towards y      dx = g, and 0 where x = y        dy = 0
constinit const Op nextafter_op =
    pointwise_op(
        "nextafter", kTwo,
        "The next floating number after `input` towards `other`, of the dtype that they promote "
        "to: float16 and bfloat16 have steps of their own. To PyTorch, and here, it moves with "
        "`input`, but not where the two are equal.",
        &kNextafter, Promote::kCommon, nextafter_vjp, kInputs, kEverywhere)
        .reading_for({kInput, kInput})
        .of_any_dtype();
// z = x 2^y
constinit const Op ldexp_op =
    made("ldexp", kTwo, kEverywhere, "input * 2^other, in floating point.",
         [](Call& c) { c.results = {mul(c.in(0), exp2(c.in(1)))}; });
// m = x / 2^e, 1/2 <= |m| < 1        dx = g / 2^e
constinit const Op frexp_op{
    .name = "frexp",
    .signature = "(input: Tensor) -> (mantissa: Tensor, exponent: Tensor)",
    .doc =
        "The parts of floating numbers: input = mantissa * 2^exponent, with mantissas of magnitude "
        "0.5 to 1 and exponents int32.",
    .contiguous = true,
    .shape =
        [](Call& c) {
          check(is_floating(c.in(0).dtype()), "only supports floating-point dtypes, got ",
                c.in(0).dtype());
          c.output(c.in(0).dtype(), c.in(0).shape());
          c.output(Dtype::kInt32, c.in(0).shape());
        },
    .run = frexp_run,
    .vjp =
        [](Vjp& v) {
          if (v.has_g(0)) v.set(0, div(v.g(), exp2(to(v.y(1), v.dtype(0)))));
        },
    .reads = reads_output(1)};
// z = x^y
constinit const Op float_power_op =
    made("float_power", "(input: Operand, exponent: Operand) -> Tensor", kEverywhere,
         "input^exponent in float64.", float_power_composed);
// z = log2(2^x + 2^y)           dx = g / (1 + 2^(y-x))       dy = g / (1 + 2^(x-y))
constinit const Op logaddexp2_op = pointwise_op(
    "logaddexp2", kTwo, "log2(2^input + 2^other), without overflow.",
    &kRow<2, Floats, decltype(logaddexp2_f)>, Promote::kCommon,
    [](Vjp& v) {
      const Operand x = v.x(0), y = v.x(1);
      if (v.needs(0)) v.set(0, div(v.g(), add(exp2(sub(y, x)), 1)));
      if (v.needs(1)) v.set(1, div(v.g(), add(exp2(sub(x, y)), 1)));
    },
    kInputs, kBoth);
// z = x log(1 + y)              dx = g log(1 + y), and 0 where x = 0, y <= -1     dy = g x / (1 +
// y)
constinit const Op xlog1py_op = pointwise_op(
    "xlog1py", "(input: Operand, other: Operand) -> Tensor",
    "input * log(1 + other), and 0 where `input` is 0 and `other` is not NaN.",
    &kRow<2, Floats, decltype(xlog1py_f)>, Promote::kFloat,
    [](Vjp& v) {
      const Operand x = v.x(0), y = v.x(1);
      const Operand rest =
          y.is_scalar() ? Operand(std::log1p(y.scalar().real())) : Operand(log1p(y));
      if (v.needs(0)) v.set(0, where(logical_and(eq(x, 0), le(y, -1)), 0.0, mul(v.g(), rest)));
      if (v.needs(1)) v.set(1, div(mul(v.g(), x), add(y, 1)));
    },
    kInputs, 0);

// z_ij = b x_ij + a u_i v_j
constinit const Op addr_op = made("addr", kAddr, kEverywhere,
                                  "beta * input + alpha * the outer product of two vectors; the "
                                  "input is broadcast, and ignored if beta is 0.",
                                  addr_composed);
// z = b x + a sum_k u_k v_k
constinit const Op addbmm_op = made(
    "addbmm", kAddbmm, kEverywhere,
    "beta * input + alpha * the sum of the products of matrices: (b, n, m), (b, m, p) -> (n, p); "
    "the input is broadcast, and ignored if beta is 0.",
    addbmm_composed);
// z = sum_i x_i y_i
constinit const Op vdot_op =
    made("vdot", kTwo, kBoth, "The dot product of two real vectors.", [](Call& c) {
      const Tensor &x = c.in(0), &y = c.in(1);
      check(x.ndim() == 1 && y.ndim() == 1, "1D tensors expected, ", "but got ", x.ndim(), "D and ",
            y.ndim(), "D tensors");
      c.results = {matmul(x, y)};
    });

namespace {
const Op* const kOps[] = {
    &signbit_op,    &isposinf_op, &isneginf_op,  &isreal_op, &heaviside_op, &angle_op,
    &gcd_op,        &lcm_op,      &nextafter_op, &ldexp_op,  &frexp_op,     &float_power_op,
    &logaddexp2_op, &xlog1py_op,  &addr_op,      &addbmm_op, &vdot_op};
}
std::span<const Op* const> number_ops() { return kOps; }

}  // namespace wengert
