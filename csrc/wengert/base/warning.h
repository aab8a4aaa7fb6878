// Warnings: what is allowed and most likely a mistake.
#pragma once

#include "wengert/base/error.h"

namespace wengert {

// Where the warnings of this process go; it may throw, as Python's filters make exceptions of
// warnings. By default they are written to stderr. Returns the one before.
using WarningHandler = void (*)(const std::string& message);
WarningHandler set_warning_handler(WarningHandler handler);

namespace detail {
void emit_warning(const std::string& message);
}

// For `shape` and `composed`, which a replay does not call: it warns when it is recorded. A row
// whose `run` finds something to warn of would warn at every replay, without Python's lock.
template <class... Parts>
[[gnu::cold, gnu::noinline]] void warn(const Parts&... parts) {
  detail::emit_warning(text(parts...));
}

// While it lives, this thread warns of nothing: for what asks shapes of ops that nobody calls.
class NoWarnings {
 public:
  NoWarnings();
  ~NoWarnings();
  NoWarnings(const NoWarnings&) = delete;
  NoWarnings& operator=(const NoWarnings&) = delete;

 private:
  bool before_;
};

}  // namespace wengert
