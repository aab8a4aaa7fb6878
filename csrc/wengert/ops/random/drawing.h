// The generator that a drawing op uses.
#pragma once

#include <mutex>

#include "wengert/base/generator.h"
#include "wengert/ops/random/random.h"
#include "wengert/tape/op.h"

namespace wengert {

// The generator among the arguments of a call, or the default one. While this lives no other thread
// draws from it: what one call takes from a generator it takes in one piece.
class Drawing {
 public:
  Drawing() : Drawing(default_generator()) {}
  Drawing(const Call& c, int i)
      : Drawing(c.attrs.has(i) && c.attrs.generator(i) ? *c.attrs.generator(i)
                                                       : default_generator()) {}
  operator Generator&() const { return g_; }

 private:
  explicit Drawing(Generator& g) : g_(g), lock_(g.in_use()) {}
  Generator& g_;
  std::lock_guard<ForkSafeMutex> lock_;
};

// Of integers from `from` up to but without `to` in a tensor of this dtype: refuses an empty range,
// warns of one that a floating dtype has not all integers of.
void check_range(Dtype dtype, int64_t from, int64_t to);

}  // namespace wengert
