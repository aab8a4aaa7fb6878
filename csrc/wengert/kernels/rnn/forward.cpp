#include "wengert/kernels/gemm/gemm.h"
#include "wengert/kernels/rnn/pass.h"

namespace wengert {
namespace {

using namespace detail;

template <class T, RnnKind kKind>
class Forward : Pass<T, kKind> {
  using Base = Pass<T, kKind>;
  using Base::at, Base::division_, Base::initial_, Base::kS, Base::s_, Base::steps_, Base::w_,
      Base::width_;
  using V = Vec<T>;

 public:
  Forward(const RnnShape& s, const T* x, const RnnState<T>& initial, const RnnWeights<T>& w,
          const RnnResults<T>& to)
      : Base(s, initial, w),
        x_(x),
        to_(to),
        unprojected_(s.projected > 0 ? s.rows.batch * width_ : 0),
        hidden_bias_(kKind == RnnKind::kGru ? width_ : 0) {}

  void run() {
    products_with_x();
    if (division_.way == Division::kProducts) {
      by_products();
    } else {
      pack();
      division_.way == Division::kUnits ? by_units() : by_sequences();
    }
    last_states();
  }

 private:
  // The sums of all rows with x and the biases; the second of a GRU's last block is multiplied.
  void products_with_x() {
    const int64_t rows = s_.blocks() * s_.hidden;
    const bool biased = w_.b_ih || w_.b_hh;
    const Numbers<T> bias(biased ? rows : 0);
    for (int64_t j = 0; biased && j < rows; ++j) {
      const bool both = w_.b_hh && (kKind != RnnKind::kGru || j < 2 * s_.hidden);
      bias[j] = (w_.b_ih ? w_.b_ih[j] : T(0)) + (both ? w_.b_hh[j] : T(0));
    }
    this->each_run(kS.first_input(), kS.all, [&](int64_t slice, int64_t block, int64_t n) {
      Epilogue<T> e;
      if (biased) e.bias = bias.data() + block * s_.hidden;
      gemm(to_.gates + slice * width_, kS.all * width_, {x_, s_.input, 1},
           {w_.w_ih + block * s_.hidden * s_.input, 1, s_.input}, s_.rows.rows, n, s_.input, false,
           e);
    });
    if constexpr (kKind == RnnKind::kGru) {
      std::fill_n(hidden_bias_.data(), width_, T(0));
      if (w_.b_hh) std::copy_n(w_.b_hh + 2 * s_.hidden, s_.hidden, hidden_bias_.data());
    }
    if (width_ == s_.hidden) return;
    parallel_for(s_.rows.rows, 512, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin * kS.all; r < end * kS.all; ++r)
        std::fill(to_.gates + r * width_ + s_.hidden, to_.gates + (r + 1) * width_, T(0));
    });
  }

