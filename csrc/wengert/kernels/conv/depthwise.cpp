#include "wengert/kernels/conv/depthwise.h"

#include "wengert/base/parallel.h"
#include "wengert/kernels/core/turn.h"

namespace wengert::detail {
namespace {

constexpr int64_t kMostInGroup = 4;   // products of a channel and a row of results
constexpr int64_t kPositions = 8192;  // of a chunk, about: its stage stays in the L2 cache
constexpr int64_t kGrain = 1 << 15;   // multiply-adds

// Rows of a plane of the grid in chunks.
struct Chunks2d {
  const Gather& g;
  Cut lines, pieces;

  explicit Chunks2d(const Gather& g)
      : g(g),
        lines(g.count[1], std::max<int64_t>(1, kPositions / g.count[2])),
        pieces(g.count[2], kPositions) {}
  // f(rows) for those of plane p.
  template <class F>
  void each(int64_t p, const F& f) const {
    for (int64_t l = 0; l < lines.parts; ++l)
      for (int64_t x = 0; x < pieces.parts; ++x) {
        const int64_t row = p * g.count[1] + lines.begin(l);
        const int64_t last = row + lines.size(l) - 1;
        f(Rows{row, last, pieces.begin(x), pieces.begin(x + 1)});
      }
  }
};

template <class T>
class DepthwiseProduct {
 public:
  DepthwiseProduct(const Gather& g, const T* source, const Weights<T>& w, const Target<T>& to)
      : g_(g), source_(source), w_(w), to_(to), chunks_(g) {}

  // One channel of one image.
  void plane(int64_t i) const {
    for (int64_t z = 0; z < g_.count[0]; ++z)
      chunks_.each(i / g_.groups * g_.count[0] + z,
                   [&](const Rows& rows) { chunk(rows, i / g_.groups, i % g_.groups); });
  }
  int64_t work() const {  // of a plane
    return g_.count[0] * g_.count[1] * g_.count[2] * (g_.depth() + 1) * to_.rows;
  }

 private:
  void chunk(const Rows& rows, int64_t image, int64_t group) const {
    const Stage stage(g_, rows);
    const int64_t length = rows.to - rows.from, lines = rows.last - rows.first + 1;
    // Rows shorter than a register are computed as one, with what lies between them.
    const bool flat = length < kLanes<T>;
    const int64_t run = flat ? (lines - 1) * stage.row_step() + length : length;
    const int64_t buffer = run + kLanes<T>;
    const Scratch scratch(static_cast<size_t>(stage.elements(g_.channels) + 2 * buffer) *
                          sizeof(T));
    T *const results = scratch.as<T>(), *const staged = results + 2 * buffer;
    stage.fill(staged, source_, group, 0, g_.channels);
    const int64_t z = rows.first / g_.count[1] % g_.count[0], y = rows.first % g_.count[1];
    const int64_t first = to_.line(z, y) + rows.from * to_.column();
    const int64_t step = to_.step[1] * to_.size[2] * to_.layout.position;
    List<T> weights;
    List<int64_t> places;
    weights.reserve(static_cast<size_t>(g_.depth()));
    places.reserve(static_cast<size_t>(g_.depth()));
    const bool direct = !flat && to_.column() == 1, dense = direct && step == length;
    for (int64_t r = 0; r < to_.rows; ++r) {
      taps_of(stage, group, r, weights, places);
      const int64_t row = group * to_.rows + r;
      const T bias = to_.bias ? to_.bias[row] : T(0);
      const int64_t begin =
          image * g_.groups * to_.rows * to_.volume() + row * to_.layout.channel + first;
      for (int64_t l = 0; l < (flat ? 1 : lines); ++l) {
        const int64_t line = begin + l * step;
        sums(direct ? to_.finish.sums() + line : results, run, staged + l * stage.row_step(),
             weights, places, bias);
        if (!direct)
          apart(row, line, Lines{flat ? lines : 1, length, stage.row_step(), step}, results, run,
                results + buffer);
        else if (!dense)
          to_.finish.there(row, line, length);
      }
      if (dense) to_.finish.there(row, begin, lines * length);
    }
  }
  // Lines of results, so far apart in their sums and in their places.
  struct Lines {
    int64_t count, length, sums_step, step;
  };
  void apart(int64_t row, int64_t at, const Lines& l, T* sums, int64_t n, T* there) const {
    const int64_t step = to_.column();
    to_.finish.apart(
        row, sums, n,
        [&](T* to) {
          for (int64_t i = 0; i < l.count; ++i)
            spread(to + at + i * l.step, sums + i * l.sums_step, l.length);
        },
        [&](const T* from) {
          std::fill_n(there, n, T(0));
          for (int64_t i = 0; i < l.count; ++i)
            for (int64_t k = 0; k < l.length; ++k)
              there[i * l.sums_step + k] = from[at + i * l.step + k * step];
          return there;
        });
  }
  void spread(T* to, const T* from, int64_t n) const {
    if (to_.column() == 1) return copy_run(to, from, n);
    for (int64_t i = 0; i < n; ++i) to[i * to_.column()] = from[i];
  }

