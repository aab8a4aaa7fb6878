// A program for people to look at.
#include <chrono>

#include "wengert/base/denormals.h"
#include "wengert/ops/ways.h"
#include "wengert/program/impl.h"

namespace wengert {
namespace {

std::string describe(const Argument& a) {
  if (a.kind == Argument::Kind::kNone) return "None";
  if (a.kind == Argument::Kind::kNumber) return text(a.number);
  return text('%', static_cast<uint64_t>(a.piece.slot), ": ", a.piece.dtype, ' ', a.piece.shape());
}

// A product with an activation in its tiles is shown as what it came from.
std::string name_of(const Recording& rec, const Step& s) {
  if (!s.op->first) return s.op->name;
  std::string out = s.op->first->name;
  const Attrs& attrs = rec.attrs_of(s);
  for (int i = 0; i < attrs.count(); ++i)
    if (attrs.kind(i) == Attrs::Kind::kOp) out += std::string(" & ") + attrs.op(i)->name;
  return out;
}

}  // namespace

std::vector<Program::Line> Program::listing() {
  Impl& p = impl();
  std::vector<Line> out;
  int group = 0;
  for (const Segment& segment : p.segments) {
    for (uint32_t i = 0; i < segment.count; ++i) {
      const Node& n = p.nodes[segment.first + i];
      Line& line = out.emplace_back();
      line.group = group;
      line.seconds = n.seconds;
      line.op = n.host ? "call" : n.reset.first ? "reset" : "";
      if (n.call) line.way = way_of(*n.call);
      for (uint32_t index : n.steps) {
        const Step& s = p.rec.steps[index];
        if (!s.op) continue;
        if (!line.op.empty()) line.op += " + ";
        line.op += name_of(p.rec, s);
        if (s.writes == Writes::kSelf) line.op += '_';
        if (!line.operands.empty()) line.operands += "; ";
        for (int k = 0; k < s.inputs; ++k)
          line.operands += (k ? ", " : "") + describe(p.rec.inputs_of(s)[k]);
        for (int k = 0; k < s.outputs; ++k)
          line.operands += (k ? ", " : " -> ") + describe(p.rec.outputs_of(s)[k]);
        for (int k = 0; k < s.inputs + s.outputs; ++k) {
          const Argument& a = p.rec.arguments[s.first + static_cast<uint32_t>(k)];
          if (a.kind == Argument::Kind::kPiece)
            line.bytes += a.piece.count() * item_size(a.piece.dtype);
        }
      }
      for (uint32_t slot : n.reads)
        if (slot < p.rec.slots.size()) line.reads.push_back(slot);
      for (uint32_t slot : n.writes)
        if (slot < p.rec.slots.size()) line.writes.push_back(slot);
    }
    ++group;
  }
  return out;
}

void Program::Impl::time_nodes() {
  for (Node& n : nodes) {
    const auto start = std::chrono::steady_clock::now();
    run_node(n);
    n.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
}

void Program::profile(int runs) {
  Impl& p = impl();
  check(runs > 0, ErrorKind::kValue, "profile: a positive number of runs expected, got ", runs);
  for (Node& n : p.nodes) n.seconds = 0;
  for (int r = 0; r < runs; ++r) {
    check(p.ready(), ErrorKind::kCapture,
          "profile: the program no longer fits what it was made of");
    p.run(&Impl::time_nodes);
  }
  for (Node& n : p.nodes) n.seconds /= runs;
}

}  // namespace wengert