  void pack() {
    const int64_t k = s_.out(), each = Panels<T>::memory(k, width_);
    packed_.resize(kS.recurrent * each + (s_.projected > 0 ? Panels<T>::memory(s_.hidden, k) : 0));
    for (int64_t i = 0; i < kS.recurrent; ++i)
      panels_[i] = Panels<T>(packed_.data() + i * each, k, width_);
    const int64_t count = panels_[0].count();
    parallel_for(kS.recurrent * count, 4, [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) {
        const int64_t i = t / count;
        const T* const from = w_.w_hh + recurrent_block<kKind>(i) * s_.hidden * k;
        panels_[i].pack(t % count, 0, {from, 1, k}, k, s_.hidden);
      }
    });
    if (s_.projected == 0) return;
    projection_ = Panels<T>(packed_.data() + kS.recurrent * each, s_.hidden, k);
    for (int64_t p = 0; p < projection_.count(); ++p)
      projection_.pack(p, 0, {w_.w_hr, 1, s_.hidden}, s_.hidden, k);
  }

  // ---- the ways; see Note [recurrence]

  void by_sequences() {
    parallel_for(s_.rows.batch, division_.chunk, [&](int64_t b0, int64_t b1) {
      each_step(steps_, b0, b1, false, [&](int64_t i, int64_t begin, int64_t end) {
        sums(i, begin, end, 0, panels_[0].count());
        cells(i, begin, end, 0, width_);
        if (s_.projected == 0) return;
        for (int64_t p = 0; p < projection_.count(); ++p)
          projection_.multiply(p, to_.y + at(i, begin) * s_.out(), steps_.stride() * s_.out(),
                               unprojected_.data() + begin * width_, width_, end - begin, 0,
                               s_.hidden, false);
      });
    });
  }

  void by_units() {
    const int64_t count = panels_[0].count(), chunk = division_.chunk;
    const KeepAwake awake(true);
    for (int64_t i = 0; i < steps_.count(); ++i)
      parallel_for(count, chunk, [&](int64_t p0, int64_t p1) {
        sums(i, 0, steps_.size(i), p0, p1);
        cells(i, 0, steps_.size(i), panels_[0].begin(p0), panels_[0].begin(p1));
      });
  }

  void by_products() {
    for (int64_t i = 0; i < steps_.count(); ++i) {
      const int64_t n = steps_.size(i), m = steps_.continued(i);
      if (m > 0) product(i, 0, m, to_.y + at(i - 1, 0) * s_.out(), steps_.stride() * s_.out());
      if (n > m) product(i, m, n, initial_.h ? initial_.h + m * s_.out() : nullptr, s_.out());
      parallel_for(n, std::max<int64_t>(1, (1 << 12) / width_),
                   [&](int64_t b0, int64_t b1) { cells(i, b0, b1, 0, width_); });
      if (s_.projected > 0)
        gemm(to_.y + at(i, 0) * s_.out(), steps_.stride() * s_.out(),
             {unprojected_.data(), width_, 1}, {w_.w_hr, 1, s_.hidden}, n, s_.out(), s_.hidden,
             false);
    }
  }
  // Adds products of h before, of zeros if null, to the sums of sequences [b0, b1).
  void product(int64_t i, int64_t b0, int64_t b1, const T* h, int64_t ldh) {
    const Numbers<T> zeros(h ? 0 : (b1 - b0) * s_.out());
    if (!h) std::fill_n(zeros.data(), (b1 - b0) * s_.out(), T(0));
    this->each_run(0, kS.recurrent, [&](int64_t slice, int64_t block, int64_t n) {
      const bool adds = kKind != RnnKind::kGru || slice > 0;
      Epilogue<T> e;
      if (!adds) e.bias = hidden_bias_.data();
      gemm(to_.gates + at(i, b0) * kS.all * width_ + slice * width_,
           steps_.stride() * kS.all * width_, {h ? h : zeros.data(), ldh, 1},
           {w_.w_hh + block * s_.hidden * s_.out(), 1, s_.out()}, b1 - b0, n, s_.out(), adds, e);
    });
  }

  // ---- a part of a step

  // Adds products of h before to the sums of sequences [b0, b1), for panels [p0, p1) of units.
  void sums(int64_t i, int64_t b0, int64_t b1, int64_t p0, int64_t p1) {
    const int64_t out = s_.out(), m = std::clamp(steps_.continued(i), b0, b1);
    const int64_t ldc = steps_.stride() * kS.all * width_;
    for (int64_t p = p0; p < p1; ++p)
      for (int64_t k = 0; k < kS.recurrent; ++k) {
        const bool adds = kKind != RnnKind::kGru || k > 0;
        const T* const bias = adds ? nullptr : hidden_bias_.data();
        T* const c = to_.gates + at(i, b0) * kS.all * width_ + k * width_;
        if (m > b0)
          panels_[k].multiply(p, c, ldc, to_.y + at(i - 1, b0) * out, steps_.stride() * out, m - b0,
                              0, out, adds, bias);
        if (b1 > m)
          panels_[k].multiply(p, c + (m - b0) * ldc, ldc, this->initial_h(m), initial_.h ? out : 0,
                              b1 - m, 0, out, adds, bias);
      }
  }

  void cells(int64_t i, int64_t b0, int64_t b1, int64_t u0, int64_t u1) {
    const int64_t out = s_.out();
    for (int64_t b = b0; b < b1; ++b) {
      const int64_t row = at(i, b);
      T* const g = to_.gates + row * kS.all * width_;
      T* const h = s_.projected > 0 ? unprojected_.data() + b * width_ : to_.y + row * out;
      const int64_t most = s_.projected > 0 ? width_ : s_.hidden;
      for (int64_t u = u0; u < u1; u += V::kSize) {
        V s[kS.all];
        for (int64_t k = 0; k < kS.all; ++k) s[k] = V::load(g + k * width_ + u);
        UnitState<V> x = this->before(i, b, u, to_.y, to_.cells);
        const V y = cell_forward<kKind>(s, x);
        for (int64_t k = 0; k < kS.all; ++k) s[k].store(g + k * width_ + u);
        if constexpr (kKind == RnnKind::kLstm) x.c.store(to_.cells + row * width_ + u);
        if (u < most) store_part(y, h + u, most - u);
      }
    }
  }

  void last_states() {
    const int64_t out = s_.out();
    for (int64_t i = 0; i < steps_.count(); ++i)
      for (int64_t b = steps_.lasting(i); b < steps_.size(i); ++b) {
        if (to_.h_n) std::copy_n(to_.y + at(i, b) * out, out, to_.h_n + b * out);
        if (to_.c_n) std::copy_n(to_.cells + at(i, b) * width_, s_.hidden, to_.c_n + b * s_.hidden);
      }
  }

  const T* x_;
  const RnnResults<T>& to_;
  Panels<T> panels_[4], projection_;
  Numbers<T> packed_, unprojected_, hidden_bias_;
};

}  // namespace

template <class T>
void rnn_forward(const RnnShape& s, const T* x, const RnnState<T>& initial, const RnnWeights<T>& w,
                 const RnnResults<T>& to) {
  for_kind(s.kind, [&](auto kind) { Forward<T, kind>(s, x, initial, w, to).run(); });
}

template void rnn_forward(const RnnShape&, const float*, const RnnState<float>&,
                          const RnnWeights<float>&, const RnnResults<float>&);
template void rnn_forward(const RnnShape&, const double*, const RnnState<double>&,
                          const RnnWeights<double>&, const RnnResults<double>&);

}  // namespace wengert
