// Eigenvalues of symmetric matrices, singular values, pseudoinverses. The derivatives: M. Giles,
// "An extended collection of matrix derivative results for forward and reverse mode algorithmic
// differentiation", 2008; G. Golub and V. Pereyra, "The differentiation of pseudo-inverses and
// nonlinear least squares problems whose variables separate", 1973.
#include "wengert/ops/create/create.h"
#include "wengert/ops/linalg/calls.h"
#include "wengert/ops/linalg/matrices.h"
#include "wengert/ops/pointwise/pointwise.h"
#include "wengert/ops/shape/shape.h"

namespace wengert {
namespace {

// 1 / (x_j - x_i), 0 where i = j.
Tensor reciprocal_gaps(const Tensor& x) {
  const Tensor gaps = sub(unsqueeze(x, -2), unsqueeze(x, -1));
  const Tensor unit = eye(x.size(-1), x.dtype());
  return div(sub(1, unit), add(gaps, unit));
}
Tensor scaled_columns(const Tensor& x, const Tensor& by) { return mul(x, unsqueeze(by, -2)); }
Tensor on_diagonal(const Tensor& x) { return mul(unsqueeze(x, -1), eye(x.size(-1), x.dtype())); }

// ---- symmetric eigenvalues

constexpr Signature kEighFactors =
    "(A: Tensor, upper: bool, vectors: bool) -> (eigenvalues: Tensor, eigenvectors: Tensor)";

void eigh_shape(Call& c) {
  const Tensor& x = c.in(0);
  expect_square(x);
  c.output(x.dtype(), with(lead_of(x), {x.size(-1)}));
  c.output(x.dtype(), c.attrs.flag(kEighFactors["vectors"]) ? x.shape() : Dims{0});
}
void eigh_run(Call& c) {
  const Tensor& x = c.in(0);
  const int64_t n = x.size(-1), count = batch_of(x);
  const bool vectors = c.attrs.flag(kEighFactors["vectors"]);
  List<char> done(static_cast<size_t>(count));
  dispatch_floating(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for_each_matrix(count, 9 * n * n * n, [&](int64_t i) {
      const Scratch scratch(static_cast<size_t>(n * n) * sizeof(T));
      std::copy_n(x.data_as<const T>() + i * n * n, n * n, scratch.as<T>());
      done[static_cast<size_t>(i)] = linalg::eigh(
          scratch.as<T>(), c.attrs.flag(kEighFactors["upper"]), n, c.out[0].data_as<T>() + i * n,
          vectors ? c.out[1].data_as<T>() + i * n * n : nullptr);
    });
  });
  check_converged(done, c.out[0]);
}
void eigh_vjp(Vjp& v) {
  check(v.attrs().flag(kEighFactors["vectors"]), "the gradient needs the eigenvectors");
  const Tensor w = v.y(0), q = v.y(1);
  Tensor inner = on_diagonal(v.g(0));
  if (v.has_g(1)) inner = add(inner, mul(matmul(t(q), v.g(1)), reciprocal_gaps(w)));
  v.set(0, matmul(q, matmul(inner, t(q))));
}

// ---- singular values

constexpr Signature kSvdFactors =
    "(A: Tensor, full_matrices: bool, vectors: bool) -> (U: Tensor, S: Tensor, Vh: Tensor)";

void svd_shape(Call& c) {
  const Tensor& x = c.in(0);
  expect_matrix(x);
  const int64_t m = x.size(-2), n = x.size(-1), k = std::min(m, n);
  const bool full = c.attrs.flag(kSvdFactors["full_matrices"]);
  const bool vectors = c.attrs.flag(kSvdFactors["vectors"]);
  c.output(x.dtype(), vectors ? with(lead_of(x), {m, full ? m : k}) : Dims{0});
  c.output(x.dtype(), with(lead_of(x), {k}));
  c.output(x.dtype(), vectors ? with(lead_of(x), {full ? n : k, n}) : Dims{0});
}
void svd_run(Call& c) {
  const Tensor& x = c.in(0);
  const int64_t m = x.size(-2), n = x.size(-1), k = std::min(m, n), count = batch_of(x);
  const bool full = c.attrs.flag(kSvdFactors["full_matrices"]);
  const bool vectors = c.attrs.flag(kSvdFactors["vectors"]);
  List<char> done(static_cast<size_t>(count));
  dispatch_floating(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for_each_matrix(count, 20 * m * n * k, [&](int64_t i) {
      const Scratch scratch(static_cast<size_t>(m * n) * sizeof(T));
      std::copy_n(x.data_as<const T>() + i * m * n, m * n, scratch.as<T>());
      const auto place = [&](int at, int64_t size) {
        return vectors ? c.out[at].data_as<T>() + i * size : nullptr;
      };
      done[static_cast<size_t>(i)] =
          linalg::svd(scratch.as<T>(), m, n, full, place(0, m * (full ? m : k)),
                      c.out[1].data_as<T>() + i * k, place(2, n * (full ? n : k)));
    });
  });
  check_converged(done, c.out[1]);
}
// dA = U (((U' gU - gU' U) / E S + S (V' gV - gV' V) / E) + diag(gS)) V', and what leads out of
// the spaces of U and V.
void svd_vjp(Vjp& v) {
  check(v.attrs().flag(kSvdFactors["vectors"]), "the gradient needs the singular vectors");
  const Tensor s = v.y(1);
  const int64_t k = s.size(-1);
  const Tensor u = narrow(v.y(0), -1, 0, k), vh = narrow(v.y(2), -2, 0, k);
  const int64_t m = u.size(-2), n = vh.size(-1);
  Tensor inner = on_diagonal(v.g(1)), ga;
  const auto skew = [](const Tensor& x) { return sub(x, t(x)); };
  const auto gaps = [&] { return reciprocal_gaps(mul(s, s)); };
  if (v.has_g(0)) {
    const Tensor gu = narrow(v.g(0), -1, 0, k), along = matmul(t(u), gu);
    inner = add(inner, scaled_columns(mul(skew(along), gaps()), s));
    if (m > k) {
      const Tensor out = div(sub(gu, matmul(u, along)), unsqueeze(s, -2));
      ga = matmul(out, vh);
    }
  }
  if (v.has_g(2)) {
    const Tensor gvh = narrow(v.g(2), -2, 0, k), along = matmul(vh, t(gvh));
    inner = add(inner, mul(unsqueeze(s, -1), mul(skew(along), gaps())));
    if (n > k) {
      const Tensor out = div(sub(gvh, matmul(t(along), vh)), unsqueeze(s, -1));
      const Tensor part = matmul(u, out);
      ga = ga.defined() ? add(ga, part) : part;
    }
  }
  const Tensor core = matmul(u, matmul(inner, vh));
  v.set(0, ga.defined() ? add(core, ga) : core);
}

