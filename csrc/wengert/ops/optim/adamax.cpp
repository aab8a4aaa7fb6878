// Adamax (Kingma and Ba 2015, algorithm 2).
#include <cmath>

#include "wengert/kernels/update/loops.h"
#include "wengert/ops/optim/optim.h"
#include "wengert/ops/optim/rule.h"

namespace wengert {
namespace {

constexpr auto kSignature = update_signature<AdamaxOptions>(
    "lr: float = 2e-3, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8, "
    "weight_decay: float = 0.0, maximize: bool = False");

template <class T>
struct Numbers {
  T sign, decay, beta2, eps, step_size;
  kernels::Lerp<T> lerp;
  Numbers(const AdamaxOptions& o, const kernels::UpdateItem& item)
      : sign(o.maximize ? -1 : 1),
        decay(static_cast<T>(o.weight_decay)),
        beta2(static_cast<T>(o.beta2)),
        eps(static_cast<T>(o.eps)),
        step_size(static_cast<T>(-item.numbers[0])),
        lerp(1 - o.beta1) {}
};

template <class T, bool kDecay>
void adamax(T* __restrict p, const T* __restrict g, T* __restrict m, T* __restrict u, int64_t n,
            const Numbers<T> c) {
  for (int64_t i = 0; i < n; ++i) {
    T d = c.sign * g[i];
    if constexpr (kDecay) d = d + c.decay * p[i];
    const T m1 = c.lerp(m[i], d), old = c.beta2 * u[i], size = std::abs(d) + c.eps;
    const T top = old > size || old != old ? old : size;  // a NaN on either side stays
    m[i] = m1;
    u[i] = top;
    p[i] = p[i] + c.step_size * m1 / top;
  }
}

void run(const Attrs& a, bool, kernels::UpdateItems items) {
  const auto o = options_of<AdamaxOptions>(a);
  kernels::with_flags(
      [&](auto decay) {
        kernels::for_all(items, [&](auto zero, const kernels::UpdateItem& item, auto x, int64_t n) {
          using T = decltype(zero);
          adamax<T, decltype(decay)::value>(x[0], x[1], x[2], x[3], n, Numbers<T>(o, item));
        });
      },
      o.weight_decay != 0);
}

void numbers(const Attrs& a, StateNumber* step, double* out) {
  const auto o = options_of<AdamaxOptions>(a);
  out[0] = o.lr / (1 - std::pow(o.beta1, step->count_up()));
}

//   g += weight_decay p;  m += (1 - beta1) (g - m);  u = max(beta2 u, |g| + eps);
//   p -= lr / (1 - beta1^t) * m / u
constexpr UpdateRule kRule{
    .name = "Adamax",
    .state = {{{.name = "step", .number = true}, {.name = "exp_avg"}, {.name = "exp_inf"}}},
    .check =
        [](const Attrs& a) {
          const auto o = options_of<AdamaxOptions>(a);
          check_means(o);
        },
    .numbers = numbers,
    .run = run};

}  // namespace

// d = g + w x; m = b1 m + (1 - b1) d; u = max(b2 u, |d| + eps); x = x - lr / (1 - b1^t) m / u
constinit const UpdateRow adamax_update_op =
    update_row("adamax_update", kSignature.data(), "A step of Adamax.", kRule);

}  // namespace wengert
