#include "wengert/tape/entry.h"

#include <memory>

#include "wengert/tape/tape.h"

namespace wengert {

static_assert(sizeof(Entry::Input) == 32 && sizeof(Entry::Output) == 32 && sizeof(Entry) == 64,
              "a recorded operation of two inputs fits 192 bytes");

// ---- inputs --------------------------------------------------------------------------------

void Entry::Input::comes_from(const Tensor& t) {
  if (t->entry) {
    source_ = t->entry;
    made_ = true;
    index = t->output_index;
  } else if (t->requires_grad) {
    source_ = t.ref();
  }
}

void Entry::Input::save(const Operand& x) {
  if (x.is_tensor()) {
    kind_ = Saved::kTensor;
    x->impl()->retain();
    saved_ = reinterpret_cast<int64_t>(x->impl());
  } else if (x.is_scalar()) {
    const Scalar& s = x.scalar();
    kind_ = s.is_float()                     ? Saved::kFloat
            : s.kind() == Scalar::Kind::kInt ? Saved::kInt
                                             : Saved::kBool;
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

bool Entry::Input::forget_tensor() {
  if (kind_ != Saved::kTensor) return false;
  kind_ = Saved::kNone;
  reinterpret_cast<TensorImpl*>(saved_)->release();
  return true;
}

// ---- entries -------------------------------------------------------------------------------

namespace {

// Calls f(i, t, fresh) for the outputs, then g(i, t, fresh) for the inputs that are tensors. One
// that is not fresh has the shape of the one before and shares it: of most ops all do.
template <class F, class G>
void each_shape(const Call& c, std::span<const Tensor> outputs, const F& f, const G& g) {
  const Dims* last = nullptr;
  const auto fresh = [&](const Dims& shape) {
    const bool differs = !last || !(*last == shape);
    last = &shape;
    return differs;
  };
  for (size_t i = 0; i < outputs.size(); ++i) f(i, outputs[i], fresh(outputs[i].shape()));
  for (int i = 0; i < c.inputs(); ++i) {
    const Operand& x = c.original(i);
    if (x.is_tensor()) g(static_cast<size_t>(i), x.tensor(), fresh(x->shape()));
  }
}

}  // namespace

size_t Entry::bytes(size_t inputs, size_t outputs, size_t sizes, size_t numbers, size_t attrs) {
  return sizeof(Entry) + inputs * sizeof(Input) + outputs * sizeof(Output) +
         (sizes + numbers) * sizeof(int64_t) + attrs * sizeof(Attrs::Tag);
}

Ref<Entry> Entry::create(const Call& c, std::span<const Tensor> outputs) {
  const size_t attrs = c.attrs.tags().size();
  check(attrs <= UINT16_MAX, "too many arguments in one call: ", static_cast<uint64_t>(attrs));
  uint32_t sizes = 0;
  const auto count = [&sizes](size_t, const Tensor& t, bool fresh) {
    if (fresh) sizes += static_cast<uint32_t>(t.ndim());
  };
  each_shape(c, outputs, count, count);
  return new (allocate(bytes(static_cast<size_t>(c.inputs()), outputs.size(), sizes,
                             c.attrs.numbers().size(), attrs))) Entry(c, outputs, sizes);
}

Entry::Entry(const Call& c, std::span<const Tensor> made, uint32_t sizes)
    : n_attrs_(static_cast<uint16_t>(c.attrs.tags().size())),
      n_inputs_(static_cast<uint32_t>(c.inputs())),
      n_outputs_(static_cast<uint32_t>(made.size())),
      n_sizes_(sizes),
      n_numbers_(static_cast<uint32_t>(c.attrs.numbers().size())),
      op(&c.op()) {
  std::uninitialized_default_construct_n(inputs().data(), n_inputs_);
  std::uninitialized_default_construct_n(outputs().data(), n_outputs_);
  int64_t* const first = numbers();
  int64_t* at = first;
  const auto describe = [&](auto& of, const Tensor& t, bool fresh) {
    if (fresh) at = std::copy(t.shape().begin(), t.shape().end(), at);
    of.dtype = t.dtype();
    of.ndim_ = static_cast<uint8_t>(t.ndim());
    of.shape_at_ = static_cast<uint32_t>(at - first - t.ndim());
  };
  each_shape(
      c, made, [&](size_t i, const Tensor& t, bool fresh) { describe(outputs()[i], t, fresh); },
      [&](size_t i, const Tensor& t, bool fresh) { describe(inputs()[i], t, fresh); });
  if (n_attrs_ == 0) return;
  at = std::copy_n(c.attrs.numbers().data(), n_numbers_, at);
  std::copy_n(c.attrs.tags().data(), n_attrs_, reinterpret_cast<Attrs::Tag*>(at));
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

void Entry::release_saved() {
  for (Input& in : inputs()) freed |= in.forget_tensor();
  for (Output& out : outputs())
    if (out.saved.defined()) {
      out.saved = Tensor();
      freed = true;
    }
  if (custom()) custom()->free();
}

Hooks& hooks_of(const Tensor& t) {
  if (!t->extras) t->extras = new Hooks;
  auto* hooks = static_cast<Hooks*>(t->extras.get());
  if (t->entry) entry_of(t)->set_hooks(t->output_index, hooks);
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

Operand Vjp::x(int i) const {
  const Entry::Input& in = e_.inputs()[i];
  check_saved(e_, in.has_saved() || !e_.freed, "input", i);
  Operand x = in.saved();
  if (x.is_tensor()) check_version(e_, x.tensor(), in.version, "input", i);
  return x;
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

bool Vjp::has(int i) const { return i < inputs() && e_.inputs()[i].has_saved(); }

void Vjp::set(int i, Tensor grad) {
  if (!grad.defined() || !needs(i)) return;
  const Entry::Input& in = e_.inputs()[i];
  const Ints shape = e_.shape(in);
  if (!(grad.shape() == shape)) grad = sum_to(grad, Dims(shape));
  if (grad.dtype() != in.dtype) grad = to(grad, in.dtype);
  (*grads)[i] = std::move(grad);
}

}  // namespace wengert
