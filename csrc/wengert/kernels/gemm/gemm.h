// Matrix products: a partition over threads, packed panels and register tiles. See gemm.cpp.
#pragma once

#include <cstdint>

#include "wengert/kernels/core/pointwise.h"

namespace wengert {

// A matrix in memory; one of the strides is 1 (or the size along it is).
template <class T>
struct MatrixRef {
  const T* data;
  int64_t row_stride, col_stride;
};

// What happens to a tile of C whose sums are complete, while it is in cache: the bias is added, and
// the activation of the result, or of the result and another matrix, is stored.
template <class T>
struct Epilogue {
  const T* bias = nullptr;               // one number per column
  PointwiseKernel activation = nullptr;  // of C's dtype; of one input, or two if there is `other`
  const double* params = nullptr;
  T* activated = nullptr;  // where its values go, rows `activated_ld` apart; null: into C
  int64_t activated_ld = 0;
  const T* other = nullptr;
  int64_t other_ld = 0;
};

// C (m x n, rows `ldc` apart, elements adjacent) = A (m x k) B (k x n), or C += A B.
// The order in which one element is summed depends on the sizes only, not on the threads.
template <class T>
void gemm(T* c, int64_t ldc, MatrixRef<T> a, MatrixRef<T> b, int64_t m, int64_t n, int64_t k,
          bool accumulate, const Epilogue<T>& epilogue = {});

// What does it: a name of the ordered table in gemm.cpp (see kernels/core/ways.h).
template <class T>
const char* gemm_way(MatrixRef<T> a, MatrixRef<T> b, int64_t m, int64_t n, int64_t k);

// Whether two products of this size are better done at once, a thread each, than one after the
// other: each is too small for several threads and large enough for another one.
bool gemm_goes_in_pairs(int64_t m, int64_t n, int64_t k);

// `batch` products; the matrices of one operand lie `step` elements apart.
template <class T>
void gemm_batched(T* c, int64_t c_step, MatrixRef<T> a, int64_t a_step, MatrixRef<T> b,
                  int64_t b_step, int64_t batch, int64_t m, int64_t n, int64_t k);

// The same for 16-bit floats, whose bits are given, and a C without gaps; `bias`, or null, is added
// to each row of the one product that there is then. What is summed is float32, and rounded once.
void narrow_gemm_batched(Dtype dtype, uint16_t* c, MatrixRef<uint16_t> a, int64_t a_step,
                         MatrixRef<uint16_t> b, int64_t b_step, int64_t batch, int64_t m, int64_t n,
                         int64_t k, const uint16_t* bias);

// The same for one product of integers, which wraps: c = a b, or c_ij = (a b)_ij + bias_j. Any
// strides.
template <class T>
void integer_gemm(T* c, MatrixRef<T> a, MatrixRef<T> b, int64_t m, int64_t n, int64_t k,
                  const T* bias);

}  // namespace wengert
