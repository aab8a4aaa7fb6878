// Which implementation takes a call, of the ops that have several.
#pragma once

#include <span>
#include <string>

#include "wengert/tape/op.h"

namespace wengert {

// An op with an ordered table of implementations (kernels/core/ways.h), and the name of the one
// that takes a call: its shapes, strides, dtypes and attributes tell, its values do not.
struct OpWays {
  const Op* op;
  std::string (*way)(const Call& c);
};

// That name for a call that has its outputs, or nothing for an op with one implementation.
std::string way_of(const Call& c);

}  // namespace wengert
