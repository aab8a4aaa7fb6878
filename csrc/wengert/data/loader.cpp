#include "wengert/data/loader.h"

#include "wengert/base/generator.h"
#include "wengert/ops/basic.h"
#include "wengert/ops/random/random.h"

namespace wengert::data {
namespace {

// An int64 random_() of PyTorch's, as a seed.
uint64_t draw_seed(Generator& g) {
  const std::lock_guard lock(g.in_use());
  return g.random64() & ~(uint64_t{1} << 63);
}

}  // namespace

int64_t rows_of(std::span<const Tensor> data) {
  check_defined(data, "loader", "data");
  for (const Tensor& t : data) {
    wengert::check(t.ndim() > 0, "loader: a tensor without dimensions has no rows");
    wengert::check(t.size(0) == data[0].size(0),
                   "loader: the tensors differ in their first size: ", data[0].size(0), " and ",
                   t.size(0));
  }
  return data.empty() ? 0 : data[0].size(0);
}

void Epoch::check(int64_t rows, const LoaderOptions& how) {
  wengert::check(how.batch_size > 0, ErrorKind::kValue, "loader: batch_size must be positive, got ",
                 how.batch_size);
  wengert::check(rows > 0 || !how.shuffle, ErrorKind::kValue,
                 "loader: there are no rows to shuffle");
}

Epoch::Epoch(int64_t rows, const LoaderOptions& how) : how_(how), rows_(rows) {
  check(rows, how);
  draw_seed(how.generator ? *how.generator : default_generator());  // a loader's base seed
  if (!how.shuffle) return;
  Generator own;
  if (!how.generator) own.manual_seed(draw_seed(default_generator()));
  order_ = randperm(rows, how.generator ? how.generator : &own);
}

bool Epoch::next(std::span<const Tensor> data, std::span<Tensor> batch) {
  const int64_t n = std::min(how_.batch_size, rows_ - at_);
  if (n < how_.batch_size && !ended_) {
    ended_ = true;
    // A sampler looks for more rows before a short batch, or the end.
    if (how_.shuffle && how_.generator) randperm(rows_, how_.generator);
  }
  if (n <= 0 || (n < how_.batch_size && how_.drop_last)) return false;
  const NoGradGuard off;
  for (size_t i = 0; i < data.size(); ++i)
    batch[i] = order_.defined() ? index_select(data[i], 0, narrow(order_, 0, at_, n))
                                : clone(narrow(data[i], 0, at_, n));
  at_ += n;
  return true;
}

}  // namespace wengert::data
