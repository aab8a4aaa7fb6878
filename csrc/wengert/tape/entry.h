// Entry: what the tape keeps of one call. Vjp: how a derivative rule sees it.
#pragma once

#include <span>

#include "wengert/tape/op.h"

namespace wengert {

class Entry;

// What a tensor asks to be called with; kept outside the tensor, so that the tape can reach it
// without keeping the tensor alive.
struct Hooks final : TensorExtras {
  struct Hook : RefCounted {
    virtual Tensor call(const Tensor& grad) = 0;  // undefined: unchanged
  };
  struct Item {
    int64_t id;
    Ref<Hook> hook;
    bool after_accumulate;
  };
  std::vector<Item> items;
  TensorImpl* kept = nullptr;  // whose .grad to fill: retain_grad
  void tensor_gone() override { kept = nullptr; }
};
Hooks& hooks_of(const Tensor& t);  // made, and known to the tape, when there are none yet
void retain_grad(const Tensor& t);

// A derivative written elsewhere (a Python Function). Called instead of the op's vjp.
struct CustomVjp : RefCounted {
  virtual void vjp(Vjp& v) = 0;
  virtual const char* name() const = 0;
  virtual void free() {}
};

class Entry final : public RefCounted {
 public:
  // One input: what to pass the gradient on to, and the value if the vjp reads it.
  struct Input {
    Ref<Entry> producer;   // made by another entry, as its output `index`
    Ref<TensorImpl> leaf;  // or a leaf that needs a gradient
    uint32_t index = 0;
    uint32_t version = 0;
    Operand saved;
    Dtype dtype = Dtype::kFloat32;
    Dims shape;
    bool wanted() const { return producer || leaf; }
  };
  struct Output {
    Dtype dtype = Dtype::kFloat32;
    Dims shape;
    Tensor saved;  // without history: a saved output must not keep its own entry alive
    uint32_t version = 0;
    Ref<Hooks> hooks;
    Tensor grad;  // while backward runs
  };

  const Op* op;
  uint64_t number;
  Attrs* attrs = nullptr;
  Ref<CustomVjp> custom;
  bool freed = false;
  bool needed = true;    // in a selective backward: leads to a chosen input
  uint64_t running = 0;  // the backward that has this entry in its heap

  std::span<Input> inputs() { return {inputs_, static_cast<size_t>(n_inputs_)}; }
  std::span<Output> outputs() { return {outputs_, static_cast<size_t>(n_outputs_)}; }
  const char* name() const { return custom ? custom->name() : op->name; }
  void release_saved();

  // One block of memory holds the entry, its inputs, outputs and attributes.
  static Ref<Entry> create(const Op& op, int inputs, int outputs, const Attrs& attrs);

 private:
  Entry(const Op& o, int inputs, int outputs, const Attrs& attrs);
  ~Entry() override;
  void dispose() override;

  static size_t bytes(int inputs, int outputs, bool attrs);
  int n_inputs_, n_outputs_;
  Input* inputs_;
  Output* outputs_;
};

inline Entry* entry_of(const Tensor& t) { return static_cast<Entry*>(t->entry.get()); }

// ---- vjps ----------------------------------------------------------------------------------

// What a vjp sees: the entry, the gradients of its outputs; it sets those of its inputs.
class Vjp {
 public:
  explicit Vjp(Entry& e) : e_(e) {}
  const Attrs& attrs() const { return *e_.attrs; }
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
  // Input i, output i; must be declared in Op::reads. Errors if changed since, or freed.
  Operand x(int i = 0) const;
  Tensor y(int i = 0) const;
  const Dims& shape(int i) const { return e_.inputs()[i].shape; }
  Dtype dtype(int i) const { return e_.inputs()[i].dtype; }
  bool has(int i) const;
  const Dims& output_shape(int i = 0) const { return e_.outputs()[i].shape; }
  // Sets the gradient of input i. Un-broadcasting and casts are done here, not in the rules.
  void set(int i, Tensor grad);
  Entry& entry() const { return e_; }

  List<Tensor>* grads = nullptr;
  bool selective = false;  // only gradients on the way to chosen inputs are wanted

 private:
  bool leads(int i) const;
  bool may_write_g(const Operand& x) const;
  Entry& e_;
  bool g_used_up_ = false;
};

}  // namespace wengert
