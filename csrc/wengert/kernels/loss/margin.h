// Losses of the scores of classes, of which those of targets shall lie a margin above all others.
#pragma once

#include <cstdint>

#include "wengert/base/dtype.h"

namespace wengert {

// Inputs are [rows, classes], targets [rows, targets], all below `classes`; of a row's those before
// its first negative one count.
struct MarginLoss {
  Dtype dtype;
  int64_t rows, classes, targets;
  const int64_t* target;
  bool squared;
  double margin;
};

// l = 1/C sum_{t, c no target} max(0, margin - x_t + x_c), or of its squares, for each row; where g
// is not null, the gradient of x in place of it.
void margin_loss(const MarginLoss& l, const void* g, const void* x, void* out);

}  // namespace wengert
