// Inputs that may be missing: an undefined tensor in C++, an empty operand to a call.
#pragma once

#include "wengert/ops/basic.h"

namespace wengert {

inline Tensor optional_tensor(const Call& c, int i) { return c.has(i) ? c.in(i) : Tensor(); }
inline Tensor optional_tensor(const Vjp& v, int i) { return v.has(i) ? v.x(i).tensor() : Tensor(); }
inline Operand optional_operand(const Vjp& v, int i) { return v.has(i) ? v.x(i) : Operand(); }
inline Operand operand_of(const Tensor& t) { return t.defined() ? Operand(t) : Operand(); }
inline const void* memory_of(const Call& c, int i) { return c.has(i) ? c.in(i).data() : nullptr; }

}  // namespace wengert
