// Entry: what the tape keeps of one call. Vjp: how a derivative rule sees it.
#pragma once

#include <span>

#include "wengert/tape/op.h"

namespace wengert {

class Entry;
struct Packed;      // tape/saved.h
struct SavedHooks;  // tape/saved.h

// Something of another language that the tape keeps. That language's collector is shown `held`; see
// Note [collecting].
struct Held : RefCounted {
  virtual void* held() const { return nullptr; }
};

// What a tensor asks to be called with; kept outside the tensor, so that the tape can reach it
// without keeping the tensor alive.
struct Hooks final : TensorExtras {
  struct Hook : Held {
    virtual Tensor call(const Tensor& grad) = 0;  // undefined: unchanged
  };
  // In the order in which a backward comes to them. All but the first are of leaves only.
  enum class When : uint8_t { kGradient, kBeforeNode, kAccumulated, kAfterNode };
  struct Item {
    int64_t id;
    Ref<Hook> hook;
    When when;
  };
  bool any(When when) const {
    for (const Item& i : items)
      if (i.when == when) return true;
    return false;
  }
  std::vector<Item> items;
  TensorImpl* kept = nullptr;  // whose .grad to fill: retain_grad
  Ref<Hooks> before;           // those of what the tensor was before it was changed in place
  void tensor_gone() override { kept = nullptr; }
};
Hooks& hooks_of(const Tensor& t);  // made, and known to the tape, when there are none yet
void remove_hook(const Tensor& t, int64_t id);
// The gradient after those hooks that are called then.
Tensor call_hooks(const Hooks& hooks, Tensor grad, Hooks::When when);
void retain_grad(const Tensor& t);

// A derivative written elsewhere (a Python Function). Called instead of the op's vjp.
struct CustomVjp : Held {
  virtual void vjp(Vjp& v) = 0;
  virtual const char* name() const = 0;
  virtual void free() {}
};

// Called with the gradients that come to an entry before its vjp, or with those and what it gives
// after it; may replace the former, or the latter.
struct NodeHook : Held {
  NodeHook(int64_t number, bool first) : id(number), before(first) {}
  virtual void call(std::span<Tensor> of_inputs, std::span<Tensor> of_outputs) = 0;
  const int64_t id;
  const bool before;
};

class Entry final : public RefCounted {
 public:
  // One input: what to pass the gradient on to, and the value if the vjp reads it.
  class Input {
   public:
    // Made by another entry, as its output `index`; or a leaf that needs a gradient; or neither.
    Entry* producer() const { return made_ ? static_cast<Entry*>(source_.get()) : nullptr; }
    TensorImpl* leaf() const { return made_ ? nullptr : static_cast<TensorImpl*>(source_.get()); }
    bool wanted() const { return static_cast<bool>(source_); }
    bool has_saved() const { return kind_ != Saved::kNone; }
    Operand saved() const;  // none if packed
    Packed* packed() const {
      return kind_ == Saved::kPacked ? reinterpret_cast<Packed*>(saved_) : nullptr;
    }

    uint32_t index = 0;
    uint32_t version = 0;
    Dtype dtype = Dtype::kFloat32;

    Input() = default;
    Input(const Input&) = delete;
    Input& operator=(const Input&) = delete;
    ~Input() { forget_tensor(); }
    // Whether there was one. Numbers are kept.
    bool forget_tensor() {
      if (kind_ != Saved::kTensor && kind_ != Saved::kPacked) return false;
      const Saved was = std::exchange(kind_, Saved::kNone);
      was == Saved::kTensor ? reinterpret_cast<TensorImpl*>(saved_)->release() : forget_packed();
      return true;
    }

