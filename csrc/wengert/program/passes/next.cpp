// Pass: a norm by given moments moves into the tiles of the convolution before it.
#include <algorithm>

#include "wengert/ops/followed.h"
#include "wengert/program/passes/steps.h"

namespace wengert {

// A step, and later one of an op that one row computes together with it, of its whole output: the
// two become one, if the numbers that the second reads have been there since before the first. What
// is between them is only stored if something else reads it.
void Program::Impl::fuse_next() {
  const std::vector<int> uses = count_uses();
  std::vector<int64_t> open(slot_count(), -1);     // the step whose output a slot is
  std::vector<int64_t> written(slot_count(), -1);  // by which step last
  std::vector<char> drop(rec.steps.size());
  const auto joins = [&](const Step& s) {
    if (!s.op || s.refresh || s.writes != Writes::kOutputs || s.inputs == 0) return false;
    const Argument& z = rec.inputs_of(s)[0];
    if (z.kind != Argument::Kind::kPiece || open[z.piece.slot] < 0) return false;
    const int64_t at = open[z.piece.slot];
    const Step& first = rec.steps[static_cast<size_t>(at)];
    bool yes = followed_by(*first.op, *s.op) && z.piece.contiguous() && reads_all(rec, s, first) &&
               rec.outputs_of(s)[0].piece.contiguous();
    for (int i = 1; i < s.inputs && yes; ++i) {
      const Argument& a = rec.inputs_of(s)[i];
      yes = a.kind != Argument::Kind::kPiece || written[a.piece.slot] < at;
    }
    return yes;
  };
  for (size_t i = 0; i < rec.steps.size(); ++i) {
    const Step& s = rec.steps[i];
    if (s.host) std::fill(open.begin(), open.end(), -1);  // it may write anywhere outside
    if (joins(s)) {
      const uint32_t z = rec.inputs_of(s)[0].piece.slot;
      Step& first = rec.steps[static_cast<size_t>(open[z])];
      const bool keep = is_kept(z) || uses[z] > 2;
      Extension e(rec, first, *followed_by(*first.op, *s.op));
      e.set_next(rec, s);
      e.keep("keep_sum", keep);
      if (keep) e.outputs.push_back(e.outputs[0]);
      e.outputs[0] = rec.outputs_of(s)[0];
      e.store(rec, first);
      drop[i] = 1;
      written[e.outputs[0].piece.slot] = open[z];
      open[z] = -1;
      continue;
    }
    each_write(s, [&](uint32_t slot) {
      open[slot] = -1;
      written[slot] = static_cast<int64_t>(i);
    });
    if (s.op && !s.op->pointwise && s.writes == Writes::kOutputs)
      open[rec.outputs_of(s)[0].piece.slot] = static_cast<int64_t>(i);
  }
  erase_steps(rec, drop);
}

}  // namespace wengert
