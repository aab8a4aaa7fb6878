// Where the rows of each step lie. Internal.
#pragma once

#include <algorithm>

#include "wengert/base/allocator.h"
#include "wengert/kernels/rnn/rnn.h"

namespace wengert::detail {

// The steps of a pass in the order in which they are made: step 0 begins with the initial state.
class Steps {
 public:
  Steps(const RnnRows& r, bool reverse) : r_(r), reverse_(reverse) {
    if (!r.batch_sizes) return;
    begin_.reserve(static_cast<size_t>(r.steps));
    for (int64_t t = 0, at = 0; t < r.steps; at += r.batch_sizes[t++]) begin_.push_back(at);
  }
  int64_t count() const { return r_.steps; }
  // Rows of one step are so far apart.
  int64_t stride() const { return r_.batch_first && !r_.batch_sizes ? r_.steps : 1; }
  // So many sequences have step i, the first ones.
  int64_t size(int64_t i) const { return r_.batch_sizes ? r_.batch_sizes[time(i)] : r_.batch; }
  int64_t row(int64_t i, int64_t b) const {
    const int64_t t = time(i);
    if (r_.batch_sizes) return begin_[static_cast<size_t>(t)] + b;
    return r_.batch_first ? b * r_.steps + t : t * r_.batch + b;
  }
  // Of them, so many had the step before; the others begin.
  int64_t continued(int64_t i) const { return i == 0 ? 0 : std::min(size(i), size(i - 1)); }
  // Sequences from here on, below size(i), end with step i.
  int64_t lasting(int64_t i) const { return i + 1 == count() ? 0 : std::min(size(i), size(i + 1)); }

 private:
  int64_t time(int64_t i) const { return reverse_ ? r_.steps - 1 - i : i; }

  const RnnRows& r_;
  bool reverse_;
  List<int64_t> begin_;
};

// f(i, b0, b1) for the steps that some of the sequences [b0, b1) have, those that do.
template <class F>
void each_step(const Steps& steps, int64_t b0, int64_t b1, bool backwards, const F& f) {
  for (int64_t n = 0; n < steps.count(); ++n) {
    const int64_t i = backwards ? steps.count() - 1 - n : n, end = std::min(b1, steps.size(i));
    if (b0 < end) f(i, b0, end);
  }
}

}  // namespace wengert::detail
