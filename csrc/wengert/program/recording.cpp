#include "wengert/program/recording.h"

#include <algorithm>
#include <cstring>

namespace wengert {
namespace {

uint32_t next_id() {
  static std::atomic<uint32_t> next{1};
  const uint32_t id = next.fetch_add(1, std::memory_order_relaxed);
  return id ? id : next_id();
}

}  // namespace

Recording* current_recording() { return static_cast<Recording*>(watch()); }

Recording::Recording() : Watch(next_id()) {
  slots.emplace_back();
  attributes.emplace_back();
  steps.reserve(64);
  arguments.reserve(256);
  written.reserve(256);
  slots.reserve(128);
}

Recording::~Recording() { stop(); }

void Recording::start() {
  check(!watch(), "capture: this thread is in a capture already");
  Watch::start();
  set_watch(this);
  active_ = true;
}

void Recording::stop() noexcept {
  note_failure();
  if (!active_) return;
  set_watch(nullptr);
  Watch::stop();
  active_ = false;
}

// ---- slots ---------------------------------------------------------------------------------

uint32_t Recording::slot_of(const Tensor& t) {
  Storage& s = *t->storage;
  const bool born_here = s.watch_id == id;
  if (born_here && s.watch_slot != 0) return s.watch_slot;
  s.watch_id = id;
  s.watch_slot = static_cast<uint32_t>(slots.size());
  Slot& slot = slots.emplace_back();
  slot.bytes = s.bytes();
  slot.origin = born_here ? Slot::Origin::kConstant : Slot::Origin::kOutside;
  slot.storage = &s;
  return s.watch_slot;
}

void Recording::add_input(const Tensor& t) {
  Slot& slot = slots[slot_of(t)];
  slot.origin = Slot::Origin::kInput;
  slot.storage.reset();
  slot.index = static_cast<uint32_t>(inputs.size());
  inputs.push_back({t->storage->watch_slot, t.dtype(), 0, layout(t.shape(), t.strides())});
}

void Recording::note_outside(const Tensor& t) {
  if (!seen_.insert(t.impl()).second) return;
  outside.push_back({t.ref(), t->storage.get(), t->offset, t->requires_grad});
}

Argument Recording::describe(const Operand& x) {
  Argument a;
  if (x.is_scalar()) {
    a.kind = Argument::Kind::kNumber;
    a.number = x.scalar();
  } else if (x.is_tensor()) {
    const Tensor& t = x.tensor();
    a.kind = Argument::Kind::kPiece;
    a.piece = {slot_of(t), t.dtype(), t->offset, layout(t.shape(), t.strides())};
    if (slots[a.piece.slot].origin == Slot::Origin::kOutside) note_outside(t);
  }
  return a;
}

const Layout* Recording::layout(const Dims& shape, const Dims& strides) {
  for (const Layout* l : recent_)
    if (l && l->shape == shape && l->strides == strides) return l;
  size_t hash = static_cast<size_t>(shape.size());
  for (int64_t n : shape) hash = hash * 1000003 + static_cast<size_t>(n);
  for (int64_t n : strides) hash = hash * 1000003 + static_cast<size_t>(n);
  const auto [begin, end] = layout_index_.equal_range(hash);
  const Layout* found = nullptr;
  for (auto it = begin; it != end; ++it)
    if (it->second->shape == shape && it->second->strides == strides) found = it->second;
  if (!found) {
    found = &layouts_.emplace_back(Layout{shape, strides});
    layout_index_.emplace(hash, found);
  }
  return recent_[next_recent_++ % 4] = found;
}

// ---- what the tape tells -------------------------------------------------------------------

void Recording::set_attrs(Step& s, const Attrs& a) {
  if (a.count() == 0) return;
  s.attrs = static_cast<uint32_t>(attributes.size());
  attributes.push_back(a);
}

bool Recording::writes_input(const Step& s, int i) const { return written[s.first + i] != 0; }

void Recording::before(const Call& c, Writes writes) {
  note_failure();
  if (c.op().data_dependent) value_leaves(c.op().name);
  Step s;
  s.op = &c.op();
  set_attrs(s, c.attrs);
  s.common = c.common;
  s.writes = writes;
  s.first = static_cast<uint32_t>(arguments.size());
  s.inputs = static_cast<uint16_t>(c.inputs());
  const bool mutates = writes == Writes::kInputs;
  for (int i = 0; i < c.inputs(); ++i) {
    arguments.push_back(describe(c.input(i)));
    const bool changes =
        mutates && c.input(i).is_tensor() && (c.op().writes ? c.op().writes(c, i) : i == 0);
    written.push_back(changes);
  }
  const int outputs = mutates ? 0 : writes == Writes::kSelf ? 1 : c.outputs();
  s.outputs = static_cast<uint16_t>(outputs);
  for (int i = 0; i < outputs; ++i) {
    // Memory that was made for this call, except that of an op in place.
    const bool fresh = writes == Writes::kOutputs;
    arguments.push_back(describe(c.out[i]));
    written.push_back(1);
    if (!fresh) continue;
    Slot& slot = slots[arguments.back().piece.slot];
    slot.origin = Slot::Origin::kMade;
    slot.storage.reset();
  }
  for (size_t i = s.first; i < arguments.size(); ++i) {
    if (!written[i]) continue;
    Slot& slot = slots[arguments[i].piece.slot];
    if (writes != Writes::kOutputs) slot.written = true;
    if (slot.origin != Slot::Origin::kConstant) continue;
    // A constant that the function changes begins every replay as it was made.
    const WatchPause pause;
    Ref<Storage> copy = new Storage(slot.bytes);
    std::memcpy(copy->data(), slot.storage->data(), slot.bytes);
    const uint32_t changed = arguments[i].piece.slot;
    slot.origin = Slot::Origin::kMade;
    slot.storage.reset();
    Slot& original = slots.emplace_back();
    original.origin = Slot::Origin::kConstant;
    original.bytes = copy->bytes();
    original.storage = std::move(copy);
    resets.emplace_back(changed, static_cast<uint32_t>(slots.size() - 1));
  }
  steps.push_back(std::move(s));
  running_ = true;
}

void Recording::after(const Call&, Writes) { running_ = false; }

// A replay would fail at the same place, and nobody would be there to catch it.
void Recording::note_failure() {
  if (running_ && failure.empty()) failure = text(steps.back().op->name, " failed");
  running_ = false;
}

void Recording::value_leaves(const char* how) {
  if (failure.empty()) failure = std::string(how) + " needs a value";
  if (!strict) return;
  fail(ErrorKind::kCapture, how,
       " needs a value while a function is being captured, and a replay could not repeat what "
       "follows from it. Keep values in tensors (where, masks), return the tensor, or leave this "
       "part outside the captured function");
}

void Recording::grad_used(TensorImpl& t, bool replaced) {
  const auto [at, is_new] = grad_index_.try_emplace(&t, grads.size());
  if (is_new) {
    GradUse& use = grads.emplace_back();
    use.leaf = &t;
    use.read_first = !replaced;
    if (!replaced) use.before = t.grad;
  }
  grads[at->second].replaced |= replaced;
}

void Recording::attach(Ref<Refresh> refresh) {
  if (!steps.empty()) steps.back().refresh = std::move(refresh);
}

void Recording::call_host(Ref<HostCall> host) {
  Step s;
  s.first = static_cast<uint32_t>(arguments.size());
  s.host = std::move(host);
  steps.push_back(std::move(s));
}

// ---- the end -------------------------------------------------------------------------------

void Recording::leave_grads(std::vector<char>& kept) {
  for (size_t i = 0; i < grads.size(); ++i) {
    GradUse& use = grads[i];
    if (use.before) {
      use.entry = describe(Tensor(use.before));
      Slot& slot = slots[use.entry.piece.slot];
      if (slot.origin == Slot::Origin::kOutside) {
        slot.origin = Slot::Origin::kGrad;
        slot.index = static_cast<uint32_t>(i);
        slot.storage.reset();
      }
      use.before.reset();
    }
    if (!use.replaced || !use.leaf->grad) continue;
    use.exit = describe(Tensor(use.leaf->grad));
    const uint32_t slot = use.exit.piece.slot;
    if (slots[slot].origin == Slot::Origin::kMade) {
      if (slot < kept.size()) kept[slot] = 1;
    } else {
      use.after = use.leaf->grad;
    }
  }
}

void Recording::finish(const std::vector<Tensor>& tensors) {
  std::vector<char> kept(slots.size());
  for (const Tensor& t : tensors) {
    Argument a = t.defined() ? describe(t) : Argument();
    if (a.kind == Argument::Kind::kPiece && a.piece.slot < kept.size()) kept[a.piece.slot] = 1;
    results.push_back(std::move(a));
  }
  // Leaves that only lived inside the function are of no interest; their memory is seen to go.
  start();
  std::erase_if(grads, [](const GradUse& u) { return u.leaf->refs() == 1; });
  stop();
  leave_grads(kept);
  std::erase_if(outside, [&](const Outside& o) {
    return slots[o.impl->storage->watch_slot].origin == Slot::Origin::kGrad;
  });
  for (size_t i = 1; i < kept.size(); ++i)
    left_behind |= slots[i].origin == Slot::Origin::kMade && !slots[i].gone && !kept[i];
  seen_.clear();
  grad_index_.clear();
}

}  // namespace wengert
