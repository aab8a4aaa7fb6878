// What the rows of embeddings share.
#pragma once

#include "wengert/kernels/embedding/embedding.h"
#include "wengert/ops/embedding/embedding.h"
#include "wengert/ops/index/positions.h"

namespace wengert {

extern const Op embedding_rows_op;

inline void check_indices(const Tensor& indices) {
  check(is_index(indices.dtype()),
        "Expected tensor for argument 'indices' to have one of the following scalar types: int64, "
        "int32; but got ",
        indices.dtype(), " instead");
}
inline void check_table(const Tensor& weight) {
  check(weight.ndim() == 2, "'weight' must be 2-D, got shape ", weight.shape());
}
inline void check_floating(const Tensor& t, const char* name) {
  check(is_floating(t.dtype()), "expected a floating ", name, ", got dtype ", t.dtype());
}

// What Python names a row with, counted from the end if negative, as one of `rows`; -1: none.
int64_t padding_row(const Attrs& a, int at, int64_t rows);

// How often the number at each place occurs among them, as a tensor of that dtype and their shape;
// they are below `rows`.
Tensor frequencies(const Tensor& indices, int64_t rows, Dtype dtype);

// As F.embedding does before it reads.
void renorm(const Tensor& weight, const Tensor& indices, double max_norm, double norm_type);

}  // namespace wengert
