// Training in steady state takes no memory from the system: all of it comes from the caching
// allocator, in the same blocks at every step.
#include "check.h"
#include "count_allocations.h"

using namespace wengert;

namespace {

struct Batch {
  Tensor x, y;
};
Batch batch(int64_t n) {
  Batch b{randn({n, 6}), zeros({n}, Dtype::kInt64)};
  for (int64_t i = 0; i < n; ++i) b.y.data_as<int64_t>()[i] = i % 3;
  return b;
}

// Calls to the system for memory in 50 rounds, after a few.
template <class Work>
long taken_by(const Work& work) {
  for (int i = 0; i < 5; ++i) work();
  const MemoryStats stats = memory_stats();
  const long before = taken;
  for (int i = 0; i < 50; ++i) work();
  const long after = taken;
  const MemoryStats now = memory_stats();
  CHECK(now.current == stats.current && now.cached == stats.cached && now.peak == stats.peak);
  CHECK((before > 0) == kCounts);
  return after - before;
}

template <class Optimizer, class Options>
long taken_by_training(nn::Module& model, const Options& options) {
  Optimizer optimizer(model.parameters(), options);
  const Batch b = batch(64);
  return taken_by([&] {
    optimizer.zero_grad();
    const Tensor loss = cross_entropy(model(b.x), b.y);
    backward(loss);
    optimizer.step();
  });
}

void steps() {
  using optim::Adam, optim::SGD;
  manual_seed(0);
  nn::Sequential net{nn::Linear(6, 16), nn::ReLU(), nn::Linear(16, 3)};
  CHECK(taken_by_training<SGD>(net, SgdOptions{.lr = 0.1}) == 0);
  CHECK(taken_by_training<SGD>(net, SgdOptions{.lr = 0.1, .momentum = 0.9}) == 0);
  CHECK(taken_by_training<Adam>(net, AdamOptions{}) == 0);
  // More parameters than a call holds in itself, a backward with many entries waiting.
  nn::Sequential deep{nn::Linear(6, 16)};
  for (int i = 0; i < 20; ++i) {
    deep.push_back(nn::Tanh());
    deep.push_back(nn::Dropout(0.1));
    deep.push_back(nn::Linear(16, 16));
  }
  deep.push_back(nn::GELU());
  deep.push_back(nn::Linear(16, 3));
  CHECK(taken_by_training<SGD>(deep, SgdOptions{.lr = 0.1, .momentum = 0.9}) == 0);
  CHECK(taken_by_training<Adam>(deep, AdamOptions{}) == 0);
}

void gradients() {
  Tensor w = randn({8, 8});
  w.set_requires_grad(true);
  const Tensor x = randn({4, 8});
  // Broadcasting, strides that an op copies first, a cast, and gradients that meet.
  CHECK(taken_by([&] {
          w.set_grad({});
          const Tensor y = x * select(w, 0, 0) + matmul(x, transpose(w, 0, 1));
          backward(sum(to(softmax(transpose(y, 0, 1), 0), Dtype::kFloat64) * 2.0));
        }) == 0);
  // Added to the gradient that is there.
  CHECK(taken_by([&] { backward(sum(w * w * w)); }) == 0);
}

}  // namespace

int main() {
  return run([] {
    set_num_threads(1);
    steps();
    gradients();
    set_num_threads(default_num_threads());
  });
}
