// Comparisons, logic and choice. Their outputs are bool, which has no derivative.
#include <cmath>
#include <limits>

#include "wengert/kernels/core/pointwise_rows.h"
#include "wengert/ops/pointwise/pointwise.h"
#include "wengert/ops/pointwise/rows.h"

namespace wengert {
namespace {

constexpr Signature kTwo = "(input: Operand, other: Operand) -> Tensor";
constexpr Signature kOne = "(input: Tensor) -> Tensor";

template <class F>
constexpr Op comparison(const char* name, const char* doc, F) {
  return pointwise_op(name, kTwo, doc, &kPredicateRow<2, AllTypes, F>, Promote::kCommon, nullptr,
                      kNothing, kEverywhere);
}
template <class F>
constexpr Op property(const char* name, const char* doc, F, uint32_t on = kMethod | kModule) {
  return pointwise_op(name, kOne, doc, &kPredicateRow<1, AllTypes, F>, Promote::kCommon, nullptr,
                      kNothing, on);
}
template <class F>
constexpr Op bitwise(const char* name, const char* doc, F) {
  return pointwise_op(name, kTwo, doc, &kRow<2, Integers, F>, Promote::kCommon, nullptr, kNothing,
                      kEverywhere);
}

// A shift by a negative count, or by all bits or more, shifts everything out.
template <class T>
bool shifts_all(T count) {
  using Unsigned = std::make_unsigned_t<T>;
  return static_cast<Unsigned>(count) >= std::numeric_limits<Unsigned>::digits;
}
constexpr auto shift_left = [](auto a, auto b) {
  using T = decltype(a);
  using Unsigned = std::make_unsigned_t<T>;
  return shifts_all(b) ? T{0} : static_cast<T>(static_cast<Unsigned>(a) << b);
};
constexpr auto shift_right = [](auto a, auto b) {
  using T = decltype(a);
  return shifts_all(b) ? static_cast<T>(a < 0 ? -1 : 0) : static_cast<T>(a >> b);
};
template <class F>
constexpr Op shift(const char* name, const char* doc, F) {
  return pointwise_op(name, kTwo, doc, &kRow<2, Types<uint8_t, int32_t, int64_t>, F>,
                      Promote::kCommon, nullptr, kNothing, kEverywhere);
}

template <class T>
constexpr PointwiseKernel where_of = detail::where_kernel<T, void>;

constexpr PointwiseRow where_row() {
  PointwiseRow row{.arity = 3, .mask_first = true};
  row.kernels[index(Dtype::kBool)] = where_of<bool>;
  row.kernels[index(Dtype::kUInt8)] = where_of<uint8_t>;
  row.kernels[index(Dtype::kInt32)] = where_of<int32_t>;
  row.kernels[index(Dtype::kInt64)] = where_of<int64_t>;
  row.kernels[index(Dtype::kFloat32)] = where_of<float>;
  row.kernels[index(Dtype::kFloat64)] = where_of<double>;
  return row;
}
constexpr PointwiseRow kWhere = where_row();

void where_shape(Call& c) {
  if (c.input(0).is_tensor())
    check(c.in(0).dtype() == Dtype::kBool,
          "expected condition to be a boolean tensor, but got a tensor with dtype ",
          c.in(0).dtype());
  pointwise_shape(c);
}

template <class T>
bool near(T a, T b, double rtol, double atol, bool equal_nan) {
  if (a == b) return true;
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(a) || std::isnan(b)) return equal_nan && std::isnan(a) && std::isnan(b);
    if (std::isinf(a) || std::isinf(b)) return false;
  }
  const double x = static_cast<double>(a), y = static_cast<double>(b);
  return std::abs(x - y) <= atol + rtol * std::abs(y);
}
constexpr Signature kIsclose =
    "(input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = "
    "False) -> Tensor";
void isclose_shape(Call& c) {
  const Operand &a = c.original(0), &b = c.original(1);
  check(a.is_tensor() && b.is_tensor(), ErrorKind::kType, "two tensors expected");
  check(a->dtype() == b->dtype(), a->dtype(), " did not match ", b->dtype());
  const double rtol = c.attrs.real(kIsclose["rtol"]), atol = c.attrs.real(kIsclose["atol"]);
  check(rtol >= 0, "rtol must be greater than or equal to zero, but got ", rtol);
  check(atol >= 0, "atol must be greater than or equal to zero, but got ", atol);
  pointwise_shape(c);
}
constexpr auto isclose_f = [](auto a, auto b, const double* p) {
  return near(a, b, p[0], p[1], p[2] != 0);
};

}  // namespace

// z = 1 where x = y, else 0
constinit const Op eq_op =
    comparison("eq", "True where equal.", [](auto a, auto b) { return a == b; });
// z = 1 where x != y, else 0
constinit const Op ne_op = comparison("ne", "True where not equal.", [](auto a, auto b) {
                             return a != b;
                           }).also("not_equal");
// z = 1 where x < y, else 0
constinit const Op lt_op = comparison("lt", "True where input < other.", [](auto a, auto b) {
                             return a < b;
                           }).also("less");
// z = 1 where x <= y, else 0
constinit const Op le_op = comparison("le", "True where input <= other.", [](auto a, auto b) {
                             return a <= b;
                           }).also("less_equal");
// z = 1 where x > y, else 0
constinit const Op gt_op = comparison("gt", "True where input > other.", [](auto a, auto b) {
                             return a > b;
                           }).also("greater");
// z = 1 where x >= y, else 0
constinit const Op ge_op = comparison("ge", "True where input >= other.", [](auto a, auto b) {
                             return a >= b;
                           }).also("greater_equal");

