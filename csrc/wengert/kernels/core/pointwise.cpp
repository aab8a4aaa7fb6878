#include "wengert/kernels/core/pointwise.h"

#include <cstring>

#include "wengert/base/parallel.h"
#include "wengert/kernels/core/turn.h"
#include "wengert/kernels/core/walk.h"

namespace wengert {
namespace {

constexpr int64_t kBlock = 1024;         // elements gathered at a time: 8 KiB per operand
constexpr int64_t kGrain = 32 * kBlock;  // elements per chunk of parallel work
constexpr int64_t kLongRow = 128;        // rows shorter than this are gathered into blocks
constexpr int64_t kDirectRow = 32;       // the same where no operand needs a buffer

template <class T>
void copy_run(std::byte* to, int64_t to_step, const std::byte* from, int64_t from_step, int64_t n) {
  auto* t = reinterpret_cast<T*>(to);
  const auto* f = reinterpret_cast<const T*>(from);
  if (from_step == 0 && to_step == 1) {
    std::fill_n(t, n, *f);
  } else if (from_step == 1 && to_step == 1) {
    std::memcpy(t, f, n * sizeof(T));
  } else if (from_step == 2 && to_step == 1) {  // vectorised as a constant
    for (int64_t i = 0; i < n; ++i) t[i] = f[i * 2];
  } else {
    for (int64_t i = 0; i < n; ++i) t[i * to_step] = f[i * from_step];
  }
}

void copy_run(int64_t size, std::byte* to, int64_t to_step, const std::byte* from,
              int64_t from_step, int64_t n) {
  if (size == 2) return copy_run<uint16_t>(to, to_step, from, from_step, n);
  if (size == 4) return copy_run<uint32_t>(to, to_step, from, from_step, n);
  if (size == 8) return copy_run<uint64_t>(to, to_step, from, from_step, n);
  copy_run<uint8_t>(to, to_step, from, from_step, n);
}

// The operands' index space.
struct Operands {
  static constexpr int kMost = kMaxOperands;
  const Dims& shape;
  const PointwiseOperand* ops;
  int count;
  bool singles = false;  // the kernel takes them

