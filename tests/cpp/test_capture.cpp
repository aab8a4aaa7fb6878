// Capture: a captured function gives what the function gives, bit by bit, and a replay takes no
// memory from the system.
#include <cstring>

#include "check.h"
#include "count_allocations.h"

using namespace wengert;

namespace {

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && a.shape() == b.shape() &&
         std::memcmp(contiguous(a).data(), contiguous(b).data(), size_t(a.bytes())) == 0;
}

nn::Sequential network(double dropout) {
  return nn::Sequential{nn::Linear(6, 16), nn::Tanh(), nn::Dropout(dropout), nn::Linear(16, 3)};
}

struct Batch {
  Tensor x, y;
};
std::vector<Batch> batches(int count, std::initializer_list<int64_t> sizes) {
  manual_seed(7);
  std::vector<Batch> all;
  for (int i = 0; i < count; ++i) {
    const int64_t n = sizes.begin()[size_t(i) % sizes.size()];
    all.push_back({randn({n, 6}), zeros({n}, Dtype::kInt64)});
    for (int64_t k = 0; k < n; ++k) all.back().y.data_as<int64_t>()[k] = (i + k) % 3;
  }
  return all;
}

// The losses of a training, then the parameters. `change` changes the options before step i.
template <class Optimizer, class Options, class Change>
std::vector<Tensor> train(bool captured, double dropout, const Options& options,
                          const std::vector<Batch>& data, const Change& change) {
  manual_seed(1);
  nn::Sequential model = network(dropout);
  Optimizer optimizer(model.parameters(), options);
  auto step = [&](const Tensor& x, const Tensor& y) {
    optimizer.zero_grad();
    Tensor loss = cross_entropy(model(x), y);
    backward(loss);
    optimizer.step();
    return loss;
  };
  auto replayed = capture(step);
  std::vector<Tensor> out;
  for (size_t i = 0; i < data.size(); ++i) {
    change(int(i), optimizer.options(), model);
    const auto& [x, y] = data[i];
    out.push_back(captured ? replayed(x, y) : step(x, y).detach());
  }
  if (captured) CHECK(replayed.cache_info().hits > int64_t(data.size()) * 9 / 10);
  for (const Tensor& p : model.parameters()) out.push_back(p.detach());
  return out;
}

template <class Optimizer, class Options, class Change>
void trains_alike(double dropout, const Options& options, std::initializer_list<int64_t> sizes,
                  const Change& change) {
  const auto data = batches(100, sizes);
  const auto eager = train<Optimizer>(false, dropout, options, data, change);
  const auto replayed = train<Optimizer>(true, dropout, options, data, change);
  CHECK(eager.size() == replayed.size());
  size_t different = 0;
  for (size_t i = 0; i < eager.size(); ++i) different += !same_bits(eager[i], replayed[i]);
  CHECK(different == 0);
}

void training() {
  using optim::Adam, optim::AdamW, optim::AdamWOptions, optim::RMSprop, optim::SGD;
  const auto nothing = [](int, auto&, auto&) {};
  const auto schedule = [](int i, auto& o, auto&) {
    if (i % 10 == 9) o.lr *= 0.7;
  };
  trains_alike<SGD>(0.0, SgdOptions{.lr = 0.1, .momentum = 0.9}, {32}, nothing);
  trains_alike<SGD>(0.0, SgdOptions{.lr = 0.1, .momentum = 0.9, .dampening = 0.2}, {32}, nothing);
  trains_alike<Adam>(0.0, AdamOptions{.lr = 1e-2}, {32}, schedule);
  trains_alike<AdamW>(0.0, AdamWOptions{.lr = 1e-2, .amsgrad = true}, {32}, schedule);
  trains_alike<RMSprop>(0.0, RmspropOptions{.momentum = 0.9}, {32}, schedule);
  trains_alike<optim::NAdam>(0.0, NadamOptions{}, {32}, schedule);
  trains_alike<optim::RAdam>(0.0, RadamOptions{}, {32}, schedule);
  trains_alike<optim::ASGD>(0.0, AsgdOptions{.t0 = 40}, {32}, schedule);
  trains_alike<optim::Rprop>(0.0, RpropOptions{}, {32}, schedule);
  trains_alike<SGD>(0.5, SgdOptions{.lr = 0.1}, {32}, schedule);
  trains_alike<Adam>(0.2, AdamOptions{}, {32, 17, 1}, schedule);
  // A momentum that comes and goes, a flag, and the mode of the modules are other programs.
  trains_alike<SGD>(0.1, SgdOptions{.lr = 0.1}, {8}, [](int i, SgdOptions& o, auto& model) {
    if (i == 30) o.momentum = 0.9;
    if (i == 45) o.maximize = true;
    if (i == 50) o.maximize = false;
    model.train(i < 60 || i > 70);
  });
}

