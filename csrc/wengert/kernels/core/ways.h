// What has several implementations has them in an ordered table, each with a name and what it
// accepts: the first that accepts runs. The last accepts everything.
#pragma once

#include <cstddef>
#include <iterator>

namespace wengert {

template <class Accepts, class Run>
struct Way {
  const char* name;  // as `explain` prints it
  Accepts* accepts;
  Run* run;
};

// The first in kWays that accepts. The table is known while compiling, and with it what is asked:
// this costs what a chain of conditions does.
template <const auto& kWays, size_t kFirst = 0, class... Problem>
constexpr const auto& first_way(const Problem&... problem) {
  if constexpr (kFirst + 1 < std::size(kWays)) {
    if (!kWays[kFirst].accepts(problem...)) return first_way<kWays, kFirst + 1>(problem...);
  }
  return kWays[kFirst];
}

}  // namespace wengert
