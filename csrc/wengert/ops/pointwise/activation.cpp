// Smooth activation functions. Each has a backward op of its own: one pass over memory, itself
// differentiable.
#include <cmath>

#include "wengert/kernels/core/pointwise.h"
#include "wengert/ops/pointwise/pointwise.h"
#include "wengert/ops/pointwise/slope.h"

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
constexpr auto softsign_f = [](auto x) { return x / (1.0 + abs(x)); };
constexpr auto tanhshrink_f = [](auto x) { return x - tanh(x); };
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

constexpr Signature kElu =
    "(input: Tensor, alpha: float = 1.0, *, scale: float = 1.0, input_scale: float = 1.0) -> "
    "Tensor";
// ---- elu           y = s x where x > 0, else s a (e^(k x) - 1); selu and celu are elu
// dx = g s where x > 0, else g s a k e^(k x)
namespace {
struct EluSlope {
  auto operator()(auto g, auto x, const double* p) const {
    const auto below = exp(min(x, decltype(x)(0.0)) * p[2]) * (p[0] * p[1] * p[2]);
    return g * select(x > 0.0, p[1], below);
  }
  static Tensor bend(const Operand& x, const Attrs& a) {
    const double k = a.real(kElu["input_scale"]);
    const double at_zero = a.real(kElu["alpha"]) * a.real(kElu["scale"]) * k * k;
    return where(gt(x, 0), 0.0, mul(exp(mul(minimum(x, 0.0), k)), at_zero));
  }
};
}  // namespace
constinit const Op elu_backward_op = slope_op<EluSlope>(
    "elu_backward",
    "(grad: Tensor, input: Tensor, alpha: float, scale: float, input_scale: float) -> Tensor");
constinit const Op elu_op = activation<Floats>(
    "elu", kElu, "x where x > 0, else alpha * (exp(x) - 1). Clevert, Unterthiner, Hochreiter 2015.",
    [](auto x, const double* p) {
      return select(x > 0.0, x * p[1], expm1(min(x, decltype(x)(0.0)) * p[2]) * (p[0] * p[1]));
    },
    gradient_by<elu_backward_op>, kInput, kLayer);
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
namespace {
struct SoftplusSlope {
  auto operator()(auto g, auto x, const double* p) const {
    const auto z = x * p[0];
    return g * select(z > p[1], 1.0, sigmoid(z));
  }
  static Tensor bend(const Operand& x, const Attrs& a) {
    const double beta = a.real(kSoftplus["beta"]);
    const Tensor z = mul(x, beta), s = sigmoid(z);
    return where(gt(z, a.real(kSoftplus["threshold"])), 0.0, mul(mul(s, sub(1, s)), beta));
  }
};
struct LogsigmoidSlope {
  auto operator()(auto g, auto x) const { return g * sigmoid(-x); }
  static Tensor bend(const Operand& x, const Attrs&) {
    const Tensor s = sigmoid(x);
    return mul(s, sub(s, 1));
  }
};
}  // namespace
constinit const Op softplus_backward_op =
    slope_op<SoftplusSlope>("softplus_backward",
                            "(grad: Tensor, input: Tensor, beta: float, threshold: float) -> "
                            "Tensor");
constinit const Op softplus_op = activation<Floats>(
    "softplus", kSoftplus, "log(1 + exp(beta * x)) / beta; x itself where beta * x > threshold.",
    [](auto x, const double* p) {
      const auto z = x * p[0];
      return select(z > p[1], x, (max(z, decltype(x)(0.0)) + log1p(exp(-abs(z)))) * (1 / p[0]));
    },
    gradient_by<softplus_backward_op>, kInput, kFunctional);
// ---- logsigmoid    y = log sigmoid(x)                           dx = g sigmoid(-x)
constinit const Op logsigmoid_backward_op = slope_op<LogsigmoidSlope>("logsigmoid_backward");
constinit const Op logsigmoid_op = activation<Floats>(
    "logsigmoid", kOne, "log(sigmoid(x)), accurate on both sides.",
    [](auto x) { return min(x, decltype(x)(0.0)) - log1p(exp(-abs(x))); },
    gradient_by<logsigmoid_backward_op>, kInput, kFunctional);

