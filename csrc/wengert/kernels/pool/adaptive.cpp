// Windows that divide a dimension into as many parts as wanted.
#include <limits>

#include "wengert/kernels/pool/windows.h"

namespace wengert {
namespace {

using namespace pooling;

// [floor(i of / n), ceil((i + 1) of / n)) for each i < n, along three dimensions: the positions of
// a window, or the windows that a position is in. Without a division for each.
class Ranges {
 public:
  Ranges(const int64_t* n, const int64_t* of)
      : memory_(static_cast<size_t>(2 * (n[0] + n[1] + n[2])) * sizeof(int64_t)) {
    int64_t* next = memory_.as<int64_t>();
    for (int d = 0; d < 3; ++d) {
      begin_[d] = next;
      end_[d] = next + n[d];
      next += 2 * n[d];
      const int64_t whole = of[d] / n[d], left = of[d] % n[d];
      for (int64_t i = 0, at = 0, rest = 0; i < n[d]; ++i) {
        begin_[d][i] = at;
        at += whole;
        if ((rest += left) >= n[d]) {
          rest -= n[d];
          ++at;
        }
        end_[d][i] = at + (rest > 0);
      }
    }
  }
  int64_t begin(int d, int64_t i) const { return begin_[d][i]; }
  int64_t end(int d, int64_t i) const { return end_[d][i]; }
  int64_t size(int d, int64_t i) const { return end_[d][i] - begin_[d][i]; }
  bool equal(int d, int64_t i, int64_t j) const {
    return begin_[d][i] == begin_[d][j] && end_[d][i] == end_[d][j];
  }

