#include "wengert/base/warning.h"

#include <atomic>
#include <cstdio>

namespace wengert {
namespace {

void write_to_stderr(const std::string& message) {
  std::fprintf(stderr, "Warning: %s\n", message.c_str());
}

std::atomic<WarningHandler> handler{write_to_stderr};
thread_local bool silent = false;

}  // namespace

WarningHandler set_warning_handler(WarningHandler h) { return handler.exchange(h); }

namespace detail {
void emit_warning(const std::string& message) {
  if (!silent) handler.load(std::memory_order_relaxed)(message);
}
}  // namespace detail

NoWarnings::NoWarnings() : before_(silent) { silent = true; }
NoWarnings::~NoWarnings() { silent = before_; }

}  // namespace wengert
