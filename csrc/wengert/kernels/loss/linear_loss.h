// The cross entropy of logits that a matrix product makes, of which a tile is in memory at a time.
#pragma once

#include "wengert/kernels/loss/loss.h"

namespace wengert {

// The logits are x W' + b: x (rows, features), W (classes, features), b (classes) or null, which is
// none. `inner` is 1.
struct LinearLoss {
  ClassLoss loss;
  int64_t features;
  const void *x, *w, *b;
};

// As cross_entropy_forward.
void linear_cross_entropy_forward(const LinearLoss& l, void* loss, void* state);
// Those of dx, dw and db that are not null. The logits are computed anew.
void linear_cross_entropy_gradient(const LinearLoss& l, const void* g, const void* state, void* dx,
                                   void* dw, void* db);

}  // namespace wengert
