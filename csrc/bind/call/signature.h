// The signature of an op, read once from its string. See Note [signatures].
#pragma once

#include <Python.h>

#include <string>
#include <vector>

#include "wengert/tape/op.h"

namespace wengert::bind {

// Note [signatures]: the string in an op's row is Python syntax: names, annotations, defaults,
// `*` before keyword-only arguments, `*size: ints` for sizes given one by one or as a sequence.
// Annotations are words of a small vocabulary (kWords in signature.cpp); a union of quoted strings
// is a choice, held as its index. Arguments that are tensors become the call's inputs, all others
// its attributes, in order. The same string is __text_signature__, the error text and the stub.
enum class Kind : uint8_t {
  kTensor,
  kTensors,
  kOperand,
  kNumber,
  kInt,
  kInts,
  kFloat,
  kBool,
  kDtype,
  kGenerator,
  kChoice,
};

struct Param {
  std::string name;
  PyObject* py_name = nullptr;  // interned
  std::string annotation;
  Kind kind = Kind::kTensor;
  bool optional = false;  // None is accepted
  bool keyword_only = false;
  bool variadic = false;
  bool has_default = false;
  std::string default_text;
  std::vector<std::string> choices;
};

struct Signature {
  std::vector<Param> params;
  std::vector<std::string> outputs;  // names of a named tuple, if there are several
  bool returns_list = false;
  int positional = 0;  // how many may be given by position
  Attrs defaults;      // one attribute per non-tensor argument, in order

  static Signature parse(const char* text);
};

// Whether the argument becomes an input of the call, not an attribute.
inline bool is_input(Kind k) {
  return k == Kind::kTensor || k == Kind::kTensors || k == Kind::kOperand;
}

}  // namespace wengert::bind
