// Written by `python -m tests.functions` from the signatures of the rows; do not edit.
// clang-format off
#include "wengert/ops/embedding/functions.h"

#include "wengert/ops/calling.h"

namespace wengert {

Tensor embedding_bag(const Tensor& input, const Tensor& weight, const Tensor& offsets,
                     std::optional<double> max_norm, double norm_type, bool scale_grad_by_freq,
                     Word mode, const Tensor& per_sample_weights, bool include_last_offset,
                     std::optional<int64_t> padding_idx) {
  static const Op& op = calling::row("embedding_bag");
  return calling::one(op,
                      {input, weight, offsets, per_sample_weights},
                      {max_norm, norm_type, scale_grad_by_freq, calling::choice(op, "mode", mode),
                       false, include_last_offset, padding_idx});
}

}  // namespace wengert
