// Optimizer steps: lists of tensors in, one native call.
#include "wengert/ops/optim/optim.h"

#include "bind/python.h"

namespace wengert::bind {
namespace {

void read_list(PyObject* list, std::vector<Tensor>& out) {
  if (!PyList_Check(list))
    fail(ErrorKind::kType, "a list of parameters or state expected, got ", Py_TYPE(list)->tp_name);
  out.clear();
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); ++i) {
    PyObject* o = PyList_GET_ITEM(list, i);
    out.push_back(o == Py_None ? Tensor() : expect_tensor(o, "parameter state"));
  }
}

// State that the step has made goes back into the list.
void write_back(PyObject* list, const std::vector<Tensor>& values) {
  for (size_t i = 0; i < values.size(); ++i)
    if (values[i].defined() && PyList_GET_ITEM(list, static_cast<Py_ssize_t>(i)) == Py_None)
      PyList_SetItem(list, static_cast<Py_ssize_t>(i), wrap(values[i]));
}

// Lists of handles keep their memory between steps.
struct Lists {
  std::vector<Tensor> params, a, b, c, d;
  void clear() {
    for (auto* v : {&params, &a, &b, &c, &d}) v->clear();
  }
};
Lists& lists() {
  static Lists* l = new Lists;
  return *l;
}
struct Clear {
  ~Clear() { lists().clear(); }
};

// The arguments of a step: some lists, then numbers, then flags. Read by hand, since a step of a
// small network is not much more than its call.
class StepArguments {
 public:
  StepArguments(const char* name, PyObject* const* args, Py_ssize_t count, Py_ssize_t expected)
      : at_(args) {
    check(count == expected, ErrorKind::kType, name, ": ", static_cast<int64_t>(expected),
          " arguments expected, got ", static_cast<int64_t>(count));
  }
  PyObject* list(std::vector<Tensor>& out) {
    read_list(*at_, out);
    return *at_++;
  }
  // A hyper-parameter may be a one-element tensor; a program reads it at every replay.
  double number() {
    PyObject* o = *at_++;
    if (PyFloat_CheckExact(o)) return PyFloat_AS_DOUBLE(o);
    const WatchPause pause;
    return py::float_(py::reinterpret_borrow<py::object>(o));
  }
  bool flag() {
    const int on = PyObject_IsTrue(*at_++);
    if (on < 0) throw py::error_already_set();
    return on == 1;
  }

 private:
  PyObject* const* at_;
};

PyObject* sgd(PyObject*, PyObject* const* args, Py_ssize_t count) {
  return guarded([&]() -> PyObject* {
    Lists& l = lists();
    const Clear at_end;
    StepArguments in("sgd_step", args, count, 8);
    in.list(l.params);
    PyObject* buffers = in.list(l.a);
    SgdOptions o;
    for (double* x : {&o.lr, &o.momentum, &o.dampening, &o.weight_decay}) *x = in.number();
    for (bool* x : {&o.nesterov, &o.maximize}) *x = in.flag();
    sgd_step(l.params, l.a, o);
    write_back(buffers, l.a);
    Py_RETURN_NONE;
  });
}

PyObject* adam(PyObject*, PyObject* const* args, Py_ssize_t count) {
  return guarded([&]() -> PyObject* {
    Lists& l = lists();
    const Clear at_end;
    StepArguments in("adam_step", args, count, 13);
    in.list(l.params);
    std::vector<Tensor>* const state[] = {&l.a, &l.b, &l.c, &l.d};
    PyObject* from[4];
    for (int i = 0; i < 4; ++i) from[i] = in.list(*state[i]);
    AdamOptions o;
    for (double* x : {&o.lr, &o.beta1, &o.beta2, &o.eps, &o.weight_decay}) *x = in.number();
    for (bool* x : {&o.amsgrad, &o.maximize, &o.decoupled}) *x = in.flag();
    adam_step(l.params, l.a, l.b, l.c, l.d, o);
    for (int i = 0; i < 4; ++i) write_back(from[i], *state[i]);
    Py_RETURN_NONE;
  });
}

// Whether two lists hold the same objects.
PyObject* same_items(PyObject*, PyObject* const* args, Py_ssize_t count) {
  if (count != 2 || !PyList_Check(args[0]) || !PyList_Check(args[1])) Py_RETURN_FALSE;
  const Py_ssize_t n = PyList_GET_SIZE(args[0]);
  if (PyList_GET_SIZE(args[1]) != n) Py_RETURN_FALSE;
  for (Py_ssize_t i = 0; i < n; ++i)
    if (PyList_GET_ITEM(args[0], i) != PyList_GET_ITEM(args[1], i)) Py_RETURN_FALSE;
  Py_RETURN_TRUE;
}

PyMethodDef fast_functions[] = {
    fast("sgd_step", sgd, "One step of stochastic gradient descent over all parameters."),
    fast("adam_step", adam, "One step of Adam or AdamW over all parameters."),
    fast("_same_items", same_items, "Whether two lists hold the same objects."),
    {}};

std::vector<Tensor> tensors_of(const py::iterable& items) {
  std::vector<Tensor> out;
  for (const py::handle& o : items) out.push_back(expect_tensor(o.ptr(), "parameters"));
  return out;
}

}  // namespace

void init_optim(py::module_& m) {
  if (PyModule_AddFunctions(m.ptr(), fast_functions) < 0) throw py::error_already_set();
  m.def("zero_grad", [](const py::list& params, bool set_to_none) {
    Lists& l = lists();
    const Clear at_end;
    read_list(params.ptr(), l.params);
    zero_grad(l.params, set_to_none);
  });
  m.def("clip_grad_norm", [](const py::iterable& grads, double max_norm, double norm_type) {
    return py::reinterpret_steal<py::object>(
        wrap(clip_grad_norm(tensors_of(grads), max_norm, norm_type)));
  });
  m.def("total_norm", [](const py::iterable& tensors, double norm_type) {
    return py::reinterpret_steal<py::object>(wrap(total_norm(tensors_of(tensors), norm_type)));
  });
}

}  // namespace wengert::bind
