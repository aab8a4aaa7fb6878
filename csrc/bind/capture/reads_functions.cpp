// Watching what a function reads, as Python calls it.
#include "bind/capture/capture.h"
#include "bind/capture/reads.h"

namespace wengert::bind {
namespace {

constexpr const char* kReads = "wengert.Reads";

PyObject* watch_reads(PyObject*, PyObject* const* args, Py_ssize_t count) {
  return guarded([&]() -> PyObject* {
    check(count == 2, ErrorKind::kType, "_watch_reads: a function and its arguments expected");
    auto reads = std::make_unique<Reads>();
    py::capsule capsule(reads.get(), kReads, [](PyObject* o) {
      delete static_cast<Reads*>(PyCapsule_GetPointer(o, kReads));
    });
    Reads* r = reads.release();
    r->callable(args[0]);
    r->arguments(args[1]);
    r->start();
    return capsule.release().ptr();
  });
}

PyObject* stop_reads(PyObject*, PyObject* capsule) {
  return guarded([&]() -> PyObject* {
    auto* reads = static_cast<Reads*>(PyCapsule_GetPointer(capsule, kReads));
    if (!reads) throw py::error_already_set();
    reads->stop();
    Py_RETURN_NONE;
  });
}

PyObject* finish_reads(PyObject*, PyObject* const* args, Py_ssize_t count) {
  return guarded([&]() -> PyObject* {
    check(count == 2, ErrorKind::kType, "_finish_reads: a watch and a result expected");
    auto* reads = static_cast<Reads*>(PyCapsule_GetPointer(args[0], kReads));
    if (!reads) throw py::error_already_set();
    reads->contents(args[1]);
    const std::vector<std::string> changed = reads->finish();
    if (Recording* r = current_recording()) {
      r->left_behind |= !changed.empty();
      r->guard(new ReadsGuard(reads->take()));
    }
    const auto list = [](const std::vector<std::string>& lines) {
      py::list out;
      for (const std::string& line : lines) out.append(py::str(line));
      return out;
    };
    return py::make_tuple(list(changed), list(reads->refusals()), py::str(reads->opaque()),
                          reads->tellers(), py::str(reads->kept()), reads->keeps_always())
        .release()
        .ptr();
  });
}

PyObject* look_at(PyObject*, PyObject* value) {
  return guarded([&]() -> PyObject* {
    Reads reads;
    reads.whole(value);
    if (Recording* r = current_recording()) r->guard(new ReadsGuard(reads.take()));
    Py_RETURN_NONE;
  });
}

// What a recording did, a line each, to be compared with another one of the same function.
PyObject* lines(PyObject*, PyObject*) {
  return guarded([&]() -> PyObject* {
    py::list out;
    if (Recording* r = current_recording())
      for (const std::string& line : lines_of(*r)) out.append(py::str(line));
    return out.release().ptr();
  });
}

PyObject* note_read(PyObject*, PyObject* const* args, Py_ssize_t count) {
  return guarded([&]() -> PyObject* {
    check(count == 2 && PyUnicode_Check(args[1]), ErrorKind::kType,
          "_note_read: an object and a name expected");
    if (Reads* r = this_threads_reads()) r->attribute(args[0], args[1]);
    Py_RETURN_NONE;
  });
}

PyMethodDef functions[] = {
    fast("_watch_reads", watch_reads, "Watches what this thread reads from now on."),
    {"_stop_reads", stop_reads, METH_O, "Watches no longer."},
    fast("_finish_reads", finish_reads, "Makes what was read conditions; what has changed."),
    {"_capture_look_at", look_at, METH_O, "What it holds, and its attributes, are conditions."},
    fast("_note_read", note_read, "An attribute that this package reads for the function."),
    {"_recorded_lines", lines, METH_NOARGS, "The steps recorded so far, as text."},
    {}};

}  // namespace

void init_reads(py::module_& m) {
  prepare_objects();
  add_own_directory("<frozen importlib");
  add_own_directory(std::string(py::str(py::module_::import("warnings").attr("__file__"))));
  const py::object dirname = py::module_::import("os").attr("path").attr("dirname");
  for (const py::object& module : {py::object(m), py::object(py::module_::import("numpy"))})
    add_own_directory(std::string(py::str(dirname(module.attr("__file__")))) + "/");
  if (PyModule_AddFunctions(m.ptr(), functions) < 0) throw py::error_already_set();
}

}  // namespace wengert::bind
