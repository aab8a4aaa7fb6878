#include "wengert/tape/entry.h"

#include <memory>
#include <utility>

#include "wengert/base/long_work.h"
#include "wengert/tape/anomaly.h"
#include "wengert/tape/rule.h"
#include "wengert/tape/tape.h"
#include "wengert/tape/turn.h"

namespace wengert {

static_assert(sizeof(Entry::Input) == 32 && sizeof(Entry::Output) == 32 && sizeof(Entry) == 64,
              "a recorded operation of two inputs fits 192 bytes");

// ---- inputs --------------------------------------------------------------------------------

inline void Entry::Input::comes_from(const Tensor& t) {
  if (t->entry) {
    source_ = t->entry;
    made_ = true;
    index = t->output_index;
  } else if (t->requires_grad) {
    source_ = t.ref();
  }
}

inline void Entry::Input::save(const Operand& x) {
  if (x.is_tensor()) {
    kind_ = Saved::kTensor;
    x.tensor()->retain();
    saved_ = reinterpret_cast<int64_t>(x.tensor().impl());
    version = x.tensor()->storage->version;
  } else if (x.is_scalar()) {
    const Scalar& s = x.scalar();
    const bool is_int = s.kind() == Scalar::Kind::kInt;
    kind_ = s.is_float() ? Saved::kFloat : is_int ? Saved::kInt : Saved::kBool;
    saved_ = s.is_float() ? std::bit_cast<int64_t>(s.real()) : s.integer();
  }
}

Operand Entry::Input::saved() const {
  switch (kind_) {
    case Saved::kTensor:
      return Tensor(Ref<TensorImpl>(reinterpret_cast<TensorImpl*>(saved_)));
    case Saved::kFloat:
      return std::bit_cast<double>(saved_);
    case Saved::kInt:
      return saved_;
    case Saved::kBool:
      return saved_ != 0;
    case Saved::kNone:
      break;
  }
  return {};
}

// ---- entries -------------------------------------------------------------------------------

size_t Entry::bytes(size_t inputs, size_t outputs, size_t sizes, size_t numbers, size_t attrs) {
  return sizeof(Entry) + inputs * sizeof(Input) + outputs * sizeof(Output) +
         (sizes + numbers) * sizeof(int64_t) + attrs * sizeof(Attrs::Tag);
}

namespace {

// Neighbours of one shape share it: of most operations, all do.
class Neighbours {
 public:
  bool differs(Ints shape) {
    const Ints last = std::exchange(last_, shape);
    if (shape.size() != last.size()) return true;
    for (size_t i = 0; i < shape.size(); ++i)
      if (shape[i] != last[i]) return true;
    return false;
  }

