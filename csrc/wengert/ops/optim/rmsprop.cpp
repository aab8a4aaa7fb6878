// RMSprop (Tieleman and Hinton 2012, lecture 6.5), centered as in Graves 2013, with momentum.
#include <cmath>

#include "wengert/kernels/update/loops.h"
#include "wengert/ops/optim/optim.h"
#include "wengert/ops/optim/rule.h"

namespace wengert {
namespace {

constexpr auto kSignature = update_signature<RmspropOptions>(
    "lr: float = 1e-2, alpha: float = 0.99, eps: float = 1e-8, weight_decay: float = 0.0, "
    "momentum: float = 0.0, centered: bool = False, maximize: bool = False");

template <class T>
struct Numbers {
  T sign, decay, alpha, rest, eps, momentum, lr;
  kernels::Lerp<T> lerp;
  explicit Numbers(const RmspropOptions& o)
      : sign(o.maximize ? -1 : 1),
        decay(static_cast<T>(o.weight_decay)),
        alpha(static_cast<T>(o.alpha)),
        rest(static_cast<T>(1 - o.alpha)),
        eps(static_cast<T>(o.eps)),
        momentum(static_cast<T>(o.momentum)),
        lr(static_cast<T>(-o.lr)),
        lerp(1 - o.alpha) {}
};

template <class T, bool kDecay, bool kMomentum, bool kCentered>
void rmsprop(T* __restrict p, const T* __restrict g, T* __restrict v, T* __restrict buffer,
             T* __restrict mean, int64_t n, const Numbers<T> c) {
  for (int64_t i = 0; i < n; ++i) {
    T d = c.sign * g[i];
    if constexpr (kDecay) d = d + c.decay * p[i];
    const T v1 = v[i] * c.alpha + c.rest * d * d;
    v[i] = v1;
    T spread = v1;
    if constexpr (kCentered) {
      const T m1 = c.lerp(mean[i], d);
      mean[i] = m1;
      spread = v1 - m1 * m1;
    }
    const T root = std::sqrt(spread) + c.eps;
    if constexpr (kMomentum) {
      const T b = buffer[i] * c.momentum + d / root;
      buffer[i] = b;
      p[i] = p[i] + c.lr * b;
    } else {
      p[i] = p[i] + c.lr * d / root;
    }
  }
}

void run(const Attrs& a, bool, kernels::UpdateItems items) {
  const auto o = options_of<RmspropOptions>(a);
  kernels::with_flags(
      [&](auto decay, auto momentum, auto centered) {
        kernels::for_all(items, [&](auto zero, const kernels::UpdateItem&, auto x, int64_t n) {
          using T = decltype(zero);
          rmsprop<T, decltype(decay)::value, decltype(momentum)::value, decltype(centered)::value>(
              x[0], x[1], x[2], x[3], x[4], n, Numbers<T>(o));
        });
      },
      o.weight_decay != 0, o.momentum > 0, o.centered);
}

//   g += weight_decay p;  v = alpha v + (1 - alpha) g^2;
//   centered: m += (1 - alpha) (g - m), and v - m^2 in place of v below;
//   d = g / (sqrt(v) + eps);  with momentum b = momentum b + d, and b in place of d;  p -= lr d
constexpr UpdateRule kRule{
    .name = "RMSprop",
    .state = {{{.name = "step", .number = true},
               {.name = "square_avg"},
               {.name = "momentum_buffer",
                .exists =
                    [](const Attrs& a) { return options_of<RmspropOptions>(a).momentum > 0; }},
               {.name = "grad_avg",
                .exists = [](const Attrs& a) { return options_of<RmspropOptions>(a).centered; }}}},
    .check =
        [](const Attrs& a) {
          const auto o = options_of<RmspropOptions>(a);
          check_not_negative(o.lr, "learning rate");
          check_not_negative(o.eps, "epsilon");
          check_not_negative(o.momentum, "momentum");
          check_not_negative(o.weight_decay, "weight_decay");
          check_not_negative(o.alpha, "alpha");
        },
    .numbers = count_steps,
    .run = run};

}  // namespace

// v = alpha v + (1 - alpha) d^2 with d = g + w x; centered: m = alpha m + (1 - alpha) d;
// b = momentum b + d / (sqrt(v - m^2) + eps); x = x - lr b
constinit const UpdateRow rmsprop_update_op =
    update_row("rmsprop_update", kSignature.data(), "A step of RMSprop.", kRule);

}  // namespace wengert
