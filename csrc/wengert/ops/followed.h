// Ops that are two others, one after the other.
#pragma once

#include "wengert/tape/op.h"

namespace wengert {

// The op that is `first` and then, on tiles still in cache, `next` of its result; null if there is
// none. Its arguments are those of `first`, and behind them: the further inputs of `next`, its
// attributes by their names, `next` itself and `keep_sum`, whether what that is taken of is wanted
// as the last result.
const Op* followed_by(const Op& first, const Op& next);

}  // namespace wengert
