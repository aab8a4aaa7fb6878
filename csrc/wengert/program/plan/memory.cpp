// Plan: what is made within a run shares one block of memory, by lifetime.
#include <algorithm>
#include <map>

#include "wengert/program/impl.h"

namespace wengert {
namespace {

// Gives out offsets in a block that grows as needed; freed ranges join their neighbours.
class Planner {
 public:
  int64_t take(int64_t bytes) {
    auto best = free_.end();
    for (auto it = free_.begin(); it != free_.end(); ++it)
      if (it->second >= bytes && (best == free_.end() || it->second < best->second)) best = it;
    if (best == free_.end()) {
      const int64_t at = size_;
      size_ += bytes;
      return at;
    }
    const auto [at, length] = *best;
    free_.erase(best);
    if (length > bytes) free_.emplace(at + bytes, length - bytes);
    return at;
  }
  void give(int64_t at, int64_t bytes) {
    const auto next = free_.lower_bound(at);
    if (next != free_.end() && at + bytes == next->first) {
      bytes += next->second;
      free_.erase(next);
    }
    const auto after = free_.lower_bound(at);
    if (after != free_.begin()) {
      const auto before = std::prev(after);
      if (before->first + before->second == at) {
        before->second += bytes;
        return;
      }
    }
    free_.emplace(at, bytes);
  }
  int64_t size() const { return size_; }

 private:
  std::map<int64_t, int64_t> free_;
  int64_t size_ = 0;
};

constexpr size_t kLarge = size_t{1} << 20;

// Scalars are packed; what is longer than a cache line begins on one.
int64_t rounded(size_t bytes) {
  const int64_t n = std::max<int64_t>(static_cast<int64_t>(bytes), 1);
  return n <= 8 ? 8 : (n + 63) / 64 * 64;
}

}  // namespace

// What is needed at the same time lies apart; what is not may share. Segments are the clock.
void Program::Impl::plan_memory() {
  const size_t count = rec.slots.size();
  std::vector<int> first(count, -1), last(count, -1);
  for (size_t g = 0; g < segments.size(); ++g)
    for (uint32_t i = 0; i < segments[g].count; ++i) {
      const Node& n = nodes[segments[g].first + i];
      const auto use = [&](uint32_t slot) {
        if (slot >= count) return;
        if (first[slot] < 0) first[slot] = static_cast<int>(g);
        last[slot] = static_cast<int>(g);
      };
      for (uint32_t s : n.reads) use(s);
      for (uint32_t s : n.writes) use(s);
    }
  std::vector<std::vector<uint32_t>> begins(segments.size()), ends(segments.size());
  for (uint32_t slot = 1; slot < count; ++slot) {
    if (place(slot).kind != Place::Kind::kArena) continue;
    if (first[slot] < 0) {
      place(slot).kind = Place::Kind::kNone;
      continue;
    }
    begins[static_cast<size_t>(first[slot])].push_back(slot);
    ends[static_cast<size_t>(last[slot])].push_back(slot);
  }
  Planner small, large;  // scalars apart, so that they do not break up the rest
  const auto planner = [&](uint32_t slot) -> Planner& {
    return rec.slots[slot].bytes <= 8 ? small : large;
  };
  for (size_t g = 0; g < segments.size(); ++g) {
    for (uint32_t slot : begins[g])
      place(slot).offset = planner(slot).take(rounded(rec.slots[slot].bytes));
    for (uint32_t slot : ends[g])
      planner(slot).give(place(slot).offset, rounded(rec.slots[slot].bytes));
  }
  const int64_t head = (small.size() + 63) / 64 * 64;
  for (uint32_t slot = 1; slot < count; ++slot)
    if (place(slot).kind == Place::Kind::kArena && rec.slots[slot].bytes > 8)
      place(slot).offset += head;
  arena_bytes = static_cast<size_t>(head + large.size());
  // What the function used up to now is kept for reuse, but in pieces.
  if (arena_bytes >= kLarge) empty_cache();
  arena = new Storage(arena_bytes);
}

}  // namespace wengert
