// Connectionist temporal classification. A. Graves, S. Fernandez, F. Gomez, J. Schmidhuber,
// "Connectionist temporal classification: labelling unsegmented sequence data with recurrent neural
// networks", ICML 2006.
#pragma once

#include <cstdint>

#include "wengert/base/dtype.h"

namespace wengert {

// Inputs are log-probabilities [steps, batch, classes]. Labels that are no class, and lengths that
// do not fit, are errors.
struct CtcLoss {
  Dtype dtype;
  int64_t steps, batch, classes, blank;
  const int64_t* target;
  int64_t labels;  // how many there are in all
  int64_t row;     // from one sample's labels to the next's; 0: they lie one behind the other
  const int64_t *input_lengths, *target_lengths;
};

// -log of the probability that a sample's labels, with any repeats and blanks, are what is read.
void ctc_forward(const CtcLoss& l, const void* x, void* loss);
// dx = g (exp x - p), p a class's share in a step, given the labels: the gradient, as PyTorch's, of
// a loss of logits whose log_softmax x is. With `finite` that of an infinite loss is 0.
void ctc_gradient(const CtcLoss& l, bool finite, const void* g, const void* x, const void* loss,
                  void* dx);

}  // namespace wengert
