#include "wengert/kernels/conv/gather.h"

#include "wengert/base/parallel.h"
#include "wengert/kernels/gemm/pack.h"

namespace wengert::detail {
namespace {

constexpr int64_t kMostPanels = 8;  // of a block of positions
// Tiles of weights under one panel, which stay in the L2 cache with it; and as many at least are
// worth packing a block again.
constexpr int64_t kMostTiles = (kPanelsInL2 ? 256 : 128) / kRows, kLeastTiles = 48 / kRows;
// Panels for whose sake weights are not packed where they can be read as they lie.
constexpr int64_t kFewPanels = 16;
constexpr int64_t kTaskWork = 1 << 20, kMostTasks = 16, kGrain = 1 << 18;  // multiply-adds

// Neighbouring positions of one row of the grid, which stand in neighbouring columns of a block.
struct Run {
  int64_t column, length;
  int64_t from, to;  // in the stage of a channel, in the results of row 0
  int64_t image;
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
        packs_(!reads_weights(g, w)),
        lines_(g.depth() + (packs_ && to.bias)),
        long_rows_(g.count[2] > kMostPanels * kCols<T> / 2) {
    dense_ = to.layout.position == 1;
    for (int i = 0; i < 3; ++i) dense_ &= to.step[i] == 1 && to.size[i] == g.count[i];
    cut();
  }

  // First the weights, into memory for so many elements.
  int64_t packed_size() const { return packs_ ? g_.groups * group_step() : 0; }
  void pack(T* to) {
    if (!packs_) return;
    weights_ = to;
    const int64_t tile = std::max<int64_t>(tiles_.most() * g_.depth(), 1);
    parallel_for(g_.groups * tiles_.parts, std::max<int64_t>(1, (1 << 15) / tile),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t i = begin; i < end; ++i)
                     pack_weights(i / tiles_.parts, i % tiles_.parts);
                 });
  }
  // Then the tasks.
  int64_t tasks() const { return g_.groups * blocks_ * row_parts_.parts; }
  void task(int64_t i) const {
    const int64_t part = i % row_parts_.parts, b = i / row_parts_.parts;
    block(b / blocks_, b % blocks_, row_parts_.begin(part), row_parts_.size(part));
  }
  int64_t work() const { return g_.rows() * g_.count[2] * g_.groups * to_.rows * g_.depth(); }

 private:
  // Whether each row of weights is a run of memory, and used too seldom to be packed.
  static bool reads_weights(const Gather& g, const Weights<T>& w) {
    const int64_t taps = std::ssize(g.taps);
    return g.rows() * g.count[2] <= kFewPanels * kCols<T> && w.tap_step == 1 &&
           w.channel_step == taps && g.taps.back().at == taps - 1;
  }

  // Positions in blocks, of one row of the grid if rows are long, and rows of results in parts:
  // by sizes alone.
  void cut() {
    const int64_t line = long_rows_ ? g_.count[2] : g_.rows() * g_.count[2];
    const int64_t lines = long_rows_ ? g_.rows() : 1;
    const int64_t panels = (line + kCols<T> - 1) / kCols<T>;
    const int64_t all = g_.groups * lines;
    const int64_t want = std::clamp<int64_t>(work() / kTaskWork, 1, kMostTasks);
    int64_t most = kMostPanels;
    while (most > 2 && all * ((panels + most - 1) / most) < want) --most;
    panels_ = Cut(panels, most);
    blocks_ = lines * panels_.parts;
    const int64_t parts = (want + g_.groups * blocks_ - 1) / (g_.groups * blocks_);
    // Short runs cost as much as long ones, and all are packed again for each part; tiles that few
    // panels ask for need not stay in the cache.
    const int64_t run = std::min<int64_t>(g_.count[2], kLanes<T>);
    const int64_t most_tiles = kMostTiles * kMostPanels / panels_.most();
    const int64_t least = std::min(kLeastTiles * kLanes<T> / run, most_tiles);
    row_parts_ =
        Cut(tiles_.parts, std::clamp((tiles_.parts + parts - 1) / parts, least, most_tiles));
  }

