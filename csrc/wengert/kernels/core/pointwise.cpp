#include "wengert/kernels/core/pointwise.h"

#include <cstring>

#include "wengert/base/parallel.h"

namespace wengert {
namespace {

constexpr int64_t kBlock = 1024;         // elements gathered at a time: 8 KiB per operand
constexpr int64_t kGrain = 32 * kBlock;  // elements per chunk of parallel work
constexpr int64_t kLongRow = 48;         // rows shorter than this are gathered into blocks

template <class T>
void copy_run(std::byte* to, int64_t to_step, const std::byte* from, int64_t from_step, int64_t n) {
  auto* t = reinterpret_cast<T*>(to);
  const auto* f = reinterpret_cast<const T*>(from);
  if (from_step == 0) {
    for (int64_t i = 0; i < n; ++i) t[i * to_step] = *f;
  } else if (from_step == 1 && to_step == 1) {
    std::memcpy(t, f, n * sizeof(T));
  } else {
    for (int64_t i = 0; i < n; ++i) t[i * to_step] = f[i * from_step];
  }
}

void copy_run(int64_t size, std::byte* to, int64_t to_step, const std::byte* from,
              int64_t from_step, int64_t n) {
  if (size == 4) return copy_run<uint32_t>(to, to_step, from, from_step, n);
  if (size == 8) return copy_run<uint64_t>(to, to_step, from, from_step, n);
  copy_run<uint8_t>(to, to_step, from, from_step, n);
}

// Merges neighbouring dimensions that every operand walks with one step.
int coalesce(Dims& shape, PointwiseOperand* ops, int count) {
  int n = 0;
  for (int d = 0; d < shape.size(); ++d) {
    if (shape[d] == 1) continue;
    bool merge = n > 0;
    for (int k = 0; k < count && merge; ++k)
      merge = ops[k].strides[n - 1] == shape[d] * ops[k].strides[d];
    if (merge) {
      shape[n - 1] *= shape[d];
      for (int k = 0; k < count; ++k) ops[k].strides[n - 1] = ops[k].strides[d];
    } else {
      shape[n] = shape[d];
      for (int k = 0; k < count; ++k) ops[k].strides[n] = ops[k].strides[d];
      ++n;
    }
  }
  if (n == 0) {
    shape[0] = 1;
    for (int k = 0; k < count; ++k) ops[k].strides[0] = 1;
    n = 1;
  }
  return n;
}

// A position in the index space, and where each operand stands there.
struct Walker {
  const Dims& shape;
  const PointwiseOperand* ops;
  int ndim, count;
  int64_t at[kMaxDims];
  int64_t offset[kMaxOperands];

