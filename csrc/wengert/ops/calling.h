// How the functions of ops/<family>/functions.cpp call their rows. Nothing else of the core calls
// those functions, so that the linker leaves them out of the extension module.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "wengert/ops/argument.h"
#include "wengert/ops/registry.h"
#include "wengert/tape/parameters.h"

namespace wengert {

namespace calling {

// Row number `nth` of those of that name, in the order of the registry.
inline const Op& row(std::string_view name, int nth = 0) {
  for (const Op* op : all_ops())
    if (op->name == name && nth-- == 0) return *op;
  fail(ErrorKind::kRuntime, "the library has no such operation: ", name);
}

// An argument that is no tensor.
class Argument {
 public:
  Argument(std::nullptr_t) {}
  Argument(bool v) : kind_(Kind::kOne), one_(v) {}
  Argument(int64_t v) : kind_(Kind::kOne), one_(v) {}
  Argument(double v) : kind_(Kind::kOne), one_(v) {}
  Argument(const Scalar& v) : kind_(Kind::kOne), one_(v) {}
  Argument(Reduction v) : Argument(static_cast<int64_t>(v)) {}
  Argument(Dtype v) : kind_(Kind::kDtype), one_(static_cast<int64_t>(v)) {}
  Argument(Generator* g) : kind_(g ? Kind::kGenerator : Kind::kNone), generator_(g) {}
  Argument(Ints v) : kind_(Kind::kInts), ints_(v) {}
  Argument(const Dims& v) : Argument(Ints(v)) {}
  Argument(Floats v) : kind_(v.empty() ? Kind::kNone : Kind::kFloats), floats_(v) {
    if (v.size() == 1) *this = Argument(v[0]);
  }
  template <class T>
  Argument(const std::optional<T>& v) {
    if (v) *this = Argument(*v);
  }

  void add_to(Attrs& attrs) const {
    switch (kind_) {
      case Kind::kNone:
        return attrs.add(nullptr);
      case Kind::kOne:
        return attrs.add(one_);
      case Kind::kDtype:
        return attrs.add(static_cast<Dtype>(one_.integer()));
      case Kind::kGenerator:
        return attrs.add(generator_);
      case Kind::kInts:
        return attrs.add(ints_);
      case Kind::kFloats:
        return attrs.add(std::span<const double>(floats_));
    }
  }

 private:
  enum class Kind : uint8_t { kNone, kOne, kDtype, kGenerator, kInts, kFloats };
  Kind kind_ = Kind::kNone;
  Scalar one_;
  Generator* generator_ = nullptr;
  Ints ints_;
  Floats floats_;
};

// `ints | None`: an empty list is None. `int | ints`: a list of one is its number.
inline Argument some(Ints v) { return v.empty() ? Argument(nullptr) : Argument(v); }
inline Argument one_or_more(Ints v) { return v.size() == 1 ? Argument(v[0]) : some(v); }

// The number of a word among those that the signature has; none at all is None.
inline Argument choice(const Op& op, std::string_view name, Word word) {
  if (word.data() == nullptr) return nullptr;
  const std::vector<Param>& params = parameters_of(op).params;
  const auto p =
      std::find_if(params.begin(), params.end(), [&](auto& p) { return p.name == name; });
  const int i = p->choice(word);
  if (i >= 0) return static_cast<int64_t>(i);
  std::string known;
  for (std::string_view c : p->choices)
    known += (known.empty() ? "'" : ", '") + std::string(c) + "'";
  fail(ErrorKind::kValue, op.name, ": '", std::string_view(word), "' is not a valid value for ",
       name, "; expected one of ", known);
}

using Inputs = std::initializer_list<Operand>;
using Arguments = std::initializer_list<Argument>;

inline void fill(Call& c, Inputs inputs, Tensors list, Arguments arguments) {
  for (const Operand& x : inputs) c.add_input(x);
  for (const Tensor& x : list) c.add_input(x);
  for (const Argument& a : arguments) a.add_to(c.attrs);
}
inline int results(const Call& c) {
  return c.op().is_composite() ? static_cast<int>(c.results.size()) : c.outputs();
}
// Undefined where there is none, as a composite may leave out.
inline Tensor result(Call& c, int i) {
  if (i >= results(c)) return Tensor();
  return c.op().is_composite() ? std::move(c.results[static_cast<uint32_t>(i)])
                               : std::move(c.out[i]);
}

inline Tensor one(const Op& op, Inputs inputs, Arguments arguments = {}, Tensors list = {}) {
  Call c(op);
  fill(c, inputs, list, arguments);
  apply(c);
  return result(c, 0);
}
inline std::pair<Tensor, Tensor> two(const Op& op, Inputs inputs, Arguments arguments = {},
                                     Tensors list = {}) {
  Call c(op);
  fill(c, inputs, list, arguments);
  apply(c);
  return {result(c, 0), result(c, 1)};
}
inline std::tuple<Tensor, Tensor, Tensor> three(const Op& op, Inputs inputs,
                                                Arguments arguments = {}) {
  Call c(op);
  fill(c, inputs, {}, arguments);
  apply(c);
  return {result(c, 0), result(c, 1), result(c, 2)};
}
inline std::vector<Tensor> many(const Op& op, Inputs inputs, Arguments arguments = {},
                                Tensors list = {}) {
  Call c(op);
  fill(c, inputs, list, arguments);
  apply(c);
  std::vector<Tensor> all;
  all.reserve(static_cast<size_t>(results(c)));
  for (int i = 0; i < results(c); ++i) all.push_back(result(c, i));
  return all;
}
// Writes to x, which is the first of the inputs; a row whose name ends so does that itself.
inline Tensor& in_place(const Op& op, Tensor& x, Inputs others = {}, Arguments arguments = {}) {
  Call c(op);
  c.add_input(x);
  fill(c, others, {}, arguments);
  std::string_view(op.name).ends_with('_') ? apply(c) : apply_inplace(c);
  return x;
}

}  // namespace calling
}  // namespace wengert
