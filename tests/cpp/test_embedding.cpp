// Embedding trains as PyTorch's does after the same seed. The numbers are PyTorch's, in float64.
#include <cmath>

#include "check.h"

using namespace wengert;

namespace {

constexpr Dtype kDouble = Dtype::kFloat64;

bool near(double found, double expected) {
  const bool ok = std::abs(found - expected) < 1e-12;
  if (!ok) std::fprintf(stderr, "%.17g instead of %.17g\n", found, expected);
  return ok;
}

// Eager, and captured: bit by bit the same.
void trains_as_pytorch(bool captured) {
  manual_seed(5);
  nn::Embedding table(6, 3, {.padding_idx = 1, .dtype = kDouble});
  CHECK(table.to_string() == "Embedding(6, 3, padding_idx=1)");
  optim::SGD optimizer(table.parameters(), {.lr = 0.1});
  const auto step = [&](const Tensor& indices) {
    optimizer.zero_grad();
    const Tensor y = table(indices);
    const Tensor loss = (y * y).mean() + y.sin().sum() * 0.1;
    loss.backward();
    optimizer.step();
    return loss;
  };
  auto replayed = capture(step);
  const Tensor indices = tensor<int64_t>({1, 4, 4, 0, 5, 5}).reshape({2, 3});
  for (const double expected : {0.58980231482480405, 0.56224218216325705, 0.535224790629653})
    CHECK(near(value(captured ? replayed(indices) : step(indices)), expected));
  CHECK(near(value(table.weight().detach().sum()), 3.0451042243053217));
  CHECK(value(table.weight().detach().select(0, 1).abs().sum()) == 0);
  CHECK(table(indices).shape() == Dims{2, 3, 3});
  CHECK(table(indices.to(Dtype::kInt32)).shape() == Dims{2, 3, 3});
  CHECK(table.state_dict().front().first == "weight");
}

void bounds_norms() {
  manual_seed(6);
  nn::Embedding table(
      4, 3, {.max_norm = 1.0, .norm_type = 1, .scale_grad_by_freq = true, .dtype = kDouble});
  const Tensor y = table(tensor<int64_t>({2, 2, 0}));
  (y * arange(0, 9, 1, kDouble).reshape({3, 3})).sum().backward();
  CHECK(near(value(table.weight().detach().sum()), -2.5054905134327283));
  const Tensor g = table.weight().grad();
  CHECK(value(g.select(0, 0).sum()) == 21 && value(g.select(0, 2).sum()) == 7.5);
  CHECK(value(g.abs().sum()) == 28.5);
}

void errors() {
  CHECK_THROWS(nn::Embedding(3, 2, {.padding_idx = 3}), kValue, "num_embeddings");
  nn::Embedding table(3, 2);
  CHECK_THROWS(table(tensor<int64_t>({0, 3})), kIndex, "out of bounds");
  CHECK_THROWS(table(tensor<float>({0, 1})), kRuntime, "float32");
}

void tests() {
  trains_as_pytorch(false);
  trains_as_pytorch(true);
  bounds_norms();
  errors();
}

}  // namespace

int main() { return run(tests); }
