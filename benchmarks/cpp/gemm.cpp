// Matrix products of a linear layer: y = x w^T and the two gradients, dx = g w and dw = g^T x.
#include "bench.h"

namespace {

using namespace wengert;

struct Layer {
  Tensor x, w, g;
  double flops;  // of one product
  explicit Layer(benchmark::State& s)
      : x(randn({s.range(0), s.range(1)})),
        w(randn({s.range(2), s.range(1)})),
        g(randn({s.range(0), s.range(2)})),
        flops(2.0 * static_cast<double>(s.range(0) * s.range(1) * s.range(2))) {}
};

void linear_forward(benchmark::State& state) {
  const GradMode off(false);
  const Layer l(state);
  const double s = bench::timed(state, [&] { benchmark::DoNotOptimize(linear(l.x, l.w)); });
  bench::report_flops(state, l.flops, s);
}

void linear_dx(benchmark::State& state) {
  const GradMode off(false);
  const Layer l(state);
  const double s = bench::timed(state, [&] { benchmark::DoNotOptimize(matmul(l.g, l.w)); });
  bench::report_flops(state, l.flops, s);
}

void linear_dw(benchmark::State& state) {
  const GradMode off(false);
  const Layer l(state);
  const Tensor gt = transpose(l.g, 0, 1);
  const double s = bench::timed(state, [&] { benchmark::DoNotOptimize(matmul(gt, l.x)); });
  bench::report_flops(state, l.flops, s);
}

// Through the tape, which may run the two products together.
void linear_backward(benchmark::State& state) {
  Layer l(state);
  const Tensor inputs[] = {l.x.set_requires_grad(true), l.w.set_requires_grad(true)};
  const Tensor y = linear(l.x, l.w);
  const double s = bench::timed(state, [&] {
    benchmark::DoNotOptimize(grad({&y, 1}, inputs, {&l.g, 1}, {.retain_graph = true}));
  });
  bench::report_flops(state, 2 * l.flops, s);
}

void shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"batch", "in", "out"})->UseRealTime()->Unit(benchmark::kMicrosecond);
  for (int64_t n : {8, 16, 32, 64, 128, 256, 512, 1024, 2048}) b->Args({n, n, n});
  b->Args({32, 4, 64})->Args({64, 784, 128})->Args({64, 128, 10})->Args({256, 784, 1024});
  b->Args({256, 1024, 1024})->Args({1024, 4096, 4096})->Args({1, 1024, 1024});
}
BENCHMARK(linear_forward)->Apply(shapes);
BENCHMARK(linear_dx)->Apply(shapes);
BENCHMARK(linear_dw)->Apply(shapes);
BENCHMARK(linear_backward)->Apply(shapes);

}  // namespace
