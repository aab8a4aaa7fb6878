#include "bind/call/batched.h"

#include <algorithm>

namespace wengert::bind {

PyTypeObject* batched_type = nullptr;

namespace {

PyObject* rule = nullptr;  // rule(function, args, kwargs)
thread_local bool running = false;

bool holds_batched(PyObject* o) {
  if (Py_TYPE(o) == batched_type) return true;
  if (!PyTuple_Check(o) && !PyList_Check(o)) return false;
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(o); ++i)
    if (Py_TYPE(PySequence_Fast_GET_ITEM(o, i)) == batched_type) return true;
  return false;
}

}  // namespace

bool has_batched(PyObject* const* args, Py_ssize_t count) {
  return batched_type && std::any_of(args, args + count, holds_batched);
}

bool in_vmap() { return running; }

PyObject* call_batched(PyObject* function, PyObject* const* args, Py_ssize_t count,
                       PyObject* names) {
  const Py_ssize_t named = names ? PyTuple_GET_SIZE(names) : 0;
  py::tuple by_place(count);
  for (Py_ssize_t i = 0; i < count; ++i) PyTuple_SET_ITEM(by_place.ptr(), i, Py_NewRef(args[i]));
  py::dict by_name;
  for (Py_ssize_t i = 0; i < named; ++i)
    by_name[py::handle(PyTuple_GET_ITEM(names, i))] = py::handle(args[count + i]);
  PyObject* const all[] = {function, by_place.ptr(), by_name.ptr()};
  return PyObject_Vectorcall(rule, all, 3, nullptr);
}

void init_batched(py::module_& m) {
  m.def(
      "_enable_vmap",
      [] {
        const py::module_ batched = py::module_::import("wengert.func._batched");
        std::set<std::string> names;
        for (const py::handle name : py::module_::import("wengert.func._draws").attr("NAMES"))
          names.insert(py::cast<std::string>(name));
        ask_before_drawing(names);
        rule = py::object(batched.attr("call")).release().ptr();
        batched_type =
            reinterpret_cast<PyTypeObject*>(py::object(batched.attr("Batched")).release().ptr());
      },
      "From now on functions call func._batched.call in their place if they are given a tensor of "
      "a "
      "vmap's function, or draw random numbers in one.");
  m.def(
      "_set_in_vmap", [](bool on) { running = on; },
      "Whether this thread runs the function of a vmap, so that functions that draw ask.");
}

}  // namespace wengert::bind
