// Watching what a function reads.
//
// Note [reads]
// A program is right as long as all that the function read is as it was. What it reads is seen, not
// guessed from what its code names: while it is recorded, every instruction of every frame but this
// package's is looked at before it runs, with its operands. What an instruction takes from a
// variable, an attribute, a container or a closure is written down with the place it is taken from;
// that there was nothing at a place, too. Functions of C read what nobody sees; so of the
// containers that they get the contents are written down, and of a user's objects the attributes.
//
// What is about to be written is looked at likewise, before it is. If at the end a place does not
// hold what it held at first, the function changes it itself, which a replay would not: such a
// program waits (see Note [capture]), since the first call may have set up something.
//
// What the call has made is no condition. An object is the call's own if, right after the
// instruction that yields it, nothing but the stack refers to it. Objects that die with the call
// are no condition either.
#include "bind/capture/reads.h"

#include <algorithm>

namespace wengert::bind {

// ---- watching ------------------------------------------------------------------------------

namespace {
thread_local Reads* watching = nullptr;
}  // namespace

Reads* this_threads_reads() { return watching; }

void Reads::start() {
  outer_ = watching;
  watching = this;
  const PyThreadState* state = PyThreadState_Get();
  before_ = state->c_tracefunc;
  before_object_ = state->c_traceobj ? own(state->c_traceobj) : py::object();
#if PY_VERSION_HEX >= 0x030c0000
  // Events of instructions are on if a frame has asked for them by then.
  if (PyFrameObject* frame = PyEval_GetFrame()) {
    PyObject_SetAttrString(reinterpret_cast<PyObject*>(frame), "f_trace_opcodes", Py_True);
    PyErr_Clear();
  }
#endif
  running_ = true;
  PyEval_SetTrace(on_event, py::capsule(this).release().ptr());
}

void Reads::stop() {
  if (!running_) return;
  running_ = false;
  watching = outer_;
  PyObject* mine = PyThreadState_Get()->c_traceobj;
  const py::object keep = own(mine);
  PyEval_SetTrace(before_, before_object_.ptr());
  Py_XDECREF(mine);
}

void Reads::pause() {
  paused_ = own(PyThreadState_Get()->c_traceobj);
  PyEval_SetTrace(before_, before_object_.ptr());
}

void Reads::resume() {
  PyEval_SetTrace(on_event, paused_.ptr());
  paused_ = py::object();
}

ReadsPause::ReadsPause() : reads_(watching) {
  if (reads_) reads_->pause();
}
ReadsPause::~ReadsPause() {
  if (reads_) reads_->resume();
}

int Reads::on_event(PyObject* self, PyFrameObject* frame, int what, PyObject* arg) {
  auto& reads = *static_cast<Reads*>(PyCapsule_GetPointer(self, nullptr));
  if (what != PyTrace_OPCODE && reads.before_ &&
      reads.before_(reads.before_object_.ptr(), frame, what, arg) != 0)
    return -1;
  if (what != PyTrace_OPCODE && what != PyTrace_CALL) return 0;
  PyCodeObject* code = PyFrame_GetCode(frame);
  const py::object held = py::reinterpret_steal<py::object>(reinterpret_cast<PyObject*>(code));
  try {
    if (what == PyTrace_CALL) {
      reads.enter(frame, code);
    } else {
      const CodeView& view = view_of(code);
      if (!view.is_own && view.whole) reads.step(view, frame, code);
    }
  } catch (const std::exception& e) {
    reads.refuse(text("what it reads cannot be watched: ", e.what()));
  }
  PyErr_Clear();
  return 0;
}

void Reads::enter(PyFrameObject* frame, PyCodeObject* code) {
  const CodeView& view = view_of(code);
  const auto set = [&](const char* name, PyObject* value) {
    if (PyObject_SetAttrString(reinterpret_cast<PyObject*>(frame), name, value) < 0) PyErr_Clear();
  };
  if (!before_) set("f_trace_lines", Py_False);
  if (view.is_own) return;
  frame_ = frame;
  code_ = code;
  position_ = 0;
  if (!view.whole) return refuse("it runs code whose instructions are not understood");
  const FrameView f(frame, code);
  PyObject* self = code->co_argcount > 0 ? f.variables[0] : nullptr;
  if (self && tells(Py_TYPE(self))) return teller(self, code->co_name);
#if PY_VERSION_HEX >= 0x030d0000
  // Instructions are only told of frames that have a function of their own to tell.
  static PyMethodDef ignore = {"_ignore", [](PyObject*, PyObject*) -> PyObject* { Py_RETURN_NONE; },
                               METH_VARARGS, nullptr};
  static PyObject* const ignored = PyCFunction_New(&ignore, nullptr);
  set("f_trace", ignored);
#endif
  set("f_trace_opcodes", Py_True);
  // *args and **kwargs are made for the call.
  int extra = code->co_argcount + code->co_kwonlyargcount;
  for (const int flag : {CO_VARARGS, CO_VARKEYWORDS})
    if (code->co_flags & flag) {
      if (PyObject* o = f.variables[extra++]) made_here_.insert(o);
    }
  PyObject* fn = function_of(frame);
  if (!kFramesKnowFunctions) fn = known_function(code);
  if (fn && PyFunction_Check(fn)) function(fn);
  if (!self || is_tensor(self)) return;
  if (made_of_ && Py_TYPE(self) == made_of_ &&
      PyUnicode_CompareWithASCIIString(code->co_name, "__init__") == 0)
    made_here_.insert(self);
  made_of_ = nullptr;
  PyTypeObject* type = Py_TYPE(self);
  if (!is_watched(type)) return;
  if (_PyType_Lookup(type, code->co_name)) type_attribute(type, code->co_name);
  if (fn) named_otherwise(type, code->co_name, fn);
}

// A function with this code, where frames do not know theirs. Of one that no instruction of a
// user's has called all are looked at.
PyObject* Reads::known_function(PyCodeObject* code) {
  const auto [found, fresh] = functions_.try_emplace(code, nullptr);
  if (!fresh) return found->second;
  const py::object all = referrers_of(reinterpret_cast<PyObject*>(code));
  for (Py_ssize_t i = 0; all && i < PyList_GET_SIZE(all.ptr()); ++i)
    if (PyObject* fn = PyList_GET_ITEM(all.ptr(), i); PyFunction_Check(fn))
      function(found->second = fn);
  return found->second;
}

// A function may stand in a class under another name than its own.
void Reads::named_otherwise(PyTypeObject* type, PyObject* own_name, PyObject* fn) {
  if (_PyType_Lookup(type, own_name) == fn) return;
  PyObject* mro = type->tp_mro;
  for (Py_ssize_t i = 0; mro && i < PyTuple_GET_SIZE(mro); ++i) {
    PyObject *name, *member,
        *dict = dict_of_type(reinterpret_cast<PyTypeObject*>(PyTuple_GET_ITEM(mro, i)));
    for (Py_ssize_t at = 0; dict && PyDict_Next(dict, &at, &name, &member);)
      if (member == fn) return type_attribute(type, name);
  }
}

// The dict of an object that the call has not made is older than the call as well, though it may
// only be there from now on, at the address of something that was made.
py::object Reads::attributes_of(PyObject* o) {
  py::object d = dict_of(o);
  if (d) made_here_.erase(d.ptr());
  return d;
}

void Reads::step(const CodeView& view, PyFrameObject* frame, PyCodeObject* code) {
  const FrameView f(frame, code);
  if (f.position < 0 || f.position >= static_cast<int>(view.at.size())) return;
  const Instruction& i = view.at[f.position];
  if (i.depth < 0) return;
  frame_ = frame;
  code_ = code;
  position_ = f.position;
  writing_ = i.act == Act::kStoreGlobal || i.act == Act::kStoreName || i.act == Act::kStoreCell ||
             i.act == Act::kStoreAttr || i.act == Act::kStoreItem;
  if (PyObject* top = f.peek(i.depth, 1); top && !is_plain(top) && !is_tensor(top)) {
    const auto held = held_.find(top);
    if (Py_REFCNT(top) - (held == held_.end() ? 0 : held->second) == 1) made_here_.insert(top);
  }
  act(i, f);
  writing_ = false;
}

void Reads::act(const Instruction& i, const FrameView& f) {
  const auto name = [&] { return PyTuple_GET_ITEM(f.code->co_names, i.arg); };
  const auto top = [&](int k) { return f.peek(i.depth, k); };
  switch (i.act) {
    case Act::kNone:
      return;
    case Act::kLoadGlobal:
    case Act::kStoreGlobal:
      return global(frame_, name());
    case Act::kLoadName:
    case Act::kStoreName: {
      const py::object locals =
          steal(PyObject_GetAttrString(reinterpret_cast<PyObject*>(frame_), "f_locals"));
      const py::object globals =
          steal(PyObject_GetAttrString(reinterpret_cast<PyObject*>(frame_), "f_globals"));
      if (!locals || locals.ptr() == globals.ptr()) return global(frame_, name());
      if (PyDict_CheckExact(locals.ptr())) key(locals.ptr(), name());
      return i.act == Act::kLoadName ? global(frame_, name()) : void();
    }
    case Act::kLoadCell:
    case Act::kStoreCell: {
      bool made_here = false;
      PyObject* cell = f.cell(i.arg, made_here);
      if (!cell || !PyCell_Check(cell)) return;
      if (made_here) {
        made_here_.insert(cell);
      } else if (!is_made_here(cell)) {
        touch(Read::Of::kCell, cell, nullptr);
      }
      return;
    }
    case Act::kLoadAttr:
    case Act::kStoreAttr:
      if (PyObject* o = top(1)) attribute(o, name());
      return;
    case Act::kLoadSuper:
      return attribute_of_super(top(2), top(1), name());
    case Act::kLoadItem:
    case Act::kDeleteItem:
    case Act::kStoreItem:
      return item(top(2), top(1));
    case Act::kContains:
      return member(top(1), top(2));
    case Act::kIterate:
      special(top(1), {"__iter__", "__getitem__"});
      return contents(top(1), kDeepest - 1);
    case Act::kNext:
      return next_of(top(1));
    case Act::kTruth:
      return truth(top(1));
    case Act::kImport:
      return import_of(name());
    case Act::kMatchKeys:
      if (PyObject* keys = top(1); keys && PyTuple_Check(keys))
        for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(keys); ++k)
          item(top(2), PyTuple_GET_ITEM(keys, k));
      return;
    case Act::kMatchClass:
      return match(top(3), top(2), top(1));
    case Act::kConsume:
      for (int k = 1; k <= i.arg; ++k)
        if (PyObject* o = top(k)) contents(o);
      return;
    default:
      return call(f, i);
  }
}

