#include "wengert/tape/rule.h"

namespace wengert {
namespace {
thread_local RuleScope* innermost = nullptr;
}

RuleScope::RuleScope(const Entry& e, bool retain_graph)
    : entry(e), retains(retain_graph), outer_(std::exchange(innermost, this)) {}
RuleScope::~RuleScope() { innermost = outer_; }

const Entry* entry_of_rule() { return innermost ? &innermost->entry : nullptr; }
bool run_retains_graph() { return !innermost || innermost->retains; }
void run_goes_on_from(const Tensor& t, const Tensor& grad) {
  check(innermost != nullptr, "run_goes_on_from: no rule of a run is being called");
  innermost->rest.emplace_back(t, grad);
}

}  // namespace wengert
