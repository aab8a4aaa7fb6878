// One recurrent layer in one direction: a row, and its gradient another.
#pragma once

#include "wengert/kernels/rnn/rnn.h"
#include "wengert/ops/basic.h"

namespace wengert {

// x (steps, batch, input), with batch_first (batch, steps, input); (rows, input) of packed
// sequences, whose batch_sizes and h0 must be given; or (batch, input), one step. h0 (1, batch,
// out) or (batch, out), c0 likewise of hidden. What may be left out is undefined.
struct RnnLayer {
  RnnKind mode;
  Tensor x, batch_sizes, h0, c0;
  Tensor w_ih, w_hh, b_ih, b_hh, w_hr;
  bool batch_first, reverse;
};
// y as x, of out numbers. The last states are (1, batch, ...); of one step h_n is undefined, being
// y, and c_n is (batch, hidden).
struct RnnOutput {
  Tensor y, h_n, c_n;
};
RnnOutput rnn_layer(const RnnLayer& layer);

// The numbers of sequences that have each of the steps, which must not grow, with zeros up to
// `steps`. RuntimeError unless the first are `batch` (any if negative) and all are `rows`.
List<int64_t> checked_batch_sizes(const Tensor& batch_sizes, int64_t steps, int64_t batch,
                                  int64_t rows);
// Packed rows of a padded tensor, and back; packed.cpp.
Tensor pack_rows(const Tensor& padded, const Tensor& batch_sizes, int64_t rows, bool batch_first);
Tensor pad_rows(const Tensor& packed, const Tensor& batch_sizes, int64_t batch, int64_t steps,
                bool batch_first, double value);

}  // namespace wengert
