// Activation functions made of straight pieces, and their gradients.
#include <cmath>
#include <limits>

#include "wengert/ops/pointwise/pointwise.h"
#include "wengert/ops/pointwise/slope.h"

namespace wengert {

extern const Op leaky_relu_op;

namespace {

constexpr uint32_t kLayer = kFunctional | kInplaceFunctional;
constexpr Signature kOne = "(input: Tensor) -> Tensor";

template <class Ts, class F>
constexpr Op activation(const char* name, const Signature& signature, const char* doc, F,
                        void (*vjp)(Vjp&), uint32_t on, void (*shape)(Call&) = pointwise_shape) {
  return pointwise_op(name, signature, doc, &kRow<1, Ts, F>, Promote::kCommon, vjp, kInput, on,
                      shape);
}

}  // namespace

// ---- leaky_relu    y = x where x > 0, else s x            dx = g where x > 0, else s g
namespace {
struct LeakyReluSlope {
  auto operator()(auto g, auto x, const double* p) const { return select(x > 0.0, g, g * p[0]); }
};
}  // namespace
constinit const Op leaky_relu_backward_op = slope_op<LeakyReluSlope>(
    "leaky_relu_backward", "(grad: Tensor, input: Tensor, slope: float) -> Tensor");
constinit const Op leaky_relu_op = activation<Floats>(
    "leaky_relu", "(input: Tensor, negative_slope: float = 0.01) -> Tensor",
    "x where x > 0, else negative_slope * x.",
    [](auto x, const double* p) { return select(x > 0.0, x, x * p[0]); },
    gradient_by<leaky_relu_backward_op>, kLayer);

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
struct HardtanhSlope {
  auto operator()(auto g, auto x, const double* p) const {
    return select(x <= p[0], 0.0, select(x >= p[1], 0.0, g));
  }
};
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

constinit const Op hardtanh_backward_op = slope_op<HardtanhSlope>(
    "hardtanh_backward", "(grad: Tensor, input: Tensor, min_val: float, max_val: float) -> Tensor");
constinit const Op hardtanh_op = activation<Numbers>(
    "hardtanh", kHardtanh,
    "Limits every element to [min_val, max_val]; no gradient at and beyond the bounds. "
    "ValueError if min_val > max_val, RuntimeError for a negative bound of uint8.",
    hardtanh_f, gradient_by<hardtanh_backward_op>, kLayer, hardtanh_shape);
// y = min(max(x, 0), 6)
constinit const Op relu6_op{
    .name = "relu6",
    .signature = kOne,
    .on = kLayer,
    .doc = "min(max(x, 0), 6).",
    .composed = [](Call& c) { c.results = {apply(hardtanh_op, {c.input(0)}, Attrs(0.0, 6.0))}; }};
// ---- hardsigmoid   y = min(max(x / 6 + 1/2, 0), 1)         dx = g / 6 where -3 < x < 3
namespace {
struct HardsigmoidSlope {
  auto operator()(auto g, auto x) const {
    return select(x > -3.0, select(x < 3.0, g / 6.0, 0.0), 0.0);
  }
};
struct HardswishSlope {
  auto operator()(auto g, auto x) const {
    return select(x <= -3.0, 0.0, select(x < 3.0, g * (x / 3.0 + 0.5), g));
  }
  static Tensor bend(const Operand& x, const Attrs&) {
    return where(logical_and(gt(x, -3), lt(x, 3)), 1.0 / 3, 0.0);
  }
};
}  // namespace
constinit const Op hardsigmoid_backward_op = slope_op<HardsigmoidSlope>("hardsigmoid_backward");
constinit const Op hardsigmoid_op = activation<Floats>(
    "hardsigmoid", kOne, "min(max(x / 6 + 1 / 2, 0), 1).",
    [](auto x) {
      using X = decltype(x);
      return min(max(x + 3.0, X(0.0)), X(6.0)) / 6.0;
    },
    gradient_by<hardsigmoid_backward_op>, kLayer);
// ---- hardswish     y = x hardsigmoid(x)                    dx = g (0; x / 3 + 1/2; 1)
constinit const Op hardswish_backward_op = slope_op<HardswishSlope>("hardswish_backward");
constinit const Op hardswish_op = activation<Floats>(
    "hardswish", kOne, "x * hardsigmoid(x). Howard et al. 2019.",
    [](auto x) {
      using X = decltype(x);
      return x * min(max(x + 3.0, X(0.0)), X(6.0)) / 6.0;
    },
    gradient_by<hardswish_backward_op>, kLayer);

constexpr Signature kShrink = "(input: Tensor, lambd: float = 0.5) -> Tensor";
namespace {
struct OutsideBounds {
  auto operator()(auto g, auto x, const double* p) const { return select(abs(x) <= p[0], 0.0, g); }
};
}  // namespace
// d = g where |x| > lambd, else 0           dg = h where |x| > lambd, else 0
constinit const Op shrink_backward_op = slope_op<OutsideBounds>(
    "shrink_backward", "(grad: Tensor, input: Tensor, lambd: float) -> Tensor");
// y = 0 where |x| <= lambd, else x        dx = g where |x| > lambd
constinit const Op hardshrink_op = activation<Floats>(
    "hardshrink", kShrink, "0 where |x| <= lambd, else x.",
    [](auto x, const double* p) { return select(abs(x) <= p[0], 0.0, x); },
    gradient_by<shrink_backward_op>, kFunctional | kMethod | kModule);
// y = x - min(max(x, -lambd), lambd)           dx = g where |x| > lambd
constinit const Op softshrink_op = [] {
  Op op = activation<Floats>(
      "softshrink", kShrink,
      "x moved by lambd towards 0, and 0 where |x| <= lambd. RuntimeError if lambd < 0.",
      [](auto x, const double* p) {
        using X = decltype(x);
        return x - min(max(x, X(-p[0])), X(p[0]));
      },
      gradient_by<shrink_backward_op>, kFunctional);
  op.shape = [](Call& c) {
    const double lambd = c.attrs.real(kShrink["lambd"]);
    check(lambd >= 0, "lambda must be greater or equal to 0, but found ", lambd);
    pointwise_shape(c);
  };
  return op;
}();

namespace {
struct Threshold {
  auto operator()(auto x, const double* p) const { return select(x <= p[0], p[1], x); }
};
struct ThresholdSlope {
  auto operator()(auto g, auto x, const double* p) const { return select(x <= p[0], 0.0, g); }
};
}  // namespace
// ---- threshold_float     y = value where x <= threshold, else x     dx = g but 0 there
constinit const Op threshold_float_backward_op = slope_op<ThresholdSlope>(
    "threshold_float_backward",
    "(grad: Tensor, input: Tensor, threshold: float, value: float) -> Tensor");
constinit const Op threshold_float_op = activation<Floats>(
    "threshold_float", "(input: Tensor, threshold: float, value: float) -> Tensor",
    "threshold of a floating tensor.", Threshold(), gradient_by<threshold_float_backward_op>, 0);
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
      const Scalar value = c.attrs.scalar(kThreshold["value"]);
      c.results = {is_floating(c.in(0).dtype())
                       ? apply(threshold_float_op, {c.input(0)}, Attrs(bound.real(), value.real()))
                       : where(le(c.input(0), bound), value, c.input(0))};
    }};
