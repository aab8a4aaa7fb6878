// The inside of a Program: what the passes make of a recording, and what runs.
#pragma once

#include <atomic>
#include <exception>

#include "wengert/base/denormals.h"
#include "wengert/program/program.h"
#include "wengert/program/run/chain.h"

namespace wengert {

// What runs at once: an op, a chain, a call out, or the copy that sets a constant back.
struct Node {
  std::vector<uint32_t> steps;  // of the recording
  std::vector<uint32_t> reads, writes;
  std::unique_ptr<Call> call;
  std::unique_ptr<Chain> chain;
  Ref<Refresh> refresh;
  Ref<HostCall> host;
  std::pair<uint32_t, uint32_t> reset{0, 0};
  double seconds = 0;
  uint64_t ran = 0;  // the last run in which it was finished
};

// How a segment runs; which is fastest is measured in the first runs. See Note [schedules].
enum class Schedule : uint8_t { kTeam, kSerial, kSideBySide };
inline constexpr int kSchedules = 3;

// Neighbouring nodes; more than one only if they are independent of each other.
struct Segment {
  uint32_t first, count;
  Schedule schedule = Schedule::kTeam;
  double best[kSchedules] = {1e9, 1e9, 1e9};
};

// How slots that cannot be told from the recording alone get their memory.
struct Place {
  enum class Kind : uint8_t {
    kNone,      // no step uses it, or only inside of a chain
    kArena,     // at `offset` of the shared block
    kFixed,     // of `owner`: constants, arguments, outside memory
    kKept,      // of `owner`, which is replaced when somebody else holds it
    kLent,      // at `offset` of a kept one's, which is not needed at that time
    kBorrowed,  // of the gradient that a leaf has when the program begins
  } kind = Kind::kNone;
  int64_t offset = 0;
  Ref<Storage> owner;
  Ref<Storage> alias;  // what the steps' tensors are on
  std::byte* data = nullptr;
  std::vector<std::pair<std::byte**, int64_t>> pointers;  // in chains: to set when it moves
  std::vector<uint32_t> grads;   // of a kept one: which uses of a gradient it is left in
  std::vector<uint32_t> guests;  // of a kept one: to whom it is lent
};

struct Program::Impl {
  explicit Impl(Recording& r) : rec(r) {}
  Recording& rec;

  std::vector<Node> nodes;
  std::vector<Segment> segments;
  std::vector<Place> places;
  std::vector<Ref<TensorImpl>> grad_tensors;  // what becomes of each replaced gradient
  std::vector<uint32_t> kept;                 // slots of Place::kKept
  std::vector<uint32_t> borrowed;             // slots of Place::kBorrowed
  std::vector<uint32_t> changed;              // slots from outside that are written to
  bool uses_team = true;
  bool returns_borrowed = false;
  Ref<Storage> arena;
  size_t arena_bytes = 0;
  int threads = 0;
  uint64_t runs = 0;
  std::atomic<uint32_t> failed{kNever};     // the number of the step that has
  FloatMode callers_mode = 0;               // see Note [denormals]
  int turn = 0, settled = 0, patience = 0;  // of the trials; see Note [schedules]

  // In this order: the passes, each in its file of passes/; then the plan, in plan/.
  void find_kept();
  void remove_dead();
  void write_first_gradients();
  void fold_constants();
  void fuse_next();
  void fuse_backward_activations();
  void fuse_activations();
  void make_nodes();
  void make_segments();
  void choose_places();
  void plan_memory();
  void bind();

  // ---- what the passes know of the steps
  // Calls f(slot) for what a step reads and writes; two more slots stand for the generators and
  // for the world outside.
  template <class F>
  void each_read(const Step& s, const F& f) const;
  template <class F>
  void each_write(const Step& s, const F& f) const;
  std::vector<int> count_uses() const;  // of each slot, in arguments and outputs
  uint32_t random_slot() const { return static_cast<uint32_t>(rec.slots.size()); }
  uint32_t host_slot() const { return random_slot() + 1; }
  size_t slot_count() const { return rec.slots.size() + 2; }
  bool is_kept(uint32_t slot) const { return slot < keep_flags.size() && keep_flags[slot]; }
  std::vector<char> keep_flags;  // results and gradients that are left behind

  int free_from(uint32_t slot) const;
  std::pair<uint32_t, uint32_t> written_over(const Segment& s) const;

  std::unique_ptr<Call> make_call(const Step& s);
  Tensor tensor_at(const Piece& p);
  Place& place(uint32_t slot) { return places[slot]; }
  void point(uint32_t slot, std::byte* data);

  // ---- running
  bool ready();
  void run(void (Impl::*all_nodes)() = &Impl::run_nodes);
  void run_nodes();
  void time_nodes();  // one after the other
  void try_schedules();
  void run_segment(Segment& s, Schedule how);
  void run_node(Node& n);
  void do_node(Node& n);
  // After a step has failed: runs what should have run before it; the error to be thrown.
  std::exception_ptr catch_up(std::exception_ptr error);
  void leave_broken();  // after a step has failed: as the function would have left it
  Ref<Storage> adopt_gradient(uint32_t slot);
  void before_run();  // gives kept and borrowed slots their memory
  void after_run();
  void release_borrowed();
  void leave_gradients();
  void leave_gradient(size_t use);
  bool held_by_others(uint32_t slot) const;
};

template <class F>
void Program::Impl::each_read(const Step& s, const F& f) const {
  if (s.host) return f(host_slot()), f(random_slot());
  if (s.refresh) f(host_slot());
  if (s.op->draws) f(random_slot());
  if (s.writes == Writes::kSelf || !s.op->shape_only || s.writes == Writes::kInputs)
    for (int i = 0; i < s.inputs; ++i) {
      const Argument& a = rec.inputs_of(s)[i];
      if (a.kind == Argument::Kind::kPiece) f(a.piece.slot);
    }
}

template <class F>
void Program::Impl::each_write(const Step& s, const F& f) const {
  if (s.host) return f(host_slot()), f(random_slot());
  if (s.op->draws) f(random_slot());
  for (int i = 0; i < s.inputs + s.outputs; ++i)
    if (rec.written[s.first + i]) f(rec.arguments[s.first + i].piece.slot);
}

}  // namespace wengert
