// Operations element by element, reductions, softmax, the class loss, copies; and what an operation
// costs before it computes anything: one element, recorded and not.
#include "bench.h"

namespace {

using namespace wengert;

// f(x); `operands` are the bytes that x takes in memory, and what else f reads.
template <class F>
void moving(benchmark::State& state, const Tensor& x, int64_t operands, const F& f) {
  const GradMode off(false);
  const int64_t results = f(x).bytes();
  const double s = bench::timed(state, [&] { benchmark::DoNotOptimize(f(x)); });
  bench::report_bytes(state, static_cast<double>(operands + results), s);
}
template <class F>
void pointwise(benchmark::State& state, const F& f) {
  const Tensor x = rand({state.range(0)});
  moving(state, x, x.bytes(), f);
}
void elements(benchmark::internal::Benchmark* b) {
  b->ArgName("n")->UseRealTime()->Unit(benchmark::kMicrosecond);
  for (int64_t n : {int64_t{1} << 10, int64_t{1} << 16, int64_t{1} << 20, int64_t{1} << 24})
    b->Arg(n);
}
#define WENGERT_POINTWISE(name, expression)                       \
  void name##_each(benchmark::State& state) {                     \
    pointwise(state, [](const Tensor& x) { return expression; }); \
  }                                                               \
  BENCHMARK(name##_each)->Name(#name)->Apply(elements)
WENGERT_POINTWISE(mul_number, mul(x, 1.5));
WENGERT_POINTWISE(relu, relu(x));
WENGERT_POINTWISE(exp, exp(x));
WENGERT_POINTWISE(tanh, tanh(x));
WENGERT_POINTWISE(sigmoid, sigmoid(x));
WENGERT_POINTWISE(gelu, gelu(x));
WENGERT_POINTWISE(dropout, dropout(x, 0.5));
WENGERT_POINTWISE(sum, sum(x));
#undef WENGERT_POINTWISE

void add_each(benchmark::State& state) {
  const Tensor x = rand({state.range(0)}), y = rand({state.range(0)});
  moving(state, x, x.bytes() + y.bytes(), [&](const Tensor& a) { return add(a, y); });
}
BENCHMARK(add_each)->Name("add")->Apply(elements);

template <class F>
void matrix(benchmark::State& state, const F& f) {
  const Tensor x = randn({state.range(0), state.range(1)});
  moving(state, x, x.bytes(), f);
}
void row_shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"rows", "columns"})->UseRealTime()->Unit(benchmark::kMicrosecond);
  b->Args({64, 10})->Args({64, 1000})->Args({1024, 1024})->Args({256, 50000});
  b->Args({4096, 4096})->Args({1 << 20, 16});
}
#define WENGERT_ROWS(name, expression)                         \
  void name##_rows(benchmark::State& state) {                  \
    matrix(state, [](const Tensor& x) { return expression; }); \
  }                                                            \
  BENCHMARK(name##_rows)->Name(#name)->Apply(row_shapes)
WENGERT_ROWS(sum_dim0, sum(x, Dims{0}));
WENGERT_ROWS(sum_dim1, sum(x, Dims{1}));
WENGERT_ROWS(softmax, softmax(x, 1));
WENGERT_ROWS(log_softmax, log_softmax(x, 1));
#undef WENGERT_ROWS

void cross_entropy_rows(benchmark::State& state) {
  const int64_t rows = state.range(0), columns = state.range(1);
  const Tensor x = randn({rows, columns}), target = zeros({rows}, Dtype::kInt64);
  for (int64_t i = 0; i < rows; ++i) target.data_as<int64_t>()[i] = i % columns;
  moving(state, x, x.bytes() + target.bytes(),
         [&](const Tensor& logits) { return cross_entropy(logits, target); });
}
BENCHMARK(cross_entropy_rows)->Name("cross_entropy")->Apply(row_shapes);

void copy_transposed(benchmark::State& state) {
  const Tensor x = randn({state.range(0), state.range(1)});
  moving(state, t(x), x.bytes(), contiguous);
}
// The left half of a matrix: whole lines with gaps between the rows.
void copy_columns(benchmark::State& state) {
  const Tensor x = narrow(randn({state.range(0), state.range(1)}), 1, 0, state.range(1) / 2);
  moving(state, x, x.bytes(), contiguous);
}
// Every second column: memory gives whole lines, so all of the matrix is read.
void copy_step(benchmark::State& state) {
  const Tensor x = randn({state.range(0), state.range(1)});
  moving(state, slice(x, 1, 0, state.range(1), 2), x.bytes(), contiguous);
}
void copy_shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"rows", "columns"})->UseRealTime()->Unit(benchmark::kMicrosecond);
  b->Args({64, 64})->Args({1024, 1024})->Args({4096, 8192})->Args({1 << 20, 32});
}
BENCHMARK(copy_transposed)->Apply(copy_shapes);
BENCHMARK(copy_columns)->Apply(copy_shapes);
BENCHMARK(copy_step)->Apply(copy_shapes);

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
