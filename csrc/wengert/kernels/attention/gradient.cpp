// The gradients of attention, by blocks of keys that meet all queries. With weights P, kept ones
// F = 0 or 1 / (1 - p), and incoming G:
//   dV = (P F)' G      dP = F (G V')      dS = P (dP - sum(dP P))      dQ = c dS K      dK = c dS'
//   Q
// where the sum of a query is that of G Y. T. Dao et al., arXiv:2205.14135, appendix B.
#include "wengert/base/allocator.h"
#include "wengert/base/parallel.h"
#include "wengert/kernels/attention/blocks.h"

namespace wengert {
namespace {

using namespace detail;

template <class T>
constexpr int64_t kKeys = 512 / sizeof(T);  // of a block
constexpr int64_t kTaskWork = 1 << 18;      // multiply-adds
constexpr int64_t kTasks = 16;              // so many leave few threads waiting

template <class T>
class Gradient {
 public:
  Gradient(const AttentionShape& s, HeadRows<const T> g, HeadRows<const T> q, HeadRows<const T> k,
           HeadRows<const T> v, HeadRows<const T> y, const T* log_sums, const AttentionMask& mask,
           Kept kept, const AttentionGradients<T>& d)
      : s_(s),
        g_(g),
        q_(q),
        k_(k),
        v_(v),
        y_(y),
        log_sums_(log_sums),
        mask_(mask),
        kept_(kept),
        d_(d),
        width_(whole_registers<T>(s.width)),
        values_(whole_registers<T>(s.out_width)),
        // A part is whole blocks of keys.
        parts_((s.keys + kKeys<T> - 1) / kKeys<T>,
               std::max<int64_t>(
                   1, (s.keys + kKeys<T> - 1) / kKeys<T> * s.batch * s.kv_heads / kTasks)) {}

  void run() {
    const int64_t rows = s_.batch * s_.heads * s_.queries;
    const Scratch dots(static_cast<size_t>(rows) * sizeof(T));
    dots_ = dots.as<T>();
    parallel_for(rows, std::max<int64_t>(1, 16384 / values_),
                 [&](int64_t begin, int64_t end) { sum_dots(begin, end); });
    has_few_rows(s_) ? few() : blocks();
  }

 private:
  // Every part of the keys of a head has sums of dQ of its own, which are added in their order.
  void blocks() {
    const int64_t kv = s_.batch * s_.kv_heads;
    const int64_t sums = s_.group() * s_.queries * width_;
    const int64_t work = sums / width_ * s_.keys * (s_.width + s_.out_width);
    const bool alone = parts_.parts <= 1;
    const Scratch all(alone ? 0 : static_cast<size_t>(kv * parts_.parts * sums) * sizeof(T));
    parallel_for(kv * parts_.parts,
                 alone ? std::max<int64_t>(1, kTaskWork / std::max<int64_t>(work, 1)) : 1,
                 [&](int64_t begin, int64_t end) {
                   const Scratch own(alone ? static_cast<size_t>(sums) * sizeof(T) : 0);
                   const Room room(*this);
                   for (int64_t t = begin; t < end; ++t) {
                     T* const to = alone ? own.as<T>() : all.as<T>() + t * sums;
                     part(room, t / parts_.parts, t % parts_.parts, to);
                     if (alone) store_queries(t * sums / width_, (t + 1) * sums / width_, to, 0);
                   }
                 });
    if (!alone)
      parallel_for(
          kv * sums / width_, std::max<int64_t>(1, 16384 / width_),
          [&](int64_t begin, int64_t end) { store_queries(begin, end, all.as<T>(), sums); });
  }

  // Keys and values are read where they are, and their gradients are written at once.
  void few() {
    const int64_t rows = s_.group() * s_.queries, cols = whole_registers<T>(s_.keys);
    parallel_for(s_.batch * s_.kv_heads, 1, [&](int64_t i, int64_t) {
      const Scratch scratch(static_cast<size_t>(rows * (width_ + values_ + 2 * cols)) * sizeof(T));
      T *const q = scratch.as<T>(), *const g = q + rows * width_;
      T *const weights = g + rows * values_, *const scores = weights + rows * cols;
      const int64_t b = i / s_.kv_heads, kv = i % s_.kv_heads;
      for (int64_t r = 0; r < rows; ++r) {
        const auto [h, query] = place_of(s_, kv, r);
        copy_rows(q + r * width_, width_, q_.at(b, h, query), 0, 1, s_.width, s_.scale);
        copy_rows(g + r * values_, values_, g_.at(b, h, query), 0, 1, s_.out_width, 1 / (1 - s_.p));
      }
      const MatrixRef<T> keys{k_.at(b, kv, 0), k_.row, 1}, turned_keys{keys.data, 1, k_.row};
      gemm<T>(weights, cols, {q, width_, 1}, turned_keys, rows, s_.keys, s_.width, false);
      gemm<T>(scores, cols, {g, values_, 1}, {v_.at(b, kv, 0), 1, v_.row}, rows, s_.keys,
              s_.out_width, false);
      for (int64_t r = 0; r < rows; ++r) {
        const auto [h, query] = place_of(s_, kv, r);
        const WeightBlock<T> w{s_, mask_, kept_, b, h, query, 1, 0, s_.keys};
        row(w, 0, weights + r * cols, scores + r * cols, cols);
      }
      if (d_.v.data)
        gemm<T>(d_.v.at(b, kv, 0), d_.v.row, {weights, 1, cols}, {g, values_, 1}, s_.keys,
                s_.out_width, rows, false);
      if (d_.k.data)
        gemm<T>(d_.k.at(b, kv, 0), d_.k.row, {scores, 1, cols}, {q, width_, 1}, s_.keys, s_.width,
                rows, false);
      if (!d_.q.data) return;
      gemm<T>(q, width_, {scores, cols, 1}, keys, rows, s_.width, s_.keys, false);
      for (int64_t r = 0; r < rows; ++r) {
        const auto [h, query] = place_of(s_, kv, r);
        store_rows(d_.q.at(b, h, query), 0, q + r * width_, 0, 1, s_.width, s_.scale);
      }
    });
  }

