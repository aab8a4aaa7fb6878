// Reductions over every choice of dimensions, and sorted lines.
#include "wengert/kernels/reduce/reduce.h"

#include "kernels.h"
#include "wengert/kernels/reduce/naive.h"
#include "wengert/kernels/reduce/scan.h"

namespace wengert {
namespace {

using Reduce = ReduceKind;

template <class Out, class T>
void reduction(Reduce kind, const Dims& shape, uint32_t reduced, const std::vector<T>& x,
               double param, double tolerance, bool second) {
  const ReducePlan plan = plan_reduction(shape, reduced);
  const std::vector<naive::Reduced> expected = naive::reduce(kind, shape, reduced, x.data(), param);
  std::vector<Out> out(expected.size());
  std::vector<int64_t> more(expected.size());
  reduce(kind, plan, dtype_of<T>(), x.data(),
         {dtype_of<Out>(), out.data(), second ? more.data() : nullptr}, param);
  for (size_t i = 0; i < out.size(); ++i) {
    CHECK(close(static_cast<double>(out[i]), expected[i].value, tolerance, tolerance));
    if (second) CHECK(static_cast<double>(more[i]) == expected[i].second);
  }
}

template <class T>
void reductions(const Dims& shape) {
  std::vector<T> x = numbers<T>(numel(shape));
  const double loose = std::is_integral_v<T> ? 0 : kLoose<T>;
  for (uint32_t reduced = 0; reduced < 1u << shape.size(); ++reduced) {
    const auto test = [&]<class Out>(Reduce kind, double param, double tolerance, bool second) {
      reduction<Out>(kind, shape, reduced, x, param, tolerance, second);
    };
    using Sum = std::conditional_t<std::is_integral_v<T>, int64_t, T>;
    for (const Reduce kind : {Reduce::kSum, Reduce::kNanSum})
      test.template operator()<Sum>(kind, 0, loose * 10, false);
    test.template operator()<int64_t>(Reduce::kCountNonzero, 0, 0, false);
    for (const Reduce kind : {Reduce::kAny, Reduce::kAll})
      test.template operator()<uint8_t>(kind, 0, 0, false);
    for (const Reduce kind : {Reduce::kMax, Reduce::kMin})
      test.template operator()<T>(kind, 0, 0, false);
    for (const Reduce kind : {Reduce::kArgMax, Reduce::kArgMin})
      test.template operator()<int64_t>(kind, 0, 0, false);
    for (const Reduce kind : {Reduce::kMaxIndex, Reduce::kMinIndex})
      test.template operator()<T>(kind, 0, 0, true);
    if constexpr (std::is_floating_point_v<T>) {
      for (const Reduce kind : {Reduce::kMean, Reduce::kNorm1, Reduce::kNorm2, Reduce::kProd,
                                Reduce::kNormInf, Reduce::kNormNegInf, Reduce::kLogSumExp})
        test.template operator()<T>(kind, 0, loose * 10, false);
      for (const Reduce kind : {Reduce::kVar, Reduce::kStd})
        test.template operator()<T>(kind, 1, loose * 10, false);
      test.template operator()<T>(Reduce::kNormP, 3, loose * 10, false);
    }
  }
}

template <class T>
void scans(const Lines& l) {
  const int64_t n = l.outer * l.n * l.inner;
  const Dtype d = dtype_of<T>();
  const double loose = std::is_integral_v<T> ? 0 : kLoose<T>;
  std::vector<T> x = numbers<T>(n), y(x.size());
  if (n > 20) x[static_cast<size_t>(n / 2)] = T(0);
  const auto same = [&](const std::vector<T>& expected) {
    CHECK(close(y, expected, loose, loose));
  };
  for (const bool reverse : {false, true}) {
    running_sum(l, d, x.data(), y.data(), reverse);
    same(naive::running(l, x, reverse, [](T a, T b, size_t) { return static_cast<T>(a + b); }));
  }
  std::vector<int64_t> index(x.size());
  for (const bool largest : {false, true}) {
    running_extreme(l, d, x.data(), y.data(), index.data(), largest);
    same(naive::running(l, x, false, [&](T a, T b, size_t) { return (b > a) == largest ? b : a; }));
  }
  if constexpr (std::is_floating_point_v<T>) {
    running_product(l, d, x.data(), y.data());
    same(naive::running(l, x, false, [](T a, T b, size_t) { return a * b; }));
    const std::vector<T> product = y, g = numbers<T>(n, 2);
    running_product_backward(l, d, g.data(), x.data(), product.data(), y.data());
    same(naive::running_product_backward(l, g, x));
    product_backward(l, d, g.data(), x.data(), y.data());
    same(naive::product_backward(l, g, x));
    for (const bool reverse : {false, true}) {
      linear_scan(l, d, x.data(), g.data(), y.data(), reverse);
      same(naive::running(l, x, reverse, [&](T a, T b, size_t at) { return b + g[at] * a; }));
    }
  }
}

template <class T>
void equal(const Dims& shape) {
  const std::vector<T> x = numbers<T>(2 * numel(shape) + 1);
  for (const Memory& l : memories(shape)) {
    std::vector<T> y(static_cast<size_t>(l.size));
    naive::each(shape, [&](const Dims& at, int64_t i) {
      y[static_cast<size_t>(l.offset + naive::place(at, l.strides))] = x[static_cast<size_t>(i)];
    });
    const auto same = [&] {
      return all_equal(dtype_of<T>(), shape, x.data(), contiguous_strides(shape),
                       y.data() + l.offset, l.strides);
    };
    CHECK(same());
    if (numel(shape) == 0) continue;
    y[static_cast<size_t>(l.offset)] += T(1);
    CHECK(!same());
  }
}

template <class T>
void sorts(const SortShape& s) {
  std::vector<T> x = numbers<T>(s.outer * s.n * s.inner);
  if constexpr (std::is_floating_point_v<T>) {
    for (size_t i = 0; i < x.size(); i += 3) x[i] = std::round(x[i]);  // equal ones
    if (x.size() > 4) x[4] = NAN;
    if (x.size() > 40) x[7] = -(x[31] = 0);
  }
  std::vector<T> middle(static_cast<size_t>(s.outer * s.inner));
  std::vector<int64_t> where(middle.size());
  pick_lines(dtype_of<T>(), {s.outer, s.n, s.inner, 1}, x.data(), middle.data(), where.data(),
             Pick::kMedian);
  for (size_t l = 0; l < middle.size(); ++l) {
    const auto o = static_cast<int64_t>(l) / s.inner, i = static_cast<int64_t>(l) % s.inner;
    const std::vector<int64_t> order = naive::sorted(s, x.data(), o, i, false);
    const auto at = [&](int64_t k) { return x[static_cast<size_t>((o * s.n + k) * s.inner + i)]; };
    const int64_t first_nan =
        *std::find_if(order.begin(), order.end() - 1, [&](int64_t k) { return at(k) != at(k); });
    const bool nan = at(first_nan) != at(first_nan);
    const int64_t expected = nan ? first_nan : order[static_cast<size_t>((s.n - 1) / 2)];
    CHECK(where[l] == expected);
    CHECK(close(double(middle[l]), double(at(expected)), 0, 0));
  }
  for (const bool descending : {false, true}) {
    std::vector<T> values(static_cast<size_t>(s.outer * s.k * s.inner));
    std::vector<int64_t> indices(values.size());
    sort_lines(dtype_of<T>(), s, x.data(), values.data(), indices.data(), descending);
    for (int64_t o = 0; o < s.outer; ++o) {
      for (int64_t i = 0; i < s.inner; ++i) {
        const std::vector<int64_t> order = naive::sorted(s, x.data(), o, i, descending);
        for (int64_t k = 0; k < s.k; ++k) {
          const auto at = static_cast<size_t>((o * s.k + k) * s.inner + i);
          const T expected = x[static_cast<size_t>((o * s.n + order[k]) * s.inner + i)];
          CHECK(indices[at] == order[static_cast<size_t>(k)]);
          CHECK(std::signbit(double(values[at])) == std::signbit(double(expected)));
          CHECK(close(double(values[at]), double(expected), 0, 0));
        }
      }
    }
  }
}

}  // namespace

void test_reduce() {
  for (const Dims& shape : {Dims{37}, Dims{5, 7}, Dims{3, 130}, Dims{130, 3}, Dims{2, 3, 4, 5}}) {
    reductions<float>(shape);
    reductions<double>(shape);
    reductions<int64_t>(shape);
    reductions<int32_t>(shape);
  }
  for (const SortShape& s :
       {SortShape{1, 1, 1, 1}, SortShape{3, 17, 1, 17}, SortShape{2, 100, 3, 100},
        SortShape{4, 50, 1, 5}, SortShape{2, 300, 1, 300}, SortShape{1, 1000, 17, 3},
        SortShape{2, 999, 1, 200}, SortShape{1, 20000, 1, 40}}) {
    sorts<float>(s);
    sorts<double>(s);
    sorts<int64_t>(s);
    sorts<uint8_t>(s);
  }
}

}  // namespace wengert
