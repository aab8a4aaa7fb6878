#include "wengert/kernels/core/copy.h"

#include <cstring>
#include <type_traits>

#include "wengert/base/parallel.h"
#include "wengert/kernels/core/halves.h"
#include "wengert/kernels/core/stream.h"
#include "wengert/kernels/core/vec.h"
#include "wengert/kernels/core/walk.h"

namespace wengert {
namespace {

constexpr int64_t kByteGrain = 1 << 19;

// The strides of dst lead from one start of a line to the next.
template <class T>
bool rows_start_lines(const T* dst, const Walk<2>& w) {
  constexpr int64_t kLine = kLineBytes / sizeof(T);
  bool all = starts_line(dst);
  for (int d = 0; d + 1 < w.shape.size(); ++d) all &= w.strides[0][d] % kLine == 0;
  return all;
}

template <class T>
void copy_items(T* dst, const T* src, int64_t n) {
  if (n * sizeof(T) >= 128) {
    std::memcpy(dst, src, n * sizeof(T));
  } else {
    for (int64_t i = 0; i < n; ++i) dst[i] = src[i];
  }
}

// Note [turning]: a matrix is transposed tile by tile through a buffer. Rows are often a power of
// two apart, so that they displace one another in the cache; through the buffer each line of the
// source is read once and each line of the destination written at once. Tiles follow each other
// along the lines of the source. Past the caches they are narrow: memory keeps up with few lines of
// the source being read at a time. What is left at an edge is done by a block that lies partly on
// what is done already: nothing beyond the edge is touched.

template <class T>
constexpr int64_t kRows = 4 * kLineBytes / std::max<int64_t>(4, sizeof(T));
template <class T>
constexpr int64_t kColumns = 2 * kRows<T>;

template <class T>
using Lane = std::conditional_t<sizeof(T) == 8, double, float>;
template <class T>
constexpr int64_t kBlock = sizeof(T) <= 2 ? 8 : Vec<Lane<T>>::kSize;

// to[r * to_step + c] = from[c * step + r] for a block.
template <class T>
void turn_block(T* to, int64_t to_step, const T* from, int64_t step) {
  constexpr int64_t kSize = kBlock<T>;
  if constexpr (sizeof(T) <= 2) {
    for (int64_t r = 0; r < kSize; ++r)
      for (int64_t c = 0; c < kSize; ++c) to[r * to_step + c] = from[c * step + r];
  } else {
    using L = Lane<T>;
    Eigen::internal::PacketBlock<typename Vec<L>::Packet, kSize> block;
    for (int64_t c = 0; c < kSize; ++c)
      block.packet[c] = Vec<L>::load(reinterpret_cast<const L*>(from + c * step)).p;
    Eigen::internal::ptranspose(block);
    for (int64_t r = 0; r < kSize; ++r)
      Vec<L>(block.packet[r]).store(reinterpret_cast<L*>(to + r * to_step));
  }
}

// n elements in tiles; a rest of less than a block belongs to the last one.
template <class T>
struct Tiles {
  int64_t n, size;

  int64_t count() const { return std::max<int64_t>(1, (n + size - kBlock<T>) / size); }
  int64_t begin(int64_t i) const { return i * size; }
  int64_t length(int64_t i) const { return i + 1 == count() ? n - begin(i) : size; }
};

// A matrix that is contiguous along its rows' index in src and along its columns' in dst.
template <class T>
struct Turn {
  Tiles<T> rows, columns;
  int64_t dst_step, src_step;
  bool stream;

  // At most as many lines are in use at a time as a block has rows.
  void small(T* dst, const T* src, int64_t m, int64_t n) const {
    if (m < n) {
      for (int64_t c = 0; c < n; ++c)
        for (int64_t r = 0; r < m; ++r) dst[r * dst_step + c] = src[c * src_step + r];
    } else {
      for (int64_t r = 0; r < m; ++r)
        for (int64_t c = 0; c < n; ++c) dst[r * dst_step + c] = src[c * src_step + r];
    }
  }

