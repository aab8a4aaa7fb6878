#include "wengert/kernels/index/index.h"

#include <atomic>
#include <bit>
#include <cstring>

#include "wengert/base/allocator.h"
#include "wengert/base/parallel.h"
#include "wengert/kernels/core/vec.h"
#include "wengert/kernels/core/walk.h"
#include "wengert/kernels/index/combine.h"

namespace wengert {
namespace {

// Both sides of Indexed taken apart: `after` as a walk of (contiguous side, strided side).
struct Blocks {
  explicit Blocks(const Indexed& v)
      : before{v.before, {v.before_strides}}, after{v.after, {contiguous_strides(v.after)}} {
    after.strides[1] = v.after_strides;
    after.simplify();
    rows = numel(v.before);
    size = numel(v.after);
  }
  Walk<1> before;  // not simplified: its order is that of the contiguous side
  Walk<2> after;
  int64_t rows, size;
  bool contiguous() const {
    return after.shape.size() == 1 && after.inner(0) == 1 && after.inner(1) == 1;
  }
};

template <class T>
void copy_block(T* dst, const T* src, int64_t n) {
  if (n * sizeof(T) >= 64) {
    std::memcpy(dst, src, n * sizeof(T));
  } else {
    for (int64_t i = 0; i < n; ++i) dst[i] = src[i];
  }
}

// n elements with steps; what lies densely on the side that is written has loops of its own.
template <class T>
void copy_steps(T* dst, int64_t to, const T* src, int64_t from, int64_t n) {
  if (to != 1) {
    for (int64_t i = 0; i < n; ++i) dst[i * to] = src[i * from];
  } else if (from == 0) {
    std::fill_n(dst, n, *src);
  } else if (from == 1) {
    copy_block(dst, src, n);
  } else {
    for (int64_t i = 0; i < n; ++i) dst[i] = src[i * from];
  }
}

template <class T>
void gather_typed(const Indexed& v, const Blocks& b, T* dst, const T* src) {
  const int64_t grain = std::max<int64_t>(1, kMoveGrain / b.size);
  parallel_for(b.rows * v.count, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end;) {
      const int64_t row = i / v.count, first = i % v.count;
      const int64_t n = std::min(v.count - first, end - i);
      const T* from = src + b.before.offset(row, 0);
      const int64_t* at = v.offsets + first;
      T* to = dst + i * b.size;
      if (b.size == 1) {
        for (int64_t j = 0; j < n; ++j) to[j] = from[at[j]];
      } else if (b.contiguous()) {
        for (int64_t j = 0; j < n; ++j) copy_block(to + j * b.size, from + at[j], b.size);
      } else {
        for (int64_t j = 0; j < n; ++j)
          b.after.rows(0, b.size, [&](const auto& o, int64_t m) {
            copy_steps(to + j * b.size + o[0], b.after.inner(0), from + at[j] + o[1],
                       b.after.inner(1), m);
          });
      }
      i += n;
    }
  });
}

// What is cut across `after`, where every thread wants a part of each block: long pieces, as memory
// sends them sooner. How many there are changes no sum.
int64_t piece_of(int64_t size, int64_t count) {
  if (size * count < kMoveGrain) return size;
  const int64_t pieces = in_parallel() ? 1 : get_num_threads();
  return std::min(size, std::max<int64_t>(32, ((size + pieces - 1) / pieces + 15) / 16 * 16));
}

template <class T, class F>
void combine_block(T* __restrict d, const T* __restrict s, int64_t n, const F& f) {
  int64_t k = 0;
  if constexpr (std::is_floating_point_v<T>) {
    if constexpr (std::is_invocable_v<F, Vec<T>&, Vec<T>>) {
      for (; k + Vec<T>::kSize <= n; k += Vec<T>::kSize) {
        Vec<T> to = Vec<T>::load(d + k);
        f(to, Vec<T>::load(s + k));
        to.store(d + k);
      }
    }
  }
  for (; k < n; ++k) f(d[k], s[k]);
}

