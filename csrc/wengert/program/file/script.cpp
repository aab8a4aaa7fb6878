#include "wengert/program/file/script.h"

#include <algorithm>

#include "wengert/ops/random/random.h"
#include "wengert/tape/parameters.h"

namespace wengert {
namespace {

using Origin = Slot::Origin;

std::string step_name(size_t i, const Op* op) {
  return text("step ", static_cast<uint64_t>(i), " (", op ? op->name : "a call out of the program",
              ")");
}

// Why this is no forward program; empty if it is.
std::string not_forward(const Recording& rec) {
  for (size_t i = 0; i < rec.steps.size(); ++i) {
    const Step& s = rec.steps[i];
    if (s.host) return step_name(i, nullptr) + " leaves the program";
    if (s.refresh) return step_name(i, s.op) + " is an optimizer's";
    const Argument* a = rec.inputs_of(s);
    for (int k = 0; k < s.inputs + s.outputs; ++k) {
      if (a[k].kind != Argument::Kind::kPiece) continue;
      const Slot& slot = rec.slots[a[k].piece.slot];
      if (slot.origin == Origin::kGrad) return step_name(i, s.op) + " uses the gradient of a leaf";
      if (slot.origin == Origin::kOutside && rec.written[s.first + static_cast<uint32_t>(k)])
        return step_name(i, s.op) + " writes to a tensor from outside the program";
    }
  }
  for (const Argument& a : rec.results)
    if (a.kind == Argument::Kind::kPiece && rec.slots[a.piece.slot].origin == Origin::kGrad)
      return "it returns the gradient of a leaf";
  for (const GradUse& g : rec.grads) {
    if (!g.replaced) continue;
    for (size_t i = rec.steps.size(); i-- > 0 && g.exit.kind == Argument::Kind::kPiece;) {
      const Step& s = rec.steps[i];
      for (int k = 0; k < s.inputs + s.outputs; ++k)
        if (rec.written[s.first + static_cast<uint32_t>(k)] &&
            rec.arguments[s.first + static_cast<uint32_t>(k)].piece.slot == g.exit.piece.slot)
          return step_name(i, s.op) + " leaves a gradient behind";
    }
    return "it replaces a gradient";
  }
  return "";
}

void check_plain(const Step& s, const Attrs& attrs, size_t i) {
  check(find_form(form_of(*s.op)) == s.op, step_name(i, s.op),
        " is not an operation of a forward program");
  for (int k = 0; k < attrs.count(); ++k)
    check(attrs.kind(k) != Attrs::Kind::kGenerator || !attrs.generator(k) ||
              attrs.generator(k) == &default_generator(),
          step_name(i, s.op), " draws from a generator of its own");
}

// The attribute that says what dtype to make is written out where the default dtype decided.
Attrs with_dtype(const Op& op, const Attrs& a, Dtype dtype) {
  if (!(op.on & kCreation)) return a;
  Attrs out;
  int i = 0;
  for (const Param& p : parameters_of(op).params) {
    if (p.is_input() || i >= a.count()) continue;
    if (p.kind == ParamKind::kDtype && !a.has(i)) {
      out.add(dtype);
    } else {
      out.add_from(a, i);
    }
    ++i;
  }
  return out;
}

// Elements from the first to the last of a piece; 0 if there are none.
int64_t extent(const Dims& shape, const Dims& strides) {
  int64_t last = 1;
  for (int d = 0; d < shape.size(); ++d) {
    if (shape[d] == 0) return 0;
    last += (shape[d] - 1) * strides[d];
  }
  return last;
}

// Copies a recording into a script, slot by slot as they are used.
class Writer {
 public:
  Writer(const Recording& rec, const Pristine& pristine)
      : rec_(rec), pristine_(pristine), number_(pristine.slots.size()) {
    out_.slots.emplace_back();
  }

  Script write() {
    for (const Piece& p : rec_.inputs) out_.inputs.push_back(piece(p));
    for (size_t i = 0; i < pristine_.steps.size(); ++i) add_step(i);
    for (const Argument& a : rec_.results) out_.results.push_back(operand(a));
    for (const auto& [to, from] : rec_.resets) {
      if (!number_[to]) continue;
      const uint32_t target = number_[to];
      const Dtype dtype = out_.slots[target].dtype;
      const uint32_t source = slot(from, dtype);
      out_.slots[source].count = out_.slots[target].count;
      out_.resets.emplace_back(target, source);
    }
    finish_tensors();
    return std::move(out_);
  }

