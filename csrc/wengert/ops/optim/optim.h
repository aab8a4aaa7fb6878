// Optimizer steps and what goes with them, each one pass over the memory of all parameters.
//
// None of these is differentiable; they write to tensors whose history they do not touch, as if
// under no_grad, and count the change in the version of every storage they write to.
#pragma once

#include <span>
#include <vector>

#include "wengert/tensor/tensor.h"

namespace wengert {

struct SgdOptions {
  double lr = 1e-3;
  double momentum = 0;
  double dampening = 0;
  double weight_decay = 0;
  bool nesterov = false;
  bool maximize = false;
};

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

// In both steps: g = p.grad(), and parameters without one are skipped. Parameters are float32 or
// float64, mixed at will; gradients and state have their shape and dtype (RuntimeError otherwise).
// The lists of state are as long as `params`, or empty; what is missing is made as PyTorch's
// first step makes it.

// Stochastic gradient descent with momentum (Sutskever et al. 2013, in PyTorch's form):
//   g += weight_decay p;  b = momentum b + (1 - dampening) g, at first b = g;
//   p -= lr (nesterov ? g + momentum b : b).  Without momentum p -= lr g, and no buffers are made.
void sgd_step(std::span<const Tensor> params, std::vector<Tensor>& momentum_buffers,
              const SgdOptions& options);

// Adam (Kingma and Ba 2015, algorithm 1) and AdamW (Loshchilov and Hutter 2019):
//   m += (1 - beta1) (g - m);  v = beta2 v + (1 - beta2) g^2;  amsgrad: v = max of all v;
//   p -= lr / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + eps).
// `steps` holds t of each parameter as a floating 0-d tensor, counted up here; the maxima are only
// used with amsgrad.
void adam_step(std::span<const Tensor> params, std::vector<Tensor>& exp_avgs,
               std::vector<Tensor>& exp_avg_sqs, std::vector<Tensor>& max_exp_avg_sqs,
               std::vector<Tensor>& steps, const AdamOptions& options);

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
