// Gradients against central differences, through layers, losses and second derivatives.
#include <cmath>
#include <functional>

#include "check.h"

using namespace wengert;

namespace {

// d f / d x by central differences, for every element of x in turn.
bool agrees(const std::function<Tensor()>& f, const Tensor& x, const Tensor& gradient) {
  constexpr double kStep = 1e-6;
  GradMode off(false);
  bool ok = gradient.defined() && gradient.shape() == x.shape();
  for (int64_t i = 0; ok && i < x.numel(); ++i) {
    double& at = x.data_as<double>()[i];
    const double before = at;
    at = before + kStep;
    const double above = value(f());
    at = before - kStep;
    const double below = value(f());
    at = before;
    const double expected = (above - below) / (2 * kStep);
    const double found = gradient.data_as<double>()[i];
    ok = std::abs(found - expected) <= 1e-6 * (1 + std::abs(expected));
    if (!ok) std::fprintf(stderr, "element %d: %g, expected %g\n", int(i), found, expected);
  }
  return ok;
}

nn::Sequential network() {
  const Dtype d = Dtype::kFloat64;
  return nn::Sequential{nn::Linear(5, 6, true, d),
                        nn::Tanh(),
                        nn::Linear(6, 6, true, d),
                        nn::GELU(),
                        nn::Linear(6, 6, false, d),
                        nn::SiLU(),
                        nn::Linear(6, 6, true, d),
                        nn::Sigmoid(),
                        nn::Linear(6, 6, true, d),
                        nn::LeakyReLU(0.2),
                        nn::ELU(),
                        nn::Softplus(),
                        nn::ReLU(),
                        nn::Flatten(),
                        nn::Linear(6, 4, true, d)};
}

void layers() {
  manual_seed(3);
  nn::Sequential model = network();
  const Tensor x = randn({7, 5}, Dtype::kFloat64);
  const Tensor labels = tensor<int64_t>({0, 1, 2, 3, 2, 1, 0}, {7});
  const auto loss = [&] { return cross_entropy(model(x), labels); };
  backward(loss());
  CHECK(model.parameters().size() == 11);
  CHECK(model.named_parameters()[1].first == "0.bias");
  for (const auto& [name, p] : model.named_parameters()) CHECK(agrees(loss, p, p.grad()));
  // A second backward adds to the gradients.
  const Tensor first = clone(model.parameters()[0].grad());
  backward(loss());
  CHECK(value(amax(abs(model.parameters()[0].grad() - first * 2.0))) < 1e-12);
  model.zero_grad();
  CHECK(!model.parameters()[0].grad().defined());
}

void second_order() {
  Tensor x = tensor<double>({0.3, -0.7, 1.1}, {3});
  x.set_requires_grad(true);
  const auto penalty = [&] {
    const GradMode on(true);
    const Tensor y = sum(sin(x) * exp(x) + mul(x, mul(x, x)));
    const Tensor g = grad({&y, 1}, {&x, 1}, {}, {.retain_graph = true, .create_graph = true})[0];
    return sum(g * g);
  };
  backward(penalty());
  CHECK(agrees(penalty, x, x.grad()));
}

// Saves a halved copy, and doubles it.
struct Halved final : Packed {
  explicit Halved(const Tensor& t) : half(mul(t, 0.5)) {}
  Tensor unpack() override { return mul(half, 2.0); }
  Tensor half;
};
struct Halving final : SavedHooks {
  Ref<Packed> pack(const Tensor& t) override {
    ++packed;
    return new Halved(t);
  }
  int packed = 0;
};

void saved_hooks_of_ones_own() {
  manual_seed(3);
  nn::Sequential model = network();
  const Tensor x = randn({7, 5}, Dtype::kFloat64);
  backward(sum(model(x)));
  const Tensor plain = model.parameters()[0].grad();
  model.zero_grad();
  const Ref<Halving> hooks = new Halving;
  {
    const SavedTensorHooks scope(hooks.get());
    const Tensor loss = sum(model(x));
    CHECK(hooks->packed > 15);
    backward(loss);
  }
  CHECK(value(amax(abs(model.parameters()[0].grad() - plain))) == 0);
  const int before = hooks->packed;
  backward(sum(model(x)));
  CHECK(hooks->packed == before);
}

}  // namespace

int main() {
  return run([] {
    layers();
    second_order();
    saved_hooks_of_ones_own();
  });
}
