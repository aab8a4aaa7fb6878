#include "wengert/kernels/resample/resample.h"

#include <algorithm>
#include <cstring>

#include "wengert/base/parallel.h"
#include "wengert/kernels/resample/pick.h"
#include "wengert/kernels/resample/taps.h"

namespace wengert {
namespace {

constexpr int64_t kGrain = 32768;  // products per chunk

// Numbers that are moved, not computed with.
template <class T>
constexpr bool kMoved = std::is_integral_v<T>;
template <class T>
using Weight = std::conditional_t<kMoved<T>, float, T>;

// dst = sum of weight[k] row(k), n elements each.
template <class T, class Row>
void blend(const Row& row, const Weight<T>* weight, int64_t count, int64_t n, T* dst) {
  if (count == 1 && weight[0] == 1) {
    std::memcpy(dst, row(0), static_cast<size_t>(n) * sizeof(T));
    return;
  }
  if constexpr (!kMoved<T>) {
    using V = Vec<T>;
    int64_t j = 0;
    if (count == 2) {
      const T *a = row(0), *b = row(1);
      const V p = V::repeat(weight[0]), q = V::repeat(weight[1]);
      for (; j + V::kSize <= n; j += V::kSize)
        (V::load(a + j) * p + V::load(b + j) * q).store(dst + j);
    } else if (count > 0) {
      for (; j + V::kSize <= n; j += V::kSize) {
        V sum = V::load(row(0) + j) * V::repeat(weight[0]);
        for (int64_t k = 1; k < count; ++k) sum = sum + V::load(row(k) + j) * V::repeat(weight[k]);
        sum.store(dst + j);
      }
    }
    for (; j < n; ++j) {
      T sum = count > 0 ? row(0)[j] * weight[0] : 0;
      for (int64_t k = 1; k < count; ++k) sum += row(k)[j] * weight[k];
      dst[j] = sum;
    }
  }
}

// The taps along a row, a register of outputs after another where their inputs lie close together.
template <class T>
class RowTaps {
 public:
  RowTaps(const Taps<Weight<T>>& taps, int64_t channels) : taps_(taps), channels_(channels) {
    if constexpr (kPicks) {
      for (int64_t j = 0; j + kSize <= taps.out && channels == 1; j += kSize) add_block(j);
    }
  }

  void apply(const T* src, T* dst) const {
    if (channels_ > 1) return pixels(src, dst);
    int64_t j = 0;
    if constexpr (kPicks) {
      for (const Block& b : blocks_) {
        if (b.most < 0) {
          plain(src, dst, j, j + kSize);
        } else {
          const auto at = Pick<T>::index(places_.data() + b.at);
          const auto counts = Pick<T>::index(places_.data() + b.at + kSize);
          const T* w = weights_.data() + b.weights;
          const T* from = src + b.first;
          const int64_t left = taps_.in - b.first;
          Vec<T> sum(0.0);
          if (taps_.picks) {
            sum = Pick<T>::of(from, left, at, Pick<T>::here(counts, 0));
          } else if (b.most > 0) {
            sum = Pick<T>::of(from, left, at, Pick<T>::here(counts, 0)) * Vec<T>::load(w);
            for (int k = 1; k < b.most; ++k)
              sum = sum + Pick<T>::of(from + k, left - k, at, Pick<T>::here(counts, k)) *
                              Vec<T>::load(w + k * kSize);
          }
          sum.store(dst + j);
        }
        j += kSize;
      }
    }
    plain(src, dst, j, taps_.out);
  }

 private:
  static constexpr bool pickable() {
    if constexpr (kMoved<T>)
      return false;
    else
      return Pick<T>::kExists;
  }
  static constexpr bool kPicks = pickable();
  static constexpr int64_t lanes() {
    if constexpr (kPicks)
      return Vec<T>::kSize;
    else
      return 1;
  }
  static constexpr int64_t kSize = lanes();

  struct Block {
    int64_t first = 0, at = 0, weights = 0;
    int most = -1;  // taps of one lane; -1: too far apart
  };

