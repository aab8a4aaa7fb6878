// Contiguous memory as lines along one of its dimensions.
#pragma once

#include <cstdint>

namespace wengert {

// [outer, n, inner]: a line is the n elements that are `inner` apart.
struct Lines {
  int64_t outer = 1, n = 1, inner = 1;
};

}  // namespace wengert