// ---- pseudoinverses

constexpr Signature kPinv = "(A: Tensor, atol: Tensor, rtol: Tensor, hermitian: bool) -> Tensor";

void pinv_shape(Call& c) {
  const Tensor& x = c.in(0);
  expect_matrix(x);
  if (c.attrs.flag(kPinv["hermitian"])) expect_square(x);
  for (int i : {1, 2})
    check(c.in(i).dtype() == x.dtype() && c.in(i).shape() == lead_of(x), "tolerances of dtype ",
          x.dtype(), " and shape ", lead_of(x), " expected, got ", c.in(i).dtype(), ' ',
          c.in(i).shape());
  c.output(x.dtype(), with(lead_of(x), {x.size(-1), x.size(-2)}));
}
void pinv_run(Call& c) {
  const Tensor& x = c.in(0);
  const int64_t m = x.size(-2), n = x.size(-1), k = std::min(m, n), count = batch_of(x);
  const bool symmetric = c.attrs.flag(kPinv["hermitian"]);
  List<char> done(static_cast<size_t>(count));
  dispatch_floating(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for_each_matrix(count, 20 * m * n * k, [&](int64_t b) {
      const Scratch scratch(static_cast<size_t>(m * n + (m + n + 1) * k) * sizeof(T));
      T *const a = scratch.as<T>(), *const u = a + m * n, *const vh = u + m * k,
               *const s = vh + n * k;
      std::copy_n(x.data_as<const T>() + b * m * n, m * n, a);
      for (int64_t i = 0; symmetric && i < n; ++i)
        for (int64_t j = 0; j < i; ++j) a[j * n + i] = a[i * n + j];
      done[static_cast<size_t>(b)] = linalg::svd(a, m, n, false, u, s, vh);
      const T least = std::max(c.in(1).data_as<const T>()[b],
                               c.in(2).data_as<const T>()[b] * (k ? s[0] : T(0)));
      for (int64_t j = 0; j < k; ++j) {
        const T factor = s[j] > least ? 1 / s[j] : T(0);
        for (int64_t i = 0; i < n; ++i) vh[j * n + i] *= factor;
      }
      gemm<T>(c.out[0].data_as<T>() + b * m * n, m, {vh, 1, n}, {u, 1, k}, n, m, k, false);
    });
  });
  check_converged(done, c.in(1).ndim() == 0 ? unsqueeze(c.in(1), 0) : c.out[0]);
}
// In the forms that have the fewer products of the longer side.
void pinv_vjp(Vjp& v) {
  const Tensor a = v.x(0).tensor(), y = v.y(0), yt = t(y), gt = t(v.g());
  if (a.size(-2) <= a.size(-1)) {
    const Tensor k = matmul(gt, y), kyt = matmul(k, yt);
    const Tensor out = matmul(matmul(yt, y), sub(gt, matmul(k, a)));
    v.set(0, add(sub(sub(kyt, t(matmul(y, k))), matmul(matmul(a, y), kyt)), out));
  } else {
    const Tensor k = matmul(y, gt), ytk = matmul(yt, k);
    const Tensor out = matmul(matmul(sub(gt, matmul(a, k)), y), yt);
    v.set(0, sub(add(sub(out, t(matmul(k, y))), ytk), matmul(matmul(ytk, y), a)));
  }
}

}  // namespace

