// What a derivative rule sees of its entry, and gives.
#include <utility>

#include "wengert/base/long_work.h"
#include "wengert/tape/rule.h"
#include "wengert/tape/saved.h"
#include "wengert/tape/tape.h"

namespace wengert {

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

// What a hook does with versions nobody knows, so they are not compared.
Tensor Vjp::unpacked(Packed& packed) const {
  for (const auto& [known, t] : unpacked_)
    if (known == &packed) return t;
  const Ref<Packed> keep = &packed;  // the hook may let go of the graph
  return unpacked_.emplace_back(&packed, unpack(packed)).second;
}

Tensor Vjp::of_packed(const Entry::Input& in) const {
  const Tensor t = unpacked(*in.packed());
  if (!grad_enabled() || !in.wanted()) return t;
  if (TensorImpl* leaf = in.leaf()) return at_edge(t, Tensor(leaf));
  return at_output(t, *in.producer(), in.index);
}

Operand Vjp::x(int i) const {
  const Entry::Input& in = e_.inputs()[i];
  check_saved(e_, !e_.freed, "input", i);
  Operand x = in.packed() ? Operand(of_packed(in)) : in.saved();
  if (!x.is_tensor()) return x;
  if (!in.packed()) check_version(e_, x.tensor(), in.version, "input", i);
  const bool promoted = e_.op->promote == Promote::kCommon || e_.op->promote == Promote::kFloat;
  const Dtype computed = promoted ? e_.outputs()[0].dtype : in.dtype;
  return x->dtype() != computed ? Operand(to(x.tensor(), computed)) : x;
}

Tensor Vjp::y(int i) const {
  const Entry::Output& out = e_.outputs()[i];
  Packed* packed = e_.packed_output(static_cast<uint32_t>(i));
  check_saved(e_, packed || out.saved.defined(), "output", i);
  check(packed || out.saved.defined(), e_.name(), " keeps no output ", i);
  if (!packed) check_version(e_, out.saved, out.version, "output", i);
  const Tensor t = packed ? unpacked(*packed) : out.saved;
  const bool recorded = grad_enabled() && is_floating(t.dtype());
  return recorded ? at_output(t, e_, static_cast<uint32_t>(i)) : t.saved();
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
  if (v.entry().inputs()[i].packed()) return {};
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
