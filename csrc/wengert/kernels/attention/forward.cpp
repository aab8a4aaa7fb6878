// Attention by blocks of keys, whose softmax is corrected as larger scores come. M. Milakov, N.
// Gimelshein, arXiv:1805.02867; T. Dao et al., arXiv:2205.14135.
#include "wengert/base/allocator.h"
#include "wengert/base/parallel.h"
#include "wengert/kernels/attention/blocks.h"
#include "wengert/kernels/core/ways.h"

namespace wengert {
namespace {

using namespace detail;

template <class T>
constexpr int64_t kKeys = 1024 / sizeof(T);  // of a block
constexpr int64_t kMostInPlace = 32;         // queries
constexpr int64_t kTaskWork = 1 << 18;       // multiply-adds
constexpr int64_t kManyHeads = 16;

// What is known of each query's weights when some keys have been seen.
template <class T, int64_t kMost>
struct Seen {
  T most[kMost], total[kMost];  // whole registers
  Seen() {
    std::fill_n(most, kMost, -std::numeric_limits<T>::infinity());
    std::fill_n(total, kMost, T(0));
  }
  // When all have been seen: the logarithms of the sums, and what results are multiplied by, which
  // is 0 where there was no key.
  void settle(double keeps) {
    row_each<T>(kMost, [&](int64_t i, int64_t) {
      const Vec<T> sum = Vec<T>::load(total + i);
      const Mask<T> none = sum == 0.0;
      select(none, INFINITY, Vec<T>::load(most + i) + log(sum)).store(most + i);
      select(none, 0.0, 1.0 / (sum * keeps)).store(total + i);
    });
  }
};

// Turns a row's n scores into exponentials, and zeros up to `cols`; returns what earlier sums are
// to be multiplied by. `bit`: of the first weight, if some are dropped, which the total counts.
template <class T>
T soften(T* row, int64_t n, int64_t cols, T& seen_most, T& seen_total, Kept kept, int64_t bit) {
  using V = Vec<T>;
  if (n == 0) {
    std::fill_n(row, cols, T(0));
    return 1;
  }
  constexpr T kNone = -std::numeric_limits<T>::infinity();
  const T most = std::max(seen_most, row_greatest(row, n));
  const V base = V::repeat(most == kNone ? T(0) : most);
  // Most often the first keys are all.
  const T before = seen_most == kNone ? T(0) : exp_nonpositive(V::repeat(seen_most) - base).first();
  V sums[2] = {V(0.0), V(0.0)};
  const auto part = [&](int64_t i, int64_t m, V& sum) __attribute__((always_inline)) {
    const V e = exp_nonpositive(load_part(row + i, m, -INFINITY) - base);
    sum = sum + e;
    (kept ? select(kept_lanes<T>(kept, bit + i), e, V(0.0)) : e).store(row + i);
  };
  int64_t i = 0;
  for (; i + 2 * V::kSize <= n; i += 2 * V::kSize) {
    part(i, V::kSize, sums[0]);
    part(i + V::kSize, V::kSize, sums[1]);
  }
  for (; i < n; i += V::kSize) part(i, n - i, sums[0]);
  if (i < cols) std::fill(row + i, row + cols, T(0));
  seen_most = most;
  seen_total = seen_total * before + lane_sum(sums[0] + sums[1]);
  return before;
}

template <class T>
class Forward {
 public:
  Forward(const AttentionShape& s, HeadRows<const T> q, HeadRows<const T> k, HeadRows<const T> v,
          const AttentionMask& mask, Kept kept, HeadRows<T> y, T* log_sums)
      : s_(s), q_(q), k_(k), v_(v), mask_(mask), kept_(kept), y_(y), log_sums_(log_sums) {
    // Values that fill registers are read where they are, unless packing them pays.
    packs_values_ = s.queries > kMostInPlace || s.out_width % kLanes<T> != 0;
    values_ = whole_registers<T>(s.out_width);
    turned_ = turned_size<T>(s.keys, s.width);
  }

