// The product behind the output of a convolution and behind the gradient of its input.
#pragma once

#include "wengert/kernels/conv/finish.h"
#include "wengert/kernels/conv/stage.h"

namespace wengert::detail {

// Weights of a gather: those of row r, channel c and a tap lie at r row_step + c channel_step +
// tap.at tap_step in the weights of a group.
template <class T>
struct Weights {
  const T* data;
  int64_t group_step, row_step, channel_step, tap_step;
};

// Where the results of grid position i go: position begin + i step of planes of `size`, of which
// there are `rows` for each group; with a number of each row added.
template <class T>
struct Target {
  Finish<T> finish;
  const T* bias;  // or null
  int64_t rows;
  ImageLayout layout;  // of the rows of all groups
  int64_t size[3], begin[3], step[3];

  int64_t volume() const { return size[0] * size[1] * size[2]; }
  // Position (z, y, 0) of a plane.
  int64_t line(int64_t z, int64_t y) const {
    return (((begin[0] + z * step[0]) * size[1] + begin[1] + y * step[1]) * size[2] + begin[2]) *
           layout.position;
  }
  // From one position of the grid to the next.
  int64_t column() const { return step[2] * layout.position; }
};

// target[n, g, r, i] = bias[g, r] + sum over c and taps of weights[g, r, c, tap]
// source[n, g, c, i step + offset].
template <class T>
struct Part {
  Gather gather;
  Target<T> target;
};
// All parts, of one source and one target, at about the same place at the same time: what one
// leaves out of a line of the caches another fills in.
template <class T>
void gather_product(const List<Part<T>>& parts, const T* source, const Weights<T>& w);

}  // namespace wengert::detail