 private:
  uint32_t slot(uint32_t old, Dtype dtype) {
    if (number_[old]) {
      const uint32_t n = number_[old];
      check(out_.slots[n].dtype == dtype, "memory is used as ", out_.slots[n].dtype, " and as ",
            dtype);
      return n;
    }
    const Slot& from = pristine_.slots[old];
    number_[old] = static_cast<uint32_t>(out_.slots.size());
    old_.push_back(old);
    Script::Slot& s = out_.slots.emplace_back();
    s.dtype = dtype;
    s.count = static_cast<int64_t>(from.bytes) / item_size(dtype);
    if (from.origin == Origin::kInput) s.kind = Script::Slot::Kind::kInput;
    if (from.origin != Origin::kOutside && from.origin != Origin::kConstant) return number_[old];
    s.kind = Script::Slot::Kind::kTensor;
    s.storage = from.storage;
    int& n = from.origin == Origin::kOutside ? outside_ : constants_;
    s.name = text(from.origin == Origin::kOutside ? "outside." : "constant.", n++);
    return number_[old];
  }
  Script::Piece piece(const Piece& p) {
    Script::Piece out{slot(p.slot, p.dtype), p.offset, p.shape(), p.strides()};
    if (p.count() == 0) out.offset = 0;
    return out;
  }
  Script::Operand operand(const Argument& a) {
    Script::Operand out;
    if (a.kind == Argument::Kind::kNumber) {
      out.kind = Argument::Kind::kNumber;
      out.number = a.number;
    } else if (a.kind == Argument::Kind::kPiece) {
      out.kind = Argument::Kind::kPiece;
      out.piece = piece(a.piece);
    }
    return out;
  }

  void add_step(size_t i) {
    const Step& s = pristine_.steps[i];
    const Argument *inputs = &pristine_.arguments[s.first], *outputs = inputs + s.inputs;
    const Attrs& attrs = rec_.attrs_of(s);
    check_plain(s, attrs, i);
    Script::Step& to = out_.steps.emplace_back();
    to.op = s.op;
    to.common = s.common;
    to.writes = s.writes;
    to.attrs = s.outputs ? with_dtype(*s.op, attrs, outputs[0].piece.dtype) : attrs;
    for (int k = 0; k < s.inputs; ++k) to.inputs.push_back(operand(inputs[k]));
    for (int k = 0; k < s.outputs; ++k) to.outputs.push_back(piece(outputs[k].piece));
  }

  // Of memory from outside only what is used is kept, in the shape it is used in.
  void finish_tensors() {
    std::vector<int64_t> low(out_.slots.size(), INT64_MAX), high(out_.slots.size(), 0);
    const auto each_piece = [&](const auto& f) {
      for (Script::Step& s : out_.steps) {
        for (Script::Operand& o : s.inputs)
          if (o.kind == Argument::Kind::kPiece) f(o.piece);
        for (Script::Piece& p : s.outputs) f(p);
      }
      for (Script::Operand& o : out_.results)
        if (o.kind == Argument::Kind::kPiece) f(o.piece);
    };
    each_piece([&](const Script::Piece& p) {
      if (const int64_t n = extent(p.shape, p.strides)) {
        low[p.slot] = std::min(low[p.slot], p.offset);
        high[p.slot] = std::max(high[p.slot], p.offset + n);
      }
    });
    for (const auto& [to, from] : out_.resets) low[from] = 0, high[from] = out_.slots[from].count;
    for (uint32_t i = 1; i < out_.slots.size(); ++i) {
      Script::Slot& s = out_.slots[i];
      if (s.kind != Script::Slot::Kind::kTensor) continue;
      s.first = std::min(low[i], high[i]);
      s.count = high[i] - s.first;
      s.shape = {s.count};
    }
    std::vector<char> shaped(out_.slots.size());
    each_piece([&](Script::Piece& p) {
      Script::Slot& s = out_.slots[p.slot];
      if (s.kind != Script::Slot::Kind::kTensor) return;
      if (numel(p.shape)) p.offset -= s.first;
      if (!shaped[p.slot]) shaped[p.slot] = use_shape(s, p);
    });
  }