 private:
  Scratch memory_;
  int64_t *begin_[3], *end_[3];
};

template <class F>
void for_rows_of(int64_t rows, int64_t work, const F& f) {
  parallel_for(rows, std::max<int64_t>(kGrain / std::max<int64_t>(work, 1), 1),
               [&](int64_t begin, int64_t end) {
                 for (int64_t r = begin; r < end; ++r) f(r);
               });
}

template <class T>
T sum_of(const T* x, int64_t n) {
  using V = Vec<T>;
  T sum = 0;
  int64_t i = 0;
  if (n >= 2 * V::kSize) {
    V a = V::load(x), b = V::load(x + V::kSize);
    for (i = 2 * V::kSize; i + 2 * V::kSize <= n; i += 2 * V::kSize) {
      a = a + V::load(x + i);
      b = b + V::load(x + i + V::kSize);
    }
    sum = detail::lane_sum(a + b);
  }
  for (; i < n; ++i) sum += x[i];
  return sum;
}

// A row of means: first the sums of columns, then those of their pieces.
template <class T>
void average_row(const Windows& w, const Ranges& parts, const T* x, int64_t row, T* __restrict sums,
                 T* y) {
  const int64_t n = w.in[2], o1 = row % w.out[1], slab = row / w.out[1];
  const int64_t o0 = slab % w.out[0], plane = slab / w.out[0];
  const int64_t rows = parts.size(0, o0) * parts.size(1, o1);
  const T* from = x + ((plane * w.in[0] + parts.begin(0, o0)) * w.in[1] + parts.begin(1, o1)) * n;
  const T* added = rows == 1 ? from : sums;
  if (rows > 1) std::copy(from, from + n, sums);
  for (int64_t a = 0; a < parts.size(0, o0); ++a)
    for (int64_t b = a == 0; b < parts.size(1, o1); ++b) {
      const T* __restrict next = from + (a * w.in[1] + b) * n;
      for (int64_t i = 0; i < n; ++i) sums[i] += next[i];
    }
  for (int64_t o = 0; o < w.out[2]; ++o)
    y[row * w.out[2] + o] = sum_of(added + parts.begin(2, o), parts.size(2, o)) /
                            static_cast<T>(rows * parts.size(2, o));
}

// A row of the input: what each row of windows that has it gives, then spread along w.
template <class T>
void spread_row(const Windows& w, const Ranges& parts, const Ranges& windows, const T* g,
                int64_t row, T* shares, T* __restrict to) {
  const int64_t n = w.out[2], j = row % w.in[1], i = row / w.in[1] % w.in[0];
  const int64_t plane = row / w.in[1] / w.in[0];
  std::fill(shares, shares + n, T(0));
  for (int64_t a = windows.begin(0, i); a < windows.end(0, i); ++a)
    for (int64_t b = windows.begin(1, j); b < windows.end(1, j); ++b) {
      const T* from = g + ((plane * w.out[0] + a) * w.out[1] + b) * n;
      const T rows = static_cast<T>(parts.size(0, a) * parts.size(1, b));
      for (int64_t o = 0; o < n; ++o) shares[o] += from[o] / rows;
    }
  std::fill(to, to + w.in[2], T(0));
  for (int64_t o = 0; o < n; ++o) {
    const T share = shares[o] / static_cast<T>(parts.size(2, o));
    const int64_t end = parts.end(2, o);
    for (int64_t k = parts.begin(2, o); k < end; ++k) to[k] += share;
  }
}

// Rows [begin, end) of the input. Those in the same windows are copies of one another.
template <class T>
void spread_rows(const Windows& w, const Ranges& parts, const Ranges& windows, const T* g,
                 int64_t begin, int64_t end, T* dx) {
  const Scratch shares(static_cast<size_t>(w.out[2]) * sizeof(T));
  const int64_t n = w.in[2];
  for (int64_t r = begin; r < end; ++r) {
    const int64_t j = r % w.in[1], i = r / w.in[1] % w.in[0];
    int64_t like = -1;
    if (j > 0 && windows.equal(1, j, j - 1)) like = r - 1;
    if (i > 0 && windows.equal(0, i, i - 1)) like = r - w.in[1];
    if (like >= begin)
      std::copy(dx + like * n, dx + (like + 1) * n, dx + r * n);
    else
      spread_row(w, parts, windows, g, r, shares.as<T>(), dx + r * n);
  }
}

// Rows of a plane that a window has part of: (first[0], first[1]) and those behind along h, then d.
struct Box {
  int64_t first[2], size[2], height, pitch;
  int64_t rows() const { return size[0] * size[1]; }
  int64_t start(int64_t r) const {
    return ((first[0] + r / size[1]) * height + first[1] + r % size[1]) * pitch;
  }
  template <class F>
  void each(const F& f) const {
    for (int64_t a = first[0]; a < first[0] + size[0]; ++a)
      for (int64_t b = first[1]; b < first[1] + size[1]; ++b) f((a * height + b) * pitch);
  }
};

// Every lane finds the largest of its elements and the number of the register, counted in T, that
// it first came with. Of equal lanes the first register counts, then the first lane. False if there
// is a NaN, of which the last would count.
template <class T>
bool largest_by_lanes(const Box& box, const T* x, int64_t n, T& best, int64_t& at) {
  using namespace Eigen::internal;
  using V = Vec<T>;
  V most(-INFINITY), held(0.0), number(0.0);
  auto nan = most != most;
  box.each([&](int64_t start) {
    for (int64_t i = 0; i < n; i += V::kSize) {
      const V v = detail::load_part<T>(x + start + i, n - i, -INFINITY);
      const auto larger = v > most;
      nan = nan | (v != v);
      most = select(larger, v, most);
      held = select(larger, number, held);
      number = number + 1.0;
    }
  });
  if (any(nan)) return false;
  best = predux_max(most.p);
  const V place = held * static_cast<double>(V::kSize) + V(plset<typename V::Packet>(T(0)));
  const V found = select(most == V::repeat(best), place, INFINITY);
  const auto p = static_cast<int64_t>(predux_min(found.p));
  const int64_t row = round_up(n, V::kSize);
  at = box.start(p / row) + p % row;
  return true;
}

template <class T>
void largest_in(const Box& box, const T* x, int64_t n, T& best, int64_t& at) {
  const int64_t row = round_up(n, Vec<T>::kSize), rows = box.rows();
  const int64_t registers = rows * row / Vec<T>::kSize;
  if (rows * row < int64_t{1} << 24 && rows * n >= 2 * registers + 12)
    if (largest_by_lanes(box, x, n, best, at)) return;
  best = -std::numeric_limits<T>::infinity();
  at = box.start(0);
  box.each([&](int64_t start) {
    for (int64_t i = start; i < start + n; ++i) {
      if (!(x[i] > best) && x[i] == x[i]) continue;
      best = x[i];
      at = i;
    }
  });
}

template <class T>
void largest_row(const Windows& w, const Ranges& parts, const T* x, int64_t row, T* y,
                 int64_t* indices) {
  const int64_t o1 = row % w.out[1], o0 = row / w.out[1] % w.out[0];
  const T* from = x + row / w.out[1] / w.out[0] * w.in[0] * w.in[1] * w.in[2];
  const Box box{{parts.begin(0, o0), parts.begin(1, o1)},
                {parts.size(0, o0), parts.size(1, o1)},
                w.in[1],
                w.in[2]};
  for (int64_t o = 0; o < w.out[2]; ++o) {
    const int64_t begin = parts.begin(2, o), to = row * w.out[2] + o;
    int64_t at = 0;
    largest_in(box, from + begin, parts.size(2, o), y[to], at);
    indices[to] = begin + at;
  }
}

// One part: means of whole planes.
template <class T>
void plane_means(int64_t planes, int64_t n, const T* x, T* y) {
  using V = Vec<T>;
  constexpr int64_t kStep = 4 * V::kSize;
  for_rows_of(planes, n, [&](int64_t p) {
    const T* from = x + p * n;
    V sums[4] = {V(0.0), V(0.0), V(0.0), V(0.0)};
    int64_t i = 0;
    for (; i + kStep <= n; i += kStep)
      for (int64_t k = 0; k < 4; ++k) sums[k] = sums[k] + V::load(from + i + k * V::kSize);
    for (; i < n; i += V::kSize) sums[0] = sums[0] + detail::load_part<T>(from + i, n - i, 0);
    y[p] = detail::lane_sum((sums[0] + sums[1]) + (sums[2] + sums[3])) / static_cast<T>(n);
  });
}
template <class T>
void plane_shares(int64_t planes, int64_t n, const T* g, T* dx) {
  for_rows_of(planes, n, [&](int64_t p) {
    std::fill(dx + p * n, dx + (p + 1) * n, g[p] / static_cast<T>(n));
  });
}
// Windows along w that are too few for registers of them.
inline constexpr int64_t kFew = 8;
bool is_whole(const Windows& w) { return w.out[0] * w.out[1] * w.out[2] == 1; }

// Where the parts are equal they are windows like others.
bool as_windows(const Windows& w, Windows& out) {
  out = w;
  for (int d = 0; d < 3; ++d) {
    if (w.out[d] == 0 || w.in[d] % w.out[d]) return false;
    out.kernel[d] = out.stride[d] = w.in[d] / w.out[d];
  }
  return true;
}

int64_t plane_work(const Windows& w) {
  return w.in[0] * w.in[1] * w.in[2] / std::max<int64_t>(w.out[0] * w.out[1], 1) + w.out[2];
}

}  // namespace

void adaptive_avg_pool(const Windows& w, Dtype dtype, const void* x, void* y) {
  if (Windows equal; w.out[2] >= kFew && as_windows(w, equal))
    return avg_pool(equal, {}, dtype, x, y);
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    if (is_whole(w))
      return plane_means(w.planes, w.in[0] * w.in[1] * w.in[2], static_cast<const T*>(x),
                         static_cast<T*>(y));
    const Ranges parts(w.out, w.in);
    parallel_for(w.out_rows(), std::max<int64_t>(kGrain / plane_work(w), 1),
                 [&](int64_t begin, int64_t end) {
                   const Scratch sums(static_cast<size_t>(w.in[2]) * sizeof(T));
                   for (int64_t r = begin; r < end; ++r)
                     average_row(w, parts, static_cast<const T*>(x), r, sums.as<T>(),
                                 static_cast<T*>(y));
                 });
  });
}

