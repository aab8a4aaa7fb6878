// Note [staging]: a block of positions of a convolution reads a part of each channel of its source.
// That part is copied once, with the zeros of the padding around it, in the order in which it is
// read: source columns i step, i step + 1, ... lie in planes of their own, and rows of equal
// remainder next to one another. So for every tap the elements that neighbouring positions read are
// a run of memory, whatever the stride, and where no bounds are asked for. The copy stays in the
// cache, and costs one pass over what is read kernel-size times.
//
// Note [channels last]: of an image whose channels lie last, a stage is filled by transposing
// registers, and results are turned back on their way out; between the two nothing differs, and so
// neither do the bits. A register is transposed once where its elements are used kernel-size times
// outputs. Only where a kernel has no stage do sums take another order with another layout, and
// results differ by rounding: products of one tap (pointwise.h), and the gradient of the weight of
// depthwise convolutions (depthwise.h). In any case the order depends on sizes and layouts only.
#pragma once

#include <algorithm>

#include "wengert/base/allocator.h"
#include "wengert/kernels/conv/conv.h"
#include "wengert/kernels/conv/runs.h"
#include "wengert/kernels/core/rows.h"
#include "wengert/kernels/gemm/kernel.h"

namespace wengert::detail {

// A tap of the kernel: its place in the weight, the offsets of what it reads, and where a stage has
// that: in which of its planes of equal remainders, and there from which line and column on.
struct Tap {
  int64_t at, offset[3];
  int64_t plane = 0, line = 0, column = 0;
};

// Positions i of a grid read source[i step + offset] for each tap and each of `channels`.
struct Gather {
  int64_t batch, groups, channels;
  int64_t count[3], step[3], size[3];  // of the grid; in the source; of the source
  int64_t low[3], high[3];             // the least and the greatest offset
  ImageLayout source;                  // of an image
  List<Tap> taps;

  // When the other fields are known.
  void add(Tap t) {
    const int64_t z = t.offset[0] - low[0], y = t.offset[1] - low[1], x = t.offset[2] - low[2];
    t.plane = (z * step[2] + x % step[2]) * step[1] + y % step[1];
    t.line = y / step[1];
    t.column = x / step[2];
    taps.push_back(t);
  }
  // Whether a tap reads more than padding at some position.
  bool reaches(const Tap& t) const {
    for (int d = 0; d < 3; ++d) {
      const int64_t i = t.offset[d] >= 0 ? 0 : (step[d] - 1 - t.offset[d]) / step[d];
      if (i >= count[d] || i * step[d] + t.offset[d] >= size[d]) return false;
    }
    return true;
  }
  int64_t volume() const { return size[0] * size[1] * size[2]; }
  int64_t rows() const { return batch * count[0] * count[1]; }  // of the grid
  int64_t depth() const { return channels * static_cast<int64_t>(taps.size()); }
};

// The same product without the taps that read nothing but padding, which add nothing. Images of few
// positions have many.
inline Gather reaching(Gather g) {
  List<Tap> taps;
  for (const Tap& t : g.taps)
    if (g.reaches(t)) taps.push_back(t);
  if (taps.size() == g.taps.size()) return g;
  for (int d = 0; d < 3; ++d) {
    g.low[d] = g.high[d] = taps.empty() ? 0 : taps[0].offset[d];
    for (const Tap& t : taps) {
      g.low[d] = std::min(g.low[d], t.offset[d]);
      g.high[d] = std::max(g.high[d], t.offset[d]);
    }
  }
  g.taps.clear();
  for (const Tap& t : taps) g.add(t);
  return g;
}

// For `conv_output` and `conv_weight`: offsets k dilation - pad.
inline Gather gather_of(const ConvShape& s) {
  Gather g{s.batch, s.groups, s.channels, {}, {}, {}, {}, {}, s.x_layout(), {}};
  for (int d = 0; d < 3; ++d) {
    g.count[d] = s.out[d];
    g.step[d] = s.stride[d];
    g.size[d] = s.in[d];
    g.low[d] = -s.pad[d];
    g.high[d] = (s.kernel[d] - 1) * s.dilation[d] - s.pad[d];
  }
  int64_t k[3], at = 0;
  for (k[0] = 0; k[0] < s.kernel[0]; ++k[0])
    for (k[1] = 0; k[1] < s.kernel[1]; ++k[1])
      for (k[2] = 0; k[2] < s.kernel[2]; ++k[2]) {
        Tap t{at++, {}};
        for (int d = 0; d < 3; ++d) t.offset[d] = k[d] * s.dilation[d] - s.pad[d];
        g.add(t);
      }
  return g;
}

// Columns [from, to) of rows of the grid, which are numbered through all planes of the batch.
struct Rows {
  int64_t first, last;  // the last is one of them
  int64_t from, to;
};

// Where a staged part has what is read.
class Stage {
 public:
  Stage(const Gather& g, const Rows& rows) : g_(g), rows_(rows) {
    const int64_t in_plane = g.count[1];
    first_plane_ = rows.first / in_plane;
    planes_ = rows.last / in_plane - first_plane_ + 1;
    const int64_t most = planes_ == 1 ? rows.last - rows.first + 1 : in_plane;
    // Of more than one plane all rows are staged: but of two at most what either needs.
    high_ =
        planes_ != 2 ? most : std::max(in_plane - rows.first % in_plane, rows.last % in_plane + 1);
    const int64_t sy = g.step[1], sx = g.step[2];
    lines_ = high_ + (g.high[1] - g.low[1]) / sy;
    width_ = rows.to - rows.from + (g.high[2] - g.low[2]) / sx;
    depths_ = g.high[0] - g.low[0] + 1;
    used_.resize(static_cast<size_t>(depths_ * sx * sy));
    for (const Tap& t : g.taps) used_[static_cast<size_t>(t.plane)] = 1;
    plane_ = depths_ * sx * sy * lines_ * width_;
  }
  // Elements of a channel; memory for n channels, with room for what is read behind it.
  int64_t channel_step() const { return planes_ * plane_; }
  int64_t elements(int64_t n) const { return n * channel_step() + 64; }
  int64_t row_step() const { return width_; }