  // Of the packed weights: tile after tile, each with all of its depth, and the biases behind it:
  // at the end of the last panel stands a line of ones.
  int64_t group_step() const { return to_.rows * lines_ + (tiles_.parts + 1) * kPanelGap<T>; }
  T* tile(int64_t group, int64_t q) const {
    return weights_ + group * group_step() + panel_begin<T>(tiles_, q, lines_);
  }
  void pack_weights(int64_t group, int64_t q) {
    const int64_t rows = tiles_.size(q);
    T* const to = tile(group, q);
    pack_tile(to, w_.data + group * w_.group_step + tiles_.begin(q) * w_.row_step, rows);
    if (to_.bias)
      std::copy_n(to_.bias + group * to_.rows + tiles_.begin(q), rows, to + g_.depth() * rows);
  }
  void pack_tile(T* to, const T* from, int64_t rows) const {
    const int64_t taps = std::ssize(g_.taps);
    // All taps, in their order in memory?
    const bool all = g_.taps.back().at == taps - 1;
    if (all && w_.channel_step == taps && w_.tap_step == 1)
      return pack_rows(to, rows, MatrixRef<T>{from, w_.row_step, 1}, g_.depth());
    if (w_.row_step == 1) {
      for (int64_t c = 0; c < g_.channels; ++c)
        for (const Tap& t : g_.taps) {
          std::copy_n(from + c * w_.channel_step + t.at * w_.tap_step, rows, to);
          to += rows;
        }
      return;
    }
    if (w_.channel_step == 1) {  // the channels of a tap are neighbours
      for (int64_t t = 0; t < taps; ++t)
        turn_lines(to + t * rows, taps * rows,
                   from + g_.taps[static_cast<size_t>(t)].at * w_.tap_step, w_.row_step, rows,
                   g_.channels);
      return;
    }
    if (all && w_.tap_step == 1) {
      for (int64_t c = 0; c < g_.channels; ++c, from += w_.channel_step, to += taps * rows)
        pack_rows(to, rows, MatrixRef<T>{from, w_.row_step, 1}, taps);
      return;
    }
    // Some taps: along memory.
    const auto element = [&](int64_t r, int64_t c, int64_t t) {
      to[(c * taps + t) * rows + r] = from[r * w_.row_step + c * w_.channel_step +
                                           g_.taps[static_cast<size_t>(t)].at * w_.tap_step];
    };
    const bool by_rows = w_.row_step > w_.channel_step;
    for (int64_t i = 0; i < (by_rows ? rows : g_.channels); ++i)
      for (int64_t j = 0; j < (by_rows ? g_.channels : rows); ++j)
        for (int64_t t = 0; t < taps; ++t) by_rows ? element(i, j, t) : element(j, i, t);
  }

  // Some tiles of rows of a group, and what is staged for a block of positions.
  struct Block {
    int64_t group, first_tile, tiles, cols;
    const List<Run>& runs;
    const List<int64_t>& places;  // of the taps
    const T* staged;
    int64_t channel_step, first_channel;
    T *panel, *sums;
    int64_t ldc, d;  // of the sums; the part of the depth
  };

