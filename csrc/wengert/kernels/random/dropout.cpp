// Draws with one probability for all elements: fill_bernoulli and dropout.
#include "wengert/kernels/random/dropout.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <memory>

#include "wengert/base/allocator.h"
#include "wengert/base/error.h"
#include "wengert/base/parallel.h"

namespace wengert {
namespace {

constexpr int kWordsEach = 2;

// Note [integer decisions]
// d = k 2^-53 for a 53-bit integer k, so d < p exactly if k < p 2^53, which is k < t for
// t = ceil(p 2^53): the product only moves p's exponent and the ceiling of a double is a double, so
// that neither rounds; 0 <= t <= 2^53. The first word holds the upper 21 bits of k. They decide by
// themselves unless they equal t's, which happens once in 2^21 draws: the common loop reads no
// second word and has 32-bit lanes only.
struct Threshold {
  explicit Threshold(double p) {
    const auto t = static_cast<int64_t>(std::ceil(p * 0x1p53));
    high = static_cast<int32_t>(t >> 32);
    low = static_cast<uint32_t>(t);
  }
  int32_t high;
  uint32_t low;
};

int32_t high_bits(uint32_t first) {
  return static_cast<int32_t>(Generator::temper(first) & 0x1fffff);
}

// put(i, d < p ? hit : 0) for n elements, twice where it was the second word that decided. `raw`
// are the words before tempering.
template <class T, class Put>
void decide(const uint32_t* raw, int64_t n, Threshold t, T hit, const Put& put) {
  int32_t ties = 0;
  for (int64_t i = 0; i < n; ++i) {
    const int32_t high = high_bits(raw[kWordsEach * i]);
    put(i, high < t.high ? hit : T(0));
    ties |= high == t.high;
  }
  if (!ties || t.low == 0) return;  // no second word is below 0
  for (int64_t i = 0; i < n; ++i)
    if (high_bits(raw[kWordsEach * i]) == t.high &&
        Generator::temper(raw[kWordsEach * i + 1]) < t.low)
      put(i, hit);
}

// The words of a generator that n elements draw, made in batches that stay in the first-level
// cache. A batch is laid out as the sequence is, behind the state that it follows from.
class Draws {
 public:
  Draws(const Generator& g, int64_t n)
      : n_(n),
        room_(kState + std::min((kWordsEach * n + kState - 1) / kState * kState, kBatch)),
        scratch_(static_cast<size_t>(room_) * sizeof(uint32_t)),
        words_(scratch_.as<uint32_t>()),
        at_(kState - g.left()) {
    std::copy_n(g.state(), kState, words_);
  }
  // f(raw, begin, end) for one range of elements after the other, while it returns true.
  template <class F>
  void each(const F& f) {
    for (int64_t done = 0;;) {
      // Up to whole lines of the output. The words that are left stand before the next batch.
      int64_t count = (end_ - at_) / kWordsEach;
      count = count < n_ - done ? count / kWhole * kWhole : n_ - done;
      const bool more = f(words_ + at_, done, done + count);
      done += count;
      at_ += kWordsEach * count;
      if (done == n_ || !more) return;
      const int64_t missing = kWordsEach * (n_ - done) - (end_ - at_);
      std::copy_n(words_ + end_ - kState, kState, words_);
      at_ -= end_ - kState;
      end_ = kState + std::min((missing + kState - 1) / kState * kState, room_ - kState);
      Generator::extend(words_, end_ - kState);
    }
  }
  static int64_t most_ranges(int64_t n) { return n / (kBatch / kWordsEach - kWhole) + 2; }
  // Has a generator stand where this one does.
  void move(Generator& g) const { g.move_to(words_ + end_ - kState, static_cast<int>(end_ - at_)); }

 private:
  static constexpr int64_t kState = Generator::kSize, kBatch = 4 * kState;
  static constexpr int64_t kWhole = 64;

