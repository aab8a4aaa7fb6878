// What the benchmarks share: shapes, and counters for GFLOP/s, GB/s and the fraction of the peak.
#pragma once

#include <benchmark/benchmark.h>
#include <wengert/wengert.h>

#include <chrono>

namespace bench {

// FLOP/s of one core that does nothing but fused multiply-adds on registers; measured once.
double peak_of_one_core();

// Bytes per second of a[i] = b[i] + s * c[i] over arrays far beyond the caches, on all threads;
// measured once.
double triad_bandwidth();

// Runs `f` as the body of a benchmark; returns seconds for one call. The first call, which takes
// the memory of its results from the system, is left out.
template <class F>
double timed(benchmark::State& state, const F& f) {
  f();
  const auto start = std::chrono::steady_clock::now();
  for (auto _ : state) f();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  return seconds.count() / static_cast<double>(state.iterations());
}

// Of operations on T, by so many threads. A register holds half as many doubles as floats.
template <class T>
void report_flops(benchmark::State& state, double flops, double seconds, int threads) {
  const double rate = flops / seconds, width = sizeof(float) / static_cast<double>(sizeof(T));
  state.counters["GFLOP/s"] = rate / 1e9;
  state.counters["of_peak"] = rate / (peak_of_one_core() * width * threads);
}

// `bytes` counts each operand as read once and each result as written once, as the triad's are:
// less no operation can move. What a write reads of the line before is in neither.
inline void report_bytes(benchmark::State& state, double bytes, double seconds) {
  constexpr double kBeyondCaches = 64 << 20;
  state.counters["GB/s"] = bytes / seconds / 1e9;
  if (bytes >= kBeyondCaches) state.counters["of_triad"] = bytes / seconds / triad_bandwidth();
}

}  // namespace bench
