// Decompositions of single matrices, row by row in memory. What is large is done by blocks whose
// products are those of kernels/gemm, which share the work among threads; the order in which an
// element is summed depends on sizes only.
#pragma once

#include <cstdint>

#include "wengert/kernels/gemm/gemm.h"

namespace wengert::linalg {

// C (m x n, rows `ldc` apart) -= A (m x k) B (k x n).
template <class T>
void subtract_product(T* c, int64_t ldc, MatrixRef<T> a, MatrixRef<T> b, int64_t m, int64_t n,
                      int64_t k);

// X <- A^-1 X for a triangular A (n x n), of which only that triangle is read. X is n x m, its
// rows `row_step` and its columns `col_step` apart, one of them 1: with the transposes of A and X
// it solves from the right.
template <class T>
void solve_triangular(MatrixRef<T> a, bool upper, bool unit, T* x, int64_t row_step,
                      int64_t col_step, int64_t n, int64_t m);

// A = L L', in place of the lower triangle; the rest is left as it is. 0, or the order of the
// first leading minor that is not positive.
template <class T>
int64_t cholesky(T* a, int64_t ld, int64_t n);

// P A = L U in place, with rows exchanged: row i with row pivots[i] - 1, in order, as LAPACK has
// it. 0, or the number of the first pivot that is zero.
template <class T>
int64_t lu(T* a, int64_t ld, int64_t m, int64_t n, int32_t* pivots, bool pivot);
// Exchanges rows of b (n columns) in that order, or undoes it.
template <class T>
void exchange_rows(T* b, int64_t ld, int64_t n, const int32_t* pivots, int64_t count, bool undo);

// A = Q R by Householder's reflections H_i = I - tau_i v v', v_i = 1: R and, below the diagonal,
// the v of each, as LAPACK's geqrf has them.
template <class T>
void qr(T* a, int64_t ld, int64_t m, int64_t n, T* tau);
// C (m x n) <- H_0 ... H_k-1 C, or its transpose C; the v are the columns of a.
template <class T>
void apply_reflections(const T* a, int64_t lda, const T* tau, int64_t k, bool transpose, T* c,
                       int64_t ldc, int64_t m, int64_t n);
// The first n columns of H_0 ... H_k-1, m x n.
template <class T>
void reflections_product(const T* a, int64_t lda, const T* tau, int64_t k, T* q, int64_t ldq,
                         int64_t m, int64_t n);
// The reflection that takes x (n numbers, `step` apart) to a multiple of the first unit vector:
// x_0 becomes that multiple, x_1... those of v. Returns tau.
template <class T>
T reflection(T* x, int64_t step, int64_t n);

// Eigenvalues of a symmetric matrix in ascending order, of which `a`, n x n, has one triangle and
// is destroyed. Eigenvectors are the columns of `vectors`, which may be null. False if it failed.
template <class T>
bool eigh(T* a, bool upper, int64_t n, T* values, T* vectors);

// A = U diag(s) V', s descending; `a`, m x n, is destroyed. With k = min(m, n), U is m x k, or
// m x m if `full`, V' k x n or n x n; both may be null. False if it failed.
template <class T>
bool svd(T* a, int64_t m, int64_t n, bool full, T* u, T* s, T* vh);

// P' A P = L D L' with blocks of D of size 1 and 2, of a symmetric A whose lower triangle is read
// and overwritten, as LAPACK's sytrf with 'L'; what is above becomes 0. 0, or the number of the
// first zero block.
template <class T>
int64_t ldl(T* a, int64_t ld, int64_t n, int32_t* pivots);
// B (n x m, contiguous) <- A^-1 B.
template <class T>
void ldl_solve(const T* a, int64_t ld, const int32_t* pivots, T* b, int64_t n, int64_t m);

// y (n x n) = the exponential of x; of which there may be NaN.
template <class T>
void matrix_exp(const T* x, T* y, int64_t n);

}  // namespace wengert::linalg
