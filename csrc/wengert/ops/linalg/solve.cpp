// Systems of equations, inverses and determinants, and the matrix exponential.
#include <cmath>

#include "wengert/ops/create/create.h"
#include "wengert/ops/linalg/calls.h"
#include "wengert/ops/linalg/matrices.h"
#include "wengert/ops/shape/shape.h"

namespace wengert {

extern const Op cofactor_op;

namespace {

Tensor turned_back(const Tensor& x) { return unsqueeze(unsqueeze(x, -1), -1); }

// ---- triangular systems

constexpr Signature kTriangular =
    "(A: Tensor, B: Tensor, upper: bool, left: bool, unitriangular: bool) -> Tensor";

void triangular_shape(Call& c) {
  const Tensor &a = c.in(0), &b = c.in(1);
  expect_square(a);
  expect_matrix(b, "B");
  expect_same_dtype(a, b);
  const bool left = c.attrs.flag(kTriangular["left"]);
  check(b.size(left ? -2 : -1) == a.size(-1) && lead_of(a) == lead_of(b),
        "Incompatible shapes of A and B for the equation ", left ? "AX = B" : "XA = B", ": ",
        a.shape(), " and ", b.shape());
  c.output(b.dtype(), b.shape());
}
void triangular_run(Call& c) {
  const Tensor &a = c.in(0), &b = c.in(1);
  const bool upper = c.attrs.flag(kTriangular["upper"]), left = c.attrs.flag(kTriangular["left"]);
  const bool unit = c.attrs.flag(kTriangular["unitriangular"]);
  const int64_t n = a.size(-1), m = b.size(-2), k = b.size(-1);
  dispatch_floating(a.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for_each_matrix(batch_of(a), n * m * k, [&](int64_t i) {
      const T* const from = a.data_as<const T>() + i * n * n;
      T* const to = c.out[0].data_as<T>() + i * m * k;
      std::copy_n(b.data_as<const T>() + i * m * k, m * k, to);
      left ? linalg::solve_triangular<T>({from, n, 1}, upper, unit, to, k, 1, n, k)
           : linalg::solve_triangular<T>({from, 1, n}, !upper, unit, to, 1, k, n, m);
    });
  });
}
void triangular_vjp(Vjp& v) {
  const Tensor a = v.x(0).tensor();
  const bool upper = v.attrs().flag(kTriangular["upper"]);
  const bool left = v.attrs().flag(kTriangular["left"]);
  const bool unit = v.attrs().flag(kTriangular["unitriangular"]);
  const Tensor gb = solve_triangular(t(a), v.g(), !upper, left, unit);
  v.set(1, gb);
  if (!v.needs(0)) return;
  const Tensor x = v.y(0), ga = neg(left ? matmul(gb, t(x)) : matmul(t(x), gb));
  v.set(0, upper ? triu(ga, unit ? 1 : 0) : tril(ga, unit ? -1 : 0));
}

// ---- systems by LU

// P A = L U of the matrix in place; then B is solved for, n x m.
template <class T>
void solve_in_place(const T* lu, const int32_t* pivots, T* b, int64_t n, int64_t m) {
  linalg::exchange_rows(b, m, m, pivots, n, false);
  linalg::solve_triangular<T>({lu, n, 1}, false, true, b, m, 1, n, m);
  linalg::solve_triangular<T>({lu, n, 1}, true, false, b, m, 1, n, m);
}
template <class T>
void identity(T* to, int64_t n) {
  for (int64_t i = 0; i < n * n; ++i) to[i] = static_cast<T>(i % (n + 1) == 0);
}

constexpr Signature kLinear =
    "(A: Tensor, B: Tensor, check_errors: bool) -> (result: Tensor, LU: Tensor, pivots: Tensor, "
    "info: Tensor)";

void linear_shape(Call& c) {
  const Tensor &a = c.in(0), &b = c.in(1);
  expect_square(a);
  expect_matrix(b, "B");
  expect_same_dtype(a, b);
  check(b.size(-2) == a.size(-1) && lead_of(a) == lead_of(b),
        "Incompatible shapes of A and B for the equation AX = B: ", a.shape(), " and ", b.shape());
  c.output(b.dtype(), b.shape());
  c.output(a.dtype(), a.shape());
  c.output(Dtype::kInt32, with(lead_of(a), {a.size(-1)}));
  c.output(Dtype::kInt32, lead_of(a));
}
void linear_run(Call& c) {
  const Tensor &a = c.in(0), &b = c.in(1);
  const int64_t n = a.size(-1), m = b.size(-1);
  dispatch_floating(a.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for_each_matrix(batch_of(a), n * n * (n + 2 * m), [&](int64_t i) {
      T *const x = c.out[0].data_as<T>() + i * n * m, *const lu = c.out[1].data_as<T>() + i * n * n;
      auto* const pivots = c.out[2].data_as<int32_t>() + i * n;
      std::copy_n(a.data_as<const T>() + i * n * n, n * n, lu);
      std::copy_n(b.data_as<const T>() + i * n * m, n * m, x);
      c.out[3].data_as<int32_t>()[i] = static_cast<int32_t>(linalg::lu(lu, n, n, n, pivots, true));
      solve_in_place(lu, pivots, x, n, m);
    });
  });
  if (c.attrs.flag(kLinear["check_errors"]))
    check_infos(c.out[3], [](int32_t) {
      return std::string("The solver failed because the input matrix is singular.");
    });
}
void linear_vjp(Vjp& v) {
  const Tensor a = v.x(0).tensor();
  // The decomposition serves again, unless the gradient is to be differentiated.
  const Tensor gb = grad_enabled() ? apply(linear_system_op, {t(a), v.g(0)}, Attrs(false))
                                   : solve_by_lu(v.y(1), v.y(2), v.g(0), true);
  v.set(1, gb);
  if (v.needs(0)) v.set(0, neg(matmul(gb, t(v.y(0)))));
}

