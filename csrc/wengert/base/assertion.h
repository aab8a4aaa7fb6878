// Errors for what PyTorch asserts.
#pragma once

#include "wengert/base/error.h"

namespace wengert {

// A kRuntime error to C++ users, an AssertionError to Python's.
class AssertionError final : public Error {
 public:
  explicit AssertionError(std::string message) : Error(ErrorKind::kRuntime, std::move(message)) {}
};

template <class... Parts>
inline void require(bool ok, const Parts&... parts) {
  if (!ok) [[unlikely]]
    throw AssertionError(text(parts...));
}

}  // namespace wengert
