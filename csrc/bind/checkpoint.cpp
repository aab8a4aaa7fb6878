// What utils.checkpoint asks of the tape; see Note [checkpoints].
#include "wengert/tape/checkpoint.h"

#include "bind/graph.h"
#include "wengert/tape/rule.h"
#include "wengert/tape/turn.h"

namespace wengert::bind {
namespace {

// Calls `again(selective)`, which gives the segment's outputs anew.
struct PythonSegment final : CustomVjp {
  explicit PythonSegment(py::object f) : again(std::move(f)) {}
  ~PythonSegment() override { free(); }
  void* held() const override { return again.ptr(); }
  const char* name() const override { return "Checkpoint"; }
  void free() override {
    const py::gil_scoped_acquire gil;
    again = py::object();
  }
  void vjp(Vjp& v) override {
    check(static_cast<bool>(again),
          "Trying to backward through the graph a second time (or directly access saved tensors "
          "after they have already been freed). Specify retain_graph=True if you need to backward "
          "through the graph a second time. (Checkpoint)");
    const UserCode user;
    Entry& e = v.entry();
    const std::vector<Tensor> made = read_tensors(again(v.selective).ptr(), "outputs");
    check(made.size() == e.outputs().size(), "the recomputation gives another number of tensors");
    for (size_t i = 0; i < made.size(); ++i) {
      const int at = static_cast<int>(i);
      if (!v.has_g(at) || !made[i].requires_grad()) continue;
      check(made[i].shape() == v.output_shape(at), "the recomputation gives a tensor of shape ",
            made[i].shape(), " in place of ", v.output_shape(at));
      run_goes_on_from(made[i], v.g(at));
    }
  }
  py::object again;
};

std::vector<Tensor> listed(const py::object& tensors) {
  return read_tensors(tensors.ptr(), "tensors");
}

// Of each entry of the segment its name, and dtype and shape of what it gave.
py::list steps_of(const py::object& outputs, uint64_t since) {
  py::list steps;
  for (Entry* e : GraphSegment(listed(outputs), since).entries) {
    py::list given;
    for (const Entry::Output& out : e->outputs()) {
      py::list shape;
      for (const int64_t n : e->shape(out)) shape.append(n);
      given.append(py::make_tuple(static_cast<int>(out.dtype), py::tuple(shape)));
    }
    steps.append(py::make_tuple(e->name(), py::tuple(given)));
  }
  return steps;
}

// Whether the tensor was made by more than a view of what there was before.
bool made_since(const py::object& tensor, uint64_t since) {
  const Tensor t = expect_tensor(tensor.ptr(), "tensor");
  t.catch_up();
  Entry* e = entry_of(t);
  while (e && e->number > since && e->op->view) e = e->inputs()[0].producer();
  return e && e->number > since;
}

}  // namespace

void init_checkpoint(py::module_& m) {
  m.def("_newest_entry", &newest_entry);
  m.def("_made_since", &made_since, py::arg("tensor"), py::arg("since"));
  m.def("_steps_since", &steps_of, py::arg("outputs"), py::arg("since"));
  m.def(
      "_replace_segment",
      [](const py::object& outputs, uint64_t since, const py::object& again) {
        const std::vector<Tensor> out = listed(outputs);
        replace_segment(out, since, new PythonSegment(again));
        for (const Tensor& t : out) show_to_collector(t);
      },
      py::arg("outputs"), py::arg("since"), py::arg("again"));
  m.def(
      "_record_segment",
      [](const py::object& inputs, const py::object& outputs, const py::object& again) {
        const std::vector<Tensor> out = listed(outputs);
        record_segment(listed(inputs), out, new PythonSegment(again));
        for (const Tensor& t : out) show_to_collector(t);
      },
      py::arg("inputs"), py::arg("outputs"), py::arg("again"));
}

}  // namespace wengert::bind
