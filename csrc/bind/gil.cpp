#include "bind/gil.h"

#include <unistd.h>

#include <atomic>
#include <thread>

#include "wengert/base/long_work.h"

namespace wengert::bind {
namespace {

std::atomic<bool> leaving{false};  // Python is about to end
std::atomic<int> asking{0};        // threads that wait for the lock

// Calls f, which gets the lock.
template <class F>
void ask(const F& f) {
  ++asking;
  if (leaving) {
    --asking;
    for (;;) ::pause();
  }
  f();
  --asking;
}

void* give_away() { return PyGILState_Check() ? PyEval_SaveThread() : nullptr; }

void take_back(void* state) {
  ask([&] { PyEval_RestoreThread(static_cast<PyThreadState*>(state)); });
}

// Whoever asks for the lock by now gets it; nobody does later.
void leave() {
  leaving = true;
  PyThreadState* state = PyEval_SaveThread();
  while (asking > 0) std::this_thread::yield();
  PyEval_RestoreThread(state);
}

}  // namespace

Gil::Gil() {
  ask([&] { state_ = PyGILState_Ensure(); });
}
Gil::~Gil() { PyGILState_Release(state_); }

void init_gil(py::module_&) {
  set_long_work_hooks({give_away, take_back});
  py::module_::import("atexit").attr("register")(py::cpp_function(&leave));
}

}  // namespace wengert::bind
