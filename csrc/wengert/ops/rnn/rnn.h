// Recurrent layers.
#pragma once

#include "wengert/ops/basic.h"

namespace wengert {

// What PyTorch's functions of the same names take. `params` are, for each layer and direction,
// w_ih, w_hh and, with biases, b_ih and b_hh; for an LSTM that is projected, w_hr. x is (steps,
// batch, input), or (batch, steps, input) with batch_first; if batch_sizes is defined, packed rows
// (rows, input).
struct RnnOptions {
  bool has_biases = true;
  int64_t num_layers = 1;
  double dropout = 0;  // between layers, in training
  bool train = false;
  bool bidirectional = false, batch_first = false;
};
// output (steps, batch, directions * out); the states (layers * directions, batch, out). c is
// undefined unless it is an LSTM.
struct RnnResult {
  Tensor output, h, c;
};
RnnResult lstm(const Tensor& x, const Tensor& h0, const Tensor& c0, Tensors params,
               const RnnOptions& options = {}, const Tensor& batch_sizes = {});
RnnResult gru(const Tensor& x, const Tensor& h0, Tensors params, const RnnOptions& options = {},
              const Tensor& batch_sizes = {});
RnnResult rnn_tanh(const Tensor& x, const Tensor& h0, Tensors params,
                   const RnnOptions& options = {}, const Tensor& batch_sizes = {});
RnnResult rnn_relu(const Tensor& x, const Tensor& h0, Tensors params,
                   const RnnOptions& options = {}, const Tensor& batch_sizes = {});

}  // namespace wengert
