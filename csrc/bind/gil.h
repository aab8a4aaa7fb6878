// Python's lock, for threads that gave it away.
#pragma once

#include "bind/python.h"

namespace wengert::bind {

// Held while it lives, whoever has it now. A thread that asks for it when Python is ending waits
// for the end of the process: Python would end the thread instead, through whatever C++ it is in.
class Gil {
 public:
  Gil();
  ~Gil();
  Gil(const Gil&) = delete;
  Gil& operator=(const Gil&) = delete;

 private:
  PyGILState_STATE state_;
};

}  // namespace wengert::bind
