// What the norms compute, from their formulas in float64. For tests: nothing fast includes this.
#pragma once

#include <cmath>
#include <vector>

#include "wengert/kernels/norm/norm.h"

namespace wengert::naive {

// What is normalised together, as places in memory, and the place of each one's weight.
struct NormLine {
  std::vector<int64_t> at, weight;
};
inline std::vector<NormLine> lines_of(const GroupNormShape& s) {
  std::vector<NormLine> lines(static_cast<size_t>(s.rows()));
  for (int64_t row = 0; row < s.rows(); ++row)
    for (int64_t i = 0; i < s.row(); ++i) {
      lines[static_cast<size_t>(row)].at.push_back(row * s.row() + i);
      lines[static_cast<size_t>(row)].weight.push_back(row % s.groups * s.channels + i / s.inner);
    }
  return lines;
}
inline std::vector<NormLine> lines_of(const BatchNormShape& s) {
  std::vector<NormLine> lines(static_cast<size_t>(s.channels));
  for (int64_t n = 0; n < s.samples; ++n)
    for (int64_t c = 0; c < s.channels; ++c)
      for (int64_t i = 0; i < s.inner; ++i) {
        lines[static_cast<size_t>(c)].at.push_back((n * s.channels + c) * s.inner + i);
        lines[static_cast<size_t>(c)].weight.push_back(c);
      }
  return lines;
}

struct NormMoments {
  double mean, var;
};
template <class T>
NormMoments moments(const NormLine& line, const T* x, bool centred) {
  const auto n = static_cast<double>(line.at.size());
  double mean = 0, var = 0;
  for (const int64_t i : line.at) mean += centred ? double(x[i]) / n : 0;
  for (const int64_t i : line.at) var += (double(x[i]) - mean) * (double(x[i]) - mean) / n;
  return {mean, var};
}

template <class T>
void norm(const NormLine& line, const NormMoments& m, double eps, const T* x, const T* w,
          const T* b, T* y) {
  for (size_t k = 0; k < line.at.size(); ++k) {
    const double h = (double(x[line.at[k]]) - m.mean) / std::sqrt(m.var + eps);
    const auto c = static_cast<size_t>(line.weight[k]);
    y[line.at[k]] = static_cast<T>(h * (w ? double(w[c]) : 1) + (b ? double(b[c]) : 0));
  }
}

// Adds to dw and db.
template <class T>
void norm_gradient(const NormLine& line, const NormMoments& m, double eps, bool centred, bool given,
                   const T* g, const T* x, const T* w, T* dx, double* dw, double* db) {
  const double r = 1 / std::sqrt(m.var + eps), n = static_cast<double>(line.at.size());
  double sum = 0, dot = 0;
  for (size_t k = 0; k < line.at.size(); ++k) {
    const auto c = static_cast<size_t>(line.weight[k]);
    const double h = (double(x[line.at[k]]) - m.mean) * r, grad = double(g[line.at[k]]);
    dw[c] += grad * h;
    db[c] += grad;
    sum += grad * (w ? double(w[c]) : 1) / n;
    dot += grad * (w ? double(w[c]) : 1) * h / n;
  }
  for (size_t k = 0; k < line.at.size(); ++k) {
    const auto c = static_cast<size_t>(line.weight[k]);
    const double h = (double(x[line.at[k]]) - m.mean) * r;
    const double a = double(g[line.at[k]]) * (w ? double(w[c]) : 1);
    dx[line.at[k]] = static_cast<T>(r * (given ? a : a - (centred ? sum : 0) - h * dot));
  }
}

}  // namespace wengert::naive