// f(dst element, src element) for every one. Work is cut across `before` and `after` only.
template <class T, class F>
void scatter_typed(const Indexed& v, const Blocks& b, T* dst, const T* src, bool one, const F& f) {
  const int64_t piece = piece_of(b.size, v.count), pieces = (b.size + piece - 1) / piece;
  const int64_t grain = std::max<int64_t>(1, kMoveGrain / (piece * v.count));
  const int64_t step = one ? 0 : 1;
  const bool contiguous = b.contiguous() && !one;
  parallel_for(b.rows * pieces, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = i / pieces, first = i % pieces * piece;
      const int64_t last = std::min(first + piece, b.size);
      T* to = dst + b.before.offset(row, 0);
      const T* from = src + step * row * v.count * b.size;
      if (b.size == 1) {
        for (int64_t j = 0; j < v.count; ++j) f(to[v.offsets[j]], from[step * j]);
        continue;
      }
      for (int64_t j = 0; j < v.count; ++j) {
        if (contiguous) {
          combine_block(to + v.offsets[j] + first, from + j * b.size + first, last - first, f);
          continue;
        }
        b.after.rows(first, last, [&](const auto& o, int64_t m) {
          const T* s = from + step * (j * b.size + o[0]);
          T* d = to + v.offsets[j] + o[1];
          const int64_t ds = b.after.inner(1), ss = step * b.after.inner(0);
          for (int64_t k = 0; k < m; ++k) f(d[k * ds], s[k * ss]);
        });
      }
    }
  });
}

// Lines side by side that are followed together: what they read at random stays in the cache.
constexpr int64_t kBeside = 64;

// Steps of 1 are told to the loop, so that it does not multiply.
template <class F>
void by_step(bool ones, const F& g) {
  ones ? g(std::true_type()) : g(std::false_type());
}

// f(indexed offset, other offset) for every position of the index; positions that share a place
// in the indexed tensor lie along `dim`, so the rest may be cut.
template <class F>
bool along(const Along& a, const F& f) {
  const int64_t n = a.shape.empty() ? 1 : a.shape[a.dim];
  const Dims own = contiguous_strides(a.shape);
  Walk<3> w{a.shape, {own, a.strides, a.other_strides}};
  int64_t step[3] = {0, 0, 0};
  if (!a.shape.empty()) {
    for (int k = 0; k < 3; ++k) step[k] = w.strides[k][a.dim];
    w.erase(a.dim);
  }
  w.simplify();
  if (w.count() == 0 || n == 0) return true;
  std::atomic<bool> outside{false};
  const auto size = static_cast<uint64_t>(a.size);
  const int64_t sx = w.inner(0), sy = w.inner(1), sz = w.inner(2), tx = step[0], ty = step[1],
                tz = step[2];
  // No position is used that is not in range, nor one after it.
  const auto bad = [&](int64_t i) {
    if (static_cast<uint64_t>(i) < size) [[likely]]
      return false;
    outside.store(true, std::memory_order_relaxed);
    return true;
  };
  parallel_for(w.count(), std::max<int64_t>(1, kMoveGrain / 4 / n), [&](int64_t b, int64_t e) {
    // Copies: a byte that is written might be a part of what is captured.
    w.rows(b, e, [=](const auto& o, int64_t m) {
      const int64_t* index = a.index + o[0];
      if (tx < sx) {
        by_step(tx == 1 && ty == 1 && tz == 1, [&](auto ones) {
          for (int64_t i = 0; i < m; ++i, index += sx)
            for (int64_t k = 0, y = o[1] + i * sy, z = o[2] + i * sz; k < n; ++k) {
              const int64_t at = ones ? index[k] : index[k * tx];
              if (bad(at)) return;
              ones ? f(y + at, z + k) : f(y + at * ty, z + k * tz);
            }
        });
      } else {
        by_step(sx == 1 && sy == 1 && sz == 1, [&](auto ones) {
          for (int64_t first = 0; first < m; first += kBeside)
            for (int64_t k = 0, last = std::min(m, first + kBeside); k < n; ++k)
              for (int64_t i = first, y = o[1], z = o[2] + k * tz; i < last; ++i) {
                const int64_t at = index[k * tx + (ones ? i : i * sx)];
                if (bad(at)) return;
                ones ? f(y + i + at * ty, z + i) : f(y + i * sy + at * ty, z + i * sz);
              }
        });
      }
    });
  });
  return !outside.load();
}

// d + s x; integers wrap.
template <class T>
void add_to(T& d, T x, T s = T(1)) {
  if constexpr (std::is_same_v<T, bool>) {
    d = d | (s & x);
  } else if constexpr (std::is_integral_v<T>) {
    d = static_cast<T>(static_cast<uint64_t>(d) +
                       static_cast<uint64_t>(s) * static_cast<uint64_t>(x));
  } else {
    d = d + s * x;
  }
}
template <class T>
void add_to(Vec<T>& d, Vec<T> x, T s = T(1)) {
  d = d + Vec<T>::repeat(s) * x;
}

}  // namespace

