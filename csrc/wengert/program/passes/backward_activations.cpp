// Pass: a pointwise op of a product and another tensor, such as the derivative of an activation,
// moves into the tiles of the product.
#include <algorithm>

#include "wengert/kernels/core/pointwise.h"
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
  return !s.refresh && s.common == y.dtype && alike(z->piece) && alike(other->piece) &&
         y.contiguous() && rec.attrs_of(s).count() <= 4;
}

}  // namespace

// A product (mm, a convolution), and later f of its output, which nothing else reads, and of a
// tensor that has been there since before the product.
void Program::Impl::fuse_backward_activations() {
  const std::vector<int> uses = count_uses();
  std::vector<int64_t> open(slot_count(), -1);     // the step whose output a slot is
  std::vector<int64_t> written(slot_count(), -1);  // by which step last
  std::vector<char> untouched(slot_count()), drop(rec.steps.size());
  for (size_t i = 0; i < rec.steps.size(); ++i) {
    Step& s = rec.steps[i];
    if (s.host) std::fill(open.begin(), open.end(), -1);  // it may write anywhere outside
    const uint32_t z = is_pair(rec, s) ? rec.inputs_of(s)[0].piece.slot : 0;
    const bool in_place = s.writes == Writes::kSelf;
    if (z && open[z] >= 0 && (in_place ? untouched[z] != 0 : uses[z] == 2 && !is_kept(z)) &&
        written[rec.inputs_of(s)[1].piece.slot] < open[z] &&
        reads_all(rec, s, rec.steps[static_cast<size_t>(open[z])])) {
      Step& product = rec.steps[static_cast<size_t>(open[z])];
      Extension e(rec, product, *product.op->then_binary);
      e.set_op("combine", 'c', rec, s);
      e.set("other", rec.inputs_of(s)[1]);
      e.outputs[0] = rec.outputs_of(s)[0];
      e.store(rec, product);
      drop[i] = 1;
      written[e.outputs[0].piece.slot] = open[z];
      open[z] = -1;
      continue;
    }
    each_read(s, [&](uint32_t slot) { untouched[slot] = 0; });
    each_write(s, [&](uint32_t slot) {
      open[slot] = -1;
      written[slot] = static_cast<int64_t>(i);
    });
    if (!s.op || !s.op->then_binary || s.writes != Writes::kOutputs) continue;
    const Piece& out = rec.outputs_of(s)[0].piece;
    if (!is_floating(out.dtype)) continue;
    open[out.slot] = static_cast<int64_t>(i);
    untouched[out.slot] = 1;
  }
  erase_steps(rec, drop);
}

}  // namespace wengert
