// Adam (Kingma and Ba 2015, algorithm 1) and AdamW (Loshchilov and Hutter 2019).
#include <cmath>

#include "wengert/kernels/update/loops.h"
#include "wengert/ops/optim/optim.h"
#include "wengert/ops/optim/rule.h"

namespace wengert {
namespace {

constexpr auto kSignature = update_signature<AdamOptions>(
    "lr: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8, "
    "weight_decay: float = 0.0, amsgrad: bool = False, maximize: bool = False, "
    "decoupled_weight_decay: bool = False");

template <class T>
struct Numbers {
  T sign, decay, shrink, weight, beta2, rest2, eps, step_size, scale;
  bool from_gradient;
  Numbers(const AdamOptions& o, const kernels::UpdateItem& item)
      : sign(o.maximize ? -1 : 1),
        decay(static_cast<T>(o.weight_decay)),
        shrink(static_cast<T>(o.decoupled ? 1 - o.lr * o.weight_decay : 1)),
        weight(static_cast<T>(1 - o.beta1)),
        beta2(static_cast<T>(o.beta2)),
        rest2(static_cast<T>(1 - o.beta2)),
        eps(static_cast<T>(o.eps)),
        step_size(static_cast<T>(-item.numbers[0])),
        scale(static_cast<T>(1 / item.numbers[1])) {
    // A weight of a half or more is applied from the other end: exact at both ends.
    from_gradient = weight >= T{0.5};
    if (from_gradient) weight = weight - 1;
  }
};

template <class T, bool kDecay, bool kMax, bool kFromGradient>
void adam(T* __restrict p, const T* __restrict g, T* __restrict m, T* __restrict v,
          T* __restrict max, int64_t n, const Numbers<T> c) {
  for (int64_t i = 0; i < n; ++i) {
    T d = c.sign * g[i], x = p[i];
    if constexpr (kDecay) d = d + c.decay * x;
    x = x * c.shrink;
    const T m1 = (kFromGradient ? d : m[i]) + c.weight * (d - m[i]);
    const T v1 = v[i] * c.beta2 + c.rest2 * d * d;
    m[i] = m1;
    v[i] = v1;
    T top = v1;
    if constexpr (kMax) {
      top = v1 > max[i] || v1 != v1 ? v1 : max[i];  // a NaN on either side stays
      max[i] = top;
    }
    p[i] = x + c.step_size * m1 / (std::sqrt(top) * c.scale + c.eps);
  }
}

void run(const Attrs& a, bool, kernels::UpdateItems items) {
  const auto o = options_of<AdamOptions>(a);
  kernels::with_flags(
      [&](auto decay, auto amsgrad) {
        kernels::for_all(items, [&](auto zero, const kernels::UpdateItem& item, auto x, int64_t n) {
          using T = decltype(zero);
          constexpr bool kDecay = decltype(decay)::value, kMax = decltype(amsgrad)::value;
          const Numbers<T> c(o, item);
          if (c.from_gradient) {
            adam<T, kDecay, kMax, true>(x[0], x[1], x[2], x[3], x[4], n, c);
          } else {
            adam<T, kDecay, kMax, false>(x[0], x[1], x[2], x[3], x[4], n, c);
          }
        });
      },
      o.weight_decay != 0 && !o.decoupled, o.amsgrad);
}

//   g += weight_decay p, or if decoupled p -= lr weight_decay p;
//   m += (1 - beta1) (g - m);  v = beta2 v + (1 - beta2) g^2;  amsgrad: v = max of all v;
//   p -= lr / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + eps)
constexpr UpdateRule kRule{
    .name = "Adam",
    .state = {{{.name = "step", .number = true},
               {.name = "exp_avg"},
               {.name = "exp_avg_sq"},
               {.name = "max_exp_avg_sq",
                .exists = [](const Attrs& a) { return options_of<AdamOptions>(a).amsgrad; }}}},
    .check =
        [](const Attrs& a) {
          const auto o = options_of<AdamOptions>(a);
          check_not_negative(o.lr, "learning rate");
          check_not_negative(o.eps, "epsilon");
          check_not_negative(o.weight_decay, "weight_decay");
          check_below_one(o.beta1, "beta1");
          check_below_one(o.beta2, "beta2");
        },
    .numbers =
        [](const Attrs& a, StateNumber* step, double* out) {
          const auto o = options_of<AdamOptions>(a);
          const double t = step->count_up();
          out[0] = o.lr / (1 - std::pow(o.beta1, t));
          out[1] = std::sqrt(1 - std::pow(o.beta2, t));
        },
    .run = run};

}  // namespace

// m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2; x = x - lr (m / (1 - b1^t)) / (sqrt(v / (1 -
// b2^t)) + eps); weight decay adds w x to g, or, decoupled, multiplies x by 1 - lr w before
constinit const UpdateRow adam_update_op =
    update_row("adam_update", kSignature.data(), "A step of Adam or AdamW.", kRule);

}  // namespace wengert
