// The other way of `run_team`: the threads of an OpenMP runtime. The only file that knows OpenMP,
// and the only one that is compiled with it.
#include <omp.h>
#include <pthread.h>

#include <atomic>
#include <exception>
#include <mutex>
#include <utility>

#include "wengert/base/denormals.h"
#include "wengert/base/parallel.h"

// Note [OpenMP]: the runtime decides how many threads come and where they run (OMP_PROC_BIND,
// OMP_THREAD_LIMIT, OMP_WAIT_POLICY, ...), and a program that uses OpenMP itself shares them with
// us. The chunks of a job are handed out one by one as in the pool, so that the number of those who
// come changes nothing in the result. All of them meet at the end, so a team is as late as the
// latest of its cores.
//
// A forked child has none of the runtime's threads, and GNU's runtime waits for them for ever. So a
// child whose parent has had a team computes on one thread.

namespace wengert {
namespace {

std::mutex in_use;
std::atomic<bool> has_run{false}, orphaned{false};

[[maybe_unused]] const int registered =
    pthread_atfork(nullptr, nullptr, [] { orphaned = has_run.load(); });

void alone(void (*body)(void*, int), void* context) {
  const SerialScope serial;
  body(context, 0);
}

}  // namespace

const char* parallel_name() { return "openmp"; }

// How long the runtime's threads stay awake is the runtime's affair.
KeepAwake::KeepAwake(bool on) : on_(on) {}
KeepAwake::~KeepAwake() = default;

void run_team(int threads, void (*body)(void*, int member), void* context) {
  // A second thread of the program would get a second team, and both together more threads than
  // there are cores.
  const std::unique_lock lock(in_use, std::try_to_lock);
  if (!lock || orphaned) return alone(body, context);
  has_run = true;
  std::mutex error_mutex;
  std::exception_ptr error;
#pragma omp parallel num_threads(threads) default(none) shared(body, context, error_mutex, error)
  {
    const int member = omp_get_thread_num();
    const SerialScope serial;
    const FloatModeScope mode(member == 0 ? float_mode() : float_mode() | kFlushBits);
    try {
      body(context, member);
    } catch (...) {
      const std::lock_guard guard(error_mutex);
      if (!error) error = std::current_exception();
    }
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace wengert
