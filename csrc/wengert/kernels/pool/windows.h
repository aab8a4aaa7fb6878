// How pooling reads and writes rows. A stride along w sorts a row into as many phases: element q of
// the padded row is number q / stride of phase q % stride. Then tap k of neighbouring windows is a
// run of one phase, and a vector register holds that tap of as many windows.
#pragma once

#include <algorithm>

#include "wengert/base/allocator.h"
#include "wengert/base/parallel.h"
#include "wengert/kernels/core/rows.h"
#include "wengert/kernels/core/vec.h"
#include "wengert/kernels/pool/pool.h"

namespace wengert::pooling {

// What the loops over windows compute with: a register of a floating type, else one number.
template <class T, bool kVector>
struct Lanes {
  using V = T;
  static constexpr int64_t kSize = 1;
  static V load(const T* p) { return *p; }
  static V all(T v) { return v; }
  static void store(V v, T* p, int64_t) { *p = v; }
};
template <class T>
struct Lanes<T, true> {
  using V = Vec<T>;
  static constexpr int64_t kSize = V::kSize;
  static V load(const T* p) { return V::load(p); }
  static V all(T v) { return V::repeat(v); }
  static void store(V v, T* p, int64_t n) { detail::store_part(v, p, n); }
};

// f(i, n) for registers that cover n elements: the last one overlaps the one before it, or is a
// part of one if there is no other.
template <int64_t kSize, class F>
inline void for_registers(int64_t n, const F& f) {
  int64_t i = 0;
  for (; i + kSize <= n; i += kSize) f(i, kSize);
  if (i == n) return;
  if (n >= kSize) return f(n - kSize, kSize);
  f(int64_t{0}, n);
}

inline int64_t round_up(int64_t n, int64_t by) { return (n + by - 1) / by * by; }
inline int64_t ceil_div(int64_t a, int64_t b) { return a >= 0 ? (a + b - 1) / b : -(-a / b); }

// Whether the windows divide the input among themselves and leave none over.
inline bool are_parts(const Windows& w) {
  for (int d = 0; d < 3; ++d)
    if (w.kernel[d] != w.stride[d] || w.pad[d] != 0 || w.out[d] * w.kernel[d] != w.in[d] ||
        (w.dilation[d] != 1 && w.kernel[d] != 1))
      return false;
  return true;
}

// Planes of one row each are the rows of one plane, of which a block holds several.
inline Windows with_long_planes(Windows w) {
  const auto single = [&](int d) {
    return w.in[d] == 1 && w.out[d] == 1 && w.kernel[d] == 1 && w.pad[d] == 0;
  };
  if (!single(0) || !single(1)) return w;
  w.in[1] = w.out[1] = w.planes;
  w.stride[1] = w.planes = 1;
  return w;
}

// Where taps lie in the plane, relative to the first.
inline List<int64_t> tap_offsets(const Windows& w) {
  List<int64_t> out;
  out.reserve(static_cast<size_t>(w.taps()));
  for (int64_t a = 0; a < w.kernel[0]; ++a)
    for (int64_t b = 0; b < w.kernel[1]; ++b)
      for (int64_t c = 0; c < w.kernel[2]; ++c)
        out.push_back((a * w.dilation[0] * w.in[1] + b * w.dilation[1]) * w.in[2] +
                      c * w.dilation[2]);
  return out;
}
// The place in its plane of the first tap of the first window of a row, which may be outside.
inline int64_t row_place(const Windows& w, int64_t slab, int64_t o) {
  return ((slab % w.out[0] * w.stride[0] - w.pad[0]) * w.in[1] + o * w.stride[1] - w.pad[1]) *
             w.in[2] -
         w.pad[2];
}

// f(plane and slab, first, last) for the pieces of rows [begin, end), `rows` to a slab, of at most
// `most` rows.
template <class F>
void for_blocks(int64_t begin, int64_t end, int64_t rows, int64_t most, const F& f) {
  for (int64_t r = begin; r < end;) {
    const int64_t slab = r / rows, first = r % rows;
    const int64_t n = std::min({most, rows - first, end - r});
    f(slab, first, first + n);
    r += n;
  }
}

// x, n pairs, to those of even and those of odd number.
template <class T>
inline void sort_pairs(const T* __restrict x, int64_t n, T* __restrict even, T* __restrict odd) {
  for (int64_t i = 0; i < n; ++i) {
    even[i] = x[2 * i];
    odd[i] = x[2 * i + 1];
  }
}
template <class T>
inline void join_pairs(const T* __restrict even, const T* __restrict odd, int64_t n,
                       T* __restrict x) {
  for (int64_t i = 0; i < n; ++i) {
    x[2 * i] = even[i];
    x[2 * i + 1] = odd[i];
  }
}

// Elements that a block of rows in phases may have, to stay in the first cache.
inline constexpr int64_t kBlock = 4096;
// Elements that make a chunk for one thread.
inline constexpr int64_t kGrain = 1 << 15;

// Where each tap of a row of windows lies: at[i][o] is that of window o, number[i] its number.
template <class T>
struct Taps {
  const T** at;
  int32_t* number;
  int64_t count;
};

// The rows of an input as a block of rows of windows reads them.
template <class T>
class Stage {
 public:
  // `lanes`: elements of a register.
  Stage(const Windows& w, const T* x, T fill, int64_t lanes)
      : w_(w),
        x_(x),
        fill_(fill),
        step_(w.stride[2]),
        direct_(step_ == 1 && w.pad[2] == 0 && w.out[2] >= lanes &&
                w.out[2] + w.reach(2) - 1 <= w.in[2]),
        even_(!direct_ && step_ == 2 && w.pad[2] == 0 && w.in[2] % 2 == 0 &&
              w.out[2] * 2 + w.reach(2) - 2 <= w.in[2]) {
    length_ = even_ ? w.in[2] / 2 : (w.reach(2) - 1) / step_ + round_up(w.out[2], lanes) + 1;
    // Windows that lie apart gain nothing from being in one block.
    const int64_t row = length_ * step_ * w.kernel[0];
    const bool apart = w.stride[1] > w.reach(1);
    const int64_t inputs = std::max<int64_t>(kBlock / row, 1);
    rows_ = direct_ ? w.out[1]
            : apart ? 1
                    : std::max<int64_t>((inputs - w.reach(1)) / w.stride[1] + 1, 1);
    rows_ = std::min(rows_, w.out[1]);
    inputs_ = std::min((rows_ - 1) * w.stride[1] + w.reach(1), w.in[1]);
    phase_ = even_ ? inputs_ * length_ + lanes : length_;
    row_ = even_ ? length_ : length_ * step_;
    slab_ = even_ ? phase_ * step_ : row_ * inputs_;
    if (!direct_) find_phases();
  }
  int64_t block_rows() const { return rows_; }
  int64_t size() const { return direct_ ? 0 : slab_ * slots() + 64; }

