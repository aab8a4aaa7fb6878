// Copies in another arrangement: flip, roll, repeat, triangles.
#include "wengert/base/allocator.h"
#include "wengert/base/parallel.h"
#include "wengert/kernels/core/copy.h"
#include "wengert/kernels/core/walk.h"
#include "wengert/ops/index/positions.h"
#include "wengert/ops/shape/shape.h"
#include "wengert/ops/shape/view.h"

namespace wengert {
namespace {

void shape_same(Call& c) { c.output(c.in(0).dtype(), c.in(0).shape()); }

// ---- flip and roll -------------------------------------------------------------------------

constexpr Signature kFlip = "(input: Tensor, *dims: ints) -> Tensor";
// y_i = x_{n-1-i}               dx_{n-1-i} = g_i
constinit const Op flip_op{
    .name = "flip",
    .signature = kFlip,
    .doc = "A copy with the order of the positions reversed along `dims`.",
    .any_dtype = true,
    .shape =
        [](Call& c) {
          dim_bits(c.attrs.ints(kFlip["dims"]), c.in(0).ndim());
          output_like(c, c.in(0).dtype());
        },
    .run =
        [](Call& c) {
          const Tensor &x = c.in(0), &y = c.out[0];
          if (y.numel() == 0) return;
          const uint32_t bits = dim_bits(c.attrs.ints(kFlip["dims"]), x.ndim());
          Dims steps = x.strides();
          int64_t last = 0;
          for (int d = 0; d < x.ndim(); ++d) {
            if (!(bits >> d & 1)) continue;
            last += (x.shape()[d] - 1) * steps[d];
            steps[d] = -steps[d];
          }
          copy_strided(y.data(), y.strides(), x.data() + last * item_size(x), steps, x.shape(),
                       item_size(x));
        },
    .vjp = [](Vjp& v) { v.set(0, flip(v.g(), v.attrs().ints(kFlip["dims"]))); },
};

// y_ij = x_{i, n-1-j}
constinit const Op fliplr_op{
    .name = "fliplr",
    .signature = "(input: Tensor) -> Tensor",
    .doc = "flip() of dimension 1.",
    .composed =
        [](Call& c) {
          check(c.in(0).ndim() >= 2, "Input must be >= 2-d.");
          c.results = {flip(c.in(0), Dims{1})};
        },
};
// y_i = x_{n-1-i}
constinit const Op flipud_op{
    .name = "flipud",
    .signature = "(input: Tensor) -> Tensor",
    .doc = "flip() of dimension 0.",
    .composed =
        [](Call& c) {
          check(c.in(0).ndim() >= 1, "Input must be >= 1-d.");
          c.results = {flip(c.in(0), Dims{0})};
        },
};

constexpr Signature kRot90 = "(input: Tensor, k: int = 1, dims: ints | None = None) -> Tensor";
// y_ij = x_{j, n-1-i}, k times
constinit const Op rot90_op{
    .name = "rot90",
    .signature = kRot90,
    .doc =
        "The input turned k times by 90 degrees, from the first towards the second of `dims`, "
        "which are (0, 1) unless given.",
    .composed =
        [](Call& c) {
          const Tensor& x = c.in(0);
          const Dims dims = c.attrs.has(kRot90["dims"]) ? c.attrs.dims(kRot90["dims"]) : Dims{0, 1};
          check(dims.size() == 2, "expected total rotation dims == 2, but got dims = ", dims);
          check(x.ndim() >= 2, "expected total dims >= 2, but got total dims = ", x.ndim());
          dim_bits(dims, x.ndim());
          const int64_t a = dims[0], b = dims[1], k = (c.attrs.integer(kRot90["k"]) % 4 + 4) % 4;
          c.results = {k == 0   ? clone(x)
                       : k == 1 ? transpose(flip(x, Dims{b}), a, b)
                       : k == 2 ? flip(x, dims)
                                : flip(transpose(x, a, b), Dims{b})};
        },
};

// The two blocks into which a roll cuts dimension d, then the next; `rolled` are the shifts.
void roll_block(const Tensor& x, const Tensor& y, const Dims& shifts, int d, Dims size,
                int64_t from, int64_t to) {
  if (d == x.ndim())
    return copy_strided(y.data() + to * item_size(y), y.strides(), x.data() + from * item_size(x),
                        x.strides(), size, item_size(x));
  const int64_t n = x.shape()[d], shift = shifts[d];
  size[d] = n - shift;
  roll_block(x, y, shifts, d + 1, size, from, to + shift * y.strides()[d]);
  if (shift == 0) return;
  size[d] = shift;
  roll_block(x, y, shifts, d + 1, size, from + (n - shift) * x.strides()[d], to);
}

constexpr Signature kRoll = "(input: Tensor, shifts: ints, dims: ints) -> Tensor";
// y_{(i + shift) mod n} = x_i        dx_i = g_{(i + shift) mod n}
constinit const Op roll_op{
    .name = "_roll",
    .signature = kRoll,
    .on = 0,
    .doc = "roll() along given dimensions.",
    .checked = true,
    .any_dtype = true,
    .shape =
        [](Call& c) {
          check(c.attrs.ints(kRoll["shifts"]).size() == c.attrs.ints(kRoll["dims"]).size(),
                "as many shifts as dims needed");
          check(c.in(0).ndim() > 0 || c.attrs.ints(kRoll["dims"]).empty(), ErrorKind::kIndex,
                "a 0-d tensor has no dimension to roll along");
          for (int64_t d : c.attrs.ints(kRoll["dims"])) wrap_dim(d, c.in(0).ndim());
          shape_same(c);
        },
    .run =
        [](Call& c) {
          const Tensor &x = c.in(0), &y = c.out[0];
          if (x.numel() == 0) return;
          const Ints by = c.attrs.ints(kRoll["shifts"]), dims = c.attrs.ints(kRoll["dims"]);
          Dims shifts = Dims::filled(x.ndim(), 0);
          for (size_t i = 0; i < dims.size(); ++i) {
            const int d = wrap_dim(dims[i], x.ndim());
            const int64_t n = x.shape()[d];
            shifts[d] = ((shifts[d] + by[i] % n) % n + n) % n;
          }
          roll_block(x, y, shifts, 0, x.shape(), 0, 0);
        },
    .vjp =
        [](Vjp& v) {
          const Dims shape = v.shape(0), dims = v.attrs().dims(kRoll["dims"]);
          Dims back = v.attrs().dims(kRoll["shifts"]);
          for (int i = 0; i < back.size(); ++i)
            back[i] = -(back[i] % std::max<int64_t>(shape[wrap_dim(dims[i], shape.size())], 1));
          v.set(0, apply(*v.entry().op, {v.g()}, Attrs(back, v.attrs().ints(kRoll["dims"]))));
        },
};

constexpr Signature kRollAny = "(input: Tensor, shifts: ints, dims: ints | None = None) -> Tensor";
// y_{(i + shift) mod n} = x_i
constinit const Op roll_any_op{
    .name = "roll",
    .signature = kRollAny,
    .doc =
        "A copy with the positions moved on by `shifts` along `dims`, those at the end coming "
        "back at the start; without dims, of the flattened tensor.",
    .composed =
        [](Call& c) {
          const Tensor& x = c.in(0);
          const Ints shifts = c.attrs.ints(kRollAny["shifts"]);
          const Dims dims = c.attrs.has(kRollAny["dims"]) ? c.attrs.dims(kRollAny["dims"]) : Dims{};
          check(!shifts.empty(), "`shifts` required");
          if (dims.empty() && shifts.size() == 1) {
            const Tensor flat = apply(roll_op, {flatten(x)}, Attrs(shifts, Dims{0}));
            c.results = {reshape(flat, x.shape())};
            return;
          }
          check(static_cast<int>(shifts.size()) == dims.size(),
                "shifts and dimensions must align. "
                "shifts: ",
                static_cast<uint64_t>(shifts.size()), ", dims:", dims.size());
          check(x.ndim() > 0, ErrorKind::kIndex, "Dimension specified as ", dims[0],
                " but tensor has no dimensions");
          for (int64_t d : dims) wrap_dim(d, x.ndim());
          c.results = {apply(roll_op, {x}, Attrs(shifts, dims))};
        },
};

// ---- repeat --------------------------------------------------------------------------------

// Each position of dimension d (inner) or the whole dimension (outer) n times over.
Tensor repeat_dim(const Tensor& x, int d, int64_t n, bool inner) {
  if (x.ndim() == kMaxDims) {  // no room for one more: two of the others become one
    const int from = d > 1 ? 0 : 2;
    const Tensor y = repeat_dim(flatten(x, from, from + 1), d > 1 ? d - 1 : d, n, inner);
    Dims out = x.shape();
    out[d] *= n;
    return reshape(y, out);
  }
  Dims wide = x.shape(), out = x.shape();
  wide.insert(inner ? d + 1 : d, n);
  out[d] *= n;
  return reshape(expand(unsqueeze(x, inner ? d + 1 : d), wide), out);
}

Tensor repeated(const Tensor& x, Ints times) {
  const int lead = static_cast<int>(times.size()) - x.ndim();
  check(lead >= 0,
        "Number of dimensions of repeat dims can not be smaller than number of "
        "dimensions of tensor: repeats ",
        times, ", shape ", x.shape());
  for (int64_t n : times) check(n >= 0, "Trying to repeat a negative number of times: ", times);
  Dims shape = x.shape();
  for (int i = 0; i < lead; ++i) shape.insert(0, 1);
  Tensor y = lead ? reshape(x, shape) : x;
  // From the innermost, so that the larger copies are made of longer runs.
  for (int d = y.ndim() - 1; d >= 0; --d)
    if (times[d] != 1) y = repeat_dim(y, d, times[d], false);
  return y.shares_memory(x) ? clone(y) : y;
}

constexpr Signature kRepeat = "(input: Tensor, *repeats: ints) -> Tensor";
// y_i = x_{i mod n}             dx_j = sum of g_i over i = j mod n
constinit const Op repeat_op{
    .name = "repeat",
    .signature = kRepeat,
    .on = kMethod,
    .doc =
        "A copy with dimension i repeated repeats[i] times; more repeats than dimensions add new "
        "ones in front.",
    .composed = [](Call& c) { c.results = {repeated(c.in(0), c.attrs.ints(kRepeat["repeats"]))}; },
};

constexpr Signature kTile = "(input: Tensor, *dims: ints) -> Tensor";
// y_i = x_{i mod n}
constinit const Op tile_op{
    .name = "tile",
    .signature = kTile,
    .doc = "repeat() where missing repeats in front count as 1.",
    .composed =
        [](Call& c) {
          Dims times = c.attrs.dims(kTile["dims"]);
          while (times.size() < c.in(0).ndim()) times.insert(0, 1);
          c.results = {repeated(c.in(0), times)};
        },
};

constexpr Signature kRepeatInterleave =
    "(input: Tensor, repeats: int, dim: int | None = None, *, output_size: int | None = None) -> "
    "Tensor";
// y = x_0 r_0 times, x_1 r_1 times, ...
constinit const Op repeat_interleave_op{
    .name = "repeat_interleave",
    .signature = kRepeatInterleave,
    .doc = "Every position of `dim` `repeats` times over; without a dim, of the flattened tensor.",
    .composed =
        [](Call& c) {
          const int64_t n = c.attrs.integer(kRepeatInterleave["repeats"]);
          check(n >= 0, "repeats must be non-negative, got ", n);
          Tensor x = c.attrs.has(kRepeatInterleave["dim"]) ? c.in(0) : flatten(c.in(0));
          if (x.ndim() == 0) x = unsqueeze(x, 0);
          const int d = c.attrs.has(kRepeatInterleave["dim"])
                            ? wrap_dim(c.attrs.integer(kRepeatInterleave["dim"]), x.ndim())
                            : 0;
          const Tensor y = repeat_dim(x, d, n, true);
          c.results = {y.shares_memory(c.in(0)) ? clone(y) : y};
        },
};

// Position i as often as counts[i] says.
Tensor repeated_positions(const Tensor& counts) {
  check(is_index(counts.dtype()), "repeats has to be Long or Int tensor, got ", counts.dtype());
  check(counts.ndim() <= 1, "repeats must be 0-dim or 1-dim tensor, got shape ", counts.shape());
  value_leaves("repeat_interleave() with a tensor of counts");
  const Positions n(counts);
  const Scratch scratch(static_cast<size_t>(n.count + 1) * sizeof(int64_t));
  int64_t* const begin = scratch.as<int64_t>();
  begin[0] = 0;
  for (int64_t i = 0; i < n.count; ++i) {
    check(n[i] >= 0, "repeats can not be negative, got ", n[i]);
    begin[i + 1] = begin[i] + n[i];
  }
  const int64_t total = begin[n.count];
  const Tensor out = Tensor::empty(Dims{total}, Dtype::kInt64);
  int64_t* const to = out.data_as<int64_t>();
  const int64_t grain = n.count * (int64_t{1} << 15) / std::max<int64_t>(total, 1) + 1;
  parallel_for(n.count, grain,
               [&](int64_t first, int64_t last) { fill_runs(to, begin, first, last); });
  return out;
}

constexpr Signature kRepeatInterleaveTensor =
    "(input: Tensor, repeats: Tensor, dim: int | None = None, *, output_size: int | None = None) "
    "-> Tensor";
// y = x_0 r_0 times, x_1 r_1 times, ...
constinit const Op repeat_interleave_tensor_op{
    .name = "repeat_interleave",
    .signature = kRepeatInterleaveTensor,
    .doc = "Position i of `dim` repeats[i] times over; without a dim, of the flattened tensor.",
    .composed =
        [](Call& c) {
          const Tensor x = c.attrs.has(kRepeatInterleaveTensor["dim"]) ? c.in(0) : flatten(c.in(0));
          const int d = c.attrs.has(kRepeatInterleaveTensor["dim"])
                            ? wrap_dim(c.attrs.integer(kRepeatInterleaveTensor["dim"]), x.ndim())
                            : 0;
          Tensor counts = c.in(1);
          if (counts.numel() == 1) counts = expand(reshape(counts, Dims{1}), Dims{x.size(d)});
          check(counts.numel() == x.size(d),
                "repeats must have the same size as input along dim, "
                "but got repeats.size(0) = ",
                counts.numel(), " and input.size(", d, ") = ", x.size(d));
          c.results = {index_select(x, d, repeated_positions(counts))};
        },
};
// y = x_0 r_0 times, x_1 r_1 times, ...
constinit const Op repeat_interleave_counts_op{
    .name = "repeat_interleave",
    .signature = "(repeats: Tensor, *, output_size: int | None = None) -> Tensor",
    .on = kModule,
    .doc = "Position i of arange(len(repeats)) repeats[i] times over.",
    .composed = [](Call& c) { c.results = {repeated_positions(c.in(0))}; },
};

// ---- triangles -----------------------------------------------------------------------------

constexpr Signature kTriangle = "(input: Tensor, diagonal: int = 0) -> Tensor";
constexpr int kDiagonal = kTriangle["diagonal"];

// Keeps columns j of row i with j - i <= k (lower) or >= k, zeros elsewhere.
template <bool lower>
void keep_triangle(Call& c) {
  const Tensor &x = c.in(0), &y = c.out[0];
  if (y.numel() == 0) return;
  const int64_t m = y.size(-2), n = y.size(-1);
  const int64_t k = std::clamp(c.attrs.integer(kDiagonal), -m - 1, n + 1);
  dispatch_size(item_size(x), [&](auto zero) {
    using T = decltype(zero);
    const T* from = x.data_as<T>();
    T* to = y.data_as<T>();
    const int64_t grain = std::max<int64_t>(1, kMoveGrain / n);
    parallel_for(y.numel() / n, grain, [=](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const int64_t i = r % m;
        const int64_t cut = std::clamp<int64_t>(i + k + (lower ? 1 : 0), 0, n);
        const T* s = from + r * n;
        T* d = to + r * n;
        if (lower) {
          std::copy(s, s + cut, d);
          std::fill(d + cut, d + n, T(0));
        } else {
          std::fill(d, d + cut, T(0));
          std::copy(s + cut, s + n, d + cut);
        }
      }
    });
  });
}
void shape_matrix(Call& c) {
  check(c.in(0).ndim() >= 2, "input tensor must have at least 2 dimensions, got shape ",
        c.in(0).shape());
  shape_same(c);
}

// y_ij = x_ij where j - i <= diagonal, else 0      dx_ij = g_ij there
constinit const Op tril_op{
    .name = "tril",
    .signature = kTriangle,
    .on = kMethod | kModule | kInplace,
    .doc =
        "The lower triangle of the last two dimensions, up to the diagonal `diagonal` above the "
        "main one; zeros elsewhere.",
    .contiguous = true,
    .shape = shape_matrix,
    .run = keep_triangle<true>,
    .vjp = [](Vjp& v) { v.set(0, tril(v.g(), v.attrs().integer(kDiagonal))); },
};

// y_ij = x_ij where j - i >= diagonal, else 0      dx_ij = g_ij there
constinit const Op triu_op{
    .name = "triu",
    .signature = kTriangle,
    .on = kMethod | kModule | kInplace,
    .doc =
        "The upper triangle of the last two dimensions, from the diagonal `diagonal` above the "
        "main one; zeros elsewhere.",
    .contiguous = true,
    .shape = shape_matrix,
    .run = keep_triangle<false>,
    .vjp = [](Vjp& v) { v.set(0, triu(v.g(), v.attrs().integer(kDiagonal))); },
};

const Op* const kArrangeOps[] = {
    &flip_op,
    &fliplr_op,
    &flipud_op,
    &rot90_op,
    &roll_op,
    &roll_any_op,
    &repeat_op,
    &tile_op,
    &repeat_interleave_op,
    &repeat_interleave_tensor_op,
    &repeat_interleave_counts_op,
    &tril_op,
    &triu_op,
};

}  // namespace

Tensor repeat(const Tensor& x, Ints repeats) { return apply(repeat_op, {x}, Attrs(repeats)); }

Tensor flip(const Tensor& x, Ints dims) { return apply(flip_op, {x}, Attrs(dims)); }
Tensor tril(const Tensor& x, int64_t diagonal) { return apply(tril_op, {x}, Attrs(diagonal)); }
Tensor triu(const Tensor& x, int64_t diagonal) { return apply(triu_op, {x}, Attrs(diagonal)); }
std::span<const Op* const> arrange_ops() { return kArrangeOps; }

}  // namespace wengert