  // The results of some tiles of rows at a block of positions.
  void block(int64_t group, int64_t b, int64_t first_tile, int64_t tiles) const {
    const int64_t part = b % panels_.parts, line = b / panels_.parts;
    const int64_t begin = panels_.begin(part) * kCols<T>;
    const int64_t all = long_rows_ ? g_.count[2] : g_.rows() * g_.count[2];
    const int64_t cols = std::min(panels_.size(part) * kCols<T>, all - begin);
    const Rows rows =
        long_rows_ ? Rows{line, line, begin, begin + cols}
                   : Rows{begin / g_.count[2], (begin + cols - 1) / g_.count[2], 0, g_.count[2]};
    const Stage stage(g_, rows);
    const List<Run> runs =
        runs_of(stage, rows, long_rows_ ? 0 : begin - rows.first * g_.count[2], cols);
    List<int64_t> places;
    for (const Tap& t : g_.taps) places.push_back(stage.tap(t));
    const int64_t taps = std::ssize(g_.taps);
    const int64_t channels = std::min(g_.channels, (depth_.most() + taps - 2) / taps + 1);
    const int64_t ldc = panels_.size(part) * kCols<T> + kPanelGap<T>;
    const int64_t sums = (tiles_.begin(first_tile + tiles) - tiles_.begin(first_tile)) * ldc;
    const int64_t panel = kCols<T> * (depth_.most() + 1) + 64;
    const Scratch scratch(static_cast<size_t>(stage.elements(channels) + panel + sums) * sizeof(T));
    T* const at = scratch.as<T>();
    Block here{
        group, first_tile, tiles,      cols, runs, places, at + panel + sums, stage.channel_step(),
        0,     at,         at + panel, ldc,  0};
    for (; here.d < depth_.parts; ++here.d) {
      here.first_channel = depth_.begin(here.d) / taps;
      const int64_t end = (depth_.begin(here.d) + depth_.size(here.d) + taps - 1) / taps;
      stage.fill(at + panel + sums, source_, group, here.first_channel, end - here.first_channel);
      size_t run = 0;
      for (int64_t j = 0; j < cols; j += kCols<T>) one_panel(here, j, run);
    }
    if (to_.finish.any()) finish(here);
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
                          (rows.from + skip) * to_.column(),
                      image});
      column += length;
    }
    return runs;
  }

  // The panel that begins at column j, whose first run is not before `run`. If its columns are
  // neighbours in the results as well, the sums are made there.
  void one_panel(const Block& b, int64_t j, size_t& run) const {
    const int64_t end = std::min(j + kCols<T>, b.cols);
    const int64_t width = end - j <= kLanes<T> ? kLanes<T> : kCols<T>;
    while (b.runs[run].column + b.runs[run].length <= j) ++run;
    Run pieces[kCols<T>];
    int n = 0;
    for (size_t i = run; i < b.runs.size() && b.runs[i].column < end; ++i) {
      const Run& r = b.runs[i];
      const int64_t from = std::max(j, r.column), to = std::min(end, r.column + r.length);
      pieces[n++] = {from - j, to - from, r.from + from - r.column,
                     r.to + (from - r.column) * to_.column(), r.image};
    }
    pack_panel(b, pieces, n, width);
    const bool direct = dense_ && end - j == width && pieces[0].image == pieces[n - 1].image;
    const int64_t first = tiles_.begin(b.first_tile), last = tiles_.begin(b.first_tile + b.tiles);
    T* const plane = to_.finish.sums() + (b.group * to_.rows + first) * to_.layout.channel;
    multiply(b, direct ? plane + pieces[0].to : b.sums + j, direct ? to_.volume() : b.ldc, width);
    if (direct || b.d + 1 < depth_.parts) return;
    if (to_.layout.position != 1) {  // rows are neighbours, and nothing becomes of them
      for (int i = 0; i < n; ++i)
        turn_lines(plane + pieces[i].to, to_.column(), b.sums + j + pieces[i].column, b.ldc,
                   last - first, pieces[i].length);
      return;
    }
    if (!dense_ && to_.finish.any()) return;
    for (int64_t r = 0; r < last - first; ++r)
      store(plane + r * to_.volume(), b.sums + r * b.ldc + j, pieces, n);
  }

  // What becomes of the sums of a block: in their places, in runs that are as long as can be, or
  // where they were made, if their places are no neighbours.
  void finish(const Block& b) const {
    const int64_t first = tiles_.begin(b.first_tile), last = tiles_.begin(b.first_tile + b.tiles);
    const int64_t channel = b.group * to_.rows, n = std::ssize(b.runs);
    const Run* const runs = b.runs.data();
    for (int64_t i = 0; dense_ && i < n;) {
      const int64_t from = runs[i].to;
      int64_t length = runs[i].length;
      while (++i < n && runs[i].to == from + length) length += runs[i].length;
      for (int64_t r = channel + first; r < channel + last; ++r)
        to_.finish.there(r, r * to_.volume() + from, length);
    }
    T other[kMostPanels * kCols<T>];
    for (int64_t r = first; r < last && !dense_; ++r) {
      T* const sums = b.sums + (r - first) * b.ldc;
      const int64_t row = (channel + r) * to_.volume();
      to_.finish.apart(
          channel + r, sums, b.cols,
          [&](T* to) { store(to + row, sums, runs, static_cast<int>(n)); },
          [&](const T* from) {
            load(other, from + row, runs, static_cast<int>(n));
            return other;
          });
    }
  }

  // A register of a line of a panel: where it is written, and where it is read.
  struct Copy {
    int64_t at, from;
  };

  // Whole registers are written, in ascending order: what is beyond the end of a run is overwritten
  // by the next, and at the end of a line by the next line (Note [beyond the edge]).
  void pack_panel(const Block& b, const Run* pieces, int pieces_n, int64_t width) const {
    Copy copies[2 * kCols<T>];
    int n = 0;
    for (int i = 0; i < pieces_n; ++i)
      for (int64_t j = 0; j < pieces[i].length; j += kLanes<T>)
        copies[n++] = {pieces[i].column + j, pieces[i].from + j};
    const auto copy = [&] {
      switch (n) {
        case 1:
          return copy_lines<1>;
        case 2:
          return copy_lines<2>;
        case 3:
          return copy_lines<3>;
        case 4:
          return copy_lines<4>;
        case 5:
          return copy_lines<5>;
        case 6:
          return copy_lines<6>;
        default:
          return copy_lines<0>;
      }
    }();
    const int64_t taps = std::ssize(b.places), k = depth_.size(b.d), first = depth_.begin(b.d);
    copy(b, first / taps - b.first_channel, first % taps, k, width, copies, n);
    if (to_.bias && b.d + 1 == depth_.parts) std::fill_n(b.panel + k * width, width, T(1));
  }
  // k lines of kN copies, or n, from a channel and tap on.
  template <int kN>
  static void copy_lines(const Block& b, int64_t c, int64_t tap, int64_t k, int64_t width,
                         const Copy* copies, int n) {
    int64_t at[kN + 1], from[kN + 1];
    for (int i = 0; i < kN; ++i) {
      at[i] = copies[i].at;
      from[i] = copies[i].from;
    }
    const int64_t *const begin = b.places.data(), *const end = begin + b.places.size();
    const int64_t* place = begin + tap;
    const T* channel = b.staged + c * b.channel_step;
    T *to = b.panel, *const last = to + k * width;
    for (; to < last; to += width) {
      const T* source = channel + *place;
      if (++place == end) {
        place = begin;
        channel += b.channel_step;
      }
      if constexpr (kN > 0)
        each<kN>([&](auto i) { Vec<T>::load(source + from[i]).store(to + at[i]); });
      else
        for (int i = 0; i < n; ++i) Vec<T>::load(source + copies[i].from).store(to + copies[i].at);
    }
  }

  void multiply(const Block& b, T* c, int64_t ldc, int64_t width) const {
    const auto* kernels = width == kCols<T> ? wide_kernels<T>(!packs_) : narrow_kernels<T>(!packs_);
    const bool last = to_.bias && b.d + 1 == depth_.parts;
    RegisterTile<T> t;
    t.b = b.panel;
    t.b_step = t.cols = width;
    t.k = depth_.size(b.d) + (last && packs_);
    t.c = c;
    t.ldc = ldc;
    t.accumulate = b.d > 0;
    t.bias = nullptr;
    for (int64_t q = b.first_tile; q < b.first_tile + b.tiles; ++q) {
      const int64_t rows = tiles_.size(q), first = tiles_.begin(q);
      t.a = packs_ ? tile(b.group, q) + depth_.begin(b.d) * rows
                   : w_.data + b.group * w_.group_step + first * w_.row_step + depth_.begin(b.d);
      t.a_step = packs_ ? rows : w_.row_step;
      kernels[rows - 1](t);
      if (last && !packs_) add_bias(t, to_.bias + b.group * to_.rows + first, rows);
      t.c += rows * ldc;
    }
  }

  static void add_bias(const RegisterTile<T>& t, const T* bias, int64_t rows) {
    for (int64_t r = 0; r < rows; ++r) {
      const Vec<T> by = Vec<T>::repeat(bias[r]);
      for (T *c = t.c + r * t.ldc, *end = c + t.cols; c < end; c += kLanes<T>)
        (Vec<T>::load(c) + by).store(c);
    }
  }

  // The sums of a row of results reach their places.
  void store(T* to, const T* sums, const Run* pieces, int n) const {
    const int64_t step = to_.step[2];
    for (int i = 0; i < n; ++i, ++pieces) {
      const T* from = sums + pieces->column;
      if (step == 1)
        copy_run(to + pieces->to, from, pieces->length);
      else
        for (int64_t l = 0; l < pieces->length; ++l) to[pieces->to + l * step] = from[l];
    }
  }

  // The other way round.
  void load(T* to, const T* from, const Run* pieces, int n) const {
    for (int i = 0; i < n; ++i, ++pieces)
      for (int64_t l = 0; l < pieces->length; ++l)
        to[pieces->column + l] = from[pieces->to + l * to_.step[2]];
  }

  const Gather& g_;
  const T* source_;
  const Weights<T> w_;
  const Target<T> to_;
  const Cut depth_, tiles_;
  const bool packs_;
  const int64_t lines_;  // of the packed weights
  const bool long_rows_;
  bool dense_;  // the results of a plane are neighbours in memory as in the grid
  Cut panels_{1, 1}, row_parts_{1, 1};
  int64_t blocks_ = 0;
  T* weights_ = nullptr;
};

