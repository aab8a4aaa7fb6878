// Sums of rows and bags of them, of any width, with rows that come often, seldom and never.
#include "wengert/kernels/embedding/embedding.h"

#include "kernels.h"
#include "wengert/base/parallel.h"
#include "wengert/kernels/embedding/naive.h"

namespace wengert {
namespace {

// Some rows often, the last never.
std::vector<int64_t> places(int64_t n, int64_t rows) {
  std::vector<int64_t> out;
  for (int64_t k = 0; k < n; ++k) out.push_back(k % 3 ? 0 : k * k % std::max<int64_t>(rows - 1, 1));
  return out;
}

template <class T>
void sums(int64_t rows, int64_t width, int64_t n) {
  const std::vector<int64_t> index = places(n, rows);
  std::vector<int64_t> from;
  for (int64_t k = 0; k < n; ++k) from.push_back(n - 1 - k);
  const std::vector<T> g = numbers<T>(n * width), weight = numbers<T>(n, 2);
  for (const int way : {0, 1, 2, 3}) {
    const RowSums s{rows,
                    width,
                    index.data(),
                    n,
                    way == 1 ? int64_t{0} : int64_t{-1},
                    way == 2 ? from.data() : nullptr,
                    way == 2 ? weight.data() : nullptr,
                    way == 3};
    for (const bool add : {false, true}) {
      std::vector<T> fast = numbers<T>(rows * width, 3), slow = fast;
      sum_rows(dtype_of<T>(), s, add, g.data(), fast.data());
      naive::sum_rows(s, add, g.data(), slow.data());
      CHECK(close(fast, slow, kLoose<T>, kLoose<T> * static_cast<double>(1 + n / 100)));
    }
  }
}

template <class T>
void bags(int64_t rows, int64_t width, const std::vector<int64_t>& ends) {
  const int64_t n = ends.back() + 2;  // more indices than are in bags
  const std::vector<int64_t> index = places(n, rows);
  const std::vector<T> w = numbers<T>(rows * width), weight = numbers<T>(n, 2);
  const auto count = static_cast<int64_t>(ends.size()) - 1;
  const std::vector<T> g = numbers<T>(count * width, 4);
  for (const BagMode mode : {BagMode::kSum, BagMode::kMean, BagMode::kMax}) {
    for (const bool weighted : {false, true}) {
      if (weighted && mode == BagMode::kMax) continue;
      for (const int64_t skip : {-1, 0}) {
        const Bags b{mode,
                     count,
                     width,
                     ends.data(),
                     index.data(),
                     skip,
                     weighted ? weight.data() : nullptr};
        std::vector<T> fast(static_cast<size_t>(count * width)), slow = fast;
        std::vector<int64_t> at(fast.size()), at_slow = at;
        bag_rows(dtype_of<T>(), b, w.data(), fast.data(), at.data());
        naive::bag_rows(b, w.data(), slow.data(), at_slow.data());
        CHECK(close(fast, slow, kLoose<T>, kLoose<T>) && at == at_slow);
        std::vector<T> each(static_cast<size_t>(n)), each_slow = each;
        bag_products(dtype_of<T>(), b, n, g.data(), w.data(), each.data());
        naive::bag_products(b, n, g.data(), w.data(), each_slow.data());
        CHECK(close(each, each_slow, kLoose<T>, kLoose<T>));
        if (mode != BagMode::kMax) continue;
        std::vector<T> back(w.size(), T(7)), back_slow(w.size());
        sum_largest(dtype_of<T>(), count, rows, width, at.data(), g.data(), back.data());
        for (size_t i = 0; i < at.size(); ++i)
          if (at[i] >= 0) back_slow[static_cast<size_t>(at[i] * width) + i % size_t(width)] += g[i];
        CHECK(close(back, back_slow, kLoose<T>, kLoose<T>));
      }
    }
  }
}

template <class T>
void clipped(int64_t step) {
  const int64_t rows = 6, width = 9, stride = step * width + 1;
  const std::vector<int64_t> some{0, 3, 5};
  for (const double p : {0.0, 1.0, 2.0, 2.5, HUGE_VAL, -HUGE_VAL}) {
    std::vector<T> fast = numbers<T>(rows * stride), slow = fast;
    clip_rows(dtype_of<T>(), fast.data(), stride, step, width, some.data(), 3, p, 1.0);
    for (const int64_t r : some) {
      T* row = slow.data() + r * stride;
      const double norm = naive::row_norm(row, step, width, p);
      for (int64_t i = 0; norm > 1 && i < width; ++i)
        row[i * step] *= static_cast<T>(1 / (norm + 1e-7));
    }
    CHECK(close(fast, slow, kLoose<T>, 0));
  }
}

// The same bits for any number of threads, of few rows that much goes to as well.
void alike() {
  for (const int64_t rows : {3, 5000}) {
    const int64_t width = 200, n = 3000;
    const std::vector<int64_t> index = places(n, rows);
    const std::vector<float> g = numbers<float>(n * width);
    const RowSums s{rows, width, index.data(), n, -1, nullptr, nullptr, false};
    std::vector<float> first(static_cast<size_t>(rows * width));
    set_num_threads(1);
    sum_rows(Dtype::kFloat32, s, false, g.data(), first.data());
    for (const int threads : {2, 3, 7}) {
      std::vector<float> other(first.size());
      set_num_threads(threads);
      sum_rows(Dtype::kFloat32, s, false, g.data(), other.data());
      CHECK(first == other);
    }
  }
  set_num_threads(default_num_threads());
}

template <class T>
void all() {
  for (const int64_t width : {1, 3, 8, 16, 17, 64, 70, 131})
    for (const auto& [rows, n] : {std::pair<int64_t, int64_t>{1, 5}, {4, 0}, {7, 40}, {50, 9}})
      sums<T>(rows, width, n);
  sums<T>(2, 150, 2000);  // cut within rows
  for (const int64_t width : {1, 5, 16, 33, 70}) bags<T>(6, width, {0, 3, 3, 4, 20});
  bags<T>(6, 100, {0, 1500});
  for (const int64_t step : {1, 2}) clipped<T>(step);
}

}  // namespace

void test_embedding() {
  all<float>();
  all<double>();
  alike();
}

}  // namespace wengert
