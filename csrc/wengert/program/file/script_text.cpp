// The text of a script, one line for each slot, argument, reset, step and result:
//
//   slot tensor outside.0 float32 (4,3)       slot input int64 12       slot made float32 12
//   input %2(3,4)
//   reset 5 6
//   step add(Operand,Operand) outputs float32 | %2(3,4) f:0.5 -> %3(3,4)
//   result %3(3,4)
//
// A piece is %slot(shape), and (strides)+offset where it is not contiguous from the start on.
// Behind a step's op, what it writes and its common dtype come attributes, inputs, outputs. Numbers
// are written so that they read back as they were; see `scalar` and `attribute`.
#include <charconv>
#include <map>

#include "wengert/ops/random/random.h"
#include "wengert/ops/registry.h"
#include "wengert/program/file/safetensors.h"
#include "wengert/program/file/script.h"
#include "wengert/tape/parameters.h"

namespace wengert {
namespace {

using Slot = Script::Slot;

constexpr const char* kSlotNames[] = {"tensor", "input", "made"};
constexpr const char* kWritesNames[] = {"outputs", "inputs", "self"};

// ---- ops -----------------------------------------------------------------------------------

// Ops whose `shape` checks as much as if users called them; all others may rely on their caller.
bool may_be_saved(const Op& op) {
  if (!op.run || op.view || op.data_dependent) return false;
  return op.on != 0 || op.pointwise || op.checked;
}

struct Forms {
  std::map<std::string, const Op*, std::less<>> by_text;
  Forms() {
    for (const Op* op : all_ops())
      if (may_be_saved(*op)) by_text.try_emplace(form_of(*op), op);
  }
};
const Forms& forms() {
  static const Forms* all = new Forms;
  return *all;
}

// ---- writing -------------------------------------------------------------------------------

std::string list(const Dims& d) {
  std::string out = "(";
  for (int i = 0; i < d.size(); ++i) out += text(i ? "," : "", d[i]);
  return out + ')';
}

std::string text_of(const Script::Piece& p) {
  std::string out = text('%', uint64_t{p.slot}, list(p.shape));
  if (p.offset || !(p.strides == contiguous_strides(p.shape)))
    out += text(list(p.strides), '+', p.offset);
  return out;
}

std::string scalar(const Scalar& s) {
  if (s.is_float()) return text("f:", s.real());
  if (s.kind() == Scalar::Kind::kBool) return s.integer() ? "true" : "false";
  return text("i:", s.integer());
}

std::string text_of(const Script::Operand& o) {
  if (o.kind == Argument::Kind::kPiece) return text_of(o.piece);
  return o.kind == Argument::Kind::kNumber ? scalar(o.number) : "none";
}

std::string attribute(const Attrs& a, int i) {
  switch (a.kind(i)) {
    case Attrs::Kind::kBool:
    case Attrs::Kind::kInt:
    case Attrs::Kind::kFloat:
      return scalar(a.scalar(i));
    case Attrs::Kind::kInts: {
      std::string out = "(";
      for (int64_t n : a.ints(i)) out += text(out.size() > 1 ? "," : "", n);
      return out + ')';
    }
    case Attrs::Kind::kDtype:
      return name(a.dtype(i));
    case Attrs::Kind::kGenerator:
      return "generator";
    case Attrs::Kind::kOp:
      return "op:" + form_of(*a.op(i));
    case Attrs::Kind::kNone:
      break;
  }
  return "none";
}

// ---- reading -------------------------------------------------------------------------------

// One line, word by word.
class Line {
 public:
  explicit Line(std::string_view text) : rest_(text) {}

  bool empty() const { return rest_.empty(); }
  std::string_view word() {
    check(!rest_.empty(), "something is missing");
    const size_t end = std::min(rest_.find(' '), rest_.size());
    const std::string_view w = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    check(!w.empty(), "an empty word");
    return w;
  }
  template <size_t n>
  size_t one_of(const char* const (&names)[n]) {
    const std::string_view w = word();
    for (size_t i = 0; i < n; ++i)
      if (w == names[i]) return i;
    fail(ErrorKind::kRuntime, in_quotes(w), " is not known");
  }
  Dtype dtype() { return static_cast<Dtype>(one_of(kDtypeName)); }
  void end() const { check(rest_.empty(), "too much: ", in_quotes(rest_)); }

