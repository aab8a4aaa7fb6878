// Writing at computed places: scatter, index_add and their like, masks.
#include "wengert/kernels/core/copy.h"
#include "wengert/kernels/index/index.h"
#include "wengert/ops/index/index.h"
#include "wengert/ops/index/positions.h"
#include "wengert/ops/shape/view.h"

namespace wengert {
namespace {

// The output begins as a copy of the input.
void copy_input(Call& c) {
  const Tensor &x = c.in(0), &y = c.out[0];
  copy_strided(y.data(), y.strides(), x.data(), x.strides(), x.shape(), item_size(x));
}

// The element that a number, or a 0-d tensor, is in another dtype.
class Element {
 public:
  Element(const Operand& value, Dtype dtype) {
    const Scalar s = value.is_scalar() ? value.scalar() : value.tensor().item();
    dispatch(dtype, [&](auto zero) {
      using T = decltype(zero);
      new (bytes_) T(s.to<T>());
    });
  }
  const void* data() const { return bytes_; }

 private:
  alignas(8) std::byte bytes_[8];
};

// ---- scatter -------------------------------------------------------------------------------

constexpr Signature kScatter = "(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor";
constexpr Signature kScatterValue =
    "(input: Tensor, dim: int, index: Tensor, value: Operand) -> Tensor";
constexpr Signature kScatterAdd = "(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor";
constexpr int kDim = attribute("dim", kScatter, kScatterValue, kScatterAdd);

void scatter_shape(Call& c) {
  const Tensor& x = c.in(0);
  const bool tensor = c.input(2).is_tensor();
  if (tensor)
    check(c.in(2).dtype() == x.dtype(), "Expected self.dtype to be equal to src.dtype, got ",
          x.dtype(), " and ", c.in(2).dtype());
  check_along(c.attrs.integer(kDim), c.in(1), x.shape(), tensor ? &c.in(2).shape() : nullptr);
  c.output(x.dtype(), x.shape());
}

void scatter_into(Call& c, bool accumulate) {
  const Tensor &index = c.in(1), &y = c.out[0];
  const int d = wrap_dim(c.attrs.integer(kDim), y.ndim());
  const int64_t n = y.ndim() ? y.shape()[d] : 1;
  const Positions p(index);
  // Nothing is written to an input with an index that is out of range.
  if (y.data() == c.in(0).data()) p.check_range(0, n, d, ErrorKind::kRuntime);
  copy_input(c);
  if (index.numel() == 0) return;
  const bool tensor = c.input(2).is_tensor();
  const Along a{index.shape(),
                d,
                p.data(),
                same_rank(y.strides(), index.ndim()),
                tensor ? same_rank(c.in(2).strides(), index.ndim()) : Dims::filled(index.ndim(), 0),
                n};
  bool good = true;
  if (!tensor) {
    const Element value(c.input(2), y.dtype());
    good = along_scatter(a, y.data(), value.data(), true, item_size(y));
  } else if (accumulate) {
    good = along_accumulate(a, y.data(), c.in(2).data(), y.dtype());
  } else {
    good = along_scatter(a, y.data(), c.in(2).data(), false, item_size(y));
  }
  if (!good) p.check_range(0, n, d, ErrorKind::kRuntime);
}

// The gradient of the source: what was read at the index; zeros in what it has beyond the index.
Tensor source_gradient(Vjp& v) {
  const Tensor d = gather(v.g(), v.attrs().integer(kDim), v.x(1));
  const Dims& own = v.shape(2);
  return d.shape() == own ? d : strided_backward(d, own, contiguous_strides(own), 0);
}

// y = x but s_k at i_k            dx_i = g_i where no i_k = i, else 0       ds_k = g_{i_k}
constexpr Op scatter_op{
    .name = "scatter",
    .signature = kScatter,
    .on = kMethod | kModule | kInplace,
    .doc =
        "The input with out[index[i][j][k]][j][k] = src[i][j][k] for dim 0, and so on; of "
        "duplicates the last one along `dim` counts. A RuntimeError if an index is out of "
        "range.",
    .shape = scatter_shape,
    .run = [](Call& c) { scatter_into(c, false); },
    .vjp =
        [](Vjp& v) {
          if (v.needs(0)) v.set(0, scatter(v.g(), v.attrs().integer(kDim), v.x(1), 0));
          if (v.needs(2)) v.set(2, source_gradient(v));
        },
    .reads = kOther,
};
// y = x but s_k at i_k            dx_i = g_i where no i_k = i, else 0       ds_k = g_{i_k}
constinit const Op scatter_value_op = renamed(scatter_op, "scatter", kScatterValue);

// y_i = x_i + sum of s_k over i_k = i      dx = g      ds_k = g_{i_k}
constinit const Op scatter_add_op{
    .name = "scatter_add",
    .signature = kScatterAdd,
    .on = kMethod | kModule | kInplace,
    .doc = "As scatter, with += in place of =.",
    .shape = scatter_shape,
    .run = [](Call& c) { scatter_into(c, true); },
    .vjp =
        [](Vjp& v) {
          if (v.needs(0)) v.set(0, v.g());
          if (v.needs(2)) v.set(2, source_gradient(v));
        },
    .reads = kOther,
};

// ---- index_add, index_copy, index_fill -----------------------------------------------------

// The elements of a tensor in order, without gaps; a copy only where one is needed.
class Packed {
 public:
  explicit Packed(const Tensor& x) : data_(x.data()) {
    if (x.is_contiguous()) return;
    memory_.emplace(static_cast<size_t>(x.bytes()));
    copy_strided(memory_->as<void>(), contiguous_strides(x.shape()), x.data(), x.strides(),
                 x.shape(), item_size(x));
    data_ = memory_->as<void>();
  }
  const void* data() const { return data_; }