  // Reads what windows [first, last) of the slab number (plane, o0) need into `buffer`.
  void read(int64_t slab, int64_t first, int64_t last, T* buffer) {
    // The padding stays; pairs bring their own.
    if (!direct_ && step_ != 2 && buffer_ != buffer) std::fill(buffer, buffer + size(), fill_);
    buffer_ = buffer;
    plane_ = slab / w_.out[0];
    start0_ = slab % w_.out[0] * w_.stride[0] - w_.pad[0];
    const int64_t begin = std::max<int64_t>(first * w_.stride[1] - w_.pad[1], 0);
    if (direct_) return;
    const int64_t end = std::min((last - 1) * w_.stride[1] - w_.pad[1] + w_.reach(1), w_.in[1]);
    if (begin != begin_ || end != end_) std::fill(held_.begin(), held_.end(), int64_t{-1});
    begin_ = begin;
    end_ = end;
    for (int64_t k = 0; k < w_.kernel[0]; ++k) {
      const int64_t i = start0_ + k * w_.dilation[0];
      if (i < 0 || i >= w_.in[0]) continue;
      T* to = buffer_ + slot(i, k) * slab_;
      int64_t& held = held_[static_cast<size_t>(slot(i, k))];
      if (held == plane_ * w_.in[0] + i) continue;
      held = plane_ * w_.in[0] + i;
      const T* from = row_of(i, begin_);
      if (even_) {
        sort_pairs(from, std::max<int64_t>(end - begin_, 0) * length_, to, to + phase_);
        continue;
      }
      int64_t phase = (begin_ + w_.pad[1]) % w_.stride[1];
      for (int64_t r = begin_; r < end; ++r, from += w_.in[2], to += row_) {
        if (phase >= seen_ || wanted_[static_cast<size_t>(phase)]) sort(from, to);
        if (++phase == w_.stride[1]) phase = 0;
      }
    }
  }

