// The generator of random numbers. What is made of them: kernels/random/distributions.h.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "wengert/base/fork.h"

namespace wengert {

// mt19937 (Matsumoto and Nishimura 1998), seeded with the low 32 bits of the seed. A value type:
// a copy continues the same sequence. Numbers are drawn by whoever holds in_use(), as the ops do;
// setting and reading the state take it themselves.
class Generator {
 public:
  static constexpr uint64_t kDefaultSeed = 67280421310721;
  static constexpr int64_t kStateBytes = 5056;

  explicit Generator(uint64_t seed = kDefaultSeed) { manual_seed(seed); }

  // Restarts the sequence and forgets the kept normal.
  void manual_seed(uint64_t seed);
  // Held while numbers are drawn.
  ForkSafeMutex& in_use() const;
  // The seed last set, all 64 bits of it.
  uint64_t initial_seed() const { return seed_; }
  // Reseeds from the operating system's entropy and returns the new seed.
  uint64_t seed();

  uint32_t random() {
    if (--left_ == 0) regenerate();
    return temper(state_[next_++]);
  }
  uint64_t random64() {
    uint64_t first = random();
    return first << 32 | random();
  }
  double unit() { return static_cast<double>(random64() & kMask53) * 0x1p-53; }

  // n u32, as n calls of random() give them.
  void fill(uint32_t* out, int64_t n);

  // For who draws very many: words as they are before tempering, which any thread can do.
  static constexpr int kSize = 624;
  // What is done to a word of the state when it is drawn.
  static uint32_t temper(uint32_t y) {
    y ^= y >> 11;
    y ^= y << 7 & 0x9d2c5680;
    y ^= y << 15 & 0xefc60000;
    return y ^ y >> 18;
  }
  // x[0 .. kSize) is a state; writes the n words that follow it, where each kSize are a state.
  static void extend(uint32_t* x, int64_t n);
  const uint32_t* state() const { return state_.data(); }
  // How many of the state's last words are yet to be drawn.
  int left() const { return left_ - 1; }
  // As if it had come to this state and all but its last `left` words had been drawn.
  void move_to(const uint32_t* state, int left);

  // A standard normal by Box-Muller on d1, d2: r = sqrt(-2 log1p(-d2)), angle 2 pi d1. The cosine
  // is returned, the sine is kept for the next call, whatever that call's dtype.
  double normal();

  // PyTorch's layout of a generator's state, byte for byte; see Note [generator state].
  std::vector<uint8_t> get_state() const;
  // Throws a kRuntime error, and leaves the generator as it was, if bytes is not such a state.
  void set_state(const uint8_t* bytes, size_t size);

 private:
  static constexpr uint64_t kMask53 = (uint64_t{1} << 53) - 1;

  void regenerate();

  // random() regenerates when left_ falls to 0; until then state_[next_] is the next word.
  std::array<uint32_t, kSize> state_;
  int left_;
  int next_;
  uint64_t seed_;
  std::optional<double> kept_normal_;
};

}  // namespace wengert
