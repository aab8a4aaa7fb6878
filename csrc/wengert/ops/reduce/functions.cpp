// Written by `python -m tests.functions` from the signatures of the rows; do not edit.
// clang-format off
#include "wengert/ops/reduce/functions.h"

#include "wengert/ops/calling.h"

namespace wengert {

Tensor nansum(const Tensor& input, Ints dim, bool keepdim, std::optional<Dtype> dtype) {
  static const Op& op = calling::row("nansum");
  return calling::one(op, {input}, {calling::some(dim), keepdim, dtype});
}
Tensor nanmean(const Tensor& input, Ints dim, bool keepdim, std::optional<Dtype> dtype) {
  static const Op& op = calling::row("nanmean");
  return calling::one(op, {input}, {calling::some(dim), keepdim, dtype});
}
Tensor norm(const Tensor& input, std::optional<Scalar> p, Ints dim, bool keepdim,
            std::optional<Dtype> dtype) {
  static const Op& op = calling::row("norm");
  return calling::one(op, {input}, {p, calling::some(dim), keepdim, dtype});
}
Tensor count_nonzero(const Tensor& input, Ints dim) {
  static const Op& op = calling::row("count_nonzero");
  return calling::one(op, {input}, {calling::some(dim)});
}
Tensor sum_to_size(const Tensor& input, Ints size) {
  static const Op& op = calling::row("sum_to_size");
  return calling::one(op, {input}, {size});
}
std::pair<Tensor, Tensor> var_mean(const Tensor& input, Ints dim, std::optional<Scalar> correction,
                                   bool keepdim) {
  static const Op& op = calling::row("var_mean", 1);
  return calling::two(op, {input}, {calling::some(dim), correction, keepdim});
}
std::pair<Tensor, Tensor> std_mean(const Tensor& input, Ints dim, std::optional<Scalar> correction,
                                   bool keepdim) {
  static const Op& op = calling::row("std_mean", 1);
  return calling::two(op, {input}, {calling::some(dim), correction, keepdim});
}
Tensor& cumsum_(Tensor& input, int64_t dim, std::optional<Dtype> dtype) {
  static const Op& op = calling::row("cumsum");
  return calling::in_place(op, input, {}, {dim, dtype});
}
Tensor& cumprod_(Tensor& input, int64_t dim, std::optional<Dtype> dtype) {
  static const Op& op = calling::row("cumprod");
  return calling::in_place(op, input, {}, {dim, dtype});
}
std::pair<Tensor, Tensor> median(const Tensor& input, int64_t dim, bool keepdim) {
  static const Op& op = calling::row("median", 1);
  return calling::two(op, {input}, {dim, keepdim});
}
Tensor nanmedian(const Tensor& input) {
  static const Op& op = calling::row("nanmedian");
  return calling::one(op, {input});
}
std::pair<Tensor, Tensor> nanmedian(const Tensor& input, int64_t dim, bool keepdim) {
  static const Op& op = calling::row("nanmedian", 1);
  return calling::two(op, {input}, {dim, keepdim});
}
std::pair<Tensor, Tensor> kthvalue(const Tensor& input, int64_t k, int64_t dim, bool keepdim) {
  static const Op& op = calling::row("kthvalue");
  return calling::two(op, {input}, {k, dim, keepdim});
}
std::pair<Tensor, Tensor> mode(const Tensor& input, int64_t dim, bool keepdim) {
  static const Op& op = calling::row("mode");
  return calling::two(op, {input}, {dim, keepdim});
}
Tensor msort(const Tensor& input) {
  static const Op& op = calling::row("msort");
  return calling::one(op, {input});
}
std::pair<Tensor, Tensor> aminmax(const Tensor& input, std::optional<int64_t> dim, bool keepdim) {
  static const Op& op = calling::row("aminmax");
  return calling::two(op, {input}, {dim, keepdim});
}
Tensor quantile(const Tensor& input, const Operand& q, std::optional<int64_t> dim, bool keepdim,
                Word interpolation) {
  static const Op& op = calling::row("quantile");
  return calling::one(op,
                      {input, q},
                      {dim, keepdim, calling::choice(op, "interpolation", interpolation)});
}
Tensor nanquantile(const Tensor& input, const Operand& q, std::optional<int64_t> dim, bool keepdim,
                   Word interpolation) {
  static const Op& op = calling::row("nanquantile");
  return calling::one(op,
                      {input, q},
                      {dim, keepdim, calling::choice(op, "interpolation", interpolation)});
}
Tensor histc(const Tensor& input, int64_t bins, const Scalar& min, const Scalar& max) {
  static const Op& op = calling::row("histc");
  return calling::one(op, {input}, {bins, min, max});
}
Tensor cov(const Tensor& input, int64_t correction, const Tensor& fweights,
           const Tensor& aweights) {
  static const Op& op = calling::row("cov");
  return calling::one(op, {input, fweights, aweights}, {correction});
}
Tensor corrcoef(const Tensor& input) {
  static const Op& op = calling::row("corrcoef");
  return calling::one(op, {input});
}
Tensor cdist(const Tensor& x1, const Tensor& x2, double p, Word compute_mode) {
  static const Op& op = calling::row("cdist");
  return calling::one(op, {x1, x2}, {p, calling::choice(op, "compute_mode", compute_mode)});
}
Tensor pdist(const Tensor& input, double p) {
  static const Op& op = calling::row("pdist");
  return calling::one(op, {input}, {p});
}
Tensor logcumsumexp(const Tensor& input, int64_t dim) {
  static const Op& op = calling::row("logcumsumexp");
  return calling::one(op, {input}, {dim});
}
Tensor diff(const Tensor& input, int64_t n, int64_t dim, const Tensor& prepend,
            const Tensor& append) {
  static const Op& op = calling::row("diff");
  return calling::one(op, {input, prepend, append}, {n, dim});
}
Tensor trapezoid(const Tensor& y, const Scalar& dx, int64_t dim) {
  static const Op& op = calling::row("trapezoid");
  return calling::one(op, {y}, {dx, dim});
}
Tensor trapz(const Tensor& y, const Scalar& dx, int64_t dim) {
  static const Op& op = calling::row("trapezoid");
  return calling::one(op, {y}, {dx, dim});
}
Tensor trapezoid(const Tensor& y, const Tensor& x, int64_t dim) {
  static const Op& op = calling::row("trapezoid", 1);
  return calling::one(op, {y, x}, {dim});
}
Tensor trapz(const Tensor& y, const Tensor& x, int64_t dim) {
  static const Op& op = calling::row("trapezoid", 1);
  return calling::one(op, {y, x}, {dim});
}
Tensor cumulative_trapezoid(const Tensor& y, const Scalar& dx, int64_t dim) {
  static const Op& op = calling::row("cumulative_trapezoid");
  return calling::one(op, {y}, {dx, dim});
}
Tensor cumulative_trapezoid(const Tensor& y, const Tensor& x, int64_t dim) {
  static const Op& op = calling::row("cumulative_trapezoid", 1);
  return calling::one(op, {y, x}, {dim});
}
Tensor dist(const Tensor& input, const Tensor& other, const Scalar& p) {
  static const Op& op = calling::row("dist");
  return calling::one(op, {input, other}, {p});
}
Tensor renorm(const Tensor& input, const Scalar& p, int64_t dim, const Scalar& maxnorm) {
  static const Op& op = calling::row("renorm");
  return calling::one(op, {input}, {p, dim, maxnorm});
}
Tensor& renorm_(Tensor& input, const Scalar& p, int64_t dim, const Scalar& maxnorm) {
  static const Op& op = calling::row("renorm");
  return calling::in_place(op, input, {}, {p, dim, maxnorm});
}

}  // namespace wengert
