// The forms that Python's module linalg gives to the rows of this family, for C++ programs.
#include "wengert/ops/linalg/namespace.h"

#include <array>
#include <cmath>
#include <limits>

#include "wengert/ops/calling.h"
#include "wengert/ops/create/create.h"
#include "wengert/ops/pointwise/functions.h"
#include "wengert/ops/reduce/functions.h"
#include "wengert/ops/reduce/reduce.h"
#include "wengert/ops/shape/functions.h"
#include "wengert/ops/shape/shape.h"

namespace wengert {
namespace {

void expect_matrices(const char* name, const Tensor& A, bool square = false,
                     const char* argument = "A") {
  check_defined(A, name, argument);
  check(A.ndim() >= 2, name, ": The input tensor ", argument, " must have at least 2 dimensions.");
  check(!square || A.size(-1) == A.size(-2), name,
        ": A must be batches of square matrices, but they are ", A.size(-2), " by ", A.size(-1),
        " matrices");
  check(is_floating(A.dtype()), name, ": Expected a floating point tensor as input. Got ",
        A.dtype());
}

// The dimensions before the matrices.
Dims lead_of(const Tensor& A) {
  return Dims(Ints(A.shape().begin(), static_cast<size_t>(A.ndim() - 2)));
}
Tensor with_lead(const Tensor& A, const Dims& lead) {
  Dims shape = lead;
  shape.push_back(A.size(-2));
  shape.push_back(A.size(-1));
  return A.shape() == shape ? A : expand(A, shape);
}
// Both with the leading dimensions that they broadcast to.
std::pair<Tensor, Tensor> same_batch(const Tensor& A, const Tensor& B) {
  const Dims lead = broadcast_shapes(lead_of(A), lead_of(B));
  return {with_lead(A, lead), with_lead(B, lead)};
}
Tensor transposed(const Tensor& A) { return transpose(A, -2, -1); }

Tensor triangular(const Tensor& A, const Tensor& B, bool upper, bool left, bool unit) {
  static const Op& op = calling::row("triangular_system");
  return calling::one(op, {A, B}, {upper, left, unit});
}
std::pair<Tensor, Tensor> qr_factors(const Tensor& A, bool complete) {
  static const Op& op = calling::row("qr_factors");
  return calling::two(op, {A}, {complete});
}
Tensor permutation(const Tensor& pivots, int64_t rows, bool inverse) {
  static const Op& op = calling::row("lu_permutation");
  return calling::one(op, {pivots}, {rows, inverse});
}
bool wants_gradient(const Tensor& A) { return A.requires_grad() && grad_enabled(); }
Tensor nothing(const Tensor& like) { return Tensor::empty({0}, like.dtype()); }

void expect_fit(const char* name, const Tensor& A, const Tensor& B, bool left) {
  check(B.size(left ? -2 : -1) == A.size(-1), name,
        ": Incompatible shapes of A and B for the equation ", left ? "AX = B" : "XA = B", " (",
        A.size(-2), "x", A.size(-1), " and ", B.size(-2), "x", B.size(-1), ")");
}

// Whether B has a vector for each of the matrices.
bool is_vector_beside(const Tensor& A, const Tensor& B) {
  return B.shape() == Ints(A.shape().begin(), static_cast<size_t>(A.ndim() - 1));
}

bool upper_of(const char* name, Word UPLO) {
  check(UPLO == "L" || UPLO == "U" || UPLO == "l" || UPLO == "u", name,
        ": Expected UPLO argument to be 'L' or 'U', but got ", std::string_view(UPLO));
  return UPLO == "U" || UPLO == "u";
}

}  // namespace

Tensor cholesky_solve(const Tensor& B, const Tensor& L, bool upper) {
  expect_matrices("cholesky_solve", L, true, "L");
  expect_matrices("cholesky_solve", B, false, "B");
  expect_fit("cholesky_solve", L, B, true);
  const auto [l, b] = same_batch(L, B);
  const Tensor y = triangular(upper ? transposed(l) : l, b, false, true, false);
  return triangular(upper ? l : transposed(l), y, true, true, false);
}
Tensor cholesky_inverse(const Tensor& L, bool upper) {
  expect_matrices("cholesky_inverse", L, true, "L");
  const int64_t n = L.size(-1);
  return cholesky_solve(expand(eye(n, n, L.dtype()), L.shape()), L, upper);
}

std::tuple<Tensor, Tensor, Tensor> lu_unpack(const Tensor& LU, const Tensor& pivots) {
  expect_matrices("lu_unpack", LU, false, "LU");
  check_defined(pivots, "lu_unpack", "pivots");
  const int64_t m = LU.size(-2), n = LU.size(-1), k = std::min(m, n);
  const Tensor L = add(tril(narrow(LU, -1, 0, k), -1), eye(m, k, LU.dtype()));
  const Tensor U = triu(narrow(LU, -2, 0, k));
  const Tensor rows = permutation(pivots, m, true);
  const Tensor P = to(eq(unsqueeze(rows, -1), arange(0, static_cast<double>(m))), LU.dtype());
  return {P, L, U};
}

namespace linalg {

// ---- factors
Two cholesky_ex(const Tensor& A, bool upper, bool check_errors) {
  static const Op& op = calling::row("linalg_cholesky_ex");
  return calling::two(op, {A}, {upper, check_errors});
}
Tensor cholesky(const Tensor& A, bool upper) { return cholesky_ex(A, upper, true).first; }

Three lu_factor_ex(const Tensor& A, bool pivot, bool check_errors) {
  static const Op& op = calling::row("linalg_lu_factor_ex");
  return calling::three(op, {A}, {pivot, check_errors});
}
Two lu_factor(const Tensor& A, bool pivot) {
  auto [LU, pivots, info] = lu_factor_ex(A, pivot, true);
  return {LU, pivots};
}
Three lu(const Tensor& A, bool pivot) {
  const auto [LU, pivots, info] = lu_factor_ex(A, pivot);
  auto [P, L, U] = lu_unpack(LU, pivots);
  return {pivot ? P : nothing(A), L, U};
}

Three ldl_factor_ex(const Tensor& A, bool hermitian, bool check_errors) {
  static const Op& op = calling::row("linalg_ldl_factor_ex");
  return calling::three(op, {A}, {hermitian, check_errors});
}
Two ldl_factor(const Tensor& A, bool hermitian) {
  auto [LD, pivots, info] = ldl_factor_ex(A, hermitian, true);
  return {LD, pivots};
}

Two qr(const Tensor& A, Word mode) {
  check(mode == "reduced" || mode == "complete" || mode == "r",
        "linalg.qr: qr received unrecognized mode '", std::string_view(mode),
        "' but expected one of 'reduced' (default), 'r', or 'complete'");
  auto [Q, R] = qr_factors(A, mode == "complete");
  return {mode == "r" ? nothing(A) : Q, R};
}
Tensor householder_product(const Tensor& A, const Tensor& tau) {
  static const Op& op = calling::row("linalg_householder_product");
  return calling::one(op, {A, tau});
}

Two eigh(const Tensor& A, Word UPLO) {
  static const Op& op = calling::row("eigh_factors");
  return calling::two(op, {A}, {upper_of("linalg.eigh", UPLO), true});
}
Tensor eigvalsh(const Tensor& A, Word UPLO) {
  static const Op& op = calling::row("eigh_factors");
  expect_matrices("linalg.eigvalsh", A, true);
  return calling::two(op, {A}, {upper_of("linalg.eigvalsh", UPLO), wants_gradient(A)}).first;
}
Three svd(const Tensor& A, bool full_matrices) {
  static const Op& op = calling::row("svd_factors");
  return calling::three(op, {A}, {full_matrices, true});
}
Tensor svdvals(const Tensor& A) {
  static const Op& op = calling::row("svd_factors");
  expect_matrices("linalg.svdvals", A);
  return std::get<1>(calling::three(op, {A}, {false, wants_gradient(A)}));
}

// ---- systems of equations
Two solve_ex(const Tensor& A, const Tensor& B, bool left, bool check_errors) {
  static const Op& op = calling::row("linear_system");
  expect_matrices("linalg.solve", A, true);
  check_defined(B, "linalg.solve", "B");
  check(A.dtype() == B.dtype(),
        "linalg.solve: Expected A and B to have the same dtype, but found A of type ", A.dtype(),
        " and B of type ", B.dtype(), " instead");
  const bool vector = B.ndim() == 1 || is_vector_beside(A, B);
  check(left || !vector, "linalg.solve: B must be matrices for left=false");
  Tensor rhs = vector ? unsqueeze(B, -1) : left ? B : transposed(B);
  expect_matrices("linalg.solve", rhs, false, "B");
  expect_fit("linalg.solve", A, rhs, true);
  const auto [a, b] = same_batch(left ? A : transposed(A), rhs);
  const std::vector<Tensor> all = calling::many(op, {a, b}, {check_errors});
  const Tensor& x = all[0];
  return {vector ? squeeze(x, -1) : left ? x : transposed(x), all[3]};
}
Tensor solve(const Tensor& A, const Tensor& B, bool left) {
  return solve_ex(A, B, left, true).first;
}
Tensor solve_triangular(const Tensor& A, const Tensor& B, bool upper, bool left,
                        bool unitriangular) {
  expect_matrices("linalg.solve_triangular", A, true);
  expect_matrices("linalg.solve_triangular", B, false, "B");
  expect_fit("linalg.solve_triangular", A, B, left);
  const auto [a, b] = same_batch(A, B);
  return triangular(a, b, upper, left, unitriangular);
}
Tensor lu_solve(const Tensor& LU, const Tensor& pivots, const Tensor& B, bool left, bool adjoint) {
  expect_matrices("linalg.lu_solve", LU, true, "LU");
  expect_matrices("linalg.lu_solve", B, false, "B");
  check_defined(pivots, "linalg.lu_solve", "pivots");
  if (!left) return transposed(lu_solve(LU, pivots, transposed(B), true, !adjoint));
  expect_fit("linalg.lu_solve", LU, B, true);
  const auto [lu, b] = same_batch(LU, B);
  const Tensor rows = permutation(pivots, lu.size(-1), adjoint);
  const Tensor places = expand(unsqueeze(rows, -1), b.shape());
  if (!adjoint) {
    const Tensor y = triangular(lu, gather(b, -2, places), false, true, true);
    return triangular(lu, y, true, true, false);
  }
  const Tensor y = triangular(transposed(lu), b, false, true, false);
  return gather(triangular(transposed(lu), y, true, true, true), -2, places);
}
Tensor ldl_solve(const Tensor& LD, const Tensor& pivots, const Tensor& B, bool hermitian) {
  static const Op& op = calling::row("linalg_ldl_solve");
  expect_matrices("linalg.ldl_solve", LD, true, "LD");
  expect_matrices("linalg.ldl_solve", B, false, "B");
  const auto [ld, b] = same_batch(LD, B);
  Dims places = lead_of(ld);
  places.push_back(ld.size(-1));
  return calling::one(op, {ld, expand(pivots, places), b}, {hermitian});
}

Two inv_ex(const Tensor& A, bool check_errors) {
  static const Op& op = calling::row("linalg_inv_ex");
  return calling::two(op, {A}, {check_errors});
}
Tensor inv(const Tensor& A) { return inv_ex(A, true).first; }

namespace {
double relative_bound(const Tensor& A, std::optional<double> atol, std::optional<double> rtol) {
  if (rtol) return *rtol;
  if (atol && *atol > 0) return 0;
  const double eps = std::ldexp(1.0, A.dtype() == Dtype::kFloat64 ? -52 : -23);
  return eps * static_cast<double>(std::max(A.size(-1), A.size(-2)));
}
}  // namespace

Tensor pinv(const Tensor& A, std::optional<double> atol, std::optional<double> rtol,
            bool hermitian) {
  static const Op& op = calling::row("pinv_matrix");
  expect_matrices("linalg.pinv", A, hermitian);
  const Dims lead = lead_of(A);
  return calling::one(op,
                      {A, full(lead, atol.value_or(0), A.dtype()),
                       full(lead, relative_bound(A, atol, rtol), A.dtype())},
                      {hermitian});
}
Tensor matrix_rank(const Tensor& A, std::optional<double> atol, std::optional<double> rtol,
                   bool hermitian) {
  expect_matrices("linalg.matrix_rank", A, hermitian);
  const Tensor a = A.detach();
  const Tensor s = hermitian ? abs(eigvalsh(a)) : svdvals(a);
  if (s.size(-1) == 0) return zeros(lead_of(A), Dtype::kInt64);
  const Tensor least = maximum(full({}, atol.value_or(0), A.dtype()),
                               mul(relative_bound(A, atol, rtol), amax(s, -1)));
  return sum(gt(s, unsqueeze(least, -1)), -1);
}

namespace {
// Of full rank: by QR of the matrix, or of its transpose if it is wider than tall.
Tensor least_squares(const Tensor& A, const Tensor& B) {
  if (A.size(-2) >= A.size(-1)) {
    const auto [Q, R] = qr_factors(A, false);
    return triangular(R, matmul(transposed(Q), B), true, true, false);
  }
  const auto [Q, R] = qr_factors(transposed(A), false);
  return matmul(Q, triangular(transposed(R), B, false, true, false));
}
}  // namespace

std::tuple<Tensor, Tensor, Tensor, Tensor> lstsq(const Tensor& A, const Tensor& B,
                                                 std::optional<double> rcond, Word driver) {
  expect_matrices("linalg.lstsq", A);
  check_defined(B, "linalg.lstsq", "B");
  const std::string_view name = driver.empty() ? std::string_view("gelsy") : driver;
  check(name == "gels" || name == "gelsy" || name == "gelsd" || name == "gelss",
        "linalg.lstsq: parameter `driver` should be one of (gels, gelsy, gelsd, gelss), got '",
        name, "'");
  check(A.dtype() == B.dtype(), "linalg.lstsq: Expected input and other to have the same dtype");
  const bool vector = is_vector_beside(A, B);
  const Tensor rhs = vector ? unsqueeze(B, -1) : B;
  check(rhs.ndim() >= 2 && rhs.size(-2) == A.size(-2),
        "linalg.lstsq: input.size(-2) should match other.size(-2)");
  const auto [a, b] = same_batch(A, rhs);
  const int64_t m = A.size(-2), n = A.size(-1);
  const double bound = relative_bound(A, {}, rcond);
  Tensor x, values = nothing(A), rank = Tensor::empty({0}, Dtype::kInt64);
  bool all_full = true;
  if (name == "gels") {
    x = least_squares(a, b);
  } else {
    x = matmul(pinv(a, {}, bound), b);
    const Tensor s = svdvals(A.detach());
    rank = sum(gt(s, mul(narrow(s, -1, 0, std::min<int64_t>(s.size(-1), 1)), bound)), -1);
    all_full = all(eq(rank, n)).item<bool>();
    if (name != "gelsy") values = s;
  }
  Tensor residuals = nothing(A);
  if (m > n && all_full && name != "gelsy") residuals = sum(pow(sub(matmul(a, x), b), 2), -2);
  return {vector ? squeeze(x, -1) : x, residuals, rank, values};
}

// ---- norms
namespace {
Tensor as_floating(const char* name, const Tensor& x, std::optional<Dtype> dtype) {
  check_defined(x, name, "A");
  check(is_floating(x.dtype()), name, ": Expected a floating point tensor as input. Got ",
        x.dtype());
  check(!dtype || is_floating(*dtype), name, ": dtype should be floating point");
  return dtype ? to(x, *dtype) : x;
}
// The two dimensions of the matrices, counted from the front.
std::array<int64_t, 2> matrix_dims(const Tensor& A, Ints dim) {
  check(dim.size() == 2, "linalg.matrix_norm: dim must be two dimensions, got ",
        static_cast<uint64_t>(dim.size()));
  const std::array<int64_t, 2> dims{wrap_dim(dim[0], A.ndim()), wrap_dim(dim[1], A.ndim())};
  check(dims[0] != dims[1], "linalg.matrix_norm: dims must be different. Got (", dim[0], ", ",
        dim[1], ")");
  return dims;
}
// The singular values of the matrices as their last dimension, made one number.
Tensor of_singular_values(const Tensor& A, std::array<int64_t, 2> dims, bool keepdim,
                          Tensor (*made)(const Tensor&)) {
  Tensor y = made(svdvals(movedim(A, dims, {-2, -1})));
  if (!keepdim) return y;
  y = unsqueeze(y, std::min(dims[0], dims[1]));
  return unsqueeze(y, std::max(dims[0], dims[1]));
}
}  // namespace

Tensor vector_norm(const Tensor& x, const Scalar& ord, Ints dim, bool keepdim,
                   std::optional<Dtype> dtype) {
  return wengert::norm(as_floating("linalg.vector_norm", x, dtype), ord, dim, keepdim);
}
Tensor matrix_norm(const Tensor& A, Order ord, Ints dim, bool keepdim, std::optional<Dtype> dtype) {
  const Tensor x = as_floating("linalg.matrix_norm", A, dtype);
  const std::array<int64_t, 2> dims = matrix_dims(x, dim);
  if (!ord.is_number()) {
    if (ord.word() == "fro") return wengert::norm(x, 2, dims, keepdim);
    check(ord.word() == "nuc", "linalg.matrix_norm: Order ", ord.word(), " not supported.");
    return of_singular_values(x, dims, keepdim, [](auto& s) { return sum(s, -1); });
  }
  const double p = ord.number(), size = std::abs(p);
  if (size == 1 || std::isinf(size)) {
    const Tensor sums = sum(abs(x), dims[size == 1 ? 0 : 1], true);
    const int64_t second = dims[size == 1 ? 1 : 0];
    const Tensor best = p > 0 ? amax(sums, second, true) : amin(sums, second, true);
    return keepdim ? best : squeeze(best, dims);
  }
  check(size == 2, "linalg.matrix_norm: Order ", p, " not supported.");
  if (p > 0) return of_singular_values(x, dims, keepdim, [](auto& s) { return amax(s, -1); });
  return of_singular_values(x, dims, keepdim, [](auto& s) { return amin(s, -1); });
}
Tensor norm(const Tensor& A, Order ord, Ints dim, bool keepdim, std::optional<Dtype> dtype) {
  const Tensor x = as_floating("linalg.norm", A, {});
  if (ord.is_none()) return vector_norm(x, 2, dim, keepdim, dtype);
  check(dim.size() <= 2, "linalg.norm: If dim is specified, it must be of length 1 or 2. Got ",
        dim);
  check(!dim.empty() || x.ndim() == 1 || x.ndim() == 2,
        "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got ",
        x.ndim(), "D.");
  if (dim.size() == 2) return matrix_norm(x, ord, dim, keepdim, dtype);
  if (dim.empty() && x.ndim() == 2) return matrix_norm(x, ord, {0, 1}, keepdim, dtype);
  check(ord.is_number(), "linalg.norm: Order ", ord.word(), " requires a matrix: two dimensions");
  return vector_norm(x, ord.number(), dim, keepdim, dtype);
}
Tensor cond(const Tensor& A, Order p) {
  expect_matrices("linalg.cond", A);
  const bool number = p.is_number();
  if (p.is_none() || (number && std::abs(p.number()) == 2)) {
    const Tensor s = svdvals(A);
    if (s.size(-1) == 0) return zeros(lead_of(A), A.dtype());
    const Tensor largest = select(s, -1, 0), least = select(s, -1, -1);
    return number && p.number() < 0 ? div(least, largest) : div(largest, least);
  }
  expect_matrices("linalg.cond", A, true);
  if (A.numel() == 0) return zeros(lead_of(A), A.dtype());
  if (p.word() == "nuc") {
    const Tensor s = svdvals(A);
    return mul(sum(s, -1), sum(reciprocal(s), -1));
  }
  const auto [inverse, info] = inv_ex(A);
  const Tensor product = mul(matrix_norm(A, p), matrix_norm(inverse, p));
  return where(gt(info, 0), full({}, std::numeric_limits<double>::infinity(), A.dtype()), product);
}

// ---- products and shapes
Tensor matrix_power(const Tensor& A, int64_t n) {
  check_defined(A, "linalg.matrix_power", "A");
  check(A.ndim() >= 2 && A.size(-1) == A.size(-2),
        "linalg.matrix_power: A must be batches of square matrices, got shape ", A.shape());
  if (n == 0) return where(Tensor::scalar(false, Dtype::kBool), A, eye(A.size(-1), A.dtype()));
  Tensor base = n < 0 ? inv(A) : A, result;
  uint64_t left = n < 0 ? 0 - static_cast<uint64_t>(n) : static_cast<uint64_t>(n);
  if (left == 1) return clone(base);
  for (;; base = matmul(base, base)) {
    if (left & 1) result = result.defined() ? matmul(result, base) : base;
    left >>= 1;
    if (left == 0) return result;
  }
}

namespace {
// The product of matrices i to j, divided where it takes the fewest multiplications. T. Cormen and
// others, "Introduction to Algorithms".
class Chain {
 public:
  explicit Chain(std::vector<Tensor> parts)
      : n_(parts.size()), parts_(std::move(parts)), cost_(n_ * n_), split_(n_ * n_) {
    for (size_t length = 1; length < n_; ++length)
      for (size_t i = 0; i + length < n_; ++i) divide(i, i + length);
  }
  Tensor product() const { return product(0, n_ - 1); }