  // If the piece is the whole slot, perhaps with its dimensions in another order: the shape of the
  // tensor that it is of.
  static bool use_shape(Script::Slot& s, const Script::Piece& p) {
    if (numel(p.shape) != s.count) return false;
    std::vector<int> order;
    for (int d = 0; d < p.shape.size(); ++d) order.push_back(d);
    std::sort(order.begin(), order.end(), [&](int a, int b) {
      return std::pair(-p.strides[a], a) < std::pair(-p.strides[b], b);
    });
    Dims shape, strides;
    for (int d : order) {
      shape.push_back(p.shape[d]);
      strides.push_back(p.strides[d]);
    }
    if (!is_contiguous(shape, strides)) return false;
    s.shape = shape;
    return true;
  }

  const Recording& rec_;
  const Pristine& pristine_;
  std::vector<uint32_t> number_, old_;
  int outside_ = 0, constants_ = 0;
  Script out_;
};

Piece piece_of(Recording& rec, const Script& script, const Script::Piece& p) {
  return {p.slot, script.slots[p.slot].dtype, p.offset, rec.layout(p.shape, p.strides)};
}
Argument argument_of(Recording& rec, const Script& script, const Script::Operand& o) {
  Argument a;
  if (o.kind == Argument::Kind::kNumber) {
    a.kind = Argument::Kind::kNumber;
    a.number = o.number;
  } else if (o.kind == Argument::Kind::kPiece) {
    a.kind = Argument::Kind::kPiece;
    a.piece = piece_of(rec, script, o.piece);
  }
  return a;
}

void add_step(Recording& rec, const Script& script, const Script::Step& from) {
  Step& s = rec.steps.emplace_back();
  s.op = from.op;
  rec.set_attrs(s, from.attrs);
  s.common = from.common;
  s.writes = from.writes;
  s.first = static_cast<uint32_t>(rec.arguments.size());
  s.inputs = static_cast<int32_t>(from.inputs.size());
  s.outputs = static_cast<int32_t>(from.outputs.size());
  for (size_t k = 0; k < from.inputs.size(); ++k) {
    rec.arguments.push_back(argument_of(rec, script, from.inputs[k]));
    rec.written.push_back(from.written[k]);
    if (from.written[k]) rec.slots[from.inputs[k].piece.slot].written = true;
  }
  for (const Script::Piece& p : from.outputs) {
    Argument& a = rec.arguments.emplace_back();
    a.kind = Argument::Kind::kPiece;
    a.piece = piece_of(rec, script, p);
    rec.written.push_back(1);
    if (from.writes == Writes::kSelf) rec.slots[p.slot].written = true;
  }
}

}  // namespace

Pristine::Pristine(const Recording& recording) : refused(not_forward(recording)) {
  if (!refused.empty()) return;
  steps = recording.steps;
  arguments = recording.arguments;
  slots = recording.slots;
}

Script Script::of(const Recording& recording, const Pristine& pristine) {
  wengert::check(pristine.refused.empty(), pristine.refused);
  return Writer(recording, pristine).write();
}

std::unique_ptr<Recording> Script::recording() && {
  auto rec = std::make_unique<Recording>();
  for (size_t i = 1; i < slots.size(); ++i) {
    wengert::Slot& s = rec->slots.emplace_back();
    s.bytes = static_cast<size_t>(slots[i].bytes());
    if (slots[i].kind == Slot::Kind::kInput) s.origin = Origin::kInput;
    if (slots[i].kind != Slot::Kind::kTensor) continue;
    // Nobody else holds what comes from a file: what depends on it alone is computed once.
    s.origin = Origin::kConstant;
    s.storage = std::move(slots[i].storage);
  }
  for (const Piece& p : inputs) {
    rec->slots[p.slot].index = static_cast<uint32_t>(rec->inputs.size());
    rec->inputs.push_back(piece_of(*rec, *this, p));
  }
  rec->resets = std::move(resets);
  for (const Step& s : steps) add_step(*rec, *this, s);
  for (const Operand& o : results) rec->results.push_back(argument_of(*rec, *this, o));
  return rec;
}

}  // namespace wengert
