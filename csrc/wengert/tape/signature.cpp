#include "wengert/tape/signature.h"

#include <mutex>
#include <stdexcept>
#include <string>

#include "wengert/base/fork.h"
#include "wengert/tape/parameters.h"

namespace wengert {

namespace signature_text {
void wrong(const char* why) { throw std::logic_error(why); }
}  // namespace signature_text

namespace {

using namespace signature_text;

void add_default(const ParamText& p, Attrs& out) {
  const std::string text(p.value);
  if (text.empty() || text == "None") return out.add(nullptr);
  if (text == "True" || text == "False") return out.add(text == "True");
  if (is_quoted(p.value)) return out.add(p.choice(inside(p.value)));
  if (text.front() == '(' || text.front() == '[') {
    std::vector<int64_t> values;
    for (std::string_view rest = inside(p.value); !strip(rest).empty();)
      values.push_back(std::stoll(std::string(take(rest, ','))));
    return out.add(Ints(values.data(), values.size()));
  }
  const bool integer = text.find_first_of(".en") == std::string::npos;
  if (p.kind == ParamKind::kInts && !p.annotation.starts_with("int |"))
    return out.add(Dims{std::stoll(text)});
  if (p.kind == ParamKind::kFloat || !integer) return out.add(std::stod(text));
  out.add(static_cast<int64_t>(std::stoll(text)));
}

Parameters read(const Signature& s) {
  Parameters out;
  ParamText p;
  for (ParamReader reader(s.text()); reader.next(p);) {
    Param& param = out.params.emplace_back(p);
    for (std::string_view rest = p.annotation, word; next_choice(rest, word);)
      param.choices.push_back(word);
    out.positional += !p.keyword_only;
    if (!p.is_input()) add_default(p, out.defaults);
  }
  const std::string_view result = s.result();
  out.returns_list = result.starts_with("list") || result.starts_with("tuple");
  if (result.starts_with('('))
    for (std::string_view rest = inside(result); !strip(rest).empty();) {
      std::string_view part = take(rest, ',');
      out.outputs.push_back(take(part, ':'));
    }
  return out;
}

}  // namespace

const Parameters& parameters_of(const Op& op) {
  std::atomic<const Parameters*>& slot = op.parameters.value;
  if (const Parameters* known = slot.load(std::memory_order_acquire)) return *known;
  static ForkSafeMutex mutex;
  const std::lock_guard lock(mutex);
  if (const Parameters* known = slot.load(std::memory_order_acquire)) return *known;
  const auto* fresh = new Parameters(read(op.signature));
  slot.store(fresh, std::memory_order_release);
  return *fresh;
}

void refuse_inputs(const Call& c) {
  const auto found = [&](int i) -> std::string_view {
    if (i >= c.inputs() || !c.input(i).is_scalar()) return "None";
    const Scalar::Kind kind = c.input(i).scalar().kind();
    return kind == Scalar::Kind::kFloat ? "float" : kind == Scalar::Kind::kInt ? "int" : "bool";
  };
  // Pointwise kernels take numbers anywhere, and gradients make use of it.
  const auto fits = [&](const Param& p, int i) {
    if (i < c.inputs() && c.input(i).is_tensor()) return true;
    if (i >= c.inputs() || !c.input(i).is_scalar()) return p.optional;
    return p.kind == ParamKind::kOperand || c.op().pointwise;
  };
  int i = 0;
  for (const Param& p : parameters_of(c.op()).params) {
    if (!p.is_input()) continue;
    if (p.kind == ParamKind::kTensors) {
      for (int k = i; k < c.inputs(); ++k)
        check(fits(p, k), ErrorKind::kType, "expected Tensor as element ", k - i, " in argument '",
              p.name, "', but got ", found(k));
    } else {
      check(fits(p, i), ErrorKind::kType, "argument '", p.name, "' must be ",
            p.kind == ParamKind::kOperand ? "Tensor or Number" : "Tensor", ", not ", found(i));
    }
    ++i;
  }
  check(i <= c.inputs() || c.op().signature.least() <= c.inputs(), ErrorKind::kType,
        "inputs are missing");
}

}  // namespace wengert
