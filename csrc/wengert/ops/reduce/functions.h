// Functions for C++ users of the rows of this family that no other header declares.
// Written by `python -m tests.functions` from the signatures of the rows; do not edit.
#pragma once

#include "wengert/ops/argument.h"

// clang-format off
namespace wengert {

// `sum` with NaN counted as 0
Tensor nansum(const Tensor& input, Ints dim = {}, bool keepdim = false,
              std::optional<Dtype> dtype = {});
// The mean of the elements that are not NaN
Tensor nanmean(const Tensor& input, Ints dim = {}, bool keepdim = false,
               std::optional<Dtype> dtype = {});
Tensor norm(const Tensor& input, std::optional<Scalar> p = 2, Ints dim = {}, bool keepdim = false,
            std::optional<Dtype> dtype = {});
// The number of elements over `dim` that are not zero, int64
Tensor count_nonzero(const Tensor& input, Ints dim = {});
// Sums to `size`, which must broadcast to the input's shape
Tensor sum_to_size(const Tensor& input, Ints size);
// The variance, as `var`, and the mean
std::pair<Tensor, Tensor> var_mean(const Tensor& input, Ints dim = {},
                                   std::optional<Scalar> correction = 1, bool keepdim = false);
// The standard deviation, as `std`, and the mean
std::pair<Tensor, Tensor> std_mean(const Tensor& input, Ints dim = {},
                                   std::optional<Scalar> correction = 1, bool keepdim = false);
Tensor& cumsum_(Tensor& input, int64_t dim, std::optional<Dtype> dtype = {});
Tensor& cumprod_(Tensor& input, int64_t dim, std::optional<Dtype> dtype = {});
// The median along `dim`, the lower of two, and its index, int64; NaN if there is one
std::pair<Tensor, Tensor> median(const Tensor& input, int64_t dim, bool keepdim = false);
// The median of all elements that are numbers, the lower of two; NaN if none is
Tensor nanmedian(const Tensor& input);
std::pair<Tensor, Tensor> nanmedian(const Tensor& input, int64_t dim, bool keepdim = false);
// The k-th smallest element along `dim`, counted from 1, and its index, int64
std::pair<Tensor, Tensor> kthvalue(const Tensor& input, int64_t k, int64_t dim = -1,
                                   bool keepdim = false);
std::pair<Tensor, Tensor> mode(const Tensor& input, int64_t dim = -1, bool keepdim = false);
// The elements along dimension 0 in order
Tensor msort(const Tensor& input);
// The smallest and the largest elements along `dim`, or of all
std::pair<Tensor, Tensor> aminmax(const Tensor& input, std::optional<int64_t> dim = {},
                                  bool keepdim = false);
Tensor quantile(const Tensor& input, const Operand& q, std::optional<int64_t> dim = {},
                bool keepdim = false, Word interpolation = "linear");
// quantile() of the elements that are numbers
Tensor nanquantile(const Tensor& input, const Operand& q, std::optional<int64_t> dim = {},
                   bool keepdim = false, Word interpolation = "linear");
Tensor histc(const Tensor& input, int64_t bins = 100, const Scalar& min = 0, const Scalar& max = 0);
// The covariances of the rows, whose columns are observations: (n, m) -> (n, n), of a vector 0-d
Tensor cov(const Tensor& input, int64_t correction = 1, const Tensor& fweights = {},
           const Tensor& aweights = {});
// The correlation coefficients of the rows, whose columns are observations, in [-1, 1]
Tensor corrcoef(const Tensor& input);
// The p-norms of the differences of all rows: (*, n, d), (*, m, d) -> (*, n, m)
Tensor cdist(const Tensor& x1, const Tensor& x2, double p = 2.0,
             Word compute_mode = "use_mm_for_euclid_dist_if_necessary");
// The p-norms of the differences of all pairs of rows: (n, d) -> (n (n - 1) / 2)
Tensor pdist(const Tensor& input, double p = 2.0);
// The logarithm of the running sum of the exponentials along `dim`, without overflow
Tensor logcumsumexp(const Tensor& input, int64_t dim);
Tensor diff(const Tensor& input, int64_t n = 1, int64_t dim = -1, const Tensor& prepend = {},
            const Tensor& append = {});
// The integral along `dim` of samples `dx` apart, by the trapezoidal rule
Tensor trapezoid(const Tensor& y, const Scalar& dx = 1, int64_t dim = -1);
Tensor trapz(const Tensor& y, const Scalar& dx = 1, int64_t dim = -1);
// The integral along `dim` of samples at x, a vector or a tensor that broadcasts
Tensor trapezoid(const Tensor& y, const Tensor& x, int64_t dim = -1);
Tensor trapz(const Tensor& y, const Tensor& x, int64_t dim = -1);
// The integrals along `dim` from the first sample to each other, `dx` apart
Tensor cumulative_trapezoid(const Tensor& y, const Scalar& dx = 1, int64_t dim = -1);
// The integrals along `dim` from the first sample to each other, which are at x
Tensor cumulative_trapezoid(const Tensor& y, const Tensor& x, int64_t dim = -1);
// The p-norm of input - other, over all elements; the two are broadcast
Tensor dist(const Tensor& input, const Tensor& other, const Scalar& p = 2);
Tensor renorm(const Tensor& input, const Scalar& p, int64_t dim, const Scalar& maxnorm);
Tensor& renorm_(Tensor& input, const Scalar& p, int64_t dim, const Scalar& maxnorm);

}  // namespace wengert
