// What becomes of the sums of a convolution, a few neighbouring ones of a channel at a time.
#pragma once

#include "wengert/kernels/conv/conv.h"

namespace wengert::detail {

template <class T>
class Finish {
 public:
  Finish(const ConvEpilogue<T>& e, T* y) : e_(e), y_(y), c_(e.combined ? e.combined : y) {}

  bool any() const { return e_.maps || e_.combine.kernel || e_.activation.kernel; }
  // Where sums are made that need no other place.
  T* sums() const { return e_.sums ? e_.sums : y_; }

  // n results of a channel, whose sums stand in their places from `at` on.
  void there(int64_t channel, int64_t at, int64_t n) const {
    const void* in[] = {sums() + at, e_.other ? e_.other + at : nullptr};
    if (e_.maps) {
      e_.maps[channel].run(sums() + at, c_ + at, n);
      in[0] = c_ + at;
    }
    if (e_.combine.kernel) {
      e_.combine.kernel(c_ + at, in, n, e_.combine.params);
      in[0] = c_ + at;
    }
    if (e_.activation.kernel) e_.activation.kernel(y_ + at, in, n, e_.activation.params);
  }

  // n results of a channel, whose sums stand elsewhere and are written over: put(to) brings what
  // is there into its places in `to`, take(from) gives what stands in these places.
  template <class Put, class Take>
  void apart(int64_t channel, T* z, int64_t n, const Put& put, const Take& take) const {
    if (e_.sums) put(e_.sums);
    if (e_.maps) e_.maps[channel].run(z, z, n);
    if (e_.combine.kernel) {
      const void* in[] = {z, take(e_.other)};
      e_.combine.kernel(z, in, n, e_.combine.params);
    }
    if (e_.combined) put(e_.combined);
    if (e_.activation.kernel) {
      const void* in[] = {z};
      e_.activation.kernel(z, in, n, e_.activation.params);
    }
    put(y_);
  }

 private:
  const ConvEpilogue<T> e_;
  T *const y_, *const c_;
};

}  // namespace wengert::detail