 private:
  const void* data_;
  std::optional<Scratch> memory_;
};

constexpr Signature kIndexAdd =
    "(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Number = 1) -> Tensor";
constexpr Signature kIndexCopy =
    "(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor";
constexpr int kIndexDim = attribute("dim", kIndexAdd, kIndexCopy);

// The source (input 2) has the input's shape, but for the length of the index. A wrong number of
// dimensions or indices is an error of this kind.
template <ErrorKind kCount>
void index_source_shape(Call& c) {
  const Tensor &x = c.in(0), &index = c.in(1), &source = c.in(2);
  const int d = wrap_dim(c.attrs.integer(kIndexDim), x.ndim());
  check_index_vector(index);
  check(source.dtype() == x.dtype(), "input and source expected to have the same dtype, but got ",
        x.dtype(), " and ", source.dtype());
  Dims expected = x.shape();
  if (x.ndim() > 0) expected[d] = index.numel();
  const bool counts =
      source.ndim() == expected.size() && (expected.empty() || source.shape()[d] == expected[d]);
  check(source.shape() == expected, counts ? ErrorKind::kRuntime : kCount, "source of shape ",
        source.shape(), " does not fit input of shape ", x.shape(), " with ", index.numel(),
        " indices along dimension ", d, ": expected ", expected);
  c.output(x.dtype(), x.shape());
}

// y_i = x_i + alpha sum of s_k over i_k = i      dx = g      ds_k = alpha g_{i_k}
constinit const Op index_add_op{
    .name = "index_add",
    .signature = kIndexAdd,
    .on = kMethod | kModule | kInplace,
    .doc =
        "The input with alpha * source added at the positions `index` of dimension `dim`. An "
        "IndexError if one is out of range.",
    .shape = index_source_shape<ErrorKind::kRuntime>,
    .run =
        [](Call& c) {
          copy_input(c);
          const Tensor& y = c.out[0];
          const OneDim one(y, c.attrs.integer(kIndexAdd["dim"]), c.in(1), false);
          const Packed source(c.in(2));
          index_accumulate(one.v, y.data(), source.data(), false,
                           c.attrs.scalar(kIndexAdd["alpha"]), y.dtype());
        },
    .vjp =
        [](Vjp& v) {
          if (v.needs(0)) v.set(0, v.g());
          if (!v.needs(2)) return;
          const Scalar alpha = v.attrs().scalar(kIndexAdd["alpha"]);
          const Tensor d = index_select(v.g(), v.attrs().integer(kIndexAdd["dim"]), v.x(1));
          v.set(2, alpha.real() == 1 ? d : mul(d, alpha));
        },
    .reads = kOther,
};

// y = x but s_k at i_k            dx_i = g_i where no i_k = i, else 0       ds_k = g_{i_k}
constinit const Op index_copy_op{
    .name = "index_copy",
    .signature = kIndexCopy,
    .on = kMethod | kModule | kInplace,
    .doc =
        "The input with `source` at the positions `index` of dimension `dim`. An IndexError if "
        "one is out of range.",
    .shape = index_source_shape<ErrorKind::kIndex>,
    .run =
        [](Call& c) {
          copy_input(c);
          const Tensor& y = c.out[0];
          const OneDim one(y, c.attrs.integer(kIndexCopy["dim"]), c.in(1), false);
          const Packed source(c.in(2));
          index_scatter(one.v, y.data(), source.data(), false, item_size(y));
        },
    .vjp =
        [](Vjp& v) {
          const int64_t d = v.attrs().integer(kIndexCopy["dim"]);
          if (v.needs(0)) v.set(0, index_fill(v.g(), d, v.x(1), 0));
          if (v.needs(2)) v.set(2, index_select(v.g(), d, v.x(1)));
        },
    .reads = kOther,
};

constexpr Signature kIndexFill =
    "(input: Tensor, dim: int, index: Tensor, value: Operand) -> Tensor";
// y = x but v at every i_k        dx_i = g_i where no i_k = i, else 0       dv = sum of the other
// g_i
constinit const Op index_fill_op{
    .name = "index_fill",
    .signature = kIndexFill,
    .on = kMethod | kModule | kInplace,
    .doc =
        "The input with the value, a number or a 0-d tensor, at the positions `index` of "
        "dimension `dim`; negative ones count from the end.",
    .shape =
        [](Call& c) {
          const Tensor& x = c.in(0);
          wrap_dim(c.attrs.integer(kIndexFill["dim"]), x.ndim());
          check_index_vector(c.in(1));
          check(!c.input(2).is_tensor() || c.in(2).ndim() == 0,
                "Only supports 0-dimensional value tensor, got shape ",
                c.input(2).is_tensor() ? c.in(2).shape() : Dims{});
          c.output(x.dtype(), x.shape());
        },
    .run =
        [](Call& c) {
          copy_input(c);
          const Tensor& y = c.out[0];
          const OneDim one(y, c.attrs.integer(kIndexFill["dim"]), c.in(1), true);
          index_scatter(one.v, y.data(), Element(c.input(2), y.dtype()).data(), true, item_size(y));
        },
    .vjp =
        [](Vjp& v) {
          const int64_t d = v.attrs().integer(kIndexFill["dim"]);
          if (v.needs(0)) v.set(0, index_fill(v.g(), d, v.x(1), 0));
          // Not index_select: of a position named twice the gradient counts once.
          if (v.needs(2)) {
            const Tensor none = zeros(v.output_shape(), Dtype::kBool);
            v.set(2, where(index_fill(none, d, v.x(1), true), v.g(), 0));
          }
        },
    .reads = kOther,
};

// ---- masks ---------------------------------------------------------------------------------

// y_i = v where m_i != 0, else x_i     dx_i = g_i where m_i = 0, else 0      dv = sum of the other
// g_i
constinit const Op masked_fill_op{
    .name = "masked_fill",
    .signature = "(input: Tensor, mask: Tensor, value: Operand) -> Tensor",
    .on = kMethod | kModule | kInplace,
    .doc =
        "The input with the value, a number or a 0-d tensor, where the bool mask is true. Input "
        "and mask are broadcast together; the dtype is the input's.",
    .shape =
        [](Call& c) {
          const Tensor &x = c.in(0), &mask = c.in(1);
          check(mask.dtype() == Dtype::kBool,
                "only supports boolean masks, but got mask with dtype ", mask.dtype());
          if (c.input(2).is_tensor())
            check(c.in(2).ndim() == 0,
                  "only supports a 0-dimensional value tensor, but got tensor with ",
                  c.in(2).ndim(), " dimension(s).");
          c.output(x.dtype(), broadcast_shapes(x.shape(), mask.shape()));
        },
    .run =
        [](Call& c) {
          const Tensor &x = c.in(0), &mask = c.in(1), &y = c.out[0];
          mask_fill(y.data(), x.data(), broadcast_strides(x.shape(), x.strides(), y.shape()),
                    mask.data_as<bool>(),
                    broadcast_strides(mask.shape(), mask.strides(), y.shape()), y.shape(),
                    Element(c.input(2), y.dtype()).data(), item_size(y));
        },
    .vjp =
        [](Vjp& v) {
          if (v.needs(0)) v.set(0, masked_fill(v.g(), v.x(1), 0));
          if (v.needs(2)) v.set(2, masked_fill(v.g(), logical_not(v.x(1)), 0));
        },
    .reads = kOther,
};

// Input and mask have one shape; all are contiguous.
// y_i = s_k for the k-th m_i != 0, else x_i     dx_i = g_i where m_i = 0     ds_k = that g_i
constinit const Op decompress_op{
    .name = "_masked_scatter",
    .signature = "(input: Tensor, mask: Tensor, source: Tensor) -> Tensor",
    .on = 0,
    .doc = "masked_scatter() for a mask of the input's shape.",
    .contiguous = true,
    .checked = true,
    .shape =
        [](Call& c) {
          const Tensor &x = c.in(0), &mask = c.in(1), &source = c.in(2);
          check(mask.dtype() == Dtype::kBool && mask.shape() == x.shape(),
                "a bool mask of the input's shape expected, got ", mask.dtype(), ' ', mask.shape());
          check(x.dtype() == source.dtype(),
                "expected self and source to have same dtypes but got ", x.dtype(), " and ",
                source.dtype());
          c.output(x.dtype(), x.shape());
        },
    .run =
        [](Call& c) {
          const Tensor &mask = c.in(1), &source = c.in(2);
          const int64_t n = mask.numel(), count = count_true(mask.data_as<bool>(), n);
          check(count <= source.numel(), "the number of elements of source (", source.numel(),
                ") is smaller than the number of true elements of the mask (", count, ")");
          decompress(c.out[0].data(), c.in(0).data(), source.data(), mask.data_as<bool>(), n,
                     item_size(source));
        },
    .vjp =
        [](Vjp& v) {
          const Tensor mask = v.x(1);
          if (v.needs(0)) v.set(0, masked_fill(v.g(), mask, 0));
          if (v.needs(2))
            v.set(2, reshape(masked_select_to(v.g(), mask, numel(v.shape(2))), v.shape(2)));
        },
    .reads = kOther,
};

// y_i = s_k for the k-th m_i != 0, else x_i
constinit const Op masked_scatter_op{
    .name = "masked_scatter",
    .signature = "(input: Tensor, mask: Tensor, source: Tensor) -> Tensor",
    .on = kMethod | kModule | kInplace,
    .doc =
        "The input with the elements of `source`, in order, where the bool mask is true. Input "
        "and mask are broadcast together.",
    .composed = [](Call& c) { c.results = {masked_scatter(c.in(0), c.in(1), c.in(2))}; },
};

// ---- flat positions

constexpr Signature kPut =
    "(input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor";
// y = x but s_k at flat place i_k, or added there
constinit const Op put_op{
    .name = "put",
    .signature = kPut,
    .on = kMethod | kModule | kInplace,
    .doc =
        "The input with the elements of `source` at the flat positions `index`, or added there if "
        "`accumulate`; negative positions count from the end. IndexError for one out of range.",
    .composed = [](Call& c) {
      const Tensor &x = c.in(0), &index = c.in(1), &source = c.in(2);
      check(index.dtype() == Dtype::kInt64, "expected a long tensor for index, but got ",
            index.dtype());
      check(x.dtype() == source.dtype(),
            "expected self and source to have the same dtype, but got self.dtype = ", x.dtype(),
            " and source.dtype = ", source.dtype());
      check(index.numel() == source.numel(),
            "expected source and index to have the same number of "
            "elements, but got source.numel() = ",
            source.numel(), ", index.numel() = ", index.numel());
      const Tensor flat = flatten(x), i = flatten(index);
      const Tensor at = where(lt(i, 0), add(i, flat.numel()), i), values = flatten(source);
      const Tensor y = c.attrs.flag(kPut["accumulate"])
                           ? index_add(flat, 0, at, values)
                           : apply(index_copy_op, {flat, at, values}, Attrs(0));
      c.results = {reshape(y, x.shape())};
    }};

const Op* const kScatterOps[] = {
    &scatter_op,    &scatter_value_op, &scatter_add_op, &index_add_op,      &index_copy_op,
    &index_fill_op, &masked_fill_op,   &decompress_op,  &masked_scatter_op, &put_op,
};

}  // namespace

Tensor scatter(const Tensor& x, int64_t dim, const Tensor& index, const Operand& source) {
  return apply(source.is_scalar() ? scatter_value_op : scatter_op, {x, index, source}, Attrs(dim));
}
Tensor scatter_add(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source) {
  return apply(scatter_add_op, {x, index, source}, Attrs(dim));
}
Tensor index_add(const Tensor& x, int64_t dim, const Tensor& index, const Tensor& source) {
  return apply(index_add_op, {x, index, source}, Attrs(dim, 1));
}
Tensor index_fill(const Tensor& x, int64_t dim, const Tensor& index, const Operand& value) {
  return apply(index_fill_op, {x, index, value}, Attrs(dim));
}
Tensor masked_fill(const Tensor& x, const Tensor& mask, const Operand& value) {
  return apply(masked_fill_op, {x, mask, value});
}
Tensor& masked_fill_(Tensor& x, const Tensor& mask, const Operand& value) {
  Call c(masked_fill_op);
  c.add_input(x);
  c.add_input(mask);
  c.add_input(value);
  apply_inplace(c);
  return x;
}
Tensor masked_scatter(const Tensor& x, const Tensor& mask, const Tensor& source) {
  check_defined(x, "masked_scatter");
  check_defined(mask, "masked_scatter", "mask");
  check(mask.dtype() == Dtype::kBool, "masked_scatter: only supports boolean masks, but got mask ",
        "with dtype ", mask.dtype());
  const Dims shape = broadcast_shapes(x.shape(), mask.shape());
  const auto stretched = [&](const Tensor& t) { return t.shape() == shape ? t : expand(t, shape); };
  return apply(decompress_op, {stretched(x), contiguous(stretched(mask)), source});
}
std::span<const Op* const> scatter_ops() { return kScatterOps; }

}  // namespace wengert
