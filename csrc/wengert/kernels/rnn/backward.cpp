#include "wengert/kernels/gemm/gemm.h"
#include "wengert/kernels/rnn/pass.h"

namespace wengert {
namespace {

using namespace detail;

// From the last step to the first. dh and dc hold the gradients of each sequence's state as far as
// they have come: before a step those of what it hands on, at the end those of the initial state.
template <class T, RnnKind kKind>
class Backward : Pass<T, kKind> {
  using Base = Pass<T, kKind>;
  using Base::at, Base::division_, Base::initial_, Base::kS, Base::s_, Base::steps_, Base::w_,
      Base::width_;
  using V = Vec<T>;
  static constexpr bool kCells = kKind == RnnKind::kLstm;

 public:
  Backward(const RnnShape& s, const T* gy, const RnnState<T>& g_last, const T* x,
           const RnnState<T>& initial, const RnnWeights<T>& w, const RnnResults<const T>& of,
           const RnnGradients<T>& to)
      : Base(s, initial, w),
        gy_(gy),
        x_(x),
        of_(of),
        to_(to),
        d_(std::max<int64_t>(s.rows.rows, 1) * kS.all * width_),  // also without rows it has slices
        dh_(s.rows.batch * width_),
        dc_(kCells ? s.rows.batch * width_ : 0) {
    if (to.b_ih || to.b_hh) bias_.resize(bias_parts() * kS.all * width_);
    if (s.projected > 0) {
      dy_.resize(s.rows.rows * s.projected);
      unprojected_.resize(s.rows.rows * width_);
      dm_.resize(s.rows.batch * width_);
    }
    begin(dh_, g_last.h, s.out());
    begin(dc_, g_last.c, s.hidden);
  }

  void run() {
    std::fill_n(bias_.data(), bias_.data() ? bias_parts() * kS.all * width_ : 0, T(0));
    if (division_.way == Division::kProducts) {
      by_products();
    } else {
      pack();
      division_.way == Division::kUnits ? by_units() : by_sequences();
    }
    finish(to_.h0, dh_, s_.out());
    finish(to_.c0, dc_, s_.hidden);
    of_input();
    of_recurrent();
    if (to_.w_hr)
      gemm(to_.w_hr, s_.hidden, {dy_.data(), 1, s_.projected}, {unprojected_.data(), width_, 1},
           s_.projected, s_.hidden, s_.rows.rows, false);
    if (bias_.data()) of_biases();
  }

 private:
  void begin(const Numbers<T>& to, const T* from, int64_t n) {
    for (int64_t b = 0; to.data() && b < s_.rows.batch; ++b) {
      std::fill_n(to.data() + b * width_, width_, T(0));
      if (from) std::copy_n(from + b * n, n, to.data() + b * width_);
    }
  }
  void finish(T* to, const Numbers<T>& from, int64_t n) {
    for (int64_t b = 0; to && b < s_.rows.batch; ++b)
      std::copy_n(from.data() + b * width_, n, to + b * n);
  }

  // Biases are summed for each chunk of sequences, and then over these.
  int64_t bias_parts() const {
    return division_.way == Division::kUnits
               ? 1
               : (s_.rows.batch + division_.chunk - 1) / division_.chunk;
  }

  void pack() {
    const int64_t k = kS.recurrent * s_.hidden, out = s_.out();
    const int64_t first = Panels<T>::memory(k, out);
    packed_.resize(first + (s_.projected > 0 ? Panels<T>::memory(out, s_.hidden) : 0));
    panels_ = Panels<T>(packed_.data(), k, out);
    parallel_for(panels_.count(), 1, [&](int64_t p, int64_t) {
      for (int64_t i = 0; i < kS.recurrent; ++i)
        panels_.pack(p, i * s_.hidden,
                     {w_.w_hh + recurrent_block<kKind>(i) * s_.hidden * out, out, 1}, s_.hidden,
                     out);
    });
    if (s_.projected == 0) return;
    projection_ = Panels<T>(packed_.data() + first, out, s_.hidden);
    for (int64_t p = 0; p < projection_.count(); ++p)
      projection_.pack(p, 0, {w_.w_hr, s_.hidden, 1}, out, s_.hidden);
  }

  // ---- the ways; see Note [recurrence]

  void by_sequences() {
    parallel_for(s_.rows.batch, division_.chunk, [&](int64_t b0, int64_t b1) {
      each_step(steps_, b0, b1, true, [&](int64_t i, int64_t begin, int64_t end) {
        if (s_.projected > 0) {
          of_projected(i, begin, end);
          for (int64_t p = 0; p < projection_.count(); ++p)
            projection_.multiply(p, dm_.data() + begin * width_, width_,
                                 dy_.data() + at(i, begin) * s_.out(), steps_.stride() * s_.out(),
                                 end - begin, 0, s_.out(), false);
        }
        cells(i, begin, end, 0, width_, b0 / division_.chunk);
        products(i, begin, end, 0, panels_.count());
      });
    });
  }