 private:
  Ints last_;
};

}  // namespace

uint32_t wanted_inputs(const Call& c) {
  uint32_t wanted = 0;
  for (int i = 0; i < c.inputs(); ++i) {
    const Operand& x = c.original(i);
    if (x.is_tensor() && (x.tensor()->entry || x.tensor()->requires_grad)) wanted |= reads_input(i);
  }
  return wanted;
}

uint32_t Entry::wanted() {
  uint32_t wanted = 0;
  for (uint32_t i = 0; i < n_inputs_; ++i)
    if (inputs()[i].wanted()) wanted |= reads_input(static_cast<int>(i));
  return wanted;
}

Ref<Entry> Entry::create(const Call& c, std::span<const Tensor> outputs) {
  const uint32_t wanted = wanted_inputs(c);
  const size_t attrs = c.attrs.tags().size();
  check(attrs <= UINT16_MAX, "too many arguments in one call: ", static_cast<uint64_t>(attrs));
  Neighbours shapes;
  uint32_t sizes = 0;
  const auto count = [&](Ints shape) {
    if (shapes.differs(shape)) sizes += static_cast<uint32_t>(shape.size());
  };
  for (const Tensor& t : outputs) count(t.shape());
  for (int i = 0; i < c.inputs(); ++i) {
    const Operand& x = c.original(i);
    if (!x.is_tensor()) continue;
    count(x->shape());
    check(!x.tensor()->is_inference || !c.op().keeps_input(i, wanted),
          "Inference tensors cannot be saved for backward. To work around you can "
          "make a clone to get a normal tensor and use it in autograd.");
  }
  return new (allocate(bytes(static_cast<size_t>(c.inputs()), outputs.size(), sizes,
                             c.attrs.numbers().size(), attrs))) Entry(c, outputs, sizes, wanted);
}

Entry::Entry(const Call& c, std::span<const Tensor> made, uint32_t sizes, uint32_t wanted)
    : n_attrs_(static_cast<uint16_t>(c.attrs.tags().size())),
      n_inputs_(static_cast<uint32_t>(c.inputs())),
      n_outputs_(static_cast<uint32_t>(made.size())),
      n_sizes_(sizes),
      n_numbers_(static_cast<uint32_t>(c.attrs.numbers().size())),
      op(&c.op()) {
  Output* out = outputs().data();
  Input* in = inputs().data();
  int64_t *const first = numbers(), *at = first;
  Neighbours shapes;
  uint32_t shape_at = 0;
  const auto describe = [&](auto& of, const Tensor& t) {
    const Ints shape = t.shape();
    of.dtype = t.dtype();
    of.ndim_ = static_cast<uint8_t>(shape.size());
    if (shapes.differs(shape)) {
      shape_at = static_cast<uint32_t>(at - first);
      for (int64_t n : shape) *at++ = n;
    }
    of.shape_at_ = shape_at;
  };
  for (const Tensor& t : made) describe(*new (out++) Output, t);
  for (int i = 0; i < c.inputs(); ++i, ++in) {
    new (in) Input;
    const Operand& x = c.original(i);
    if (x.is_tensor()) {
      describe(*in, x.tensor());
      in->comes_from(x.tensor());
    }
    if (op->keeps_input(i, wanted)) {
      const bool changed = op->mutates && x.is_tensor() && c.writes(i);
      in->save(c.narrow && !changed ? c.narrow->input(i) : x);
    }
  }
  if (n_attrs_ == 0) return;
  for (int64_t n : c.attrs.numbers()) *at++ = n;
  auto* tag = reinterpret_cast<Attrs::Tag*>(at);
  for (const Attrs::Tag& t : c.attrs.tags()) *tag++ = t;
}

Attrs Entry::attrs() {
  const int64_t* at = numbers() + n_sizes_;
  const auto* tags = reinterpret_cast<const Attrs::Tag*>(at + n_numbers_);
  return Attrs(std::span(tags, n_attrs_), std::span(at, n_numbers_));
}

void Entry::set_hooks(uint32_t i, Ref<Hooks> hooks) {
  List<Ref<Hooks>>& all = rare().hooks;
  if (i >= all.size()) all.resize(i + 1);
  all[i] = std::move(hooks);
}

Entry::~Entry() {
  if (knows_call_sites()) [[unlikely]]
    forget_call_site(*this);
  std::destroy_n(outputs().data(), n_outputs_);
  std::destroy_n(inputs().data(), n_inputs_);
}

// Destroying an entry releases its producers. They are queued, not destroyed within: a chain of a
// million ops must not need a million stack frames.
void Entry::dispose() {
  thread_local std::vector<Entry*> queue;
  thread_local bool draining = false;
  queue.push_back(this);
  if (draining) return;
  draining = true;
  while (!queue.empty()) {
    Entry* e = queue.back();
    queue.pop_back();
    const size_t size = bytes(e->n_inputs_, e->n_outputs_, e->n_sizes_, e->n_numbers_, e->n_attrs_);
    e->~Entry();
    deallocate(e, size);
  }
  draining = false;
}

Tensor call_hooks(const Hooks& hooks, Tensor grad, Hooks::When when) {
  const UserCode user;
  for (size_t i = 0; i < hooks.items.size(); ++i) {
    const Hooks::Item item = hooks.items[i];
    if (item.when != when) continue;
    Tensor changed = item.hook->call(grad);
    if (changed.defined()) grad = std::move(changed);
  }
  return grad;
}

void Entry::remove_node_hook(int64_t id) {
  if (rare_) std::erase_if(rare_->node_hooks, [id](const auto& hook) { return hook->id == id; });
}

void Entry::call_node_hooks(bool before, std::span<Tensor> of_inputs,
                            std::span<Tensor> of_outputs) {
  const UserCode user;
  const List<Ref<NodeHook>> hooks = rare_->node_hooks;  // one may remove itself
  for (const Ref<NodeHook>& hook : hooks)
    if (hook->before == before) hook->call(of_inputs, of_outputs);
}

void Entry::release_saved() {
  for (Input& in : inputs()) {
    freed |= in.has_saved();
    in.forget_tensor();
  }
  for (Output& out : outputs())
    if (out.saved.defined()) {
      out.saved = Tensor();
      freed = true;
    }
  if (custom()) custom()->free();
}

Hooks& hooks_of(const Tensor& t) {
  check_defined(t, "hooks_of", "t");
  if (!t->extras) t->extras = new Hooks;
  auto* hooks = static_cast<Hooks*>(t->extras.get());
  if (t->entry) entry_of(t)->set_hooks(t->output_index, hooks);
  return *hooks;
}

void remove_hook(const Tensor& t, int64_t id) {
  check_defined(t, "remove_hook", "t");
  for (auto* h = static_cast<Hooks*>(t->extras.get()); h; h = h->before.get())
    std::erase_if(h->items, [id](const Hooks::Item& i) { return i.id == id; });
}

void give_entry(const Tensor& t, const Ref<Entry>& e, uint32_t i) {
  if (t->extras) {
    const Ref<Hooks> old = static_cast<Hooks*>(t->extras.get());
    Ref<Hooks> now = old;
    if (!old->items.empty()) {
      t->extras = now = new Hooks;
      now->kept = std::exchange(old->kept, nullptr);
      now->before = old;
    } else if (t->entry) {
      entry_of(t)->set_hooks(t->output_index, {});
    }
    e->set_hooks(i, now);
  }
  t->entry = e;
  t->output_index = i;
}

void Tensor::backward() const { wengert::backward(*this); }

void retain_grad(const Tensor& t) {
  check_defined(t, "retain_grad", "t");
  check(t.requires_grad(), "can't retain_grad on Tensor that has requires_grad=False");
  if (t.is_leaf()) return;
  hooks_of(t).kept = t.impl();
  t->retains_grad = true;
}

// ---- vjps ----------------------------------------------------------------------------------

namespace {

void check_saved(const Entry& e, bool defined, const char* what, int i) {
  check(
      defined || !e.freed,
      "Trying to backward through the graph a second time (or directly access saved tensors after "
      "they have already been freed). Saved intermediate values of the graph are freed when you "
      "call .backward() or autograd.grad(). Specify retain_graph=True if you need to backward "
      "through the graph a second time or if you need to access saved tensors after calling "
      "backward. (",
      what, ' ', i, " of ", e.name(), ')');
}

void check_version(const Entry& e, const Tensor& t, uint32_t expected, const char* what, int i) {
  check(t->storage->version == expected,
        "one of the variables needed for gradient computation has been modified by an inplace "
        "operation: [",
        t.dtype(), ' ', t.shape(), "], which is ", what, ' ', i, " of ", e.name(),
        ", is at version ", t->storage->version, "; expected version ", expected,
        " instead. Hint: clone() it before modifying, or use the out-of-place form.");
}

}  // namespace

bool Vjp::leads(int i) const {
  const Entry::Input& in = e_.inputs()[i];
  return in.producer() ? in.producer()->needed : in.leaf()->retains_grad;
}

Tensor Vjp::g(int i) const {
  const Entry::Output& out = e_.outputs()[i];
  check(i > 0 || !g_used_up_, "a vjp uses the gradient after its last use");
  return out.grad.defined() ? out.grad : zeros(Dims(e_.shape(out)), out.dtype);
}

// A program plans memory for itself, so a capture records the plain op.
bool Vjp::may_write_g(const Operand& x) const {
  const Tensor& g = e_.outputs()[0].grad;
  return g.defined() && g.is_only_handle() && g.is_contiguous() && !grad_enabled() && !watch() &&
         (!x.is_tensor() || x->dtype() == g.dtype());
}

Tensor Vjp::over_g(const Op& op, const Operand& x, const Attrs& attrs) {
  Call c(op, attrs);
  const bool over = may_write_g(x);
  c.add_input(over ? std::move(e_.outputs()[0].grad) : g());
  g_used_up_ = true;
  if (!x.is_none()) c.add_input(x);
  over ? apply_inplace(c) : apply(c);
  return std::move(c.out[0]);
}

Tensor Vjp::own_g() {
  const bool over = may_write_g({});
  Tensor g = over ? std::move(e_.outputs()[0].grad) : this->g();
  g_used_up_ = true;
  if (over) return g;
  return g.is_contiguous() ? clone(g) : contiguous(g);
}

Operand Vjp::x(int i) const {
  const Entry::Input& in = e_.inputs()[i];
  check_saved(e_, !e_.freed, "input", i);
  Operand x = in.saved();
  if (!x.is_tensor()) return x;
  check_version(e_, x.tensor(), in.version, "input", i);
  const bool promoted = e_.op->promote == Promote::kCommon || e_.op->promote == Promote::kFloat;
  const Dtype computed = promoted ? e_.outputs()[0].dtype : in.dtype;
  return x->dtype() != computed ? Operand(to(x.tensor(), computed)) : x;
}

Tensor Vjp::y(int i) const {
  const Entry::Output& out = e_.outputs()[i];
  check_saved(e_, out.saved.defined(), "output", i);
  check_version(e_, out.saved, out.version, "output", i);
  Tensor t = out.saved.saved();
  if (grad_enabled() && is_floating(t.dtype())) {
    t->entry = &e_;
    t->output_index = static_cast<uint32_t>(i);
  }
  return t;
}

bool Vjp::has(int i) const { return i < inputs() && e_.inputs()[i].has_saved(); }

void Vjp::set(int i, Tensor grad) {
  if (!grad.defined() || !needs(i)) return;
  const Entry::Input& in = e_.inputs()[i];
  const Ints shape = e_.shape(in);
  if (!(grad.shape() == shape)) grad = sum_to(grad, Dims(shape));
  if (grad.dtype() != in.dtype) grad = to(grad, in.dtype);
  (*grads)[i] = std::move(grad);
}

Tensor gradient_so_far(const Vjp& v, int i) {
  Entry& e = v.entry();
  if (grad_enabled() || e.has_node_hooks() || !v.needs(i)) return {};
  const Entry::Input& in = e.inputs()[i];
  Tensor sum;
  if (Entry* from = in.producer()) {
    if (from->running != e.running) return {};
    if (const Tensor& g = from->outputs()[in.index].grad; g.defined() && g.is_only_handle())
      sum = g;
  } else if (TensorImpl* leaf = in.leaf(); !v.selective && !leaf->extras) {
    sum = Tensor(leaf).grad();  // written by every run, whoever holds it
  }
  return sum.defined() && sum.is_contiguous() ? sum : Tensor();
}

Tensor take_saved(Vjp& v, int i) {
  if (run_retains_graph() || grad_enabled() || watch()) return {};
  const Operand saved = v.x(i);
  if (!saved.is_tensor() || !saved->is_contiguous()) return {};
  const Tensor& t = saved.tensor();
  constexpr int kEntryAndThis = 2;
  if (t->refs() != kEntryAndThis || t->storage->refs() != 1 || !t->storage->owned()) return {};
  Tensor taken = t.detach();
  v.entry().inputs()[i].forget_tensor();
  v.entry().freed = true;
  return taken;
}

bool Vjp::add_part(int i, const Tensor& part, const Dims& strides, int64_t offset) const {
  const HoldOn whole;  // other threads may look at .grad
  const Tensor sum = gradient_so_far(*this, i);
  if (!sum.defined() || part.numel() >= sum.numel()) return false;
  Tensor at = sum.alias(part.shape(), strides, sum->offset + offset);
  add_(at, part);
  return true;
}

}  // namespace wengert