constexpr Signature kInvEx =
    "(A: Tensor, *, check_errors: bool = False) -> (inverse: Tensor, info: Tensor)";

void inv_shape(Call& c) {
  const Tensor& a = c.in(0);
  expect_square(a);
  c.output(a.dtype(), a.shape());
  c.output(Dtype::kInt32, lead_of(a));
}
void inv_run(Call& c) {
  const Tensor& a = c.in(0);
  const int64_t n = a.size(-1);
  dispatch_floating(a.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for_each_matrix(batch_of(a), 3 * n * n * n, [&](int64_t i) {
      const Scratch scratch(static_cast<size_t>(n * n) * sizeof(T));
      const Scratch places(static_cast<size_t>(n) * sizeof(int32_t));
      T *const x = c.out[0].data_as<T>() + i * n * n, *const lu = scratch.as<T>();
      std::copy_n(a.data_as<const T>() + i * n * n, n * n, lu);
      c.out[1].data_as<int32_t>()[i] =
          static_cast<int32_t>(linalg::lu(lu, n, n, n, places.as<int32_t>(), true));
      identity(x, n);
      solve_in_place(lu, places.as<int32_t>(), x, n, n);
    });
  });
  if (c.attrs.flag(kInvEx["check_errors"]))
    check_infos(c.out[1], [](int32_t k) {
      return text("The diagonal element ", k,
                  " is zero, the inversion could not be completed because the input matrix is "
                  "singular.");
    });
}

// ---- determinants

// f(i, lu, sign, zero) for each matrix: its decomposition, the sign of the exchanges, and whether a
// pivot is zero.
template <class F>
void with_lu(const Tensor& a, const F& f) {
  const int64_t n = a.size(-1);
  dispatch_floating(a.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for_each_matrix(batch_of(a), n * n * n, [&](int64_t i) {
      const Scratch scratch(static_cast<size_t>(n * n) * sizeof(T));
      const Scratch places(static_cast<size_t>(n) * sizeof(int32_t));
      T* const lu = scratch.as<T>();
      auto* const pivots = places.as<int32_t>();
      std::copy_n(a.data_as<const T>() + i * n * n, n * n, lu);
      const bool singular = linalg::lu(lu, n, n, n, pivots, true) != 0;
      T sign = 1;
      for (int64_t k = 0; k < n; ++k)
        if (pivots[k] != k + 1) sign = -sign;
      f(i, lu, pivots, sign, singular);
    });
  });
}
void det_run(Call& c) {
  const int64_t n = c.in(0).size(-1);
  with_lu(c.in(0), [&](int64_t i, auto* lu, const int32_t*, auto sign, bool) {
    for (int64_t k = 0; k < n; ++k) sign *= lu[k * (n + 1)];
    c.out[0].data_as<decltype(sign)>()[i] = sign;
  });
}
void slogdet_run(Call& c) {
  const int64_t n = c.in(0).size(-1);
  with_lu(c.in(0), [&](int64_t i, auto* lu, const int32_t*, auto sign, bool) {
    using T = decltype(sign);
    T sum = 0;
    for (int64_t k = 0; k < n; ++k) {
      const T d = lu[k * (n + 1)];
      sum += std::log(std::abs(d));
      if (d < 0) sign = -sign;
      if (!(d < 0 || d > 0)) sign *= std::isnan(d) ? d : T(0);
    }
    c.out[0].data_as<T>()[i] = sign;
    c.out[1].data_as<T>()[i] = sum;
  });
}

