// What a function reads of Python's state while it is recorded. See Note [reads].
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "bind/capture/code.h"
#include "bind/capture/read.h"

namespace wengert::bind {

// Watches this thread from start() to stop().
class Reads {
 public:
  Reads() = default;
  ~Reads() { stop(); }
  Reads(const Reads&) = delete;
  Reads& operator=(const Reads&) = delete;

  void start();
  void stop();
  void pause();
  void resume();
  // What the function has itself changed of what it read or wrote, one line each; the rest is left
  // for a guard.
  std::vector<std::string> finish();
  std::vector<Read> take() { return std::move(reads_); }
  const std::vector<std::string>& refusals() const { return refusals_; }
  // The first function of C that may have read, or done, what cannot be seen; empty if none was
  // called.
  const std::string& opaque() const { return opaque_; }
  // Where the function has put tensors of its own, with the line; empty if nowhere. `keeps_always`:
  // it did not look at that place before, so that it will again.
  const std::string& kept() const { return kept_; }
  bool keeps_always() const { return keeps_always_; }
  // Objects that can tell conditions, and the names of what was read of them.
  py::list tellers() const;

  // What is read, or about to be written, of an object.
  void attribute(PyObject* obj, PyObject* name);
  // What a container holds, and, unless `depth` says that it is enough, what its items hold.
  void contents(PyObject* o, int depth = 0);
  // What a container holds, and what the attributes of an object are.
  void whole(PyObject* o);

  // An object that the function is called through.
  void callable(PyObject* f);
  // Lists, tuples and dicts that have been made for the call.
  void arguments(PyObject* o);

 private:
  static constexpr int kDeepest = 6;

  static int on_event(PyObject* self, PyFrameObject* frame, int what, PyObject* arg);
  void enter(PyFrameObject* frame, PyCodeObject* code);
  void step(const CodeView& view, PyFrameObject* frame, PyCodeObject* code);
  void act(const Instruction& i, const FrameView& f);
  void call(const FrameView& f, const Instruction& i);
  void call_with(PyObject* callable, PyObject* const* args, Py_ssize_t count);
  bool drawing(PyObject* callable, PyObject* const* args, Py_ssize_t count) const;
  void call_builtin(const char* name, PyObject* self, PyObject* const* args, Py_ssize_t count);

  void global(PyFrameObject* frame, PyObject* name);
  py::object attributes_of(PyObject* o);
  PyObject* known_function(PyCodeObject* code);
  void named_otherwise(PyTypeObject* type, PyObject* own_name, PyObject* fn);
  void attribute_of_super(PyObject* cls, PyObject* self, PyObject* name);
  void type_attribute(PyTypeObject* type, PyObject* name);
  void key(PyObject* dict, PyObject* k);
  void item(PyObject* container, PyObject* k);
  void member(PyObject* container, PyObject* k);
  void length(PyObject* container);
  void state_of(PyObject* o, int depth);
  void function(PyObject* f);
  void next_of(PyObject* iterator);
  void refuse(std::string why);
  void special(PyObject* o, std::initializer_list<const char*> names);
  void truth(PyObject* o);
  void import_of(PyObject* name);
  void match(PyObject* subject, PyObject* cls, PyObject* names);
  void teller(PyObject* o, PyObject* name);
  void may_be_opaque(const char* name, const std::string& module);

  bool is_made_here(PyObject* o) const { return made_here_.contains(o); }
  void touch(Read::Of of, PyObject* where, PyObject* key);
  py::object hold(PyObject* o);
  bool is_looked_at(PyObject* container) const;
  std::string describe(const Read& r, PyObject* now) const;
  std::string place(const Read& r) const;

  struct Place {
    Read::Of of;
    PyObject *where, *key;
    bool operator==(const Place&) const = default;
  };
  struct Hash {
    size_t operator()(const Place& p) const {
      return (reinterpret_cast<size_t>(p.where) >> 4) * 31 +
             (reinterpret_cast<size_t>(p.key) >> 4) * 7 + static_cast<size_t>(p.of);
    }
  };
  std::vector<Read> reads_;
  std::unordered_map<Place, uint32_t, Hash> index_;
  std::unordered_map<PyObject*, int> held_;  // how often by reads_
  std::unordered_set<PyObject*> made_here_;  // by address: what is made later there is so too
  std::unordered_map<PyCodeObject*, PyObject*>
      functions_;  // called, by their code; see function_of
  std::vector<std::string> refusals_;
  std::string opaque_, kept_;
  bool keeps_always_ = false;
  bool writing_ = false;  // what is touched is about to be written
  std::vector<std::pair<py::object, py::object>> tellers_;
  PyFrameObject* frame_ = nullptr;  // of the event that is looked at
  PyCodeObject* code_ = nullptr;
  int position_ = 0;
  PyTypeObject* made_of_ = nullptr;  // a class that has just been called
  bool running_ = false;
  Reads* outer_ = nullptr;
  Py_tracefunc before_ = nullptr;
  py::object before_object_, paused_;
};

// That watches this thread, or null.
Reads* this_threads_reads();

// While it lives, this thread's reads are not watched: what runs is run again at every replay.
class ReadsPause {
 public:
  ReadsPause();
  ~ReadsPause();
  ReadsPause(const ReadsPause&) = delete;
  ReadsPause& operator=(const ReadsPause&) = delete;

 private:
  Reads* reads_;
};

}  // namespace wengert::bind
