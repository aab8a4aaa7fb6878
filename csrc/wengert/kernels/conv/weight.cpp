// The gradient of a convolution's weight.
//
// Note [sums along an image]: the sum over output positions runs along rows of the staged input
// (Note [staging]) from one end of a plane to the other, across what lies between two rows: there
// the gradient of the output, which is packed, has zeros. So a tile of 12 channels reads 12 runs of
// memory where they are, for each tap from another beginning, and nothing of the input is packed.
#include "wengert/base/parallel.h"
#include "wengert/kernels/conv/depthwise.h"
#include "wengert/kernels/conv/stage.h"
#include "wengert/kernels/gemm/pack.h"

namespace wengert {
namespace {

using namespace detail;

constexpr int64_t kPart = 128;  // channels, and outputs, of a task
constexpr int64_t kTaskWork = 1 << 20, kMostTasks = 16;

template <class T>
class WeightGradient {
 public:
  WeightGradient(const ConvShape& s, const T* x, const T* y)
      : s_(s),
        g_(gather_of(s)),
        x_(x),
        y_(y),
        taps_(std::ssize(g_.taps)),
        rows_(s.channels * taps_),
        columns_((s.outputs + kLanes<T> - 1) / kLanes<T> * kLanes<T>),
        channels_(s.channels, kPart),
        outputs_((s.outputs + kCols<T> - 1) / kCols<T>, kPart / kCols<T>) {
    cut();
  }

