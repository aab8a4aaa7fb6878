// Depthwise convolutions of images whose channels lie last, one of input and output in a group:
// vectors run along channels, and nothing is staged. See Note [channels last].
#include "wengert/base/parallel.h"
#include "wengert/kernels/conv/depthwise.h"
#include "wengert/kernels/core/rows.h"

namespace wengert::detail {
namespace {

constexpr int64_t kGrain = 1 << 15;                      // multiply-adds
constexpr int64_t kPartWork = 1 << 18, kMostParts = 16;  // of the gradient of the weight
constexpr int kPixels = 4;                               // that share loads of weights

// Positions [begin, end) of a row of the grid for which i step + offset is in the source.
struct Range {
  int64_t begin, end;
  Range(const Gather& g, int64_t offset) {
    const int64_t s = g.step[2];
    begin = std::clamp<int64_t>(offset >= 0 ? 0 : (-offset + s - 1) / s, 0, g.count[2]);
    end = std::clamp<int64_t>(g.size[2] <= offset ? 0 : (g.size[2] - 1 - offset) / s + 1, begin,
                              g.count[2]);
  }
};

// The taps of a row of the grid that are within the source along the first two dimensions.
template <class T>
struct Reached {
  struct One {
    size_t tap;
    const T* from;  // for position 0
    Range range;
  };
  List<One> taps;
  Range all;  // where every tap is within

  Reached(const Gather& g, const T* source, int64_t row) : all(g, g.low[2]) {
    const int64_t y = row % g.count[1], z = row / g.count[1] % g.count[0];
    const int64_t image = row / g.count[1] / g.count[0], channels = g.groups;
    taps.reserve(g.taps.size());
    for (size_t t = 0; t < g.taps.size(); ++t) {
      const int64_t* offset = g.taps[t].offset;
      const int64_t sz = z * g.step[0] + offset[0], sy = y * g.step[1] + offset[1];
      if (sz < 0 || sz >= g.size[0] || sy < 0 || sy >= g.size[1]) continue;
      const int64_t line = ((image * g.size[0] + sz) * g.size[1] + sy) * g.size[2];
      taps.push_back({t, source + (line + offset[2]) * channels, Range(g, offset[2])});
    }
    all.end = std::max(all.begin, Range(g, g.high[2]).end);
  }
};

template <class T>
struct LastProduct {
  const Part<T>& part;
  const T* source;
  const T* weights;  // of each tap all channels
  int64_t channels;

  void row(int64_t r) const {
    const Gather& g = part.gather;
    const Target<T>& to = part.target;
    const int64_t y = r % g.count[1], z = r / g.count[1] % g.count[0];
    const int64_t image = r / g.count[1] / g.count[0];
    T* const line = to.finish.sums() + image * channels * to.volume() + to.line(z, y);
    const Reached<T> reached(g, source, r);
    const int64_t n = g.count[2], begin = reached.all.begin, end = reached.all.end;
    const Scratch scratch(2 * reached.taps.size() * sizeof(const T*) + 1);
    const T** at = scratch.as<const T*>();
    for (int64_t x = 0; x < n;) {
      const int64_t pixels = x >= begin && x + kPixels <= end ? kPixels : 1;
      size_t count = 0;
      for (const auto& t : reached.taps) {
        if (x < t.range.begin || x >= t.range.end) continue;
        at[2 * count] = t.from + x * g.step[2] * channels;
        at[2 * count++ + 1] = weights + static_cast<int64_t>(t.tap) * channels;
      }
      const int64_t step = g.step[2] * channels;
      pixels == 1 ? pixel<1>(line + x * to.column(), at, count, step)
                  : pixel<kPixels>(line + x * to.column(), at, count, step);
      x += pixels;
    }
  }

