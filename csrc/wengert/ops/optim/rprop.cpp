// Resilient backpropagation (Riedmiller and Braun 1993), without weight backtracking.
#include "wengert/kernels/update/loops.h"
#include "wengert/ops/optim/optim.h"
#include "wengert/ops/optim/rule.h"

namespace wengert {
namespace {

constexpr auto kSignature = update_signature<RpropOptions>(
    "lr: float = 1e-2, eta1: float = 0.5, eta2: float = 1.2, step_size1: float = 1e-6, "
    "step_size2: float = 50.0, maximize: bool = False");

template <class T>
struct Numbers {
  T sign, shrink, grow, least, most;
  explicit Numbers(const RpropOptions& o)
      : sign(o.maximize ? -1 : 1),
        shrink(static_cast<T>(o.eta1)),
        grow(static_cast<T>(o.eta2)),
        least(static_cast<T>(o.step_size1)),
        most(static_cast<T>(o.step_size2)) {}
};

template <class T>
void rprop(T* __restrict p, const T* __restrict g, T* __restrict prev, T* __restrict size,
           int64_t n, const Numbers<T> c) {
  for (int64_t i = 0; i < n; ++i) {
    const T d = c.sign * g[i], turn = d * prev[i];
    const T grown = size[i] * (turn > 0 ? c.grow : turn < 0 ? c.shrink : T{1});
    const T above = grown < c.least ? c.least : grown, s = above > c.most ? c.most : above;
    const T kept = turn < 0 ? T{0} : d;
    size[i] = s;
    prev[i] = kept;
    p[i] = p[i] + (kept > 0 ? -s : kept < 0 ? s : T{0});
  }
}

void run(const Attrs& a, bool, kernels::UpdateItems items) {
  const auto o = options_of<RpropOptions>(a);
  kernels::for_all(items, [&](auto zero, const kernels::UpdateItem&, auto x, int64_t n) {
    using T = decltype(zero);
    rprop<T>(x[0], x[1], x[2], x[3], n, Numbers<T>(o));
  });
}

//   s is multiplied by eta2 where g and the gradient before have one sign, by eta1 where they have
//   not, and kept in [step_size1, step_size2]; g = 0 where they have not;  p -= sign(g) s
constexpr UpdateRule kRule{
    .name = "Rprop",
    .state = {{{.name = "step", .number = true},
               {.name = "prev"},
               {.name = "step_size",
                .initial = [](const Attrs& a) { return options_of<RpropOptions>(a).lr; }}}},
    .check =
        [](const Attrs& a) {
          const auto o = options_of<RpropOptions>(a);
          check_not_negative(o.lr, "learning rate");
          check(o.eta1 > 0 && o.eta1 < 1 && o.eta2 > 1, ErrorKind::kValue, "invalid etas: ", o.eta1,
                ", ", o.eta2, "; 0 < eta1 < 1 < eta2 is needed");
        },
    .numbers = count_steps,
    .run = run};

}  // namespace

// s = clamp(s * (g h > 0 ? eta2 : g h < 0 ? eta1 : 1)); g = g h < 0 ? 0 : g; x = x - sign(g) s; h =
// g
constinit const UpdateRow rprop_update_op =
    update_row("rprop_update", kSignature.data(), "A step of Rprop.", kRule);

}  // namespace wengert
