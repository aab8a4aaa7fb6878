// What a captured program takes for granted, as far as only Python knows of it.
#include "bind/capture/capture.h"
#include "bind/capture/read.h"
#include "bind/gil.h"

namespace wengert::bind {
namespace {

// Counts what could make a program wrong: a module's attribute set, an optimizer's state replaced.
uint64_t changes = 0;

void expect(bool as_documented, const char* name) {
  check(as_documented, ErrorKind::kType, name, ": other arguments expected");
}

// ---- guards --------------------------------------------------------------------------------

// What objects tell of: (where, key, value). `where` is a dict, a list (an index), or another
// object, whose attribute is meant. No value: there must be none.
struct NamesGuard final : Guard {
  // The values are read anew, after the function has run. Sets `moved` if a tensor, or something
  // else that is no number or text, is another one than before.
  NamesGuard(PyObject* entries, bool& moved) {
    names.reserve(static_cast<size_t>(PyList_GET_SIZE(entries)));
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(entries); ++i) {
      const py::object item = own(PyList_GET_ITEM(entries, i));
      PyObject* t = item.ptr();
      expect(PyTuple_Check(t) && PyTuple_GET_SIZE(t) == 3, "_capture_names");
      PyObject *where = PyTuple_GET_ITEM(t, 0), *key = PyTuple_GET_ITEM(t, 1),
               *before = PyTuple_GET_ITEM(t, 2);
      py::object now = look_up(where, key);
      if (now.ptr() != before) moved |= is_tensor(before) || (now && is_tensor(now.ptr()));
      if (!now && before != Py_Ellipsis) continue;
      names.push_back({own(where), own(key), std::move(now)});
    }
  }
  bool holds() override {
    for (const Name& n : names) {
      const py::object now = look_up(n.where.ptr(), n.key.ptr());
      if (!now != !n.value || (now && !same_value(now.ptr(), n.value.ptr()))) return false;
    }
    return true;
  }
  static py::object look_up(PyObject* where, PyObject* key) {
    PyObject* found = nullptr;
    if (PyDict_Check(where)) {
      found = PyDict_GetItem(where, key);
    } else if (PyList_Check(where)) {
      const Py_ssize_t i = PyLong_AsSsize_t(key);
      if (i == -1) PyErr_Clear();
      if (i >= 0 && i < PyList_GET_SIZE(where)) found = PyList_GET_ITEM(where, i);
    } else {
      PyObject* value = PyObject_GetAttr(where, key);
      if (!value) PyErr_Clear();
      return py::reinterpret_steal<py::object>(value);
    }
    return py::reinterpret_borrow<py::object>(found);
  }
  struct Name {
    py::object where, key, value;
  };
  std::vector<Name> names;
};

// A condition in Python, asked only after something has changed somewhere. `prepare` looks at how
// things are and returns the condition; that can wait until just before the first change.
struct CheckGuard final : Guard {
  explicit CheckGuard(PyObject* f) : prepare(own(f)), seen(changes) { waiting.push_back(this); }
  ~CheckGuard() override { std::erase(waiting, this); }
  bool holds() override {
    if (seen == changes) return true;
    if (!check || !py::cast<bool>(check())) return false;
    seen = changes;
    return true;
  }
  // Of all that have not been prepared yet. Meanwhile another thread may drop a program.
  static void prepare_all() {
    while (!waiting.empty()) {
      const Ref<CheckGuard> g = waiting.back();
      waiting.pop_back();
      g->check = g->prepare();
    }
  }
  static inline std::vector<CheckGuard*> waiting;
  py::object prepare, check;
  uint64_t seen;
};

// A condition in Python, asked every time.
struct CallGuard final : Guard {
  explicit CallGuard(PyObject* f) : check(own(f)) {}
  bool holds() override { return py::cast<bool>(check()); }
  py::object check;
};

struct KeepAlive final : Guard {
  explicit KeepAlive(PyObject* o) : object(own(o)) {}
  bool holds() override { return true; }
  py::object object;
};

// A fused optimizer: that its groups hold the parameters they held, and that nobody has replaced
// its state. See Note [optimizer state].
struct OptimizerGuard final : Guard {
  OptimizerGuard(PyObject* attributes, PyObject* flag, PyObject* plans)
      : attributes_(own(attributes)), flag_(own(flag)), plans_(own(plans)) {
    PyObject* now = groups();
    check(now && PyList_Check(now), ErrorKind::kType, "param_groups must be a list");
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(now); ++i) {
      PyObject* group = PyList_GET_ITEM(now, i);
      PyObject* params = params_of(group);
      check(params != nullptr, ErrorKind::kType, "a group of parameters must hold a list of them");
      groups_.push_back({own(group), py::reinterpret_steal<py::object>(PyList_AsTuple(params))});
    }
  }
  bool holds() override {
    static PyObject* const kPlans = PyUnicode_InternFromString("_plans");
    if (PyDict_GetItem(attributes_.ptr(), kPlans) != plans_.ptr()) return false;
    if (PyList_GET_SIZE(flag_.ptr()) == 0 || PyList_GET_ITEM(flag_.ptr(), 0) != Py_False)
      return false;
    PyObject* now = groups();
    if (!now || !PyList_Check(now) ||
        PyList_GET_SIZE(now) != static_cast<Py_ssize_t>(groups_.size()))
      return false;
    for (size_t i = 0; i < groups_.size(); ++i) {
      const Group& was = groups_[i];
      PyObject* group = PyList_GET_ITEM(now, static_cast<Py_ssize_t>(i));
      if (group != was.dict.ptr()) return false;
      PyObject* params = params_of(group);
      const Py_ssize_t count = PyTuple_GET_SIZE(was.params.ptr());
      if (!params || PyList_GET_SIZE(params) != count) return false;
      for (Py_ssize_t k = 0; k < count; ++k)
        if (PyList_GET_ITEM(params, k) != PyTuple_GET_ITEM(was.params.ptr(), k)) return false;
    }
    return true;
  }

