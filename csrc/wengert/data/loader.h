// Batches of rows of tensors, for loops that do more than Captured::run of program/capture.h does.
//
//   for (const auto& [x, y] : data::loader({inputs, wanted}, {.batch_size = 64, .shuffle = true}))
//
// Each pass is an epoch. After the same seed its batches are those of a DataLoader over a
// TensorDataset with these options, in Python: the same random numbers are drawn at the same times.
#pragma once

#include <array>
#include <iterator>
#include <span>
#include <vector>

#include "wengert/tensor/tensor.h"

namespace wengert::data {

struct LoaderOptions {
  int64_t batch_size = 1;          // rows
  bool shuffle = false;            // visit the rows in a new random order on each pass
  bool drop_last = false;          // leave out a last batch that is short
  Generator* generator = nullptr;  // what the order is drawn from; null: the default one
};

// One pass.
class Epoch {
 public:
  Epoch(int64_t rows, const LoaderOptions& how);
  // ValueError for a batch size below 1 and for no rows to shuffle.
  static void check(int64_t rows, const LoaderOptions& how);
  // The next batch of each tensor of the data, a copy; false when there is none.
  bool next(std::span<const Tensor> data, std::span<Tensor> batch);

 private:
  LoaderOptions how_;
  int64_t rows_, at_ = 0;
  bool ended_ = false;
  Tensor order_;  // undefined: as they lie
};

// The number of rows of tensors that must have as many: RuntimeError for those that differ or have
// none, TypeError for one that is undefined.
int64_t rows_of(std::span<const Tensor> data);

template <size_t N>
class Loader {
 public:
  Loader(const std::array<Tensor, N>& data, const LoaderOptions& how)
      : data_(data), how_(how), rows_(rows_of(data)) {
    Epoch::check(rows_, how);
  }

  class Iterator {
   public:
    using value_type = std::array<Tensor, N>;
    using difference_type = std::ptrdiff_t;
    explicit Iterator(const Loader& l) : loader_(&l), epoch_(l.rows_, l.how_) { ++*this; }
    const value_type& operator*() const { return batch_; }
    const value_type* operator->() const { return &batch_; }
    Iterator& operator++() {
      there_ = epoch_.next(loader_->data_, batch_);
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return !there_; }

   private:
    const Loader* loader_;
    Epoch epoch_;
    value_type batch_;
    bool there_ = false;
  };
  Iterator begin() const { return Iterator(*this); }
  std::default_sentinel_t end() const { return {}; }
  // The number of batches.
  int64_t size() const {
    return (how_.drop_last ? rows_ : rows_ + how_.batch_size - 1) / how_.batch_size;
  }

 private:
  std::array<Tensor, N> data_;
  LoaderOptions how_;
  int64_t rows_;
};

template <size_t N>
Loader<N> loader(const Tensor (&data)[N], const LoaderOptions& how = {}) {
  std::array<Tensor, N> list;
  for (size_t i = 0; i < N; ++i) list[i] = data[i];
  return Loader<N>(list, how);
}
template <size_t N>
Loader<N> loader(const std::array<Tensor, N>& data, const LoaderOptions& how = {}) {
  return Loader<N>(data, how);
}

}  // namespace wengert::data
