#include "wengert/program/record/recording.h"

#include <algorithm>
#include <cstring>

#include "wengert/kernels/core/copy.h"
#include "wengert/ops/basic.h"

namespace wengert {
namespace {

uint32_t next_id() {
  static std::atomic<uint32_t> next{1};
  const uint32_t id = next.fetch_add(1, std::memory_order_relaxed);
  return id ? id : next_id();
}

}  // namespace

size_t count_hooks(const TensorImpl& t) {
  return t.extras ? static_cast<const Hooks*>(t.extras.get())->items.size() : 0;
}

Recording* current_recording() { return static_cast<Recording*>(watch()); }

Recording::Recording() : Watch(next_id()) {
  slots.emplace_back();
  attributes.emplace_back();
  steps.reserve(64);
  arguments.reserve(256);
  written.reserve(256);
  slots.reserve(128);
  attributes.reserve(16);
  grads.reserve(32);
  outside.reserve(32);
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

// What was there before is not marked with its slot: other threads may be recording its use too.
uint32_t Recording::slot_of(const Tensor& t) {
  Storage& s = *t->storage->root();
  const bool born_here = s.watch_id == id;
  uint32_t& number = born_here ? s.watch_slot : outside_slots_[&s];
  if (number != 0) return number;
  number = static_cast<uint32_t>(slots.size());
  Slot& slot = slots.emplace_back();
  slot.bytes = s.bytes();
  slot.origin = born_here ? Slot::Origin::kConstant : Slot::Origin::kOutside;
  slot.storage = &s;
  return number;
}

Tensor Recording::add_input(const Tensor& argument) {
  given_.push_back(argument->storage->root());
  // Strides and all, as the course of the function may depend on them.
  int64_t length = argument.numel() ? 1 : 0;
  for (int d = 0; d < argument.ndim() && length; ++d)
    length += (argument.shape()[d] - 1) * argument.strides()[d];
  Ref<Storage> storage = new Storage(static_cast<size_t>(length * item_size(argument.dtype())));
  const Tensor t(
      new TensorImpl(storage, 0, argument.dtype(), argument.shape(), argument.strides()));
  copy_strided(t.data(), t.strides(), argument.data(), t.strides(), t.shape(),
               item_size(t.dtype()));
  const uint32_t number = slot_of(t);
  slots[number].origin = Slot::Origin::kInput;
  slots[number].index = static_cast<uint32_t>(inputs.size());
  inputs.push_back({number, t.dtype(), 0, layout(t.shape(), t.strides())});
  return t;
}

void Recording::note_outside(const Tensor& t, const Piece& piece) {
  uint32_t& number = outside_index_[t.impl()];
  if (number != 0) return;
  number = static_cast<uint32_t>(outside.size() + 1);
  outside.push_back({t.ref(), t->storage.get(), piece, t->requires_grad, count_hooks(*t.impl())});
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
    if (slots[a.piece.slot].origin == Slot::Origin::kOutside) note_outside(t, a.piece);
  }
  return a;
}

const Layout* Recording::layout(const Dims& shape, const Dims& strides) {
  uint64_t hash = static_cast<uint64_t>(shape.size());
  for (int64_t n : shape) hash = hash * 1000003 + static_cast<uint64_t>(n);
  for (int64_t n : strides) hash = hash * 1000003 + static_cast<uint64_t>(n);
  for (;; ++hash) {  // past layouts of the same hash
    uint32_t& number = layout_index_[hash];
    if (number == 0) {
      layouts_.push_back({shape, strides});
      number = static_cast<uint32_t>(layouts_.size());
    }
    const Layout& l = layouts_[number - 1];
    if (l.shape == shape && l.strides == strides) return &l;
  }
}

// ---- what the tape tells -------------------------------------------------------------------

void Recording::set_attrs(Step& s, const Attrs& a) {
  if (a.count() == 0) return;
  s.attrs = static_cast<uint32_t>(attributes.size());
  attributes.push_back(a);
}

void Recording::before(const Call& c, Writes writes) {
  note_failure();
  if (c.op().data_dependent) value_leaves(c.op().name);
  Step s;
  s.op = &c.op();
  s.called = composite_running();
  s.number = static_cast<uint32_t>(steps.size());
  set_attrs(s, c.attrs);
  s.common = c.common;
  s.writes = writes;
  s.first = static_cast<uint32_t>(arguments.size());
  s.inputs = c.inputs();
  const bool mutates = writes == Writes::kInputs;
  for (int i = 0; i < c.inputs(); ++i) {
    arguments.push_back(describe(c.input(i)));
    written.push_back(mutates && c.writes(i));
  }
  const int outputs = writes == Writes::kSelf ? 1 : c.outputs();
  s.outputs = outputs;
  for (int i = 0; i < outputs; ++i) {
    // Memory that was made for this call, except that of an op in place.
    const bool fresh = writes != Writes::kSelf;
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
    if (writes == Writes::kSelf || i < s.first + static_cast<size_t>(s.inputs)) slot.written = true;
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
  if (running_ && failure.empty())
    failure = text(steps.back().op->name, " failed, and the error was caught");
  running_ = false;
}

void Recording::value_leaves(const char* how) {
  if (failure.empty())
    failure = text(how, " needs a value", strict ? ", and the error was caught" : "");
  if (!strict) return;
  fail(ErrorKind::kCapture, how,
       " needs a value while a function is being captured, and a replay could not repeat what "
       "follows from it. Keep values in tensors (where, masks), return the tensor, or leave this "
       "part outside the captured function");
}

void Recording::grad_used(TensorImpl& t, GradAccess how) {
  const bool replaced = how != GradAccess::kRead;
  uint32_t& number = grad_index_[&t];
  if (number == 0) {
    GradUse& use = grads.emplace_back();
    number = static_cast<uint32_t>(grads.size());
    use.leaf = &t;
    use.read_first = !replaced;
    if (!replaced) use.before = t.grad;
    if (how == GradAccess::kDropped) use.dropped_at = static_cast<uint32_t>(steps.size());
  }
  grads[number - 1].replaced |= replaced;
}

void Recording::attach(Ref<Refresh> refresh) { steps.back().refresh = std::move(refresh); }

void Recording::call_host(Ref<HostCall> host) {
  Step s;
  s.number = static_cast<uint32_t>(steps.size());
  s.first = static_cast<uint32_t>(arguments.size());
  s.host = std::move(host);
  steps.push_back(std::move(s));
}

// ---- the end -------------------------------------------------------------------------------

// Whether the memory of the gradient that a leaf had before has other users than that leaf.
bool Recording::reached_otherwise(const GradUse& use) const {
  const Piece& p = use.entry.piece;
  if (p.offset != 0 || !p.contiguous() ||
      static_cast<size_t>(p.count() * item_size(p.dtype)) != slots[p.slot].bytes)
    return true;
  for (const GradUse& other : grads)
    if (&other != &use && other.before && other.entry.piece.slot == p.slot) return true;
  int known = 2;  // the leaf and we
  for (const Outside& o : outside) {
    if (o.impl == use.before) ++known;
    // Only we hold what the function made for itself.
    if (o.piece.slot == p.slot && o.impl != use.before && o.impl->refs() > 1) return true;
  }
  return use.before->refs() > known;
}

void Recording::enter_grads() {
  for (GradUse& use : grads) {
    use.hooks = count_hooks(*use.leaf);
    if (use.before) use.entry = describe(Tensor(use.before));
  }
  std::vector<char> borrowed(grads.size());
  for (size_t i = 0; i < grads.size(); ++i)
    borrowed[i] = grads[i].before &&
                  slots[grads[i].entry.piece.slot].origin == Slot::Origin::kOutside &&
                  !reached_otherwise(grads[i]);
  for (size_t i = 0; i < grads.size(); ++i) {
    GradUse& use = grads[i];
    if (borrowed[i]) {
      Slot& slot = slots[use.entry.piece.slot];
      slot.origin = Slot::Origin::kGrad;
      slot.index = static_cast<uint32_t>(i);
      slot.storage.reset();
    } else {
      use.fixed = use.before;
    }
    use.before.reset();
  }
}

void Recording::leave_grads(std::vector<char>& kept) {
  for (GradUse& use : grads) {
    if (!use.replaced || !use.leaf->grad) continue;
    use.exit = describe(Tensor(use.leaf->grad));
    const uint32_t slot = use.exit.piece.slot;
    switch (slots[slot].origin) {
      case Slot::Origin::kMade:
        if (slot < kept.size()) kept[slot] = 1;
        break;
      case Slot::Origin::kInput:
        if (failure.empty()) failure = "an argument has become a gradient; use a copy of it";
        break;
      case Slot::Origin::kGrad:
        break;
      case Slot::Origin::kOutside:
      case Slot::Origin::kConstant:
        if (slot < kept.size()) kept[slot] = 1;
        use.after = use.leaf->grad;
        break;
    }
  }
}

// The function has worked on copies: that is no different only if nothing that it changes lies in
// the same memory as an argument.
void Recording::check_arguments() {
  const auto changed = [&](size_t i) { return slots[inputs[i].slot].written; };
  for (size_t i = 0; i < given_.size(); ++i) {
    const Storage& s = *given_[i];
    const uint32_t seen = outside_slots_[&s];
    bool bad = seen != 0 && (changed(i) || slots[seen].written);
    for (size_t k = 0; k < i; ++k) bad |= given_[k].get() == &s && (changed(i) || changed(k));
    if (bad && failure.empty())
      failure = text("argument ", static_cast<uint64_t>(i),
                     " shares memory with another tensor that the function uses, and the function "
                     "changes it; pass a clone()");
  }
  given_.clear();
}

// Memory that is somebody else's may be reached through two storages, whose order of use steps
// would not know.
void Recording::check_memory() {
  check_arguments();
  std::vector<std::pair<const std::byte*, uint32_t>> starts;
  for (uint32_t i = 1; i < slots.size(); ++i)
    if (slots[i].origin == Slot::Origin::kOutside && slots[i].bytes > 0)
      starts.emplace_back(slots[i].storage->data(), i);
  std::sort(starts.begin(), starts.end());
  for (size_t i = 1; i < starts.size(); ++i) {
    const Slot &a = slots[starts[i - 1].second], &b = slots[starts[i].second];
    if (starts[i - 1].first + a.bytes > starts[i].first && (a.written || b.written) &&
        failure.empty())
      failure = "two tensors on the same memory of somebody else's (NumPy's), one of which changes";
  }
}

// Whether the memory of a slot that leaves as a result or a gradient is held by others too.
bool Recording::held_beside(uint32_t slot, const std::vector<Tensor>& tensors) const {
  const Storage* storage = nullptr;
  List<const TensorImpl*> known;
  const auto count = [&](const TensorImpl* t) {
    if (!t) return;
    const Storage* s = t->storage->root();
    if (s->watch_id != id || s->watch_slot != slot) return;
    storage = s;
    if (std::find(known.begin(), known.end(), t) == known.end()) known.push_back(t);
  };
  for (const Tensor& t : tensors) count(t.impl());
  for (const GradUse& use : grads) count(use.leaf->grad.get());
  return storage && static_cast<size_t>(storage->refs()) > known.size();
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
  enter_grads();
  leave_grads(kept);
  check_memory();
  std::erase_if(
      outside, [&](const Outside& o) { return slots[o.piece.slot].origin == Slot::Origin::kGrad; });
  for (size_t i = 1; i < kept.size(); ++i) {
    const Slot& s = slots[i];
    if (kept[i]) {
      if (s.origin == Slot::Origin::kMade)
        left_behind |= held_beside(static_cast<uint32_t>(i), tensors);
      continue;
    }
    const bool ours =
        s.origin == Slot::Origin::kConstant || s.origin == Slot::Origin::kInput;  // held here
    left_behind |= ours ? s.storage->refs() > 1 : s.origin == Slot::Origin::kMade && !s.gone;
  }
  for (const Piece& p : inputs) slots[p.slot].storage.reset();  // a program has its own
  for (KeyTable* t : {&grad_index_, &outside_index_, &outside_slots_}) t->clear();
}

}  // namespace wengert
