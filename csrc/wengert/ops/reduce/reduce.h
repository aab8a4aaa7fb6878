// Reductions, running sums, order. Empty dims: all of them.
#pragma once

#include "wengert/ops/basic.h"

namespace wengert {

Tensor prod(const Tensor& x, Dim dim = {}, bool keepdim = false);
Tensor amin(const Tensor& x, Ints dims = {}, bool keepdim = false);
Tensor max(const Tensor& x);
Tensor min(const Tensor& x);
// The extremum along dim, and where it first is.
std::pair<Tensor, Tensor> max(const Tensor& x, int64_t dim, bool keepdim = false);
std::pair<Tensor, Tensor> min(const Tensor& x, int64_t dim, bool keepdim = false);
Tensor argmax(const Tensor& x, Dim dim = {}, bool keepdim = false);
Tensor argmin(const Tensor& x, Dim dim = {}, bool keepdim = false);
Tensor var(const Tensor& x, Ints dims = {}, double correction = 1, bool keepdim = false);
Tensor std(const Tensor& x, Ints dims = {}, double correction = 1, bool keepdim = false);
Tensor logsumexp(const Tensor& x, Ints dims, bool keepdim = false);
Tensor normalize(const Tensor& x, double p = 2, Ints dims = Dims{1}, double eps = 1e-12);
Tensor pairwise_distance(const Tensor& x, const Tensor& y, double p = 2, double eps = 1e-6,
                         bool keepdim = false);
Tensor cosine_similarity(const Tensor& x, const Tensor& y, int64_t dim = 1, double eps = 1e-8);
Tensor all(const Tensor& x, Dim dim = {}, bool keepdim = false);
Tensor any(const Tensor& x, Dim dim = {}, bool keepdim = false);
Tensor cumsum(const Tensor& x, int64_t dim);
Tensor cumprod(const Tensor& x, int64_t dim);
// The extremum so far along dim, and where it is.
std::pair<Tensor, Tensor> cummax(const Tensor& x, int64_t dim);
std::pair<Tensor, Tensor> cummin(const Tensor& x, int64_t dim);
// In order, and where each was.
std::pair<Tensor, Tensor> sort(const Tensor& x, int64_t dim = -1, bool descending = false);
Tensor argsort(const Tensor& x, int64_t dim = -1, bool descending = false);
std::pair<Tensor, Tensor> topk(const Tensor& x, int64_t k, int64_t dim = -1, bool largest = true);
Tensor median(const Tensor& x);

}  // namespace wengert
