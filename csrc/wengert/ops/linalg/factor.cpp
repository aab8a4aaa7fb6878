// Cholesky's factor, LU, QR and LDL', and how gradients pass through them. The derivatives: M.
// Giles, "An extended collection of matrix derivative results for forward and reverse mode
// algorithmic differentiation", 2008; I. Murray, "Differentiation of the Cholesky decomposition",
// 2016; J. Roberts and L. Roberts, "QR and LQ decomposition matrix backpropagation algorithms",
// 2020.
#include <numeric>

#include "wengert/ops/create/create.h"
#include "wengert/ops/linalg/calls.h"
#include "wengert/ops/linalg/matrices.h"
#include "wengert/ops/pointwise/pointwise.h"
#include "wengert/ops/shape/shape.h"

namespace wengert {

// The rows of x in the order of the pivots, or back.
Tensor exchanged_rows(const Tensor& pivots, const Tensor& x, bool back) {
  const Tensor index = apply(lu_permutation_op, {pivots}, Attrs(x.size(-2), back));
  return gather(x, -2, expand(unsqueeze(index, -1), x.shape()));
}

namespace {

// ---- Cholesky

constexpr Signature kCholeskyEx =
    "(input: Tensor, *, upper: bool = False, check_errors: bool = False) -> (L: Tensor, info: "
    "Tensor)";

void cholesky_shape(Call& c) {
  const Tensor& x = c.in(0);
  expect_square(x);
  c.output(x.dtype(), x.shape());
  c.output(Dtype::kInt32, lead_of(x));
}
void cholesky_run(Call& c) {
  const Tensor& x = c.in(0);
  const int64_t n = x.size(-1);
  const bool upper = c.attrs.flag(kCholeskyEx["upper"]);
  auto* const info = c.out[1].data_as<int32_t>();
  dispatch_floating(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for_each_matrix(batch_of(x), n * n * n / 3, [&](int64_t b) {
      const T* const from = x.data_as<const T>() + b * n * n;
      T* const to = c.out[0].data_as<T>() + b * n * n;
      for (int64_t i = 0; i < n; ++i)
        for (int64_t j = 0; j < n; ++j)
          to[i * n + j] = j > i ? T(0) : upper ? from[j * n + i] : from[i * n + j];
      info[b] = static_cast<int32_t>(linalg::cholesky(to, n, n));
      if (!upper) return;
      for (int64_t i = 0; i < n; ++i)
        for (int64_t j = 0; j < i; ++j) std::swap(to[i * n + j], to[j * n + i]);
    });
  });
  if (!c.attrs.flag(kCholeskyEx["check_errors"])) return;
  check_infos(c.out[1], [](int32_t order) {
    return text(
        "The factorization could not be completed because the input is not positive-definite (the "
        "leading minor of order ",
        order, " is not positive-definite).");
  });
}
void cholesky_vjp(Vjp& v) {
  if (!v.has_g(0)) return v.set(0, zeros_like(v.y(0)));
  const bool upper = v.attrs().flag(kCholeskyEx["upper"]);
  const Tensor l = upper ? t(v.y(0)) : v.y(0), g = upper ? t(v.g()) : v.g();
  const Tensor p = matmul(t(l), g);
  const Tensor phi = mul(add(tril(p), t(tril(p, -1))), 0.5);
  v.set(0, solve_triangular(l, solve_triangular(t(l), phi, true), false, false));
}

// ---- LU

constexpr Signature kLuFactorEx =
    "(A: Tensor, *, pivot: bool = True, check_errors: bool = False) -> (LU: Tensor, pivots: "
    "Tensor, info: Tensor)";

void lu_shape(Call& c) {
  const Tensor& x = c.in(0);
  expect_matrix(x);
  c.output(x.dtype(), x.shape());
  c.output(Dtype::kInt32, with(lead_of(x), {std::min(x.size(-1), x.size(-2))}));
  c.output(Dtype::kInt32, lead_of(x));
}
void lu_run(Call& c) {
  const Tensor& x = c.in(0);
  const int64_t m = x.size(-2), n = x.size(-1), k = std::min(m, n);
  const bool pivot = c.attrs.flag(kLuFactorEx["pivot"]);
  dispatch_floating(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for_each_matrix(batch_of(x), m * n * k, [&](int64_t b) {
      T* const to = c.out[0].data_as<T>() + b * m * n;
      std::copy_n(x.data_as<const T>() + b * m * n, m * n, to);
      c.out[2].data_as<int32_t>()[b] =
          static_cast<int32_t>(linalg::lu(to, n, m, n, c.out[1].data_as<int32_t>() + b * k, pivot));
    });
  });
  if (!c.attrs.flag(kLuFactorEx["check_errors"])) return;
  check_infos(c.out[2], [](int32_t i) {
    return text("U[", i, ",", i,
                "] is zero and using it on lu_solve would result in a division by zero. If you "
                "still want to perform the factorization, consider calling linalg.lu(A, pivot) or "
                "linalg.lu_factor_ex(A, pivot)");
  });
}

