// What a run would have shared out; see Note [tracing].
#pragma once

#include <cstdint>
#include <vector>

namespace wengert {

// Times in nanoseconds of one clock.
struct TracedJob {
  int64_t begin = 0;
  std::vector<int64_t> chunk_ends;
  int64_t end = 0;
};

// The jobs since the last call.
std::vector<TracedJob> take_traced_jobs();

}  // namespace wengert
