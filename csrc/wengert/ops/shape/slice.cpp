// Parts of a tensor as views, and the derivative they share.
#include <algorithm>
#include <array>

#include "wengert/kernels/core/copy.h"
#include "wengert/kernels/core/walk.h"
#include "wengert/ops/shape/shape.h"
#include "wengert/ops/shape/view.h"
#include "wengert/tape/history.h"

namespace wengert {
namespace {

// Whether several elements may fall on one place; true where it is not clear that none do.
bool overlaps(const Dims& shape, const Dims& strides) {
  if (numel(shape) < 2) return false;
  std::array<std::pair<int64_t, int64_t>, kMaxDims> steps;
  auto end = steps.begin();
  for (int d = 0; d < shape.size(); ++d)
    if (shape[d] > 1) *end++ = {strides[d], shape[d]};
  std::sort(steps.begin(), end);
  int64_t reach = 0;
  for (auto at = steps.begin(); at != end; ++at) {
    if (at->first <= reach) return true;
    reach += at->first * (at->second - 1);
  }
  return false;
}

// ---- the derivative of views ---------------------------------------------------------------

Tensor strided_copy(const Tensor& x, const Dims& shape, const Dims& strides, int64_t offset);

constexpr Signature kStridedBackward =
    "(grad: Tensor, size: ints, stride: ints, offset: int) -> Tensor";
constexpr Signature kStridedCopy =
    "(input: Tensor, size: ints, stride: ints, offset: int) -> Tensor";
constexpr int kStride = attribute("stride", kStridedBackward, kStridedCopy);
constexpr int kOffset = attribute("offset", kStridedBackward, kStridedCopy);

// That `part`, at these strides and this offset, lies within as many elements as `whole` has.
void check_within(const Dims& part, const Attrs& a, const Dims& whole) {
  const Dims strides = a.dims(kStride);
  const int64_t count = numel(whole);
  int64_t last = a.integer(kOffset);
  bool fits = strides.size() == part.size() && last >= 0 && last <= count;
  for (int d = 0; fits && d < part.size(); ++d) {
    int64_t step = 0;
    fits = strides[d] >= 0 && !__builtin_mul_overflow(part[d] - 1, strides[d], &step) &&
           !__builtin_add_overflow(last, step, &last);
  }
  check(numel(part) == 0 || (fits && last < count), "a tensor of shape ", part, ", strides ",
        strides, " and offset ", a.integer(kOffset), " is not within ", count, " elements");
}

// y_p(i) += g_i, where several i have one place.
void add_strided(const Tensor& y, const Dims& strides, int64_t offset, const Tensor& g) {
  Walk<2> w{g.shape(), {strides, g.strides()}};
  w.simplify();
  dispatch_floating(y.dtype(), [&](auto zero) {
    using T = decltype(zero);
    T* const to = y.data_as<T>() + offset;
    const T* const from = g.data_as<T>();
    w.rows(0, w.count(), [&](const auto& o, int64_t n) {
      for (int64_t i = 0; i < n; ++i) to[o[0] + i * w.inner(0)] += from[o[1] + i * w.inner(1)];
    });
  });
}

// y_p(i) = the sum of the g_i there, else 0         dg_i = h_p(i)
constinit const Op strided_backward_op{
    .name = "_strided_backward",
    .signature = kStridedBackward,
    .on = 0,
    .doc =
        "Zeros of `size` with `grad` written at `stride` and `offset` of their memory: the "
        "derivative of every view.",
    .checked = true,
    .shape =
        [](Call& c) {
          check_within(c.in(0).shape(), c.attrs, c.attrs.dims(kStridedBackward["size"]));
          check(is_floating(c.in(0).dtype()) || !overlaps(c.in(0).shape(), c.attrs.dims(kStride)),
                "elements of ", c.in(0).dtype(), " meet in one place");
          c.output(c.in(0).dtype(), c.attrs.dims(kStridedBackward["size"]));
        },
    .run =
        [](Call& c) {
          const Tensor &g = c.in(0), &y = c.out[0];
          zero_bytes(y.data(), y.bytes());
          if (overlaps(g.shape(), c.attrs.dims(kStride)))
            return add_strided(y, c.attrs.dims(kStride), c.attrs.integer(kOffset), g);
          copy_strided(y.data() + c.attrs.integer(kOffset) * item_size(y), c.attrs.dims(kStride),
                       g.data(), g.strides(), g.shape(), item_size(y));
        },
    .vjp =
        [](Vjp& v) {
          const Attrs& a = v.attrs();
          v.set(0, strided_copy(v.g(), v.shape(0), a.dims(kStride), a.integer(kOffset)));
        },
};

// y_i = x_p(i)                 dx_p(i) = g_i
constinit const Op strided_copy_op{
    .name = "_strided_copy",
    .signature = kStridedCopy,
    .on = 0,
    .doc = "A copy of the elements at `stride` and `offset` of the input made contiguous.",
    .contiguous = true,
    .checked = true,
    .shape =
        [](Call& c) {
          check_within(c.attrs.dims(kStridedCopy["size"]), c.attrs, c.in(0).shape());
          c.output(c.in(0).dtype(), c.attrs.dims(kStridedCopy["size"]));
        },
    .run =
        [](Call& c) {
          const Tensor &x = c.in(0), &y = c.out[0];
          copy_strided(y.data(), y.strides(), x.data() + c.attrs.integer(kOffset) * item_size(y),
                       c.attrs.dims(kStride), y.shape(), item_size(y));
        },
    .vjp =
        [](Vjp& v) {
          const Attrs& a = v.attrs();
          v.set(0, strided_backward(v.g(), v.shape(0), a.dims(kStride), a.integer(kOffset)));
        },
};

Tensor strided_copy(const Tensor& x, const Dims& shape, const Dims& strides, int64_t offset) {
  return apply(strided_copy_op, {x}, Attrs(shape, strides, offset));
}

constexpr Signature kStridedZero =
    "(input: Tensor, size: ints, stride: ints, offset: int) -> Tensor";
constexpr int kZeroStride = attribute("stride", kStridedBackward, kStridedZero);
static_assert(kZeroStride == kStride && attribute("offset", kStridedCopy, kStridedZero) == kOffset);

// x_p(i) = 0                   dx = g but 0 at p
constinit const Op strided_zero_op{
    .name = "_strided_zero_",
    .signature = kStridedZero,
    .on = 0,
    .doc = "Writes zeros at `stride` and `offset` of the memory of a contiguous tensor, in place.",
    .mutates = true,
    .checked = true,
    .shape =
        [](Call& c) {
          check(c.in(0).is_contiguous(), "a contiguous tensor expected");
          check_within(c.attrs.dims(kStridedZero["size"]), c.attrs, c.in(0).shape());
        },
    .run =
        [](Call& c) {
          const Tensor& y = c.in(0);
          fill_strided(y.data() + c.attrs.integer(kOffset) * item_size(y), y.dtype(),
                       c.attrs.dims(kStride), c.attrs.dims(kStridedZero["size"]), 0);
        },
    .vjp =
        [](Vjp& v) {
          if (!v.needs(0)) return;
          const Attrs a = v.attrs();
          v.set(0, apply(strided_zero_op, {v.own_g()}, a));
        },
};

// ---- parts of a whole; see Note [views and in-place] ---------------------------------------

constexpr Signature kPart = "(input: Tensor, memory: ints, stride: ints, offset: int) -> Tensor";
constexpr Signature kWithPart =
    "(input: Tensor, part: Tensor, memory: ints, stride: ints, offset: int) -> Tensor";
constexpr int kMemory = attribute("memory", kPart, kWithPart);
static_assert(attribute("stride", kStridedCopy, kPart) == kStride);

// The memory of a whole with these strides, contiguous, in which parts have their place.
Dims memory_shape(const Dims& shape, const Dims& strides) {
  if (strides == contiguous_strides(shape)) return shape;
  int64_t n = numel(shape) ? 1 : 0;
  for (int d = 0; d < shape.size() && n; ++d) n += (shape[d] - 1) * strides[d];
  return Dims{n};
}
Tensor as_memory(const Tensor& g, const Dims& strides) {
  if (strides == contiguous_strides(g.shape())) return g;
  return strided_backward(g, memory_shape(g.shape(), strides), strides, 0);
}
Tensor of_memory(const Tensor& m, const Dims& shape, const Dims& strides) {
  return strides == contiguous_strides(shape) ? reshape(m, shape)
                                              : strided_copy(m, shape, strides, 0);
}

}  // namespace

// y_i = x_p(i)                 dx_p(i) = g_i, summed over those of one place
constinit const Op part_op{
    .name = "as_strided",
    .signature = kPart,
    .on = 0,
    .view = true,
    .vjp =
        [](Vjp& v) {
          const Dims memory = v.attrs().dims(kMemory), stride = v.attrs().dims(kStride);
          const Dims whole = v.shape(0);
          Dims once = v.output_shape();
          for (int d = 0; d < once.size(); ++d)
            if (stride[d] == 0) once[d] = std::min<int64_t>(once[d], 1);
          const Tensor m = strided_backward(sum_to(v.g(), once), memory_shape(whole, memory),
                                            stride, v.attrs().integer(kOffset));
          v.set(0, of_memory(m, whole, memory));
        },
};

// y = x but z_i at p(i)        dx = g but 0 at p       dz_i = g_p(i)
constinit const Op with_part_op{
    .name = "copy_slices",
    .signature = kWithPart,
    .on = 0,
    .vjp =
        [](Vjp& v) {
          const Attrs& a = v.attrs();
          const Dims memory = a.dims(kMemory), stride = a.dims(kStride);
          const int64_t offset = a.integer(kOffset);
          const Dims whole = v.shape(0), part = v.shape(1);
          if (v.needs(1)) v.set(1, strided_copy(as_memory(v.g(), memory), part, stride, offset));
          if (!v.needs(0)) return;
          const bool own = memory == contiguous_strides(whole);
          const Tensor rest = own ? v.own_g() : as_memory(v.g(), memory);
          apply(strided_zero_op, {rest}, Attrs(part, stride, offset));
          v.set(0, of_memory(rest, whole, memory));
        },
};

namespace {

// ---- parts ---------------------------------------------------------------------------------

constexpr Signature kNarrow = "(input: Tensor, dim: int, start: int, length: int) -> Tensor";

View narrow_rule(const View& x, const Attrs& a) {
  check(x.shape.size() > 0, "narrow() cannot be applied to a 0-dim tensor.");
  const int d = wrap_dim(a.integer(kNarrow["dim"]), x.shape.size());
  const int64_t n = x.shape[d], length = a.integer(kNarrow["length"]);
  int64_t start = a.integer(kNarrow["start"]);
  check(length >= 0, "length must be non-negative, got ", length);
  check(start >= -n && start <= n, ErrorKind::kIndex,
        "start out of range (expected to be in range of [", -n, ", ", n, "], but got ", start, ")");
  if (start < 0) start += n;
  check(start <= n - length, "start (", start, ") + length (", length, ") exceeds dimension size (",
        n, ").");
  View y = x;
  y.shape[d] = length;
  y.offset += length ? start * x.strides[d] : 0;
  return y;
}

// y_i = x_{start + i}           dx_{start + i} = g_i
constinit const Op narrow_op{
    .name = "narrow",
    .signature = kNarrow,
    .doc = "A view of `length` positions of dimension `dim`, from `start` on.",
    .view = true,
    .shape = view_shape<narrow_rule>,
    .vjp = view_vjp<narrow_rule>,
};

constexpr Signature kSelect = "(input: Tensor, dim: int, index: int) -> Tensor";

View select_rule(const View& x, const Attrs& a) {
  check(x.shape.size() > 0, ErrorKind::kIndex, "select() cannot be applied to a 0-dim tensor.");
  const int d = wrap_dim(a.integer(kSelect["dim"]), x.shape.size());
  const int64_t n = x.shape[d], i = a.integer(kSelect["index"]);
  check(i >= -n && i < n, ErrorKind::kIndex, "index ", i, " out of range for tensor of size ",
        x.shape, " at dimension ", d);
  View y = x;
  y.offset += (i < 0 ? i + n : i) * x.strides[d];
  y.shape.erase(d);
  y.strides.erase(d);
  return y;
}

// y = x_k                       dx_k = g
constinit const Op select_op{
    .name = "select",
    .signature = kSelect,
    .doc = "A view of position `index` of dimension `dim`, which is dropped.",
    .view = true,
    .shape = view_shape<select_rule>,
    .vjp = view_vjp<select_rule>,
};

constexpr Signature kSlice =
    "(input: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = "
    "1) -> Tensor";

View slice_rule(const View& x, const Attrs& a) {
  check(x.shape.size() > 0, "slice() cannot be applied to a 0-dim tensor.");
  const int d = wrap_dim(a.integer(kSlice["dim"]), x.shape.size());
  const int64_t n = x.shape[d], step = a.integer(kSlice["step"]);
  check(step > 0, ErrorKind::kValue, "step must be greater than zero");
  const auto clip = [n](int64_t i) { return std::clamp<int64_t>(i < 0 ? i + n : i, 0, n); };
  const int64_t start = a.has(kSlice["start"]) ? clip(a.integer(kSlice["start"])) : 0;
  const int64_t end = a.has(kSlice["end"]) ? clip(a.integer(kSlice["end"])) : n;
  View y = x;
  y.shape[d] = end > start ? (end - start - 1) / step + 1 : 0;
  y.strides[d] = y.shape[d] > 1 ? x.strides[d] * step : x.strides[d];
  y.offset += y.shape[d] ? start * x.strides[d] : 0;
  return y;
}

// y_i = x_{start + step i}      dx_{start + step i} = g_i
constinit const Op slice_op{
    .name = "slice",
    .signature = kSlice,
    .on = 0,
    .doc = "A view of input[start:end:step] along `dim`.",
    .view = true,
    .shape = view_shape<slice_rule>,
    .vjp = view_vjp<slice_rule>,
};

constexpr Signature kDiagonal =
    "(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor";

View diagonal_rule(const View& x, const Attrs& a) {
  const int n = x.shape.size();
  const int64_t k = a.integer(kDiagonal["offset"]);
  const int i = wrap_dim(a.integer(kDiagonal["dim1"]), n),
            j = wrap_dim(a.integer(kDiagonal["dim2"]), n);
  check(i != j, "diagonal dimensions cannot be identical ", a.integer(kDiagonal["dim1"]), ", ",
        a.integer(kDiagonal["dim2"]));
  const int64_t rows = x.shape[i], columns = x.shape[j];
  const int64_t length =
      std::max<int64_t>(0, k >= 0 ? std::min(rows, columns - k) : std::min(rows + k, columns));
  View y = x;
  if (length) y.offset += k >= 0 ? k * x.strides[j] : -k * x.strides[i];
  const int64_t step = x.strides[i] + x.strides[j];
  for (int d : {std::max(i, j), std::min(i, j)}) {
    y.shape.erase(d);
    y.strides.erase(d);
  }
  y.shape.push_back(length);
  y.strides.push_back(step);
  return y;
}

// y_i = x_{i, i + offset}       dx_{i, i + offset} = g_i
constinit const Op diagonal_op{
    .name = "diagonal",
    .signature = kDiagonal,
    .doc =
        "A view of the diagonal, `offset` above the main one, of dimensions dim1 and dim2; it "
        "becomes the last dimension.",
    .view = true,
    .shape = view_shape<diagonal_rule>,
    .vjp = view_vjp<diagonal_rule>,
};

}  // namespace

Tensor diagonal(const Tensor& x, int64_t offset, int64_t dim1, int64_t dim2) {
  return apply(diagonal_op, {x}, Attrs(offset, dim1, dim2));
}

namespace {

// x in the diagonal `k` above the main one of new last dimensions.
Tensor diag_embed(const Tensor& x, int64_t k) {
  const int64_t n = x.size(-1) + std::abs(k);
  Dims shape = x.shape();
  shape[x.ndim() - 1] = n;
  shape.push_back(n);
  Dims strides = contiguous_strides(shape);
  strides.erase(x.ndim());
  strides[x.ndim() - 1] = n + 1;
  return strided_backward(x, shape, strides, k >= 0 ? k : -k * n);
}

constexpr Signature kDiagEmbed =
    "(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor";
// y_{i, i + offset} = x_i, else 0
constinit const Op diag_embed_op{
    .name = "diag_embed",
    .signature = kDiagEmbed,
    .doc =
        "Matrices, in dimensions dim1 and dim2 of the result, with the input's last dimension "
        "on the diagonal `offset` above the main one and zeros elsewhere.",
    .composed =
        [](Call& c) {
          check(c.in(0).ndim() > 0, ErrorKind::kIndex, "expects a tensor of at least 1 dimension");
          const int n = c.in(0).ndim() + 1;
          const int i = wrap_dim(c.attrs.integer(kDiagEmbed["dim1"]), n),
                    j = wrap_dim(c.attrs.integer(kDiagEmbed["dim2"]), n);
          check(i != j, "diagonal dimensions cannot be identical ", i, ", ", j);
          const Tensor y = diag_embed(c.in(0), c.attrs.integer(kDiagEmbed["offset"]));
          Dims order;
          for (int d = 0, next = 0; d < n; ++d)
            order.push_back(d == i ? n - 2 : d == j ? n - 1 : next++);
          c.results = {permute(y, order)};
        },
};

constexpr Signature kDiag = "(input: Tensor, diagonal: int = 0) -> Tensor";
// y_i = x_{i, i + offset}, or of a vector y_{i, i + offset} = x_i, else 0
constinit const Op diag_op{
    .name = "diag",
    .signature = kDiag,
    .doc =
        "Of a vector, the matrix with it on the given diagonal; of a matrix, a copy of that "
        "diagonal.",
    .composed =
        [](Call& c) {
          const Tensor& x = c.in(0);
          check(x.ndim() == 1 || x.ndim() == 2, "Supports 1D or 2D tensors. Got ", x.ndim(), "D");
          const int64_t k = c.attrs.integer(kDiag["diagonal"]);
          c.results = {x.ndim() == 1 ? diag_embed(x, k) : clone(diagonal(x, k, 0, 1))};
        },
};

const Op* const kSliceOps[] = {
    &strided_backward_op, &strided_copy_op, &strided_zero_op, &narrow_op, &select_op, &slice_op,
    &diagonal_op,         &diag_embed_op,   &diag_op,
};

}  // namespace

Tensor strided_backward(const Tensor& g, const Dims& shape, const Dims& strides, int64_t offset) {
  return apply(strided_backward_op, {g}, Attrs(shape, strides, offset));
}
Tensor narrow(const Tensor& x, int64_t dim, int64_t start, int64_t length) {
  return apply(narrow_op, {x}, Attrs(dim, start, length));
}
Tensor select(const Tensor& x, int64_t dim, int64_t index) {
  return apply(select_op, {x}, Attrs(dim, index));
}
Tensor slice(const Tensor& x, int64_t dim, int64_t start, int64_t end, int64_t step) {
  return apply(slice_op, {x}, Attrs(dim, start, end, step));
}
std::span<const Op* const> slice_ops() { return kSliceOps; }

}  // namespace wengert
