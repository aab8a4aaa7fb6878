// What stands in C++ beside its Python namesake: initial values, schedules, batches, printed
// modules, files. The numbers are Python's.
#include <cmath>
#include <cstdio>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>

#include "check.h"

using namespace wengert;

namespace {

// ---- initial values of a (5, 4) weight after manual_seed(3)

void initial(const char* name, const std::function<Tensor(const Tensor&)>& fill, double total,
             double last) {
  manual_seed(3);
  Tensor w = Tensor::empty({5, 4}, Dtype::kFloat32);
  w.set_requires_grad(true);
  const Tensor got = fill(w);
  const double found = value(w.detach().to(Dtype::kFloat64).sum());
  const double at_end = w.detach()[{4, 3}].item<double>();
  const bool ok = std::abs(found - total) < 1e-9 && at_end == last;
  if (!ok) std::fprintf(stderr, "%s: %.17g %.17g\n", name, found, at_end);
  CHECK(ok && got.is_same(w) && w.is_leaf());
}

void initial_values() {
  using namespace nn::init;
  initial(
      "uniform_", [](auto& w) { return uniform_(w, -1, 2); }, 7.343742191791534,
      1.6245687007904053);
  initial("normal_", [](auto& w) { return normal_(w, 1, 2); }, 37.79611700773239, 3.70550799369812);
  initial(
      "trunc_normal_", [](auto& w) { return trunc_normal_(w); }, 6.340224627405405,
      1.35275399684906);
  initial(
      "trunc_normal_ far out", [](auto& w) { return trunc_normal_(w, 0, 1, 2, 3); },
      46.613786458969116, 2.4337894916534424);
  initial(
      "xavier_uniform_", [](auto& w) { return xavier_uniform_(w); }, -1.4458835572004318,
      0.6121376752853394);
  initial(
      "xavier_normal_", [](auto& w) { return xavier_normal_(w, 2); }, 8.389169938862324,
      1.2753887176513672);
  initial(
      "kaiming_uniform_", [](auto& w) { return kaiming_uniform_(w); }, -2.1688255965709686,
      0.918206512928009);
  initial(
      "kaiming_normal_", [](auto& w) { return kaiming_normal_(w); }, 6.291877316311002,
      0.9565414786338806);
  initial("constant_", [](auto& w) { return constant_(w, 2.5); }, 50, 2.5);
  initial("eye_", [](auto& w) { return eye_(w); }, 4, 0);
  initial("ones_", [](auto& w) { return ones_(zeros_(w)); }, 20, 1);
  CHECK_THROWS(xavier_uniform_(ones({3})), kRuntime, "fewer than 2 dimensions");
  CHECK_THROWS(kaiming_normal_(ones({3})), kRuntime, "fewer than 2 dimensions");
  CHECK_THROWS(eye_(ones({3})), kRuntime, "2 dimensions");
  CHECK_THROWS(trunc_normal_(ones({3}), 0, 1, 1, 1), kValue, "within [1, 1]");
  CHECK_THROWS(trunc_normal_(ones({3}), 0, -1), kValue, "std -1");
  CHECK_THROWS(xavier_normal_(Tensor()), kType, "xavier_normal_: argument");
}

// ---- the rates of eleven steps from 0.5

template <class Make>
void schedule(const char* name, const Make& make, std::initializer_list<double> expected) {
  optim::SGD optimizer({ones({1}).set_requires_grad(true)}, {.lr = 0.5, .momentum = 0.9});
  const auto stepped = make(optimizer);
  for (const double rate : expected) {
    if (std::abs(optimizer.options().lr - rate) > 1e-15)
      std::fprintf(stderr, "%s: %.17g, not %.17g\n", name, optimizer.options().lr, rate);
    CHECK(std::abs(optimizer.options().lr - rate) <= 1e-15);
    CHECK(stepped->last_lr() == optimizer.options().lr);
    optimizer.step();
    stepped->step();
  }
}
template <class S, class... A>
auto made(A... arguments) {
  return [=](optim::Optimizer& o) { return std::make_unique<S>(o, arguments...); };
}

void schedules() {
  using namespace optim;
  using Factor = std::function<double(int64_t)>;
  schedule("LambdaLR", made<LambdaLR>(Factor([](int64_t t) { return 1.0 / double(t + 1); })),
           {0.5, 0.25, 0.16666666666666666, 0.125, 0.1});
  schedule("MultiplicativeLR", made<MultiplicativeLR>(Factor([](int64_t) { return 0.9; })),
           {0.5, 0.45, 0.405, 0.36450000000000005, 0.32805000000000006});
  schedule("StepLR", made<StepLR>(3, 0.5),
           {0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125, 0.125, 0.125, 0.0625, 0.0625});
  schedule("MultiStepLR", made<MultiStepLR>(std::vector<int64_t>{2, 7, 2}, 0.5),
           {0.5, 0.5, 0.125, 0.125, 0.125, 0.125, 0.125, 0.0625, 0.0625, 0.0625, 0.0625});
  schedule("ConstantLR", made<ConstantLR>(0.25, 4), {0.125, 0.125, 0.125, 0.125, 0.5, 0.5, 0.5});
  schedule("LinearLR", made<LinearLR>(0.25, 0.75, 6),
           {0.125, 0.16666666666666666, 0.20833333333333331, 0.24999999999999997,
            0.29166666666666663, 0.33333333333333326, 0.3749999999999999, 0.3749999999999999});
  schedule("ExponentialLR", made<ExponentialLR>(0.9), {0.5, 0.45, 0.405, 0.36450000000000005});
  schedule("PolynomialLR", made<PolynomialLR>(8, 2.0),
           {0.5, 0.3828125, 0.28125, 0.19531250000000003, 0.12500000000000006, 0.07031250000000003,
            0.031250000000000014, 0.007812500000000003, 0.0, 0.0, 0.0});
  schedule("CosineAnnealingLR", made<CosineAnnealingLR>(4, 0.01),
           {0.5, 0.4282411613907041, 0.255, 0.08175883860929586, 0.01, 0.08175883860929584, 0.255,
            0.42824116139070423, 0.5000000000000001, 0.4282411613907043, 0.2550000000000001});
  schedule("CosineAnnealingWarmRestarts", made<CosineAnnealingWarmRestarts>(3, 2, 0.01),
           {0.5, 0.3775, 0.13250000000000006, 0.5, 0.4671762239271875, 0.3775, 0.255,
            0.13250000000000006, 0.04282377607281252, 0.5, 0.4916518274408217});
  schedule("OneCycleLR", made<OneCycleLR>(OneCycleOptions{.max_lr = 1, .total_steps = 12}),
           {0.040000000000000036, 0.3497896542195831, 0.8792851591221287, 0.9944154354509117,
            0.9330129698414117, 0.811745653949763, 0.6473789976951033, 0.46263710266697505,
            0.28306099820869923, 0.1334775301888306, 0.03456698742539522});
  schedule("OneCycleLR in three lines",
           made<OneCycleLR>(OneCycleOptions{
               .max_lr = 1, .total_steps = 12, .linear = true, .three_phase = true}),
           {0.04, 0.4092307692307693, 0.7784615384615386, 0.8523076923076922, 0.48307692307692296,
            0.1138461538461536, 0.03448331034482758, 0.027587448275862066, 0.020691586206896546});
  using Mode = CyclicOptions::Mode;
  schedule("CyclicLR",
           made<CyclicLR>(CyclicOptions{.base_lr = 0.1, .max_lr = 1, .step_size_up = 3}),
           {0.1, 0.40000000000000013, 0.6999999999999998, 1.0, 0.7000000000000003,
            0.3999999999999998, 0.1, 0.4000000000000006, 0.6999999999999995, 1.0});
  schedule("CyclicLR of halves",
           made<CyclicLR>(CyclicOptions{.base_lr = 0.1,
                                        .max_lr = 1,
                                        .step_size_up = 2,
                                        .step_size_down = 3,
                                        .mode = Mode::kTriangular2}),
           {0.1, 0.5499999999999999, 0.9999999999999998, 0.6999999999999998, 0.3999999999999999,
            0.1, 0.3250000000000002, 0.5499999999999999, 0.3999999999999999, 0.2500000000000001});
  schedule(
      "CyclicLR of powers",
      made<CyclicLR>(CyclicOptions{
          .base_lr = 0.1, .max_lr = 1, .step_size_up = 2, .mode = Mode::kExpRange, .gamma = 0.9}),
      {0.1, 0.505, 0.8290000000000001, 0.42805000000000004, 0.1, 0.3657205, 0.5782969000000001,
       0.3152336050000001, 0.1, 0.27433922005000005});
  {
    SGD sgd({ones({1}).set_requires_grad(true)}, {.lr = 0.5});
    LinearLR warm(sgd, 0.1, 1, 4);
    CosineAnnealingLR then(sgd, 6);
    SequentialLR both(sgd, {&warm, &then}, {4});
    for (const double rate : {0.05, 0.1625, 0.275, 0.38750000000000007, 0.5, 0.4665063509461097,
                              0.375, 0.25, 0.12500000000000006, 0.03349364905389032, 0.0}) {
      CHECK(std::abs(sgd.lr() - rate) <= 1e-15 && both.last_lr() == sgd.lr());
      both.step();
    }
    CHECK_THROWS(SequentialLR(sgd, {&warm}, {4}), kValue, "one schedule more");
  }
  {
    Adam adam({ones({1}).set_requires_grad(true)}, {.lr = 1});
    ReduceLROnPlateau plateau(adam, {.factor = 0.5, .patience = 1, .cooldown = 1});
    for (const double rate : {1.0, 1.0, 0.5, 0.5, 0.5, 0.25}) {
      plateau.step(1);
      CHECK(plateau.last_lr() == rate && adam.options().lr == rate);
    }
    OneCycleLR cycle(adam, {.max_lr = 1, .total_steps = 4});
    CHECK(adam.options().beta1 == 0.95);
    for (int i = 0; i < 4; ++i) cycle.step();
    CHECK_THROWS(cycle.step(), kValue, "of 4 steps");
    CyclicLR cyclic(adam, {.base_lr = 0.1, .max_lr = 1, .step_size_up = 2});
    CHECK(adam.options().beta1 == 0.9 && adam.lr() == 0.1);
    Rprop rprop({ones({1}).set_requires_grad(true)});
    CHECK_THROWS(CyclicLR(rprop, {}), kValue, "no momentum");
  }
  SGD sgd({ones({1}).set_requires_grad(true)}, {.lr = 0.5});
  CHECK_THROWS(StepLR(sgd, 0), kValue, "step_size must be 1 or more");
  CHECK_THROWS(LinearLR(sgd, 0), kValue, "start_factor must be above 0");
  CHECK_THROWS(CosineAnnealingLR(sgd, 0), kValue, "period");
  CHECK_THROWS(OneCycleLR(sgd, {.max_lr = 1}), kValue, "total_steps");
  CHECK_THROWS(ReduceLROnPlateau(sgd, {.factor = 1}), kValue, "factor");
  CHECK(sgd.lr() == 0.5);
}

// A captured step sees what a schedule does.
void schedules_of_replays() {
  const Tensor w = ones({1}).set_requires_grad(true);
  optim::SGD sgd({w}, {.lr = 1});
  optim::ExponentialLR schedule(sgd, 0.5);
  auto step = capture([&] {
    sgd.zero_grad();
    backward(sum(w));
    sgd.step();
  });
  for (int i = 0; i < 3; ++i) {
    step();
    schedule.step();
  }
  CHECK(w.item<double>() == 1 - 1 - 0.5 - 0.25);
}

// ---- batches of the rows 0 to 9

std::vector<std::vector<int64_t>> batches_of(const data::LoaderOptions& how) {
  const Tensor x = arange(0, 10, 1, Dtype::kFloat32).reshape({10, 1}), y = x.reshape({10}) * 2;
  std::vector<std::vector<int64_t>> seen;
  const auto loader = data::loader({x, y}, how);
  for (int epoch = 0; epoch < 2; ++epoch) {
    int64_t count = 0;
    for (const auto& [rows, twice] : loader) {
      seen.push_back(to_vector<int64_t>(rows));
      CHECK((rows.reshape({-1}) * 2 == twice).all().item<bool>());
      CHECK(rows->storage != x->storage);
      ++count;
    }
    CHECK(count == loader.size());
  }
  return seen;
}

void batches() {
  using Rows = std::vector<std::vector<int64_t>>;
  CHECK(batches_of({.batch_size = 4}) ==
        Rows{{0, 1, 2, 3}, {4, 5, 6, 7}, {8, 9}, {0, 1, 2, 3}, {4, 5, 6, 7}, {8, 9}});
  manual_seed(5);
  CHECK(batches_of({.batch_size = 4, .shuffle = true}) ==
        Rows{{8, 3, 0, 5}, {9, 1, 6, 2}, {4, 7}, {5, 8, 9, 7}, {2, 0, 4, 1}, {3, 6}});
  CHECK(rand({1}).item<double>() == 0.0332646369934082);
  Generator g(7);
  CHECK(batches_of({.batch_size = 4, .shuffle = true, .drop_last = true, .generator = &g}) ==
        Rows{{1, 3, 5, 7}, {9, 4, 6, 2}, {5, 1, 6, 0}, {9, 7, 8, 4}});
  CHECK(rand({1}, Dtype::kFloat32, &g).item<double>() == 0.7405239939689636);
  const Tensor x = ones({4});
  CHECK_THROWS(data::loader({x}, {.batch_size = 0}), kValue, "batch_size");
  CHECK_THROWS(data::loader({ones({0})}, {.shuffle = true}), kValue, "no rows");
  CHECK_THROWS(data::loader({x, ones({3})}), kRuntime, "differ in their first size");
  CHECK_THROWS(data::loader({ones({})}), kRuntime, "without dimensions");
  CHECK_THROWS(data::loader({Tensor()}), kType, "loader: argument 'data'");
  for (const auto& [none] : data::loader({ones({0, 2})})) CHECK(!none.defined());
}

// ---- modules

struct Net final : nn::Module {
  std::shared_ptr<nn::Sequential> body =
      add_module("body", nn::Sequential{nn::Linear(2, 8), nn::GELU(), nn::Linear(8, 3, false)});
  Tensor scale = add_parameter("scale", ones({3}));
  Tensor forward(const Tensor& x) override { return (*body)(x)*scale; }
};

void printed() {
  std::ostringstream out;
  out << Net();
  CHECK(out.str() ==
        "Net(\n"
        "  (body): Sequential(\n"
        "    (0): Linear(in_features=2, out_features=8, bias=True)\n"
        "    (1): GELU(approximate='none')\n"
        "    (2): Linear(in_features=8, out_features=3, bias=False)\n"
        "  )\n"
        ")");
  CHECK(nn::Sequential().to_string() == "Sequential()");
  CHECK(nn::Softplus().to_string() == "Softplus(beta=1.0, threshold=20.0)");
  CHECK(nn::Dropout(0.1).to_string() == "Dropout(p=0.1, inplace=False)");
  CHECK(nn::LeakyReLU().to_string() == "LeakyReLU(negative_slope=0.01)");
  CHECK(nn::ELU().to_string() == "ELU(alpha=1.0)");
  CHECK(nn::Flatten().to_string() == "Flatten(start_dim=1, end_dim=-1)");
  CHECK(nn::ReLU().to_string() == "ReLU()");
}

// The printed form, the first weight and the sum of the outputs for ones, after manual_seed(3).
void convolution(const std::function<std::unique_ptr<nn::ConvNd>()>& make, const Dims& input,
                 const char* printed, double first, double total) {
  manual_seed(3);
  const std::unique_ptr<nn::ConvNd> layer = make();
  CHECK(layer->to_string() == printed);
  CHECK(reshape(layer->weight(), {-1}).detach()[{0}].item<double>() == first);
  const Tensor y = (*layer)(ones(input)).detach().to(Dtype::kFloat64).sum();
  CHECK(std::abs(value(y) - total) < 1e-4);
}

void convolutions() {
  convolution(
      [] {
        return std::make_unique<nn::Conv1d>(
            2, 4, 3, nn::ConvOptions{.stride = 2, .padding = 1, .groups = 2});
      },
      {1, 2, 9}, "Conv1d(2, 4, kernel_size=(3,), stride=(2,), padding=(1,), groups=2)",
      -0.5724271535873413, -9.34467077255249);
  convolution(
      [] {
        return std::make_unique<nn::Conv2d>(2, 3, nn::Each{3, 2},
                                            nn::ConvOptions{.padding = 1, .bias = false});
      },
      {1, 2, 4, 5}, "Conv2d(2, 3, kernel_size=(3, 2), stride=(1, 1), padding=(1, 1), bias=False)",
      -0.28621357679367065, -39.55935697257519);
  convolution(
      [] {
        return std::make_unique<nn::ConvTranspose2d>(
            4, 2, 3, nn::ConvTransposeOptions{.stride = 2, .padding = 1, .output_padding = 1});
      },
      {1, 4, 4, 5},
      "ConvTranspose2d(4, 2, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1), "
      "output_padding=(1, 1))",
      -0.23369242250919342, -41.67138397693634);
  CHECK_THROWS(nn::Conv2d(3, 4, 3, {.groups = 2}), kValue, "in_channels must be divisible");
  CHECK_THROWS(nn::Conv2d(3, 4, {3, 3, 3}), kValue, "kernel_size must be 1 or 2 numbers");
  CHECK_THROWS(nn::Conv2d(3, 4, 3)(ones({2, 3})), kRuntime, "conv2d: Expected 3D (unbatched)");
}

void files() {
  const std::string path = "test_python.safetensors";
  manual_seed(1);
  Net one;
  nn::save(one, path);
  manual_seed(2);
  Net two;
  const Tensor x = randn({4, 2});
  CHECK(!(one(x) == two(x)).all().item<bool>());
  nn::load(two, path);
  CHECK((one(x) == two(x)).all().item<bool>());
  for (const auto& [name, p] : two.named_parameters()) CHECK(p.is_leaf() && p.requires_grad());
  std::ifstream file(path, std::ios::binary);
  std::string header(400, '\0');
  file.read(header.data(), 400);
  for (const char* key : {"\"scale\"", "\"body.0.weight\"", "\"body.0.bias\"", "\"body.2.weight\""})
    CHECK(header.find(key) != header.npos);

  nn::Linear other(2, 8);
  const Tensor before = other.weight().clone();
  CHECK_THROWS(nn::load(other, path), kRuntime, "missing keys: 'weight', 'bias'; unexpected keys:");
  nn::Sequential wide{nn::Linear(2, 9)};
  nn::save(nn::Sequential{nn::Linear(2, 8)}, path);
  CHECK_THROWS(nn::load(wide, path), kRuntime, "0.weight has shape (8, 2) instead of (9, 2)");
  CHECK((before == other.weight()).all().item<bool>());
  CHECK_THROWS(nn::load(wide, "no such file"), kRuntime, "nn::load: no such file");
  CHECK_THROWS(nn::save(wide, "no such folder/file"), kRuntime, "nn::save: no such folder/file");
  std::ofstream(path) << "not a file of tensors";
  CHECK_THROWS(nn::load(wide, path), kRuntime, path);
  std::remove(path.c_str());
}

}  // namespace

int main() {
  return run([] {
    initial_values();
    schedules();
    schedules_of_replays();
    batches();
    printed();
    convolutions();
    files();
  });
}