 private:
  std::string_view rest_;
};

template <class T>
T number(std::string_view s) {
  T v{};
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), v);
  check(error == std::errc() && end == s.data() + s.size(), in_quotes(s), " is not a number");
  return v;
}

int64_t count_of(std::string_view s) {
  const auto n = number<int64_t>(s);
  check(n >= 0, "a count of ", n);
  return n;
}

// Takes "(1,2)" off the front of s.
std::vector<int64_t> take_list(std::string_view& s) {
  check(s.starts_with('('), "'(' expected in ", in_quotes(s));
  s.remove_prefix(1);
  const size_t close = s.find(')');
  check(close != std::string_view::npos, "')' expected in ", in_quotes(s));
  std::string_view inside = s.substr(0, close);
  s.remove_prefix(close + 1);
  std::vector<int64_t> out;
  while (!inside.empty()) {
    const size_t comma = inside.find(',');
    out.push_back(number<int64_t>(inside.substr(0, comma)));
    if (comma == std::string_view::npos) break;
    inside.remove_prefix(comma + 1);
    check(!inside.empty(), "a number expected after ','");
  }
  return out;
}
Dims take_dims(std::string_view& s) {
  const std::vector<int64_t> v = take_list(s);
  return Dims(Ints(v.data(), v.size()));
}
// Sizes whose products, strides among them, stay far from overflow.
Dims take_shape(std::string_view& s) {
  const Dims shape = take_dims(s);
  int64_t product = 1;
  for (int64_t n : shape) {
    check(n >= 0, "a negative size in ", shape);
    const bool fits = !__builtin_mul_overflow(product, std::max<int64_t>(n, 1), &product);
    check(fits && product <= int64_t{1} << 48, "a shape that is too large: ", shape);
  }
  return shape;
}

Script::Piece piece(std::string_view s) {
  Script::Piece p;
  check(s.starts_with('%'), "a tensor expected, got ", in_quotes(s));
  const size_t open = std::min(s.find('('), s.size());
  p.slot = number<uint32_t>(s.substr(1, open - 1));
  s.remove_prefix(open);
  p.shape = take_shape(s);
  p.strides = contiguous_strides(p.shape);
  if (s.empty()) return p;
  p.strides = take_dims(s);
  check(s.starts_with('+'), "an offset expected");
  p.offset = count_of(s.substr(1));
  return p;
}

std::optional<Scalar> scalar(std::string_view s) {
  if (s == "true") return Scalar(true);
  if (s == "false") return Scalar(false);
  if (s.starts_with("i:")) return Scalar(number<int64_t>(s.substr(2)));
  if (s.starts_with("f:")) return Scalar(number<double>(s.substr(2)));
  return std::nullopt;
}

Script::Operand operand(std::string_view s) {
  Script::Operand o;
  if (s == "none") return o;
  if (const std::optional<Scalar> number = scalar(s)) {
    o.kind = Argument::Kind::kNumber;
    o.number = *number;
  } else {
    o.kind = Argument::Kind::kPiece;
    o.piece = piece(s);
  }
  return o;
}

const Op* known_op(std::string_view form) {
  const Op* op = find_form(form);
  check(op != nullptr, "there is no operation ", in_quotes(form));
  return op;
}

void add_attribute(Attrs& a, std::string_view s) {
  if (s == "none") return a.add(nullptr);
  if (s == "generator") return a.add(&default_generator());
  if (s.starts_with("op:")) return a.add(known_op(s.substr(3)));
  if (const std::optional<Scalar> number = scalar(s)) return a.add(*number);
  for (int i = 0; i < kNumDtypes; ++i)
    if (s == kDtypeName[i]) return a.add(static_cast<Dtype>(i));
  const std::vector<int64_t> v = take_list(s);
  check(s.empty(), "something follows a list");
  a.add(Ints(v.data(), v.size()));
}

class Parser {
 public:
  Parser() { out_.slots.emplace_back(); }

