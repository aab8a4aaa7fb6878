// Notes of which op ran when, for `wengert.profiler`.
#pragma once

#include "bind/python.h"

namespace wengert::bind {

void init_profile(py::module_& m);

}  // namespace wengert::bind