// ---- places --------------------------------------------------------------------------------

py::object Reads::hold(PyObject* o) {
  if (!o) return {};
  ++held_[o];
  return own(o);
}

// Whether how many items it has, or which, is known to have been read.
bool Reads::is_looked_at(PyObject* container) const {
  return index_.contains({Read::Of::kLength, container, nullptr}) ||
         index_.contains({Read::Of::kContents, container, nullptr});
}

void Reads::touch(Read::Of of, PyObject* where, PyObject* key) {
  const bool blind = writing_ && !is_looked_at(where);
  const auto [found, fresh] = index_.try_emplace({of, where, key}, reads_.size());
  if (!fresh) {
    reads_[found->second].position = position_;
    reads_[found->second].code = own(reinterpret_cast<PyObject*>(code_));
    return;
  }
  Read r{of, hold(where), hold(key), {}, own(reinterpret_cast<PyObject*>(code_)), position_};
  r.blind = blind;
  r.value = look_up(r);
  if (r.value) ++held_[r.value.ptr()];
  reads_.push_back(std::move(r));
}

void Reads::teller(PyObject* o, PyObject* name) {
  const PyObject* method = told_by(Py_TYPE(o));
  if (!method || method == Py_None || is_made_here(o)) return;
  for (const auto& [known, read] : tellers_)
    if (known.ptr() == o && read.ptr() == name) return;
  tellers_.emplace_back(own(o), own(name));
  ++held_[o];
}

