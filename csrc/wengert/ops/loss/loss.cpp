// Losses of class labels: cross entropy and negative log-likelihood. One kernel computes the loss,
// one its gradient.
#include "wengert/ops/loss/loss.h"

#include "wengert/base/warning.h"
#include "wengert/ops/loss/choices.h"
#include "wengert/ops/optional.h"
#include "wengert/tape/rule.h"

namespace wengert {

extern const Op cross_entropy_weights_op;
extern const Op cross_entropy_backward_op;
extern const Op cross_entropy_over_op;
extern const Op nll_loss_backward_op;

Reduction reduction_of(const Attrs& a, const ReductionPlace& at) {
  const bool averages = at.size_average >= 0 && a.has(at.size_average);
  const bool reduces = at.reduce >= 0 && a.has(at.reduce);
  if (!averages && !reduces) return static_cast<Reduction>(a.integer(at.reduction));
  if (reduces && !a.flag(at.reduce)) return Reduction::kNone;
  return !averages || a.flag(at.size_average) ? Reduction::kMean : Reduction::kSum;
}

void warn_of_legacy(const Attrs& a, const ReductionPlace& at) {
  if (at.reduce < 0 || !(a.has(at.size_average) || a.has(at.reduce))) return;
  static constexpr const char* kChoices[] = {"none", "mean", "sum"};
  warn("size_average and reduce args will be deprecated, please use reduction='",
       kChoices[static_cast<int>(reduction_of(a, at))], "' instead.");
}

Tensor reduce_loss(const Tensor& loss, Reduction reduction) {
  if (reduction == Reduction::kNone) return loss;
  return reduction == Reduction::kMean ? mean(loss) : sum(loss);
}

namespace {

Dims target_shape(const Dims& x) {
  Dims shape = x;
  if (!shape.empty()) shape.erase(shape.size() == 1 ? 0 : 1);
  return shape;
}

}  // namespace

void check_class_loss(const Dims& x, Dtype dtype, const Tensor& target, const Tensor& weight) {
  check(is_floating(dtype), ErrorKind::kNotImplemented, "not implemented for dtype ", dtype,
        "; a floating input is needed");
  check(x.size() > 0, ErrorKind::kValue, "Expected 1 or more dimensions (got 0)");
  check(target.dtype() == Dtype::kInt64, "expected target dtype to be int64 or uint8, but got ",
        target.dtype());
  const Dims expected = target_shape(x);
  if (x.size() == 1) {
    check(target.numel() == 1 && target.ndim() <= 1, ErrorKind::kValue,
          "Expected a single target for a 1-d input, got shape ", target.shape());
  } else {
    check(target.ndim() > 0 && x[0] == target.shape()[0], ErrorKind::kValue,
          "Expected input batch_size (", x[0], ") to match target batch_size (",
          target.ndim() ? target.shape()[0] : 0, ").");
    check(target.shape() == expected, "Expected target size ", expected, ", got ", target.shape());
  }
  if (!weight.defined()) return;
  check(!grad_enabled() || !weight.requires_grad(),
        "the derivative for 'weight' is not implemented: class weights are constants");
  const int64_t classes = x[x.size() == 1 ? 0 : 1];
  check(weight.ndim() == 1 && weight.numel() == classes,
        "weight tensor should be defined either for all ", classes,
        " classes or no classes but got weight tensor of shape: ", weight.shape());
  check(weight.dtype() == dtype, "expected weight of dtype ", dtype, " but found ", weight.dtype());
}

namespace {

constexpr Signature kEntropyIndices =
    "(input: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, "
    "reduction: 'none' | 'mean' | 'sum' = 'mean', label_smoothing: float = 0.0) -> (loss: Tensor, "
    "state: Tensor)";
constexpr Signature kEntropyBackward =
    "(grad: Tensor, input: Tensor, target: Tensor, state: Tensor, weight: Tensor | None = None, "
    "ignore_index: int = -100, reduction: 'none' | 'mean' | 'sum' = 'mean', label_smoothing: float "
    "= 0.0) -> Tensor";
constexpr Signature kEntropyOver =
    "(input: Tensor, grad: Tensor, target: Tensor, state: Tensor, weight: Tensor | None = None, "
    "ignore_index: int = -100, reduction: 'none' | 'mean' | 'sum' = 'mean', label_smoothing: float "
    "= 0.0) -> Tensor";
constexpr Signature kEntropyWeights =
    "(input: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, "
    "reduction: 'none' | 'mean' | 'sum' = 'mean', label_smoothing: float = 0.0) -> Tensor";
constexpr Signature kNllIndices =
    "(input: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100, "
    "reduction: 'none' | 'mean' | 'sum' = 'mean') -> (loss: Tensor, total_weight: Tensor)";
constexpr Signature kNllBackward =
    "(grad: Tensor, target: Tensor, total_weight: Tensor, weight: Tensor | None = None, "
    "ignore_index: int = -100, reduction: 'none' | 'mean' | 'sum' = 'mean', size: ints = ()) -> "
    "Tensor";
constexpr int kIgnoreIndex = attribute("ignore_index", kEntropyIndices, kEntropyBackward,
                                       kEntropyOver, kEntropyWeights, kNllIndices, kNllBackward);
constexpr int kReduction = attribute("reduction", kEntropyIndices, kEntropyBackward, kEntropyOver,
                                     kEntropyWeights, kNllIndices, kNllBackward);
constexpr int kSmoothing =
    attribute("label_smoothing", kEntropyIndices, kEntropyBackward, kEntropyOver, kEntropyWeights);

Attrs class_attrs(int64_t ignore_index, Reduction reduction, double smoothing) {
  return Attrs(ignore_index, static_cast<int64_t>(reduction), smoothing);
}

ClassLoss describe(const Attrs& a, const Dims& x, Dtype dtype, const Tensor& target,
                   const Tensor& weight) {
  const Lines l = lines_of(x, x.size() == 1 ? 0 : 1);
  return {dtype,
          l.outer,
          l.n,
          l.inner,
          target.data_as<int64_t>(),
          weight.defined() ? weight.data() : nullptr,
          a.integer(kIgnoreIndex),
          loss_sum(a.integer(kReduction)),
          a.count() > kSmoothing ? a.real(kSmoothing) : 0.0};
}

Tensor run_op(const Op& op, std::initializer_list<Tensor> inputs, const Tensor& weight,
              const Attrs& a) {
  Call c(op, a);
  for (const Tensor& t : inputs) c.add_input(t);
  if (weight.defined()) c.add_input(weight);
  apply(c);
  return std::move(c.out[0]);
}

Tensor optional_weight(const Vjp& v, int i) {
  return i < v.inputs() && v.has(i) ? v.x(i).tensor() : Tensor();
}

void check_class_loss(const Tensor& x, const Tensor& target, const Tensor& weight) {
  check_class_loss(x.shape(), x.dtype(), target, weight);
}

// What a class loss keeps for its gradient, and that of the loss itself.
void check_like_loss(const Tensor& t, const char* what, Dtype dtype, const Dims& shape) {
  check(t.dtype() == dtype && t.shape() == shape, what, " has dtype ", t.dtype(), " and shape ",
        t.shape(), ", expected ", dtype, " and ", shape);
}

Dims loss_shape(const Call& c, const Dims& x) {
  return c.attrs.integer(kReduction) == 0 ? target_shape(x) : Dims();
}

// Of what backward is given, with x and g as inputs in either order.
template <int kX, int kG>
void check_entropy_backward(const Call& c) {
  const Tensor &x = c.in(kX), &target = c.in(2);
  check_class_loss(x, target, optional_tensor(c, 4));
  check_like_loss(c.in(kG), "grad", x.dtype(), loss_shape(c, x.shape()));
  check_like_loss(c.in(3), "state", x.dtype(), {target.numel() + 1});
}
void entropy_backward_shape(Call& c) {
  check_entropy_backward<1, 0>(c);
  c.output(c.in(1).dtype(), c.in(1).shape());
}
void entropy_over_shape(Call& c) {
  check_entropy_backward<0, 1>(c);
  check(c.in(0).is_contiguous(), "a contiguous input expected");
}

void entropy_weights_shape(Call& c) {
  check_class_loss(c.in(0), c.in(1), optional_tensor(c, 2));
  c.output(c.in(0).dtype(), c.in(0).shape());
}

void nll_backward_shape(Call& c) {
  const Dims size = c.attrs.dims(kNllBackward["size"]);
  const Tensor &g = c.in(0), &target = c.in(1);
  check_class_loss(size, g.dtype(), target, optional_tensor(c, 3));
  check_like_loss(g, "grad", g.dtype(), loss_shape(c, size));
  check_like_loss(c.in(2), "total_weight", g.dtype(), {});
  c.output(g.dtype(), size);
}

template <bool kEntropy>
void class_shape(Call& c) {
  const Tensor& x = c.in(0);
  check_class_loss(x, c.in(1), optional_tensor(c, 2));
  c.output(x.dtype(), loss_shape(c, x.shape()));
  c.output(x.dtype(), kEntropy ? Dims{numel(target_shape(x.shape())) + 1} : Dims());
}

template <void (*kForward)(const ClassLoss&, const void*, void*, void*)>
void class_run(Call& c) {
  const Tensor& x = c.in(0);
  kForward(describe(c.attrs, x.shape(), x.dtype(), c.in(1), optional_tensor(c, 2)), x.data(),
           c.out[0].data(), c.out[1].data());
}

// ---- the gradient of cross entropy

void entropy_gradient(Call& c, const Tensor& x, const Tensor& g, const Tensor& out) {
  cross_entropy_gradient(describe(c.attrs, x.shape(), x.dtype(), c.in(2), optional_tensor(c, 4)),
                         g.data(), x.data(), c.in(3).data(), out.data());
}
void entropy_backward_run(Call& c) { entropy_gradient(c, c.in(1), c.in(0), c.out[0]); }
void entropy_over_run(Call& c) { entropy_gradient(c, c.in(0), c.in(1), c.in(0)); }

void entropy_vjp(Vjp& v) {
  const Tensor g = v.g(), weight = optional_weight(v, 2), target = v.x(1), state = v.y(1).detach();
  if (const Tensor x = take_saved(v, 0); x.defined())
    v.set(0, run_op(cross_entropy_over_op, {x, g, target, state}, weight, v.attrs()));
  else
    v.set(0, run_op(cross_entropy_backward_op, {g, v.x(0), target, state}, weight, v.attrs()));
}

// With T the weights of -log p, W their sum over classes and p = softmax(x):
// d = s (p W - T)        ds = sum h (p W - T)        dx = the gradient of softmax for h s W
void entropy_backward_vjp(Vjp& v) {
  const Tensor h = v.g(), g = v.x(0), x = v.x(1), target = v.x(2), state = v.x(3);
  const int64_t dim = x.ndim() == 1 ? 0 : 1;
  const auto reduction = static_cast<Reduction>(v.attrs().integer(kReduction));
  const Tensor t =
      run_op(cross_entropy_weights_op, {x.detach(), target}, optional_weight(v, 4), v.attrs());
  const Tensor mass = sum(t, Dims{dim}, true), p = softmax(x, dim);
  const Tensor total = select(state, 0, state.numel() - 1);
  if (v.needs(0)) {
    const Tensor each = mul(h, sub(mul(p, mass), t));
    Tensor dg = reduction == Reduction::kNone ? sum(each, Dims{dim}) : sum(each);
    v.set(0, reduction == Reduction::kMean ? div(dg, total) : dg);
  }
  if (v.needs(1)) {
    Tensor s = reduction == Reduction::kNone ? unsqueeze(g, dim) : g;
    if (reduction == Reduction::kMean) s = div(s, total);
    // A row that is ignored has no weight; 0 / 0 must not reach it.
    const Tensor scale = where(eq(mass, 0), 0.0, mul(s, mass));
    v.set(1, softmax_backward(mul(h, scale), p, dim));
  }
}

// ---- the functional forms

Tensor index_target(const Tensor& target) {
  return target.dtype() == Dtype::kUInt8 ? to(target, Dtype::kInt64) : target;
}

// Targets that are distributions over the classes: l = -sum_c w_c t_c log p_c.
Tensor soft_entropy(const Tensor& x, Tensor target, const Tensor& weight, Reduction reduction,
                    double smoothing) {
  check(is_floating(target.dtype()),
        "Expected floating point type for target with class probabilities, got ", target.dtype());
  const int64_t dim = x.ndim() == 1 ? 0 : 1;
  const int64_t classes = x.shape()[static_cast<int>(dim)];
  if (smoothing > 0)
    target = add(mul(target, 1 - smoothing), smoothing / static_cast<double>(classes));
  if (weight.defined()) {
    check(weight.ndim() == 1 && weight.numel() == classes,
          "weight tensor should be defined either for all ", classes,
          " classes or no classes but got weight tensor of shape: ", weight.shape());
    Dims shape = Dims::filled(x.ndim(), 1);
    shape[static_cast<int>(dim)] = classes;
    target = mul(target, reshape(weight, shape));
  }
  const Tensor each = mul(log_softmax(x, dim), target);
  if (reduction == Reduction::kNone) return neg(sum(each, Dims{dim}));
  const Tensor total = neg(sum(each));
  if (reduction == Reduction::kSum) return total;
  return div(total, static_cast<double>(x.numel()) / static_cast<double>(classes));
}

constexpr Signature kCrossEntropy =
    "(input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: bool | None = "
    "None, ignore_index: int = -100, reduce: bool | None = None, reduction: 'none' | 'mean' | "
    "'sum' = 'mean', label_smoothing: float = 0.0) -> Tensor";
constexpr Signature kNllLoss =
    "(input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: bool | None = "
    "None, ignore_index: int = -100, reduce: bool | None = None, reduction: 'none' | 'mean' | "
    "'sum' = 'mean') -> Tensor";

void cross_entropy_composed(Call& c) {
  warn_of_legacy(c.attrs, legacy_reduction_place(kCrossEntropy));
  c.results = {cross_entropy(c.in(0), c.in(1), optional_tensor(c, 2),
                             c.attrs.integer(kCrossEntropy["ignore_index"]),
                             reduction_of(c.attrs, legacy_reduction_place(kCrossEntropy)),
                             c.attrs.real(kCrossEntropy["label_smoothing"]))};
}

void nll_loss_composed(Call& c) {
  warn_of_legacy(c.attrs, legacy_reduction_place(kNllLoss));
  c.results = {nll_loss(c.in(0), c.in(1), optional_tensor(c, 2),
                        c.attrs.integer(kNllLoss["ignore_index"]),
                        reduction_of(c.attrs, legacy_reduction_place(kNllLoss)))};
}

}  // namespace

// The fused part of cross_entropy, for targets that are class indices.
// l_i = -w_t log softmax(x_i)_t      dx_ic = g_i w_t (softmax(x_i)_c - [c = t])
constinit const Op cross_entropy_indices_op{
    .name = "cross_entropy_indices",
    .signature = kEntropyIndices,
    .on = 0,
    .doc =
        "Cross entropy with class indices in one pass. `state` holds log(sum(exp(x))) per "
        "target, then the sum of the targets' weights.",
    .contiguous = true,
    .checked = true,
    .shape = class_shape<true>,
    .run = class_run<cross_entropy_forward>,
    .vjp = entropy_vjp,
    .reads = kInputs | reads_output(1)};

// d = g w_t (softmax(x) - [c = t]) of each row      its gradient is that of the formula
constinit const Op cross_entropy_backward_op{.name = "cross_entropy_backward",
                                             .signature = kEntropyBackward,
                                             .on = 0,
                                             .doc = "The gradient of cross_entropy_indices.",
                                             .contiguous = true,
                                             .shape = entropy_backward_shape,
                                             .run = entropy_backward_run,
                                             .vjp = entropy_backward_vjp,
                                             .reads = kInputs};

// d = g w_t (softmax(x) - [c = t]) of each row, written over x, which nobody reads any more
constinit const Op cross_entropy_over_op{
    .name = "_cross_entropy_backward_",
    .signature = kEntropyOver,
    .on = 0,
    .doc = "Writes the gradient of cross_entropy_indices over its contiguous input.",
    .contiguous = true,
    .mutates = true,
    .shape = entropy_over_shape,
    .run = entropy_over_run};

// y_ic = the factor of -log softmax(x_i)_c in the loss
constinit const Op cross_entropy_weights_op{
    .name = "cross_entropy_weights",
    .signature = kEntropyWeights,
    .on = 0,
    .doc = "What multiplies -log p in the cross entropy, of the input's shape and dtype.",
    .contiguous = true,
    .shape = entropy_weights_shape,
    .run = [](Call& c) {
      const Tensor& x = c.in(0);
      cross_entropy_weights(describe(c.attrs, x.shape(), x.dtype(), c.in(1), optional_tensor(c, 2)),
                            c.out[0].data());
    }};

// l_i = -w_t x_t        dx_t = -w_t g_i
constinit const Op nll_loss_indices_op{
    .name = "nll_loss_indices",
    .signature = kNllIndices,
    .on = 0,
    .doc = "nll_loss, and the sum of the targets' weights.",
    .contiguous = true,
    .checked = true,
    .shape = class_shape<false>,
    .run = class_run<nll_forward>,
    .vjp =
        [](Vjp& v) {
          Attrs a(v.attrs());
          a.add(v.shape(0));
          v.set(0, run_op(nll_loss_backward_op, {v.g(), v.x(1), v.y(1).detach()},
                          optional_weight(v, 2), a));
        },
    .reads = kOther | kThird | reads_output(1)};

// Linear in grad, so that its own gradient is nll_loss of the gradient that comes.
// dx_t = -w_t g, else 0      linear in g: dg = nll_loss(h)
constinit const Op nll_loss_backward_op{
    .name = "nll_loss_backward",
    .signature = kNllBackward,
    .on = 0,
    .doc = "The gradient of nll_loss for an input of shape `size`.",
    .contiguous = true,
    .shape = nll_backward_shape,
    .run =
        [](Call& c) {
          Attrs a(c.attrs.integer(kIgnoreIndex), c.attrs.integer(kReduction));
          const Dtype dtype = c.in(0).dtype();
          nll_gradient(describe(a, c.attrs.dims(kNllBackward["size"]), dtype, c.in(1),
                                optional_tensor(c, 3)),
                       c.in(0).data(), c.in(2).data(), c.out[0].data());
        },
    .vjp =
        [](Vjp& v) {
          Attrs a(v.attrs().integer(kIgnoreIndex), v.attrs().integer(kReduction));
          v.set(0, run_op(nll_loss_indices_op, {v.g(), v.x(1)}, optional_weight(v, 3), a));
        },
    .reads = kOther | reads_input(3)};

// l = -sum_c p_c w_c log softmax(x)_c, p the target
constinit const Op cross_entropy_op{
    .name = "cross_entropy",
    .autocast = Cast::kFloat32,
    .signature = kCrossEntropy,
    .on = kFunctional,
    .doc =
        "The cross entropy of logits (C), (N, C) or (N, C, d1, ...) against class indices "
        "(), (N) or (N, d1, ...) of dtype int64, or against class probabilities of the "
        "input's shape. `weight` (C) scales classes; 'mean' divides by the sum of the weights "
        "of the targets. IndexError if a target is no class and not `ignore_index`. Label "
        "smoothing: Szegedy et al., arXiv:1512.00567.",
    .composed = cross_entropy_composed};

// l = -sum_c w_c [c = t] x_c
constinit const Op nll_loss_op{
    .name = "nll_loss",
    .autocast = Cast::kFloat32,
    .signature = kNllLoss,
    .on = kFunctional,
    .doc =
        "The negative log-likelihood: -x at the target's class. Input (C), (N, C) or (N, C, d1, "
        "...) of log-probabilities, int64 targets (), (N) or (N, d1, ...). `weight` and 'mean' "
        "as in cross_entropy. IndexError if a target is no class and not `ignore_index`.",
    .composed = nll_loss_composed};

Tensor cross_entropy(const Tensor& x, const Tensor& target, const Tensor& weight,
                     int64_t ignore_index, Reduction reduction, double label_smoothing) {
  check_defined(x, "cross_entropy");
  check_defined(target, "cross_entropy", "target");
  check(label_smoothing >= 0 && label_smoothing <= 1,
        "label_smoothing must be between 0.0 and 1.0. Got: ", label_smoothing);
  check(x.ndim() > 0, ErrorKind::kIndex,
        "Dimension out of range (expected to be in range of [-1, 0], but got 1): the input is 0-d");
  if (target.shape() == x.shape()) {
    check(ignore_index < 0, "ignore_index is not supported for floating point target");
    return soft_entropy(x, target, weight, reduction, label_smoothing);
  }
  return run_op(cross_entropy_indices_op, {x, index_target(target)}, weight,
                class_attrs(ignore_index, reduction, label_smoothing));
}

Tensor nll_loss(const Tensor& x, const Tensor& target, const Tensor& weight, int64_t ignore_index,
                Reduction reduction) {
  check_defined(x, "nll_loss");
  check_defined(target, "nll_loss", "target");
  return run_op(nll_loss_indices_op, {x, index_target(target)}, weight,
                Attrs(ignore_index, static_cast<int64_t>(reduction)));
}

// As cross_entropy_over_op does it: a row is read before it is written.
int may_write_over(const Op& op) { return &op == &cross_entropy_backward_op ? 1 : -1; }

namespace {
const Op* const kOps[] = {&cross_entropy_op,         &nll_loss_op,
                          &cross_entropy_indices_op, &cross_entropy_backward_op,
                          &cross_entropy_over_op,    &cross_entropy_weights_op,
                          &nll_loss_indices_op,      &nll_loss_backward_op};
}
std::span<const Op* const> loss_ops() { return kOps; }

}  // namespace wengert
