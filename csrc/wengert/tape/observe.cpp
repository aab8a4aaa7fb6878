#include "wengert/tape/observe.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "wengert/tape/tape.h"

namespace wengert {
namespace {

thread_local Observer* this_threads = nullptr;

// Whether one of n numbers has all bits of its exponent: the largest without its sign tells, which
// are two operations a vector. A block is unrolled wholly.
template <class Bits>
bool any_not_finite(const std::byte* data, int64_t n, Bits exponent) {
  constexpr int64_t kBlock = 64;
  const auto without_sign = [&](int64_t i) {
    Bits bits;
    std::memcpy(&bits, data + i * static_cast<int64_t>(sizeof bits), sizeof bits);
    return static_cast<Bits>(bits << 1);
  };
  const auto least = static_cast<Bits>(exponent << 1);  // of those that are not finite
  int64_t at = 0;
  for (; at + kBlock <= n; at += kBlock) {
    Bits most = 0;
    for (int64_t i = 0; i < kBlock; ++i) most = std::max(most, without_sign(at + i));
    if (most >= least) return true;
  }
  for (; at < n; ++at)
    if (without_sign(at) >= least) return true;
  return false;
}

bool scan(const Tensor& t) {
  if (t.dtype() == Dtype::kFloat64)
    return any_not_finite<uint64_t>(t.data(), t.numel(), 0x7ff0000000000000u);
  if (t.dtype() == Dtype::kFloat32)
    return any_not_finite<uint32_t>(t.data(), t.numel(), 0x7f800000u);
  const bool half = t.dtype() == Dtype::kFloat16;
  return any_not_finite<uint16_t>(t.data(), t.numel(), half ? uint16_t{0x7c00} : uint16_t{0x7f80});
}

}  // namespace

bool not_finite(const Tensor& t) {
  if (!t.defined() || !is_floating(t.dtype()) || t.numel() == 0) return false;
  if (t.is_contiguous()) return scan(t);
  const WatchPause pause;
  Observer* before = set_observer(nullptr);
  const GradMode off(false);
  const Tensor c = contiguous(t);
  set_observer(before);
  return scan(c);
}

Observer* detail::this_threads_observer() { return this_threads; }

Observer* set_observer(Observer* o) {
  const int change = (o != nullptr) - (this_threads != nullptr);
  detail::observers.fetch_add(change, std::memory_order_relaxed);
  return std::exchange(this_threads, o);
}

}  // namespace wengert
