// Pass: steps become nodes; neighbouring pointwise steps over one index space become one chain.
#include <algorithm>
#include <cstring>

#include "wengert/kernels/core/pointwise.h"
#include "wengert/program/impl.h"

namespace wengert {
namespace {

constexpr size_t kLongestChain = 48;      // of vectors: their block buffers must fit the cache
constexpr size_t kLongestScalars = 4096;  // of single elements

bool chainable(const Recording& rec, const Step& s) {
  if (!s.op || !s.op->pointwise || s.refresh || s.outputs != 1) return false;
  const Piece& out = rec.outputs_of(s)[0].piece;
  const int64_t n = out.count();
  if (n == 0 || !out.contiguous() || !s.op->pointwise->kernels[index(s.common)]) return false;
  if (s.inputs != s.op->pointwise->arity) return false;
  for (int i = 0; i < s.inputs; ++i) {
    const Argument& a = rec.inputs_of(s)[i];
    if (a.kind == Argument::Kind::kNone) return false;
    if (a.kind != Argument::Kind::kPiece || a.piece.count() == 1) continue;
    if (a.piece.count() != n || !a.piece.contiguous()) return false;
  }
  return true;
}

// Collects the steps of one chain.
class Builder {
 public:
  Builder(Program::Impl& impl, const std::vector<int>& uses)
      : impl_(impl),
        rec_(impl.rec),
        uses_(uses),
        read_(impl.slot_count()),
        written_(impl.slot_count()) {}

  bool empty() const { return steps_.empty(); }

  bool conflicts(const Step& s) const {
    bool any = false;
    impl_.each_read(s, [&](uint32_t slot) { any |= written_[slot] == id_; });
    impl_.each_write(s, [&](uint32_t slot) { any |= written_[slot] == id_ || read_[slot] == id_; });
    return any;
  }

  // Whether the step may be the next link. A slot that the chain writes must be walked alike by
  // all links, element for element, as they take turns block by block.
  bool takes(const Step& s) const {
    const int64_t n = rec_.outputs_of(s)[0].piece.count();
    if (empty()) return true;
    if (n != n_ || steps_.size() >= (n == 1 ? kLongestScalars : kLongestChain)) return false;
    if (n == 1) return true;
    const Piece& out = rec_.outputs_of(s)[0].piece;
    if ((read_[out.slot] == id_ || written_[out.slot] == id_) && !walked_alike(out)) return false;
    for (int i = 0; i < s.inputs; ++i) {
      const Argument& a = rec_.inputs_of(s)[i];
      if (a.kind == Argument::Kind::kPiece && written_[a.piece.slot] == id_ &&
          !walked_alike(a.piece))
        return false;
    }
    return true;
  }

  void add(uint32_t index) {
    const Step& s = rec_.steps[index];
    n_ = rec_.outputs_of(s)[0].piece.count();
    steps_.push_back(index);
    impl_.each_read(s, [&](uint32_t slot) { read_[slot] = id_; });
    impl_.each_write(s, [&](uint32_t slot) { written_[slot] = id_; });
  }

  Node finish();

 private:
  bool walked_alike(const Piece& p) const {
    for (uint32_t index : steps_) {
      const Step& s = rec_.steps[index];
      for (int i = 0; i < s.inputs + 1; ++i) {
        const Argument& a = rec_.arguments[s.first + i];
        if (a.kind != Argument::Kind::kPiece || a.piece.slot != p.slot) continue;
        if (a.piece.offset != p.offset || a.piece.dtype != p.dtype || a.piece.count() != p.count())
          return false;
      }
    }
    return true;
  }
  ChainOperand operand(const Argument& a, const Step& s, int k, ChainLink& link);
  void choose_scratch(Chain& chain);

