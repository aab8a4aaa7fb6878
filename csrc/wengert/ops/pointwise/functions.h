// Functions for C++ users of the rows of this family that no other header declares.
// Written by `python -m tests.functions` from the signatures of the rows; do not edit.
#pragma once

#include "wengert/ops/argument.h"

// clang-format off
namespace wengert {

// Adds `alpha * other` to `input`
Tensor add(const Operand& input, const Operand& other, const Scalar& alpha);
Tensor& add_(Tensor& input, const Operand& other, const Scalar& alpha);
Tensor subtract(const Operand& input, const Operand& other);
Tensor& subtract_(Tensor& input, const Operand& other);
// Subtracts `alpha * other` from `input`
Tensor sub(const Operand& input, const Operand& other, const Scalar& alpha);
Tensor& sub_(Tensor& input, const Operand& other, const Scalar& alpha);
Tensor subtract(const Operand& input, const Operand& other, const Scalar& alpha);
Tensor& subtract_(Tensor& input, const Operand& other, const Scalar& alpha);
// `other - alpha * input`
Tensor rsub(const Operand& input, const Operand& other, const Scalar& alpha = 1);
Tensor multiply(const Operand& input, const Operand& other);
Tensor& multiply_(Tensor& input, const Operand& other);
Tensor divide(const Operand& input, const Operand& other);
Tensor& divide_(Tensor& input, const Operand& other);
Tensor true_divide(const Operand& input, const Operand& other);
Tensor& true_divide_(Tensor& input, const Operand& other);
// Division with rounding
Tensor div(const Operand& input, const Operand& other, Word rounding_mode);
Tensor& div_(Tensor& input, const Operand& other, Word rounding_mode);
Tensor divide(const Operand& input, const Operand& other, Word rounding_mode);
Tensor& divide_(Tensor& input, const Operand& other, Word rounding_mode);
Tensor true_divide(const Operand& input, const Operand& other, Word rounding_mode);
Tensor& true_divide_(Tensor& input, const Operand& other, Word rounding_mode);
Tensor& floor_divide_(Tensor& input, const Operand& other);
Tensor& remainder_(Tensor& input, const Operand& other);
Tensor& fmod_(Tensor& input, const Operand& other);
Tensor& pow_(Tensor& input, const Operand& exponent);
Tensor& atan2_(Tensor& input, const Operand& other);
Tensor arctan2(const Operand& input, const Operand& other);
Tensor& arctan2_(Tensor& input, const Operand& other);
// The larger of two elements; a NaN only if both are
Tensor fmax(const Operand& input, const Operand& other);
// The smaller of two elements; a NaN only if both are
Tensor fmin(const Operand& input, const Operand& other);
// The length of the hypotenuse, sqrt(input^2 + other^2), without overflow
Tensor hypot(const Operand& input, const Operand& other);
Tensor& hypot_(Tensor& input, const Operand& other);
// log(exp(input) + exp(other)), without overflow
Tensor logaddexp(const Operand& input, const Operand& other);
// input * log(other), and 0 where `input` is 0 and `other` is not NaN
Tensor xlogy(const Operand& input, const Operand& other);
Tensor& xlogy_(Tensor& input, const Operand& other);
// The magnitude of `input` with the sign of `other`, that of zeros and NaN too
Tensor copysign(const Operand& input, const Operand& other);
Tensor& copysign_(Tensor& input, const Operand& other);
Tensor& neg_(Tensor& input);
Tensor negative(const Tensor& input);
Tensor& negative_(Tensor& input);
Tensor& abs_(Tensor& input);
Tensor absolute(const Tensor& input);
Tensor& absolute_(Tensor& input);
Tensor& sign_(Tensor& input);
Tensor sgn(const Tensor& input);
Tensor& sgn_(Tensor& input);
Tensor& square_(Tensor& input);
Tensor& sqrt_(Tensor& input);
Tensor& rsqrt_(Tensor& input);
Tensor& reciprocal_(Tensor& input);
Tensor& exp_(Tensor& input);
Tensor& exp2_(Tensor& input);
Tensor& expm1_(Tensor& input);
Tensor& log_(Tensor& input);
Tensor& log2_(Tensor& input);
Tensor& log10_(Tensor& input);
Tensor& log1p_(Tensor& input);
Tensor& sin_(Tensor& input);
Tensor& cos_(Tensor& input);
Tensor& tan_(Tensor& input);
Tensor& sinh_(Tensor& input);
Tensor& cosh_(Tensor& input);
// The angle in [-pi/2, pi/2] whose sine is x
Tensor asin(const Tensor& input);
Tensor& asin_(Tensor& input);
Tensor arcsin(const Tensor& input);
Tensor& arcsin_(Tensor& input);
// The angle in [0, pi] whose cosine is x
Tensor acos(const Tensor& input);
Tensor& acos_(Tensor& input);
Tensor arccos(const Tensor& input);
Tensor& arccos_(Tensor& input);
// The angle in (-pi/2, pi/2) whose tangent is x
Tensor atan(const Tensor& input);
Tensor& atan_(Tensor& input);
Tensor arctan(const Tensor& input);
Tensor& arctan_(Tensor& input);
// The inverse hyperbolic sine
Tensor asinh(const Tensor& input);
Tensor& asinh_(Tensor& input);
Tensor arcsinh(const Tensor& input);
Tensor& arcsinh_(Tensor& input);
// The inverse hyperbolic cosine
Tensor acosh(const Tensor& input);
Tensor& acosh_(Tensor& input);
Tensor arccosh(const Tensor& input);
Tensor& arccosh_(Tensor& input);
// The inverse hyperbolic tangent
Tensor atanh(const Tensor& input);
Tensor& atanh_(Tensor& input);
Tensor arctanh(const Tensor& input);
Tensor& arctanh_(Tensor& input);
Tensor& erf_(Tensor& input);
// 1 - erf(x), accurate for large x
Tensor erfc(const Tensor& input);
Tensor& erfc_(Tensor& input);
Tensor& floor_(Tensor& input);
Tensor& ceil_(Tensor& input);
Tensor& round_(Tensor& input);
Tensor round(const Tensor& input, int64_t decimals);
Tensor& round_(Tensor& input, int64_t decimals);
Tensor& trunc_(Tensor& input);
Tensor fix(const Tensor& input);
Tensor& fix_(Tensor& input);
// The fraction of each element, with its sign
Tensor frac(const Tensor& input);
Tensor& frac_(Tensor& input);
// `input` itself
Tensor positive(const Tensor& input);
// max(x, min); NaN stays NaN
Tensor clamp_min(const Tensor& input, const Operand& min);
Tensor& clamp_min_(Tensor& input, const Operand& min);
// min(x, max); NaN stays NaN
Tensor clamp_max(const Tensor& input, const Operand& max);
Tensor& clamp_max_(Tensor& input, const Operand& max);
Tensor& clamp_(Tensor& input, const Operand& min = {}, const Operand& max = {});
// The same as clamp
Tensor clip(const Tensor& input, const Operand& min = {}, const Operand& max = {});
Tensor& clip_(Tensor& input, const Operand& min = {}, const Operand& max = {});
// Replaces NaN (by 0) and infinities (by the largest finite numbers of the dtype)
Tensor nan_to_num(const Tensor& input, std::optional<double> nan = {},
                  std::optional<double> posinf = {}, std::optional<double> neginf = {});
Tensor& nan_to_num_(Tensor& input, std::optional<double> nan = {},
                    std::optional<double> posinf = {}, std::optional<double> neginf = {});
Tensor lerp(const Tensor& input, const Tensor& end, const Operand& weight);
Tensor& lerp_(Tensor& input, const Tensor& end, const Operand& weight);
// input + value * tensor1 * tensor2, in the dtype that they and `value` have in common
Tensor addcmul(const Tensor& input, const Tensor& tensor1, const Tensor& tensor2,
               const Scalar& value = 1);
Tensor& addcmul_(Tensor& input, const Tensor& tensor1, const Tensor& tensor2,
                 const Scalar& value = 1);
// input + value * tensor1 / tensor2, in the common dtype
Tensor addcdiv(const Tensor& input, const Tensor& tensor1, const Tensor& tensor2,
               const Scalar& value = 1);
Tensor& addcdiv_(Tensor& input, const Tensor& tensor1, const Tensor& tensor2,
                 const Scalar& value = 1);
// Degrees as radians: input * pi / 180
Tensor deg2rad(const Tensor& input);
Tensor& deg2rad_(Tensor& input);
// Radians as degrees: input * 180 / pi
Tensor rad2deg(const Tensor& input);
Tensor& rad2deg_(Tensor& input);
// log(x / (1 - x)), the inverse of sigmoid; NaN outside [0, 1]
Tensor logit(const Tensor& input, std::optional<double> eps = {});
Tensor& logit_(Tensor& input, std::optional<double> eps = {});
Tensor& sigmoid_(Tensor& input);
Tensor& tanh_(Tensor& input);
Tensor& relu_(Tensor& input);
// x where x > 0, else alpha * (exp(x) - 1)
Tensor elu(const Tensor& input, double alpha = 1.0, double scale = 1.0, double input_scale = 1.0);
Tensor& elu_(Tensor& input, double alpha = 1.0, double scale = 1.0, double input_scale = 1.0);
// Scaled elu that keeps mean 0 and variance 1
Tensor selu(const Tensor& input);
Tensor& selu_(Tensor& input);
// max(x, 0) + min(0, alpha * (exp(x / alpha) - 1))
Tensor celu(const Tensor& input, double alpha = 1.0);
Tensor& celu_(Tensor& input, double alpha = 1.0);
Tensor& silu_(Tensor& input);
// log(sigmoid(x)), accurate on both sides
Tensor logsigmoid(const Tensor& input);
// x * tanh(softplus(x))
Tensor mish(const Tensor& input);
Tensor& mish_(Tensor& input);
// x / (1 + |x|)
Tensor softsign(const Tensor& input);
// x - tanh(x)
Tensor tanhshrink(const Tensor& input);
// Splits `input` in two halves along `dim`: a * sigmoid(b)
Tensor glu(const Tensor& input, int64_t dim = -1);
// x where x > 0, else negative_slope * x
Tensor leaky_relu(const Tensor& input, double negative_slope = 0.01);
Tensor& leaky_relu_(Tensor& input, double negative_slope = 0.01);
// Limits every element to [min_val, max_val]; no gradient at and beyond the bounds
Tensor hardtanh(const Tensor& input, double min_val = -1.0, double max_val = 1.0);
Tensor& hardtanh_(Tensor& input, double min_val = -1.0, double max_val = 1.0);
// min(max(x, 0), 6)
Tensor relu6(const Tensor& input);
Tensor& relu6_(Tensor& input);
// min(max(x / 6 + 1 / 2, 0), 1)
Tensor hardsigmoid(const Tensor& input);
Tensor& hardsigmoid_(Tensor& input);
// x * hardsigmoid(x)
Tensor hardswish(const Tensor& input);
Tensor& hardswish_(Tensor& input);
// x where x > threshold, else value
Tensor threshold(const Tensor& input, const Scalar& threshold, const Scalar& value);
Tensor& threshold_(Tensor& input, const Scalar& threshold, const Scalar& value);
// x where x > 0, else weight * x; one weight, or one per channel (dimension 1)
Tensor prelu(const Tensor& input, const Tensor& weight);
Tensor& eq_(Tensor& input, const Operand& other);
Tensor& ne_(Tensor& input, const Operand& other);
Tensor not_equal(const Operand& input, const Operand& other);
Tensor& not_equal_(Tensor& input, const Operand& other);
Tensor& lt_(Tensor& input, const Operand& other);
Tensor less(const Operand& input, const Operand& other);
Tensor& less_(Tensor& input, const Operand& other);
Tensor& le_(Tensor& input, const Operand& other);
Tensor less_equal(const Operand& input, const Operand& other);
Tensor& less_equal_(Tensor& input, const Operand& other);
Tensor& gt_(Tensor& input, const Operand& other);
Tensor greater(const Operand& input, const Operand& other);
Tensor& greater_(Tensor& input, const Operand& other);
Tensor& ge_(Tensor& input, const Operand& other);
Tensor greater_equal(const Operand& input, const Operand& other);
Tensor& greater_equal_(Tensor& input, const Operand& other);
Tensor& logical_and_(Tensor& input, const Operand& other);
Tensor& logical_or_(Tensor& input, const Operand& other);
// True where exactly one is non-zero
Tensor logical_xor(const Operand& input, const Operand& other);
Tensor& logical_xor_(Tensor& input, const Operand& other);
Tensor& logical_not_(Tensor& input);
// Bitwise and; logical and of bools
Tensor bitwise_and(const Operand& input, const Operand& other);
Tensor& bitwise_and_(Tensor& input, const Operand& other);
// Bitwise or; logical or of bools
Tensor bitwise_or(const Operand& input, const Operand& other);
Tensor& bitwise_or_(Tensor& input, const Operand& other);
// Bitwise exclusive or
Tensor bitwise_xor(const Operand& input, const Operand& other);
Tensor& bitwise_xor_(Tensor& input, const Operand& other);
// Bitwise not; logical not of bools
Tensor bitwise_not(const Tensor& input);
Tensor& bitwise_not_(Tensor& input);
// The bits of integers moved up by `other`; 0 if that is negative or moves all out
Tensor bitwise_left_shift(const Operand& input, const Operand& other);
Tensor& bitwise_left_shift_(Tensor& input, const Operand& other);
Tensor bitwise_right_shift(const Operand& input, const Operand& other);
Tensor& bitwise_right_shift_(Tensor& input, const Operand& other);
// True where NaN
Tensor isnan(const Tensor& input);
// True where infinite
Tensor isinf(const Tensor& input);
// True where neither infinite nor NaN
Tensor isfinite(const Tensor& input);
// True where |input - other| <= atol + rtol * |other|
Tensor isclose(const Tensor& input, const Tensor& other, double rtol = 1e-05, double atol = 1e-08,
               bool equal_nan = false);
// `maximum(input, other)`
Tensor max(const Tensor& input, const Tensor& other);
// `minimum(input, other)`
Tensor min(const Tensor& input, const Tensor& other);
// True where the sign bit is set, of -0.0 and of NaN as well
Tensor signbit(const Tensor& input);
// True where positive infinity
Tensor isposinf(const Tensor& input);
// True where negative infinity
Tensor isneginf(const Tensor& input);
// True everywhere: there are no complex dtypes
Tensor isreal(const Tensor& input);
// 0 for negative elements, 1 for positive ones, `values` where zero
Tensor heaviside(const Tensor& input, const Tensor& values);
Tensor& heaviside_(Tensor& input, const Tensor& values);
// The angle of real numbers: pi if negative, else 0; NaN stays
Tensor angle(const Tensor& input);
// The greatest common divisor of integers, not negative; gcd(0, 0) = 0
Tensor gcd(const Tensor& input, const Tensor& other);
Tensor& gcd_(Tensor& input, const Tensor& other);
// The least common multiple of integers, not negative
Tensor lcm(const Tensor& input, const Tensor& other);
Tensor& lcm_(Tensor& input, const Tensor& other);
Tensor nextafter(const Tensor& input, const Tensor& other);
Tensor& nextafter_(Tensor& input, const Tensor& other);
// input * 2^other, in floating point
Tensor ldexp(const Tensor& input, const Tensor& other);
Tensor& ldexp_(Tensor& input, const Tensor& other);
std::pair<Tensor, Tensor> frexp(const Tensor& input);
// input^exponent in float64
Tensor float_power(const Operand& input, const Operand& exponent);
Tensor& float_power_(Tensor& input, const Operand& exponent);
// log2(2^input + 2^other), without overflow
Tensor logaddexp2(const Tensor& input, const Tensor& other);
// input * log(1 + other), and 0 where `input` is 0 and `other` is not NaN
Tensor xlog1py(const Operand& input, const Operand& other);
Tensor addr(const Tensor& input, const Tensor& vec1, const Tensor& vec2, const Scalar& beta = 1,
            const Scalar& alpha = 1);
Tensor& addr_(Tensor& input, const Tensor& vec1, const Tensor& vec2, const Scalar& beta = 1,
              const Scalar& alpha = 1);
Tensor addbmm(const Tensor& input, const Tensor& batch1, const Tensor& batch2,
              const Scalar& beta = 1, const Scalar& alpha = 1);
Tensor& addbmm_(Tensor& input, const Tensor& batch1, const Tensor& batch2, const Scalar& beta = 1,
                const Scalar& alpha = 1);
// The dot product of two real vectors
Tensor vdot(const Tensor& input, const Tensor& other);

}  // namespace wengert
