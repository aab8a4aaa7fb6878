#include "wengert/program/run/loop.h"

#include <chrono>
#include <cstring>

#include "wengert/kernels/core/copy.h"
#include "wengert/kernels/index/index.h"
#include "wengert/ops/create/create.h"
#include "wengert/ops/random/random.h"

namespace wengert {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr double kBetweenReports = 0.5;    // seconds, within an epoch
constexpr int64_t kOrderedRows = 1 << 16;  // whose numbers are written down at once

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

// An int64 random_() of PyTorch's, as a seed.
uint64_t draw_seed(Generator& g) {
  const std::lock_guard lock(g.in_use());
  return g.random64() & ~(uint64_t{1} << 63);
}

// The orders of one epoch, one after the other: f(order), whose last may end in a short batch. They
// draw what a RandomSampler of PyTorch's draws, and when it does.
template <class F>
void for_orders(int64_t rows, const LoopOptions& how, const F& f) {
  const int64_t size = how.batch_size, whole = rows / size * size;
  draw_seed(how.generator ? *how.generator : default_generator());  // a loader's base seed
  if (!how.shuffle) {
    const int64_t most = std::max<int64_t>(kOrderedRows / size, 1) * size;
    for (int64_t at = 0; at < rows; at += most) {
      const int64_t end = std::min(rows, at + most);
      f(arange(static_cast<double>(at),
               static_cast<double>(how.drop_last ? std::min(end, whole) : end)));
    }
    return;
  }
  Generator own;
  if (!how.generator) own.manual_seed(draw_seed(default_generator()));
  Generator* const g = how.generator ? how.generator : &own;
  const Tensor order = randperm(rows, g);
  f(narrow(order, 0, 0, whole));
  if (how.generator) randperm(rows, g);  // a sampler looks for more rows before a short batch
  if (!how.drop_last) f(narrow(order, 0, whole, rows - whole));
}

}  // namespace

BatchLoop::BatchLoop(std::span<const Tensor> data) {
  for (const Tensor& t : data) {
    check(t.defined(), ErrorKind::kType, "run: a tensor of the data is undefined");
    check(t.ndim() > 0, "run: a tensor without dimensions has no rows");
    check(data_.empty() || t.shape()[0] == rows(),
          "run: the tensors differ in their first size: ", t.shape()[0], " and ",
          data_.empty() ? 0 : rows());
    // A handle of its own: what its owner does to the tensor, other than to its values, is late.
    data_.push_back(
        Tensor(new TensorImpl(t->storage, t->offset, t.dtype(), t.shape(), t.strides())));
  }
  check(!data_.empty(), ErrorKind::kType, "run: there are no tensors");
}

int64_t BatchLoop::replay(Program& program, const Tensor& order, int64_t first, int64_t rows,
                          double seconds, const std::function<bool()>& goes_on) {
  check_order(order, first, rows);
  const std::vector<Tensor> arguments = arguments_of(program, rows);
  const auto start = Clock::now();
  const auto* index = order.data_as<const int64_t>() + first;
  std::vector<int64_t> offsets;
  int64_t done = 0;
  for (int64_t left = order.numel() - first; left >= rows; left -= rows, index += rows) {
    if (!goes_on()) break;
    for (size_t i = 0; i < arguments.size(); ++i)
      gather_rows(arguments[i], data_[i], index, rows, offsets);
    program.run();
    add(program.result(0));
    ++done;
    if (seconds >= 0 && Clock::now() - start > Seconds(seconds)) break;
  }
  return done;
}

std::vector<Tensor> BatchLoop::blank(int64_t rows) const {
  std::vector<Tensor> out;
  for (const Tensor& t : data_) {
    Dims shape = t.shape();
    shape[0] = rows;
    out.push_back(Tensor::empty(shape, t.dtype()));
  }
  return out;
}

std::vector<Tensor> BatchLoop::batch(const Tensor& order, int64_t first, int64_t rows) const {
  const Tensor index = narrow(order, 0, first, rows);
  std::vector<Tensor> out;
  for (const Tensor& t : data_) out.push_back(index_select(t, 0, index));
  return out;
}

