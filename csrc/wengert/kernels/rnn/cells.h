// What the cells compute of one register of units, and the gradients. Internal: includes Eigen.
//
// s are the slices of what is saved: before a step the sums of products and biases, behind it
//   tanh, relu   the output h
//   LSTM         i, f, g, o: c = f c' + i g, h = o tanh c. S. Hochreiter, J. Schmidhuber, "Long
//                short-term memory", 1997, with F. Gers' forget gates, 2000
//   GRU          a = W_hn h' + b_hn, r, z, n = tanh(x + r a): h = n + z (h' - n). K. Cho et al.,
//                arXiv:1406.1078, with the reset gate behind the product
// where ' is the step before. Products with h' go to the first `recurrent` slices, those with x to
// the last `inputs`.
#pragma once

#include "wengert/kernels/core/vec.h"
#include "wengert/kernels/rnn/rnn.h"

namespace wengert::detail {

struct Slices {
  int64_t all, recurrent, inputs;
  int64_t first_input() const { return all - inputs; }
};
template <RnnKind kKind>
inline constexpr Slices kSlices = kKind == RnnKind::kLstm  ? Slices{4, 4, 4}
                                  : kKind == RnnKind::kGru ? Slices{4, 3, 3}
                                                           : Slices{1, 1, 1};
// Which block of rows of W_hh, and of W_ih, is that of slice s.
template <RnnKind kKind>
constexpr int64_t recurrent_block(int64_t s) {
  return kKind == RnnKind::kGru ? (s + 2) % 3 : s;
}
template <RnnKind kKind>
constexpr int64_t input_block(int64_t s) {
  return s - kSlices<kKind>.first_input();
}

// 1 / x for 1 <= x < infinity: a division of 16 floats takes 16 cycles, and a cell has five.
template <class T>
Vec<T> gate_reciprocal(Vec<T> x) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4) {
    const Vec<T> r = _mm512_rcp14_ps(x.p);
    return fma(r, Vec<T>(Eigen::internal::pnmadd(x.p, r.p, Vec<T>(1.0).p)), r);
  }
#endif
  return 1.0 / x;
}
// The functions of kernels/core/vec_exp.h, with that in place of divisions.
inline Vec<float> gate_sigmoid(Vec<float> x) {
  const auto e = exp_parts<false>(bounded(-x, -88, 88));
  const auto sum = 1.0 + e.scale, lost = 1.0 - (sum - e.scale);
  return gate_reciprocal(sum + fma(e.scale, e.part, lost));
}
inline Vec<float> gate_tanh(Vec<float> x) {
  constexpr float kP[] = {-3.333294664e-1f, 1.332072503e-1f, -5.267181225e-2f, 1.643757897e-2f};
  const VecF t = at_most(abs(x), 10), s = x * x;
  const VecF near = fma(x * s, polynomial(kP, s, s * s), x);
  const auto e = exp_parts<false>(t + t);
  const VecF far = fma(VecF(-2.0), gate_reciprocal(fma(e.scale, e.part, 1.0 + e.scale)), VecF(1.0));
  return with_sign(select(t < 0.55, near, far), x);
}
inline Vec<double> gate_sigmoid(Vec<double> x) { return sigmoid(x); }
inline Vec<double> gate_tanh(Vec<double> x) { return tanh(x); }

// The state of some units: h and c before, and what becomes of c.
template <class V>
struct UnitState {
  V h_before, c_before, c;
};

// Sets s and x.c; returns h.
template <RnnKind kKind, class V>
V cell_forward(V* s, UnitState<V>& x) {
  if constexpr (kKind == RnnKind::kLstm) {
    for (const int k : {0, 1, 3}) s[k] = gate_sigmoid(s[k]);
    s[2] = gate_tanh(s[2]);
    x.c = s[1] * x.c_before + s[0] * s[2];
    return s[3] * gate_tanh(x.c);
  } else if constexpr (kKind == RnnKind::kGru) {
    s[1] = gate_sigmoid(s[1]);
    s[2] = gate_sigmoid(s[2]);
    s[3] = gate_tanh(s[3] + s[1] * s[0]);
    return s[3] + s[2] * (x.h_before - s[3]);
  } else {
    s[0] = kKind == RnnKind::kTanh ? gate_tanh(s[0]) : max(s[0], V(0.0));
    return s[0];
  }
}

// Of the gradients dh of h and dc of c those of the sums, d; dc becomes that of c before. Returns
// what goes to h before past the products.
template <RnnKind kKind, class V>
V cell_backward(const V* s, const UnitState<V>& x, V dh, V& dc, V* d) {
  if constexpr (kKind == RnnKind::kLstm) {
    const V t = gate_tanh(x.c);
    dc = dc + dh * s[3] * (1.0 - t * t);
    d[0] = dc * s[2] * s[0] * (1.0 - s[0]);
    d[1] = dc * x.c_before * s[1] * (1.0 - s[1]);
    d[2] = dc * s[0] * (1.0 - s[2] * s[2]);
    d[3] = dh * t * s[3] * (1.0 - s[3]);
    dc = dc * s[1];
    return V(0.0);
  } else if constexpr (kKind == RnnKind::kGru) {
    d[3] = dh * (1.0 - s[2]) * (1.0 - s[3] * s[3]);
    d[0] = d[3] * s[1];
    d[1] = d[3] * s[0] * s[1] * (1.0 - s[1]);
    d[2] = dh * (x.h_before - s[3]) * s[2] * (1.0 - s[2]);
    return dh * s[2];
  } else {
    d[0] = kKind == RnnKind::kTanh ? dh * (1.0 - s[0] * s[0]) : select(s[0] > 0.0, dh, V(0.0));
    return V(0.0);
  }
}

}  // namespace wengert::detail