py::list Reads::tellers() const {
  py::list out;
  for (const auto& [o, name] : tellers_) out.append(py::make_tuple(o, name));
  return out;
}

void Reads::whole(PyObject* o) {
  contents(o);
  state_of(o, 0);
  if (PyFunction_Check(o)) function(o);
}

void Reads::global(PyFrameObject* frame, PyObject* name) {
  const py::object globals =
      steal(PyObject_GetAttrString(reinterpret_cast<PyObject*>(frame), "f_globals"));
  if (!globals || !PyDict_Check(globals.ptr())) return;
  touch(Read::Of::kKey, globals.ptr(), name);
}

void Reads::key(PyObject* dict, PyObject* k) {
  if (is_made_here(dict)) return;
  if (is_safe_key(k)) return touch(Read::Of::kKey, dict, k);
  contents(dict, kDeepest - 1);
}

void Reads::type_attribute(PyTypeObject* type, PyObject* name) {
  if (is_watched(type)) touch(Read::Of::kTypeAttr, reinterpret_cast<PyObject*>(type), name);
}

void Reads::attribute(PyObject* o, PyObject* name) {
  if (is_tensor(o) || is_plain(o)) return;
  PyTypeObject* type = Py_TYPE(o);
  if (type == &PySuper_Type) {
    const py::object cls = steal(PyObject_GetAttrString(o, "__thisclass__")),
                     self = steal(PyObject_GetAttrString(o, "__self__"));
    if (cls && self) attribute_of_super(cls.ptr(), self.ptr(), name);
    return;
  }
  if (PyType_Check(o)) {
    auto* cls = reinterpret_cast<PyTypeObject*>(o);
    if (PyUnicode_CompareWithASCIIString(name, "__dict__") == 0 && is_watched(cls))
      return contents(dict_of_type(cls), kDeepest - 1);
    return type_attribute(cls, name);
  }
  if (!is_its_own_affair(type)) type_attribute(type, name);
  if (is_made_here(o)) return;
  teller(o, name);
  if (is_its_own_affair(type)) return;
  if (PyModule_Check(o)) return key(PyModule_GetDict(o), name);
  if (is_watched(type)) touch(Read::Of::kType, o, nullptr);
  const py::object d = attributes_of(o);
  PyObject* descriptor = _PyType_Lookup(type, name);
  if (descriptor && Py_TYPE(descriptor)->tp_descr_set) {
    const bool of_c = !is_heap(Py_TYPE(descriptor)) && Py_TYPE(descriptor) != &PyProperty_Type;
    if (of_c && !is_within(module_of(type), "wengert")) {
      const Read r{Read::Of::kMember, own(o), own(descriptor), {}, {}, 0};
      const py::object once = look_up(r), again = look_up(r);
      if (!once == !again && (!once || same_value(once.ptr(), again.ptr())))
        return touch(Read::Of::kMember, o, descriptor);
      if (is_buffer(o)) contents(o);
    }
    return;
  }
  if (d) key(d.ptr(), name);
  if (!descriptor && !(d && PyDict_Contains(d.ptr(), name) == 1)) {
    special(o, {"__getattr__"});
    if (!d && type->tp_getattro != PyObject_GenericGetAttr && !told_by(type) &&
        !gets_in_python(type))
      touch(Read::Of::kGot, o, name);
  }
}

