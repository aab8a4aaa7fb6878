// Operations element by element, softmax, reductions; and what an operation costs before it
// computes anything: one element, recorded and not.
#include "bench.h"

namespace {

using namespace wengert;

// f(x) reads `reads` arrays as large as x and writes one.
template <class F>
void pointwise(benchmark::State& state, int reads, const F& f) {
  const GradMode off(false);
  const Tensor x = rand({state.range(0)});
  const double s = bench::timed(state, [&] { benchmark::DoNotOptimize(f(x)); });
  bench::report_bytes(state, 4.0 * (reads + 1) * static_cast<double>(state.range(0)), s);
}
void elements(benchmark::internal::Benchmark* b) {
  b->ArgName("n")->UseRealTime()->Unit(benchmark::kMicrosecond);
  for (int64_t n : {int64_t{1} << 10, int64_t{1} << 16, int64_t{1} << 20, int64_t{1} << 24})
    b->Arg(n);
}
#define WENGERT_POINTWISE(name, reads, expression)                       \
  void name##_each(benchmark::State& state) {                            \
    pointwise(state, reads, [](const Tensor& x) { return expression; }); \
  }                                                                      \
  BENCHMARK(name##_each)->Name(#name)->Apply(elements)
WENGERT_POINTWISE(add, 2, add(x, x));
WENGERT_POINTWISE(mul_number, 1, mul(x, 1.5));
WENGERT_POINTWISE(relu, 1, relu(x));
WENGERT_POINTWISE(exp, 1, exp(x));
WENGERT_POINTWISE(tanh, 1, tanh(x));
WENGERT_POINTWISE(sigmoid, 1, sigmoid(x));
WENGERT_POINTWISE(gelu, 1, gelu(x));
WENGERT_POINTWISE(sum, 1, sum(x));
#undef WENGERT_POINTWISE

template <class F>
void rows(benchmark::State& state, const F& f) {
  const GradMode off(false);
  const Tensor x = randn({state.range(0), state.range(1)});
  const double s = bench::timed(state, [&] { benchmark::DoNotOptimize(f(x)); });
  bench::report_bytes(state, 8.0 * static_cast<double>(x.numel()), s);
}
void softmax_rows(benchmark::State& state) {
  rows(state, [](const Tensor& x) { return softmax(x, 1); });
}
void log_softmax_rows(benchmark::State& state) {
  rows(state, [](const Tensor& x) { return log_softmax(x, 1); });
}
void row_shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"rows", "columns"})->UseRealTime()->Unit(benchmark::kMicrosecond);
  b->Args({64, 10})->Args({64, 1000})->Args({1024, 1024})->Args({256, 50000});
}
BENCHMARK(softmax_rows)->Name("softmax")->Apply(row_shapes);
BENCHMARK(log_softmax_rows)->Name("log_softmax")->Apply(row_shapes);

void one_op(benchmark::State& state) {
  const bool recorded = state.range(0) != 0;
  const GradMode mode(recorded);
  Tensor x = ones({1});
  x.set_requires_grad(recorded);
  for (auto _ : state) benchmark::DoNotOptimize(mul(x, x));
}
BENCHMARK(one_op)->ArgName("recorded")->Arg(0)->Arg(1);

// n operations on scalars, z = z p + p: the cost of the tape alone.
Tensor chain(const Tensor& p, int64_t n) {
  Tensor z = p;
  for (int64_t i = 0; i < n / 2; ++i) z = add(mul(z, p), p);
  return z;
}
void chain_forward(benchmark::State& state) {
  Tensor p = full({}, 0.5);
  p.set_requires_grad(true);
  for (auto _ : state) benchmark::DoNotOptimize(chain(p, state.range(0)));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
void chain_backward(benchmark::State& state) {
  Tensor p = full({}, 0.5);
  p.set_requires_grad(true);
  for (auto _ : state) {
    state.PauseTiming();
    Tensor z = chain(p, state.range(0));
    state.ResumeTiming();
    backward(z);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(chain_forward)->ArgName("ops")->Arg(1000)->Unit(benchmark::kMicrosecond);
BENCHMARK(chain_backward)->ArgName("ops")->Arg(1000)->Unit(benchmark::kMicrosecond);

}  // namespace
