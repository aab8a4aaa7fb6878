// What both passes over the steps of a recurrent layer share. Internal: includes Eigen.
#pragma once

#include <memory>
#include <type_traits>

#include "wengert/kernels/core/rows.h"
#include "wengert/kernels/rnn/cells.h"
#include "wengert/kernels/rnn/division.h"
#include "wengert/kernels/rnn/panels.h"

namespace wengert::detail {

// Memory for the length of a pass.
template <class T>
class Numbers {
 public:
  explicit Numbers(int64_t n = 0) { resize(n); }
  void resize(int64_t n) {
    if (n > 0) scratch_ = std::make_unique<Scratch>(static_cast<size_t>(n) * sizeof(T));
  }
  T* data() const { return scratch_ ? scratch_->as<T>() : nullptr; }
  T& operator[](int64_t i) const { return data()[i]; }

 private:
  std::unique_ptr<Scratch> scratch_;
};

template <class F>
void for_kind(RnnKind kind, const F& f) {
  switch (kind) {
    case RnnKind::kTanh:
      return f(std::integral_constant<RnnKind, RnnKind::kTanh>());
    case RnnKind::kRelu:
      return f(std::integral_constant<RnnKind, RnnKind::kRelu>());
    case RnnKind::kLstm:
      return f(std::integral_constant<RnnKind, RnnKind::kLstm>());
    case RnnKind::kGru:
      return f(std::integral_constant<RnnKind, RnnKind::kGru>());
  }
}

template <class T, RnnKind kKind>
class Pass {
 protected:
  using V = Vec<T>;
  static constexpr Slices kS = kSlices<kKind>;

  Pass(const RnnShape& s, const RnnState<T>& initial, const RnnWeights<T>& w)
      : s_(s),
        initial_(initial),
        w_(w),
        steps_(s.rows, s.reverse),
        division_(s, sizeof(T), kCols<T>),
        width_(s.width()),
        zeros_(std::max(width_, s.out())) {
    std::fill_n(zeros_.data(), std::max(width_, s.out()), T(0));
  }

  int64_t at(int64_t i, int64_t b) const { return steps_.row(i, b); }
  const T* initial_h(int64_t b) const {
    return initial_.h ? initial_.h + b * s_.out() : zeros_.data();
  }

  // The state that step i of a sequence begins with, and, once it is made, its c.
  UnitState<V> before(int64_t i, int64_t b, int64_t u, const T* y, const T* cells) const {
    UnitState<V> x{V(0.0), V(0.0), V(0.0)};
    const bool begins = b >= steps_.continued(i);
    if constexpr (kKind == RnnKind::kGru) {
      const T* const h = begins ? initial_h(b) : y + at(i - 1, b) * s_.hidden;
      if (u < s_.hidden) x.h_before = load_part(h + u, s_.hidden - u, 0);
    }
    if constexpr (kKind == RnnKind::kLstm) {
      if (!begins) {
        x.c_before = V::load(cells + at(i - 1, b) * width_ + u);
      } else if (initial_.c && u < s_.hidden) {
        x.c_before = load_part(initial_.c + b * s_.hidden + u, s_.hidden - u, 0);
      }
    }
    return x;
  }

  // f(slice, block of rows of a weight, rows) for slices [begin, end), those of W_hh if they begin
  // with 0, else of W_ih; together those that lie side by side in both.
  template <class F>
  void each_run(int64_t begin, int64_t end, const F& f) const {
    const auto block = [&](int64_t s) {
      return begin == 0 ? recurrent_block<kKind>(s) : input_block<kKind>(s);
    };
    for (int64_t s = begin, next; s < end; s = next) {
      for (next = s + 1; next < end && width_ == s_.hidden && block(next) == block(next - 1) + 1;)
        ++next;
      f(s, block(s), (next - s) * s_.hidden);
    }
  }

  const RnnShape& s_;
  const RnnState<T>& initial_;
  const RnnWeights<T>& w_;
  const Steps steps_;
  const Division division_;
  const int64_t width_;
  Numbers<T> zeros_;
};

}  // namespace wengert::detail
