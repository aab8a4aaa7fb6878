// Convolutional networks: the layers train as PyTorch's do after the same seed, and files of them
// have the keys of Python's state_dict. The numbers are PyTorch's, in float64.
#include <cmath>
#include <cstdio>
#include <memory>

#include "check.h"

using namespace wengert;

namespace {

constexpr Dtype kDouble = Dtype::kFloat64;

nn::Sequential network() {
  return nn::Sequential{nn::Conv2d(2, 8, 3, {.padding = 1, .dtype = kDouble}),
                        nn::BatchNorm2d(8, {.dtype = kDouble}),
                        nn::ReLU(),
                        nn::MaxPool2d(3, {.stride = 2, .padding = 1}),
                        nn::Conv2d(8, 12, 3, {.groups = 2, .bias = false, .dtype = kDouble}),
                        nn::BatchNorm2d(12, {.momentum = 0.2, .dtype = kDouble}),
                        nn::SiLU(),
                        nn::AvgPool2d(2, {.stride = 1, .padding = 1, .count_include_pad = false}),
                        nn::ConvTranspose2d(12, 6, 3, {.stride = 2, .dtype = kDouble}),
                        nn::LeakyReLU(0.1),
                        nn::AdaptiveAvgPool2d({3, 2}),
                        nn::Flatten(),
                        nn::Dropout(0.25),
                        nn::Linear(36, 5, true, kDouble),
                        nn::BatchNorm1d(5, {.affine = false, .dtype = kDouble}),
                        nn::LayerNorm(Dims{5}, 1e-5, true, true, kDouble)};
}

const char* const kPrinted =
    "Sequential(\n"
    "  (0): Conv2d(2, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))\n"
    "  (1): BatchNorm2d(8, eps=1e-05, momentum=0.1, affine=True, bias=True, "
    "track_running_stats=True)\n"
    "  (2): ReLU()\n"
    "  (3): MaxPool2d(kernel_size=3, stride=2, padding=1, dilation=1, ceil_mode=False)\n"
    "  (4): Conv2d(8, 12, kernel_size=(3, 3), stride=(1, 1), groups=2, bias=False)\n"
    "  (5): BatchNorm2d(12, eps=1e-05, momentum=0.2, affine=True, bias=True, "
    "track_running_stats=True)\n"
    "  (6): SiLU()\n"
    "  (7): AvgPool2d(kernel_size=2, stride=1, padding=1)\n"
    "  (8): ConvTranspose2d(12, 6, kernel_size=(3, 3), stride=(2, 2))\n"
    "  (9): LeakyReLU(negative_slope=0.1)\n"
    "  (10): AdaptiveAvgPool2d(output_size=(3, 2))\n"
    "  (11): Flatten(start_dim=1, end_dim=-1)\n"
    "  (12): Dropout(p=0.25, inplace=False)\n"
    "  (13): Linear(in_features=36, out_features=5, bias=True)\n"
    "  (14): BatchNorm1d(5, eps=1e-05, momentum=0.1, affine=False, bias=False, "
    "track_running_stats=True)\n"
    "  (15): LayerNorm((5,), eps=1e-05, elementwise_affine=True, bias=True)\n"
    ")";

const double kLosses[] = {2.1351084354005327, 0.8686165351537768, 0.7923735985598785,
                          0.6774159938793284, 0.5287128301848978, 0.5166769163686397,
                          0.3913479434660463, 0.3768726193115179};

// The keys of state_dict, and the sums of what is there after the steps.
const std::pair<const char*, double> kState[] = {{"0.weight", -2.2648445191365285},
                                                 {"0.bias", -0.439116036543521},
                                                 {"1.weight", 7.998339405738072},
                                                 {"1.bias", 0.0349974462499784},
                                                 {"1.running_mean", -0.27841959982931896},
                                                 {"1.running_var", 6.7112517874974875},
                                                 {"1.num_batches_tracked", 8},
                                                 {"4.weight", 2.0718802760799138},
                                                 {"5.weight", 12.188028097128813},
                                                 {"5.bias", 0.10147301932873071},
                                                 {"5.running_mean", 1.6818144110714466},
                                                 {"5.running_var", 6.898403224248545},
                                                 {"5.num_batches_tracked", 8},
                                                 {"8.weight", -3.651800832501121},
                                                 {"8.bias", 0.48974667481160916},
                                                 {"13.weight", -2.2021394433454815},
                                                 {"13.bias", 0.05735517799160965},
                                                 {"14.running_mean", -0.2239975024457942},
                                                 {"14.running_var", 3.4979426979263994},
                                                 {"14.num_batches_tracked", 8},
                                                 {"15.weight", 5.643087517815108},
                                                 {"15.bias", 0}};
const double kOutput[] = {0.7306547481098075, 1.723360773162285, -0.43227222560792483,
                          -0.3691179214209948, -1.5193313902319794};

bool near(double found, double expected) {
  const bool ok = std::abs(found - expected) < 1e-10;
  if (!ok) std::fprintf(stderr, "%.17g instead of %.17g\n", found, expected);
  return ok;
}

// Eager, and captured: bit by bit the same.
void trains_as_pytorch(bool captured) {
  manual_seed(3);
  nn::Sequential model = network();
  CHECK(model.to_string() == kPrinted);
  const Tensor x = randn({6, 2, 10, 9}, kDouble), y = remainder(arange(0, 6), 5);
  optim::SGD optimizer(model.parameters(), {.lr = 0.1, .momentum = 0.9});
  const auto step = [&](const Tensor& x, const Tensor& y) {
    optimizer.zero_grad();
    const Tensor loss = cross_entropy(model(x), y);
    loss.backward();
    optimizer.step();
    return loss;
  };
  auto replayed = capture(step);
  for (const double expected : kLosses)
    CHECK(near(value(captured ? replayed(x, y) : step(x, y)), expected));
  const auto state = model.state_dict();
  CHECK(state.size() == std::size(kState));
  for (size_t i = 0; i < state.size(); ++i) {
    CHECK(state[i].first == kState[i].first);
    CHECK(near(value(state[i].second.detach().to(kDouble).sum()), kState[i].second));
  }
  model.eval();
  const Tensor out = model(x).detach();
  for (int i = 0; i < 5; ++i) CHECK(near(value(out[{0, i}]), kOutput[i]));

  // A file has all of it, buffers too.
  const std::string path = "test_layers.safetensors";
  nn::save(model, path);
  const std::map<std::string, Tensor> stored = load_safetensors(path);
  CHECK(stored.size() == state.size());
  for (const auto& [name, tensor] : state) {
    const Tensor& found = stored.at(name);
    CHECK(found.dtype() == tensor.dtype() && found.shape() == tensor.shape());
    CHECK((found == tensor).all().item<bool>());
  }
  nn::Sequential other = network();
  other.eval();
  CHECK(!(other(x) == out).all().item<bool>());
  nn::load(other, path);
  CHECK((other(x) == out).all().item<bool>());
  std::remove(path.c_str());
}

// ---- layers by themselves: the printed form, and what becomes of 0, 1, 2, ...

void pooled(nn::Module&& layer, const Dims& input, const char* printed, const Dims& shape,
            double total) {
  CHECK(layer.to_string() == printed);
  const Tensor x = arange(0, numel(input), 1, kDouble).reshape(input).set_requires_grad(true);
  const Tensor y = layer(x);
  CHECK(y.shape() == shape && near(value(y.detach().sum()), total));
  y.sum().backward();
  CHECK(x.grad().shape() == input);
}

void pools() {
  pooled(nn::MaxPool2d(2), {1, 1, 5, 4},
         "MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)", {1, 1, 2, 2},
         40);
  pooled(nn::MaxPool2d({3, 2}, {.stride = {2, 1}, .padding = {1, 0}, .ceil_mode = true}), {1, 6, 5},
         "MaxPool2d(kernel_size=(3, 2), stride=(2, 1), padding=(1, 0), dilation=1, ceil_mode=True)",
         {1, 4, 4}, 320);
  pooled(nn::MaxPool2d(2, {.stride = 1, .dilation = 2}), {1, 4, 5},
         "MaxPool2d(kernel_size=2, stride=1, padding=0, dilation=2, ceil_mode=False)", {1, 2, 3},
         93);
  pooled(nn::AvgPool2d(2), {2, 1, 4, 4}, "AvgPool2d(kernel_size=2, stride=2, padding=0)",
         {2, 1, 2, 2}, 124);
  pooled(nn::AvgPool2d(3, {.stride = {1, 2}, .padding = 1, .divisor_override = 2}), {1, 3, 3},
         "AvgPool2d(kernel_size=3, stride=(1, 2), padding=1)", {1, 3, 2}, 56);
  pooled(nn::AdaptiveAvgPool2d(1), {2, 3, 4, 5}, "AdaptiveAvgPool2d(output_size=1)", {2, 3, 1, 1},
         357);
  pooled(nn::AdaptiveAvgPool2d({2, 3}), {1, 4, 5}, "AdaptiveAvgPool2d(output_size=(2, 3))",
         {1, 2, 3}, 57);
  CHECK_THROWS(nn::MaxPool2d(2, {.padding = 2})(ones({1, 4, 4})), kRuntime, "max_pool2d: pad");
  CHECK_THROWS(nn::MaxPool2d({2, 2, 2})(ones({1, 4, 4})), kRuntime, "max_pool2d: ");
  CHECK_THROWS(nn::AvgPool2d(2)(ones({4})), kRuntime, "avg_pool2d: ");
  CHECK_THROWS(nn::AdaptiveAvgPool2d({2, 2, 2})(ones({1, 4, 4})), kValue, "adaptive_avg_pool2d");
}

// ---- layers after manual_seed(3), called with the sines of 0, 1, ... and then with their doubles:
// the printed form, and the sum of the results times their places

template <class L, class... A>
L called(const Dims& input, const char* printed, const Dims& shape, double total, A... arguments) {
  manual_seed(3);
  L layer(arguments...);
  CHECK(layer.to_string() == printed);
  const Tensor x = arange(0, numel(input), 1, kDouble).sin().reshape(input);
  layer(x);
  const Tensor y = layer(x * 2).detach();
  CHECK(y.shape() == shape);
  CHECK(near(value((y.reshape({-1}) * arange(0, y.numel(), 1, kDouble)).sum()), total));
  return layer;
}

void padded() {
  using Options = nn::ConvOptions;
  called<nn::Conv2d>({2, 2, 6, 7},
                     "Conv2d(2, 3, kernel_size=(3, 4), stride=(1, 1), padding=same, "
                     "dilation=(2, 1))",
                     {2, 3, 6, 7}, 4880.966944378482, 2, 3, nn::Each{3, 4},
                     Options{.padding = nn::kSame, .dilation = {2, 1}, .dtype = kDouble});
  called<nn::Conv2d>({2, 6, 7},
                     "Conv2d(2, 3, kernel_size=(3, 3), stride=(1, 1), padding=same, bias=False, "
                     "padding_mode=reflect)",
                     {3, 6, 7}, -563.6372682045564, 2, 3, 3,
                     Options{.padding = nn::kSame,
                             .bias = false,
                             .padding_mode = nn::PaddingMode::kReflect,
                             .dtype = kDouble});
  called<nn::Conv1d>(
      {2, 2, 9}, "Conv1d(2, 4, kernel_size=(3,), stride=(2,), padding=(2,), padding_mode=circular)",
      {2, 4, 6}, -112.0711846261902, 2, 4, 3,
      Options{
          .stride = 2, .padding = 2, .padding_mode = nn::PaddingMode::kCircular, .dtype = kDouble});
  called<nn::Conv2d>({1, 2, 6, 7},
                     "Conv2d(2, 2, kernel_size=(1, 4), stride=(1, 1), padding=same, groups=2, "
                     "padding_mode=replicate)",
                     {1, 2, 6, 7}, 646.9637482884071, 2, 2, nn::Each{1, 4},
                     Options{.padding = nn::kSame,
                             .groups = 2,
                             .padding_mode = nn::PaddingMode::kReplicate,
                             .dtype = kDouble});
  CHECK_THROWS(nn::Conv2d(2, 3, 3, {.stride = 2, .padding = nn::kSame}), kValue,
               "padding='same' is not supported for strided convolutions");
}

// Running statistics that are means over all batches, counted on by replays too.
void cumulative() {
  const Dims input{2, 3, 4, 5};
  auto norm = called<nn::BatchNorm2d>(input,
                                      "BatchNorm2d(3, eps=1e-05, momentum=None, affine=True, "
                                      "bias=True, track_running_stats=True)",
                                      input, -181.23301070669393, 3,
                                      nn::BatchNormOptions{.momentum = {}, .dtype = kDouble});
  CHECK(near(value(norm.running_mean().sum()), -0.004508844980637397));
  CHECK(near(value(norm.running_var().sum()), 3.8252954523298515));
  nn::BatchNorm2d other(3, {.momentum = {}, .dtype = kDouble});
  auto step = capture([&](const Tensor& x) { return other(x); });
  for (const double scale : {1.0, 2.0, 3.0}) {
    const Tensor x = arange(0, numel(input), 1, kDouble).sin().reshape(input) * scale;
    const Tensor y = step(x);
    if (scale == 3) CHECK((norm(x).detach() == y).all().item<bool>());
  }
  CHECK((norm.running_var() == other.running_var()).all().item<bool>());
  CHECK((norm.running_mean() == other.running_mean()).all().item<bool>());
}

// ---- attention

const double kAttention[][2] = {  // losses, and the sums of the weights
    {0.9373978719317401, 8.549162023149226},
    {0.8411700460579902, 7.8802600742992635},
    {0.7984284561221044, 7.099346307606549},
    {0.7802752559272613, 8.669075071823388}};

void attention(bool captured) {
  manual_seed(3);
  nn::MultiheadAttention layer(
      6, 3, {.dropout = 0.25, .add_bias_kv = true, .batch_first = true, .dtype = kDouble});
  CHECK(layer.to_string() ==
        "MultiheadAttention(\n  (out_proj): NonDynamicallyQuantizableLinear(in_features=6, "
        "out_features=6, bias=True)\n)");
  const Tensor x = randn({2, 4, 6}, kDouble), mask = ones({4, 4}, Dtype::kBool).triu(1);
  optim::SGD optimizer(layer.parameters(), {.lr = 0.5});
  const auto step = [&](const Tensor& x) {
    optimizer.zero_grad();
    const auto [y, weights] = layer.attend(x, x, x, {.attn_mask = mask});
    const Tensor loss = mse_loss(y, x);
    loss.backward();
    optimizer.step();
    return cat({reshape(loss, Dims{1}), reshape(weights.sum(), Dims{1})}).detach();
  };
  auto replayed = capture(step);
  for (const auto& expected : kAttention) {
    const Tensor found = captured ? replayed(x) : step(x);
    for (int i = 0; i < 2; ++i) CHECK(near(value(found[{i}]), expected[i]));
  }
  layer.eval();
  CHECK(near(value(layer(x).detach().sum()), -1.2858958402535206));
}

void attention_of_other_features() {
  manual_seed(4);
  nn::MultiheadAttention layer(4, 2, {.bias = false, .kdim = 3, .vdim = 5, .dtype = kDouble});
  const Tensor k = randn({3, 4, 3}, kDouble), q = randn({2, 4, 4}, kDouble),
               v = randn({3, 4, 5}, kDouble);
  const auto [y, weights] = layer.attend(q, k, v, {.average_attn_weights = false});
  CHECK(near(value(y.detach().sum()), 0.35780579287669156));
  CHECK(near(value(weights.detach().square().sum()), 7.758495770207894));
  const char* const keys[] = {"q_proj_weight", "k_proj_weight", "v_proj_weight", "out_proj.weight"};
  const auto state = layer.state_dict();
  CHECK(state.size() == std::size(keys));
  for (size_t i = 0; i < state.size(); ++i) CHECK(state[i].first == keys[i]);
  CHECK_THROWS(nn::MultiheadAttention(4, 3), kValue, "embed_dim must be divisible by num_heads");
}

// ---- tensors in files

void tensors() {
  const std::string path = "test_layers.safetensors";
  const Tensor a = randn({3, 4}).t(), b = arange(0, 5);
  save_safetensors({{"a", a}, {"b", b}}, path);
  const auto found = load_safetensors(path);
  CHECK(found.size() == 2 && found.at("a").is_contiguous());
  CHECK((found.at("a") == a).all().item<bool>() && found.at("b").dtype() == Dtype::kInt64);
  CHECK_THROWS(save_safetensors({{"a", a}, {"a", b}}, path), kRuntime, "two tensors are named 'a'");
  CHECK_THROWS(save_safetensors({{"a", Tensor()}}, path), kType, "save_safetensors: argument");
  CHECK_THROWS(save_safetensors({}, "no such folder/file"), kRuntime,
               "save_safetensors: no such folder/file");
  CHECK(load_safetensors(path).size() == 2);
  std::remove(path.c_str());
  CHECK_THROWS(load_safetensors(path), kRuntime, "load_safetensors: test_layers.safetensors: ");
}

}  // namespace

int main() {
  return run([] {
    trains_as_pytorch(false);
    trains_as_pytorch(true);
    pools();
    padded();
    cumulative();
    attention(false);
    attention(true);
    attention_of_other_features();
    tensors();
  });
}