void results() {
  Tensor w = ones({2, 3});
  int calls = 0;
  auto f = capture([&](const Tensor& x) {
    ++calls;
    return std::pair{x * w, sum(x)};
  });
  std::vector<std::pair<Tensor, Tensor>> kept;
  for (int i = 0; i < 5; ++i) kept.push_back(f(full({2, 3}, double(i))));
  for (int i = 0; i < 5; ++i) {
    CHECK(value(sum(kept[size_t(i)].first)) == 6.0 * i);
    CHECK(value(kept[size_t(i)].second) == 6.0 * i);
  }
  CHECK(calls == 1 && f.cache_info().hits == 4 && f.program().listing().size() > 0);
  f(transpose(ones({3, 2}), 0, 1));  // other strides
  f(ones({2, 3}, Dtype::kFloat64));
  CHECK(calls == 3 && f.cache_info().currsize == 3);
  f.cache_clear();
  CHECK(f.cache_info().currsize == 0);

  auto none = capture([&] { mul_(w, 2.0); });
  for (int i = 0; i < 3; ++i) none();
  CHECK(value(sum(w)) == 48);
  auto list = capture([](Tensor x, const Tensor& y) { return std::vector<Tensor>{y, x + y}; });
  for (int i = 0; i < 3; ++i) CHECK(value(sum(list(w, w)[1])) == 96);
  auto tuple = capture(
      [](const Tensor& x) -> std::tuple<Tensor, Tensor, Tensor> { return {x, Tensor(), exp(x)}; });
  for (int i = 0; i < 3; ++i) CHECK(!std::get<1>(tuple(w)).defined());
  auto array = capture([](const Tensor& x) { return std::array<Tensor, 2>{x, neg(x)}; });
  for (int i = 0; i < 3; ++i) CHECK(value(sum(array(w)[1])) == -48);
  auto self = capture([](Tensor& x) -> const Tensor& { return x; });
  for (int i = 0; i < 3; ++i) CHECK(value(sum(self(w))) == 48);
}

void arguments() {
  // Changed in place, they are copied back.
  Tensor x = zeros({4});
  auto count = capture([](Tensor& t) {
    add_(t, 1.0);
    return sum(t);
  });
  for (int i = 1; i <= 4; ++i) CHECK(value(count(x)) == 4.0 * i && value(sum(x)) == 4.0 * i);
  // A leaf that asks for gradients gets them.
  Tensor w = ones({4});
  w.set_requires_grad(true);
  auto gradient = capture([](const Tensor& p, const Tensor& t) {
    p.set_grad({});
    backward(sum(p * p * t));
  });
  for (int i = 1; i <= 3; ++i) {
    gradient(w, full({4}, double(i)));
    CHECK(value(sum(w.grad())) == 8.0 * i);
  }
  CHECK(gradient.cache_info().hits == 2);
  auto total = capture([](const Tensor& t) { return sum(t); });
  CHECK_THROWS(total(w * 2.0), kCapture, "history");
  {
    const GradMode off(false);
    CHECK(value(total(w * 2.0)) == 8);
  }
  // The same tensor twice is one argument.
  auto both = capture([](Tensor& a, const Tensor& b) {
    add_(a, 1.0);
    return sum(b);
  });
  for (int i = 0; i < 3; ++i) CHECK(value(both(x, x)) == 20.0 + 4 * i);
  Tensor other = zeros({4});
  CHECK(value(both(x, other)) == 0);
  // Within a capture another captured function just runs.
  auto outer = capture([&](const Tensor& t) { return total(t) * 2.0; });
  for (int i = 0; i < 3; ++i) CHECK(value(outer(ones({5}))) == 10);
  CHECK(outer.cache_info().hits == 2);
  // Without a history that outlives the call, one capture is enough.
  nn::Linear layer(4, 2);
  auto forward = capture([&](const Tensor& t) { return layer(t); });
  for (int i = 0; i < 3; ++i) CHECK(!forward(ones({2, 4})).requires_grad());
  CHECK(forward.cache_info().misses == 1);
}

