// Table of contents: every operation, one declaration each. Its definition, derivative,
// documentation and kernel stand together in ops/<family>.cpp.
#pragma once

#include <optional>

#include "wengert/tape/tape.h"

namespace wengert {

using Dim = std::optional<int64_t>;
using Tensors = std::span<const Tensor>;
enum class Reduction : int64_t { kNone, kMean, kSum };  // the order of the declared choices

// ---- pointwise: ops/pointwise.cpp, activation.cpp, compare.cpp
Tensor sub(const Operand& x, const Operand& y);
Tensor mul(const Operand& x, const Operand& y);
Tensor div(const Operand& x, const Operand& y);
Tensor floor_divide(const Operand& x, const Operand& y);
Tensor remainder(const Operand& x, const Operand& y);
Tensor fmod(const Operand& x, const Operand& y);
Tensor pow(const Operand& x, const Operand& y);
Tensor atan2(const Operand& x, const Operand& y);
Tensor maximum(const Operand& x, const Operand& y);
Tensor minimum(const Operand& x, const Operand& y);
Tensor neg(const Operand& x);
Tensor abs(const Operand& x);
Tensor sign(const Operand& x);
Tensor square(const Operand& x);
Tensor sqrt(const Operand& x);
Tensor rsqrt(const Operand& x);
Tensor reciprocal(const Operand& x);
Tensor exp(const Operand& x);
Tensor exp2(const Operand& x);
Tensor expm1(const Operand& x);
Tensor log(const Operand& x);
Tensor log2(const Operand& x);
Tensor log10(const Operand& x);
Tensor log1p(const Operand& x);
Tensor sin(const Operand& x);
Tensor cos(const Operand& x);
Tensor tan(const Operand& x);
Tensor sinh(const Operand& x);
Tensor cosh(const Operand& x);
Tensor tanh(const Operand& x);
Tensor sigmoid(const Operand& x);
Tensor erf(const Operand& x);
Tensor floor(const Operand& x);
Tensor ceil(const Operand& x);
Tensor round(const Operand& x);
Tensor trunc(const Operand& x);
Tensor relu(const Operand& x);
Tensor gelu(const Operand& x, bool tanh_approximation = false);
Tensor silu(const Operand& x);
Tensor softplus(const Operand& x, double beta = 1, double threshold = 20);
Tensor clamp(const Operand& x, const Operand& min, const Operand& max);  // a bound may be absent
Tensor where(const Operand& condition, const Operand& x, const Operand& y);
Tensor eq(const Operand& x, const Operand& y);
Tensor ne(const Operand& x, const Operand& y);
Tensor lt(const Operand& x, const Operand& y);
Tensor le(const Operand& x, const Operand& y);
Tensor gt(const Operand& x, const Operand& y);
Tensor ge(const Operand& x, const Operand& y);
Tensor logical_not(const Operand& x);
Tensor logical_and(const Operand& x, const Operand& y);
// add, to, contiguous, clone, copy_, add_, sum_to, zeros, ones_like: declared in tape/tape.h

// ---- reductions: ops/reduce.cpp, scan.cpp. Empty dims: all of them.
Tensor sum(const Tensor& x, Ints dims = {}, bool keepdim = false, std::optional<Dtype> dtype = {});
Tensor mean(const Tensor& x, Ints dims = {}, bool keepdim = false);
Tensor prod(const Tensor& x, Dim dim = {}, bool keepdim = false);
Tensor amax(const Tensor& x, Ints dims = {}, bool keepdim = false);
Tensor amin(const Tensor& x, Ints dims = {}, bool keepdim = false);
Tensor argmax(const Tensor& x, Dim dim = {}, bool keepdim = false);
Tensor argmin(const Tensor& x, Dim dim = {}, bool keepdim = false);
Tensor var(const Tensor& x, Ints dims = {}, double correction = 1, bool keepdim = false);
Tensor std(const Tensor& x, Ints dims = {}, double correction = 1, bool keepdim = false);
Tensor logsumexp(const Tensor& x, Ints dims, bool keepdim = false);
Tensor all(const Tensor& x, Dim dim = {}, bool keepdim = false);
Tensor any(const Tensor& x, Dim dim = {}, bool keepdim = false);
Tensor cumsum(const Tensor& x, int64_t dim);
Tensor cumprod(const Tensor& x, int64_t dim);

// ---- shape: ops/shape.cpp, join.cpp
Tensor reshape(const Tensor& x, Ints shape);
Tensor view(const Tensor& x, Ints shape);
Tensor flatten(const Tensor& x, int64_t start = 0, int64_t end = -1);
Tensor transpose(const Tensor& x, int64_t dim0, int64_t dim1);
Tensor t(const Tensor& x);  // the last two dimensions exchanged; of 0-d and 1-d itself
Tensor permute(const Tensor& x, Ints dims);
Tensor squeeze(const Tensor& x, Ints dims = {});
Tensor unsqueeze(const Tensor& x, int64_t dim);
Tensor expand(const Tensor& x, Ints shape);  // -1 keeps a size
Tensor narrow(const Tensor& x, int64_t dim, int64_t start, int64_t length);
Tensor diagonal(const Tensor& x, int64_t offset, int64_t dim1, int64_t dim2);
Tensor select(const Tensor& x, int64_t dim, int64_t index);
Tensor slice(const Tensor& x, int64_t dim, int64_t start, int64_t end, int64_t step = 1);
Tensor flip(const Tensor& x, Ints dims);
Tensor cat(Tensors xs, int64_t dim = 0);
Tensor stack(Tensors xs, int64_t dim = 0);
std::vector<Tensor> split(const Tensor& x, int64_t size, int64_t dim = 0);
Tensor tril(const Tensor& x, int64_t diagonal = 0);
Tensor triu(const Tensor& x, int64_t diagonal = 0);

// ---- indexing: ops/index.cpp, scatter.cpp
Tensor gather(const Tensor& x, int64_t dim, const Tensor& index);
Tensor scatter_add(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source);
Tensor index_select(const Tensor& x, int64_t dim, const Tensor& index);
Tensor index_add(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source);
Tensor masked_fill(const Tensor& x, const Tensor& mask, const Operand& value);
Tensor masked_select(const Tensor& x, const Tensor& mask);
Tensor masked_scatter(const Tensor& x, const Tensor& mask, const Tensor& source);
Tensor scatter(const Tensor& x, int64_t dim, const Tensor& index, const Operand& source);
Tensor index_fill(const Tensor& x, int64_t dim, const Tensor& index, const Operand& value);
Tensor nonzero(const Tensor& x);  // (count, ndim) positions
Tensor one_hot(const Tensor& x, int64_t classes = -1);
// x[key], x[key] = value, index, index_put: ops/indexing.h

// ---- linear algebra: ops/matmul.cpp
Tensor matmul(const Tensor& x, const Tensor& y);
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {});

