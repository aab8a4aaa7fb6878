// Runs of 16-bit floats, with the instructions that are there for them.
#pragma once

#include <cstdint>

#include "wengert/base/dtype.h"

namespace wengert {

// What is done with n elements of one of the two types, whose bits are given.
struct HalfLines {
  void (*widen)(float* to, const uint16_t* from, int64_t n);
  void (*round)(uint16_t* to, const float* from, int64_t n);
  // y[i] += the sum of x[l] rows[l][i] for `count` rows, at most four: the same wherever an element
  // stands.
  void (*add_rows)(float* y, const float* x, const uint16_t* const* rows, int count, int64_t n);
  float (*dot)(const float* x, const uint16_t* y, int64_t n);
};
// Of float16 or bfloat16.
const HalfLines& half_lines(Dtype d);

}  // namespace wengert
