// Optimizers for C++ users: a list of parameters, options, state. The steps are in
// ops/optim/optim.h.
//
//   optim::Adam optimizer(model.parameters(), {.lr = 1e-3});
//   optimizer.zero_grad();
//   backward(loss);
//   optimizer.step();
#pragma once

#include <vector>

#include "wengert/ops/optim/optim.h"
#include "wengert/program/record/owned.h"

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

 protected:
  std::vector<Tensor> params_;
};

// What a program reads of an optimizer when it replays a step; see program/capture.h.
template <class Options>
struct OptimizerState final : OwnedState {
  Options options;
};

// Options may be changed between steps: `sgd.options().lr *= 0.1`. The constructors throw a
// ValueError for an option out of range.
class SGD final : public Optimizer {
 public:
  SGD(std::vector<Tensor> params, const SgdOptions& options);
  void step() override;
  SgdOptions& options() { return state_->options; }

 private:
  Owner<OptimizerState<SgdOptions>> state_;
  std::vector<Tensor> momentum_buffers_;
};

class Adam : public Optimizer {
 public:
  explicit Adam(std::vector<Tensor> params, const AdamOptions& options = {});
  void step() override;
  AdamOptions& options() { return state_->options; }

 private:
  Owner<OptimizerState<AdamOptions>> state_;
  std::vector<Tensor> exp_avgs_, exp_avg_sqs_, max_exp_avg_sqs_, steps_;
};

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
