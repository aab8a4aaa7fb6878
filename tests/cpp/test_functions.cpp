// Functions that are written from signatures: one of each kind, with results known otherwise, and
// the namespaces linalg and special. run_calls.cpp has all of them against Python's.
#include <cmath>
#include <limits>

#include "check.h"

using namespace wengert;

namespace {

bool close(const Tensor& found, const Tensor& expected, double bound = 1e-5) {
  return found.dtype() == expected.dtype() && found.shape() == expected.shape() &&
         (found.numel() == 0 || (found - expected).abs().max().item<double>() <= bound);
}
bool is(const Tensor& found, const Tensor& expected) {
  return found.dtype() == expected.dtype() && found.shape() == expected.shape() &&
         (found == expected).all().item<bool>();
}
Tensor counting(const Dims& shape) {
  return arange(0, static_cast<double>(numel(shape)), 1, Dtype::kFloat32).reshape(shape);
}
// Symmetric, positive-definite.
Tensor matrix() { return tensor<float>({4, 1, 0, 1, 3, 1, 0, 1, 2}, {3, 3}); }

void arguments() {
  const Tensor x = tensor<float>({-2, -0.5, 0.5, 2}), m = counting({2, 3});
  CHECK(is(hardtanh(x), tensor<float>({-1, -0.5, 0.5, 1})));
  CHECK(is(hardtanh(x, 0, 3), tensor<float>({0, 0, 0.5, 2})));
  CHECK(is(add(x, x, 3), x * 4) && is(add(x, 1, 2), x + 2));
  CHECK(is(clip(x, 0), tensor<float>({0, 0, 0.5, 2})));            // a bound is absent
  CHECK(is(clip(x, {}, 0), tensor<float>({-2, -0.5, 0, 0})));      // the other
  CHECK(is(div(x, 0.5, "floor"), tensor<float>({-4, -1, 1, 4})));  // a word
  CHECK(is(nan_to_num(x * std::numeric_limits<double>::infinity(), {}, 7, -7),
           tensor<float>({-7, -7, 7, 7})));
  CHECK(is(nansum(m), tensor<float>({15}).reshape({})) && is(nansum(m, 0), m.sum(0)));
  CHECK(nansum(m, {}, false, Dtype::kFloat64).dtype() == Dtype::kFloat64);
  CHECK(is(roll(m, 1), tensor<float>({5, 0, 1, 2, 3, 4}, {2, 3})));  // of all elements
  CHECK(is(roll(m, {1, 1}, {0, 1}), tensor<float>({5, 3, 4, 2, 0, 1}, {2, 3})));
  CHECK(is(full_like(m, 2.5), full({2, 3}, 2.5)));
  CHECK((logspace(0, 2, 3).dtype() == Dtype::kFloat32) &&
        close(logspace(0, 2, 3, 10), tensor<float>({1, 10, 100}), 1e-3));
  CHECK(is(arange(3), tensor<int64_t>({0, 1, 2})));
  CHECK(is(quantile(m, 0.5, 1), tensor<float>({1, 4})));
  CHECK(is(quantile(m, tensor<float>({0, 0.4}), {}, false, "lower"), tensor<float>({0, 2})));
  CHECK(is(
      scatter_reduce(zeros({2}), 0, tensor<int64_t>({0, 1, 0}), tensor<float>({1, 2, 3}), "amax"),
      tensor<float>({3, 2})));
  CHECK(is(pad(m, {1, 0}, "replicate"), tensor<float>({0, 0, 1, 2, 3, 3, 4, 5}, {2, 4})));
  CHECK(is(upsample(m.reshape({1, 2, 3}), {}, 2), repeat_interleave(m, 2, 1).reshape({1, 2, 6})));
  CHECK(is(fractional_max_pool2d(m.reshape({1, 2, 3}), 1, {}, {1.0, 1.0}), m.reshape({1, 2, 3})));
  CHECK(is(conv1d(ones({1, 1, 4}), ones({1, 1, 3}), {}, 1, "same"),
           tensor<float>({2, 3, 3, 2}, {1, 1, 4})));
  CHECK((conv1d(ones({1, 1, 4}), ones({1, 1, 3}), {}, {1}, {0}).shape() == Dims{1, 1, 2}));
  CHECK(is(mse_loss(x, zeros({4}), Reduction::kSum, ones({4})), (x * x).sum()));
  CHECK(is(hinge_embedding_loss(x, tensor<float>({1, 1, 1, 1}), 1, Reduction::kNone), x));
  CHECK((randint(0, 10, {}).shape() == Dims{}) && (randint(5, {2, 3}).shape() == Dims{2, 3}));
  CHECK((normal(0, 1, {2}).shape() == Dims{2}) && (normal(x, 0.0).shape() == Dims{4}));
  Generator generator(3);
  const Tensor drawn = bernoulli(full({9}, 0.5), &generator);
  generator.manual_seed(3);
  CHECK(is(bernoulli(full({9}, 0.5), &generator), drawn));
}

void results() {
  const Tensor m = counting({2, 3});
  const auto [values, places] = kthvalue(m, 2);
  CHECK(is(values, tensor<float>({1, 4})) && is(places, tensor<int64_t>({1, 1})));
  CHECK(is(median(m, 1).first, tensor<float>({1, 4})));
  CHECK(unbind(m).size() == 2 && unbind(m, 1).size() == 3 && is(unbind(m)[1], m[1]));
  CHECK(tensor_split(m, 2, 1).size() == 2 && tensor_split(m, {1, 2}, 1).size() == 3);
  CHECK(split(m, {1, 2}, 1).size() == 2 && where(m > 3).size() == 2);
  CHECK(is(vstack({m, m}), cat({m, m})) && meshgrid({m[0], m[1]}, "ij").size() == 2);
  CHECK(broadcast_tensors({m, ones({1})}).size() == 2);
  CHECK(is(max(m, full({2, 3}, 2)), maximum(m, full({2, 3}, 2))));
  CHECK(is(adaptive_max_pool2d(m.reshape({1, 2, 3}), 1), full({1, 1, 1}, 5)));
  const auto [w, none] = multi_head_attention_forward(
      ones({2, 1, 4}), ones({2, 1, 4}), ones({2, 1, 4}), 4, 2, ones({12, 4}), {}, {}, {}, false, 0,
      ones({4, 4}), {}, false, {}, false);
  CHECK((w.shape() == Dims{2, 1, 4}) && !none.defined());
}

void in_place() {
  Tensor x = tensor<float>({-2, 0, 2});
  CHECK(relu_(x).is_same(x) && is(x, tensor<float>({0, 0, 2})));
  CHECK(is(addcmul_(x, ones({3}), ones({3}), 2), tensor<float>({2, 2, 4})));
  CHECK(is(hardtanh_(x), ones({3})) && is(add_(x, 1, 3), full({3}, 4)));
  CHECK(is(exponential_(x, 2) > 0, full({3}, true, Dtype::kBool)));
  Tensor w = ones({3}).set_requires_grad(true);
  Tensor y = w * 2;
  square_(y);
  celu_(y);
  y.sum().backward();
  CHECK(is(w.grad(), full({3}, 8)));
  CHECK_THROWS(exp_(w), kRuntime, "leaf");
}

void gradients() {
  Tensor x = tensor<double>({0.5, 1.5}).set_requires_grad(true);
  logcumsumexp(x, 0).sum().backward();
  CHECK(std::abs(x.grad().sum().item<double>() - 2) < 1e-12);
  const std::vector<Tensor> g = grad({special::i0e(x).sum()}, {x});
  CHECK(close(g[0], special::i1e(x) - special::i0e(x), 1e-12));
  CHECK(is(special::expit(x), sigmoid(x)) && is(special::psi(x), digamma(x)));
  CHECK(close(special::xlog1py(x, x), x * log1p(x), 1e-12) && is(special::round(x), round(x)));
}

void errors() {
  const Tensor x = ones({2, 3});
  CHECK_THROWS(quantile(x, 0.5, 1, false, "none"), kValue,
               "quantile: 'none' is not a valid value for interpolation; expected one of 'linear'");
  CHECK_THROWS(hardtanh(Tensor()), kType, "hardtanh: argument 'input' must be Tensor");
  CHECK_THROWS(mm(x, x), kRuntime, "mm: ");
  CHECK_THROWS(vstack({x, Tensor()}), kType, "expected Tensor as element 1");
  CHECK_THROWS(linalg::cholesky(-matrix()), kRuntime, "cholesky");
  CHECK_THROWS(linalg::solve(x, x), kRuntime, "linalg.solve: A must be batches of square");
  CHECK_THROWS(linalg::matrix_norm(x, "max"), kRuntime, "Order max not supported");
  CHECK_THROWS(linalg::qr(x, "full"), kRuntime, "unrecognized mode 'full'");
  CHECK_THROWS(linalg::multi_dot({x, x}), kRuntime, "(2, 3) and (2, 3) cannot be multiplied");
  CHECK_THROWS(linalg::inv(Tensor()), kType, "linalg_inv_ex: argument 'A'");
}

void factors() {
  const Tensor a = matrix(), tall = counting({4, 3}) + eye(4, 3), unit = eye(3);
  const Tensor L = linalg::cholesky(a), U = linalg::cholesky(a, true);
  CHECK(close(matmul(L, L.t()), a) && close(matmul(U.t(), U), a));
  CHECK(linalg::cholesky_ex(-a).second.item<int>() > 0);
  CHECK(close(matmul(cholesky_solve(unit, L), a), unit));
  CHECK(close(matmul(cholesky_inverse(U, true), a), unit));
  const auto [P, l, u] = linalg::lu(tall);
  CHECK(close(matmul(P, matmul(l, u)), tall));
  CHECK(std::get<0>(linalg::lu(a, false)).numel() == 0);
  const auto [LU, pivots] = linalg::lu_factor(a);
  for (const bool adjoint : {false, true}) {
    CHECK(close(matmul(a, linalg::lu_solve(LU, pivots, unit, true, adjoint)), unit));
    CHECK(close(matmul(linalg::lu_solve(LU, pivots, unit, false, adjoint), a), unit));
  }
  const auto [LD, exchanged] = linalg::ldl_factor(a);
  CHECK(close(matmul(a, linalg::ldl_solve(LD, exchanged, unit)), unit));
  const auto [Q, R] = linalg::qr(tall);
  CHECK(close(matmul(Q, R), tall) && (Q.shape() == Dims{4, 3}));
  CHECK((linalg::qr(tall, "complete").first.shape() == Dims{4, 4}));
  CHECK(linalg::qr(tall, "r").first.numel() == 0 && is(linalg::qr(tall, "r").second, R));
  const auto [h, tau] = geqrf(tall);
  CHECK(close(linalg::householder_product(h, tau), Q));
  const auto [values, vectors] = linalg::eigh(a);
  CHECK(close(matmul(vectors * values, vectors.t()), a));
  CHECK(close(linalg::eigvalsh(a, "U"), values));
  const auto [u_of, s, vh] = linalg::svd(tall, false);
  CHECK(close(matmul(u_of * s, vh), tall, 1e-4) && close(linalg::svdvals(tall), s, 1e-4));
  CHECK(std::abs(det(a).item<double>() - 18) < 1e-4);
  CHECK(close(linalg::slogdet(a).second.exp(), linalg::det(a), 1e-4));
}

void systems() {
  const Tensor a = stack({matrix(), matrix() * 2}), b = counting({3, 2});
  CHECK(close(matmul(a, linalg::solve(a, b)), expand(b, {2, 3, 2})));
  const Tensor rows = expand(b.t(), {2, 2, 3});
  CHECK(close(matmul(linalg::solve(a, rows, false), a), rows));
  CHECK(close(matmul(a[0], linalg::solve(a[0], b.select(1, 0))), b.select(1, 0)));
  CHECK(linalg::solve_ex(a, b).second.shape() == Dims{2});
  const Tensor upper = triu(matrix());
  CHECK(close(matmul(upper, linalg::solve_triangular(upper, b, true)), b));
  CHECK(close(linalg::pinv(matrix()), linalg::inv(matrix())));
  CHECK(close(linalg::pinv(a, 0.0, 1e-6, true), linalg::inv_ex(a).first));
  const Tensor tall = counting({4, 2}) + eye(4, 2), x = tensor<float>({1, 2});
  for (const char* driver : {"gels", "gelsy", "gelsd"}) {
    const auto [found, residuals, rank, values] =
        linalg::lstsq(tall, matmul(tall, x.reshape({2, 1})), {}, driver);
    CHECK(close(found, x.reshape({2, 1}), 1e-4));
    CHECK((residuals.shape() == (driver[4] == 'y' ? Dims{0} : Dims{1})));
    CHECK(rank.numel() == 0 || rank.item<int>() == 2);
    CHECK(values.numel() == (driver[4] == 'd' ? 2 : 0));
  }
  CHECK(close(std::get<0>(linalg::lstsq(tall.t(), x, {}, "gels")), mv(linalg::pinv(tall.t()), x),
              1e-4));
  CHECK(linalg::matrix_rank(ones({3, 3})).item<int>() == 1);
  CHECK(linalg::matrix_rank(a, {}, {}, true).sum().item<int>() == 6);
  CHECK(linalg::matrix_rank(matrix(), 100.0).item<int>() == 0);
}

void norms() {
  const Tensor a = tensor<float>({1, -2, 3, 4}, {2, 2}), s = linalg::svdvals(a);
  const auto is_near = [](const Tensor& x, double y) { return std::abs(value(x) - y) < 1e-5; };
  CHECK(is_near(linalg::vector_norm(a), std::sqrt(30)) && is_near(linalg::vector_norm(a, 1), 10));
  CHECK(close(linalg::vector_norm(a, 2, 1), tensor<float>({std::sqrt(5.0f), 5})));
  CHECK(is_near(linalg::matrix_norm(a), std::sqrt(30)) && is_near(linalg::matrix_norm(a, 1), 6));
  const double inf = std::numeric_limits<double>::infinity();
  CHECK(is_near(linalg::matrix_norm(a, inf), 7) && is_near(linalg::matrix_norm(a, -inf), 3));
  CHECK(close(linalg::matrix_norm(a, "nuc"), s.sum()) && close(linalg::matrix_norm(a, 2), s[0]));
  CHECK(close(linalg::cond(a), s[0] / s[1]) && close(linalg::cond(a, -2), s[1] / s[0]));
  CHECK(close(linalg::cond(a, "nuc"), s.sum() * (1 / s).sum()));
  CHECK(is_near(linalg::cond(a, "fro"), 3) && is_near(linalg::cond(a, 1), 4.2));
  CHECK(std::isinf(value(linalg::cond(ones({2, 2}), inf))));
  CHECK(is_near(linalg::norm(a), std::sqrt(30)) && is_near(linalg::norm(a, 1), 6));
  CHECK(is_near(linalg::norm(a[0], 0), 2) && close(linalg::norm(a, "nuc"), s.sum()));
  CHECK(close(linalg::norm(a, inf, 1), tensor<float>({2, 4})));
  CHECK(is_near(linalg::norm(a, -1, {0, 1}), 4) && linalg::norm(a, {}, {}, true).ndim() == 2);
  CHECK_THROWS(linalg::norm(a[0], "nuc"), kRuntime, "requires a matrix");
  CHECK_THROWS(linalg::matrix_norm(a, 0), kRuntime, "Order 0 not supported");
  const Tensor many = stack({a, a * 2}, 2);  // matrices in dimensions 0 and 1
  CHECK(close(linalg::matrix_norm(many, "nuc", {0, 1}), tensor<float>({1, 2}) * s.sum()));
  CHECK((linalg::matrix_norm(many, -2, {0, 1}, true).shape() == Dims{1, 1, 2}));
  CHECK((linalg::matrix_norm(many, 1, {1, 0}, true).shape() == Dims{1, 1, 2}));
}

void products() {
  const Tensor a = matrix(), b = counting({3, 4}), c = counting({4, 2});
  CHECK(close(linalg::matrix_power(a, 5), a.matmul(a).matmul(a).matmul(a).matmul(a), 1e-2));
  CHECK(close(linalg::matrix_power(a, -2), linalg::inv(a.matmul(a))));
  CHECK(is(linalg::matrix_power(a, 0), eye(3)) && is(linalg::matrix_power(a, 1), a));
  CHECK(close(linalg::multi_dot({a, b, c, ones({2})}), a.matmul(b.matmul(c)).sum(1), 1e-2));
  CHECK(is(linalg::vecdot(b, b), (b * b).sum(-1)));
  CHECK(is(linalg::cross(tensor<float>({1, 0, 0}), tensor<float>({0, 1, 0})),
           tensor<float>({0, 0, 1})));
  const Tensor map = (counting({24, 24}).remainder(7) + eye(24) * 20).reshape({4, 6, 8, 3});
  const Tensor inverse = linalg::tensorinv(map), target = counting({4, 6});
  CHECK((inverse.shape() == Dims{8, 3, 4, 6}));
  const Tensor solved = linalg::tensorsolve(map, target);
  CHECK((solved.shape() == Dims{8, 3}));
  CHECK(close(mv(inverse.reshape({24, 24}), target.reshape(-1)), solved.reshape(-1), 1e-4));
  CHECK(is(linalg::tensorsolve(map.permute({2, 0, 1, 3}), target, {0, 3}), solved));
  CHECK(is(linalg::vander(tensor<int64_t>({2, 3})), tensor<int64_t>({1, 2, 1, 3}, {2, 2})));
  CHECK(is(linalg::vander(tensor<float>({2, 3}), 3), tensor<float>({1, 2, 4, 1, 3, 9}, {2, 3})));
  CHECK(is(linalg::diagonal(a, 1), tensor<float>({1, 1})));
}

void tests() {
  arguments();
  results();
  in_place();
  gradients();
  errors();
  factors();
  systems();
  norms();
  products();
}

}  // namespace

int main() { return run(tests); }
