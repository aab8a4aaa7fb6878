#include "wengert/kernels/loss/ctc.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "wengert/base/allocator.h"
#include "wengert/base/error.h"
#include "wengert/base/parallel.h"
#include "wengert/kernels/core/rows.h"

namespace wengert {
namespace {

using namespace detail;

// Where each sample's labels begin.
std::vector<int64_t> offsets_of(const CtcLoss& l) {
  std::vector<int64_t> at(static_cast<size_t>(l.batch));
  int64_t next = 0;
  for (int64_t n = 0; n < l.batch; ++n) {
    const int64_t length = l.target_lengths[n], steps = l.input_lengths[n];
    check(length >= 0, "Expected target_lengths to have value at least 0, but got value ", length);
    check(steps >= 0, "Expected input_lengths to have value at least 0, but got value ", steps);
    check(steps <= l.steps, "Expected input_lengths to have value at most ", l.steps,
          ", but got value ", steps);
    check(l.row == 0 || length <= l.row, "Expected tensor to have size at least ", length,
          " at dimension 1, but got size ", l.row, " for argument 'targets'");
    at[static_cast<size_t>(n)] = l.row ? n * l.row : next;
    next += length;
  }
  check(l.row || next == l.labels, "Expected tensor to have size ", next,
        " at dimension 0, but got size ", l.labels, " for argument 'targets'");
  return at;
}

// What a sample's labels may be read as: states with a blank between any two labels and at both
// ends. From one step to the next a state stays, or goes to the next one, or to the one after that
// if it is another label. Paths are followed from the first step on, or from the last one
// backwards, which are the same for states and steps in reverse order.
template <class T>
class Trellis {
 public:
  Trellis(const CtcLoss& l, const int64_t* labels, int64_t n, const T* x, bool backwards)
      : steps_(l.input_lengths[n]),
        states_(2 * l.target_lengths[n] + 1),
        backwards_(backwards),
        x_(x + n * l.classes),
        step_(l.batch * l.classes),
        class_(static_cast<size_t>(states_), l.blank),
        skip_(static_cast<size_t>(states_), T(-INFINITY)),
        emitted_(static_cast<size_t>(states_)) {
    for (int64_t s = 1; s < states_; s += 2) {
      const int64_t c = labels[(backwards ? states_ - 1 - s : s) / 2];
      check(c >= 0 && c < l.classes, ErrorKind::kIndex, "label ", c, " is no class of ", l.classes);
      class_[static_cast<size_t>(s)] = c;
      if (s > 1 && class_[static_cast<size_t>(s - 2)] != c) skip_[static_cast<size_t>(s)] = 0;
    }
  }

  int64_t steps() const { return steps_; }
  int64_t states() const { return states_; }
  int64_t class_of(int64_t s) const { return class_[static_cast<size_t>(s)]; }
  // A row of states, behind two impossible ones.
  int64_t width() const { return states_ + 2; }

  // The log-probability of all paths up to each state, after i steps and one.
  void first(T* row) const {
    std::fill_n(row, width(), T(-INFINITY));
    for (int64_t s = 0; s < std::min<int64_t>(2, states_); ++s) row[2 + s] = at(0)[class_of(s)];
  }
  void next(const T* row, int64_t i, T* to) {
    const T* x = at(i);
    for (int64_t s = 0; s < states_; ++s) emitted_[static_cast<size_t>(s)] = x[class_of(s)];
    to[0] = to[1] = T(-INFINITY);
    row_each<T>(states_, [&](int64_t s, int64_t n) {
      const Vec<T> stays = load_part(row + 2 + s, n, 0), moves = load_part(row + 1 + s, n, 0);
      const Vec<T> skips = load_part(row + s, n, 0) + load_part(skip_.data() + s, n, 0);
      const Vec<T> most = max(max(stays, moves), skips);
      const Vec<T> m = select(most == Vec<T>(-INFINITY), 0.0, most);
      const Vec<T> sum = exp(stays - m) + exp(moves - m) + exp(skips - m);
      store_part(load_part(emitted_.data() + s, n, 0) + (m + log(sum)), to + 2 + s, n);
    });
  }
  // Rows of all steps.
  void follow(T* rows) {
    first(rows);
    for (int64_t i = 1; i < steps_; ++i) next(rows + (i - 1) * width(), i, rows + i * width());
  }
  // Of the paths that end in the last label or in the blank behind it.
  double loss(const T* last) const {
    const double a = last[width() - 1], b = last[width() - 2], m = std::max(a, b);
    return m == -INFINITY ? INFINITY : -(m + std::log(std::exp(a - m) + std::exp(b - m)));
  }

