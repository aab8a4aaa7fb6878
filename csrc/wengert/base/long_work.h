// Work that takes long, during which others may have what this thread holds: Python's lock, of
// which this floor knows nothing.
#pragma once

namespace wengert {

struct LongWorkHooks {
  void* (*begin)() = nullptr;  // gives away what this thread holds; null if it holds nothing
  void (*end)(void* held) = nullptr;
};
void set_long_work_hooks(const LongWorkHooks& hooks);

// While it lives, nobody waits for this thread, which touches nothing that others may change. Who
// changes a tensor (its elements, its shape, what `data` is) while another thread computes with it
// races with it, as in PyTorch; its memory lives for as long as the work.
class LongWork {
 public:
  LongWork();
  ~LongWork();
  LongWork(const LongWork&) = delete;
  LongWork& operator=(const LongWork&) = delete;

 private:
  void* held_;
};

// While it lives, this thread gives nothing away: for what others must see whole.
class HoldOn {
 public:
  HoldOn();
  ~HoldOn();
  HoldOn(const HoldOn&) = delete;
  HoldOn& operator=(const HoldOn&) = delete;
};

}  // namespace wengert
