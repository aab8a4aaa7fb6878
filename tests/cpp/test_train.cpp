// Training: XOR with every optimizer, one step of an image classifier, a layer of one's own.
#include <cmath>
#include <cstdio>

#include "check.h"

using namespace wengert;

namespace {

struct Net : nn::Module {
  std::shared_ptr<nn::Linear> in = add_module("in", nn::Linear(2, 8));
  std::shared_ptr<nn::Linear> out = add_module("out", nn::Linear(8, 1));
  Tensor forward(const Tensor& x) override { return sigmoid((*out)(tanh((*in)(x)))); }
};

double train(nn::Module& model, optim::Optimizer& optimizer, int steps) {
  const Tensor input = tensor<float>({0, 0, 0, 1, 1, 0, 1, 1}, {4, 2});
  const Tensor target = tensor<float>({0, 1, 1, 0}, {4, 1});
  double last = 0;
  for (int i = 0; i < steps; ++i) {
    optimizer.zero_grad();
    const Tensor loss = mse_loss(model(input), target);
    backward(loss);
    optimizer.step();
    last = value(loss);
  }
  return last;
}

template <class Optimizer, class Options>
void learns_xor(const Options& options, int steps = 1000) {
  Net net;
  Optimizer optimizer(net.parameters(), options);
  CHECK(train(net, optimizer, steps) < 0.01);
}

void xor_with_every_optimizer() {
  manual_seed(0);
  Net a, b, c, d, e;
  CHECK(a.named_parameters()[2].first == "out.weight");
  optim::SGD sgd(a.parameters(), {.lr = 0.5, .momentum = 0.9, .nesterov = true});
  CHECK(train(a, sgd, 1000) < 0.01);
  optim::Adam adam(b.parameters(), {.lr = 0.02});
  CHECK(train(b, adam, 1000) < 0.01);
  optim::AdamW adamw(c.parameters(), {.lr = 0.02, .weight_decay = 1e-4, .amsgrad = true});
  CHECK(train(c, adamw, 1000) < 0.01);
  // With dampening, an own state for the parameters that get their first gradient later.
  optim::SGD damped(d.parameters(), {.lr = 0.5, .momentum = 0.9, .dampening = 0.1});
  CHECK(train(d, damped, 2000) < 0.01);
  optim::RMSprop rmsprop(e.parameters(), {.momentum = 0.5, .centered = true});
  CHECK(train(e, rmsprop, 1000) < 0.01);
  learns_xor<optim::Adagrad>(AdagradOptions{.lr = 0.2, .initial_accumulator_value = 0.1});
  learns_xor<optim::Adadelta>(AdadeltaOptions{});
  learns_xor<optim::Adamax>(AdamaxOptions{.lr = 0.05});
  learns_xor<optim::NAdam>(NadamOptions{.lr = 0.02});
  learns_xor<optim::RAdam>(RadamOptions{.lr = 0.02});
  learns_xor<optim::ASGD>(AsgdOptions{.lr = 1.0, .lambd = 0}, 3000);
  learns_xor<optim::Rprop>(RpropOptions{});
}

void image_classifier_step() {
  manual_seed(0);
  nn::Sequential model{nn::Linear(784, 128), nn::ReLU(), nn::Dropout(0.1), nn::Linear(128, 10)};
  // The first draw of seed 0, u = 0.49626: weight(0, 0) = (2 u - 1) / 28.
  CHECK(std::abs(model.parameters()[0].data_as<float>()[0] - (2 * 0.4962566 - 1) / 28) < 1e-7);
  CHECK(model.size() == 4 && model.parameters().size() == 4);
  const Tensor limit = amax(abs(model.parameters()[0]));
  CHECK(value(limit) <= 1 / 28.0 && value(limit) > 0.99 / 28);
  const Tensor images = rand({64, 784});
  Tensor labels = zeros({64}, Dtype::kInt64);
  for (int i = 0; i < 64; ++i) labels.data_as<int64_t>()[i] = i % 10;

  optim::SGD optimizer(model.parameters(), {.lr = 0.1});
  model.eval();
  const Tensor before = cross_entropy(model(images), labels);
  CHECK(std::abs(value(before) - std::log(10.0)) < 0.2);
  backward(before);
  std::vector<Tensor> grads;
  for (const Tensor& p : model.parameters()) grads.push_back(p.grad());
  const double norm = value(clip_grad_norm(grads, 0.5));
  CHECK(norm > 0 && std::abs(value(total_norm(grads)) - std::min(norm, 0.5)) < 1e-4);
  optimizer.step();
  CHECK(value(cross_entropy(model(images), labels)) < value(before));
  model.train();
  CHECK(model[2].is_training());
}

void step_is_noticed() {
  // The graph of a loss does not survive a change of what it saved.
  Tensor w = ones({3});
  w.set_requires_grad(true);
  const Tensor loss = sum(w * w);
  backward(loss);
  optim::SGD optimizer({w}, {.lr = 0.1});
  const Tensor stale = sum(w * w);
  optimizer.step();
  CHECK_THROWS(backward(stale), kRuntime, "modified");
  CHECK(std::abs(value(sum(w)) - 2.4) < 1e-6);
}

// Running statistics move in training, are what is used in evaluation, and are saved.
void norms() {
  manual_seed(3);
  const auto make = [] {
    return nn::Sequential{nn::Linear(6, 4), nn::BatchNorm1d(4), nn::LayerNorm(4), nn::Linear(4, 2)};
  };
  nn::Sequential model = make();
  optim::SGD optimizer(model.parameters(), {.lr = 0.1});
  const Tensor x = randn({32, 6}), y = (x.select(1, 0) > 0).to(Dtype::kInt64);
  const Tensor mean = model.named_buffers()[0].second;
  CHECK(model.named_buffers()[0].first == "1.running_mean" && mean.sum().item<float>() == 0);
  CHECK(model.state_dict().size() == model.parameters().size() + 3);
  double first = 0, last = 0;
  for (int i = 0; i < 60; ++i) {
    optimizer.zero_grad();
    const Tensor loss = cross_entropy(model(x), y);
    loss.backward();
    optimizer.step();
    (i == 0 ? first : last) = value(loss);
  }
  CHECK(last < 0.7 * first);
  CHECK(mean.abs().sum().item<float>() > 0);
  CHECK(model.named_buffers()[2].second.item<int64_t>() == 60);
  model.eval();
  const std::string path = "norms.safetensors";
  nn::save(model, path);
  nn::Sequential other = make();
  nn::load(other, path);
  std::remove(path.c_str());
  other.eval();
  CHECK(value(sum(abs(model(x) - other(x)))) == 0);
  CHECK(model[1].to_string() ==
        "BatchNorm1d(4, eps=1e-05, momentum=0.1, affine=True, bias=True, "
        "track_running_stats=True)");
  CHECK(model[2].to_string() == "LayerNorm((4,), eps=1e-05, elementwise_affine=True, bias=True)");
  CHECK_THROWS(nn::BatchNorm2d(4)(x), kValue, "expected 4D input");
}

}  // namespace

int main() {
  return run([] {
    xor_with_every_optimizer();
    image_classifier_step();
    step_is_noticed();
    norms();
  });
}
