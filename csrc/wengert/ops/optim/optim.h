// Optimizer steps and what goes with them, each one pass over the memory of all parameters.
//
// None of these is differentiable; they write to tensors whose history they do not touch, as if
// under no_grad, and count the change in the version of every storage they write to.
#pragma once

#include <span>
#include <vector>

#include "wengert/tape/op.h"

namespace wengert {

struct UpdateRule;
struct UpdateRow : Op {
  const UpdateRule* rule;
};

// ---- the rules, each in a file of its name, with its formulas; see Note [update rules]

extern const UpdateRow sgd_update_op;
struct SgdOptions {
  double lr = 1e-3;
  double momentum = 0;
  double dampening = 0;
  double weight_decay = 0;
  bool nesterov = false;
  bool maximize = false;
};

extern const UpdateRow adam_update_op;
struct AdamOptions {
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;
  bool amsgrad = false;
  bool maximize = false;
  bool decoupled = false;  // AdamW: the parameter shrinks by lr * weight_decay
};

extern const UpdateRow rmsprop_update_op;
struct RmspropOptions {
  double lr = 1e-2;
  double alpha = 0.99;
  double eps = 1e-8;
  double weight_decay = 0;
  double momentum = 0;
  bool centered = false;
  bool maximize = false;
};

extern const UpdateRow adagrad_update_op;
struct AdagradOptions {
  double lr = 1e-2;
  double lr_decay = 0;
  double weight_decay = 0;
  double initial_accumulator_value = 0;
  double eps = 1e-10;
  bool maximize = false;
};

extern const UpdateRow adadelta_update_op;
struct AdadeltaOptions {
  double lr = 1;
  double rho = 0.9;
  double eps = 1e-6;
  double weight_decay = 0;
  bool maximize = false;
};

extern const UpdateRow adamax_update_op;
struct AdamaxOptions {
  double lr = 2e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;
  bool maximize = false;
};

extern const UpdateRow nadam_update_op;
struct NadamOptions {
  double lr = 2e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;
  double momentum_decay = 4e-3;
  bool decoupled = false;  // the parameter shrinks by lr * weight_decay
  bool maximize = false;
};

extern const UpdateRow radam_update_op;
struct RadamOptions {
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;
  bool decoupled = false;  // the parameter shrinks by lr * weight_decay
  bool maximize = false;
};

extern const UpdateRow asgd_update_op;
struct AsgdOptions {
  double lr = 1e-2;
  double lambd = 1e-4;
  double alpha = 0.75;
  double t0 = 1e6;
  double weight_decay = 0;
  bool maximize = false;
};

extern const UpdateRow rprop_update_op;
struct RpropOptions {
  double lr = 1e-2;
  double eta1 = 0.5;
  double eta2 = 1.2;
  double step_size1 = 1e-6;
  double step_size2 = 50;
  bool maximize = false;
};

inline constexpr const UpdateRow* kUpdateRows[] = {
    &sgd_update_op,      &adam_update_op,   &rmsprop_update_op, &adagrad_update_op,
    &adadelta_update_op, &adamax_update_op, &nadam_update_op,   &radam_update_op,
    &asgd_update_op,     &rprop_update_op};

// ---- a step of any rule

// What a step has come to.
struct Stepped {
  bool any = false;    // a parameter had a gradient
  bool made = false;   // state that was missing
  bool fresh = false;  // a first step that differs from later ones
};

// Steps the parameters that have a gradient. `hyper` are the hyper-parameters of the rule whose op
// it is; `state` is a list as long as `params`, or empty, for each state of the rule. What is
// missing is made as PyTorch's first step makes it. Parameters are float32 or float64, mixed at
// will; gradients and state have their shape and dtype (RuntimeError otherwise).
Stepped update_step(const UpdateRow& op, std::span<const Tensor> params,
                    std::span<std::vector<Tensor>> state, const Attrs& hyper);

// Takes new hyper-parameters over into the attributes of a call. False if they ask for another
// call: if a flag differs, or whether a state exists.
bool update_reread(const UpdateRow& op, Attrs& attrs, const Attrs& hyper);

// ---- gradients

// Drops the gradients, or fills them with zeros.
void zero_grad(std::span<const Tensor> params, bool set_to_none = true);

// The norm of all the elements of `tensors` together, (sum |x|^p)^(1/p), as a 0-d tensor; p may be
// infinite (the largest or smallest |x|). p = 0 counts the tensors that are not all zero, which is
// what PyTorch's norm of norms comes to. Floating tensors only. Sums are made in double.
Tensor total_norm(std::span<const Tensor> tensors, double norm_type = 2);

// Multiplies every gradient by min(1, max_norm / (norm + 1e-6)), in place.
void clip_grads_with_norm(std::span<const Tensor> grads, double max_norm, const Tensor& norm);

// Both of the above; returns the norm from before.
Tensor clip_grad_norm(std::span<const Tensor> grads, double max_norm, double norm_type = 2);

}  // namespace wengert
