// Attention over heads in four dimensions, which all calls are brought to.
#pragma once

#include "wengert/ops/attention/attention.h"

namespace wengert {

extern const Op attention_forward_op, attention_backward_op, attention_kept_op,
    attention_factors_op;

// Queries (B, H, L, E), keys (B, K, S, E) and values (B, K, S, V), of which H / K heads of queries
// share one; a mask (B | 1, H | 1, L | 1, S | 1), if defined.
struct Heads {
  Tensor q, k, v, mask;
  double scale;
  bool causal;
  double p;  // of dropout

  int64_t group() const { return k.size(1) ? q.size(1) / k.size(1) : 1; }
};

// (B, H, ...) as (B, K, H / K, ...); one head stays one.
inline Tensor grouped(const Tensor& t, int64_t group) {
  Dims shape = t.shape();
  const int64_t heads = shape[1];
  shape[1] = heads == 1 ? 1 : heads / group;
  shape.insert(2, heads == 1 ? 1 : group);
  return reshape(t, shape);
}

// The weights (B, K, H / K, L, S) in small ops, before dropout: the softmax over the keys that take
// part, zeros where none does.
Tensor attention_weights(const Heads& h);

// dropout(weights) values, (B, H, L, V), for p below 1.
Tensor attend(const Heads& h);

}  // namespace wengert