// ---- softmax and losses: ops/softmax.cpp, loss.cpp
Tensor softmax(const Tensor& x, int64_t dim);
Tensor log_softmax(const Tensor& x, int64_t dim);
Tensor softmax_backward(const Tensor& g, const Tensor& y, int64_t dim);
Tensor log_softmax_backward(const Tensor& g, const Tensor& y, int64_t dim);
Tensor nll_loss(const Tensor& x, const Tensor& target, const Tensor& weight = {},
                int64_t ignore_index = -100, Reduction reduction = Reduction::kMean);
Tensor cross_entropy(const Tensor& x, const Tensor& target, const Tensor& weight = {},
                     int64_t ignore_index = -100, Reduction reduction = Reduction::kMean,
                     double label_smoothing = 0);
Tensor mse_loss(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::kMean);
Tensor l1_loss(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::kMean);
Tensor smooth_l1_loss(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::kMean,
                      double beta = 1);
Tensor binary_cross_entropy(const Tensor& x, const Tensor& target, const Tensor& weight = {},
                            Reduction reduction = Reduction::kMean);
Tensor binary_cross_entropy_with_logits(const Tensor& x, const Tensor& target,
                                        const Tensor& weight = {}, const Tensor& pos_weight = {},
                                        Reduction reduction = Reduction::kMean);

// ---- creation: ops/create.cpp
Tensor ones(const Dims& shape, Dtype dtype = Dtype::kFloat32);
Tensor full(const Dims& shape, const Scalar& value, Dtype dtype = Dtype::kFloat32);
Tensor zeros_like(const Tensor& x);
Tensor arange(double start, double end, double step = 1, Dtype dtype = Dtype::kInt64);

// ---- random numbers: ops/random.cpp. No generator: the default one.
Tensor rand(const Dims& shape, Dtype dtype = Dtype::kFloat32, Generator* generator = nullptr);
Tensor randn(const Dims& shape, Dtype dtype = Dtype::kFloat32, Generator* generator = nullptr);
Tensor randperm(int64_t n, Generator* generator = nullptr);
Tensor dropout(const Tensor& x, double p, bool training = true);
Generator& default_generator();

// ---- in place: ops/inplace.cpp, update.cpp
Tensor& fill_(Tensor& x, const Scalar& value);
Tensor& zero_(Tensor& x);
Tensor& masked_fill_(Tensor& x, const Tensor& mask, const Operand& value);
Tensor& mul_(Tensor& x, const Operand& y);
Tensor& uniform_(Tensor& x, double from, double to, Generator* generator = nullptr);
Tensor& normal_(Tensor& x, double mean, double std, Generator* generator = nullptr);

// ---- the registry: every row, in the order of the families
std::span<const Op* const> all_ops();
const Op* find_op(std::string_view name);

}  // namespace wengert
