// A whole training step of dense networks, and the optimizer's part of it.
#include "bench.h"

namespace {

using namespace wengert;

// in - width - width - classes, cross-entropy.
template <class Activation = nn::ReLU>
struct Workload {
  nn::Sequential model;
  Tensor x, y;
  Workload(int64_t batch, int64_t in, int64_t width, int64_t classes)
      : model{nn::Linear(in, width), Activation(), nn::Linear(width, width), Activation(),
              nn::Linear(width, classes)},
        x(randn({batch, in})),
        y(zeros({batch}, Dtype::kInt64)) {
    for (int64_t i = 0; i < batch; ++i) y.data_as<int64_t>()[i] = i % classes;
  }
  explicit Workload(const benchmark::State& s)
      : Workload(s.range(0), s.range(1), s.range(2), s.range(3)) {}
};

void mlp_step(benchmark::State& state) {
  manual_seed(0);
  Workload<> w(state);
  optim::Adam optimizer(w.model.parameters(), {.lr = 1e-3});
  for (auto _ : state) {
    optimizer.zero_grad();
    backward(cross_entropy(w.model(w.x), w.y));
    optimizer.step();
  }
}

// The network of by_hand_step.
void captured_step(benchmark::State& state) {
  manual_seed(0);
  Workload<nn::Tanh> w(state);
  optim::Adam optimizer(w.model.parameters(), {.lr = 1e-3});
  auto step = capture([&] {
    optimizer.zero_grad();
    const Tensor loss = cross_entropy(w.model(w.x), w.y);
    backward(loss);
    optimizer.step();
    return loss;
  });
  for (auto _ : state) benchmark::DoNotOptimize(step());
}

// `arrays` as large as the parameters are read or written.
template <class Optimizer>
void optimizer_step(benchmark::State& state, int arrays, Optimizer& optimizer, Workload<>& w) {
  backward(cross_entropy(w.model(w.x), w.y));
  const double s = bench::timed(state, [&] { optimizer.step(); });
  int64_t elements = 0, bytes = 0;
  for (const Tensor& p : w.model.parameters()) {
    elements += p.numel();
    bytes += p.bytes();
  }
  state.SetItemsProcessed(state.iterations() * elements);
  bench::report_bytes(state, static_cast<double>(arrays * bytes), s);
}
// Reads p, g and the momentum; writes p and the momentum.
void sgd_momentum(benchmark::State& state) {
  Workload<> w(state);
  optim::SGD optimizer(w.model.parameters(), {.lr = 1e-6, .momentum = 0.9});
  optimizer_step(state, 5, optimizer, w);
}
// Reads p, g and two moments; writes p and the moments.
void adam(benchmark::State& state) {
  Workload<> w(state);
  optim::Adam optimizer(w.model.parameters(), {.lr = 1e-6});
  optimizer_step(state, 7, optimizer, w);
}

void sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"batch", "in", "width", "classes"})->UseRealTime()->Unit(benchmark::kMicrosecond);
  b->Args({32, 4, 64, 2})->Args({64, 784, 128, 10})->Args({256, 784, 1024, 10});
}
BENCHMARK(mlp_step)->Apply(sizes);
BENCHMARK(captured_step)->Apply(sizes);
// The last is far beyond the caches.
void optimizer_sizes(benchmark::internal::Benchmark* b) {
  sizes(b);
  b->Args({1, 1024, 3072, 10});
}
BENCHMARK(sgd_momentum)->Apply(optimizer_sizes);
BENCHMARK(adam)->Apply(optimizer_sizes);

}  // namespace