  // The taps of row o of windows that lie within the input along the first two dimensions.
  Taps<T> taps(int64_t o, const T** at, int32_t* number) const {
    Taps<T> out{at, number, 0};
    const int64_t start1 = o * w_.stride[1] - w_.pad[1];
    for (int64_t a = 0; a < w_.kernel[0]; ++a) {
      const int64_t i = start0_ + a * w_.dilation[0];
      if (i < 0 || i >= w_.in[0]) continue;
      for (int64_t b = 0; b < w_.kernel[1]; ++b) {
        const int64_t j = start1 + b * w_.dilation[1];
        if (j < 0 || j >= w_.in[1]) continue;
        const T* row = direct_ ? row_of(i, j) : buffer_ + slot(i, a) * slab_ + (j - begin_) * row_;
        int64_t phase = 0, place = 0;  // of tap c: its distance divided by the stride
        for (int64_t c = 0; c < w_.kernel[2]; ++c) {
          at[out.count] = row + (direct_ ? c * w_.dilation[2] : phase * phase_ + place);
          number[out.count++] = static_cast<int32_t>((a * w_.kernel[1] + b) * w_.kernel[2] + c);
          phase += w_.dilation[2];
          for (; phase >= step_; phase -= step_) ++place;
        }
      }
    }
    return out;
  }

 private:
  const T* row_of(int64_t i, int64_t j) const {
    return x_ + ((plane_ * w_.in[0] + i) * w_.in[1] + j) * w_.in[2];
  }
  // One row into its phases, with the padding.
  void sort(const T* x, T* to) const {
    const int64_t pad = w_.pad[2], n = w_.in[2];
    if (step_ == 2) {  // the pairs that lie within the row
      const int64_t head = (pad + 1) / 2, skip = pad % 2;
      const int64_t pairs = std::max<int64_t>(std::min((n - skip) / 2, length_ - head), 0);
      T *even = to, *odd = to + phase_;
      for (int64_t j = 0; j < std::min(head, length_); ++j) even[j] = odd[j] = fill_;
      if (skip && n > 0) odd[head - 1] = x[0];
      sort_pairs(x + skip, pairs, even + head, odd + head);
      int64_t q = skip + 2 * pairs;  // element q of the row: one may be left
      for (int64_t j = head + pairs; j < length_; ++j, q += 2) {
        even[j] = q < n ? x[q] : fill_;
        odd[j] = q + 1 < n ? x[q + 1] : fill_;
      }
      return;
    }
    for (const Phase& p : phases_) {
      T* phase = to + p.number * phase_;
      const T* from = x + p.number - pad;
      if (step_ == 1)
        std::copy(from + p.head, from + p.end, phase + p.head);
      else
        for (int64_t j = p.head; j < p.end; ++j) phase[j] = from[j * step_];
    }
  }
  // A phase along w that a tap reads; its elements [head, end) are within the row.
  struct Phase {
    int64_t number, head, end;
  };
  void find_phases() {
    const int64_t n = w_.in[2] + w_.pad[2];
    for (int64_t c = 0; c < std::min(w_.kernel[2], step_); ++c) {
      const int64_t p = c * w_.dilation[2] % step_;
      if (!phases_.empty() && p == phases_[0].number) break;  // from here on they are the same
      const int64_t head = std::clamp<int64_t>(ceil_div(w_.pad[2] - p, step_), 0, length_);
      phases_.push_back({p, head, std::clamp<int64_t>(ceil_div(n - p, step_), head, length_)});
    }
    seen_ = std::min<int64_t>(w_.stride[1], 64);
    wanted_.resize(static_cast<size_t>(seen_), uint8_t{0});
    for (int64_t b = 0; b < w_.kernel[1]; ++b)
      if (const int64_t p = b * w_.dilation[1] % w_.stride[1]; p < seen_)
        wanted_[static_cast<size_t>(p)] = 1;
    held_.resize(static_cast<size_t>(slots()), int64_t{-1});
  }
  // Rows of one plane along d stay where they are for the next windows that see them.
  bool stay() const { return w_.reach(0) <= 2 * w_.kernel[0]; }
  int64_t slots() const { return stay() ? w_.reach(0) : w_.kernel[0]; }
  int64_t slot(int64_t i, int64_t tap) const { return stay() ? i % w_.reach(0) : tap; }

