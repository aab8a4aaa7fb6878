// Where everything lies: segments, lifetimes, the shared block, and the calls on it.
#include <algorithm>
#include <map>

#include "wengert/program/impl.h"

namespace wengert {
namespace {

using Origin = Slot::Origin;

constexpr uint32_t kSideBySideLimit = 8;

void keep_memory(void*) {}

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

// Scalars are packed; what is longer than a cache line begins on one.
int64_t rounded(size_t bytes) {
  const int64_t n = std::max<int64_t>(static_cast<int64_t>(bytes), 1);
  return n <= 8 ? 8 : (n + 63) / 64 * 64;
}

}  // namespace

void Program::Impl::make_segments() {
  std::vector<uint32_t> read(slot_count()), written(slot_count());  // by which segment, from 1
  uint32_t id = 0;
  for (uint32_t i = 0; i < nodes.size(); ++i) {
    const Node& n = nodes[i];
    bool joins = !segments.empty() && segments.back().count < kSideBySideLimit && !n.host;
    for (uint32_t s : n.reads) joins &= written[s] != id;
    for (uint32_t s : n.writes) joins &= written[s] != id && read[s] != id;
    if (joins) joins = !nodes[i - 1].host;
    if (joins) {
      ++segments.back().count;
    } else {
      segments.push_back({i, 1});
      ++id;
    }
    for (uint32_t s : n.reads) read[s] = id;
    for (uint32_t s : n.writes) written[s] = id;
  }
}

// Where each slot gets its memory from.
void Program::Impl::choose_places() {
  for (uint32_t slot = 1; slot < rec.slots.size(); ++slot) {
    Place& p = place(slot);
    const Slot& s = rec.slots[slot];
    if (s.written && (s.origin == Origin::kOutside || s.origin == Origin::kGrad))
      changed.push_back(slot);
    switch (s.origin) {
      case Origin::kOutside:
      case Origin::kConstant:
        p.kind = Place::Kind::kFixed;
        p.owner = s.storage;
        break;
      case Origin::kInput:
        p.kind = Place::Kind::kFixed;
        p.owner = new Storage(s.bytes);
        break;
      case Origin::kGrad:
        p.kind = Place::Kind::kBorrowed;
        borrowed.push_back(slot);
        break;
      case Origin::kMade:
        p.kind = is_kept(slot) ? Place::Kind::kKept : Place::Kind::kArena;
        if (is_kept(slot)) kept.push_back(slot);
        break;
    }
  }
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
  arena = new Storage(arena_bytes);
}

void Program::Impl::point(uint32_t slot, std::byte* data) {
  Place& p = place(slot);
  if (!p.alias) {
    p.alias = new Storage(data, rec.slots[slot].bytes, nullptr, keep_memory, true);
  } else {
    p.alias->point_to(data);
  }
  p.data = data;
  for (const auto& [pointer, offset] : p.pointers) *pointer = data ? data + offset : nullptr;
}

Tensor Program::Impl::tensor_at(const Piece& p) {
  if (!place(p.slot).alias) point(p.slot, nullptr);
  return Tensor(new TensorImpl(place(p.slot).alias, p.offset, p.dtype, p.shape(), p.strides()));
}

std::unique_ptr<Call> Program::Impl::make_call(const Step& s) {
  auto call = std::make_unique<Call>(*s.op, rec.attrs_of(s));
  call->common = s.common;
  for (int i = 0; i < s.inputs; ++i) {
    const Argument& a = rec.inputs_of(s)[i];
    call->add_input(a.kind == Argument::Kind::kPiece    ? Operand(tensor_at(a.piece))
                    : a.kind == Argument::Kind::kNumber ? Operand(a.number)
                                                        : Operand());
  }
  for (int i = 0; i < s.outputs; ++i) {
    const Piece& p = rec.outputs_of(s)[i].piece;
    call->output(p.dtype, p.shape());
    call->out[static_cast<size_t>(i)] = tensor_at(p);
  }
  return call;
}

void Program::Impl::bind() {
  for (uint32_t slot = 1; slot < rec.slots.size(); ++slot) {
    Place& p = place(slot);
    if (p.kind == Place::Kind::kArena) point(slot, arena->data() + p.offset);
    if (p.kind == Place::Kind::kFixed) point(slot, p.owner->data());
  }
  for (Node& n : nodes) {
    if (n.chain || n.host || n.reset.first) continue;
    n.call = make_call(rec.steps[n.steps[0]]);
  }
  // What an op makes of its call at its first run, such as the list of an optimizer's tensors, may
  // not depend on memory that moves; ops look at their tensors anew at every run.
  grad_tensors.resize(rec.grads.size());
}

}  // namespace wengert
