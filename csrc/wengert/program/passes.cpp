// The passes over single steps. Each may only drop a step, compute it now, or let it do more.
#include <algorithm>
#include <cstring>

#include "wengert/kernels/core/pointwise_rows.h"
#include "wengert/ops/basic.h"
#include "wengert/ops/pointwise/rows.h"
#include "wengert/ops/registry.h"
#include "wengert/program/impl.h"

namespace wengert {

using Origin = Slot::Origin;
using Kind = Argument::Kind;

namespace {
void erase_steps(Recording& rec, const std::vector<char>& drop) {
  size_t at = 0;
  std::erase_if(rec.steps, [&](const Step&) { return drop[at++] != 0; });
}
}  // namespace

void Program::Impl::find_kept() {
  keep_flags.assign(rec.slots.size(), 0);
  const auto keep = [&](uint32_t slot) {
    if (rec.slots[slot].origin == Origin::kMade) keep_flags[slot] = 1;
  };
  for (const Argument& a : rec.results) {
    if (a.kind != Kind::kPiece) continue;
    keep(a.piece.slot);
    returns_borrowed |= rec.slots[a.piece.slot].origin == Origin::kGrad;
  }
  for (uint32_t i = 0; i < rec.grads.size(); ++i) {
    const GradUse& g = rec.grads[i];
    if (g.exit.kind != Kind::kPiece || rec.slots[g.exit.piece.slot].origin != Origin::kMade)
      continue;
    keep(g.exit.piece.slot);
    place(g.exit.piece.slot).grads.push_back(i);
  }
}

std::vector<int> Program::Impl::count_uses() const {
  std::vector<int> uses(slot_count());
  for (const Step& s : rec.steps)
    for (int i = 0; i < s.inputs + s.outputs; ++i) {
      const Argument& a = rec.arguments[s.first + i];
      if (a.kind == Kind::kPiece) ++uses[a.piece.slot];
    }
  return uses;
}

// Backwards: a step is needed if something needed reads what it writes, if what it writes can be
// seen from outside, or if it takes random numbers, which the next taker would else get.
void Program::Impl::remove_dead() {
  std::vector<char> live(slot_count());
  for (size_t i = 1; i < rec.slots.size(); ++i)
    live[i] = rec.slots[i].origin != Origin::kMade || is_kept(static_cast<uint32_t>(i));
  List<Step> kept;
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
          other.piece.shape() == out.shape() && out.contiguous() &&
          other.piece.dtype == out.dtype &&
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
  erase_steps(rec, drop);
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

namespace {

// y = f(z) of every element of z, in z's dtype.
bool is_activation(const Recording& rec, const Step& s) {
  if (!s.op || !s.op->pointwise || s.op->pointwise->arity != 1 || s.inputs != 1) return false;
  const Argument& z = rec.inputs_of(s)[0];
  const Piece& y = rec.outputs_of(s)[0].piece;
  return z.kind == Kind::kPiece && y.dtype == z.piece.dtype && s.common == y.dtype &&
         rec.attrs_of(s).count() <= 4 && y.shape() == z.piece.shape() && y.contiguous() &&
         z.piece.contiguous();
}

// y = f(z, another) of every element of z, all of z's dtype and shape.
bool is_pair(const Recording& rec, const Step& s) {
  if (!s.op || !s.op->pointwise || s.op->pointwise->arity != 2 || s.inputs != 2) return false;
  const Argument *z = rec.inputs_of(s), *other = z + 1;
  const Piece& y = rec.outputs_of(s)[0].piece;
  if (z->kind != Kind::kPiece || other->kind != Kind::kPiece) return false;
  const auto alike = [&](const Piece& p) {
    return p.dtype == y.dtype && p.shape() == y.shape() && p.contiguous();
  };
  return s.writes == Writes::kOutputs && !s.refresh && s.common == y.dtype && alike(z->piece) &&
         alike(other->piece) && y.contiguous() && rec.attrs_of(s).count() <= 4;
}

// Whether a step's first input is the whole output of an earlier one, of which it knows the slot:
// a row of it may be contiguous as well.
bool reads_all(const Recording& rec, const Step& s, const Step& product) {
  const Piece &z = rec.inputs_of(s)[0].piece, &made = rec.outputs_of(product)[0].piece;
  return z.offset == made.offset && z.dtype == made.dtype && z.shape() == made.shape();
}

Attrs activation_attributes(const Recording& rec, const Step& activation) {
  const Attrs& own = rec.attrs_of(activation);
  Attrs a;
  a.add(static_cast<int64_t>(reinterpret_cast<intptr_t>(activation.op)));
  for (int i = 0; i < 4; ++i) {
    const bool given = i < own.count() && own.has(i);
    a.add(given ? own.real(i) : 0.0);
  }
  return a;
}

}  // namespace

// linear, and later f of its output alone: f is applied to each tile while it is in cache. The sum
// before it is only stored if something else reads it.
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
      linear.op = &linear_activation_op;
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
    if (s.op != &linear_op || s.writes != Writes::kOutputs) continue;
    const uint32_t slot = rec.outputs_of(s)[0].piece.slot;
    open[slot] = static_cast<int64_t>(i);
    untouched[slot] = 1;
  }
  erase_steps(rec, drop);
}

// The same backwards: mm, and later f of its output, which nothing else reads, and of a tensor that
// has been there since before the product.
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
      mm.op = &mm_pointwise_op;
      rec.set_attrs(mm, activation_attributes(rec, s));
      drop[i] = 1;
      continue;
    }
    each_write(s, [&](uint32_t slot) {
      open[slot] = -1;
      written[slot] = static_cast<int64_t>(i);
    });
    if (s.op != &mm_op || s.writes != Writes::kOutputs) continue;
    const Piece& out = rec.outputs_of(s)[0].piece;
    if (is_floating(out.dtype)) open[out.slot] = static_cast<int64_t>(i);
  }
  erase_steps(rec, drop);
}

}  // namespace wengert
