// Pass: a gradient that is set to zero and then added to is written once.
#include "wengert/kernels/core/pointwise.h"
#include "wengert/program/passes/steps.h"

namespace wengert {

// zero_(G) and, nothing else touching G between, G += g: becomes G = 0 + g. That is g but for the
// sign of a zero, which is why it is not a copy. The same goes for another pointwise op than +.
void Program::Impl::write_first_gradients() {
  std::vector<int64_t> zeroed(slot_count(), -1);  // by which step, with no use since
  std::vector<char> drop(rec.steps.size());
  for (size_t i = 0; i < rec.steps.size(); ++i) {
    Step& s = rec.steps[i];
    if (s.op && s.op->zeros) {
      const Piece& p = rec.inputs_of(s)[0].piece;
      const bool whole =
          p.contiguous() && p.first_byte() == 0 &&
          static_cast<size_t>(p.count() * item_size(p.dtype)) == rec.slots[p.slot].bytes;
      zeroed[p.slot] = whole && is_floating(p.dtype) ? static_cast<int64_t>(i) : -1;
      continue;
    }
    if (s.op && s.op->pointwise && s.op->pointwise->arity == 2 && !s.op->pointwise->bool_output &&
        s.writes == Writes::kSelf) {
      Argument& self = rec.arguments[s.first];
      const Argument& other = rec.arguments[s.first + 1];
      const Piece& out = rec.outputs_of(s)[0].piece;
      const bool fits =
          self.kind == Argument::Kind::kPiece && self.piece.slot == out.slot &&
          zeroed[out.slot] >= 0 && other.kind == Argument::Kind::kPiece &&
          other.piece.slot != out.slot && other.piece.shape() == out.shape() && out.contiguous() &&
          other.piece.dtype == out.dtype && s.common == out.dtype &&
          static_cast<size_t>(out.count() * item_size(out.dtype)) == rec.slots[out.slot].bytes;
      if (fits) {
        drop[static_cast<size_t>(zeroed[out.slot])] = 1;
        s.zeroed_at = rec.steps[static_cast<size_t>(zeroed[out.slot])].number;
        self.kind = Argument::Kind::kNumber;
        self.number = Scalar(0.0);
      }
    }
    each_read(s, [&](uint32_t slot) { zeroed[slot] = -1; });
    each_write(s, [&](uint32_t slot) { zeroed[slot] = -1; });
  }
  erase_steps(rec, drop);
}

}  // namespace wengert
