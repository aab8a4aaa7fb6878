// What the options of layers are printed with.
#pragma once

#include <string>

#include "wengert/base/error.h"

namespace wengert::nn {

// As Python writes a float.
inline std::string as_float(double v) {
  std::string s = text(v);
  if (s.find_first_not_of("-0123456789") == s.npos) s += ".0";
  return s;
}

}  // namespace wengert::nn
