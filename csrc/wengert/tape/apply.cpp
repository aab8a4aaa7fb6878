// Running an op and recording it: the one place that every operation passes.
#include <algorithm>
#include <atomic>

#include "wengert/base/denormals.h"
#include "wengert/base/long_work.h"
#include "wengert/tape/anomaly.h"
#include "wengert/tape/autocast.h"
#include "wengert/tape/checkpoint.h"
#include "wengert/tape/history.h"
#include "wengert/tape/narrow.h"
#include "wengert/tape/observe.h"
#include "wengert/tape/parameters.h"
#include "wengert/tape/profile.h"
#include "wengert/tape/saved.h"
#include "wengert/tape/tape.h"

namespace wengert {
namespace {

thread_local bool grad_enabled_ = true;
thread_local bool inference_ = false;
std::atomic<uint64_t> next_number{1};

}  // namespace

uint64_t newest_entry() { return next_number.load(std::memory_order_relaxed) - 1; }

namespace {

// Hooks are user code, which may give a tensor other memory or another shape than the op is about
// to read or write.
class Unmoved {
 public:
  Unmoved(const Call& c, std::span<const Tensor> outputs) {
    for (int i = 0; i < c.inputs(); ++i)
      if (c.input(i).is_tensor()) add(c.in(i));
    for (const Tensor& t : outputs) add(t);  // of an op in place, what it changes
  }
  void check_all() const {
    for (const auto& [t, was] : places_)
      check(t->storage == was->storage && t->offset == was->offset && t.shape() == was.shape() &&
                t.strides() == was.strides() && t.dtype() == was.dtype(),
            "a pack hook has given a tensor of the operation other memory or another shape");
  }

