// What an op's signature says, for those who read it when the program runs: the binding, the stubs,
// saved programs. See Note [signatures].
#pragma once

#include <vector>

#include "wengert/tape/op.h"

namespace wengert {

// Stands for None among the numbers of `ints | 'None'`.
inline constexpr int64_t kNoInt = INT64_MIN;

// One argument. The pieces of text are those of the row.
struct Param : ParamText {
  std::vector<std::string_view> choices;
};

struct Parameters {
  std::vector<Param> params;
  std::vector<std::string_view> outputs;  // names of a named tuple, if there are several
  bool returns_list = false;
  int positional = 0;  // how many may be given by position
  Attrs defaults;      // one attribute per argument that is no tensor, in order
};

// Read from the signature once, when first asked for.
const Parameters& parameters_of(const Op& op);

// Raises what is wrong with the inputs of a call that does not fit its op's signature.
void refuse_inputs(const Call& c);

}  // namespace wengert
