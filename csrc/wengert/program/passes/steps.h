// What several passes ask of the steps of a recording, and do to them.
#pragma once

#include "wengert/program/impl.h"

namespace wengert {

// Drops the steps i with drop[i].
void erase_steps(Recording& rec, const std::vector<char>& drop);

// Whether a step's first input is the whole output of an earlier one, of which it knows the slot:
// a row of it may be contiguous as well.
bool reads_all(const Recording& rec, const Step& s, const Step& product);

// The attributes of a product that applies this step to its tiles: the op, and its numbers.
Attrs activation_attributes(const Recording& rec, const Step& activation);

}  // namespace wengert
