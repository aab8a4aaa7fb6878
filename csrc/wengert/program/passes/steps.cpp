#include "wengert/program/passes/steps.h"

namespace wengert {

void erase_steps(Recording& rec, const std::vector<char>& drop) {
  size_t at = 0;
  std::erase_if(rec.steps, [&](const Step&) { return drop[at++] != 0; });
}

std::vector<int> Program::Impl::count_uses() const {
  std::vector<int> uses(slot_count());
  for (const Step& s : rec.steps)
    for (int i = 0; i < s.inputs + s.outputs; ++i) {
      const Argument& a = rec.arguments[s.first + i];
      if (a.kind == Argument::Kind::kPiece) ++uses[a.piece.slot];
    }
  return uses;
}

bool reads_all(const Recording& rec, const Step& s, const Step& product) {
  const Piece &z = rec.inputs_of(s)[0].piece, &made = rec.outputs_of(product)[0].piece;
  return z.offset == made.offset && z.dtype == made.dtype && z.shape() == made.shape();
}

Attrs activation_attributes(const Recording& rec, const Step& activation) {
  const Attrs& own = rec.attrs_of(activation);
  Attrs a;
  a.add(activation.op);
  for (int i = 0; i < 4; ++i) {
    const bool given = i < own.count() && own.has(i);
    a.add(given ? own.real(i) : 0.0);
  }
  return a;
}

}  // namespace wengert