 private:
  void add(const Tensor& t) { places_.emplace_back(t, t.saved()); }
  List<std::pair<Tensor, Tensor>> places_;
};

}  // namespace

Ref<Entry> make_entry(const Call& c, std::span<const Tensor> outputs) {
  Ref<Entry> e = Entry::create(c, outputs);
  e->number = next_number.fetch_add(1, std::memory_order_relaxed);
  if (anomaly_enabled()) [[unlikely]]
    keep_call_site(*e);
  if (const Ref<SavedHooks> hooks = saved_hooks()) [[unlikely]] {
    const Unmoved tensors(c, outputs);
    e->pack_inputs(*hooks);
    tensors.check_all();
  }
  if (Observer* o = observer()) [[unlikely]]
    o->recorded(*e, outputs);
  return e;
}

namespace {

// PyTorch's result_type: dimensions outrank 0-d tensors, which outrank numbers, unless of a higher
// category.
struct ResultType {
  int dim = -1, zero = -1, number = -1;
  void see(const Operand& x) {
    if (x.is_scalar()) {
      meet(number, x.scalar().dtype());
    } else if (x.is_tensor()) {
      meet(x->ndim() > 0 ? dim : zero, x->dtype());
    }
  }
  static void meet(int& slot, Dtype d) {
    slot = slot < 0 ? index(d) : index(promote(static_cast<Dtype>(slot), d));
  }
  static int combine(int higher, int lower) {
    if (higher < 0) return lower;
    if (lower < 0) return higher;
    const auto h = static_cast<Dtype>(higher), l = static_cast<Dtype>(lower);
    return category(l) > category(h) ? lower : higher;
  }
  Dtype result() const {
    const int r = combine(dim, combine(zero, number));
    return r < 0 ? default_dtype() : static_cast<Dtype>(r);
  }
};

void promote_inputs(Call& c) {
  const Promote rule = c.op().promote;
  const int first = rule == Promote::kNotFirst ? 1 : 0;
  c.common = common_dtype(c, first);
  if (rule == Promote::kFloat && !is_floating(c.common)) c.common = default_dtype();
  for (int i = first; i < c.inputs(); ++i) {
    if (!c.input(i).is_tensor() || c.in(i).dtype() == c.common) continue;
    GradMode off(false);
    c.replace(i, to(c.in(i), c.common));
  }
}

void make_contiguous(Call& c) {
  for (int i = 0; i < c.inputs(); ++i) {
    if (!c.input(i).is_tensor() || c.in(i).is_contiguous()) continue;
    if (c.op().mutates && c.writes(i)) continue;
    GradMode off(false);
    c.replace(i, contiguous(c.in(i)));
  }
}

bool wants_grad(const Call& c) {
  if (!grad_enabled_ || (!c.op().vjp && !c.op().is_composite())) return false;
  bool wants = false;
  for (int i = 0; i < c.inputs(); ++i) {
    const Operand& x = c.original(i);
    if (!x.is_tensor()) continue;
    x->catch_up();
    wants |= x.tensor()->requires_grad || x.tensor()->entry;
  }
  return wants;
}

void save_output(const Op& op, int i, const Tensor& t, Entry& e) {
  if (!(op.reads & reads_output(i)) || !op.keeps_output(i, e.wanted())) return;
  if (const Ref<SavedHooks> hooks = saved_hooks()) [[unlikely]] {
    e.freed = true;  // if the hook throws: what was changed in place keeps this entry
    e.pack_output(*hooks, static_cast<uint32_t>(i), t);
    e.freed = false;
    return;
  }
  Entry::Output& out = e.outputs()[static_cast<size_t>(i)];
  out.saved = t.saved();
  out.version = t->storage->version;
}

void give_history(const Op& op, const Ref<Entry>& e, std::span<const Tensor> outputs) {
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Tensor& t = outputs[i];
    save_output(op, static_cast<int>(i), t, *e);
    if (!is_floating(t.dtype())) continue;
    t->entry = e;
    t->output_index = static_cast<uint32_t>(i);
  }
}

void record(Call& c) {
  const std::span<const Tensor> made(c.out, static_cast<size_t>(c.outputs()));
  give_history(c.op(), make_entry(c, made), made);
}

// Whether the gradient reads what the op is about to write over.
bool reads_overwritten(const Call& c, const Tensor& self) {
  const uint32_t wanted = wanted_inputs(c);
  for (int i = 0; i < c.inputs(); ++i)
    if (c.original(i).is_tensor() && c.original(i).tensor().is_same(self) &&
        c.op().keeps_input(i, wanted))
      return true;
  return false;
}

// The same place of the graph, on memory `t`.
Tensor with_history_of(const Tensor& self, Tensor t) {
  t->entry = self->entry;
  t->output_index = self->output_index;
  return t;
}

// For an op that writes its result over `self`: a copy of what it overwrites is saved if need be.
Ref<Entry> make_inplace_entry(Call& c, const Tensor& self) {
  if (!reads_overwritten(c, self)) return make_entry(c, {&self, 1});
  const GradMode off(false);
  const Tensor old = with_history_of(self, clone(self));
  List<int> swapped;
  for (int i = 0; i < c.inputs(); ++i) {
    Operand& x = c.original(i);
    if (!x.is_tensor() || !x.tensor().is_same(self)) continue;
    x = old;
    swapped.push_back(i);
  }
  Ref<Entry> e = make_entry(c, {&self, 1});
  for (int i : swapped) c.original(i) = self;
  return e;
}

void record_inplace(Call& c, const Ref<Entry>& e, const Tensor& self, uint32_t i = 0) {
  record_change(self, e, i);
  save_output(c.op(), static_cast<int>(i), self, *e);
}

// Elements from which on a call takes so long that others may go on meanwhile: some 10 us, a
// hundred times what it costs to tell them. Products and the like do more for each.
constexpr int64_t kLongPointwise = 1 << 16, kLongElse = 1 << 15;

bool takes_long(const Call& c) {
  size_t most = c.outputs() > 0 ? c.out[0]->storage->bytes() : 0;
  for (int i = 0; i < c.inputs(); ++i)
    if (c.input(i).is_tensor()) most = std::max(most, c.in(i)->storage->bytes());
  if (most < static_cast<size_t>(kLongElse)) [[likely]]
    return false;
  int64_t n = c.outputs() > 0 ? c.out[0].numel() : 0;
  for (int i = 0; i < c.inputs(); ++i)
    if (c.input(i).is_tensor()) n = std::max(n, c.in(i).numel());
  return n >= (c.op().pointwise ? kLongPointwise : kLongElse);
}

// Other threads run on, and may give tensors other memory. So what is read here are tensors of the
// call's own, whose memory nobody takes away; those that are written are the caller's, as what the
// op does to their shape is for all to see, and only their memory is kept.
class OwnInputs {
 public:
  explicit OwnInputs(Call& c) : call_(c) {
    for (int i = 0; i < c.inputs(); ++i) {
      if (!c.input(i).is_tensor()) continue;
      if (c.op().mutates && c.writes(i)) {
        kept_.push_back(c.in(i)->storage);
      } else {
        Tensor own = c.in(i).saved();
        std::swap(own, c.input(i).tensor());
        theirs_.emplace_back(i, std::move(own));
      }
    }
  }
  ~OwnInputs() {
    for (auto& [i, tensor] : theirs_) call_.input(i).tensor() = std::move(tensor);
  }
  OwnInputs(const OwnInputs&) = delete;
  OwnInputs& operator=(const OwnInputs&) = delete;

