// Softmax and losses.
#pragma once

#include "wengert/ops/basic.h"

namespace wengert {

Tensor softmax(const Tensor& x, int64_t dim);
Tensor log_softmax(const Tensor& x, int64_t dim);
Tensor softmax_backward(const Tensor& g, const Tensor& y, int64_t dim);
Tensor log_softmax_backward(const Tensor& g, const Tensor& y, int64_t dim);
Tensor nll_loss(const Tensor& x, const Tensor& target, const Tensor& weight = {},
                int64_t ignore_index = -100, Reduction reduction = Reduction::kMean);
Tensor cross_entropy(const Tensor& x, const Tensor& target, const Tensor& weight = {},
                     int64_t ignore_index = -100, Reduction reduction = Reduction::kMean,
                     double label_smoothing = 0);
Tensor mse_loss(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::kMean);
Tensor l1_loss(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::kMean);
Tensor smooth_l1_loss(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::kMean,
                      double beta = 1);
Tensor huber_loss(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::kMean,
                  double delta = 1);
// kMean divides by the number of elements, as Python's default does; the sum divided by the size of
// the batch is the divergence.
Tensor kl_div(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::kMean,
              bool log_target = false);
Tensor binary_cross_entropy(const Tensor& x, const Tensor& target, const Tensor& weight = {},
                            Reduction reduction = Reduction::kMean);
Tensor binary_cross_entropy_with_logits(const Tensor& x, const Tensor& target,
                                        const Tensor& weight = {}, const Tensor& pos_weight = {},
                                        Reduction reduction = Reduction::kMean);

// The input over which an op of this family may write its result, element by element; -1 for none.
int may_write_over(const Op& op);

}  // namespace wengert
