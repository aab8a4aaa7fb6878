// The extension module: one per ISA level, of the same sources.
#include <pybind11/stl.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "bind/observe.h"
#include "bind/profile.h"
#include "bind/python.h"
#include "bind/uninitialized.h"
#include "wengert/base/parallel.h"
#include "wengert/base/parallel_trace.h"

#ifndef WENGERT_NATIVE_NAME
#define WENGERT_NATIVE_NAME _native
#endif
#ifndef WENGERT_ISA_NAME
#define WENGERT_ISA_NAME "base"
#endif

namespace wengert::bind {
namespace {

py::dict build_info() {
  py::dict d;
  d["isa"] = WENGERT_ISA_NAME;
#if defined(__clang__)
  d["compiler"] = "clang " __clang_version__;
#else
  d["compiler"] = "gcc " __VERSION__;
#endif
  d["threads"] = get_num_threads();
  d["parallel"] = parallel_name();
  d["python"] = PY_VERSION;
  return d;
}

py::dict memory() {
  const MemoryStats s = memory_stats();
  py::dict d;
  d["current"] = s.current;
  d["peak"] = s.peak;
  d["cached"] = s.cached;
  return d;
}

int64_t int_of(const py::object& o, const char* what) {
  int64_t n = 0;
  if (!read_int(o.ptr(), n))
    fail(ErrorKind::kType, what, " must be int, not ", Py_TYPE(o.ptr())->tp_name);
  return n;
}

void limit_memory(const py::object& bytes) {
  if (bytes.is_none()) return set_memory_limit(0);
  const int64_t n = int_of(bytes, "set_memory_limit: bytes");
  check(n > 0, ErrorKind::kValue, "set_memory_limit: a positive number or None expected, got ", n);
  set_memory_limit(n);
}

py::str tensor_repr(const py::object& o, const std::string& suffix, const std::string& prefix) {
  return to_string(expect_tensor(o.ptr(), "tensor"), suffix, prefix);
}

void set_print_options(const py::object& precision, const py::object& threshold,
                       const py::object& edgeitems, const py::object& linewidth,
                       const py::object& sci_mode) {
  PrintOptions& p = print_options();
  const auto number = [](const py::object& o, auto& to, const char* what) {
    if (o.is_none()) return;
    // No more of anything than there are digits or elements.
    to = static_cast<std::remove_reference_t<decltype(to)>>(
        std::clamp<int64_t>(int_of(o, what), 0, INT32_MAX / 2));
  };
  if (!threshold.is_none()) {
    double most = 0;
    if (!read_float(threshold.ptr(), most) || std::isnan(most))
      fail(ErrorKind::kType, "threshold must be a number");
    p.threshold = static_cast<int64_t>(std::clamp(most, 0.0, 9e18));
  }
  number(precision, p.precision, "precision");
  p.precision = std::min(p.precision, 1000);
  number(edgeitems, p.edgeitems, "edgeitems");
  number(linewidth, p.linewidth, "linewidth");
  if (sci_mode.is_none()) {
    p.sci_mode = -1;
  } else {
    const int on = PyObject_IsTrue(sci_mode.ptr());
    if (on < 0) throw py::error_already_set();
    p.sci_mode = on;
  }
}

void init_settings(py::module_& m) {
  m.def("build_info", &build_info,
        "ISA level, compiler and threads of this extension, and whose threads they are.");
  m.def("get_num_threads", &get_num_threads, "How many threads an operation may use.");
  if (std::getenv("OMP_NUM_THREADS")) default_num_threads();  // an error now, not in some operation
  m.def("set_num_threads", &set_num_threads, py::arg("n"),
        "Sets how many threads an operation may use; RuntimeError unless n >= 1. Results do not "
        "depend on it.");
#ifdef WENGERT_PARALLEL_TRACE
  m.def("_take_traced_jobs", [] {
    py::list out;
    for (const TracedJob& job : take_traced_jobs())
      out.append(py::make_tuple(job.begin, job.chunk_ends, job.end));
    return out;
  });
#endif
  m.def("memory_stats", &memory, "Bytes in use, the most ever in use, and kept for reuse.");
  m.def("empty_cache", &empty_cache, "Gives memory kept for reuse back to the system.");
  m.def("set_memory_limit", &limit_memory, py::arg("bytes"),
        "Refuses memory beyond so many bytes, in use and kept for reuse together, with "
        "MemoryError; None for no limit. An operation that is refused has changed nothing.");
  m.def("get_default_dtype",
        [] { return py::reinterpret_steal<py::object>(wrap_dtype(default_dtype())); });
  m.def("set_default_dtype", [](const py::object& d) {
    Dtype dtype;
    if (!read_dtype(d.ptr(), dtype))
      fail(ErrorKind::kType, "set_default_dtype: a wengert.dtype expected, got ",
           Py_TYPE(d.ptr())->tp_name);
    set_default_dtype(dtype);
  });
  m.def("_repr", &tensor_repr, py::arg("tensor"), py::arg("suffix") = "",
        py::arg("prefix") = "tensor(");
  m.def("_set_printoptions", &set_print_options);
}

// What the package has for its own use.
constexpr std::string_view kInternal[] = {"Node",
                                          "aliases",
                                          "autocast_state",
                                          "build_info",
                                          "device",
                                          "clip_grad_norm",
                                          "functional",
                                          "make_parameter",
                                          "ops",
                                          "record_function",
                                          "registry",
                                          "run_backward",
                                          "set_autocast_state",
                                          "set_grad_enabled_",
                                          "set_inference_mode_",
                                          "total_norm",
                                          "update_rule",
                                          "update_step",
                                          "zero_grad"};

// Sorted: the stub repeats them.
py::list public_names(const py::module_& m) {
  py::list names;
  for (const auto& [key, value] : py::dict(m.attr("__dict__"))) {
    const auto name = py::cast<std::string>(key);
    if (name[0] != '_' && std::ranges::find(kInternal, name) == std::end(kInternal))
      names.append(name);
  }
  names.attr("sort")();
  return names;
}

}  // namespace
}  // namespace wengert::bind

PYBIND11_MODULE(WENGERT_NATIVE_NAME, m) {
  using namespace wengert::bind;
  m.doc() = "The native core of wengert.";
  init_gil(m);
  init_types(m);
  init_tensor_type(m);
  init_uninitialized(m);
  init_generator(m);
  init_ops(m);
  init_ask(m);
  init_index(m);
  init_construct(m);
  init_numpy(m);
  init_autograd(m);
  init_nodes(m);
  init_optim(m);
  init_capture(m);
  init_program_file(m);
  init_warnings(m);
  init_profile(m);
  init_observe(m);
  init_settings(m);
  m.attr("__all__") = public_names(m);
}