// Without anything to add the results are the bias, or zeros.
template <class T>
void only_bias(const Gather& g, const Target<T>& to) {
  const int64_t rows = g.groups * to.rows, lines = g.count[0] * g.count[1];
  for (int64_t n = 0; n < g.batch; ++n)
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t l = 0; l < lines; ++l) {
        const int64_t z = lines == 1 ? 0 : l / g.count[1], y = l - z * g.count[1];
        const int64_t begin = n * rows * to.volume() + r * to.layout.channel + to.line(z, y);
        for (int64_t x = 0; x < g.count[2]; ++x) {
          const int64_t at = begin + x * to.column();
          to.finish.sums()[at] = to.bias ? to.bias[r] : T(0);
          if (to.finish.any()) to.finish.there(r, at, 1);
        }
      }
}

}  // namespace

template <class T>
void gather_product(const List<Part<T>>& parts, const T* source, const Weights<T>& w) {
  List<GatherProduct<T>> products;
  products.reserve(parts.size());
  int64_t packed = 0, tasks = 0, work = 0;
  for (const Part<T>& p : parts) {
    const Gather& g = p.gather;
    if (g.rows() * g.count[2] * g.groups * p.target.rows == 0) continue;
    if (g.depth() == 0) {
      only_bias(g, p.target);
      continue;
    }
    const GatherProduct<T>& product = products.emplace_back(g, source, w, p.target);
    packed += product.packed_size();
    tasks = std::max(tasks, product.tasks());
    work += product.work();
  }
  if (products.empty()) return;
  const auto n = static_cast<int64_t>(products.size());
  const Scratch scratch(static_cast<size_t>(packed) * sizeof(T));
  T* at = scratch.as<T>();
  for (GatherProduct<T>& p : products) {
    p.pack(at);
    at += p.packed_size();
  }
  const int64_t all = tasks * n;
  const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(1, work / all));
  parallel_for(all, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const GatherProduct<T>& p = products[static_cast<size_t>(i % n)];
      if (i / n < p.tasks()) p.task(i / n);
    }
  });
}

template void gather_product<float>(const List<Part<float>>&, const float*, const Weights<float>&);
template void gather_product<double>(const List<Part<double>>&, const double*,
                                     const Weights<double>&);

}  // namespace wengert::detail
