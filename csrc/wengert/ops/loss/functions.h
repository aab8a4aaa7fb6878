// Functions for C++ users of the rows of this family that no other header declares.
// Written by `python -m tests.functions` from the signatures of the rows; do not edit.
#pragma once

#include "wengert/ops/argument.h"

// clang-format off
namespace wengert {

// exp(x) / sum(exp(x)) along `dim`, computed on x - max(x)
Tensor softmax(const Tensor& input, int64_t dim, std::optional<Dtype> dtype);
// x - log(sum(exp(x))) along `dim`, computed on x - max(x)
Tensor log_softmax(const Tensor& input, int64_t dim, std::optional<Dtype> dtype);
// softmax of -x along `dim`; None is 0 for 0-, 1- and 3-d inputs, otherwise 1
Tensor softmin(const Tensor& input, std::optional<int64_t> dim = {},
               std::optional<Dtype> dtype = {});
// mse_loss with a weight for each element
Tensor mse_loss(const Tensor& input, const Tensor& target, Reduction reduction,
                const Tensor& weight);
// l1_loss with a weight for each element
Tensor l1_loss(const Tensor& input, const Tensor& target, Reduction reduction,
               const Tensor& weight);
// huber_loss with a weight for each element
Tensor huber_loss(const Tensor& input, const Tensor& target, Reduction reduction, double delta,
                  const Tensor& weight);
Tensor cosine_embedding_loss(const Tensor& input1, const Tensor& input2, const Tensor& target,
                             double margin = 0.0, Reduction reduction = Reduction::kMean);
Tensor margin_ranking_loss(const Tensor& input1, const Tensor& input2, const Tensor& target,
                           double margin = 0.0, Reduction reduction = Reduction::kMean);
// input, a distance, where target is 1; max(0, margin - input) where it is -1
Tensor hinge_embedding_loss(const Tensor& input, const Tensor& target, double margin = 1.0,
                            Reduction reduction = Reduction::kMean);
// log(1 + exp(-target * input)) for targets of 1 and -1
Tensor soft_margin_loss(const Tensor& input, const Tensor& target,
                        Reduction reduction = Reduction::kMean);
Tensor multilabel_soft_margin_loss(const Tensor& input, const Tensor& target,
                                   const Tensor& weight = {},
                                   Reduction reduction = Reduction::kMean);
Tensor multi_margin_loss(const Tensor& input, const Tensor& target, int64_t p = 1,
                         double margin = 1.0, const Tensor& weight = {},
                         Reduction reduction = Reduction::kMean);
Tensor multilabel_margin_loss(const Tensor& input, const Tensor& target,
                              Reduction reduction = Reduction::kMean);
Tensor triplet_margin_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative,
                           double margin = 1.0, double p = 2.0, double eps = 1e-06,
                           bool swap = false, Reduction reduction = Reduction::kMean);
Tensor gaussian_nll_loss(const Tensor& input, const Tensor& target, const Operand& var,
                         bool full = false, double eps = 1e-06,
                         Reduction reduction = Reduction::kMean);
Tensor poisson_nll_loss(const Tensor& input, const Tensor& target, bool log_input = true,
                        bool full = false, double eps = 1e-08,
                        Reduction reduction = Reduction::kMean);
Tensor ctc_loss(const Tensor& log_probs, const Tensor& targets, const Tensor& input_lengths,
                const Tensor& target_lengths, int64_t blank = 0,
                Reduction reduction = Reduction::kMean, bool zero_infinity = false);
Tensor ctc_loss(const Tensor& log_probs, const Tensor& targets, Ints input_lengths,
                Ints target_lengths, int64_t blank = 0, Reduction reduction = Reduction::kMean,
                bool zero_infinity = false);

}  // namespace wengert
