// Optimizer steps: lists of tensors in, one native call.
#include "bind/python.h"
#include "wengert/ops/update.h"

namespace wengert::bind {
namespace {

void read_list(const py::list& list, std::vector<Tensor>& out) {
  out.clear();
  for (const py::handle& o : list)
    out.push_back(o.is_none() ? Tensor() : expect_tensor(o.ptr(), "parameter state"));
}

// State that the step has made goes back into the list.
void write_back(const py::list& list, const std::vector<Tensor>& values) {
  for (size_t i = 0; i < values.size(); ++i)
    if (values[i].defined() && PyList_GET_ITEM(list.ptr(), i) == Py_None)
      PyList_SetItem(list.ptr(), static_cast<Py_ssize_t>(i), wrap(values[i]));
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

void sgd(const py::list& params, const py::list& buffers, double lr, double momentum,
         double dampening, double weight_decay, bool nesterov, bool maximize) {
  Lists& l = lists();
  const Clear at_end;
  read_list(params, l.params);
  read_list(buffers, l.a);
  sgd_step(l.params, l.a, {lr, momentum, dampening, weight_decay, nesterov, maximize});
  write_back(buffers, l.a);
}

void adam(const py::list& params, const py::list& exp_avgs, const py::list& exp_avg_sqs,
          const py::list& max_exp_avg_sqs, const py::list& steps, double lr, double beta1,
          double beta2, double eps, double weight_decay, bool amsgrad, bool maximize,
          bool decoupled) {
  Lists& l = lists();
  const Clear at_end;
  read_list(params, l.params);
  read_list(exp_avgs, l.a);
  read_list(exp_avg_sqs, l.b);
  read_list(max_exp_avg_sqs, l.c);
  read_list(steps, l.d);
  adam_step(l.params, l.a, l.b, l.c, l.d,
            {lr, beta1, beta2, eps, weight_decay, amsgrad, maximize, decoupled});
  write_back(exp_avgs, l.a);
  write_back(exp_avg_sqs, l.b);
  write_back(max_exp_avg_sqs, l.c);
  write_back(steps, l.d);
}

std::vector<Tensor> tensors_of(const py::iterable& items) {
  std::vector<Tensor> out;
  for (const py::handle& o : items) out.push_back(expect_tensor(o.ptr(), "parameters"));
  return out;
}

}  // namespace

void init_optim(py::module_& m) {
  m.def("sgd_step", &sgd, "One step of stochastic gradient descent over all parameters.");
  m.def("adam_step", &adam, "One step of Adam or AdamW over all parameters.");
  m.def("zero_grad", [](const py::list& params, bool set_to_none) {
    Lists& l = lists();
    const Clear at_end;
    read_list(params, l.params);
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
