#include "wengert/tape/turn.h"

#include <atomic>
#include <chrono>
#include <thread>
#include <utility>

#include "wengert/base/fork.h"
#include "wengert/base/long_work.h"

// Note [turns]: two runs on one graph would mix up the gradients that wait in it, and other threads
// get a turn at Python while a kernel runs. So one run is made after the other in a process, those
// within a run excepted. A user's code within a run (a hook, a Function) may wait for a thread that
// makes a run itself: if it takes long, the others no longer wait for it.

namespace wengert {

// Of a thread.
struct Turn::Local {
  int runs = 0;  // one within the other
  bool has_turn = false;
};

namespace {

thread_local Turn::Local this_thread;

// 0, or 1 more than the fork generation of the process in which a thread has the turn: in a forked
// child nobody has it.
std::atomic<uint64_t> taken{0};
std::atomic<int64_t> in_user_code{0};  // since when, in nanoseconds, whoever has the turn is there

int64_t nanoseconds() {
  return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

bool try_turn() {
  const uint64_t mine = uint64_t{fork_generation()} + 1;
  uint64_t now = taken.load(std::memory_order_relaxed);
  return now != mine && taken.compare_exchange_strong(now, mine, std::memory_order_acquire);
}

bool wait_for_turn() {
  constexpr int64_t kPatience = 100'000'000;
  const LongWork waiting;
  for (;;) {
    std::this_thread::sleep_for(std::chrono::microseconds(20));
    if (try_turn()) return true;
    const int64_t since = in_user_code.load(std::memory_order_relaxed);
    if (since != 0 && nanoseconds() - since > kPatience) return false;
  }
}

}  // namespace

Turn::Turn() : local_(this_thread) {
  if (local_.runs++ == 0) local_.has_turn = try_turn() || wait_for_turn();
}
Turn::~Turn() {
  if (--local_.runs == 0 && std::exchange(local_.has_turn, false))
    taken.store(0, std::memory_order_release);
}

UserCode::UserCode() : told_(this_thread.has_turn) {
  if (told_) before_ = in_user_code.exchange(nanoseconds(), std::memory_order_relaxed);
}
UserCode::~UserCode() {
  if (told_) in_user_code.store(before_, std::memory_order_relaxed);
}

}  // namespace wengert