  // The weights of a row of results, and where the stage has what they are multiplied with.
  void taps_of(const Stage& stage, int64_t group, int64_t r, List<T>& weights,
               List<int64_t>& places) const {
    weights.clear();
    places.clear();
    const T* from = w_.data + group * w_.group_step + r * w_.row_step;
    for (int64_t c = 0; c < g_.channels; ++c, from += w_.channel_step)
      for (const Tap& t : g_.taps) {
        weights.push_back(from[t.at * w_.tap_step]);
        places.push_back(c * stage.channel_step() + stage.tap(t));
      }
  }

  // to[i] = bias + sum of weights[t] from[places[t] + i] for i < n. Whole registers are written:
  // the last one from the end backwards, or beyond it.
  static void sums(T* to, int64_t n, const T* from, const List<T>& weights,
                   const List<int64_t>& places, T bias) {
    constexpr int64_t kStep = 4 * kLanes<T>;
    int64_t i = 0;
    for (; i + kStep <= n; i += kStep) some<4>(to + i, from + i, weights, places, bias);
    for (; i + kLanes<T> <= n; i += kLanes<T>) some<1>(to + i, from + i, weights, places, bias);
    if (i == n) return;
    if (n >= kLanes<T>) i = n - kLanes<T>;
    some<1>(to + i, from + i, weights, places, bias);
  }
  template <int kN>
  static void some(T* to, const T* from, const List<T>& weights, const List<int64_t>& places,
                   T bias) {
    Vec<T> sum[kN];
    each<kN>([&](auto j) { sum[j] = Vec<T>::repeat(bias); });
    for (size_t t = 0; t < places.size(); ++t) {
      const Vec<T> w = Vec<T>::repeat(weights[t]);
      const T* at = from + places[t];
      each<kN>([&](auto j) { sum[j] = fma(w, Vec<T>::load(at + j * kLanes<T>), sum[j]); });
    }
    each<kN>([&](auto j) { sum[j].store(to + j * kLanes<T>); });
  }

  const Gather& g_;
  const T* source_;
  const Weights<T>& w_;
  const Target<T>& to_;
  const Chunks2d chunks_;
};

// The gradient of the weights of one group: sums of products along the staged rows, each lane its
// own until the end.
template <class T>
class DepthwiseWeight {
 public:
  DepthwiseWeight(const ConvShape& s, const T* x, const T* y)
      : s_(s), g_(gather_of(s)), x_(x), y_(y), chunks_(g_) {}

  void run(T* w) const {
    parallel_for(s_.groups, std::max<int64_t>(1, kGrain * s_.groups / s_.work()),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t i = begin; i < end; ++i) group(w, i);
                 });
  }

 private:
  void group(T* w, int64_t group) const {
    const int64_t taps = std::ssize(g_.taps), weights = s_.outputs * s_.channels * taps;
    const Scratch lanes(static_cast<size_t>(weights * kLanes<T>) * sizeof(T));
    T* const sums = lanes.as<T>();
    std::fill_n(sums, weights * kLanes<T>, T(0));
    for (int64_t p = 0; p < g_.batch * g_.count[0]; ++p)
      chunks_.each(p, [&](const Rows& rows) { add(sums, rows, group); });
    const ImageLayout l = s_.w_layout();
    for (int64_t i = 0; i < weights; ++i) {
      T sum = sums[i * kLanes<T>];
      for (int64_t k = 1; k < kLanes<T>; ++k) sum += sums[i * kLanes<T> + k];
      const int64_t row = i / taps / s_.channels, channel = i / taps % s_.channels;
      w[group * weights + row * s_.channels * taps + channel * l.channel + i % taps * l.position] =
          sum;
    }
  }

