// Watch: what a capture wants to be told of while a function runs.
#pragma once

#include <atomic>
#include <cstdint>

namespace wengert {

class Call;
class Tensor;
struct TensorImpl;

// What a call writes to: its outputs, inputs of its own choice (Op::mutates), or output 0, which is
// input 0 as well (apply_inplace).
enum class Writes : uint8_t { kOutputs, kInputs, kSelf };

enum class GradAccess : uint8_t { kRead, kReplaced, kDropped };

class Watch;
namespace detail {
inline std::atomic<int> watches{0};  // that have been started
Watch* this_threads_watch();
}  // namespace detail

class Watch {
 public:
  explicit Watch(uint32_t id) : id(id) {}
  virtual ~Watch() = default;
  // Only a started watch is asked for, by any thread.
  void start() { detail::watches.fetch_add(1, std::memory_order_relaxed); }
  void stop() { detail::watches.fetch_sub(1, std::memory_order_relaxed); }

  // Around every op's run.
  virtual void before(const Call& c, Writes writes) = 0;
  virtual void after(const Call& c, Writes writes) = 0;
  // A value is about to leave the tape (`item()`, a conversion, printing), or a shape is about to
  // depend on one. Throws.
  virtual void value_leaves(const char* how) = 0;
  // .grad of a tensor is about to be read, replaced, or set to none.
  virtual void grad_used(TensorImpl& t, GradAccess how) = 0;
  // Memory that was made while this watch looked is given back.
  virtual void storage_gone(uint32_t slot) = 0;

  const uint32_t id;  // never 0
};

// The capture that this thread is in. Nothing but a load where there is none in the process.
inline Watch* watch() {
  if (detail::watches.load(std::memory_order_relaxed) == 0) [[likely]]
    return nullptr;
  return detail::this_threads_watch();
}
// Sets it; null for none. Returns the one before.
Watch* set_watch(Watch* w);

// While it lives, this thread is in no capture: for what belongs to the world outside it, such as
// the state that an optimizer makes at its first step.
class WatchPause {
 public:
  WatchPause() : before_(watch()) {
    if (before_) set_watch(nullptr);
  }
  ~WatchPause() {
    if (before_) set_watch(before_);
  }
  WatchPause(const WatchPause&) = delete;
  WatchPause& operator=(const WatchPause&) = delete;

 private:
  Watch* before_;
};

inline void value_leaves(const char* how) {
  if (Watch* w = watch()) w->value_leaves(how);
}

}  // namespace wengert