  int64_t n_, room_;
  Scratch scratch_;
  uint32_t* words_;
  int64_t at_, end_ = kState;  // words [at_, end_) are the next ones, the last state ends at end_
};

// Note [drawing together]
// The words of a generator follow from one another, so that threads cannot share in making them;
// and to be sent from one core to another takes a word longer than to be made. So every thread
// makes all words. It uses those of its share, which is the same part of the tensors in every
// operation, and, as it goes on to the end, those of later shares that nobody has come to yet. The
// first does all that the others leave.
constexpr int64_t kWorthThreads = 16384;  // elements

// use(raw, begin, end) for ranges of n elements, of which each draws kWordsEach words.
template <class Use>
void draw(Generator& g, int64_t n, const Use& use) {
  const int threads = in_parallel() ? 1 : get_num_threads();
  if (n < kWorthThreads || threads == 1) {
    Draws draws(g, n);
    draws.each([&](const uint32_t* raw, int64_t begin, int64_t end) {
      use(raw, begin, end);
      return true;
    });
    draws.move(g);
    return;
  }
  const Scratch scratch(static_cast<size_t>(Draws::most_ranges(n)));
  struct Context {
    const Use& use;
    Generator& g;
    const Generator start;
    int64_t n;
    int threads;
    std::atomic<bool>* taken;
    std::atomic<int64_t> left;  // elements
  } context{use, g, g, n, threads, scratch.as<std::atomic<bool>>(), n};
  std::uninitialized_fill_n(context.taken, Draws::most_ranges(n), false);
  run_team(
      threads,
      [](void* p, int member) {
        auto& c = *static_cast<Context*>(p);
        Draws draws(c.start, c.n);
        const int64_t share = c.n / c.threads * member;
        std::atomic<bool>* taken = c.taken;
        draws.each([&](const uint32_t* raw, int64_t begin, int64_t end) {
          std::atomic<bool>& range = *taken++;
          if (begin >= share && !range.exchange(true)) {
            c.use(raw, begin, end);
            c.left -= end - begin;
          }
          // Only the first has to come to the last state.
          return member == 0 || c.left > 0;
        });
        if (member == 0) draws.move(c.g);
      },
      &context);
}

// The last bits of 64 bytes, which are 0 or 1. The product has that of byte k at bit 56 + k.
uint64_t packed(const uint8_t* bytes) {
  uint64_t word = 0;
  for (int k = 0; k < 8; ++k) {
    uint64_t eight = 0;
    for (int j = 0; j < 8; ++j) eight |= uint64_t{bytes[8 * k + j]} << 8 * j;
    word |= eight * 0x0102040810204080 >> 56 << 8 * k;
  }
  return word;
}

void check_probability(double p) { check(p >= 0 && p <= 1, "p is ", p, ", needs 0 <= p <= 1"); }

// p is 0 or 1: nothing is drawn.
template <class F>
bool fill_certain(F* out, int64_t n, double p) {
  check_probability(p);
  if (p != 0 && p != 1) return false;
  std::fill_n(out, n, static_cast<F>(1 - p));
  return true;
}

// put(i, factor) for n factors of dropout.
template <class F, class Put>
void draw_factors(Generator& g, int64_t n, double p, const Put& put) {
  const Threshold t(1 - p);
  const F scale = 1 / static_cast<F>(1 - p);
  draw(g, n, [&](const uint32_t* raw, int64_t begin, int64_t end) {
    decide(raw, end - begin, t, scale, [=](int64_t i, F v) { put(begin + i, v); });
  });
}

}  // namespace

template <typename T>
void fill_bernoulli(Generator& g, T* out, int64_t n, double p) {
  check_probability(p);
  const Threshold t(p);
  draw(g, n, [&](const uint32_t* raw, int64_t begin, int64_t end) {
    decide(raw, end - begin, t, T(1), [=](int64_t i, T v) { out[begin + i] = v; });
  });
}

template <typename F>
void fill_dropout_mask(Generator& g, F* out, int64_t n, double p) {
  if (fill_certain(out, n, p)) return;
  draw_factors<F>(g, n, p, [=](int64_t i, F v) { out[i] = v; });
}

template <typename F>
void fill_dropout(Generator& g, F* y, F* mask, const F* x, int64_t n, double p) {
  if (fill_certain(mask, n, p)) {
    for (int64_t i = 0; i < n; ++i) y[i] = x[i] * mask[i];
    return;
  }
  draw_factors<F>(g, n, p, [=](int64_t i, F v) {
    mask[i] = v;
    y[i] = x[i] * v;
  });
}

void fill_kept(Generator& g, uint64_t* words, int64_t n, double p) {
  constexpr int64_t kBits = 64;  // ranges begin at whole words
  const Threshold t(1 - p);
  std::fill_n(words + (n + kBits - 1) / kBits, 2, uint64_t{0});
  draw(g, n, [&](const uint32_t* raw, int64_t begin, int64_t end) {
    constexpr int64_t kAtOnce = 16 * kBits;
    for (int64_t i = begin; i < end; i += kAtOnce) {
      uint8_t keeps[kAtOnce];
      const int64_t count = std::min(kAtOnce, end - i);
      decide(raw + kWordsEach * (i - begin), count, t, uint8_t{1},
             [&](int64_t j, uint8_t v) { keeps[j] = v; });
      std::fill(keeps + count, keeps + (count + kBits - 1) / kBits * kBits, uint8_t{0});
      for (int64_t w = 0; w * kBits < count; ++w) words[i / kBits + w] = packed(keeps + w * kBits);
    }
  });
}

#define WENGERT_FOR_FLOATS(F)                                       \
  template void fill_dropout_mask(Generator&, F*, int64_t, double); \
  template void fill_dropout(Generator&, F*, F*, const F*, int64_t, double);
WENGERT_FOR_FLOATS(float)
WENGERT_FOR_FLOATS(double)
#undef WENGERT_FOR_FLOATS
#define WENGERT_FOR_ALL(T) template void fill_bernoulli(Generator&, T*, int64_t, double);
WENGERT_FOR_ALL(float)
WENGERT_FOR_ALL(double)
WENGERT_FOR_ALL(int64_t)
WENGERT_FOR_ALL(int32_t)
WENGERT_FOR_ALL(uint8_t)
WENGERT_FOR_ALL(bool)
#undef WENGERT_FOR_ALL

}  // namespace wengert