  void run(T* w) {
    const Scratch scratch(static_cast<size_t>(parts_.parts * s_.groups * rows_ * columns_) *
                          sizeof(T));
    sums_ = scratch.as<T>();
    const int64_t tasks = parts_.parts * s_.groups * channels_.parts * outputs_.parts;
    const int64_t work = std::max<int64_t>(s_.work() / tasks, 1);
    parallel_for(tasks, std::max<int64_t>(1, (1 << 18) / work), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) task(i);
    });
    const int64_t blocks = (rows_ + kLanes<T> - 1) / kLanes<T>;
    parallel_for(s_.groups * blocks,
                 std::max<int64_t>(1, (1 << 15) / (columns_ * kLanes<T> * parts_.parts)),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t i = begin; i < end; ++i) finish(w, i / blocks, i % blocks);
                 });
  }

 private:
  // Positions in chunks of about kDepth: pieces of a row, rows of a plane, or planes; and the
  // chunks in parts whose sums are added at the end. By sizes alone.
  void cut() {
    const int64_t width = g_.count[2] + (g_.high[2] - g_.low[2]) / g_.step[2];
    pieces_ = Cut(g_.count[2], 2 * kDepth<T>);
    lines_ = pieces_.parts > 1 ? Cut(g_.count[1], 1)
                               : Cut(g_.count[1], std::max<int64_t>(1, kDepth<T> / width));
    const int64_t planes = g_.batch * g_.count[0];
    planes_ = lines_.parts > 1
                  ? Cut(planes, 1)
                  : Cut(planes, std::max<int64_t>(1, kDepth<T> / (width * g_.count[1])));
    const int64_t chunks = planes_.parts * lines_.parts * pieces_.parts;
    const int64_t tasks = s_.groups * channels_.parts * outputs_.parts;
    const int64_t want = std::clamp<int64_t>(s_.work() / kTaskWork, 1, kMostTasks);
    parts_ = Cut(chunks, (chunks * tasks + want - 1) / want);
    if (tasks >= want) parts_ = Cut(chunks, chunks);
  }
  Rows chunk(int64_t i) const {
    const int64_t piece = i % pieces_.parts, line = i / pieces_.parts % lines_.parts;
    const int64_t plane = i / pieces_.parts / lines_.parts;
    const int64_t first = planes_.begin(plane) * g_.count[1] + lines_.begin(line);
    const int64_t last = (planes_.begin(plane + 1) - 1) * g_.count[1] + lines_.begin(line + 1) - 1;
    return {first, last, pieces_.begin(piece), pieces_.begin(piece + 1)};
  }

  // The sums over some chunks, for some channels and outputs of a group.
  struct Task {
    int64_t part, group, channel, channels, output, outputs;
  };
  void task(int64_t i) {
    const int64_t o = i % outputs_.parts, c = i / outputs_.parts % channels_.parts;
    const int64_t rest = i / outputs_.parts / channels_.parts;
    const int64_t output = outputs_.begin(o) * kCols<T>;
    const Task t{rest / s_.groups,
                 rest % s_.groups,
                 channels_.begin(c),
                 channels_.size(c),
                 output,
                 std::min(outputs_.begin(o + 1) * kCols<T>, s_.outputs) - output};
    int64_t depth = 0, staged = 0;
    const int64_t begin = parts_.begin(t.part), end = parts_.begin(t.part + 1);
    for (int64_t k = begin; k < end; ++k) {
      const Stage stage(g_, chunk(k));
      depth = std::max(depth, depth_of(chunk(k), stage));
      staged = std::max(staged, stage.elements(t.channels));
    }
    const int64_t panels = (t.outputs + kCols<T> - 1) / kCols<T> * kCols<T> * depth + 64;
    const Scratch scratch(static_cast<size_t>(panels + staged) * sizeof(T));
    for (int64_t k = begin; k < end; ++k)
      add(t, chunk(k), scratch.as<T>(), scratch.as<T>() + panels, k > begin);
  }

  // Of one plane: from its first position to its last, through what lies between rows.
  int64_t run_of(int64_t lines, const Rows& r, const Stage& stage) const {
    return (lines - 1) * stage.row_step() + r.to - r.from;
  }
  // Rows of the same plane from `row` on.
  int64_t lines_of(int64_t row, const Rows& r) const {
    return std::min((row / g_.count[1] + 1) * g_.count[1] - 1, r.last) - row + 1;
  }
  int64_t depth_of(const Rows& r, const Stage& stage) const {
    int64_t n = 0;
    for (int64_t row = r.first; row <= r.last; row += lines_of(row, r))
      n += run_of(lines_of(row, r), r, stage);
    return n;
  }

  void add(const Task& t, const Rows& rows, T* panels, T* staged, bool accumulate) {
    const Stage stage(g_, rows);
    stage.fill(staged, x_, t.group, t.channel, t.channels);
    const int64_t depth = depth_of(rows, stage);
    for (int64_t j = 0; j < t.outputs; j += kCols<T>) {
      T* const panel = panels + j * depth;
      const int64_t width = t.outputs - j <= kLanes<T> ? kLanes<T> : kCols<T>;
      pack(panel, width, t, j, rows, stage);
      const int64_t place = (t.part * s_.groups + t.group) * rows_ * columns_ + t.output + j;
      multiply(t, sums_ + place, width, staged, panel, rows, stage, accumulate);
    }
  }

  // The gradient at some outputs, a line for each position, zeros between rows.
  void pack(T* to, int64_t width, const Task& t, int64_t j, const Rows& rows, const Stage& stage) {
    const int64_t volume = s_.volume(s_.out), length = rows.to - rows.from;
    const ImageLayout l = s_.y_layout();
    const int64_t between = (stage.row_step() - length) * width;
    for (int64_t r = rows.first; r <= rows.last; ++r) {
      const int64_t y = r % g_.count[1], z = r / g_.count[1] % g_.count[0];
      const int64_t image = r / g_.count[1] / g_.count[0];
      const T* from = y_ + image * s_.groups * s_.outputs * volume +
                      (t.group * s_.outputs + t.output + j) * l.channel +
                      ((z * s_.out[1] + y) * s_.out[2] + rows.from) * l.position;
      if (s_.y_last) {
        const int64_t some = std::min(width, t.outputs - j);
        for (int64_t i = 0; i < length; ++i) {
          copy_run(to + i * width, from + i * l.position, some);
          zero_run(to + i * width + some, width - some);
        }
      } else {
        for (int64_t i = 0; i < width; i += kLanes<T>)
          turn(to + i, width, from + i * volume, volume,
               std::min<int64_t>(kLanes<T>, t.outputs - j - i), length);
      }
      to += length * width;
      if (y + 1 == g_.count[1] || r == rows.last) continue;
      std::fill_n(to, between, T(0));
      to += between;
    }
  }

  void multiply(const Task& t, T* sums, int64_t width, const T* staged, const T* panel,
                const Rows& rows, const Stage& stage, bool accumulate) {
    // The rows of a tile are channels at one tap, or taps of a row of the kernel.
    const bool along = s_.kernel[2] > t.channels && s_.stride[2] == 1;
    const int64_t most = width == kCols<T> ? kRows : kMaxRows;
    const Cut cut(along ? s_.kernel[2] : t.channels, most);
    const int64_t step = along ? s_.dilation[2] : stage.channel_step();
    const auto kernels = width == kCols<T> ? wide_kernels<T>(true) : narrow_kernels<T>(true);
    RegisterTile<T> tile{};
    tile.a_step = step;
    tile.b_step = tile.cols = width;
    const ImageLayout rows_of = s_.w_layout();  // of the sums, as of the weight
    tile.ldc = (along ? rows_of.position : rows_of.channel) * columns_;
    for (int64_t c = 0; c < (along ? t.channels : 1); ++c)
      for (int64_t k = 0; k < taps_; k += along ? s_.kernel[2] : 1)
        for (int64_t q = 0; q < cut.parts; ++q) {
          const int64_t channel = along ? c : cut.begin(q), tap = along ? k + cut.begin(q) : k;
          tile.c =
              sums + ((t.channel + channel) * rows_of.channel + tap * rows_of.position) * columns_;
          const T* from = staged + channel * stage.channel_step() +
                          stage.tap(g_.taps[static_cast<size_t>(tap)]);
          tile.accumulate = accumulate;
          tile.b = panel;
          for (int64_t row = rows.first; row <= rows.last; row += lines_of(row, rows)) {
            tile.a = from + stage.row(row);
            tile.k = run_of(lines_of(row, rows), rows, stage);
            kernels[cut.size(q) - 1](tile);
            tile.b += tile.k * width;
            tile.accumulate = true;
          }
        }
  }

  // The parts of some rows of sums, added in order, reach the weight, where they are columns.
  void finish(T* w, int64_t group, int64_t block) {
    const int64_t row = block * kLanes<T>, lines = std::min<int64_t>(kLanes<T>, rows_ - row);
    T* const sum = sums_ + (group * rows_ + row) * columns_;
    for (int64_t p = 1; p < parts_.parts; ++p) {
      const T* more = sum + p * s_.groups * rows_ * columns_;
      for (int64_t i = 0; i < lines * columns_; ++i) sum[i] += more[i];
    }
    T* const to = w + group * s_.outputs * rows_ + row;
    if (lines == kLanes<T>) return turn(to, rows_, sum, columns_, lines, s_.outputs);
    for (int64_t o = 0; o < s_.outputs; ++o)
      for (int64_t l = 0; l < lines; ++l) to[o * rows_ + l] = sum[l * columns_ + o];
  }

  const ConvShape& s_;
  const Gather g_;
  const T *x_, *y_;
  const int64_t taps_, rows_, columns_;  // of the sums: channels and taps, outputs in registers
  const Cut channels_, outputs_;
  Cut pieces_{1, 1}, lines_{1, 1}, planes_{1, 1}, parts_{1, 1};
  T* sums_ = nullptr;
};

