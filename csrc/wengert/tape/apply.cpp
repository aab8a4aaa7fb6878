// Running an op and recording it: the one place that every operation passes.
#include <atomic>

#include "wengert/base/denormals.h"
#include "wengert/tape/tape.h"

// Note [views and in-place]: an in-place op that is recorded gives its tensor a new entry. Other
// tensors of the same storage, bases and views alike, still carry the history from before. The
// storage counts such changes (`recorded`), every tensor knows the count its history has seen, and
// one that has missed a change is an error as soon as a recorded op uses it. This is cheaper than
// rewriting the history of views, and never a silently wrong gradient.

namespace wengert {
namespace {

thread_local bool grad_enabled_ = true;
thread_local bool inference_ = false;
std::atomic<uint64_t> next_number{1};

// PyTorch's result_type: dimensions outrank 0-d tensors, which outrank numbers, unless of a higher
// category.
struct ResultType {
  int dim = -1, zero = -1, number = -1;
  void see(const Operand& x) {
    if (x.is_scalar()) {
      number = std::max(number, index(x.scalar().dtype()));
    } else if (x.is_tensor()) {
      int& slot = x->ndim() > 0 ? dim : zero;
      slot = std::max(slot, index(x->dtype()));
    }
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
  ResultType type;
  for (int i = first; i < c.inputs(); ++i) type.see(c.input(i));
  c.common = type.result();
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
    GradMode off(false);
    c.replace(i, contiguous(c.in(i)));
  }
}

bool wants_grad(const Call& c) {
  if (!grad_enabled_ || !c.op().vjp) return false;
  bool wants = false;
  for (int i = 0; i < c.inputs(); ++i) {
    const Operand& x = c.original(i);
    if (!x.is_tensor()) continue;
    if (x->ref()->stale()) [[unlikely]]
      fail(ErrorKind::kRuntime, "input ", i,
           " shares memory with a tensor that a recorded operation has modified in place since, "
           "so its history is out of date; use the modified tensor, or clone() before modifying");
    wants |= x->requires_grad();
  }
  return wants;
}

void save_input(const Call& c, int i, Entry::Input& in) {
  const Operand& x = c.original(i);
  const bool read = c.op().reads & reads_input(i);
  if (!x.is_tensor()) {
    if (read) in.saved = x;
    return;
  }
  const Tensor& t = x.tensor();
  in.dtype = t.dtype();
  in.shape = t.shape();
  if (t->entry) {
    in.producer = entry_of(t);
    in.index = t->output_index;
  } else if (t->requires_grad) {
    in.leaf = t.ref();
  }
  if (read) {
    check(!t->is_inference,
          "Inference tensors cannot be saved for backward. To work around you can "
          "make a clone to get a normal tensor and use it in autograd.");
    in.saved = t;
    in.version = t->storage->version;
  }
}

void describe_output(const Op& op, int i, const Tensor& t, Entry& e) {
  Entry::Output& out = e.outputs()[i];
  out.dtype = t.dtype();
  out.shape = t.shape();
  if (op.reads & reads_output(i)) {
    out.saved = t.detach();
    out.version = t->storage->version;
  }
}

Ref<Entry> make_entry(const Call& c, int outputs) {
  Ref<Entry> e = Entry::create(c.op(), c.inputs(), outputs, c.attrs);
  e->number = next_number.fetch_add(1, std::memory_order_relaxed);
  for (int i = 0; i < c.inputs(); ++i) save_input(c, i, e->inputs()[i]);
  return e;
}

void record(Call& c) {
  Ref<Entry> e = make_entry(c, c.outputs());
  for (int i = 0; i < c.outputs(); ++i) {
    Tensor& t = c.out[i];
    describe_output(c.op(), i, t, *e);
    if (!is_floating(t.dtype())) continue;
    t->entry = e;
    t->output_index = static_cast<uint32_t>(i);
  }
}

// The tensor keeps its identity and hooks, and is from now on the new entry's output.
void record_inplace(Call& c, const Ref<Entry>& e, Tensor& self) {
  ++self->storage->recorded;
  if (self->recorded_at != kNeverStale) self->recorded_at = self->storage->recorded;
  if (self->extras) {
    auto* hooks = static_cast<Hooks*>(self->extras.get());
    if (self->entry) entry_of(self)->outputs()[self->output_index].hooks.reset();
    e->outputs()[0].hooks = hooks;
  }
  self->entry = e;
  self->output_index = 0;
  describe_output(c.op(), 0, self, *e);
}

// The only place where an op runs.
void run_op(Call& c, Writes writes) {
  const FlushDenormals flush;
  Watch* w = watch();
  if (!w) [[likely]]
    return c.op().run(c);
  w->before(c, writes);
  {
    const WatchPause pause;  // what a run calls for itself is part of it
    c.op().run(c);
  }
  w->after(c, writes);
}

void allocate_outputs(Call& c) {
  for (int i = 0; i < c.outputs(); ++i) {
    const OutputMeta& m = c.meta[i];
    c.out[i] =
        c.op().view ? c.in(0).alias(m.shape, m.strides, m.offset) : Tensor::empty(m.shape, m.dtype);
    if (inference_) c.out[i]->is_inference = true;
  }
}

// A view of a leaf is the leaf's memory.
bool is_view_of_leaf(const Tensor& self) {
  const Entry* e = self->is_view ? entry_of(self) : nullptr;
  while (e && e->op->view) {
    const Entry::Input& in = const_cast<Entry*>(e)->inputs()[0];
    if (in.leaf) return true;
    e = in.producer.get();
  }
  return false;
}

void check_inplace(const Tensor& self, bool recorded) {
  check(!grad_enabled_ || !is_view_of_leaf(self),
        "a view of a leaf Variable that requires grad is being used in an in-place operation.");
  check(!(grad_enabled_ && self->requires_grad && !self->entry),
        "a leaf Variable that requires grad is being used in an in-place operation.");
  check(self->storage->writable(), "the memory of this tensor is read-only; clone() it first");
  if (numel(self.shape()) > 1)
    for (int i = 0; i < self.ndim(); ++i)
      check(self.strides()[i] != 0 || self.shape()[i] <= 1,
            "unsupported operation: more than one element of the written-to tensor refers to a "
            "single memory location. Please clone() the tensor before performing the operation.");
  check(!recorded || is_floating(self.dtype()), "a gradient can't flow into a tensor of dtype ",
        self.dtype());
}

void run_mutating(Call& c) {
  Tensor self = c.in(0);
  const bool wants = wants_grad(c);
  check_inplace(self, wants);
  if (c.op().shape) c.op().shape(c);
  Ref<Entry> e = wants ? make_entry(c, 1) : Ref<Entry>();
  if (c.op().contiguous) make_contiguous(c);
  run_op(c, Writes::kInputs);
  ++self->storage->version;
  if (wants) record_inplace(c, e, self);
  c.out[0] = std::move(self);
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

// Whether `self` may be written while the other inputs are still being read.
bool overlaps(const Call& c, const Tensor& self) {
  for (int i = 1; i < c.inputs(); ++i) {
    if (!c.input(i).is_tensor() || c.in(i)->storage.get() != self->storage.get()) continue;
    const Tensor& t = c.in(i);
    if (!(t.data() == self.data() && t.shape() == self.shape() && t.strides() == self.strides()))
      return true;
  }
  return false;
}

void run_inplace(Call& c) {
  const Op& op = c.op();
  Tensor self = c.in(0);
  const bool wants = wants_grad(c);
  check_inplace(self, wants);
  if (op.is_composite()) {
    op.composed(c);
    copy_(self, c.results[0]);
    c.results[0] = std::move(self);
    return;
  }
  if (op.promote != Promote::kNone) promote_inputs(c);
  op.shape(c);
  const OutputMeta& m = c.meta[0];
  check(m.shape == self.shape(), "output with shape ", self.shape(),
        " doesn't match the broadcast shape ", m.shape);
  check(category(m.dtype) <= category(self.dtype()), "result type ", m.dtype,
        " can't be cast to the desired output type ", self.dtype());
  Ref<Entry> e = wants ? make_entry(c, 1) : Ref<Entry>();
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
    body(c);
  } catch (Error& e) {
    e.set_op(c.op().name);
    throw;
  }
}

}  // namespace

void apply(Call& c) {
  const Op& op = c.op();
  named(c, op.is_composite() ? op.composed : op.mutates ? run_mutating : run_plain);
}

void apply_inplace(Call& c) { named(c, run_inplace); }

bool grad_enabled() { return grad_enabled_; }
void set_grad_enabled(bool on) { grad_enabled_ = on; }
bool inference_mode() { return inference_; }
void set_inference_mode(bool on) { inference_ = on; }

void record_custom(std::span<const Tensor> inputs, std::span<Tensor> outputs,
                   Ref<CustomVjp> custom) {
  static constexpr Op row{.name = "Function", .signature = "()"};
  Call c(row);
  for (const Tensor& t : inputs) c.add_input(t);
  Ref<Entry> e = make_entry(c, static_cast<int>(outputs.size()));
  e->custom = std::move(custom);
  for (size_t i = 0; i < outputs.size(); ++i) {
    Tensor& t = outputs[i];
    describe_output(row, static_cast<int>(i), t, *e);
    if (!is_floating(t.dtype())) continue;
    t->entry = e;
    t->output_index = static_cast<uint32_t>(i);
  }
}

}  // namespace wengert
