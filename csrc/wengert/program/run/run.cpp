// A run of a program, and how it is decided which steps use which threads.
#include <chrono>
#include <cstring>

#include "wengert/base/denormals.h"
#include "wengert/base/parallel.h"
#include "wengert/ops/basic.h"
#include "wengert/program/impl.h"

// Note [schedules]: whether a step is faster on one thread or on all, and whether independent steps
// are faster side by side or one after the other, depends on sizes, on the machine and on what else
// runs on it. The first runs of a program try each and time it; the best of a few tries is kept,
// and now and then they are tried anew, since a core that was busy then may be idle now. The
// numbers do not depend on it, so trying costs nothing but a little time; what takes long is tried
// only where it can gain.

namespace wengert {
namespace {

using Clock = std::chrono::steady_clock;
using Origin = Slot::Origin;

constexpr int kTries = 4;  // of each schedule
constexpr int kTrial = kTries * kSchedules;
constexpr int kFirstPatience = 64, kMostPatience = 8192;  // runs from one trial to the next

// What takes this long on all threads gains nothing from avoiding them; nor is it tried often.
constexpr double kLong = 200e-6;

// The first turn is a team's, so its time is known.
bool worth_trying(const Segment& s, int how) {
  const double team = s.best[static_cast<int>(Schedule::kTeam)];
  if (how == static_cast<int>(Schedule::kSerial)) return team < kLong;
  if (how == static_cast<int>(Schedule::kSideBySide))
    return s.count > 1 && (team < kLong || s.best[how] > 1e6);
  return true;
}

double seconds_since(Clock::time_point t) {
  return std::chrono::duration<double>(Clock::now() - t).count();
}

}  // namespace

// ---- before a run --------------------------------------------------------------------------

namespace {

bool same_place(const TensorImpl& t, const Piece& p) {
  return t.offset == p.offset && t.dtype == p.dtype && t.shape == p.shape() &&
         t.strides == p.strides();
}

bool gradient_fits(const Recording& rec, const GradUse& g) {
  if (count_hooks(*g.leaf) != g.hooks) return false;
  if (!g.read_first) return true;
  const TensorImpl* now = g.leaf->grad.get();
  if (g.entry.kind != Argument::Kind::kPiece) return now == nullptr;
  if (g.fixed) return now == g.fixed.get();
  return now && same_place(*now, g.entry.piece) &&
         now->storage->bytes() == rec.slots[g.entry.piece.slot].bytes;
}

}  // namespace

bool Program::Impl::ready() {
  for (const Outside& o : rec.outside)
    if (o.impl->storage.get() != o.storage || o.impl->requires_grad != o.requires_grad ||
        !same_place(*o.impl, o.piece) || count_hooks(*o.impl) != o.hooks)
      return false;
  for (const GradUse& g : rec.grads)
    if (!gradient_fits(rec, g)) return false;
  for (const Ref<Guard>& g : rec.guards)
    if (!g->holds()) return false;
  for (Node& n : nodes)
    if (n.refresh && !n.refresh->refresh(n.call->attrs)) return false;
  return true;
}

// The references to a kept storage that are known: the place's own, and that of the gradient which
// was left in a leaf.
bool Program::Impl::held_by_others(uint32_t slot) const {
  const Place& p = places[slot];
  int known = 1;
  for (uint32_t i : p.grads) {
    const Ref<TensorImpl>& g = grad_tensors[i];
    if (!g) continue;
    ++known;
    const bool in_leaf = rec.grads[i].leaf->grad.get() == g.get();
    if (g->refs() > (in_leaf ? 2 : 1)) return true;
  }
  return p.owner->refs() > known;
}

// The memory of a gradient that the run replaces, left by the function itself or by another
// program, if nobody else would see it written: the first run needs no more memory than the
// function did.
Ref<Storage> Program::Impl::adopt_gradient(uint32_t slot) {
  for (uint32_t i : place(slot).grads) {
    const GradUse& use = rec.grads[i];
    const Tensor g(use.leaf->grad);
    if (use.read_first || !g.defined() || g->refs() != 2 || g->storage->refs() != 1 ||
        !g->storage->owned() || g->entry || g->storage->bytes() != rec.slots[slot].bytes ||
        !same_place(*g.impl(), use.exit.piece))
      continue;
    grad_tensors[i] = g.ref();
    return g->storage;
  }
  return new Storage(rec.slots[slot].bytes);
}

void Program::Impl::before_run() {
  failed = kNever;
  ++runs;
  for (uint32_t slot : kept) {
    Place& p = place(slot);
    if (p.owner && !held_by_others(slot)) continue;
    for (uint32_t i : p.grads) grad_tensors[i].reset();
    p.owner = adopt_gradient(slot);
    point(slot, p.owner->data());
    for (uint32_t guest : p.guests) point(guest, p.owner->data() + place(guest).offset);
  }
  for (uint32_t slot : borrowed) {
    Place& p = place(slot);
    p.owner = rec.grads[rec.slots[slot].index].leaf->grad->storage;
    if (p.data != p.owner->data()) point(slot, p.owner->data());
  }
}

// ---- a run ---------------------------------------------------------------------------------

void Program::Impl::run_node(Node& n) {
  const auto note = [&]() -> const Step& {
    const Step& s = rec.steps[n.steps.empty() ? 0 : n.steps[0]];
    failed = std::min(failed.load(), s.number);
    return s;
  };
  try {
    do_node(n);
    n.ran = runs;
  } catch (Error& e) {
    const Step& s = note();
    if (n.call) e.set_op(s.called ? s.called->name : n.call->op().name);
    throw;
  } catch (...) {
    note();
    throw;
  }
}

void Program::Impl::do_node(Node& n) {
  if (n.chain) return n.chain->run();
  if (n.call) return n.call->op().run(*n.call);
  if (n.host) {
    const FloatModeScope callers(callers_mode);
    n.host->call();
    for (Node& other : nodes)
      check(!other.refresh || other.refresh->refresh(other.call->attrs), ErrorKind::kCapture,
            "a call within the captured function has changed an optimizer in a way that needs a "
            "new capture");
    return;
  }
  const auto [to, from] = n.reset;
  std::memcpy(place(to).data, place(from).data, rec.slots[to].bytes);
}

void Program::Impl::run_segment(Segment& s, Schedule how) {
  if (how == Schedule::kSideBySide)
    return parallel_for(s.count, 1, [&](int64_t i, int64_t) {
      run_node(nodes[s.first + static_cast<uint32_t>(i)]);
    });
  if (how == Schedule::kSerial) {
    const SerialScope serial;
    for (uint32_t i = 0; i < s.count; ++i) run_node(nodes[s.first + i]);
    return;
  }
  for (uint32_t i = 0; i < s.count; ++i) run_node(nodes[s.first + i]);
}

// One run of a trial; the last one chooses.
void Program::Impl::try_schedules() {
  if (turn == 0)
    for (Segment& s : segments) std::fill_n(s.best, kSchedules, 1e9);
  for (Segment& s : segments) {
    const int tried = turn % kSchedules;
    const int how = worth_trying(s, tried) ? tried : static_cast<int>(Schedule::kTeam);
    const auto start = Clock::now();
    run_segment(s, static_cast<Schedule>(how));
    s.best[how] = std::min(s.best[how], seconds_since(start));
  }
  if (++turn < kTrial) return;
  uses_team = false;
  for (Segment& s : segments) {
    s.schedule = static_cast<Schedule>(std::min_element(s.best, s.best + kSchedules) - s.best);
    uses_team |= s.schedule != Schedule::kSerial;
  }
}

void Program::Impl::run_nodes() {
  if (const int now = get_num_threads(); now != threads) {
    threads = now;
    turn = settled = 0;
    patience = kFirstPatience;
    uses_team = true;
  }
  if (threads == 1 || in_parallel()) {
    for (Node& n : nodes) run_node(n);
    return;
  }
  const KeepAwake awake(uses_team);
  if (turn < kTrial) return try_schedules();
  for (Segment& s : segments) run_segment(s, s.schedule);
  if (++settled < patience) return;
  turn = settled = 0;
  patience = std::min(patience * 8, kMostPatience);
}

void Program::Impl::leave_gradient(size_t i) {
  const GradUse& use = rec.grads[i];
  if (use.exit.kind != Argument::Kind::kPiece) return use.leaf->grad.reset();
  const Piece& p = use.exit.piece;
  const Origin origin = rec.slots[p.slot].origin;
  Ref<TensorImpl>& g = grad_tensors[i];
  if (origin == Origin::kConstant) {
    g = clone(Tensor(use.after)).ref();
  } else if (use.after) {
    g = use.after;
  } else if (origin == Origin::kGrad || !g) {
    g = new TensorImpl(place(p.slot).owner, p.offset, p.dtype, p.shape(), p.strides());
  }
  if (use.leaf->grad.get() != g.get()) use.leaf->grad = g;
  if (origin != Origin::kMade) g.reset();  // only what is made anew each time is looked after
}

void Program::Impl::leave_gradients() {
  for (size_t i = 0; i < rec.grads.size(); ++i)
    if (rec.grads[i].replaced) leave_gradient(i);
}

// The passes have moved steps behind others, and those that run side by side have no order. The
// error that is left is that of the first step that fails.
std::exception_ptr Program::Impl::catch_up(std::exception_ptr error) {
  for (Node& n : nodes) {
    if (n.ran == runs || n.steps.empty() || rec.steps[n.steps.back()].number >= failed) continue;
    try {
      run_node(n);
    } catch (...) {
      error = std::current_exception();
    }
  }
  return error;
}

void Program::Impl::leave_broken() {
  std::vector<uint32_t> written_at(rec.slots.size(), kNever);  // the last step that writes there
  for (const Step& s : rec.steps) {
    each_write(s, [&](uint32_t slot) {
      if (slot < written_at.size()) written_at[slot] = s.number;
    });
    if (s.zeroed_at <= failed && failed < s.number) {
      const uint32_t slot = rec.outputs_of(s)[0].piece.slot;
      if (std::byte* data = place(slot).data) std::memset(data, 0, rec.slots[slot].bytes);
    }
  }
  for (size_t i = 0; i < rec.grads.size(); ++i) {
    const GradUse& use = rec.grads[i];
    const bool made = use.exit.kind == Argument::Kind::kPiece &&
                      written_at[use.exit.piece.slot] < failed && use.replaced;
    if (made) {
      leave_gradient(i);
    } else if (use.dropped_at <= failed) {
      use.leaf->grad.reset();
    }
  }
  for (uint32_t slot : changed) ++place(slot).owner->version;
  if (!returns_borrowed) release_borrowed();
}

void Program::Impl::release_borrowed() {
  for (uint32_t slot : borrowed) place(slot).owner.reset();
}

void Program::Impl::after_run() {
  for (uint32_t slot : changed) {
    ++place(slot).owner->version;
  }
  leave_gradients();
  if (!returns_borrowed) release_borrowed();
}

void Program::Impl::run(void (Impl::*all_nodes)()) {
  const WatchPause pause;
  GradMode off(false);
  const FlushDenormals flush;
  callers_mode = flush.before();
  before_run();
  try {
    (this->*all_nodes)();
  } catch (...) {
    const std::exception_ptr error = catch_up(std::current_exception());
    leave_broken();
    std::rethrow_exception(error);
  }
  after_run();
}

}  // namespace wengert
