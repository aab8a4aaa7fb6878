// Written by `python -m tests.functions` from the signatures of the rows; do not edit.
// clang-format off
#include "wengert/ops/rnn/functions.h"

#include "wengert/ops/calling.h"

namespace wengert {

Tensor rnn_tanh_cell(const Tensor& input, const Tensor& hx, const Tensor& w_ih, const Tensor& w_hh,
                     const Tensor& b_ih, const Tensor& b_hh) {
  static const Op& op = calling::row("rnn_tanh_cell");
  return calling::one(op, {input, hx, w_ih, w_hh, b_ih, b_hh});
}
Tensor rnn_relu_cell(const Tensor& input, const Tensor& hx, const Tensor& w_ih, const Tensor& w_hh,
                     const Tensor& b_ih, const Tensor& b_hh) {
  static const Op& op = calling::row("rnn_relu_cell");
  return calling::one(op, {input, hx, w_ih, w_hh, b_ih, b_hh});
}
Tensor gru_cell(const Tensor& input, const Tensor& hx, const Tensor& w_ih, const Tensor& w_hh,
                const Tensor& b_ih, const Tensor& b_hh) {
  static const Op& op = calling::row("gru_cell");
  return calling::one(op, {input, hx, w_ih, w_hh, b_ih, b_hh});
}

}  // namespace wengert
