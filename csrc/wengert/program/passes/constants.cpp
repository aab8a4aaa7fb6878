// Pass: what depends on constants alone is computed here and now, once.
#include "wengert/program/impl.h"

namespace wengert {

using Origin = Slot::Origin;

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

}  // namespace wengert
