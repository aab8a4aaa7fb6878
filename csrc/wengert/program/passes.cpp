// The passes over single steps. Each may only drop a step, compute it now, or let it do more.
#include <algorithm>
#include <cstring>

#include "wengert/ops.h"
#include "wengert/ops/pointwise.h"
#include "wengert/program/impl.h"

namespace wengert {

using Origin = Slot::Origin;
using Kind = Argument::Kind;

void Program::Impl::find_kept() {
  keep_flags.assign(rec.slots.size(), 0);
  const auto keep = [&](uint32_t slot) {
    if (rec.slots[slot].origin == Origin::kMade) keep_flags[slot] = 1;
  };
  for (const Argument& a : rec.results)
    if (a.kind == Kind::kPiece) keep(a.piece.slot);
  for (uint32_t i = 0; i < rec.grads.size(); ++i) {
    const GradUse& g = rec.grads[i];
    if (g.exit.kind != Kind::kPiece) continue;
    keep(g.exit.piece.slot);
    place(g.exit.piece.slot).grads.push_back(i);
  }
}

// Backwards: a step is needed if something needed reads what it writes, if what it writes can be
// seen from outside, or if it takes random numbers, which the next taker would else get.
void Program::Impl::remove_dead() {
  std::vector<char> live(slot_count());
  for (size_t i = 1; i < rec.slots.size(); ++i)
    live[i] = rec.slots[i].origin != Origin::kMade || is_kept(static_cast<uint32_t>(i));
  std::vector<Step> kept;
  kept.reserve(rec.steps.size());
  for (size_t i = rec.steps.size(); i-- > 0;) {
    Step& s = rec.steps[i];
    bool needed = s.host || s.op->draws;
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

// zero_(G) and, nothing else touching G between, G += g: becomes G = 0 + g. That is g but for the
// sign of a zero, which is why it is not a copy.
void Program::Impl::write_first_gradients() {
  static const Op* const zero = find_op("zero_");
  std::vector<int64_t> zeroed(slot_count(), -1);  // by which step, with no use since
  std::vector<char> drop(rec.steps.size());
  for (size_t i = 0; i < rec.steps.size(); ++i) {
    Step& s = rec.steps[i];
    if (s.op == zero) {
      const Piece& p = rec.inputs_of(s)[0].piece;
      const bool whole =
          p.contiguous() && p.first_byte() == 0 &&
          static_cast<size_t>(p.count() * item_size(p.dtype)) == rec.slots[p.slot].bytes;
      zeroed[p.slot] = whole && is_floating(p.dtype) ? static_cast<int64_t>(i) : -1;
      continue;
    }
    if (s.op == &add_op && s.writes == Writes::kSelf) {
      Argument& self = rec.arguments[s.first];
      const Argument& other = rec.arguments[s.first + 1];
      const Piece& out = rec.outputs_of(s)[0].piece;
      const bool fits =
          self.kind == Kind::kPiece && self.piece.slot == out.slot && zeroed[out.slot] >= 0 &&
          other.kind == Kind::kPiece && other.piece.slot != out.slot &&
          other.piece.shape == out.shape && out.contiguous() && other.piece.dtype == out.dtype &&
          static_cast<size_t>(out.count() * item_size(out.dtype)) == rec.slots[out.slot].bytes;
      if (fits) {
        drop[static_cast<size_t>(zeroed[out.slot])] = 1;
        self.kind = Kind::kNumber;
        self.number = Scalar(0.0);
      }
    }
    each_read(s, [&](uint32_t slot) { zeroed[slot] = -1; });
    each_write(s, [&](uint32_t slot) { zeroed[slot] = -1; });
  }
  size_t at = 0;
  std::erase_if(rec.steps, [&](const Step&) { return drop[at++] != 0; });
}

// What depends on constants alone is computed here and now, once.
void Program::Impl::fold_constants() {
  for (uint32_t slot = 1; slot < rec.slots.size(); ++slot)
    if (rec.slots[slot].origin == Origin::kConstant) point(slot, rec.slots[slot].storage->data());
  std::vector<int> writers(slot_count());
  for (const Step& s : rec.steps) each_write(s, [&](uint32_t slot) { ++writers[slot]; });
  std::erase_if(rec.steps, [&](const Step& s) {
    if (!s.op || s.op->draws || s.refresh || s.writes != Writes::kOutputs) return false;
    bool constant = true;
    each_read(s, [&](uint32_t slot) { constant &= rec.slots[slot].origin == Origin::kConstant; });
    each_write(s, [&](uint32_t slot) { constant &= writers[slot] == 1 && !is_kept(slot); });
    if (!constant) return false;
    for (int i = 0; i < s.outputs; ++i) {
      const uint32_t slot = rec.outputs_of(s)[i].piece.slot;
      rec.slots[slot].origin = Origin::kConstant;
      rec.slots[slot].storage = new Storage(rec.slots[slot].bytes);
      place(slot).owner = rec.slots[slot].storage;
      point(slot, place(slot).owner->data());
    }
    GradMode off(false);
    const std::unique_ptr<Call> call = make_call(s);
    s.op->run(*call);
    return true;
  });
}

void Program::Impl::fuse_activations() {}

}  // namespace wengert
