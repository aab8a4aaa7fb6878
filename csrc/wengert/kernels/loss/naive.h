// What softmax and the losses compute, from their formulas in float64. For tests: nothing fast
// includes this.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "wengert/kernels/loss/ctc.h"
#include "wengert/kernels/loss/loss.h"
#include "wengert/kernels/loss/softmax.h"

namespace wengert::naive {

// One line of [outer, n, inner].
template <class T>
struct Line {
  T* data;
  int64_t step;
  T& operator[](int64_t k) const { return data[k * step]; }
};
template <class T>
Line<T> line(T* x, int64_t n, int64_t inner, int64_t o, int64_t i) {
  return {x + o * n * inner + i, inner};
}

template <class X>
double log_sum_exp(const X& x, int64_t n) {
  double m = -INFINITY, s = 0;
  for (int64_t k = 0; k < n; ++k) m = std::max(m, double(x[k]));
  for (int64_t k = 0; k < n; ++k) s += std::exp(double(x[k]) - m);
  return m + std::log(s);
}

template <class T>
void softmax(bool log, const SoftmaxShape& s, const T* x, T* y) {
  for (int64_t o = 0; o < s.outer; ++o) {
    for (int64_t i = 0; i < s.inner; ++i) {
      const auto xs = line(x, s.n, s.inner, o, i);
      const auto ys = line(y, s.n, s.inner, o, i);
      const double lse = log_sum_exp(xs, s.n);
      for (int64_t k = 0; k < s.n; ++k)
        ys[k] = static_cast<T>(log ? double(xs[k]) - lse : std::exp(double(xs[k]) - lse));
    }
  }
}

template <class T>
void softmax_gradient(bool log, const SoftmaxShape& s, const T* g, const T* y, T* dx) {
  for (int64_t o = 0; o < s.outer; ++o) {
    for (int64_t i = 0; i < s.inner; ++i) {
      const auto gs = line(g, s.n, s.inner, o, i), ys = line(y, s.n, s.inner, o, i);
      const auto out = line(dx, s.n, s.inner, o, i);
      double sum = 0;
      for (int64_t k = 0; k < s.n; ++k) sum += log ? double(gs[k]) : double(gs[k]) * double(ys[k]);
      for (int64_t k = 0; k < s.n; ++k) {
        const double gk = double(gs[k]), yk = double(ys[k]);
        out[k] = static_cast<T>(log ? gk - std::exp(yk) * sum : yk * (gk - sum));
      }
    }
  }
}

// What multiplies -log p of class c for a target.
template <class T>
double class_weight(const ClassLoss& l, int64_t target, int64_t c) {
  const T* w = static_cast<const T*>(l.weight);
  const double wc = w ? double(w[c]) : 1;
  if (target == l.ignore_index) return 0;
  return (c == target ? (1 - l.smoothing) * wc : 0) + l.smoothing / double(l.classes) * wc;
}
// The sum of the targets' own weights.
template <class T>
double total_weight(const ClassLoss& l) {
  const T* w = static_cast<const T*>(l.weight);
  double sum = 0;
  for (int64_t t = 0; t < l.targets(); ++t)
    if (l.target[t] != l.ignore_index) sum += w ? double(w[l.target[t]]) : 1;
  return sum;
}

// The loss of every target. With `log_p` x is log p, else logits.
template <class T>
std::vector<double> class_losses(const ClassLoss& l, const T* x, bool log_p) {
  std::vector<double> out;
  for (int64_t r = 0; r < l.rows; ++r) {
    for (int64_t i = 0; i < l.inner; ++i) {
      const auto xs = line(x, l.classes, l.inner, r, i);
      const double lse = log_p ? 0 : log_sum_exp(xs, l.classes);
      double loss = 0;
      for (int64_t c = 0; c < l.classes; ++c)
        loss += class_weight<T>(l, l.target[r * l.inner + i], c) * (lse - double(xs[c]));
      out.push_back(loss);
    }
  }
  return out;
}

// g, one number for each target or one for all, already divided for a mean.
template <class T>
void class_gradient(const ClassLoss& l, const std::vector<double>& g, const T* x, bool log_p,
                    T* dx) {
  for (int64_t r = 0; r < l.rows; ++r) {
    for (int64_t i = 0; i < l.inner; ++i) {
      const int64_t t = r * l.inner + i;
      const auto xs = line(x, l.classes, l.inner, r, i);
      const auto out = line(dx, l.classes, l.inner, r, i);
      const double lse = log_p ? 0 : log_sum_exp(xs, l.classes);
      double all = 0;
      for (int64_t c = 0; c < l.classes; ++c) all += class_weight<T>(l, l.target[t], c);
      for (int64_t c = 0; c < l.classes; ++c) {
        const double p = log_p ? 0 : std::exp(double(xs[c]) - lse);
        const double slope = p * all - class_weight<T>(l, l.target[t], c);
        out[c] = static_cast<T>(g[g.size() == 1 ? 0 : static_cast<size_t>(t)] * slope);
      }
    }
  }
}

// Rows of any numbers made the logarithms of probabilities.
template <class T>
void log_probabilities(std::vector<T>& x, int64_t n) {
  softmax(true, SoftmaxShape{static_cast<int64_t>(x.size()) / n, n, 1}, x.data(), x.data());
}

// By looking at every sequence of classes: classes^steps of them. Of sample n, whose labels are
// given, the loss, and each class's share in each step among the sequences that read as the labels.
struct Reading {
  double loss;
  std::vector<double> share;  // [steps, classes]
};
template <class T>
Reading read_all(const CtcLoss& l, int64_t n, const std::vector<int64_t>& labels, const T* x) {
  const int64_t steps = l.input_lengths[n];
  std::vector<double> share(static_cast<size_t>(steps * l.classes));
  double total = 0;
  for (int64_t code = 0, end = std::llround(std::pow(l.classes, steps)); code < end; ++code) {
    std::vector<int64_t> path, read;
    double p = 1;
    for (int64_t t = 0, rest = code; t < steps; ++t, rest /= l.classes) {
      path.push_back(rest % l.classes);
      p *= std::exp(double(x[(t * l.batch + n) * l.classes + path.back()]));
      const bool again = t > 0 && path[static_cast<size_t>(t - 1)] == path.back();
      if (path.back() != l.blank && !again) read.push_back(path.back());
    }
    if (read != labels) continue;
    total += p;
    for (int64_t t = 0; t < steps; ++t)
      share[static_cast<size_t>(t * l.classes + path[static_cast<size_t>(t)])] += p;
  }
  for (double& s : share) s /= total;
  return {-std::log(total), share};
}

// The loss of one pair and its derivative by x.
struct Pair {
  double loss, slope;
};
inline Pair pair(PairLoss kind, double x, double t, double param) {
  const double d = x - t, a = std::abs(d), sign = double(d > 0) - double(d < 0);
  switch (kind) {
    case PairLoss::kSquare:
      return {d * d, 2 * d};
    case PairLoss::kAbsolute:
      return {a, sign};
    case PairLoss::kSmooth:
      return a < param ? Pair{d * d / (2 * param), d / param} : Pair{a - param / 2, sign};
    case PairLoss::kHuber:
      return a <= param ? Pair{d * d / 2, d} : Pair{param * (a - param / 2), param * sign};
    case PairLoss::kBinary:
      return {-(t * std::log(x) + (1 - t) * std::log1p(-x)), (x - t) / (x * (1 - x))};
    case PairLoss::kLogits:
      return {std::max(x, 0.0) - x * t + std::log1p(std::exp(-std::abs(x))),
              1 / (1 + std::exp(-x)) - t};
  }
  return {};
}

}  // namespace wengert::naive