  void by_units() {
    const KeepAwake awake(true);
    for (int64_t i = steps_.count(); i >= 0; --i)
      parallel_for(panels_.count(), division_.chunk, [&](int64_t p0, int64_t p1) {
        if (i < steps_.count()) products(i, 0, steps_.size(i), p0, p1);
        if (i > 0)
          cells(i - 1, 0, steps_.size(i - 1), panels_.begin(p0),
                p1 == panels_.count() ? width_ : panels_.begin(p1), 0);
      });
  }

  void by_products() {
    for (int64_t i = steps_.count() - 1; i >= 0; --i) {
      const int64_t n = steps_.size(i);
      if (s_.projected > 0) {
        of_projected(i, 0, n);
        gemm(dm_.data(), width_, {dy_.data() + at(i, 0) * s_.out(), steps_.stride() * s_.out(), 1},
             {w_.w_hr, s_.hidden, 1}, n, s_.hidden, s_.out(), false);
      }
      parallel_for(n, division_.chunk, [&](int64_t b0, int64_t b1) {
        cells(i, b0, b1, 0, width_, b0 / division_.chunk);
      });
      const int64_t wanted = to_.h0 ? n : steps_.continued(i);
      if (wanted == 0) continue;
      bool adds = kKind == RnnKind::kGru;
      this->each_run(0, kS.recurrent, [&](int64_t slice, int64_t block, int64_t k) {
        gemm(dh_.data(), width_,
             {d_.data() + (at(i, 0) * kS.all + slice) * width_, steps_.stride() * kS.all * width_,
              1},
             {w_.w_hh + block * s_.hidden * s_.out(), s_.out(), 1}, wanted, s_.out(), k, adds);
        adds = true;
      });
    }
  }

  // ---- a part of a step

  // What comes to the projected output of sequences [b0, b1).
  void of_projected(int64_t i, int64_t b0, int64_t b1) {
    const int64_t n = s_.projected;
    for (int64_t b = b0; b < b1; ++b)
      for (int64_t j = 0; j < n; ++j)
        dy_[at(i, b) * n + j] = dh_[b * width_ + j] + (gy_ ? gy_[at(i, b) * n + j] : T(0));
  }

  // dh of sequences [b0, b1) becomes that of the step before, for panels [p0, p1) of it.
  void products(int64_t i, int64_t b0, int64_t b1, int64_t p0, int64_t p1) {
    if (!to_.h0) b1 = std::min(b1, steps_.continued(i));
    if (b1 <= b0) return;
    const int64_t lda = steps_.stride() * kS.all * width_;
    const int64_t runs = width_ == s_.hidden ? 1 : kS.recurrent,
                  k = kS.recurrent * s_.hidden / runs;
    for (int64_t p = p0; p < p1; ++p)
      for (int64_t r = 0; r < runs; ++r)
        panels_.multiply(p, dh_.data() + b0 * width_, width_,
                         d_.data() + (at(i, b0) * kS.all + r) * width_, lda, b1 - b0, r * k, k,
                         kKind == RnnKind::kGru || r > 0);
  }

  // A register of units at a time, of all sequences [b0, b1), whose gradients make those of biases.
  void cells(int64_t i, int64_t b0, int64_t b1, int64_t u0, int64_t u1, int64_t part) {
    for (int64_t u = u0; u < u1; u += V::kSize) {
      V sums[kS.all];
      for (V& sum : sums) sum = V(0.0);
      for (int64_t b = b0; b < b1; ++b) {
        V d[kS.all];
        cell(i, b, u, d);
        T* const to = d_.data() + at(i, b) * kS.all * width_ + u;
        for (int64_t k = 0; k < kS.all; ++k) {
          d[k].store(to + k * width_);
          sums[k] = sums[k] + d[k];
        }
      }
      if (!bias_.data()) continue;
      T* const to = bias_.data() + part * kS.all * width_ + u;
      for (int64_t k = 0; k < kS.all; ++k)
        (V::load(to + k * width_) + sums[k]).store(to + k * width_);
    }
  }
  void cell(int64_t i, int64_t b, int64_t u, V* d) {
    const int64_t row = at(i, b), left = s_.hidden - u;
    V s[kS.all];
    for (int64_t k = 0; k < kS.all; ++k)
      s[k] = V::load(of_.gates + (row * kS.all + k) * width_ + u);
    UnitState<V> x = this->before(i, b, u, of_.y, of_.cells);
    V dh, dc;
    if constexpr (kCells) {
      x.c = V::load(of_.cells + row * width_ + u);
      dc = V::load(dc_.data() + b * width_ + u);
    }
    if (s_.projected > 0) {
      dh = left > 0 ? load_part(dm_.data() + b * width_ + u, left, 0) : V(0.0);
      if constexpr (kCells)
        (s[kS.all - 1] * gate_tanh(x.c)).store(unprojected_.data() + row * width_ + u);
    } else {
      dh = V::load(dh_.data() + b * width_ + u);
      if (gy_ && left > 0) dh = dh + load_part(gy_ + row * s_.hidden + u, left, 0);
    }
    const V past = cell_backward<kKind>(s, x, dh, dc, d);
    if constexpr (kCells) dc.store(dc_.data() + b * width_ + u);
    if (s_.projected == 0) past.store(dh_.data() + b * width_ + u);
  }

