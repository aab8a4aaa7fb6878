// NAdam (Dozat 2016), Adam with Nesterov momentum on a schedule.
#include <cmath>

#include "wengert/kernels/update/loops.h"
#include "wengert/ops/optim/optim.h"
#include "wengert/ops/optim/rule.h"

namespace wengert {
namespace {

constexpr auto kSignature = update_signature<NadamOptions>(
    "lr: float = 2e-3, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8, "
    "weight_decay: float = 0.0, momentum_decay: float = 4e-3, "
    "decoupled_weight_decay: bool = False, maximize: bool = False");

template <class T>
struct Numbers {
  T sign, decay, shrink, beta2, rest2, eps, of_gradient, of_mean, scale;
  kernels::Lerp<T> lerp;
  Numbers(const NadamOptions& o, const kernels::UpdateItem& item)
      : sign(o.maximize ? -1 : 1),
        decay(static_cast<T>(o.weight_decay)),
        shrink(static_cast<T>(o.decoupled ? 1 - o.lr * o.weight_decay : 1)),
        beta2(static_cast<T>(o.beta2)),
        rest2(static_cast<T>(1 - o.beta2)),
        eps(static_cast<T>(o.eps)),
        of_gradient(static_cast<T>(item.numbers[0])),
        of_mean(static_cast<T>(item.numbers[1])),
        scale(static_cast<T>(item.numbers[2])),
        lerp(1 - o.beta1) {}
};

template <class T, bool kDecay>
void nadam(T* __restrict p, const T* __restrict g, T* __restrict m, T* __restrict v, int64_t n,
           const Numbers<T> c) {
  for (int64_t i = 0; i < n; ++i) {
    T d = c.sign * g[i];
    const T x = p[i] * c.shrink;
    if constexpr (kDecay) d = d + c.decay * x;
    const T m1 = c.lerp(m[i], d), v1 = v[i] * c.beta2 + c.rest2 * d * d;
    m[i] = m1;
    v[i] = v1;
    p[i] = x + (c.of_gradient * d + c.of_mean * m1) / (std::sqrt(v1 * c.scale) + c.eps);
  }
}

void run(const Attrs& a, bool, kernels::UpdateItems items) {
  const auto o = options_of<NadamOptions>(a);
  kernels::with_flags(
      [&](auto decay) {
        kernels::for_all(items, [&](auto zero, const kernels::UpdateItem& item, auto x, int64_t n) {
          using T = decltype(zero);
          nadam<T, decltype(decay)::value>(x[0], x[1], x[2], x[3], n, Numbers<T>(o, item));
        });
      },
      o.weight_decay != 0 && !o.decoupled);
}

// mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2), and u the product of those so far.
void numbers(const Attrs& a, StateNumber* state, double* out) {
  const auto o = options_of<NadamOptions>(a);
  const double t = state[0].count_up();
  const auto mu = [&](double at) {
    return o.beta1 * (1 - 0.5 * std::pow(0.96, at * o.momentum_decay));
  };
  const double product = state[1].set(state[1].value * state[1].rounded(mu(t))), next = mu(t + 1);
  out[0] = -o.lr * (1 - mu(t)) / (1 - product);
  out[1] = -o.lr * next / (1 - product * next);
  out[2] = 1 / (1 - std::pow(o.beta2, t));
}

//   g += weight_decay p, or if decoupled p -= lr weight_decay p;
//   m += (1 - beta1) (g - m);  v = beta2 v + (1 - beta2) g^2;
//   p -= lr ((1 - mu_t) / (1 - u_t) g + mu_{t+1} / (1 - u_{t+1}) m) / (sqrt(v / (1 - beta2^t)) +
//   eps)
constexpr UpdateRule kRule{
    .name = "NAdam",
    .state = {{{.name = "step", .number = true},
               {.name = "mu_product", .number = true, .initial = [](const Attrs&) { return 1.0; }},
               {.name = "exp_avg"},
               {.name = "exp_avg_sq"}}},
    .check =
        [](const Attrs& a) {
          const auto o = options_of<NadamOptions>(a);
          check_means(o);
          check_not_negative(o.momentum_decay, "momentum_decay");
        },
    .numbers = numbers,
    .run = run};

}  // namespace

// m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; x = x - lr ((1 - mu_t) / (1 - u_t) g +
// mu_{t+1} / (1 - u_{t+1}) m) / (sqrt(v / (1 - b2^t)) + eps)
constinit const UpdateRow nadam_update_op =
    update_row("nadam_update", kSignature.data(), "A step of NAdam.", kRule);

}  // namespace wengert