  int operands() const { return count; }
  int ndim() const { return shape.size(); }
  int64_t size(int d) const { return shape[d]; }
  int64_t stride(int k, int d) const { return ops[k].strides[d]; }
  int64_t step(int k) const { return ops[k].strides[ndim() - 1]; }
  bool single(int k) const { return singles && k > 0 && step(k) == 0; }
  bool all_direct() const {
    for (int k = 0; k < count; ++k)
      if (step(k) != 1 && !single(k)) return false;
    return true;
  }
};

std::byte* pointer(const Operands& all, const Cursor<Operands>& at, int k) {
  return all.ops[k].data + at.offsets()[k] * all.ops[k].item_size;
}

struct Buffers {
  alignas(64) std::byte data[kMaxOperands][kBlock * 8];
};

// Every operand is used where it lies, a row at a time.
void run_direct(PointwiseKernel kernel, const double* params, const Operands& all, int64_t begin,
                int64_t end) {
  const int last = all.ndim() - 1, arity = all.count - 1;
  const void* in[2 * kMaxOperands];
  int64_t by[kMaxOperands] = {};  // from one row to the next, in bytes
  bool some_single = false;
  for (int k = 0; k <= arity; ++k) {
    if (last > 0) by[k] = all.stride(k, last - 1) * all.ops[k].item_size;
    if (k > 0) in[arity + k - 1] = all.single(k) ? in : nullptr;
    some_single |= all.single(k);
  }
  Cursor at(all, begin);
  for (int64_t i = begin;;) {
    const int64_t row = all.size(last), m = std::min(at.left_in_row(), end - i);
    int64_t rows = 1;
    if (m == row && last > 0)
      rows = std::min((end - i) / row, all.size(last - 1) - i / row % all.size(last - 1));
    std::byte* out = pointer(all, at, 0);
    for (int k = 1; k <= arity; ++k) in[k - 1] = pointer(all, at, k);
    for (int64_t r = 0; r < rows; ++r, out += by[0]) {
      kernel(out, in, some_single ? -m : m, params);
      for (int k = 0; k < arity; ++k) in[k] = static_cast<const std::byte*>(in[k]) + by[k + 1];
    }
    if ((i += m * rows) == end) return;
    at.seek(i);
  }
}

// Long rows: operands of step 1 are used where they lie, others pass through a buffer, which is not
// filled again where an element is repeated along a row.
void run_rows(PointwiseKernel kernel, const double* params, const Operands& all, int64_t begin,
              int64_t end) {
  Buffers buffers;
  const std::byte* held[kMaxOperands] = {};  // what the buffers begin with
  int64_t length[kMaxOperands] = {};
  Cursor at(all, begin);
  for (int64_t n = end - begin;;) {
    const int64_t m = std::min({n, at.left_in_row(), kBlock});
    const void* in[kMaxOperands];
    for (int k = 1; k < all.count; ++k) {
      const std::byte* const from = pointer(all, at, k);
      const bool direct = all.step(k) == 1;
      in[k - 1] = direct ? from : buffers.data[k];
      if (direct || (held[k] == from && m <= length[k])) continue;
      copy_run(all.ops[k].item_size, buffers.data[k], 1, from, all.step(k), m);
      held[k] = from;
      length[k] = m;
    }
    const bool direct = all.step(0) == 1;
    std::byte* const out = pointer(all, at, 0);
    kernel(direct ? out : buffers.data[0], in, m, params);
    if (!direct) copy_run(all.ops[0].item_size, out, all.step(0), buffers.data[0], 1, m);
    if ((n -= m) == 0) return;
    at.advance(m);
  }
}

// Whether an operand lies in memory in the order of the index space, without gaps.
bool is_dense(const Operands& all, int k) {
  int64_t step = 1;
  for (int d = all.ndim() - 1; d >= 0; --d) {
    if (all.ops[k].strides[d] != step) return false;
    step *= all.shape[d];
  }
  return true;
}

// Moves n elements of operand k, of those from `from` on, into the buffer or out of it.
template <bool kIn>
void move_block(const Operands& all, const Cursor<Operands>& from, int k, std::byte* buffer,
                int64_t n) {
  const Operands one{all.shape, all.ops + k, 1};
  const int64_t size = one.ops->item_size;
  for (Cursor at(one, from);; at.next_row()) {
    const int64_t run = std::min(n, at.left_in_row());
    std::byte* const p = pointer(one, at, 0);
    kIn ? copy_run(size, buffer, 1, p, one.step(0), run)
        : copy_run(size, p, one.step(0), buffer, 1, run);
    if ((n -= run) == 0) return;
    buffer += run * size;
  }
}

// Short rows: whole blocks of rows of the operands that are not dense are gathered, so that the
// kernel has something to do.
void run_blocks(PointwiseKernel kernel, const double* params, const Operands& all, int64_t begin,
                int64_t end) {
  Buffers buffers;
  const void* in[kMaxOperands];
  bool dense[kMaxOperands];
  for (int k = 0; k < all.count; ++k) dense[k] = is_dense(all, k);
  Cursor at(all, begin);
  for (int64_t i = begin;;) {
    const int64_t m = std::min(end - i, kBlock);
    for (int k = 1; k < all.count; ++k) {
      in[k - 1] = dense[k] ? pointer(all, at, k) : buffers.data[k];
      if (!dense[k]) move_block<true>(all, at, k, buffers.data[k], m);
    }
    kernel(dense[0] ? pointer(all, at, 0) : buffers.data[0], in, m, params);
    if (!dense[0]) move_block<false>(all, at, 0, buffers.data[0], m);
    if ((i += m) == end) return;
    at.seek(i);
  }
}

// Where an operand lies across the index space, row by row each of its lines would be met again and
// again: the space is cut into tiles, in which such an operand is turned.
struct Tiled {
  static constexpr int64_t kRows = 32, kColumns = 64;
  const Operands& all;
  int across;  // the dimension along which that operand is contiguous

