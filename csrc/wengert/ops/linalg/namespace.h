// Linear algebra under the names of torch::linalg: what Python's module of that name has, with its
// arguments. Matrices are the last two dimensions, `*` any number of others; float32 and float64,
// a RuntimeError otherwise. What is not positive-definite, or singular, is a LinAlgError.
#pragma once

#include <optional>
#include <type_traits>

#include "wengert/ops/argument.h"
#include "wengert/ops/linalg/linalg.h"

namespace wengert {

// X with L L' X = B, or U' U X = B if `upper`, and the inverse of that product.
Tensor cholesky_solve(const Tensor& B, const Tensor& L, bool upper = false);
Tensor cholesky_inverse(const Tensor& L, bool upper = false);
// P, L and U of what lu_factor() gives.
std::tuple<Tensor, Tensor, Tensor> lu_unpack(const Tensor& LU, const Tensor& pivots);

namespace linalg {

// The order of a norm: a number, or "fro" and "nuc" of matrices; none at all is as if left out.
class Order {
 public:
  Order() = default;
  template <class T>
    requires std::is_arithmetic_v<T>
  Order(T number) : number_(static_cast<double>(number)) {}
  template <class T>
    requires std::convertible_to<const T&, std::string_view>
  Order(const T& word) : word_(word) {}

  bool is_number() const { return number_.has_value(); }
  bool is_none() const { return !number_ && word_.empty(); }
  double number() const { return number_.value_or(0); }
  std::string_view word() const { return word_; }

 private:
  std::optional<double> number_;
  std::string_view word_;
};

using Two = std::pair<Tensor, Tensor>;
using Three = std::tuple<Tensor, Tensor, Tensor>;

// ---- factors
// L with A = L L', or U with A = U' U if `upper`; of _ex also `info`, 0 where it exists.
Tensor cholesky(const Tensor& A, bool upper = false);
Two cholesky_ex(const Tensor& A, bool upper = false, bool check_errors = false);
// LU (*, m, n) in one and the pivots; of _ex also `info`.
Two lu_factor(const Tensor& A, bool pivot = true);
Three lu_factor_ex(const Tensor& A, bool pivot = true, bool check_errors = false);
Three lu(const Tensor& A, bool pivot = true);  // P (*, m, m), L (*, m, k), U (*, k, n)
Two ldl_factor(const Tensor& A, bool hermitian = false);
Three ldl_factor_ex(const Tensor& A, bool hermitian = false, bool check_errors = false);
// Q and R; mode "reduced", "complete", or "r", for which Q is empty.
Two qr(const Tensor& A, Word mode = "reduced");
Tensor householder_product(const Tensor& A, const Tensor& tau);
// Eigenvalues, ascending, and eigenvectors, columns, of symmetric A, whose triangle UPLO is read.
Two eigh(const Tensor& A, Word UPLO = "L");
Tensor eigvalsh(const Tensor& A, Word UPLO = "L");
// U, S, descending, and Vh.
Three svd(const Tensor& A, bool full_matrices = true);
Tensor svdvals(const Tensor& A);

// ---- systems of equations
// X with A X = B, or X A = B if not `left`; B may be vectors. Of _ex also `info`.
Tensor solve(const Tensor& A, const Tensor& B, bool left = true);
Two solve_ex(const Tensor& A, const Tensor& B, bool left = true, bool check_errors = false);
Tensor solve_triangular(const Tensor& A, const Tensor& B, bool upper, bool left = true,
                        bool unitriangular = false);
Tensor lu_solve(const Tensor& LU, const Tensor& pivots, const Tensor& B, bool left = true,
                bool adjoint = false);
Tensor ldl_solve(const Tensor& LD, const Tensor& pivots, const Tensor& B, bool hermitian = false);
Tensor inv(const Tensor& A);
Two inv_ex(const Tensor& A, bool check_errors = false);
// Singular values up to max(atol, rtol * the largest) count as zero; rtol is the dtype's eps times
// max(m, n) unless there is an atol.
Tensor pinv(const Tensor& A, std::optional<double> atol = {}, std::optional<double> rtol = {},
            bool hermitian = false);
Tensor matrix_rank(const Tensor& A, std::optional<double> atol = {},
                   std::optional<double> rtol = {}, bool hermitian = false);
// Solution, residuals, rank and singular values; driver "gelsy" if left out.
std::tuple<Tensor, Tensor, Tensor, Tensor> lstsq(const Tensor& A, const Tensor& B,
                                                 std::optional<double> rcond = {},
                                                 Word driver = {});

using wengert::det;
using wengert::matrix_exp;
using wengert::slogdet;

// ---- norms
Tensor vector_norm(const Tensor& x, const Scalar& ord = 2, Ints dim = {}, bool keepdim = false,
                   std::optional<Dtype> dtype = {});
// ord "fro" or "nuc", or 1, -1, 2, -2 and the infinities.
Tensor matrix_norm(const Tensor& A, Order ord = "fro", Ints dim = {-2, -1}, bool keepdim = false,
                   std::optional<Dtype> dtype = {});
// Of matrices if two dimensions are given, or an order for a matrix; else of vectors.
Tensor norm(const Tensor& A, Order ord = {}, Ints dim = {}, bool keepdim = false,
            std::optional<Dtype> dtype = {});
// The norm times that of the inverse; without `p` of the largest singular value.
Tensor cond(const Tensor& A, Order p = {});

// ---- products and shapes
using wengert::matmul;
Tensor matrix_power(const Tensor& A, int64_t n);
Tensor multi_dot(Tensors tensors);  // in the order that takes the fewest multiplications
Tensor vecdot(const Tensor& x, const Tensor& y, int64_t dim = -1);
Tensor cross(const Tensor& input, const Tensor& other, int64_t dim = -1);
Tensor tensorinv(const Tensor& A, int64_t ind = 2);
Tensor tensorsolve(const Tensor& A, const Tensor& B, Ints dims = {});
Tensor vander(const Tensor& x, std::optional<int64_t> N = {});
inline Tensor diagonal(const Tensor& A, int64_t offset = 0, int64_t dim1 = -2, int64_t dim2 = -1) {
  return wengert::diagonal(A, offset, dim1, dim2);
}

}  // namespace linalg
}  // namespace wengert
