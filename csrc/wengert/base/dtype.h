// The element types of tensors, and PyTorch's rules for mixing them.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>

#include "wengert/base/error.h"

namespace wengert {

// In the order of promotion within PyTorch's categories bool < integral < floating.
enum class Dtype : uint8_t { kBool, kUInt8, kInt32, kInt64, kFloat32, kFloat64 };
inline constexpr int kNumDtypes = 6;

inline constexpr int64_t kItemSize[kNumDtypes] = {1, 1, 4, 8, 4, 8};
inline constexpr const char* kDtypeName[kNumDtypes] = {"bool",  "uint8",   "int32",
                                                       "int64", "float32", "float64"};

constexpr int index(Dtype d) { return static_cast<int>(d); }
constexpr int64_t item_size(Dtype d) { return kItemSize[index(d)]; }
constexpr const char* name(Dtype d) { return kDtypeName[index(d)]; }
constexpr bool is_floating(Dtype d) { return d >= Dtype::kFloat32; }
constexpr bool is_integral(Dtype d) { return d < Dtype::kFloat32 && d != Dtype::kBool; }
constexpr int category(Dtype d) { return is_floating(d) ? 2 : d == Dtype::kBool ? 0 : 1; }

// With these six types the larger enumerator is always the common type.
constexpr Dtype promote(Dtype a, Dtype b) { return a < b ? b : a; }

inline void append(std::string& out, Dtype d) { out += name(d); }

template <class T>
constexpr Dtype dtype_of();
template <>
constexpr Dtype dtype_of<bool>() {
  return Dtype::kBool;
}
template <>
constexpr Dtype dtype_of<uint8_t>() {
  return Dtype::kUInt8;
}
template <>
constexpr Dtype dtype_of<int32_t>() {
  return Dtype::kInt32;
}
template <>
constexpr Dtype dtype_of<int64_t>() {
  return Dtype::kInt64;
}
template <>
constexpr Dtype dtype_of<float>() {
  return Dtype::kFloat32;
}
template <>
constexpr Dtype dtype_of<double>() {
  return Dtype::kFloat64;
}

// Calls f(T{}) with T the C++ type of d.
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
      break;
  }
  return f(double{});
}

// As above for the two floating types; the caller has checked.
template <class F>
decltype(auto) dispatch_floating(Dtype d, F&& f) {
  if (d == Dtype::kFloat32) return f(float{});
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
    if constexpr (std::is_same_v<T, bool>) return is_float() ? d_ != 0 : i_ != 0;
    if (!is_float()) return static_cast<T>(i_);
    if constexpr (std::is_floating_point_v<T>) return static_cast<T>(d_);
    return static_cast<T>(d_ >= -0x1p63 && d_ < 0x1p63 ? static_cast<int64_t>(d_) : INT64_MIN);
  }

 private:
  template <class T>
  bool fits() const {
    using Limits = std::numeric_limits<T>;
    if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, double>) {
      return true;
    } else if constexpr (std::is_same_v<T, float>) {
      return !is_float() || !(std::abs(d_) > Limits::max()) || std::isinf(d_);
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
