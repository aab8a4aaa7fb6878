#define Py_BUILD_CORE 1
#include <Python.h>
#include <frameobject.h>
#include <opcode.h>
#if PY_VERSION_HEX >= 0x030b0000
#include <internal/pycore_frame.h>
#endif

#include <algorithm>
#include <array>

#include "bind/capture/code.h"

namespace wengert::bind {
namespace {

std::vector<std::string>& own_directories() {
  static auto* list = new std::vector<std::string>;
  return *list;
}

#if PY_VERSION_HEX >= 0x030b0000
constexpr bool kCaches = true;  // and jumps relative to what follows them, and a table of handlers
#else
constexpr bool kCaches = false;
#endif

enum class Flow : uint8_t {
  kNext,
  kForward,
  kBackward,
  kAbsolute,
  kEnd,
  kForwardAlways,
  kBackwardAlways,
  kAbsoluteAlways
};

struct Meaning {
  Act act = Act::kNone;
  Flow flow = Flow::kNext;
  int8_t shift = 0;     // of its argument, to the name's number
  int8_t consumed = 0;  // kConsume: so many, or its argument and one if negative
};

constexpr std::array<Meaning, 256> meanings() {
  std::array<Meaning, 256> m{};
  const auto act = [&m](int op, Act a, int shift = 0) {
    m[op].act = a;
    m[op].shift = static_cast<int8_t>(shift);
  };
  const auto consume = [&m](int op, int n) {
    m[op].act = Act::kConsume;
    m[op].consumed = static_cast<int8_t>(n);
  };
  const auto flow = [&m](int op, Flow f, Act a = Act::kNone) {
    m[op].flow = f;
    m[op].act = a;
  };
  constexpr int kGlobalShift = PY_VERSION_HEX >= 0x030b0000,
                kAttrShift = PY_VERSION_HEX >= 0x030c0000;
  act(LOAD_GLOBAL, Act::kLoadGlobal, kGlobalShift);
  act(LOAD_NAME, Act::kLoadName);
  act(LOAD_DEREF, Act::kLoadCell);
  act(STORE_DEREF, Act::kStoreCell);
  act(DELETE_DEREF, Act::kStoreCell);
  act(LOAD_ATTR, Act::kLoadAttr, kAttrShift);
  act(STORE_ATTR, Act::kStoreAttr);
  act(DELETE_ATTR, Act::kStoreAttr);
  act(STORE_GLOBAL, Act::kStoreGlobal);
  act(DELETE_GLOBAL, Act::kStoreGlobal);
  act(STORE_NAME, Act::kStoreName);
  act(DELETE_NAME, Act::kStoreName);
  act(BINARY_SUBSCR, Act::kLoadItem);
  act(STORE_SUBSCR, Act::kStoreItem);
  act(DELETE_SUBSCR, Act::kDeleteItem);
  act(CONTAINS_OP, Act::kContains);
  act(GET_ITER, Act::kIterate);
  act(GET_YIELD_FROM_ITER, Act::kIterate);
  act(UNPACK_SEQUENCE, Act::kIterate);
  act(UNPACK_EX, Act::kIterate);
  act(CALL_FUNCTION_EX, Act::kCallSpread);
  act(UNARY_NOT, Act::kTruth);
  act(IMPORT_FROM, Act::kLoadAttr);
  consume(COMPARE_OP, 2);
  consume(LIST_EXTEND, 1);
  consume(SET_UPDATE, 1);
  consume(DICT_UPDATE, 1);
  consume(DICT_MERGE, 1);
  consume(UNARY_NEGATIVE, 1);
  consume(UNARY_INVERT, 1);
  act(MATCH_KEYS, Act::kMatchKeys);
  act(MATCH_CLASS, Act::kMatchClass);
  act(IMPORT_NAME, Act::kImport);
  consume(GET_LEN, 1);
  consume(YIELD_VALUE, 1);
  m[FOR_ITER] = {Act::kNext, Flow::kForward};
  flow(JUMP_FORWARD, Flow::kForwardAlways);
  flow(RETURN_VALUE, Flow::kEnd);
  flow(RAISE_VARARGS, Flow::kEnd);
  flow(RERAISE, Flow::kEnd);
#ifdef LOAD_CLOSURE
  if (LOAD_CLOSURE < 256) act(LOAD_CLOSURE & 255, Act::kLoadCell);
#endif
#ifdef LOAD_CLASSDEREF
  act(LOAD_CLASSDEREF, Act::kLoadCell);
#endif
#if PY_VERSION_HEX < 0x030c0000
  act(LOAD_METHOD, Act::kLoadAttr);
  flow(JUMP_IF_FALSE_OR_POP, kCaches ? Flow::kForward : Flow::kAbsolute, Act::kTruth);
  flow(JUMP_IF_TRUE_OR_POP, kCaches ? Flow::kForward : Flow::kAbsolute, Act::kTruth);
#endif
#if PY_VERSION_HEX < 0x030d0000
  consume(FORMAT_VALUE, 2);
#else
  consume(FORMAT_SIMPLE, 1);
  consume(FORMAT_WITH_SPEC, 2);
  act(TO_BOOL, Act::kTruth);
  act(CALL_KW, Act::kCallKeywords);
#endif
#if PY_VERSION_HEX < 0x030b0000
  act(CALL_FUNCTION, Act::kCall);
  act(CALL_METHOD, Act::kCallMethod);
  act(CALL_FUNCTION_KW, Act::kCallKeywords);
  consume(COPY_DICT_WITHOUT_KEYS, 2);
  for (int op = BINARY_POWER; op <= INPLACE_MODULO; ++op)
    if (op == BINARY_ADD || op == BINARY_MULTIPLY || op == BINARY_SUBTRACT || op == BINARY_MODULO ||
        op == BINARY_POWER || op == BINARY_FLOOR_DIVIDE || op == BINARY_TRUE_DIVIDE ||
        op == INPLACE_FLOOR_DIVIDE || op == INPLACE_TRUE_DIVIDE)
      consume(op, 2);
  for (int op : {INPLACE_ADD, INPLACE_SUBTRACT, INPLACE_MULTIPLY, INPLACE_MODULO, INPLACE_POWER,
                 BINARY_MATRIX_MULTIPLY, INPLACE_MATRIX_MULTIPLY, BINARY_LSHIFT, BINARY_RSHIFT,
                 BINARY_AND, BINARY_XOR, BINARY_OR, INPLACE_LSHIFT, INPLACE_RSHIFT, INPLACE_AND,
                 INPLACE_XOR, INPLACE_OR})
    consume(op, 2);
  flow(JUMP_ABSOLUTE, Flow::kAbsoluteAlways);
  flow(POP_JUMP_IF_FALSE, Flow::kAbsolute, Act::kTruth);
  flow(POP_JUMP_IF_TRUE, Flow::kAbsolute, Act::kTruth);
  flow(JUMP_IF_NOT_EXC_MATCH, Flow::kAbsolute);
  for (int op : {SETUP_FINALLY, SETUP_WITH, SETUP_ASYNC_WITH}) flow(op, Flow::kForward);
#else
#ifdef PRECALL
  act(PRECALL, Act::kCall);  // for the compiler it is this that pops the arguments
#else
  act(CALL, Act::kCall);
#endif
  consume(BINARY_OP, 2);
  flow(JUMP_BACKWARD, Flow::kBackwardAlways);
  flow(JUMP_BACKWARD_NO_INTERRUPT, Flow::kBackwardAlways);
  m[SEND] = {Act::kNone, Flow::kForward};
#endif
#if PY_VERSION_HEX >= 0x030b0000 && PY_VERSION_HEX < 0x030c0000
  for (int op : {POP_JUMP_FORWARD_IF_FALSE, POP_JUMP_FORWARD_IF_TRUE})
    flow(op, Flow::kForward, Act::kTruth);
  for (int op : {POP_JUMP_BACKWARD_IF_FALSE, POP_JUMP_BACKWARD_IF_TRUE})
    flow(op, Flow::kBackward, Act::kTruth);
  for (int op : {POP_JUMP_FORWARD_IF_NONE, POP_JUMP_FORWARD_IF_NOT_NONE}) flow(op, Flow::kForward);
  for (int op : {POP_JUMP_BACKWARD_IF_NONE, POP_JUMP_BACKWARD_IF_NOT_NONE})
    flow(op, Flow::kBackward);
#endif
#if PY_VERSION_HEX >= 0x030c0000
  act(LOAD_SUPER_ATTR, Act::kLoadSuper, 2);
  consume(BINARY_SLICE, 3);
  consume(STORE_SLICE, 3);
  flow(RETURN_CONST, Flow::kEnd);
  for (int op : {POP_JUMP_IF_FALSE, POP_JUMP_IF_TRUE}) flow(op, Flow::kForward, Act::kTruth);
  for (int op : {POP_JUMP_IF_NONE, POP_JUMP_IF_NOT_NONE}) flow(op, Flow::kForward);
#endif
  return m;
}
constexpr std::array<Meaning, 256> kMeanings = meanings();

// A unit of code as it is written.
struct Unit {
  uint8_t op;
  int32_t arg;
  int next;  // the unit after it and its caches
};

std::vector<Unit> units_of(PyCodeObject* code) {
#if PY_VERSION_HEX >= 0x030b0000
  const py::object bytes = py::reinterpret_steal<py::object>(PyCode_GetCode(code));
#else
  const py::object bytes = py::reinterpret_borrow<py::object>(code->co_code);
#endif
  const auto* text = reinterpret_cast<const uint8_t*>(PyBytes_AS_STRING(bytes.ptr()));
  const int n = static_cast<int>(PyBytes_GET_SIZE(bytes.ptr()) / 2);
  std::vector<Unit> units(static_cast<size_t>(n));
  int32_t high = 0;
  for (int i = 0; i < n; ++i) {
    Unit& u = units[i];
    u = {text[2 * i], high << 8 | text[2 * i + 1], i + 1};
    high = u.op == EXTENDED_ARG ? u.arg : 0;
  }
  if (kCaches)
    for (int i = n; i-- > 0;)
      for (int& next = units[i].next; next < n && units[next].op == 0;) ++next;
  return units;
}

// Depths of the stack before each instruction, found by following the code.
class Depths {
 public:
  Depths(PyCodeObject* code, const std::vector<Unit>& units, std::vector<Instruction>& at)
      : code_(code), units_(units), at_(at) {}

