// Rows of a table by their numbers.
#pragma once

#include "wengert/ops/basic.h"

namespace wengert {

// The rows of `weight` (n, width) at `input`, integers of any shape: (*, width). Nothing flows back
// to row padding_idx. With max_norm the rows that are read are scaled down in place first, where
// their norm_type-norm is larger.
Tensor embedding(const Tensor& input, const Tensor& weight, std::optional<int64_t> padding_idx = {},
                 std::optional<double> max_norm = {}, double norm_type = 2,
                 bool scale_grad_by_freq = false);
Tensor& embedding_renorm_(Tensor& weight, const Tensor& indices, double max_norm, double norm_type);

}  // namespace wengert
