// Training loops: a program replayed over the batches of a dataset, without Python in between.
#include <pybind11/stl.h>

#include <chrono>
#include <cstring>

#include "bind/capture/capture.h"
#include "wengert/kernels/core/copy.h"
#include "wengert/kernels/index/index.h"

namespace wengert::bind {
namespace {

using Clock = std::chrono::steady_clock;

// to = from[index], over the first dimension; `to` is contiguous, the index in range.
void gather_rows(const Tensor& to, const Tensor& from, const int64_t* index, int64_t count,
                 std::vector<int64_t>& offsets) {
  if (to.numel() == 0) return;
  const int64_t item = item_size(from.dtype()), stride = from.strides()[0];
  if (index[count - 1] - index[0] == count - 1 && from.is_contiguous()) {
    int64_t i = 1;
    while (i < count && index[i] == index[0] + i) ++i;
    if (i == count)
      return copy_bytes(to.data(), from.data() + index[0] * stride * item, to.numel() * item);
  }
  offsets.resize(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) offsets[static_cast<size_t>(i)] = index[i] * stride;
  Dims shape = from.shape(), strides = from.strides();
  shape.erase(0);
  strides.erase(0);
  index_gather({{}, {}, shape, strides, offsets.data(), count}, to.data(), from.data(), item);
}

// The losses so far, and the data they come from.
class Loop {
 public:
  explicit Loop(const py::iterable& data) {
    for (const py::handle& o : data) {
      const Tensor t = expect_tensor(o.ptr(), "data");
      check(t.ndim() > 0, "run: a tensor without dimensions has no rows");
      check(data_.empty() || t.shape()[0] == data_[0].shape()[0],
            "run: the tensors differ in their first size: ", t.shape()[0], " and ",
            data_.empty() ? 0 : data_[0].shape()[0]);
      // A handle of its own: what Python does to its tensor, other than to its values, is late.
      data_.push_back(
          Tensor(new TensorImpl(t->storage, t->offset, t.dtype(), t.shape(), t.strides())));
    }
    check(!data_.empty(), ErrorKind::kType, "run: there are no tensors");
  }

  // Replays the program for batches of `rows` rows in the order given, from place `first` of it
  // on: as long as there are whole batches, the program fits, and less than `seconds` (negative:
  // any time) have passed. Returns the number of batches.
  int64_t run(const Ready& ready, const py::handle& order_object, int64_t first, int64_t rows,
              double seconds) {
    const Ref<Program> program = ready.program;
    const Tensor order = expect_tensor(order_object.ptr(), "order");
    check_order(order, first, rows);
    const std::unique_lock lock = claim(*program);
    const std::vector<Tensor> inputs = batch_of(*program, rows);
    const int64_t modes = capture_modes();
    const auto start = Clock::now();
    const auto* index = order.data_as<const int64_t>() + first;
    std::vector<int64_t> offsets;
    int64_t done = 0;
    for (int64_t left = order.numel() - first; left >= rows; left -= rows, index += rows) {
      if (PyErr_CheckSignals() != 0) throw py::error_already_set();
      if (capture_modes() != modes || !program->ready()) break;
      {
        const py::gil_scoped_release free;
        for (size_t i = 0; i < inputs.size(); ++i)
          gather_rows(inputs[i], data_[i], index, rows, offsets);
        program->run();
      }
      keep(program->result(0));
      ++done;
      if (seconds >= 0 && Clock::now() - start > std::chrono::duration<double>(seconds)) break;
    }
    return done;
  }

  // Notes the loss of a batch that Python has run.
  void add(const py::handle& loss) { keep(expect_tensor(loss.ptr(), "loss")); }
  int64_t count() const { return count_; }
  // Those from batch `first` on, in a tensor of one dimension.
  Tensor losses(int64_t first) const {
    check(0 <= first && first <= count_, ErrorKind::kIndex, "run: there is no batch ", first);
    Tensor out = Tensor::empty({count_ - first}, dtype_.value_or(default_dtype()));
    if (first < count_)
      std::memcpy(out.data(), losses_.data() + first * item_size(*dtype_),
                  static_cast<size_t>((count_ - first) * item_size(*dtype_)));
    return out;
  }

 private:
  void check_order(const Tensor& order, int64_t first, int64_t rows) const {
    check(order.dtype() == Dtype::kInt64 && order.ndim() == 1 && order.is_contiguous(),
          "run: the order must be contiguous int64 of one dimension");
    check(rows > 0 && 0 <= first && first <= order.numel(), ErrorKind::kIndex,
          "run: there are no batches of ", rows, " rows from place ", first, " on");
    const int64_t n = order.numel() - first;
    const int64_t bad =
        find_outside(order.data_as<const int64_t>() + first, n, 0, data_[0].shape()[0]);
    check(bad < 0, ErrorKind::kIndex, "run: the order has a row that the data has not");
  }

  // The memory of the program's arguments, which must be batches of the data.
  std::vector<Tensor> batch_of(Program& program, int64_t rows) const {
    check(program.inputs() == static_cast<int>(data_.size()) && program.result_count() > 0,
          "run: the program is not one of batches of this data with a loss");
    std::vector<Tensor> inputs;
    for (size_t i = 0; i < data_.size(); ++i) {
      const Tensor to = program.input(static_cast<int>(i));
      Dims shape = data_[i].shape();
      shape[0] = rows;
      check(to.shape() == shape && to.dtype() == data_[i].dtype() && to.is_contiguous(),
            "run: the program takes ", to.dtype(), " ", to.shape(), " where a batch is ",
            data_[i].dtype(), " ", shape);
      inputs.push_back(to);
    }
    return inputs;
  }

  void keep(const Tensor& loss) {
    check(loss.defined() && loss.numel() == 1,
          "run: the loss of a batch must be a tensor of one element, got shape ",
          loss.defined() ? loss.shape() : Dims{});
    if (!dtype_) dtype_ = loss.dtype();
    check(*dtype_ == loss.dtype(), "run: batch ", count_, " has a loss of ", loss.dtype(),
          ", those before have ", *dtype_);
    losses_.insert(losses_.end(), loss.data(), loss.data() + item_size(*dtype_));
    ++count_;
  }

  std::vector<Tensor> data_;
  std::vector<std::byte> losses_;
  std::optional<Dtype> dtype_;
  int64_t count_ = 0;
};

}  // namespace

void init_loop(py::module_& m) {
  py::class_<Loop>(m, "_Loop")
      .def(py::init<const py::iterable&>())
      .def("run", &Loop::run)
      .def("add", &Loop::add)
      .def("losses",
           [](const Loop& l, int64_t first) {
             return py::reinterpret_steal<py::object>(wrap(l.losses(first)));
           })
      .def_property_readonly("count", &Loop::count);
}

}  // namespace wengert::bind
