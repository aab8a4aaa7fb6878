// Training loops: a program replayed over the batches of a dataset, with nothing in between.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "wengert/program/program.h"

namespace wengert {

// The batches of a loop: what a DataLoader of PyTorch's names so.
struct LoopOptions {
  int64_t batch_size = 1;          // rows
  int64_t epochs = 1;              // passes over the data
  bool shuffle = false;            // visit the rows in a new random order on each pass
  bool drop_last = false;          // leave out a last batch that is short
  Generator* generator = nullptr;  // what the order is drawn from; null: the default one
  // Called at the end of each epoch, and before that about twice a second: the epoch from 0, the
  // batches done in all, the mean loss since the last call. What it throws ends the loop.
  std::function<void(int64_t epoch, int64_t batches, double loss)> progress = {};
};

// The data of a loop, and the losses so far.
class BatchLoop {
 public:
  // RuntimeError for tensors that have no rows or differ in their number, TypeError for none. The
  // data is used where it lies.
  explicit BatchLoop(std::span<const Tensor> data);
  int64_t rows() const { return data_[0].shape()[0]; }

  // Replays the program for batches of `rows` rows in the order given, from place `first` of it
  // on: as long as there are whole batches, `goes_on` says so before each, and less than `seconds`
  // (negative: any time) have passed. `goes_on` must ask whether the program is ready(), and may
  // throw, as for a signal that has come. Returns the number of batches.
  int64_t replay(Program& program, const Tensor& order, int64_t first, int64_t rows, double seconds,
                 const std::function<bool()>& goes_on);
  // Tensors like a batch of so many rows, without values.
  std::vector<Tensor> blank(int64_t rows) const;
  // A batch as tensors of their own, for a call that is no replay.
  std::vector<Tensor> batch(const Tensor& order, int64_t first, int64_t rows) const;
  // Notes the loss of a batch that was run otherwise; RuntimeError unless it is of one element and
  // of the dtype of those before.
  void add(const Tensor& loss);
  // Of batches.
  int64_t count() const { return count_; }
  // Those from batch `first` on, in a tensor of one dimension.
  Tensor losses(int64_t first) const;

  // Does at least one batch of the order, and says how many it did; what replay() and add() are
  // for.
  using Advance =
      std::function<int64_t(const Tensor& order, int64_t first, int64_t rows, double seconds)>;
  // All batches of all epochs, in the order of a DataLoader with these options: after the same
  // seed, the same random numbers are drawn at the same times. ValueError for a batch size below
  // 1, epochs below 0, no rows to shuffle.
  void run(const LoopOptions& how, const Advance& advance);

 private:
  void check_order(const Tensor& order, int64_t first, int64_t rows) const;
  std::vector<Tensor> arguments_of(Program& program, int64_t rows) const;

  std::vector<Tensor> data_;
  std::vector<std::byte> losses_;
  std::optional<Dtype> dtype_;
  int64_t count_ = 0;
};

}  // namespace wengert
