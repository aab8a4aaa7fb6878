// Windows that divide a dimension into as many parts as wanted.
#include <cmath>
#include <limits>

#include "wengert/kernels/pool/windows.h"

namespace wengert {
namespace {

using namespace pooling;

int64_t part_begin(int64_t i, int64_t in, int64_t out) { return i * in / out; }
int64_t part_end(int64_t i, int64_t in, int64_t out) { return ceil_div((i + 1) * in, out); }
// The windows that position i is in: from the first on, below the end.
int64_t first_part(int64_t i, int64_t in, int64_t out) { return i * out / in; }
int64_t parts_end(int64_t i, int64_t in, int64_t out) { return ceil_div((i + 1) * out, in); }

template <class F>
void for_rows_of(int64_t rows, int64_t work, const F& f) {
  parallel_for(rows, std::max<int64_t>(kGrain / std::max<int64_t>(work, 1), 1),
               [&](int64_t begin, int64_t end) {
                 for (int64_t r = begin; r < end; ++r) f(r);
               });
}

// The window of a row of windows along the first two dimensions.
struct Part {
  int64_t plane, begin[2], end[2];
  Part(const Windows& w, int64_t row) : plane(row / w.out[1] / w.out[0]) {
    const int64_t at[2] = {row / w.out[1] % w.out[0], row % w.out[1]};
    for (int d = 0; d < 2; ++d) {
      begin[d] = part_begin(at[d], w.in[d], w.out[d]);
      end[d] = part_end(at[d], w.in[d], w.out[d]);
    }
  }
  int64_t rows() const { return (end[0] - begin[0]) * (end[1] - begin[1]); }
};

// A row of means: first the sums of columns, then those of their pieces.
template <class T>
void average_row(const Windows& w, const T* x, int64_t row, T* __restrict sums, T* y) {
  const Part part(w, row);
  const int64_t n = w.in[2];
  std::fill(sums, sums + n, T(0));
  for (int64_t a = part.begin[0]; a < part.end[0]; ++a)
    for (int64_t b = part.begin[1]; b < part.end[1]; ++b) {
      const T* __restrict from = x + ((part.plane * w.in[0] + a) * w.in[1] + b) * n;
      for (int64_t i = 0; i < n; ++i) sums[i] += from[i];
    }
  for (int64_t o = 0; o < w.out[2]; ++o) {
    const int64_t begin = part_begin(o, n, w.out[2]), end = part_end(o, n, w.out[2]);
    T sum = 0;
    for (int64_t i = begin; i < end; ++i) sum += sums[i];
    y[row * w.out[2] + o] = sum / static_cast<T>(part.rows() * (end - begin));
  }
}

// A row of the input: what each row of windows that has it gives, then spread along w.
template <class T>
void spread_row(const Windows& w, const T* g, int64_t row, T* shares, T* dx) {
  const int64_t plane = row / w.in[1] / w.in[0], n = w.out[2];
  const int64_t at[2] = {row / w.in[1] % w.in[0], row % w.in[1]};
  std::fill(shares, shares + n, T(0));
  for (int64_t a = first_part(at[0], w.in[0], w.out[0]); a < parts_end(at[0], w.in[0], w.out[0]);
       ++a)
    for (int64_t b = first_part(at[1], w.in[1], w.out[1]); b < parts_end(at[1], w.in[1], w.out[1]);
         ++b) {
      const int64_t windows = (plane * w.out[0] + a) * w.out[1] + b;
      const T rows = static_cast<T>(Part(w, windows).rows());
      for (int64_t i = 0; i < n; ++i) shares[i] += g[windows * n + i] / rows;
    }
  for (int64_t o = 0; o < n; ++o)
    shares[o] /= static_cast<T>(part_end(o, w.in[2], n) - part_begin(o, w.in[2], n));
  for (int64_t i = 0; i < w.in[2]; ++i) {
    T sum = 0;
    for (int64_t o = first_part(i, w.in[2], n); o < parts_end(i, w.in[2], n); ++o) sum += shares[o];
    dx[row * w.in[2] + i] = sum;
  }
}

template <class T>
void largest_row(const Windows& w, const T* x, int64_t row, T* y, int64_t* indices) {
  const Part part(w, row);
  const T* from = x + part.plane * w.in[0] * w.in[1] * w.in[2];
  for (int64_t o = 0; o < w.out[2]; ++o) {
    const int64_t begin = part_begin(o, w.in[2], w.out[2]);
    const int64_t end = part_end(o, w.in[2], w.out[2]);
    T best = -std::numeric_limits<T>::infinity();
    int64_t at = (part.begin[0] * w.in[1] + part.begin[1]) * w.in[2] + begin;
    for (int64_t a = part.begin[0]; a < part.end[0]; ++a)
      for (int64_t b = part.begin[1]; b < part.end[1]; ++b)
        for (int64_t c = begin; c < end; ++c) {
          const int64_t i = (a * w.in[1] + b) * w.in[2] + c;
          if (!(from[i] > best) && !std::isnan(from[i])) continue;
          best = from[i];
          at = i;
        }
    y[row * w.out[2] + o] = best;
    indices[row * w.out[2] + o] = at;
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
    parallel_for(w.out_rows(), std::max<int64_t>(kGrain / plane_work(w), 1),
                 [&](int64_t begin, int64_t end) {
                   const Scratch sums(static_cast<size_t>(w.in[2]) * sizeof(T));
                   for (int64_t r = begin; r < end; ++r)
                     average_row(w, static_cast<const T*>(x), r, sums.as<T>(), static_cast<T*>(y));
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
    parallel_for(w.in_rows(), std::max<int64_t>(kGrain / (w.in[2] + w.out[2]), 1),
                 [&](int64_t begin, int64_t end) {
                   const Scratch shares(static_cast<size_t>(w.out[2]) * sizeof(T));
                   for (int64_t r = begin; r < end; ++r)
                     spread_row(w, static_cast<const T*>(g), r, shares.as<T>(),
                                static_cast<T*>(dx));
                 });
  });
}

void adaptive_max_pool(const Windows& w, Dtype dtype, const void* x, void* y, int64_t* indices) {
  if (Windows equal; w.out[2] >= kFew && as_windows(w, equal))
    return max_pool_indices(equal, dtype, x, y, indices);
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    for_rows_of(w.out_rows(), plane_work(w), [&](int64_t r) {
      largest_row(w, static_cast<const T*>(x), r, static_cast<T*>(y), indices);
    });
  });
}

}  // namespace wengert
