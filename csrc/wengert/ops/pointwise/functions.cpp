// Written by `python -m tests.functions` from the signatures of the rows; do not edit.
// clang-format off
#include "wengert/ops/pointwise/functions.h"

#include "wengert/ops/calling.h"

namespace wengert {

Tensor add(const Operand& input, const Operand& other, const Scalar& alpha) {
  static const Op& op = calling::row("add", 1);
  return calling::one(op, {input, other}, {alpha});
}
Tensor subtract(const Operand& input, const Operand& other) {
  static const Op& op = calling::row("sub");
  return calling::one(op, {input, other});
}
Tensor sub(const Operand& input, const Operand& other, const Scalar& alpha) {
  static const Op& op = calling::row("sub", 1);
  return calling::one(op, {input, other}, {alpha});
}
Tensor subtract(const Operand& input, const Operand& other, const Scalar& alpha) {
  static const Op& op = calling::row("sub", 1);
  return calling::one(op, {input, other}, {alpha});
}
Tensor rsub(const Operand& input, const Operand& other, const Scalar& alpha) {
  static const Op& op = calling::row("rsub");
  return calling::one(op, {input, other}, {alpha});
}
Tensor multiply(const Operand& input, const Operand& other) {
  static const Op& op = calling::row("mul");
  return calling::one(op, {input, other});
}
Tensor divide(const Operand& input, const Operand& other) {
  static const Op& op = calling::row("div");
  return calling::one(op, {input, other});
}
Tensor true_divide(const Operand& input, const Operand& other) {
  static const Op& op = calling::row("div");
  return calling::one(op, {input, other});
}
Tensor div(const Operand& input, const Operand& other, Word rounding_mode) {
  static const Op& op = calling::row("div", 1);
  return calling::one(op, {input, other}, {calling::choice(op, "rounding_mode", rounding_mode)});
}
Tensor divide(const Operand& input, const Operand& other, Word rounding_mode) {
  static const Op& op = calling::row("div", 1);
  return calling::one(op, {input, other}, {calling::choice(op, "rounding_mode", rounding_mode)});
}
Tensor true_divide(const Operand& input, const Operand& other, Word rounding_mode) {
  static const Op& op = calling::row("div", 1);
  return calling::one(op, {input, other}, {calling::choice(op, "rounding_mode", rounding_mode)});
}
Tensor arctan2(const Operand& input, const Operand& other) {
  static const Op& op = calling::row("atan2");
  return calling::one(op, {input, other});
}
Tensor fmax(const Operand& input, const Operand& other) {
  static const Op& op = calling::row("fmax");
  return calling::one(op, {input, other});
}
Tensor fmin(const Operand& input, const Operand& other) {
  static const Op& op = calling::row("fmin");
  return calling::one(op, {input, other});
}
Tensor hypot(const Operand& input, const Operand& other) {
  static const Op& op = calling::row("hypot");
  return calling::one(op, {input, other});
}
Tensor logaddexp(const Operand& input, const Operand& other) {
  static const Op& op = calling::row("logaddexp");
  return calling::one(op, {input, other});
}
Tensor xlogy(const Operand& input, const Operand& other) {
  static const Op& op = calling::row("xlogy");
  return calling::one(op, {input, other});
}
Tensor copysign(const Operand& input, const Operand& other) {
  static const Op& op = calling::row("copysign");
  return calling::one(op, {input, other});
}
Tensor negative(const Tensor& input) {
  static const Op& op = calling::row("neg");
  return calling::one(op, {input});
}
Tensor absolute(const Tensor& input) {
  static const Op& op = calling::row("abs");
  return calling::one(op, {input});
}
Tensor sgn(const Tensor& input) {
  static const Op& op = calling::row("sign");
  return calling::one(op, {input});
}
Tensor asin(const Tensor& input) {
  static const Op& op = calling::row("asin");
  return calling::one(op, {input});
}
Tensor arcsin(const Tensor& input) {
  static const Op& op = calling::row("asin");
  return calling::one(op, {input});
}
Tensor acos(const Tensor& input) {
  static const Op& op = calling::row("acos");
  return calling::one(op, {input});
}
Tensor arccos(const Tensor& input) {
  static const Op& op = calling::row("acos");
  return calling::one(op, {input});
}
Tensor atan(const Tensor& input) {
  static const Op& op = calling::row("atan");
  return calling::one(op, {input});
}
Tensor arctan(const Tensor& input) {
  static const Op& op = calling::row("atan");
  return calling::one(op, {input});
}
Tensor asinh(const Tensor& input) {
  static const Op& op = calling::row("asinh");
  return calling::one(op, {input});
}
Tensor arcsinh(const Tensor& input) {
  static const Op& op = calling::row("asinh");
  return calling::one(op, {input});
}
Tensor acosh(const Tensor& input) {
  static const Op& op = calling::row("acosh");
  return calling::one(op, {input});
}
Tensor arccosh(const Tensor& input) {
  static const Op& op = calling::row("acosh");
  return calling::one(op, {input});
}
Tensor atanh(const Tensor& input) {
  static const Op& op = calling::row("atanh");
  return calling::one(op, {input});
}
Tensor arctanh(const Tensor& input) {
  static const Op& op = calling::row("atanh");
  return calling::one(op, {input});
}
Tensor erfc(const Tensor& input) {
  static const Op& op = calling::row("erfc");
  return calling::one(op, {input});
}
Tensor round(const Tensor& input, int64_t decimals) {
  static const Op& op = calling::row("round", 1);
  return calling::one(op, {input}, {decimals});
}
Tensor fix(const Tensor& input) {
  static const Op& op = calling::row("trunc");
  return calling::one(op, {input});
}
Tensor frac(const Tensor& input) {
  static const Op& op = calling::row("frac");
  return calling::one(op, {input});
}
Tensor positive(const Tensor& input) {
  static const Op& op = calling::row("positive");
  return calling::one(op, {input});
}
Tensor clamp_min(const Tensor& input, const Operand& min) {
  static const Op& op = calling::row("clamp_min");
  return calling::one(op, {input, min});
}
Tensor clamp_max(const Tensor& input, const Operand& max) {
  static const Op& op = calling::row("clamp_max");
  return calling::one(op, {input, max});
}
Tensor clip(const Tensor& input, const Operand& min, const Operand& max) {
  static const Op& op = calling::row("clip");
  return calling::one(op, {input, min, max});
}
Tensor nan_to_num(const Tensor& input, std::optional<double> nan, std::optional<double> posinf,
                  std::optional<double> neginf) {
  static const Op& op = calling::row("nan_to_num");
  return calling::one(op, {input}, {nan, posinf, neginf});
}
Tensor lerp(const Tensor& input, const Tensor& end, const Operand& weight) {
  static const Op& op = calling::row("lerp");
  return calling::one(op, {input, end, weight});
}
Tensor addcmul(const Tensor& input, const Tensor& tensor1, const Tensor& tensor2,
               const Scalar& value) {
  static const Op& op = calling::row("addcmul");
  return calling::one(op, {input, tensor1, tensor2}, {value});
}
Tensor addcdiv(const Tensor& input, const Tensor& tensor1, const Tensor& tensor2,
               const Scalar& value) {
  static const Op& op = calling::row("addcdiv");
  return calling::one(op, {input, tensor1, tensor2}, {value});
}
Tensor deg2rad(const Tensor& input) {
  static const Op& op = calling::row("deg2rad");
  return calling::one(op, {input});
}
Tensor rad2deg(const Tensor& input) {
  static const Op& op = calling::row("rad2deg");
  return calling::one(op, {input});
}
Tensor logit(const Tensor& input, std::optional<double> eps) {
  static const Op& op = calling::row("logit");
  return calling::one(op, {input}, {eps});
}
Tensor elu(const Tensor& input, double alpha, double scale, double input_scale) {
  static const Op& op = calling::row("elu");
  return calling::one(op, {input}, {alpha, scale, input_scale});
}
Tensor selu(const Tensor& input) {
  static const Op& op = calling::row("selu");
  return calling::one(op, {input});
}
Tensor celu(const Tensor& input, double alpha) {
  static const Op& op = calling::row("celu");
  return calling::one(op, {input}, {alpha});
}
Tensor logsigmoid(const Tensor& input) {
  static const Op& op = calling::row("logsigmoid");
  return calling::one(op, {input});
}
Tensor mish(const Tensor& input) {
  static const Op& op = calling::row("mish");
  return calling::one(op, {input});
}
Tensor softsign(const Tensor& input) {
  static const Op& op = calling::row("softsign");
  return calling::one(op, {input});
}
Tensor tanhshrink(const Tensor& input) {
  static const Op& op = calling::row("tanhshrink");
  return calling::one(op, {input});
}
Tensor glu(const Tensor& input, int64_t dim) {
  static const Op& op = calling::row("glu");
  return calling::one(op, {input}, {dim});
}
Tensor leaky_relu(const Tensor& input, double negative_slope) {
  static const Op& op = calling::row("leaky_relu");
  return calling::one(op, {input}, {negative_slope});
}
Tensor hardtanh(const Tensor& input, double min_val, double max_val) {
  static const Op& op = calling::row("hardtanh");
  return calling::one(op, {input}, {min_val, max_val});
}
Tensor relu6(const Tensor& input) {
  static const Op& op = calling::row("relu6");
  return calling::one(op, {input});
}
Tensor hardsigmoid(const Tensor& input) {
  static const Op& op = calling::row("hardsigmoid");
  return calling::one(op, {input});
}
Tensor hardswish(const Tensor& input) {
  static const Op& op = calling::row("hardswish");
  return calling::one(op, {input});
}
Tensor threshold(const Tensor& input, const Scalar& threshold, const Scalar& value) {
  static const Op& op = calling::row("threshold");
  return calling::one(op, {input}, {threshold, value});
}
Tensor prelu(const Tensor& input, const Tensor& weight) {
  static const Op& op = calling::row("prelu");
  return calling::one(op, {input, weight});
}
Tensor not_equal(const Operand& input, const Operand& other) {
  static const Op& op = calling::row("ne");
  return calling::one(op, {input, other});
}
Tensor less(const Operand& input, const Operand& other) {
  static const Op& op = calling::row("lt");
  return calling::one(op, {input, other});
}
Tensor less_equal(const Operand& input, const Operand& other) {
  static const Op& op = calling::row("le");
  return calling::one(op, {input, other});
}
Tensor greater(const Operand& input, const Operand& other) {
  static const Op& op = calling::row("gt");
  return calling::one(op, {input, other});
}
Tensor greater_equal(const Operand& input, const Operand& other) {
  static const Op& op = calling::row("ge");
  return calling::one(op, {input, other});
}
Tensor logical_xor(const Operand& input, const Operand& other) {
  static const Op& op = calling::row("logical_xor");
  return calling::one(op, {input, other});
}
Tensor bitwise_and(const Operand& input, const Operand& other) {
  static const Op& op = calling::row("bitwise_and");
  return calling::one(op, {input, other});
}
Tensor bitwise_or(const Operand& input, const Operand& other) {
  static const Op& op = calling::row("bitwise_or");
  return calling::one(op, {input, other});
}
Tensor bitwise_xor(const Operand& input, const Operand& other) {
  static const Op& op = calling::row("bitwise_xor");
  return calling::one(op, {input, other});
}
Tensor bitwise_not(const Tensor& input) {
  static const Op& op = calling::row("bitwise_not");
  return calling::one(op, {input});
}
Tensor bitwise_left_shift(const Operand& input, const Operand& other) {
  static const Op& op = calling::row("bitwise_left_shift");
  return calling::one(op, {input, other});
}
Tensor bitwise_right_shift(const Operand& input, const Operand& other) {
  static const Op& op = calling::row("bitwise_right_shift");
  return calling::one(op, {input, other});
}
Tensor isnan(const Tensor& input) {
  static const Op& op = calling::row("isnan");
  return calling::one(op, {input});
}
Tensor isinf(const Tensor& input) {
  static const Op& op = calling::row("isinf");
  return calling::one(op, {input});
}
Tensor isfinite(const Tensor& input) {
  static const Op& op = calling::row("isfinite");
  return calling::one(op, {input});
}
Tensor isclose(const Tensor& input, const Tensor& other, double rtol, double atol, bool equal_nan) {
  static const Op& op = calling::row("isclose");
  return calling::one(op, {input, other}, {rtol, atol, equal_nan});
}
Tensor max(const Tensor& input, const Tensor& other) {
  static const Op& op = calling::row("max", 1);
  return calling::one(op, {input, other});
}
Tensor min(const Tensor& input, const Tensor& other) {
  static const Op& op = calling::row("min", 1);
  return calling::one(op, {input, other});
}
Tensor signbit(const Tensor& input) {
  static const Op& op = calling::row("signbit");
  return calling::one(op, {input});
}
Tensor isposinf(const Tensor& input) {
  static const Op& op = calling::row("isposinf");
  return calling::one(op, {input});
}
Tensor isneginf(const Tensor& input) {
  static const Op& op = calling::row("isneginf");
  return calling::one(op, {input});
}
Tensor isreal(const Tensor& input) {
  static const Op& op = calling::row("isreal");
  return calling::one(op, {input});
}
Tensor heaviside(const Tensor& input, const Tensor& values) {
  static const Op& op = calling::row("heaviside");
  return calling::one(op, {input, values});
}
Tensor angle(const Tensor& input) {
  static const Op& op = calling::row("angle");
  return calling::one(op, {input});
}
Tensor gcd(const Tensor& input, const Tensor& other) {
  static const Op& op = calling::row("gcd");
  return calling::one(op, {input, other});
}
Tensor lcm(const Tensor& input, const Tensor& other) {
  static const Op& op = calling::row("lcm");
  return calling::one(op, {input, other});
}
Tensor nextafter(const Tensor& input, const Tensor& other) {
  static const Op& op = calling::row("nextafter");
  return calling::one(op, {input, other});
}
Tensor ldexp(const Tensor& input, const Tensor& other) {
  static const Op& op = calling::row("ldexp");
  return calling::one(op, {input, other});
}
std::pair<Tensor, Tensor> frexp(const Tensor& input) {
  static const Op& op = calling::row("frexp");
  return calling::two(op, {input});
}
Tensor float_power(const Operand& input, const Operand& exponent) {
  static const Op& op = calling::row("float_power");
  return calling::one(op, {input, exponent});
}
Tensor logaddexp2(const Tensor& input, const Tensor& other) {
  static const Op& op = calling::row("logaddexp2");
  return calling::one(op, {input, other});
}
Tensor xlog1py(const Operand& input, const Operand& other) {
  static const Op& op = calling::row("xlog1py");
  return calling::one(op, {input, other});
}
Tensor addr(const Tensor& input, const Tensor& vec1, const Tensor& vec2, const Scalar& beta,
            const Scalar& alpha) {
  static const Op& op = calling::row("addr");
  return calling::one(op, {input, vec1, vec2}, {beta, alpha});
}
Tensor addbmm(const Tensor& input, const Tensor& batch1, const Tensor& batch2, const Scalar& beta,
              const Scalar& alpha) {
  static const Op& op = calling::row("addbmm");
  return calling::one(op, {input, batch1, batch2}, {beta, alpha});
}
Tensor vdot(const Tensor& input, const Tensor& other) {
  static const Op& op = calling::row("vdot");
  return calling::one(op, {input, other});
}

}  // namespace wengert