// The transposed adjugate, of a singular matrix by singular values: with d_i the product of all
// others but s_i, det(U) det(V) U diag(d) V'.
template <class T>
void singular_cofactor(const T* a, T* to, int64_t n) {
  const Scratch scratch(static_cast<size_t>(4 * n * n + n) * sizeof(T));
  const Scratch places(static_cast<size_t>(n) * sizeof(int32_t));
  T *const copy = scratch.as<T>(), *const u = copy + n * n, *const vh = u + n * n;
  T *const lu = vh + n * n, *const s = lu + n * n;
  std::copy_n(a, n * n, copy);
  if (!linalg::svd(copy, n, n, false, u, s, vh)) {
    std::fill_n(to, n * n, static_cast<T>(NAN));
    return;
  }
  T sign = 1;
  for (const T* q : {u, vh}) {
    std::copy_n(q, n * n, lu);
    linalg::lu(lu, n, n, n, places.as<int32_t>(), true);
    for (int64_t k = 0; k < n; ++k)
      if ((places.as<int32_t>()[k] != k + 1) != (lu[k * (n + 1)] < 0)) sign = -sign;
  }
  for (int64_t j = 0; j < n; ++j) {
    T others = sign;
    for (int64_t k = 0; k < n; ++k)
      if (k != j) others *= s[k];
    for (int64_t i = 0; i < n; ++i) u[i * n + j] *= others;
  }
  gemm<T>(to, n, {u, n, 1}, {vh, n, 1}, n, n, n, false);
}
void cofactor_run(Call& c) {
  const Tensor& a = c.in(0);
  const int64_t n = a.size(-1);
  with_lu(a, [&](int64_t i, auto* lu, const int32_t* pivots, auto sign, bool singular) {
    using T = decltype(sign);
    T* const to = c.out[0].data_as<T>() + i * n * n;
    if (singular) return singular_cofactor(a.data_as<const T>() + i * n * n, to, n);
    for (int64_t k = 0; k < n; ++k) sign *= lu[k * (n + 1)];
    identity(to, n);
    solve_in_place(lu, pivots, to, n, n);
    for (int64_t k = 0; k < n; ++k)
      for (int64_t j = 0; j <= k; ++j) {
        const T x = sign * to[k * n + j];
        to[k * n + j] = sign * to[j * n + k];
        to[j * n + k] = x;
      }
  });
}

void square_to_square(Call& c) {
  expect_square(c.in(0));
  c.output(c.in(0).dtype(), c.in(0).shape());
}

// ---- the exponential

void matrix_exp_run(Call& c) {
  const Tensor& a = c.in(0);
  const int64_t n = a.size(-1);
  dispatch_floating(a.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for_each_matrix(batch_of(a), 10 * n * n * n, [&](int64_t i) {
      linalg::matrix_exp(a.data_as<const T>() + i * n * n, c.out[0].data_as<T>() + i * n * n, n);
    });
  });
}

}  // namespace

// A X = B       dB = A^-T g      dA = -dB X', of the triangle
constinit const Op triangular_system_op{
    .name = "triangular_system",
    .signature = kTriangular,
    .on = 0,
    .doc = "The solution of A X = B, or of X A = B, for triangular A; equal batches.",
    .contiguous = true,
    .checked = true,
    .shape = triangular_shape,
    .run = triangular_run,
    .vjp = triangular_vjp,
    .reads = reads_input(0) | reads_output(0)};

// A X = B       dB = A^-T g      dA = -dB X'
constinit const Op linear_system_op{
    .name = "linear_system",
    .signature = kLinear,
    .on = 0,
    .doc = "The solution of A X = B by LU; equal batches.",
    .contiguous = true,
    .checked = true,
    .shape = linear_shape,
    .run = linear_run,
    .vjp = linear_vjp,
    .reads = reads_input(0) | reads_output(0) | reads_output(1) | reads_output(2)};

// Y = A^-1      dA = -Y' g Y'
constinit const Op linalg_inv_ex_op{
    .name = "linalg_inv_ex",
    .signature = kInvEx,
    .on = 0,
    .doc =
        "The inverse of matrices (*, n, n). `info` (*), int32, is 0, or the number of the pivot "
        "that "
        "is zero; with `check_errors` that is a LinAlgError. Floating only.",
    .contiguous = true,
    .checked = true,
    .shape = inv_shape,
    .run = inv_run,
    .vjp =
        [](Vjp& v) {
          const Tensor y = t(v.y(0));
          v.set(0, neg(matmul(y, matmul(v.g(0), y))));
        },
    .reads = kOutput};

