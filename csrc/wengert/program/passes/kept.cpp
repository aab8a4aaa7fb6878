// Pass: what a program leaves behind, results and gradients, is found and kept.
#include "wengert/program/impl.h"

namespace wengert {

using Origin = Slot::Origin;

void Program::Impl::find_kept() {
  keep_flags.assign(rec.slots.size(), 0);
  const auto keep = [&](uint32_t slot) {
    if (rec.slots[slot].origin == Origin::kMade) keep_flags[slot] = 1;
  };
  for (const Argument& a : rec.results) {
    if (a.kind != Argument::Kind::kPiece) continue;
    keep(a.piece.slot);
    returns_borrowed |= rec.slots[a.piece.slot].origin == Origin::kGrad;
  }
  for (uint32_t i = 0; i < rec.grads.size(); ++i) {
    const GradUse& g = rec.grads[i];
    if (g.exit.kind != Argument::Kind::kPiece ||
        rec.slots[g.exit.piece.slot].origin != Origin::kMade)
      continue;
    keep(g.exit.piece.slot);
    place(g.exit.piece.slot).grads.push_back(i);
  }
}

}  // namespace wengert