constexpr Signature kPermutation = "(pivots: Tensor, rows: int, inverse: bool) -> Tensor";

void permutation_shape(Call& c) {
  const Tensor& x = c.in(0);
  check(x.dtype() == Dtype::kInt32, "Expected LU_pivots to be int32, got ", x.dtype());
  check(x.ndim() >= 1 && x.size(-1) <= c.attrs.integer(kPermutation["rows"]),
        "more pivots than rows: ", x.shape());
  c.output(Dtype::kInt64, with(lead_of(x, 1), {c.attrs.integer(kPermutation["rows"])}));
}
void permutation_run(Call& c) {
  const Tensor& x = c.in(0);
  const int64_t k = x.size(-1), m = c.attrs.integer(kPermutation["rows"]), count = batch_of(x, 1);
  const auto* const pivots = x.data_as<const int32_t>();
  for (int64_t i = 0; i < count * k; ++i)
    check(pivots[i] >= 1 && pivots[i] <= m, "pivots given must all be in the range from 1 to ", m);
  List<int64_t> order(static_cast<size_t>(m));
  for (int64_t b = 0; b < count; ++b) {
    std::iota(order.begin(), order.end(), 0);
    for (int64_t i = 0; i < k; ++i)
      std::swap(order[static_cast<size_t>(i)], order[static_cast<size_t>(pivots[b * k + i] - 1)]);
    auto* const to = c.out[0].data_as<int64_t>() + b * m;
    for (int64_t i = 0; i < m; ++i) {
      const int64_t from = order[static_cast<size_t>(i)];
      c.attrs.flag(kPermutation["inverse"]) ? to[from] = i : to[i] = from;
    }
  }
}

Tensor head(const Tensor& x, int dim, int64_t n) {
  return x.size(dim) == n ? x : narrow(x, dim, 0, n);
}
Tensor rest(const Tensor& x, int dim, int64_t from) {
  return narrow(x, dim, from, x.size(dim) - from);
}

// Of P L U with L and U in one: triangles take the parts of the gradients that they own. With the
// square parts L1, U1 and G = tril(L1' gL1, -1) + triu(gU1 U1'), dA1 = P L1^-T G U1^-T; what the
// other rows or columns depend on comes into G.
void lu_vjp(Vjp& v) {
  const Tensor lu = v.y(0), g = v.g(0);
  const int64_t m = lu.size(-2), n = lu.size(-1), k = std::min(m, n);
  const Tensor lu1 = head(head(lu, -2, k), -1, k), g1 = head(head(g, -2, k), -1, k);
  const Tensor l = tril(lu1, -1), u = triu(lu1);
  // L' gL, whose unit diagonal adds gL itself to what the lower triangle alone gives.
  const Tensor gl = tril(g1, -1);
  Tensor from_l = add(matmul(t(l), gl), gl), from_u = matmul(triu(g1), t(u));
  Tensor other;
  if (m < n) {
    const Tensor gu = rest(g, -1, k);
    from_l = sub(from_l, matmul(gu, t(rest(lu, -1, k))));
    other = solve_triangular(t(lu1), gu, true, true, true);
  } else if (m > n) {
    const Tensor gl2 = rest(g, -2, k);
    from_u = sub(from_u, matmul(t(rest(lu, -2, k)), gl2));
    other = solve_triangular(t(lu1), gl2, false, false);
  }
  const Tensor both = add(tril(from_l, -1), triu(from_u));
  Tensor ga = solve_triangular(t(lu1), both, true, true, true);
  ga = solve_triangular(t(lu1), ga, false, false);
  if (other.defined()) ga = cat(std::vector<Tensor>{ga, other}, m < n ? -1 : -2);
  v.set(0, v.attrs().flag(kLuFactorEx["pivot"]) ? exchanged_rows(v.y(1), ga, true) : ga);
}

