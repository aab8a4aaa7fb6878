#include "bind/call/ask.h"

#include <algorithm>

namespace wengert::bind {

bool somebody_asks = false;
PyTypeObject* batched_type = nullptr;

namespace {

// rule(function, args, kwargs) in place of the function.
PyObject* rule_of_vmap = nullptr;
PyObject* rule_of_modes = nullptr;
thread_local bool in_vmap = false;
thread_local int64_t modes = 0;

bool holds_batched(PyObject* o) {
  if (Py_TYPE(o) == batched_type) return true;
  if (!PyTuple_Check(o) && !PyList_Check(o)) return false;
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(o); ++i)
    if (Py_TYPE(PySequence_Fast_GET_ITEM(o, i)) == batched_type) return true;
  return false;
}

PyObject* attribute(const char* module, const char* name) {
  return py::object(py::module_::import(module).attr(name)).release().ptr();
}

void enable_vmap() {
  std::set<std::string> names;
  for (const py::handle name : py::module_::import("wengert.func._draws").attr("NAMES"))
    names.insert(py::cast<std::string>(name));
  ask_before_drawing(names);
  rule_of_vmap = attribute("wengert.func._batched", "call");
  batched_type = reinterpret_cast<PyTypeObject*>(attribute("wengert.func._batched", "Batched"));
  somebody_asks = true;
}

void set_modes(int64_t count) {
  if (!rule_of_modes) rule_of_modes = attribute("wengert._overriding", "by_mode");
  modes = count;
  somebody_asks |= count > 0;
}

}  // namespace

bool in_mode() { return modes > 0; }

bool asks(PyObject* const* args, Py_ssize_t count, bool draws) {
  if (in_mode()) return true;
  return batched_type && ((draws && in_vmap) || std::any_of(args, args + count, holds_batched));
}

PyObject* ask(PyObject* function, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  const Py_ssize_t named = names ? PyTuple_GET_SIZE(names) : 0;
  py::tuple by_place(count);
  for (Py_ssize_t i = 0; i < count; ++i) PyTuple_SET_ITEM(by_place.ptr(), i, Py_NewRef(args[i]));
  py::dict by_name;
  for (Py_ssize_t i = 0; i < named; ++i)
    by_name[py::handle(PyTuple_GET_ITEM(names, i))] = py::handle(args[count + i]);
  PyObject* const all[] = {function, by_place.ptr(), by_name.ptr()};
  return PyObject_Vectorcall(in_mode() ? rule_of_modes : rule_of_vmap, all, 3, nullptr);
}

PyObject* ask_method(const std::string& name, std::initializer_list<PyObject*> args) {
  PyObject* method = PyDict_GetItemString(tensor_type->tp_dict, name.c_str());
  if (!method) fail(ErrorKind::kRuntime, name, "() cannot be called within a mode");
  return ask(method, args.begin(), static_cast<Py_ssize_t>(args.size()), nullptr);
}

void init_ask(py::module_& m) {
  m.def("_enable_vmap", &enable_vmap,
        "From now on func._batched.call is called in place of functions that are given a tensor of "
        "a vmap's function, or draw random numbers in one.");
  m.def(
      "_set_in_vmap", [](bool on) { in_vmap = on; },
      "Whether this thread runs the function of a vmap, so that functions that draw ask.");
  m.def("_set_modes", &set_modes,
        "How many modes this thread runs: if any, _overriding.by_mode is called in place of "
        "functions.");
}

}  // namespace wengert::bind