// y = det A     dA = g cof(A)
constinit const Op det_op{
    .name = "det",
    .signature = "(A: Tensor) -> Tensor",
    .doc = "The determinant of matrices (*, n, n), by LU. Floating only.",
    .contiguous = true,
    .shape =
        [](Call& c) {
          expect_square(c.in(0));
          c.output(c.in(0).dtype(), lead_of(c.in(0)));
        },
    .run = det_run,
    .vjp = [](Vjp& v) { v.set(0, mul(turned_back(v.g()), apply(cofactor_op, {v.x(0)}))); },
    .reads = kInput};

// Y = det(A) A^-T      dA = det(A) (<g, B> B - B g' B) with B = A^-T
constinit const Op cofactor_op{
    .name = "cofactor",
    .signature = "(A: Tensor) -> Tensor",
    .on = 0,
    .doc =
        "The derivative of det(), of singular matrices too; where it is differentiated the matrix "
        "must be regular.",
    .contiguous = true,
    .checked = true,
    .shape = square_to_square,
    .run = cofactor_run,
    .vjp =
        [](Vjp& v) {
          const Tensor a = v.x(0).tensor(), g = v.g();
          const Tensor y = t(apply(linalg_inv_ex_op, {a}, Attrs(false)));
          const Tensor along = sum(mul(g, y), Dims{-2, -1}, true);
          v.set(0, mul(turned_back(det(a)), sub(mul(along, y), matmul(y, matmul(t(g), y)))));
        },
    .reads = kInput};

// s = sign(det A), y = log |det A|     dA = gy A^-T
constinit const Op slogdet_op{.name = "slogdet",
                              .signature = "(A: Tensor) -> (sign: Tensor, logabsdet: Tensor)",
                              .doc =
                                  "The sign of the determinant of matrices (*, n, n) and the "
                                  "logarithm of its absolute value; "
                                  "0 and -inf of singular ones. Floating only.",
                              .contiguous = true,
                              .shape =
                                  [](Call& c) {
                                    expect_square(c.in(0));
                                    for (int i = 0; i < 2; ++i)
                                      c.output(c.in(0).dtype(), lead_of(c.in(0)));
                                  },
                              .run = slogdet_run,
                              .vjp =
                                  [](Vjp& v) {
                                    const Tensor y =
                                        apply(linalg_inv_ex_op, {v.x(0)}, Attrs(false));
                                    v.set(0, mul(turned_back(v.g(1)), t(y)));
                                  },
                              .reads = kInput};

// Y = exp A     dA = the upper right part of exp [[A', g], [0, A']]
constinit const Op matrix_exp_op{
    .name = "matrix_exp",
    .signature = "(input: Tensor) -> Tensor",
    .doc =
        "The exponential of matrices (*, n, n). Floating only. N. Higham, \"The scaling and "
        "squaring "
        "method for the matrix exponential revisited\", 2005; its gradient: A. Al-Mohy and N. "
        "Higham, 2009.",
    .contiguous = true,
    .shape = square_to_square,
    .run = matrix_exp_run,
    .vjp =
        [](Vjp& v) {
          const Tensor a = t(v.x(0).tensor()), g = v.g();
          const int64_t n = a.size(-1);
          const Tensor top = cat(std::vector<Tensor>{a, g}, -1);
          const Tensor bottom = cat(std::vector<Tensor>{zeros_like(a), a}, -1);
          const Tensor y = matrix_exp(cat(std::vector<Tensor>{top, bottom}, -2));
          v.set(0, narrow(narrow(y, -2, 0, n), -1, n, n));
        },
    .reads = kInput};

Tensor solve_by_lu(const Tensor& lu, const Tensor& pivots, const Tensor& b, bool adjoint) {
  if (adjoint) {
    const Tensor y = solve_triangular(t(lu), b, false);
    return exchanged_rows(pivots, solve_triangular(t(lu), y, true, true, true), true);
  }
  const Tensor y = solve_triangular(lu, exchanged_rows(pivots, b, false), false, true, true);
  return solve_triangular(lu, y, true);
}
Tensor solve_triangular(const Tensor& a, const Tensor& b, bool upper, bool left, bool unit) {
  return apply(triangular_system_op, {a, b}, Attrs(upper, left, unit));
}
Tensor inverse(const Tensor& x) { return apply(linalg_inv_ex_op, {x}, Attrs(true)); }
Tensor det(const Tensor& x) { return apply(det_op, {x}); }
std::pair<Tensor, Tensor> slogdet(const Tensor& x) {
  std::vector<Tensor> out = apply_all(slogdet_op, {x});
  return {out[0], out[1]};
}
Tensor matrix_exp(const Tensor& x) { return apply(matrix_exp_op, {x}); }

namespace {
const Op* const kOps[] = {&triangular_system_op, &linear_system_op, &linalg_inv_ex_op, &det_op,
                          &cofactor_op,          &slogdet_op,       &matrix_exp_op};
}
std::span<const Op* const> solve_ops() { return kOps; }

}  // namespace wengert
