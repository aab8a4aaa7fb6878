// A convolutional network learns handwritten digits, 8x8, and is left in a file that Python loads.
//
//   build/digits_cnn python/wengert/datasets/digits.npz
#include <wengert/wengert.h>

#include <cstdint>
#include <fstream>
#include <iostream>
#include <iterator>

namespace wg = wengert;
namespace nn = wengert::nn;
namespace optim = wengert::optim;

// The bytes of an array in a file of NumPy's that is not compressed: an archive of members, each
// with a header of 30 bytes that has its size at 18 and the lengths of its name and extras at 26
// and 28, in which an array has a header of its own, whose length it has at 8.
wg::Tensor read_npz(const std::string& file, const std::string& name, const wg::Dims& shape) {
  const auto number = [&](size_t at, int bytes) {
    size_t n = 0;
    for (int i = 0; i < bytes; ++i) n |= size_t{static_cast<uint8_t>(file.at(at + i))} << 8 * i;
    return n;
  };
  for (size_t at = 0; file.compare(at, 4, "PK\3\4") == 0;) {
    const size_t names = number(at + 26, 2), data = at + 30 + names + number(at + 28, 2);
    if (file.substr(at + 30, names) == name + ".npy") {
      const size_t first = data + 10 + number(data + 8, 2), count = wg::numel(shape);
      const std::string bytes = file.substr(first, count);
      return wg::tensor(std::vector<uint8_t>(bytes.begin(), bytes.end()), shape);
    }
    at = data + number(at + 18, 4);
  }
  throw std::runtime_error("no array " + name);
}

nn::Sequential network() {
  return nn::Sequential{nn::Conv2d(1, 16, 3, {.padding = 1}),
                        nn::BatchNorm2d(16),
                        nn::ReLU(),
                        nn::MaxPool2d(2),
                        nn::Conv2d(16, 32, 3, {.padding = 1}),
                        nn::BatchNorm2d(32),
                        nn::ReLU(),
                        nn::MaxPool2d(2),
                        nn::Flatten(),
                        nn::Dropout(0.25),
                        nn::Linear(128, 10)};
}

int main(int argc, char** argv) {
  if (argc != 2) return std::cerr << "usage: digits_cnn .../digits.npz\n", 2;
  std::ifstream in(argv[1], std::ios::binary);
  const std::string file{std::istreambuf_iterator<char>(in), {}};
  const wg::Tensor pixels = read_npz(file, "images", {1797, 1, 8, 8}),
                   digits = read_npz(file, "labels", {1797}).to(wg::Dtype::kInt64),
                   part = read_npz(file, "split", {1797});
  const wg::Tensor images = pixels.to(wg::Dtype::kFloat32) / 16;
  const wg::Tensor train = part == 0, test = part == 2;
  const wg::Tensor x = images[train], y = digits[train];

  wg::manual_seed(0);
  nn::Sequential model = network();
  std::cout << model << '\n';
  optim::AdamW optimizer(model.parameters(), {.lr = 4e-3, .weight_decay = 1e-2});
  optim::CosineAnnealingLR schedule(optimizer, 20);
  auto step = wg::capture([&](const wg::Tensor& x, const wg::Tensor& y) {
    optimizer.zero_grad();
    const wg::Tensor loss = wg::cross_entropy(model(x), y);
    loss.backward();
    optimizer.step();
    return loss;
  });
  for (int epoch = 1; epoch <= 20; ++epoch) {
    const wg::Tensor losses = step.run({x, y}, {.batch_size = 64, .shuffle = true});
    schedule.step();
    if (epoch % 5 == 0)
      std::cout << "epoch " << epoch << "  loss " << losses.mean().item<double>() << '\n';
  }

  model.eval();
  const wg::NoGradGuard off;
  const wg::Tensor outputs = model(images[test]);
  const double right =
      (outputs.argmax(1) == digits[test]).to(wg::Dtype::kFloat32).mean().item<double>();
  std::cout << "test accuracy " << 100 * right << " %\n";
  nn::save(model, "digits_cnn.safetensors");
  wg::save_safetensors({{"outputs", outputs}}, "digits_cnn_outputs.safetensors");
  return right > 0.97 ? 0 : 1;
}
