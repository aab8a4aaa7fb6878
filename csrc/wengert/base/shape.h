// Sizes and strides. Up to six dimensions are held inline: no heap on the way of an op.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>

#include "wengert/base/error.h"
#include "wengert/base/small_list.h"

namespace wengert {

inline constexpr int kMaxDims = 16;

// Integers of somebody else's, for arguments: `{1, 2}` or one number will do, which live as long as
// the call. A type of our own, not an alias, so that argument-dependent lookup finds our `append`.
struct Ints : std::span<const int64_t> {
  using std::span<const int64_t>::span;
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winit-list-lifetime"
#endif
  Ints(std::initializer_list<int64_t> list) : span(list.begin(), list.size()) {}
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
  Ints(const int64_t& one) : span(&one, 1) {}
  // A flag in the place of a dimension.
  template <class T>
    requires(std::same_as<T, bool> || std::floating_point<T>)
  Ints(T) = delete;
};

// A dimension, or all of them.
using Dim = std::optional<int64_t>;

class Dims {
 public:
  Dims() = default;
  Dims(std::initializer_list<int64_t> v) : Dims(Ints(v.begin(), v.size())) {}
  explicit Dims(Ints v) {
    if (v.size() > kMaxDims) [[unlikely]]
      too_many(v.size());
    v_.resize(static_cast<uint32_t>(v.size()));
    int64_t* to = v_.data();
    for (size_t i = 0; i < v.size(); ++i) to[i] = v[i];
  }
  static Dims filled(int n, int64_t value) {
    Dims d;
    d.resize(n, value);
    return d;
  }

  int size() const { return static_cast<int>(v_.size()); }
  bool empty() const { return v_.size() == 0; }
  int64_t operator[](int i) const { return begin()[i]; }
  int64_t& operator[](int i) { return begin()[i]; }
  int64_t back() const { return begin()[size() - 1]; }
  const int64_t* begin() const { return v_.data(); }
  const int64_t* end() const { return begin() + size(); }
  int64_t* begin() { return v_.data(); }
  int64_t* end() { return begin() + size(); }
  operator Ints() const { return Ints(begin(), static_cast<size_t>(size())); }

  void push_back(int64_t v) {
    if (size() >= kMaxDims) [[unlikely]]
      too_many(kMaxDims + 1);
    v_.push_back(v);
  }
  void insert(int at, int64_t v) {
    push_back(0);
    std::copy_backward(begin() + at, end() - 1, end());
    begin()[at] = v;
  }
  void erase(int at) {
    std::copy(begin() + at + 1, end(), begin() + at);
    v_.resize(v_.size() - 1);
  }
  void resize(int n, int64_t value = 0) {
    if (n > kMaxDims) [[unlikely]]
      too_many(static_cast<size_t>(n));
    const int before = size();
    v_.resize(static_cast<uint32_t>(n));
    int64_t* to = begin();
    for (int i = before; i < n; ++i) to[i] = value;
  }
  friend bool operator==(const Dims& a, const Dims& b) { return same(a, b); }
  friend bool operator==(const Dims& a, Ints b) { return same(a, b); }

 private:
  [[noreturn]] static void too_many(size_t n);
  static bool same(Ints a, Ints b) {
    if (a.size() != b.size()) return false;
    for (size_t i = 0; i < a.size(); ++i)  // std::equal would call memcmp, for two or three numbers
      if (a[i] != b[i]) return false;
    return true;
  }

  SmallList<int64_t, 6> v_;
};

// (2, 3) and (4,), as Python writes tuples.
inline void append(std::string& out, Ints d) {
  out += '(';
  for (size_t i = 0; i < d.size(); ++i) {
    if (i) out += ", ";
    out += std::to_string(d[i]);
  }
  out += d.size() == 1 ? ",)" : ")";
}
inline void append(std::string& out, const Dims& d) { append(out, Ints(d)); }

// The number of elements; sizes that overflow 63 bits are an error, not a wrong number.
inline int64_t numel(const Dims& shape) {
  int64_t n = 1;
  for (int64_t s : shape) {
    if (__builtin_mul_overflow(n, s, &n)) [[unlikely]] {
      if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return 0;
      fail(ErrorKind::kRuntime, "the number of elements of shape ", shape, " overflows 64 bits");
    }
  }
  return n;
}

inline Dims contiguous_strides(const Dims& shape) {
  Dims strides = shape;
  int64_t step = 1;
  for (int i = shape.size() - 1; i >= 0; --i) {
    strides[i] = step;
    step *= std::max<int64_t>(shape[i], 1);
  }
  return strides;
}

inline bool is_contiguous(const Dims& shape, const Dims& strides) {
  int64_t step = 1;
  for (int i = shape.size() - 1; i >= 0; --i) {
    if (shape[i] != 1) {
      if (strides[i] != step) return shape.empty() || numel(shape) == 0;
      step *= shape[i];
    }
  }
  return true;
}

// Whether every place from the first to the last is one element's, in whatever order.
bool is_dense(const Dims& shape, const Dims& strides);

// -n..n-1 to 0..n-1; a 0-d tensor takes -1 and 0, as PyTorch has it.
inline int wrap_dim(int64_t dim, int ndim) {
  const int64_t n = std::max(ndim, 1);
  check(dim >= -n && dim < n, ErrorKind::kIndex,
        "Dimension out of range (expected to be in range of [", -n, ", ", n - 1, "], but got ", dim,
        ")");
  return static_cast<int>(dim < 0 ? dim + n : dim);
}

// NumPy's broadcasting: aligned at the right, 1 stretches.
Dims broadcast_shapes(const Dims& a, const Dims& b);
// Strides that read `shape` as if it were `to`; 0 where it is stretched. The caller has checked.
Dims broadcast_strides(const Dims& shape, const Dims& strides, const Dims& to);
// The strides of a view of (shape, strides) as `to`, if there is one without a copy.
bool view_strides(const Dims& shape, const Dims& strides, const Dims& to, Dims& out);
// Replaces one -1 in `to` so that it holds n elements; errors as PyTorch's.
Dims infer_shape(Ints to, int64_t n);

}  // namespace wengert
