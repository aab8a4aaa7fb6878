// Optimizer steps as ops over lists: one call takes every parameter, so that its cost is that of
// the memory it moves. See optim.h for the formulas.
#include "wengert/kernels/update/update.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>

#include "wengert/base/allocator.h"
#include "wengert/ops/basic.h"
#include "wengert/ops/optim/optim.h"

// Note [update lists]: the inputs of these ops are `lanes` lists of attribute 0's n tensors, one
// after the other: parameters, gradients, state. All but the gradients are written. The tape's rule
// for an op that mutates covers input 0 only, so `shape` checks and `run` marks the others.

namespace wengert {
namespace {

using kernels::UpdateItem;
using kernels::UpdateItems;

int count(const Call& c) { return static_cast<int>(c.attrs.integer(0)); }

void check_written(const Tensor& t, const char* what, int i) {
  check(t->storage->writable(), "the memory of ", what, " ", i, " is read-only; clone() it first");
  if (t.is_contiguous()) return;
  for (int d = 0; d < t.ndim(); ++d)
    check(t.strides()[d] != 0 || t.shape()[d] <= 1, what, " ", i, " is an expanded tensor, whose ",
          "elements share memory; clone() it first");
}

void check_floating(const Tensor& t, const char* what, int i) {
  check(is_floating(t.dtype()), what, " ", i, " has dtype ", t.dtype(),
        "; a floating-point dtype is needed");
}

// Lists 0.. of `lanes` names; tensors of the same place have the same shape and dtype.
void check_lists(const Call& c, std::initializer_list<const char*> lanes) {
  const int n = count(c);
  for (int i = 0; i < n; ++i) {
    const Tensor& p = c.in(i);
    check_floating(p, "parameter", i);
    int lane = 0;
    for (const char* what : lanes) {
      const Tensor& t = c.in(lane * n + i);
      check(t.shape() == p.shape() && t.dtype() == p.dtype(), what, " ", i, " has shape ",
            t.shape(), " and dtype ", t.dtype(), ", its parameter ", p.shape(), " and ", p.dtype());
      if (lane++ != 1) check_written(t, what, i);
    }
  }
}

kernels::Lane lane_of(const Tensor& t) {
  return {t.data(), t.shape().begin(), t.strides().begin(), t.ndim(), t.is_contiguous()};
}

// The items of a call, in memory of the caching allocator.
class Items {
 public:
  Items(const Call& c, int n, int lanes)
      : n_(n), memory_(static_cast<size_t>(n) * sizeof(UpdateItem)) {
    for (int i = 0; i < n; ++i) {
      const Tensor& p = c.in(i);
      auto* item = new (memory_.as<UpdateItem>() + i) UpdateItem;
      item->dtype = p.dtype();
      item->size = p.numel();
      for (int l = 0; l < lanes; ++l) {
        item->lanes[l] = lane_of(c.in(l * n + i));
        item->contiguous &= item->lanes[l].contiguous;
      }
    }
  }
  UpdateItem& operator[](int i) { return memory_.as<UpdateItem>()[i]; }
  operator UpdateItems() { return {memory_.as<UpdateItem>(), static_cast<size_t>(n_)}; }

