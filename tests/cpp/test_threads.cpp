// Threads of the user's own: each trains a network, they share the default generator, and tensors
// are freed on another thread than the one that made them. For the thread sanitizer most of all.
#include <algorithm>
#include <cmath>
#include <thread>
#include <vector>

#include "check.h"

using namespace wengert;

namespace {

template <class Optimizer, class Options>
double train(bool captured, int64_t width, const Options& options) {
  nn::Sequential model{nn::Linear(64, width),    nn::Tanh(), nn::Dropout(0.1),
                       nn::Linear(width, width), nn::GELU(), nn::Linear(width, 10)};
  Optimizer optimizer(model.parameters(), options);
  const Tensor x = rand({128, 64});
  Tensor y = zeros({128}, Dtype::kInt64);
  for (int i = 0; i < 128; ++i) y.data_as<int64_t>()[i] = i % 10;
  auto step = [&](const Tensor& images, const Tensor& labels) {
    optimizer.zero_grad();
    const Tensor loss = cross_entropy(model(images), labels);
    backward(loss);
    optimizer.step();
    return loss;
  };
  auto replayed = capture(step);
  double loss = 0;
  for (int i = 0; i < 15; ++i) loss = value(captured ? replayed(x, y) : step(x, y).detach());
  return loss;
}

void networks_side_by_side() {
  std::vector<double> losses(4);
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i)
    threads.emplace_back([&losses, i] {
      losses[2 * i] = train<optim::Adam>(i == 0, 256, AdamOptions{.lr = 1e-3});
      losses[2 * i + 1] = train<optim::SGD>(i == 1, 200, SgdOptions{.lr = 1e-2, .momentum = 0.9});
    });
  Tensor elsewhere = rand({1000, 300});
  std::thread([t = std::move(elsewhere)] { CHECK(value(sum(t)) > 0); }).join();
  for (std::thread& t : threads) t.join();
  for (const double loss : losses) CHECK(std::isfinite(loss) && loss < 3);
}

// Every draw takes its numbers in one piece, so that together they are those of one thread.
void one_generator() {
  constexpr int kDraws = 50, kThreads = 3;
  const auto first_numbers = [](int draws) {
    std::vector<float> out;
    for (int i = 0; i < draws; ++i) out.push_back(rand({2000}).data_as<float>()[0]);
    return out;
  };
  manual_seed(3);
  std::vector<float> wanted = first_numbers(kDraws * kThreads), drawn;
  manual_seed(3);
  std::vector<std::vector<float>> parts(kThreads);
  std::vector<std::thread> threads;
  for (auto& part : parts) threads.emplace_back([&] { part = first_numbers(kDraws); });
  for (std::thread& t : threads) t.join();
  for (const auto& part : parts) drawn.insert(drawn.end(), part.begin(), part.end());
  std::sort(wanted.begin(), wanted.end());
  std::sort(drawn.begin(), drawn.end());
  CHECK(drawn == wanted);
}

// Captures at the same time of functions that share their weights.
void one_model() {
  nn::Sequential model{nn::Linear(32, 64), nn::Tanh(), nn::Linear(64, 8)};
  const Tensor x = rand({16, 32});
  const auto call = [&](const Tensor& in) {
    const GradMode off(false);
    return model(in);
  };
  const Tensor wanted = call(x);
  std::vector<int> equal(3);
  std::vector<std::thread> threads;
  for (int& count : equal)
    threads.emplace_back([&] {
      for (int i = 0; i < 40; ++i) {
        auto captured = capture(call);
        captured(x);
        const Tensor replayed = captured(x);
        count += std::equal(replayed.data_as<float>(), replayed.data_as<float>() + 16 * 8,
                            wanted.data_as<float>());
      }
    });
  for (std::thread& t : threads) t.join();
  CHECK(equal == std::vector<int>(3, 40));
}

}  // namespace

int main() {
  return run([] {
    networks_side_by_side();
    one_model();
    one_generator();
  });
}
