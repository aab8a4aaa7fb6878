// Convolutions: forward and the two gradients beside a product of the same m, n and k; depthwise
// ones, first layers, norms, pools and resampled images beside the bytes that they have to move.
#include <algorithm>
#include <chrono>
#include <functional>

#include "bench.h"

namespace {

using namespace wengert;

// Seconds of one call, the least of several.
template <class F>
double least(const F& f) {
  using Clock = std::chrono::steady_clock;
  f();
  double best = 1e9, total = 0;
  for (int run = 0; run < 3 || (run < 100 && total < 0.1); ++run) {
    const auto start = Clock::now();
    f();
    const double s = std::chrono::duration<double>(Clock::now() - start).count();
    best = std::min(best, s);
    total += s;
  }
  return best;
}

// Of a matrix product m x k by k x n.
double product_seconds(int64_t m, int64_t n, int64_t k) {
  const GradMode off(false);
  const Tensor a = randn({m, k}), b = randn({k, n});
  return least([&] { benchmark::DoNotOptimize(matmul(a, b)); });
}

// Channels in and out, pixels along a side, samples, kernel, stride, groups; padded by half a
// kernel.
struct Convolution {
  int64_t in, out, pixels, batch, kernel, stride, groups;
  Tensor x, w, y, g;
  explicit Convolution(const benchmark::State& s)
      : in(s.range(0)),
        out(s.range(1)),
        pixels(s.range(2)),
        batch(s.range(3)),
        kernel(s.range(4)),
        stride(s.range(5)),
        groups(s.range(6)),
        x(randn({batch, in, pixels, pixels})),
        w(randn({out, in / groups, kernel, kernel})) {
    x.set_requires_grad(true);
    w.set_requires_grad(true);
    y = forward();
    g = randn(y.shape());
  }
  Tensor forward() const { return conv2d(x, w, {}, stride, kernel / 2, 1, groups); }
  int64_t places() const { return batch * y.size(2) * y.size(3); }
  int64_t taps() const { return in / groups * kernel * kernel; }
  double flops() const { return 2.0 * static_cast<double>(places() * out * taps()); }
};

// The passes, with m, n and k of the product that does as much.
enum Pass { kForward, kDx, kDw };
std::function<void()> call_of(Pass pass, const Convolution& c) {
  if (pass == kForward) {
    return [&c] {
      const GradMode off(false);
      benchmark::DoNotOptimize(c.forward());
    };
  }
  const Tensor& wanted = pass == kDx ? c.x : c.w;
  return [&c, &wanted] {
    benchmark::DoNotOptimize(grad({&c.y, 1}, {&wanted, 1}, {&c.g, 1}, {.retain_graph = true}));
  };
}
double product_of(Pass pass, const Convolution& c) {
  const int64_t k = c.taps();
  if (pass == kForward) return product_seconds(c.out, c.places(), k);
  if (pass == kDx) return product_seconds(c.in, c.places(), c.out * c.kernel * c.kernel);
  return product_seconds(c.out, k, c.places());
}
template <Pass pass>
void conv(benchmark::State& state) {
  const Convolution c(state);
  const auto call = call_of(pass, c);
  bench::report_flops<float>(state, c.flops(), bench::timed(state, call), get_num_threads());
  state.counters["of_product"] = product_of(pass, c) / least(call);
}
// Of the input or its gradient, and of the result or its gradient; dW reads both.
template <Pass pass>
void conv_bytes(benchmark::State& state) {
  const Convolution c(state);
  const double s = bench::timed(state, call_of(pass, c));
  bench::report_bytes(state, static_cast<double>(c.x.bytes() + c.y.bytes()), s);
}

void names(benchmark::internal::Benchmark* b) {
  b->ArgNames({"in", "out", "pixels", "batch", "kernel", "stride", "groups"});
  b->UseRealTime()->Unit(benchmark::kMicrosecond);
}
void dense_shapes(benchmark::internal::Benchmark* b) {
  names(b);
  constexpr int64_t kSizes[][2] = {{32, 56},  {64, 56},  {64, 28}, {128, 28},
                                   {128, 14}, {256, 14}, {256, 7}, {512, 7}};
  for (const auto& [channels, pixels] : kSizes)
    for (int64_t batch : {1, 8, 64})
      for (int64_t kernel : {1, 3, 5})
        for (int64_t stride : {1, 2})
          if (kernel > 1 || stride == 1)
            b->Args({channels, channels, pixels, batch, kernel, stride, 1});
}
void depthwise_shapes(benchmark::internal::Benchmark* b) {
  names(b);
  for (int64_t stride : {1, 2}) b->Args({64, 64, 112, 32, 3, stride, 64});
}
void first_shapes(benchmark::internal::Benchmark* b) {
  names(b);
  b->Args({3, 32, 112, 64, 3, 1, 1})->Args({3, 32, 224, 32, 3, 2, 1});
}
BENCHMARK_TEMPLATE(conv, kForward)->Name("conv_forward")->Apply(dense_shapes);
BENCHMARK_TEMPLATE(conv, kDx)->Name("conv_dx")->Apply(dense_shapes);
BENCHMARK_TEMPLATE(conv, kDw)->Name("conv_dw")->Apply(dense_shapes);
BENCHMARK_TEMPLATE(conv_bytes, kForward)->Name("depthwise_forward")->Apply(depthwise_shapes);
BENCHMARK_TEMPLATE(conv_bytes, kDx)->Name("depthwise_dx")->Apply(depthwise_shapes);
BENCHMARK_TEMPLATE(conv_bytes, kDw)->Name("depthwise_dw")->Apply(depthwise_shapes);
BENCHMARK_TEMPLATE(conv_bytes, kForward)->Name("first_layer_forward")->Apply(first_shapes);
BENCHMARK_TEMPLATE(conv_bytes, kDw)->Name("first_layer_dw")->Apply(first_shapes);

// ---- what moves memory

// f(x) recorded, or its backward pass alone, which reads x `again` or not. Each tensor is moved
// once: what a norm passes over twice, the 1.5 MiB of a channel at most, stays in a cache.
template <class F>
void images(benchmark::State& state, bool again, const F& f) {
  Tensor x = randn({32, 64, 112, 112});
  x.set_requires_grad(true);
  const Tensor y = f(x), g = randn(y.shape());
  const bool backward = state.range(0) != 0;
  const double s = bench::timed(state, [&] {
    if (backward)
      benchmark::DoNotOptimize(grad({&y, 1}, {&x, 1}, {&g, 1}, {.retain_graph = true}));
    else
      benchmark::DoNotOptimize(f(x));
  });
  const int64_t bytes = x.bytes() + y.bytes() + (backward && again ? x.bytes() : 0);
  bench::report_bytes(state, static_cast<double>(bytes), s);
}
#define WENGERT_IMAGES(name, again, expression)                                         \
  void name##_images(benchmark::State& state) {                                         \
    const Tensor w = ones({64}), b = zeros({64});                                       \
    images(state, again, [&]([[maybe_unused]] const Tensor& x) { return expression; }); \
  }                                                                                     \
  BENCHMARK(name##_images)->Name(#name)->Apply(both_ways)
void both_ways(benchmark::internal::Benchmark* b) {
  b->ArgName("backward")->Arg(0)->Arg(1)->UseRealTime()->Unit(benchmark::kMillisecond);
}
WENGERT_IMAGES(max_pool2d, false, max_pool2d(x, 2));
WENGERT_IMAGES(avg_pool2d, false, avg_pool2d(x, 2));
WENGERT_IMAGES(bilinear, false, interpolate(x, Dims{224, 224}, InterpolateMode::kBilinear));
WENGERT_IMAGES(batch_norm, true, batch_norm(x, {}, {}, w, b, true));
WENGERT_IMAGES(group_norm, true, group_norm(x, 32, w, b));
WENGERT_IMAGES(instance_norm, true, instance_norm(x, {}, {}, w, b));
WENGERT_IMAGES(layer_norm, true, layer_norm(x, 112));
#undef WENGERT_IMAGES

}  // namespace
