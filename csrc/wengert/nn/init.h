// Initial values of parameters, drawn as PyTorch's torch.nn.init draws them from the same state of
// the generator (none: the default one). Every function changes its tensor in place, unrecorded,
// and returns another handle of it. Fans are those of a weight (out, in, k...): RuntimeError with
// fewer than two dimensions.
#pragma once

#include "wengert/ops/basic.h"

namespace wengert::nn::init {

enum class Fan : uint8_t { kIn, kOut };

// How much a nonlinearity takes from a standard deviation: of ReLU sqrt(2), of a leaky one with
// this slope sqrt(2 / (1 + slope^2)), of tanh 5/3, of SELU 3/4, of none and the sigmoid 1.
double relu_gain(double negative_slope = 0);
inline constexpr double kLinearGain = 1, kTanhGain = 5.0 / 3, kSeluGain = 0.75;

Tensor uniform_(const Tensor& t, double a = 0, double b = 1, Generator* generator = nullptr);
Tensor normal_(const Tensor& t, double mean = 0, double std = 1, Generator* generator = nullptr);
Tensor constant_(const Tensor& t, const Scalar& value);
Tensor zeros_(const Tensor& t);
Tensor ones_(const Tensor& t);
// The identity; RuntimeError unless t has two dimensions.
Tensor eye_(const Tensor& t);
// N(mean, std^2) within [a, b]. Draws are repeated until they are, or, where less than 30 % of the
// normal lies there, uniform ones are taken with the normal's probability.
Tensor trunc_normal_(const Tensor& t, double mean = 0, double std = 1, double a = -2, double b = 2,
                     Generator* generator = nullptr);
// U(-a, a), a = gain sqrt(6 / (fan in + fan out)) (Glorot and Bengio 2010)
Tensor xavier_uniform_(const Tensor& t, double gain = 1, Generator* generator = nullptr);
// N(0, s^2), s = gain sqrt(2 / (fan in + fan out)) (Glorot and Bengio 2010)
Tensor xavier_normal_(const Tensor& t, double gain = 1, Generator* generator = nullptr);
// U(-b, b), b = gain sqrt(3 / fan) (He et al. 2015)
Tensor kaiming_uniform_(const Tensor& t, double gain = relu_gain(), Fan fan = Fan::kIn,
                        Generator* generator = nullptr);
// N(0, s^2), s = gain / sqrt(fan) (He et al. 2015)
Tensor kaiming_normal_(const Tensor& t, double gain = relu_gain(), Fan fan = Fan::kIn,
                       Generator* generator = nullptr);

}  // namespace wengert::nn::init