  int last() const { return all.ndim() - 1; }
  int64_t row_tiles() const { return (all.shape[across] + kRows - 1) / kRows; }
  int64_t column_tiles() const { return (all.shape[last()] + kColumns - 1) / kColumns; }
  int64_t tiles() const {
    return numel(all.shape) / all.shape[across] / all.shape[last()] * row_tiles() * column_tiles();
  }
  bool turns(int k) const {
    return all.ops[k].strides[across] == 1 && all.step(k) > 1 && all.ops[k].item_size >= 4;
  }
};

// The dimension across, if an input of many elements lies that way; else -1.
int across(const Operands& all) {
  const int last = all.ndim() - 1;
  if (last == 0 || all.shape[last] < 8) return -1;
  for (int d = last - 1; d >= 0; --d)
    for (int k = 1; k < all.count; ++k)
      if (all.shape[d] >= 8 && Tiled{all, d}.turns(k)) return d;
  return -1;
}

template <class T>
void turn_tile(std::byte* to, const std::byte* from, int64_t step, int64_t rows, int64_t columns) {
  constexpr int64_t kSize = Vec<T>::kSize;
  for (int64_t c = 0; c < columns; c += kSize)
    detail::turn(reinterpret_cast<T*>(to) + c, Tiled::kColumns,
                 reinterpret_cast<const T*>(from) + c * step, step, std::min(kSize, columns - c),
                 rows);
}

struct Tile {
  int64_t rows, columns;
  int64_t offset[kMaxOperands];
};

Tile tile_at(const Tiled& t, int64_t i) {
  const auto& [all, across] = t;
  const int64_t row = i % t.row_tiles() * Tiled::kRows;
  i /= t.row_tiles();
  const int64_t column = i % t.column_tiles() * Tiled::kColumns;
  i /= t.column_tiles();
  Tile tile{std::min(Tiled::kRows, all.shape[across] - row),
            std::min(Tiled::kColumns, all.shape[t.last()] - column),
            {}};
  for (int k = 0; k < all.count; ++k)
    tile.offset[k] = row * all.stride(k, across) + column * all.step(k);
  for (int d = t.last() - 1; d >= 0; --d) {
    if (d == across) continue;
    for (int k = 0; k < all.count; ++k) tile.offset[k] += i % all.shape[d] * all.stride(k, d);
    i /= all.shape[d];
  }
  return tile;
}

void run_tiles(PointwiseKernel kernel, const double* params, const Tiled& t, int64_t begin,
               int64_t end) {
  const Operands& all = t.all;
  alignas(64) std::byte buffers[kMaxOperands][Tiled::kRows * Tiled::kColumns * 8];
  for (int64_t i = begin; i < end; ++i) {
    const Tile tile = tile_at(t, i);
    std::byte* at[kMaxOperands];
    int64_t pitch[kMaxOperands];  // from one row of the tile to the next, in bytes
    for (int k = 0; k < all.count; ++k) {
      const PointwiseOperand& x = all.ops[k];
      at[k] = x.data + tile.offset[k] * x.item_size;
      pitch[k] = x.strides[t.across] * x.item_size;
      if (k == 0 || all.step(k) == 1) continue;
      const int64_t line = Tiled::kColumns * x.item_size;
      if (t.turns(k)) {
        (x.item_size == 4 ? turn_tile<float> : turn_tile<double>)(buffers[k], at[k], all.step(k),
                                                                  tile.rows, tile.columns);
      } else {
        for (int64_t r = 0; r < tile.rows; ++r)
          copy_run(x.item_size, buffers[k] + r * line, 1, at[k] + r * pitch[k], all.step(k),
                   tile.columns);
      }
      at[k] = buffers[k];
      pitch[k] = line;
    }
    const bool direct = all.step(0) == 1;
    for (int64_t r = 0; r < tile.rows; ++r) {
      const void* in[kMaxOperands];
      for (int k = 1; k < all.count; ++k) in[k - 1] = at[k] + r * pitch[k];
      std::byte* const out = at[0] + r * pitch[0];
      kernel(direct ? out : buffers[0], in, tile.columns, params);
      if (!direct) copy_run(all.ops[0].item_size, out, all.step(0), buffers[0], 1, tile.columns);
    }
  }
}

// Orders the dimensions as they lie in what is written, so that writes go forward in memory.
void order_dims(Dims& shape, PointwiseOperand* operands, int count) {
  const auto before = [&](int d) { return operands[0].strides[d - 1] < operands[0].strides[d]; };
  for (int i = 1; i < shape.size(); ++i)
    for (int d = i; d > 0 && before(d); --d) {
      std::swap(shape[d - 1], shape[d]);
      for (int k = 0; k < count; ++k) std::swap(operands[k].strides[d - 1], operands[k].strides[d]);
    }
}

}  // namespace

void pointwise_loop(PointwiseKernel kernel, const double* params, const Dims& shape,
                    PointwiseOperand* operands, int count, bool singles) {
  const int64_t n = numel(shape);
  if (n == 0) return;
  Dims merged = shape;
  order_dims(merged, operands, count);
  merge_dims(merged, count, [&](int k) -> Dims& { return operands[k].strides; });
  const Operands all{merged, operands, count, singles};
  if (const int d = across(all); d >= 0) {
    const Tiled tiled{all, d};
    return parallel_for(
        tiled.tiles(), kGrain / (Tiled::kRows * Tiled::kColumns),
        [&](int64_t begin, int64_t end) { run_tiles(kernel, params, tiled, begin, end); });
  }
  const bool direct = merged.back() >= kDirectRow && all.all_direct();
  const auto run = direct ? run_direct : merged.back() >= kLongRow ? run_rows : run_blocks;
  parallel_for(n, kGrain,
               [&](int64_t begin, int64_t end) { run(kernel, params, all, begin, end); });
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