void index_gather(const Indexed& v, void* dst, const void* src, int64_t item_size) {
  const Blocks b(v);
  if (b.rows * v.count * b.size == 0) return;
  dispatch_size(item_size, [&](auto zero) {
    using T = decltype(zero);
    gather_typed(v, b, static_cast<T*>(dst), static_cast<const T*>(src));
  });
}

void index_scatter(const Indexed& v, void* dst, const void* src, bool one, int64_t item_size) {
  const Blocks b(v);
  if (b.rows * v.count * b.size == 0) return;
  dispatch_size(item_size, [&](auto zero) {
    using T = decltype(zero);
    scatter_typed(v, b, static_cast<T*>(dst), static_cast<const T*>(src), one,
                  [](T& d, T s) { d = s; });
  });
}

void index_accumulate(const Indexed& v, void* dst, const void* src, bool one, const Scalar& alpha,
                      Dtype dtype) {
  const Blocks b(v);
  if (b.rows * v.count * b.size == 0) return;
  dispatch(dtype, [&](auto zero) {
    using T = decltype(zero);
    const T scale = alpha.to<T>();
    auto* d = static_cast<T*>(dst);
    const auto* s = static_cast<const T*>(src);
    if (scale == T(1)) {
      scatter_typed(v, b, d, s, one, [](auto& to, auto x) { add_to(to, x); });
    } else {
      scatter_typed(v, b, d, s, one, [scale](auto& to, auto x) { add_to(to, x, scale); });
    }
  });
}

bool along_gather(const Along& a, void* other, const void* src, int64_t item_size) {
  bool good = true;
  dispatch_size(item_size, [&](auto zero) {
    using T = decltype(zero);
    auto* d = static_cast<T*>(other);
    const auto* s = static_cast<const T*>(src);
    good = along(a, [=](int64_t i, int64_t o) { d[o] = s[i]; });
  });
  return good;
}

bool along_scatter(const Along& a, void* dst, const void* other, bool one, int64_t item_size) {
  bool good = true;
  dispatch_size(item_size, [&](auto zero) {
    using T = decltype(zero);
    auto* d = static_cast<T*>(dst);
    const auto* s = static_cast<const T*>(other);
    good = one ? along(a, [d, v = *s](int64_t i, int64_t) { d[i] = v; })
               : along(a, [=](int64_t i, int64_t o) { d[i] = s[o]; });
  });
  return good;
}

bool along_accumulate(const Along& a, void* dst, const void* other, Dtype dtype) {
  return dispatch(dtype, [&](auto zero) {
    using T = decltype(zero);
    auto* d = static_cast<T*>(dst);
    const auto* s = static_cast<const T*>(other);
    return along(a, [=](int64_t i, int64_t o) { add_to(d[i], s[o]); });
  });
}

namespace {

template <class T>
T multiplied(T a, T b) {
  if constexpr (std::is_same_v<T, bool>) {
    return a && b;
  } else if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
  } else {
    return a * b;
  }
}

}  // namespace

bool along_combine(const Along& a, void* dst, const void* other, Dtype dtype, Combine how) {
  if (how == Combine::kSum) return along_accumulate(a, dst, other, dtype);
  return dispatch(dtype, [&](auto zero) {
    using T = decltype(zero);
    auto* d = static_cast<T*>(dst);
    const auto* s = static_cast<const T*>(other);
    // One loop for all three: which it is costs little beside a read at random.
    return along(a, [=](int64_t i, int64_t o) {
      const T x = d[i], y = s[o];
      if (how == Combine::kProd) {
        d[i] = multiplied(x, y);
      } else {
        d[i] = y != y || (how == Combine::kMax ? y > x : y < x) ? y : x;
      }
    });
  });
}

int64_t count_true(const bool* mask, int64_t n) {
  int64_t count = 0, i = 0;
  for (uint64_t eight; i + 8 <= n; i += 8) {
    std::memcpy(&eight, mask + i, sizeof eight);
    count += std::popcount(eight);
  }
  for (; i < n; ++i) count += mask[i];
  return count;
}

void find_true(const bool* mask, const Dims& shape, int64_t count, int64_t* out) {
  const int ndim = shape.size();
  const int64_t length = shape.back(), step = ndim;
  Dims at = Dims::filled(ndim, 0);
  for (int64_t found = 0; found < count; mask += length) {
    // What is written of an element that is not true, the next one is written over.
    const int64_t first = found;
    for (int64_t i = 0; i < length && found < count; ++i) {
      out[found * step + ndim - 1] = i;
      found += mask[i];
    }
    for (int64_t k = first; k < found; ++k)
      for (int d = 0; d < ndim - 1; ++d) out[k * step + d] = at[d];
    for (int d = ndim - 2; d >= 0 && ++at[d] == shape[d]; --d) at[d] = 0;
  }
}

