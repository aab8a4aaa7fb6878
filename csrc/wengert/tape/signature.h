// Signature: what an op is called with, in Python's own syntax; the one parser of that syntax. It
// runs while compiling, so that a row's words are checked there; tape/parameters.h holds what it
// finds for those who read signatures when the program runs.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>

namespace wengert {

// Note [signatures]: the string in an op's row is Python syntax: names, annotations, defaults,
// `*` before keyword-only arguments, `*size: ints` for sizes given one by one or as a sequence.
// Annotations are words of a small vocabulary (kWords below); a union of quoted strings is a
// choice, held as its index; `sizes` are ints that are never one number without brackets; `floats`
// are one number, held as such, or a list, held as the integers that have their bits. Arguments
// that are tensors become the call's inputs, all others its attributes, in order. A list of tensors
// is the last of the inputs; in one of `Tensors | None` single ones may be None. The same string is
// __text_signature__, the error text and the stub.
//
// Rows name an attribute by its word: with `constexpr Signature kSum("(input: Tensor, dim: int)")`
// kSum["dim"] is its number, found while compiling. A word that is not there does not compile, nor
// does a string that is no signature.
enum class ParamKind : uint8_t {
  kTensor,
  kTensors,
  kOperand,
  kNumber,
  kInt,
  kInts,
  kFloat,
  kFloats,
  kBool,
  kDtype,
  kGenerator,
  kOp,
  kChoice,
};

// Whether an argument becomes an input of the call, not an attribute.
constexpr bool is_input(ParamKind k) { return k <= ParamKind::kOperand; }

namespace signature_text {

inline constexpr std::pair<std::string_view, ParamKind> kWords[] = {
    {"Tensor", ParamKind::kTensor},   {"Tensors", ParamKind::kTensors},
    {"Operand", ParamKind::kOperand}, {"Number", ParamKind::kNumber},
    {"int", ParamKind::kInt},         {"ints", ParamKind::kInts},
    {"float", ParamKind::kFloat},     {"bool", ParamKind::kBool},
    {"dtype", ParamKind::kDtype},     {"Generator", ParamKind::kGenerator},
    {"op", ParamKind::kOp},           {"str", ParamKind::kChoice},
    {"sizes", ParamKind::kInts},      {"floats", ParamKind::kFloats},
};

// Not constexpr: whatever calls it does not compile.
[[noreturn]] void wrong(const char* why);

constexpr std::string_view strip(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\n')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\n')) s.remove_suffix(1);
  return s;
}

// Takes what stands before the first `by` outside brackets and quotes, or all, off the front of s.
constexpr std::string_view take(std::string_view& s, char by) {
  int depth = 0;
  bool quoted = false;
  size_t end = 0;
  for (; end < s.size(); ++end) {
    const char c = s[end];
    if (c == '\'') quoted = !quoted;
    if (quoted) continue;
    if (c == by && depth == 0) break;
    depth += (c == '(' || c == '[') - (c == ')' || c == ']');
  }
  const std::string_view part = strip(s.substr(0, end));
  s.remove_prefix(end < s.size() ? end + 1 : end);
  return part;
}

constexpr bool is_quoted(std::string_view s) {
  return s.size() >= 2 && s.front() == '\'' && s.back() == '\'';
}
constexpr std::string_view inside(std::string_view s) { return s.substr(1, s.size() - 2); }

// Takes the next string of a union, without its quotes, off the front of s; false at the end.
constexpr bool next_choice(std::string_view& s, std::string_view& word) {
  while (!s.empty()) {
    const std::string_view part = take(s, '|');
    if (!is_quoted(part)) continue;
    word = inside(part);
    return true;
  }
  return false;
}

}  // namespace signature_text

// One argument, as pieces of the text.
struct ParamText {
  std::string_view name, annotation, value;  // value: the default, or empty
  ParamKind kind = ParamKind::kChoice;
  bool optional = false;  // None is accepted
  bool keyword_only = false;
  bool variadic = false;
  bool sequence = false;  // one integer is not a list of it

  constexpr bool has_default() const { return !value.empty(); }
  constexpr bool is_input() const { return wengert::is_input(kind); }
  // The number of a string among the choices; -1 if it is none of them.
  constexpr int choice(std::string_view word) const {
    int i = 0;
    for (std::string_view rest = annotation, w; signature_text::next_choice(rest, w); ++i)
      if (w == word) return i;
    return -1;
  }
};

// The arguments of a signature, one after another.
class ParamReader {
 public:
  constexpr explicit ParamReader(std::string_view signature) {
    const std::string_view args = signature_text::strip(signature.substr(0, signature.find("->")));
    if (args.size() < 2 || args.front() != '(' || args.back() != ')')
      signature_text::wrong("a signature begins with its arguments in brackets");
    rest_ = signature_text::strip(signature_text::inside(args));
  }