 private:
  struct Group {
    py::object dict, params;
  };
  PyObject* groups() const {
    static PyObject* const kGroups = PyUnicode_InternFromString("param_groups");
    return PyDict_GetItem(attributes_.ptr(), kGroups);
  }
  // Null if there is no list of parameters.
  static PyObject* params_of(PyObject* group) {
    static PyObject* const kParams = PyUnicode_InternFromString("params");
    PyObject* params = PyDict_Check(group) ? PyDict_GetItem(group, kParams) : nullptr;
    return params && PyList_Check(params) ? params : nullptr;
  }
  py::object attributes_, flag_, plans_;
  std::vector<Group> groups_;
};

struct PythonCall final : HostCall {
  PythonCall(PyObject* f, PyObject* k) : function(own(f)), keep(own(k)) {}
  ~PythonCall() override {
    const py::gil_scoped_acquire gil;
    function = keep = py::object();
  }
  void call() override {
    const Gil gil;
    function();
  }
  py::object function, keep;
};

// ---- what Python adds to the recording under way ---------------------------------------------

// Calls body(recording); does nothing outside a capture.
template <class F>
PyObject* add(F&& body) {
  return guarded([&]() -> PyObject* {
    if (Recording* r = current_recording()) body(*r);
    Py_RETURN_NONE;
  });
}

PyObject* names(PyObject*, PyObject* entries) {
  return add([&](Recording& r) {
    expect(PyList_Check(entries), "_capture_names");
    r.guard(new NamesGuard(entries, r.left_behind));
  });
}
PyObject* condition(PyObject*, PyObject* const* args, Py_ssize_t count) {
  return add([&](Recording& r) {
    expect(count == 2, "_capture_check");
    r.guard(args[1] == Py_True ? Ref<Guard>(new CallGuard(args[0]))
                               : Ref<Guard>(new CheckGuard(args[0])));
  });
}
PyObject* keep(PyObject*, PyObject* o) {
  return add([&](Recording& r) { r.guard(new KeepAlive(o)); });
}
PyObject* optimizer(PyObject*, PyObject* const* args, Py_ssize_t count) {
  return add([&](Recording& r) {
    expect(count == 3 && PyDict_Check(args[0]) && PyList_Check(args[1]) &&
               PyList_GET_SIZE(args[1]) > 0,
           "_capture_optimizer");
    r.guard(new OptimizerGuard(args[0], args[1], args[2]));
  });
}
PyObject* call(PyObject*, PyObject* const* args, Py_ssize_t count) {
  return add([&](Recording& r) {
    expect(count == 2 && PyCallable_Check(args[0]) && PyCallable_Check(args[1]), "_capture_call");
    r.call_host(new PythonCall(args[0], args[1]));
  });
}
PyObject* is_capturing(PyObject*, PyObject*) { return PyBool_FromLong(watch() != nullptr); }
PyObject* changed(PyObject*, PyObject*) {
  return guarded([&]() -> PyObject* {
    CheckGuard::prepare_all();
    ++changes;
    Py_RETURN_NONE;
  });
}
PyObject* change_count(PyObject*, PyObject*) { return PyLong_FromUnsignedLongLong(changes); }

PyMethodDef fast_functions[] = {
    {"_capture_names", names, METH_O, "Places that the program depends on."},
    fast("_capture_check", condition, "A condition in Python."),
    {"_capture_keep", keep, METH_O, "An object that the program uses."},
    fast("_capture_optimizer", optimizer, "An optimizer whose step was recorded."),
    fast("_capture_call", call, "A call out of the program, and what keeps the state it changes."),
    {"_change_count", change_count, METH_NOARGS, "How often _changed was called."},
    {"_is_capturing", is_capturing, METH_NOARGS, "Whether this thread records a function."},
    {"_changed", changed, METH_NOARGS, "Something is about to change that programs depend on."},
    {}};

}  // namespace

void keep_for_capture(PyObject* o) {
  Recording* r = current_recording();
  check(r != nullptr, ErrorKind::kCapture, "no function is being captured");
  r->guard(new KeepAlive(o));
}

py::object keep_function_of(const HostCall& call) {
  return static_cast<const PythonCall&>(call).keep;
}

void init_conditions(py::module_& m) {
  if (PyModule_AddFunctions(m.ptr(), fast_functions) < 0) throw py::error_already_set();
}

}  // namespace wengert::bind