 private:
  void divide(size_t i, size_t j) {
    double best = -1;
    for (size_t k = i; k < j; ++k) {
      const double cost = cost_[i * n_ + k] + cost_[(k + 1) * n_ + j] +
                          rows(i) * rows(k + 1) * static_cast<double>(parts_[j].size(1));
      if (best >= 0 && cost >= best) continue;
      best = cost;
      split_[i * n_ + j] = k;
    }
    cost_[i * n_ + j] = best;
  }
  double rows(size_t i) const { return static_cast<double>(parts_[i].size(0)); }
  Tensor product(size_t i, size_t j) const {
    if (i == j) return parts_[i];
    const size_t k = split_[i * n_ + j];
    return matmul(product(i, k), product(k + 1, j));
  }
  size_t n_;
  std::vector<Tensor> parts_;
  std::vector<double> cost_;
  std::vector<size_t> split_;
};
}  // namespace

Tensor multi_dot(Tensors tensors) {
  check_defined(tensors, "multi_dot", "tensors");
  check(tensors.size() >= 2, "multi_dot(): expected at least 2 tensors but got ",
        static_cast<uint64_t>(tensors.size()));
  std::vector<Tensor> parts(tensors.begin(), tensors.end());
  const bool first = parts.front().ndim() == 1, last = parts.back().ndim() == 1;
  if (first) parts.front() = unsqueeze(parts.front(), 0);
  if (last) parts.back() = unsqueeze(parts.back(), -1);
  for (const Tensor& part : parts)
    check(part.ndim() == 2, "multi_dot(): all but the first and the last must be 2D, got ",
          part.ndim(), "D");
  for (size_t i = 1; i < parts.size(); ++i)
    check(parts[i - 1].size(1) == parts[i].size(0), "multi_dot(): tensors ",
          static_cast<uint64_t>(i - 1), " and ", static_cast<uint64_t>(i), " with shapes ",
          parts[i - 1].shape(), " and ", parts[i].shape(), " cannot be multiplied");
  Tensor y = Chain(std::move(parts)).product();
  if (first) y = squeeze(y, 0);
  return last ? squeeze(y, -1) : y;
}
Tensor vecdot(const Tensor& x, const Tensor& y, int64_t dim) {
  check_defined(x, "linalg.vecdot", "x");
  check_defined(y, "linalg.vecdot", "y");
  check(x.dtype() == y.dtype(), "linalg.vecdot: Expected vectors of same dtype, found ", x.dtype(),
        " and ", y.dtype());
  return sum(mul(x, y), dim);
}
Tensor cross(const Tensor& input, const Tensor& other, int64_t dim) {
  check_defined(input, "linalg.cross", "input");
  check_defined(other, "linalg.cross", "other");
  check(input.ndim() == other.ndim(),
        "linalg.cross: inputs must have the same number of dimensions.");
  check(input.size(dim) == 3 && other.size(dim) == 3, "linalg.cross: inputs dimension ", dim,
        " must have length 3. Got ", input.size(dim), " and ", other.size(dim));
  const Tensor a = mul(roll(input, -1, dim), roll(other, -2, dim));
  return sub(a, mul(roll(input, -2, dim), roll(other, -1, dim)));
}

Tensor tensorinv(const Tensor& A, int64_t ind) {
  check_defined(A, "linalg.tensorinv", "A");
  check(ind > 0, "Expected a strictly positive integer for 'ind'");
  const size_t n = static_cast<size_t>(A.ndim()), at = std::min(static_cast<size_t>(ind), n);
  const Dims rows(Ints(A.shape().begin(), at)), columns(Ints(A.shape().begin() + at, n - at));
  check(numel(rows) == numel(columns),
        "Expected self to satisfy the requirement prod(self.shape[ind:]) == "
        "prod(self.shape[:ind]), but got ",
        numel(columns), " != ", numel(rows));
  Dims shape = columns;
  for (int64_t size : rows) shape.push_back(size);
  return reshape(inv(reshape(A, {numel(rows), numel(rows)})), shape);
}
Tensor tensorsolve(const Tensor& A, const Tensor& B, Ints dims) {
  check_defined(A, "linalg.tensorsolve", "A");
  check_defined(B, "linalg.tensorsolve", "B");
  Dims places, order;
  for (int64_t d : dims) places.push_back(wrap_dim(d, A.ndim()));
  for (int d = 0; d < A.ndim(); ++d)
    if (std::find(places.begin(), places.end(), d) == places.end()) order.push_back(d);
  for (int64_t d : places) order.push_back(d);
  const Tensor a = dims.empty() ? A : permute(A, order);
  Dims shape;
  for (int d = B.ndim(); d < a.ndim(); ++d) shape.push_back(a.size(d));
  const int64_t n = B.numel();
  check(numel(shape) == n,
        "Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == "
        "prod(self.shape[:other.ndim]), but got ",
        numel(shape), " != ", n);
  return reshape(solve(reshape(a, {n, n}), reshape(B, n)), shape);
}
Tensor vander(const Tensor& x, std::optional<int64_t> N) {
  check_defined(x, "linalg.vander", "x");
  check(!N || *N > 1, "N must be greater than 1.");
  Tensor v = x.ndim() == 0 ? unsqueeze(x, 0) : x;
  if (v.dtype() == Dtype::kBool) v = to(v, Dtype::kInt64);
  const int64_t n = N.value_or(v.size(-1));
  const Tensor first = unsqueeze(ones_like(v), -1);
  if (n <= 1) return narrow(first, -1, 0, n);
  Dims shape = v.shape();
  shape.push_back(n - 1);
  const Tensor powers = cumprod(expand(unsqueeze(v, -1), shape), -1);
  return cat({to(first, powers.dtype()), powers}, -1);
}

}  // namespace linalg
}  // namespace wengert
