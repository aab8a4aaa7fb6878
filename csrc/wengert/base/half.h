// The two floating types of 16 bits: memory only. Numbers are computed in float and rounded.
#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

namespace wengert {

// IEEE 754 binary16: 5 bits of exponent, 10 of fraction. Rounds to nearest, ties to even.
class Half {
 public:
  Half() = default;
  explicit Half(float v) : bits_(rounded(v)) {}
  explicit Half(double v) : Half(static_cast<float>(v)) {}
  explicit operator float() const {
    const uint32_t sign = static_cast<uint32_t>(bits_ & 0x8000) << 16, rest = bits_ & 0x7fff;
    const uint32_t normal = (rest << 13) + ((127 - 15) << 23);
    const uint32_t beyond = normal + ((127 - 15) << 23);  // infinity and NaN
    // No denormal on the way: the processor may be told to take them for zeros.
    const auto small = std::bit_cast<uint32_t>(static_cast<float>(rest) * 0x1p-24f);
    const uint32_t bits = rest < 0x0400 ? small : rest < 0x7c00 ? normal : beyond;
    return std::bit_cast<float>(bits | sign);
  }

 private:
  static uint16_t rounded(float v) {
    const uint32_t bits = std::bit_cast<uint32_t>(v), rest = bits & 0x7fffffff;
    // What carries beyond the largest number becomes infinity.
    const uint32_t normal = (rest + 0xfff + ((rest >> 13) & 1) - ((127 - 15) << 23)) >> 13;
    // The last place of numbers from 0.5 on is the least denormal here, so the sum is rounded to
    // it.
    const uint32_t small =
        std::bit_cast<uint32_t>(std::bit_cast<float>(rest) + 0.5f) - std::bit_cast<uint32_t>(0.5f);
    const uint32_t nan = 0x7e00 | ((rest >> 13) & 0x3ff);
    uint32_t r = rest < 0x38800000 ? small : normal;
    r = rest >= 0x47800000 ? 0x7c00 : r;
    r = rest > 0x7f800000 ? nan : r;
    return static_cast<uint16_t>(r | ((bits >> 16) & 0x8000));
  }

  uint16_t bits_;
};

// The upper half of a float: 8 bits of exponent, 7 of fraction. Rounds to nearest, ties to even.
class BFloat16 {
 public:
  BFloat16() = default;
  explicit BFloat16(float v) : bits_(rounded(v)) {}
  explicit BFloat16(double v) : BFloat16(static_cast<float>(v)) {}
  explicit operator float() const {
    return std::bit_cast<float>(static_cast<uint32_t>(bits_) << 16);
  }

 private:
  static uint16_t rounded(float v) {
    const uint32_t bits = std::bit_cast<uint32_t>(v);
    const uint32_t even = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    return static_cast<uint16_t>((bits & 0x7fffffff) > 0x7f800000 ? 0x7fc0 : even);
  }

  uint16_t bits_;
};

template <class T>
inline constexpr bool is_half = std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>;

}  // namespace wengert