// ---- QR

constexpr Signature kQrFactors = "(input: Tensor, complete: bool) -> (Q: Tensor, R: Tensor)";

void qr_shape(Call& c) {
  const Tensor& x = c.in(0);
  expect_matrix(x);
  const int64_t m = x.size(-2), n = x.size(-1);
  const int64_t k = c.attrs.flag(kQrFactors["complete"]) ? m : std::min(m, n);
  c.output(x.dtype(), with(lead_of(x), {m, k}));
  c.output(x.dtype(), with(lead_of(x), {k, n}));
}
void qr_run(Call& c) {
  const Tensor& x = c.in(0);
  const int64_t m = x.size(-2), n = x.size(-1), k = c.out[0].size(-1), r = std::min(m, n);
  dispatch_floating(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for_each_matrix(batch_of(x), 2 * m * n * k, [&](int64_t b) {
      const Scratch scratch(static_cast<size_t>(m * n + r) * sizeof(T));
      T *const a = scratch.as<T>(), *const tau = a + m * n;
      std::copy_n(x.data_as<const T>() + b * m * n, m * n, a);
      linalg::qr(a, n, m, n, tau);
      linalg::reflections_product(a, n, tau, r, c.out[0].data_as<T>() + b * m * k, k, m, k);
      T* const to = c.out[1].data_as<T>() + b * k * n;
      for (int64_t i = 0; i < k; ++i)
        for (int64_t j = 0; j < n; ++j) to[i * n + j] = j < i ? T(0) : a[i * n + j];
    });
  });
}
// With M = R gR' - gQ' Q: dA = (gQ + Q (tril(M) + tril(M, -1)')) R^-T. Of more columns than rows
// the first make Q, and the others are Q times those of R.
void qr_vjp(Vjp& v) {
  const Tensor q = v.y(0), r = v.y(1);
  const int64_t m = q.size(-2), n = r.size(-1), k = q.size(-1);
  check(k == std::min(m, n), ErrorKind::kRuntime,
        "The QR decomposition is not differentiable when mode='complete' and nrows > ncols");
  Tensor gq = v.g(0), gr = v.g(1), r1 = r, other;
  if (m < n) {
    const Tensor gr2 = rest(gr, -1, m), y = rest(v.x(0).tensor(), -1, m);
    gq = add(gq, matmul(y, t(gr2)));
    other = matmul(q, gr2);
    r1 = head(r, -1, m);
    gr = head(gr, -1, m);
  }
  const Tensor p = sub(matmul(r1, t(gr)), matmul(t(gq), q));
  const Tensor sum = add(gq, matmul(q, add(tril(p), t(tril(p, -1)))));
  const Tensor ga = solve_triangular(t(r1), sum, false, false);
  v.set(0, other.defined() ? cat(std::vector<Tensor>{ga, other}, -1) : ga);
}

void geqrf_shape(Call& c) {
  const Tensor& x = c.in(0);
  expect_matrix(x, "input");
  c.output(x.dtype(), x.shape());
  c.output(x.dtype(), with(lead_of(x), {std::min(x.size(-2), x.size(-1))}));
}
void geqrf_run(Call& c) {
  const Tensor& x = c.in(0);
  const int64_t m = x.size(-2), n = x.size(-1), k = std::min(m, n);
  dispatch_floating(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for_each_matrix(batch_of(x), 2 * m * n * k, [&](int64_t b) {
      T* const to = c.out[0].data_as<T>() + b * m * n;
      std::copy_n(x.data_as<const T>() + b * m * n, m * n, to);
      linalg::qr(to, n, m, n, c.out[1].data_as<T>() + b * k);
    });
  });
}

