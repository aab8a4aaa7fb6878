// The tape as Python looks at it: `wengert.draw`, `count`, `watch`, `check_numerics`.
#pragma once

#include "bind/python.h"

namespace wengert::bind {

void init_observe(py::module_& m);

}  // namespace wengert::bind
