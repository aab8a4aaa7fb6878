#include "wengert/kernels/resample/grid_sample.h"

#include <algorithm>
#include <array>
#include <utility>

#include "wengert/base/allocator.h"
#include "wengert/base/parallel.h"
#include "wengert/kernels/resample/gather.h"
#include "wengert/kernels/resample/places.h"

namespace wengert {
namespace {

using places::Block;
using places::kBlock;
using places::kMost;

constexpr int64_t kGrain = 16384;  // products per chunk

// f(number of neighbours), a constant.
template <class F>
void with_count(int count, const F& f) {
  using std::integral_constant;
  if (count == 1) return f(integral_constant<int, 1>{});
  if (count == 4) return f(integral_constant<int, 4>{});
  if (count == 8) return f(integral_constant<int, 8>{});
  f(integral_constant<int, 16>{});
}

// The neighbours of a register of places.
template <class T, int kCount>
struct Register {
  static_assert(kCount <= 4, "more do not stay in registers");
  std::array<Gather<T>, kCount> at;
  std::array<Vec<T>, kCount> weight;

  Register(const Block<T>& b, int64_t i) : Register(b, i, std::make_index_sequence<kCount>()) {}
  Vec<T> sum(const T* x) const {
    Vec<T> y = at[0].from(x) * weight[0];
    for (int k = 1; k < kCount; ++k) y = y + at[k].from(x) * weight[k];
    return y;
  }

 private:
  template <size_t... k>
  Register(const Block<T>& b, int64_t i, std::index_sequence<k...>)
      : at{Gather<T>(b.offset[k] + i)...}, weight{Vec<T>::load(b.weight[k] + i)...} {}
};

template <class T>
bool all_inside(const Block<T>& b, int64_t i) {
  int32_t sign = 0;
  for (int64_t j = i; j < i + Vec<T>::kSize; ++j)
    sign |= b.offset[0][j] | b.offset[1][j] | b.offset[2][j] | b.offset[3][j];
  return sign >= 0;
}
// A register of places between four pixels of the image each, of which two are neighbours.
template <class T>
void sample_pairs(const GridShape& s, const Block<T>& b, int64_t i, int64_t n, int64_t first,
                  int64_t last, const T* x, T* y) {
  using V = Vec<T>;
  const PairGather<T> upper(b.offset[0] + i), lower(b.offset[2] + i);
  const V p = V::load(b.weight[0] + i), q = V::load(b.weight[1] + i);
  const V r = V::load(b.weight[2] + i), t = V::load(b.weight[3] + i);
  for (int64_t c = first; c < last; ++c) {
    const auto [a, d] = upper.from(x + c * s.channel_step());
    const auto [e, f] = lower.from(x + c * s.channel_step());
    detail::store_part(a * p + d * q + e * r + f * t, y + c * s.points + i, n - i);
  }
}

// `channels` planes of x, and rows of y, at n places. Few planes at a time, as many may share the
// same lines of a cache.
template <class T, int kCount>
void sample(const GridShape& s, const Block<T>& b, int64_t n, const T* x, T* y) {
  using V = Vec<T>;
  for (int64_t first = 0; first < s.channels; first += 4) {
    const int64_t last = std::min(s.channels, first + 4);
    for (int64_t i = 0; i < n; i += V::kSize) {
      if constexpr (kCount == 4 && PairGather<T>::kExists) {
        if (s.pixel_step(0) == 1 && all_inside(b, i)) {
          sample_pairs(s, b, i, n, first, last, x, y);
          continue;
        }
      }
      if constexpr (kCount <= 4) {
        const Register<T, kCount> r(b, i);
        for (int64_t c = first; c < last; ++c)
          detail::store_part(r.sum(x + c * s.channel_step()), y + c * s.points + i, n - i);
      } else {
        for (int64_t c = first; c < last; ++c) {
          const T* from = x + c * s.channel_step();
          V sum = Gather<T>(b.offset[0] + i).from(from) * V::load(b.weight[0] + i);
          for (int k = 1; k < kCount; ++k)
            sum = sum + Gather<T>(b.offset[k] + i).from(from) * V::load(b.weight[k] + i);
          detail::store_part(sum, y + c * s.points + i, n - i);
        }
      }
    }
  }
}

// f(block, image, first place, places) over all blocks of places.
template <class T, class F>
void for_blocks(const GridShape& s, const T* grid, const F& f) {
  const int64_t blocks = (s.points + kBlock - 1) / kBlock;
  const int64_t grain = std::max<int64_t>(1, kGrain / (kBlock * (4 * s.channels + 16)));
  parallel_for(s.batch * blocks, grain, [&](int64_t begin, int64_t end) {
    const Scratch scratch(sizeof(Block<T>));
    Block<T>& block = *new (scratch.as<Block<T>>()) Block<T>;
    for (int64_t i = begin; i < end; ++i) {
      const int64_t image = i / blocks, at = i % blocks * kBlock;
      const int64_t n = std::min(kBlock, s.points - at);
      block.find(s, grid + (image * s.points + at) * s.dims, n);
      f(block, image, at, n);
    }
  });
}

// What places [0, n) give to the pixels of `kPlanes` planes that lie `pixels` apart, from rows of g
// that lie `points` apart. Places next to each other share pixels, whose sums wait for each other:
// those of several planes go on meanwhile.
template <class T, int kPlanes>
void give(const Block<T>& b, int64_t n, const T* g, int64_t points, T* dx, int64_t pixels) {
  using V = Vec<T>;
  for (int64_t i = 0; i < n; i += V::kSize) {
    T part[kMost][kPlanes][V::kSize];
    for (int p = 0; p < kPlanes; ++p) {
      const V from = detail::load_part(g + p * points + i, n - i, 0);
      for (int k = 0; k < b.count; ++k) (from * V::load(b.weight[k] + i)).store(part[k][p]);
    }
    const int64_t lanes = std::min<int64_t>(V::kSize, n - i);
    for (int64_t j = 0; j < lanes; ++j)
      for (int k = 0; k < b.count; ++k)
        if (const int32_t at = b.offset[k][i + j]; at >= 0)
          for (int p = 0; p < kPlanes; ++p) dx[p * pixels + at] += part[k][p][j];
  }
}

// Each plane belongs to one chunk, and takes its parts in the order of the places. Planes that
// share a chunk share the weights.
template <class T>
void spread(const GridShape& s, const T* g, const T* grid, T* dx) {
  const int64_t planes = s.batch * s.channels, pixels = s.pixels();
  const int64_t together = planes >= 256 ? 16 : planes >= 64 ? 8 : planes >= 16 ? 4 : 1;
  const int64_t groups = (s.channels + together - 1) / together;
  const int64_t cost = s.points * (4 * together + 16);
  const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(1, cost));
  parallel_for(s.batch * groups, grain, [&](int64_t begin, int64_t end) {
    const Scratch scratch(sizeof(Block<T>));
    Block<T>& b = *new (scratch.as<Block<T>>()) Block<T>;
    for (int64_t i = begin; i < end; ++i) {
      const int64_t image = i / groups, first = i % groups * together;
      const int64_t last = std::min(s.channels, first + together);
      T* to = dx + image * s.channels * pixels;
      std::fill(to + first * pixels, to + last * pixels, T(0));
      for (int64_t at = 0; at < s.points; at += kBlock) {
        const int64_t n = std::min(kBlock, s.points - at);
        b.find(s, grid + (image * s.points + at) * s.dims, n);
        const T* from = g + image * s.channels * s.points + at;
        int64_t c = first;
        for (; c + 4 <= last; c += 4)
          give<T, 4>(b, n, from + c * s.points, s.points, to + c * pixels, pixels);
        for (; c < last; ++c)
          give<T, 1>(b, n, from + c * s.points, s.points, to + c * pixels, pixels);
      }
    }
  });
}

// The gradients of a block of places; g and x are those of the first channel.
template <class T, int kCount>
void places_gradient(const GridShape& s, const Block<T>& b, int64_t n, const T* g, const T* x,
                     T* dgrid) {
  using V = Vec<T>;
  for (int64_t i = 0; i < n; i += V::kSize) {
    V sums[kCount];  // over the channels, for each neighbour
    for (V& sum : sums) sum = V(0.0);
    for (int64_t c = 0; c < s.channels; ++c) {
      const V from = detail::load_part(g + c * s.points + i, n - i, 0);
      for (int k = 0; k < kCount; ++k)
        sums[k] = sums[k] + from * Gather<T>(b.offset[k] + i).from(x + c * s.channel_step());
    }
    V all[3] = {V(0.0), V(0.0), V(0.0)};
    for (int k = 0; k < kCount; ++k) {
      V slope[3];
      b.slopes(s, k, i, slope);
      for (int d = 0; d < s.dims; ++d) all[d] = all[d] + sums[k] * slope[d];
    }
    const int64_t lanes = std::min<int64_t>(V::kSize, n - i);
    for (int d = 0; d < s.dims; ++d) {
      T lane[V::kSize];
      all[d].store(lane);
      for (int64_t j = 0; j < lanes; ++j) dgrid[(i + j) * s.dims + d] = lane[j];
    }
  }
}

void check_size(const GridShape& s) {
  int64_t places = 1;
  for (int d = 0; d < s.dims; ++d) places += (s.in[d] - 1) * s.pixel_step(d);
  check(places < int64_t{1} << 30, "images of fewer than 2^30 pixels expected, got ", places);
}

}  // namespace

