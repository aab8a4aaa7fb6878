// Every row, in the order of the families.
#pragma once

#include <span>
#include <string_view>

#include "wengert/tape/op.h"

namespace wengert {

std::span<const Op* const> all_ops();
const Op* find_op(std::string_view name);

}  // namespace wengert
