// Reductions, running sums, order. Empty dims: all of them.
#pragma once

#include "wengert/ops/basic.h"

namespace wengert {

Tensor prod(const Tensor& x, Dim dim = {}, bool keepdim = false);
Tensor amin(const Tensor& x, Ints dims = {}, bool keepdim = false);
Tensor argmax(const Tensor& x, Dim dim = {}, bool keepdim = false);
Tensor argmin(const Tensor& x, Dim dim = {}, bool keepdim = false);
Tensor var(const Tensor& x, Ints dims = {}, double correction = 1, bool keepdim = false);
Tensor std(const Tensor& x, Ints dims = {}, double correction = 1, bool keepdim = false);
Tensor logsumexp(const Tensor& x, Ints dims, bool keepdim = false);
Tensor normalize(const Tensor& x, double p = 2, Ints dims = Dims{1}, double eps = 1e-12);
Tensor all(const Tensor& x, Dim dim = {}, bool keepdim = false);
Tensor any(const Tensor& x, Dim dim = {}, bool keepdim = false);
Tensor cumsum(const Tensor& x, int64_t dim);
Tensor cumprod(const Tensor& x, int64_t dim);
// The extremum so far along dim, and where it is.
std::pair<Tensor, Tensor> cummax(const Tensor& x, int64_t dim);
std::pair<Tensor, Tensor> cummin(const Tensor& x, int64_t dim);

}  // namespace wengert
