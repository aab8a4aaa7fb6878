// What reduce(), sort_lines() and the scans compute, an output at a time. For tests: nothing fast
// includes this.
#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "wengert/kernels/core/naive.h"
#include "wengert/kernels/reduce/lines.h"
#include "wengert/kernels/reduce/reduce.h"
#include "wengert/kernels/reduce/sort.h"

namespace wengert::naive {

struct Reduced {
  double value;
  double second = 0;  // the index of an extremum, the mean of a variance
};

// Of the elements of one output, in the order of the input.
inline Reduced reduce(ReduceKind kind, const std::vector<double>& x, double param) {
  const double n = static_cast<double>(x.size());
  const auto sum = [&](auto f) {
    double s = 0;
    for (const double v : x) s += f(v);
    return s;
  };
  const auto extremum = [&](auto better) {
    size_t best = 0;
    for (size_t i = 1; i < x.size(); ++i)
      if (!std::isnan(x[best]) && (std::isnan(x[i]) || better(x[i], x[best]))) best = i;
    return Reduced{x[best], static_cast<double>(best)};
  };
  const auto more = [](double a, double b) { return a > b; };
  const auto less = [](double a, double b) { return a < b; };
  const auto more_abs = [](double a, double b) { return std::abs(a) > std::abs(b); };
  const auto less_abs = [](double a, double b) { return std::abs(a) < std::abs(b); };
  const auto swapped = [](Reduced r) { return Reduced{r.second, r.value}; };
  const double mean = sum([](double v) { return v; }) / n;
  const auto variance = [&] {
    return sum([&](double v) { return (v - mean) * (v - mean); }) / std::max(0.0, n - param);
  };
  switch (kind) {
    case ReduceKind::kSum:
      return {sum([](double v) { return v; })};
    case ReduceKind::kMean:
      return {mean};
    case ReduceKind::kNanSum:
      return {sum([](double v) { return std::isnan(v) ? 0 : v; })};
    case ReduceKind::kCountNonzero:
      return {sum([](double v) { return v != 0; })};
    case ReduceKind::kNorm1:
      return {sum([](double v) { return std::abs(v); })};
    case ReduceKind::kNorm2:
      return {std::sqrt(sum([](double v) { return v * v; }))};
    case ReduceKind::kNormP:
      return {std::pow(sum([&](double v) { return std::pow(std::abs(v), param); }), 1 / param)};
    case ReduceKind::kProd:
      return {std::accumulate(x.begin(), x.end(), 1.0, std::multiplies<>())};
    case ReduceKind::kAny:
      return {double(std::any_of(x.begin(), x.end(), [](double v) { return v != 0; }))};
    case ReduceKind::kAll:
      return {double(std::all_of(x.begin(), x.end(), [](double v) { return v != 0; }))};
    case ReduceKind::kMax:
    case ReduceKind::kMaxIndex:
      return extremum(more);
    case ReduceKind::kMin:
    case ReduceKind::kMinIndex:
      return extremum(less);
    case ReduceKind::kNormInf:
      return {std::abs(extremum(more_abs).value)};
    case ReduceKind::kNormNegInf:
      return {std::abs(extremum(less_abs).value)};
    case ReduceKind::kArgMax:
      return swapped(extremum(more));
    case ReduceKind::kArgMin:
      return swapped(extremum(less));
    case ReduceKind::kLogSumExp:
      return {std::log(sum([](double v) { return std::exp(v); }))};
    case ReduceKind::kVar:
      return {variance(), mean};
    case ReduceKind::kStd:
      return {std::sqrt(variance()), mean};
  }
  return {};
}

// Over contiguous memory; bit i of `reduced`: dimension i goes.
template <class T>
std::vector<Reduced> reduce(ReduceKind kind, const Dims& shape, uint32_t reduced, const T* x,
                            double param) {
  Dims kept = shape;
  for (int d = 0; d < shape.size(); ++d)
    if (reduced >> d & 1) kept[d] = 1;
  const Dims strides = contiguous_strides(kept);
  std::vector<std::vector<double>> parts(static_cast<size_t>(numel(kept)));
  each(shape, [&](Dims at, int64_t i) {
    for (int d = 0; d < shape.size(); ++d)
      if (reduced >> d & 1) at[d] = 0;
    parts[static_cast<size_t>(place(at, strides))].push_back(static_cast<double>(x[i]));
  });
  std::vector<Reduced> out;
  for (const auto& part : parts) out.push_back(reduce(kind, part, param));
  return out;
}

// The indices of line (o, i) in order.
template <class T>
std::vector<int64_t> sorted(const SortShape& s, const T* x, int64_t o, int64_t i, bool descending) {
  const auto at = [&](int64_t k) { return x[(o * s.n + k) * s.inner + i]; };
  const auto before = [&](int64_t a, int64_t b) {
    if (std::isnan(double(at(a)))) return false;
    return std::isnan(double(at(b))) || at(a) < at(b);
  };
  std::vector<int64_t> order(static_cast<size_t>(s.n));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return descending ? before(b, a) : before(a, b); });
  return order;
}

// f(the places of a line's elements) for each line, in order.
template <class F>
void each_line(const Lines& l, const F& f) {
  std::vector<size_t> at(static_cast<size_t>(l.n));
  for (int64_t o = 0; o < l.outer; ++o)
    for (int64_t i = 0; i < l.inner; ++i) {
      for (int64_t k = 0; k < l.n; ++k)
        at[static_cast<size_t>(k)] = static_cast<size_t>((o * l.n + k) * l.inner + i);
      f(at);
    }
}
// y_k = op(y_{k-1}, x_k), from the end if `reverse`.
template <class T, class Op>
std::vector<T> running(const Lines& l, const std::vector<T>& x, bool reverse, const Op& op) {
  std::vector<T> y = x;
  each_line(l, [&](std::vector<size_t> at) {
    if (reverse) std::reverse(at.begin(), at.end());
    for (size_t k = 1; k < at.size(); ++k) y[at[k]] = op(y[at[k - 1]], x[at[k]], at[k]);
  });
  return y;
}
// The gradient of each line's product.
template <class T>
std::vector<T> product_backward(const Lines& l, const std::vector<T>& g, const std::vector<T>& x) {
  std::vector<T> dx(x.size());
  size_t line = 0;
  each_line(l, [&](const std::vector<size_t>& at) {
    for (const size_t k : at) {
      double product = g[line];
      for (const size_t other : at) product *= other == k ? 1 : x[other];
      dx[k] = static_cast<T>(product);
    }
    ++line;
  });
  return dx;
}
// The gradient of its running products: dx_k is the sum of g_i times all x_0 ... x_i but x_k.
template <class T>
std::vector<T> running_product_backward(const Lines& l, const std::vector<T>& g,
                                        const std::vector<T>& x) {
  std::vector<T> dx(x.size());
  each_line(l, [&](const std::vector<size_t>& at) {
    for (size_t k = 0; k < at.size(); ++k) {
      double sum = 0;
      for (size_t i = k; i < at.size(); ++i) {
        double product = g[at[i]];
        for (size_t j = 0; j <= i; ++j) product *= j == k ? 1 : x[at[j]];
        sum += product;
      }
      dx[at[k]] = static_cast<T>(sum);
    }
  });
  return dx;
}

}  // namespace wengert::naive