// ---- mish          y = x t, t = tanh(softplus(x))       dx = g (t + x sigmoid(x) (1 - t^2))
namespace {
// With e = e^-|x|: (1 + e^x)^2 = e^2x (1 + e)^2 above 0, so t is a ratio without overflow, and
// 1 - t is one without cancellation.
struct MishSlope {
  auto operator()(auto g, auto x) const {
    const auto e = exp(-abs(x));
    const auto n = select(x >= 0.0, 1.0 + 2.0 * e, e * (e + 2.0));
    const auto d = select(x >= 0.0, 2.0 * e * e, decltype(x)(2.0));
    const auto r = 1.0 / (n + d);
    const auto s = select(x >= 0.0, decltype(x)(1.0), e) / (1.0 + e);
    return g * (n * r + x * s * (d * r * (2.0 * n + d) * r));
  }
  static Tensor bend(const Operand& x, const Attrs&) {
    const Tensor s = sigmoid(x), t = tanh(softplus(x));
    // s (1 - t^2) (2 + x (1 - s - 2 s t))
    const Tensor inner = sub(sub(1, s), mul(mul(s, t), 2));
    return mul(mul(s, sub(1, square(t))), add(mul(x, inner), 2));
  }
};
}  // namespace
constinit const Op mish_backward_op = slope_op<MishSlope>("mish_backward");
constinit const Op mish_op = activation<Floats>(
    "mish", kOne, "x * tanh(softplus(x)). Misra 2019.",
    [](auto x) {
      const auto e = exp(-abs(x));
      const auto n = select(x >= 0.0, 1.0 + 2.0 * e, e * (e + 2.0));
      return x * (n / (n + select(x >= 0.0, 2.0 * e * e, decltype(x)(2.0))));
    },
    gradient_by<mish_backward_op>, kInput, kLayer);

// ---- softsign      y = x / (1 + |x|)          dx = g / (1 + |x|)^2
namespace {
struct SoftsignSlope {
  auto operator()(auto g, auto x) const {
    const auto d = 1.0 + abs(x);
    return g / (d * d);
  }
  static Tensor bend(const Operand& x, const Attrs&) {
    return mul(div(sign(x), pow(add(abs(x), 1), 3)), -2);
  }
};
struct TanhshrinkSlope {
  auto operator()(auto g, auto x) const {
    const auto t = tanh(x);
    return g * (t * t);
  }
  static Tensor bend(const Operand& x, const Attrs&) {
    const Tensor t = tanh(x);
    return mul(mul(t, 2), sub(1, square(t)));
  }
};
void shape_but_of_bool(Call& c) {
  check(c.original(0)->dtype() != Dtype::kBool, ErrorKind::kNotImplemented,
        "not implemented for dtype bool");
  pointwise_shape(c);
}
}  // namespace
constinit const Op softsign_backward_op = slope_op<SoftsignSlope>("softsign_backward");
constinit const Op softsign_op = pointwise_op(
    "softsign", kOne, "x / (1 + |x|).", &kRow<1, Floats, decltype(softsign_f)>, Promote::kFloat,
    gradient_by<softsign_backward_op>, kInput, kFunctional, shape_but_of_bool);
// ---- tanhshrink    y = x - tanh x             dx = g tanh(x)^2
constinit const Op tanhshrink_backward_op = slope_op<TanhshrinkSlope>("tanhshrink_backward");
constinit const Op tanhshrink_op = pointwise_op(
    "tanhshrink", kOne, "x - tanh(x).", &kRow<1, Floats, decltype(tanhshrink_f)>, Promote::kFloat,
    gradient_by<tanhshrink_backward_op>, kInput, kFunctional, shape_but_of_bool);

// ---- gate          z = a s, s = sigmoid(b)     da = g s     db = g a s (1 - s)
namespace {
constexpr auto gate_f = [](auto a, auto b) { return a * sigmoid(b); };
constexpr auto gate_backward_f = [](auto g, auto a, auto b) {
  const auto s = sigmoid(b);
  return g * a * (s * (1.0 - s));
};
}  // namespace
constinit const Op gate_backward_op = pointwise_op(
    "gate_backward", "(grad: Tensor, input: Tensor, gate: Tensor) -> Tensor",
    "Backward of gate, by the gate.", &kRow<3, Floats, decltype(gate_backward_f)>, Promote::kCommon,
    [](Vjp& v) {
      const Operand g = v.x(0), a = v.x(1), b = v.x(2);
      if (v.needs(0)) v.set(0, apply(gate_backward_op, {v.g(), a, b}));
      if (v.needs(1)) v.set(1, apply(gate_backward_op, {v.g(), g, b}));
      if (v.needs(2))
        v.set(2, mul(apply(gate_backward_op, {mul(v.g(), g), a, b}), sub(1, mul(sigmoid(b), 2))));
    },
    kInputs, 0);
