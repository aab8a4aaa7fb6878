// Written by `python -m tests.functions` from the signatures of the rows; do not edit.
// clang-format off
#include "wengert/ops/attention/functions.h"

#include "wengert/ops/calling.h"

namespace wengert {

std::pair<Tensor, Tensor> multi_head_attention_forward(const Tensor& query, const Tensor& key,
                                                       const Tensor& value,
                                                       int64_t embed_dim_to_check,
                                                       int64_t num_heads,
                                                       const Tensor& in_proj_weight,
                                                       const Tensor& in_proj_bias,
                                                       const Tensor& bias_k, const Tensor& bias_v,
                                                       bool add_zero_attn, double dropout_p,
                                                       const Tensor& out_proj_weight,
                                                       const Tensor& out_proj_bias, bool training,
                                                       const Tensor& key_padding_mask,
                                                       bool need_weights, const Tensor& attn_mask,
                                                       bool use_separate_proj_weight,
                                                       const Tensor& q_proj_weight,
                                                       const Tensor& k_proj_weight,
                                                       const Tensor& v_proj_weight,
                                                       const Tensor& static_k,
                                                       const Tensor& static_v,
                                                       bool average_attn_weights, bool is_causal) {
  static const Op& op = calling::row("multi_head_attention_forward");
  return calling::two(op,
                      {query, key, value, in_proj_weight, in_proj_bias, bias_k, bias_v,
                       out_proj_weight, out_proj_bias, key_padding_mask, attn_mask, q_proj_weight,
                       k_proj_weight, v_proj_weight, static_k, static_v},
                      {embed_dim_to_check, num_heads, add_zero_attn, dropout_p, training,
                       need_weights, use_separate_proj_weight, average_attn_weights, is_causal});
}

}  // namespace wengert
