// The loop over a dataset from Python, which draws the order of the rows.
#include "wengert/program/run/loop.h"

#include "bind/capture/capture.h"
#include "bind/gil.h"
#include "wengert/base/long_work.h"

namespace wengert::bind {
namespace {

std::unique_ptr<BatchLoop> make_loop(const py::iterable& data) {
  return std::make_unique<BatchLoop>(read_tensors(data.ptr(), "data"));
}

// Without the GIL but between two batches: there signals are handled, and conditions asked.
int64_t run(BatchLoop& loop, const Ready& ready, const py::handle& order, int64_t first,
            int64_t rows, double seconds) {
  const Ref<Program> program = ready.program;
  const Tensor numbers = expect_tensor(order.ptr(), "order");
  const std::unique_lock lock = claim(*program);
  const int64_t modes = capture_modes();
  const LongWork replays;
  return loop.replay(*program, numbers, first, rows, seconds, [&] {
    const Gil gil;
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    return capture_modes() == modes && program->ready();
  });
}

}  // namespace

void init_loop(py::module_& m) {
  py::class_<BatchLoop> c(m, "_Loop");
  refuse_pickling(c);
  c.def(py::init(&make_loop))
      .def_static("__new__",
                  [](const py::handle&, const py::iterable& data) { return make_loop(data); })
      .def("run", &run)
      .def("add",
           [](BatchLoop& l, const py::handle& loss) { l.add(expect_tensor(loss.ptr(), "loss")); })
      .def("losses",
           [](const BatchLoop& l, int64_t first) {
             return py::reinterpret_steal<py::object>(wrap(l.losses(first)));
           })
      .def_property_readonly("count", [](const BatchLoop& l) { return l.count(); });
}

}  // namespace wengert::bind