 private:
  Call& call_;
  List<Ref<Storage>> kept_;
  List<std::pair<int, Tensor>> theirs_;
};

void run_long(Call& c) {
  const OwnInputs inputs(c);
  const LongWork work;
  c.op().run(c);
}

void run_watched(Call& c, Writes writes) {
  Watch* w = watch();
  if (!w) [[likely]]
    return takes_long(c) ? run_long(c) : c.op().run(c);
  w->before(c, writes);
  {
    const WatchPause pause;  // what a run calls for itself is part of it
    c.op().run(c);
  }
  w->after(c, writes);
}

// The only place where an op runs.
void run_op(Call& c, Writes writes) {
  const FlushDenormals flush;
  if (!profiling()) [[likely]] {
    run_watched(c, writes);
  } else {
    const Timed timed(c);
    run_watched(c, writes);
  }
  if (Observer* o = observer()) [[unlikely]]
    o->ran(c, writes);
}

void allocate_outputs(Call& c) {
  c.make_room();
  // What may not be recorded of an outdated view may still be looked at.
  if (c.op().view && (grad_enabled_ || c.in(0)->view <= ViewKind::kPlain)) c.in(0).catch_up();
  for (int i = 0; i < c.outputs(); ++i) {
    const OutputMeta& m = c.meta[i];
    if (c.op().view) {
      c.out[i] = c.in(0).alias(m.shape, m.strides, m.offset);
      c.out[i]->dtype = m.dtype;
      c.out[i]->is_inference = c.in(0)->is_inference;
      ViewKind& kind = c.out[i]->view;
      if (!grad_enabled_) kind = std::max(kind, ViewKind::kNoGrad);
      if (c.op().many) kind = std::max(kind, ViewKind::kOneOfMany);
    } else {
      c.out[i] = m.strides.empty() ? Tensor::empty(m.shape, m.dtype)
                                   : Tensor::empty(m.shape, m.strides, m.dtype);
      if (inference_) c.out[i]->is_inference = true;
    }
  }
}

// A view of a leaf is the leaf's memory.
bool is_view_of_leaf(const Tensor& self) {
  const Entry* e = self->view != ViewKind::kNone ? entry_of(self) : nullptr;
  while (e && e->op->view) {
    const Entry::Input& in = const_cast<Entry*>(e)->inputs()[0];
    if (in.leaf()) return true;
    e = in.producer();
  }
  return false;
}

void check_writable(const Tensor& self) {
  check(!grad_enabled_ || !is_view_of_leaf(self),
        "a view of a leaf Variable that requires grad is being used in an in-place operation.");
  if (grad_enabled_ && self->view != ViewKind::kNone) check_whole(self);
  check(!(grad_enabled_ && self->requires_grad && !self->entry),
        "a leaf Variable that requires grad is being used in an in-place operation.");
  check(self->storage->writable(), "the memory of this tensor is read-only; clone() it first");
  check(!self->is_inference || inference_,
        "Inplace update to inference tensor outside InferenceMode is not allowed. You can make a "
        "clone to get a normal tensor before doing inplace update.");
  if (numel(self.shape()) > 1)
    for (int i = 0; i < self.ndim(); ++i)
      check(self.strides()[i] != 0 || self.shape()[i] <= 1,
            "unsupported operation: more than one element of the written-to tensor refers to a "
            "single memory location. Please clone() the tensor before performing the operation.");
}

// Before a change that will be recorded.
void prepare(const Tensor& self) {
  check(is_floating(self.dtype()), "a gradient can't flow into a tensor of dtype ", self.dtype());
  prepare_change(self);
}

void check_state(const Call& c) {
  for (int i = 0; i < c.inputs(); ++i)
    check(!grad_enabled_ || !c.writes(i) || !c.in(i).requires_grad(), "input ", i,
          " is changed, so no gradient can flow through it, but it requires one; detach() it");
}

void run_in_place(Call& c) {
  Tensor self = c.in(0);
  const bool wants = wants_grad(c);
  check_writable(self);
  if (wants) prepare(self);
  if (c.op().shape) c.op().shape(c);
  Ref<Entry> e = wants ? make_entry(c, {&self, 1}) : Ref<Entry>();
  if (c.op().contiguous) make_contiguous(c);
  run_op(c, Writes::kInputs);
  ++self->storage->version;
  if (wants) record_inplace(c, e, self);
  c.out[0] = std::move(self);
}

// What op.writes names is changed.
void run_mutating(Call& c) {
  const Op& op = c.op();
  if (!op.writes) return run_in_place(c);
  const bool wants = wants_grad(c);
  if (c.writes(0)) check_writable(c.in(0));
  if (op.shape) op.shape(c);  // it may have more to say of what is wrong with the others
  List<Tensor> changed;
  for (int i = 0; i < c.inputs(); ++i)
    if (c.writes(i)) changed.push_back(c.in(i));
  for (const Tensor& t : changed) check_writable(t);
  const bool in_place = c.outputs() == 0;
  if (!in_place) check_state(c);
  if (wants && in_place)
    for (const Tensor& t : changed) prepare(t);
  allocate_outputs(c);
  const std::span<const Tensor> made(c.out, static_cast<size_t>(c.outputs()));
  Ref<Entry> e =
      wants ? make_entry(c, in_place ? std::span<const Tensor>(changed) : made) : Ref<Entry>();
  if (op.contiguous) make_contiguous(c);
  run_op(c, Writes::kInputs);
  for (const Tensor& t : changed) ++t->storage->version;
  if (wants && in_place)
    for (size_t i = 0; i < changed.size(); ++i)
      record_inplace(c, e, changed[i], static_cast<uint32_t>(i));
  if (wants && !in_place) give_history(op, e, made);
  if (in_place) c.out[0] = c.in(0);
}

void run_plain(Call& c) {
  const Op& op = c.op();
  if (op.data_dependent) value_leaves("a shape that depends on values");
  if (op.promote != Promote::kNone) promote_inputs(c);
  op.shape(c);
  if (op.contiguous) make_contiguous(c);
  allocate_outputs(c);
  if (op.run) run_op(c, Writes::kOutputs);
  if (wants_grad(c)) record(c);
}

// Whether a result may be written into `self`.
void check_fits(const Tensor& self, const Dims& shape, Dtype dtype) {
  check(shape == self.shape(), "output with shape ", self.shape(),
        " doesn't match the broadcast shape ", shape);
  check(category(dtype) <= category(self.dtype()), "result type ", dtype,
        " can't be cast to the desired output type ", self.dtype());
}

// Whether `self` may be written while the other inputs are still being read.
bool overlaps(const Call& c, const Tensor& self) {
  for (int i = 1; i < c.inputs(); ++i) {
    if (!c.input(i).is_tensor() || !c.in(i).shares_memory(self)) continue;
    const Tensor& t = c.in(i);
    if (!(t.data() == self.data() && t.shape() == self.shape() && t.strides() == self.strides()))
      return true;
  }
  return false;
}

// What the small ops save of `self` is an alias of it, which gets memory of its own before `self`
// changes.
thread_local const Op* composite = nullptr;

void run_composed(Call& c) {
  struct Scope {
    ~Scope() { composite = before; }
    const Op* before = composite;
  } const scope;
  if (!composite) composite = &c.op();
  c.op().composed(c);
}

void run_composed_in_place(Call& c, Tensor self, bool wants) {
  const Tensor alias = wants ? with_history_of(self, self.alias()) : Tensor();
  if (wants) c.input(0) = alias;
  run_composed(c);
  if (wants && alias->refs() > 2) {
    const GradMode off(false);
    const Tensor copy = clone(self);
    copy->storage->version = self->storage->version;
    alias->storage = copy->storage;
    alias->strides = copy.strides();
    alias->offset = 0;
  }
  check_fits(self, c.results[0].shape(), c.results[0].dtype());
  copy_(self, c.results[0]);
  c.results[0] = std::move(self);
}

void run_narrow_inplace(Call& c) {
  Tensor self = c.in(0);
  // The gradient may read what is written over.
  const Tensor before = is_narrow(self.dtype()) ? to(self, widened(self.dtype()))
                        : wants_grad(c)         ? clone(self)
                                                : self;
  for (int i = 0; i < c.inputs(); ++i)
    if (c.input(i).is_tensor() && c.in(i).is_same(self)) c.input(i) = before;
  run_narrow(c);
  check_fits(self, c.out[0].shape(), c.out[0].dtype());
  copy_(self, c.out[0]);
  c.out[0] = std::move(self);
}

void run_inplace(Call& c) {
  const Op& op = c.op();
  check(c.inputs() > 0 && c.input(0).is_tensor(), ErrorKind::kType,
        "what is changed in place must be a Tensor, not a number");
  Tensor self = c.in(0);
  const bool wants = wants_grad(c);
  check_writable(self);
  if (wants) prepare(self);
  if (op.is_composite()) return run_composed_in_place(c, self, wants);
  if (op.promote != Promote::kNone) promote_inputs(c);
  op.shape(c);
  const OutputMeta& m = c.meta[0];
  check_fits(self, m.shape, m.dtype);
  Ref<Entry> e = wants ? make_inplace_entry(c, self) : Ref<Entry>();
  if (op.pointwise && m.dtype == self.dtype() && !overlaps(c, self)) {
    c.out[0] = self;
    run_op(c, Writes::kSelf);
  } else {
    if (op.contiguous) make_contiguous(c);
    allocate_outputs(c);
    run_op(c, Writes::kOutputs);
    GradMode off(false);
    Tensor target = self.detach();  // the checks were made on self
    copy_(target, c.out[0]);
    --self->storage->version;  // one change, counted once below
  }
  ++self->storage->version;
  if (wants) record_inplace(c, e, self);
  c.out[0] = std::move(self);
}

void named(Call& c, void (*body)(Call&)) {
  try {
    if (!c.fits()) [[unlikely]]
      refuse_inputs(c);
    body(c);
  } catch (Error& e) {
    e.set_op(c.op().name);
    throw;
  }
}

}  // namespace