namespace {
constexpr auto prelu_f = [](auto x, auto w) {
  using X = decltype(x);
  return select(x > X(0), x, static_cast<X>(x * w));
};
constexpr auto prelu_backward_f = [](auto g, auto x, auto w) { return select(x > 0.0, g, g * w); };
struct PreluByWeight {
  auto operator()(auto g, auto x) const { return select(x > 0.0, 0.0, g * x); }
  static Tensor bend(const Operand& x, const Attrs&) { return where(gt(x, 0), 0.0, 1.0); }
};
}  // namespace
// An infinite x, or a weight of NaN, must not reach the gradients that it has no part in.

// d = g where x > 0, else g w               dg = h where x > 0, else h w
constinit const Op prelu_backward_op = pointwise_op(
    "prelu_backward", "(grad: Tensor, input: Tensor, weight: Tensor) -> Tensor",
    "Backward of prelu, by the input.", &kRow<3, Floats, decltype(prelu_backward_f)>,
    Promote::kCommon,
    [](Vjp& v) {
      const Operand g = v.x(0), x = v.x(1), w = v.x(2);
      if (v.needs(0)) v.set(0, apply(prelu_backward_op, {v.g(), x, w}));
      if (v.needs(1)) v.set(1, zeros(v.shape(1), v.dtype(1)));
      if (v.needs(2)) v.set(2, where(gt(x, 0), 0.0, mul(v.g(), g)));
    },
    kInputs, 0);
// d = 0 where x > 0, else g x               dg = 0 where x > 0, else h x
constinit const Op prelu_by_weight_op = slope_op<PreluByWeight>("prelu_by_weight");
// z = x where x > 0, else w x        dx = g where x > 0, else g w        dw = g x but 0 where x > 0
constinit const Op prelu_each_op = pointwise_op(
    "prelu_each", "(input: Tensor, weight: Tensor) -> Tensor",
    "prelu of tensors that are broadcast.", &kRow<2, AllTypes, TakesSingles<decltype(prelu_f)>>,
    Promote::kCommon,
    [](Vjp& v) {
      const Operand x = v.x(0);
      if (v.needs(0)) v.set(0, apply(prelu_backward_op, {v.g(), x, v.x(1)}));
      if (v.needs(1)) v.set(1, apply(prelu_by_weight_op, {v.g(), x}));
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

Tensor hardshrink(const Operand& x, double lambd) {
  return apply(hardshrink_op, {x}, Attrs(lambd));
}
Tensor softshrink(const Operand& x, double lambd) {
  return apply(softshrink_op, {x}, Attrs(lambd));
}

namespace {
const Op* const kOps[] = {&leaky_relu_backward_op,
                          &leaky_relu_op,
                          &hardtanh_backward_op,
                          &hardtanh_op,
                          &relu6_op,
                          &hardsigmoid_backward_op,
                          &hardsigmoid_op,
                          &hardswish_backward_op,
                          &hardswish_op,
                          &shrink_backward_op,
                          &hardshrink_op,
                          &softshrink_op,
                          &threshold_float_backward_op,
                          &threshold_float_op,
                          &threshold_op,
                          &prelu_backward_op,
                          &prelu_by_weight_op,
                          &prelu_each_op,
                          &prelu_op};
}
std::span<const Op* const> piecewise_ops() { return kOps; }

}  // namespace wengert