  // Where row r of the grid begins, for the tap of least offsets.
  int64_t row(int64_t r) const {
    const int64_t p = r / g_.count[1];
    return (p - first_plane_) * plane_ + (r - begin(p)) * width_;
  }
  int64_t tap(const Tap& t) const { return (t.plane * lines_ + t.line) * width_ + t.column; }

  // Copies channels [c, c + n) of a group; `source` is the first channel of image 0.
  template <class T>
  void fill(T* to, const T* source, int64_t group, int64_t c, int64_t n) const {
    const bool last = g_.source.position != 1;  // channels
    const bool narrow = g_.step[2] == 1 && width_ <= Vec<T>::kSize;
    for (int64_t i = 0; i < n; i += last ? n : 1)
      for (int64_t p = 0; p < planes_; ++p) {
        const int64_t image = (first_plane_ + p) / g_.count[0];
        const T* from = source + image * g_.groups * g_.channels * g_.volume() +
                        (group * g_.channels + c + i) * g_.source.channel;
        T* const plane = to + i * channel_step() + p * plane_;
        last     ? fill_plane(plane, from, first_plane_ + p, Turned<T>{*this, n})
        : narrow ? fill_plane(plane, from, first_plane_ + p, Narrow<T>{})
                 : fill_plane(plane, from, first_plane_ + p, Straight<T>{*this});
      }
    std::fill_n(to + n * channel_step(), 64, T(0));
  }

 private:
  // The first row of the grid that is staged of a plane.
  int64_t begin(int64_t p) const { return std::max(rows_.first, p * g_.count[1]); }

  // Of a staged line: columns [begin, end) are in the source, the first of them is `from` there.
  struct Span {
    int64_t begin, end, from;
  };

