// Losses of scores that shall differ by a margin, of distances, and of distributions given by their
// parameters. Those of classes' scores have a kernel, all others are composed of small ops.
#include "wengert/kernels/loss/margin.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <numbers>

#include "wengert/base/parallel.h"
#include "wengert/ops/create/create.h"
#include "wengert/ops/index/index.h"
#include "wengert/ops/loss/choices.h"
#include "wengert/ops/loss/loss.h"
#include "wengert/ops/optional.h"
#include "wengert/ops/pointwise/pointwise.h"
#include "wengert/ops/reduce/reduce.h"

namespace wengert {

extern const Op margins_backward_op;

namespace {

constexpr Signature kCosine =
    "(input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, size_average: bool | "
    "None = None, reduce: bool | None = None, reduction: 'none' | 'mean' | 'sum' = 'mean') -> "
    "Tensor";
constexpr Signature kRanking =
    "(input1: Tensor, input2: Tensor, target: Tensor, margin: float = 0.0, size_average: bool | "
    "None = None, reduce: bool | None = None, reduction: 'none' | 'mean' | 'sum' = 'mean') -> "
    "Tensor";
constexpr Signature kHinge =
    "(input: Tensor, target: Tensor, margin: float = 1.0, size_average: bool | None = None, "
    "reduce: bool | None = None, reduction: 'none' | 'mean' | 'sum' = 'mean') -> Tensor";
constexpr Signature kSoft =
    "(input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None, "
    "reduction: 'none' | 'mean' | 'sum' = 'mean') -> Tensor";
constexpr Signature kMultilabelSoft =
    "(input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: bool | None = "
    "None, reduce: bool | None = None, reduction: 'none' | 'mean' | 'sum' = 'mean') -> Tensor";
constexpr Signature kMulti =
    "(input: Tensor, target: Tensor, p: int = 1, margin: float = 1.0, weight: Tensor | None = "
    "None, size_average: bool | None = None, reduce: bool | None = None, reduction: 'none' | "
    "'mean' | 'sum' = 'mean') -> Tensor";
constexpr Signature kMultilabel =
    "(input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None, "
    "reduction: 'none' | 'mean' | 'sum' = 'mean') -> Tensor";
constexpr Signature kTriplet =
    "(anchor: Tensor, positive: Tensor, negative: Tensor, margin: float = 1.0, p: float = 2.0, "
    "eps: float = 1e-06, swap: bool = False, size_average: bool | None = None, reduce: bool | None "
    "= None, reduction: 'none' | 'mean' | 'sum' = 'mean') -> Tensor";
constexpr Signature kGaussian =
    "(input: Tensor, target: Tensor, var: Operand, full: bool = False, eps: float = 1e-06, "
    "reduction: 'none' | 'mean' | 'sum' = 'mean') -> Tensor";
constexpr Signature kPoisson =
    "(input: Tensor, target: Tensor, log_input: bool = True, full: bool = False, size_average: "
    "bool | None = None, eps: float = 1e-08, reduce: bool | None = None, reduction: 'none' | "
    "'mean' | 'sum' = 'mean') -> Tensor";

// The loss of each element or row as the call's result, reduced as its arguments say.
void finish(Call& c, const Tensor& loss, const ReductionPlace& at) {
  warn_of_legacy(c.attrs, at);
  c.results = {reduce_loss(loss, reduction_of(c.attrs, at))};
}
Tensor positive_part(const Tensor& x) { return clamp(x, 0, Operand()); }

// l = 1 - cos(x, y) where t = 1, max(0, cos(x, y) - margin) where t = -1
constinit const Op cosine_embedding_loss_op{
    .name = "cosine_embedding_loss",
    .autocast = Cast::kFloat32,
    .signature = kCosine,
    .on = kFunctional,
    .doc =
        "1 - cos(input1, input2) where target is 1 and max(0, cos - margin) where it is -1, for "
        "rows (n, d), (n, d) with targets (n), or vectors (d), (d) with a 0-d target. The squares "
        "of the norms are increased by 1e-12.",
    .composed = [](Call& c) {
      const Tensor &x = c.in(0), &y = c.in(1), &t = c.in(2);
      check(t.ndim() < 2, "0D or 1D target tensor expected, multi-target not supported");
      check(x.ndim() == t.ndim() + 1 && y.ndim() == t.ndim() + 1, t.ndim(),
            "D target tensor expects ", t.ndim() + 1,
            "D input tensors, but found inputs with sizes ", x.shape(), " and ", y.shape(), ".");
      const Dims last{-1};
      const Tensor norms = mul(add(sum(mul(x, x), last), 1e-12), add(sum(mul(y, y), last), 1e-12));
      const Tensor cosine = div(sum(mul(x, y), last), sqrt(norms));
      const Tensor apart = positive_part(sub(cosine, c.attrs.real(kCosine["margin"])));
      const Tensor loss = add(where(eq(t, 1), sub(1, cosine), 0.0), where(eq(t, -1), apart, 0.0));
      finish(c, loss, legacy_reduction_place(kCosine));
    }};

// l = max(0, margin - t (x - y))
constinit const Op margin_ranking_loss_op{
    .name = "margin_ranking_loss",
    .autocast = Cast::kFloat32,
    .signature = kRanking,
    .on = kFunctional,
    .doc =
        "max(0, margin - target * (input1 - input2)): input1 shall be the larger one where target "
        "is 1, input2 where it is -1. Shapes broadcast.",
    .composed = [](Call& c) {
      const Tensor &x = c.in(0), &y = c.in(1), &t = c.in(2);
      check(x.ndim() == y.ndim() && x.ndim() == t.ndim(),
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            "input1: ",
            x.shape(), ", input2: ", y.shape(), ", target: ", t.shape(), " ");
      const Tensor short_by = add(mul(neg(t), sub(x, y)), c.attrs.real(kRanking["margin"]));
      finish(c, positive_part(short_by), legacy_reduction_place(kRanking));
    }};

// l = x where t = 1, max(0, margin - x) where t = -1
constinit const Op hinge_embedding_loss_op{
    .name = "hinge_embedding_loss",
    .autocast = Cast::kFloat32,
    .signature = kHinge,
    .on = kFunctional,
    .doc =
        "input, a distance, where target is 1; max(0, margin - input) where it is -1. Shapes "
        "broadcast.",
    .composed = [](Call& c) {
      const Tensor &x = c.in(0), &t = c.in(1);
      const double margin = c.attrs.real(kHinge["margin"]);
      // As in PyTorch, the margin is of the input's dtype.
      const Tensor apart = positive_part(
          is_floating(x.dtype()) ? sub(margin, x) : sub(static_cast<int64_t>(margin), x));
      const Tensor loss = add(where(ne(t, 1), apart, 0), where(ne(t, -1), x, 0));
      finish(c, loss, legacy_reduction_place(kHinge));
    }};

// l = log(1 + exp(-t x))
constinit const Op soft_margin_loss_op{
    .name = "soft_margin_loss",
    .autocast = Cast::kFloat32,
    .signature = kSoft,
    .on = kFunctional,
    .doc = "log(1 + exp(-target * input)) for targets of 1 and -1. Shapes broadcast.",
    .composed = [](Call& c) {
      const Tensor& x = c.in(0);
      check(is_floating(x.dtype()), "input of a floating dtype expected, got ", x.dtype());
      const double no_end = std::numeric_limits<double>::infinity();
      finish(c, softplus(mul(x, neg(c.in(1))), 1, no_end), legacy_reduction_place(kSoft));
    }};

// l = -mean_c w_c (t_c log s(x_c) + (1 - t_c) log s(-x_c)), s(x) = 1 / (1 + exp(-x))
constinit const Op multilabel_soft_margin_loss_op{
    .name = "multilabel_soft_margin_loss",
    .signature = kMultilabelSoft,
    .on = kFunctional,
    .doc =
        "The cross entropy of logits (*, classes) against targets of 0 or 1 of the same shape, "
        "weighted by `weight`, which broadcasts; the mean over the classes.",
    .composed = [](Call& c) {
      const Tensor& x = c.in(0);
      check(x.ndim() > 0, ErrorKind::kIndex, "input (*, classes) expected, got 0 dimensions");
      const Dims shape = broadcast_shapes(x.shape(), c.in(1).shape());
      Tensor each = binary_cross_entropy_with_logits(
          expand(x, shape), expand(to(c.in(1), x.dtype()), shape), {}, {}, Reduction::kNone);
      if (c.has(2)) each = mul(each, c.in(2));
      const int64_t classes = x.ndim() - 1;
      finish(c, div(sum(each, Dims{classes}), static_cast<double>(x.size(classes))),
             legacy_reduction_place(kMultilabelSoft));
    }};

// ---- scores of classes

constexpr Signature kMargins =
    "(input: Tensor, target: Tensor, p: int, margin: float, lowest: int) -> Tensor";
constexpr Signature kMarginsBackward =
    "(grad: Tensor, input: Tensor, target: Tensor, p: int, margin: float, lowest: int) -> Tensor";

constexpr int kPower = attribute("p", kMargins, kMarginsBackward);
constexpr int kMargin = attribute("margin", kMargins, kMarginsBackward);
constexpr int kLowest = attribute("lowest", kMargins, kMarginsBackward);

void check_margins(const Tensor& x, const Tensor& target, const Attrs& a) {
  check(x.ndim() == 2 && x.size(1) > 0 && is_floating(x.dtype()),
        "input (n, classes) of a floating dtype expected, got ", x.shape(), " of ", x.dtype());
  check(target.dtype() == Dtype::kInt64, "a target of int64 expected, got ", target.dtype());
  check(target.ndim() == 2 && target.size(0) == x.size(0), "target (n, targets) expected, got ",
        target.shape());
  const int64_t p = a.integer(kPower), lowest = a.integer(kLowest);
  check(p == 1 || (p == 2 && target.size(1) == 1),
        "p of 1 expected, or of 2 with one target in a row, got ", p);
  check(lowest == 0 || lowest == -1, "lowest of 0 or -1 expected, got ", lowest);
}

void margins_run(const Call& c, const void* g, const Tensor& x, const Tensor& target) {
  const int64_t *t = target.data_as<int64_t>(), lowest = c.attrs.integer(kLowest);
  for (int64_t i = 0; i < target.numel(); ++i)
    check(t[i] >= lowest && t[i] < x.size(1), "target out of range: expected ", lowest, " to ",
          x.size(1) - 1, ", got ", t[i]);
  margin_loss({.dtype = x.dtype(),
               .rows = x.size(0),
               .classes = x.size(1),
               .targets = target.size(1),
               .target = t,
               .squared = c.attrs.integer(kPower) == 2,
               .margin = c.attrs.real(kMargin)},
              g, x.data(), c.out[0].data());
}

// l_i = 1/C sum_{t, c no target} max(0, margin - x_t + x_c)^p        dx = that of _margins_backward
constinit const Op margins_op{
    .name = "_margins",
    .signature = kMargins,
    .on = 0,
    .doc =
        "multilabel_margin_loss() of each row of (n, classes) with targets (n, k), which are at "
        "least `lowest`, 0 or -1; p may be 2 where k is 1.",
    .contiguous = true,
    .checked = true,
    .shape =
        [](Call& c) {
          check_margins(c.in(0), c.in(1), c.attrs);
          c.output(c.in(0).dtype(), Dims{c.in(0).size(0)});
        },
    .run = [](Call& c) { margins_run(c, nullptr, c.in(0), c.in(1)); },
    .vjp = [](Vjp& v) { v.set(0, apply(margins_backward_op, {v.g(), v.x(0), v.x(1)}, v.attrs())); },
    .reads = kInput | kOther};

// With s the slopes of the losses and h the gradient of dx: dg = sum_c h_c s_c. For p = 1 they do
// not depend on x; for p = 2, d_c = 2 g / C (h_c - h_t) where c lies above, and d_t is -sum_c d_c.
void margins_backward_vjp(Vjp& v) {
  const Attrs& a = v.attrs();
  const Tensor h = v.g(), g = v.x(0), x = v.x(1), t = v.x(2);
  if (v.needs(0))
    v.set(0, sum(mul(h, apply(margins_backward_op, {ones_like(g), x, t}, a)), Dims{1}));
  if (!v.needs(1)) return;
  if (a.integer(kPower) == 1) {
    v.set(1, zeros_like(x));
    return;
  }
  const Tensor z = add(sub(x, gather(x, 1, t)), a.real(kMargin));
  const Tensor scale = unsqueeze(mul(g, 2.0 / static_cast<double>(x.size(1))), 1);
  const Tensor d = where(gt(z, 0), mul(scale, sub(h, gather(h, 1, t))), 0.0);
  v.set(1, scatter_add(d, 1, t, neg(sum(d, Dims{1}, true))));
}

}  // namespace

// dx_c = g/C sum_t s_tc, s the slopes p max(0, margin - x_t + x_c)^(p - 1), and minus the sum for t
// dg = sum_c h_c dx_c / g        dx = 0 for p = 1
constinit const Op margins_backward_op{
    .name = "_margins_backward",
    .signature = kMarginsBackward,
    .on = 0,
    .doc = "The gradient of _margins from that of the losses (n).",
    .contiguous = true,
    .shape =
        [](Call& c) {
          const Tensor& x = c.in(1);
          check_margins(x, c.in(2), c.attrs);
          check(c.in(0).shape() == Dims{x.size(0)} && c.in(0).dtype() == x.dtype(),
                "a number of the input's dtype for each row expected");
          c.output(x.dtype(), x.shape());
        },
    .run = [](Call& c) { margins_run(c, c.in(0).data(), c.in(1), c.in(2)); },
    .vjp = margins_backward_vjp,
    .reads = kInputs};

namespace {

// A row (classes) as one of a batch (1, classes), a number as a row of one; else an error.
Tensor as_rows(const Tensor& x) {
  check(is_floating(x.dtype()), ErrorKind::kNotImplemented, "not implemented for dtype ",
        x.dtype());
  check(x.ndim() == 0 || (x.ndim() <= 2 && x.size(-1) > 0),
        "Expected non-empty vector or matrix with optional 0-dim batch size, ",
        "but got: ", x.shape());
  return x.ndim() == 2 ? x : reshape(x, Dims{1, x.numel()});
}

// l = 1/C sum_{c != t} w_t max(0, margin - x_t + x_c)^p
constinit const Op multi_margin_loss_op{
    .name = "multi_margin_loss",
    .autocast = Cast::kFloat32,
    .signature = kMulti,
    .on = kFunctional,
    .doc =
        "The mean over the classes other than the target's of weight[target] * max(0, margin - "
        "input[target] + input)^p, p being 1 or 2: (n, classes) with targets (n) int64, or "
        "(classes) with a 0-d target, or one of (1).",
    .composed = [](Call& c) {
      const int64_t p = c.attrs.integer(kMulti["p"]);
      check(p == 1 || p == 2, ErrorKind::kValue, "only p == 1 and p == 2 supported");
      const Tensor weight = optional_tensor(c, 2);
      check(!weight.defined() || weight.ndim() == 1, ErrorKind::kValue,
            "weight must be one-dimensional");
      const Tensor x = as_rows(c.in(0));
      const int64_t rows = x.size(0), classes = x.size(1);
      check(c.in(1).ndim() <= 1 && c.in(1).numel() == rows, "inconsistent target size, expected ",
            rows, " but got ", c.in(1).shape());
      if (weight.defined())
        check(weight.numel() == classes, "inconsistent weight size, expected ", classes,
              " but got ", weight.shape());
      const Tensor t = reshape(c.in(1), Dims{rows, 1});
      Tensor loss = apply(margins_op, {x, t}, Attrs(p, c.attrs.real(kMulti["margin"]), 0));
      if (weight.defined()) loss = mul(loss, index_select(weight, 0, flatten(t)));
      if (c.in(0).ndim() < 2 && c.in(1).ndim() == 0) loss = reshape(loss, Dims());
      finish(c, loss, legacy_reduction_place(kMulti));
    }};

// l = 1/C sum_{t, c no target} max(0, 1 - x_t + x_c)
constinit const Op multilabel_margin_loss_op{
    .name = "multilabel_margin_loss",
    .autocast = Cast::kFloat32,
    .signature = kMultilabel,
    .on = kFunctional,
    .doc =
        "max(0, 1 - input[t] + input[c]) / classes, summed over targets t and classes c that are "
        "none: (n, classes) with targets (n, classes) int64, of which those before the first -1 "
        "count; or both without n.",
    .composed = [](Call& c) {
      const Tensor x = as_rows(c.in(0));
      check(c.in(1).shape() == c.in(0).shape(), "inconsistent target size: ", c.in(1).shape(),
            " for input of size: ", c.in(0).shape());
      const Tensor t = reshape(c.in(1), x.shape());
      Tensor loss = apply(margins_op, {x, t}, Attrs(1, 1.0, -1));
      if (c.in(0).ndim() < 2) loss = reshape(loss, Dims());
      finish(c, loss, legacy_reduction_place(kMultilabel));
    }};

// l = max(0, margin + |a - p| - |a - n|)
constinit const Op triplet_margin_loss_op{
    .name = "triplet_margin_loss",
    .autocast = Cast::kFloat32,
    .signature = kTriplet,
    .on = kFunctional,
    .doc =
        "max(0, margin + d(anchor, positive) - d(anchor, negative)) for (n, d) or (d), d being "
        "pairwise_distance() with `p` and `eps`. With `swap` the negative distance is the smaller "
        "one of the anchor's and the positive's. Balntas et al., 2016.",
    .composed = [](Call& c) {
      const Tensor &a = c.in(0), &pos = c.in(1), &neg = c.in(2);
      check(a.ndim() == pos.ndim() && a.ndim() == neg.ndim(),
            "The anchor, positive, and negative tensors are expected to have the same number of "
            "dimensions, but got: anchor ",
            a.ndim(), "D, positive ", pos.ndim(), "D, and negative ", neg.ndim(), "D inputs");
      const double margin = c.attrs.real(kTriplet["margin"]);
      check(margin > 0, ErrorKind::kValue, "margin must be greater than 0, got ", margin);
      const double p = c.attrs.real(kTriplet["p"]), eps = c.attrs.real(kTriplet["eps"]);
      Tensor apart = pairwise_distance(a, neg, p, eps);
      if (c.attrs.flag(kTriplet["swap"]))
        apart = minimum(apart, pairwise_distance(pos, neg, p, eps));
      const Tensor short_by = add(sub(pairwise_distance(a, pos, p, eps), apart), margin);
      finish(c, positive_part(short_by), legacy_reduction_place(kTriplet));
    }};

constexpr Signature kVariance = "(input: Tensor, eps: float) -> Tensor";
constexpr int64_t kVarianceGrain = int64_t{1} << 15;

// y = max(v, eps)              dx = g, as in PyTorch also where v is below eps
constinit const Op variance_op{
    .name = "_variance",
    .signature = kVariance,
    .on = 0,
    .doc = "The variances, of which none may be negative, that are at least eps.",
    .contiguous = true,
    .checked = true,
    .shape =
        [](Call& c) {
          const Dtype d = c.in(0).dtype();
          check(is_floating(d), "var of a floating dtype expected, got ", d);
          c.output(d, c.in(0).shape());
        },
    .run =
        [](Call& c) {
          const Tensor &given = c.in(0), &out = c.out[0];
          dispatch_floating(given.dtype(), [&](auto zero) {
            using T = decltype(zero);
            const T* v = given.data_as<T>();
            T* y = out.data_as<T>();
            const auto eps = static_cast<T>(c.attrs.real(kVariance["eps"]));
            std::atomic<bool> negative{false};
            parallel_for(out.numel(), kVarianceGrain, [&](int64_t begin, int64_t end) {
              T least = 0;
              for (int64_t i = begin; i < end; ++i) {
                least = std::min(least, v[i]);
                y[i] = v[i] < eps ? eps : v[i];
              }
              if (least < 0) negative.store(true, std::memory_order_relaxed);
            });
            check(!negative, ErrorKind::kValue, "var has negative entry/entries");
          });
        },
    .vjp = [](Vjp& v) { v.set(0, v.g()); },
};

// var as it broadcasts to x: a number, or a tensor of x's shape, or of it with 1 somewhere, or
// without the last dimension.
Tensor broadcast_variance(const Operand& var, const Tensor& x) {
  if (var.is_scalar())
    return full(x.shape(), var.scalar(), is_floating(x.dtype()) ? x.dtype() : Dtype::kFloat32);
  const Tensor& v = var.tensor();
  if (v.shape() == x.shape()) return v;
  check(x.ndim() > 0, ErrorKind::kValue, "var is of incorrect size");
  Dims rows = x.shape();
  rows.erase(rows.size() - 1);
  if (v.shape() == rows) return unsqueeze(v, -1);
  int64_t others = 0;  // the sum of the sizes that are not x's
  for (int d = 0; v.ndim() == x.ndim() && d < x.ndim(); ++d)
    others += v.size(d) == x.size(d) ? 0 : v.size(d);
  check(others == 1, ErrorKind::kValue, "var is of incorrect size");
  return v;
}

// l = (log v + (x - t)^2 / v) / 2
constinit const Op gaussian_nll_loss_op{
    .name = "gaussian_nll_loss",
    .signature = kGaussian,
    .on = kFunctional,
    .doc =
        "-log of the density of target under normal distributions of mean `input` and variance "
        "`var`, which counts as `eps` at least: of input's shape, or with 1 in one place of it, or "
        "without its last dimension, or a number; a negative one is a ValueError. The constant "
        "log(2 pi) / 2 is added with `full`. Nix and Weigend, 1994.",
    .composed = [](Call& c) {
      const Tensor &x = c.in(0), &t = c.in(1);
      const Tensor var = apply(variance_op, {broadcast_variance(c.input(2), x)},
                               Attrs(c.attrs.real(kGaussian["eps"])));
      const Tensor d = sub(x, t);
      Tensor loss = mul(add(log(var), div(mul(d, d), var)), 0.5);
      if (c.attrs.flag(kGaussian["full"])) loss = add(loss, 0.5 * std::log(2 * std::numbers::pi));
      finish(c, loss, reduction_place(kGaussian));
    }};

// l = exp(x) - t x, or x - t log(x + eps)
constinit const Op poisson_nll_loss_op{
    .name = "poisson_nll_loss",
    .autocast = Cast::kFloat32,
    .signature = kPoisson,
    .on = kFunctional,
    .doc =
        "-log of the probability of target under Poisson distributions of mean exp(input), or "
        "input + eps without `log_input`, but for log(target!), which Stirling's formula adds "
        "with `full` where target is above 1. Shapes broadcast.",
    .composed = [](Call& c) {
      const Tensor &x = c.in(0), &t = c.in(1);
      Tensor loss = c.attrs.flag(kPoisson["log_input"])
                        ? sub(exp(x), mul(t, x))
                        : sub(x, mul(t, log(add(x, c.attrs.real(kPoisson["eps"])))));
      if (c.attrs.flag(kPoisson["full"])) {
        const Tensor stirling =
            add(sub(mul(t, log(t)), t), mul(log(mul(t, 2 * std::numbers::pi)), 0.5));
        loss = add(loss, where(le(t, 1), 0.0, stirling));
      }
      finish(c, loss, legacy_reduction_place(kPoisson));
    }};

const Op* const kOps[] = {&cosine_embedding_loss_op,
                          &margin_ranking_loss_op,
                          &hinge_embedding_loss_op,
                          &soft_margin_loss_op,
                          &multilabel_soft_margin_loss_op,
                          &margins_op,
                          &margins_backward_op,
                          &multi_margin_loss_op,
                          &multilabel_margin_loss_op,
                          &triplet_margin_loss_op,
                          &variance_op,
                          &gaussian_nll_loss_op,
                          &poisson_nll_loss_op};

}  // namespace

std::span<const Op* const> margin_loss_ops() { return kOps; }

}  // namespace wengert
