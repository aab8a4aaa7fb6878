// Programs as files, and calling what was loaded.
#include <pybind11/stl.h>

#include <algorithm>

#include "bind/capture/capture.h"

namespace wengert::bind {
namespace {

void save(const Ready& r, const std::string& path, const std::vector<Ready>& others) {
  std::vector<std::unique_lock<ForkSafeMutex>> locks;
  locks.push_back(claim(*r.program));
  std::vector<Program*> programs;
  for (const Ready& other : others) programs.push_back(other.program.get());
  for (Program* p : programs) {
    check(std::count(programs.begin(), programs.end(), p) == 1 && p != r.program.get(),
          ErrorKind::kValue, "save: the programs for other batch sizes are one");
    locks.push_back(claim(*p));
  }
  r.program->save(path, programs);
}
Ready load(const std::string& path) { return {Program::load(path)}; }

Ready fitting(const Ready& r, const std::vector<py::object>& arguments) {
  std::vector<Tensor> tensors;
  for (const py::object& a : arguments) tensors.push_back(unwrap(a.ptr()));
  return {r.program->fitting(tensors)};
}

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
  m.def("_program_fitting", &fitting);
  m.def("_program_takes_any_batch", [](const Ready& r) { return r.program->takes_any_batch(); });
}

}  // namespace wengert::bind
