// Note [denormals]: numbers too small for a normal exponent (below 1.2e-38 in float32) cost a
// processor a hundred cycles and more each, and a network whose gradients or momenta die out is
// full of them. Kernels read and write them as zeros. The mode belongs to a thread: it is set while
// an op runs, or a program between its calls into Python, and set back behind it; threads of the
// pool have it always. Copies, views and reading a value do not compute and keep such a number; so
// may a kernel whose result is an operand as it came: a maximum, a sign changed, log1p near 0.
#pragma once

#include <cstdint>

namespace wengert {

#if defined(__SSE__)
using FloatMode = uint32_t;
inline constexpr FloatMode kFlushBits = 0x8040;  // results, operands
inline FloatMode float_mode() { return __builtin_ia32_stmxcsr(); }
inline void set_float_mode(FloatMode m) { __builtin_ia32_ldmxcsr(m); }
#elif defined(__aarch64__)
using FloatMode = uint64_t;
inline constexpr FloatMode kFlushBits = uint64_t{1} << 24;
inline FloatMode float_mode() {
  FloatMode m;
  asm volatile("mrs %0, fpcr" : "=r"(m));
  return m;
}
inline void set_float_mode(FloatMode m) { asm volatile("msr fpcr, %0" : : "r"(m)); }
#else
using FloatMode = uint32_t;
inline constexpr FloatMode kFlushBits = 0;
inline FloatMode float_mode() { return 0; }
inline void set_float_mode(FloatMode) {}
#endif

// The mode of this thread while it lives, the one before afterwards.
class FloatModeScope {
 public:
  explicit FloatModeScope(FloatMode m) : before_(float_mode()), changed_(m != before_) {
    if (changed_) set_float_mode(m);
  }
  ~FloatModeScope() {
    if (changed_) set_float_mode(before_);
  }
  FloatModeScope(const FloatModeScope&) = delete;
  FloatModeScope& operator=(const FloatModeScope&) = delete;
  FloatMode before() const { return before_; }

 private:
  FloatMode before_;
  bool changed_;
};

class FlushDenormals : public FloatModeScope {
 public:
  FlushDenormals() : FloatModeScope(float_mode() | kFlushBits) {}
};

}  // namespace wengert
