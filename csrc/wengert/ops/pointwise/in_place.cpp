// Written by `python -m tests.functions` from the signatures of the rows; do not edit.
// clang-format off
#include "wengert/ops/pointwise/functions.h"

#include "wengert/ops/calling.h"

namespace wengert {

Tensor& add_(Tensor& input, const Operand& other, const Scalar& alpha) {
  static const Op& op = calling::row("add", 1);
  return calling::in_place(op, input, {other}, {alpha});
}
Tensor& subtract_(Tensor& input, const Operand& other) {
  static const Op& op = calling::row("sub");
  return calling::in_place(op, input, {other});
}
Tensor& sub_(Tensor& input, const Operand& other, const Scalar& alpha) {
  static const Op& op = calling::row("sub", 1);
  return calling::in_place(op, input, {other}, {alpha});
}
Tensor& subtract_(Tensor& input, const Operand& other, const Scalar& alpha) {
  static const Op& op = calling::row("sub", 1);
  return calling::in_place(op, input, {other}, {alpha});
}
Tensor& multiply_(Tensor& input, const Operand& other) {
  static const Op& op = calling::row("mul");
  return calling::in_place(op, input, {other});
}
Tensor& divide_(Tensor& input, const Operand& other) {
  static const Op& op = calling::row("div");
  return calling::in_place(op, input, {other});
}
Tensor& true_divide_(Tensor& input, const Operand& other) {
  static const Op& op = calling::row("div");
  return calling::in_place(op, input, {other});
}
Tensor& div_(Tensor& input, const Operand& other, Word rounding_mode) {
  static const Op& op = calling::row("div", 1);
  return calling::in_place(op, input,
                           {other},
                           {calling::choice(op, "rounding_mode", rounding_mode)});
}
Tensor& divide_(Tensor& input, const Operand& other, Word rounding_mode) {
  static const Op& op = calling::row("div", 1);
  return calling::in_place(op, input,
                           {other},
                           {calling::choice(op, "rounding_mode", rounding_mode)});
}
Tensor& true_divide_(Tensor& input, const Operand& other, Word rounding_mode) {
  static const Op& op = calling::row("div", 1);
  return calling::in_place(op, input,
                           {other},
                           {calling::choice(op, "rounding_mode", rounding_mode)});
}
Tensor& floor_divide_(Tensor& input, const Operand& other) {
  static const Op& op = calling::row("floor_divide");
  return calling::in_place(op, input, {other});
}
Tensor& remainder_(Tensor& input, const Operand& other) {
  static const Op& op = calling::row("remainder");
  return calling::in_place(op, input, {other});
}
Tensor& fmod_(Tensor& input, const Operand& other) {
  static const Op& op = calling::row("fmod");
  return calling::in_place(op, input, {other});
}
Tensor& pow_(Tensor& input, const Operand& exponent) {
  static const Op& op = calling::row("pow");
  return calling::in_place(op, input, {exponent});
}
Tensor& atan2_(Tensor& input, const Operand& other) {
  static const Op& op = calling::row("atan2");
  return calling::in_place(op, input, {other});
}
Tensor& arctan2_(Tensor& input, const Operand& other) {
  static const Op& op = calling::row("atan2");
  return calling::in_place(op, input, {other});
}
Tensor& hypot_(Tensor& input, const Operand& other) {
  static const Op& op = calling::row("hypot");
  return calling::in_place(op, input, {other});
}
Tensor& xlogy_(Tensor& input, const Operand& other) {
  static const Op& op = calling::row("xlogy");
  return calling::in_place(op, input, {other});
}
Tensor& copysign_(Tensor& input, const Operand& other) {
  static const Op& op = calling::row("copysign");
  return calling::in_place(op, input, {other});
}
Tensor& neg_(Tensor& input) {
  static const Op& op = calling::row("neg");
  return calling::in_place(op, input);
}
Tensor& negative_(Tensor& input) {
  static const Op& op = calling::row("neg");
  return calling::in_place(op, input);
}
Tensor& abs_(Tensor& input) {
  static const Op& op = calling::row("abs");
  return calling::in_place(op, input);
}
Tensor& absolute_(Tensor& input) {
  static const Op& op = calling::row("abs");
  return calling::in_place(op, input);
}
Tensor& sign_(Tensor& input) {
  static const Op& op = calling::row("sign");
  return calling::in_place(op, input);
}
Tensor& sgn_(Tensor& input) {
  static const Op& op = calling::row("sign");
  return calling::in_place(op, input);
}
Tensor& square_(Tensor& input) {
  static const Op& op = calling::row("square");
  return calling::in_place(op, input);
}
Tensor& sqrt_(Tensor& input) {
  static const Op& op = calling::row("sqrt");
  return calling::in_place(op, input);
}
Tensor& rsqrt_(Tensor& input) {
  static const Op& op = calling::row("rsqrt");
  return calling::in_place(op, input);
}
Tensor& reciprocal_(Tensor& input) {
  static const Op& op = calling::row("reciprocal");
  return calling::in_place(op, input);
}
Tensor& exp_(Tensor& input) {
  static const Op& op = calling::row("exp");
  return calling::in_place(op, input);
}
Tensor& exp2_(Tensor& input) {
  static const Op& op = calling::row("exp2");
  return calling::in_place(op, input);
}
Tensor& expm1_(Tensor& input) {
  static const Op& op = calling::row("expm1");
  return calling::in_place(op, input);
}
Tensor& log_(Tensor& input) {
  static const Op& op = calling::row("log");
  return calling::in_place(op, input);
}
Tensor& log2_(Tensor& input) {
  static const Op& op = calling::row("log2");
  return calling::in_place(op, input);
}
Tensor& log10_(Tensor& input) {
  static const Op& op = calling::row("log10");
  return calling::in_place(op, input);
}
Tensor& log1p_(Tensor& input) {
  static const Op& op = calling::row("log1p");
  return calling::in_place(op, input);
}
Tensor& sin_(Tensor& input) {
  static const Op& op = calling::row("sin");
  return calling::in_place(op, input);
}
Tensor& cos_(Tensor& input) {
  static const Op& op = calling::row("cos");
  return calling::in_place(op, input);
}
Tensor& tan_(Tensor& input) {
  static const Op& op = calling::row("tan");
  return calling::in_place(op, input);
}
Tensor& sinh_(Tensor& input) {
  static const Op& op = calling::row("sinh");
  return calling::in_place(op, input);
}
Tensor& cosh_(Tensor& input) {
  static const Op& op = calling::row("cosh");
  return calling::in_place(op, input);
}
Tensor& asin_(Tensor& input) {
  static const Op& op = calling::row("asin");
  return calling::in_place(op, input);
}
Tensor& arcsin_(Tensor& input) {
  static const Op& op = calling::row("asin");
  return calling::in_place(op, input);
}
Tensor& acos_(Tensor& input) {
  static const Op& op = calling::row("acos");
  return calling::in_place(op, input);
}
Tensor& arccos_(Tensor& input) {
  static const Op& op = calling::row("acos");
  return calling::in_place(op, input);
}
Tensor& atan_(Tensor& input) {
  static const Op& op = calling::row("atan");
  return calling::in_place(op, input);
}
Tensor& arctan_(Tensor& input) {
  static const Op& op = calling::row("atan");
  return calling::in_place(op, input);
}
Tensor& asinh_(Tensor& input) {
  static const Op& op = calling::row("asinh");
  return calling::in_place(op, input);
}
Tensor& arcsinh_(Tensor& input) {
  static const Op& op = calling::row("asinh");
  return calling::in_place(op, input);
}
Tensor& acosh_(Tensor& input) {
  static const Op& op = calling::row("acosh");
  return calling::in_place(op, input);
}
Tensor& arccosh_(Tensor& input) {
  static const Op& op = calling::row("acosh");
  return calling::in_place(op, input);
}
Tensor& atanh_(Tensor& input) {
  static const Op& op = calling::row("atanh");
  return calling::in_place(op, input);
}
Tensor& arctanh_(Tensor& input) {
  static const Op& op = calling::row("atanh");
  return calling::in_place(op, input);
}
Tensor& erf_(Tensor& input) {
  static const Op& op = calling::row("erf");
  return calling::in_place(op, input);
}
Tensor& erfc_(Tensor& input) {
  static const Op& op = calling::row("erfc");
  return calling::in_place(op, input);
}
Tensor& floor_(Tensor& input) {
  static const Op& op = calling::row("floor");
  return calling::in_place(op, input);
}
Tensor& ceil_(Tensor& input) {
  static const Op& op = calling::row("ceil");
  return calling::in_place(op, input);
}
Tensor& round_(Tensor& input) {
  static const Op& op = calling::row("round");
  return calling::in_place(op, input);
}
Tensor& round_(Tensor& input, int64_t decimals) {
  static const Op& op = calling::row("round", 1);
  return calling::in_place(op, input, {}, {decimals});
}
Tensor& trunc_(Tensor& input) {
  static const Op& op = calling::row("trunc");
  return calling::in_place(op, input);
}
Tensor& fix_(Tensor& input) {
  static const Op& op = calling::row("trunc");
  return calling::in_place(op, input);
}
Tensor& frac_(Tensor& input) {
  static const Op& op = calling::row("frac");
  return calling::in_place(op, input);
}
Tensor& clamp_min_(Tensor& input, const Operand& min) {
  static const Op& op = calling::row("clamp_min");
  return calling::in_place(op, input, {min});
}
Tensor& clamp_max_(Tensor& input, const Operand& max) {
  static const Op& op = calling::row("clamp_max");
  return calling::in_place(op, input, {max});
}
Tensor& clamp_(Tensor& input, const Operand& min, const Operand& max) {
  static const Op& op = calling::row("clamp");
  return calling::in_place(op, input, {min, max});
}
Tensor& clip_(Tensor& input, const Operand& min, const Operand& max) {
  static const Op& op = calling::row("clip");
  return calling::in_place(op, input, {min, max});
}
Tensor& nan_to_num_(Tensor& input, std::optional<double> nan, std::optional<double> posinf,
                    std::optional<double> neginf) {
  static const Op& op = calling::row("nan_to_num");
  return calling::in_place(op, input, {}, {nan, posinf, neginf});
}
Tensor& lerp_(Tensor& input, const Tensor& end, const Operand& weight) {
  static const Op& op = calling::row("lerp");
  return calling::in_place(op, input, {end, weight});
}
Tensor& addcmul_(Tensor& input, const Tensor& tensor1, const Tensor& tensor2, const Scalar& value) {
  static const Op& op = calling::row("addcmul");
  return calling::in_place(op, input, {tensor1, tensor2}, {value});
}
Tensor& addcdiv_(Tensor& input, const Tensor& tensor1, const Tensor& tensor2, const Scalar& value) {
  static const Op& op = calling::row("addcdiv");
  return calling::in_place(op, input, {tensor1, tensor2}, {value});
}
Tensor& deg2rad_(Tensor& input) {
  static const Op& op = calling::row("deg2rad");
  return calling::in_place(op, input);
}
Tensor& rad2deg_(Tensor& input) {
  static const Op& op = calling::row("rad2deg");
  return calling::in_place(op, input);
}
Tensor& logit_(Tensor& input, std::optional<double> eps) {
  static const Op& op = calling::row("logit");
  return calling::in_place(op, input, {}, {eps});
}
Tensor& sigmoid_(Tensor& input) {
  static const Op& op = calling::row("sigmoid");
  return calling::in_place(op, input);
}
Tensor& tanh_(Tensor& input) {
  static const Op& op = calling::row("tanh");
  return calling::in_place(op, input);
}
Tensor& relu_(Tensor& input) {
  static const Op& op = calling::row("relu");
  return calling::in_place(op, input);
}
Tensor& elu_(Tensor& input, double alpha, double scale, double input_scale) {
  static const Op& op = calling::row("elu");
  return calling::in_place(op, input, {}, {alpha, scale, input_scale});
}
Tensor& selu_(Tensor& input) {
  static const Op& op = calling::row("selu");
  return calling::in_place(op, input);
}
Tensor& celu_(Tensor& input, double alpha) {
  static const Op& op = calling::row("celu");
  return calling::in_place(op, input, {}, {alpha});
}
Tensor& silu_(Tensor& input) {
  static const Op& op = calling::row("silu");
  return calling::in_place(op, input);
}
Tensor& mish_(Tensor& input) {
  static const Op& op = calling::row("mish");
  return calling::in_place(op, input);
}
Tensor& leaky_relu_(Tensor& input, double negative_slope) {
  static const Op& op = calling::row("leaky_relu");
  return calling::in_place(op, input, {}, {negative_slope});
}
Tensor& hardtanh_(Tensor& input, double min_val, double max_val) {
  static const Op& op = calling::row("hardtanh");
  return calling::in_place(op, input, {}, {min_val, max_val});
}
Tensor& relu6_(Tensor& input) {
  static const Op& op = calling::row("relu6");
  return calling::in_place(op, input);
}
Tensor& hardsigmoid_(Tensor& input) {
  static const Op& op = calling::row("hardsigmoid");
  return calling::in_place(op, input);
}
Tensor& hardswish_(Tensor& input) {
  static const Op& op = calling::row("hardswish");
  return calling::in_place(op, input);
}
Tensor& threshold_(Tensor& input, const Scalar& threshold, const Scalar& value) {
  static const Op& op = calling::row("threshold");
  return calling::in_place(op, input, {}, {threshold, value});
}
Tensor& eq_(Tensor& input, const Operand& other) {
  static const Op& op = calling::row("eq");
  return calling::in_place(op, input, {other});
}
Tensor& ne_(Tensor& input, const Operand& other) {
  static const Op& op = calling::row("ne");
  return calling::in_place(op, input, {other});
}
Tensor& not_equal_(Tensor& input, const Operand& other) {
  static const Op& op = calling::row("ne");
  return calling::in_place(op, input, {other});
}
Tensor& lt_(Tensor& input, const Operand& other) {
  static const Op& op = calling::row("lt");
  return calling::in_place(op, input, {other});
}
Tensor& less_(Tensor& input, const Operand& other) {
  static const Op& op = calling::row("lt");
  return calling::in_place(op, input, {other});
}
Tensor& le_(Tensor& input, const Operand& other) {
  static const Op& op = calling::row("le");
  return calling::in_place(op, input, {other});
}
Tensor& less_equal_(Tensor& input, const Operand& other) {
  static const Op& op = calling::row("le");
  return calling::in_place(op, input, {other});
}
Tensor& gt_(Tensor& input, const Operand& other) {
  static const Op& op = calling::row("gt");
  return calling::in_place(op, input, {other});
}
Tensor& greater_(Tensor& input, const Operand& other) {
  static const Op& op = calling::row("gt");
  return calling::in_place(op, input, {other});
}
Tensor& ge_(Tensor& input, const Operand& other) {
  static const Op& op = calling::row("ge");
  return calling::in_place(op, input, {other});
}
Tensor& greater_equal_(Tensor& input, const Operand& other) {
  static const Op& op = calling::row("ge");
  return calling::in_place(op, input, {other});
}
Tensor& logical_and_(Tensor& input, const Operand& other) {
  static const Op& op = calling::row("logical_and");
  return calling::in_place(op, input, {other});
}
Tensor& logical_or_(Tensor& input, const Operand& other) {
  static const Op& op = calling::row("logical_or");
  return calling::in_place(op, input, {other});
}
Tensor& logical_xor_(Tensor& input, const Operand& other) {
  static const Op& op = calling::row("logical_xor");
  return calling::in_place(op, input, {other});
}
Tensor& logical_not_(Tensor& input) {
  static const Op& op = calling::row("logical_not");
  return calling::in_place(op, input);
}
Tensor& bitwise_and_(Tensor& input, const Operand& other) {
  static const Op& op = calling::row("bitwise_and");
  return calling::in_place(op, input, {other});
}
Tensor& bitwise_or_(Tensor& input, const Operand& other) {
  static const Op& op = calling::row("bitwise_or");
  return calling::in_place(op, input, {other});
}
Tensor& bitwise_xor_(Tensor& input, const Operand& other) {
  static const Op& op = calling::row("bitwise_xor");
  return calling::in_place(op, input, {other});
}
Tensor& bitwise_not_(Tensor& input) {
  static const Op& op = calling::row("bitwise_not");
  return calling::in_place(op, input);
}
Tensor& bitwise_left_shift_(Tensor& input, const Operand& other) {
  static const Op& op = calling::row("bitwise_left_shift");
  return calling::in_place(op, input, {other});
}
Tensor& bitwise_right_shift_(Tensor& input, const Operand& other) {
  static const Op& op = calling::row("bitwise_right_shift");
  return calling::in_place(op, input, {other});
}
Tensor& heaviside_(Tensor& input, const Tensor& values) {
  static const Op& op = calling::row("heaviside");
  return calling::in_place(op, input, {values});
}
Tensor& gcd_(Tensor& input, const Tensor& other) {
  static const Op& op = calling::row("gcd");
  return calling::in_place(op, input, {other});
}
Tensor& lcm_(Tensor& input, const Tensor& other) {
  static const Op& op = calling::row("lcm");
  return calling::in_place(op, input, {other});
}
Tensor& nextafter_(Tensor& input, const Tensor& other) {
  static const Op& op = calling::row("nextafter");
  return calling::in_place(op, input, {other});
}
Tensor& ldexp_(Tensor& input, const Tensor& other) {
  static const Op& op = calling::row("ldexp");
  return calling::in_place(op, input, {other});
}
Tensor& float_power_(Tensor& input, const Operand& exponent) {
  static const Op& op = calling::row("float_power");
  return calling::in_place(op, input, {exponent});
}
Tensor& addr_(Tensor& input, const Tensor& vec1, const Tensor& vec2, const Scalar& beta,
              const Scalar& alpha) {
  static const Op& op = calling::row("addr");
  return calling::in_place(op, input, {vec1, vec2}, {beta, alpha});
}
Tensor& addbmm_(Tensor& input, const Tensor& batch1, const Tensor& batch2, const Scalar& beta,
                const Scalar& alpha) {
  static const Op& op = calling::row("addbmm");
  return calling::in_place(op, input, {batch1, batch2}, {beta, alpha});
}

}  // namespace wengert
