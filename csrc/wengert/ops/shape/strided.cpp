// Views at any strides, windows that may overlap, and parts written into a copy.
#include "wengert/ops/shape/shape.h"
#include "wengert/ops/shape/view.h"
#include "wengert/tape/history.h"

namespace wengert {
namespace {

// The gradient of a view whose elements may share a place.
void overlapping_vjp(Vjp& v, const View& at) {
  v.set(0, strided_backward(v.g(), v.shape(0), at.strides, at.offset));
}

// ---- as_strided

constexpr Signature kPlaced = "(input: Tensor, size: ints, stride: ints, offset: int) -> Tensor";

// `offset` counts from the input's first element. `capacity` is how many lie behind that, `before`
// how many in front.
View placed_rule(const Attrs& a, int64_t before, int64_t capacity) {
  const Dims shape = a.dims(kPlaced["size"]), strides = a.dims(kPlaced["stride"]);
  check(shape.size() == strides.size(), "mismatch in length of strides and shape: ", strides,
        " and ", shape);
  const int64_t offset = a.integer(kPlaced["offset"]);
  check(offset >= -before, "invalid storage offset ", offset + before);
  int64_t last = offset;
  bool fits = true;
  for (int d = 0; d < shape.size(); ++d) {
    check(strides[d] >= 0,
          "Negative strides are not supported at the moment, got strides: ", strides);
    check(shape[d] >= 0, "Trying to create tensor with negative dimension ", shape[d], ": ", shape);
    int64_t step = 0;
    fits = fits && !__builtin_mul_overflow(std::max<int64_t>(shape[d], 1) - 1, strides[d], &step) &&
           !__builtin_add_overflow(last, step, &last);
  }
  check(numel(shape) == 0 || (fits && last < capacity), "sizes ", shape, ", strides ", strides,
        " and storage offset ", offset + before, " are out of bounds for a storage of ",
        before + capacity, " elements");
  return {shape, strides, numel(shape) == 0 ? 0 : offset};
}

// y_i = x_{offset + i . stride}           dx_j = sum of the g_i with offset + i . stride = j
constinit const Op placed_op{
    .name = "_as_strided",
    .signature = kPlaced,
    .on = 0,
    .doc =
        "A view at `stride` and `offset` of the memory of a tensor, counted from its first "
        "element. The gradient takes the tensor for a contiguous one.",
    .view = true,
    .shape =
        [](Call& c) {
          const Tensor& x = c.in(0);
          const int64_t all = static_cast<int64_t>(x->storage->bytes()) / item_size(x);
          View y = placed_rule(c.attrs, x->offset, all - x->offset);
          c.output_view(y.shape, y.strides, x->offset + y.offset);
        },
    .vjp =
        [](Vjp& v) {
          const int64_t n = numel(v.shape(0));
          overlapping_vjp(v, placed_rule(v.attrs(), 0, n));
        },
};

// The dimensions by stride, from the largest on: contiguous if the tensor has no gaps.
Tensor by_stride(const Tensor& x) {
  Dims order;
  for (int d = 0; d < x.ndim(); ++d) {
    int at = 0;
    while (at < order.size() && x.strides()[static_cast<int>(order[at])] >= x.strides()[d]) ++at;
    order.insert(at, d);
  }
  return permute(x, order);
}

constexpr Signature kAsStrided =
    "(input: Tensor, size: ints, stride: ints, storage_offset: int | None = None) -> Tensor";

Tensor placed(const Tensor& x, const Tensor& like, const Attrs& a, int first) {
  const int64_t offset = a.has(first + 2) ? a.integer(first + 2) - like->offset : 0;
  const bool followed = grad_enabled() && x.requires_grad();
  const Tensor base = followed && !x.is_contiguous() ? by_stride(x) : x;
  check(!followed || base.is_contiguous(), ErrorKind::kNotImplemented,
        "a gradient through a tensor with gaps in its memory is not implemented; found shape ",
        x.shape(), " and strides ", x.strides(), ", call contiguous() first");
  return apply(placed_op, {base}, Attrs(a.ints(first), a.ints(first + 1), offset));
}

// y_i = x_{offset + i . stride}
constinit const Op as_strided_op{
    .name = "as_strided",
    .signature = kAsStrided,
    .doc =
        "A view of shape `size` at `stride` of the input's memory, from `storage_offset`, which is "
        "the input's own unless given. RuntimeError for what lies beyond that memory.",
    .composed = [](Call& c) {
      c.results = {placed(c.in(0), c.in(0), c.attrs, kAsStrided["size"])};
    }};

// ---- windows

constexpr Signature kUnfold = "(input: Tensor, dimension: int, size: int, step: int) -> Tensor";

View unfold_rule(const View& x, const Attrs& a) {
  const int d = wrap_dim(a.integer(kUnfold["dimension"]), x.shape.size());
  const int64_t n = x.shape.empty() ? 1 : x.shape[d];
  const int64_t size = a.integer(kUnfold["size"]), step = a.integer(kUnfold["step"]);
  check(size >= 0, "size is ", size, " but must be >= 0");
  check(size <= n, "maximum size for tensor at dimension ", d, " is ", n, " but size is ", size);
  check(step > 0, "step is ", step, " but must be > 0");
  View y = x;
  y.shape.push_back(size);
  y.strides.push_back(x.shape.empty() ? 1 : x.strides[d]);
  if (!x.shape.empty()) {
    y.shape[d] = (n - size) / step + 1;
    y.strides[d] = y.shape[d] > 1 ? x.strides[d] * step : x.strides[d];
  }
  return y;
}

// y_{i, k} = x_{step i + k}                dx_j = sum of the g_{i, k} with step i + k = j
constinit const Op unfold_op{
    .name = "unfold",
    .signature = kUnfold,
    .on = kMethod,
    .doc =
        "A view of all windows of `size` positions of `dimension`, `step` apart: the dimension "
        "counts the windows, a new last one the positions in them.",
    .view = true,
    .shape = view_shape<unfold_rule>,
    .vjp = [](Vjp& v) {
      const Dims& shape = v.shape(0);
      overlapping_vjp(v, unfold_rule({shape, contiguous_strides(shape), 0}, v.attrs()));
    }};

// ---- parts written into a copy

// A copy of c.in(0) with c.in(1) in the part of it that `part` views.
template <class F>
void scatter_part(Call& c, const F& part) {
  const Tensor &x = c.in(0), &src = c.in(1);
  const bool wants = grad_enabled() && (x.requires_grad() || src.requires_grad());
  // One entry, where a recorded copy into a view has three: what was there gets no gradient.
  const bool once = wants && x.dtype() == src.dtype();
  const GradMode recorded(grad_enabled() && !once);
  const Tensor y = clone(x);
  Tensor at = part(y);
  check(at.shape() == src.shape(), "expected src to have a size equal to the slice of self. ",
        "src size = ", src.shape(), ", slice size = ", at.shape());
  copy_(at, src);
  if (once) {
    const GradMode on(true);
    record_part(y, at, x, src);
  }
  c.results = {y};
}

constexpr Signature kSelectScatter = "(input: Tensor, src: Tensor, dim: int, index: int) -> Tensor";
// y = x but s at position `index`
constinit const Op select_scatter_op{.name = "select_scatter",
                                     .signature = kSelectScatter,
                                     .doc = "A copy with `src` in place of select(dim, index).",
                                     .composed = [](Call& c) {
                                       scatter_part(c, [&](const Tensor& y) {
                                         return select(y, c.attrs.integer(kSelectScatter["dim"]),
                                                       c.attrs.integer(kSelectScatter["index"]));
                                       });
                                     }};

constexpr Signature kSliceScatter =
    "(input: Tensor, src: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, "
    "step: int = 1) -> Tensor";
// y = x but s at start, start + step, ...
constinit const Op slice_scatter_op{
    .name = "slice_scatter",
    .signature = kSliceScatter,
    .doc = "A copy with `src` in place of the positions start:end:step of `dim`.",
    .composed = [](Call& c) {
      scatter_part(c, [&](const Tensor& y) {
        const Attrs& a = c.attrs;
        const int64_t dim = a.integer(kSliceScatter["dim"]), n = y.ndim() ? y.size(dim) : 1;
        return slice(y, dim, a.has(kSliceScatter["start"]) ? a.integer(kSliceScatter["start"]) : 0,
                     a.has(kSliceScatter["end"]) ? a.integer(kSliceScatter["end"]) : n,
                     a.integer(kSliceScatter["step"]));
      });
    }};

constexpr Signature kDiagonalScatter =
    "(input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor";
// y = x but s on the diagonal
constinit const Op diagonal_scatter_op{
    .name = "diagonal_scatter",
    .signature = kDiagonalScatter,
    .doc = "A copy with `src` in place of diagonal(offset, dim1, dim2).",
    .composed = [](Call& c) {
      scatter_part(c, [&](const Tensor& y) {
        const Attrs& a = c.attrs;
        return diagonal(y, a.integer(kDiagonalScatter["offset"]),
                        a.integer(kDiagonalScatter["dim1"]), a.integer(kDiagonalScatter["dim2"]));
      });
    }};

constexpr Signature kAsStridedScatter =
    "(input: Tensor, src: Tensor, size: ints, stride: ints, storage_offset: int | None = None) -> "
    "Tensor";
// y = x but s_i at offset + i . stride of its memory
constinit const Op as_strided_scatter_op{
    .name = "as_strided_scatter",
    .signature = kAsStridedScatter,
    .doc = "A copy with `src` in place of as_strided(size, stride, storage_offset).",
    .composed = [](Call& c) {
      scatter_part(c, [&](const Tensor& y) {
        check(y.strides() == c.in(0).strides(), ErrorKind::kNotImplemented,
              "of a tensor with gaps in its memory is not implemented; found shape ",
              c.in(0).shape(), " and strides ", c.in(0).strides());
        return placed(y, c.in(0), c.attrs, kAsStridedScatter["size"]);
      });
    }};

}  // namespace

namespace {
const Op* const kOps[] = {
    &placed_op,           &as_strided_op,        &unfold_op, &select_scatter_op, &slice_scatter_op,
    &diagonal_scatter_op, &as_strided_scatter_op};
}
std::span<const Op* const> strided_ops() { return kOps; }

}  // namespace wengert
