// Attention and its gradients in plain loops and double. For tests: nothing fast includes this.
#pragma once

#include <cmath>
#include <vector>

#include "wengert/kernels/attention/attention.h"

namespace wengert::naive {

inline bool is_kept(Kept kept, int64_t i) { return !kept || (kept[i / 8] >> i % 8 & 1); }

// The weights of one query.
template <class T>
std::vector<double> attention_weights(const AttentionShape& s, const T* q, const T* k,
                                      int64_t k_row, const AttentionMask& m, int64_t b, int64_t h,
                                      int64_t i) {
  std::vector<double> w(static_cast<size_t>(s.keys));
  double most = -INFINITY, total = 0;
  for (int64_t j = 0; j < s.keys; ++j) {
    double x = 0;
    for (int64_t l = 0; l < s.width; ++l)
      x += static_cast<double>(q[l]) * static_cast<double>(k[j * k_row + l]);
    x *= s.scale;
    const int64_t at = b * m.batch + h * m.head + i * m.query + j * m.key;
    if (m.data && m.is_bool && !static_cast<const bool*>(m.data)[at]) x = -INFINITY;
    if (m.data && !m.is_bool) x += static_cast<double>(static_cast<const T*>(m.data)[at]);
    if (s.causal && j > i) x = -INFINITY;
    w[static_cast<size_t>(j)] = x;
    most = std::max(most, x);
  }
  for (double& x : w) total += x = most == -INFINITY ? 0 : std::exp(x - most);
  for (double& x : w) x = total == 0 ? 0 : x / total;
  return w;
}

// y and, where d has memory, what is added to the gradients for incoming g.
template <class T>
void attention(const AttentionShape& s, HeadRows<const T> g, HeadRows<const T> q,
               HeadRows<const T> k, HeadRows<const T> v, const AttentionMask& m, Kept kept,
               HeadRows<T> y, const AttentionGradients<double>& d) {
  for (int64_t b = 0; b < s.batch; ++b)
    for (int64_t h = 0; h < s.heads; ++h)
      for (int64_t i = 0; i < s.queries; ++i) {
        const int64_t kv = h / s.group(), first = ((b * s.heads + h) * s.queries + i) * s.keys;
        const auto w = attention_weights(s, q.at(b, h, i), k.at(b, kv, 0), k.row, m, b, h, i);
        std::vector<double> out(static_cast<size_t>(s.out_width)), dw(w.size());
        double dot = 0;
        for (int64_t j = 0; j < s.keys; ++j) {
          const double f = is_kept(kept, first + j) ? 1 / (1 - s.p) : 0, p = w[size_t(j)];
          for (int64_t l = 0; l < s.out_width; ++l) {
            const auto x = static_cast<double>(v.at(b, kv, j)[l]);
            const auto gl = static_cast<double>(g.at(b, h, i)[l]);
            out[size_t(l)] += f * p * x;
            dw[size_t(j)] += f * gl * x;
            if (d.v.data) d.v.at(b, kv, j)[l] += f * p * gl;
          }
          dot += p * dw[size_t(j)];
        }
        for (int64_t l = 0; l < s.out_width; ++l) y.at(b, h, i)[l] = static_cast<T>(out[size_t(l)]);
        for (int64_t j = 0; j < s.keys && d.q.data; ++j) {
          const double ds = w[size_t(j)] * (dw[size_t(j)] - dot);
          d.scores[first + j] += ds;
          for (int64_t l = 0; l < s.width; ++l) {
            d.q.at(b, h, i)[l] += s.scale * ds * static_cast<double>(k.at(b, kv, j)[l]);
            d.k.at(b, kv, j)[l] += s.scale * ds * static_cast<double>(q.at(b, h, i)[l]);
          }
        }
      }
}

}  // namespace wengert::naive
