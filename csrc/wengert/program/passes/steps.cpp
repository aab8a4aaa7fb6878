#include "wengert/program/passes/steps.h"

#include "wengert/tape/parameters.h"

namespace wengert {

void erase_steps(Recording& rec, const std::vector<char>& drop) {
  size_t at = 0;
  std::erase_if(rec.steps, [&](const Step&) { return drop[at++] != 0; });
}

std::vector<int> Program::Impl::count_uses() const {
  std::vector<int> uses(slot_count());
  for (const Step& s : rec.steps)
    for (int i = 0; i < s.inputs + s.outputs; ++i) {
      const Argument& a = rec.arguments[s.first + i];
      if (a.kind == Argument::Kind::kPiece) ++uses[a.piece.slot];
    }
  return uses;
}

bool reads_all(const Recording& rec, const Step& s, const Step& product) {
  const Piece &z = rec.inputs_of(s)[0].piece, &made = rec.outputs_of(product)[0].piece;
  return z.offset == made.offset && z.dtype == made.dtype && z.shape() == made.shape();
}

Extension::Extension(const Recording& rec, const Step& s, const Op& by) : op_(by) {
  const Attrs& own = rec.attrs_of(s);
  for (const Param& p : parameters_of(*s.op).params) own_inputs_ += p.is_input();
  for (const Param& p : parameters_of(by).params) {
    if (p.is_input()) {
      const auto i = static_cast<int>(inputs_.size());
      inputs_.push_back(i < s.inputs ? rec.inputs_of(s)[i] : Argument());
      written_.push_back(i < s.inputs ? rec.written[s.first + inputs_.size() - 1] : char{0});
    } else if (attrs_.count() < own.count()) {
      attrs_.add_from(own, attrs_.count());
    } else if (p.kind == ParamKind::kOp) {
      attrs_.add(nullptr);
    } else if (p.kind == ParamKind::kBool) {
      attrs_.add(false);
    } else {
      attrs_.add(0.0);
    }
  }
  for (int i = 0; i < s.outputs; ++i) outputs.push_back(rec.outputs_of(s)[i]);
}

size_t Extension::input_at(std::string_view name) const {
  size_t at = 0;
  for (const Param& p : parameters_of(op_).params) {
    if (p.is_input() && p.name == name) return at;
    at += p.is_input();
  }
  fail(ErrorKind::kRuntime, op_.name, " has no input of the name that programs set");
}
int Extension::attribute_at(std::string_view name) const {
  int at = 0;
  for (const Param& p : parameters_of(op_).params) {
    if (!p.is_input() && p.name == name) return at;
    at += !p.is_input();
  }
  fail(ErrorKind::kRuntime, op_.name, " has no attribute of the name that programs set");
}

template <class V>
void Extension::change(std::string_view name, const V& value) {
  const int at = attribute_at(name);
  Attrs changed;
  for (int i = 0; i < attrs_.count(); ++i) {
    if (i == at)
      changed.add(value);
    else
      changed.add_from(attrs_, i);
  }
  attrs_ = std::move(changed);
}

void Extension::keep(std::string_view name, bool yes) { change(name, yes); }

void Extension::set_next(const Recording& rec, const Step& next) {
  change("next", next.op);
  for (int i = 1; i < next.inputs; ++i)
    inputs_[own_inputs_ + static_cast<size_t>(i) - 1] = rec.inputs_of(next)[i];
  int at = 0;
  for (const Param& p : parameters_of(*next.op).params)
    if (!p.is_input()) change(p.name, rec.attrs_of(next).real(at++));
}

void Extension::set_op(std::string_view name, char letter, const Recording& rec, const Step& s) {
  change(name, s.op);
  const Attrs& own = rec.attrs_of(s);
  for (int i = 0; i < own.count() && i < 4; ++i) {
    const char number[] = {letter, static_cast<char>('0' + i)};
    if (own.has(i)) change(std::string_view(number, 2), own.real(i));
  }
}

void Extension::store(Recording& rec, Step& s) const {
  s.op = &op_;
  rec.set_attrs(s, attrs_);
  s.first = static_cast<uint32_t>(rec.arguments.size());
  s.inputs = static_cast<int32_t>(inputs_.size());
  s.outputs = static_cast<int32_t>(outputs.size());
  for (size_t i = 0; i < inputs_.size(); ++i) {
    rec.arguments.push_back(inputs_[i]);
    rec.written.push_back(written_[i]);
  }
  for (const Argument& a : outputs) {
    rec.arguments.push_back(a);
    rec.written.push_back(1);
  }
}

}  // namespace wengert
