#include "wengert/tape/rule.h"

namespace wengert {
namespace {
thread_local RuleScope* innermost = nullptr;
}

RuleScope::RuleScope(bool retain_graph)
    : retains(retain_graph), outer_(std::exchange(innermost, this)) {}
RuleScope::~RuleScope() { innermost = outer_; }

bool run_retains_graph() { return !innermost || innermost->retains; }
void run_goes_on_from(const Tensor& t, const Tensor& grad) {
  check(innermost != nullptr, "run_goes_on_from: no rule of a run is being called");
  innermost->rest.emplace_back(t, grad);
}

}  // namespace wengert