  void add(T* sums, const Rows& rows, int64_t group) const {
    const Stage stage(g_, rows);
    const int64_t length = rows.to - rows.from, lines = rows.last - rows.first + 1;
    const int64_t run = (lines - 1) * stage.row_step() + length, buffer = run + kLanes<T>;
    const Scratch scratch(static_cast<size_t>(stage.elements(s_.channels) + buffer) * sizeof(T));
    T *const laid_out = scratch.as<T>(), *const staged = laid_out + buffer;
    stage.fill(staged, x_, group, 0, s_.channels);
    const int64_t taps = std::ssize(g_.taps), row = rows.first;
    const int64_t z = row / g_.count[1] % g_.count[0], image = row / g_.count[1] / g_.count[0];
    const ImageLayout l = s_.y_layout();
    List<int64_t> places;
    for (const Tap& t : g_.taps) places.push_back(stage.tap(t) + stage.row(row));
    for (int64_t o = 0; o < s_.outputs; ++o) {
      const T* from = y_ + image * s_.groups * s_.outputs * s_.volume(s_.out) +
                      (group * s_.outputs + o) * l.channel +
                      ((z * s_.out[1] + row % g_.count[1]) * s_.out[2] + rows.from) * l.position;
      lay_out(laid_out, from, lines, length, stage.row_step());
      for (int64_t c = 0; c < s_.channels; ++c)
        all_taps(sums + (o * s_.channels + c) * taps * kLanes<T>, laid_out, run,
                 staged + c * stage.channel_step(), places);
    }
  }
  // Rows of the gradient at the distance that rows are staged at, zeros between and behind them.
  void lay_out(T* to, const T* from, int64_t lines, int64_t length, int64_t step) const {
    const int64_t position = s_.y_layout().position;
    for (int64_t l = 0; l < lines; ++l, to += step, from += s_.out[2] * position) {
      if (position == 1)
        copy_run(to, from, length);
      else
        for (int64_t i = 0; i < length; ++i) to[i] = from[i * position];
      zero_run(to + length, l + 1 < lines ? step - length : kLanes<T>);
    }
  }

  static void all_taps(T* sums, const T* y, int64_t n, const T* x, const List<int64_t>& places) {
    size_t t = 0;
    for (; t + 9 <= places.size(); t += 9) some<9>(sums + t * kLanes<T>, y, n, x, &places[t]);
    for (; t + 3 <= places.size(); t += 3) some<3>(sums + t * kLanes<T>, y, n, x, &places[t]);
    for (; t < places.size(); ++t) some<1>(sums + t * kLanes<T>, y, n, x, &places[t]);
  }
  template <int kN>
  static void some(T* sums, const T* y, int64_t n, const T* x, const int64_t* places) {
    Vec<T> sum[kN];
    const T* at[kN];
    each<kN>([&](auto j) {
      sum[j] = Vec<T>::load(sums + j * kLanes<T>);
      at[j] = x + places[j];
    });
    for (int64_t i = 0; i < n; i += kLanes<T>) {
      const Vec<T> g = Vec<T>::load(y + i);
      each<kN>([&](auto j) { sum[j] = fma(g, Vec<T>::load(at[j] + i), sum[j]); });
    }
    each<kN>([&](auto j) { sum[j].store(sums + j * kLanes<T>); });
  }

  const ConvShape& s_;
  const Gather g_;
  const T *x_, *y_;
  const Chunks2d chunks_;
};

}  // namespace

bool is_depthwise(const ConvShape& s) {
  return s.groups > 1 && s.channels * s.outputs <= kMostInGroup;
}

template <class T>
void depthwise_product(const List<Part<T>>& parts, const T* source, const Weights<T>& w) {
  List<DepthwiseProduct<T>> products;
  products.reserve(parts.size());
  int64_t work = 0, planes = 0;
  for (const Part<T>& p : parts) {
    if (p.gather.rows() * p.gather.count[2] * p.target.rows == 0) continue;
    work += products.emplace_back(p.gather, source, w, p.target).work();
    planes = p.gather.batch * p.gather.groups;
  }
  parallel_for(planes, std::max<int64_t>(1, kGrain / std::max<int64_t>(work, 1)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t i = begin; i < end; ++i)
                   for (const DepthwiseProduct<T>& p : products) p.plane(i);
               });
}
template <class T>
void depthwise_weight(const ConvShape& s, const T* x, const T* y, T* w) {
  DepthwiseWeight<T>(s, x, y).run(w);
}

template void depthwise_product<float>(const List<Part<float>>&, const float*,
                                       const Weights<float>&);
template void depthwise_product<double>(const List<Part<double>>&, const double*,
                                        const Weights<double>&);
template void depthwise_weight<float>(const ConvShape&, const float*, const float*, float*);
template void depthwise_weight<double>(const ConvShape&, const double*, const double*, double*);

}  // namespace wengert::detail