  const Windows& w_;
  const T* x_;
  T fill_;
  int64_t step_;
  bool direct_;  // registers are read from the input itself
  bool even_;    // a stride of 2 without padding: the rows of a block are sorted as one
  int64_t length_, rows_, inputs_, phase_, row_, slab_;
  T* buffer_ = nullptr;
  int64_t plane_ = 0, start0_ = 0, begin_ = 0, end_ = 0;
  List<Phase> phases_;
  List<uint8_t> wanted_;  // whether taps read rows of a phase along h, of the first seen_
  int64_t seen_ = 0;
  List<int64_t> held_;  // the number of the rows in each slot
};

// f(stage, row of windows, taps) for all rows of windows, divided among threads; `scratch` elements
// of T more are f's own, as its last argument.
template <class T, class F>
void for_windows(const Windows& w, const T* x, T fill, int64_t lanes, int64_t scratch, const F& f) {
  const int64_t sorted = w.stride[2] > 2 ? 4 * w.in[2] : 0;  // one by one
  const int64_t work = w.out[2] * w.taps() + sorted;
  const int64_t grain = std::max<int64_t>(kGrain / std::max<int64_t>(work, 1), 1);
  parallel_for(w.out_rows(), grain, [&](int64_t begin, int64_t end) {
    Stage<T> stage(w, x, fill, lanes);
    const auto taps = static_cast<size_t>(w.taps());
    const Scratch pointers(taps * sizeof(T*)), numbers(taps * sizeof(int32_t));
    const Scratch buffer(static_cast<size_t>(stage.size() + scratch + 64) * sizeof(T));
    T* own = buffer.as<T>() + round_up(stage.size(), 64);  // it may hold numbers wider than T
    for_blocks(begin, end, w.out[1], stage.block_rows(), [&](int64_t slab, int64_t a, int64_t b) {
      stage.read(slab, a, b, buffer.as<T>());
      for (int64_t o = a; o < b; ++o)
        f(slab, o, stage.taps(o, pointers.as<const T*>(), numbers.as<int32_t>()), own);
    });
  });
}

// The way back: rows of the input as sums over the windows that see them. A row is added up in its
// phases, tap after tap, and written once.
template <class T>
class Sums {
 public:
  Sums(const Windows& w, T* dx, int64_t lanes) : w_(w), dx_(dx), step_(w.stride[2]) {
    const int64_t windows = (w.reach(2) - 1) / step_ + round_up(w.out[2], lanes);
    length_ = std::max(windows, (w.in[2] + w.pad[2]) / step_ + 1);
    rows_ = std::clamp<int64_t>(kBlock / (length_ * step_), 1, w.in[1]);
    place_.reserve(static_cast<size_t>(w.kernel[2]));
    for (int64_t k = 0, q = 0; k < w.kernel[2]; ++k, q += w.dilation[2])
      place_.push_back(q % step_ * length_ + q / step_);
  }
  int64_t block_rows() const { return rows_; }
  int64_t size() const { return rows_ * length_ * step_; }
  void clear(T* buffer, int64_t rows) {
    buffer_ = buffer;
    std::fill(buffer, buffer + rows * length_ * step_, T(0));
  }
  // Where tap k of the first window adds, in row r of the block.
  T* at(int64_t r, int64_t k) {
    return buffer_ + r * step_ * length_ + place_[static_cast<size_t>(k)];
  }
  void write(int64_t slab, int64_t first, int64_t last) {
    const int64_t n = w_.in[2], pad = w_.pad[2];
    T* to = dx_ + (slab * w_.in[1] + first) * n;
    for (int64_t r = 0; r < last - first; ++r, to += n) {
      const T* row = buffer_ + r * step_ * length_;
      if (step_ == 1) {
        std::copy(row + pad, row + pad + n, to);
      } else if (step_ == 2 && pad % 2 == 0) {
        const T* even = row + pad / 2;
        join_pairs(even, even + length_, n / 2, to);
        if (n % 2) to[n - 1] = even[n / 2];
      } else if (step_ == 2) {
        const T* odd = row + length_ + pad / 2;  // the first element is of odd number
        if (n > 0) to[0] = odd[0];
        const T* even = row + pad / 2 + 1;
        join_pairs(even, odd + 1, (n - 1) / 2, to + 1);
        if (n % 2 == 0) to[n - 1] = even[(n - 1) / 2];
      } else {
        int64_t phase = pad % step_, place = pad / step_;
        for (int64_t i = 0; i < n; ++i) {
          to[i] = row[phase * length_ + place];
          if (++phase == step_) {
            phase = 0;
            ++place;
          }
        }
      }
    }
  }

