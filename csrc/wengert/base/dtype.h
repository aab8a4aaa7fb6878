// The element types of tensors, and PyTorch's rules for mixing them.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>

#include "wengert/base/error.h"
#include "wengert/base/half.h"

namespace wengert {

// In the order of promotion within PyTorch's categories bool < integral < floating.
enum class Dtype : uint8_t {
  kBool,
  kUInt8,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kFloat16,
  kBFloat16,
  kFloat32,
  kFloat64
};
inline constexpr int kNumDtypes = 10;

inline constexpr int64_t kItemSize[kNumDtypes] = {1, 1, 1, 2, 4, 8, 2, 2, 4, 8};
inline constexpr const char* kDtypeName[kNumDtypes] = {"bool",    "uint8",  "int8",    "int16",
                                                       "int32",   "int64",  "float16", "bfloat16",
                                                       "float32", "float64"};

constexpr int index(Dtype d) { return static_cast<int>(d); }
constexpr int64_t item_size(Dtype d) { return kItemSize[index(d)]; }
constexpr const char* name(Dtype d) { return kDtypeName[index(d)]; }
constexpr bool is_floating(Dtype d) { return d >= Dtype::kFloat16; }
constexpr bool is_integral(Dtype d) { return d < Dtype::kFloat16 && d != Dtype::kBool; }
constexpr int category(Dtype d) { return is_floating(d) ? 2 : d == Dtype::kBool ? 0 : 1; }

// Whether tensors only hold the type: see Note [narrow].
constexpr bool is_narrow(Dtype d) {
  constexpr unsigned kNarrow = 1u << index(Dtype::kInt8) | 1u << index(Dtype::kInt16) |
                               1u << index(Dtype::kFloat16) | 1u << index(Dtype::kBFloat16);
  return (kNarrow >> index(d)) & 1;
}
// The type that such a one is computed in; any other is itself.
constexpr Dtype widened(Dtype d) {
  return !is_narrow(d) ? d : is_floating(d) ? Dtype::kFloat32 : Dtype::kInt32;
}

// The larger enumerator, but for two pairs of which neither holds the other's numbers.
constexpr Dtype promote(Dtype a, Dtype b) {
  const Dtype low = a < b ? a : b, high = a < b ? b : a;
  if (low == Dtype::kUInt8 && high == Dtype::kInt8) return Dtype::kInt16;
  if (low == Dtype::kFloat16 && high == Dtype::kBFloat16) return Dtype::kFloat32;
  return high;
}

inline void append(std::string& out, Dtype d) { out += name(d); }

// The dtype whose elements are of the C++ type T.
template <class T>
constexpr Dtype dtype_of() {
  if constexpr (std::is_same_v<T, bool>) return Dtype::kBool;
  if constexpr (std::is_same_v<T, uint8_t>) return Dtype::kUInt8;
  if constexpr (std::is_same_v<T, int8_t>) return Dtype::kInt8;
  if constexpr (std::is_same_v<T, int16_t>) return Dtype::kInt16;
  if constexpr (std::is_same_v<T, int32_t>) return Dtype::kInt32;
  if constexpr (std::is_same_v<T, int64_t>) return Dtype::kInt64;
  if constexpr (std::is_same_v<T, Half>) return Dtype::kFloat16;
  if constexpr (std::is_same_v<T, BFloat16>) return Dtype::kBFloat16;
  if constexpr (std::is_same_v<T, float>) return Dtype::kFloat32;
  if constexpr (std::is_same_v<T, double>) return Dtype::kFloat64;
}

[[noreturn]] void not_computed(Dtype d);

// Calls f(T{}) with T the C++ type of d, which is not narrow.
template <class F>
decltype(auto) dispatch(Dtype d, F&& f) {
  switch (d) {
    case Dtype::kBool:
      return f(bool{});
    case Dtype::kUInt8:
      return f(uint8_t{});
    case Dtype::kInt32:
      return f(int32_t{});
    case Dtype::kInt64:
      return f(int64_t{});
    case Dtype::kFloat32:
      return f(float{});
    case Dtype::kFloat64:
      return f(double{});
    default:
      not_computed(d);
  }
}

// As above for all dtypes.
template <class F>
decltype(auto) dispatch_all(Dtype d, F&& f) {
  switch (d) {
    case Dtype::kInt8:
      return f(int8_t{});
    case Dtype::kInt16:
      return f(int16_t{});
    case Dtype::kFloat16:
      return f(Half(0.0f));
    case Dtype::kBFloat16:
      return f(BFloat16(0.0f));
    default:
      return dispatch(d, f);
  }
}

// As above for the two floating types that are computed in; the caller has checked.
template <class F>
decltype(auto) dispatch_floating(Dtype d, F&& f) {
  if (d == Dtype::kFloat32) return f(float{});
  if (d != Dtype::kFloat64) [[unlikely]]
    not_computed(d);
  return f(double{});
}

// What new floating tensors are made of when nothing else is said; float32 unless set.
Dtype default_dtype();
void set_default_dtype(Dtype d);

class Scalar;
[[noreturn]] void overflows(const Scalar& s, Dtype d);

// A Python or C++ number: it takes part in type promotion by its category only.
class Scalar {
 public:
  enum class Kind : uint8_t { kBool, kInt, kFloat };
  constexpr Scalar() : Scalar(int64_t{0}) {}
  constexpr Scalar(bool v) : kind_(Kind::kBool), i_(v) {}
  constexpr Scalar(int v) : kind_(Kind::kInt), i_(v) {}
  constexpr Scalar(int64_t v) : kind_(Kind::kInt), i_(v) {}
  constexpr Scalar(double v) : kind_(Kind::kFloat), d_(v) {}

