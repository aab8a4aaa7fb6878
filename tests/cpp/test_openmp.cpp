// A program that uses OpenMP itself: within its own teams an operation runs on the thread that
// calls it, whichever threads the library has, and the numbers are the same.
#include <omp.h>
#include <wengert/base/parallel.h>

#include <algorithm>
#include <vector>

#include "check.h"

using namespace wengert;

namespace {

std::vector<float> compute(const Tensor& x) {
  const Tensor y = softmax(exp(matmul(x, transpose(x, 0, 1))), 0);
  return {y.data_as<float>(), y.data_as<float>() + y.numel()};
}

void operations_within_a_team() {
  const Tensor x = mul(rand({300, 200}), 0.01);
  set_num_threads(4);
  const std::vector<float> wanted = compute(x);
  int wrong = 0, parallel = 0, met = 0;
#pragma omp parallel num_threads(3) reduction(+ : wrong, parallel, met)
  {
    if (omp_get_num_threads() > 1) ++met;
    for (int i = 0; i < 20; ++i) {
      parallel += in_parallel();
      wrong += compute(x) != wanted;
    }
  }
  CHECK(wrong == 0);
  CHECK(parallel == 20 * met);
  CHECK(!in_parallel());
  CHECK(compute(x) == wanted);
}

// A team of the library's within which the caller's function starts one of its own.
void a_team_within_an_operation() {
  std::vector<int> done(64);
  parallel_for(64, 1, [&](int64_t begin, int64_t end) {
    CHECK(in_parallel());
    for (int64_t i = begin; i < end; ++i) {
      int count = 0;
#pragma omp parallel for num_threads(2) reduction(+ : count)
      for (int j = 0; j < 10; ++j) ++count;
      done[static_cast<size_t>(i)] = count;
    }
  });
  CHECK(done == std::vector<int>(64, 10));
}

void an_error_reaches_the_caller() {
  for (int i = 0; i < 10; ++i) {
    int caught = 0;
    try {
      parallel_for(100, 1, [](int64_t begin, int64_t) {
        if (begin == 50) throw 50;
      });
    } catch (int thrown) {
      caught = thrown;
    }
    CHECK(caught == 50);
    CHECK(!in_parallel());
  }
}

}  // namespace

int main() {
  return run([] {
    operations_within_a_team();
    a_team_within_an_operation();
    an_error_reaches_the_caller();
  });
}