  // ---- all steps together

  void of_input() {
    const int64_t rows = s_.rows.rows, n = s_.input, ld = kS.all * width_;
    bool adds = false;
    this->each_run(kS.first_input(), kS.all, [&](int64_t slice, int64_t block, int64_t k) {
      const T* const d = d_.data() + slice * width_;
      if (to_.x)
        gemm(to_.x, n, {d, ld, 1}, {w_.w_ih + block * s_.hidden * n, n, 1}, rows, n, k, adds);
      if (to_.w_ih) of_weight(to_.w_ih + block * s_.hidden * n, d, k, x_, n);
      adds = true;
    });
  }

  // to (m x n) = the sum over all rows of d, m numbers of each, times x, n numbers. Few numbers of
  // x are packed sooner than many of d, for a result that is turned.
  void of_weight(T* to, const T* d, int64_t m, const T* x, int64_t n) {
    const int64_t rows = s_.rows.rows, ld = kS.all * width_;
    if (n > 128 || m < 2 * n || rows < 256)
      return gemm(to, n, {d, 1, ld}, {x, n, 1}, m, n, rows, false);
    const Numbers<T> turned(m * n);
    gemm(turned.data(), m, {x, 1, n}, {d, ld, 1}, n, m, rows, false);
    int64_t j = 0;
    for (; j + V::kSize <= n; j += V::kSize) turn(to + j, n, turned.data() + j * m, m, V::kSize, m);
    for (; j < n; ++j)
      for (int64_t i = 0; i < m; ++i) to[i * n + j] = turned[j * m + i];
  }

  void of_recurrent() {
    if (!to_.w_hh) return;
    const int64_t out = s_.out();
    const Numbers<T> before(std::max<int64_t>(s_.rows.rows, 1) * out);
    parallel_for(steps_.count(), 16, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        for (int64_t b = 0; b < steps_.size(i); ++b)
          std::copy_n(b < steps_.continued(i) ? of_.y + at(i - 1, b) * out : this->initial_h(b),
                      out, before.data() + at(i, b) * out);
    });
    this->each_run(0, kS.recurrent, [&](int64_t slice, int64_t block, int64_t n) {
      of_weight(to_.w_hh + block * s_.hidden * out, d_.data() + slice * width_, n, before.data(),
                out);
    });
  }

  void of_biases() {
    const int64_t n = kS.all * width_;
    for (int64_t part = 1; part < bias_parts(); ++part)
      for (int64_t j = 0; j < n; ++j) bias_[j] += bias_[part * n + j];
    const auto copy = [&](T* to, int64_t slice, int64_t block) {
      if (to) std::copy_n(bias_.data() + slice * width_, s_.hidden, to + block * s_.hidden);
    };
    for (int64_t k = 0; k < kS.recurrent; ++k) copy(to_.b_hh, k, recurrent_block<kKind>(k));
    for (int64_t k = kS.first_input(); k < kS.all; ++k) copy(to_.b_ih, k, input_block<kKind>(k));
  }

  const T *gy_, *x_;
  const RnnResults<const T>& of_;
  const RnnGradients<T>& to_;
  Panels<T> panels_, projection_;
  // Gradients of the sums of all rows; of the state; of a projection's result and argument.
  Numbers<T> d_, dh_, dc_, dy_, dm_, unprojected_, bias_, packed_;
};

}  // namespace

template <class T>
void rnn_gradient(const RnnShape& s, const T* gy, const RnnState<T>& g_last, const T* x,
                  const RnnState<T>& initial, const RnnWeights<T>& w, const RnnResults<const T>& of,
                  const RnnGradients<T>& to) {
  for_kind(s.kind,
           [&](auto kind) { Backward<T, kind>(s, gy, g_last, x, initial, w, of, to).run(); });
}

template void rnn_gradient(const RnnShape&, const float*, const RnnState<float>&, const float*,
                           const RnnState<float>&, const RnnWeights<float>&,
                           const RnnResults<const float>&, const RnnGradients<float>&);
template void rnn_gradient(const RnnShape&, const double*, const RnnState<double>&, const double*,
                           const RnnState<double>&, const RnnWeights<double>&,
                           const RnnResults<const double>&, const RnnGradients<double>&);

}  // namespace wengert