void conditions() {
  auto bad = capture([](const Tensor& x) { return value(sum(x)) > 0 ? x * 2.0 : x; });
  CHECK_THROWS(bad(ones({2})), kCapture, "item()");
  CHECK(watch() == nullptr);
  auto caught = capture([](const Tensor& x) {
    try {
      sum(x).item();
    } catch (const Error&) {
    }
    return x;
  });
  CHECK_THROWS(caught(ones({2})), kCapture, "caught");
  CHECK_THROWS(capture([] {}, 0), kValue, "maxsize");
  CHECK_THROWS(capture([] {}).program(), kRuntime, "not been called");

  // Another optimizer in the same variable, a layer more, an optimizer without gradients.
  manual_seed(0);
  nn::Sequential model{nn::Linear(3, 3)};
  optim::SGD optimizer(model.parameters(), {.lr = 0.5, .momentum = 0.9});
  int calls = 0;
  auto step = capture([&](const Tensor& x) {
    ++calls;
    optimizer.zero_grad();
    Tensor y = model(x);
    backward(sum(y));
    optimizer.step();
    return y;
  });
  for (int i = 0; i < 3; ++i) step(ones({1, 3}));
  CHECK(calls == 1);
  optimizer = optim::SGD(model.parameters(), {.lr = 0});
  const Tensor before = clone(model.parameters()[0].detach());
  for (int i = 0; i < 3; ++i) step(ones({1, 3}));
  CHECK(calls == 2 && same_bits(before, model.parameters()[0].detach()));
  model.push_back(nn::ReLU());
  CHECK(value(amin(step(ones({1, 3})))) >= 0 && calls == 3);
  auto idle = capture([&](const Tensor& x) {
    optimizer.zero_grad();
    Tensor y = clone(x);
    optimizer.step();
    return y;
  });
  for (int i = 0; i < 3; ++i) CHECK(value(sum(idle(ones({3})))) == 3);
}

// After the first runs, which try schedules, a replay takes nothing from the system.
void allocations() {
  set_num_threads(1);
  manual_seed(0);
  nn::Sequential model = network(0.1);
  optim::Adam optimizer(model.parameters(), {});
  const auto data = batches(1, {64});
  auto step = capture([&](const Tensor& x, const Tensor& y) {
    optimizer.zero_grad();
    Tensor loss = cross_entropy(model(x), y);
    backward(loss);
    std::vector<Tensor> grads;
    for (const Tensor& p : model.parameters()) grads.push_back(p.grad());
    clip_grad_norm(grads, 1.0);
    optimizer.step();
    return loss;
  });
  Tensor held[2];
  for (int i = 0; i < 20; ++i) held[i % 2] = step(data[0].x, data[0].y);
  const MemoryStats stats = memory_stats();
  const long before = taken;
  for (int i = 0; i < 50; ++i) held[i % 2] = step(data[0].x, data[0].y);
  const long after = taken;
  CHECK(after == before && (before > 0) == kCounts);
  if (after != before) std::fprintf(stderr, "%ld allocations in 50 replays\n", after - before);
  const MemoryStats now = memory_stats();
  CHECK(now.current == stats.current && now.cached == stats.cached && now.peak == stats.peak);
  CHECK(step.cache_info().hits == 69);
  set_num_threads(default_num_threads());
}

// ---- loops

struct Training {
  nn::Sequential model = network(0.2);
  optim::Adam optimizer{model.parameters(), {.lr = 0.01}};
  Tensor operator()(const Tensor& x, const Tensor& y) {
    optimizer.zero_grad();
    Tensor loss = cross_entropy(model(x), y);
    backward(loss);
    optimizer.step();
    return loss;
  }
};