  // What a thread works in.
  struct Room {
    explicit Room(const Gradient& g)
        : rows(std::min(g.s_.queries, kQueries)),
          cols(std::min(whole_registers<T>(g.s_.keys), kKeys<T>)),
          memory(static_cast<size_t>(cols * (2 * g.width_ + g.values_) +
                                     turned_size<T>(cols, g.s_.width + g.s_.out_width) +
                                     rows * (g.width_ + g.values_ + 2 * cols)) *
                 sizeof(T)) {
      T* at = memory.template as<T>();
      const auto take = [&at](int64_t n) {
        T* const p = at;
        at += n;
        return p;
      };
      keys = take(cols * g.width_);
      turned_keys = take(turned_size<T>(cols, g.s_.width));
      turned_values = take(turned_size<T>(cols, g.s_.out_width));
      dk = take(cols * g.width_);
      dv = take(cols * g.values_);
      q = take(rows * g.width_);
      grad = take(rows * g.values_);
      weights = take(rows * cols);
      scores = take(rows * cols);
    }
    int64_t rows, cols;
    Scratch memory;
    T *keys, *turned_keys, *turned_values, *dk, *dv, *q, *grad, *weights, *scores;
  };

  // sum(G Y) of each query.
  void sum_dots(int64_t begin, int64_t end) const {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t h = i / s_.queries, r = i % s_.queries;
      const T* g = g_.at(h / s_.heads, h % s_.heads, r);
      const T* y = y_.at(h / s_.heads, h % s_.heads, r);
      dots_[i] = static_cast<T>(row_sum<T>(s_.out_width, [&](int64_t j, int64_t m) {
        return load_part(g + j, m, 0) * load_part(y + j, m, 0);
      }));
    }
  }

  void part(const Room& room, int64_t i, int64_t p, T* dq) const {
    std::fill_n(dq, s_.group() * s_.queries * width_, T(0));
    for (int64_t block = parts_.begin(p); block < parts_.begin(p + 1); ++block)
      keys(room, i / s_.kv_heads, i % s_.kv_heads, block * kKeys<T>, dq);
  }

  void keys(const Room& room, int64_t b, int64_t kv, int64_t key, T* dq) const {
    const int64_t n = std::min(kKeys<T>, s_.keys - key);
    const T *k = k_.at(b, kv, key), *v = v_.at(b, kv, key);
    copy_rows(room.keys, width_, k, k_.row, n, s_.width);
    pack_turned(room.turned_keys, k, k_.row, n, s_.width);
    pack_turned(room.turned_values, v, v_.row, n, s_.out_width);
    std::fill_n(room.dk, n * width_, T(0));
    std::fill_n(room.dv, n * values_, T(0));
    const Cut cut(s_.queries, kQueries);
    for (int64_t h = 0; h < s_.group(); ++h)
      for (int64_t q = 0; q < cut.parts; ++q) {
        const WeightBlock<T> w{s_,           mask_,       kept_, b, kv * s_.group() + h,
                               cut.begin(q), cut.size(q), key,   n};
        if (!s_.causal || w.begin + w.size > key)
          block(room, w, dq + (h * s_.queries + w.begin) * width_);
      }
    if (d_.k.data) store_rows(d_.k.at(b, kv, key), d_.k.row, room.dk, width_, n, s_.width);
    if (d_.v.data) store_rows(d_.v.at(b, kv, key), d_.v.row, room.dv, values_, n, s_.out_width);
  }

