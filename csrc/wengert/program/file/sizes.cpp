#include "wengert/program/file/sizes.h"

#include <algorithm>
#include <charconv>

#include "wengert/program/file/safetensors.h"

namespace wengert {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Takes an integer off the front of s that a number may begin with.
int64_t take_integer(std::string_view& s) {
  int64_t v = 0;
  const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), v);
  s.remove_prefix(static_cast<size_t>(end - s.data()));
  check(error == std::errc() && (s.empty() || (s[0] != '.' && s[0] != 'e')),
        "the programs differ in more than whole numbers");
  return v;
}

// The line through (n, v) and (m, w), at k.
int64_t at(int64_t k, int64_t n, int64_t v, int64_t m, int64_t w) {
  const int64_t rise = w - v, run = m - n;
  check(rise % run == 0, v, " for ", n, " rows and ", w, " for ", m,
        " do not grow in proportion to them");
  int64_t out = 0;
  const bool over =
      __builtin_mul_overflow(rise / run, k - n, &out) || __builtin_add_overflow(out, v, &out);
  check(!over, "a number that is too large");
  return out;
}

std::string line_for(int64_t k, std::string_view a, int64_t n, std::string_view b, int64_t m) {
  std::string out;
  while (a != b) {
    const size_t common = static_cast<size_t>(
        std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
    size_t begin = common;
    while (begin > 0 && is_digit(a[begin - 1])) --begin;
    if (begin > 0 && a[begin - 1] == '-') --begin;
    // Of a size, stride, offset, count or whole attribute; no slot and no part of a fraction.
    check(begin > 0 && std::string_view("(,+: ").find(a[begin - 1]) != std::string_view::npos,
          "the programs differ in more than sizes");
    out += a.substr(0, begin);
    a.remove_prefix(begin);
    b.remove_prefix(begin);
    const int64_t v = take_integer(a), w = take_integer(b);
    out += std::to_string(at(k, n, v, m, w));
  }
  return out.append(a);
}

bool same_content(const Script::Slot& a, const Script::Slot& b) {
  const auto data = [](const Script::Slot& s) {
    return s.storage->data() + s.first * item_size(s.dtype);
  };
  return a.bytes() == b.bytes() &&
         (data(a) == data(b) || std::equal(data(a), data(a) + a.bytes(), data(b)));
}

}  // namespace

std::string text_for(int64_t rows, std::string_view first, int64_t first_rows,
                     std::string_view second, int64_t second_rows) {
  std::string out;
  for (uint64_t number = 1; !first.empty() || !second.empty(); ++number) {
    const auto line = [](std::string_view& text) {
      const size_t end = std::min(text.find('\n'), text.size());
      const std::string_view l = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      return l;
    };
    const std::string_view a = line(first), b = line(second);
    try {
      out += line_for(rows, a, first_rows, b, second_rows) + '\n';
    } catch (const Error& e) {
      fail(ErrorKind::kRuntime, "line ", number, " of the program, ", in_quotes(a), ": ", e.what());
    }
  }
  return out;
}

Sizes::Sizes(const Script& first, std::string first_text, const Script& second,
             std::string second_text)
    : first_{std::move(first_text), 0}, second_{std::move(second_text), 0} {
  check(first.inputs.size() == second.inputs.size() && first.slots.size() == second.slots.size(),
        "the programs for two batch sizes are not of one function");
  for (size_t i = 0; i < first.inputs.size() && !first_.rows; ++i) {
    const Dims &a = first.inputs[i].shape, &b = second.inputs[i].shape;
    for (int d = 0; d < std::min(a.size(), b.size()); ++d) {
      if (a[d] == b[d]) continue;
      argument_ = i;
      dim_ = d;
      first_.rows = a[d];
      second_.rows = b[d];
      break;
    }
  }
  check(first_.rows != second_.rows && first_.rows > 0 && second_.rows > 0,
        "the programs are for one batch size, or for none");
  for (size_t i = 1; i < first.slots.size(); ++i) {
    const Script::Slot &a = first.slots[i], &b = second.slots[i];
    if (a.kind != Script::Slot::Kind::kTensor) continue;
    check(b.kind == a.kind && a.name == b.name && a.shape == b.shape && same_content(a, b),
          "tensor ", in_quotes(a.name), " depends on the batch size");
    tensors_.emplace(a.name, a.storage);
  }
}

int64_t Sizes::rows_of(std::span<const Tensor> arguments) const {
  check(argument_ < arguments.size(), ErrorKind::kType, "program: takes at least ",
        static_cast<uint64_t>(argument_ + 1), " arguments, got ",
        static_cast<uint64_t>(arguments.size()));
  const Tensor& t = arguments[argument_];
  check(t.defined() && t.ndim() > dim_, "program: argument ", static_cast<uint64_t>(argument_),
        " must have a dimension ", dim_, ", the batch's");
  return t.size(dim_);
}

Ref<Program> Sizes::program(int64_t rows) {
  const std::lock_guard lock(making_);
  for (auto& [n, program] : made_)
    if (n == rows) return program;
  check(rows > 0, "program: there are no rows");
  Script script = Script::parse(text(rows));
  for (Script::Slot& s : script.slots)
    if (s.kind == Script::Slot::Kind::kTensor) s.storage = tensors_.find(s.name)->second;
  script.check();
  if (made_.size() == kMost) made_.erase(made_.begin());
  return made_.emplace_back(rows, new Program(std::move(script).recording())).second;
}

}  // namespace wengert