 private:
  const T* at(int64_t i) const { return x_ + (backwards_ ? steps_ - 1 - i : i) * step_; }

  int64_t steps_, states_;
  bool backwards_;
  const T* x_;
  int64_t step_;
  std::vector<int64_t> class_;
  std::vector<T> skip_;  // 0 where the state may be come to from the one before the last, else -inf
  std::vector<T> emitted_;
};

template <class T>
double loss_of(Trellis<T> way, int64_t labels) {
  if (way.steps() == 0) return labels == 0 ? 0 : INFINITY;
  std::vector<T> row(static_cast<size_t>(way.width())), to(row);
  way.first(row.data());
  for (int64_t i = 1; i < way.steps(); ++i) {
    way.next(row.data(), i, to.data());
    row.swap(to);
  }
  return way.loss(row.data());
}

template <class T>
void gradient_of(const CtcLoss& l, const int64_t* labels, int64_t n, double g, double loss,
                 const T* x, T* dx) {
  Trellis<T> ahead(l, labels, n, x, false), back(l, labels, n, x, true);
  const int64_t steps = ahead.steps(), states = ahead.states(), width = ahead.width();
  if (loss == INFINITY) {  // 0 of 0
    for (int64_t t = 0; t < steps; ++t)
      std::fill_n(dx + (t * l.batch + n) * l.classes, l.classes, T(NAN));
    return;
  }
  if (steps == 0) return;
  const Scratch scratch(static_cast<size_t>(2 * steps * width) * sizeof(T));
  T *before = scratch.as<T>(), *behind = before + steps * width;
  ahead.follow(before);
  back.follow(behind);
  std::vector<T> share(static_cast<size_t>(states));
  for (int64_t t = 0; t < steps; ++t) {
    const T *a = before + t * width + 2, *b = behind + (steps - 1 - t) * width + 2;
    const T* from = x + (t * l.batch + n) * l.classes;
    T* to = dx + (t * l.batch + n) * l.classes;
    for (int64_t s = 0; s < states; ++s) {
      const T sum = a[s] + b[states - 1 - s];  // has the step's own probability twice
      share[static_cast<size_t>(s)] = sum == -INFINITY ? sum : sum - from[ahead.class_of(s)];
    }
    row_each<T>(states, [&](int64_t s, int64_t m) {
      store_part(exp(load_part(share.data() + s, m, 0) + loss), share.data() + s, m);
    });
    row_each<T>(l.classes, [&](int64_t c, int64_t m) {
      store_part(exp(load_part(from + c, m, 0)) * g, to + c, m);
    });
    for (int64_t s = 0; s < states; ++s)
      to[ahead.class_of(s)] -= static_cast<T>(share[static_cast<size_t>(s)] * g);
  }
}

}  // namespace

void ctc_forward(const CtcLoss& l, const void* input, void* out) {
  const std::vector<int64_t> at = offsets_of(l);
  dispatch_floating(l.dtype, [&](auto zero) {
    using T = decltype(zero);
    const T* x = static_cast<const T*>(input);
    parallel_for(l.batch, 1, [&](int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; ++n) {
        const Trellis<T> way(l, l.target + at[static_cast<size_t>(n)], n, x, false);
        static_cast<T*>(out)[n] = static_cast<T>(loss_of(way, l.target_lengths[n]));
      }
    });
  });
}

void ctc_gradient(const CtcLoss& l, bool finite, const void* grad, const void* input,
                  const void* losses, void* out) {
  const std::vector<int64_t> at = offsets_of(l);
  dispatch_floating(l.dtype, [&](auto zero) {
    using T = decltype(zero);
    const T *g = static_cast<const T*>(grad), *x = static_cast<const T*>(input);
    const T* loss = static_cast<const T*>(losses);
    T* dx = static_cast<T*>(out);
    std::fill_n(dx, l.steps * l.batch * l.classes, T(0));
    parallel_for(l.batch, 1, [&](int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; ++n) {
        if (finite && loss[n] == INFINITY) continue;
        gradient_of(l, l.target + at[static_cast<size_t>(n)], n, g[n], loss[n], x, dx);
      }
    });
  });
}

}  // namespace wengert
