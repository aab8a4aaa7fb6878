// Backward from Python: gradients, modes, hooks, Functions.
#include <pybind11/stl.h>

#include "bind/graph.h"
#include "wengert/tape/anomaly.h"
#include "wengert/tape/autocast.h"
#include "wengert/tape/history.h"
#include "wengert/tape/turn.h"

namespace wengert::bind {
namespace {

// One tensor, or several.
std::vector<Tensor> tensors_of(const py::handle& o, const char* what,
                               Nones nones = Nones::kRefused) {
  return is_tensor(o.ptr()) ? std::vector{unwrap(o.ptr())} : read_tensors(o.ptr(), what, nones);
}

py::object run_backward(const py::object& tensors, const py::object& grads, bool retain_graph,
                        bool create_graph, const py::object& inputs, bool allow_unused,
                        bool accumulate) {
  const std::vector<Tensor> roots = tensors_of(tensors, "tensors");
  const std::vector<Tensor> seeds =
      grads.is_none() ? std::vector<Tensor>() : tensors_of(grads, "grad_tensors", Nones::kAllowed);
  const BackwardOptions options{retain_graph, create_graph, allow_unused};
  if (accumulate) {
    std::vector<Tensor> chosen;
    if (!inputs.is_none()) {
      chosen = tensors_of(inputs, "inputs");
      check(!chosen.empty(), "'inputs' argument to backward() cannot be empty.");
    }
    backward(roots, seeds, options, chosen);
    return py::none();
  }
  const std::vector<Tensor> results = grad(roots, tensors_of(inputs, "inputs"), seeds, options);
  py::tuple out(results.size());
  for (size_t i = 0; i < results.size(); ++i)
    out[i] = py::reinterpret_steal<py::object>(wrap(results[i]));
  return out;
}

// loss.backward() without arguments, the usual call.
PyObject* backward_method(PyObject* self, PyObject*) {
  return guarded([&]() -> PyObject* {
    const Tensor t = unwrap(self);
    backward({&t, 1}, {}, {});
    Py_RETURN_NONE;
  });
}

// ---- hooks ---------------------------------------------------------------------------------

struct PythonHook final : Hooks::Hook {
  PythonHook(py::object f, bool after) : function(std::move(f)), after_accumulate(after) {}
  ~PythonHook() override {
    const py::gil_scoped_acquire gil;
    function = py::object();
  }
  void* held() const override { return function.ptr(); }
  Tensor call(const Tensor& grad) override {
    const py::object result = function(py::reinterpret_steal<py::object>(wrap(grad)));
    if (result.is_none()) return Tensor();
    const Tensor t = expect_tensor(result.ptr(), "hook result");
    if (after_accumulate) return Tensor();  // as in PyTorch, where nothing is done with it either
    check(t.dtype() == grad.dtype(), "hook '", name(), "' has changed the type of value (was ",
          grad.dtype(), " got ", t.dtype(), ")");
    check(t.shape() == grad.shape(), "hook '", name(), "' has changed the size of value (was ",
          grad.shape(), " got ", t.shape(), ")");
    return t;
  }
  std::string name() const {
    return py::str(py::getattr(function, "__name__", py::str(py::type::of(function))));
  }
  py::object function;
  const bool after_accumulate;
};

int64_t add_hook(const py::object& self, const py::object& f, bool after_accumulate) {
  const Tensor t = expect_tensor(self.ptr(), "self");
  check(t.requires_grad(), "cannot register a hook on a tensor that doesn't require gradient");
  check(!after_accumulate || t.is_leaf(),
        "post accumulate grad hooks cannot be registered on non-leaf tensors");
  const int64_t id = next_hook_id();
  hooks_of(t).items.push_back(
      {id, new PythonHook(f, after_accumulate),
       after_accumulate ? Hooks::When::kAccumulated : Hooks::When::kGradient});
  show_to_collector(t);
  return id;
}

void remove_hook(const py::object& self, int64_t id) {
  wengert::remove_hook(expect_tensor(self.ptr(), "self"), id);
}

// ---- Functions written in Python -----------------------------------------------------------

struct PythonVjp final : CustomVjp {
  PythonVjp(py::object c, std::string n) : ctx(std::move(c)), name_(std::move(n)) {}
  ~PythonVjp() override {
    const py::gil_scoped_acquire gil;
    ctx = py::object();
  }
  void* held() const override { return ctx.ptr(); }
  const char* name() const override { return name_.c_str(); }
  void free() override {
    if (py::hasattr(ctx, "_free")) ctx.attr("_free")();
  }
  void vjp(Vjp& v) override {
    const UserCode user;
    Entry& e = v.entry();
    py::tuple grads(e.outputs().size());
    const bool fill = py::cast<bool>(py::getattr(ctx, "_materialize_grads", py::bool_(true)));
    for (size_t i = 0; i < e.outputs().size(); ++i) {
      const int at = static_cast<int>(i);
      const Tensor g = v.has_g(at) || fill ? v.g(at) : Tensor();
      grads[i] = py::reinterpret_steal<py::object>(wrap(g));
    }
    py::object result = ctx.attr("_backward")(*grads);
    if (!py::isinstance<py::tuple>(result)) result = py::make_tuple(result);
    const py::tuple out = result;
    check(out.size() == static_cast<size_t>(v.inputs()), "function ", name_,
          " returned an incorrect number of gradients (expected ", v.inputs(), ", got ",
          static_cast<uint64_t>(out.size()), ")");
    for (int i = 0; i < v.inputs(); ++i) {
      const py::object g = out[static_cast<size_t>(i)];
      if (g.is_none()) continue;
      const Tensor t = expect_tensor(g.ptr(), "gradient");
      const Dims shape = broadcast_shapes(t.shape(), v.shape(i));
      check(shape == t.shape(), "Function ", name_, " returned an invalid gradient at index ", i,
            " - got ", t.shape(), " but expected shape compatible with ", v.shape(i));
      v.set(i, t);
    }
  }
  py::object ctx;
  std::string name_;
};

py::tuple record_function(const py::object& ctx, const py::object& inputs,
                          const py::object& outputs, const py::object& non_differentiable) {
  const std::vector<Tensor> in = tensors_of(inputs, "inputs", Nones::kAllowed);
  const std::vector<Tensor> out = tensors_of(outputs, "outputs");
  std::vector<Tensor> recorded = out;
  for (const py::handle& i : non_differentiable) {
    // An entry's output that carries no gradient: recorded on a stand-in.
    int64_t at;
    check(read_int(i.ptr(), at) && at >= 0 && at < static_cast<int64_t>(out.size()),
          ErrorKind::kType, "record_function: there is no output ", std::string(py::repr(i)));
    Tensor& t = recorded[static_cast<size_t>(at)];
    t = t.detach();
  }
  const std::string name = py::str(py::type::of(ctx).attr("__name__"));
  record_custom(in, recorded, new PythonVjp(ctx, name));
  py::tuple result(out.size());
  for (size_t i = 0; i < out.size(); ++i) {
    result[i] = py::reinterpret_steal<py::object>(wrap(out[i]));
    show_to_collector(out[i]);
  }
  return result;
}

PyMethodDef backward_def = {"_backward", backward_method, METH_NOARGS,
                            "Accumulates gradients into the leaves."};

py::tuple state_of(const Autocast& a) {
  return py::make_tuple(a.enabled, py::reinterpret_steal<py::object>(wrap_dtype(a.dtype)), a.cache);
}

}  // namespace

void init_checkpoint(py::module_& m);  // checkpoint.cpp
void init_saved(py::module_& m);       // saved.cpp

void init_autograd(py::module_& m) {
  init_checkpoint(m);
  init_saved(m);
  m.def("run_backward", &run_backward, py::arg("tensors"), py::arg("grad_tensors") = py::none(),
        py::arg("retain_graph") = false, py::arg("create_graph") = false,
        py::arg("inputs") = py::none(), py::arg("allow_unused") = true,
        py::arg("accumulate") = true);
  m.def("is_grad_enabled", &grad_enabled, "Whether operations are recorded.");
  m.def("set_grad_enabled_", [](bool on) {
    const bool before = grad_enabled();
    set_grad_enabled(on);
    return before;
  });
  // (enabled, dtype, cached) of this thread, before and after.
  m.def("autocast_state", [] { return state_of(autocast()); });
  m.def("set_autocast_state", [](bool enabled, const py::object& dtype, bool cache) {
    Autocast to{enabled, Dtype::kBFloat16, cache};
    check(read_dtype(dtype.ptr(), to.dtype), ErrorKind::kType, "a dtype expected");
    set_autocast(to);
  });
  m.def("clear_autocast_cache", &clear_autocast_cache,
        "Forgets the casts of parameters that a region of autocast keeps.");
  m.def("is_inference_mode_enabled", &inference_mode);
  m.def("set_inference_mode_", [](bool on) {
    const bool before = inference_mode();
    set_inference_mode(on);
    return before;
  });
  m.def("_is_inference",
        [](const py::object& t) { return expect_tensor(t.ptr(), "tensor")->is_inference; });
  m.def("_add_hook", &add_hook);
  m.def("_remove_hook", &remove_hook);
  m.def("record_function", &record_function);
  m.def("_bump_version",
        [](const py::object& t) { ++expect_tensor(t.ptr(), "tensor")->storage->version; });
  m.def("_become_view", [](const py::object& t, const py::object& view) {
    become_view(expect_tensor(t.ptr(), "tensor"), expect_tensor(view.ptr(), "view"));
  });
  PyObject* dict = tensor_type->tp_dict;
  PyObject* backward = PyDescr_NewMethod(tensor_type, &backward_def);
  PyDict_SetItemString(dict, "_backward", backward);
  Py_DECREF(backward);
}

}  // namespace wengert::bind
