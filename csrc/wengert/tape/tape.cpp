#include "wengert/tape/tape.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "wengert/base/long_work.h"
#include "wengert/tape/anomaly.h"
#include "wengert/tape/autocast.h"
#include "wengert/tape/leaf.h"
#include "wengert/tape/rule.h"
#include "wengert/tape/running.h"
#include "wengert/tape/turn.h"

// Note [order]: an entry is numbered when it is made, so whoever uses its outputs has a larger
// number. Popping the largest number from a heap therefore meets every entry after all entries
// that could still add to its gradient: no counting of dependencies, no sort, no recursion.

namespace wengert {

// ---- backward ------------------------------------------------------------------------------

namespace {

bool older(const Entry* a, const Entry* b) { return a->number < b->number; }

using When = Hooks::When;

// One run of backward. Gradients of entries wait in their outputs until the entry is popped.
class Run {
 public:
  Run(std::span<const Tensor> roots, const BackwardOptions& o)
      : options_(o), mode_(o.create_graph), running_(roots) {
    heap_.reserve(16);
    grads_.reserve(8);
  }
  ~Run() {  // after an exception: leave no gradients behind
    for (Entry* e : heap_) finish(*e);
    for (const auto& [e, before] : reached_) e->needed = before;
    for (; !chosen_leaves_.empty(); chosen_leaves_.pop_back())
      chosen_leaves_.back().first->retains_grad = chosen_leaves_.back().second;
  }

  void seed(const Tensor& root, const Tensor& grad) {
    if (root->entry) {
      give(entry_of(root), root->output_index, grad);
    } else if (root->requires_grad) {
      give_leaf(root.impl(), grad);
    }
  }

  // Restricts the run to what leads to the chosen tensors, whose gradients go to `results`.
  void choose(std::span<const Tensor> chosen, std::vector<Tensor>& results);

  void go() {
    while (!heap_.empty()) {
      std::pop_heap(heap_.begin(), heap_.end(), older);
      Ref<Entry> e = heap_.back();
      heap_.pop_back();
      struct Finish {
        Run& run;
        Entry& e;
        ~Finish() { run.finish(e); }
      } finish{*this, *e};
      process(*e);
    }
    finish_hooked();
  }

 private:
  void finish(Entry& e) {
    for (Entry::Output& out : e.outputs()) out.grad = Tensor();
    e.running = 0;
    e.release();
  }

  void keep(const Tensor& t, const Tensor& g) { t.set_grad(t.has_grad() ? add(t.grad(), g) : g); }

  void process(Entry& e) {
    auto outputs = e.outputs();
    for (size_t i = 0; i < outputs.size(); ++i) {
      Entry::Output& out = outputs[i];
      const Ref<Hooks> hooks = e.hooks(static_cast<uint32_t>(i));
      if (hooks && out.grad.defined()) {
        out.grad = call_hooks(*hooks, out.grad, When::kGradient);
        if (hooks->kept) keep(Tensor(hooks->kept), out.grad);
      }
      if (selective_) collect(&e, static_cast<uint32_t>(i), out.grad);
    }
    if (grads_.size() < e.inputs().size()) grads_.resize(e.inputs().size());
    Vjp v(e);
    v.grads = &grads_;
    v.selective = selective_;
    if (selective_ && !v.needs_any()) return;
    const RuleScope rule(e, options_.retain_graph);
    e.has_node_hooks() ? between_hooks(v) : run_vjp(v);
    auto inputs = e.inputs();
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (!grads_[i].defined()) continue;
      Tensor g = std::move(grads_[i]);
      if (inputs[i].producer()) {
        give(inputs[i].producer(), inputs[i].index, std::move(g));
      } else {
        give_leaf(inputs[i].leaf(), std::move(g));
      }
    }
    if (!options_.retain_graph) e.release_saved();
    for (const auto& [root, g] : rule.rest) seed(root, g);
  }

  static void run_vjp(Vjp& v) {
    Entry& e = v.entry();
    if (anomaly_enabled()) [[unlikely]]
      return run_vjp_watched(e, v);
    e.custom() ? e.custom()->vjp(v) : e.op->vjp(v);
  }

