// Plan: where each slot gets its memory from, and the calls that run on it.
#include "wengert/program/impl.h"

namespace wengert {
namespace {
void keep_memory(void*) {}
}  // namespace

void Program::Impl::choose_places() {
  using Origin = Slot::Origin;
  for (uint32_t slot = 1; slot < rec.slots.size(); ++slot) {
    Place& p = place(slot);
    const Slot& s = rec.slots[slot];
    if (s.written && (s.origin == Origin::kOutside || s.origin == Origin::kGrad))
      changed.push_back(slot);
    switch (s.origin) {
      case Origin::kOutside:
      case Origin::kConstant:
        p.kind = Place::Kind::kFixed;
        p.owner = s.storage;
        break;
      case Origin::kInput:
        p.kind = Place::Kind::kFixed;
        p.owner = new Storage(s.bytes);
        break;
      case Origin::kGrad:
        p.kind = Place::Kind::kBorrowed;
        borrowed.push_back(slot);
        break;
      case Origin::kMade:
        p.kind = is_kept(slot) ? Place::Kind::kKept : Place::Kind::kArena;
        if (is_kept(slot)) kept.push_back(slot);
        break;
    }
  }
}

void Program::Impl::point(uint32_t slot, std::byte* data) {
  Place& p = place(slot);
  if (!p.alias) {
    p.alias = new Storage(data, rec.slots[slot].bytes, nullptr, keep_memory, true);
  } else {
    p.alias->point_to(data);
  }
  p.data = data;
  for (const auto& [pointer, offset] : p.pointers) *pointer = data ? data + offset : nullptr;
}

Tensor Program::Impl::tensor_at(const Piece& p) {
  if (!place(p.slot).alias) point(p.slot, nullptr);
  return Tensor(new TensorImpl(place(p.slot).alias, p.offset, p.dtype, p.shape(), p.strides()));
}

std::unique_ptr<Call> Program::Impl::make_call(const Step& s) {
  auto call = std::make_unique<Call>(*s.op, rec.attrs_of(s));
  call->common = s.common;
  for (int i = 0; i < s.inputs; ++i) {
    const Argument& a = rec.inputs_of(s)[i];
    call->add_input(a.kind == Argument::Kind::kPiece    ? Operand(tensor_at(a.piece))
                    : a.kind == Argument::Kind::kNumber ? Operand(a.number)
                                                        : Operand());
  }
  for (int i = 0; i < s.outputs; ++i) {
    const Piece& p = rec.outputs_of(s)[i].piece;
    call->output(p.dtype, p.shape());
  }
  call->make_room();
  for (int i = 0; i < s.outputs; ++i) call->out[i] = tensor_at(rec.outputs_of(s)[i].piece);
  return call;
}

void Program::Impl::bind() {
  for (uint32_t slot = 1; slot < rec.slots.size(); ++slot) {
    Place& p = place(slot);
    if (p.kind == Place::Kind::kArena) point(slot, arena->data() + p.offset);
    if (p.kind == Place::Kind::kFixed) point(slot, p.owner->data());
  }
  for (Node& n : nodes) {
    if (n.chain || n.host || n.reset.first) continue;
    n.call = make_call(rec.steps[n.steps[0]]);
  }
  // What an op makes of its call at its first run, such as the list of an optimizer's tensors, may
  // not depend on memory that moves; ops look at their tensors anew at every run.
  grad_tensors.resize(rec.grads.size());
}

}  // namespace wengert
