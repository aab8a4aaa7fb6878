// Capture from Python: recording a function, and replaying it without Python.
#include "bind/capture/capture.h"

#include <pybind11/stl.h>

#include <optional>
#include <unordered_set>

#include "bind/capture/reads.h"
#include "wengert/base/long_work.h"
#include "wengert/tape/profile.h"

namespace wengert::bind {

std::unique_lock<ForkSafeMutex> claim(Program& p) {
  std::unique_lock lock(p.busy(), std::try_to_lock);
  if (!lock) {
    const LongWork waiting;
    lock.lock();
  }
  return lock;
}

namespace {

// ---- recording -----------------------------------------------------------------------------

// Where a tensor lies matters to a program as little as its values do.
PyObject* tensor_key(PyObject*, PyObject* o) {
  return guarded([&]() -> PyObject* {
    const Tensor t = expect_tensor(o, "argument");
    int64_t key[2 + 2 * kMaxDims];
    int n = 0;
    key[n++] = index(t.dtype());
    key[n++] = t->requires_grad;
    for (int64_t s : t.shape()) key[n++] = s;
    for (int64_t s : t.strides()) key[n++] = s;
    return PyBytes_FromStringAndSize(reinterpret_cast<const char*>(key),
                                     n * static_cast<Py_ssize_t>(sizeof key[0]));
  });
}

// A recording as Python holds it: a capsule, which is cheaper to make than an object of a class.
using Handle = std::unique_ptr<Recording>;
constexpr const char* kHandle = "wengert.Recording";

Handle& recording_of(PyObject* capsule) {
  auto* h = static_cast<Handle*>(PyCapsule_GetPointer(capsule, kHandle));
  if (!h) throw py::error_already_set();
  check(*h != nullptr, ErrorKind::kCapture, "capture: the recording is finished");
  return *h;
}

PyObject* start(PyObject*, PyObject* const* args, Py_ssize_t count) {
  return guarded([&]() -> PyObject* {
    check(count == 2 && PyList_Check(args[0]), ErrorKind::kType,
          "_start_recording: a list of tensors and a bool expected");
    auto handle = std::make_unique<Handle>(std::make_unique<Recording>());
    Recording& r = **handle;
    r.strict = args[1] == Py_True;
    const std::vector<Tensor> given = read_tensors(args[0], "arguments");
    py::list copies;
    for (const Tensor& t : given)
      copies.append(py::reinterpret_steal<py::object>(wrap(r.add_input(t))));
    const py::capsule capsule(handle.get(), kHandle, [](PyObject* o) {
      delete static_cast<Handle*>(PyCapsule_GetPointer(o, kHandle));
    });
    handle.release();
    r.start();
    return py::make_tuple(capsule, copies).release().ptr();
  });
}

PyObject* stop(PyObject*, PyObject* capsule) {
  return guarded([&]() -> PyObject* {
    recording_of(capsule)->stop();
    Py_RETURN_NONE;
  });
}

// Why there can be no program; empty if there can be one.
PyObject* failure(PyObject*, PyObject* capsule) {
  return guarded([&] { return py::str(recording_of(capsule)->failure).release().ptr(); });
}

PyObject* finish(PyObject*, PyObject* const* args, Py_ssize_t count) {
  return guarded([&]() -> PyObject* {
    check(count == 2 && PyList_Check(args[1]), ErrorKind::kType,
          "_finish_recording: a recording and a list of tensors expected");
    Handle& r = recording_of(args[0]);
    r->stop();
    r->finish(read_tensors(args[1], "results"));
    check(r->failure.empty(), ErrorKind::kCapture, "capture: ", r->failure);
    return py::cast(Ready{new Program(std::move(r))}).release().ptr();
  });
}

// ---- replay --------------------------------------------------------------------------------

// The results as a tuple, or None if the program no longer fits.
PyObject* replay_arguments(Program& p, const py::handle& arguments) {
  const std::unique_lock lock = claim(p);
  if (!p.ready()) Py_RETURN_NONE;
  int i = 0;
  each_tensor(arguments.ptr(), "arguments", Nones::kRefused,
              [&](const Tensor& t) { p.set_input(i++, t); });
  {
    const LongWork replay;
    std::optional<Timed> timed;
    if (profiling()) timed.emplace("replay");
    p.run();
  }
  i = 0;
  each_tensor(arguments.ptr(), "arguments", Nones::kRefused,
              [&](const Tensor& t) { p.give_back(i++, t); });
  const size_t count = p.result_count();
  py::tuple out(count);
  for (size_t k = 0; k < count; ++k)
    PyTuple_SET_ITEM(out.ptr(), static_cast<Py_ssize_t>(k), wrap(p.result(k)));
  return out.release().ptr();
}
py::object replay(const Ready& r, const py::handle& arguments) {
  check(PyList_Check(arguments.ptr()) || PyTuple_Check(arguments.ptr()), ErrorKind::kType,
        "replay: a list of tensors expected");
  return py::reinterpret_steal<py::object>(replay_arguments(*r.program, arguments));
}

// With the functions that the calls out of it tell of: each keeps what the call changes, and
// returns a function that puts it back.
py::tuple changes(const Ready& r) {
  const Program::Changes c = r.program->changes();
  const auto list = [](const std::vector<Tensor>& tensors) {
    py::list out;
    for (const Tensor& t : tensors) out.append(py::reinterpret_steal<py::object>(wrap(t)));
    return out;
  };
  py::list generators, keeps;
  for (Generator* g : c.generators)
    generators.append(py::cast(g, py::return_value_policy::reference));
  for (const Step& s : r.program->recording().steps)
    if (s.host) keeps.append(keep_function_of(*s.host));
  return py::make_tuple(list(c.tensors), list(c.leaves), generators, keeps);
}

py::list listing(const Ready& r) {
  py::list out;
  for (const Program::Line& l : r.program->listing()) {
    py::dict d;
    d["op"] = l.op;
    d["way"] = l.way;
    d["operands"] = l.operands;
    d["bytes"] = l.bytes;
    d["seconds"] = l.seconds;
    d["group"] = l.group;
    d["reads"] = l.reads;
    d["writes"] = l.writes;
    out.append(d);
  }
  return out;
}

PyObject* modes(PyObject*, PyObject*) { return PyLong_FromLongLong(capture_modes()); }

// Whether backward could still be called on it: it asks for a gradient, and nothing of its history
// has been freed.
bool has_live_graph(const Tensor& t) {
  if (t.is_leaf()) return t.requires_grad();
  std::vector<Entry*> open{entry_of(t)};
  std::unordered_set<Entry*> seen{open[0]};
  while (!open.empty()) {
    Entry* e = open.back();
    open.pop_back();
    if (e->freed) return false;
    for (const Entry::Input& in : e->inputs())
      if (in.producer() && seen.insert(in.producer()).second) open.push_back(in.producer());
  }
  return true;
}

// What `view` is of `base`, of `to`, which has the shape and strides of `base`; None if it lies
// elsewhere.
py::object moved_view(const py::handle& view, const py::handle& base, const py::handle& to) {
  const Tensor v = expect_tensor(view.ptr(), "view"), b = expect_tensor(base.ptr(), "base");
  if (!v.shares_memory(b)) return py::none();
  const Tensor t = expect_tensor(to.ptr(), "to");
  check(t.dtype() == b.dtype() && t.shape() == b.shape() && t.strides() == b.strides(),
        "_moved_view: the tensors differ in their layout");
  return py::reinterpret_steal<py::object>(
      wrap(t.alias(v.shape(), v.strides(), t->offset + v->offset - b->offset)));
}

PyMethodDef fast_functions[] = {
    {"_capture_modes", modes, METH_NOARGS, "What beside its arguments a program depends on."},
    {"_tensor_key", tensor_key, METH_O, "Dtype, shape and strides of an argument, as bytes."},
    fast("_start_recording", start,
         "Begins to record; the recording, and copies of the arguments."),
    {"_stop_recording", stop, METH_O, "The function has ended."},
    {"_recording_failure", failure, METH_O, "Why there can be no program, or an empty string."},
    fast("_finish_recording", finish, "The program whose results are these."),
    {}};

}  // namespace

void init_capture(py::module_& m) {
  if (PyModule_AddFunctions(m.ptr(), fast_functions) < 0) throw py::error_already_set();
  py::class_<Ready> c(m, "_Program");
  refuse_pickling(c);
  c.def_static("__new__", &refuse_new)
      .def("replay", &replay)
      .def("ready", [](const Ready& r) { return r.program->ready(); })
      .def("changes", &changes)
      .def("listing", &listing)
      .def("profile", [](const Ready& r, int runs) { r.program->profile(runs); })
      .def_property_readonly("provisional", [](const Ready& r) { return r.program->provisional(); })
      .def_property_readonly("arena_bytes",
                             [](const Ready& r) { return r.program->arena_bytes(); });
  m.def("_capture_refuse", [](const std::string& what) {
    if (watch()) value_leaves(what.c_str());
  });
  m.def("_has_live_graph",
        [](const py::handle& t) { return has_live_graph(expect_tensor(t.ptr(), "tensor")); });
  m.def("_moved_view", &moved_view);
  m.def(
      "_outside_capture",
      [](const py::object& f, bool unwatched) {
        const WatchPause pause;
        std::optional<ReadsPause> reads;
        if (unwatched) reads.emplace();
        return f();
      },
      py::arg("function"), py::arg("unwatched") = false);
  init_conditions(m);
  init_reads(m);
  init_loop(m);
}

}  // namespace wengert::bind