  Program::Impl& impl_;
  const Recording& rec_;
  const std::vector<int>& uses_;
  std::vector<uint32_t> read_, written_;
  std::vector<uint32_t> steps_;
  uint32_t id_ = 1;
  int64_t n_ = 0;
};

ChainOperand Builder::operand(const Argument& a, const Step& s, int k, ChainLink& link) {
  ChainOperand o;
  if (a.kind == Argument::Kind::kNumber) {
    const Dtype type = s.op->pointwise->mask_first && k == 1 ? Dtype::kBool : s.common;
    dispatch(type, [&](auto zero) {
      const auto v = a.number.wrapped<decltype(zero)>();
      std::memcpy(&link.numbers[k], &v, sizeof v);
    });
    o.kind = ChainOperand::Kind::kSingle;
    o.item_size = static_cast<uint8_t>(item_size(type));
    return o;  // data: set when the links no longer move
  }
  o.item_size = static_cast<uint8_t>(item_size(a.piece.dtype));
  if (k > 0 && a.piece.count() == 1 && n_ != 1) o.kind = ChainOperand::Kind::kSingle;
  return o;
}

// Slots that begin and end in this chain need no memory but a block.
void Builder::choose_scratch(Chain& chain) {
  std::vector<std::pair<uint32_t, int>> inside;  // slot, last link that uses it
  const auto find = [&](uint32_t slot) {
    return std::find_if(inside.begin(), inside.end(),
                        [&](const auto& e) { return e.first == slot; });
  };
  for (uint32_t index : steps_) {
    const Step& s = rec_.steps[index];
    const Piece& out = rec_.outputs_of(s)[0].piece;
    if (s.writes != Writes::kOutputs || impl_.is_kept(out.slot)) continue;
    int here = 0, last = 0;
    for (size_t l = 0; l < steps_.size(); ++l) {
      const Step& other = rec_.steps[steps_[l]];
      for (int i = 0; i < other.inputs + 1; ++i) {
        const Argument& a = rec_.arguments[other.first + i];
        if (a.kind != Argument::Kind::kPiece || a.piece.slot != out.slot) continue;
        ++here;
        last = static_cast<int>(l);
      }
    }
    if (here == uses_[out.slot]) inside.emplace_back(out.slot, last);
  }
  std::vector<int> busy_until;  // by buffer
  std::vector<std::pair<uint32_t, int>> buffer_of;
  for (size_t l = 0; l < steps_.size(); ++l) {
    const Step& s = rec_.steps[steps_[l]];
    for (int k = s.inputs; k >= 0; --k) {  // inputs first
      const Argument& a = k == 0 ? rec_.outputs_of(s)[0] : rec_.inputs_of(s)[k - 1];
      if (a.kind != Argument::Kind::kPiece) continue;
      const auto it = find(a.piece.slot);
      if (it == inside.end()) continue;
      auto b = std::find_if(buffer_of.begin(), buffer_of.end(),
                            [&](const auto& e) { return e.first == a.piece.slot; });
      if (b == buffer_of.end()) {
        size_t free = 0;
        while (free < busy_until.size() && busy_until[free] >= static_cast<int>(l)) ++free;
        if (free == busy_until.size()) busy_until.push_back(0);
        busy_until[free] = it->second;
        buffer_of.emplace_back(a.piece.slot, static_cast<int>(free));
        b = buffer_of.end() - 1;
      }
      ChainOperand& o = chain.links[l].operands[k];
      o.kind = ChainOperand::Kind::kScratch;
      o.index = static_cast<uint16_t>(b->second);
    }
  }
  chain.scratch = static_cast<int>(busy_until.size());
}

Node Builder::finish() {
  Node node;
  node.steps = steps_;
  node.chain = std::make_unique<Chain>();
  Chain& chain = *node.chain;
  chain.n = n_;
  for (uint32_t index : steps_) {
    const Step& s = rec_.steps[index];
    ChainLink& link = chain.links.emplace_back();
    link.kernel = s.op->pointwise->kernels[wengert::index(s.common)];
    link.inputs = s.inputs;
    const Attrs& attrs = rec_.attrs_of(s);
    for (int i = 0; i < attrs.count(); ++i) link.params[i] = attrs.has(i) ? attrs.real(i) : 0;
    link.operands[0] = operand(rec_.outputs_of(s)[0], s, 0, link);
    for (int k = 1; k <= s.inputs; ++k)
      link.operands[k] = operand(rec_.inputs_of(s)[k - 1], s, k, link);
  }
  if (n_ > 1) choose_scratch(chain);
  for (size_t l = 0; l < steps_.size(); ++l) {
    const Step& s = rec_.steps[steps_[l]];
    ChainLink& link = chain.links[l];
    for (int k = 0; k <= s.inputs; ++k) {
      ChainOperand& o = link.operands[k];
      const Argument& a = k == 0 ? rec_.outputs_of(s)[0] : rec_.inputs_of(s)[k - 1];
      if (a.kind == Argument::Kind::kNumber) {
        o.data = reinterpret_cast<std::byte*>(&link.numbers[k]);
      } else if (o.kind != ChainOperand::Kind::kScratch) {
        impl_.place(a.piece.slot).pointers.emplace_back(&o.data, a.piece.first_byte());
        (k == 0 ? node.writes : node.reads).push_back(a.piece.slot);
      }
    }
  }
  steps_.clear();
  ++id_;
  return node;
}

}  // namespace

void Program::Impl::make_nodes() {
  for (const auto& [slot, constant] : rec.resets) {
    Node& n = nodes.emplace_back();
    n.reset = {slot, constant};
    n.reads = {constant};
    n.writes = {slot};
  }
  const std::vector<int> uses = count_uses();
  Builder open(*this, uses);
  const auto flush = [&] {
    if (!open.empty()) nodes.push_back(open.finish());
  };
  for (uint32_t i = 0; i < rec.steps.size(); ++i) {
    const Step& s = rec.steps[i];
    if (chainable(rec, s)) {
      if (!open.takes(s)) flush();
      open.add(i);
      continue;
    }
    // Goes ahead of the open chain if neither touches what the other writes. Nobody knows what a
    // call out of the program touches.
    if (!open.empty() && (s.host || open.conflicts(s))) flush();
    Node& n = nodes.emplace_back();
    n.steps = {i};
    n.refresh = s.refresh;
    n.host = s.host;
    each_read(s, [&](uint32_t slot) { n.reads.push_back(slot); });
    each_write(s, [&](uint32_t slot) { n.writes.push_back(slot); });
  }
  flush();
}

}  // namespace wengert
