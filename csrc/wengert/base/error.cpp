#include "wengert/base/error.h"

#include <charconv>

namespace wengert {

void append(std::string& out, double v) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, v).ptr;
  out.append(buffer, end);
}

}  // namespace wengert
