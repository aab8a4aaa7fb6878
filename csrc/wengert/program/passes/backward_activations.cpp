// Pass: the derivative of an activation moves into the tiles of the product before it.
#include <algorithm>

#include "wengert/kernels/core/pointwise_rows.h"
#include "wengert/program/passes/steps.h"

namespace wengert {
namespace {

// y = f(z, another) of every element of z, all of z's dtype and shape.
bool is_pair(const Recording& rec, const Step& s) {
  if (!s.op || !s.op->pointwise || s.op->pointwise->arity != 2 || s.inputs != 2) return false;
  const Argument *z = rec.inputs_of(s), *other = z + 1;
  const Piece& y = rec.outputs_of(s)[0].piece;
  if (z->kind != Argument::Kind::kPiece || other->kind != Argument::Kind::kPiece) return false;
  const auto alike = [&](const Piece& p) {
    return p.dtype == y.dtype && p.shape() == y.shape() && p.contiguous();
  };
  return s.writes == Writes::kOutputs && !s.refresh && s.common == y.dtype && alike(z->piece) &&
         alike(other->piece) && y.contiguous() && rec.attrs_of(s).count() <= 4;
}

}  // namespace

// The same backwards: a product (mm), and later f of its output, which nothing else reads, and of a
// tensor that has been there since before the product.
void Program::Impl::fuse_backward_activations() {
  const std::vector<int> uses = count_uses();
  std::vector<int64_t> open(slot_count(), -1);     // the mm step whose output a slot is
  std::vector<int64_t> written(slot_count(), -1);  // by which step last
  std::vector<char> drop(rec.steps.size());
  for (size_t i = 0; i < rec.steps.size(); ++i) {
    Step& s = rec.steps[i];
    if (s.host) std::fill(open.begin(), open.end(), -1);  // it may write anywhere outside
    const uint32_t z = is_pair(rec, s) ? rec.inputs_of(s)[0].piece.slot : 0;
    if (z && open[z] >= 0 && uses[z] == 2 && !is_kept(z) &&
        written[rec.inputs_of(s)[1].piece.slot] < open[z] &&
        reads_all(rec, s, rec.steps[static_cast<size_t>(open[z])])) {
      Step& mm = rec.steps[static_cast<size_t>(open[z])];
      const Argument parts[] = {rec.inputs_of(mm)[0], rec.inputs_of(mm)[1], rec.inputs_of(s)[1],
                                rec.outputs_of(s)[0]};
      mm.first = static_cast<uint32_t>(rec.arguments.size());
      mm.inputs = 3;
      for (const Argument& a : parts) rec.arguments.push_back(a);
      rec.written.insert(rec.written.end(), {0, 0, 0, 1});
      mm.op = mm.op->then_binary;
      rec.set_attrs(mm, activation_attributes(rec, s));
      drop[i] = 1;
      continue;
    }
    each_write(s, [&](uint32_t slot) {
      open[slot] = -1;
      written[slot] = static_cast<int64_t>(i);
    });
    if (!s.op || !s.op->then_binary || s.writes != Writes::kOutputs) continue;
    const Piece& out = rec.outputs_of(s)[0].piece;
    if (is_floating(out.dtype)) open[out.slot] = static_cast<int64_t>(i);
  }
  erase_steps(rec, drop);
}

}  // namespace wengert