constinit const Op gate_op =
    pointwise_op(
        "gate", "(input: Tensor, gate: Tensor) -> Tensor", "input * sigmoid(gate).",
        &kRow<2, Floats, decltype(gate_f)>, Promote::kCommon,
        [](Vjp& v) {
          const Operand a = v.x(0), b = v.x(1);
          if (v.needs(0)) v.set(0, apply(gate_op, {v.g(), b}));
          if (v.needs(1)) v.set(1, apply(gate_backward_op, {v.g(), a, b}));
        },
        kInputs, 0)
        .reading_for({kOther});

constexpr Signature kGlu = "(input: Tensor, dim: int = -1) -> Tensor";
namespace {
void glu_shape(Call& c) {
  const Tensor& x = c.in(0);
  check(x.ndim() > 0, "does not support 0-dimensional tensors");
  check(is_floating(x.dtype()), ErrorKind::kNotImplemented, "not implemented for dtype ",
        x.dtype());
  const int dim = wrap_dim(c.attrs.integer(kGlu["dim"]), x.ndim());
  check(x.size(dim) % 2 == 0, "Halving dimension must be even, but dimension ",
        c.attrs.integer(kGlu["dim"]), " is size ", x.size(dim));
  Dims shape = x.shape();
  shape[dim] /= 2;
  c.output(x.dtype(), shape);
}
void glu_run(Call& c) {
  const Tensor &x = c.in(0), &y = c.out[0];
  const int dim = wrap_dim(c.attrs.integer(kGlu["dim"]), x.ndim());
  const int64_t size = item_size(x.dtype()), half = y.size(dim) * x.strides()[dim];
  PointwiseOperand operands[] = {{y.data(), size, y.strides()},
                                 {x.data(), size, x.strides()},
                                 {x.data() + half * size, size, x.strides()}};
  pointwise_loop(binary_kernel(gate_op, x.dtype()), nullptr, y.shape(), operands, 3);
}
void glu_vjp(Vjp& v) {
  const Tensor x = v.x();
  const int dim = wrap_dim(v.attrs().integer(kGlu["dim"]), x.ndim());
  const int64_t half = x.size(dim) / 2;
  const Tensor a = narrow(x, dim, 0, half), b = narrow(x, dim, half, half);
  v.set(0, cat({apply(gate_op, {v.g(), b}), apply(gate_backward_op, {v.g(), a, b})}, dim));
}
}  // namespace
// ---- glu           y = a sigmoid(b), a and b the halves of x    dx = (g s, g a s (1 - s))
constinit const Op glu_op{
    .name = "glu",
    .signature = kGlu,
    .on = kFunctional,
    .doc = "Splits `input` in two halves along `dim`: a * sigmoid(b). Dauphin et al. 2016.",
    .shape = glu_shape,
    .run = glu_run,
    .vjp = glu_vjp,
    .reads = kInput};

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
namespace {
const Op* const kOps[] = {&sigmoid_backward_op,
                          &sigmoid_op,
                          &tanh_backward_op,
                          &tanh_op,
                          &relu_backward_op,
                          &relu_op,
                          &elu_backward_op,
                          &elu_op,
                          &selu_op,
                          &celu_op,
                          &gelu_backward_op,
                          &gelu_op,
                          &silu_backward_op,
                          &silu_op,
                          &softplus_backward_op,
                          &softplus_op,
                          &logsigmoid_backward_op,
                          &logsigmoid_op,
                          &mish_backward_op,
                          &mish_op,
                          &softsign_backward_op,
                          &softsign_op,
                          &tanhshrink_backward_op,
                          &tanhshrink_op,
                          &gate_backward_op,
                          &gate_op,
                          &glu_op};
}
std::span<const Op* const> activation_ops() { return kOps; }

}  // namespace wengert
