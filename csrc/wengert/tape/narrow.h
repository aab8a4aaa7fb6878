// Ops on elements that tensors only hold; see Note [narrow].
#pragma once

#include "wengert/tape/op.h"

namespace wengert {

// Whether a narrow dtype is among the call's inputs or asked of its output.
inline bool is_narrow_call(const Call& c) {
  for (int i = 0; i < c.inputs(); ++i)
    if (c.input(i).is_tensor() && is_narrow(c.in(i)->dtype)) return true;
  const int at = c.op().signature.dtype();
  return at >= 0 && c.attrs.has(at) && is_narrow(c.attrs.dtype(at));
}

void run_narrow(Call& c);

}  // namespace wengert
