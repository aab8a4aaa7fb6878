// What is drawn: exact where no function is evaluated, and the generator ends where it should.
#include "kernels.h"
#include "wengert/kernels/random/distributions.h"
#include "wengert/kernels/random/dropout.h"
#include "wengert/kernels/random/naive.h"

namespace wengert {
namespace {

template <class T, class Fast, class Slow>
void drawn(int64_t n, double tolerance, const Fast& fast, const Slow& slow) {
  Generator g(5), h(5);
  std::vector<T> a(static_cast<size_t>(n)), b = a;
  fast(g, a.data());
  slow(h, b.data());
  CHECK(close(a, b, tolerance, tolerance));
  CHECK(g.random() == h.random());
}

template <class F>
void floats(int64_t n) {
  drawn<F>(
      n, 0, [&](Generator& g, F* out) { fill_uniform(g, out, n, -2, 5); },
      [&](Generator& g, F* out) { naive::uniform(g, out, n, -2, 5); });
  drawn<F>(
      n, kLoose<F>, [&](Generator& g, F* out) { fill_normal(g, out, n, 1, 2); },
      [&](Generator& g, F* out) { naive::normal(g, out, n, 1, 2); });
  drawn<F>(
      n, kLoose<F>, [&](Generator& g, F* out) { fill_exponential(g, out, n, 2); },
      [&](Generator& g, F* out) { naive::exponential(g, out, n, 2); });
  drawn<F>(
      n, 0, [&](Generator& g, F* out) { fill_dropout_mask(g, out, n, 0.3); },
      [&](Generator& g, F* out) { naive::dropout_mask(g, out, n, 0.3); });
  const std::vector<F> x = numbers<F>(n);
  std::vector<F> mask(x.size());
  drawn<F>(
      n, 0, [&](Generator& g, F* out) { fill_dropout(g, out, mask.data(), x.data(), n, 0.3); },
      [&](Generator& g, F* out) {
        naive::dropout_mask(g, out, n, 0.3);
        for (int64_t i = 0; i < n; ++i) out[i] *= x[static_cast<size_t>(i)];
      });
}

}  // namespace

void test_random() {
  for (const int64_t n : {1, 15, 16, 100, 5000, 40000}) {
    floats<float>(n);
    floats<double>(n);
    drawn<uint8_t>(
        n, 0, [&](Generator& g, uint8_t* out) { fill_bernoulli(g, out, n, 0.3); },
        [&](Generator& g, uint8_t* out) { naive::bernoulli(g, out, n, 0.3); });
    for (const int64_t to : {int64_t{50}, int64_t{1} << 40}) {
      drawn<int64_t>(
          n, 0, [&](Generator& g, int64_t* out) { fill_random_range(g, out, n, -7, to); },
          [&](Generator& g, int64_t* out) { naive::random_range(g, out, n, -7, to); });
    }
    drawn<int64_t>(
        n, 0, [&](Generator& g, int64_t* out) { randperm(g, out, n); },
        [&](Generator& g, int64_t* out) { naive::randperm(g, out, n); });
  }
}

}  // namespace wengert
