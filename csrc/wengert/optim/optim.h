// Optimizers for C++ users: a list of parameters, options, state. The rules are in
// ops/optim/optim.h.
//
//   optim::Adam optimizer(model.parameters(), {.lr = 1e-3});
//   optimizer.zero_grad();
//   backward(loss);
//   optimizer.step();
#pragma once

#include <optional>
#include <vector>

#include "wengert/ops/optim/optim.h"
#include "wengert/program/record/owned.h"
#include "wengert/tape/options.h"

namespace wengert::optim {

class Optimizer {
 public:
  // ValueError if a parameter is not a leaf, RuntimeError if it is undefined or not floating.
  explicit Optimizer(std::vector<Tensor> params);
  Optimizer(Optimizer&&) = default;
  Optimizer& operator=(Optimizer&&) = default;
  virtual ~Optimizer() = default;

  // Updates every parameter that has a gradient.
  virtual void step() = 0;
  void zero_grad(bool set_to_none = true) { wengert::zero_grad(params_, set_to_none); }
  const std::vector<Tensor>& parameters() const { return params_; }

  // ---- for schedules
  double lr() const { return const_cast<Optimizer*>(this)->rate(); }
  void set_lr(double lr) { rate() = lr; }
  // What schedules start from: the rate when the first of them was made.
  double first_lr() {
    if (!first_lr_) first_lr_ = rate();
    return *first_lr_;
  }
  void set_first_lr(double lr) { first_lr_ = lr; }
  // Momentum or beta1; null if there is neither.
  virtual double* momentum() { return nullptr; }

 protected:
  virtual double& rate() = 0;

  std::vector<Tensor> params_;

 private:
  std::optional<double> first_lr_;
};

// Hyper-parameters as a program reads them when it replays a step; see program/capture.h.
struct OptimizerState : OwnedState {
  virtual Attrs hyper() const = 0;
};

// What optimizers that are rules have in common.
class RuleOptimizer : public Optimizer {
 public:
  // A ValueError for hyper-parameters out of range.
  RuleOptimizer(std::vector<Tensor> params, const UpdateRow& rule, const Attrs& hyper);

 protected:
  void step_with(const Ref<OptimizerState>& state);

 private:
  const UpdateRow* rule_;
  std::vector<std::vector<Tensor>> lists_;  // one for each state of the rule
};

// The optimizer of a rule. Options may be changed between steps: `sgd.options().lr *= 0.1`.
template <class Options, const UpdateRow& kRule>
class OptimizerOf : public RuleOptimizer {
 public:
  explicit OptimizerOf(std::vector<Tensor> params, const Options& options = {})
      : RuleOptimizer(std::move(params), kRule, attrs_of(options)) {
    state_->options = options;
  }
  void step() override { step_with(state_.ref()); }
  Options& options() { return state_->options; }
  double* momentum() override {
    if constexpr (requires(Options& o) { o.beta1; }) {
      return &state_->options.beta1;
    } else if constexpr (requires(Options& o) { o.momentum; }) {
      return &state_->options.momentum;
    } else {
      return nullptr;
    }
  }

 protected:
  double& rate() override { return state_->options.lr; }

 private:
  struct State final : OptimizerState {
    Attrs hyper() const override { return attrs_of(options); }
    Options options;
  };
  Owner<State> state_;
};

using SGD = OptimizerOf<SgdOptions, sgd_update_op>;
using Adam = OptimizerOf<AdamOptions, adam_update_op>;
using RMSprop = OptimizerOf<RmspropOptions, rmsprop_update_op>;
using Adagrad = OptimizerOf<AdagradOptions, adagrad_update_op>;
using Adadelta = OptimizerOf<AdadeltaOptions, adadelta_update_op>;
using Adamax = OptimizerOf<AdamaxOptions, adamax_update_op>;
using NAdam = OptimizerOf<NadamOptions, nadam_update_op>;
using RAdam = OptimizerOf<RadamOptions, radam_update_op>;
using ASGD = OptimizerOf<AsgdOptions, asgd_update_op>;
using Rprop = OptimizerOf<RpropOptions, rprop_update_op>;

// AdamOptions with decoupled weight decay, which is on by default.
struct AdamWOptions {
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 1e-2;
  bool amsgrad = false;
  bool maximize = false;
};
class AdamW final : public Adam {
 public:
  explicit AdamW(std::vector<Tensor> params, const AdamWOptions& options = {});
};

}  // namespace wengert::optim
