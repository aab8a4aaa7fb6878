#include "wengert/base/fork.h"

#include <pthread.h>

#include <new>

namespace wengert {
namespace {

std::atomic<uint32_t> generation{0};
[[maybe_unused]] const int registered = pthread_atfork(nullptr, nullptr, [] { ++generation; });

}  // namespace

uint32_t fork_generation() { return generation.load(std::memory_order_relaxed); }

std::mutex& ForkSafeMutex::mine() {
  const uint32_t now = fork_generation();
  uint32_t of = of_.load(std::memory_order_acquire);
  while (of != now) {
    if (of == kRenewing) {
      of = of_.load(std::memory_order_acquire);
    } else if (of_.compare_exchange_weak(of, kRenewing, std::memory_order_acquire)) {
      new (&mutex_) std::mutex;
      of_.store(now, std::memory_order_release);
      of = now;
    }
  }
  return mutex_;
}

}  // namespace wengert
