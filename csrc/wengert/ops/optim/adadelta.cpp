// Adadelta (Zeiler 2012, algorithm 1).
#include <cmath>

#include "wengert/kernels/update/loops.h"
#include "wengert/ops/optim/optim.h"
#include "wengert/ops/optim/rule.h"

namespace wengert {
namespace {

constexpr auto kSignature = update_signature<AdadeltaOptions>(
    "lr: float = 1.0, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0.0, "
    "maximize: bool = False");

template <class T>
struct Numbers {
  T sign, decay, rho, rest, eps, lr;
  explicit Numbers(const AdadeltaOptions& o)
      : sign(o.maximize ? -1 : 1),
        decay(static_cast<T>(o.weight_decay)),
        rho(static_cast<T>(o.rho)),
        rest(static_cast<T>(1 - o.rho)),
        eps(static_cast<T>(o.eps)),
        lr(static_cast<T>(-o.lr)) {}
};

template <class T, bool kDecay>
void adadelta(T* __restrict p, const T* __restrict g, T* __restrict v, T* __restrict moved,
              int64_t n, const Numbers<T> c) {
  for (int64_t i = 0; i < n; ++i) {
    T d = c.sign * g[i];
    if constexpr (kDecay) d = d + c.decay * p[i];
    const T v1 = v[i] * c.rho + c.rest * d * d;
    v[i] = v1;
    const T step = std::sqrt(moved[i] + c.eps) / std::sqrt(v1 + c.eps) * d;
    moved[i] = moved[i] * c.rho + c.rest * step * step;
    p[i] = p[i] + c.lr * step;
  }
}

void run(const Attrs& a, bool, kernels::UpdateItems items) {
  const auto o = options_of<AdadeltaOptions>(a);
  kernels::with_flags(
      [&](auto decay) {
        kernels::for_all(items, [&](auto zero, const kernels::UpdateItem&, auto x, int64_t n) {
          using T = decltype(zero);
          adadelta<T, decltype(decay)::value>(x[0], x[1], x[2], x[3], n, Numbers<T>(o));
        });
      },
      o.weight_decay != 0);
}

//   g += weight_decay p;  v = rho v + (1 - rho) g^2;  d = sqrt(u + eps) / sqrt(v + eps) g;
//   u = rho u + (1 - rho) d^2;  p -= lr d
constexpr UpdateRule kRule{
    .name = "Adadelta",
    .state = {{{.name = "step", .number = true}, {.name = "square_avg"}, {.name = "acc_delta"}}},
    .check =
        [](const Attrs& a) {
          const auto o = options_of<AdadeltaOptions>(a);
          check_not_negative(o.lr, "learning rate");
          check(o.rho >= 0 && o.rho <= 1, ErrorKind::kValue, "invalid rho: ", o.rho,
                "; it must be in [0, 1]");
          check_not_negative(o.eps, "epsilon");
          check_not_negative(o.weight_decay, "weight_decay");
        },
    .numbers = count_steps,
    .run = run};

}  // namespace

// d = g + w x; v = rho v + (1 - rho) d^2; d = sqrt(u + eps) / sqrt(v + eps) d;
// u = rho u + (1 - rho) d^2; x = x - lr d
constinit const UpdateRow adadelta_update_op =
    update_row("adadelta_update", kSignature.data(), "A step of Adadelta.", kRule);

}  // namespace wengert
