#include "wengert/ops/attention/heads.h"

#include <limits>

#include "wengert/ops/create/create.h"

namespace wengert {

Tensor attention_weights(const Heads& h) {
  const Tensor q = mul(grouped(h.q, h.group()), h.scale), k = unsqueeze(h.k, 2);
  Tensor s = matmul(q, transpose(k, -2, -1));
  const int64_t queries = s.size(-2), keys = s.size(-1);
  if (keys == 0) return s;
  constexpr double kNone = -std::numeric_limits<double>::infinity();
  if (h.mask.defined()) {
    const Tensor mask = grouped(h.mask, h.group());
    s = mask.dtype() == Dtype::kBool ? where(mask, s, kNone) : add(s, mask);
  }
  if (h.causal) {
    const Tensor before = le(arange(0, static_cast<double>(keys)),
                             unsqueeze(arange(0, static_cast<double>(queries)), 1));
    s = where(before, s, kNone);
  }
  // The largest only keeps the exponentials in range. Where nothing takes part it is no number.
  const Tensor most = amax(s.detach(), Dims{-1}, true);
  const Tensor e = exp(sub(s, where(eq(most, kNone), 0.0, most)));
  const Tensor total = sum(e, Dims{-1}, true);
  return div(e, where(eq(total, 0.0), 1.0, total));
}

}  // namespace wengert