   private:
    friend class Entry;
    friend class Owned;
    void comes_from(const Tensor& t);
    void save(const Operand& x);
    void save(Ref<Packed> packed);
    void forget_packed();
    enum class Saved : uint8_t { kNone, kTensor, kPacked, kBool, kInt, kFloat };
    Saved kind_ = Saved::kNone;
    bool made_ = false;
    uint8_t ndim_ = 0;
    uint32_t shape_at_ = 0;
    Ref<RefCounted> source_;
    int64_t saved_ = 0;  // a number's bits, or a reference to a TensorImpl or a Packed
  };
  struct Output {
    Tensor saved;  // without history: a saved output must not keep its own entry alive
    Tensor grad;   // while backward runs
    uint32_t version = 0;
    Dtype dtype = Dtype::kFloat32;

   private:
    friend class Entry;
    uint8_t ndim_ = 0;
    uint32_t shape_at_ = 0;
  };

  // Data members are in an order that leaves no gaps: a long graph is many entries.
  bool freed = false;
  bool needed = true;  // in a selective backward: leads to a chosen input

 private:
  // Behind the outputs lie the sizes of shapes, the attributes' numbers, the attributes' tags.
  uint16_t n_attrs_;
  uint32_t n_inputs_, n_outputs_, n_sizes_, n_numbers_;

 public:
  const Op* op;
  uint64_t number;
  uint64_t running = 0;  // the backward that has this entry in its heap

  std::span<Input> inputs() { return {reinterpret_cast<Input*>(this + 1), n_inputs_}; }
  std::span<Output> outputs() {
    return {reinterpret_cast<Output*>(inputs().data() + n_inputs_), n_outputs_};
  }
  Ints shape(const Input& in) { return {numbers() + in.shape_at_, in.ndim_}; }
  Ints shape(const Output& out) { return {numbers() + out.shape_at_, out.ndim_}; }
  Attrs attrs();
  bool has_attrs() const { return n_attrs_ > 0; }

  CustomVjp* custom() const { return rare_ ? rare_->custom.get() : nullptr; }
  void set_custom(Ref<CustomVjp> custom) { rare().custom = std::move(custom); }
  // Of the tensor that is output i.
  Hooks* hooks(uint32_t i) const {
    return rare_ && i < rare_->hooks.size() ? rare_->hooks[i].get() : nullptr;
  }
  void set_hooks(uint32_t i, Ref<Hooks> hooks);
  bool has_node_hooks() const { return rare_ && !rare_->node_hooks.empty(); }
  void add_node_hook(Ref<NodeHook> hook) { rare().node_hooks.push_back(std::move(hook)); }
  void remove_node_hook(int64_t id);
  void call_node_hooks(bool before, std::span<Tensor> of_inputs, std::span<Tensor> of_outputs);
  // What another language keeps with the entry.
  Held* notes() const { return rare_ ? rare_->notes.get() : nullptr; }
  void set_notes(Ref<Held> notes) { rare().notes = std::move(notes); }
  const char* name() const { return custom() ? custom()->name() : op->name; }
  void release_saved();
  // Hands what is saved to the hooks, and keeps what they return in its place.
  void pack_input(SavedHooks& hooks, uint32_t i);
  void pack_inputs(SavedHooks& hooks) {
    for (uint32_t i = 0; i < n_inputs_; ++i) pack_input(hooks, i);
  }
  void pack_output(SavedHooks& hooks, uint32_t i, const Tensor& t);
  Packed* packed_output(uint32_t i) const;
  // Those inputs to which a gradient goes on, as bits; see reads_input.
  uint32_t wanted();

  // One block of memory holds the entry, its inputs and outputs, their shapes and the attributes.
  // The outputs are described as these tensors; the inputs are saved as the op's `reads` says.
  static Ref<Entry> create(const Call& c, std::span<const Tensor> outputs);

 private:
  friend class Owned;
  // What most entries have nothing of.
  struct Rare : RefCounted {
    Ref<CustomVjp> custom;
    List<Ref<Hooks>> hooks;  // by output
    List<Ref<NodeHook>> node_hooks;
    List<Ref<Held>> packed;  // by output
    Ref<Held> notes;
  };
  Entry(const Call& c, std::span<const Tensor> outputs, uint32_t sizes, uint32_t wanted);
  ~Entry() override;
  void dispose() override;
  Rare& rare() {
    if (!rare_) rare_ = new Rare;
    return *rare_;
  }
  int64_t* numbers() { return reinterpret_cast<int64_t*>(outputs().data() + n_outputs_); }
  static size_t bytes(size_t inputs, size_t outputs, size_t sizes, size_t numbers, size_t attrs);

