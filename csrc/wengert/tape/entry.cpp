#include "wengert/tape/entry.h"

#include <memory>
#include <utility>

#include "wengert/tape/anomaly.h"
#include "wengert/tape/saved.h"
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

inline void Entry::Input::save(Ref<Packed> packed) {
  forget_tensor();
  packed->retain();
  saved_ = reinterpret_cast<int64_t>(packed.get());
  kind_ = Saved::kPacked;
}

void Entry::Input::forget_packed() { reinterpret_cast<Packed*>(saved_)->release(); }

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
    case Saved::kPacked:
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
  // What goes may call Python, which may look at this entry: first it says that it is freed.
  for (Input& in : inputs()) {
    freed |= in.has_saved();
    in.forget_tensor();
  }
  for (Output& out : outputs()) {
    freed |= out.saved.defined();
    const Tensor gone = std::exchange(out.saved, Tensor());
  }
  if (rare_ && !rare_->packed.empty()) {
    freed = true;
    const List<Ref<Held>> gone = std::exchange(rare_->packed, {});
  }
  if (custom()) custom()->free();
}

void Entry::pack_input(SavedHooks& hooks, uint32_t i) {
  Input& in = inputs()[i];
  if (in.kind_ == Input::Saved::kTensor) in.save(pack(hooks, in.saved().tensor()));
}

void Entry::pack_output(SavedHooks& hooks, uint32_t i, const Tensor& t) {
  Ref<Packed> packed = pack(hooks, t.detach());
  List<Ref<Held>>& all = rare().packed;
  if (i >= all.size()) all.resize(i + 1);
  all[i] = std::move(packed);
  outputs()[i].saved = Tensor();
}

Packed* Entry::packed_output(uint32_t i) const {
  return rare_ && i < rare_->packed.size() ? static_cast<Packed*>(rare_->packed[i].get()) : nullptr;
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

}  // namespace wengert
