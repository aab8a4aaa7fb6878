// Functions for C++ users of the rows of this family that no other header declares.
// Written by `python -m tests.functions` from the signatures of the rows; do not edit.
#pragma once

#include "wengert/ops/argument.h"

// clang-format off
namespace wengert {

std::pair<Tensor, Tensor> geqrf(const Tensor& input);

}  // namespace wengert