  void blocks() {
    const int64_t kv = s_.batch * s_.kv_heads,
                  packed = turned_ + (packs_values_ ? s_.keys * values_ : 0) + kCols<T>;
    const Cut cut(s_.queries, kQueries);
    if (cut.parts == 1 || kv >= kManyHeads) {
      const int64_t work = s_.group() * s_.queries * s_.keys * (s_.width + s_.out_width);
      parallel_for(kv, std::max<int64_t>(1, kTaskWork / std::max<int64_t>(work, 1)),
                   [&](int64_t begin, int64_t end) {
                     const Scratch scratch(static_cast<size_t>(packed) * sizeof(T));
                     for (int64_t i = begin; i < end; ++i) {
                       pack(scratch.as<T>(), i);
                       for (int64_t h = 0; h < s_.group(); ++h)
                         for (int64_t q = 0; q < cut.parts; ++q)
                           block(scratch.as<T>(), i * s_.group() + h, cut.begin(q), cut.size(q));
                     }
                   });
      return;
    }
    const Scratch scratch(static_cast<size_t>(packed * kv) * sizeof(T));
    T* const all = scratch.as<T>();
    parallel_for(kv, 1, [&](int64_t i, int64_t) { pack(all + i * packed, i); });
    parallel_for(kv * s_.group() * cut.parts, 1, [&](int64_t t, int64_t) {
      const int64_t h = t / cut.parts, q = t % cut.parts;
      block(all + h / s_.group() * packed, h, cut.begin(q), cut.size(q));
    });
  }

  // Keys and values are read where they are.
  void few() {
    const int64_t rows = s_.group() * s_.queries;
    parallel_for(s_.batch * s_.kv_heads, 1, [&](int64_t i, int64_t) {
      const int64_t width = std::max(s_.width, s_.out_width) + kLanes<T>;
      const int64_t cols = whole_registers<T>(s_.keys);
      const Scratch scratch(static_cast<size_t>(rows * (width + cols)) * sizeof(T));
      T *const x = scratch.as<T>(), *const weights = x + rows * width;
      const int64_t b = i / s_.kv_heads, kv = i % s_.kv_heads;
      const auto place = [&](int64_t r) { return place_of(s_, kv, r); };
      for (int64_t r = 0; r < rows; ++r)
        copy_rows(x + r * width, width, q_.at(b, place(r).first, place(r).second), 0, 1, s_.width,
                  s_.scale);
      gemm<T>(weights, cols, {x, width, 1}, {k_.at(b, kv, 0), 1, k_.row}, rows, s_.keys, s_.width,
              false);
      Seen<T, 2 * kFewRows> seen;
      for (int64_t r = 0; r < rows; ++r) {
        const WeightBlock<T> w{s_, mask_, kept_, b, place(r).first, place(r).second, 1, 0, s_.keys};
        row(w, weights + r * cols, 0, cols, seen.most[r], seen.total[r]);
      }
      gemm<T>(x, width, {weights, cols, 1}, {v_.at(b, kv, 0), v_.row, 1}, rows, s_.out_width,
              s_.keys, false);
      seen.settle(1 - s_.p);
      for (int64_t r = 0; r < rows; ++r)
        finish(b, place(r).first, place(r).second, x + r * width, seen.most[r], seen.total[r]);
    });
  }

 private:
  void pack(T* to, int64_t i) const {
    const int64_t b = i / s_.kv_heads, h = i % s_.kv_heads;
    pack_turned(to, k_.at(b, h, 0), k_.row, s_.keys, s_.width);
    if (packs_values_)
      copy_rows(to + turned_, values_, v_.at(b, h, 0), v_.row, s_.keys, s_.out_width);
  }

  T row(const WeightBlock<T>& w, T* scores, int64_t r, int64_t cols, T& most, T& total) const {
    const int64_t n = w.end(r);
    w.mask_row(r).apply(scores, n);
    return soften(scores, n, cols, most, total, kept_, kept_ ? w.bit(r) : 0);
  }

