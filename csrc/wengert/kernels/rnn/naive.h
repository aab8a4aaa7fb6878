// What recurrent layers compute, from their formulas in float64, a sequence after the other. For
// tests: nothing fast includes this.
#pragma once

#include <cmath>
#include <vector>

#include "wengert/kernels/rnn/steps.h"

namespace wengert::naive {

using Reals = std::vector<double>;

inline double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// sum_j w[row, j] v[j]
template <class T>
double dot(const T* w, int64_t row, const Reals& v) {
  double sum = 0;
  for (size_t j = 0; j < v.size(); ++j)
    sum += double(w[row * static_cast<int64_t>(v.size()) + static_cast<int64_t>(j)]) * v[j];
  return sum;
}
// to[j] += sum_i w[i, j] v[i] and, if there is one, dw[i, j] += v[i] x[j]
template <class T>
void transposed(const T* w, const Reals& v, Reals& to, Reals* dw, const Reals& x) {
  for (size_t i = 0; i < v.size(); ++i)
    for (size_t j = 0; j < to.size(); ++j) {
      to[j] += double(w[i * to.size() + j]) * v[i];
      if (dw) (*dw)[i * to.size() + j] += v[i] * x[j];
    }
}

// What one step of one sequence leaves.
struct RnnStep {
  Reals x, h_before, c_before, a, b, c, m, y;  // a = W x + b, b = W h + b; m is projected to y
};

template <class T>
struct RnnLayer {
  const RnnShape& s;
  RnnWeights<T> w;

  RnnStep step(const Reals& x, const Reals& h, const Reals& c) const {
    const int64_t n = s.blocks() * s.hidden;
    RnnStep r{x, h, c, {}, {}, c, Reals(static_cast<size_t>(s.hidden)), {}};
    for (int64_t i = 0; i < n; ++i) {
      r.a.push_back(dot(w.w_ih, i, x) + (w.b_ih ? double(w.b_ih[i]) : 0));
      r.b.push_back(dot(w.w_hh, i, h) + (w.b_hh ? double(w.b_hh[i]) : 0));
    }
    for (int64_t u = 0; u < s.hidden; ++u) {
      const Gates g = gates(r, u);
      const auto i = static_cast<size_t>(u);
      if (s.is_lstm()) {
        r.c[i] = g.of[1] * c[i] + g.of[0] * g.of[2];
        r.m[i] = g.of[3] * std::tanh(r.c[i]);
      } else {
        r.m[i] = s.kind == RnnKind::kGru ? (1 - g.of[1]) * g.of[2] + g.of[1] * h[i] : g.of[0];
      }
    }
    r.y = r.m;
    if (s.projected > 0) {
      r.y.clear();
      for (int64_t i = 0; i < s.projected; ++i) r.y.push_back(dot(w.w_hr, i, r.m));
    }
    return r;
  }

