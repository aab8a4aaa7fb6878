// Which op ran when: notes of every run, while somebody wants them.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "wengert/base/shape.h"

namespace wengert {

class Call;

struct OpTime {
  const char* name;
  int64_t begin, end;  // nanoseconds of the steady clock
  uint64_t thread;     // as pthread_self() has it
  int64_t bytes;       // of the memory that was made for its outputs
  std::vector<Dims> shapes;
};

namespace detail {
inline std::atomic<bool> profiling{false};
}
// Nothing but a load, on the path of every op.
inline bool profiling() { return detail::profiling.load(std::memory_order_relaxed); }

// From here on every run is noted, in all threads; what was noted before is forgotten.
void start_profile(bool shapes);
// The notes, in the order in which the runs ended. After a million of them no more are taken.
std::vector<OpTime> stop_profile();

// Notes how long it lives: the run of a call, or what has a name (of a literal).
class Timed {
 public:
  explicit Timed(const Call& c);
  explicit Timed(const char* name);
  ~Timed();
  Timed(const Timed&) = delete;
  Timed& operator=(const Timed&) = delete;

 private:
  OpTime note_;
};

}  // namespace wengert
