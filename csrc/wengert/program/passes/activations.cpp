// Pass: an activation moves into the tiles of the product before it.
#include "wengert/kernels/core/pointwise.h"
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

// A product (linear, a convolution, a norm), and later f of its output alone: f is applied to each
// tile while it is in cache. The sum before it is only stored if something else reads it.
void Program::Impl::fuse_activations() {
  const std::vector<int> uses = count_uses();
  std::vector<int64_t> open(slot_count(), -1);  // the step whose untouched output a slot is
  std::vector<char> untouched(slot_count()), drop(rec.steps.size());
  for (size_t i = 0; i < rec.steps.size(); ++i) {
    Step& s = rec.steps[i];
    const uint32_t z = is_activation(rec, s) ? rec.inputs_of(s)[0].piece.slot : 0;
    const bool in_place = s.writes == Writes::kSelf;
    if (z && open[z] >= 0 && !s.refresh && (!in_place || untouched[z]) &&
        reads_all(rec, s, rec.steps[static_cast<size_t>(open[z])])) {
      Step& product = rec.steps[static_cast<size_t>(open[z])];
      const bool keep = !in_place && (is_kept(z) || uses[z] > 2);
      Extension e(rec, product, *product.op->then_unary);
      e.set_op("activation", 'p', rec, s);
      e.keep("keep", keep);
      if (keep) e.outputs.insert(e.outputs.begin(), e.outputs[0]);
      e.outputs[0] = rec.outputs_of(s)[0];
      e.store(rec, product);
      drop[i] = 1;
      open[z] = -1;
      continue;
    }
    each_read(s, [&](uint32_t slot) { untouched[slot] = 0; });
    each_write(s, [&](uint32_t slot) { open[slot] = -1; });
    if (!s.op || !s.op->then_unary || s.writes == Writes::kSelf) continue;
    if (!is_floating(rec.outputs_of(s)[0].piece.dtype)) continue;
    const uint32_t slot = rec.outputs_of(s)[0].piece.slot;
    open[slot] = static_cast<int64_t>(i);
    untouched[slot] = 1;
  }
  erase_steps(rec, drop);
}

}  // namespace wengert
