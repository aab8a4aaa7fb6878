#include "wengert/base/generator.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <limits>
#include <memory>
#include <numbers>
#include <numeric>
#include <random>
#include <type_traits>
#include <utility>

#include "wengert/base/error.h"

namespace wengert {

// Some generators share a lock: a generator stays as large as its state, and can be copied.
ForkSafeMutex& Generator::in_use() const {
  static ForkSafeMutex locks[16];
  return locks[reinterpret_cast<uintptr_t>(this) / 64 % std::size(locks)];
}

void Generator::manual_seed(uint64_t seed) {
  const std::lock_guard lock(in_use());
  seed_ = seed;
  state_[0] = static_cast<uint32_t>(seed);
  for (uint32_t i = 1; i < kSize; ++i)
    state_[i] = 1812433253 * (state_[i - 1] ^ state_[i - 1] >> 30) + i;
  left_ = 1;
  next_ = 0;
  kept_normal_.reset();
}

uint64_t Generator::seed() {
  std::random_device device;
  uint64_t high = device();
  manual_seed(high << 32 | device());
  return seed_;
}

namespace {
constexpr int kShift = 397;
// The upper bit of a and the lower ones of b with one mask, and b's lowest bit in every bit by
// shifts: fewer constants and loads in a vector loop than the textbook's form has.
inline uint32_t twist(uint32_t a, uint32_t b) {
  uint32_t y = a ^ ((a ^ b) & 0x7fffffff);
  uint32_t odd = static_cast<uint32_t>(static_cast<int32_t>(b << 31) >> 31);
  return y >> 1 ^ (odd & 0x9908b0df);
}
}  // namespace

void Generator::regenerate() {
  uint32_t* s = state_.data();
  for (int i = 0; i < kSize - kShift; ++i) s[i] = s[i + kShift] ^ twist(s[i], s[i + 1]);
  for (int i = kSize - kShift; i < kSize - 1; ++i)
    s[i] = s[i + kShift - kSize] ^ twist(s[i], s[i + 1]);
  s[kSize - 1] = s[kShift - 1] ^ twist(s[kSize - 1], s[0]);
  left_ = kSize;
  next_ = 0;
}

void Generator::extend(uint32_t* x, int64_t n) {
  // A word depends on none nearer than 227; this many are whole registers.
  constexpr int64_t kApart = 224;
  static_assert(kApart <= kSize - kShift);
  for (int64_t i = 0; i < n; i += kApart) {
    const int64_t m = std::min(n - i, kApart);
    const uint32_t* __restrict from = x + i;
    uint32_t* __restrict to = x + i + kSize;
    for (int64_t k = 0; k < m; ++k) to[k] = from[k + kShift] ^ twist(from[k], from[k + 1]);
  }
}

void Generator::move_to(const uint32_t* state, int left) {
  std::copy_n(state, kSize, state_.data());
  left_ = left + 1;
  next_ = kSize - left;
}

void Generator::fill(uint32_t* out, int64_t n) {
  while (n > 0) {
    if (left_ == 1) {  // left_ counts one more than the words that remain, except just here
      regenerate();
      ++left_;
    }
    int k = static_cast<int>(std::min<int64_t>(n, left_ - 1));
    const uint32_t* from = state_.data() + next_;
    for (int i = 0; i < k; ++i) out[i] = temper(from[i]);
    left_ -= k;
    next_ += k;
    out += k;
    n -= k;
  }
}

double Generator::normal() {
  if (kept_normal_) return *std::exchange(kept_normal_, std::nullopt);
  double d1 = unit(), d2 = unit();
  double radius = std::sqrt(-2 * std::log1p(-d2)), angle = 2 * std::numbers::pi * d1;
  kept_normal_ = radius * std::sin(angle);
  return radius * std::cos(angle);
}

// Note [generator state]
// 5056 bytes: seed u64 · left i32 · seeded i32 (1) · next u64 · 624 words, each in a u64 · three
// doubles, of which the second is the kept normal · its validity i32 · 4 bytes of padding · a float
// and its validity, which nothing on a CPU uses. Everything not mentioned here is 0.
namespace {
struct StateLayout {
  uint64_t seed;
  int32_t left, seeded;
  uint64_t next, words[624];
  double unused_x, normal, unused_rho;
  int32_t normal_is_valid, padding;
  float unused_float;
  int32_t unused_float_is_valid;
};
static_assert(sizeof(StateLayout) == Generator::kStateBytes);
static_assert(std::endian::native == std::endian::little);
}  // namespace

std::vector<uint8_t> Generator::get_state() const {
  const std::lock_guard lock(in_use());
  StateLayout s{};
  s.seed = seed_;
  s.left = left_;
  s.seeded = 1;
  s.next = static_cast<uint64_t>(next_);
  std::ranges::copy(state_, s.words);
  s.normal = kept_normal_.value_or(0);
  s.normal_is_valid = kept_normal_.has_value();
  std::vector<uint8_t> bytes(sizeof s);
  std::memcpy(bytes.data(), &s, sizeof s);
  return bytes;
}

void Generator::set_state(const uint8_t* bytes, size_t size) {
  StateLayout s;
  check(size == sizeof s, "the generator's state has ", static_cast<uint64_t>(size),
        " bytes, expected ", static_cast<uint64_t>(sizeof s));
  std::memcpy(&s, bytes, sizeof s);
  // All that random() relies on: words remain where next and left say, or none remain.
  bool ok = s.seeded == 1 && s.left >= 1 && s.left <= kSize && s.next <= kSize &&
            (s.left == 1 || s.next + static_cast<uint64_t>(s.left) == kSize + 1) &&
            std::ranges::all_of(s.words, [](uint64_t w) { return w >> 32 == 0; });
  check(ok, "invalid mt19937 state: the bytes do not come from a generator's get_state");
  const std::lock_guard lock(in_use());
  seed_ = s.seed;
  left_ = s.left;
  next_ = static_cast<int>(s.next);
  std::ranges::transform(s.words, state_.begin(), [](uint64_t w) { return uint32_t(w); });
  kept_normal_.reset();
  if (s.normal_is_valid) kept_normal_ = s.normal;
}

}  // namespace wengert
