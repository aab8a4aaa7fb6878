// Attention.
#pragma once

#include "wengert/ops/basic.h"

namespace wengert {

// Queries (..., L, E), keys (..., S, E) and values (..., S, V). A mask broadcasts to (..., L, S):
// bools say what takes part, floats are added. Without a scale: 1 / sqrt(E).
Tensor scaled_dot_product_attention(const Tensor& query, const Tensor& key, const Tensor& value,
                                    const Tensor& attn_mask = {}, double dropout_p = 0,
                                    bool is_causal = false, std::optional<double> scale = {},
                                    bool enable_gqa = false);

}  // namespace wengert
