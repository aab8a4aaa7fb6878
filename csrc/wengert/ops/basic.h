// The operations that derivatives are written in. They are declared here, apart from their
// families, so that a declaration more in a family's header compiles that family alone anew.
#pragma once

#include <optional>

#include "wengert/tape/tape.h"

namespace wengert {

enum class Reduction : int64_t { kNone, kMean, kSum };  // the order of the declared choices

// ---- pointwise
Tensor sub(const Operand& x, const Operand& y);
Tensor mul(const Operand& x, const Operand& y);
Tensor div(const Operand& x, const Operand& y);
Tensor pow(const Operand& x, const Operand& y);
Tensor maximum(const Operand& x, const Operand& y);
Tensor minimum(const Operand& x, const Operand& y);
Tensor neg(const Operand& x);
Tensor abs(const Operand& x);
Tensor sign(const Operand& x);
Tensor sqrt(const Operand& x);
Tensor reciprocal(const Operand& x);
Tensor exp(const Operand& x);
Tensor log(const Operand& x);
Tensor sigmoid(const Operand& x);
Tensor clamp(const Operand& x, const Operand& min, const Operand& max);  // a bound may be absent
Tensor where(const Operand& condition, const Operand& x, const Operand& y);
Tensor eq(const Operand& x, const Operand& y);
Tensor ne(const Operand& x, const Operand& y);
Tensor lt(const Operand& x, const Operand& y);
Tensor le(const Operand& x, const Operand& y);
Tensor gt(const Operand& x, const Operand& y);
Tensor ge(const Operand& x, const Operand& y);
Tensor logical_not(const Operand& x);

// ---- reductions. Empty dims: all of them
Tensor sum(const Tensor& x, Ints dims = {}, bool keepdim = false, std::optional<Dtype> dtype = {});
Tensor mean(const Tensor& x, Ints dims = {}, bool keepdim = false);
Tensor amax(const Tensor& x, Ints dims = {}, bool keepdim = false);

// ---- shape
Tensor reshape(const Tensor& x, Ints shape);
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
std::vector<Tensor> split(const Tensor& x, int64_t size, int64_t dim = 0);

// ---- indexing
Tensor gather(const Tensor& x, int64_t dim, const Tensor& index);
Tensor scatter_add(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source);
Tensor index_select(const Tensor& x, int64_t dim, const Tensor& index);
Tensor index_add(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source);

// ---- products
Tensor matmul(const Tensor& x, const Tensor& y);

// ---- creation and in place
Tensor full(const Dims& shape, const Scalar& value, Dtype dtype = Dtype::kFloat32);
Tensor zeros_like(const Tensor& x);
Tensor& zero_(Tensor& x);
Tensor& mul_(Tensor& x, const Operand& y);

// add, to, contiguous, clone, copy_, add_, sum_to, zeros, ones_like: declared in tape/tape.h

}  // namespace wengert