// z = 1 where x != 0 and y != 0, else 0
constinit const Op logical_and_op = comparison("logical_and", "True where both are non-zero.",
                                               [](auto a, auto b) { return a && b; });
// z = 1 where x != 0 or y != 0, else 0
constinit const Op logical_or_op = comparison("logical_or", "True where either is non-zero.",
                                              [](auto a, auto b) { return a || b; });
// z = 1 where just one of x and y is not 0, else 0
constinit const Op logical_xor_op = comparison("logical_xor", "True where exactly one is non-zero.",
                                               [](auto a, auto b) { return !a != !b; });
// y = 1 where x = 0, else 0
constinit const Op logical_not_op =
    property("logical_not", "True where zero.", [](auto a) { return !a; }, kEverywhere);

// z = x & y, bit by bit
constinit const Op bitwise_and_op = bitwise("bitwise_and", "Bitwise and; logical and of bools.",
                                            [](auto a, auto b) { return a & b; });
// z = x | y, bit by bit
constinit const Op bitwise_or_op =
    bitwise("bitwise_or", "Bitwise or; logical or of bools.", [](auto a, auto b) { return a | b; });
// z = x ^ y, bit by bit
constinit const Op bitwise_xor_op =
    bitwise("bitwise_xor", "Bitwise exclusive or.", [](auto a, auto b) { return a ^ b; });
namespace {
constexpr auto complement = [](auto a) {
  if constexpr (std::is_same_v<decltype(a), bool>) {
    return !a;
  } else {
    return ~a;
  }
};
}  // namespace
// y = ~x, bit by bit; of bool 1 - x
constinit const Op bitwise_not_op = pointwise_op(
    "bitwise_not", kOne, "Bitwise not; logical not of bools.",
    &kRow<1, Integers, decltype(complement)>, Promote::kCommon, nullptr, kNothing, kEverywhere);
// z = x 2^y, without the bits that do not fit
constinit const Op bitwise_left_shift_op =
    shift("bitwise_left_shift",
          "The bits of integers moved up by `other`; 0 if that is negative or moves all out.",
          shift_left);
// z = x / 2^y, rounded down
constinit const Op bitwise_right_shift_op = shift(
    "bitwise_right_shift",
    "The bits of integers moved down by `other`, the sign kept; 0, or -1 of a negative number, if "
    "that is negative or moves all out.",
    shift_right);

// y = 1 where x is NaN, else 0
constinit const Op isnan_op = property("isnan", "True where NaN.", [](auto a) { return a != a; });
// y = 1 where |x| is infinite, else 0
constinit const Op isinf_op = property("isinf", "True where infinite.", [](auto a) {
  if constexpr (std::is_integral_v<decltype(a)>) return false;
  return std::isinf(static_cast<double>(a));
});
// y = 1 where x is a number and |x| is not infinite, else 0
constinit const Op isfinite_op =
    property("isfinite", "True where neither infinite nor NaN.", [](auto a) {
      if constexpr (std::is_integral_v<decltype(a)>) return true;
      return std::isfinite(static_cast<double>(a));
    });
// z = 1 where |x - y| <= atol + rtol |y|, else 0
constinit const Op isclose_op = [] {
  Op op = pointwise_op(
      "isclose", kIsclose,
      "True where |input - other| <= atol + rtol * |other|. RuntimeError for two dtypes and for a "
      "tolerance below 0.",
      &kPredicateRow<2, AllTypes, decltype(isclose_f)>, Promote::kCommon, nullptr, kNothing,
      kMethod | kModule);
  op.shape = isclose_shape;
  return op;
}();

// z = x where c, else y     dx = g where c        dy = g where not c
constinit const Op where_op = [] {
  Op op = pointwise_op(
      "where", "(condition: Tensor, input: Operand, other: Operand) -> Tensor",
      "Elements of `input` where `condition`, else of `other`, with broadcasting.", &kWhere,
      Promote::kNotFirst,
      [](Vjp& v) {
        if (v.needs(1)) v.set(1, where(v.x(0), v.g(), 0.0));
        if (v.needs(2)) v.set(2, where(v.x(0), 0.0, v.g()));
      },
      kInput, kModule);
  op.shape = where_shape;
  return op;
}();

#define WENGERT_BINARY(name) \
  Tensor name(const Operand& x, const Operand& y) { return apply(name##_op, {x, y}); }
WENGERT_BINARY(eq)
WENGERT_BINARY(ne)
WENGERT_BINARY(lt)
WENGERT_BINARY(le)
WENGERT_BINARY(gt)
WENGERT_BINARY(ge)
WENGERT_BINARY(logical_and)
WENGERT_BINARY(logical_or)
#undef WENGERT_BINARY
Tensor logical_not(const Operand& x) { return apply(logical_not_op, {x}); }
Tensor where(const Operand& condition, const Operand& x, const Operand& y) {
  return apply(where_op, {condition, x, y});
}

namespace {
const Op* const kOps[] = {&eq_op,
                          &ne_op,
                          &lt_op,
                          &le_op,
                          &gt_op,
                          &ge_op,
                          &logical_and_op,
                          &logical_or_op,
                          &logical_xor_op,
                          &logical_not_op,
                          &bitwise_and_op,
                          &bitwise_or_op,
                          &bitwise_xor_op,
                          &bitwise_not_op,
                          &bitwise_left_shift_op,
                          &bitwise_right_shift_op,
                          &isnan_op,
                          &isinf_op,
                          &isfinite_op,
                          &isclose_op,
                          &where_op};
}
std::span<const Op* const> compare_ops() { return kOps; }

}  // namespace wengert