  void line(Line line) {
    constexpr const char* kStages[] = {"slot", "input", "reset", "step", "result"};
    const size_t stage = line.one_of(kStages);
    check(stage >= stage_, "a ", kStages[stage], " after a ", kStages[stage_]);
    stage_ = stage;
    switch (stage) {
      case 0:
        slot(line);
        break;
      case 1:
        out_.inputs.push_back(piece(line.word()));
        break;
      case 2: {
        const auto to = number<uint32_t>(line.word()), from = number<uint32_t>(line.word());
        out_.resets.emplace_back(to, from);
        break;
      }
      case 3:
        step(line);
        break;
      default:
        out_.results.push_back(operand(line.word()));
    }
    line.end();
  }
  Script finish() && { return std::move(out_); }

 private:
  void slot(Line& line) {
    Slot& s = out_.slots.emplace_back();
    s.kind = static_cast<Slot::Kind>(line.one_of(kSlotNames));
    const bool tensor = s.kind == Slot::Kind::kTensor;
    if (tensor) s.name = line.word();
    s.dtype = line.dtype();
    if (!tensor) {
      s.count = count_of(line.word());
      return;
    }
    std::string_view shape = line.word();
    s.shape = take_shape(shape);
    check(shape.empty(), "something follows a shape");
    s.count = numel(s.shape);
  }

  void step(Line& line) {
    const std::string_view op = line.word();
    Script::Step& s = out_.steps.emplace_back();
    s.op = known_op(op);
    s.writes = static_cast<Writes>(line.one_of(kWritesNames));
    s.common = line.dtype();
    for (std::string_view w = line.word(); w != "|"; w = line.word()) add_attribute(s.attrs, w);
    for (std::string_view w = line.word(); w != "->"; w = line.word())
      s.inputs.push_back(operand(w));
    while (!line.empty()) s.outputs.push_back(piece(line.word()));
    check(s.inputs.size() <= UINT16_MAX && s.outputs.size() <= UINT16_MAX, "too many tensors");
  }

  Script out_;
  size_t stage_ = 0;
};

}  // namespace

std::string form_of(const Op& op) {
  std::string out = std::string(op.name) + '(';
  for (const Param& p : parameters_of(op).params) {
    if (out.back() != '(') out += ',';
    for (char c : p.annotation)
      if (c != ' ') out += c;
  }
  return out + ')';
}

const Op* find_form(std::string_view text) {
  const auto it = forms().by_text.find(text);
  return it == forms().by_text.end() ? nullptr : it->second;
}

std::string Script::write() const {
  std::string out;
  for (size_t i = 1; i < slots.size(); ++i) {
    const Slot& s = slots[i];
    out += text("slot ", kSlotNames[static_cast<int>(s.kind)], ' ');
    const bool tensor = s.kind == Slot::Kind::kTensor;
    if (tensor) out += s.name + ' ';
    out += text(name(s.dtype), ' ', tensor ? list(s.shape) : text(s.count), '\n');
  }
  for (const Piece& p : inputs) out += "input " + text_of(p) + '\n';
  for (const auto& [to, from] : resets)
    out += text("reset ", uint64_t{to}, ' ', uint64_t{from}, '\n');
  for (const Step& s : steps) {
    out +=
        text("step ", form_of(*s.op), ' ', kWritesNames[static_cast<int>(s.writes)], ' ', s.common);
    for (int i = 0; i < s.attrs.count(); ++i) out += ' ' + attribute(s.attrs, i);
    out += " |";
    for (const Operand& o : s.inputs) out += ' ' + text_of(o);
    out += " ->";
    for (const Piece& p : s.outputs) out += ' ' + text_of(p);
    out += '\n';
  }
  for (const Operand& o : results) out += "result " + text_of(o) + '\n';
  return out;
}

Script Script::parse(std::string_view text) {
  Parser parser;
  uint64_t line = 1;
  for (; !text.empty(); ++line) {
    const size_t end = text.find('\n');
    try {
      wengert::check(end != std::string_view::npos, "it does not end");
      parser.line(Line(text.substr(0, end)));
    } catch (const Error& e) {
      fail(ErrorKind::kRuntime, "line ", line, " of the program: ", e.what());
    }
    text.remove_prefix(end + 1);
  }
  return std::move(parser).finish();
}

}  // namespace wengert