  void tile(T* dst, const T* src, int64_t i, int64_t j) const {
    constexpr int64_t kLine = kLineBytes / sizeof(T), kPitch = kColumns<T> + kLine;
    const int64_t m = rows.length(i), n = columns.length(j);
    const T* from = src + columns.begin(j) * src_step + rows.begin(i);
    T* to = dst + rows.begin(i) * dst_step + columns.begin(j);
    if (m < kBlock<T> || n < kBlock<T>) return small(to, from, m, n);
    alignas(kLineBytes) T buffer[(kRows<T> + kBlock<T>)*kPitch];
    const T* next = from;  // the tile after this one
    if (i + 1 < rows.count()) {
      next = from + kRows<T>;
    } else if (j + 1 < columns.count()) {
      next = src + columns.begin(j + 1) * src_step;
    }
    for (int64_t c = 0;; c = std::min(c + kBlock<T>, n - kBlock<T>)) {
      // The lines of the next block are far apart: the CPU does not foresee them.
      const T* ahead = c + 2 * kBlock<T> <= n ? from + (c + kBlock<T>)*src_step : next;
      for (int64_t k = 0; k < kBlock<T>; ++k)
        for (int64_t r = 0; r < m; r += kLine) __builtin_prefetch(ahead + k * src_step + r, 0, 2);
      for (int64_t r = 0;; r = std::min(r + kBlock<T>, m - kBlock<T>)) {
        turn_block(buffer + r * kPitch + c, kPitch, from + c * src_step + r, src_step);
        if (r + kBlock<T> == m) break;
      }
      if (c + kBlock<T> == n) break;
    }
    for (int64_t r = 0; r < m; ++r) {
      const T* row = buffer + r * kPitch;
      stream ? stream_bytes(to + r * dst_step, row, n * sizeof(T))
             : copy_items(to + r * dst_step, row, n);
    }
  }
};

// Past the caches only if most lines that a tile writes are whole.
template <class T>
bool stream_tiles(const Walk<2>& w, bool lines) {
  const int64_t row = std::min(w.shape.back(), kColumns<T>) * static_cast<int64_t>(sizeof(T));
  if (w.count() * static_cast<int64_t>(sizeof(T)) < kStreamBytes) return false;
  return row >= 8 * kLineBytes || (row % kLineBytes == 0 && lines);
}

// The last dimension is contiguous in dst, dimension d in src.
template <class T>
void transpose(T* dst, const T* src, Walk<2> w, int d) {
  const int last = w.shape.size() - 1;
  const bool lines = rows_start_lines(dst, w), stream = stream_tiles<T>(w, lines);
  const Turn<T> turn{{w.shape[d], kRows<T>},
                     {w.shape[last], stream && lines ? kColumns<T> / 4 : kColumns<T>},
                     w.strides[0][d],
                     w.strides[1][last],
                     stream};
  w.erase(last);
  w.erase(d);
  const int64_t across = turn.rows.count(), each = across * turn.columns.count();
  const int64_t size = turn.rows.length(0) * turn.columns.length(0);
  const int64_t grain = std::max<int64_t>(1, kMoveGrain / size);
  parallel_for(w.count() * each, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t matrix = i / each, at = i % each;
      turn.tile(dst + w.offset(matrix, 0), src + w.offset(matrix, 1), at % across, at / across);
    }
    if (turn.stream) stream_done();
  });
}

// Rows that are whole lines, or so long that the lines at their ends do not count.
template <class T>
bool stream_rows(const T* dst, const Walk<2>& w) {
  constexpr int64_t kLong = 32 * kLineBytes;
  const int64_t row = w.shape.back() * static_cast<int64_t>(sizeof(T));
  if (w.inner(0) != 1 || w.count() * static_cast<int64_t>(sizeof(T)) < kStreamBytes) return false;
  return row >= kLong || (row % kLineBytes == 0 && rows_start_lines(dst, w));
}

template <class T>
void gather(T* dst, const T* src, int64_t step, int64_t n) {
  switch (step) {  // a step that is known is made of loads and shuffles
    case 0:
      return void(std::fill_n(dst, n, *src));
    case 1:
      return copy_items(dst, src, n);
    case 2:
      for (int64_t i = 0; i < n; ++i) dst[i] = src[2 * i];
      return;
    case -1:
      for (int64_t i = 0; i < n; ++i) dst[i] = src[-i];
      return;
    default:
      for (int64_t i = 0; i < n; ++i) dst[i] = src[i * step];
  }
}

