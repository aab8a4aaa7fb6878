// Stochastic gradient descent with momentum (Sutskever et al. 2013, in PyTorch's form).
#include "wengert/kernels/update/loops.h"
#include "wengert/ops/optim/optim.h"
#include "wengert/ops/optim/rule.h"

namespace wengert {
namespace {

constexpr auto kSignature = update_signature<SgdOptions>(
    "lr: float = 1e-3, momentum: float = 0.0, dampening: float = 0.0, weight_decay: float = 0.0, "
    "nesterov: bool = False, maximize: bool = False");

template <class T>
struct Numbers {
  T sign, decay, momentum, damped, lr;
  explicit Numbers(const SgdOptions& o)
      : sign(o.maximize ? -1 : 1),
        decay(static_cast<T>(o.weight_decay)),
        momentum(static_cast<T>(o.momentum)),
        damped(static_cast<T>(1 - o.dampening)),
        lr(static_cast<T>(-o.lr)) {}
};

template <class T, bool kDecay>
void plain(T* __restrict p, const T* __restrict g, int64_t n, const Numbers<T> c) {
  for (int64_t i = 0; i < n; ++i) {
    T d = c.sign * g[i];
    if constexpr (kDecay) d = d + c.decay * p[i];
    p[i] = p[i] + c.lr * d;
  }
}

template <class T, bool kDecay, bool kNesterov, bool kFresh>
void with_momentum(T* __restrict p, const T* __restrict g, T* __restrict buffer, int64_t n,
                   const Numbers<T> c) {
  for (int64_t i = 0; i < n; ++i) {
    T d = c.sign * g[i];
    if constexpr (kDecay) d = d + c.decay * p[i];
    T b = d;
    if constexpr (!kFresh) b = buffer[i] * c.momentum + c.damped * d;
    buffer[i] = b;
    if constexpr (kNesterov) b = d + c.momentum * b;
    p[i] = p[i] + c.lr * b;
  }
}

void run(const Attrs& a, bool is_fresh, kernels::UpdateItems items) {
  const auto o = options_of<SgdOptions>(a);
  kernels::with_flags(
      [&](auto decay, auto nesterov, auto fresh) {
        kernels::for_all(items, [&](auto zero, const kernels::UpdateItem&, auto x, int64_t n) {
          using T = decltype(zero);
          const Numbers<T> c(o);
          if (o.momentum == 0) return plain<T, decltype(decay)::value>(x[0], x[1], n, c);
          with_momentum<T, decltype(decay)::value, decltype(nesterov)::value,
                        decltype(fresh)::value>(x[0], x[1], x[2], n, c);
        });
      },
      o.weight_decay != 0, o.nesterov, is_fresh);
}

bool has_momentum(const Attrs& a) { return options_of<SgdOptions>(a).momentum != 0; }

//   g += weight_decay p;  b = momentum b + (1 - dampening) g, at first b = g;
//   p -= lr (nesterov ? g + momentum b : b)
constexpr UpdateRule kRule{
    .name = "SGD",
    .state = {{{.name = "momentum_buffer", .exists = has_momentum}}},
    .check =
        [](const Attrs& a) {
          const auto o = options_of<SgdOptions>(a);
          check_not_negative(o.lr, "learning rate");
          check_not_negative(o.momentum, "momentum");
          check_not_negative(o.weight_decay, "weight_decay");
          check(!o.nesterov || (o.momentum > 0 && o.dampening == 0), ErrorKind::kValue,
                "Nesterov momentum requires a momentum and zero dampening");
        },
    // Without dampening b = g follows from a buffer of zeros.
    .begins =
        [](const Attrs& a) { return has_momentum(a) && options_of<SgdOptions>(a).dampening != 0; },
    .run = run};

}  // namespace

// d = g + w x; b = momentum b + (1 - dampening) d; x = x - lr b (nesterov: x - lr (d + momentum b))
constinit const UpdateRow sgd_update_op =
    update_row("sgd_update", kSignature.data(), "A step of stochastic gradient descent.", kRule);

}  // namespace wengert
