// The loss of unsegmented sequences.
#include "wengert/kernels/loss/ctc.h"

#include <limits>
#include <memory>
#include <vector>

#include "wengert/ops/create/create.h"
#include "wengert/ops/loss/choices.h"
#include "wengert/ops/loss/loss.h"

namespace wengert {
namespace {

constexpr Signature kEach =
    "(log_probs: Tensor, targets: Tensor, input_lengths: Tensor, target_lengths: Tensor, blank: "
    "int "
    "= 0, zero_infinity: bool = False) -> Tensor";
constexpr Signature kBackward =
    "(grad: Tensor, log_probs: Tensor, targets: Tensor, input_lengths: Tensor, target_lengths: "
    "Tensor, loss: Tensor, blank: int = 0, zero_infinity: bool = False) -> Tensor";
constexpr int kBlank = attribute("blank", kEach, kBackward);
constexpr Signature kCtc =
    "(log_probs: Tensor, targets: Tensor, input_lengths: Tensor, target_lengths: Tensor, blank: "
    "int "
    "= 0, reduction: 'none' | 'mean' | 'sum' = 'mean', zero_infinity: bool = False) -> Tensor";
constexpr Signature kCtcNumbers =
    "(log_probs: Tensor, targets: Tensor, input_lengths: ints, target_lengths: ints, blank: int = "
    "0, reduction: 'none' | 'mean' | 'sum' = 'mean', zero_infinity: bool = False) -> Tensor";

// Of the call's inputs from `first` on.
CtcLoss describe(const Call& c, int first) {
  const Tensor &x = c.in(first), &t = c.in(first + 1);
  return {x.dtype(),
          x.size(0),
          x.size(1),
          x.size(2),
          c.attrs.integer(kBlank),
          t.data_as<int64_t>(),
          t.numel(),
          t.ndim() == 2 ? t.size(1) : 0,
          c.in(first + 2).data_as<int64_t>(),
          c.in(first + 3).data_as<int64_t>()};
}

void check_inputs(Call& c, int first) {
  const Tensor &x = c.in(first), &t = c.in(first + 1);
  check(is_floating(x.dtype()), ErrorKind::kNotImplemented, "not implemented for dtype ",
        x.dtype());
  check(x.ndim() == 3, "log_probs (steps, batch, classes) expected, got shape ", x.shape());
  check(x.numel() > 0, "log_probs tensor must not be empty");
  const int64_t batch = x.size(1), blank = c.attrs.integer(kBlank);
  check(blank >= 0 && blank < x.size(2), "blank must be in label range, but is ", blank, " of ",
        x.size(2), " classes");
  check(t.ndim() == 1 || (t.ndim() == 2 && t.size(0) == batch),
        "targets (batch, labels) or (labels of all) expected for a batch of ", batch,
        ", got shape ", t.shape());
  for (int i = 2; i < 4; ++i) {
    const char* name = i == 2 ? "input_lengths" : "target_lengths";
    check(c.in(first + i).ndim() <= 1 && c.in(first + i).numel() == batch, name,
          " must be of size batch_size, ", batch, ", but is of shape ", c.in(first + i).shape());
  }
  for (int i = 1; i < 4; ++i) {
    check(is_integral(c.in(first + i).dtype()), "targets and lengths must be integral, got ",
          c.in(first + i).dtype());
    cast_input(c, first + i, Dtype::kInt64);
  }
}

// d = g (exp x - p(class) of the paths that read as the target)      its gradient is an error
constinit const Op ctc_loss_backward_op{
    .name = "ctc_loss_backward",
    .signature = kBackward,
    .on = 0,
    .doc =
        "The gradient of ctc_loss_each, as if its input were the log_softmax of what it is the "
        "gradient of. It has no derivative.",
    .contiguous = true,
    .checked = true,
    .shape =
        [](Call& c) {
          check_inputs(c, 1);
          const Dims batch{c.in(1).size(1)};
          for (const int i : {0, 5}) {
            check(c.in(i).shape() == batch, "gradients and losses of shape ", batch,
                  " expected, got ", c.in(i).shape());
            cast_input(c, i, c.in(1).dtype());
          }
          c.output(c.in(1).dtype(), c.in(1).shape());
        },
    .run =
        [](Call& c) {
          ctc_gradient(describe(c, 1), c.attrs.flag(kBackward["zero_infinity"]), c.in(0).data(),
                       c.in(1).data(), c.in(5).data(), c.out[0].data());
        },
    .vjp =
        [](Vjp&) {
          fail(
              ErrorKind::kNotImplemented,
              "derivative for ctc_loss_backward is not implemented: ctc_loss can be differentiated "
              "once");
        },
};

// l = -log sum over paths that read as the target of prod_t exp x_t   dx = g (exp x - p(class))
constinit const Op ctc_loss_each_op{
    .name = "ctc_loss_each",
    .signature = kEach,
    .on = 0,
    .doc = "ctc_loss of each sample of a batch.",
    .contiguous = true,
    .checked = true,
    .shape =
        [](Call& c) {
          check_inputs(c, 0);
          c.output(c.in(0).dtype(), Dims{c.in(0).size(1)});
        },
    .run = [](Call& c) { ctc_forward(describe(c, 0), c.in(0).data(), c.out[0].data()); },
    .vjp =
        [](Vjp& v) {
          v.set(0, apply(ctc_loss_backward_op,
                         {v.g(), v.x(0), v.x(1), v.x(2), v.x(3), v.y().detach()}, v.attrs()));
        },
    .reads = kInputs | kOutput};

Tensor loss_of(const Tensor& x, const Tensor& target, const Tensor& input_lengths,
               const Tensor& target_lengths, int64_t blank, Reduction reduction, bool finite) {
  const bool batched = x.ndim() == 3;
  const Tensor all = batched ? x : unsqueeze(x, 1);
  const Tensor labels = batched || target.ndim() != 1 ? target : unsqueeze(target, 0);
  Tensor loss =
      apply(ctc_loss_each_op, {all, labels, input_lengths, target_lengths}, Attrs(blank, finite));
  if (finite) loss = where(eq(loss, std::numeric_limits<double>::infinity()), 0.0, loss);
  if (reduction == Reduction::kMean)
    return mean(div(loss, to(clamp(target_lengths, 1, Operand()), loss.dtype())));
  if (reduction == Reduction::kSum) return sum(loss);
  return batched ? loss : reshape(loss, Dims());
}

// A length for each sample, in memory of its own: a program that is recorded keeps it.
Tensor lengths(Ints numbers) {
  const auto held = std::make_shared<std::vector<int64_t>>(numbers.begin(), numbers.end());
  return from_blob(held->data(), Dims{static_cast<int64_t>(held->size())}, [held] {});
}

constexpr const char* kDoc =
    "-log of the probability that the labels are read from (steps, batch, classes) log-"
    "probabilities, summed over all ways to repeat labels and to put blanks between them. Targets "
    "are (batch, labels), or the labels of all samples one behind the other, or (labels) for "
    "(steps, "
    "classes). 'mean' divides each sample's by its number of labels, then takes the mean. With "
    "`zero_infinity` labels that do not fit into the steps count 0. The gradient is that of logits "
    "whose log_softmax is given. Graves et al., 2006.";

template <const Signature& s>
Tensor of_call(Call& c, const Tensor& input_lengths, const Tensor& target_lengths) {
  return loss_of(c.in(0), c.in(1), input_lengths, target_lengths, c.attrs.integer(s["blank"]),
                 static_cast<Reduction>(c.attrs.integer(s["reduction"])),
                 c.attrs.flag(s["zero_infinity"]));
}

// y = mean_n l_n / labels_n, or the sum of l, or l
constinit const Op ctc_loss_op{
    .name = "ctc_loss",
    .autocast = Cast::kFloat32,
    .signature = kCtc,
    .on = kFunctional,
    .doc = kDoc,
    .composed = [](Call& c) { c.results = {of_call<kCtc>(c, c.in(2), c.in(3))}; }};
// y = mean_n l_n / labels_n, or the sum of l, or l
constinit const Op ctc_loss_numbers_op{
    .name = "ctc_loss",
    .autocast = Cast::kFloat32,
    .signature = kCtcNumbers,
    .on = kFunctional,
    .doc = kDoc,
    .composed = [](Call& c) {
      c.results = {of_call<kCtcNumbers>(c, lengths(c.attrs.ints(kCtcNumbers["input_lengths"])),
                                        lengths(c.attrs.ints(kCtcNumbers["target_lengths"])))};
    }};

const Op* const kOps[] = {&ctc_loss_backward_op, &ctc_loss_each_op, &ctc_loss_op,
                          &ctc_loss_numbers_op};

}  // namespace

std::span<const Op* const> ctc_loss_ops() { return kOps; }

}  // namespace wengert
