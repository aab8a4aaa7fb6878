// Attention as a layer. See nn.h.
#pragma once

#include "wengert/nn/nn.h"

namespace wengert::nn {

struct MultiheadAttentionOptions {
  double dropout = 0;  // of the weights, in training
  bool bias = true;
  bool add_bias_kv = false;                     // a learned key and value behind every sequence
  bool add_zero_attn = false;                   // a key and value of zeros behind every sequence
  std::optional<int64_t> kdim = {}, vdim = {};  // features of keys and values, if not embed_dim
  bool batch_first = false;
  Dtype dtype = default_dtype();
};

// How one call attends. Masks are true where a key is left out, or are added to the scores.
struct Attending {
  Tensor key_padding_mask = {};  // (n, s)
  bool need_weights = true;
  Tensor attn_mask = {};  // (l, s) or (n heads, l, s)
  bool average_attn_weights = true;
  bool is_causal = false;  // attn_mask, which must be there, leaves out all keys behind the query
};

// softmax(q k^T / sqrt(d) + mask) v in each of num_heads heads of d = embed_dim / num_heads, q, k
// and v projected by in_proj_weight (3 embed_dim, embed_dim), or with other features of keys or
// values by q_proj_weight, k_proj_weight and v_proj_weight; out_proj behind the heads side by side.
// The projections are drawn from Glorot's uniform distribution, biases begin as 0. ValueError for
// sizes that are not positive or that heads do not divide. Vaswani et al., arXiv:1706.03762.
class MultiheadAttention final : public Module {
 public:
  MultiheadAttention(int64_t embed_dim, int64_t num_heads,
                     const MultiheadAttentionOptions& options = {});
  // (l, n, embed_dim), (s, n, kdim), (s, n, vdim) -> (l, n, embed_dim) and the weights (n, l, s),
  // or (n, heads, l, s), undefined unless they are asked for; with batch_first n comes first, or
  // there is none.
  std::pair<Tensor, Tensor> attend(const Tensor& query, const Tensor& key, const Tensor& value,
                                   const Attending& how = {});
  // To itself.
  Tensor forward(const Tensor& x) override;

 private:
  int64_t embed_dim_, num_heads_;
  MultiheadAttentionOptions options_;
  Tensor in_weight_, in_bias_, bias_k_, bias_v_, weights_[3];
  std::shared_ptr<Linear> out_;
};

}  // namespace wengert::nn