// Methods that an expression calls without naming them, or would if they were there.
void Reads::special(PyObject* o, std::initializer_list<const char*> names) {
  if (!o || is_tensor(o) || is_plain(o)) return;
  for (const char* name : names) {
    const py::object text = steal(PyUnicode_InternFromString(name));
    teller(o, text.ptr());
    if (!is_its_own_affair(Py_TYPE(o))) type_attribute(Py_TYPE(o), text.ptr());
  }
}

void Reads::truth(PyObject* o) {
  special(o, {"__bool__", "__len__"});
  length(o);
}

void Reads::import_of(PyObject* name) {
  PyObject* modules = PyImport_GetModuleDict();
  if (modules && PyDict_Check(modules)) key(modules, name);
}

void Reads::match(PyObject* subject, PyObject* cls, PyObject* names) {
  if (!subject || !cls || !PyType_Check(cls)) return;
  static PyObject* const args = PyUnicode_InternFromString("__match_args__");
  attribute(cls, args);
  PyObject* positional = _PyType_Lookup(reinterpret_cast<PyTypeObject*>(cls), args);
  for (PyObject* list : {positional, names})
    for (Py_ssize_t k = 0; list && PyTuple_Check(list) && k < PyTuple_GET_SIZE(list); ++k)
      if (PyUnicode_Check(PyTuple_GET_ITEM(list, k))) attribute(subject, PyTuple_GET_ITEM(list, k));
}

