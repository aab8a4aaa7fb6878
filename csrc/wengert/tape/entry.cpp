#include "wengert/tape/entry.h"

#include <memory>

#include "wengert/tape/tape.h"

namespace wengert {

size_t Entry::bytes(int inputs, int outputs, bool attrs) {
  return sizeof(Entry) + inputs * sizeof(Input) + outputs * sizeof(Output) +
         (attrs ? sizeof(Attrs) : 0);
}

Ref<Entry> Entry::create(const Op& op, int inputs, int outputs, const Attrs& attrs) {
  return new (allocate(bytes(inputs, outputs, attrs.count()))) Entry(op, inputs, outputs, attrs);
}

Entry::Entry(const Op& o, int inputs, int outputs, const Attrs& a)
    : op(&o), n_inputs_(inputs), n_outputs_(outputs) {
  inputs_ = reinterpret_cast<Input*>(this + 1);
  outputs_ = reinterpret_cast<Output*>(inputs_ + inputs);
  std::uninitialized_default_construct_n(inputs_, inputs);
  std::uninitialized_default_construct_n(outputs_, outputs);
  static Attrs none;
  attrs = a.count() ? new (outputs_ + outputs) Attrs(a) : &none;
}

Entry::~Entry() {
  std::destroy_n(outputs_, n_outputs_);
  std::destroy_n(inputs_, n_inputs_);
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
    const size_t size = bytes(e->n_inputs_, e->n_outputs_, e->attrs->count());
    e->~Entry();
    deallocate(e, size);
  }
  draining = false;
}

void Entry::release_saved() {
  for (Input& in : inputs())
    if (in.saved.is_tensor()) {
      in.saved = Operand();
      freed = true;
    }
  for (Output& out : outputs())
    if (out.saved.defined()) {
      out.saved = Tensor();
      freed = true;
    }
  if (custom) custom->free();
}

Hooks& hooks_of(const Tensor& t) {
  if (!t->extras) t->extras = new Hooks;
  auto* hooks = static_cast<Hooks*>(t->extras.get());
  if (t->entry) entry_of(t)->outputs()[t->output_index].hooks = hooks;
  return *hooks;
}

void retain_grad(const Tensor& t) {
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
  return in.producer ? in.producer->needed : in.leaf->retains_grad;
}

Tensor Vjp::g(int i) const {
  const Entry::Output& out = e_.outputs()[i];
  check(i > 0 || !g_used_up_, "a vjp uses the gradient after its last use");
  return out.grad.defined() ? out.grad : zeros(out.shape, out.dtype);
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

Operand Vjp::x(int i) const {
  const Entry::Input& in = e_.inputs()[i];
  check_saved(e_, !in.saved.is_none() || !e_.freed, "input", i);
  if (in.saved.is_tensor()) check_version(e_, in.saved.tensor(), in.version, "input", i);
  return in.saved;
}

Tensor Vjp::y(int i) const {
  const Entry::Output& out = e_.outputs()[i];
  check_saved(e_, out.saved.defined(), "output", i);
  check_version(e_, out.saved, out.version, "output", i);
  Tensor t = out.saved.detach();
  if (grad_enabled() && is_floating(t.dtype())) {
    t->entry = &e_;
    t->output_index = static_cast<uint32_t>(i);
  }
  return t;
}

bool Vjp::has(int i) const { return i < inputs() && !e_.inputs()[i].saved.is_none(); }

void Vjp::set(int i, Tensor grad) {
  if (!grad.defined() || !needs(i)) return;
  const Entry::Input& in = e_.inputs()[i];
  if (!(grad.shape() == in.shape)) grad = sum_to(grad, in.shape);
  if (grad.dtype() != in.dtype) grad = to(grad, in.dtype);
  (*grads)[i] = std::move(grad);
}

}  // namespace wengert
