// Autocast: in which dtype an op is computed, decided by the op's row; PyTorch's lists.
#pragma once

#include <atomic>

#include "wengert/tape/op.h"

namespace wengert {

struct Autocast {
  bool enabled = false;
  Dtype dtype = Dtype::kBFloat16;
  bool cache = true;  // a leaf that needs a gradient is cast once, until the outermost region ends
};

// This thread's.
const Autocast& autocast();
void set_autocast(const Autocast& to);
// Forgets the casts that are kept.
void clear_autocast_cache();

// While it lives nothing is cast in this thread.
class NoAutocast {
 public:
  NoAutocast() : before_(autocast()) { set_autocast({}); }
  ~NoAutocast() { set_autocast(before_); }
  NoAutocast(const NoAutocast&) = delete;
  NoAutocast& operator=(const NoAutocast&) = delete;

 private:
  Autocast before_;
};

namespace detail {
inline std::atomic<int> autocasting{0};  // threads in which it is on
}

// Whether autocast has a say in how the op is computed. But a load where it is on nowhere.
inline bool is_cast(const Op& op) {
  return op.autocast != Cast::kNone && detail::autocasting.load(std::memory_order_relaxed) > 0 &&
         autocast().enabled;
}
// Casts the inputs and runs the op.
void run_cast(Call& c);

}  // namespace wengert
