#include "wengert/kernels/conv/gather.h"

#include "wengert/base/parallel.h"
#include "wengert/kernels/gemm/pack.h"

namespace wengert::detail {
namespace {

constexpr int64_t kMostPanels = 8;          // of a block of positions
constexpr int64_t kBlockBytes = 512 << 10;  // of its panels and results: they stay in the L2 cache
constexpr int64_t kLeastTiles = 4;          // of rows for which it is worth packing a block again
constexpr int64_t kTaskWork = 1 << 20, kMostTasks = 16, kGrain = 1 << 18;  // multiply-adds

// Neighbouring positions of one row of the grid, which stand in neighbouring columns of a block.
struct Run {
  int64_t column, length;
  int64_t from, to;  // in the stage of a channel, in the results of a row
};

template <class T>
class GatherProduct {
 public:
  GatherProduct(const Gather& g, const T* source, const Weights<T>& w, const Target<T>& to)
      : g_(g),
        source_(source),
        w_(w),
        to_(to),
        depth_(g.depth(), kDepth<T>),
        tiles_(to.rows, kRows),
        long_rows_(g.count[2] > kMostPanels * kCols<T> / 2) {
    cut();
  }

  void run() {
    const Scratch packed(static_cast<size_t>(g_.groups * group_step()) * sizeof(T));
    weights_ = packed.as<T>();
    const int64_t tile = std::max<int64_t>(tiles_.most() * g_.depth(), 1);
    parallel_for(g_.groups * tiles_.parts, std::max<int64_t>(1, (1 << 15) / tile),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t i = begin; i < end; ++i)
                     pack_weights(i / tiles_.parts, i % tiles_.parts);
                 });
    const int64_t tasks = g_.groups * blocks_ * row_parts_.parts;
    const int64_t work =
        std::max<int64_t>(g_.rows() * g_.count[2] * g_.groups * to_.rows * g_.depth() / tasks, 1);
    parallel_for(tasks, std::max<int64_t>(1, kGrain / work), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) task(i);
    });
  }

 private:
  // Positions in blocks, of one row of the grid if rows are long, and rows of results in parts:
  // by sizes alone.
  void cut() {
    const int64_t line = long_rows_ ? g_.count[2] : g_.rows() * g_.count[2];
    const int64_t lines = long_rows_ ? g_.rows() : 1;
    const int64_t panels = (line + kCols<T> - 1) / kCols<T>;
    const int64_t bytes = (depth_.most() + to_.rows) * kCols<T> * static_cast<int64_t>(sizeof(T));
    const int64_t all = g_.groups * lines;
    const int64_t work = g_.rows() * g_.count[2] * g_.groups * to_.rows * g_.depth();
    const int64_t want = std::clamp<int64_t>(work / kTaskWork, 1, kMostTasks);
    int64_t most = std::clamp<int64_t>(kBlockBytes / bytes, 1, kMostPanels);
    while (most > 2 && all * ((panels + most - 1) / most) < want) --most;
    panels_ = Cut(panels, most);
    blocks_ = lines * panels_.parts;
    const int64_t parts = (want + g_.groups * blocks_ - 1) / (g_.groups * blocks_);
    const int64_t least = std::min(kLeastTiles, tiles_.parts);
    row_parts_ = Cut(tiles_.parts, std::max(least, (tiles_.parts + parts - 1) / parts));
  }

  // Of the packed weights: tile after tile, each with all of its depth.
  int64_t group_step() const { return to_.rows * g_.depth() + (tiles_.parts + 1) * kPanelGap<T>; }
  T* tile(int64_t group, int64_t q) const {
    return weights_ + group * group_step() + panel_begin<T>(tiles_, q, g_.depth());
  }
  void pack_weights(int64_t group, int64_t q) {
    const int64_t rows = tiles_.size(q), taps = std::ssize(g_.taps);
    const T* from = w_.data + group * w_.group_step + tiles_.begin(q) * w_.row_step;
    T* to = tile(group, q);
    // All taps, in their order in memory?
    const bool dense = g_.taps.back().at == taps - 1;
    if (dense && w_.channel_step == taps)
      return pack_rows(to, rows, MatrixRef<T>{from, w_.row_step, 1}, g_.depth());
    for (int64_t c = 0; c < g_.channels; ++c, from += w_.channel_step) {
      if (dense) {
        pack_rows(to, rows, MatrixRef<T>{from, w_.row_step, 1}, taps);
        to += taps * rows;
        continue;
      }
      for (const Tap& t : g_.taps)
        for (int64_t r = 0; r < rows; ++r) *to++ = from[r * w_.row_step + t.at];
    }
  }

  void task(int64_t i) {
    const int64_t part = i % row_parts_.parts, b = i / row_parts_.parts;
    block(b / blocks_, b % blocks_, row_parts_.begin(part), row_parts_.size(part));
  }

  // The results of some tiles of rows at a block of positions.
  void block(int64_t group, int64_t b, int64_t first_tile, int64_t tiles) {
    const int64_t panel = b % panels_.parts, line = b / panels_.parts;
    const int64_t begin = panels_.begin(panel) * kCols<T>;
    const int64_t all = long_rows_ ? g_.count[2] : g_.rows() * g_.count[2];
    const int64_t cols = std::min(panels_.size(panel) * kCols<T>, all - begin);
    const Rows rows =
        long_rows_ ? Rows{line, line, begin, begin + cols}
                   : Rows{begin / g_.count[2], (begin + cols - 1) / g_.count[2], 0, g_.count[2]};
    const Stage stage(g_, rows);
    const List<Run> runs =
        runs_of(stage, rows, long_rows_ ? 0 : begin - rows.first * g_.count[2], cols);
    const int64_t taps = std::ssize(g_.taps);
    const int64_t channels = std::min(g_.channels, (depth_.most() + taps - 2) / taps + 1);
    const int64_t ldc = panels_.size(panel) * kCols<T> + kPanelGap<T>;
    const int64_t first_row = tiles_.begin(first_tile);
    const int64_t rows_here = tiles_.begin(first_tile + tiles) - first_row;
    const int64_t packed = panels_.size(panel) * kCols<T> * depth_.most() + 64;
    const Scratch scratch(static_cast<size_t>(stage.elements(channels) + packed + rows_here * ldc) *
                          sizeof(T));
    T* const panels = scratch.as<T>();
    T* const sums = panels + packed;
    T* const staged = sums + rows_here * ldc;
    for (int64_t d = 0; d < depth_.parts; ++d) {
      const int64_t c = depth_.begin(d) / taps;
      const int64_t end = (depth_.begin(d) + depth_.size(d) + taps - 1) / taps;
      stage.fill(staged, source_ + group * g_.channels * g_.volume(), c, end - c);
      pack(panels, staged, stage, runs, cols, c, d);
      for (int64_t q = first_tile; q < first_tile + tiles; ++q)
        multiply(sums + (tiles_.begin(q) - first_row) * ldc, ldc, tile(group, q), panels, q, cols,
                 d);
    }
    for (int64_t r = 0; r < rows_here; ++r)
      store(sums + r * ldc, group * to_.rows + first_row + r, runs);
  }

  List<Run> runs_of(const Stage& stage, const Rows& rows, int64_t skip, int64_t cols) const {
    List<Run> runs;
    int64_t column = 0;
    for (int64_t r = rows.first; r <= rows.last; ++r, skip = 0) {
      const int64_t length = std::min(rows.to - rows.from - skip, cols - column);
      const int64_t y = r % g_.count[1], z = r / g_.count[1] % g_.count[0];
      const int64_t image = r / g_.count[1] / g_.count[0];
      runs.push_back({column, length, stage.row(r) + skip,
                      image * g_.groups * to_.rows * to_.volume() + to_.line(z, y) +
                          (rows.from + skip) * to_.step[2]});
      column += length;
    }
    return runs;
  }

  // What stands in a panel of these runs; the first is `run`.
  struct Piece {
    int64_t at, length, from;
  };
  static int pieces_of(Piece* out, const List<Run>& runs, int64_t& run, int64_t begin,
                       int64_t end) {
    int n = 0;
    while (runs[static_cast<size_t>(run)].column + runs[static_cast<size_t>(run)].length <= begin)
      ++run;
    for (auto i = static_cast<size_t>(run); i < runs.size() && runs[i].column < end; ++i) {
      const int64_t a = std::max(begin, runs[i].column);
      const int64_t b = std::min(end, runs[i].column + runs[i].length);
      out[n++] = {a - begin, b - a, runs[i].from + a - runs[i].column};
    }
    return n;
  }

  // Panels of the lines of depth d, from the stage whose first channel is `channel`. Whole
  // registers are written, in ascending order: what is beyond the end of a piece is overwritten by
  // the next, and at the end of a line by the next line (Note [beyond the edge]).
  void pack(T* to, const T* staged, const Stage& stage, const List<Run>& runs, int64_t cols,
            int64_t channel, int64_t d) {
    const int64_t taps = std::ssize(g_.taps), k = depth_.size(d);
    List<int64_t> places;
    for (const Tap& t : g_.taps) places.push_back(stage.tap(t));
    int64_t run = 0;
    for (int64_t j = 0; j < cols; j += kCols<T>, to += kCols<T> * depth_.size(d)) {
      Piece pieces[kCols<T>];
      const int n = pieces_of(pieces, runs, run, j, std::min(j + kCols<T>, cols));
      const int64_t width = cols - j <= kLanes<T> ? kLanes<T> : kCols<T>;
      const bool whole = n == 1 && width == kCols<T>;
      int64_t c = depth_.begin(d) / taps - channel, t = depth_.begin(d) % taps;
      T* line = to;
      for (int64_t l = 0; l < k; ++l, line += width) {
        const T* from = staged + c * stage.channel_step() + places[static_cast<size_t>(t)];
        if (++t == taps) {
          t = 0;
          ++c;
        }
        if (whole) {
          const T* at = from + pieces[0].from;
          each<kVectors>(
              [&](auto i) { Vec<T>::load(at + i * kLanes<T>).store(line + i * kLanes<T>); });
          continue;
        }
        for (int p = 0; p < n; ++p)
          for (int64_t i = 0; i < pieces[p].length; i += kLanes<T>)
            Vec<T>::load(from + pieces[p].from + i).store(line + pieces[p].at + i);
      }
    }
  }

  void multiply(T* c, int64_t ldc, const T* weights, const T* panels, int64_t q, int64_t cols,
                int64_t d) {
    const int64_t rows = tiles_.size(q);
    RegisterTile<T> t;
    t.a = weights + depth_.begin(d) * rows;
    t.a_step = rows;
    t.k = depth_.size(d);
    t.ldc = ldc;
    t.accumulate = d > 0;
    t.bias = nullptr;
    for (int64_t j = 0; j < cols; j += kCols<T>) {
      const bool narrow = cols - j <= kLanes<T>;
      t.b = panels + j * t.k;
      t.b_step = t.cols = narrow ? kLanes<T> : kCols<T>;
      t.c = c + j;
      (narrow ? narrow_kernels<T>(false) : wide_kernels<T>(false))[rows - 1](t);
    }
  }

  // The sums of a row of results reach their places.
  void store(const T* sums, int64_t row, const List<Run>& runs) {
    T* const plane = to_.data + row * to_.volume();
    const int64_t step = to_.step[2];
    for (const Run& r : runs) {
      const T* from = sums + r.column;
      T* to = plane + r.to;
      if (!to_.bias && step == 1) {
        std::copy_n(from, r.length, to);
        continue;
      }
      if (!to_.bias) {
        for (int64_t i = 0; i < r.length; ++i) to[i * step] = from[i];
        continue;
      }
      const T b = to_.bias[row];
      if (step == 1)
        for (int64_t i = 0; i < r.length; ++i) to[i] = from[i] + b;
      else
        for (int64_t i = 0; i < r.length; ++i) to[i * step] = from[i] + b;
    }
  }

  const Gather& g_;
  const T* source_;
  const Weights<T> w_;
  const Target<T> to_;
  const Cut depth_, tiles_;
  const bool long_rows_;
  Cut panels_{1, 1}, row_parts_{1, 1};
  int64_t blocks_ = 0;
  T* weights_ = nullptr;
};

// Without anything to add the results are the bias, or zeros.
template <class T>
void only_bias(const Gather& g, const Target<T>& to) {
  for (int64_t n = 0; n < g.batch * g.groups * to.rows; ++n)
    for (int64_t z = 0; z < g.count[0]; ++z)
      for (int64_t y = 0; y < g.count[1]; ++y)
        for (int64_t x = 0; x < g.count[2]; ++x)
          to.data[n * to.volume() + to.line(z, y) + x * to.step[2]] =
              to.bias ? to.bias[n % (g.groups * to.rows)] : T(0);
}

}  // namespace

template <class T>
void gather_product(const Gather& g, const T* source, const Weights<T>& w, const Target<T>& to) {
  if (g.rows() * g.count[2] * g.groups * to.rows == 0) return;
  if (g.depth() == 0) return only_bias(g, to);
  GatherProduct<T>(g, source, w, to).run();
}

template void gather_product<float>(const Gather&, const float*, const Weights<float>&,
                                    const Target<float>&);
template void gather_product<double>(const Gather&, const double*, const Weights<double>&,
                                     const Target<double>&);

}  // namespace wengert::detail
