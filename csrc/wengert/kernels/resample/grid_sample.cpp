#include "wengert/kernels/resample/grid_sample.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "wengert/base/allocator.h"
#include "wengert/base/parallel.h"

namespace wengert {
namespace {

constexpr int64_t kBlock = 64;     // places whose weights are worked out together
constexpr int64_t kGrain = 16384;  // products per chunk
constexpr int kMost = 16;          // neighbours of a place

// A pixel's number along an axis from a coordinate, and its derivative.
template <class T>
struct Place {
  T at, slope;
};

template <class T>
Place<T> pixel(T x, int64_t size, bool align) {
  const T n = static_cast<T>(size);
  if (align) return {(x + 1) / 2 * (n - 1), (n - 1) / 2};
  return {((x + 1) * n - 1) / 2, n / 2};
}

// Back into the image, by the ends of the axis or a reflection there.
template <class T>
Place<T> padded(Place<T> p, int64_t size, GridPadding padding, bool align) {
  if (padding == GridPadding::kZeros) return p;
  if (padding == GridPadding::kReflection) {
    const T low = align ? T(0) : T(-0.5), span = static_cast<T>(align ? size - 1 : size);
    if (span == 0) return {0, 0};
    T x = p.at - low, sign = 1;
    if (x < 0) {
      x = -x;
      sign = -1;
    }
    const T rest = std::fmod(x, span);
    const bool odd = std::fmod(std::floor(x / span), T(2)) != 0;
    p = {(odd ? span - rest : rest) + low, p.slope * (odd ? -sign : sign)};
  }
  const T last = static_cast<T>(size - 1);
  if (!(p.at > 0)) return {0, 0};
  return p.at >= last ? Place<T>{last, 0} : p;
}

// The neighbours of a place along one axis: pixel, or -1 outside; weight and its derivative.
template <class T>
struct Near {
  int count = 0;
  int64_t index[4];
  T weight[4], slope[4];

  void add(T at, int64_t size, T w, T s) {
    index[count] = at >= 0 && at < static_cast<T>(size) ? static_cast<int64_t>(at) : -1;
    weight[count] = w;
    slope[count++] = s;
  }
};

template <class T>
Near<T> near(const GridShape& s, int d, T coordinate) {
  const int64_t size = s.in[d];
  Near<T> n;
  Place<T> p = pixel(coordinate, size, s.align_corners);
  if (s.mode != GridMode::kCubic) p = padded(p, size, s.padding, s.align_corners);
  if (s.mode == GridMode::kNearest) {
    n.add(std::nearbyint(p.at), size, 1, 0);
    return n;
  }
  const T low = std::floor(p.at), t = p.at - low;
  if (s.mode == GridMode::kLinear) {
    n.add(low, size, 1 - t, -p.slope);
    n.add(low + 1, size, t, p.slope);
    return n;
  }
  // R. Keys, "Cubic convolution interpolation for digital image processing", 1981.
  const T a = T(-0.75);
  for (int k = -1; k < 3; ++k) {
    const T x = std::abs(t - static_cast<T>(k)), sign = t < static_cast<T>(k) ? T(-1) : T(1);
    const bool inner = k == 0 || k == 1;
    const T w = inner ? ((a + 2) * x - (a + 3)) * x * x + 1 : (((x - 5) * x + 8) * x - 4) * a;
    const T dw = inner ? (3 * (a + 2) * x - 2 * (a + 3)) * x : ((3 * x - 10) * x + 8) * a;
    const T at = padded(Place<T>{low + static_cast<T>(k), 1}, size, s.padding, s.align_corners).at;
    n.add(at, size, w, dw * sign * p.slope);
  }
  return n;
}

// Neighbours of up to kBlock places: neighbour k of place i at [k][i].
template <class T>
struct Block {
  int count = 0;  // neighbours of each
  bool inside = true;
  int64_t offset[kMost][kBlock];  // -1 outside
  T weight[kMost][kBlock];
  T slope[3][kMost][kBlock];  // by coordinate

  void find(const GridShape& s, const T* grid, int64_t n, bool slopes) {
    inside = true;
    for (int64_t i = 0; i < n; ++i) {
      Near<T> axis[3];
      for (int d = 0; d < s.dims; ++d) axis[d] = near(s, d, grid[i * s.dims + d]);
      if (s.dims == 2) axis[2].add(0, 1, 1, 0);
      count = 0;
      for (int c = 0; c < axis[2].count; ++c)
        for (int b = 0; b < axis[1].count; ++b)
          for (int a = 0; a < axis[0].count; ++a) add(s, axis, a, b, c, i, slopes);
    }
  }

