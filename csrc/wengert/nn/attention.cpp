#include "wengert/nn/attention.h"

#include "wengert/nn/init.h"
#include "wengert/ops/optional.h"
#include "wengert/ops/registry.h"

namespace wengert::nn {
namespace {

// As Python's repr calls it.
class OutProjection final : public Linear {
 public:
  using Linear::Linear;
  std::string name() const override { return "NonDynamicallyQuantizableLinear"; }
};

}  // namespace

MultiheadAttention::MultiheadAttention(int64_t embed_dim, int64_t num_heads,
                                       const MultiheadAttentionOptions& options)
    : embed_dim_(embed_dim), num_heads_(num_heads), options_(options) {
  check(embed_dim > 0 && num_heads > 0, ErrorKind::kValue,
        "embed_dim and num_heads must be greater than 0, got embed_dim=", embed_dim,
        " and num_heads=", num_heads, " instead");
  check(embed_dim % num_heads == 0, ErrorKind::kValue, "embed_dim must be divisible by num_heads");
  const Dtype dtype = options.dtype;
  const auto made = [&](const char* name, const Dims& shape) {
    return add_parameter(name, zeros(shape, dtype));
  };
  const int64_t features[] = {embed_dim, options.kdim.value_or(embed_dim),
                              options.vdim.value_or(embed_dim)};
  const bool same = features[1] == embed_dim && features[2] == embed_dim;
  constexpr const char* kNames[] = {"q_proj_weight", "k_proj_weight", "v_proj_weight"};
  for (int i = 0; i < 3 && !same; ++i) weights_[i] = made(kNames[i], {embed_dim, features[i]});
  if (same) in_weight_ = made("in_proj_weight", {3 * embed_dim, embed_dim});
  if (options.bias) in_bias_ = made("in_proj_bias", {3 * embed_dim});
  out_ = add_module("out_proj", OutProjection(embed_dim, embed_dim, options.bias, dtype));
  if (options.add_bias_kv) {
    bias_k_ = made("bias_k", {1, 1, embed_dim});
    bias_v_ = made("bias_v", {1, 1, embed_dim});
  }
  for (const Tensor& w : {in_weight_, weights_[0], weights_[1], weights_[2]})
    if (w.defined()) init::xavier_uniform_(w);
  if (options.bias) init::zeros_(out_->bias());
  for (const Tensor& b : {bias_k_, bias_v_})
    if (b.defined()) init::xavier_normal_(b);
}

std::pair<Tensor, Tensor> MultiheadAttention::attend(const Tensor& query, const Tensor& key,
                                                     const Tensor& value, const Attending& how) {
  note_use();
  static const Op* const op = find_op("multi_head_attention_forward");
  const bool turned = options_.batch_first && query.ndim() == 3;
  const bool apart = !in_weight_.defined();
  Call c(*op, Attrs(embed_dim_, num_heads_, options_.add_zero_attn, options_.dropout, is_training(),
                    how.need_weights, apart, how.average_attn_weights, how.is_causal));
  const Tensor* given[] = {&query, &key, &value};
  for (int i = 0; i < 3; ++i) {
    int first = 0;  // one tensor for several stays one, to be multiplied once
    while (!given[first]->is_same(*given[i])) ++first;
    c.add_input(first < i ? c.input(first)
                : turned  ? Operand(transpose(*given[i], 0, 1))
                          : Operand(*given[i]));
  }
  const Tensor* more[] = {&in_weight_,
                          &in_bias_,
                          &bias_k_,
                          &bias_v_,
                          &out_->weight(),
                          &out_->bias(),
                          &how.key_padding_mask,
                          &how.attn_mask,
                          &weights_[0],
                          &weights_[1],
                          &weights_[2]};
  for (const Tensor* t : more) c.add_input(operand_of(*t));
  apply(c);
  const Tensor& y = c.results[0];
  return {turned ? transpose(y, 0, 1) : y, c.results[1]};
}

Tensor MultiheadAttention::forward(const Tensor& x) {
  return attend(x, x, x, {.need_weights = false}).first;
}

}  // namespace wengert::nn