  void add_block(int64_t j) {
    Block& b = blocks_.emplace_back();
    const int32_t* first = taps_.first.data() + j;
    if constexpr (kPicks)
      if (first[kSize - 1] - first[0] >= Pick<T>::kReach) return;
    b = {first[0], std::ssize(places_), std::ssize(weights_), 0};
    for (int64_t i = 0; i < kSize; ++i) places_.push_back(first[i] - first[0]);
    for (int64_t i = 0; i < kSize; ++i) {
      places_.push_back(taps_.count(j + i));
      b.most = std::max(b.most, taps_.count(j + i));
    }
    for (int k = 0; k < b.most; ++k)
      for (int64_t i = 0; i < kSize; ++i)
        weights_.push_back(k < taps_.count(j + i) ? taps_.weights(j + i)[k] : 0);
  }

  void pixels(const T* src, T* dst) const {
    for (int64_t j = 0; j < taps_.out; ++j, dst += channels_) {
      const T* from = src + taps_.first[static_cast<size_t>(j)] * channels_;
      blend([&](int64_t k) { return from + k * channels_; }, taps_.weights(j), taps_.count(j),
            channels_, dst);
    }
  }

  void plain(const T* src, T* dst, int64_t j, int64_t end) const {
    if (kMoved<T> || taps_.picks) {
      for (; j < end; ++j) dst[j] = src[taps_.first[static_cast<size_t>(j)]];
      return;
    }
    for (; j < end; ++j) {
      const T* from = src + taps_.first[static_cast<size_t>(j)];
      const Weight<T>* w = taps_.weights(j);
      const int32_t count = taps_.count(j);
      T sum = count > 0 ? static_cast<T>(from[0] * w[0]) : T(0);
      for (int32_t k = 1; k < count; ++k) sum += static_cast<T>(from[k] * w[k]);
      dst[j] = sum;
    }
  }

  const Taps<Weight<T>>& taps_;
  const int64_t channels_;
  List<Block> blocks_;
  List<int32_t> places_;
  List<T> weights_;
};

// Rows of one image after another. Where there are more rows of outputs than of inputs, each input
// row is made as wide as the output once, and kept for the outputs that need it; else rows are
// added up first.
template <class T>
class Rows {
 public:
  using W = Weight<T>;
  Rows(const Taps<W>& d, const Taps<W>& h, const Taps<W>& w, int64_t channels,
       const RowTaps<T>& along, const T* x, T* y)
      : d_(d),
        h_(h),
        in_(w.in * channels),
        out_(w.out * channels),
        same_(w.same),
        along_(along),
        x_(x),
        y_(y),
        widen_first_(!w.same && h.out >= h.in),
        most_(std::max(1, d.most) * std::max(1, h.most)),
        scratch_(static_cast<size_t>(in_ + (widen_first_ ? h.most * out_ : 0)) * sizeof(T)),
        summed_(scratch_.as<T>()),
        wide_(summed_ + in_),
        kept_(static_cast<size_t>(std::max(1, h.most)), -1),
        used_(kept_.size()),
        rows_(static_cast<size_t>(most_)),
        weights_(static_cast<size_t>(most_)) {}

  // Row r of all.
  void make(int64_t r) {
    const int64_t i = r % h_.out, slab = r / h_.out;
    T* dst = y_ + r * out_;
    if (h_.count(i) == 0 || d_.count(slab % d_.out) == 0) {
      std::fill(dst, dst + out_, T(0));
      return;
    }
    if (!widen_first_) {
      const T* sum = add_up(slab, h_.first[i], h_.count(i), h_.weights(i), same_ ? dst : summed_);
      if (same_ && sum != dst)
        std::memcpy(dst, sum, static_cast<size_t>(out_) * sizeof(T));
      else if (!same_)
        along_.apply(sum, dst);
      return;
    }
    if (slab != slab_) std::fill(kept_.begin(), kept_.end(), -1);
    slab_ = slab;
    const int64_t count = h_.count(i);
    for (int64_t k = 0; k < count; ++k) {
      const int64_t j = h_.first[i] + k;
      const auto slot = static_cast<size_t>(j % h_.most);
      T* wide = wide_ + static_cast<int64_t>(slot) * out_;
      if (kept_[slot] != j) {
        const W one = 1;
        along_.apply(add_up(slab, j, 1, &one, summed_), wide);
        kept_[slot] = j;
      }
      used_[static_cast<size_t>(k)] = wide;
    }
    blend([&](int64_t k) { return used_[static_cast<size_t>(k)]; }, h_.weights(i), count, out_,
          dst);
  }