// A loop gives what the calls one by one give, which take the rows in the order that a sampler
// draws: a base seed, a seed, and a permutation of a generator of its own.
void loop_is_calls(const LoopOptions& how) {
  const Batch data = batches(1, {103})[0];
  manual_seed(1);
  Training one, other;
  for (size_t i = 0; i < one.model.parameters().size(); ++i) {
    Tensor to = other.model.parameters()[i].detach();
    copy_(to, one.model.parameters()[i].detach());
  }
  manual_seed(2);
  std::vector<double> wanted;
  for (int64_t epoch = 0; epoch < how.epochs; ++epoch) {
    default_generator().random64();
    Tensor order = arange(0, 103);
    if (how.shuffle) {
      Generator own(default_generator().random64() & ~(uint64_t{1} << 63));
      order = randperm(103, &own);
    }
    for (int64_t at = 0; at < 103; at += how.batch_size) {
      const int64_t n = std::min(how.batch_size, 103 - at);
      if (n < how.batch_size && how.drop_last) break;
      const Tensor rows = narrow(order, 0, at, n);
      wanted.push_back(value(one(index_select(data.x, 0, rows), index_select(data.y, 0, rows))));
    }
  }
  const uint64_t drawn = default_generator().random64();
  manual_seed(2);
  auto step = capture([&](const Tensor& x, const Tensor& y) { return other(x, y); });
  const Tensor losses = step.run({data.x, data.y}, how);
  CHECK(default_generator().random64() == drawn);
  CHECK(losses.shape() == Dims{int64_t(wanted.size())});
  for (size_t i = 0; i < wanted.size(); ++i) CHECK(losses.data_as<float>()[i] == float(wanted[i]));
  const auto info = step.cache_info();
  CHECK(info.hits + info.misses == int64_t(wanted.size()) && info.misses <= 4);
}

void loops() {
  for (bool shuffle : {false, true})
    for (bool drop_last : {false, true})
      for (int64_t size : {16, 51, 103, 200})
        loop_is_calls(
            {.batch_size = size, .epochs = 3, .shuffle = shuffle, .drop_last = drop_last});

  // The rows that DataLoader(TensorDataset(arange(12)), shuffle=True) gives after manual_seed(3).
  const Tensor rows = arange(0, 12);
  auto same = capture([](const Tensor& x) { return clone(x); });
  manual_seed(3);
  const Tensor order = same.run({rows}, {.shuffle = true});
  const int64_t stored[] = {2, 5, 10, 4, 0, 1, 8, 7, 3, 9, 6, 11};
  CHECK(order.dtype() == Dtype::kInt64 && order.numel() == 12);
  for (int i = 0; i < 12; ++i) CHECK(order.data_as<int64_t>()[i] == stored[i]);
  // The same of a generator that is given: its second permutation, after one that is not used.
  Generator generator(3);
  const Tensor twice = same.run({rows}, {.epochs = 2, .shuffle = true, .generator = &generator});
  const int64_t given[] = {1, 4, 2, 6,  0, 9, 7,  11, 10, 5, 3, 8,
                           5, 3, 6, 11, 2, 4, 10, 0,  1,  8, 9, 7};
  for (int i = 0; i < 24; ++i) CHECK(twice.data_as<int64_t>()[i] == given[i]);

  auto halves = capture([](const Tensor& x) { return std::vector<Tensor>{sum(x), x}; });
  std::vector<double> means;
  const Tensor x = tensor<float>({1, 2, 3, 4, 5, 6}, {3, 2});
  halves.run({x}, {.epochs = 2, .progress = [&](int64_t epoch, int64_t done, double loss) {
                     CHECK(done == 3 * (epoch + 1));
                     means.push_back(loss);
                   }});
  CHECK((means == std::vector<double>{7, 7}));
  CHECK(halves.run({x}, {.epochs = 0}).numel() == 0);
  CHECK_THROWS(halves.run({x}, {.epochs = 1,
                                .progress = [](int64_t, int64_t,
                                               double) { fail(ErrorKind::kRuntime, "enough"); }}),
               kRuntime, "enough");
  CHECK_THROWS(halves.run({x}, {.batch_size = 0}), kValue, "batch_size");
  CHECK_THROWS(halves.run({x}, {.epochs = -1}), kValue, "epochs");
  CHECK_THROWS(halves.run({Tensor()}), kType, "undefined");
  CHECK_THROWS(halves.run({ones({})}), kRuntime, "no rows");
  CHECK_THROWS(halves.run({zeros({0, 2})}, {.shuffle = true}), kValue, "no rows");
  auto pair = capture([](const Tensor& a, const Tensor& b) { return sum(a) + sum(b); });
  CHECK_THROWS(pair.run({x, ones({4})}), kRuntime, "first size");
  CHECK_THROWS(same.run({ones({4, 2})}), kRuntime, "one element");
  CHECK_THROWS(capture([](const Tensor&) { return std::vector<Tensor>(); }).run({x}), kType,
               "no loss");
  auto nested = capture([&] { return same.run({x}); });
  CHECK_THROWS(nested(), kCapture, "part of a captured function");
}

}  // namespace

int main() {
  return run([] {
    training();
    results();
    arguments();
    conditions();
    loops();
    allocations();
  });
}