 private:
  void add(const GridShape& s, const Near<T>* axis, int a, int b, int c, int64_t i, bool slopes) {
    const int64_t x = axis[0].index[a], y = axis[1].index[b], z = axis[2].index[c];
    const T p = axis[0].weight[a], q = axis[1].weight[b], r = axis[2].weight[c];
    const bool in = x >= 0 && y >= 0 && z >= 0;
    inside = inside && in;
    offset[count][i] = in ? (z * s.in[1] + y) * s.in[0] + x : -1;
    weight[count][i] = p * q * r;
    if (slopes) {
      slope[0][count][i] = axis[0].slope[a] * q * r;
      slope[1][count][i] = p * axis[1].slope[b] * r;
      slope[2][count][i] = p * q * axis[2].slope[c];
    }
    ++count;
  }
};

template <class T>
void sample(const Block<T>& b, int64_t n, const T* x, T* y) {
  for (int64_t i = 0; i < n; ++i) y[i] = 0;
  for (int k = 0; k < b.count; ++k) {
    const int64_t* offset = b.offset[k];
    const T* weight = b.weight[k];
    if (b.inside)
      for (int64_t i = 0; i < n; ++i) y[i] += x[offset[i]] * weight[i];
    else
      for (int64_t i = 0; i < n; ++i)
        if (offset[i] >= 0) y[i] += x[offset[i]] * weight[i];
  }
}

// f(block, image, first place, places) over all blocks of places.
template <class T, class F>
void for_blocks(const GridShape& s, const T* grid, bool slopes, const F& f) {
  const int64_t blocks = (s.points + kBlock - 1) / kBlock;
  const int64_t grain = std::max<int64_t>(1, kGrain / (kBlock * (4 * s.channels + 16)));
  parallel_for(s.batch * blocks, grain, [&](int64_t begin, int64_t end) {
    const Scratch scratch(sizeof(Block<T>));
    Block<T>& block = *new (scratch.as<Block<T>>()) Block<T>;
    for (int64_t i = begin; i < end; ++i) {
      const int64_t image = i / blocks, at = i % blocks * kBlock;
      const int64_t n = std::min(kBlock, s.points - at);
      block.find(s, grid + (image * s.points + at) * s.dims, n, slopes);
      f(block, image, at, n);
    }
  });
}

// Each plane belongs to one chunk, and takes its parts in the order of the places. Planes that
// share a chunk share the weights.
template <class T>
void spread(const GridShape& s, const T* g, const T* grid, T* dx) {
  const int64_t together = s.batch * s.channels >= 64 ? 8 : s.batch * s.channels >= 16 ? 4 : 1;
  const int64_t groups = (s.channels + together - 1) / together;
  const int64_t cost = s.points * (4 * together + 16);
  const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(1, cost));
  parallel_for(s.batch * groups, grain, [&](int64_t begin, int64_t end) {
    const Scratch scratch(sizeof(Block<T>));
    Block<T>& b = *new (scratch.as<Block<T>>()) Block<T>;
    for (int64_t i = begin; i < end; ++i) {
      const int64_t image = i / groups, first = i % groups * together;
      const int64_t last = std::min(s.channels, first + together);
      T* planes = dx + image * s.channels * s.pixels();
      std::fill(planes + first * s.pixels(), planes + last * s.pixels(), T(0));
      for (int64_t at = 0; at < s.points; at += kBlock) {
        const int64_t n = std::min(kBlock, s.points - at);
        b.find(s, grid + (image * s.points + at) * s.dims, n, false);
        for (int64_t c = first; c < last; ++c) {
          const T* from = g + (image * s.channels + c) * s.points + at;
          T* to = planes + c * s.pixels();
          for (int64_t j = 0; j < n; ++j)
            for (int k = 0; k < b.count; ++k)
              if (b.offset[k][j] >= 0) to[b.offset[k][j]] += from[j] * b.weight[k][j];
        }
      }
    }
  });
}

}  // namespace

void grid_sample(const GridShape& s, Dtype dtype, const void* x, const void* grid, void* y) {
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    for_blocks(s, static_cast<const T*>(grid), false,
               [&](const Block<T>& b, int64_t image, int64_t at, int64_t n) {
                 for (int64_t c = image * s.channels; c < (image + 1) * s.channels; ++c)
                   sample(b, n, static_cast<const T*>(x) + c * s.pixels(),
                          static_cast<T*>(y) + c * s.points + at);
               });
  });
}

void grid_sample_input(const GridShape& s, Dtype dtype, const void* g, const void* grid, void* dx) {
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    spread(s, static_cast<const T*>(g), static_cast<const T*>(grid), static_cast<T*>(dx));
  });
}

void grid_sample_grid(const GridShape& s, Dtype dtype, const void* g, const void* x,
                      const void* grid, void* dgrid) {
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    for_blocks(s, static_cast<const T*>(grid), true,
               [&](const Block<T>& b, int64_t image, int64_t at, int64_t n) {
                 T sums[kMost][kBlock] = {};  // over the channels, for each neighbour
                 for (int64_t c = image * s.channels; c < (image + 1) * s.channels; ++c) {
                   const T* from = static_cast<const T*>(g) + c * s.points + at;
                   const T* plane = static_cast<const T*>(x) + c * s.pixels();
                   for (int k = 0; k < b.count; ++k)
                     for (int64_t i = 0; i < n; ++i)
                       if (b.offset[k][i] >= 0) sums[k][i] += from[i] * plane[b.offset[k][i]];
                 }
                 T* to = static_cast<T*>(dgrid) + (image * s.points + at) * s.dims;
                 for (int64_t i = 0; i < n; ++i)
                   for (int d = 0; d < s.dims; ++d) {
                     T sum = 0;
                     for (int k = 0; k < b.count; ++k) sum += sums[k][i] * b.slope[d][k][i];
                     to[i * s.dims + d] = sum;
                   }
               });
  });
}

}  // namespace wengert