template <class T>
void stream_row(T* dst, const T* src, int64_t step, int64_t n) {
  constexpr int64_t kPart = 4096 / sizeof(T);
  if (step == 1) return stream_bytes(dst, src, n * sizeof(T));
  alignas(kLineBytes) T part[kPart];
  for (int64_t i = 0; i < n; i += kPart) {
    const int64_t length = std::min(kPart, n - i);
    gather(part, src + i * step, step, length);
    stream_bytes(dst + i, part, length * sizeof(T));
  }
}

template <class T>
void copy_rows(T* dst, const T* src, const Walk<2>& w) {
  const int64_t to = w.inner(0), from = w.inner(1);
  const bool stream = stream_rows(dst, w);
  // The CPU does not foresee where the next of many short rows begins.
  const int64_t ahead =
      w.shape.size() > 1 && w.shape.back() < 256 ? 16 * w.strides[1][w.shape.size() - 2] : 0;
  parallel_for(w.count(), kMoveGrain, [&](int64_t begin, int64_t end) {
    w.rows(begin, end, [&](const auto& at, int64_t n) {
      T* d = dst + at[0];
      const T* s = src + at[1];
      if (ahead != 0) __builtin_prefetch(s + ahead);
      if (stream) {
        stream_row(d, s, from, n);
      } else if (to == 1) {
        gather(d, s, from, n);
      } else {
        for (int64_t i = 0; i < n; ++i) d[i * to] = s[i * from];
      }
    });
    if (stream) stream_done();
  });
}

// Rows of a few elements, which lie side by side along the dimension before.
constexpr int64_t kFew = 8;
template <class T>
void copy_short_rows(T* dst, const T* src, Walk<2> w) {
  const int64_t length = w.shape.back(), to = w.inner(0), from = w.inner(1);
  w.erase(w.shape.size() - 1);
  const int64_t next_to = w.inner(0), next_from = w.inner(1);
  parallel_for(w.count(), kMoveGrain / length, [&](int64_t begin, int64_t end) {
    w.rows(begin, end, [&](const auto& at, int64_t rows) {
      const auto copy = [&, d = dst + at[0], s = src + at[1]](auto n) {
        for (int64_t i = 0; i < rows; ++i)
          for (int64_t j = 0; j < n; ++j) d[i * next_to + j * to] = s[i * next_from + j * from];
      };
      switch (length) {
        case 2:
          return copy(std::integral_constant<int64_t, 2>());
        case 3:
          return copy(std::integral_constant<int64_t, 3>());
        case 4:
          return copy(std::integral_constant<int64_t, 4>());
        default:
          return copy(length);
      }
    });
  });
}

template <class T>
void copy_typed(T* dst, const T* src, const Walk<2>& w) {
  const int last = w.shape.size() - 1;
  if (w.inner(0) == 1 && w.inner(1) != 1 && w.inner(1) != 0 && w.shape[last] >= 4) {
    for (int d = 0; d < last; ++d)
      if (w.strides[1][d] == 1 && w.shape[d] >= 4) return transpose(dst, src, w, d);
  }
  if (last > 0 && w.shape[last] <= kFew && w.shape[last - 1] > kFew)
    return copy_short_rows(dst, src, w);
  copy_rows(dst, src, w);
}

// What an integer becomes of NaN, or of a number beyond its range, is left to the processor.
template <class To, class From>
#ifdef __clang__
[[clang::no_sanitize("float-cast-overflow")]]
#endif
To convert(From v) {
  if constexpr (std::is_same_v<To, bool>) {
    return v != From(0);
  } else if constexpr (std::is_same_v<To, uint8_t> && std::is_floating_point_v<From>) {
    return static_cast<uint8_t>(static_cast<int64_t>(v));
  } else {
    return static_cast<To>(v);
  }
}

// Between types the loop over the rows is one for all of them.
using CastRow = void (*)(void* dst, int64_t dst_step, const void* src, int64_t src_step, int64_t n);

