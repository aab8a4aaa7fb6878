#include "wengert/optim/optim.h"

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

SGD::SGD(std::vector<Tensor> params, const SgdOptions& o)
    : Optimizer(std::move(params)), options_(o) {
  check_not_negative(o.lr, "SGD", "learning rate");
  check_not_negative(o.momentum, "SGD", "momentum");
  check_not_negative(o.weight_decay, "SGD", "weight_decay");
  check(!o.nesterov || (o.momentum > 0 && o.dampening == 0), ErrorKind::kValue,
        "SGD: Nesterov momentum requires a momentum and zero dampening");
}
void SGD::step() { sgd_step(params_, momentum_buffers_, options_); }

Adam::Adam(std::vector<Tensor> params, const AdamOptions& o)
    : Optimizer(std::move(params)), options_(o) {
  check_not_negative(o.lr, "Adam", "learning rate");
  check_not_negative(o.eps, "Adam", "epsilon");
  check_not_negative(o.weight_decay, "Adam", "weight_decay");
  check_beta(o.beta1, "beta1");
  check_beta(o.beta2, "beta2");
}
void Adam::step() {
  adam_step(params_, exp_avgs_, exp_avg_sqs_, max_exp_avg_sqs_, steps_, options_);
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
