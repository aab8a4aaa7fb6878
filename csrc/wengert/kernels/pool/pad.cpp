// Elements around a tensor, any number of dimensions.
#include <cstring>

#include "wengert/base/allocator.h"
#include "wengert/base/parallel.h"
#include "wengert/kernels/core/walk.h"
#include "wengert/kernels/pool/pool.h"

namespace wengert {
namespace {

// The dimensions in front that nothing is put around are one, number 0, which there always is.
struct Planes {
  int64_t in[kMaxDims + 1], out[kMaxDims + 1], before[kMaxDims + 1];
  int last = 0;  // dimension

  Planes(const Dims& in_all, const Dims& out_all, const Dims& before_all) {
    int d = 0;
    in[0] = 1;
    for (; d + 1 < in_all.size() && in_all[d] == out_all[d] && before_all[d] == 0; ++d)
      in[0] *= in_all[d];
    out[0] = in[0];
    before[0] = 0;
    for (; d < in_all.size(); ++d) {
      in[++last] = in_all[d];
      out[last] = out_all[d];
      before[last] = before_all[d];
    }
  }

  // Dimensions at the end that nothing is put around are one with that before.
  void merge_end() {
    for (; last > 1 && in[last] == out[last] && before[last] == 0; --last) {
      in[last - 1] *= in[last];
      out[last - 1] *= out[last];
      before[last - 1] *= in[last];
    }
  }
  int64_t in_rows() const {
    int64_t n = 1;
    for (int d = 0; d < last; ++d) n *= in[d];
    return n;
  }
};

// For each row of the output the number of the input's row that it is made of.
class RowSources {
 public:
  // source(d, i): the position that position i of dimension d comes from, negative for none.
  template <class Source>
  RowSources(const Planes& p, const Source& source) : inner_(p.out[p.last - 1]), rows_(1) {
    int64_t step = 1;  // rows of the input to a position
    for (int d = p.last - 1; d >= 0; step *= p.in[d--]) {
      dims_.push_back({std::ssize(from_), p.out[d]});
      for (int64_t i = 0; i < p.out[d]; ++i) {
        const int64_t j = d == 0 ? i : source(d, i);
        from_.push_back(j < 0 || j >= p.in[d] ? -1 : j * step);
      }
      rows_ *= p.out[d];
    }
  }
  // f(row, its source, or -1) for all rows, among threads; a row has n elements.
  template <class F>
  void parallel(int64_t n, const F& f) const {
    const int64_t grain = std::max<int64_t>(kMoveGrain / std::max<int64_t>(n, 1), 1);
    parallel_for(rows_, grain, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end;) {
        const int64_t first = r % inner_, stop = std::min(end, r + inner_ - first);
        const int64_t outer = outer_source(r / inner_);
        const int64_t* inner = from_.data() + first - r;
        for (; r < stop; ++r) f(r, outer < 0 || inner[r] < 0 ? -1 : outer + inner[r]);
      }
    });
  }

 private:
  int64_t outer_source(int64_t at) const {
    int64_t row = 0;
    for (size_t d = 1; d < dims_.size(); ++d) {
      const int64_t from = from_[static_cast<size_t>(dims_[d].begin + at % dims_[d].size)];
      if (from < 0) return -1;
      row += from;
      at /= dims_[d].size;
    }
    return row;
  }

  struct Dim {
    int64_t begin, size;
  };
  List<Dim> dims_;  // from the last on
  List<int64_t> from_;
  int64_t inner_, rows_;
};

// The last dimension: what comes before position `begin` and from `end` on is put there.
struct Ends {
  int64_t n, left, begin, end;
  explicit Ends(const Planes& p)
      : n(p.out[p.last]),
        left(p.before[p.last]),
        begin(std::clamp<int64_t>(left, 0, n)),
        end(std::clamp<int64_t>(left + p.in[p.last], begin, n)) {}
};

// Their sources, from those before `begin` to those behind `end`.
List<int64_t> end_sources(PadMode mode, const Ends& e, int64_t m) {
  List<int64_t> out;
  for (int64_t i = 0; i < e.begin; ++i) out.push_back(pad_source(mode, i, e.left, m));
  for (int64_t i = e.end; i < e.n; ++i) out.push_back(pad_source(mode, i, e.left, m));
  return out;
}

