// Elements around a tensor, any number of dimensions.
#include <cstring>

#include "wengert/base/allocator.h"
#include "wengert/base/parallel.h"
#include "wengert/kernels/core/walk.h"
#include "wengert/kernels/pool/pool.h"

namespace wengert {
namespace {

// The rows of a tensor, along its last dimension.
struct Rows {
  const Dims& shape;
  int64_t length() const { return shape.back(); }
  int64_t count() const {
    int64_t n = 1;
    for (int d = 0; d + 1 < shape.size(); ++d) n *= shape[d];
    return n;
  }
  // f(row, where it stands along each dimension but the last)
  template <class F>
  void parallel(const F& f) const {
    parallel_for(count(), std::max<int64_t>(kMoveGrain / std::max<int64_t>(length(), 1), 1),
                 [&](int64_t begin, int64_t end) {
                   int64_t at[kMaxDims];
                   const int last = shape.size() - 2;
                   int64_t rest = begin;
                   for (int d = last; d >= 0; rest /= shape[d--]) at[d] = rest % shape[d];
                   for (int64_t r = begin; r < end; ++r) {
                     f(r, at);
                     for (int d = last; d >= 0 && ++at[d] == shape[d]; --d) at[d] = 0;
                   }
                 });
  }
};

// The number of the input's row that a row of the output is made of, by position(d, i); -1 if none.
template <class Position>
int64_t source_row(const Dims& in, const int64_t* at, const Position& position) {
  int64_t row = 0;
  for (int d = 0; d + 1 < in.size(); ++d) {
    const int64_t i = position(d, at[d]);
    if (i < 0 || i >= in[d]) return -1;
    row = row * in[d] + i;
  }
  return row;
}

// For each position of a dimension before padding those of the padded one that come from it, in
// order: all[begin[j]] to all[begin[j + 1]].
struct Copies {
  List<int64_t> begin, all;
  Copies(PadMode mode, int64_t in, int64_t out, int64_t before)
      : begin(static_cast<size_t>(in) + 1), all(static_cast<size_t>(out)) {
    for (int64_t i = 0; i < out; ++i)
      ++begin[static_cast<size_t>(pad_source(mode, i, before, in)) + 1];
    for (size_t j = 1; j < begin.size(); ++j) begin[j] += begin[j - 1];
    List<int64_t> next = begin;
    for (int64_t i = 0; i < out; ++i)
      all[static_cast<size_t>(next[static_cast<size_t>(pad_source(mode, i, before, in))]++)] = i;
  }
};

// f(row) for the rows of the padded tensor that the row at a place of the other is copied to.
template <class F>
void each_copy(const List<Copies>& copies, const Dims& out, const int64_t* at, int d, int64_t row,
               int64_t step, const F& f) {
  if (d < 0) return f(row);
  const Copies& c = copies[static_cast<size_t>(d)];
  const auto j = static_cast<size_t>(at[d]);
  for (int64_t k = c.begin[j]; k < c.begin[j + 1]; ++k)
    each_copy(copies, out, at, d - 1, row + c.all[static_cast<size_t>(k)] * step, step * out[d], f);
}

}  // namespace

void pad_constant(const Dims& in, const Dims& out, const Dims& before, int64_t item_size,
                  const void* x, const void* value, void* y) {
  const int64_t n = out.back(), m = in.back(), left = before.back();
  const int64_t begin = std::clamp<int64_t>(left, 0, n);
  const int64_t end = std::clamp<int64_t>(left + m, begin, n);
  dispatch_size(item_size, [&](auto zero) {
    using T = decltype(zero);
    T fill;
    std::memcpy(&fill, value, sizeof fill);
    Rows{out}.parallel([&](int64_t r, const int64_t* at) {
      T* to = static_cast<T*>(y) + r * n;
      const int64_t row = source_row(in, at, [&](int d, int64_t i) { return i - before[d]; });
      if (row < 0) return std::fill(to, to + n, fill), void();
      const T* from = static_cast<const T*>(x) + row * m - left;
      std::fill(to, to + begin, fill);
      if (end > begin) std::copy(from + begin, from + end, to + begin);
      std::fill(to + end, to + n, fill);
    });
  });
}

void pad_mode(PadMode mode, const Dims& in, const Dims& out, const Dims& before, int64_t item_size,
              const void* x, void* y) {
  const int64_t n = out.back(), m = in.back(), left = before.back();
  const int64_t begin = std::clamp<int64_t>(left, 0, n);
  const int64_t end = std::clamp<int64_t>(left + m, begin, n);
  dispatch_size(item_size, [&](auto zero) {
    using T = decltype(zero);
    Rows{out}.parallel([&](int64_t r, const int64_t* at) {
      const int64_t row = source_row(
          in, at, [&](int d, int64_t i) { return pad_source(mode, i, before[d], in[d]); });
      const T* from = static_cast<const T*>(x) + row * m;
      T* to = static_cast<T*>(y) + r * n;
      for (int64_t i = 0; i < begin; ++i) to[i] = from[pad_source(mode, i, left, m)];
      if (end > begin) std::copy(from + begin - left, from + end - left, to + begin);
      for (int64_t i = end; i < n; ++i) to[i] = from[pad_source(mode, i, left, m)];
    });
  });
}

void pad_mode_backward(PadMode mode, const Dims& in, const Dims& out, const Dims& before,
                       Dtype dtype, const void* g, void* dx) {
  const int64_t n = out.back(), m = in.back(), left = before.back();
  const int64_t begin = std::clamp<int64_t>(left, 0, n);
  const int64_t end = std::clamp<int64_t>(left + m, begin, n);
  List<Copies> copies;
  for (int d = 0; d + 1 < in.size(); ++d) copies.emplace_back(mode, in[d], out[d], before[d]);
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    Rows{in}.parallel([&](int64_t r, const int64_t* at) {
      T* __restrict to = static_cast<T*>(dx) + r * m;
      std::fill(to, to + m, T(0));
      each_copy(copies, out, at, in.size() - 2, 0, 1, [&](int64_t row) {
        const T* __restrict from = static_cast<const T*>(g) + row * n;
        for (int64_t i = begin; i < end; ++i) to[i - left] += from[i];
        for (int64_t i = 0; i < begin; ++i) to[pad_source(mode, i, left, m)] += from[i];
        for (int64_t i = end; i < n; ++i) to[pad_source(mode, i, left, m)] += from[i];
      });
    });
  });
}

}  // namespace wengert
