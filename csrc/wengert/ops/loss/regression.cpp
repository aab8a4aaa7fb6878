// Losses of pairs of numbers: input and target of one shape. One kernel computes the loss and its
// reduction, one the gradient; the gradient is an op of its own with a derivative in small ops.
#include <cmath>

#include "wengert/base/warning.h"
#include "wengert/ops/loss/choices.h"
#include "wengert/ops/loss/loss.h"
#include "wengert/ops/optional.h"

namespace wengert {
namespace {

constexpr Signature kLegacy =
    "(input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None, "
    "reduction: 'none' | 'mean' | 'sum' = 'mean') -> Tensor";
constexpr Signature kLegacyWeighted =
    "(input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None, "
    "reduction: 'none' | 'mean' | 'sum' = 'mean', weight: Tensor | None = None) -> Tensor";
constexpr Signature kPlain =
    "(input: Tensor, target: Tensor, reduction: 'none' | 'mean' | 'sum' = 'mean') -> Tensor";
constexpr Signature kSmoothL1 =
    "(input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None, "
    "reduction: 'none' | 'mean' | 'sum' = 'mean', beta: float = 1.0) -> Tensor";
constexpr Signature kHuber =
    "(input: Tensor, target: Tensor, reduction: 'none' | 'mean' | 'sum' = 'mean', delta: float = "
    "1.0) -> Tensor";
constexpr Signature kPairBackward =
    "(grad: Tensor, input: Tensor, target: Tensor, reduction: 'none' | 'mean' | 'sum' = 'mean', "
    "param: float = 0.0) -> Tensor";

struct PairRule {
  PairLoss kind;
  ReductionPlace reduction;
  int param_at;  // of beta or delta among the attributes, or -1
  const Op* backward;
  // The derivatives of the slope f_x by x and by t.
  Tensor (*slope_dx)(const Tensor& x, const Tensor& t, double param);
  Tensor (*slope_dt)(const Tensor& x, const Tensor& t, double param);
  bool mirrored;  // f_t = -f_x; otherwise:
  Tensor (*by_target)(const Tensor& x, const Tensor& t);
};

double param_of(const PairRule& r, const Attrs& a) {
  return r.param_at < 0 ? 0.0 : a.real(r.param_at);
}

void broadcast_input(Call& c, int i, const Dims& shape) {
  if (c.in(i).shape() == shape) return;
  GradMode off(false);
  c.replace(i, expand(c.in(i), shape));
}

// What the elements of the inputs from `first` on lie like, for the result: those that are dense
// and lie alike are read from end to end, whatever the order of their dimensions; others are
// copied.
Dims lie_alike(Call& c, int first, int count) {
  const Dims shape = c.in(first).shape(), strides = c.in(first).strides();
  bool alike = is_dense(shape, strides);
  for (int i = first; i < count; ++i) alike = alike && c.in(i).strides() == strides;
  if (alike) return c.in(first).is_contiguous() ? Dims() : strides;
  GradMode off(false);
  for (int i = first; i < count; ++i)
    if (!c.in(i).is_contiguous()) c.replace(i, contiguous(c.in(i)));
  return {};
}

template <const PairRule& kRule>
void pair_shape(Call& c) {
  check(is_floating(c.common), ErrorKind::kNotImplemented, "not implemented for dtype ", c.common);
  warn_of_legacy(c.attrs, kRule.reduction);
  if (!(c.in(0).shape() == c.in(1).shape()))
    warn("Using a target size ", c.in(1).shape(), " that is different to the input size ",
         c.in(0).shape(),
         ". This will likely lead to incorrect results due to broadcasting. Please ensure they "
         "have the same size.");
  const Dims shape = broadcast_shapes(c.in(0).shape(), c.in(1).shape());
  for (int i = 0; i < 2; ++i) broadcast_input(c, i, shape);
  const double param = param_of(kRule, c.attrs);
  check(kRule.kind != PairLoss::kSmooth || !(param < 0),
        "smooth_l1_loss does not support negative values for beta.");
  check(kRule.kind != PairLoss::kHuber || param > 0,
        "huber_loss does not support non-positive values for delta.");
  const Dims strides = lie_alike(c, 0, 2);
  if (reduction_of(c.attrs, kRule.reduction) == Reduction::kNone)
    c.output(c.common, shape, strides);
  else
    c.output(c.common, {});
}

template <const PairRule& kRule>
void pair_run(Call& c) {
  const Tensor &x = c.in(0), &t = c.in(1);
  pair_loss_forward(kRule.kind, x.dtype(),
                    static_cast<LossSum>(reduction_of(c.attrs, kRule.reduction)),
                    param_of(kRule, c.attrs), x.numel(), x.data(), t.data(), c.out[0].data());
}

// g times d(reduction)/d(element).
Tensor scaled(const Tensor& g, Reduction reduction, const Dims& shape) {
  return reduction == Reduction::kMean ? div(g, static_cast<double>(numel(shape))) : g;
}

template <const PairRule& kRule>
void pair_vjp(Vjp& v) {
  const Tensor x = v.x(0), t = v.x(1), g = v.g();
  const Reduction reduction = reduction_of(v.attrs(), kRule.reduction);
  const double param = param_of(kRule, v.attrs());
  constexpr bool mirrored = kRule.mirrored;
  if (v.needs(0) || mirrored) {
    const Tensor dx =
        apply(*kRule.backward, {g, x, t}, Attrs(static_cast<int64_t>(reduction), param));
    v.set(0, dx);
    if (mirrored && v.needs(1)) v.set(1, neg(dx));
  }
  if constexpr (!mirrored) {
    if (!v.needs(1)) return;
    const Dims shape = broadcast_shapes(x.shape(), t.shape());
    v.set(1, mul(scaled(g, reduction, shape), kRule.by_target(x, t)));
  }
}

// ---- the gradient, for all kinds

void backward_shape(Call& c) {
  const Dims shape = broadcast_shapes(c.in(1).shape(), c.in(2).shape());
  const Dtype common = promote(c.in(1).dtype(), c.in(2).dtype());
  check(is_floating(common), ErrorKind::kNotImplemented, "not implemented for dtype ", common);
  const bool each = loss_sum(c.attrs.integer(kPairBackward["reduction"])) == LossSum::kNone;
  const Dims of_loss = each ? shape : Dims();
  check(c.in(0).shape() == of_loss, "a gradient of shape ", of_loss, " expected, got ",
        c.in(0).shape());
  for (int i = 0; i < 3; ++i) cast_input(c, i, common);
  for (int i = 1; i < 3; ++i) broadcast_input(c, i, shape);
  c.output(c.in(1).dtype(), shape, lie_alike(c, each ? 0 : 1, 3));
}

template <const PairRule& kRule>
void backward_run(Call& c) {
  const Tensor& x = c.in(1);
  pair_loss_gradient(kRule.kind, x.dtype(), loss_sum(c.attrs.integer(kPairBackward["reduction"])),
                     c.attrs.real(kPairBackward["param"]), x.numel(), c.in(0).data(), x.data(),
                     c.in(2).data(), c.out[0].data());
}

// d = s f_x(x, t)        ds = sum h f_x        dx = h s f_xx        dt = h s f_xt
template <const PairRule& kRule>
void backward_vjp(Vjp& v) {
  const Tensor h = v.g(), x = v.x(1), t = v.x(2);
  const auto reduction = static_cast<Reduction>(v.attrs().integer(kPairBackward["reduction"]));
  const double param = v.attrs().real(kPairBackward["param"]);
  if (v.needs(0)) {
    const Tensor slope = apply(*kRule.backward, {ones_like(h), x, t},
                               Attrs(static_cast<int64_t>(Reduction::kNone), param));
    const Tensor each = mul(h, slope);
    v.set(0, reduction == Reduction::kNone ? each : scaled(sum(each), reduction, h.shape()));
  }
  if (!v.needs(1) && !v.needs(2)) return;
  const Tensor hs = mul(h, scaled(v.x(0), reduction, h.shape()));
  if (v.needs(1)) v.set(1, mul(hs, kRule.slope_dx(x, t, param)));
  if (v.needs(2)) v.set(2, mul(hs, kRule.slope_dt(x, t, param)));
}

template <const PairRule& kRule>
constexpr Op pair_backward(const char* name) {
  Op op{.name = name, .signature = kPairBackward, .on = 0};
  op.doc = "The gradient of the loss by its input.";
  op.shape = backward_shape;
  op.run = backward_run<kRule>;
  op.vjp = backward_vjp<kRule>;
  op.reads = kInputs;
  return op;
}

template <const PairRule& kRule>
constexpr Op pair_loss(const char* name, const Signature& signature, uint32_t on, const char* doc) {
  Op op{.name = name, .autocast = Cast::kFloat32, .signature = signature, .on = on, .doc = doc};
  op.promote = Promote::kCommon;
  op.shape = pair_shape<kRule>;
  op.run = pair_run<kRule>;
  op.vjp = pair_vjp<kRule>;
  op.reads = kInputs;
  op.checked = true;
  return op;
}

// ---- second derivatives

Tensor constant(const Tensor& x, const Tensor& t, double value) {
  return full(broadcast_shapes(x.shape(), t.shape()), value, x.dtype());
}
Tensor inside(const Tensor& x, const Tensor& t, bool closed, double bound, double value) {
  const Tensor z = abs(sub(x, t));
  return where(closed ? le(z, bound) : lt(z, bound), value, constant(x, t, 0));
}
// q = max(x (1 - x), 1e-12)
Tensor binary_width(const Tensor& x) { return clamp(mul(x, sub(1, x)), 1e-12, Operand()); }

Tensor square_dx(const Tensor& x, const Tensor& t, double) { return constant(x, t, 2); }
Tensor square_dt(const Tensor& x, const Tensor& t, double) { return constant(x, t, -2); }
Tensor absolute_d(const Tensor& x, const Tensor& t, double) { return constant(x, t, 0); }
Tensor smooth_dx(const Tensor& x, const Tensor& t, double beta) {
  return beta == 0 ? constant(x, t, 0) : inside(x, t, false, beta, 1 / beta);
}
Tensor smooth_dt(const Tensor& x, const Tensor& t, double beta) {
  return neg(smooth_dx(x, t, beta));
}
Tensor huber_dx(const Tensor& x, const Tensor& t, double delta) {
  return inside(x, t, true, delta, 1);
}
Tensor huber_dt(const Tensor& x, const Tensor& t, double delta) {
  return neg(huber_dx(x, t, delta));
}
Tensor binary_dx(const Tensor& x, const Tensor& t, double) {
  const Tensor q = binary_width(x);
  return sub(reciprocal(q), div(mul(sub(x, t), sub(1, mul(x, 2))), mul(q, q)));
}
Tensor binary_dt(const Tensor& x, const Tensor&, double) {
  return neg(reciprocal(binary_width(x)));
}
Tensor binary_by_target(const Tensor& x, const Tensor&) { return sub(log(sub(1, x)), log(x)); }
Tensor logits_dx(const Tensor& x, const Tensor&, double) {
  const Tensor s = sigmoid(x);
  return mul(s, sub(1, s));
}
Tensor logits_dt(const Tensor& x, const Tensor& t, double) { return constant(x, t, -1); }
Tensor logits_by_target(const Tensor& x, const Tensor&) { return neg(x); }

}  // namespace

extern const Op mse_loss_backward_op;
extern const Op l1_loss_backward_op;
extern const Op smooth_l1_loss_backward_op;
extern const Op huber_loss_backward_op;
extern const Op binary_cross_entropy_backward_op;
extern const Op logits_loss_backward_op;

namespace {

constexpr PairRule kSquareRule{PairLoss::kSquare,
                               legacy_reduction_place(kLegacy),
                               -1,
                               &mse_loss_backward_op,
                               square_dx,
                               square_dt,
                               true,
                               nullptr};
constexpr PairRule kAbsoluteRule{PairLoss::kAbsolute,
                                 legacy_reduction_place(kLegacy),
                                 -1,
                                 &l1_loss_backward_op,
                                 absolute_d,
                                 absolute_d,
                                 true,
                                 nullptr};
constexpr PairRule kSmoothRule{PairLoss::kSmooth,
                               legacy_reduction_place(kSmoothL1),
                               kSmoothL1["beta"],
                               &smooth_l1_loss_backward_op,
                               smooth_dx,
                               smooth_dt,
                               true,
                               nullptr};
constexpr PairRule kHuberRule{PairLoss::kHuber,
                              reduction_place(kHuber),
                              kHuber["delta"],
                              &huber_loss_backward_op,
                              huber_dx,
                              huber_dt,
                              true,
                              nullptr};
constexpr PairRule kBinaryRule{PairLoss::kBinary,
                               reduction_place(kPlain),
                               -1,
                               &binary_cross_entropy_backward_op,
                               binary_dx,
                               binary_dt,
                               false,
                               binary_by_target};
constexpr PairRule kLogitsRule{PairLoss::kLogits,
                               reduction_place(kPlain),
                               -1,
                               &logits_loss_backward_op,
                               logits_dx,
                               logits_dt,
                               false,
                               logits_by_target};

}  // namespace

// d = 2 g (x - t)                     ds = sum h d / g    dx = 2 h g    dt = -2 h g
constinit const Op mse_loss_backward_op = pair_backward<kSquareRule>("mse_loss_backward");
// d = g sign(x - t)                   ds = sum h d / g    dx = dt = 0
constinit const Op l1_loss_backward_op = pair_backward<kAbsoluteRule>("l1_loss_backward");
// d = g min(max((x - t) / beta, -1), 1)      dx = h g / beta where |x - t| < beta      dt = -dx
constinit const Op smooth_l1_loss_backward_op =
    pair_backward<kSmoothRule>("smooth_l1_loss_backward");
// d = g min(max(x - t, -delta), delta)     dx = h g where |x - t| <= delta      dt = -dx
constinit const Op huber_loss_backward_op = pair_backward<kHuberRule>("huber_loss_backward");
// d = g (x - t) / q, q = max(x (1 - x), 1e-12)     dx = h g (1 / q - (x - t) (1 - 2 x) / q^2)
// dt = -h g / q
constinit const Op binary_cross_entropy_backward_op =
    pair_backward<kBinaryRule>("binary_cross_entropy_backward");
// d = g (sigmoid(x) - t)      dx = h g s (1 - s), s = sigmoid(x)      dt = -h g
constinit const Op logits_loss_backward_op =
    pair_backward<kLogitsRule>("binary_cross_entropy_with_logits_backward");

namespace {

// l = (x - t)^2                 dx = 2 g (x - t)
constinit const Op mse_loss_op = pair_loss<kSquareRule>(
    "mse_loss", kLegacy, kFunctional,
    "The squared difference of input and target, which are broadcast; the mean of it unless "
    "`reduction` says otherwise.");

// l = |x - t|                   dx = g sign(x - t)
constinit const Op l1_loss_op = pair_loss<kAbsoluteRule>(
    "l1_loss", kLegacy, kFunctional,
    "The absolute difference of input and target, which are broadcast; the mean of it unless "
    "`reduction` says otherwise.");

// With z = |x - t|: l = z^2 / (2 beta) if z < beta, else z - beta / 2
// dx = g min(max((x - t) / beta, -1), 1)
constinit const Op smooth_l1_loss_op = pair_loss<kSmoothRule>(
    "smooth_l1_loss", kSmoothL1, kFunctional,
    "Quadratic below `beta`, linear above (Girshick, Fast R-CNN, 2015). Input and target are "
    "broadcast.");

// With z = |x - t|: l = z^2 / 2 if z <= delta, else delta (z - delta / 2)
// dx = g min(max(x - t, -delta), delta)
constinit const Op huber_loss_op = pair_loss<kHuberRule>(
    "huber_loss", kHuber, kFunctional,
    "Quadratic up to `delta`, linear above (Huber 1964). Input and target are broadcast.");

// l = -t max(log x, -100) - (1 - t) max(log(1 - x), -100)
// dx = g (x - t) / max(x (1 - x), 1e-12)
constinit const Op binary_pairs_op = pair_loss<kBinaryRule>(
    "binary_cross_entropy_pairs", kPlain, 0,
    "binary_cross_entropy without weights, for input and target of one shape.");

// l = max(x, 0) - x t + log(1 + exp(-|x|))
// dx = g (sigmoid(x) - t)
constinit const Op logits_pairs_op = pair_loss<kLogitsRule>(
    "binary_cross_entropy_with_logits_pairs", kPlain, 0,
    "binary_cross_entropy_with_logits without weights, for input and target of one shape.");

Attrs legacy_attrs(Reduction reduction) {
  return Attrs(nullptr, nullptr, static_cast<int64_t>(reduction));
}

// Each element's loss times its weight; the mean is over the weights, or over the elements.
Tensor weighted(const Tensor& each, const Call& c, Reduction reduction, bool over_weights) {
  const Tensor& weight = c.in(2);
  check(weight.shape() == c.in(0).shape(), ErrorKind::kValue,
        "Weights and input must have the same size, got ", weight.shape(), " and ",
        c.in(0).shape());
  const Tensor loss = mul(each, weight);
  if (reduction == Reduction::kMean && over_weights) return div(sum(loss), sum(weight));
  return reduce_loss(loss, reduction);
}

template <const Op& kOp>
void weighted_composed(Call& c) {
  constexpr ReductionPlace kPlace = legacy_reduction_place(kLegacyWeighted);
  warn_of_legacy(c.attrs, kPlace);
  const Reduction reduction = reduction_of(c.attrs, kPlace);
  if (!c.has(2)) {
    c.results = {apply(kOp, {c.in(0), c.in(1)}, legacy_attrs(reduction))};
    return;
  }
  const Tensor each = apply(kOp, {c.in(0), c.in(1)}, legacy_attrs(Reduction::kNone));
  c.results = {weighted(each, c, reduction, true)};
}

constinit const Op mse_loss_weighted_op{.name = "mse_loss",
                                        .autocast = Cast::kFloat32,
                                        .signature = kLegacyWeighted,
                                        .on = kFunctional,
                                        .doc = "mse_loss with a weight for each element.",
                                        .composed = weighted_composed<mse_loss_op>};
constinit const Op l1_loss_weighted_op{.name = "l1_loss",
                                       .autocast = Cast::kFloat32,
                                       .signature = kLegacyWeighted,
                                       .on = kFunctional,
                                       .doc = "l1_loss with a weight for each element.",
                                       .composed = weighted_composed<l1_loss_op>};
constexpr Signature kHuberWeighted =
    "(input: Tensor, target: Tensor, reduction: 'none' | 'mean' | 'sum' = 'mean', delta: float = "
    "1.0, weight: Tensor | None = None) -> Tensor";
constinit const Op huber_loss_weighted_op{
    .name = "huber_loss",
    .autocast = Cast::kFloat32,
    .signature = kHuberWeighted,
    .on = kFunctional,
    .doc = "huber_loss with a weight for each element.",
    .composed = [](Call& c) {
      const auto reduction = static_cast<Reduction>(c.attrs.integer(kHuberWeighted["reduction"]));
      const bool plain = !c.has(2);
      Attrs a(static_cast<int64_t>(plain ? reduction : Reduction::kNone),
              c.attrs.real(kHuberWeighted["delta"]));
      const Tensor loss = apply(huber_loss_op, {c.in(0), c.in(1)}, a);
      c.results = {plain ? loss : weighted(loss, c, reduction, false)};
    }};

constexpr Signature kBinaryCrossEntropy =
    "(input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: bool | None = "
    "None, reduce: bool | None = None, reduction: 'none' | 'mean' | 'sum' = 'mean') -> Tensor";
// l = -w (t log x + (1 - t) log(1 - x))
constinit const Op binary_cross_entropy_op{
    .name = "binary_cross_entropy",
    .autocast = Cast::kFloat32,
    .signature = kBinaryCrossEntropy,
    .on = kFunctional,
    .doc =
        "The cross entropy of probabilities against targets of the same shape, all in [0, 1]; "
        "logarithms are not below -100. `weight` broadcasts.",
    .composed = [](Call& c) {
      warn_of_legacy(c.attrs, legacy_reduction_place(kBinaryCrossEntropy));
      c.results = {
          binary_cross_entropy(c.in(0), c.in(1), optional_tensor(c, 2),
                               reduction_of(c.attrs, legacy_reduction_place(kBinaryCrossEntropy)))};
    }};

constexpr Signature kLogits =
    "(input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: bool | None = "
    "None, reduce: bool | None = None, reduction: 'none' | 'mean' | 'sum' = 'mean', pos_weight: "
    "Tensor | None = None) -> Tensor";
// l = w ((1 - t) x + (1 + (p - 1) t) log(1 + exp(-x)))
constinit const Op binary_cross_entropy_with_logits_op{
    .name = "binary_cross_entropy_with_logits",
    .autocast = Cast::kFloat32,
    .signature = kLogits,
    .on = kFunctional,
    .doc =
        "The cross entropy of logits against targets of the same shape. `weight` and "
        "`pos_weight`, the weight of the positive part, broadcast.",
    .composed = [](Call& c) {
      warn_of_legacy(c.attrs, legacy_reduction_place(kLogits));
      c.results = {binary_cross_entropy_with_logits(
          c.in(0), c.in(1), optional_tensor(c, 2), optional_tensor(c, 3),
          reduction_of(c.attrs, legacy_reduction_place(kLogits)))};
    }};

enum KlReduction { kKlNone, kKlBatchMean, kKlSum, kKlMean };

constexpr Signature kKlDiv =
    "(input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None, "
    "reduction: 'none' | 'batchmean' | 'sum' | 'mean' = 'mean', log_target: bool = False) -> "
    "Tensor";

// l = t (log t - x), with 0 log 0 = 0; or exp(t) (t - x) if t is a logarithm
void kl_div_composed(Call& c) {
  const Tensor &x = c.in(0), &t = c.in(1);
  check(is_floating(x.dtype()) && is_floating(t.dtype()), "Integral inputs not supported, got ",
        x.dtype(), " and ", t.dtype());
  int64_t reduction = c.attrs.integer(kKlDiv["reduction"]);
  if (c.attrs.has(kKlDiv["size_average"]) || c.attrs.has(kKlDiv["reduce"])) {
    const Reduction r = reduction_of(c.attrs, legacy_reduction_place(kKlDiv));
    warn_of_legacy(c.attrs, legacy_reduction_place(kKlDiv));
    reduction = r == Reduction::kNone ? kKlNone : r == Reduction::kSum ? kKlSum : kKlMean;
  } else if (reduction == kKlMean) {
    warn(
        "reduction: 'mean' divides the total loss by both the batch size and the support size. "
        "'batchmean' divides only by the batch size, and aligns with the KL div math definition. "
        "'mean' will be changed to behave the same as 'batchmean' in the next major release.");
  }
  const Tensor loss = c.attrs.flag(kKlDiv["log_target"])
                          ? mul(exp(t), sub(t, x))
                          : sub(mul(t, log(where(eq(t, 0), 1.0, t))), mul(t, x));
  if (reduction == kKlNone) {
    c.results = {loss};
  } else if (reduction == kKlMean) {
    c.results = {mean(loss)};
  } else {
    const Tensor total = sum(loss);
    const bool batch = reduction == kKlBatchMean && x.ndim() > 0;
    c.results = {batch ? div(total, static_cast<double>(x.shape()[0])) : total};
  }
}

// l = t (log t - x), and 0 where t = 0
constinit const Op kl_div_op{
    .name = "kl_div",
    .autocast = Cast::kFloat32,
    .signature = kKlDiv,
    .on = kFunctional,
    .doc =
        "The Kullback-Leibler divergence, element by element, of log-probabilities from "
        "probabilities, or from log-probabilities if `log_target`.",
    .composed = kl_div_composed};

}  // namespace

Tensor mse_loss(const Tensor& x, const Tensor& target, Reduction reduction) {
  return apply(mse_loss_op, {x, target}, legacy_attrs(reduction));
}
Tensor l1_loss(const Tensor& x, const Tensor& target, Reduction reduction) {
  return apply(l1_loss_op, {x, target}, legacy_attrs(reduction));
}
Tensor smooth_l1_loss(const Tensor& x, const Tensor& target, Reduction reduction, double beta) {
  return apply(smooth_l1_loss_op, {x, target},
               Attrs(nullptr, nullptr, static_cast<int64_t>(reduction), beta));
}
Tensor huber_loss(const Tensor& x, const Tensor& target, Reduction reduction, double delta) {
  return apply(huber_loss_op, {x, target}, Attrs(static_cast<int64_t>(reduction), delta));
}
Tensor kl_div(const Tensor& x, const Tensor& target, Reduction reduction, bool log_target) {
  const KlReduction how = reduction == Reduction::kNone  ? kKlNone
                          : reduction == Reduction::kSum ? kKlSum
                                                         : kKlMean;
  return apply(kl_div_op, {x, target},
               Attrs(nullptr, nullptr, static_cast<int64_t>(how), log_target));
}

Tensor binary_cross_entropy(const Tensor& x, const Tensor& target, const Tensor& weight,
                            Reduction reduction) {
  check_defined(x, "binary_cross_entropy");
  check_defined(target, "binary_cross_entropy", "target");
  check(x.shape() == target.shape(), ErrorKind::kValue, "Using a target size ", target.shape(),
        " that is different to the input size ", x.shape(),
        " is deprecated. Please ensure they have the same size.");
  check(x.dtype() == target.dtype(), "Found dtype ", target.dtype(), " but expected ", x.dtype());
  const Reduction inner = weight.defined() ? Reduction::kNone : reduction;
  const Tensor loss = apply(binary_pairs_op, {x, target}, Attrs(static_cast<int64_t>(inner)));
  return weight.defined() ? reduce_loss(mul(loss, weight), reduction) : loss;
}

// With `pos_weight` p: l = (1 - t) x + (1 + (p - 1) t) log(1 + exp(-x))
Tensor binary_cross_entropy_with_logits(const Tensor& x, const Tensor& target, const Tensor& weight,
                                        const Tensor& pos_weight, Reduction reduction) {
  check_defined(x, "binary_cross_entropy_with_logits");
  check_defined(target, "binary_cross_entropy_with_logits", "target");
  check(x.shape() == target.shape(), ErrorKind::kValue, "Target size ", target.shape(),
        " must be the same as input size ", x.shape());
  check(is_floating(x.dtype()), ErrorKind::kNotImplemented, "not implemented for dtype ",
        x.dtype());
  check(is_floating(target.dtype()), "target must be of a floating dtype, got ", target.dtype());
  const bool weighted = weight.defined() || pos_weight.defined();
  const Attrs a(static_cast<int64_t>(weighted ? Reduction::kNone : reduction));
  if (!weighted) return apply(logits_pairs_op, {x, target}, a);
  Tensor loss;
  if (pos_weight.defined()) {
    // Against targets of 1 the loss is log(1 + exp(-x)), that of -x against 0.
    const Tensor positive = apply(logits_pairs_op, {neg(x), zeros_like(x)}, a);
    const Tensor factor = add(mul(sub(pos_weight, 1), target), 1);
    loss = add(mul(sub(1, target), x), mul(factor, positive));
  } else {
    loss = apply(logits_pairs_op, {x, target}, a);
  }
  if (weight.defined()) loss = mul(loss, weight);
  return reduce_loss(loss, reduction);
}

namespace {
const Op* const kOps[] = {&mse_loss_op,
                          &mse_loss_weighted_op,
                          &l1_loss_op,
                          &l1_loss_weighted_op,
                          &smooth_l1_loss_op,
                          &huber_loss_op,
                          &huber_loss_weighted_op,
                          &binary_cross_entropy_op,
                          &binary_cross_entropy_with_logits_op,
                          &kl_div_op,
                          &binary_pairs_op,
                          &logits_pairs_op,
                          &mse_loss_backward_op,
                          &l1_loss_backward_op,
                          &smooth_l1_loss_backward_op,
                          &huber_loss_backward_op,
                          &binary_cross_entropy_backward_op,
                          &logits_loss_backward_op};
}
std::span<const Op* const> regression_loss_ops() { return kOps; }

}  // namespace wengert
