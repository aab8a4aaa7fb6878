// Written by `python -m tests.functions` from the signatures of the rows; do not edit.
// clang-format off
#include "wengert/ops/pool/functions.h"

#include "wengert/ops/calling.h"

namespace wengert {

std::pair<Tensor, Tensor> max_pool1d_with_indices(const Tensor& input, Ints kernel_size,
                                                  Ints stride, Ints padding, Ints dilation,
                                                  bool ceil_mode) {
  static const Op& op = calling::row("max_pool1d_with_indices");
  return calling::two(op,
                      {input},
                      {kernel_size, calling::some(stride), padding, dilation, ceil_mode});
}
std::pair<Tensor, Tensor> max_pool2d_with_indices(const Tensor& input, Ints kernel_size,
                                                  Ints stride, Ints padding, Ints dilation,
                                                  bool ceil_mode) {
  static const Op& op = calling::row("max_pool2d_with_indices");
  return calling::two(op,
                      {input},
                      {kernel_size, calling::some(stride), padding, dilation, ceil_mode});
}
std::pair<Tensor, Tensor> max_pool3d_with_indices(const Tensor& input, Ints kernel_size,
                                                  Ints stride, Ints padding, Ints dilation,
                                                  bool ceil_mode) {
  static const Op& op = calling::row("max_pool3d_with_indices");
  return calling::two(op,
                      {input},
                      {kernel_size, calling::some(stride), padding, dilation, ceil_mode});
}
Tensor lp_pool1d(const Tensor& input, const Scalar& norm_type, Ints kernel_size, Ints stride,
                 bool ceil_mode) {
  static const Op& op = calling::row("lp_pool1d");
  return calling::one(op, {input}, {norm_type, kernel_size, calling::some(stride), ceil_mode});
}
Tensor lp_pool2d(const Tensor& input, const Scalar& norm_type, Ints kernel_size, Ints stride,
                 bool ceil_mode) {
  static const Op& op = calling::row("lp_pool2d");
  return calling::one(op, {input}, {norm_type, kernel_size, calling::some(stride), ceil_mode});
}
Tensor lp_pool3d(const Tensor& input, const Scalar& norm_type, Ints kernel_size, Ints stride,
                 bool ceil_mode) {
  static const Op& op = calling::row("lp_pool3d");
  return calling::one(op, {input}, {norm_type, kernel_size, calling::some(stride), ceil_mode});
}
Tensor adaptive_max_pool1d(const Tensor& input, Ints output_size) {
  static const Op& op = calling::row("adaptive_max_pool1d", 1);
  return calling::one(op, {input}, {output_size, false});
}
Tensor adaptive_max_pool2d(const Tensor& input, Ints output_size) {
  static const Op& op = calling::row("adaptive_max_pool2d");
  return calling::one(op, {input}, {calling::one_or_more(output_size), false});
}
Tensor adaptive_max_pool3d(const Tensor& input, Ints output_size) {
  static const Op& op = calling::row("adaptive_max_pool3d");
  return calling::one(op, {input}, {calling::one_or_more(output_size), false});
}
std::pair<Tensor, Tensor> adaptive_max_pool1d_with_indices(const Tensor& input, Ints output_size) {
  static const Op& op = calling::row("adaptive_max_pool1d_with_indices");
  return calling::two(op, {input}, {output_size});
}
std::pair<Tensor, Tensor> adaptive_max_pool2d_with_indices(const Tensor& input, Ints output_size) {
  static const Op& op = calling::row("adaptive_max_pool2d_with_indices");
  return calling::two(op, {input}, {calling::one_or_more(output_size)});
}
std::pair<Tensor, Tensor> adaptive_max_pool3d_with_indices(const Tensor& input, Ints output_size) {
  static const Op& op = calling::row("adaptive_max_pool3d_with_indices");
  return calling::two(op, {input}, {calling::one_or_more(output_size)});
}
Tensor fractional_max_pool2d(const Tensor& input, Ints kernel_size, Ints output_size,
                             Floats output_ratio, const Tensor& random_samples) {
  static const Op& op = calling::row("fractional_max_pool2d");
  return calling::one(op,
                      {input, random_samples},
                      {kernel_size, calling::some(output_size), output_ratio, false});
}
Tensor fractional_max_pool3d(const Tensor& input, Ints kernel_size, Ints output_size,
                             Floats output_ratio, const Tensor& random_samples) {
  static const Op& op = calling::row("fractional_max_pool3d");
  return calling::one(op,
                      {input, random_samples},
                      {kernel_size, calling::some(output_size), output_ratio, false});
}
std::pair<Tensor, Tensor> fractional_max_pool2d_with_indices(const Tensor& input, Ints kernel_size,
                                                             Ints output_size, Floats output_ratio,
                                                             const Tensor& random_samples) {
  static const Op& op = calling::row("fractional_max_pool2d_with_indices");
  return calling::two(op,
                      {input, random_samples},
                      {kernel_size, calling::some(output_size), output_ratio, false});
}
std::pair<Tensor, Tensor> fractional_max_pool3d_with_indices(const Tensor& input, Ints kernel_size,
                                                             Ints output_size, Floats output_ratio,
                                                             const Tensor& random_samples) {
  static const Op& op = calling::row("fractional_max_pool3d_with_indices");
  return calling::two(op,
                      {input, random_samples},
                      {kernel_size, calling::some(output_size), output_ratio, false});
}
Tensor max_unpool1d(const Tensor& input, const Tensor& indices, Ints kernel_size, Ints stride,
                    Ints padding, Ints output_size) {
  static const Op& op = calling::row("max_unpool1d");
  return calling::one(op,
                      {input, indices},
                      {calling::one_or_more(kernel_size), calling::some(stride), padding,
                       calling::some(output_size)});
}
Tensor max_unpool2d(const Tensor& input, const Tensor& indices, Ints kernel_size, Ints stride,
                    Ints padding, Ints output_size) {
  static const Op& op = calling::row("max_unpool2d");
  return calling::one(op,
                      {input, indices},
                      {calling::one_or_more(kernel_size), calling::some(stride), padding,
                       calling::some(output_size)});
}
Tensor max_unpool3d(const Tensor& input, const Tensor& indices, Ints kernel_size, Ints stride,
                    Ints padding, Ints output_size) {
  static const Op& op = calling::row("max_unpool3d");
  return calling::one(op,
                      {input, indices},
                      {calling::one_or_more(kernel_size), calling::some(stride), padding,
                       calling::some(output_size)});
}
Tensor pad(const Tensor& input, Ints pad, Word mode, std::optional<Scalar> value) {
  static const Op& op = calling::row("pad");
  return calling::one(op, {input}, {pad, calling::choice(op, "mode", mode), value});
}

}  // namespace wengert
