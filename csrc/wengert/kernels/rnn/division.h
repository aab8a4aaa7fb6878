// How the steps of a recurrent layer are divided among threads. Internal.
#pragma once

#include "wengert/base/parallel.h"
#include "wengert/kernels/rnn/steps.h"

namespace wengert::detail {

// Note [recurrence]: the sequences of a batch do not know of each other, so each thread can take
// some of them through all steps without waiting for others: by sequences. It reads all recurrent
// weights at every step, which must therefore stay in its cache. Where they would not, or there are
// few sequences and much to do, each step is divided by units, whose weights stay with the thread,
// and all wait for each other behind it. One step alone is a product like others, and so is each of
// very many sequences. Which way is taken, and where is cut, depends on sizes only; no sum is cut.
struct Division {
  enum Way : uint8_t { kSequences, kUnits, kProducts };
  Way way;
  int64_t chunk;  // so many sequences, or panels of units, at a time

  // For a panel of so many units; a projection is behind all units of its step.
  Division(const RnnShape& s, int64_t element, int64_t panel) {
    constexpr int64_t kCache = 640 << 10;  // bytes
    constexpr int64_t kMuch = 3 << 18;     // multiply-adds of a step
    constexpr int64_t kTask = 1 << 16;
    constexpr int64_t kMany = 192;  // sequences that repay packing weights anew
    const int64_t weights = s.blocks() * s.hidden * s.out(), batch = s.rows.batch;
    chunk = batch <= 8 ? 4 : batch <= 96 ? 8 : 24;
    way = kSequences;
    if (s.projected > 0 && s.rows.steps > 1) return;
    const bool few = batch <= 2 * chunk, large = weights * element > kCache;
    if (s.rows.steps == 1 || (batch >= kMany && large)) {
      way = kProducts;
    } else if (weights * batch >= kMuch && (few || large)) {
      way = kUnits;
      chunk = std::max<int64_t>(1, kTask / (batch * s.blocks() * s.out() * panel));
    }
  }
};

}  // namespace wengert::detail
