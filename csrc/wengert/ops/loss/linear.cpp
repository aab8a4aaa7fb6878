// Cross entropy right behind a linear layer: the logits, the largest tensor of a language model,
// are never in memory as a whole.
#include "wengert/kernels/loss/linear_loss.h"
#include "wengert/ops/loss/choices.h"
#include "wengert/ops/loss/loss.h"
#include "wengert/ops/matmul/matmul.h"
#include "wengert/ops/optional.h"
#include "wengert/tape/tape.h"

namespace wengert {

extern const Op linear_entropy_backward_op;

namespace {

#define WENGERT_LINEAR_ENTROPY                                                                 \
  "linear_bias: Tensor | None, weight: Tensor | None, ignore_index: int, reduction: 'none' | " \
  "'mean' | 'sum', label_smoothing: float"
constexpr Signature kForward =
    "(input: Tensor, linear_weight: Tensor, target: Tensor, " WENGERT_LINEAR_ENTROPY
    ") -> (loss: Tensor, state: Tensor)";
constexpr Signature kBackward =
    "(input: Tensor, linear_weight: Tensor, target: Tensor, grad: Tensor, state: "
    "Tensor, " WENGERT_LINEAR_ENTROPY
    ", of_input: bool, of_weight: bool, of_bias: bool) -> (input: Tensor, linear_weight: Tensor, "
    "linear_bias: Tensor)";
constexpr int kIgnore = attribute("ignore_index", kForward, kBackward);
constexpr int kReduction = attribute("reduction", kForward, kBackward);
constexpr int kSmoothing = attribute("label_smoothing", kForward, kBackward);
constexpr int kWanted[] = {kBackward["of_input"], kBackward["of_weight"], kBackward["of_bias"]};

// Inputs 0 to 2 and, from `at` on, the bias and the classes' weights.
LinearLoss describe(const Call& c, int at) {
  const Tensor &x = c.in(0), &w = c.in(1);
  return {
      {x.dtype(), x.shape()[0], w.shape()[0], 1, c.in(2).data_as<int64_t>(), memory_of(c, at + 1),
       c.attrs.integer(kIgnore), loss_sum(c.attrs.integer(kReduction)), c.attrs.real(kSmoothing)},
      x.shape()[1],
      x.data(),
      w.data(),
      memory_of(c, at)};
}

void check_like(const Tensor& t, const char* what, const Tensor& x, const Dims& shape) {
  check(t.dtype() == x.dtype() && t.shape() == shape, what, " of ", x.dtype(), ' ', shape,
        " expected, got ", t.dtype(), ' ', t.shape());
}

// The shape of the loss.
Dims check_inputs(const Call& c, int at) {
  const Tensor &x = c.in(0), &w = c.in(1);
  check(x.ndim() == 2 && w.ndim() == 2 && x.shape()[1] == w.shape()[1],
        "matrices (rows, features) and (classes, features) expected, got shapes ", x.shape(),
        " and ", w.shape());
  check_like(w, "a weight", x, w.shape());
  const double smoothing = c.attrs.real(kSmoothing);
  check(smoothing >= 0 && smoothing <= 1,
        "label_smoothing must be between 0.0 and 1.0. Got: ", smoothing);
  check_class_loss({x.shape()[0], w.shape()[0]}, x.dtype(), c.in(2), optional_tensor(c, at + 1));
  if (c.has(at)) check_like(c.in(at), "a bias", x, {w.shape()[0]});
  return c.attrs.integer(kReduction) == 0 ? Dims{x.shape()[0]} : Dims();
}

void forward_shape(Call& c) {
  c.output(c.in(0).dtype(), check_inputs(c, 3));
  c.output(c.in(0).dtype(), {c.in(0).shape()[0] + 1});
}
void forward_run(Call& c) {
  linear_cross_entropy_forward(describe(c, 3), c.out[0].data(), c.out[1].data());
}

void backward_shape(Call& c) {
  const Tensor& x = c.in(0);
  check_like(c.in(3), "a gradient", x, check_inputs(c, 5));
  check_like(c.in(4), "a state", x, {x.shape()[0] + 1});
  const Dims shapes[] = {x.shape(), c.in(1).shape(), {c.in(1).shape()[0]}};
  for (int i = 0; i < 3; ++i) c.output(x.dtype(), c.attrs.flag(kWanted[i]) ? shapes[i] : Dims{0});
}
void backward_run(Call& c) {
  void* d[3];
  for (int i = 0; i < 3; ++i) d[i] = c.attrs.flag(kWanted[i]) ? c.out[i].data() : nullptr;
  linear_cross_entropy_gradient(describe(c, 5), c.in(3).data(), c.in(4).data(), d[0], d[1], d[2]);
}

constexpr int kGiven[] = {0, 1, 3};  // input, weight and bias among forward's inputs

void forward_vjp(Vjp& v) {
  Attrs a(v.attrs());
  for (const int i : kGiven) a.add(v.needs(i));
  Call c(linear_entropy_backward_op, a);
  for (int i = 0; i < 3; ++i) c.add_input(v.x(i));
  c.add_input(v.g());
  c.add_input(v.y(1).detach());
  for (int i = 3; i < 5; ++i) c.add_input(optional_operand(v, i));
  apply(c);
  for (int i = 0; i < 3; ++i)
    if (v.needs(kGiven[i])) v.set(kGiven[i], std::move(c.out[i]));
}

Tensor small_ops(const Tensor& x, const Tensor& w, const Tensor& target, const Tensor& bias,
                 const Tensor& weight, const Attrs& a) {
  return cross_entropy(linear(x, w, bias), target, weight, a.integer(kIgnore),
                       static_cast<Reduction>(a.integer(kReduction)), a.real(kSmoothing));
}

// Those of the same gradients in small ops. What was saved is taken to be the forward's.
void backward_vjp(Vjp& v) {
  const bool recorded = grad_enabled();
  const GradMode on(true);
  constexpr int kFrom[] = {0, 1, 5, 3};  // input, weight, bias and gradient among the inputs
  Tensor xs[4];
  for (int i = 0; i < 4; ++i) {
    Tensor& t = xs[i] = optional_tensor(v, kFrom[i]);
    if (!t.defined()) continue;
    t = recorded && t.requires_grad() ? mul(t, 1) : t.detach();
    if (!t.requires_grad()) t.set_requires_grad(true);
  }
  const Tensor loss =
      small_ops(xs[0], xs[1], v.x(2).tensor(), xs[2], optional_tensor(v, 6), v.attrs());
  std::vector<Tensor> of, came, to;
  for (int i = 0; i < 3; ++i) {
    if (!v.has_g(i) || !v.attrs().flag(kWanted[i]) || !xs[i].defined()) continue;
    of.push_back(xs[i]);
    came.push_back(v.g(i));
  }
  const std::vector<Tensor> first =
      grad({&loss, 1}, of, {&xs[3], 1}, {.retain_graph = true, .create_graph = true});
  std::vector<int> places;
  for (int i = 0; i < 4; ++i)
    if (v.needs(kFrom[i]) && xs[i].defined()) {
      places.push_back(kFrom[i]);
      to.push_back(xs[i]);
    }
  if (to.empty() || of.empty()) return;
  const std::vector<Tensor> second =
      grad(first, to, came, {.retain_graph = recorded, .create_graph = recorded});
  for (size_t i = 0; i < second.size(); ++i)
    if (second[i].defined()) v.set(places[i], second[i]);
}

}  // namespace

// l_i = -w_t log softmax(W x_i + b)_t          its gradients: linear_cross_entropy_backward
constinit const Op linear_entropy_indices_op{
    .name = "linear_cross_entropy_indices",
    .signature = kForward,
    .on = 0,
    .doc =
        "Cross entropy of the logits input @ linear_weight.T + linear_bias with class indices, "
        "tile "
        "by tile. `state` is as cross_entropy_indices has it.",
    .contiguous = true,
    .checked = true,
    .shape = forward_shape,
    .run = forward_run,
    .vjp = forward_vjp,
    .reads = kInputs | reads_output(1)};

// with G the gradient of the logits: dX = G W, dW = G' X, db = sum of the rows of G
//                                                    its gradients: those of the same in small ops
constinit const Op linear_entropy_backward_op{
    .name = "linear_cross_entropy_backward",
    .signature = kBackward,
    .on = 0,
    .doc = "The gradients of linear_cross_entropy_indices that are wanted; the others are empty.",
    .contiguous = true,
    .shape = backward_shape,
    .run = backward_run,
    .vjp = backward_vjp,
    .reads = kInputs};

namespace {

constexpr Signature kLinearEntropy =
    "(input: Tensor, linear_weight: Tensor, target: Tensor, *, linear_bias: Tensor | None = None, "
    "weight: Tensor | None = None, reduction: 'none' | 'mean' | 'sum' = 'mean', ignore_index: int "
    "| None = None, label_smoothing: float = 0.0) -> Tensor";

// (classes, d1, ..., features) for (n, features) gives logits (n, classes, d1, ...).
Dims logits_shape(const Call& c) {
  const Tensor &x = c.in(0), &w = c.in(1);
  check(x.ndim() == 1 || x.ndim() == 2, "expected input with dimensionality 1 or 2, got ",
        x.ndim());
  check(w.ndim() >= 2, "expected linear_weight with dimensionality at least 2, got ", w.ndim());
  check(x.size(-1) == w.size(-1),
        "expected equal input and linear_weight last dimensions (in_features), got ", x.size(-1),
        " and ", w.size(-1), ", respectively");
  Dims classes = w.shape(), logits;
  classes.resize(w.ndim() - 1);
  check(!c.has(3) || c.in(3).shape() == classes, "expected linear_bias shape ", classes, ", got ",
        c.has(3) ? c.in(3).shape() : Dims());
  check(w.ndim() == 2 || x.ndim() == 2, "K-dimensional loss defined by linear_weight shape ",
        w.shape(), " requires batched input, (N, ", x.size(-1),
        "), got unbatched input with shape ", x.shape());
  if (x.ndim() == 2) logits.push_back(x.shape()[0]);
  for (const int64_t n : classes) logits.push_back(n);
  return logits;
}

bool runs_in_tiles(const Tensor& x, const Tensor& w, const Tensor& target) {
  return is_floating(x.dtype()) && w.ndim() == 2 && target.dtype() == Dtype::kInt64 &&
         target.ndim() == x.ndim() - 1 && (x.ndim() == 1 || target.shape()[0] == x.shape()[0]);
}

void composed(Call& c) {
  const Dims logits = logits_shape(c);
  const Tensor &x = c.in(0), &w = c.in(1), &target = c.in(2);
  const Tensor bias = optional_tensor(c, 3), weight = optional_tensor(c, 4);
  const bool ignores = c.attrs.has(kLinearEntropy["ignore_index"]);
  check(x.ndim() == 1 || (target.ndim() > 0 && target.shape()[0] == x.shape()[0]),
        ErrorKind::kValue, "Expected input batch_size (", x.shape()[0],
        ") to match target batch_size (", target.ndim() ? target.shape()[0] : 0, ").");
  check(!(ignores && target.shape() == logits),
        "ignore_index cannot be specified when target contains probabilities");
  const Attrs a(ignores ? c.attrs.integer(kLinearEntropy["ignore_index"]) : -100,
                c.attrs.integer(kLinearEntropy["reduction"]),
                c.attrs.real(kLinearEntropy["label_smoothing"]));
  if (runs_in_tiles(x, w, target)) {
    const bool one = x.ndim() == 1;
    Call loss(linear_entropy_indices_op, a);
    loss.add_input(one ? unsqueeze(x, 0) : x);
    loss.add_input(w);
    loss.add_input(one ? unsqueeze(target, 0) : target);
    loss.add_input(operand_of(bias));
    loss.add_input(operand_of(weight));
    apply(loss);
    c.results = {loss.out[0].ndim() == 1 && one ? squeeze(loss.out[0], Dims{0}) : loss.out[0]};
    return;
  }
  const int64_t classes = numel(w.shape()) / std::max<int64_t>(w.size(-1), 1);
  const Tensor y = linear(x, reshape(w, {classes, w.size(-1)}),
                          bias.defined() ? reshape(bias, {classes}) : bias);
  c.results = {cross_entropy(reshape(y, logits), target, weight, a.integer(kIgnore),
                             static_cast<Reduction>(a.integer(kReduction)), a.real(kSmoothing))};
}

}  // namespace

// l = cross_entropy(W x + b)
constinit const Op linear_cross_entropy_op{
    .name = "linear_cross_entropy",
    .autocast = Cast::kFloat32,
    .signature = kLinearEntropy,
    .on = 0,
    .doc =
        "cross_entropy(linear(input, linear_weight, linear_bias), target). With class indices and "
        "a "
        "linear_weight (C, in_features) the logits are never in memory as a whole, forward or "
        "backward. Input (N, in_features) or (in_features); linear_weight (C, d1, ..., "
        "in_features) "
        "gives a loss of K dimensions. `ignore_index` None is -100, and has to be None for targets "
        "of probabilities.",
    .composed = composed};

namespace {
const Op* const kOps[] = {&linear_cross_entropy_op, &linear_entropy_indices_op,
                          &linear_entropy_backward_op};
}
std::span<const Op* const> linear_loss_ops() { return kOps; }

}  // namespace wengert