  bool find() {
    constexpr int kGenerators = CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR;
    const bool sent = PY_VERSION_HEX < 0x030d0000 && (code_->co_flags & kGenerators) != 0;
    return reach(0, sent) && follow() && handlers();
  }

 private:
  bool reach(int unit, int depth) {
    if (unit < 0 || unit >= static_cast<int>(at_.size()) || depth < 0 ||
        depth > code_->co_stacksize)
      return false;
    Instruction& i = at_[unit];
    if (i.depth == depth) return true;
    if (i.depth >= 0) return false;
    i.depth = static_cast<int16_t>(depth);
    open_.push_back(unit);
    return true;
  }
  bool follow() {
    while (!open_.empty()) {
      const int unit = open_.back();
      open_.pop_back();
      const Unit& u = units_[unit];
      const Flow flow = kMeanings[u.op].flow;
      const int depth = at_[unit].depth;
      if (flow == Flow::kEnd) continue;
      const int known = u.op >= HAVE_ARGUMENT ? u.arg : 0;
      const bool always = flow >= Flow::kForwardAlways;
      if (flow != Flow::kNext) {
        const int effect = PyCompile_OpcodeStackEffectWithJump(u.op, known, 1);
        const bool back = flow == Flow::kBackward || flow == Flow::kBackwardAlways;
        const bool absolute = flow == Flow::kAbsolute || flow == Flow::kAbsoluteAlways;
        const int to = absolute ? u.arg : back ? u.next - u.arg : u.next + u.arg;
        if (effect == PY_INVALID_STACK_EFFECT || !reach(to, depth + effect)) return false;
      }
      if (always) continue;
      const int effect = PyCompile_OpcodeStackEffectWithJump(u.op, known, 0);
      if (effect == PY_INVALID_STACK_EFFECT || !reach(u.next, depth + effect)) return false;
    }
    return true;
  }
#if PY_VERSION_HEX >= 0x030b0000
  // Where exceptions go: entries of four numbers, each of six bits a byte, high ones first.
  bool handlers() {
    const auto* p = reinterpret_cast<const uint8_t*>(PyBytes_AS_STRING(code_->co_exceptiontable));
    const auto* end = p + PyBytes_GET_SIZE(code_->co_exceptiontable);
    const auto number = [&] {
      int value = *p & 63;
      while (*p++ & 64 && p < end) value = value << 6 | (*p & 63);
      return value;
    };
    while (p < end) {
      number();
      number();
      const int target = number(), depth = number();
      if (!reach(target, (depth >> 1) + (depth & 1) + 1) || !follow()) return false;
    }
    return true;
  }
#else
  bool handlers() { return true; }
#endif