 private:
  const Windows& w_;
  T* dx_;
  int64_t step_, length_, rows_;
  List<int64_t> place_;  // of each tap
  T* buffer_ = nullptr;
};

// f(slab of windows, its row, number of the first tap of that row of the kernel, sums, row in the
// block) wherever a row of the input is seen by a row of windows; before(slab of windows, first,
// last) tells which rows follow. `make` gives {before, f} for the scratch of a thread.
template <class T, class Make>
void for_sums(const Windows& w, T* dx, int64_t lanes, const Make& make) {
  const int64_t adds = w.out_rows() * w.out[2] * w.taps() / std::max<int64_t>(w.in_rows(), 1);
  const int64_t grain = std::max<int64_t>(kGrain / std::max<int64_t>(w.in[2] + adds, 1), 1);
  parallel_for(w.in_rows(), grain, [&](int64_t begin, int64_t end) {
    Sums<T> sums(w, dx, lanes);
    const Scratch buffer(static_cast<size_t>(sums.size()) * sizeof(T));
    auto use = make(sums.block_rows());
    for_blocks(begin, end, w.in[1], sums.block_rows(), [&](int64_t slab, int64_t a, int64_t b) {
      sums.clear(buffer.as<T>(), b - a);
      const int64_t plane = slab / w.in[0], i = slab % w.in[0] + w.pad[0];
      const int64_t from =
          std::max<int64_t>(ceil_div(a + w.pad[1] - w.reach(1) + 1, w.stride[1]), 0);
      const int64_t to = std::min((b - 1 + w.pad[1]) / w.stride[1] + 1, w.out[1]);
      for (int64_t k = 0; k < w.kernel[0] && from < to; ++k) {
        const int64_t t = i - k * w.dilation[0];
        if (t < 0 || t % w.stride[0] || t / w.stride[0] >= w.out[0]) continue;
        const int64_t windows = plane * w.out[0] + t / w.stride[0];
        use.before(windows, from, to);
        for (int64_t o = from; o < to; ++o)
          for (int64_t c = 0; c < w.kernel[1]; ++c) {
            const int64_t r = o * w.stride[1] - w.pad[1] + c * w.dilation[1];
            if (r >= a && r < b)
              use.add(windows, o, (k * w.kernel[1] + c) * w.kernel[2], sums, r - a);
          }
      }
      sums.write(slab, a, b);
    });
  });
}

}  // namespace wengert::pooling
