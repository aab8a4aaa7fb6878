// Learns the exclusive or of two bits.
#include <wengert/wengert.h>

#include <cstdio>

namespace wg = wengert;
namespace nn = wengert::nn;

int main() {
  wg::manual_seed(0);
  nn::Sequential model{nn::Linear(2, 8), nn::Tanh(), nn::Linear(8, 1)};
  wg::optim::Adam optimizer(model.parameters(), {.lr = 0.05});

  const wg::Tensor x = wg::tensor<float>({0, 0, 0, 1, 1, 0, 1, 1}, {4, 2});
  const wg::Tensor y = wg::tensor<float>({0, 1, 1, 0}, {4, 1});
  auto step = wg::capture([&] {  // recorded once, then replayed
    optimizer.zero_grad();
    wg::Tensor loss = wg::binary_cross_entropy_with_logits(model(x), y);
    wg::backward(loss);
    optimizer.step();
    return loss;
  });
  double last = 1;
  for (int i = 0; i < 300; ++i) {
    last = step().item().real();
    if (i % 100 == 0) std::printf("step %3d  loss %.4f\n", i, last);
  }
  std::printf("%s\n", wg::to_string(wg::sigmoid(model(x)).detach()).c_str());
  return last < 0.01 ? 0 : 1;
}
