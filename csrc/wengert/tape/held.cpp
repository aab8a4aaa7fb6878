#include <unordered_map>

#include "wengert/tape/saved.h"

// Note [collecting]: a Function, a hook or a note of Python's may hold a tensor whose graph keeps
// it, so that neither is ever free. Python's collector finds such cycles if it can follow them
// through the graph: a Python tensor shows it what the graph behind it keeps. It may show an object
// only if it owns it, by links each of which is the only way to what it leads to. What has other
// owners besides (a result that was computed from the tensor) is not shown, and its cycle stays.

namespace wengert {

// What of the graph has no owner outside of it, found from one tensor or entry on.
class Owned {
 public:
  Owned(int (*f)(void*, void*), void* context) : f_(f), context_(context) {}

  // Something is owned whole once all references to it have been seen.
  template <class T>
  void see(T* p) {
    if (p && ++seen_[p] == p->refs()) expand(p);
  }
  int drain() {
    while (!entries_.empty() && result_ == 0 && seen_.size() < kMost) {
      Entry* e = entries_.back();
      entries_.pop_back();
      look_into(*e);
    }
    return result_;
  }

 private:
  // A graph beyond this size is not searched to its end.
  static constexpr size_t kMost = 1 << 16;

  void expand(Held* held) {
    if (void* object = held->held(); object && result_ == 0) result_ = f_(object, context_);
  }
  void expand(Hooks* hooks) {
    for (const Hooks::Item& i : hooks->items) see<Held>(i.hook.get());
    see(hooks->before.get());
  }
  void expand(TensorImpl* t) {
    see(static_cast<Hooks*>(t->extras.get()));
    see(static_cast<Entry*>(t->entry.get()));
    see(t->grad.get());
  }
  void expand(Entry* e) { entries_.push_back(e); }  // not within: chains are long

  void look_into(Entry& e) {
    if (Entry::Rare* rare = e.rare_.get()) {
      see<Held>(rare->custom.get());
      for (const Ref<Hooks>& hooks : rare->hooks) see(hooks.get());
      for (const Ref<NodeHook>& hook : rare->node_hooks) see<Held>(hook.get());
      for (const Ref<Held>& packed : rare->packed) see(packed.get());
      see(rare->notes.get());
    }
    for (Entry::Input& in : e.inputs()) {
      see(in.producer());
      see(in.leaf());
      if (in.kind_ == Entry::Input::Saved::kTensor) see(reinterpret_cast<TensorImpl*>(in.saved_));
      see<Held>(in.packed());
    }
  }

  int (*f_)(void*, void*);
  void* context_;
  int result_ = 0;
  std::unordered_map<const RefCounted*, int32_t> seen_;
  List<Entry*> entries_;
};

int visit_held(TensorImpl& t, int (*f)(void*, void*), void* context) {
  if (t.refs() != 1 || (!t.entry && !t.extras)) return 0;
  Owned owned(f, context);
  owned.see(&t);
  return owned.drain();
}

int visit_held(Entry& e, int (*f)(void*, void*), void* context) {
  if (e.refs() != 1) return 0;
  Owned owned(f, context);
  owned.see(&e);
  return owned.drain();
}

void forget_graph(TensorImpl& t) {
  if (t.refs() != 1) return;
  const Ref<RefCounted> entry = std::move(t.entry);  // let go of at the end
  const Ref<TensorExtras> extras = std::move(t.extras);
  if (extras) extras->tensor_gone();
}

}  // namespace wengert
