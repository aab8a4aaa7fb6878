// Attrs: the arguments of an op that are not tensors.
#pragma once

#include <bit>
#include <type_traits>

#include "wengert/base/dtype.h"
#include "wengert/base/generator.h"
#include "wengert/base/shape.h"
#include "wengert/base/small_list.h"

namespace wengert {

struct Op;

// In the order of the op's signature. An argument that was left out without a default is None.
// Strings are held as the index among the declared choices.
class Attrs {
 public:
  enum class Kind : uint8_t { kNone, kBool, kInt, kFloat, kInts, kDtype, kGenerator, kOp };

  // What an argument is, and which of the numbers are its own: one, or those of a list.
  struct Tag {
    uint32_t at, length;
    Kind kind;
  };

  Attrs() = default;
  Attrs(Attrs&&) = default;
  Attrs& operator=(const Attrs&) = default;
  Attrs& operator=(Attrs&&) = default;
  Attrs(const Attrs& o) {
    if (o.count() == 0) return;  // as of most ops
    tags_ = o.tags_;
    numbers_ = o.numbers_;
  }
  template <class... Values>
    requires(sizeof...(Values) > 0 && (!std::is_same_v<Values, Attrs> && ...))
  explicit Attrs(const Values&... values) {
    (add(values), ...);
  }
  // Those whose tags and numbers were kept elsewhere.
  Attrs(std::span<const Tag> tags, std::span<const int64_t> numbers) {
    tags_.resize(static_cast<uint32_t>(tags.size()));
    std::copy(tags.begin(), tags.end(), tags_.data());
    numbers_.resize(static_cast<uint32_t>(numbers.size()));
    std::copy(numbers.begin(), numbers.end(), numbers_.data());
  }
  std::span<const Tag> tags() const { return {tags_.data(), tags_.size()}; }
  std::span<const int64_t> numbers() const { return {numbers_.data(), numbers_.size()}; }

  void add(std::nullptr_t) { push(Kind::kNone, 0); }
  void add(bool v) { push(Kind::kBool, v); }
  void add(int v) { push(Kind::kInt, v); }
  void add(int64_t v) { push(Kind::kInt, v); }
  void add(double v) { push(Kind::kFloat, std::bit_cast<int64_t>(v)); }
  void add(Dtype v) { push(Kind::kDtype, static_cast<int64_t>(v)); }
  void add(Generator* g) { push(Kind::kGenerator, reinterpret_cast<int64_t>(g)); }
  void add(const Op* op) { push(Kind::kOp, reinterpret_cast<int64_t>(op)); }
  void add(const Scalar& s) {
    if (s.is_float()) return add(s.real());
    if (s.kind() == Scalar::Kind::kBool) return add(s.integer() != 0);
    add(s.integer());
  }
  void add(Ints v) {
    int64_t* to = add_ints(v.size());
    for (size_t i = 0; i < v.size(); ++i) to[i] = v[i];
  }
  void add(const Dims& v) { add(Ints(v)); }
  void add(std::span<const double> v) {
    int64_t* to = add_ints(v.size());
    for (size_t i = 0; i < v.size(); ++i) to[i] = std::bit_cast<int64_t>(v[i]);
  }
  // A list of n integers, for the caller to fill in at once.
  int64_t* add_ints(size_t n) {
    check(n < (size_t{1} << 31), "a list of ", static_cast<uint64_t>(n), " integers is too long");
    const uint32_t at = numbers_.size(), length = static_cast<uint32_t>(n);
    tags_.push_back({at, length, Kind::kInts});
    numbers_.resize(at + length);
    return numbers_.data() + at;
  }
  // Copies argument i of another call.
  void add_from(const Attrs& o, int i) {
    if (o.kind(i) == Kind::kInts) return add(o.ints(i));
    push(o.kind(i), o.number(i));
  }

  // Replaces number i by another.
  void set(int i, double v) {
    Tag& t = tags_[static_cast<uint32_t>(i)];
    t.kind = Kind::kFloat;
    numbers_[t.at] = std::bit_cast<int64_t>(v);
  }

  int count() const { return static_cast<int>(tags_.size()); }
  Kind kind(int i) const { return tags_[static_cast<uint32_t>(i)].kind; }
  bool has(int i) const { return kind(i) != Kind::kNone; }
  int64_t integer(int i) const {
    return kind(i) == Kind::kFloat ? static_cast<int64_t>(real(i)) : number(i);
  }
  double real(int i) const {
    const int64_t bits = number(i);
    return kind(i) == Kind::kFloat ? std::bit_cast<double>(bits) : static_cast<double>(bits);
  }
  bool flag(int i) const { return number(i) != 0; }
  Dtype dtype(int i) const { return static_cast<Dtype>(number(i)); }
  Dtype dtype_or(int i, Dtype otherwise) const { return has(i) ? dtype(i) : otherwise; }
  Generator* generator(int i) const { return reinterpret_cast<Generator*>(number(i)); }
  const Op* op(int i) const { return reinterpret_cast<const Op*>(number(i)); }
  // Valid until another argument is added.
  Ints ints(int i) const {
    const Tag& t = tags_[static_cast<uint32_t>(i)];
    return Ints(numbers_.data() + t.at, t.length);
  }
  Dims dims(int i) const { return Dims(ints(i)); }
  // Of `floats`: how many there are, and number k; one number that is no list is every one.
  int64_t reals(int i) const { return kind(i) == Kind::kInts ? std::ssize(ints(i)) : 1; }
  double real_at(int i, int k) const {
    return kind(i) == Kind::kInts ? std::bit_cast<double>(ints(i)[static_cast<size_t>(k)])
                                  : real(i);
  }
  Scalar scalar(int i) const {
    if (kind(i) == Kind::kFloat) return Scalar(real(i));
    if (kind(i) == Kind::kBool) return Scalar(flag(i));
    return Scalar(number(i));
  }

 private:
  int64_t number(int i) const { return numbers_[tags_[static_cast<uint32_t>(i)].at]; }
  void push(Kind k, int64_t v) {
    tags_.push_back({numbers_.size(), 1, k});
    numbers_.push_back(v);
  }
  SmallList<Tag, 8> tags_;
  SmallList<int64_t, 16> numbers_;
};

}  // namespace wengert
