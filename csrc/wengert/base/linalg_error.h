// What a decomposition raises of values that it cannot take: Python's `linalg.LinAlgError`.
#pragma once

#include "wengert/base/error.h"

namespace wengert {

struct LinAlgError : Error {
  template <class... Parts>
  explicit LinAlgError(const Parts&... parts) : Error(ErrorKind::kRuntime, text(parts...)) {}
};

}  // namespace wengert
