// Attention, softmax(scale Q K' + M) V over the heads of a batch, and its gradients. No matrix of
// all weights is made: they come and go in blocks of queries and keys that stay in cache.
#pragma once

#include <cstdint>

namespace wengert {

struct AttentionShape {
  int64_t batch;
  int64_t heads, kv_heads;  // of queries; of keys and values, each of which serves as many heads
  int64_t queries, keys;
  int64_t width, out_width;  // of queries and keys; of values
  double scale;
  bool causal;  // query i sees keys up to i
  double p;     // of dropout, below 1

  int64_t group() const { return heads / kv_heads; }
};

// Rows of a batch's heads; the elements of a row are neighbours.
template <class T>
struct HeadRows {
  T* data;
  int64_t batch, head, row;  // steps
  T* at(int64_t b, int64_t h, int64_t r) const { return data + b * batch + h * head + r * row; }
};

// Bools, which say what takes part, or numbers that are added; steps may be 0.
struct AttentionMask {
  const void* data = nullptr;
  bool is_bool = false;
  int64_t batch = 0, head = 0, query = 0, key = 0;
};

// The bits of all weights (batch, heads, queries, keys) in order, 1 for what dropout keeps; two
// words more may be read than they fill.
using Kept = const uint8_t*;
inline int64_t kept_bytes(int64_t weights) { return (weights + 63) / 64 * 8 + 16; }

// y, and for each query the logarithm of the sum of its exponentials: infinity for one that sees
// no key, whose y is 0.
template <class T>
void attention_forward(const AttentionShape& s, HeadRows<const T> q, HeadRows<const T> k,
                       HeadRows<const T> v, const AttentionMask& mask, Kept kept, HeadRows<T> y,
                       T* log_sums);

// The gradients that have memory; `scores`, of the mask: (batch, heads, queries, keys), zeros
// before.
template <class T>
struct AttentionGradients {
  HeadRows<T> q, k, v;
  T* scores;
};
template <class T>
void attention_gradient(const AttentionShape& s, HeadRows<const T> g, HeadRows<const T> q,
                        HeadRows<const T> k, HeadRows<const T> v, HeadRows<const T> y,
                        const T* log_sums, const AttentionMask& mask, Kept kept,
                        const AttentionGradients<T>& d);

// Which implementation forward() takes: see kernels/core/ways.h.
const char* attention_way(const AttentionShape& s);

}  // namespace wengert
