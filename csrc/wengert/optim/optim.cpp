#include "wengert/optim/optim.h"

#include "wengert/program/record/recording.h"

namespace wengert::optim {
namespace {

// Written so that a NaN is refused too.
void check_not_negative(double value, const char* optimizer, const char* what) {
  check(value >= 0, ErrorKind::kValue, optimizer, ": invalid ", what, ": ", value,
        "; it must be >= 0");
}

void check_beta(double value, const char* what) {
  check(value >= 0 && value < 1, ErrorKind::kValue, "Adam: invalid ", what, ": ", value,
        "; it must be in [0, 1)");
}

// ---- captured steps

// The options of a step, in the order of the attributes of its op, which follow the count. False
// if a flag has changed, or whether there is a momentum at all.
bool reread(const SgdOptions& o, Attrs& a) {
  if (a.flag(5) != o.nesterov || a.flag(6) != o.maximize) return false;
  if ((a.real(2) == 0) != (o.momentum == 0)) return false;
  int i = 1;
  for (const double v : {o.lr, o.momentum, o.dampening, o.weight_decay}) a.set(i++, v);
  return true;
}
bool reread(const AdamOptions& o, Attrs& a) {
  if (a.flag(6) != o.amsgrad || a.flag(7) != o.maximize || a.flag(8) != o.decoupled) return false;
  int i = 1;
  for (const double v : {o.lr, o.beta1, o.beta2, o.eps, o.weight_decay}) a.set(i++, v);
  return true;
}

template <class Options>
using State = OptimizerState<Options>;

template <class Options>
struct OptionsRefresh final : Refresh {
  explicit OptionsRefresh(Ref<State<Options>> s) : state(std::move(s)) {}
  bool refresh(Attrs& a) override { return reread(state->options, a); }
  Ref<State<Options>> state;
};

// An optimizer that was replaced by another has taken its momenta with it.
template <class Options>
struct OptimizerGuard final : Guard {
  explicit OptimizerGuard(Ref<State<Options>> s) : state(std::move(s)) {}
  bool holds() override { return state->owned; }
  Ref<State<Options>> state;
};

template <class Options>
void note_step(const Ref<State<Options>>& state) {
  Recording* r = current_recording();
  if (!r) return;
  r->attach(new OptionsRefresh<Options>(state));
  if (state->is_news_to(r->id)) r->guard(new OptimizerGuard<Options>(state));
}

bool lacks_buffer(const std::vector<Tensor>& params, const std::vector<Tensor>& buffers) {
  for (size_t i = 0; i < params.size(); ++i)
    if (params[i].has_grad() && (buffers.empty() || !buffers[i])) return true;
  return false;
}

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

SGD::SGD(std::vector<Tensor> params, const SgdOptions& o) : Optimizer(std::move(params)) {
  state_->options = o;
  check_not_negative(o.lr, "SGD", "learning rate");
  check_not_negative(o.momentum, "SGD", "momentum");
  check_not_negative(o.weight_decay, "SGD", "weight_decay");
  check(!o.nesterov || (o.momentum > 0 && o.dampening == 0), ErrorKind::kValue,
        "SGD: Nesterov momentum requires a momentum and zero dampening");
}
void SGD::step() {
  const SgdOptions& o = state_->options;
  // A first step takes the whole gradient for the momentum; later ones are another program.
  if (Recording* r = current_recording(); r && o.momentum != 0 && o.dampening != 0)
    r->left_behind |= lacks_buffer(params_, momentum_buffers_);
  sgd_step(params_, momentum_buffers_, o);
  note_step(state_.ref());
}

Adam::Adam(std::vector<Tensor> params, const AdamOptions& o) : Optimizer(std::move(params)) {
  state_->options = o;
  check_not_negative(o.lr, "Adam", "learning rate");
  check_not_negative(o.eps, "Adam", "epsilon");
  check_not_negative(o.weight_decay, "Adam", "weight_decay");
  check_beta(o.beta1, "beta1");
  check_beta(o.beta2, "beta2");
}
void Adam::step() {
  adam_step(params_, exp_avgs_, exp_avg_sqs_, max_exp_avg_sqs_, steps_, state_->options);
  note_step(state_.ref());
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
