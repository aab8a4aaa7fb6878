// Plan: what is made within a run shares one block of memory, by lifetime.
#include <algorithm>
#include <map>

#include "wengert/ops/loss/loss.h"
#include "wengert/program/impl.h"

namespace wengert {
namespace {

// Gives out offsets in a block that grows as needed, up to a limit; freed ranges join their
// neighbours.
class Planner {
 public:
  explicit Planner(int64_t limit = INT64_MAX) : limit_(limit) {}
  // -1 if there is no room.
  int64_t take(int64_t bytes) {
    auto best = free_.end();
    for (auto it = free_.begin(); it != free_.end(); ++it)
      if (it->second >= bytes && (best == free_.end() || it->second < best->second)) best = it;
    if (best == free_.end()) {
      if (bytes > limit_ - size_) return -1;
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
  const int64_t limit_;
  std::map<int64_t, int64_t> free_;
  int64_t size_ = 0;
};

constexpr size_t kLarge = size_t{1} << 20, kPage = 4096;

// Scalars are packed; what is longer than a cache line begins on one.
int64_t rounded(size_t bytes) {
  const int64_t n = std::max<int64_t>(static_cast<int64_t>(bytes), 1);
  return n <= 8 ? 8 : (n + 63) / 64 * 64;
}

// The memory of a gradient, while a run has dropped what was in it and has not written it yet.
struct Lender {
  uint32_t slot;
  int from, until;  // segments
  Planner room;
};

}  // namespace

// The function's own gradients lie nowhere between zero_grad() and their turn in backward: a
// program keeps their memory, so others may have it meanwhile. -1 if the slot's is not free at any
// time.
int Program::Impl::free_from(uint32_t slot) const {
  uint32_t dropped = 0;
  for (const Argument& a : rec.results)
    if (a.kind == Argument::Kind::kPiece && a.piece.slot == slot) return -1;
  for (uint32_t i : places[slot].grads) {
    const GradUse& use = rec.grads[i];
    const bool was_none = use.read_first && use.entry.kind == Argument::Kind::kNone;
    if (!was_none) dropped = std::max(dropped, use.dropped_at);
  }
  if (places[slot].grads.empty() || dropped == kNever) return -1;
  auto g = static_cast<int>(segments.size());
  for (; g > 0; --g) {
    const Segment& s = segments[static_cast<size_t>(g - 1)];
    for (uint32_t i = 0; i < s.count; ++i) {
      const Node& n = nodes[s.first + i];
      if (n.steps.empty() || rec.steps[n.steps[0]].number < dropped) return g;
    }
  }
  return g;
}

// (result, input) of a segment whose op may write the one over the other, which then share memory;
// {0, 0} for none. The logits of a large vocabulary and their gradient are the largest that there
// is.
std::pair<uint32_t, uint32_t> Program::Impl::written_over(const Segment& segment) const {
  const Node& n = nodes[segment.first];
  if (segment.count != 1 || n.chain || n.steps.size() != 1) return {0, 0};
  const Step& s = rec.steps[n.steps[0]];
  const int over = s.op ? may_write_over(*s.op) : -1;
  if (over < 0) return {0, 0};
  const auto whole = [&](const Argument& a) {
    if (a.kind != Argument::Kind::kPiece || !a.piece.contiguous()) return uint32_t{0};
    const auto bytes = static_cast<size_t>(a.piece.count() * item_size(a.piece.dtype));
    const uint32_t slot = a.piece.slot;
    const bool shared = places[slot].kind != Place::Kind::kArena || bytes <= 8;
    return shared || bytes != rec.slots[slot].bytes ? 0 : slot;
  };
  const uint32_t result = whole(rec.outputs_of(s)[0]), input = whole(rec.inputs_of(s)[over]);
  if (!result || !input || rec.slots[result].bytes != rec.slots[input].bytes) return {0, 0};
  return {result, input};
}

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
  std::vector<std::pair<uint32_t, uint32_t>> over;  // (result, what has its memory)
  std::vector<uint32_t> has(count);
  for (size_t g = 0; g < segments.size(); ++g) {
    const auto [result, input] = written_over(segments[g]);
    const auto now = static_cast<int>(g);
    if (!result || last[input] != now || first[result] != now) continue;
    has[result] = has[input] ? has[input] : input;
    over.emplace_back(result, has[result]);
    last[has[result]] = last[result];
  }
  std::vector<Lender> lenders;
  for (uint32_t slot : kept)
    if (const int from = free_from(slot); from >= 0 && rec.slots[slot].bytes >= kPage)
      lenders.push_back(
          {slot, from, first[slot], Planner(static_cast<int64_t>(rec.slots[slot].bytes))});
  std::vector<std::vector<uint32_t>> begins(segments.size()), ends(segments.size());
  for (uint32_t slot = 1; slot < count; ++slot) {
    if (place(slot).kind != Place::Kind::kArena || has[slot]) continue;
    if (first[slot] < 0) {
      place(slot).kind = Place::Kind::kNone;
      continue;
    }
    begins[static_cast<size_t>(first[slot])].push_back(slot);
    ends[static_cast<size_t>(last[slot])].push_back(slot);
  }
  Planner small, large;  // scalars apart, so that they do not break up the rest
  std::vector<Planner*> planner(count);
  const auto settle = [&](uint32_t slot) {
    const size_t bytes = rec.slots[slot].bytes;
    Place& p = place(slot);
    for (Lender& l : lenders) {
      if (bytes <= 8 || first[slot] < l.from || last[slot] >= l.until) continue;
      p.offset = l.room.take(rounded(bytes));
      if (p.offset < 0) continue;
      p.kind = Place::Kind::kLent;
      place(l.slot).guests.push_back(slot);
      planner[slot] = &l.room;
      return;
    }
    planner[slot] = bytes <= 8 ? &small : &large;
    p.offset = planner[slot]->take(rounded(bytes));
  };
  for (size_t g = 0; g < segments.size(); ++g) {
    for (uint32_t slot : begins[g]) settle(slot);
    for (uint32_t slot : ends[g])
      planner[slot]->give(place(slot).offset, rounded(rec.slots[slot].bytes));
  }
  for (const auto& [result, owner] : over) {
    place(result).kind = place(owner).kind;
    place(result).offset = place(owner).offset;
    for (const Lender& l : lenders)
      if (planner[owner] == &l.room) place(l.slot).guests.push_back(result);
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
