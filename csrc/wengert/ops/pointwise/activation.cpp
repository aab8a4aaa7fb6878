// Activation functions. Those on the hot path of training have a backward op of their own: one
// pass over memory, itself differentiable.
#include <cmath>
#include <limits>

#include "wengert/kernels/core/pointwise_rows.h"
#include "wengert/ops/pointwise/pointwise.h"
#include "wengert/ops/pointwise/rows.h"

namespace wengert {
namespace {

constexpr uint32_t kActivation = kFunctional | kMethod | kModule | kInplace | kInplaceFunctional;
constexpr uint32_t kLayer = kFunctional | kInplaceFunctional;
constexpr Signature kOne = "(input: Tensor) -> Tensor";

template <class Ts, class F>
constexpr Op activation(const char* name, const Signature& signature, const char* doc, F,
                        void (*vjp)(Vjp&), uint32_t reads, uint32_t on,
                        void (*shape)(Call&) = pointwise_shape) {
  return pointwise_op(name, signature, doc, &kRow<1, Ts, F>, Promote::kCommon, vjp, reads, on,
                      shape);
}
// Backward ops: (gradient, input or output) -> gradient. Hidden from users.
template <class F>
constexpr Op backward_of(const char* name, const Signature& signature, F, void (*vjp)(Vjp&)) {
  return pointwise_op(name, signature, "Backward of the op of that name.", &kRow<2, Floats, F>,
                      Promote::kCommon, vjp, kInputs, 0);
}
constexpr auto sigmoid_f = [](auto x) { return sigmoid(x); };
constexpr auto tanh_f = [](auto x) { return tanh(x); };
constexpr auto leaky_relu_backward_f = [](auto g, auto x, const double* p) {
  return select(x > 0.0, g, g * p[0]);
};
constexpr Signature kBackward = "(grad: Tensor, input: Tensor) -> Tensor";

}  // namespace

// ---- sigmoid       y = 1 / (1 + e^-x)       dx = g y (1 - y)
constinit const Op sigmoid_backward_op = backward_of(
    "sigmoid_backward", kBackward, [](auto g, auto y) { return g * y * (1.0 - y); },
    [](Vjp& v) {
      const Operand g = v.x(0), y = v.x(1);
      if (v.needs(0)) v.set(0, mul(v.g(), mul(y, sub(1, y))));
      if (v.needs(1)) v.set(1, mul(v.g(), mul(g, sub(1, mul(y, 2)))));
    });
constinit const Op sigmoid_op = pointwise_op(
    "sigmoid", kOne, "The logistic function 1 / (1 + exp(-x)).",
    &kRow<1, Floats, decltype(sigmoid_f)>, Promote::kFloat,
    [](Vjp& v) { v.set(0, v.over_g(sigmoid_backward_op, v.y())); }, kOutput,
    kEverywhere | kFunctional);

// ---- tanh          y = tanh x                 dx = g (1 - y^2)
constinit const Op tanh_backward_op = backward_of(
    "tanh_backward", kBackward, [](auto g, auto y) { return g * (1.0 - y * y); },
    [](Vjp& v) {
      const Operand g = v.x(0), y = v.x(1);
      if (v.needs(0)) v.set(0, apply(tanh_backward_op, {v.g(), y}));
      if (v.needs(1)) v.set(1, mul(v.g(), mul(g, mul(y, -2))));
    });
constinit const Op tanh_op = pointwise_op(
    "tanh", kOne, "The hyperbolic tangent of every element.", &kRow<1, Floats, decltype(tanh_f)>,
    Promote::kFloat, [](Vjp& v) { v.set(0, v.over_g(tanh_backward_op, v.y())); }, kOutput,
    kEverywhere | kFunctional);

// ---- relu          y = max(x, 0)            dx = g where y > 0
constinit const Op relu_backward_op = backward_of(
    "relu_backward", kBackward, [](auto g, auto y) { return select(y <= 0.0, 0.0, g); },
    [](Vjp& v) {
      if (v.needs(0)) v.set(0, apply(relu_backward_op, {v.g(), v.x(1)}));
      if (v.needs(1)) v.set(1, zeros(v.shape(1), v.dtype(1)));
    });
constinit const Op relu_op = activation<Numbers>(
    "relu", kOne, "max(x, 0); NaN stays NaN.", [](auto x) { return max(x, decltype(x)(0)); },
    [](Vjp& v) { v.set(0, v.over_g(relu_backward_op, v.y())); }, kOutput, kActivation);

// ---- leaky_relu    y = x where x > 0, else s x            dx = g where x > 0, else s g
constinit const Op leaky_relu_backward_op = pointwise_op(
    "leaky_relu_backward", "(grad: Tensor, input: Tensor, slope: float) -> Tensor",
    "Backward of leaky_relu.", &kRow<2, Floats, decltype(leaky_relu_backward_f)>, Promote::kCommon,
    [](Vjp& v) {
      if (v.needs(0)) v.set(0, apply(leaky_relu_backward_op, {v.g(), v.x(1)}, v.attrs()));
      if (v.needs(1)) v.set(1, zeros(v.shape(1), v.dtype(1)));
    },
    kInputs, 0);
constinit const Op leaky_relu_op = activation<Floats>(
    "leaky_relu", "(input: Tensor, negative_slope: float = 0.01) -> Tensor",
    "x where x > 0, else negative_slope * x.",
    [](auto x, const double* p) { return select(x > 0.0, x, x * p[0]); },
    [](Vjp& v) { v.set(0, v.over_g(leaky_relu_backward_op, v.x(), v.attrs())); }, kInput, kLayer);

constexpr Signature kElu =
    "(input: Tensor, alpha: float = 1.0, *, scale: float = 1.0, input_scale: float = 1.0) -> "
    "Tensor";
// ---- elu           y = s x where x > 0, else s a (e^(k x) - 1); selu and celu are elu
// dx = g s where x > 0, else g s a k e^(k x)
constinit const Op elu_op = activation<Floats>(
    "elu", kElu, "x where x > 0, else alpha * (exp(x) - 1). Clevert, Unterthiner, Hochreiter 2015.",
    [](auto x, const double* p) {
      return select(x > 0.0, x * p[1], expm1(min(x, decltype(x)(0.0)) * p[2]) * (p[0] * p[1]));
    },
    [](Vjp& v) {
      const Attrs& a = v.attrs();
      const double alpha = a.real(kElu["alpha"]), scale = a.real(kElu["scale"]),
                   k = a.real(kElu["input_scale"]);
      const Operand x = v.x();
      const Tensor below = mul(exp(mul(minimum(x, 0.0), k)), alpha * scale * k);
      v.set(0, v.over_g(mul_op, where(gt(x, 0), scale, below)));
    },
    kInput, kLayer);
// y = scale x where x > 0, else scale alpha (e^x - 1)
constinit const Op selu_op{
    .name = "selu",
    .signature = kOne,
    .on = kActivation,
    .doc = "Scaled elu that keeps mean 0 and variance 1. Klambauer et al. 2017.",
    .composed = [](Call& c) {
      constexpr double alpha = 1.6732632423543772848170429916717;
      constexpr double scale = 1.0507009873554804934193349852946;
      c.results = {apply(elu_op, {c.input(0)}, Attrs(alpha, scale, 1.0))};
    }};

constexpr Signature kCelu = "(input: Tensor, alpha: float = 1.0) -> Tensor";
// y = x where x > 0, else alpha (e^(x / alpha) - 1)
constinit const Op celu_op{
    .name = "celu",
    .signature = kCelu,
    .on = kActivation,
    .doc = "max(x, 0) + min(0, alpha * (exp(x / alpha) - 1)). Barron 2017.",
    .composed = [](Call& c) {
      const double alpha = c.attrs.real(kCelu["alpha"]);
      check(alpha != 0, "ZeroDivisionError: alpha cannot be 0 for CELU");
      c.results = {apply(elu_op, {c.input(0)}, Attrs(alpha, 1.0, 1 / alpha))};
    }};

// ---- gelu          y = x P(x), P the normal distribution function       dx = g (P + x P')
// With approximate='tanh': P = (1 + tanh(k (x + 0.044715 x^3))) / 2, k = sqrt(2 / pi).
namespace {
constexpr double kGeluScale = M_2_SQRTPI * M_SQRT1_2;  // sqrt(2 / pi)
constexpr double kGeluCubic = 0.044715;

struct GeluByTanh {
  auto operator()(auto x) const {
    return 0.5 * x * (1.0 + tanh(kGeluScale * (x + kGeluCubic * x * x * x)));
  }
};
struct Gelu {
  using IfSet = GeluByTanh;
  auto operator()(auto x) const { return wengert::gelu(x); }
};
struct GeluByTanhBackward {
  auto operator()(auto g, auto x) const {
    const auto t = tanh(kGeluScale * (x + kGeluCubic * x * x * x));
    const auto inner = kGeluScale * (1.0 + (3 * kGeluCubic) * x * x);
    return g * (0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * inner);
  }
};
struct GeluBackward {
  using IfSet = GeluByTanhBackward;
  auto operator()(auto g, auto x) const { return g * gelu_slope(x); }
};

Tensor slope_of_gelu(const Operand& x, bool approximate) {
  if (approximate) {
    const Tensor t = tanh(mul(add(x, mul(pow(x, 3), kGeluCubic)), kGeluScale));
    const Tensor inner = mul(add(mul(square(x), 3 * kGeluCubic), 1), kGeluScale);
    return add(mul(add(t, 1), 0.5), mul(mul(mul(x, 0.5), sub(1, square(t))), inner));
  }
  const Tensor density = mul(exp(mul(square(x), -0.5)), kNormalDensity);
  return add(mul(add(erf(mul(x, M_SQRT1_2)), 1), 0.5), mul(x, density));
}

// The second derivative of gelu, for the derivative of its backward.
Tensor gelu_curvature(const Operand& x, bool approximate) {
  if (!approximate) {
    const Tensor density = mul(exp(mul(square(x), -0.5)), kNormalDensity);
    return mul(density, sub(2, square(x)));
  }
  const Tensor t = tanh(mul(add(x, mul(pow(x, 3), kGeluCubic)), kGeluScale));
  const Tensor inner = mul(add(mul(square(x), 3 * kGeluCubic), 1), kGeluScale);
  const Tensor slope = sub(1, square(t));
  // d/dx of (1 + t) / 2 + x (1 - t^2) u / 2 with t' = (1 - t^2) u and u' = 6 k c x
  const Tensor bend = mul(mul(square(inner), mul(t, slope)), mul(x, -1));
  return add(mul(slope, add(inner, mul(square(x), 3 * kGeluCubic * kGeluScale))), bend);
}
}  // namespace

constexpr Signature kGeluBackward =
    "(grad: Tensor, input: Tensor, approximate: 'none' | 'tanh') -> Tensor";
constinit const Op gelu_backward_op = pointwise_op(
    "gelu_backward", kGeluBackward, "Backward of gelu.", &kRow<2, Floats, GeluBackward>,
    Promote::kCommon,
    [](Vjp& v) {
      const bool approximate = v.attrs().integer(kGeluBackward["approximate"]) != 0;
      const Operand g = v.x(0), x = v.x(1);
      if (v.needs(0)) v.set(0, mul(v.g(), slope_of_gelu(x, approximate)));
      if (v.needs(1)) v.set(1, mul(v.g(), mul(g, gelu_curvature(x, approximate))));
    },
    kInputs, 0);
constinit const Op gelu_op = pointwise_op(
    "gelu", "(input: Tensor, approximate: 'none' | 'tanh' = 'none') -> Tensor",
    "x times the normal distribution function of x, exact or by tanh. Hendrycks, Gimpel 2016.",
    &kRow<1, Floats, Gelu>, Promote::kCommon,
    [](Vjp& v) { v.set(0, v.over_g(gelu_backward_op, v.x(), v.attrs())); }, kInput, kFunctional);

// ---- silu          y = x s, s = sigmoid(x)                dx = g s (1 + x (1 - s))
constinit const Op silu_backward_op = backward_of(
    "silu_backward", kBackward,
    [](auto g, auto x) {
      const auto s = sigmoid(x);
      return g * s * (1.0 + x * (1.0 - s));
    },
    [](Vjp& v) {
      const Operand g = v.x(0), x = v.x(1);
      const Tensor s = sigmoid(x), c = sub(1, s);
      if (v.needs(0)) v.set(0, mul(v.g(), mul(s, add(mul(x, c), 1))));
      // d/dx of s (1 + x (1 - s)) = s (1 - s) (2 + x (1 - 2 s))
      const Tensor bend = mul(mul(s, c), add(mul(x, sub(1, mul(s, 2))), 2));
      if (v.needs(1)) v.set(1, mul(v.g(), mul(g, bend)));
    });
constinit const Op silu_op = activation<Floats>(
    "silu", kOne, "x * sigmoid(x), also called swish. Elfwing et al. 2017.",
    [](auto x) { return x * sigmoid(x); },
    [](Vjp& v) { v.set(0, v.over_g(silu_backward_op, v.x())); }, kInput, kLayer);

constexpr Signature kSoftplus =
    "(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor";
// ---- softplus      y = log(1 + e^(b x)) / b, and x where b x > threshold     dx = g sigmoid(b x)
constinit const Op softplus_op = activation<Floats>(
    "softplus", kSoftplus, "log(1 + exp(beta * x)) / beta; x itself where beta * x > threshold.",
    [](auto x, const double* p) {
      const auto z = x * p[0];
      return select(z > p[1], x, (max(z, decltype(x)(0.0)) + log1p(exp(-abs(z)))) * (1 / p[0]));
    },
    [](Vjp& v) {
      const double beta = v.attrs().real(kSoftplus["beta"]),
                   threshold = v.attrs().real(kSoftplus["threshold"]);
      const Tensor z = mul(v.x(), beta);
      v.set(0, v.over_g(mul_op, where(gt(z, threshold), 1.0, sigmoid(z))));
    },
    kInput, kFunctional);
// y = log sigmoid(x)                           dx = g sigmoid(-x)
constinit const Op logsigmoid_op = activation<Floats>(
    "logsigmoid", kOne, "log(sigmoid(x)), accurate on both sides.",
    [](auto x) { return min(x, decltype(x)(0.0)) - log1p(exp(-abs(x))); },
    [](Vjp& v) { v.set(0, v.over_g(mul_op, sigmoid(neg(v.x())))); }, kInput, kFunctional);
// y = x tanh(softplus(x))
// dx = g (t + x sigmoid(x) (1 - t^2)), t = tanh(softplus(x))
constinit const Op mish_op = activation<Floats>(
    "mish", kOne, "x * tanh(softplus(x)). Misra 2019.",
    [](auto x) { return x * tanh(max(x, decltype(x)(0.0)) + log1p(exp(-abs(x)))); },
    [](Vjp& v) {
      const Operand x = v.x();
      const Tensor t = tanh(softplus(x));
      v.set(0, v.over_g(mul_op, add(t, mul(mul(x, sigmoid(x)), sub(1, square(t))))));
    },
    kInput, kLayer);

// ---- hardtanh      y = min(max(x, lo), hi)                 dx = g but 0 where x <= lo or x >= hi
namespace {
// A bound beyond what an integer type holds limits nothing.
template <class X>
X bound(double v) {
  if constexpr (std::is_integral_v<X>) {
    using L = std::numeric_limits<X>;
    if (!(v > static_cast<double>(L::min()))) return L::min();
    if (v >= static_cast<double>(L::max())) return L::max();
  }
  return X(v);
}
constexpr auto hardtanh_f = [](auto x, const double* p) {
  using X = decltype(x);
  return min(max(x, bound<X>(p[0])), bound<X>(p[1]));
};
constexpr Signature kHardtanh =
    "(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor";
void hardtanh_shape(Call& c) {
  const double lo = c.attrs.real(kHardtanh["min_val"]), hi = c.attrs.real(kHardtanh["max_val"]);
  check(!(lo > hi), ErrorKind::kValue, "min_val cannot be greater than max_val, got ", lo, " and ",
        hi);
  check(c.common != Dtype::kUInt8 || (lo >= 0 && hi >= 0),
        "cannot be of an unsigned type with negative limits, got ", lo, " and ", hi);
  if (!is_floating(c.common))
    dispatch(c.common, [&](auto zero) {
      using L = std::numeric_limits<decltype(zero)>;
      if (!(lo <= static_cast<double>(L::max()))) overflows(lo, c.common);
      if (!(hi >= static_cast<double>(L::lowest()))) overflows(hi, c.common);
    });
  pointwise_shape(c);
}
}  // namespace

constinit const Op hardtanh_op = activation<Numbers>(
    "hardtanh", kHardtanh,
    "Limits every element to [min_val, max_val]; no gradient at and beyond the bounds. "
    "ValueError if min_val > max_val, RuntimeError for a negative bound of uint8.",
    hardtanh_f,
    [](Vjp& v) {
      const Operand x = v.x();
      const double lo = v.attrs().real(kHardtanh["min_val"]),
                   hi = v.attrs().real(kHardtanh["max_val"]);
      v.set(0, where(le(x, lo), 0.0, where(ge(x, hi), 0.0, v.g())));
    },
    kInput, kLayer, hardtanh_shape);
// y = min(max(x, 0), 6)
constinit const Op relu6_op{
    .name = "relu6",
    .signature = kOne,
    .on = kLayer,
    .doc = "min(max(x, 0), 6).",
    .composed = [](Call& c) { c.results = {apply(hardtanh_op, {c.input(0)}, Attrs(0.0, 6.0))}; }};
// y = min(max(x / 6 + 1/2, 0), 1)              dx = g / 6 where -3 < x < 3
constinit const Op hardsigmoid_op = activation<Floats>(
    "hardsigmoid", kOne, "min(max(x / 6 + 1 / 2, 0), 1).",
    [](auto x) {
      using X = decltype(x);
      return min(max(x + 3.0, X(0.0)), X(6.0)) / 6.0;
    },
    [](Vjp& v) {
      const Operand x = v.x();
      v.set(0, where(logical_and(gt(x, -3), lt(x, 3)), div(v.g(), 6), 0.0));
    },
    kInput, kLayer);
// y = x hardsigmoid(x)                         dx = g (0; x / 3 + 1/2; 1)
constinit const Op hardswish_op = activation<Floats>(
    "hardswish", kOne, "x * hardsigmoid(x). Howard et al. 2019.",
    [](auto x) {
      using X = decltype(x);
      return x * min(max(x + 3.0, X(0.0)), X(6.0)) / 6.0;
    },
    [](Vjp& v) {
      const Operand x = v.x();
      const Tensor inner = mul(v.g(), add(div(x, 3), 0.5));
      v.set(0, where(le(x, -3), 0.0, where(lt(x, 3), inner, v.g())));
    },
    kInput, kLayer);

constexpr Signature kShrink = "(input: Tensor, lambd: float = 0.5) -> Tensor";
namespace {
void outside_bounds(Vjp& v) {
  v.set(0, where(le(abs(v.x()), v.attrs().real(kShrink["lambd"])), 0.0, v.g()));
}
}  // namespace
// ---- hardshrink    y = 0 where |x| <= lambd, else x        dx = g where |x| > lambd
constinit const Op hardshrink_op = activation<Floats>(
    "hardshrink", kShrink, "0 where |x| <= lambd, else x.",
    [](auto x, const double* p) { return select(abs(x) <= p[0], 0.0, x); }, outside_bounds, kInput,
    kFunctional | kMethod | kModule);
// y = x - min(max(x, -lambd), lambd)           dx = g where |x| > lambd
constinit const Op softshrink_op = [] {
  Op op = activation<Floats>(
      "softshrink", kShrink,
      "x moved by lambd towards 0, and 0 where |x| <= lambd. RuntimeError if lambd < 0.",
      [](auto x, const double* p) {
        using X = decltype(x);
        return x - min(max(x, X(-p[0])), X(p[0]));
      },
      outside_bounds, kInput, kFunctional);
  op.shape = [](Call& c) {
    const double lambd = c.attrs.real(kShrink["lambd"]);
    check(lambd >= 0, "lambda must be greater or equal to 0, but found ", lambd);
    pointwise_shape(c);
  };
  return op;
}();

// ---- the smaller ones
// y = x / (1 + |x|)
constinit const Op softsign_op{
    .name = "softsign",
    .signature = kOne,
    .on = kFunctional,
    .doc = "x / (1 + |x|).",
    .composed = [](Call& c) { c.results = {div(c.input(0), add(abs(c.input(0)), 1))}; }};
// y = x - tanh x
constinit const Op tanhshrink_op{
    .name = "tanhshrink",
    .signature = kOne,
    .on = kFunctional,
    .doc = "x - tanh(x).",
    .composed = [](Call& c) { c.results = {sub(c.input(0), tanh(c.input(0)))}; }};

constexpr Signature kThreshold = "(input: Tensor, threshold: Number, value: Number) -> Tensor";
// y = x where x > threshold, else value
constinit const Op threshold_op{
    .name = "threshold",
    .signature = kThreshold,
    .on = kLayer | kModule,
    .doc = "x where x > threshold, else value.",
    .composed = [](Call& c) {
      const Scalar bound = c.attrs.scalar(kThreshold["threshold"]);
      if (!bound.is_float()) checked_number(bound, c.in(0).dtype());
      c.results = {where(le(c.input(0), bound), c.attrs.scalar(kThreshold["value"]), c.input(0))};
    }};
namespace {
constexpr auto prelu_f = [](auto x, auto w) {
  using X = decltype(x);
  return select(x > X(0), x, static_cast<X>(x * w));
};
}  // namespace
// An infinite x, or a weight of NaN, must not reach the gradients that it has no part in.
// z = x where x > 0, else w x        dx = g where x > 0, else g w        dw = g x but 0 where x > 0
constinit const Op prelu_each_op = pointwise_op(
    "prelu_each", "(input: Tensor, weight: Tensor) -> Tensor",
    "prelu of tensors that are broadcast.", &kRow<2, AllTypes, decltype(prelu_f)>, Promote::kCommon,
    [](Vjp& v) {
      const Operand x = v.x(0), w = v.x(1);
      const Tensor positive = gt(x, 0);
      if (v.needs(0)) v.set(0, where(positive, v.g(), mul(v.g(), w)));
      if (v.needs(1)) v.set(1, where(positive, 0.0, mul(v.g(), x)));
    },
    kInputs, 0);
// y = x where x > 0, else w x
constinit const Op prelu_op{
    .name = "prelu",
    .signature = "(input: Tensor, weight: Tensor) -> Tensor",
    .on = kFunctional | kModule | kMethod,
    .doc =
        "x where x > 0, else weight * x; one weight, or one per channel (dimension 1). He et "
        "al. 2015.",
    .composed = [](Call& c) {
      const Tensor& x = c.in(0);
      Tensor w = c.in(1);
      check(w.dtype() == x.dtype(), "Type promoting not supported. Got ", x.dtype(), " and ",
            w.dtype());
      check(w.ndim() <= 1, "weight must be a scalar or one-dimensional, got shape ", w.shape());
      check(w.dtype() == x.dtype(), "Type promoting not supported. Got ", x.dtype(), " and ",
            w.dtype());
      if (w.numel() != 1) {
        check(x.ndim() > 0 && x.size(x.ndim() > 1 ? 1 : 0) == w.numel(),
              "mismatch of parameter numbers and input channel size: found ", w.numel(),
              " parameters for input of shape ", x.shape());
        Dims shape = Dims::filled(x.ndim(), 1);
        shape[x.ndim() > 1 ? 1 : 0] = w.numel();
        w = reshape(w, shape);
      } else {
        w = reshape(w, Dims());
      }
      c.results = {apply(prelu_each_op, {x, w})};
    }};

constexpr Signature kGlu = "(input: Tensor, dim: int = -1) -> Tensor";
// y = a sigmoid(b), a and b the halves of x
constinit const Op glu_op{
    .name = "glu",
    .signature = kGlu,
    .on = kFunctional,
    .doc = "Splits `input` in two halves along `dim`: a * sigmoid(b). Dauphin et al. 2016.",
    .composed = [](Call& c) {
      const Tensor& x = c.in(0);
      check(x.ndim() > 0, "does not support 0-dimensional tensors");
      check(is_floating(x.dtype()), ErrorKind::kNotImplemented, "not implemented for dtype ",
            x.dtype());
      const int64_t n = x.size(c.attrs.integer(kGlu["dim"]));
      check(n % 2 == 0, "Halving dimension must be even, but dimension ",
            c.attrs.integer(kGlu["dim"]), " is size ", n);
      const std::vector<Tensor> halves =
          split(x, std::max<int64_t>(n / 2, 1), c.attrs.integer(kGlu["dim"]));
      c.results = {mul(halves[0], sigmoid(halves[n ? 1 : 0]))};
    }};

Tensor sigmoid(const Operand& x) { return apply(sigmoid_op, {x}); }
Tensor tanh(const Operand& x) { return apply(tanh_op, {x}); }
Tensor relu(const Operand& x) { return apply(relu_op, {x}); }
Tensor silu(const Operand& x) { return apply(silu_op, {x}); }
Tensor gelu(const Operand& x, bool tanh_approximation) {
  return apply(gelu_op, {x}, Attrs(static_cast<int64_t>(tanh_approximation)));
}
Tensor softplus(const Operand& x, double beta, double threshold) {
  return apply(softplus_op, {x}, Attrs(beta, threshold));
}
Tensor hardshrink(const Operand& x, double lambd) {
  return apply(hardshrink_op, {x}, Attrs(lambd));
}
Tensor softshrink(const Operand& x, double lambd) {
  return apply(softshrink_op, {x}, Attrs(lambd));
}

namespace {
const Op* const kOps[] = {&sigmoid_backward_op,
                          &sigmoid_op,
                          &tanh_backward_op,
                          &tanh_op,
                          &relu_backward_op,
                          &relu_op,
                          &leaky_relu_backward_op,
                          &leaky_relu_op,
                          &elu_op,
                          &selu_op,
                          &celu_op,
                          &gelu_backward_op,
                          &gelu_op,
                          &silu_backward_op,
                          &silu_op,
                          &softplus_op,
                          &logsigmoid_op,
                          &mish_op,
                          &hardtanh_op,
                          &relu6_op,
                          &hardsigmoid_op,
                          &hardswish_op,
                          &hardshrink_op,
                          &softshrink_op,
                          &softsign_op,
                          &tanhshrink_op,
                          &threshold_op,
                          &prelu_each_op,
                          &prelu_op,
                          &glu_op};
}
std::span<const Op* const> activation_ops() { return kOps; }

}  // namespace wengert
