#include "bind/profile.h"

#include "wengert/tape/profile.h"

namespace wengert::bind {
namespace {

py::list shapes_of(const OpTime& note) {
  py::list out;
  for (const Dims& shape : note.shapes)
    out.append(py::reinterpret_steal<py::object>(wrap_size(shape)));
  return out;
}

py::list stop() {
  py::list out;
  for (const OpTime& t : stop_profile())
    out.append(py::make_tuple(t.name, t.begin, t.end, t.thread, t.bytes, shapes_of(t)));
  return out;
}

}  // namespace

void init_profile(py::module_& m) {
  m.def("_start_profile", &start_profile, py::arg("shapes"),
        "From here on every run of an op is noted, with the shapes of its inputs if asked for.");
  m.def("_stop_profile", &stop,
        "The notes: (name, begin, end, thread, bytes, shapes), times in nanoseconds of the "
        "monotonic clock, threads as `threading.get_ident` has them.");
}

}  // namespace wengert::bind
