// One thing that a function has read: a condition of the program made of it.
#pragma once

#include <vector>

#include "bind/capture/objects.h"
#include "wengert/program/record/recording.h"

namespace wengert::bind {

// One thing that was read, where, and what it was.
struct Read {
  enum class Of : uint8_t {
    kKey,       // of a dict: where[key]
    kTypeAttr,  // of a class and its bases: what `key` names there
    kMember,    // what descriptor `key` of a type of C gives for the object
    kCell,      // of a closure
    kItem,      // of a list: where[key]
    kLength,    // of a list, dict or set
    kContents,  // of a list, dict, set, buffer, ...
    kCode,      // of a function, with its defaults
    kType,      // of an object
    kGot,       // what a type of C gives for where.key, by means of its own
    kContext,   // of a context variable
  };
  Of of;
  py::object where, key;
  py::object value;  // null: there was none
  py::object code;   // where it was touched last
  int position = 0;
  bool blind = false;  // written without having been read before
};

// The value now; null if there is none.
py::object look_up(const Read& r);
// Whether it is the same object, or an equal number, text or tuple of such.
bool same_value(PyObject* a, PyObject* b);

// Whether the place holds what it held.
bool holds(const Read& r);

struct ReadsGuard final : Guard {
  explicit ReadsGuard(std::vector<Read> r) : reads(std::move(r)) {}
  bool holds() override;
  std::vector<Read> reads;
};

}  // namespace wengert::bind
