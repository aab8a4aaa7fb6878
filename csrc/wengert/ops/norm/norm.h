// Normalisation.
#pragma once

#include "wengert/ops/basic.h"

namespace wengert {

// Weights and biases may be left out.
Tensor layer_norm(const Tensor& x, Ints normalized_shape, const Tensor& weight = {},
                  const Tensor& bias = {}, double eps = 1e-5);
// Without eps: the machine epsilon of the dtype.
Tensor rms_norm(const Tensor& x, Ints normalized_shape, const Tensor& weight = {},
                std::optional<double> eps = {});
Tensor group_norm(const Tensor& x, int64_t num_groups, const Tensor& weight = {},
                  const Tensor& bias = {}, double eps = 1e-5);
// In training the running statistics, which may be left out then, are moved towards the batch's.
Tensor batch_norm(const Tensor& x, const Tensor& running_mean, const Tensor& running_var,
                  const Tensor& weight = {}, const Tensor& bias = {}, bool training = false,
                  double momentum = 0.1, double eps = 1e-5);
Tensor instance_norm(const Tensor& x, const Tensor& running_mean = {},
                     const Tensor& running_var = {}, const Tensor& weight = {},
                     const Tensor& bias = {}, bool use_input_stats = true, double momentum = 0.1,
                     double eps = 1e-5);
// By the mean square of `size` neighbouring channels.
Tensor local_response_norm(const Tensor& x, int64_t size, double alpha = 1e-4, double beta = 0.75,
                           double k = 1);

}  // namespace wengert