template <class To, class From>
void cast_row(void* dst, int64_t dst_step, const void* src, int64_t src_step, int64_t n) {
  auto* to = static_cast<To*>(dst);
  const auto* from = static_cast<const From*>(src);
  if (dst_step == 1 && src_step == 1) {
    for (int64_t i = 0; i < n; ++i) to[i] = convert<To>(from[i]);
  } else {
    for (int64_t i = 0; i < n; ++i) to[i * dst_step] = convert<To>(from[i * src_step]);
  }
}

constexpr int64_t kCastBlock = 256;  // elements of narrow types that are cast at a time

// A block of float16 or bfloat16 to or from float32: by `line`, through another where there are
// steps.
template <class To, class From>
void half_row(void (*line)(To*, const From*, int64_t), void* dst, int64_t dst_step, const void* src,
              int64_t src_step, int64_t n) {
  auto* to = static_cast<To*>(dst);
  const auto* from = static_cast<const From*>(src);
  if (dst_step == 1 && src_step == 1) return line(to, from, n);
  To results[kCastBlock];
  From items[kCastBlock];
  for (int64_t i = 0; i < n; ++i) items[i] = from[i * src_step];
  line(results, items, n);
  for (int64_t i = 0; i < n; ++i) to[i * dst_step] = results[i];
}
template <class N>
void widen_row(void* dst, int64_t dst_step, const void* src, int64_t src_step, int64_t n) {
  half_row(half_lines(dtype_of<N>()).widen, dst, dst_step, src, src_step, n);
}
template <class N>
void round_row(void* dst, int64_t dst_step, const void* src, int64_t src_step, int64_t n) {
  half_row(half_lines(dtype_of<N>()).round, dst, dst_step, src, src_step, n);
}

CastRow cast_row_of(Dtype to, Dtype from) {
  return dispatch(to, [&](auto a) {
    return dispatch(from, [](auto b) -> CastRow { return cast_row<decltype(a), decltype(b)>; });
  });
}

// Narrow types are read into the types that they are computed in, and written from those:
// f(narrow, wide).
template <class F>
CastRow narrow_row_of(Dtype d, const F& f) {
  switch (d) {
    case Dtype::kInt8:
      return f(int8_t{}, int32_t{});
    case Dtype::kInt16:
      return f(int16_t{}, int32_t{});
    case Dtype::kFloat16:
      return f(Half(0.0f), float{});
    default:
      return f(BFloat16(0.0f), float{});
  }
}

CastRow widening_row_of(Dtype from) {
  return narrow_row_of(from, [](auto narrow, auto wide) -> CastRow {
    using N = decltype(narrow);
    if constexpr (is_half<N>)
      return widen_row<N>;
    else
      return cast_row<decltype(wide), N>;
  });
}

CastRow narrowing_row_of(Dtype to) {
  return narrow_row_of(to, [](auto narrow, auto wide) -> CastRow {
    using N = decltype(narrow);
    if constexpr (is_half<N>)
      return round_row<N>;
    else
      return cast_row<N, decltype(wide)>;
  });
}

// A cast to or from a narrow type, in up to three steps: two of them through a block in cache.
class NarrowCast {
 public:
  NarrowCast(Dtype to, Dtype from)
      : widen_(is_narrow(from) ? widening_row_of(from) : nullptr),
        between_(widened(to) != widened(from) ? cast_row_of(widened(to), widened(from)) : nullptr),
        narrow_(is_narrow(to) ? narrowing_row_of(to) : nullptr),
        to_size_(item_size(to)),
        from_size_(item_size(from)) {}

  void operator()(char* dst, int64_t dst_step, const char* src, int64_t src_step, int64_t n) const {
    for (int64_t i = 0; i < n; i += kCastBlock)
      block(dst + i * dst_step * to_size_, dst_step, src + i * src_step * from_size_, src_step,
            std::min(kCastBlock, n - i));
  }

