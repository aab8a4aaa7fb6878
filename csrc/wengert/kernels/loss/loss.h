// Losses of classes, and losses of pairs of numbers; with their gradients. Sums are taken in
// float64 over chunks of fixed size.
#pragma once

#include <cstdint>

#include "wengert/base/dtype.h"

namespace wengert {

enum class LossSum : uint8_t { kNone, kMean, kSum };  // as Reduction in ops/basic.h

// Inputs are [rows, classes, inner], targets [rows, inner]. `weight`, one number per class, may be
// null. A target outside of the classes that is not ignore_index is an IndexError.
struct ClassLoss {
  Dtype dtype;
  int64_t rows, classes, inner;
  const int64_t* target;
  const void* weight;
  int64_t ignore_index;
  LossSum sum;
  double smoothing;

  int64_t targets() const { return rows * inner; }
};

// l = (1 - s) w_t (lse - x_t) + s / C sum_c w_c (lse - x_c), with lse = log sum exp x.
// `state` takes lse of every target and then the sum of the targets' weights.
void cross_entropy_forward(const ClassLoss& l, const void* x, void* loss, void* state);
void cross_entropy_gradient(const ClassLoss& l, const void* g, const void* x, const void* state,
                            void* dx);
// The weights that multiply -log p in the loss: (1 - s) w_t [c = t] + s / C w_c.
void cross_entropy_weights(const ClassLoss& l, void* out);

// l = -w_t x_t
void nll_forward(const ClassLoss& l, const void* x, void* loss, void* total_weight);
void nll_gradient(const ClassLoss& l, const void* g, const void* total_weight, void* dx);

enum class PairLoss : uint8_t { kSquare, kAbsolute, kSmooth, kHuber, kBinary, kLogits };

// `param` is beta or delta. kBinary throws unless both x and t are in [0, 1].
void pair_loss_forward(PairLoss kind, Dtype dtype, LossSum sum, double param, int64_t n,
                       const void* x, const void* t, void* loss);
// The gradient of x; g is one number unless `sum` is kNone.
void pair_loss_gradient(PairLoss kind, Dtype dtype, LossSum sum, double param, int64_t n,
                        const void* g, const void* x, const void* t, void* dx);

}  // namespace wengert
