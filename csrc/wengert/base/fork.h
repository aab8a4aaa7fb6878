// What a forked child needs: it has the thread that forked, and what the others were about.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

namespace wengert {

// How many forks lie between this process and the first one.
uint32_t fork_generation();

// A std::mutex that is free in a forked child, whoever held it in the parent. What it guards may be
// as a thread left it that is not there any more; so it is for what a new user begins anew.
class ForkSafeMutex {
 public:
  ForkSafeMutex() = default;
  ForkSafeMutex(const ForkSafeMutex&) = delete;
  ForkSafeMutex& operator=(const ForkSafeMutex&) = delete;

  void lock() { mine().lock(); }
  bool try_lock() { return mine().try_lock(); }
  void unlock() {
    // Else it was locked before a fork, which has freed it.
    if (of_.load(std::memory_order_relaxed) == fork_generation()) mutex_.unlock();
  }

 private:
  static constexpr uint32_t kRenewing = UINT32_MAX;

  std::mutex& mine();

  std::mutex mutex_;
  std::atomic<uint32_t> of_{fork_generation()};
};

}  // namespace wengert
