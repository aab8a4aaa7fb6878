// Recurrent layers train as PyTorch's do after the same seed. The numbers are PyTorch's, in
// float64.
#include <cmath>

#include "check.h"

using namespace wengert;

namespace {

constexpr Dtype kDouble = Dtype::kFloat64;

struct Net final : nn::Module {
  std::shared_ptr<nn::LSTM> a = add_module("a", nn::LSTM(3, 4,
                                                         {.num_layers = 2,
                                                          .batch_first = true,
                                                          .dropout = 0.25,
                                                          .bidirectional = true,
                                                          .proj_size = 2,
                                                          .dtype = kDouble}));
  std::shared_ptr<nn::GRU> b =
      add_module("b", nn::GRU(4, 3, {.batch_first = true, .dtype = kDouble}));
  Tensor forward(const Tensor& x) override { return (*b)((*a)(x)); }
};

const char* const kPrinted =
    "(anonymous namespace)::Net(\n"
    "  (a): LSTM(3, 4, proj_size=2, num_layers=2, batch_first=True, dropout=0.25, "
    "bidirectional=True)\n"
    "  (b): GRU(4, 3, batch_first=True)\n"
    ")";

const double kLosses[] = {-0.062223331884663474, -0.9180824257242374, -1.5293754035081584,
                          -1.9220108017595599};

bool near(double found, double expected) {
  const bool ok = std::abs(found - expected) < 1e-10;
  if (!ok) std::fprintf(stderr, "%.17g instead of %.17g\n", found, expected);
  return ok;
}

// Eager, and captured: bit by bit the same.
void trains_as_pytorch(bool captured) {
  manual_seed(5);
  Net net;
  const std::string printed = net.to_string();
  CHECK(printed.substr(printed.find('\n')) == std::string(kPrinted).substr(27));
  const Tensor x = randn({3, 5, 3}, kDouble);
  optim::SGD optimizer(net.parameters(), {.lr = 0.1});
  const auto step = [&](const Tensor& x) {
    optimizer.zero_grad();
    const Tensor y = net(x);
    const Tensor loss = (y * y).mean() + net(x).sum() * 0.1;
    loss.backward();
    optimizer.step();
    return loss;
  };
  auto replayed = capture(step);
  for (const double expected : kLosses)
    CHECK(near(value(captured ? replayed(x) : step(x)), expected));
  const auto state = net.state_dict();
  CHECK(state.size() == 24 && state.back().first == "b.bias_hh_l0");
  CHECK(state[4].first == "a.weight_hr_l0" && state[9].first == "a.weight_hr_l0_reverse");
  CHECK(near(value(state.back().second.detach().sum()), -2.1750419511727044));
  net.eval();
  const RnnResult r = net.b->run((*net.a)(x));
  CHECK(near(value(r.output.sum()), -25.224070655646535));
  CHECK(near(value(r.h.sum()), -6.400119193867317) && !r.c.defined());
  const RnnResult one = net.a->run(select(x, 0, 0));
  CHECK(one.h.shape() == Dims{4, 2} && one.c.shape() == Dims{4, 4});
  CHECK(near(value(one.h.sum()), -0.10600642269566728));
  CHECK(near(value(one.c.sum()), -0.14835095626172878));
}

// Rows of packed sequences give what padded ones give.
void packs() {
  nn::GRU gru(2, 3, {.dtype = kDouble});
  const Tensor x = randn({2, 2, 2}, kDouble), sizes = tensor<int64_t>({2, 1});
  const RnnResult padded = gru.run(x),
                  packed = gru.run(x.reshape({4, 2}).narrow(0, 0, 3), {}, {}, sizes);
  CHECK(
      near(value((packed.output - padded.output.reshape({4, 3}).narrow(0, 0, 3)).abs().sum()), 0));
  CHECK(near(value((packed.h.select(1, 0) - padded.h.select(1, 0)).abs().sum()), 0));
}

void refuses() {
  CHECK_THROWS(nn::LSTM(0, 3), kValue, "input_size must be greater than zero");
  CHECK_THROWS(nn::LSTM(2, 3, {.proj_size = 3}), kValue, "smaller than hidden_size");
  CHECK_THROWS(nn::GRU(2, 3, {.proj_size = 1}), kValue, "only supported for LSTM");
  nn::GRU gru(2, 3);
  CHECK_THROWS(gru(Tensor::empty({1, 2, 2, 2}, Dtype::kFloat32)), kValue, "2D or 3D");
  CHECK_THROWS(gru(Tensor::empty({2, 2, 5}, Dtype::kFloat32)), kRuntime, "weight_ih");
}

}  // namespace

int main() {
  return run([] {
    trains_as_pytorch(false);
    trains_as_pytorch(true);
    packs();
    refuses();
  });
}
