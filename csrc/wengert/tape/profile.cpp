#include "wengert/tape/profile.h"

#include <pthread.h>

#include <chrono>
#include <mutex>
#include <utility>

#include "wengert/base/fork.h"
#include "wengert/tape/op.h"

namespace wengert {
namespace {

constexpr size_t kMost = 1'000'000;

struct Notes {
  ForkSafeMutex mutex;
  std::vector<OpTime> list;
  std::atomic<bool> shapes = false;
};
Notes& notes() {
  static Notes* n = new Notes;  // threads may still run when the process ends
  return *n;
}

int64_t now() {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

uint64_t this_thread() { return static_cast<uint64_t>(pthread_self()); }

}  // namespace

void start_profile(bool shapes) {
  Notes& n = notes();
  const std::lock_guard lock(n.mutex);
  n.list.clear();
  n.shapes = shapes;
  detail::profiling = true;
}

std::vector<OpTime> stop_profile() {
  detail::profiling = false;
  Notes& n = notes();
  const std::lock_guard lock(n.mutex);
  return std::exchange(n.list, {});
}

Timed::Timed(const Call& c) : Timed(c.op().name) {
  for (int i = 0; i < c.outputs(); ++i)
    if (!c.op().view && c.out[i].defined())
      note_.bytes += static_cast<int64_t>(c.out[i]->storage->bytes());
  if (!notes().shapes) return;
  for (int i = 0; i < c.inputs(); ++i)
    if (c.input(i).is_tensor()) note_.shapes.push_back(c.in(i).shape());
}

Timed::Timed(const char* name) : note_{name, now(), 0, this_thread(), 0, {}} {}

Timed::~Timed() {
  note_.end = now();
  Notes& n = notes();
  const std::lock_guard lock(n.mutex);
  if (n.list.size() < kMost && profiling()) n.list.push_back(std::move(note_));
}

}  // namespace wengert
