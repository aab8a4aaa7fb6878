#include "wengert/tape/running.h"

#include <atomic>
#include <utility>

namespace wengert {
namespace {

std::atomic<uint64_t> next_run{1};
thread_local Running* innermost = nullptr;

}  // namespace

Running::Running(std::span<const Tensor> from)
    : roots(from),
      number(next_run.fetch_add(1, std::memory_order_relaxed)),
      outer_(std::exchange(innermost, this)) {}
Running::~Running() { innermost = outer_; }

const Running::OnTheWay& Running::on_the_way() {
  if (way_) return *way_;
  way_.emplace();
  List<Entry*> open;
  const auto reach = [&](Entry* e, TensorImpl* leaf) {
    if (leaf && (!selective || leaf->retains_grad)) way_->leaves.insert(leaf);
    if (e && (!selective || e->needed) && way_->entries.insert(e->number).second) open.push_back(e);
  };
  for (const Tensor& r : roots) reach(entry_of(r), r->entry ? nullptr : r.impl());
  while (!open.empty()) {
    Entry* e = open.back();
    open.pop_back();
    for (const Entry::Input& in : e->inputs()) reach(in.producer(), in.leaf());
  }
  return *way_;
}

uint64_t backward_running() { return innermost ? innermost->number : 0; }
bool backward_reaches(uint64_t entry) {
  return innermost && innermost->on_the_way().entries.contains(entry);
}
bool backward_reaches(const Tensor& leaf) {
  return innermost && innermost->on_the_way().leaves.contains(leaf.impl());
}

}  // namespace wengert