 private:
  // kP neighbouring positions, whose sources are `step` apart.
  template <int kP>
  void pixel(T* to, const T* const* at, size_t taps, int64_t step) const {
    constexpr int64_t kWide = 2 * kLanes<T>;
    int64_t c = 0;
    for (; c + kWide <= channels; c += kWide) some<kP, 2>(to, at, taps, step, c, kLanes<T>);
    for (; c < channels; c += kLanes<T>) some<kP, 1>(to, at, taps, step, c, channels - c);
  }
  // kN registers of channels from c on, or n channels.
  template <int kP, int kN>
  void some(T* to, const T* const* at, size_t taps, int64_t step, int64_t c, int64_t n) const {
    Vec<T> sum[kP][kN];
    const T* bias = part.target.bias;
    const auto load = [&](const T* from) {
      return kN > 1 ? Vec<T>::load(from) : load_part(from, n, 0);
    };
    each<kP, kN>(
        [&](auto p, auto j) { sum[p][j] = bias ? load(bias + c + j * kLanes<T>) : Vec<T>(0.0); });
    for (size_t t = 0; t < taps; ++t) {
      const T *from = at[2 * t] + c, *weight = at[2 * t + 1] + c;
      Vec<T> w[kN];
      each<kN>([&](auto j) { w[j] = load(weight + j * kLanes<T>); });
      each<kP, kN>([&](auto p, auto j) {
        sum[p][j] = fma(w[j], load(from + p * step + j * kLanes<T>), sum[p][j]);
      });
    }
    each<kP, kN>([&](auto p, auto j) {
      store_part(sum[p][j], to + p * part.target.column() + c + j * kLanes<T>, n);
    });
  }
};

// The sums of some rows of the grid for the gradient of the weight: of each tap all channels.
template <class T>
void weight_rows(const Gather& g, const T* x, const T* y, int64_t begin, int64_t end, T* sums) {
  const int64_t channels = g.groups;
  std::fill_n(sums, std::ssize(g.taps) * channels, T(0));
  for (int64_t r = begin; r < end; ++r) {
    const Reached<T> reached(g, x, r);
    const T* const line = y + r * g.count[2] * channels;
    for (const auto& t : reached.taps) {
      T* const to = sums + static_cast<int64_t>(t.tap) * channels;
      const int64_t step = g.step[2] * channels;
      const auto some = [&](auto registers, int64_t c, int64_t n) {
        constexpr int kN = decltype(registers)::value;
        const auto load = [&](const T* p) { return kN > 1 ? Vec<T>::load(p) : load_part(p, n, 0); };
        Vec<T> sum[kN];
        each<kN>([&](auto j) { sum[j] = Vec<T>(0.0); });
        for (int64_t i = t.range.begin; i < t.range.end; ++i)
          each<kN>([&](auto j) {
            const int64_t at = c + j * kLanes<T>;
            sum[j] = fma(load(line + i * channels + at), load(t.from + i * step + at), sum[j]);
          });
        each<kN>([&](auto j) {
          T* const at = to + c + j * kLanes<T>;
          store_part(load(at) + sum[j], at, n);
        });
      };
      int64_t c = 0;
      for (; c + 4 * kLanes<T> <= channels; c += 4 * kLanes<T>)
        some(std::integral_constant<int, 4>(), c, kLanes<T>);
      for (; c < channels; c += kLanes<T>) some(std::integral_constant<int, 1>(), c, channels - c);
    }
  }
}

}  // namespace

bool is_depthwise_last(const ConvShape& s) {
  return s.groups > 1 && s.channels == 1 && s.outputs == 1 && s.x_last && s.y_last;
}

template <class T>
void depthwise_last_product(const List<Part<T>>& parts, const T* source, const Weights<T>& w) {
  for (const Part<T>& p : parts) {
    const Gather& g = p.gather;
    const int64_t channels = g.groups, taps = std::ssize(g.taps);
    if (g.rows() * g.count[2] * channels == 0) continue;
    const Scratch scratch(static_cast<size_t>(taps * channels + 1) * sizeof(T));
    T* const weights = scratch.as<T>();
    for (int64_t t = 0; t < taps; ++t)
      for (int64_t c = 0; c < channels; ++c)
        weights[t * channels + c] =
            w.data[c * w.group_step + g.taps[static_cast<size_t>(t)].at * w.tap_step];
    const LastProduct<T> product{p, source, weights, channels};
    const int64_t work = g.count[2] * channels * (taps + 1);
    parallel_for(g.rows(), std::max<int64_t>(1, kGrain / work), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) product.row(r);
    });
  }
}

template <class T>
void depthwise_last_weight(const ConvShape& s, const T* x, const T* y, T* w) {
  const Gather g = gather_of(s);
  const int64_t taps = std::ssize(g.taps), channels = s.groups, size = taps * channels;
  const int64_t want = std::clamp<int64_t>(s.work() / kPartWork, 1, kMostParts);
  const Cut parts(g.rows(), (g.rows() + want - 1) / want);
  const Scratch scratch(static_cast<size_t>(parts.parts * size) * sizeof(T));
  T* const sums = scratch.as<T>();
  const int64_t grain = std::max<int64_t>(1, kGrain * parts.parts / s.work());
  parallel_for(parts.parts, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      weight_rows(g, x, y, parts.begin(i), parts.begin(i + 1), sums + i * size);
  });
  for (int64_t p = 1; p < parts.parts; ++p)
    for (int64_t i = 0; i < size; ++i) sums[i] += sums[p * size + i];
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t t = 0; t < taps; ++t) w[c * taps + t] = sums[t * channels + c];
}

template void depthwise_last_product<float>(const List<Part<float>>&, const float*,
                                            const Weights<float>&);
template void depthwise_last_product<double>(const List<Part<double>>&, const double*,
                                             const Weights<double>&);
template void depthwise_last_weight<float>(const ConvShape&, const float*, const float*, float*);
template void depthwise_last_weight<double>(const ConvShape&, const double*, const double*,
                                            double*);

}  // namespace wengert::detail
