// Written by `python -m tests.functions` from the signatures of the rows; do not edit.
// clang-format off
#include "wengert/ops/loss/functions.h"

#include "wengert/ops/calling.h"

namespace wengert {

Tensor softmax(const Tensor& input, int64_t dim, std::optional<Dtype> dtype) {
  static const Op& op = calling::row("softmax");
  return calling::one(op, {input}, {dim, dtype});
}
Tensor log_softmax(const Tensor& input, int64_t dim, std::optional<Dtype> dtype) {
  static const Op& op = calling::row("log_softmax");
  return calling::one(op, {input}, {dim, dtype});
}
Tensor softmin(const Tensor& input, std::optional<int64_t> dim, std::optional<Dtype> dtype) {
  static const Op& op = calling::row("softmin");
  return calling::one(op, {input}, {dim, int64_t{3}, dtype});
}
Tensor mse_loss(const Tensor& input, const Tensor& target, Reduction reduction,
                const Tensor& weight) {
  static const Op& op = calling::row("mse_loss", 1);
  return calling::one(op, {input, target, weight}, {nullptr, nullptr, reduction});
}
Tensor l1_loss(const Tensor& input, const Tensor& target, Reduction reduction,
               const Tensor& weight) {
  static const Op& op = calling::row("l1_loss", 1);
  return calling::one(op, {input, target, weight}, {nullptr, nullptr, reduction});
}
Tensor huber_loss(const Tensor& input, const Tensor& target, Reduction reduction, double delta,
                  const Tensor& weight) {
  static const Op& op = calling::row("huber_loss", 1);
  return calling::one(op, {input, target, weight}, {reduction, delta});
}
Tensor cosine_embedding_loss(const Tensor& input1, const Tensor& input2, const Tensor& target,
                             double margin, Reduction reduction) {
  static const Op& op = calling::row("cosine_embedding_loss");
  return calling::one(op, {input1, input2, target}, {margin, nullptr, nullptr, reduction});
}
Tensor margin_ranking_loss(const Tensor& input1, const Tensor& input2, const Tensor& target,
                           double margin, Reduction reduction) {
  static const Op& op = calling::row("margin_ranking_loss");
  return calling::one(op, {input1, input2, target}, {margin, nullptr, nullptr, reduction});
}
Tensor hinge_embedding_loss(const Tensor& input, const Tensor& target, double margin,
                            Reduction reduction) {
  static const Op& op = calling::row("hinge_embedding_loss");
  return calling::one(op, {input, target}, {margin, nullptr, nullptr, reduction});
}
Tensor soft_margin_loss(const Tensor& input, const Tensor& target, Reduction reduction) {
  static const Op& op = calling::row("soft_margin_loss");
  return calling::one(op, {input, target}, {nullptr, nullptr, reduction});
}
Tensor multilabel_soft_margin_loss(const Tensor& input, const Tensor& target, const Tensor& weight,
                                   Reduction reduction) {
  static const Op& op = calling::row("multilabel_soft_margin_loss");
  return calling::one(op, {input, target, weight}, {nullptr, nullptr, reduction});
}
Tensor multi_margin_loss(const Tensor& input, const Tensor& target, int64_t p, double margin,
                         const Tensor& weight, Reduction reduction) {
  static const Op& op = calling::row("multi_margin_loss");
  return calling::one(op, {input, target, weight}, {p, margin, nullptr, nullptr, reduction});
}
Tensor multilabel_margin_loss(const Tensor& input, const Tensor& target, Reduction reduction) {
  static const Op& op = calling::row("multilabel_margin_loss");
  return calling::one(op, {input, target}, {nullptr, nullptr, reduction});
}
Tensor triplet_margin_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative,
                           double margin, double p, double eps, bool swap, Reduction reduction) {
  static const Op& op = calling::row("triplet_margin_loss");
  return calling::one(op,
                      {anchor, positive, negative},
                      {margin, p, eps, swap, nullptr, nullptr, reduction});
}
Tensor gaussian_nll_loss(const Tensor& input, const Tensor& target, const Operand& var, bool full,
                         double eps, Reduction reduction) {
  static const Op& op = calling::row("gaussian_nll_loss");
  return calling::one(op, {input, target, var}, {full, eps, reduction});
}
Tensor poisson_nll_loss(const Tensor& input, const Tensor& target, bool log_input, bool full,
                        double eps, Reduction reduction) {
  static const Op& op = calling::row("poisson_nll_loss");
  return calling::one(op, {input, target}, {log_input, full, nullptr, eps, nullptr, reduction});
}
Tensor ctc_loss(const Tensor& log_probs, const Tensor& targets, const Tensor& input_lengths,
                const Tensor& target_lengths, int64_t blank, Reduction reduction,
                bool zero_infinity) {
  static const Op& op = calling::row("ctc_loss");
  return calling::one(op,
                      {log_probs, targets, input_lengths, target_lengths},
                      {blank, reduction, zero_infinity});
}
Tensor ctc_loss(const Tensor& log_probs, const Tensor& targets, Ints input_lengths,
                Ints target_lengths, int64_t blank, Reduction reduction, bool zero_infinity) {
  static const Op& op = calling::row("ctc_loss", 1);
  return calling::one(op,
                      {log_probs, targets},
                      {input_lengths, target_lengths, blank, reduction, zero_infinity});
}

}  // namespace wengert