  Ref<Rare> rare_;
};

// What `wanted` of the call's entry will be.
uint32_t wanted_inputs(const Call& c);

// Calls f(held, context) for every object that only the graph behind the tensor (or entry) keeps,
// if that is kept by one owner; what f returns, unless 0, ends it and is returned.
int visit_held(TensorImpl& t, int (*f)(void*, void*), void* context);
int visit_held(Entry& e, int (*f)(void*, void*), void* context);
// Lets go of the hooks and of the history of a tensor that nobody else has.
void forget_graph(TensorImpl& t);

inline Entry* entry_of(const Tensor& t) { return static_cast<Entry*>(t->entry.get()); }
// The tensor is from now on output i of the entry. Hooks stay with what it was, whose gradient they
// asked for; retain_grad comes along.
void give_entry(const Tensor& t, const Ref<Entry>& e, uint32_t i);

// ---- vjps ----------------------------------------------------------------------------------

// What a vjp sees: the entry, the gradients of its outputs; it sets those of its inputs.
class Vjp {
 public:
  explicit Vjp(Entry& e) : e_(e) {}
  const Attrs& attrs() const {
    if (attrs_.count() == 0 && e_.has_attrs()) attrs_ = e_.attrs();
    return attrs_;
  }
  int inputs() const { return static_cast<int>(e_.inputs().size()); }
  // Only gradients that are wanted need to be computed.
  bool needs(int i) const { return e_.inputs()[i].wanted() && (!selective || leads(i)); }
  bool needs_any() const {
    for (int i = 0; i < inputs(); ++i)
      if (needs(i)) return true;
    return false;
  }
  // The gradient of output i; zeros where nothing came.
  Tensor g(int i = 0) const;
  bool has_g(int i) const { return e_.outputs()[i].grad.defined(); }
  // op(g, x) for the gradient of output 0, as the rule's last use of it: written over g where
  // nobody else holds that. Op is pointwise; x may be left out.
  Tensor over_g(const Op& op, const Operand& x = {}, const Attrs& attrs = {});
  // The gradient of output 0, as the rule's last use of it, in contiguous memory that the rule may
  // change: a copy where somebody else holds it.
  Tensor own_g();
  // Input i, output i; must be declared in Op::reads. Errors if changed since, or freed. An input
  // that was promoted is in the dtype in which the op computed, its output's.
  Operand x(int i = 0) const;
  Tensor y(int i = 0) const;
  Dims shape(int i) const { return Dims(e_.shape(e_.inputs()[i])); }
  Dtype dtype(int i) const { return e_.inputs()[i].dtype; }
  bool has(int i) const;
  Dims output_shape(int i = 0) const { return Dims(e_.shape(e_.outputs()[i])); }
  // Sets the gradient of input i. Un-broadcasting and casts are done here, not in the rules.
  void set(int i, Tensor grad);
  // Adds `part` to what input i has as its gradient from others so far, at these strides and this
  // offset, and returns true, if that may be written; so the parts of a whole make one gradient,
  // not one each.
  bool add_part(int i, const Tensor& part, const Dims& strides, int64_t offset) const;
  Entry& entry() const { return e_; }

  List<Tensor>* grads = nullptr;
  bool selective = false;  // only gradients on the way to chosen inputs are wanted

 private:
  bool leads(int i) const;
  bool may_write_g(const Operand& x) const;
  Tensor unpacked(Packed& packed) const;
  Tensor of_packed(const Entry::Input& in) const;  // at its place of the graph
  Entry& e_;
  mutable Attrs attrs_;  // unpacked when first asked for
  mutable std::vector<std::pair<const Packed*, Tensor>> unpacked_;
  bool g_used_up_ = false;
};

}  // namespace wengert