void Reads::attribute_of_super(PyObject* cls, PyObject* self, PyObject* name) {
  if (!cls || !self || !PyType_Check(cls)) return;
  auto* type = reinterpret_cast<PyTypeObject*>(
      PyType_Check(self) ? self : reinterpret_cast<PyObject*>(Py_TYPE(self)));
  PyObject* mro = type->tp_mro;
  bool after = false;
  for (Py_ssize_t i = 0; mro && i < PyTuple_GET_SIZE(mro); ++i) {
    PyObject* base = PyTuple_GET_ITEM(mro, i);
    if (after && is_watched(reinterpret_cast<PyTypeObject*>(base))) {
      PyObject* dict = dict_of_type(reinterpret_cast<PyTypeObject*>(base));
      key(dict, name);
      if (PyDict_GetItem(dict, name)) return;
    }
    after |= base == cls;
  }
}

void Reads::item(PyObject* container, PyObject* k) {
  if (!container || !k) return;
  if (!is_plain(k) && !is_tensor(k)) contents(k);
  if (is_tensor(container) || is_plain(container) || PyTuple_Check(container)) return;
  special(container, {"__getitem__", "__setitem__", "__delitem__"});
  if (PyDict_Check(container)) return key(container, k);
  if (PyList_Check(container) && PyLong_CheckExact(k) && !is_made_here(container)) {
    const Py_ssize_t n = PyList_GET_SIZE(container), i = PyLong_AsSsize_t(k);
    if (i < 0) length(container);
    if (i < -n || i >= n) return length(container);
    return touch(Read::Of::kItem, container, steal(PyLong_FromSsize_t(i < 0 ? i + n : i)).ptr());
  }
  contents(container, kDeepest - 1);
}

void Reads::member(PyObject* container, PyObject* k) {
  if (!container || !k) return;
  special(container, {"__contains__", "__iter__", "__getitem__"});
  if (PyDict_Check(container)) return key(container, k);
  contents(container, kDeepest - 1);
}

void Reads::length(PyObject* o) {
  if (!o || is_made_here(o) || is_plain(o) || is_tensor(o) || PyTuple_Check(o)) return;
  if (PyList_CheckExact(o) || PyDict_CheckExact(o) || PyAnySet_CheckExact(o) ||
      Py_TYPE(o) == deque_type())
    return touch(Read::Of::kLength, o, nullptr);
  if (holds_contents(o)) contents(o, kDeepest - 1);
}

void Reads::function(PyObject* f) {
  if (is_made_here(f)) return;
  touch(Read::Of::kCode, f, nullptr);
  if (PyObject* defaults = PyFunction_GET_KW_DEFAULTS(f)) contents(defaults, kDeepest - 1);
}

void Reads::next_of(PyObject* iterator) {
  if (iterator && !is_made_here(iterator))
    refuse("it takes the next item of an iterator that it has not made");
}

