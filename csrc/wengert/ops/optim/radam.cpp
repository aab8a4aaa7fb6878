// RAdam (Liu et al. 2020, algorithm 2), Adam with a rectified variance.
#include <cmath>

#include "wengert/kernels/update/loops.h"
#include "wengert/ops/optim/optim.h"
#include "wengert/ops/optim/rule.h"

namespace wengert {
namespace {

constexpr auto kSignature = update_signature<RadamOptions>(
    "lr: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8, "
    "weight_decay: float = 0.0, decoupled_weight_decay: bool = False, maximize: bool = False");

template <class T>
struct Numbers {
  T sign, decay, shrink, beta2, rest2, eps, step_size;
  kernels::Lerp<T> lerp;
  Numbers(const RadamOptions& o, const kernels::UpdateItem& item)
      : sign(o.maximize ? -1 : 1),
        decay(static_cast<T>(o.weight_decay)),
        shrink(static_cast<T>(o.decoupled ? 1 - o.lr * o.weight_decay : 1)),
        beta2(static_cast<T>(o.beta2)),
        rest2(static_cast<T>(1 - o.beta2)),
        eps(static_cast<T>(o.eps)),
        step_size(static_cast<T>(-item.numbers[0])),
        lerp(1 - o.beta1) {}
};

template <class T, bool kDecay, bool kAdaptive>
void radam(T* __restrict p, const T* __restrict g, T* __restrict m, T* __restrict v, int64_t n,
           const Numbers<T> c) {
  for (int64_t i = 0; i < n; ++i) {
    T d = c.sign * g[i];
    const T x = p[i] * c.shrink;
    if constexpr (kDecay) d = d + c.decay * x;
    const T m1 = c.lerp(m[i], d), v1 = v[i] * c.beta2 + c.rest2 * d * d;
    m[i] = m1;
    v[i] = v1;
    T step = c.step_size * m1;
    if constexpr (kAdaptive) step = step / (std::sqrt(v1) + c.eps);
    p[i] = x + step;
  }
}

void run(const Attrs& a, bool, kernels::UpdateItems items) {
  const auto o = options_of<RadamOptions>(a);
  kernels::with_flags(
      [&](auto decay) {
        kernels::for_all(items, [&](auto zero, const kernels::UpdateItem& item, auto x, int64_t n) {
          using T = decltype(zero);
          const Numbers<T> c(o, item);
          if (item.numbers[1] != 0) {
            radam<T, decltype(decay)::value, true>(x[0], x[1], x[2], x[3], n, c);
          } else {
            radam<T, decltype(decay)::value, false>(x[0], x[1], x[2], x[3], n, c);
          }
        });
      },
      o.weight_decay != 0 && !o.decoupled);
}

// The step size, and whether there are enough steps for the variance to be known.
void numbers(const Attrs& a, StateNumber* step, double* out) {
  const auto o = options_of<RadamOptions>(a);
  const double t = step->count_up(), power = std::pow(o.beta2, t), left = 1 - power;
  const double most = 2 / (1 - o.beta2) - 1, rho = most - 2 * t * power / left;
  out[0] = o.lr / (1 - std::pow(o.beta1, t));
  out[1] = rho > 5;
  if (rho > 5)
    out[0] *= std::sqrt(left * (rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho));
}

//   g += weight_decay p, or if decoupled p -= lr weight_decay p;
//   m += (1 - beta1) (g - m);  v = beta2 v + (1 - beta2) g^2;
//   r = 2 / (1 - beta2) - 1;  rho = r - 2 t beta2^t / (1 - beta2^t);
//   rho > 5: p -= lr / (1 - beta1^t) * m * sqrt(1 - beta2^t) / (sqrt(v) + eps) *
//                 sqrt((rho - 4) (rho - 2) r / ((r - 4) (r - 2) rho)), or else
//   p -= lr / (1 - beta1^t) * m
constexpr UpdateRule kRule{
    .name = "RAdam",
    .state = {{{.name = "step", .number = true}, {.name = "exp_avg"}, {.name = "exp_avg_sq"}}},
    .check =
        [](const Attrs& a) {
          const auto o = options_of<RadamOptions>(a);
          check_means(o);
        },
    .numbers = numbers,
    .run = run};

}  // namespace

// m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; x = x - lr m / (1 - b1^t), once the variance is
// known times its rectification and sqrt(1 - b2^t) / (sqrt(v) + eps)
constinit const UpdateRow radam_update_op =
    update_row("radam_update", kSignature.data(), "A step of RAdam.", kRule);

}  // namespace wengert
