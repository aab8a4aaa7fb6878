// Chain: pointwise ops over one index space, run block by block, so that what one computes is in
// cache when the next reads it, and what only the chain needs never goes to memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "wengert/kernels/core/pointwise.h"

namespace wengert {

// Where an operand of a link lies.
struct ChainOperand {
  enum class Kind : uint8_t {
    kMemory,   // n elements at `data`
    kSingle,   // one element at `data`, the same for the whole index space
    kScratch,  // block buffer `index`
  } kind = Kind::kMemory;
  uint8_t item_size = 0;
  uint16_t index = 0;
  std::byte* data = nullptr;
};

struct ChainLink {
  PointwiseKernel kernel = nullptr;
  int inputs = 0;
  ChainOperand operands[kMaxOperands];  // the output first
  double params[kMaxPointwiseParams] = {};
  int64_t numbers[kMaxOperands] = {};  // what a kSingle that is a number points to
};

struct Chain {
  int64_t n = 0;
  int scratch = 0;  // block buffers in use
  std::vector<ChainLink> links;

  void run() const;

 private:
  void run_elements(int64_t begin, int64_t end) const;
};

}  // namespace wengert
