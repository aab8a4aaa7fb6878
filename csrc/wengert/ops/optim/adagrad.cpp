// Adagrad (Duchi, Hazan and Singer 2011).
#include <cmath>

#include "wengert/kernels/update/loops.h"
#include "wengert/ops/optim/optim.h"
#include "wengert/ops/optim/rule.h"

namespace wengert {
namespace {

constexpr auto kSignature = update_signature<AdagradOptions>(
    "lr: float = 1e-2, lr_decay: float = 0.0, weight_decay: float = 0.0, "
    "initial_accumulator_value: float = 0.0, eps: float = 1e-10, maximize: bool = False");

template <class T>
struct Numbers {
  T sign, decay, eps, lr;
  Numbers(const AdagradOptions& o, const kernels::UpdateItem& item)
      : sign(o.maximize ? -1 : 1),
        decay(static_cast<T>(o.weight_decay)),
        eps(static_cast<T>(o.eps)),
        lr(static_cast<T>(-item.numbers[0])) {}
};

template <class T, bool kDecay>
void adagrad(T* __restrict p, const T* __restrict g, T* __restrict sum, int64_t n,
             const Numbers<T> c) {
  for (int64_t i = 0; i < n; ++i) {
    T d = c.sign * g[i];
    if constexpr (kDecay) d = d + c.decay * p[i];
    const T s = sum[i] + d * d;
    sum[i] = s;
    p[i] = p[i] + c.lr * d / (std::sqrt(s) + c.eps);
  }
}

void run(const Attrs& a, bool, kernels::UpdateItems items) {
  const auto o = options_of<AdagradOptions>(a);
  kernels::with_flags(
      [&](auto decay) {
        kernels::for_all(items, [&](auto zero, const kernels::UpdateItem& item, auto x, int64_t n) {
          using T = decltype(zero);
          adagrad<T, decltype(decay)::value>(x[0], x[1], x[2], n, Numbers<T>(o, item));
        });
      },
      o.weight_decay != 0);
}

void numbers(const Attrs& a, StateNumber* step, double* out) {
  const auto o = options_of<AdagradOptions>(a);
  out[0] = o.lr / (1 + (step->count_up() - 1) * o.lr_decay);
}

//   g += weight_decay p;  s += g^2;  p -= lr / (1 + (t - 1) lr_decay) * g / (sqrt(s) + eps)
constexpr UpdateRule kRule{
    .name = "Adagrad",
    .state = {{{.name = "step", .number = true},
               {.name = "sum",
                .initial =
                    [](const Attrs& a) {
                      return options_of<AdagradOptions>(a).initial_accumulator_value;
                    }}}},
    .check =
        [](const Attrs& a) {
          const auto o = options_of<AdagradOptions>(a);
          check_not_negative(o.lr, "learning rate");
          check_not_negative(o.lr_decay, "lr_decay");
          check_not_negative(o.weight_decay, "weight_decay");
          check_not_negative(o.initial_accumulator_value, "initial_accumulator_value");
          check_not_negative(o.eps, "epsilon");
        },
    .numbers = numbers,
    .run = run};

}  // namespace

// d = g + w x; s = s + d^2; x = x - lr / (1 + (t - 1) lr_decay) d / (sqrt(s) + eps)
constinit const UpdateRow adagrad_update_op =
    update_row("adagrad_update", kSignature.data(), "A step of Adagrad.", kRule);

}  // namespace wengert
