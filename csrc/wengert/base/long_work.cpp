#include "wengert/base/long_work.h"

namespace wengert {
namespace {

LongWorkHooks hooks;
thread_local int holding = 0;

}  // namespace

// Once, before there are other threads.
void set_long_work_hooks(const LongWorkHooks& h) { hooks = h; }

LongWork::LongWork() : held_(hooks.begin && holding == 0 ? hooks.begin() : nullptr) {}
LongWork::~LongWork() {
  if (held_) hooks.end(held_);
}

HoldOn::HoldOn() { ++holding; }
HoldOn::~HoldOn() { --holding; }

}  // namespace wengert
