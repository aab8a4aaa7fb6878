// Pass: steps that nothing needs go.
#include <algorithm>

#include "wengert/program/impl.h"

namespace wengert {

using Origin = Slot::Origin;

namespace {

// Whether its error depends on values, as that of a label which is no class: the function would
// raise it, needed or not.
bool may_fail(const Recording& rec, const Step& s) {
  if (!s.op || s.op->pointwise || s.op->shape_only) return false;
  for (int i = 0; i < s.inputs; ++i) {
    const Argument& a = rec.inputs_of(s)[i];
    if (a.kind == Argument::Kind::kPiece && !is_floating(a.piece.dtype) &&
        a.piece.dtype != Dtype::kBool)
      return true;
  }
  return false;
}

}  // namespace

// Backwards: a step is needed if something needed reads what it writes, if what it writes can be
// seen from outside, if it takes random numbers, which the next taker would else get, or if it may
// be an error.
void Program::Impl::remove_dead() {
  std::vector<char> live(slot_count());
  for (size_t i = 1; i < rec.slots.size(); ++i)
    live[i] = rec.slots[i].origin != Origin::kMade || is_kept(static_cast<uint32_t>(i));
  List<Step> kept;
  kept.reserve(rec.steps.size());
  for (size_t i = rec.steps.size(); i-- > 0;) {
    Step& s = rec.steps[i];
    bool needed = s.host || s.op->draws || may_fail(rec, s);
    each_write(s, [&](uint32_t slot) { needed |= live[slot] != 0; });
    if (!needed) continue;
    if (s.op && s.writes == Writes::kOutputs)
      each_write(s, [&](uint32_t slot) {
        if (slot < rec.slots.size() && rec.slots[slot].origin == Origin::kMade && !is_kept(slot))
          live[slot] = 0;
      });
    each_read(s, [&](uint32_t slot) { live[slot] = 1; });
    kept.push_back(std::move(s));
  }
  std::reverse(kept.begin(), kept.end());
  rec.steps = std::move(kept);
}

}  // namespace wengert