void adaptive_avg_pool_backward(const Windows& w, Dtype dtype, const void* g, void* dx) {
  if (Windows equal; w.out[2] >= kFew && as_windows(w, equal) && equal.stride[2] <= 2)
    return avg_pool_backward(equal, {}, dtype, g, dx);
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    if (is_whole(w))
      return plane_shares(w.planes, w.in[0] * w.in[1] * w.in[2], static_cast<const T*>(g),
                          static_cast<T*>(dx));
    const Ranges parts(w.out, w.in), windows(w.in, w.out);
    parallel_for(w.in_rows(), std::max<int64_t>(kGrain / (w.in[2] + w.out[2]), 1),
                 [&](int64_t begin, int64_t end) {
                   spread_rows(w, parts, windows, static_cast<const T*>(g), begin, end,
                               static_cast<T*>(dx));
                 });
  });
}

void adaptive_max_pool(const Windows& w, Dtype dtype, const void* x, void* y, int64_t* indices) {
  if (Windows equal; w.out[2] >= kFew && as_windows(w, equal))
    return max_pool_indices(equal, dtype, x, y, indices);
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    const Ranges parts(w.out, w.in);
    for_rows_of(w.out_rows(), plane_work(w), [&](int64_t r) {
      largest_row(w, parts, static_cast<const T*>(x), r, static_cast<T*>(y), indices);
    });
  });
}

}  // namespace wengert
