// Tells two spirals apart: batches, a schedule, a captured step, a file.
#include <wengert/wengert.h>

#include <iostream>

namespace wg = wengert;
namespace nn = wengert::nn;
namespace optim = wengert::optim;

struct Net : nn::Module {
  std::shared_ptr<nn::Sequential> body =
      add_module("body", nn::Sequential{nn::Linear(2, 64), nn::ReLU(), nn::Linear(64, 64),
                                        nn::ReLU(), nn::Linear(64, 2)});
  wg::Tensor forward(const wg::Tensor& x) override { return (*body)(x); }
};

int main() {
  wg::manual_seed(0);
  const wg::Tensor t = wg::linspace(0, 1, 500);
  const wg::Tensor angle = t * 9 + 0.2 * wg::randn({500});
  const wg::Tensor arm = wg::stack({t * angle.cos(), t * angle.sin()}, 1);
  const wg::Tensor x = wg::cat({arm, -arm});
  const wg::Tensor y = wg::cat({wg::zeros({500}), wg::ones({500})}).to(wg::Dtype::kInt64);

  Net model;
  for (const auto& [name, p] : model.named_parameters())
    if (p.ndim() == 2) nn::init::kaiming_normal_(p);
  std::cout << model << '\n';

  optim::AdamW optimizer(model.parameters(), {.lr = 5e-3});
  optim::CosineAnnealingLR schedule(optimizer, 40);
  auto step = wg::capture([&](const wg::Tensor& x, const wg::Tensor& y) {
    optimizer.zero_grad();
    wg::Tensor loss = wg::cross_entropy(model(x), y);
    loss.backward();
    optimizer.step();
    return loss;
  });
  for (int epoch = 0; epoch < 40; ++epoch) {
    double total = 0;
    const auto batches = wg::data::loader({x, y}, {.batch_size = 50, .shuffle = true});
    for (const auto& [inputs, labels] : batches) total += step(inputs, labels).item<double>();
    schedule.step();
    if (epoch % 10 == 0)
      std::cout << "epoch " << epoch << "  loss " << total / double(batches.size()) << '\n';
  }

  nn::save(model, "spirals.safetensors");
  Net again;
  nn::load(again, "spirals.safetensors");
  const wg::NoGradGuard off;
  const wg::Tensor right = again(x).argmax(1) == y;
  const double share = right.to(wg::Dtype::kFloat32).mean().item<double>();
  std::cout << "right: " << 100 * share << " %\nfirst: " << again(x)[{wg::Slice(0, 2)}] << '\n';
  return share > 0.95 ? 0 : 1;
}