  Kind kind() const { return kind_; }
  bool is_float() const { return kind_ == Kind::kFloat; }
  double real() const { return is_float() ? d_ : static_cast<double>(i_); }
  int64_t integer() const { return is_float() ? static_cast<int64_t>(d_) : i_; }
  // The dtype of a tensor made of this number alone.
  Dtype dtype() const {
    return is_float() ? default_dtype() : kind_ == Kind::kInt ? Dtype::kInt64 : Dtype::kBool;
  }
  // As an element of this dtype: the fraction is cut off, a negative integer wraps in uint8. A
  // RuntimeError if the number is out of the dtype's range. An infinity is not, of a floating one.
  template <class T>
  T to() const {
    if (!fits<T>()) [[unlikely]]
      overflows(*this, dtype_of<T>());
    return wrapped<T>();
  }
  // As in arithmetic between integers: what is out of range wraps. What no int64 is is the least.
  template <class T>
  T wrapped() const {
    if constexpr (is_half<T>) {
      return T(real());
    } else {
      if constexpr (std::is_same_v<T, bool>) return is_float() ? d_ != 0 : i_ != 0;
      if (!is_float()) return static_cast<T>(i_);
      if constexpr (std::is_floating_point_v<T>) return static_cast<T>(d_);
      return static_cast<T>(d_ >= -0x1p63 && d_ < 0x1p63 ? static_cast<int64_t>(d_) : INT64_MIN);
    }
  }

 private:
  template <class T>
  bool fits() const {
    using Limits = std::numeric_limits<T>;
    if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, double>) {
      return true;
    } else if constexpr (std::is_same_v<T, Half>) {
      return !(std::abs(real()) > 65504) || std::isinf(real());
    } else if constexpr (std::is_same_v<T, float> || std::is_same_v<T, BFloat16>) {
      return !is_float() || !(std::abs(d_) > std::numeric_limits<float>::max()) || std::isinf(d_);
    } else {
      // The bounds are doubles, or their next whole numbers are.
      constexpr double kEnd = static_cast<double>(Limits::max() / 2 + 1) * 2;
      constexpr int64_t kMax = Limits::max(), kMin = Limits::min();
      if (is_float())
        return d_ >= static_cast<double>(kMin) && (sizeof(T) == 8 ? d_ < kEnd : d_ <= kMax);
      return i_ <= kMax && i_ >= (std::is_signed_v<T> ? kMin : -kMax);
    }
  }

  Kind kind_;
  union {
    int64_t i_;
    double d_;
  };
};

// An element as a number.
template <class T>
Scalar number(T v) {
  if constexpr (std::is_same_v<T, bool>) return v;
  if constexpr (is_half<T>) return static_cast<double>(static_cast<float>(v));
  if constexpr (std::is_floating_point_v<T>) return static_cast<double>(v);
  if constexpr (std::is_integral_v<T>) return static_cast<int64_t>(v);
}

inline void append(std::string& out, const Scalar& s) {
  if (s.is_float()) {
    append(out, s.real());
  } else if (s.kind() == Scalar::Kind::kBool) {
    append(out, s.integer() != 0);
  } else {
    append(out, s.integer());
  }
}

}  // namespace wengert