 private:
  void block(char* dst, int64_t dst_step, const char* src, int64_t src_step, int64_t n) const {
    alignas(64) double first[kCastBlock], second[kCastBlock];
    const auto step = [&](CastRow row, bool last, double* block) {
      row(last ? static_cast<void*>(dst) : block, last ? dst_step : 1, src, src_step, n);
      src = reinterpret_cast<const char*>(block);
      src_step = 1;
    };
    if (widen_) step(widen_, !between_ && !narrow_, first);
    if (between_) step(between_, !narrow_, second);
    if (narrow_) step(narrow_, true, nullptr);
  }

  CastRow widen_, between_, narrow_;
  int64_t to_size_, from_size_;
};

// f over the rows of a walk, with the first elements of each.
template <class F>
void cast_rows(void* dst, int64_t to_size, const void* src, int64_t from_size, const Walk<2>& w,
               const F& f) {
  parallel_for(w.count(), kMoveGrain, [&](int64_t begin, int64_t end) {
    w.rows(begin, end, [&](const auto& at, int64_t n) {
      f(static_cast<char*>(dst) + at[0] * to_size, w.inner(0),
        static_cast<const char*>(src) + at[1] * from_size, w.inner(1), n);
    });
  });
}

}  // namespace

void copy_bytes(void* dst, const void* src, int64_t bytes) {
  parallel_for(bytes, kByteGrain, [&](int64_t begin, int64_t end) {
    char* to = static_cast<char*>(dst) + begin;
    const char* from = static_cast<const char*>(src) + begin;
    if (bytes < kStreamBytes) {
      std::memcpy(to, from, static_cast<size_t>(end - begin));
    } else {
      stream_bytes(to, from, end - begin);
      stream_done();
    }
  });
}

void zero_bytes(void* dst, int64_t bytes) {
  parallel_for(bytes, kByteGrain, [&](int64_t begin, int64_t end) {
    std::memset(static_cast<char*>(dst) + begin, 0, static_cast<size_t>(end - begin));
  });
}

void copy_strided(void* dst, const Dims& dst_strides, const void* src, const Dims& src_strides,
                  const Dims& shape, int64_t item_size) {
  const int64_t n = numel(shape);
  if (n == 0) return;
  if (is_contiguous(shape, dst_strides) && is_contiguous(shape, src_strides))
    return copy_bytes(dst, src, n * item_size);
  Walk<2> w{shape, {dst_strides, src_strides}};
  w.simplify();
  dispatch_size(item_size, [&](auto zero) {
    using T = decltype(zero);
    copy_typed(static_cast<T*>(dst), static_cast<const T*>(src), w);
  });
}

void cast_strided(void* dst, Dtype to, const Dims& dst_strides, const void* src, Dtype from,
                  const Dims& src_strides, const Dims& shape) {
  if (to == from) return copy_strided(dst, dst_strides, src, src_strides, shape, item_size(to));
  if (numel(shape) == 0) return;
  Walk<2> w{shape, {dst_strides, src_strides}};
  w.simplify();
  const auto rows = [&](const auto& f) {
    cast_rows(dst, item_size(to), src, item_size(from), w, f);
  };
  if (is_narrow(to) || is_narrow(from)) {
    rows(NarrowCast(to, from));
  } else {
    rows(cast_row_of(to, from));
  }
}

void fill_strided(void* dst, const Dims& strides, const Dims& shape, int64_t item_size,
                  const void* value) {
  if (numel(shape) == 0) return;
  Walk<1> w{shape, {strides}};
  w.simplify();
  dispatch_size(item_size, [&](auto zero) {
    using T = decltype(zero);
    T v;
    std::memcpy(&v, value, sizeof v);
    parallel_for(w.count(), kMoveGrain, [&](int64_t begin, int64_t end) {
      w.rows(begin, end, [&](const auto& at, int64_t n) {
        T* to = static_cast<T*>(dst) + at[0];
        if (w.inner(0) == 1) {
          std::fill_n(to, n, v);
        } else {
          for (int64_t i = 0; i < n; ++i) to[i * w.inner(0)] = v;
        }
      });
    });
  });
}

void fill_strided(void* dst, Dtype dtype, const Dims& strides, const Dims& shape,
                  const Scalar& value) {
  dispatch_all(dtype, [&](auto zero) {
    const auto v = value.to<decltype(zero)>();
    fill_strided(dst, strides, shape, sizeof v, &v);
  });
}

}  // namespace wengert
