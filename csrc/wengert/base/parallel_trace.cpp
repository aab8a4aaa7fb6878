// The third way of `run_team`, for measurements: nobody comes. See Note [tracing].
#include "wengert/base/parallel_trace.h"

#include <chrono>
#include <utility>

#include "wengert/base/parallel.h"

namespace wengert {
namespace {

thread_local std::vector<TracedJob> jobs;

int64_t now() {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

const char* parallel_name() { return "trace"; }

KeepAwake::KeepAwake(bool on) : on_(on) {}
KeepAwake::~KeepAwake() = default;

void trace_chunk() { jobs.back().chunk_ends.push_back(now()); }

void run_team(int, void (*body)(void*, int member), void* context) {
  const SerialScope serial;  // what runs in a chunk opens no job
  jobs.push_back({now(), {}, 0});
  body(context, 0);
  jobs.back().end = now();
}

std::vector<TracedJob> take_traced_jobs() { return std::exchange(jobs, {}); }

}  // namespace wengert