  PyCodeObject* code_;
  const std::vector<Unit>& units_;
  std::vector<Instruction>& at_;
  std::vector<int> open_;
};

int32_t argument(const Unit& u, const Meaning& m) {
  if (m.act == Act::kConsume) return m.consumed;
  if (m.act == Act::kCallSpread) return u.arg & 1;
  return u.arg >> m.shift;
}

}  // namespace

CodeView::CodeView(PyCodeObject* code) {
  Py_ssize_t length = 0;
  const char* file = PyUnicode_AsUTF8AndSize(code->co_filename, &length);
  if (!file) PyErr_Clear();
  const std::string_view name(file ? file : "", static_cast<size_t>(length));
  for (const std::string& directory : own_directories()) is_own |= name.starts_with(directory);
  if (is_own) return;
  const std::vector<Unit> units = units_of(code);
  at.resize(units.size());
  for (size_t i = 0; i < units.size(); ++i) {
    const Meaning& m = kMeanings[units[i].op];
    at[i].act = m.act;
    at[i].arg = argument(units[i], m);
  }
  whole = Depths(code, units, at).find();
}

const CodeView& view_of(PyCodeObject* code) {
  static const Py_ssize_t index =
      _PyEval_RequestCodeExtraIndex([](void* view) { delete static_cast<CodeView*>(view); });
  void* known = nullptr;
  if (_PyCode_GetExtra(reinterpret_cast<PyObject*>(code), index, &known) == 0 && known)
    return *static_cast<CodeView*>(known);
  auto view = std::make_unique<CodeView>(code);
  if (_PyCode_SetExtra(reinterpret_cast<PyObject*>(code), index, view.get()) < 0)
    throw py::error_already_set();
  return *view.release();
}

void add_own_directory(std::string directory) { own_directories().push_back(std::move(directory)); }

#if PY_VERSION_HEX >= 0x030b0000
FrameView::FrameView(PyFrameObject* frame, PyCodeObject* c)
    : code(c),
      position(PyFrame_GetLasti(frame) / 2),
      variables(frame->f_frame->localsplus),
      stack(variables + c->co_nlocalsplus) {}

PyObject* FrameView::cell(int index, bool& made_here) const {
  made_here = index < code->co_nlocalsplus - code->co_nfreevars;
  return variables[index];
}

PyObject* function_of(PyFrameObject* frame) {
#if PY_VERSION_HEX >= 0x030c0000
  return frame->f_frame->f_funcobj;
#else
  return reinterpret_cast<PyObject*>(frame->f_frame->f_func);
#endif
}
#else
FrameView::FrameView(PyFrameObject* frame, PyCodeObject* c)
    : code(c),
      position(frame->f_lasti),
      variables(frame->f_localsplus),
      stack(frame->f_valuestack) {}

PyObject* FrameView::cell(int index, bool& made_here) const {
  made_here = index < PyTuple_GET_SIZE(code->co_cellvars);
  return variables[code->co_nlocals + index];
}

PyObject* function_of(PyFrameObject*) { return nullptr; }
#endif

}  // namespace wengert::bind
