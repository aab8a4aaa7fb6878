// Programs as files, and calling what was loaded.
#include <pybind11/stl.h>

#include "bind/capture/capture.h"

namespace wengert::bind {
namespace {

void save(const Ready& r, const std::string& path) {
  const std::unique_lock lock = claim(*r.program);
  r.program->save(path);
}
Ready load(const std::string& path) { return {Program::load(path)}; }

// Shape and dtype of each argument.
py::list arguments(const Ready& r) {
  const std::unique_lock lock = claim(*r.program);
  py::list out;
  for (int i = 0; i < r.program->inputs(); ++i) {
    const Tensor t = r.program->input(i);
    out.append(py::make_tuple(py::reinterpret_steal<py::object>(wrap_size(t.shape())),
                              py::reinterpret_steal<py::object>(wrap_dtype(t.dtype()))));
  }
  return out;
}

}  // namespace

void init_program_file(py::module_& m) {
  m.def("_program_save", &save);
  m.def("_program_load", &load);
  m.def("_program_arguments", &arguments);
}

}  // namespace wengert::bind
