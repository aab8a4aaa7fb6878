// Batch and layer norm.
#include "wengert/ops/norm/norm.h"

#include "wengert/nn/nn.h"

namespace wengert::nn {

BatchNorm::BatchNorm(int64_t num_features, const BatchNormOptions& options)
    : num_features_(num_features), options_(options) {
  check(num_features >= 0, "BatchNorm: ", num_features, " features; there cannot be so few");
  const Dims shape{num_features};
  const Dtype dtype = options.dtype;
  if (options.affine) {
    weight_ = add_parameter("weight", full(shape, 1, dtype));
    bias_ = add_parameter("bias", zeros(shape, dtype));
  }
  if (!options.track_running_stats) return;
  running_mean_ = add_buffer("running_mean", zeros(shape, dtype));
  running_var_ = add_buffer("running_var", full(shape, 1, dtype));
  num_batches_tracked_ = add_buffer("num_batches_tracked", zeros({}, Dtype::kInt64));
}

Tensor BatchNorm::forward(const Tensor& x) {
  check_input(x);
  const bool training = is_training(), tracked = options_.track_running_stats;
  if (training && tracked) {
    const NoGradGuard off;
    add_(num_batches_tracked_, 1);
  }
  if (training && tracked && !options_.momentum) return cumulative(x);
  return batch_norm(x, running_mean_, running_var_, weight_, bias_, training || !tracked,
                    options_.momentum.value_or(0), options_.eps);
}

// The share of a batch is a tensor and no number, so that replays of a captured step count on.
Tensor BatchNorm::cumulative(const Tensor& x) {
  const Tensor mean = zeros(running_mean_.shape(), options_.dtype),
               var = full(running_var_.shape(), 1, options_.dtype);
  const Tensor y = batch_norm(x, mean, var, weight_, bias_, true, 1, options_.eps);
  const NoGradGuard off;
  const Tensor share = div(1, to(num_batches_tracked_, options_.dtype));
  for (auto [old, of_batch] : {std::pair(running_mean_, mean), {running_var_, var}}) {
    mul_(old, sub(1, share));
    add_(old, mul(of_batch, share));
  }
  return y;
}

std::string BatchNorm::options() const {
  return text(num_features_, ", eps=", options_.eps,
              ", momentum=", options_.momentum ? text(*options_.momentum) : "None",
              ", affine=", options_.affine, ", bias=", options_.affine,
              ", track_running_stats=", options_.track_running_stats);
}

void BatchNorm1d::check_input(const Tensor& x) const {
  check(x.ndim() == 2 || x.ndim() == 3, ErrorKind::kValue, "expected 2D or 3D input (got ",
        x.ndim(), "D input)");
}
void BatchNorm2d::check_input(const Tensor& x) const {
  check(x.ndim() == 4, ErrorKind::kValue, "expected 4D input (got ", x.ndim(), "D input)");
}

LayerNorm::LayerNorm(Dims normalized_shape, double eps, bool elementwise_affine, bool bias,
                     Dtype dtype)
    : shape_(normalized_shape), eps_(eps) {
  if (!elementwise_affine) return;
  weight_ = add_parameter("weight", full(shape_, 1, dtype));
  if (bias) bias_ = add_parameter("bias", zeros(shape_, dtype));
}

Tensor LayerNorm::forward(const Tensor& x) { return layer_norm(x, shape_, weight_, bias_, eps_); }

std::string LayerNorm::options() const {
  return text(shape_, ", eps=", eps_, ", elementwise_affine=", weight_.defined(),
              ", bias=", bias_.defined());
}

}  // namespace wengert::nn
