// Warnings of the core and of the package, through Python's `warnings`; the lines that anomaly mode
// shows.
#include "bind/python.h"
#include "wengert/base/warning.h"
#include "wengert/tape/anomaly.h"

namespace wengert::bind {
namespace {

// Whether the code of a frame is the package's own.
bool is_ours(PyFrameObject* frame) {
  const auto globals = py::reinterpret_steal<py::object>(
      PyObject_GetAttrString(reinterpret_cast<PyObject*>(frame), "f_globals"));
  if (!globals) throw py::error_already_set();
  PyObject* name = PyDict_GetItemString(globals.ptr(), "__name__");
  if (!name || !PyUnicode_Check(name)) return false;
  const char* s = PyUnicode_AsUTF8(name);
  if (!s) throw py::error_already_set();
  return std::strncmp(s, "wengert", 7) == 0 && (s[7] == '.' || s[7] == '\0');
}

// The stack level of the line that called the package, however many layers of it lie between.
Py_ssize_t callers_level() {
  Py_ssize_t level = 1;
  py::object frame =
      py::reinterpret_borrow<py::object>(reinterpret_cast<PyObject*>(PyEval_GetFrame()));
  while (frame && is_ours(reinterpret_cast<PyFrameObject*>(frame.ptr()))) {
    frame = py::reinterpret_steal<py::object>(reinterpret_cast<PyObject*>(
        PyFrame_GetBack(reinterpret_cast<PyFrameObject*>(frame.ptr()))));
    ++level;
  }
  return frame ? level : 1;
}

void warn_as(PyObject* category, const char* message) {
  if (PyErr_WarnEx(category, message, callers_level()) < 0) throw py::error_already_set();
}

// The lines of Python that led here, outermost first, without those of the package.
struct PythonCallSite final : CallSite {
  explicit PythonCallSite(py::object s) : stack(std::move(s)) {}
  ~PythonCallSite() override {
    const py::gil_scoped_acquire gil;
    stack = py::object();
  }
  std::string text() const override {
    const py::gil_scoped_acquire gil;
    return py::cast<std::string>(
        py::str("").attr("join")(py::module_::import("traceback").attr("format_list")(stack)));
  }
  py::object stack;  // a traceback.StackSummary, whose lines are read when they are wanted
};

Ref<CallSite> python_call_site() {
  const py::gil_scoped_acquire gil;
  PyFrameObject* frame = PyEval_GetFrame();
  if (!frame) return {};
  const py::module_ traceback = py::module_::import("traceback");
  py::object f = py::reinterpret_borrow<py::object>(reinterpret_cast<PyObject*>(frame));
  while (f && !f.is_none() && is_ours(reinterpret_cast<PyFrameObject*>(f.ptr())))
    f = f.attr("f_back");
  if (f.is_none()) return {};
  const py::object stack =
      traceback.attr("StackSummary")
          .attr("extract")(traceback.attr("walk_stack")(f), py::arg("lookup_lines") = false);
  stack.attr("reverse")();
  return new PythonCallSite(stack);
}

void python_warning(const std::string& message) {
  const py::gil_scoped_acquire gil;
  warn_as(PyExc_UserWarning, message.c_str());
}

}  // namespace

void init_warnings(py::module_& m) {
  set_warning_handler(python_warning);
  set_call_site_finder(python_call_site);
  m.def("_set_anomaly", &set_anomaly);
  m.def("_anomaly", [] { return py::make_tuple(anomaly_enabled(), anomaly_checks_nan()); });
  m.def(
      "_warn",
      [](const std::string& message, const py::object& category) {
        warn_as(category.is_none() ? PyExc_UserWarning : category.ptr(), message.c_str());
      },
      py::arg("message"), py::arg("category") = py::none(),
      "Warns at the line that called the package.");
}

}  // namespace wengert::bind
