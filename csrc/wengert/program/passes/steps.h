// What several passes ask of the steps of a recording, and do to them.
#pragma once

#include <string_view>

#include "wengert/program/impl.h"

namespace wengert {

// Drops the steps i with drop[i].
void erase_steps(Recording& rec, const std::vector<char>& drop);

// Whether a step's first input is the whole output of an earlier one, of which it knows the slot:
// a row of it may be contiguous as well.
bool reads_all(const Recording& rec, const Step& s, const Step& product);

// A step that becomes one of an op that extends its own: its arguments stay, those behind them are
// none until they are set.
class Extension {
 public:
  Extension(const Recording& rec, const Step& s, const Op& by);

  void set(std::string_view name, const Argument& input) { inputs_[input_at(name)] = input; }
  // As `followed_by` has it: the inputs behind the first of another step, and its attributes.
  void set_next(const Recording& rec, const Step& next);
  // A pointwise op, and its numbers by names of a letter and a digit: `activation` with p0 to p3,
  // `combine` with c0 to c3.
  void set_op(std::string_view name, char letter, const Recording& rec, const Step& s);
  void keep(std::string_view name, bool yes);
  List<Argument> outputs;  // those that there were

  void store(Recording& rec, Step& s) const;

 private:
  size_t input_at(std::string_view name) const;
  int attribute_at(std::string_view name) const;
  template <class V>
  void change(std::string_view name, const V& value);

  const Op& op_;
  size_t own_inputs_ = 0;  // of the op that is extended
  List<Argument> inputs_;
  List<char> written_;
  Attrs attrs_;
};

}  // namespace wengert