// A = V diag(w) V'      dA = V (diag(gw) + (V' gV) / (w_j - w_i)) V'
constinit const Op eigh_factors_op{.name = "eigh_factors",
                                   .signature = kEighFactors,
                                   .on = 0,
                                   .doc =
                                       "Eigenvalues in ascending order, and eigenvectors or an "
                                       "empty tensor, of symmetric matrices.",
                                   .contiguous = true,
                                   .checked = true,
                                   .shape = eigh_shape,
                                   .run = eigh_run,
                                   .vjp = eigh_vjp,
                                   .reads = reads_output(0) | reads_output(1)};

// A = U diag(S) V'      dA = U ((U' gU - gU' U) / E S + S (V' gV - gV' V) / E + diag(gS)) V'
// + (1 - U U') gU S^-1 V' + U S^-1 gV' (1 - V V'), with E_ij = S_j^2 - S_i^2
constinit const Op svd_factors_op{
    .name = "svd_factors",
    .signature = kSvdFactors,
    .on = 0,
    .doc = "Singular values in descending order, and vectors or empty tensors.",
    .contiguous = true,
    .checked = true,
    .shape = svd_shape,
    .run = svd_run,
    .vjp = svd_vjp,
    .reads = reads_output(0) | reads_output(1) | reads_output(2)};

// Y = A^+      dA = -(Y g' Y)' + (1 - A Y) g' ... of Golub and Pereyra
constinit const Op pinv_matrix_op{
    .name = "pinv_matrix",
    .signature = kPinv,
    .on = 0,
    .doc =
        "The pseudoinverse without singular values up to max(atol, rtol * the largest), which are "
        "one number for each matrix.",
    .contiguous = true,
    .checked = true,
    .shape = pinv_shape,
    .run = pinv_run,
    .vjp = pinv_vjp,
    .reads = reads_input(0) | reads_output(0)};

std::pair<Tensor, Tensor> eigh(const Tensor& x, bool upper) {
  std::vector<Tensor> out = apply_all(eigh_factors_op, {x}, Attrs(upper, true));
  return {out[0], out[1]};
}
Svd svd(const Tensor& x, bool full_matrices) {
  std::vector<Tensor> out = apply_all(svd_factors_op, {x}, Attrs(full_matrices, true));
  return {out[0], out[1], out[2]};
}
Tensor pinverse(const Tensor& x, double rtol) {
  expect_matrix(x, "input");
  const Dims lead = lead_of(x);
  return apply(pinv_matrix_op, {x, full(lead, 0.0, x.dtype()), full(lead, rtol, x.dtype())},
               Attrs(false));
}

namespace {
const Op* const kOps[] = {&eigh_factors_op, &svd_factors_op, &pinv_matrix_op};
}
std::span<const Op* const> spectral_ops() { return kOps; }

}  // namespace wengert