  void finish(int64_t b, int64_t h, int64_t query, const T* sums, T log_sum, T by) const {
    T* const y = y_.at(b, h, query);
    by == 0 ? void(std::fill_n(y, s_.out_width, T(0)))
            : store_rows(y, 0, sums, 0, 1, s_.out_width, static_cast<double>(by));
    log_sums_[(b * s_.heads + h) * s_.queries + query] = log_sum;
  }

  // Queries [begin, begin + size) of head h of all.
  void block(const T* packed, int64_t h, int64_t begin, int64_t size) const {
    const int64_t b = h / s_.heads, width = whole_registers<T>(s_.width);
    const int64_t most = std::min(whole_registers<T>(s_.keys), kKeys<T>);
    const Scratch scratch(static_cast<size_t>(size * (width + values_ + most)) * sizeof(T));
    T *const q = scratch.as<T>(), *const sums = q + size * width,
             *const scores = sums + size * values_;
    h %= s_.heads;
    const T* const values = packs_values_ ? packed + turned_ : v_.at(b, h / s_.group(), 0);
    const int64_t value_step = packs_values_ ? values_ : v_.row;
    copy_rows(q, width, q_.at(b, h, begin), q_.row, size, s_.width, s_.scale);
    Seen<T, kQueries> seen;
    const int64_t end = s_.causal ? std::min(s_.keys, begin + size) : s_.keys;
    for (int64_t key = 0; key < end; key += kKeys<T>) {
      const WeightBlock<T> w{
          s_, mask_, kept_, b, h, begin, size, key, std::min(kKeys<T>, end - key)};
      const int64_t cols = whole_registers<T>(w.keys);
      BlockProduct<T>{q,      width, 1, packed + key * s_.width, kCols<T>, kCols<T> * s_.width,
                      scores, most}
          .weights(size, cols, s_.width, w.shift());
      for (int64_t r = 0; r < size; ++r) {
        const T before = row(w, scores + r * most, r, cols, seen.most[r], seen.total[r]);
        if (key > 0 && before != 1)
          copy_rows(sums + r * values_, values_, sums + r * values_, 0, 1, values_,
                    static_cast<double>(before));
      }
      BlockProduct<T>{scores,     most,     1,    values + key * value_step,
                      value_step, kCols<T>, sums, values_}
          .by_weights(size, values_, w.keys, w.shift(), key > 0);
    }
    seen.settle(1 - s_.p);
    for (int64_t r = 0; r < size; ++r)
      finish(b, h, begin + r, sums + r * values_, seen.most[r], seen.total[r]);
  }

  const AttentionShape& s_;
  HeadRows<const T> q_, k_, v_;
  const AttentionMask& mask_;
  Kept kept_;
  HeadRows<T> y_;
  T* log_sums_;
  bool packs_values_;
  int64_t values_, turned_;  // a row of packed values; all packed keys
};

bool is_any(const AttentionShape&) { return true; }

template <class T>
constexpr Way<decltype(is_any), void(Forward<T>&)> kWays[] = {
    {"rows", has_few_rows, [](Forward<T>& f) { f.few(); }},
    {"blocks", is_any, [](Forward<T>& f) { f.blocks(); }},
};

}  // namespace

template <class T>
void attention_forward(const AttentionShape& s, HeadRows<const T> q, HeadRows<const T> k,
                       HeadRows<const T> v, const AttentionMask& mask, Kept kept, HeadRows<T> y,
                       T* log_sums) {
  if (s.batch * s.heads * s.queries == 0) return;
  Forward<T> forward(s, q, k, v, mask, kept, y, log_sums);
  first_way<kWays<T>>(s).run(forward);
}

const char* attention_way(const AttentionShape& s) { return first_way<kWays<float>>(s).name; }

template void attention_forward(const AttentionShape&, HeadRows<const float>, HeadRows<const float>,
                                HeadRows<const float>, const AttentionMask&, Kept, HeadRows<float>,
                                float*);
template void attention_forward(const AttentionShape&, HeadRows<const double>,
                                HeadRows<const double>, HeadRows<const double>,
                                const AttentionMask&, Kept, HeadRows<double>, double*);

}  // namespace wengert
