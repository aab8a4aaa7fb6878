// Pass: an activation moves into the tiles of the product before it.
#include "wengert/kernels/core/pointwise_rows.h"
#include "wengert/program/passes/steps.h"

namespace wengert {
namespace {

// y = f(z) of every element of z, in z's dtype.
bool is_activation(const Recording& rec, const Step& s) {
  if (!s.op || !s.op->pointwise || s.op->pointwise->arity != 1 || s.inputs != 1) return false;
  const Argument& z = rec.inputs_of(s)[0];
  const Piece& y = rec.outputs_of(s)[0].piece;
  return z.kind == Argument::Kind::kPiece && y.dtype == z.piece.dtype && s.common == y.dtype &&
         rec.attrs_of(s).count() <= 4 && y.shape() == z.piece.shape() && y.contiguous() &&
         z.piece.contiguous();
}

}  // namespace

// A product (linear), and later f of its output alone: f is applied to each tile while it is in
// cache. The sum before it is only stored if something else reads it.
void Program::Impl::fuse_activations() {
  const std::vector<int> uses = count_uses();
  std::vector<int64_t> open(slot_count(), -1);  // the linear step whose untouched output a slot is
  std::vector<char> untouched(slot_count()), drop(rec.steps.size());
  for (size_t i = 0; i < rec.steps.size(); ++i) {
    Step& s = rec.steps[i];
    const uint32_t z = is_activation(rec, s) ? rec.inputs_of(s)[0].piece.slot : 0;
    const bool in_place = s.writes == Writes::kSelf;
    if (z && open[z] >= 0 && !s.refresh && (!in_place || untouched[z]) &&
        reads_all(rec, s, rec.steps[static_cast<size_t>(open[z])])) {
      Step& linear = rec.steps[static_cast<size_t>(open[z])];
      const bool keep = !in_place && (is_kept(z) || uses[z] > 2);
      const Argument y = rec.outputs_of(s)[0], sum = rec.outputs_of(linear)[0];
      const auto first = static_cast<uint32_t>(rec.arguments.size());
      for (int k = 0; k < 3; ++k) {
        rec.arguments.push_back(k < linear.inputs ? Argument(rec.inputs_of(linear)[k])
                                                  : Argument());
        rec.written.push_back(0);
      }
      rec.arguments.push_back(y);
      rec.written.push_back(1);
      if (keep) {
        rec.arguments.push_back(sum);
        rec.written.push_back(1);
      }
      linear.op = linear.op->then_unary;
      Attrs attrs = activation_attributes(rec, s);
      attrs.add(keep);
      rec.set_attrs(linear, attrs);
      linear.first = first;
      linear.inputs = 3;
      linear.outputs = keep ? 2 : 1;
      drop[i] = 1;
      open[z] = -1;
      continue;
    }
    each_read(s, [&](uint32_t slot) { untouched[slot] = 0; });
    each_write(s, [&](uint32_t slot) { open[slot] = -1; });
    if (!s.op || !s.op->then_unary || s.writes != Writes::kOutputs) continue;
    if (!is_floating(rec.outputs_of(s)[0].piece.dtype)) continue;
    const uint32_t slot = rec.outputs_of(s)[0].piece.slot;
    open[slot] = static_cast<int64_t>(i);
    untouched[slot] = 1;
  }
  erase_steps(rec, drop);
}

}  // namespace wengert
