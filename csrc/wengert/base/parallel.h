// Threads: a pool of our own (Note [teams]) or those of OpenMP (Note [OpenMP]), whichever the core
// was configured with. For measurements there is a third way, Note [tracing].
//
// Work is cut into chunks by its size alone, never by the number of threads: results are the same
// for every thread count. Every thread has a share of the chunks that it takes first, the same one
// each time, so that what it wrote in one operation is in its cache in the next; then it helps the
// others, so that a thread whose core is busy elsewhere does not stall them.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "wengert/base/fork.h"

namespace wengert {

int get_num_threads();
inline constexpr int kMostThreads = 4096;
void set_num_threads(int n);  // RuntimeError unless 1 <= n <= kMostThreads
// CPUs this process may use: affinity mask, cgroup quota, OMP_NUM_THREADS.
int default_num_threads();
// "pool", "openmp" or "trace".
const char* parallel_name();
// Inside a team, ours or one of the program's own OpenMP, everything runs serially.
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
  uint32_t generation_ = fork_generation();
};

// Runs body(context, member) on this thread, which is member 0, and on up to threads - 1 others,
// those that come before this one is done; body takes its share of the work from context. An
// exception is carried to the caller.
void run_team(int threads, void (*body)(void*, int member), void* context);

// Note [tracing]: configured with WENGERT_PARALLEL=trace one thread does what a team would share,
// and writes down how long each chunk of each job takes. What many cores would make of that is
// arithmetic: benchmarks/scaling.py.
#ifdef WENGERT_PARALLEL_TRACE
void trace_chunk();  // one has been done
#else
inline void trace_chunk() {}
#endif

// The chunks that a team has yet to do.
class Chunks {
 public:
  Chunks(int64_t count, int threads) : count_(count), shares_(std::min(threads, kMostShares)) {
    for (int s = 0; s < shares_; ++s) next_[s].at.store(begin(s), std::memory_order_relaxed);
  }
  // f(chunk) for those of the member's share, then for what is left of the others'.
  template <class F>
  void each(int member, const F& f) {
    for (int i = 0; i < shares_; ++i) {
      const int s = (member + i) % shares_;
      const int64_t end = begin(s + 1);
      for (int64_t c; (c = next_[s].at.fetch_add(1, std::memory_order_relaxed)) < end;) {
        f(c);
        trace_chunk();
      }
    }
  }

 private:
  static constexpr int kMostShares = 32;
  struct alignas(64) Counter {
    std::atomic<int64_t> at;
  };
  int64_t begin(int share) const { return count_ * share / shares_; }

  int64_t count_;
  int shares_;
  Counter next_[kMostShares];
};

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
    Chunks chunks;
  } context{f, n, grain, Chunks(chunks, threads)};
  run_team(
      threads,
      [](void* p, int member) {
        auto& c = *static_cast<Context*>(p);
        c.chunks.each(member,
                      [&](int64_t i) { c.f(i * c.grain, std::min(c.n, (i + 1) * c.grain)); });
      },
      &context);
}

}  // namespace wengert
