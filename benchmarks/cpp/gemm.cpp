// Matrix products of a linear layer: y = x w^T and the two gradients, dx = g w and dw = g^T x; and
// the same products by Eigen alone.
#include <Eigen/Core>

#include "bench.h"

namespace {

using namespace wengert;

template <class T>
struct Layer {
  Tensor x, w, g, gt;
  double flops;  // of one product
  explicit Layer(benchmark::State& s)
      : x(randn({s.range(0), s.range(1)}, dtype_of<T>())),
        w(randn({s.range(2), s.range(1)}, dtype_of<T>())),
        g(randn({s.range(0), s.range(2)}, dtype_of<T>())),
        gt(t(g)),
        flops(2.0 * static_cast<double>(s.range(0) * s.range(1) * s.range(2))) {}
};

template <class T, class F>
void product(benchmark::State& state, const F& f) {
  const GradMode off(false);
  const Layer<T> l(state);
  const double s = bench::timed(state, [&] { benchmark::DoNotOptimize(f(l)); });
  bench::report_flops<T>(state, l.flops, s, get_num_threads());
}
template <class T>
void linear_forward(benchmark::State& state) {
  product<T>(state, [](const Layer<T>& l) { return linear(l.x, l.w); });
}
template <class T>
void linear_dx(benchmark::State& state) {
  product<T>(state, [](const Layer<T>& l) { return matmul(l.g, l.w); });
}
template <class T>
void linear_dw(benchmark::State& state) {
  product<T>(state, [](const Layer<T>& l) { return matmul(l.gt, l.x); });
}

// Through the tape, which may run the two products together.
template <class T>
void linear_backward(benchmark::State& state) {
  Layer<T> l(state);
  const Tensor inputs[] = {l.x.set_requires_grad(true), l.w.set_requires_grad(true)};
  const Tensor y = linear(l.x, l.w);
  const double s = bench::timed(state, [&] {
    benchmark::DoNotOptimize(grad({&y, 1}, inputs, {&l.g, 1}, {.retain_graph = true}));
  });
  bench::report_flops<T>(state, 2 * l.flops, s, get_num_threads());
}

// Eigen's product runs on one thread, into memory that is there already: only OMP_NUM_THREADS=1
// makes the times comparable; `of_peak` is of the one core in any case.
template <class T>
using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class T>
Eigen::Map<const Matrix<T>> mapped(const Tensor& x) {
  return {x.data_as<T>(), x.size(0), x.size(1)};
}
template <class T, class F>
void eigen_product(benchmark::State& state, int64_t rows, int64_t cols, const F& f) {
  const Layer<T> l(state);
  const Tensor out = zeros({rows, cols}, dtype_of<T>());
  Eigen::Map<Matrix<T>> c(out.data_as<T>(), rows, cols);
  const double s = bench::timed(state, [&] {
    f(c, mapped<T>(l.x), mapped<T>(l.w), mapped<T>(l.g));
    benchmark::ClobberMemory();
  });
  bench::report_flops<T>(state, l.flops, s, 1);
}
template <class T>
void eigen_forward(benchmark::State& state) {
  eigen_product<T>(state, state.range(0), state.range(2),
                   [](auto& y, auto x, auto w, auto) { y.noalias() = x * w.transpose(); });
}
template <class T>
void eigen_dx(benchmark::State& state) {
  eigen_product<T>(state, state.range(0), state.range(1),
                   [](auto& dx, auto, auto w, auto g) { dx.noalias() = g * w; });
}
template <class T>
void eigen_dw(benchmark::State& state) {
  eigen_product<T>(state, state.range(2), state.range(1),
                   [](auto& dw, auto x, auto, auto g) { dw.noalias() = g.transpose() * x; });
}

void unit(benchmark::internal::Benchmark* b) {
  b->ArgNames({"batch", "in", "out"})->UseRealTime()->Unit(benchmark::kMicrosecond);
}
void shapes(benchmark::internal::Benchmark* b) {
  unit(b);
  for (int64_t n : {8, 16, 32, 64, 128, 256, 512, 1024, 2048}) b->Args({n, n, n});
  b->Args({32, 4, 64})->Args({64, 784, 128})->Args({64, 128, 10})->Args({256, 784, 1024});
  b->Args({256, 1024, 1024})->Args({1024, 4096, 4096});
  for (int64_t batch : {1, 4, 8, 16}) b->Args({batch, 1024, 1024});
  for (int64_t out : {1, 4, 10, 16}) b->Args({256, 1024, out});
  b->Args({512, 8, 512});
}
void double_shapes(benchmark::internal::Benchmark* b) {
  unit(b);
  for (int64_t n : {64, 256, 512, 1024}) b->Args({n, n, n});
  b->Args({64, 784, 128});
}
#define WENGERT_PRODUCT(name)                                  \
  BENCHMARK_TEMPLATE(name, float)->Name(#name)->Apply(shapes); \
  BENCHMARK_TEMPLATE(name, double)->Apply(double_shapes)
WENGERT_PRODUCT(linear_forward);
WENGERT_PRODUCT(linear_dx);
WENGERT_PRODUCT(linear_dw);
WENGERT_PRODUCT(linear_backward);
WENGERT_PRODUCT(eigen_forward);
WENGERT_PRODUCT(eigen_dx);
WENGERT_PRODUCT(eigen_dw);
#undef WENGERT_PRODUCT

}  // namespace
