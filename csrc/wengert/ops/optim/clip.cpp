// Norms of lists of gradients, clipping by them, and dropping them. See optim.h.
#include "wengert/ops/basic.h"
#include "wengert/ops/optim/items.h"
#include "wengert/ops/optim/optim.h"

namespace wengert {
namespace {

constexpr Signature kTotalNorm = "(tensors: Tensors, norm_type: float = 2.0) -> Tensor";
constexpr Signature kClip = "(tensors: Tensors, count: int, max_norm: float) -> Tensor";

int count(const Call& c) { return static_cast<int>(c.attrs.integer(kClip["count"])); }
bool writes_list(const Call& c, int i) { return i < count(c); }

// y = (sum of |x|^p over all tensors)^(1/p)
constinit const Op total_norm_op{
    .name = "total_norm",
    .signature = kTotalNorm,
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
          UpdateList items(c, c.inputs(), {0});
          const double norm = kernels::norm(items, c.attrs.real(kTotalNorm["norm_type"]));
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
    .signature = kClip,
    .on = 0,
    .doc =
        "Multiplies the first `count` tensors by min(1, max_norm / (norm + 1e-6)), where norm "
        "is the last.",
    .mutates = true,
    .shape =
        [](Call& c) {
          const int n = count(c);
          check(n >= 0 && n < c.inputs(), c.inputs(), " tensors for ", n, " gradients and a norm");
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
          const double factor = clip_factor(c.in(n), c.attrs.real(kClip["max_norm"]));
          if (factor == 1) return;
          UpdateList items(c, n, {0});
          kernels::scale(items, factor);
        },
    .writes = writes_list};

}  // namespace

void zero_grad(std::span<const Tensor> params, bool set_to_none) {
  GradMode off(false);
  check_defined(params, "zero_grad", "params");
  for (const Tensor& p : params) {
    if (set_to_none) {
      p.set_grad({});
      continue;
    }
    Tensor g = p.grad();
    if (!g.defined()) continue;
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

const Op* const kClipOps[] = {&total_norm_op, &clip_update_op};
std::span<const Op* const> clip_ops() { return kClipOps; }

}  // namespace wengert
