// Threads: a pool of our own; see Note [teams].
//
// Work is cut into chunks by its size alone, never by the number of threads, and chunks are taken
// from a counter: results are the same for every thread count, and a thread whose core is busy
// elsewhere takes fewer chunks instead of stalling the others.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace wengert {

int get_num_threads();
void set_num_threads(int n);  // RuntimeError unless n >= 1
// CPUs this process may use: affinity mask, cgroup quota, OMP_NUM_THREADS.
int default_num_threads();
// Inside a team everything runs serially.
bool in_parallel();

// While it lives, this thread computes alone, as inside a team.
class SerialScope {
 public:
  SerialScope();
  ~SerialScope();
  SerialScope(const SerialScope&) = delete;
  SerialScope& operator=(const SerialScope&) = delete;

 private:
  bool before_;
};

// While it lives, threads that have come for one job watch for the next without going to sleep:
// for a series of jobs with little between them.
class KeepAwake {
 public:
  explicit KeepAwake(bool on);
  ~KeepAwake();
  KeepAwake(const KeepAwake&) = delete;
  KeepAwake& operator=(const KeepAwake&) = delete;

 private:
  bool on_;
};

// Runs body(context) on this thread and on up to threads - 1 others, those that come before this
// one is done; body takes its share of the work from context. An exception is carried to the
// caller.
void run_team(int threads, void (*body)(void*), void* context);

// f(begin, end) over [0, n) in chunks of `grain`.
template <class F>
void parallel_for(int64_t n, int64_t grain, const F& f) {
  if (n <= 0) return;
  const int64_t chunks = (n + grain - 1) / grain;
  const int threads = chunks > 1 && !in_parallel()
                          ? static_cast<int>(std::min<int64_t>(chunks, get_num_threads()))
                          : 1;
  if (threads <= 1) {
    for (int64_t i = 0; i < n; i += grain) f(i, std::min(n, i + grain));
    return;
  }
  struct Context {
    const F& f;
    int64_t n, grain;
    std::atomic<int64_t> next{0};
  } context{f, n, grain};
  run_team(
      threads,
      [](void* p) {
        auto& c = *static_cast<Context*>(p);
        for (int64_t i; (i = c.next.fetch_add(c.grain, std::memory_order_relaxed)) < c.n;)
          c.f(i, std::min(c.n, i + c.grain));
      },
      &context);
}

}  // namespace wengert