void BatchLoop::add(const Tensor& loss) {
  check(loss.defined() && loss.numel() == 1,
        "run: the loss of a batch must be a tensor of one element, got shape ",
        loss.defined() ? loss.shape() : Dims{});
  if (!dtype_) dtype_ = loss.dtype();
  check(*dtype_ == loss.dtype(), "run: batch ", count_, " has a loss of ", loss.dtype(),
        ", those before have ", *dtype_);
  losses_.insert(losses_.end(), loss.data(), loss.data() + item_size(*dtype_));
  ++count_;
}

Tensor BatchLoop::losses(int64_t first) const {
  check(0 <= first && first <= count_, ErrorKind::kIndex, "run: there is no batch ", first);
  Tensor out = Tensor::empty({count_ - first}, dtype_.value_or(default_dtype()));
  if (first < count_)
    std::memcpy(out.data(), losses_.data() + first * item_size(*dtype_),
                static_cast<size_t>((count_ - first) * item_size(*dtype_)));
  return out;
}

void BatchLoop::run(const LoopOptions& how, const Advance& advance) {
  check(how.batch_size > 0, ErrorKind::kValue, "run: batch_size must be positive, got ",
        how.batch_size);
  check(how.epochs >= 0, ErrorKind::kValue, "run: epochs must not be negative, got ", how.epochs);
  check(rows() > 0 || !how.shuffle, ErrorKind::kValue, "run: there are no rows to shuffle");
  int64_t reported = 0;
  auto last = Clock::now();
  const auto report = [&](int64_t epoch) {
    if (!how.progress || count_ == reported) return;
    const double loss = mean(to(losses(reported), Dtype::kFloat64)).item().real();
    reported = count_;
    how.progress(epoch, count_, loss);
    last = Clock::now();
  };
  for (int64_t epoch = 0; epoch < how.epochs; ++epoch) {
    for_orders(rows(), how, [&](const Tensor& order) {
      const int64_t end = order.numel();
      for (int64_t at = 0; at < end;) {
        const int64_t n = std::min(how.batch_size, end - at);
        const double left = kBetweenReports - Seconds(Clock::now() - last).count();
        at += n * advance(order, at, n, how.progress ? std::max(0.0, left) : -1.0);
        if (Clock::now() - last >= Seconds(kBetweenReports)) report(epoch);
      }
    });
    report(epoch);
  }
}

void BatchLoop::check_order(const Tensor& order, int64_t first, int64_t rows) const {
  check(order.dtype() == Dtype::kInt64 && order.ndim() == 1 && order.is_contiguous(),
        "run: the order must be contiguous int64 of one dimension");
  check(rows > 0 && 0 <= first && first <= order.numel(), ErrorKind::kIndex,
        "run: there are no batches of ", rows, " rows from place ", first, " on");
  const int64_t n = order.numel() - first;
  const int64_t bad = find_outside(order.data_as<const int64_t>() + first, n, 0, this->rows());
  check(bad < 0, ErrorKind::kIndex, "run: the order has a row that the data has not");
}

// The memory of the program's arguments, which must be batches of the data.
std::vector<Tensor> BatchLoop::arguments_of(Program& program, int64_t rows) const {
  check(program.inputs() == static_cast<int>(data_.size()) && program.result_count() > 0,
        "run: the program is not one of batches of this data with a loss");
  std::vector<Tensor> arguments;
  for (size_t i = 0; i < data_.size(); ++i) {
    const Tensor to = program.input(static_cast<int>(i));
    Dims shape = data_[i].shape();
    shape[0] = rows;
    check(to.shape() == shape && to.dtype() == data_[i].dtype() && to.is_contiguous(),
          "run: the program takes ", to.dtype(), " ", to.shape(), " where a batch is ",
          data_[i].dtype(), " ", shape);
    arguments.push_back(to);
  }
  return arguments;
}

}  // namespace wengert