 private:
  // The sum of rows [j, j + count) of the image's slices for this slab: into `dst`, or where it
  // is a row as it stands.
  const T* add_up(int64_t slab, int64_t j, int64_t count, const W* weights, T* dst) {
    const int64_t plane = slab / d_.out, i = slab % d_.out;
    int64_t n = 0;
    for (int64_t s = 0; s < d_.count(i); ++s)
      for (int64_t k = 0; k < count; ++k, ++n) {
        rows_[static_cast<size_t>(n)] =
            x_ + ((plane * d_.in + d_.first[i] + s) * h_.in + j + k) * in_;
        weights_[static_cast<size_t>(n)] = d_.weights(i)[s] * weights[k];
      }
    if (n == 1 && weights_[0] == 1) return rows_[0];
    blend([&](int64_t k) { return rows_[static_cast<size_t>(k)]; }, weights_.data(), n, in_, dst);
    return dst;
  }

  const Taps<W>&d_, &h_;
  const int64_t in_, out_;  // elements of a row
  const bool same_;         // along a row nothing changes
  const RowTaps<T>& along_;
  const T* x_;
  T* y_;
  const bool widen_first_;
  const int32_t most_;
  const Scratch scratch_;
  T *summed_, *wide_;
  int64_t slab_ = -1;
  List<int64_t> kept_;  // which input row each wide one is made of
  List<const T*> used_, rows_;
  List<W> weights_;
};

template <class T>
void run(const Taps<Weight<T>> (&taps)[3], const ResampleShape& s, const T* x, T* y) {
  const auto &d = taps[0], &h = taps[1], &w = taps[2];
  const RowTaps<T> along(w, s.channels);
  const int64_t of_row =
      s.channels * std::max<int64_t>(w.out * std::max(1, w.most),
                                     w.in * std::max(1, h.most) * std::max(1, d.most));
  parallel_for(s.planes * d.out * h.out, std::max<int64_t>(1, kGrain / of_row),
               [&](int64_t begin, int64_t end) {
                 Rows<T> rows(d, h, w, s.channels, along, x, y);
                 for (int64_t r = begin; r < end; ++r) rows.make(r);
               });
}

template <class T>
Taps<T> taps_of(const ResampleShape& s, int axis) {
  return make_taps<T>(s.axes[axis], s.how, s.align_corners);
}

}  // namespace

void resample(const ResampleShape& s, Dtype dtype, const void* x, void* y) {
  const auto go = [&]<class T>(T) {
    using W = Weight<T>;
    const Taps<W> taps[] = {taps_of<W>(s, 0), taps_of<W>(s, 1), taps_of<W>(s, 2)};
    run(taps, s, static_cast<const T*>(x), static_cast<T*>(y));
  };
  if (dtype == Dtype::kUInt8) return go(uint8_t{});
  dispatch_floating(dtype, go);
}

void resample_backward(const ResampleShape& s, Dtype dtype, const void* g, void* dx) {
  dispatch_floating(dtype, [&](auto zero) {
    using T = decltype(zero);
    const Taps<T> taps[] = {turned(taps_of<T>(s, 0)), turned(taps_of<T>(s, 1)),
                            turned(taps_of<T>(s, 2))};
    run(taps, s, static_cast<const T*>(g), static_cast<T*>(dx));
  });
}

}  // namespace wengert
