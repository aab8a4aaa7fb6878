// Functions for C++ users of the rows of this family that no other header declares.
// Written by `python -m tests.functions` from the signatures of the rows; do not edit.
#pragma once

#include "wengert/ops/argument.h"

// clang-format off
namespace wengert {

Tensor rrelu(const Tensor& input, double lower = 0.125, double upper = 0.3333333333333333,
             bool training = false);
Tensor& rrelu_(Tensor& input, double lower = 0.125, double upper = 0.3333333333333333,
               bool training = false);
// Fills the tensor with exponentials of normal numbers of this mean and standard deviation
Tensor& log_normal_(Tensor& input, double mean = 1.0, double std = 2.0,
                    Generator* generator = nullptr);
// Fills the tensor with numbers from a Cauchy distribution
Tensor& cauchy_(Tensor& input, double median = 0.0, double sigma = 1.0,
                Generator* generator = nullptr);
// Fills the tensor with numbers from an exponential distribution of this rate
Tensor& exponential_(Tensor& input, double lambd = 1.0, Generator* generator = nullptr);
// Fills the tensor with the number of trials, each of probability p, up to the first success
Tensor& geometric_(Tensor& input, double p, Generator* generator = nullptr);
// Fills the tensor with ones with probability p, zeros otherwise
Tensor& bernoulli_(Tensor& input, double p = 0.5, Generator* generator = nullptr);
// Fills the tensor with ones with the probabilities in p, broadcast, and zeros otherwise
Tensor& bernoulli_(Tensor& input, const Tensor& p, Generator* generator = nullptr);
// Fills the tensor with integers from 0 to the largest the dtype holds exactly
Tensor& random_(Tensor& input, Generator* generator = nullptr);
// Fills the tensor with integers from 0 up to but without `to`
Tensor& random_(Tensor& input, int64_t to, Generator* generator = nullptr);
Tensor& random_(Tensor& input, int64_t from_, std::optional<int64_t> to,
                Generator* generator = nullptr);
// As with inplace=True in nn.functional, without defaults
Tensor& dropout_(Tensor& input, double p, bool train);
// As in nn.functional, without defaults
Tensor feature_dropout(const Tensor& input, double p, bool train);
// As with inplace=True in nn.functional, without defaults
Tensor& feature_dropout_(Tensor& input, double p, bool train);
// As with inplace=True in nn.functional, without defaults
Tensor& alpha_dropout_(Tensor& input, double p, bool train);
// As dropout, but whole channels, dimensions (N, C), are zeroed together
Tensor dropout1d(const Tensor& input, double p = 0.5, bool training = true);
// As dropout, but whole channels, dimensions (N, C), are zeroed together
Tensor dropout2d(const Tensor& input, double p = 0.5, bool training = true);
// As dropout, but whole channels, dimensions (N, C), are zeroed together
Tensor dropout3d(const Tensor& input, double p = 0.5, bool training = true);
// Dropout for SELU networks: keeps zero mean and unit variance
Tensor alpha_dropout(const Tensor& input, double p = 0.5, bool training = false);
// As alpha_dropout, but whole channels, dimensions (N, C), are dropped together
Tensor feature_alpha_dropout(const Tensor& input, double p = 0.5, bool training = false);
// As with inplace=True in nn.functional, without defaults
Tensor& feature_alpha_dropout_(Tensor& input, double p, bool train);
// Integers from 0 up to but without `high`; int64 unless a dtype is given
Tensor randint(int64_t high, const Dims& size, Generator* generator = nullptr,
               std::optional<Dtype> dtype = {});
// Integers from `low` up to but without `high`; int64 unless a dtype is given
Tensor randint(int64_t low, int64_t high, const Dims& size, Generator* generator = nullptr,
               std::optional<Dtype> dtype = {});
// Integers from 0 up to but without `high`, with the input's shape and dtype
Tensor randint_like(const Tensor& input, int64_t high, std::optional<Dtype> dtype = {});
// Integers from `low` up to but without `high`, with the input's shape and dtype
Tensor randint_like(const Tensor& input, int64_t low, int64_t high,
                    std::optional<Dtype> dtype = {});
// Normal numbers, each with its own mean and standard deviation
Tensor normal(const Tensor& mean, const Tensor& std, Generator* generator = nullptr);
// Normal numbers, each with its own mean
Tensor normal(const Tensor& mean, double std = 1.0, Generator* generator = nullptr);
// Normal numbers, each with its own standard deviation
Tensor normal(double mean, const Tensor& std, Generator* generator = nullptr);
// Normal numbers of one mean and standard deviation
Tensor normal(double mean, double std, const Dims& size, Generator* generator = nullptr,
              std::optional<Dtype> dtype = {});
// Ones with the probabilities given by the input, zeros otherwise
Tensor bernoulli(const Tensor& input, Generator* generator = nullptr);
// Ones with probability p, zeros otherwise, in the input's shape and dtype
Tensor bernoulli(const Tensor& input, double p, Generator* generator = nullptr);
// num_samples indices, int64, drawn with the weights in the input, (n,) or (rows, n)
Tensor multinomial(const Tensor& input, int64_t num_samples, bool replacement = false,
                   Generator* generator = nullptr);
// Numbers from the Poisson distributions of these rates, in their dtype
Tensor poisson(const Tensor& input, Generator* generator = nullptr);
Tensor binomial(const Tensor& count, const Tensor& prob, Generator* generator = nullptr);

}  // namespace wengert