void reflections_shape(Call& c) {
  const Tensor &x = c.in(0), &tau = c.in(1);
  expect_matrix(x, "input");
  const int64_t m = x.size(-2), n = x.size(-1);
  check(m >= n, "input.shape[-2] must be greater than or equal to input.shape[-1]");
  check(tau.ndim() >= 1 && n >= tau.size(-1),
        "input.shape[-1] must be greater than or equal to tau.shape[-1]");
  check(x.ndim() - tau.ndim() == 1,
        "Expected tau to have one dimension less than input, but got tau.ndim equal to ",
        tau.ndim(), " and input.ndim is equal to ", x.ndim());
  check(lead_of(x) == lead_of(tau, 1),
        "Expected batch dimensions of tau to be equal to "
        "input.shape[:-2], but got ",
        lead_of(tau, 1));
  check(tau.dtype() == x.dtype(), "tau dtype ", tau.dtype(), " does not match input dtype ",
        x.dtype());
  c.output(x.dtype(), x.shape());
}
void reflections_run(Call& c) {
  const Tensor &x = c.in(0), &tau = c.in(1);
  const int64_t m = x.size(-2), n = x.size(-1), k = tau.size(-1);
  dispatch_floating(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for_each_matrix(batch_of(x), 2 * m * n * k, [&](int64_t b) {
      linalg::reflections_product(x.data_as<const T>() + b * m * n, n,
                                  tau.data_as<const T>() + b * k, k,
                                  c.out[0].data_as<T>() + b * m * n, n, m, n);
    });
  });
}
// Backward through Q_i = (1 - tau_i v_i v_i') Q_i+1, from i = 0 on.
void reflections_vjp(Vjp& v) {
  const Tensor x = v.x(0).tensor(), tau = v.x(1).tensor();
  const int64_t k = tau.size(-1);
  const Tensor unit = eye(x.size(-2), x.size(-1), x.dtype()), lower = add(tril(x, -1), unit);
  const auto column = [&](int64_t i) { return narrow(lower, -1, i, 1); };
  const auto factor = [&](int64_t i) { return unsqueeze(narrow(tau, -1, i, 1), -1); };
  const auto reflected = [&](int64_t i, const Tensor& y) {
    return sub(y, matmul(mul(column(i), factor(i)), matmul(t(column(i)), y)));
  };
  std::vector<Tensor> q(static_cast<size_t>(k) + 1);
  q.back() = expand(unit, x.shape());
  for (int64_t i = k; i-- > 0;)
    q[static_cast<size_t>(i)] = reflected(i, q[static_cast<size_t>(i) + 1]);
  Tensor g = v.g();
  std::vector<Tensor> gx, gt;
  for (int64_t i = 0; i < k; ++i) {
    const Tensor &y = q[static_cast<size_t>(i) + 1], c = column(i);
    const Tensor yc = matmul(t(y), c), gc = matmul(t(g), c);
    gt.push_back(neg(squeeze(sum(mul(yc, gc), Dims{-2}), Dims{-1})));
    gx.push_back(neg(mul(factor(i), add(matmul(g, yc), matmul(y, gc)))));
    g = reflected(i, g);
  }
  if (k < x.size(-1)) gx.push_back(zeros_like(narrow(x, -1, k, x.size(-1) - k)));
  v.set(0, gx.empty() ? zeros_like(x) : tril(cat(gx, -1), -1));
  v.set(1, gt.empty() ? zeros_like(tau) : stack(gt, -1));
}

// ---- LDL'

constexpr Signature kLdlFactorEx =
    "(A: Tensor, *, hermitian: bool = False, check_errors: bool = False) -> (LD: Tensor, pivots: "
    "Tensor, info: Tensor)";
constexpr Signature kLdlSolve =
    "(LD: Tensor, pivots: Tensor, B: Tensor, *, hermitian: bool = False) -> Tensor";