void Reads::refuse(std::string why) {
  const Read here{Read::Of::kKey, {}, {}, {}, own(reinterpret_cast<PyObject*>(code_)), position_};
  why += place(here);
  if (std::find(refusals_.begin(), refusals_.end(), why) == refusals_.end())
    refusals_.push_back(std::move(why));
}

// ---- the end -------------------------------------------------------------------------------

std::string Reads::place(const Read& r) const {
  if (!r.code) return "";
  auto* code = reinterpret_cast<PyCodeObject*>(r.code.ptr());
  const auto file = py::reinterpret_borrow<py::str>(code->co_filename),
             name = py::reinterpret_borrow<py::str>(code->co_name);
  return text(" (at ", std::string(file), ":", PyCode_Addr2Line(code, 2 * r.position), ", in ",
              std::string(name), ")");
}

std::string Reads::describe(const Read& r, PyObject* now) const {
  const auto shown = [](PyObject* o) -> std::string {
    if (!o) return "nothing";
    if (!is_plain(o)) return text("a ", Py_TYPE(o)->tp_name);
    std::string s(py::repr(o));
    return s.size() > 40 ? s.substr(0, 40) + "..." : s;
  };
  std::string what = r.of == Read::Of::kCell ? "a variable of an outer function" : "what it reads";
  if (r.of == Read::Of::kContents || r.of == Read::Of::kLength)
    return text("the contents of a ", Py_TYPE(r.where.ptr())->tp_name, place(r));
  if (r.of == Read::Of::kCode) return text("a function's code", place(r));
  if (r.key && PyUnicode_CheckExact(r.key.ptr()))
    what = text("'", std::string(py::str(r.key)), "'");
  if (r.key && PyBytes_CheckExact(r.key.ptr())) what = std::string(py::repr(r.key));
  if (r.key && PyLong_CheckExact(r.key.ptr())) what = text("item ", std::string(py::str(r.key)));
  if (r.of == Read::Of::kMember) {
    const py::object name = steal(PyObject_GetAttrString(r.key.ptr(), "__name__"));
    if (name) what = text("'", std::string(py::str(name)), "'");
  }
  return text(what, " from ", shown(r.value.ptr()), " to ", shown(now), place(r));
}

namespace {

// Whether it is, or is a container of, a tensor made during the recording under way.
bool holds_new_tensor(PyObject* o, int depth = 0) {
  const Recording* r = current_recording();
  if (!o || !r || depth > 2) return false;
  if (is_tensor(o)) return expect_tensor(o, "value")->storage->root()->watch_id == r->id;
  if (PyDict_Check(o)) {
    PyObject *key, *value;
    for (Py_ssize_t at = 0; PyDict_Next(o, &at, &key, &value);)
      if (holds_new_tensor(value, depth + 1)) return true;
  }
  if (!PyList_Check(o) && !PyTuple_Check(o)) return false;
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(o); ++i)
    if (holds_new_tensor(PySequence_Fast_GET_ITEM(o, i), depth + 1)) return true;
  return false;
}

}  // namespace

std::vector<std::string> Reads::finish() {
  std::vector<std::string> changed;
  std::vector<Read> kept;
  bool settles = false;
  for (Read& r : reads_) {
    const auto held = held_.find(r.where.ptr());
    const bool dead = held != held_.end() && Py_REFCNT(r.where.ptr()) == held->second;
    if (dead || is_made_here(r.where.ptr())) continue;
    if (holds(r)) {
      kept.push_back(std::move(r));
    } else {
      const py::object now = look_up(r);
      changed.push_back(describe(r, now.ptr()));
      settles |= !r.blind;
      const bool keeps = holds_new_tensor(r.of == Read::Of::kContents ? r.where.ptr() : now.ptr());
      if (keeps && (kept_.empty() || r.blind)) {
        kept_ = changed.back();
        keeps_always_ = r.blind;
      }
    }
  }
  keeps_always_ &= !settles;
  reads_ = std::move(kept);
  return changed;
}

}  // namespace wengert::bind