void grid_sample(const GridShape& s, Dtype dtype, const void* x, const void* grid, void* y) {
  check_size(s);
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    for_blocks(s, static_cast<const T*>(grid),
               [&](const Block<T>& b, int64_t image, int64_t at, int64_t n) {
                 with_count(b.count, [&](auto count) {
                   sample<T, count()>(s, b, n, static_cast<const T*>(x) + image * s.image_step(),
                                      static_cast<T*>(y) + image * s.channels * s.points + at);
                 });
               });
  });
}

void grid_sample_input(const GridShape& s, Dtype dtype, const void* g, const void* grid, void* dx) {
  check_size(s);
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    spread(s, static_cast<const T*>(g), static_cast<const T*>(grid), static_cast<T*>(dx));
  });
}

void grid_sample_grid(const GridShape& s, Dtype dtype, const void* g, const void* x,
                      const void* grid, void* dgrid) {
  check_size(s);
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    T* to = static_cast<T*>(dgrid);
    if (s.mode == GridMode::kNearest)
      return std::fill(to, to + s.batch * s.points * s.dims, T(0)), void();
    for_blocks(s, static_cast<const T*>(grid),
               [&](const Block<T>& b, int64_t image, int64_t at, int64_t n) {
                 const T* from = static_cast<const T*>(g) + image * s.channels * s.points + at;
                 const T* images = static_cast<const T*>(x) + image * s.image_step();
                 with_count(b.count, [&](auto count) {
                   places_gradient<T, count()>(s, b, n, from, images,
                                               to + (image * s.points + at) * s.dims);
                 });
               });
  });
}

}  // namespace wengert
