// What a derivative rule asks of the run of backward that calls it.
#pragma once

#include <utility>
#include <vector>

#include "wengert/tape/entry.h"

namespace wengert {

// What input i has as its gradient from others so far, contiguous, if the rule may add to it in
// place; else undefined. A HoldOn lives while it does: other threads may look at .grad.
Tensor gradient_so_far(const Vjp& v, int i);
// The memory of input i, contiguous, for the rule to write a result over, as its last look at
// anything saved; undefined where anybody else may still read it.
Tensor take_saved(Vjp& v, int i);

// While it lives, this thread is in a rule that a run has called.
struct RuleScope {
  RuleScope(const Entry& e, bool retain_graph);
  ~RuleScope();
  RuleScope(const RuleScope&) = delete;
  RuleScope& operator=(const RuleScope&) = delete;
  const Entry& entry;
  const bool retains;
  std::vector<std::pair<Tensor, Tensor>> rest;  // where the run goes on

 private:
  RuleScope* outer_;
};
// Whose rule this thread is in; null in none.
const Entry* entry_of_rule();
// Whether the run keeps what is saved for another one.
bool run_retains_graph();
// In place of gradients: a tensor of a graph made just now, with its gradient. The run goes on
// there.
void run_goes_on_from(const Tensor& t, const Tensor& grad);

}  // namespace wengert