  struct Gates {
    double of[4];
  };
  Gates gates(const RnnStep& r, int64_t u) const {
    const auto a = [&](int64_t k) { return r.a[static_cast<size_t>(k * s.hidden + u)]; };
    const auto b = [&](int64_t k) { return r.b[static_cast<size_t>(k * s.hidden + u)]; };
    const auto sum = [&](int64_t k) { return a(k) + b(k); };
    if (s.is_lstm())
      return {{sigmoid(sum(0)), sigmoid(sum(1)), std::tanh(sum(2)), sigmoid(sum(3))}};
    if (s.kind == RnnKind::kTanh) return {{std::tanh(sum(0))}};
    if (s.kind == RnnKind::kRelu) return {{std::max(sum(0), 0.0)}};
    const double reset = sigmoid(sum(0));
    return {{reset, sigmoid(sum(1)), std::tanh(a(2) + reset * b(2))}};
  }
};

// As RnnGradients, of float64.
struct RnnSums {
  Reals x, h0, c0, w_ih, w_hh, b_ih, b_hh, w_hr;
};

// Behind a step: dh and dc become the gradients of the state before it; dx is set, others added to.
template <class T>
void step_back(const RnnLayer<T>& layer, const RnnStep& r, Reals& dh, Reals& dc, Reals& dx,
               RnnSums& d) {
  const RnnShape& s = layer.s;
  const auto n = static_cast<size_t>(s.hidden);
  Reals dm(n), da(static_cast<size_t>(s.blocks()) * n), past(dh.size()), none;
  s.projected > 0 ? transposed(layer.w.w_hr, dh, dm, &d.w_hr, r.m) : void(dm = dh);
  Reals db = da;
  for (size_t u = 0; u < n; ++u) {
    const auto gates = layer.gates(r, static_cast<int64_t>(u));
    const double* const g = gates.of;
    const auto set = [&](size_t k, double v) { da[k * n + u] = db[k * n + u] = v; };
    if (s.is_lstm()) {
      const double t = std::tanh(r.c[u]), sum = dc[u] + dm[u] * g[3] * (1 - t * t);
      set(0, sum * g[2] * g[0] * (1 - g[0]));
      set(1, sum * r.c_before[u] * g[1] * (1 - g[1]));
      set(2, sum * g[0] * (1 - g[2] * g[2]));
      set(3, dm[u] * t * g[3] * (1 - g[3]));
      dc[u] = sum * g[1];
    } else if (s.kind == RnnKind::kGru) {
      const double dn = dm[u] * (1 - g[1]) * (1 - g[2] * g[2]), b = r.b[2 * n + u];
      set(0, dn * b * g[0] * (1 - g[0]));
      set(1, dm[u] * (r.h_before[u] - g[2]) * g[1] * (1 - g[1]));
      set(2, dn);
      db[2 * n + u] = dn * g[0];
      past[u] = dm[u] * g[1];
    } else {
      set(0, dm[u] * (s.kind == RnnKind::kTanh ? 1 - g[0] * g[0] : g[0] > 0));
    }
  }
  std::fill(dx.begin(), dx.end(), 0.0);
  transposed(layer.w.w_ih, da, dx, &d.w_ih, r.x);
  transposed(layer.w.w_hh, db, past, &d.w_hh, r.h_before);
  for (size_t i = 0; i < da.size(); ++i) {
    d.b_ih[i] += da[i];
    d.b_hh[i] += db[i];
  }
  dh = past;
}

// Results and, for the gradients given (null: zeros), what goes to all that the layer takes.
struct RnnAll {
  Reals y, h_n, c_n;
  RnnSums d;
};
template <class T>
RnnAll rnn(const RnnShape& s, const T* x, const RnnState<T>& initial, const RnnWeights<T>& w,
           const T* gy, const RnnState<T>& g_last) {
  const RnnLayer<T> layer{s, w};
  const detail::Steps steps(s.rows, s.reverse);
  const int64_t out = s.out(), rows = s.rows.rows, batch = s.rows.batch;
  const auto zeros = [](int64_t n) { return Reals(static_cast<size_t>(n)); };
  const auto part = [](const T* from, int64_t at, int64_t n) {
    return from ? Reals(from + at * n, from + (at + 1) * n) : Reals(static_cast<size_t>(n));
  };
  const auto put = [](Reals& to, int64_t at, const Reals& v) {
    std::copy(v.begin(), v.end(), to.begin() + at * static_cast<int64_t>(v.size()));
  };
  const int64_t n = s.blocks() * s.hidden;
  RnnAll all{
      zeros(rows * out),
      zeros(batch * out),
      zeros(batch * s.hidden),
      {zeros(rows * s.input), zeros(batch * out), zeros(batch * s.hidden), zeros(n * s.input),
       zeros(n * out), zeros(n), zeros(n), zeros(s.projected * s.hidden)}};
  for (int64_t b = 0; b < batch; ++b) {
    Reals h = part(initial.h, b, out), c = part(initial.c, b, s.hidden);
    std::vector<std::pair<int64_t, RnnStep>> made;
    for (int64_t i = 0; i < steps.count(); ++i) {
      if (b >= steps.size(i)) continue;
      const int64_t row = steps.row(i, b);
      made.emplace_back(row, layer.step(part(x, row, s.input), h, c));
      h = made.back().second.y;
      c = made.back().second.c;
      put(all.y, row, h);
    }
    put(all.h_n, b, h);
    put(all.c_n, b, c);
    Reals dh = part(g_last.h, b, out), dc = part(g_last.c, b, s.hidden), dx = zeros(s.input);
    for (auto step = made.rbegin(); step != made.rend(); ++step) {
      const Reals g = part(gy, step->first, out);
      for (size_t j = 0; j < g.size(); ++j) dh[j] += g[j];
      step_back(layer, step->second, dh, dc, dx, all.d);
      put(all.d.x, step->first, dx);
    }
    put(all.d.h0, b, dh);
    put(all.d.c0, b, dc);
  }
  return all;
}

}  // namespace wengert::naive