  void between_hooks(Vjp& v) {
    Entry& e = v.entry();
    List<Tensor> of_outputs;
    for (Entry::Output& out : e.outputs()) of_outputs.push_back(std::move(out.grad));
    e.call_node_hooks(true, {}, of_outputs);
    for (size_t i = 0; i < of_outputs.size(); ++i) e.outputs()[i].grad = of_outputs[i];
    run_vjp(v);
    e.call_node_hooks(false, {grads_.data(), e.inputs().size()}, of_outputs);
  }

  void give(Entry* e, uint32_t i, Tensor g) {
    if (e->running != running_.number) {
      check(e->running == 0,
            "backward: this part of the graph is being differentiated by an enclosing backward");
      e->running = running_.number;
      e->retain();
      heap_.push_back(e);
      std::push_heap(heap_.begin(), heap_.end(), older);
    }
    accumulate(e->outputs()[i].grad, std::move(g));
  }

  // In place where nobody else can see it.
  void accumulate(Tensor& sum, Tensor g) {
    if (!sum.defined()) {
      sum = std::move(g);
    } else if (!options_.create_graph && sum.is_only_handle() && sum.is_contiguous()) {
      add_(sum, g);
    } else {
      sum = add(sum, g);
    }
  }

  void give_leaf(TensorImpl* leaf, Tensor g) {
    if (leaf->extras) {
      hooked_leaf(leaf, std::move(g));
    } else if (selective_) {
      collect(leaf, 0, g);
    } else {
      add_to_grad(Tensor(leaf), std::move(g));
    }
  }

  // A hook sees the whole gradient, so that of a leaf with hooks waits for the end of the run.
  void hooked_leaf(TensorImpl* leaf, Tensor g) {
    for (auto& [waiting, sum] : hooked_)
      if (waiting.get() == leaf) return accumulate(sum, std::move(g));
    hooked_.emplace_back(leaf, std::move(g));
  }

  void finish_hooked() {
    for (auto& [leaf, sum] : hooked_) {
      const Ref<TensorExtras> keep = leaf->extras;
      auto& hooks = static_cast<Hooks&>(*keep);
      Tensor g = call_hooks(hooks, std::move(sum), When::kGradient);
      selective_ ? collect(leaf.get(), 0, g) : add_hooked(Tensor(leaf), std::move(g));
    }
  }

 public:
  // Adds to .grad of a leaf with hooks, as its node in the graph would.
  void add_hooked(const Tensor& t, Tensor g) {
    const Ref<TensorExtras> keep = t->extras;
    const auto& hooks = static_cast<const Hooks&>(*keep);
    g = call_hooks(hooks, std::move(g), When::kBeforeNode);
    const Tensor added = hooks.any(When::kAfterNode) ? g : Tensor();
    add_to_grad(t, std::move(g));
    call_hooks(hooks, t, When::kAccumulated);
    if (added.defined()) call_hooks(hooks, added, When::kAfterNode);
  }

  // The first gradient is moved, not copied, when it is nobody else's.
  void add_to_grad(const Tensor& t, Tensor g) {
    const HoldOn whole;  // other threads may look at .grad
    if (!t.has_grad()) {
      t.set_grad(options_.create_graph ? g : as_gradient_of(t, g));
    } else if (options_.create_graph) {
      t.set_grad(add(t.grad(), g));
    } else {
      Tensor sum = t.grad();
      add_(sum, g);
    }
  }

 private:
  void collect(const void* key, uint32_t output, const Tensor& g) {
    if (!g.defined()) return;
    const auto [begin, end] = targets_.equal_range(key);
    for (auto it = begin; it != end; ++it)
      if (it->second.first == output) accumulate((*results_)[it->second.second], g);
  }