  void block(const Room& room, const WeightBlock<T>& w, T* dq) const {
    const int64_t cols = whole_registers<T>(w.keys), ld = room.cols, shift = w.shift();
    copy_rows(room.q, width_, q_.at(w.b, w.h, w.begin), q_.row, w.size, s_.width, s_.scale);
    copy_rows(room.grad, values_, g_.at(w.b, w.h, w.begin), g_.row, w.size, s_.out_width,
              1 / (1 - s_.p));
    BlockProduct<T>{room.q,       width_, 1, room.turned_keys, kCols<T>, kCols<T> * s_.width,
                    room.weights, ld}
        .weights(w.size, cols, s_.width, shift);
    BlockProduct<T>{room.grad,   values_, 1, room.turned_values, kCols<T>, kCols<T> * s_.out_width,
                    room.scores, ld}
        .weights(w.size, cols, s_.out_width, shift);
    for (int64_t r = 0; r < w.size; ++r)
      row(w, r, room.weights + r * ld, room.scores + r * ld, cols);
    if (d_.v.data)
      BlockProduct<T>{room.weights, 1, ld, room.grad, values_, kCols<T>, room.dv, values_}
          .by_turned(w.keys, values_, w.size, shift);
    if (d_.k.data)
      BlockProduct<T>{room.scores, 1, ld, room.q, width_, kCols<T>, room.dk, width_}.by_turned(
          w.keys, width_, w.size, shift);
    if (d_.q.data)
      BlockProduct<T>{room.scores, ld, 1, room.keys, width_, kCols<T>, dq, width_}.by_weights(
          w.size, width_, w.keys, shift, true);
  }

  // Scores become weights that are kept, and gradients of weights those of scores.
  void row(const WeightBlock<T>& w, int64_t r, T* weights, T* scores, int64_t cols) const {
    using V = Vec<T>;
    const int64_t n = w.end(r), at = (w.b * s_.heads + w.h) * s_.queries + w.begin + r;
    w.mask_row(r).apply(weights, n);
    const V log_sum = V::repeat(log_sums_[at]), dot = V::repeat(dots_[at]);
    const int64_t bit = kept_ ? w.bit(r) : 0;
    const auto each = [&](auto drops) __attribute__((always_inline)) {
      row_each<T>(n, [&](int64_t i, int64_t m) __attribute__((always_inline)) {
        V p = exp_nonpositive(load_part(weights + i, m, -INFINITY) - log_sum);
        V d = load_part(scores + i, m, 0);
        const V all = p;
        if constexpr (drops) {
          const Mask<T> kept = kept_lanes<T>(kept_, bit + i);
          d = select(kept, d, V(0.0));
          p = select(kept, p, V(0.0));
        }
        p.store(weights + i);
        (all * (d - dot)).store(scores + i);
      });
    };
    kept_ ? each(std::true_type()) : each(std::false_type());
    const int64_t end = whole_registers<T>(n);
    if (end < cols) {
      std::fill(weights + end, weights + cols, T(0));
      std::fill(scores + end, scores + cols, T(0));
    }
    if (d_.scores) std::copy_n(scores, n, d_.scores + at * s_.keys + w.key);
  }

  // dQ of rows [begin, end) of all, from the sums of their heads' parts, `step` apart; without a
  // step there is one part, whose first row is row `begin`.
  void store_queries(int64_t begin, int64_t end, T* sums, int64_t step) const {
    if (!d_.q.data) return;
    const int64_t rows = s_.group() * s_.queries;
    for (int64_t t = begin; t < end; ++t) {
      const int64_t i = t / rows, r = t % rows, h = i % s_.kv_heads * s_.group() + r / s_.queries;
      T* const sum = sums + i * parts_.parts * step + r * width_;
      for (int64_t p = 1; p < parts_.parts; ++p)
        for (int64_t j = 0; j < width_; ++j) sum[j] += sum[p * step + j];
      store_rows(d_.q.at(i / s_.kv_heads, h, r % s_.queries), 0, sum, 0, 1, s_.width, s_.scale);
    }
  }

  const AttentionShape& s_;
  HeadRows<const T> g_, q_, k_, v_, y_;
  const T* log_sums_;
  const AttentionMask& mask_;
  Kept kept_;
  const AttentionGradients<T>& d_;
  int64_t width_, values_;
  Cut parts_;
  T* dots_ = nullptr;
};

}  // namespace

template <class T>
void attention_gradient(const AttentionShape& s, HeadRows<const T> g, HeadRows<const T> q,
                        HeadRows<const T> k, HeadRows<const T> v, HeadRows<const T> y,
                        const T* log_sums, const AttentionMask& mask, Kept kept,
                        const AttentionGradients<T>& d) {
  if (s.batch * s.heads * s.queries * s.keys == 0) return;
  Gradient<T>(s, g, q, k, v, y, log_sums, mask, kept, d).run();
}

template void attention_gradient(const AttentionShape&, HeadRows<const float>,
                                 HeadRows<const float>, HeadRows<const float>,
                                 HeadRows<const float>, HeadRows<const float>, const float*,
                                 const AttentionMask&, Kept, const AttentionGradients<float>&);
template void attention_gradient(const AttentionShape&, HeadRows<const double>,
                                 HeadRows<const double>, HeadRows<const double>,
                                 HeadRows<const double>, HeadRows<const double>, const double*,
                                 const AttentionMask&, Kept, const AttentionGradients<double>&);

}  // namespace wengert
