// Everything a C++ program needs to train a network.
//
//   #include <wengert/wengert.h>
//
// Tensors are handles: copying one shares its memory. Every function of ops.h is recorded while
// gradients are on and an argument asks for one; backward(loss) then fills in .grad(). Errors are
// wengert::Error; warnings go to stderr, or where set_warning_handler says.
#pragma once

#include <algorithm>
#include <concepts>
#include <initializer_list>
#include <ranges>
#include <vector>

#include "wengert/base/language.h"
#include "wengert/base/parallel.h"
#include "wengert/base/warning.h"
#include "wengert/data/loader.h"
#include "wengert/data/safetensors.h"
#include "wengert/nn/attention.h"
#include "wengert/nn/conv.h"
#include "wengert/nn/init.h"
#include "wengert/nn/nn.h"
#include "wengert/nn/pool.h"
#include "wengert/nn/rnn.h"
#include "wengert/ops.h"
#include "wengert/ops/optim/optim.h"
#include "wengert/optim/optim.h"
#include "wengert/optim/schedules.h"
#include "wengert/program/capture.h"
#include "wengert/tape/saved.h"

namespace wengert {

// What tensors are made of.
template <class T>
concept Element = std::same_as<T, bool> || std::same_as<T, uint8_t> || std::same_as<T, int32_t> ||
                  std::same_as<T, int64_t> || std::same_as<T, float> || std::same_as<T, double>;

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
// Of one dimension.
template <class T>
Tensor tensor(std::initializer_list<T> values) {
  return tensor(values, {static_cast<int64_t>(values.size())});
}
// A copy of what lies in a std::array, std::vector or std::span.
template <std::ranges::contiguous_range R>
  requires Element<std::ranges::range_value_t<R>>
Tensor tensor(const R& values, const Dims& shape) {
  using T = std::ranges::range_value_t<R>;
  return tensor(std::span<const T>(std::ranges::data(values), std::ranges::size(values)), shape);
}
template <std::ranges::contiguous_range R>
  requires Element<std::ranges::range_value_t<R>>
Tensor tensor(const R& values) {
  return tensor(values, Dims{static_cast<int64_t>(std::ranges::size(values))});
}

// The elements, row by row, cast to T. Not for bool: std::vector<uint8_t> holds those.
template <Element T>
  requires(!std::same_as<T, bool>)
std::vector<T> to_vector(const Tensor& t) {
  const NoGradGuard off;
  const Tensor all = contiguous(to(t, dtype_of<T>()));
  value_leaves("to_vector()");
  const T* data = all.data_as<T>();
  return std::vector<T>(data, data + all.numel());
}

// Restarts the default generator.
inline void manual_seed(uint64_t seed) { default_generator().manual_seed(seed); }

inline Tensor operator+(const Operand& x, const Operand& y) { return add(x, y); }
inline Tensor operator-(const Operand& x, const Operand& y) { return sub(x, y); }
inline Tensor operator*(const Operand& x, const Operand& y) { return mul(x, y); }
inline Tensor operator/(const Operand& x, const Operand& y) { return div(x, y); }
inline Tensor operator-(const Operand& x) { return neg(x); }

// In place, recorded.
inline Tensor& operator+=(Tensor& x, const Operand& y) { return add_(x, y); }
inline Tensor& operator-=(Tensor& x, const Operand& y) { return sub_(x, y); }
inline Tensor& operator*=(Tensor& x, const Operand& y) { return mul_(x, y); }
inline Tensor& operator/=(Tensor& x, const Operand& y) { return div_(x, y); }

// Element by element: bools. No condition of an `if`: that is all(x == y).item<bool>().
inline Tensor operator==(const Operand& x, const Operand& y) { return eq(x, y); }
inline Tensor operator!=(const Operand& x, const Operand& y) { return ne(x, y); }
inline Tensor operator<(const Operand& x, const Operand& y) { return lt(x, y); }
inline Tensor operator<=(const Operand& x, const Operand& y) { return le(x, y); }
inline Tensor operator>(const Operand& x, const Operand& y) { return gt(x, y); }
inline Tensor operator>=(const Operand& x, const Operand& y) { return ge(x, y); }

}  // namespace wengert
