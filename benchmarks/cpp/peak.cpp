#include <algorithm>
#include <chrono>
#include <cstring>
#include <numeric>
#include <thread>
#include <vector>

#include "bench.h"

namespace bench {
namespace {

#if defined(__AVX512F__)
constexpr int kBytes = 64;
#elif defined(__AVX__)
constexpr int kBytes = 32;
#else
constexpr int kBytes = 16;
#endif
typedef float Vector __attribute__((vector_size(kBytes)));

// Enough independent sums to hide the latency of an FMA on two units, few enough to stay in
// registers.
constexpr int kSums = 12;
constexpr int64_t kRounds = 2'000'000;

double one_run() {
  Vector sum[kSums], x, y;
  for (Vector& s : sum) std::memset(&s, 0, sizeof s);
  for (int i = 0; i < kBytes / 4; ++i) {
    x[i] = 0.999f;
    y[i] = 1e-3f;
  }
  const auto start = std::chrono::steady_clock::now();
  for (int64_t r = 0; r < kRounds; ++r)
    for (int i = 0; i < kSums; ++i) sum[i] = sum[i] * x + y;
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  for (const Vector& s : sum) benchmark::DoNotOptimize(s);
  return 2.0 * kSums * (kBytes / 4) * kRounds / seconds.count();
}

// The thread does as much with a busy neighbour as a benchmark does; the best of five is the peak.
double measure() {
  double best = 0;
  for (int i = 0; i < 5; ++i) best = std::max(best, one_run());
  return best;
}

// The arrays are tensors, so that they lie on pages as large as an operation's do.
double measure_triad() {
  constexpr int64_t kElements = (64 << 20) / sizeof(float), kGrain = 1 << 16;
  const wengert::Tensor ta = wengert::ones({kElements}), tb = wengert::ones({kElements}),
                        tc = wengert::ones({kElements});
  float* __restrict a = ta.data_as<float>();
  const float* __restrict b = tb.data_as<float>();
  const float* __restrict c = tc.data_as<float>();
  double best = 0;
  for (int run = 0; run < 10; ++run) {
    const auto start = std::chrono::steady_clock::now();
    wengert::parallel_for(kElements, kGrain, [=](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) a[i] = b[i] + 1.5f * c[i];
    });
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    best = std::max(best, 3.0 * sizeof(float) * kElements / seconds.count());
  }
  return best;
}

}  // namespace

double peak_of_one_core() {
  static const double peak = measure();
  return peak;
}

double triad_bandwidth() {
  static const double bandwidth = measure_triad();
  return bandwidth;
}

namespace {

void fma_peak(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(one_run());
  state.counters["GFLOP/s"] = peak_of_one_core() / 1e9;
}
BENCHMARK(fma_peak)->Unit(benchmark::kMillisecond);

void fma_peak_together(benchmark::State& state) {
  const int n = wengert::get_num_threads();
  std::vector<double> rates(n);
  double total = 0;
  for (auto _ : state) {
    std::vector<std::thread> others;
    for (int i = 1; i < n; ++i) others.emplace_back([&rates, i] { rates[i] = one_run(); });
    rates[0] = one_run();
    for (std::thread& t : others) t.join();
    total += std::accumulate(rates.begin(), rates.end(), 0.0);
  }
  const double mean = total / static_cast<double>(state.iterations());
  state.counters["GFLOP/s"] = mean / 1e9;
  state.counters["of_peak"] = mean / (peak_of_one_core() * n);
}
BENCHMARK(fma_peak_together)->Unit(benchmark::kMillisecond)->UseRealTime();

void triad(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(measure_triad());
  state.counters["GB/s"] = triad_bandwidth() / 1e9;
}
BENCHMARK(triad)->Unit(benchmark::kMillisecond);

// A team with nothing to do: what a job costs beside its work.
void join(benchmark::State& state) {
  const wengert::KeepAwake awake(true);
  for (auto _ : state)
    wengert::parallel_for(wengert::get_num_threads(), 1,
                          [](int64_t i, int64_t) { benchmark::DoNotOptimize(i); });
}
BENCHMARK(join)->UseRealTime();

}  // namespace
}  // namespace bench
