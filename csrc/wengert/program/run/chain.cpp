#include "wengert/program/run/chain.h"

#include <algorithm>
#include <cstring>

#include "wengert/base/allocator.h"
#include "wengert/base/parallel.h"

namespace wengert {
namespace {

constexpr int64_t kBlock = 1024;         // elements: 4 KiB of float32 per operand
constexpr int64_t kGrain = 32 * kBlock;  // as for pointwise ops on their own
constexpr size_t kBuffer = kBlock * 8;

template <class T>
void repeat(std::byte* to, const std::byte* from, int64_t n) {
  std::fill_n(reinterpret_cast<T*>(to), n, *reinterpret_cast<const T*>(from));
}
void repeat(std::byte* to, const std::byte* from, int64_t n, int item_size) {
  if (item_size == 2) return repeat<uint16_t>(to, from, n);
  if (item_size == 4) return repeat<uint32_t>(to, from, n);
  if (item_size == 8) return repeat<uint64_t>(to, from, n);
  repeat<uint8_t>(to, from, n);
}

}  // namespace

void Chain::run() const {
  if (n == 1) {  // everything is where it is
    for (const ChainLink& l : links) {
      const void* in[kMaxOperands];
      for (int k = 1; k <= l.inputs; ++k) in[k - 1] = l.operands[k].data;
      l.kernel(l.operands[0].data, in, 1, l.params);
    }
    return;
  }
  parallel_for(n, kGrain, [this](int64_t begin, int64_t end) { run_elements(begin, end); });
}

void Chain::run_elements(int64_t begin, int64_t end) const {
  int singles = 0;
  for (const ChainLink& l : links)
    for (int k = 1; k <= l.inputs; ++k)
      singles += l.operands[k].kind == ChainOperand::Kind::kSingle;
  const Scratch memory(static_cast<size_t>(scratch + singles) * kBuffer);
  std::byte* const buffers = memory.as<std::byte>();
  const int64_t block = std::min(kBlock, end - begin);
  for (int64_t at = begin; at < end; at += kBlock) {
    const int64_t m = std::min(kBlock, end - at);
    int single = scratch;
    for (const ChainLink& l : links) {
      std::byte* place[kMaxOperands];
      for (int k = 0; k <= l.inputs; ++k) {
        const ChainOperand& o = l.operands[k];
        switch (o.kind) {
          case ChainOperand::Kind::kMemory:
            place[k] = o.data + at * o.item_size;
            break;
          case ChainOperand::Kind::kScratch:
            place[k] = buffers + o.index * kBuffer;
            break;
          case ChainOperand::Kind::kSingle:
            place[k] = buffers + static_cast<size_t>(single++) * kBuffer;
            if (at == begin) repeat(place[k], o.data, block, o.item_size);
            break;
        }
      }
      const void* in[kMaxOperands];
      for (int k = 1; k <= l.inputs; ++k) in[k - 1] = place[k];
      l.kernel(place[0], in, m, l.params);
    }
  }
}

}  // namespace wengert
