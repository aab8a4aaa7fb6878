// The families, in the order of the table of contents.
#include "wengert/ops/registry.h"

#include <vector>

#include "wengert/ops/basic.h"
#include "wengert/ops/followed.h"

namespace wengert {

using Rows = std::span<const Op* const>;
Rows arithmetic_ops();
Rows math_ops();
Rows activation_ops();
Rows piecewise_ops();
Rows compare_ops();
Rows number_ops();
Rows reduce_ops();
Rows extremum_ops();
Rows moment_ops();
Rows scan_ops();
Rows sort_ops();
Rows statistics_ops();
Rows series_ops();
Rows copy_ops();
Rows shape_ops();
Rows slice_ops();
Rows arrange_ops();
Rows join_ops();
Rows strided_ops();
Rows compose_ops();
Rows index_ops();
Rows gather_ops();
Rows scatter_ops();
Rows combine_ops();
Rows matmul_ops();
Rows factor_ops();
Rows solve_ops();
Rows spectral_ops();
Rows conv_ops();
Rows conv_product_ops();
Rows conv_fused_ops();
Rows max_pool_ops();
Rows avg_pool_ops();
Rows adaptive_pool_ops();
Rows fractional_ops();
Rows unpool_ops();
Rows column_ops();
Rows pad_ops();
Rows interpolate_ops();
Rows grid_ops();
Rows shuffle_ops();
Rows softmax_ops();
Rows loss_ops();
Rows linear_loss_ops();
Rows regression_loss_ops();
Rows margin_loss_ops();
Rows ctc_loss_ops();
Rows group_norm_ops();
Rows batch_norm_ops();
Rows local_norm_ops();
Rows attention_ops();
Rows embedding_ops();
Rows embedding_bag_ops();
Rows recurrent_ops();
Rows packed_ops();
Rows rnn_layer_ops();
Rows multi_head_ops();
Rows create_ops();
Rows inplace_ops();
Rows draw_ops();
Rows random_ops();
Rows count_ops();
Rows rrelu_ops();
Rows generator_ops();
Rows special_ops();
Rows bessel_ops();
Rows update_ops();
Rows clip_ops();
const Op* convolution_followed_by(const Op& first, const Op& next);

std::span<const Op* const> all_ops() {
  static const std::vector<const Op*>* all = [] {
    auto* v = new std::vector<const Op*>;
    for (const auto family : {arithmetic_ops,
                              math_ops,
                              activation_ops,
                              piecewise_ops,
                              compare_ops,
                              reduce_ops,
                              extremum_ops,
                              moment_ops,
                              scan_ops,
                              sort_ops,
                              statistics_ops,
                              series_ops,
                              combine_ops,
                              rrelu_ops,
                              bessel_ops,
                              number_ops,
                              strided_ops,
                              compose_ops,
                              copy_ops,
                              shape_ops,
                              slice_ops,
                              arrange_ops,
                              join_ops,
                              index_ops,
                              gather_ops,
                              scatter_ops,
                              matmul_ops,
                              factor_ops,
                              solve_ops,
                              spectral_ops,
                              conv_ops,
                              conv_product_ops,
                              conv_fused_ops,
                              max_pool_ops,
                              avg_pool_ops,
                              adaptive_pool_ops,
                              fractional_ops,
                              unpool_ops,
                              column_ops,
                              pad_ops,
                              interpolate_ops,
                              grid_ops,
                              shuffle_ops,
                              softmax_ops,
                              loss_ops,
                              linear_loss_ops,
                              regression_loss_ops,
                              margin_loss_ops,
                              ctc_loss_ops,
                              group_norm_ops,
                              batch_norm_ops,
                              local_norm_ops,
                              attention_ops,
                              multi_head_ops,
                              embedding_ops,
                              embedding_bag_ops,
                              recurrent_ops,
                              packed_ops,
                              rnn_layer_ops,
                              create_ops,
                              inplace_ops,
                              draw_ops,
                              random_ops,
                              count_ops,
                              generator_ops,
                              special_ops,
                              update_ops,
                              clip_ops}) {
      const Rows rows = family();
      v->insert(v->end(), rows.begin(), rows.end());
    }
    return v;
  }();
  return *all;
}

const Op* followed_by(const Op& first, const Op& next) {
  return convolution_followed_by(first, next);
}

const Op* find_op(std::string_view name) {
  for (const Op* op : all_ops())
    if (op->name == name) return op;
  return nullptr;
}

}  // namespace wengert