void ldl_shape(Call& c) {
  const Tensor& x = c.in(0);
  expect_square(x);
  c.output(x.dtype(), x.shape());
  c.output(Dtype::kInt32, with(lead_of(x), {x.size(-1)}));
  c.output(Dtype::kInt32, lead_of(x));
}
void ldl_run(Call& c) {
  const Tensor& x = c.in(0);
  const int64_t n = x.size(-1);
  dispatch_floating(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for_each_matrix(batch_of(x), n * n * n, [&](int64_t b) {
      T* const to = c.out[0].data_as<T>() + b * n * n;
      std::copy_n(x.data_as<const T>() + b * n * n, n * n, to);
      c.out[2].data_as<int32_t>()[b] =
          static_cast<int32_t>(linalg::ldl(to, n, n, c.out[1].data_as<int32_t>() + b * n));
    });
  });
  if (!c.attrs.flag(kLdlFactorEx["check_errors"])) return;
  check_infos(c.out[2], [](int32_t i) {
    return text("The factorization could not be completed because D[", i, ",", i,
                "] is exactly zero");
  });
}
void ldl_solve_shape(Call& c) {
  const Tensor &x = c.in(0), &pivots = c.in(1), &b = c.in(2);
  expect_square(x, "LD");
  check(b.ndim() >= 2, "Expected B to have at least 2 dimensions, but it has ", b.ndim(),
        " dimensions instead");
  expect_same_dtype(x, b);
  const int64_t n = x.size(-1);
  check(pivots.dtype() == Dtype::kInt32, "Expected pivots to be integers. Got ", pivots.dtype());
  check(pivots.shape() == with(lead_of(x), {n}),
        "Expected LD.shape[:-1] and pivots.shape to be the "
        "same, but got pivots with shape ",
        pivots.shape(), " instead");
  check(b.size(-2) == n && lead_of(b) == lead_of(x), "Incompatible shapes of LD and B: ", x.shape(),
        " and ", b.shape());
  c.output(b.dtype(), b.shape());
}
void ldl_solve_run(Call& c) {
  const Tensor &x = c.in(0), &pivots = c.in(1), &rhs = c.in(2);
  const int64_t n = x.size(-1), m = rhs.size(-1), count = batch_of(x);
  const auto* const p = pivots.data_as<const int32_t>();
  for (int64_t i = 0; i < count * n; ++i) {  // pairs of equal negative numbers, and others
    const int64_t at = i % n, row = std::abs(static_cast<int64_t>(p[i]));
    const bool pair = p[i] < 0;
    check(row > at && row <= n && (!pair || (at + 1 < n && p[i + 1] == p[i] && row > at + 1)),
          "pivots ", static_cast<int64_t>(p[i]), " at ", at, " are none of ldl_factor()");
    i += pair;
  }
  dispatch_floating(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for_each_matrix(count, 2 * n * n * m, [&](int64_t b) {
      T* const to = c.out[0].data_as<T>() + b * n * m;
      std::copy_n(rhs.data_as<const T>() + b * n * m, n * m, to);
      linalg::ldl_solve(x.data_as<const T>() + b * n * n, n, p + b * n, to, n, m);
    });
  });
}

}  // namespace

// A = L L'         dA = L^-T S(L' g) L^-1 with S(M) = (tril(M) + tril(M, -1)') / 2
constinit const Op linalg_cholesky_ex_op{
    .name = "linalg_cholesky_ex",
    .signature = kCholeskyEx,
    .on = 0,
    .doc =
        "The lower factor of Cholesky, L with A = L L' (or the upper one, A = U' U), of symmetric "
        "positive-definite matrices (*, n, n), of which one triangle is read. `info` (*), int32, "
        "is "
        "0, or the order of the first leading minor that is not positive; with `check_errors` that "
        "is a LinAlgError. Floating only.",
    .contiguous = true,
    .checked = true,
    .shape = cholesky_shape,
    .run = cholesky_run,
    .vjp = cholesky_vjp,
    .reads = kOutput};

// P A = L U        dA = P L^-T (tril(L' gL, -1) + triu(gU U')) U^-T
constinit const Op linalg_lu_factor_ex_op{
    .name = "linalg_lu_factor_ex",
    .signature = kLuFactorEx,
    .on = 0,
    .doc =
        "L and U of the LU decomposition with partial pivoting of matrices (*, m, n) in one "
        "matrix, "
        "without L's diagonal of ones; `pivots` (*, min(m, n)), int32: row i was exchanged with "
        "row "
        "pivots[i] - 1, in order. `info` is 0, or the number of the first pivot that is zero; with "
        "`check_errors` that is a LinAlgError. Floating only.",
    .contiguous = true,
    .checked = true,
    .shape = lu_shape,
    .run = lu_run,
    .vjp = lu_vjp,
    .reads = reads_output(0) | reads_output(1)};

