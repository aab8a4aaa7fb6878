// Recording: the steps of a function as it runs, and what they touch.
//
// While one is active on a thread, every op that runs appends a step. Memory is known by number
// (slot); a step names pieces of slots, so that a program can run the same steps on memory of its
// own. What was there before the function ran stays what it is: parameters, data, optimizer state.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "wengert/program/record/key_table.h"
#include "wengert/tape/tape.h"

namespace wengert {

// What a step reads anew at every replay: hyper-parameters among its attributes. False if the
// program no longer fits, for example because a momentum was switched on.
struct Refresh : RefCounted {
  virtual bool refresh(Attrs& attrs) = 0;
};
// The number of no step.
inline constexpr uint32_t kNever = UINT32_MAX;

// A call out of the program: a learning-rate schedule.
struct HostCall : RefCounted {
  virtual void call() = 0;
};
// Something outside that the program took for granted. Asked before every replay.
struct Guard : RefCounted {
  virtual bool holds() = 0;
};

// Shape and strides, of which a recording has few that differ: steps share them.
struct Layout {
  Dims shape, strides;
};

// A tensor as steps know it.
struct Piece {
  uint32_t slot;
  Dtype dtype;
  int64_t offset;  // in elements
  const Layout* layout;
  const Dims& shape() const { return layout->shape; }
  const Dims& strides() const { return layout->strides; }
  int64_t count() const { return numel(shape()); }
  int64_t first_byte() const { return offset * item_size(dtype); }
  bool contiguous() const { return is_contiguous(shape(), strides()); }
};

struct Argument {
  enum class Kind : uint8_t { kNone, kNumber, kPiece } kind = Kind::kNone;
  Scalar number;
  Piece piece;
};

struct Step {
  const Op* op = nullptr;  // null for a call out of the program
  Dtype common = Dtype::kFloat32;
  Writes writes = Writes::kOutputs;
  uint32_t first = 0;  // of its arguments, then its outputs, in Recording::arguments
  int32_t inputs = 0, outputs = 0;
  uint32_t attrs = 0;           // in Recording::attributes
  uint32_t number = 0;          // in the order of the function, which no pass changes
  uint32_t zeroed_at = kNever;  // in place of zero_() at this number, it writes where it added
  const Op* called = nullptr;   // what was called, if that is made of others
  Ref<Refresh> refresh;
  Ref<HostCall> host;
};

struct Slot {
  enum class Origin : uint8_t {
    kOutside,   // was there before
    kConstant,  // made by the function, but by no op: the same at every replay
    kMade,      // an op's output
    kInput,     // an argument of the function
    kGrad,      // the .grad that a leaf had before
  };
  Origin origin = Origin::kMade;
  size_t bytes = 0;
  Ref<Storage> storage;  // of kOutside and kConstant
  uint32_t index = 0;    // of the input, or of the gradient's use
  bool written = false;  // in place, by an op
  bool gone = false;     // given back while the function ran
};

// What became of the .grad of a tensor.
//
// A gradient that was there before is borrowed: whatever gradient the leaf has when the program
// runs takes its place. One whose memory is also reached in another way (a slice of a larger
// tensor, a tensor with a name of its own) cannot be, and must be the very same tensor again.
struct GradUse {
  Ref<TensorImpl> leaf;
  bool read_first = false;  // so that what it was matters
  bool replaced = false;
  uint32_t dropped_at = kNever;  // the step before which it was set to none, unread
  // While recording; then only how it looked is kept, as holding it would make it look used.
  Ref<TensorImpl> before;
  Argument entry;         // kNone: there was none
  Argument exit;          // of a gradient made here
  Ref<TensorImpl> after;  // of one that was not
  Ref<TensorImpl> fixed;
  size_t hooks = 0;  // of the leaf
};

// An outside tensor that steps used, and what it was then.
struct Outside {
  Ref<TensorImpl> impl;
  const Storage* storage;
  Piece piece;
  bool requires_grad;
  size_t hooks;
};
// How many functions the tensor asks to have called with its gradient.
size_t count_hooks(const TensorImpl& t);

class Recording final : public Watch {
 public:
  Recording();
  ~Recording() override;

  // The function's next argument, before it runs: a copy to call it with, in memory of its own.
  Tensor add_input(const Tensor& t);
  // While recording: what the op that just ran, an optimizer's step, reads at every replay; a call
  // out; a condition.
  void attach(Ref<Refresh> refresh);
  void call_host(Ref<HostCall> host);
  void guard(Ref<Guard> guard) { guards.push_back(std::move(guard)); }

  void start();
  void stop() noexcept;
  // After stop(), and after the function's own handles are gone: the results, and how things are
  // left. The tensors in `results` may be undefined.
  void finish(const std::vector<Tensor>& results);

  void before(const Call& c, Writes writes) override;
  void after(const Call& c, Writes writes) override;
  void value_leaves(const char* how) override;
  void grad_used(TensorImpl& t, GradAccess how) override;
  void storage_gone(uint32_t slot) override { slots[slot].gone = true; }

  const Attrs& attrs_of(const Step& s) const { return attributes[s.attrs]; }
  void set_attrs(Step& s, const Attrs& a);
  const Argument* inputs_of(const Step& s) const { return &arguments[s.first]; }
  const Argument* outputs_of(const Step& s) const { return &arguments[s.first + s.inputs]; }

  // The one layout of this shape and these strides.
  const Layout* layout(const Dims& shape, const Dims& strides);

  List<Step> steps;
  List<Attrs> attributes;  // the first is empty: most steps have none
  List<Argument> arguments;
  List<char> written;                                 // beside arguments
  List<Slot> slots;                                   // slot 0 is none
  std::vector<std::pair<uint32_t, uint32_t>> resets;  // (slot, constant): copied at the start
  List<GradUse> grads;
  List<Outside> outside;
  std::vector<Ref<Guard>> guards;
  std::vector<Argument> results;  // kNone: undefined
  std::vector<Piece> inputs;
  // Why there can be no program, when `strict` is off and the function just runs on.
  std::string failure;
  bool strict = true;
  // Something made here has outlived the call beside results and gradients: most likely state that
  // the function makes when it runs for the first time.
  bool left_behind = false;

 private:
  uint32_t slot_of(const Tensor& t);
  Argument describe(const Operand& x);
  void note_failure();
  void enter_grads();
  void leave_grads(std::vector<char>& kept);
  bool reached_otherwise(const GradUse& use) const;
  bool held_beside(uint32_t slot, const std::vector<Tensor>& tensors) const;
  void check_memory();
  void check_arguments();
  void note_outside(const Tensor& t, const Piece& piece);

  std::vector<Ref<Storage>> given_;  // where the arguments themselves lie
  std::deque<Layout> layouts_;
  KeyTable layout_index_, grad_index_, outside_index_;
  KeyTable outside_slots_;  // by storage
  bool active_ = false;
  bool running_ = false;  // an op: still so at the next one if it has failed
};

// The recording that this thread is in, or null.
Recording* current_recording();

// A line for every step, with all numbers to the bit, and for every constant: equal for two calls
// that did the same.
std::vector<std::string> lines_of(const Recording& r);

}  // namespace wengert