 private:
  int n_;
  Scratch memory_;
};

// All lists but the second are written, and the step counts behind them.
bool writes_state(const Call& c, int i) { return i < count(c) || i >= 2 * count(c); }
bool writes_list(const Call& c, int i) { return i < count(c); }

// Input 0's version is counted by the tape.
void count_changes(const Call& c, int lists) {
  const int n = count(c);
  for (int i = 1; i < n * lists; ++i)
    if (i < n || i >= 2 * n) ++c.in(i)->storage->version;
}

// d = g + w x; b = momentum b + (1 - dampening) d; x = x - lr b (nesterov: x - lr (d + momentum b))
constinit const Op sgd_update_op{
    .name = "sgd_update",
    .signature =
        "(tensors: Tensors, count: int, lr: float, momentum: float, dampening: float, "
        "weight_decay: float, nesterov: bool, maximize: bool, fresh: bool) -> Tensor",
    .on = 0,
    .doc =
        "A step of stochastic gradient descent: tensors holds `count` parameters, their "
        "gradients and, if momentum != 0, their momentum buffers; `fresh` buffers are written "
        "only. See ops/optim/optim.h.",
    .mutates = true,
    .shape =
        [](Call& c) {
          if (c.attrs.real(2) != 0) return check_lists(c, {"parameter", "gradient", "buffer"});
          check_lists(c, {"parameter", "gradient"});
        },
    .run =
        [](Call& c) {
          const Attrs& a = c.attrs;
          const kernels::SgdRule rule{a.real(1), a.real(2), a.real(3), a.real(4),
                                      a.flag(5), a.flag(6), a.flag(7)};
          const int lists = rule.momentum != 0 ? 3 : 2;
          Items items(c, count(c), lists);
          kernels::sgd_update(items, rule);
          count_changes(c, lists);
        },
    .writes = writes_state};

// Counts up the step of every parameter and sets the bias corrections that follow from it, in
// double. Parameters are nearly always at the same step: the powers are kept from one to the next.
void advance(const Call& c, int lists, const kernels::AdamRule& rule, Items& items) {
  const int n = count(c);
  double last = -1, step_size = 0, root = 1;
  for (int i = 0; i < n; ++i) {
    const Tensor& t = c.in(lists * n + i);
    const double step = dispatch_floating(
        t.dtype(), [&](auto zero) -> double { return *t.data_as<decltype(zero)>() += 1; });
    ++t->storage->version;
    if (step != last) {
      step_size = rule.lr / (1 - std::pow(rule.beta1, step));
      root = std::sqrt(1 - std::pow(rule.beta2, step));
      last = step;
    }
    items[i].step_size = step_size;
    items[i].root = root;
  }
}

// m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; x = x - lr (m / (1 - b1^t)) / (sqrt(v / (1 -
// b2^t)) + eps); weight decay adds w x to g, or, decoupled, multiplies x by 1 - lr w before
constinit const Op adam_update_op{
    .name = "adam_update",
    .signature =
        "(tensors: Tensors, count: int, lr: float, beta1: float, beta2: float, "
        "eps: float, weight_decay: float, amsgrad: bool, maximize: bool, "
        "decoupled: bool) -> Tensor",
    .on = 0,
    .doc =
        "A step of Adam or AdamW: tensors holds `count` parameters, their gradients, first and "
        "second moments, with amsgrad the maxima of the second, and last their 0-d step counts, "
        "which are counted up. See ops/optim/optim.h.",
    .mutates = true,
    .shape =
        [](Call& c) {
          const bool amsgrad = c.attrs.flag(6);
          if (amsgrad) {
            check_lists(c, {"parameter", "gradient", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"});
          } else {
            check_lists(c, {"parameter", "gradient", "exp_avg", "exp_avg_sq"});
          }
          for (int n = count(c), i = 0; i < n; ++i) {
            const Tensor& step = c.in((amsgrad ? 5 : 4) * n + i);
            check_floating(step, "step", i);
            check(step.numel() == 1, "step ", i, " has shape ", step.shape(),
                  "; one element is needed");
            check_written(step, "step", i);
          }
        },
    .run =
        [](Call& c) {
          const Attrs& a = c.attrs;
          const kernels::AdamRule rule{a.real(1), a.real(2), a.real(3), a.real(4),
                                       a.real(5), a.flag(6), a.flag(7), a.flag(8)};
          const int lists = rule.amsgrad ? 5 : 4;
          Items items(c, count(c), lists);
          advance(c, lists, rule, items);
          kernels::adam_update(items, rule);
          count_changes(c, lists);
        },
    .writes = writes_state};

// y = (sum of |x|^p over all tensors)^(1/p)
constinit const Op total_norm_op{
    .name = "total_norm",
    .signature = "(tensors: Tensors, norm_type: float = 2.0) -> Tensor",
    .on = 0,
    .doc = "The norm of all elements of a list of floating tensors, 0-d, of their common dtype.",
    .shape =
        [](Call& c) {
          Dtype common = Dtype::kBool;
          for (int i = 0; i < c.inputs(); ++i) {
            check_floating(c.in(i), "tensor", i);
            common = promote(common, c.in(i).dtype());
          }
          c.output(c.inputs() ? common : default_dtype(), {});
        },
    .run =
        [](Call& c) {
          Items items(c, c.inputs(), 1);
          const double norm = kernels::norm(items, c.attrs.real(0));
          dispatch_floating(c.out[0].dtype(), [&](auto zero) {
            *c.out[0].data_as<decltype(zero)>() = static_cast<decltype(zero)>(norm);
          });
        }};

// min(1, max_norm / (norm + 1e-6)) in the dtype of the norm.
double clip_factor(const Tensor& norm, double max_norm) {
  return dispatch_floating(norm.dtype(), [&](auto zero) -> double {
    using T = decltype(zero);
    const T inverse = T{1} / (*norm.data_as<T>() + static_cast<T>(1e-6));
    const T factor = inverse * static_cast<T>(max_norm);
    return factor > T{1} ? T{1} : factor;
  });
}

// x = x min(1, max_norm / (norm + 1e-6))
constinit const Op clip_update_op{
    .name = "clip_update",
    .signature = "(tensors: Tensors, count: int, max_norm: float) -> Tensor",
    .on = 0,
    .doc =
        "Multiplies the first `count` tensors by min(1, max_norm / (norm + 1e-6)), where norm "
        "is the last.",
    .mutates = true,
    .shape =
        [](Call& c) {
          const int n = count(c);
          for (int i = 0; i < n; ++i) {
            check_floating(c.in(i), "gradient", i);
            check_written(c.in(i), "gradient", i);
          }
          check(c.in(n).numel() == 1 && is_floating(c.in(n).dtype()), "the norm has shape ",
                c.in(n).shape(), " and dtype ", c.in(n).dtype(), "; one real number is needed");
        },
    .run =
        [](Call& c) {
          const int n = count(c);
          const double factor = clip_factor(c.in(n), c.attrs.real(1));
          if (factor == 1) return;
          Items items(c, n, 1);
          kernels::scale(items, factor);
          for (int i = 1; i < n; ++i) ++c.in(i)->storage->version;
        },
    .writes = writes_list};

// Gives every parameter a place in a list of state.
void fit(std::vector<Tensor>& list, size_t n, const char* op, const char* what) {
  if (list.empty()) list.resize(n);
  check(list.size() == n, op, ": ", static_cast<uint64_t>(list.size()), " ", what, " for ",
        static_cast<uint64_t>(n), " parameters");
}

// Not by an op, and unseen: a program must not make its state anew every time it is replayed.
Tensor new_zeros(const Dims& shape, Dtype dtype) {
  const WatchPause pause;
  Tensor t = Tensor::empty(shape, dtype);
  std::memset(t.data(), 0, static_cast<size_t>(t.bytes()));
  return t;
}

void add_where(Call& c, std::span<const Tensor> list, std::span<const Tensor> params) {
  for (size_t i = 0; i < params.size(); ++i)
    if (params[i].has_grad()) c.add_input(list[i]);
}
void add_grads(Call& c, std::span<const Tensor> params) {
  for (const Tensor& p : params)
    if (p.has_grad()) c.add_input(p.grad());
}
int64_t grads_in(std::span<const Tensor> params) {
  int64_t n = 0;
  for (const Tensor& p : params) n += p.has_grad() ? 1 : 0;
  return n;
}

void sgd_call(std::span<const Tensor> params, std::span<const Tensor> buffers, const SgdOptions& o,
              bool fresh) {
  const int64_t n = grads_in(params);
  if (n == 0) return;
  Call c(sgd_update_op,
         Attrs(n, o.lr, o.momentum, o.dampening, o.weight_decay, o.nesterov, o.maximize, fresh));
  add_where(c, params, params);
  add_grads(c, params);
  if (o.momentum != 0) add_where(c, buffers, params);
  apply(c);
}

}  // namespace

void sgd_step(std::span<const Tensor> params, std::vector<Tensor>& buffers, const SgdOptions& o) {
  GradMode off(false);
  if (o.momentum == 0) return sgd_call(params, {}, o, false);
  fit(buffers, params.size(), "sgd_step", "momentum buffers");
  // Without dampening the rule itself makes b = g of a buffer of zeros. With it, parameters with
  // and without a buffer are two calls.
  std::vector<Tensor> fresh_params, fresh_buffers, old_params, old_buffers;
  for (size_t i = 0; i < params.size(); ++i) {
    const Tensor& p = params[i];
    if (!p.has_grad() || buffers[i].defined()) continue;
    buffers[i] = new_zeros(p.shape(), p.dtype());
    if (o.dampening == 0) continue;
    fresh_params.push_back(p);
    fresh_buffers.push_back(buffers[i]);
  }
  if (fresh_params.empty()) return sgd_call(params, buffers, o, false);
  for (size_t i = 0; i < params.size(); ++i) {
    const auto same = [&](const Tensor& t) { return t.is_same(buffers[i]); };
    if (!buffers[i] || std::any_of(fresh_buffers.begin(), fresh_buffers.end(), same)) continue;
    old_params.push_back(params[i]);
    old_buffers.push_back(buffers[i]);
  }
  sgd_call(old_params, old_buffers, o, false);
  sgd_call(fresh_params, fresh_buffers, o, true);
}

void adam_step(std::span<const Tensor> params, std::vector<Tensor>& exp_avgs,
               std::vector<Tensor>& exp_avg_sqs, std::vector<Tensor>& max_exp_avg_sqs,
               std::vector<Tensor>& steps, const AdamOptions& o) {
  GradMode off(false);
  const size_t size = params.size();
  fit(exp_avgs, size, "adam_step", "exp_avgs");
  fit(exp_avg_sqs, size, "adam_step", "exp_avg_sqs");
  fit(steps, size, "adam_step", "steps");
  if (o.amsgrad) fit(max_exp_avg_sqs, size, "adam_step", "max_exp_avg_sqs");
  const int64_t n = grads_in(params);
  if (n == 0) return;
  const Dtype step_dtype = default_dtype() == Dtype::kFloat64 ? Dtype::kFloat64 : Dtype::kFloat32;
  for (size_t i = 0; i < size; ++i) {
    const Tensor& p = params[i];
    if (!p.has_grad()) continue;
    if (!exp_avgs[i]) exp_avgs[i] = new_zeros(p.shape(), p.dtype());
    if (!exp_avg_sqs[i]) exp_avg_sqs[i] = new_zeros(p.shape(), p.dtype());
    if (o.amsgrad && !max_exp_avg_sqs[i]) max_exp_avg_sqs[i] = new_zeros(p.shape(), p.dtype());
    if (!steps[i]) steps[i] = new_zeros({}, step_dtype);
  }
  Call c(adam_update_op, Attrs(n, o.lr, o.beta1, o.beta2, o.eps, o.weight_decay, o.amsgrad,
                               o.maximize, o.decoupled));
  add_where(c, params, params);
  add_grads(c, params);
  add_where(c, exp_avgs, params);
  add_where(c, exp_avg_sqs, params);
  if (o.amsgrad) add_where(c, max_exp_avg_sqs, params);
  add_where(c, steps, params);
  apply(c);
}

void zero_grad(std::span<const Tensor> params, bool set_to_none) {
  GradMode off(false);
  for (const Tensor& p : params) {
    if (set_to_none) {
      p.set_grad({});
      continue;
    }
    Tensor g = p.grad();
    if (!g) continue;
    if (g.requires_grad()) p.set_grad(g = g.detach());
    zero_(g);
  }
}

Tensor total_norm(std::span<const Tensor> tensors, double norm_type) {
  GradMode off(false);
  Call c(total_norm_op, Attrs(norm_type));
  for (const Tensor& t : tensors) c.add_input(t);
  apply(c);
  return std::move(c.out[0]);
}

void clip_grads_with_norm(std::span<const Tensor> grads, double max_norm, const Tensor& norm) {
  if (grads.empty()) return;
  GradMode off(false);
  Call c(clip_update_op, Attrs(static_cast<int64_t>(grads.size()), max_norm));
  for (const Tensor& g : grads) c.add_input(g);
  c.add_input(norm);
  apply(c);
}

Tensor clip_grad_norm(std::span<const Tensor> grads, double max_norm, double norm_type) {
  Tensor norm = total_norm(grads, norm_type);
  clip_grads_with_norm(grads, max_norm, norm);
  return norm;
}

const Op* const kUpdateOps[] = {&sgd_update_op, &adam_update_op, &total_norm_op, &clip_update_op};
std::span<const Op* const> update_ops() { return kUpdateOps; }

}  // namespace wengert
