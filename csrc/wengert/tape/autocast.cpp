#include "wengert/tape/autocast.h"

#include <vector>

#include "wengert/tape/tape.h"

namespace wengert {
namespace {

// A leaf and its cast, which is that of one version of its memory.
struct Kept {
  Tensor leaf, cast;
  uint32_t version;
};

thread_local Autocast state_;
thread_local std::vector<Kept> kept_;

// float64 is asked for by somebody who needs it: PyTorch leaves it alone too.
bool may_be_cast(const Operand& x) {
  return x.is_tensor() && is_floating(x->dtype()) && x->dtype() != Dtype::kFloat64;
}

// A program that is being captured makes its own: it must see the leaf at every replay.
bool is_kept(const Tensor& x, const Autocast& how) {
  return how.cache && is_narrow(how.dtype) && x->requires_grad && !x->entry && grad_enabled() &&
         !watch();
}

Tensor cast(const Tensor& x, Dtype to_dtype, const Autocast& how) {
  if (x.dtype() == to_dtype || to_dtype != how.dtype || !is_kept(x, how)) return to(x, to_dtype);
  for (const Kept& k : kept_)
    if (k.leaf.is_same(x) && k.version == x->storage->version) return k.cast;
  kept_.push_back({x, to(x, to_dtype), x->storage->version});
  return kept_.back().cast;
}

Dtype wanted(const Call& c, const Autocast& how) {
  switch (c.op().autocast) {
    case Cast::kLower:
      return how.dtype;
    case Cast::kWidest: {
      Dtype widest = how.dtype;
      for (int i = 0; i < c.inputs(); ++i)
        if (may_be_cast(c.input(i))) widest = promote(widest, c.in(i).dtype());
      return widest;
    }
    default:
      return Dtype::kFloat32;
  }
}

}  // namespace

const Autocast& autocast() { return state_; }
void set_autocast(const Autocast& to) {
  detail::autocasting += int{to.enabled} - int{state_.enabled};
  state_ = to;
}
void clear_autocast_cache() { kept_.clear(); }

void run_cast(Call& c) {
  const Autocast how = state_;
  const NoAutocast off;
  const Dtype dtype = wanted(c, how);
  for (int i = 0; i < c.inputs(); ++i)
    if (may_be_cast(c.input(i))) c.input(i) = cast(c.in(i), dtype, how);
  apply(c);
}

}  // namespace wengert
