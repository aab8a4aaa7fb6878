// Averaged stochastic gradient descent (Polyak and Juditsky 1992).
#include <algorithm>
#include <cmath>

#include "wengert/kernels/update/loops.h"
#include "wengert/ops/optim/optim.h"
#include "wengert/ops/optim/rule.h"

namespace wengert {
namespace {

constexpr auto kSignature = update_signature<AsgdOptions>(
    "lr: float = 1e-2, lambd: float = 1e-4, alpha: float = 0.75, t0: float = 1000000.0, "
    "weight_decay: float = 0.0, maximize: bool = False");

template <class T>
struct Numbers {
  T sign, decay, shrink, rate, weight;
  Numbers(const AsgdOptions& o, const kernels::UpdateItem& item)
      : sign(o.maximize ? -1 : 1),
        decay(static_cast<T>(o.weight_decay)),
        shrink(static_cast<T>(1 - o.lambd * item.numbers[0])),
        rate(static_cast<T>(-item.numbers[0])),
        weight(static_cast<T>(item.numbers[1])) {}
};

template <class T, bool kDecay, bool kAverage>
void asgd(T* __restrict p, const T* __restrict g, T* __restrict mean, int64_t n,
          const Numbers<T> c) {
  for (int64_t i = 0; i < n; ++i) {
    T d = c.sign * g[i];
    if constexpr (kDecay) d = d + c.decay * p[i];
    const T x = p[i] * c.shrink + c.rate * d;
    p[i] = x;
    if constexpr (kAverage) {
      mean[i] = mean[i] + (x - mean[i]) * c.weight;
    } else {
      mean[i] = x;
    }
  }
}

void run(const Attrs& a, bool, kernels::UpdateItems items) {
  const auto o = options_of<AsgdOptions>(a);
  kernels::with_flags(
      [&](auto decay) {
        kernels::for_all(items, [&](auto zero, const kernels::UpdateItem& item, auto x, int64_t n) {
          using T = decltype(zero);
          const Numbers<T> c(o, item);
          if (item.numbers[1] != 1) {
            asgd<T, decltype(decay)::value, true>(x[0], x[1], x[2], n, c);
          } else {
            asgd<T, decltype(decay)::value, false>(x[0], x[1], x[2], n, c);
          }
        });
      },
      o.weight_decay != 0);
}

// The loop takes what the last step has left.
void numbers(const Attrs& a, StateNumber* state, double* out) {
  const auto o = options_of<AsgdOptions>(a);
  const double t = state[0].count_up();
  out[0] = state[1].value;
  out[1] = state[2].value;
  state[1].set(o.lr / std::pow(1 + o.lambd * o.lr * t, o.alpha));
  state[2].set(1 / std::max(1.0, t - o.t0));
}

//   g += weight_decay p;  p -= lambd eta p + eta g;  ax += mu (p - ax);
//   eta = lr / (1 + lambd lr t)^alpha;  mu = 1 / max(1, t - t0)
constexpr UpdateRule kRule{
    .name = "ASGD",
    .state = {{{.name = "step", .number = true},
               {.name = "eta",
                .number = true,
                .initial = [](const Attrs& a) { return options_of<AsgdOptions>(a).lr; }},
               {.name = "mu", .number = true, .initial = [](const Attrs&) { return 1.0; }},
               {.name = "ax"}}},
    .check =
        [](const Attrs& a) {
          const auto o = options_of<AsgdOptions>(a);
          check_not_negative(o.lr, "learning rate");
          check_not_negative(o.weight_decay, "weight_decay");
        },
    .numbers = numbers,
    .run = run};

}  // namespace

// d = g + w x; x = x - eta (lambd x + d); a = a + mu (x - a); eta = lr / (1 + lambd lr t)^alpha;
// mu = 1 / max(1, t - t0)
constinit const UpdateRow asgd_update_op =
    update_row("asgd_update", kSignature.data(), "A step of ASGD.", kRule);

}  // namespace wengert
