// From Python arguments to a Call, by the op's signature.
#pragma once

#include "bind/python.h"
#include "wengert/tape/parameters.h"

namespace wengert::bind {

// What a call may carry beside the op's own arguments.
struct Extras {
  PyObject* out = nullptr;     // out=: where to write the result
  bool inplace = false;        // functional forms: inplace=True
  bool requires_grad = false;  // creation ops
  PyObject* format = nullptr;  // memory_format=: how the result is to lie in memory
};

// An op whose signature has more arguments is refused at import.
inline constexpr size_t kMaxParams = 64;

// One row as Python calls it.
struct Overload {
  explicit Overload(const Op* row);

  const Op* op;
  const Parameters& parameters;
  std::vector<PyObject*> names;  // of the parameters, interned
};

enum class Form : uint8_t { kModule, kMethod, kFunctional, kInplace };

// The row that a function of ours calls; null if it is another object, or calls one of several.
const Op* read_op(PyObject* o);  // op_object.cpp

struct Problem {
  std::string text;
};

// Fills `call`; false if the arguments do not fit. The reason is written if `problem` is given
// (overloads are tried without). Values that do fit but are wrong raise as usual.
bool read_arguments(const Overload& o, Form form, PyObject* const* args, Py_ssize_t count,
                    PyObject* names, Call& call, Extras& extras, Problem* problem);

}  // namespace wengert::bind
