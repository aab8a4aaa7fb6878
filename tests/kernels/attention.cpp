// Attention and its gradients.
#include "wengert/kernels/attention/attention.h"

#include "kernels.h"
#include "wengert/base/parallel.h"
#include "wengert/kernels/attention/naive.h"
#include "wengert/kernels/random/dropout.h"

namespace wengert {
namespace {

// Rows of (batch, heads, rows, n) in memory of their own: heads within rows, or rows within heads,
// with a gap behind each.
template <class T>
struct Block {
  std::vector<T> memory;
  HeadRows<T> rows;
  Block(int64_t batch, int64_t heads, int64_t length, int64_t n, bool within, uint32_t seed) {
    const int64_t width = n + (within ? 3 : 0);
    memory = numbers<T>(batch * heads * length * width + 1, seed);
    rows = {memory.data(), heads * length * width, within ? width : length * width,
            within ? heads * width : width};
  }
  HeadRows<const T> read() const { return {rows.data, rows.batch, rows.head, rows.row}; }
};

enum class With { kNothing, kBools, kKeyBools, kNumbers, kColumn };

template <class T>
struct Masked {
  std::vector<T> numbers_;
  std::unique_ptr<bool[]> bools;
  AttentionMask mask;
  Masked(const AttentionShape& s, With with) {
    const int64_t all = s.batch * s.heads * s.queries * s.keys;
    if (with == With::kNothing) return;
    mask.is_bool = with == With::kBools || with == With::kKeyBools;
    if (mask.is_bool) {
      bools = std::make_unique<bool[]>(static_cast<size_t>(all));
      Generator g(5);
      for (int64_t i = 0; i < all; ++i) bools[static_cast<size_t>(i)] = g.random() % 4 != 0;
      // The first query of each head sees none.
      for (int64_t i = 0; i < all; ++i)
        if (with == With::kBools && i / s.keys % s.queries == 0)
          bools[static_cast<size_t>(i)] = false;
      mask.data = bools.get();
    } else {
      numbers_ = numbers<T>(all, 6);
      mask.data = numbers_.data();
    }
    if (with != With::kColumn) mask.key = 1;
    if (with == With::kKeyBools) {
      mask.batch = s.keys;
    } else {
      mask.query = with == With::kColumn ? 1 : s.keys;
      mask.head = s.queries * mask.query;
      mask.batch = s.heads * mask.head;
    }
  }
};

template <class T>
HeadRows<double> wide(std::vector<double>& memory, const Block<T>& like, HeadRows<T> rows) {
  memory.assign(like.memory.size(), 0);
  return {memory.data(), rows.batch, rows.head, rows.row};
}

// Those elements that belong to rows.
template <class T, class U>
bool alike(const AttentionShape& s, HeadRows<T> a, HeadRows<U> b, int64_t heads, int64_t length,
           int64_t n, double more) {
  bool all = true;
  for (int64_t i = 0; i < s.batch * heads * length * n; ++i) {
    const int64_t r = i / n % length, h = i / n / length % heads, at = i / n / length / heads;
    all = all &&
          close(static_cast<double>(a.at(at, h, r)[i % n]),
                static_cast<double>(b.at(at, h, r)[i % n]), more * kLoose<T>, more * kLoose<T>);
  }
  return all;
}

template <class T>
void attend(const AttentionShape& s, With with, bool within) {
  const Block<T> q(s.batch, s.heads, s.queries, s.width, within, 1),
      k(s.batch, s.kv_heads, s.keys, s.width, within, 2),
      v(s.batch, s.kv_heads, s.keys, s.out_width, within, 3),
      g(s.batch, s.heads, s.queries, s.out_width, within, 4);
  Block<T> y = g, slow = g, dq = q, dk = k, dv = v;
  for (Block<T>* b : {&y, &slow, &dq, &dk, &dv}) b->rows.data = b->memory.data();
  const Masked<T> m(s, with);
  const int64_t weights = s.batch * s.heads * s.queries * s.keys;
  std::vector<uint64_t> bits(static_cast<size_t>(kept_bytes(weights) / 8));
  Generator generator(7);
  if (s.p > 0) fill_kept(generator, bits.data(), weights, s.p);
  const Kept kept = s.p > 0 ? reinterpret_cast<Kept>(bits.data()) : nullptr;
  std::vector<T> sums(static_cast<size_t>(s.batch * s.heads * s.queries)),
      scores(static_cast<size_t>(weights));
  attention_forward<T>(s, q.read(), k.read(), v.read(), m.mask, kept, y.rows, sums.data());
  attention_gradient<T>(s, g.read(), q.read(), k.read(), v.read(), y.read(), sums.data(), m.mask,
                        kept, {dq.rows, dk.rows, dv.rows, scores.data()});
  std::vector<double> of_q, of_k, of_v, of_scores(scores.size());
  const AttentionGradients<double> d{wide(of_q, q, q.rows), wide(of_k, k, k.rows),
                                     wide(of_v, v, v.rows), of_scores.data()};
  naive::attention<T>(s, g.read(), q.read(), k.read(), v.read(), m.mask, kept, slow.rows, d);
  CHECK(alike(s, y.rows, slow.rows, s.heads, s.queries, s.out_width, 2));
  CHECK(alike(s, dq.rows, d.q, s.heads, s.queries, s.width, 30));
  CHECK(alike(s, dk.rows, d.k, s.kv_heads, s.keys, s.width, 60));
  CHECK(alike(s, dv.rows, d.v, s.kv_heads, s.keys, s.out_width, 30));
  CHECK(close(scores, of_scores, 30 * kLoose<T>, 30 * kLoose<T>));
}

// As many bits as there are numbers of dropout that are not 0, and the generator where they leave
// it; several threads as one.
void bits_of_dropout() {
  for (const int64_t n : {1, 63, 64, 65, 1000, 70000})
    for (const int threads : {1, 3}) {
      const int before = get_num_threads();
      set_num_threads(threads);
      Generator a(11), b(11);
      std::vector<float> mask(static_cast<size_t>(n));
      std::vector<uint64_t> bits(static_cast<size_t>(kept_bytes(n) / 8), ~uint64_t{0});
      fill_dropout_mask(a, mask.data(), n, 0.3);
      fill_kept(b, bits.data(), n, 0.3);
      bool same = a.random() == b.random();
      for (int64_t i = 0; i < n; ++i)
        same = same && (bits[static_cast<size_t>(i / 64)] >> i % 64 & 1) ==
                           (mask[static_cast<size_t>(i)] != 0);
      CHECK(same && bits.back() == 0);
      set_num_threads(before);
    }
}

template <class T>
void all_of() {
  // Batch, heads, those of keys, queries, keys, widths.
  const AttentionShape shapes[] = {
      {2, 2, 2, 5, 7, 4, 3, 0.5, false, 0},      {1, 4, 2, 64, 64, 32, 32, 0.2, true, 0},
      {1, 2, 1, 1, 33, 17, 9, 0.3, false, 0},    {2, 4, 2, 4, 40, 8, 20, 0.3, true, 0},
      {1, 1, 1, 97, 300, 33, 48, 0.1, false, 0}, {1, 2, 1, 200, 150, 16, 65, 0.1, true, 0},
      {1, 1, 1, 130, 290, 7, 1, 0.4, true, 0},   {17, 1, 1, 100, 20, 5, 5, -0.4, false, 0},
      {1, 1, 1, 1, 1, 1, 1, 1, false, 0},
  };
  bool within = false;
  for (AttentionShape s : shapes)
    for (const double p : {0.0, 0.4})
      for (const With with :
           {With::kNothing, With::kBools, With::kKeyBools, With::kNumbers, With::kColumn}) {
        s.p = p;
        attend<T>(s, with, within = !within);
      }
}

}  // namespace

void test_attention() {
  bits_of_dropout();
  all_of<float>();
  all_of<double>();
}

}  // namespace wengert