  void seek(int64_t flat) {
    std::fill_n(offset, count, 0);
    for (int d = ndim - 1; d >= 0; --d) {
      at[d] = flat % shape[d];
      flat /= shape[d];
      for (int k = 0; k < count; ++k) offset[k] += at[d] * ops[k].strides[d];
    }
  }
  void skip(int64_t n) {
    int64_t flat = 0;
    for (int d = 0; d < ndim; ++d) flat = flat * shape[d] + at[d];
    seek(flat + n);
  }
  int64_t left_in_row() const { return shape[ndim - 1] - at[ndim - 1]; }
  int64_t step(int k) const { return ops[k].strides[ndim - 1]; }
  std::byte* pointer(int k) const { return ops[k].data + offset[k] * ops[k].item_size; }
  // n is at most left_in_row().
  void advance(int64_t n) {
    int d = ndim - 1;
    at[d] += n;
    for (int k = 0; k < count; ++k) offset[k] += n * ops[k].strides[d];
    while (at[d] == shape[d] && d > 0) {
      for (int k = 0; k < count; ++k)
        offset[k] += ops[k].strides[d - 1] - shape[d] * ops[k].strides[d];
      at[d] = 0;
      ++at[--d];
    }
  }
};

struct Buffers {
  alignas(64) std::byte data[kMaxOperands][kBlock * 8];
};

// Long rows: operands of step 1 are used where they lie, others pass through a buffer.
void run_rows(PointwiseKernel kernel, const double* params, Walker& w, int64_t n) {
  Buffers buffers;
  while (n > 0) {
    const int64_t m = std::min({n, w.left_in_row(), kBlock});
    const void* in[kMaxOperands];
    for (int k = 1; k < w.count; ++k) {
      in[k - 1] = w.pointer(k);
      if (w.step(k) == 1) continue;
      copy_run(w.ops[k].item_size, buffers.data[k], 1, w.pointer(k), w.step(k), m);
      in[k - 1] = buffers.data[k];
    }
    const bool direct = w.step(0) == 1;
    kernel(direct ? w.pointer(0) : buffers.data[0], in, m, params);
    if (!direct) copy_run(w.ops[0].item_size, w.pointer(0), w.step(0), buffers.data[0], 1, m);
    w.advance(m);
    n -= m;
  }
}

// Whether an operand lies in memory in the order of the index space, without gaps.
bool is_dense(const Walker& w, int k) {
  int64_t step = 1;
  for (int d = w.ndim - 1; d >= 0; --d) {
    if (w.ops[k].strides[d] != step) return false;
    step *= w.shape[d];
  }
  return true;
}

// Moves n elements of operand k, of those from w on, into the buffer or out of it.
template <bool kIn>
void move_block(Walker w, int k, std::byte* buffer, int64_t n) {
  const int64_t size = w.ops[k].item_size;
  w.ops += k;
  w.offset[0] = w.offset[k];
  w.count = 1;
  for (int64_t done = 0; done < n;) {
    const int64_t run = std::min(n - done, w.left_in_row());
    std::byte* at = buffer + done * size;
    kIn ? copy_run(size, at, 1, w.pointer(0), w.step(0), run)
        : copy_run(size, w.pointer(0), w.step(0), at, 1, run);
    w.advance(run);
    done += run;
  }
}

// Short rows: whole blocks of rows of the operands that are not dense are gathered, so that the
// kernel has something to do.
void run_blocks(PointwiseKernel kernel, const double* params, Walker& w, int64_t n) {
  Buffers buffers;
  const void* in[kMaxOperands];
  bool dense[kMaxOperands];
  for (int k = 0; k < w.count; ++k) dense[k] = is_dense(w, k);
  while (n > 0) {
    const int64_t m = std::min(n, kBlock);
    for (int k = 1; k < w.count; ++k) {
      in[k - 1] = dense[k] ? w.pointer(k) : buffers.data[k];
      if (!dense[k]) move_block<true>(w, k, buffers.data[k], m);
    }
    kernel(dense[0] ? w.pointer(0) : buffers.data[0], in, m, params);
    if (!dense[0]) move_block<false>(w, 0, buffers.data[0], m);
    if ((n -= m) > 0) w.skip(m);
  }
}

}  // namespace

void pointwise_loop(PointwiseKernel kernel, const double* params, const Dims& shape,
                    PointwiseOperand* operands, int count) {
  const int64_t n = numel(shape);
  if (n == 0) return;
  Dims merged = shape;
  if (merged.empty()) {
    merged.push_back(1);
    for (int k = 0; k < count; ++k) operands[k].strides.push_back(1);
  }
  const int ndim = coalesce(merged, operands, count);
  const auto run = merged[ndim - 1] >= kLongRow ? run_rows : run_blocks;
  parallel_for(n, kGrain, [&](int64_t begin, int64_t end) {
    Walker w{merged, operands, ndim, count, {}, {}};
    w.seek(begin);
    run(kernel, params, w, end - begin);
  });
}

void pointwise_flat(PointwiseKernel kernel, const double* params, int64_t n, std::byte* const* data,
                    const int64_t* item_size, const bool* single, int count) {
  bool any_single = false;
  for (int k = 1; k < count; ++k) any_single |= single[k];
  if (n <= 64 || !any_single) {
    alignas(64) std::byte small[kMaxOperands][64 * 8];
    const void* fixed[kMaxOperands];
    if (n == 0) return;
    for (int k = 1; k < count; ++k) {
      fixed[k] = data[k];
      if (!single[k] || n == 1) continue;
      copy_run(item_size[k], small[k], 1, data[k], 0, n);
      fixed[k] = small[k];
    }
    if (n <= kGrain) return kernel(data[0], fixed + 1, n, params);
  }
  parallel_for(n, kGrain, [&](int64_t begin, int64_t end) {
    Buffers buffers;
    const void* in[kMaxOperands];
    for (int k = 1; k < count; ++k) {
      if (!single[k]) continue;
      copy_run(item_size[k], buffers.data[k], 1, data[k], 0, std::min(kBlock, end - begin));
      in[k - 1] = buffers.data[k];
    }
    const int64_t step = any_single ? kBlock : end - begin;
    for (int64_t i = begin; i < end; i += step) {
      for (int k = 1; k < count; ++k)
        if (!single[k]) in[k - 1] = data[k] + i * item_size[k];
      kernel(data[0] + i * item_size[0], in, std::min(step, end - i), params);
    }
  });
}

}  // namespace wengert
