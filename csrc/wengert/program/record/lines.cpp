// A recording as text, to compare two of them.
#include <bit>
#include <string_view>

#include "wengert/program/record/recording.h"

namespace wengert {
namespace {

std::string exact(const Scalar& s) {
  return s.is_float() ? text(s.to<double>(), "#", std::bit_cast<int64_t>(s.to<double>()))
                      : text(s.to<int64_t>());
}

std::string operand(const Argument& a) {
  if (a.kind == Argument::Kind::kNone) return "None";
  if (a.kind == Argument::Kind::kNumber) return exact(a.number);
  return text("%", a.piece.slot, "+", a.piece.offset, a.piece.dtype, a.piece.shape(),
              a.piece.strides());
}

std::string line(const Recording& r, const Step& s) {
  std::string out = s.op ? s.op->name : "a call of Python";
  for (int k = 0; k < s.inputs + s.outputs; ++k) {
    out += k == s.inputs ? " -> " : k == 0 ? "(" : ", ";
    out += operand(r.inputs_of(s)[k]);
  }
  out += text(") ", s.common, " ", static_cast<int>(s.writes));
  const Attrs& attrs = r.attrs_of(s);
  for (const Attrs::Tag& tag : attrs.tags()) {
    out += text(" ", static_cast<int>(tag.kind));
    for (uint32_t i = 0; i < tag.length; ++i) out += text("#", attrs.numbers()[tag.at + i]);
  }
  return out;
}

}  // namespace

std::vector<std::string> lines_of(const Recording& r) {
  std::vector<std::string> lines;
  for (const Step& s : r.steps) lines.push_back(line(r, s));
  for (size_t i = 1; i < r.slots.size(); ++i) {
    const Slot& s = r.slots[i];
    if (s.origin != Slot::Origin::kConstant || !s.storage) continue;
    const std::string_view bytes(reinterpret_cast<const char*>(s.storage->data()),
                                 static_cast<size_t>(s.storage->bytes()));
    lines.push_back(text("constant %", i, " #", std::hash<std::string_view>()(bytes)));
  }
  return lines;
}

}  // namespace wengert
