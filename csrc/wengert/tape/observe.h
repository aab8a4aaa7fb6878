// Observer: who looks at every run of an op and at every entry, while somebody wants to.
#pragma once

#include <atomic>
#include <span>

#include "wengert/tensor/watch.h"

namespace wengert {

class Entry;

// Of the thread that has set it. What it throws, the op throws.
class Observer {
 public:
  virtual ~Observer() = default;
  // An op has run: its results are in c.out, or in the inputs that it changes.
  virtual void ran(const Call& c, Writes writes) = 0;
  // An entry of these outputs has been made. What an op in place writes is not there yet.
  virtual void recorded(Entry& e, std::span<const Tensor> outputs) = 0;
  // Whether functions that are captured run as they are, as a replay shows nothing.
  virtual bool wants_all() const = 0;
};

namespace detail {
inline std::atomic<int> observers{0};  // of all threads
Observer* this_threads_observer();
}  // namespace detail

// Nothing but a load where there is none in the process.
inline Observer* observer() {
  if (detail::observers.load(std::memory_order_relaxed) == 0) [[likely]]
    return nullptr;
  return detail::this_threads_observer();
}
inline bool observed() {
  const Observer* o = observer();
  return o && o->wants_all();
}
// Sets it; null for none. Returns the one before.
Observer* set_observer(Observer* o);

// Whether a floating tensor has a NaN or an infinity. Fast enough for every result.
bool not_finite(const Tensor& t);

}  // namespace wengert