Dtype common_dtype(const Call& c, int first) {
  ResultType type;
  for (int i = first; i < c.inputs(); ++i) type.see(c.input(i));
  return type.result();
}

void apply(Call& c) {
  const Op& op = c.op();
  if (is_cast(op)) [[unlikely]]
    return named(c, run_cast);
  if (op.is_composite()) return named(c, run_composed);
  if (!op.view && !op.any_dtype && is_narrow_call(c)) [[unlikely]]
    return named(c, run_narrow);
  named(c, op.mutates ? run_mutating : run_plain);
}

void apply_inplace(Call& c) {
  const Op& op = c.op();
  const bool narrow = !op.is_composite() && !op.any_dtype && is_narrow_call(c);
  named(c, narrow ? run_narrow_inplace : run_inplace);
}

const Op* composite_running() { return composite; }

bool grad_enabled() { return grad_enabled_; }
void set_grad_enabled(bool on) { grad_enabled_ = on; }
bool inference_mode() { return inference_; }
void set_inference_mode(bool on) { inference_ = on; }

void record_custom(std::span<const Tensor> inputs, std::span<Tensor> outputs,
                   Ref<CustomVjp> custom) {
  static constexpr Op row{.name = "Function", .signature = "()"};
  for (const Tensor& t : outputs) {  // those that are inputs were changed in place
    check(!is_view_of_leaf(t),
          "a view of a leaf Variable that requires grad is being used in an in-place operation.");
    check(!t->requires_grad || t->entry,
          "a leaf Variable that requires grad has been used in an in-place operation.");
  }
  Call c(row);
  for (const Tensor& t : inputs) c.add_input(t);
  Ref<Entry> e = make_entry(c, outputs);
  e->set_custom(std::move(custom));
  give_history(row, e, outputs);
  for (const Tensor& t : outputs)
    if (t->view != ViewKind::kNone) t->view = ViewKind::kFunction;
}

}  // namespace wengert
