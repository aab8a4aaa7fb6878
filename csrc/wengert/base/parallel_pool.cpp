// One of the two ways of `run_team`: a pool of threads of our own. parallel_openmp.cpp is the
// other.
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "wengert/base/denormals.h"
#include "wengert/base/parallel.h"

// Note [teams]: a team here is whoever comes. The caller opens a job with some seats, works on it
// itself, and when nothing is left closes it and waits only for those who took a seat. An OpenMP
// team waits at its barrier for every member, and so for the time slice of whatever else runs on
// a member's core: with one core busy elsewhere that costs milliseconds per operation. As chunks
// are handed out one by one, who comes and who does not has no influence on the result.
//
// A worker watches for the next job for a while before it sleeps, since the operations of a
// training step follow each other within microseconds and waking a sleeper takes longer than that.

namespace wengert {
namespace {

constexpr auto kWatch = std::chrono::microseconds(60);

std::atomic<int> awake{0};  // how many KeepAwake there are

void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

using Body = void (*)(void* context, int member);

class Pool {
 public:
  void run(int threads, Body body, void* context) {
    std::unique_lock lock(in_use_, std::try_to_lock);
    if (!lock) {  // another thread of the program is at it: no waiting
      const SerialScope serial;
      body(context, 0);
      return;
    }
    const int helpers = hire(threads - 1);
    body_ = body;
    context_ = context;
    error_ = nullptr;
    finished_.store(0, std::memory_order_relaxed);
    seats_.store(helpers, std::memory_order_release);
    epoch_.fetch_add(1, std::memory_order_release);
    epoch_.notify_all();
    work(0);
    const int entered = helpers - seats_.exchange(0, std::memory_order_acq_rel);
    for (int spins = 0; finished_.load(std::memory_order_acquire) != entered; ++spins)
      spins < 1000 ? pause() : std::this_thread::yield();
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  }

 private:
  // Starts workers until there are n; fewer if the system gives no more.
  int hire(int n) {
    while (workers_ < n) {
      try {
        std::thread([this, member = workers_ + 1, seen = epoch_.load()] {
          serve(member, seen);
        }).detach();
        ++workers_;
      } catch (const std::system_error&) {
        break;
      }
    }
    return std::min(n, workers_);
  }

  void work(int member) {
    const SerialScope serial;
    try {
      body_(context_, member);
    } catch (...) {
      const std::lock_guard lock(error_mutex_);
      if (!error_) error_ = std::current_exception();
    }
  }

  bool take_seat() {
    int seats = seats_.load(std::memory_order_relaxed);
    while (seats > 0)
      if (seats_.compare_exchange_weak(seats, seats - 1, std::memory_order_acq_rel)) return true;
    return false;
  }

  [[noreturn]] void serve(int member, uint32_t seen) {
    set_float_mode(float_mode() | kFlushBits);
    for (;;) {
      seen = next_epoch(seen);
      if (!take_seat()) continue;
      work(member);
      finished_.fetch_add(1, std::memory_order_release);
    }
  }

  uint32_t next_epoch(uint32_t seen) {
    const auto until = std::chrono::steady_clock::now() + kWatch;
    do {
      for (int i = 0; i < 64; ++i) {
        const uint32_t now = epoch_.load(std::memory_order_acquire);
        if (now != seen) return now;
        pause();
      }
    } while (awake.load(std::memory_order_relaxed) > 0 || std::chrono::steady_clock::now() < until);
    epoch_.wait(seen, std::memory_order_acquire);
    return epoch_.load(std::memory_order_acquire);
  }

  std::mutex in_use_, error_mutex_;
  int workers_ = 0;
  Body body_ = nullptr;
  void* context_ = nullptr;
  std::exception_ptr error_;
  alignas(64) std::atomic<uint32_t> epoch_{0};
  alignas(64) std::atomic<int> seats_{0};
  alignas(64) std::atomic<int> finished_{0};
};

// Never destroyed: its threads run until the process ends. A forked child has none of them, so it
// starts with a pool of its own.
std::atomic<Pool*> current_pool{nullptr};

Pool& pool() {
  Pool* p = current_pool.load(std::memory_order_acquire);
  if (p) return *p;
  static const int registered = pthread_atfork(nullptr, nullptr, [] {
    current_pool.store(nullptr);
    awake.store(0);  // nobody who asked for it is there
  });
  (void)registered;
  auto* fresh = new Pool;
  if (current_pool.compare_exchange_strong(p, fresh)) return *fresh;
  delete fresh;
  return *p;
}

}  // namespace

const char* parallel_name() { return "pool"; }

KeepAwake::KeepAwake(bool on) : on_(on) {
  if (on_) awake.fetch_add(1, std::memory_order_relaxed);
}
KeepAwake::~KeepAwake() {
  if (on_ && generation_ == fork_generation()) awake.fetch_sub(1, std::memory_order_relaxed);
}

void run_team(int threads, Body body, void* context) { pool().run(threads, body, context); }

}  // namespace wengert
