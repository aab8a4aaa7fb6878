// Python's bytecode, as far as one must know it to see what a function reads.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "bind/python.h"

namespace wengert::bind {

// What an instruction does with objects that may be somebody else's. `arg` counts or names as said;
// operands are counted from the top of the stack: 1 is the top.
enum class Act : uint8_t {
  kNone,          // moves values, or makes new ones of numbers
  kLoadGlobal,    // name
  kLoadName,      // name
  kLoadCell,      // index among the variables
  kLoadAttr,      // name, of 1
  kLoadSuper,     // name, of 1, after the class 2
  kLoadItem,      // 2[1]
  kContains,      // 2 in 1
  kIterate,       // what 1 holds
  kNext,          // the next item of the iterator 1
  kTruth,         // of 1
  kImport,        // the module of this name
  kMatchClass,    // attributes of 3, named by the tuple 1 and by the class 2
  kMatchKeys,     // keys of 2, which are in the tuple 1
  kConsume,       // the contents of 1..arg
  kCall,          // arg arguments, above the callable
  kCallMethod,    // the same; below them is an object or, if it is a method of its, the method
  kCallKeywords,  // as kCall, and their names on top
  kCallSpread,    // arg & 1: with a dict of keywords, on top of the tuple of arguments
  kStoreAttr,     // name, of 1
  kStoreGlobal,   // name
  kStoreName,     // name
  kStoreCell,     // index among the variables
  kStoreItem,     // 2[1] = 3
  kDeleteItem,    // 2[1]
};

struct Instruction {
  Act act = Act::kNone;
  int16_t depth = -1;  // values on the stack before it; -1 if it is never reached
  int32_t arg = 0;
};

// The instructions of a piece of code, by position in units of two bytes.
struct CodeView {
  explicit CodeView(PyCodeObject* code);

  // Whether every instruction was understood. What was not, cannot be watched.
  bool whole = false;
  bool is_own = false;  // of this package, or of NumPy's
  std::vector<Instruction> at;
};

// Made once for each code, kept with it.
const CodeView& view_of(PyCodeObject* code);
// Code in files below these directories is not watched.
void add_own_directory(std::string directory);

// A frame that stands before an instruction.
struct FrameView {
  FrameView(PyFrameObject* frame, PyCodeObject* code);

  // The k-th value from the top of a stack of this depth; null if there is none.
  PyObject* peek(int depth, int k) const { return k <= depth ? stack[depth - k] : nullptr; }
  // The cell that a variable of the closure is in, and whether the call has made it.
  PyObject* cell(int index, bool& made_here) const;

  PyCodeObject* code;
  int position;  // in units
  PyObject** variables;
  PyObject** stack;
};

// The function that a frame runs; null where frames do not know it.
inline constexpr bool kFramesKnowFunctions = PY_VERSION_HEX >= 0x030b0000;
PyObject* function_of(PyFrameObject* frame);

}  // namespace wengert::bind
