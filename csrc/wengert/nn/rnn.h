// Recurrent layers. See nn.h.
#pragma once

#include "wengert/nn/nn.h"
#include "wengert/ops/rnn/rnn.h"

namespace wengert::nn {

struct RecurrentOptions {
  int64_t num_layers = 1;
  bool bias = true;
  bool batch_first = false;
  double dropout = 0;  // of the outputs of all layers but the last, in training
  bool bidirectional = false;
  int64_t proj_size = 0;  // of an LSTM: what h is projected to
  Dtype dtype = default_dtype();
};

// What LSTM and GRU share. Of layer k weight_ih_lk (blocks * hidden, in), weight_hh_lk (blocks *
// hidden, out), bias_ih_lk and bias_hh_lk (blocks * hidden); those of the other direction end in
// _reverse. All are drawn from U(-a, a), a = 1 / sqrt(hidden), with the default generator.
// ValueError for sizes that cannot be.
class Recurrent : public Module {
 public:
  // x (steps, batch, in), with batch_first (batch, steps, in), or (steps, in): the outputs of the
  // last layer, (steps, batch, directions * out) or likewise.
  Tensor forward(const Tensor& x) override { return run(x).output; }
  // With the states, (layers * directions, batch, out), c of hidden; zeros where they are
  // undefined. If batch_sizes is defined, x are the rows of packed sequences.
  RnnResult run(const Tensor& x, const Tensor& h0 = {}, const Tensor& c0 = {},
                const Tensor& batch_sizes = {});
  std::string options() const override;

 protected:
  Recurrent(const char* name, int64_t blocks, int64_t input_size, int64_t hidden_size,
            const RecurrentOptions& options);

 private:
  int64_t blocks_, input_size_, hidden_size_;
  RecurrentOptions options_;
  std::vector<Tensor> params_;
};

// i, f, o = s(W x + b + W' h + b'), g = tanh(likewise); c' = f c + i g, h' = o tanh(c'), or its
// projection. S. Hochreiter, J. Schmidhuber, "Long short-term memory", 1997.
class LSTM final : public Recurrent {
 public:
  LSTM(int64_t input_size, int64_t hidden_size, const RecurrentOptions& options = {})
      : Recurrent("LSTM", 4, input_size, hidden_size, options) {}
};
// r, z = s(W x + b + W' h + b'), n = tanh(W x + b + r (W' h + b')); h' = (1 - z) n + z h. K. Cho et
// al., arXiv:1406.1078.
class GRU final : public Recurrent {
 public:
  GRU(int64_t input_size, int64_t hidden_size, const RecurrentOptions& options = {})
      : Recurrent("GRU", 3, input_size, hidden_size, options) {}
};

}  // namespace wengert::nn
