// Everything a C++ program needs to train a network.
//
//   #include <wengert/wengert.h>
//
// Tensors are handles: copying one shares its memory. Every function of ops.h is recorded while
// gradients are on and an argument asks for one; backward(loss) then fills in .grad(). Errors are
// wengert::Error; warnings go to stderr, or where set_warning_handler says.
#pragma once

#include <algorithm>
#include <initializer_list>

#include "wengert/base/parallel.h"
#include "wengert/base/warning.h"
#include "wengert/nn/nn.h"
#include "wengert/ops.h"
#include "wengert/ops/optim/optim.h"
#include "wengert/optim/optim.h"
#include "wengert/program/capture.h"

namespace wengert {

// A copy of `values`, row by row: tensor<float>({0, 0, 0, 1}, {2, 2}). RuntimeError if their number
// does not fit the shape.
template <class T>
Tensor tensor(std::span<const T> values, const Dims& shape) {
  check(static_cast<int64_t>(values.size()) == numel(shape),
        "tensor: ", static_cast<uint64_t>(values.size()), " values do not fill shape ", shape);
  Tensor t = Tensor::empty(shape, dtype_of<T>());
  std::copy(values.begin(), values.end(), t.data_as<T>());
  return t;
}
template <class T>
Tensor tensor(std::initializer_list<T> values, const Dims& shape) {
  return tensor(std::span<const T>(values.begin(), values.size()), shape);
}

// Restarts the default generator.
inline void manual_seed(uint64_t seed) { default_generator().manual_seed(seed); }

inline Tensor operator+(const Operand& x, const Operand& y) { return add(x, y); }
inline Tensor operator-(const Operand& x, const Operand& y) { return sub(x, y); }
inline Tensor operator*(const Operand& x, const Operand& y) { return mul(x, y); }
inline Tensor operator/(const Operand& x, const Operand& y) { return div(x, y); }
inline Tensor operator-(const Operand& x) { return neg(x); }

}  // namespace wengert
