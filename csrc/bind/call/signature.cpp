#include "bind/call/signature.h"

#include <cstring>
#include <map>
#include <stdexcept>

namespace wengert::bind {
namespace {

const std::map<std::string, Kind>& words() {
  static const std::map<std::string, Kind> map = {
      {"Tensor", Kind::kTensor},
      {"Tensors", Kind::kTensors},
      {"Operand", Kind::kOperand},
      {"Number", Kind::kNumber},
      {"int", Kind::kInt},
      {"ints", Kind::kInts},
      {"float", Kind::kFloat},
      {"bool", Kind::kBool},
      {"dtype", Kind::kDtype},
      {"str", Kind::kChoice},
      {"Generator", Kind::kGenerator},
  };
  return map;
}

std::string strip(const std::string& s) {
  const size_t a = s.find_first_not_of(" \n"), b = s.find_last_not_of(" \n");
  return a == std::string::npos ? "" : s.substr(a, b - a + 1);
}

// Splits at `by` outside brackets and quotes.
std::vector<std::string> split(const std::string& s, char by) {
  std::vector<std::string> parts(1);
  int depth = 0;
  bool quoted = false;
  for (char c : s) {
    if (c == '\'') quoted = !quoted;
    if (!quoted && (c == '(' || c == '[')) ++depth;
    if (!quoted && (c == ')' || c == ']')) --depth;
    if (c == by && depth == 0 && !quoted) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  for (std::string& p : parts) p = strip(p);
  if (parts.back().empty()) parts.pop_back();
  return parts;
}

void read_annotation(Param& p) {
  bool known = false;
  for (const std::string& word : split(p.annotation, '|')) {
    if (word == "None") {
      p.optional = true;
    } else if (word.front() == '\'') {
      p.kind = Kind::kChoice;
      p.choices.push_back(word.substr(1, word.size() - 2));
      known = true;
    } else if (const auto it = words().find(word); it != words().end()) {
      // "Number | 'fro'" is a number or a choice: the number's kind stands.
      p.kind = it->second;
      known = true;
    } else {
      throw std::logic_error("unknown annotation: " + word);
    }
  }
  if (!known) throw std::logic_error("no annotation for " + p.name);
}

void add_default(const Param& p, Attrs& out) {
  const std::string& t = p.default_text;
  if (!p.has_default || t == "None") return out.add(nullptr);
  if (t == "True" || t == "False") return out.add(t == "True");
  if (t.front() == '\'') {
    for (size_t i = 0; i < p.choices.size(); ++i)
      if (t.substr(1, t.size() - 2) == p.choices[i]) return out.add(static_cast<int64_t>(i));
    throw std::logic_error("default is not a choice: " + t);
  }
  if (t.front() == '(' || t.front() == '[') {
    std::vector<int64_t> values;
    for (const std::string& v : split(t.substr(1, t.size() - 2), ','))
      values.push_back(std::stoll(v));
    return out.add(Ints(values.data(), values.size()));
  }
  const bool integer = t.find_first_of(".en") == std::string::npos;
  if (p.kind == Kind::kInts) return out.add(Dims{std::stoll(t)});
  if (p.kind == Kind::kFloat || !integer) return out.add(std::stod(t));
  out.add(static_cast<int64_t>(std::stoll(t)));
}

Param read_param(const std::string& text, bool keyword_only) {
  Param p;
  p.keyword_only = keyword_only;
  const size_t colon = text.find(':');
  if (colon == std::string::npos) throw std::logic_error("argument without a type: " + text);
  p.name = strip(text.substr(0, colon));
  if (p.name.front() == '*') {
    p.variadic = true;
    p.name.erase(0, 1);
  }
  const std::vector<std::string> parts = split(text.substr(colon + 1), '=');
  p.annotation = parts[0];
  if (parts.size() > 1) {
    p.has_default = true;
    p.default_text = parts[1];
  }
  p.py_name = PyUnicode_InternFromString(p.name.c_str());
  read_annotation(p);
  return p;
}

}  // namespace

Signature Signature::parse(const char* text) {
  Signature s;
  const char* arrow = std::strstr(text, "->");
  std::string args = strip(arrow ? std::string(text, arrow) : text);
  args = args.substr(1, args.size() - 2);
  bool keyword_only = false;
  for (const std::string& part : split(args, ',')) {
    if (part == "*") {
      keyword_only = true;
      continue;
    }
    s.params.push_back(read_param(part, keyword_only));
    const Param& p = s.params.back();
    if (p.variadic) keyword_only = true;
    s.positional += !p.keyword_only;
    if (!is_input(p.kind)) add_default(p, s.defaults);
  }
  const std::string result = arrow ? strip(arrow + 2) : "Tensor";
  s.returns_list = result.rfind("list", 0) == 0 || result.rfind("tuple", 0) == 0;
  if (result.front() == '(')
    for (const std::string& part : split(result.substr(1, result.size() - 2), ','))
      s.outputs.push_back(part.substr(0, part.find(':')));
  return s;
}

}  // namespace wengert::bind