namespace {

// A piece [first, last) of a mask, with the true elements before it and up to its end.
struct MaskPiece {
  const bool* mask;
  int64_t first, last, found, end;
};
using MovePiece = void (*)(MaskPiece p, void* dst, const void* x, const void* src);

void move_masked(MovePiece move, void* dst, const void* x, const void* src, const bool* mask,
                 int64_t n) {
  constexpr int64_t kPiece = kMoveGrain / 4;
  const int64_t pieces = (n + kPiece - 1) / kPiece;
  const Scratch scratch(static_cast<size_t>(pieces + 1) * sizeof(int64_t));
  int64_t* const before = scratch.as<int64_t>();
  before[0] = 0;
  for (int64_t i = 0; i < pieces; ++i)
    before[i + 1] = before[i] + count_true(mask + i * kPiece, std::min(kPiece, n - i * kPiece));
  parallel_for(pieces, 2, [=](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      move({mask, i * kPiece, std::min(n, (i + 1) * kPiece), before[i], before[i + 1]}, dst, x,
           src);
  });
}

// Without branches, of which those at a mask without a pattern would be foreseen wrongly.
template <class T>
void compress_piece(MaskPiece p, void* dst, const void*, const void* src) {
  T* d = static_cast<T*>(dst);
  const T* s = static_cast<const T*>(src);
  // What is written of an element that is not true, the next one is written over.
  for (int64_t i = p.first, found = p.found; found < p.end; ++i) {
    d[found] = s[i];
    found += p.mask[i];
  }
}

// 64 elements of a mask as bits.
uint64_t mask_bits(const bool* mask) {
  uint64_t bits = 0;
  for (int k = 0; k < 8; ++k) {
    uint64_t eight;
    std::memcpy(&eight, mask + 8 * k, sizeof eight);
    bits |= (eight * 0x0102040810204080 >> 56) << (8 * k);
  }
  return bits;
}

// A branch that is foreseen wrongly is one of many elements.
template <class T>
void decompress_piece(MaskPiece p, void* dst, const void* x, const void* src) {
  T* d = static_cast<T*>(dst);
  const T *own = static_cast<const T*>(x), *s = static_cast<const T*>(src) + p.found;
  if (d != own) std::copy(own + p.first, own + p.last, d + p.first);
  int64_t i = p.first;
  for (; i + 64 <= p.last; i += 64)
    for (uint64_t bits = mask_bits(p.mask + i); bits != 0; bits &= bits - 1)
      d[i + std::countr_zero(bits)] = *s++;
  for (; i < p.last; ++i)
    if (p.mask[i]) d[i] = *s++;
}

}  // namespace

void compress(void* dst, const void* src, const bool* mask, int64_t n, int64_t item_size) {
  dispatch_size(item_size, [&](auto zero) {
    move_masked(compress_piece<decltype(zero)>, dst, src, src, mask, n);
  });
}

void decompress(void* dst, const void* x, const void* src, const bool* mask, int64_t n,
                int64_t item_size) {
  dispatch_size(item_size, [&](auto zero) {
    move_masked(decompress_piece<decltype(zero)>, dst, x, src, mask, n);
  });
}

void mask_fill(void* dst, const void* src, const Dims& src_strides, const bool* mask,
               const Dims& mask_strides, const Dims& shape, const void* value, int64_t item_size) {
  if (numel(shape) == 0) return;
  Walk<3> w{shape, {contiguous_strides(shape), src_strides, mask_strides}};
  w.simplify();
  dispatch_size(item_size, [&](auto zero) {
    using T = decltype(zero);
    T v;
    std::memcpy(&v, value, sizeof v);
    parallel_for(w.count(), kMoveGrain, [&](int64_t begin, int64_t end) {
      w.rows(begin, end, [&](const auto& o, int64_t n) {
        T* d = static_cast<T*>(dst) + o[0];
        const T* s = static_cast<const T*>(src) + o[1];
        const bool* m = mask + o[2];
        const int64_t ds = w.inner(0), ss = w.inner(1), ms = w.inner(2);
        if (ds == 1 && ss == 1 && ms == 1) {
          for (int64_t i = 0; i < n; ++i) d[i] = m[i] ? v : s[i];
        } else {
          for (int64_t i = 0; i < n; ++i) d[i * ds] = m[i * ms] ? v : s[i * ss];
        }
      });
    });
  });
}

}  // namespace wengert