// Rows are short, and a call for each would take longer than the copy.
template <class T>
inline void copy_row(const T* from, int64_t n, T* to) {
  constexpr int64_t kStep = 32 / sizeof(T), kHalf = kStep / 2;
  if (n > 16 * kStep) {
    std::memcpy(to, from, static_cast<size_t>(n) * sizeof(T));
  } else if (n >= kStep) {
    for (int64_t i = 0; i + kStep < n; i += kStep) std::memcpy(to + i, from + i, 32);
    std::memcpy(to + n - kStep, from + n - kStep, 32);
  } else if (n >= kHalf) {
    std::memcpy(to, from, 16);
    std::memcpy(to + n - kHalf, from + n - kHalf, 16);
  } else {
    for (int64_t i = 0; i < n; ++i) to[i] = from[i];
  }
}
template <class T>
inline void fill_row(T* to, int64_t n, T value) {
  if (n > 3) return std::fill(to, to + n, value), void();
  if (n > 0) to[0] = value;
  if (n > 1) to[1] = value;
  if (n > 2) to[2] = value;
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

// f(row) for the rows of the padded tensor that a row of the other is copied to: `at` is its number
// in dimensions 0 to d, `row` and `step` those of the dimensions behind.
template <class F>
void each_copy(const List<Copies>& copies, const Planes& p, int64_t at, int d, int64_t row,
               int64_t step, const F& f) {
  if (d == 0) return f(row + at * step);
  const Copies& c = copies[static_cast<size_t>(d)];
  const auto j = static_cast<size_t>(at % p.in[d]);
  for (int64_t k = c.begin[j]; k < c.begin[j + 1]; ++k)
    each_copy(copies, p, at / p.in[d], d - 1, row + c.all[static_cast<size_t>(k)] * step,
              step * p.out[d], f);
}

// A row of the gradient takes in one of the padded tensor's.
template <class T>
void add_row(const Ends& e, const List<int64_t>& sources, const T* __restrict from, int64_t m,
             bool first, T* __restrict to) {
  if (first) {
    const int64_t start = e.begin - e.left, end = e.end - e.left;
    std::fill(to, to + start, T(0));
    for (int64_t i = start; i < end; ++i) to[i] = T(0) + from[i + e.left];
    std::fill(to + end, to + m, T(0));
  } else {
    for (int64_t i = e.begin; i < e.end; ++i) to[i - e.left] += from[i];
  }
  const int64_t* source = sources.data();
  for (int64_t i = 0; i < e.begin; ++i) to[*source++] += from[i];
  for (int64_t i = e.end; i < e.n; ++i) to[*source++] += from[i];
}

}  // namespace

void pad_constant(const Dims& in, const Dims& out, const Dims& before, int64_t item_size,
                  const void* x, const void* value, void* y) {
  Planes p(in, out, before);
  p.merge_end();
  const Ends e(p);
  const RowSources rows(p, [&](int d, int64_t i) { return i - p.before[d]; });
  dispatch_size(item_size, [&](auto zero) {
    using T = decltype(zero);
    T fill;
    std::memcpy(&fill, value, sizeof fill);
    rows.parallel(e.n, [&](int64_t r, int64_t source) {
      T* to = static_cast<T*>(y) + r * e.n;
      if (source < 0) return std::fill(to, to + e.n, fill), void();
      const T* from = static_cast<const T*>(x) + source * p.in[p.last] - e.left;
      fill_row(to, e.begin, fill);
      copy_row(from + e.begin, e.end - e.begin, to + e.begin);
      fill_row(to + e.end, e.n - e.end, fill);
    });
  });
}

void pad_mode(PadMode mode, const Dims& in, const Dims& out, const Dims& before, int64_t item_size,
              const void* x, void* y) {
  const Planes p(in, out, before);
  const Ends e(p);
  const List<int64_t> ends = end_sources(mode, e, p.in[p.last]);
  const RowSources rows(
      p, [&](int d, int64_t i) { return pad_source(mode, i, p.before[d], p.in[d]); });
  dispatch_size(item_size, [&](auto zero) {
    using T = decltype(zero);
    rows.parallel(e.n, [&](int64_t r, int64_t source) {
      const T* from = static_cast<const T*>(x) + source * p.in[p.last];
      T* to = static_cast<T*>(y) + r * e.n;
      const int64_t* end = ends.data();
      for (int64_t i = 0; i < e.begin; ++i) to[i] = from[*end++];
      copy_row(from + e.begin - e.left, e.end - e.begin, to + e.begin);
      for (int64_t i = e.end; i < e.n; ++i) to[i] = from[*end++];
    });
  });
}

void pad_mode_backward(PadMode mode, const Dims& in, const Dims& out, const Dims& before,
                       Dtype dtype, const void* g, void* dx) {
  const Planes p(in, out, before);
  const Ends e(p);
  const int64_t m = p.in[p.last], rows = p.in_rows();
  const List<int64_t> ends = end_sources(mode, e, m);
  List<Copies> copies;
  for (int d = 0; d < p.last; ++d)
    copies.emplace_back(mode, d == 0 ? 0 : p.in[d], d == 0 ? 0 : p.out[d], p.before[d]);
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    parallel_for(rows, std::max<int64_t>(kMoveGrain / m, 1), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        T* to = static_cast<T*>(dx) + r * m;
        bool first = true;
        each_copy(copies, p, r, p.last - 1, 0, 1, [&](int64_t row) {
          add_row(e, ends, static_cast<const T*>(g) + row * e.n, m, first, to);
          first = false;
        });
        if (first) std::fill(to, to + m, T(0));
      }
    });
  });
}

}  // namespace wengert