  // `lines` fills a staged line from the beginning of one of the source.
  template <class T, class Lines>
  void fill_plane(T* to, const T* from, int64_t p, const Lines& lines) const {
    const int64_t y0 = (begin(p) - p * g_.count[1]) * g_.step[1] + g_.low[1];
    const int64_t z0 = p % g_.count[0] * g_.step[0] + g_.low[0];
    for (int64_t z = z0; z < z0 + depths_; ++z) {
      const bool inside = z >= 0 && z < g_.size[0];
      for (int64_t px = 0; px < g_.step[2]; ++px) {
        const Span span = columns(px);
        for (int64_t py = 0; py < g_.step[1]; ++py) {
          const int64_t plane = ((z - z0) * g_.step[2] + px) * g_.step[1] + py;
          if (!used_[static_cast<size_t>(plane)]) {  // but by whole registers, for products with 0
            const int64_t n = std::min<int64_t>(lines_ * width_, Vec<T>::kSize);
            lines.begin(to, n);
            lines.zero(to, n);
            to += lines_ * width_;
            continue;
          }
          lines.begin(to, lines_ * width_);
          for (int64_t l = 0; l < lines_; ++l, to += width_) {
            const int64_t y = y0 + l * g_.step[1] + py;
            if (inside && y >= 0 && y < g_.size[1])
              lines.fill(to, from + (z * g_.size[1] + y) * g_.size[2] * g_.source.position, span);
            else
              lines.zero(to, width_);
          }
        }
      }
    }
  }
  Span columns(int64_t px) const {
    const int64_t sx = g_.step[2], x0 = rows_.from * sx + g_.low[2] + px;
    const auto up = [&](int64_t n) { return n <= 0 ? 0 : sx == 1 ? n : (n + sx - 1) / sx; };
    const int64_t begin = std::min(up(-x0), width_);
    return {begin, std::clamp(up(g_.size[2] - x0), begin, width_), x0 + begin * sx};
  }
  // Of one channel, whose positions are neighbours.
  template <class T>
  struct Straight {
    const Stage& stage;
    void begin(T*, int64_t) const {}
    void zero(T* to, int64_t n) const { zero_run(to, n); }
    void fill(T* to, const T* from, const Span& span) const {
      const int64_t sx = stage.g_.step[2], n = span.end - span.begin;
      zero_run(to, span.begin);
      from += span.from;
      if (sx == 1)
        copy_run(to + span.begin, from, n);
      else if (sx == 2)
        copy_evens(to + span.begin, from, n);
      else
        for (int64_t i = 0; i < n; ++i) to[span.begin + i] = from[i * sx];
      zero_run(to + span.end, stage.width_ - span.end);
    }
  };
  // The same of lines that fit a register: these are written whole, in ascending order, and what is
  // behind a line, zeros, is written over by those that follow.
  template <class T>
  struct Narrow {
    void begin(T* to, int64_t n) const {
      for (int64_t i = 0; i < n; i += Vec<T>::kSize) Vec<T>(0.0).store(to + i);
    }
    void zero(T*, int64_t) const {}
    void fill(T* to, const T* from, const Span& span) const {
      const int64_t n = span.end - span.begin;
      if (n > 0) load_part(from + span.from, n, 0).store(to + span.begin);
    }
  };
  // Of all channels at once, which are neighbours.
  template <class T>
  struct Turned {
    const Stage& stage;
    const int64_t channels, step = stage.channel_step();
    void begin(T*, int64_t) const {}
    void zero(T* to, int64_t n) const {
      for (int64_t i = 0; n > 0 && i < channels; ++i) zero_run(to + i * step, n);
    }
    void fill(T* to, const T* from, const Span& span) const {
      const int64_t position = stage.g_.source.position;
      zero(to, span.begin);
      turn_lines(to + span.begin, step, from + span.from * position, stage.g_.step[2] * position,
                 span.end - span.begin, channels);
      zero(to + span.end, stage.width_ - span.end);
    }
  };

  const Gather& g_;
  const Rows rows_;
  List<char> used_;  // by some tap: the planes of equal remainders
  int64_t first_plane_, planes_, high_, lines_, width_, depths_, plane_;
};

}  // namespace wengert::detail