bool is_empty(const ConvShape& s) { return s.work() == 0; }
bool is_any(const ConvShape&) { return true; }

template <class T>
void zeros(const ConvShape& s, const T*, const T*, const T*, T* w, const ConvEpilogue<T>&) {
  std::fill_n(w, s.groups * s.outputs * s.channels * s.volume(s.kernel), T(0));
}
template <class T>
void depthwise(const ConvShape& s, const T* x, const T* y, const T*, T* w, const ConvEpilogue<T>&) {
  depthwise_weight(s, x, y, w);
}
template <class T>
void depthwise_last(const ConvShape& s, const T* x, const T* y, const T*, T* w,
                    const ConvEpilogue<T>&) {
  depthwise_last_weight(s, x, y, w);
}
template <class T>
void along_rows(const ConvShape& s, const T* x, const T* y, const T*, T* w,
                const ConvEpilogue<T>&) {
  WeightGradient<T>(s, x, y).run(w);
}

template <class T>
constexpr ConvWay<T> kWeightWays[] = {
    {"zeros", is_empty, zeros<T>},
    {"depthwise, channels last", is_depthwise_last, depthwise_last<T>},
    {"depthwise", is_depthwise, depthwise<T>},
    {"along rows", is_any, along_rows<T>},
};

}  // namespace

template <class T>
void conv_weight(const ConvShape& s, const T* x, const T* y, T* w) {
  first_way<kWeightWays<T>>(s).run(s, x, y, nullptr, w, {});
}
template <class T>
std::span<const ConvWay<T>> conv_weight_ways() {
  return kWeightWays<T>;
}

template void conv_weight<float>(const ConvShape&, const float*, const float*, float*);
template void conv_weight<double>(const ConvShape&, const double*, const double*, double*);

template std::span<const ConvWay<float>> conv_weight_ways();
template std::span<const ConvWay<double>> conv_weight_ways();

}  // namespace wengert
