// Written by `python -m tests.functions` from the signatures of the rows; do not edit.
// clang-format off
#include "wengert/ops/linalg/functions.h"

#include "wengert/ops/calling.h"

namespace wengert {

std::pair<Tensor, Tensor> geqrf(const Tensor& input) {
  static const Op& op = calling::row("geqrf");
  return calling::two(op, {input});
}

}  // namespace wengert