// y_i = the row of A that is row i of L U
constinit const Op lu_permutation_op{.name = "lu_permutation",
                                     .signature = kPermutation,
                                     .on = 0,
                                     .doc = "Pivots as the order of rows, or its inverse.",
                                     .contiguous = true,
                                     .checked = true,
                                     .shape = permutation_shape,
                                     .run = permutation_run};

// A = Q R          dA = (gQ + Q S(R gR' - gQ' Q)) R^-T with S(M) = tril(M) + tril(M, -1)'
constinit const Op qr_factors_op{.name = "qr_factors",
                                 .signature = kQrFactors,
                                 .on = 0,
                                 .doc = "Q and R; all columns of Q if `complete`.",
                                 .contiguous = true,
                                 .checked = true,
                                 .shape = qr_shape,
                                 .run = qr_run,
                                 .vjp = qr_vjp,
                                 .reads = kInput | reads_output(0) | reads_output(1)};

// A = H_1 ... H_k R, H_i = I - tau_i v_i v_i'
constinit const Op geqrf_op{
    .name = "geqrf",
    .signature = "(input: Tensor) -> (a: Tensor, tau: Tensor)",
    .doc =
        "Householder's QR as LAPACK's geqrf leaves it: R in the upper triangle of `a`, the vectors "
        "of the reflections below it, without their ones, their factors in `tau`. Floating only; "
        "no gradient, as in PyTorch.",
    .contiguous = true,
    .shape = geqrf_shape,
    .run = geqrf_run};

// Q_i = H_i Q_i+1, H_i = I - tau_i v_i v_i'      dv_i = -tau_i (g_i Q_i+1' + Q_i+1 g_i') v_i with
// g_i+1 = H_i' g_i
constinit const Op linalg_householder_product_op{
    .name = "linalg_householder_product",
    .signature = "(input: Tensor, tau: Tensor) -> Tensor",
    .on = 0,
    .doc =
        "The first n columns of a product of reflections whose vectors are the columns of `input` "
        "(*, m, n) below the diagonal, with ones on it, and whose factors are `tau` (*, k), k <= n "
        "<= m. Floating only.",
    .contiguous = true,
    .checked = true,
    .shape = reflections_shape,
    .run = reflections_run,
    .vjp = reflections_vjp,
    .reads = kInputs};

// P' A P = L D L'
constinit const Op linalg_ldl_factor_ex_op{
    .name = "linalg_ldl_factor_ex",
    .signature = kLdlFactorEx,
    .on = 0,
    .doc =
        "L and D of symmetric matrices (*, n, n), whose lower triangles are read, D with blocks of "
        "1 or 2 rows, and the `pivots` as LAPACK's sytrf has them. Bunch and Kaufman, 1977. "
        "Floating "
        "only; no gradient, as in PyTorch.",
    .contiguous = true,
    .checked = true,
    .shape = ldl_shape,
    .run = ldl_run};

// X = A^-1 B
constinit const Op linalg_ldl_solve_op{
    .name = "linalg_ldl_solve",
    .signature = kLdlSolve,
    .on = 0,
    .doc =
        "The solution X (*, n, m) of A X = B by what ldl_factor() has made of A. Floating only; no "
        "gradient, as in PyTorch.",
    .contiguous = true,
    .checked = true,
    .shape = ldl_solve_shape,
    .run = ldl_solve_run};

Tensor cholesky(const Tensor& x, bool upper) {
  return apply(linalg_cholesky_ex_op, {x}, Attrs(upper, true));
}
std::pair<Tensor, Tensor> qr(const Tensor& x, bool complete) {
  std::vector<Tensor> out = apply_all(qr_factors_op, {x}, Attrs(complete));
  return {out[0], out[1]};
}

namespace {
const Op* const kOps[] = {&linalg_cholesky_ex_op,
                          &linalg_lu_factor_ex_op,
                          &lu_permutation_op,
                          &qr_factors_op,
                          &geqrf_op,
                          &linalg_householder_product_op,
                          &linalg_ldl_factor_ex_op,
                          &linalg_ldl_solve_op};
}
std::span<const Op* const> factor_ops() { return kOps; }

}  // namespace wengert