  constexpr bool next(ParamText& out) {
    while (!rest_.empty()) {
      const std::string_view part = signature_text::take(rest_, ',');
      if (part != "*") {
        out = read(part);
        keyword_only_ |= out.variadic;
        return true;
      }
      keyword_only_ = true;
    }
    return false;
  }

 private:
  constexpr ParamText read(std::string_view text) const {
    ParamText p;
    p.keyword_only = keyword_only_;
    const size_t colon = text.find(':');
    if (colon == std::string_view::npos) signature_text::wrong("an argument without a type");
    p.name = signature_text::strip(text.substr(0, colon));
    if (p.name.starts_with('*')) {
      p.variadic = true;
      p.name.remove_prefix(1);
    }
    if (p.name.empty()) signature_text::wrong("an argument without a name");
    std::string_view rest = text.substr(colon + 1);
    p.annotation = signature_text::take(rest, '=');
    p.value = signature_text::strip(rest);
    read_annotation(p);
    if (signature_text::is_quoted(p.value) && p.choice(signature_text::inside(p.value)) < 0)
      signature_text::wrong("the default is not among the choices");
    return p;
  }

  // In "Number | 'fro'", a number or a choice, the number's kind stands.
  static constexpr void read_annotation(ParamText& p) {
    bool known = false;
    for (std::string_view rest = p.annotation; !rest.empty();) {
      const std::string_view word = signature_text::take(rest, '|');
      bool found = signature_text::is_quoted(word);
      known |= found;
      if (word == "None") found = p.optional = true;
      if (word == "sizes") p.sequence = true;
      for (const auto& [name, kind] : signature_text::kWords) {
        if (word != name) continue;
        p.kind = kind;
        known = found = true;
      }
      if (!found) signature_text::wrong("an annotation is not in the vocabulary");
    }
    if (!known) signature_text::wrong("an argument without a type");
  }

  std::string_view rest_;
  bool keyword_only_ = false;
};

// A bit for input i that is None, another for one that is a number. The last stands for all that
// follow as well.
constexpr uint32_t none_bit(int i) { return 1u << std::min(i, 15); }
constexpr uint32_t number_bit(int i) { return none_bit(i) << 16; }

class Signature {
 public:
  consteval Signature(const char* text) : text_(text) {
    ParamText p;
    int n = 0, attribute = 0;
    bool list = false;
    for (ParamReader reader(text_); reader.next(p);) {
      if (p.kind == ParamKind::kDtype) dtype_ = attribute;
      attribute += !p.is_input();
      if (!p.is_input()) continue;
      if (list) signature_text::wrong("a list of tensors is the last of the inputs");
      list = p.kind == ParamKind::kTensors;
      for (const int last = list ? 15 : n; n <= last; ++n) {
        if (!p.optional) refused_ |= none_bit(n);
        if (p.kind != ParamKind::kOperand) refused_ |= number_bit(n);
      }
      if (!list && !p.optional) least_ = n;
    }
  }
  constexpr const char* text() const { return text_; }
  // The inputs that may not be None or a number, as bits, and how many there are at least.
  constexpr uint32_t refused() const { return refused_; }
  constexpr int least() const { return least_; }
  // The number of the attribute that is a dtype; -1 if none is.
  constexpr int dtype() const { return dtype_; }

  // The number of an attribute, by its name.
  consteval int operator[](std::string_view name) const {
    int n = 0;
    ParamText p;
    for (ParamReader reader(text_); reader.next(p); n += !p.is_input()) {
      if (p.name != name) continue;
      if (p.is_input()) signature_text::wrong("a tensor is no attribute");
      return n;
    }
    signature_text::wrong("the signature has no argument of that name");
  }

  constexpr int attributes() const {
    int n = 0;
    ParamText p;
    for (ParamReader reader(text_); reader.next(p);) n += !p.is_input();
    return n;
  }
  // What stands behind the arrow.
  constexpr std::string_view result() const {
    const std::string_view all(text_);
    const size_t arrow = all.find("->");
    return arrow == std::string_view::npos ? "Tensor"
                                           : signature_text::strip(all.substr(arrow + 2));
  }

 private:
  const char* text_;
  uint32_t refused_ = 0;
  int least_ = 0;
  int dtype_ = -1;
};

// The number of an attribute in each of several signatures, for what their ops share; it must be
// the same.
template <class... More>
consteval int attribute(std::string_view name, const Signature& first, const More&... more) {
  const int at = first[name];
  if (((more[name] != at) || ...)) signature_text::wrong("the signatures differ in that argument");
  return at;
}

}  // namespace wengert