  const BackwardOptions& options_;
  const NoAutocast off_;
  GradMode mode_;
  Running running_;
  List<Entry*> heap_;  // owns one reference to each
  List<Tensor> grads_;
  List<std::pair<Ref<TensorImpl>, Tensor>> hooked_;
  bool& selective_ = running_.selective;
  std::unordered_multimap<const void*, std::pair<uint32_t, size_t>> targets_;
  std::vector<Tensor>* results_ = nullptr;
  std::vector<std::pair<Ref<Entry>, bool>> reached_;  // as `needed` was, for a run around this
  std::vector<std::pair<Ref<TensorImpl>, bool>> chosen_leaves_;  // as `retains_grad` was
};

void Run::choose(std::span<const Tensor> chosen, std::vector<Tensor>& results) {
  selective_ = true;
  results_ = &results;
  results.resize(chosen.size());
  for (size_t i = 0; i < chosen.size(); ++i) {
    const Tensor& t = chosen[i];
    t.catch_up();
    const void* key = t->entry ? static_cast<const void*>(entry_of(t)) : t.impl();
    targets_.emplace(key, std::pair(t->entry ? t->output_index : 0u, i));
    if (t->entry) continue;
    chosen_leaves_.emplace_back(t.ref(), t->retains_grad);
    t->retains_grad = true;  // marks the leaf while this run lasts; see Vjp::leads
  }
  // Collect every entry that can be reached; then, oldest first, mark those that lead to a target.
  std::unordered_set<const Entry*> seen;
  const auto reach = [&](Entry* e) {
    if (e && seen.insert(e).second) reached_.emplace_back(e, e->needed);
  };
  for (const Tensor& r : running_.roots) {
    r.catch_up();
    reach(entry_of(r));
  }
  for (size_t i = 0; i < reached_.size(); ++i) {
    Entry* e = reached_[i].first.get();
    for (const Entry::Input& in : e->inputs()) reach(in.producer());
  }
  std::sort(reached_.begin(), reached_.end(),
            [](const auto& a, const auto& b) { return older(a.first.get(), b.first.get()); });
  for (const auto& [e, before] : reached_) {
    e->needed = targets_.contains(e.get());
    for (const Entry::Input& in : e->inputs())
      e->needed |= in.producer() ? in.producer()->needed : targets_.contains(in.leaf());
  }
}

void start(Run& run, std::span<const Tensor> roots, std::span<const Tensor> grads) {
  for (size_t i = 0; i < roots.size(); ++i) {
    const Tensor& root = roots[i];
    check(root.requires_grad(), "element ", static_cast<uint64_t>(i),
          " of tensors does not require grad and does not have a grad_fn");
    Tensor g = i < grads.size() ? grads[i] : Tensor();
    if (!g.defined()) {
      check(root.numel() == 1, "grad can be implicitly created only for scalar outputs, got shape ",
            root.shape());
      g = ones_like(root.detach());
    }
    check(g.shape() == root.shape(), "Mismatch in shape: grad_output[", static_cast<uint64_t>(i),
          "] has a shape of ", g.shape(), " and output[", static_cast<uint64_t>(i),
          "] has a shape of ", root.shape(), '.');
    run.seed(root, g.dtype() == root.dtype() ? g : to(g, root.dtype()));
  }
}

}  // namespace

void backward(Tensors roots, Tensors grads, const BackwardOptions& options, Tensors inputs) {
  check_defined(roots, "backward", "tensors");
  check_defined(inputs, "backward", "inputs");
  const Turn turn;
  Run run(roots, options);
  std::vector<Tensor> results;
  if (!inputs.empty()) run.choose(inputs, results);
  start(run, roots, grads);
  run.go();
  for (size_t i = 0; i < results.size(); ++i) {
    if (!results[i].defined()) continue;
    const bool hooked = inputs[i]->extras && inputs[i].is_leaf();
    hooked ? run.add_hooked(inputs[i], std::move(results[i]))
           : run.add_to_grad(inputs[i], std::move(results[i]));
  }
}

std::vector<Tensor> grad(Tensors roots, Tensors inputs, Tensors grads,
                         const BackwardOptions& options) {
  check_defined(roots, "grad", "tensors");
  check_defined(inputs, "grad", "inputs");
  for (const Tensor& t : inputs)
    check(t.requires_grad(), "One of the differentiated Tensors does not require grad");
  std::vector<Tensor> results;
  const Turn turn;
  Run run(roots, options);
  run.choose(inputs, results);
  start(run, roots, grads);
  run.go();
  for (size_t i = 0; i < results.size(); ++i)
    check(results[i].defined() || options.allow_unused,
          "One of the differentiated Tensors appears to not have been used in the graph. Set "
          "allow_unused=True if this is the desired behavior.");
  return results;
}

}  // namespace wengert
