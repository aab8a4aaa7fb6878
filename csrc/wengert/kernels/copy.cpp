#include "wengert/kernels/copy.h"

#include <cstring>

#include "wengert/base/parallel.h"
#include "wengert/kernels/walk.h"

namespace wengert {
namespace {

constexpr int64_t kByteGrain = 1 << 19;
constexpr int64_t kTile = 32;  // a tile of 8-byte elements is 8 KB: it stays in the first cache

// Through a small buffer: rows of the source that are a power of two apart would otherwise evict
// one another from the cache before they are used up.
template <class T>
void transpose_tile(T* dst, int64_t dst_step, const T* src, int64_t src_step, int64_t rows,
                    int64_t columns) {
  T tile[kTile][kTile + 1];
  for (int64_t c = 0; c < columns; ++c)
    for (int64_t r = 0; r < rows; ++r) tile[c][r] = src[r + c * src_step];
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c) dst[r * dst_step + c] = tile[c][r];
}

// The last dimension is contiguous in dst, dimension d in src: both are cut into tiles.
template <class T>
void transpose(T* dst, const T* src, Walk<2> w, int d) {
  const int last = w.shape.size() - 1;
  const int64_t rows = w.shape[d], columns = w.shape[last];
  const int64_t dst_step = w.strides[0][d], src_step = w.strides[1][last];
  w.erase(last);
  w.erase(d);
  const int64_t strips = (rows + kTile - 1) / kTile;
  const int64_t grain = std::max<int64_t>(1, kMoveGrain / (kTile * columns));
  parallel_for(w.count() * strips, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t r = i % strips * kTile;
      T* to = dst + w.offset(i / strips, 0) + r * dst_step;
      const T* from = src + w.offset(i / strips, 1) + r;
      for (int64_t c = 0; c < columns; c += kTile)
        transpose_tile(to + c, dst_step, from + c * src_step, src_step, std::min(kTile, rows - r),
                       std::min(kTile, columns - c));
    }
  });
}

template <class T>
void copy_row(T* dst, int64_t dst_step, const T* src, int64_t src_step, int64_t n) {
  if (dst_step == 1 && src_step == 1) {
    if (n * sizeof(T) >= 128) {
      std::memcpy(dst, src, n * sizeof(T));
    } else {
      for (int64_t i = 0; i < n; ++i) dst[i] = src[i];
    }
  } else if (dst_step == 1 && src_step == 0) {
    std::fill_n(dst, n, *src);
  } else if (dst_step == 1) {
    for (int64_t i = 0; i < n; ++i) dst[i] = src[i * src_step];
  } else {
    for (int64_t i = 0; i < n; ++i) dst[i * dst_step] = src[i * src_step];
  }
}

template <class T>
void copy_typed(T* dst, const T* src, const Walk<2>& w) {
  const int last = w.shape.size() - 1;
  if (w.inner(0) == 1 && w.inner(1) != 1 && w.shape[last] >= 4) {
    for (int d = 0; d < last; ++d)
      if (w.strides[1][d] == 1 && w.shape[d] >= 4) return transpose(dst, src, w, d);
  }
  parallel_for(w.count(), kMoveGrain, [&](int64_t begin, int64_t end) {
    w.rows(begin, end, [&](const auto& at, int64_t n) {
      copy_row(dst + at[0], w.inner(0), src + at[1], w.inner(1), n);
    });
  });
}

template <class To, class From>
To convert(From v) {
  if constexpr (std::is_same_v<To, bool>) {
    return v != From(0);
  } else if constexpr (std::is_same_v<To, uint8_t> && std::is_floating_point_v<From>) {
    return static_cast<uint8_t>(static_cast<int64_t>(v));
  } else {
    return static_cast<To>(v);
  }
}

template <class To, class From>
void cast_row(To* dst, int64_t dst_step, const From* src, int64_t src_step, int64_t n) {
  if (dst_step == 1 && src_step == 1) {
    for (int64_t i = 0; i < n; ++i) dst[i] = convert<To>(src[i]);
  } else {
    for (int64_t i = 0; i < n; ++i) dst[i * dst_step] = convert<To>(src[i * src_step]);
  }
}

template <class To, class From>
void cast_typed(To* dst, const From* src, const Walk<2>& w) {
  parallel_for(w.count(), kMoveGrain, [&](int64_t begin, int64_t end) {
    w.rows(begin, end, [&](const auto& at, int64_t n) {
      cast_row(dst + at[0], w.inner(0), src + at[1], w.inner(1), n);
    });
  });
}

}  // namespace

void copy_bytes(void* dst, const void* src, int64_t bytes) {
  parallel_for(bytes, kByteGrain, [&](int64_t begin, int64_t end) {
    std::memcpy(static_cast<char*>(dst) + begin, static_cast<const char*>(src) + begin,
                static_cast<size_t>(end - begin));
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
  dispatch(to, [&](auto a) {
    dispatch(from, [&](auto b) {
      cast_typed(static_cast<decltype(a)*>(dst), static_cast<const decltype(b)*>(src), w);
    });
  });
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
  dispatch(dtype, [&](auto zero) {
    const auto v = value.to<decltype(zero)>();
    fill_strided(dst, strides, shape, sizeof v, &v);
  });
}

}  // namespace wengert
