// Written by `python -m tests.functions` from the signatures of the rows; do not edit.
// clang-format off
#include "wengert/ops/random/functions.h"

#include "wengert/ops/calling.h"

namespace wengert {

Tensor rrelu(const Tensor& input, double lower, double upper, bool training) {
  static const Op& op = calling::row("rrelu");
  return calling::one(op, {input}, {lower, upper, training});
}
Tensor& rrelu_(Tensor& input, double lower, double upper, bool training) {
  static const Op& op = calling::row("rrelu");
  return calling::in_place(op, input, {}, {lower, upper, training});
}
Tensor& log_normal_(Tensor& input, double mean, double std, Generator* generator) {
  static const Op& op = calling::row("log_normal_");
  return calling::in_place(op, input, {}, {mean, std, generator});
}
Tensor& cauchy_(Tensor& input, double median, double sigma, Generator* generator) {
  static const Op& op = calling::row("cauchy_");
  return calling::in_place(op, input, {}, {median, sigma, generator});
}
Tensor& exponential_(Tensor& input, double lambd, Generator* generator) {
  static const Op& op = calling::row("exponential_");
  return calling::in_place(op, input, {}, {lambd, generator});
}
Tensor& geometric_(Tensor& input, double p, Generator* generator) {
  static const Op& op = calling::row("geometric_");
  return calling::in_place(op, input, {}, {p, generator});
}
Tensor& bernoulli_(Tensor& input, double p, Generator* generator) {
  static const Op& op = calling::row("bernoulli_");
  return calling::in_place(op, input, {}, {p, generator});
}
Tensor& bernoulli_(Tensor& input, const Tensor& p, Generator* generator) {
  static const Op& op = calling::row("bernoulli_", 1);
  return calling::in_place(op, input, {p}, {generator});
}
Tensor& random_(Tensor& input, Generator* generator) {
  static const Op& op = calling::row("random_");
  return calling::in_place(op, input, {}, {generator});
}
Tensor& random_(Tensor& input, int64_t to, Generator* generator) {
  static const Op& op = calling::row("random_", 1);
  return calling::in_place(op, input, {}, {to, generator});
}
Tensor& random_(Tensor& input, int64_t from_, std::optional<int64_t> to, Generator* generator) {
  static const Op& op = calling::row("random_", 2);
  return calling::in_place(op, input, {}, {from_, to, generator});
}
Tensor& dropout_(Tensor& input, double p, bool train) {
  static const Op& op = calling::row("dropout_");
  return calling::in_place(op, input, {}, {p, train});
}
Tensor feature_dropout(const Tensor& input, double p, bool train) {
  static const Op& op = calling::row("feature_dropout");
  return calling::one(op, {input}, {p, train});
}
Tensor& feature_dropout_(Tensor& input, double p, bool train) {
  static const Op& op = calling::row("feature_dropout_");
  return calling::in_place(op, input, {}, {p, train});
}
Tensor& alpha_dropout_(Tensor& input, double p, bool train) {
  static const Op& op = calling::row("alpha_dropout_");
  return calling::in_place(op, input, {}, {p, train});
}
Tensor dropout1d(const Tensor& input, double p, bool training) {
  static const Op& op = calling::row("dropout1d");
  return calling::one(op, {input}, {p, training, false});
}
Tensor dropout2d(const Tensor& input, double p, bool training) {
  static const Op& op = calling::row("dropout2d");
  return calling::one(op, {input}, {p, training, false});
}
Tensor dropout3d(const Tensor& input, double p, bool training) {
  static const Op& op = calling::row("dropout3d");
  return calling::one(op, {input}, {p, training, false});
}
Tensor alpha_dropout(const Tensor& input, double p, bool training) {
  static const Op& op = calling::row("alpha_dropout", 1);
  return calling::one(op, {input}, {p, training, false});
}
Tensor feature_alpha_dropout(const Tensor& input, double p, bool training) {
  static const Op& op = calling::row("feature_alpha_dropout");
  return calling::one(op, {input}, {p, training, false});
}
Tensor& feature_alpha_dropout_(Tensor& input, double p, bool train) {
  static const Op& op = calling::row("feature_alpha_dropout_");
  return calling::in_place(op, input, {}, {p, train});
}
Tensor randint(int64_t high, const Dims& size, Generator* generator, std::optional<Dtype> dtype) {
  static const Op& op = calling::row("randint");
  return calling::one(op, {}, {high, size, generator, dtype});
}
Tensor randint(int64_t low, int64_t high, const Dims& size, Generator* generator,
               std::optional<Dtype> dtype) {
  static const Op& op = calling::row("randint", 1);
  return calling::one(op, {}, {low, high, size, generator, dtype});
}
Tensor randint_like(const Tensor& input, int64_t high, std::optional<Dtype> dtype) {
  static const Op& op = calling::row("randint_like");
  return calling::one(op, {input}, {high, dtype});
}
Tensor randint_like(const Tensor& input, int64_t low, int64_t high, std::optional<Dtype> dtype) {
  static const Op& op = calling::row("randint_like", 1);
  return calling::one(op, {input}, {low, high, dtype});
}
Tensor normal(const Tensor& mean, const Tensor& std, Generator* generator) {
  static const Op& op = calling::row("normal");
  return calling::one(op, {mean, std}, {generator});
}
Tensor normal(const Tensor& mean, double std, Generator* generator) {
  static const Op& op = calling::row("normal", 1);
  return calling::one(op, {mean}, {std, generator});
}
Tensor normal(double mean, const Tensor& std, Generator* generator) {
  static const Op& op = calling::row("normal", 2);
  return calling::one(op, {std}, {mean, generator});
}
Tensor normal(double mean, double std, const Dims& size, Generator* generator,
              std::optional<Dtype> dtype) {
  static const Op& op = calling::row("normal", 3);
  return calling::one(op, {}, {mean, std, size, generator, dtype});
}
Tensor bernoulli(const Tensor& input, Generator* generator) {
  static const Op& op = calling::row("bernoulli");
  return calling::one(op, {input}, {generator});
}
Tensor bernoulli(const Tensor& input, double p, Generator* generator) {
  static const Op& op = calling::row("bernoulli", 1);
  return calling::one(op, {input}, {p, generator});
}
Tensor multinomial(const Tensor& input, int64_t num_samples, bool replacement,
                   Generator* generator) {
  static const Op& op = calling::row("multinomial");
  return calling::one(op, {input}, {num_samples, replacement, generator});
}
Tensor poisson(const Tensor& input, Generator* generator) {
  static const Op& op = calling::row("poisson");
  return calling::one(op, {input}, {generator});
}
Tensor binomial(const Tensor& count, const Tensor& prob, Generator* generator) {
  static const Op& op = calling::row("binomial");
  return calling::one(op, {count, prob}, {generator});
}

}  // namespace wengert
