// Optimizer steps: a rule, a group of parameters, lists of tensors; one native call.
#include "wengert/ops/optim/optim.h"

#include "bind/python.h"
#include "wengert/ops/optim/rule.h"
#include "wengert/program/record/recording.h"
#include "wengert/tape/parameters.h"

namespace wengert::bind {
namespace {

void read_list(PyObject* list, std::vector<Tensor>& out, const char* what = "params",
               Nones nones = Nones::kRefused) {
  if (!PyList_Check(list))
    fail(ErrorKind::kType, "a list of parameters or state expected, got ", Py_TYPE(list)->tp_name);
  out.clear();
  each_tensor(list, what, nones, [&](Tensor t) { out.push_back(std::move(t)); });
}

// State that the step has made goes back into the list.
void write_back(PyObject* list, const std::vector<Tensor>& values) {
  for (size_t i = 0; i < values.size(); ++i)
    if (values[i].defined() && PyList_GET_ITEM(list, static_cast<Py_ssize_t>(i)) == Py_None)
      PyList_SetItem(list, static_cast<Py_ssize_t>(i), wrap(values[i]));
}

// Lists of handles keep their memory between steps.
struct Lists {
  std::vector<Tensor> params;
  std::array<std::vector<Tensor>, UpdateRule::kMaxState> state;
  void clear() {
    params.clear();
    for (auto& list : state) list.clear();
  }
};
Lists& lists() {
  static Lists* l = new Lists;
  return *l;
}
struct Clear {
  ~Clear() { lists().clear(); }
};

// ---- rules ---------------------------------------------------------------------------------

// A rule as Python knows it; see Note [update rules].
struct Rule {
  // Where a group has a hyper-parameter: at a key, or in the tuple there.
  struct Field {
    PyObject* key;
    Py_ssize_t element;  // -1: the value itself
    bool flag;
  };
  explicit Rule(const UpdateRow& o) : op(o), states(static_cast<size_t>(o.rule->states())) {
    for (const Param& p : parameters_of(o).params) {
      if (p.is_input() || p.keyword_only) continue;
      std::string name(p.name);
      Py_ssize_t element = -1;
      if (const char last = name.back(); last >= '1' && last <= '9') {
        element = last - '1';
        name.back() = 's';
      }
      fields.push_back(
          {PyUnicode_InternFromString(name.c_str()), element, p.kind == ParamKind::kBool});
    }
  }
  const UpdateRow& op;
  const size_t states;
  std::vector<Field> fields;
};
constexpr const char* kRule = "wengert.UpdateRule";

// A capsule, and (name, is a number) of each state.
py::tuple find_rule(const std::string& name) {
  for (const UpdateRow* op : kUpdateRows) {
    if (name != op->rule->name) continue;
    auto* rule = new Rule(*op);
    py::list states;
    for (size_t k = 0; k < rule->states; ++k) {
      const UpdateState& s = op->rule->state[k];
      states.append(py::make_tuple(s.name, s.number));
    }
    const py::capsule capsule(rule, kRule, [](PyObject* o) {
      delete static_cast<Rule*>(PyCapsule_GetPointer(o, kRule));
    });
    return py::make_tuple(capsule, py::tuple(states));
  }
  fail(ErrorKind::kValue, "update_rule: there is no optimizer ", name);
}

// The element of a group's value that a field is; null if it has none.
PyObject* element_of(PyObject* value, const Rule::Field& f) {
  if (f.element < 0) return value;
  if (PyTuple_Check(value))
    return f.element < PyTuple_GET_SIZE(value) ? PyTuple_GET_ITEM(value, f.element) : nullptr;
  if (PyList_Check(value))
    return f.element < PyList_GET_SIZE(value) ? PyList_GET_ITEM(value, f.element) : nullptr;
  return nullptr;
}

// The hyper-parameters of a group. They may be one-element tensors, whose values a program reads at
// every replay. Throws what Python would.
Attrs read_hyper(const Rule& rule, PyObject* group) {
  const WatchPause pause;
  Attrs a;
  for (const Rule::Field& f : rule.fields) {
    PyObject* value = PyDict_GetItemWithError(group, f.key);
    if (!value) {
      if (!PyErr_Occurred()) PyErr_SetObject(PyExc_KeyError, f.key);
      throw py::error_already_set();
    }
    PyObject* o = element_of(value, f);
    double number;
    if (o && f.flag) {
      const int on = PyObject_IsTrue(o);
      if (on < 0) throw py::error_already_set();
      a.add(on == 1);
    } else if (o && read_float(o, number)) {
      a.add(number);
    } else {
      fail(ErrorKind::kType, rule.op.rule->name, ": ", PyUnicode_AsUTF8(f.key),
           f.element < 0 ? " must be a number, not " : " must be a tuple of numbers, not ",
           Py_TYPE(value)->tp_name);
    }
  }
  return a;
}

// The hyper-parameters of a group that a step reads at every replay.
struct GroupRefresh final : Refresh {
  GroupRefresh(PyObject* c, PyObject* g)
      : capsule(py::reinterpret_borrow<py::object>(c)),
        group(py::reinterpret_borrow<py::object>(g)),
        rule(*static_cast<Rule*>(PyCapsule_GetPointer(c, kRule))) {}
  // Asked within a run too, after a call out of it.
  bool refresh(Attrs& a) override {
    const py::gil_scoped_acquire gil;
    try {
      return update_reread(rule.op, a, read_hyper(rule, group.ptr()));
    } catch (const std::exception&) {
      return false;  // the step itself will raise it
    }
  }
  py::object capsule, group;
  const Rule& rule;
};

// update_step(rule, group, params, lists of state): whether it has made any state.
PyObject* update(PyObject*, PyObject* const* args, Py_ssize_t count) {
  return guarded([&]() -> PyObject* {
    check(count == 4 && PyDict_Check(args[1]) && PyTuple_Check(args[3]), ErrorKind::kType,
          "update_step: a rule, a group, its parameters and a tuple of lists expected");
    auto* rule = static_cast<Rule*>(PyCapsule_GetPointer(args[0], kRule));
    if (!rule) throw py::error_already_set();
    const Attrs hyper = read_hyper(*rule, args[1]);
    Lists& l = lists();
    const Clear at_end;
    read_list(args[2], l.params);
    const auto states = static_cast<size_t>(PyTuple_GET_SIZE(args[3]));
    check(states == rule->states, ErrorKind::kType, "update_step: ", uint64_t{rule->states},
          " lists of state expected, got ", uint64_t{states});
    const auto from = [&](size_t k) {
      return PyTuple_GET_ITEM(args[3], static_cast<Py_ssize_t>(k));
    };
    for (size_t k = 0; k < states; ++k) read_list(from(k), l.state[k], "state", Nones::kAllowed);
    const Stepped done = update_step(rule->op, l.params, std::span(l.state).first(states), hyper);
    for (size_t k = 0; k < states && done.made; ++k) write_back(from(k), l.state[k]);
    if (Recording* r = current_recording()) {
      if (done.any) r->attach(new GroupRefresh(args[0], args[1]));
      r->left_behind |= done.fresh;  // later steps are another program
    }
    return PyBool_FromLong(done.made);
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
    fast("update_step", update, "One step of a rule over all parameters of a group."),
    fast("_same_items", same_items, "Whether two lists hold the same objects."),
    {}};

}  // namespace

void init_optim(py::module_& m) {
  if (PyModule_AddFunctions(m.ptr(), fast_functions) < 0) throw py::error_already_set();
  m.def("update_rule", &find_rule);
  m.def("zero_grad", [](const py::list& params, bool set_to_none) {
    Lists& l = lists();
    const Clear at_end;
    read_list(params.ptr(), l.params);
    zero_grad(l.params, set_to_none);
  });
  m.def("clip_grad_norm", [](const py::iterable& grads, double max_norm, double norm_type) {
    return py::reinterpret_steal<py::object>(
        wrap(clip_grad_norm(read_tensors(grads.ptr(), "parameters"), max_norm, norm_type)));
  });
  m.def("total_norm", [](const py::iterable& tensors, double norm_type) {
    return py::reinterpret_steal<py::object>(
        wrap(total_norm(read_tensors(tensors.ptr(), "parameters"), norm_type)));
  });
}

}  // namespace wengert::bind
