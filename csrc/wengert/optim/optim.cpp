#include "wengert/optim/optim.h"

#include "wengert/ops/optim/rule.h"
#include "wengert/program/record/recording.h"

namespace wengert::optim {
namespace {

// ---- captured steps

struct OptionsRefresh final : Refresh {
  OptionsRefresh(const UpdateRow& r, Ref<OptimizerState> s) : rule(r), state(std::move(s)) {}
  bool refresh(Attrs& a) override { return update_reread(rule, a, state->hyper()); }
  const UpdateRow& rule;
  Ref<OptimizerState> state;
};

// An optimizer that was replaced by another has taken its momenta with it.
struct OptimizerGuard final : Guard {
  explicit OptimizerGuard(Ref<OptimizerState> s) : state(std::move(s)) {}
  bool holds() override { return state->owned; }
  Ref<OptimizerState> state;
};

}  // namespace

Optimizer::Optimizer(std::vector<Tensor> params) : params_(std::move(params)) {
  check(!params_.empty(), ErrorKind::kValue, "optimizer got an empty parameter list");
  for (const Tensor& p : params_) {
    check(p.defined(), "optimizer: a parameter is undefined");
    check(p.is_leaf(), ErrorKind::kValue, "can't optimize a non-leaf Tensor");
    check(is_floating(p.dtype()), "optimizer: a parameter has dtype ", p.dtype(),
          "; a floating-point dtype is needed");
  }
}

RuleOptimizer::RuleOptimizer(std::vector<Tensor> params, const UpdateRow& rule, const Attrs& hyper)
    : Optimizer(std::move(params)), rule_(&rule), lists_(static_cast<size_t>(rule.rule->states())) {
  try {
    rule.rule->check(hyper);
  } catch (Error& e) {
    e.set_op(rule.rule->name);
    throw;
  }
}

void RuleOptimizer::step_with(const Ref<OptimizerState>& state) {
  const Stepped done = update_step(*rule_, params_, lists_, state->hyper());
  Recording* r = current_recording();
  if (!r) return;
  if (done.any) r->attach(new OptionsRefresh(*rule_, state));
  r->left_behind |= done.fresh;  // later steps are another program
  if (state->is_news_to(r->id)) r->guard(new OptimizerGuard(state));
}

AdamW::AdamW(std::vector<Tensor> params, const AdamWOptions& o)
    : Adam(std::move(params), AdamOptions{.lr = o.lr,
                                          .beta1 = o.beta1,
                                          .beta2 = o.beta2,
                                          .eps = o.eps,
                                          .weight_decay = o.weight_decay,
                                          .amsgrad = o.amsgrad,
                                          .maximize = o.maximize,
                                          .decoupled = true}) {}

}  // namespace wengert::optim
