// Reading at computed places: gather, index_select, masks.
#include "wengert/kernels/core/copy.h"
#include "wengert/kernels/core/walk.h"
#include "wengert/kernels/index/index.h"
#include "wengert/ops/index/index.h"
#include "wengert/ops/index/key.h"
#include "wengert/ops/index/positions.h"
#include "wengert/ops/shape/view.h"

namespace wengert {
namespace {

// ---- gather --------------------------------------------------------------------------------

constexpr Signature kGather =
    "(input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Tensor";
// y_k = x_{i_k}                 dx_i = sum of g_k over i_k = i
constinit const Op gather_op{
    .name = "gather",
    .signature = kGather,
    .doc =
        "out[i][j][k] = input[index[i][j][k]][j][k] for dim 0, and so on; the output has the "
        "shape of index, which is no larger than the input apart from `dim`. A RuntimeError if "
        "an index is out of range.",
    .any_dtype = true,
    .shape =
        [](Call& c) {
          const Tensor& x = c.in(0);
          check_along(c.attrs.integer(kGather["dim"]), c.in(1), x.shape());
          c.output(x.dtype(), c.in(1).shape());
        },
    .run =
        [](Call& c) {
          const Tensor &x = c.in(0), &y = c.out[0];
          if (y.numel() == 0) return;
          const int d = wrap_dim(c.attrs.integer(kGather["dim"]), x.ndim());
          const Positions p(c.in(1));
          const int64_t n = x.ndim() ? x.shape()[d] : 1;
          if (!along_gather(
                  {y.shape(), d, p.data(), same_rank(x.strides(), y.ndim()), y.strides(), n},
                  y.data(), x.data(), item_size(x)))
            p.check_range(0, n, d, ErrorKind::kRuntime);
        },
    .vjp =
        [](Vjp& v) {
          if (v.needs(0))
            v.set(0, gather_backward(v.g(), v.x(1), v.shape(0), v.attrs().integer(kGather["dim"])));
        },
    .reads = kOther,
};

constexpr Signature kGatherBackward =
    "(grad: Tensor, index: Tensor, size: ints, dim: int) -> Tensor";
// y_i = sum of g_k over i_k = i        dg_k = h_{i_k}
constinit const Op gather_backward_op{
    .name = "_gather_backward",
    .signature = kGatherBackward,
    .on = 0,
    .doc = "Zeros of `size` with `grad`, of the shape of the index, added as scatter_add() does.",
    .shape =
        [](Call& c) {
          const Dims size = c.attrs.dims(kGatherBackward["size"]);
          check_along(c.attrs.integer(kGatherBackward["dim"]), c.in(1), size);
          check(c.in(0).shape() == c.in(1).shape(), "a gradient of shape ", c.in(1).shape(),
                " expected, got ", c.in(0).shape());
          c.output(c.in(0).dtype(), size);
        },
    .run =
        [](Call& c) {
          const Tensor &g = c.in(0), &index = c.in(1), &y = c.out[0];
          zero_bytes(y.data(), y.bytes());
          if (index.numel() == 0) return;
          const int d = wrap_dim(c.attrs.integer(kGatherBackward["dim"]), y.ndim());
          const Positions p(index);
          const int64_t n = y.ndim() ? y.shape()[d] : 1;
          if (!along_accumulate({index.shape(), d, p.data(), same_rank(y.strides(), index.ndim()),
                                 same_rank(g.strides(), index.ndim()), n},
                                y.data(), g.data(), y.dtype()))
            p.check_range(0, n, d, ErrorKind::kRuntime);
        },
    .vjp =
        [](Vjp& v) { v.set(0, gather(v.g(), v.attrs().integer(kGatherBackward["dim"]), v.x(1))); },
    .reads = kOther,
};

namespace {
// Indices below zero count from behind.
Tensor from_the_front(const Tensor& index, int64_t n) {
  return where(lt(index, 0), add(index, n), index);
}
}  // namespace

constexpr Signature kTakeAlongDim =
    "(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor";
// y_k = x_{i_k}
constinit const Op take_along_dim_op{
    .name = "take_along_dim",
    .signature = kTakeAlongDim,
    .doc =
        "gather() with input and indices broadcast together apart from `dim`; without a dim, of "
        "the flattened input.",
    .composed =
        [](Call& c) {
          const Tensor &x = c.in(0), &index = c.in(1);
          if (!c.attrs.has(kTakeAlongDim["dim"])) {
            c.results = {gather(flatten(x), 0, from_the_front(flatten(index), x.numel()))};
            return;
          }
          check(x.ndim() == index.ndim(),
                "input and indices should have the same number of "
                "dimensions, but got ",
                x.ndim(), " dimensions for input, and ", index.ndim(), " dimensions for indices");
          const int d = wrap_dim(c.attrs.integer(kTakeAlongDim["dim"]), x.ndim());
          Dims from = x.shape(), at = index.shape();
          from[d] = at[d] = 1;
          const Dims common = broadcast_shapes(from, at);
          from = at = common;
          from[d] = x.shape()[d];
          at[d] = index.shape()[d];
          c.results = {gather(expand(x, from), d, from_the_front(expand(index, at), x.shape()[d]))};
        },
};

// ---- index_select --------------------------------------------------------------------------

constexpr Signature kIndexSelect = "(input: Tensor, dim: int, index: Tensor) -> Tensor";
// y_k = x_{i_k}                 dx_i = sum of g_k over i_k = i
constinit const Op index_select_op{
    .name = "index_select",
    .signature = kIndexSelect,
    .doc =
        "The positions `index` (1-d, int64 or int32) of dimension `dim`. An IndexError if one is "
        "out of range.",
    .any_dtype = true,
    .shape =
        [](Call& c) {
          const Tensor &x = c.in(0), &index = c.in(1);
          const int d = wrap_dim(c.attrs.integer(kIndexSelect["dim"]), x.ndim());
          check_index_vector(index);
          Dims shape = x.shape();
          if (x.ndim() > 0) shape[d] = index.numel();
          check(x.ndim() > 0 || index.numel() == 1,
                "the index of a 0-d tensor must have one element, got ", index.numel());
          c.output(x.dtype(), shape);
        },
    .run =
        [](Call& c) {
          const Tensor &x = c.in(0), &y = c.out[0];
          const OneDim one(x, c.attrs.integer(kIndexSelect["dim"]), c.in(1), false);
          index_gather(one.v, y.data(), x.data(), item_size(x));
        },
    .vjp =
        [](Vjp& v) {
          const Dims& shape = v.shape(0);
          if (shape.empty()) return v.set(0, v.g());
          std::vector<Tensor> indices(
              wrap_dim(v.attrs().integer(kIndexSelect["dim"]), shape.size()) + 1);
          indices.back() = v.x(1);
          v.set(0, index_backward(v.g(), shape, indices));
        },
    .reads = kOther,
};

// y_k = x_{i_k}                 dx_i = sum of g_k over i_k = i
constinit const Op take_op{
    .name = "take",
    .signature = "(input: Tensor, index: Tensor) -> Tensor",
    .doc = "The elements of the flattened input at `index`, in its shape.",
    .shape =
        [](Call& c) {
          check(is_index(c.in(1).dtype()), "expected an index of dtype int64, got ",
                c.in(1).dtype());
          c.output(c.in(0).dtype(), c.in(1).shape());
        },
    .run =
        [](Call& c) {
          const Tensor &x = c.in(0), &y = c.out[0];
          const Positions p(c.in(1));
          p.check_range(-x.numel(), x.numel(), 0, ErrorKind::kIndex);
          const Scratch scratch(static_cast<size_t>(p.count * 8));
          int64_t* offsets = scratch.as<int64_t>();
          const bool dense = x.is_contiguous();
          for (int64_t i = 0; i < p.count; ++i) {
            const int64_t at = p[i] < 0 ? p[i] + x.numel() : p[i];
            offsets[i] = dense ? at : offset_at(at, x.shape(), x.strides());
          }
          Indexed v{};
          v.offsets = offsets;
          v.count = p.count;
          index_gather(v, y.data(), x.data(), item_size(x));
        },
    .vjp =
        [](Vjp& v) {
          const Dims& shape = v.shape(0);
          const Tensor index = v.x(1);
          v.set(0, reshape(index_backward(v.g(), Dims{numel(shape)}, {&index, 1}), shape));
        },
    .reads = kOther,
};

// ---- masks ---------------------------------------------------------------------------------

void check_mask(const Tensor& mask) {
  check(mask.dtype() == Dtype::kBool && mask.is_contiguous(),
        "a contiguous mask of bools expected, got dtype ", mask.dtype(), " and strides ",
        mask.strides());
}

// y = the i with x_i != 0, one a row
constinit const Op nonzero_places_op{
    .name = "_nonzero",
    .signature = "(mask: Tensor) -> Tensor",
    .on = 0,
    .doc = "The positions of the true elements of a contiguous mask, (count, ndim), int64.",
    .data_dependent = true,
    .shape =
        [](Call& c) {
          const Tensor& x = c.in(0);
          check_mask(x);
          c.output(Dtype::kInt64, Dims{count_true(x.data_as<bool>(), x.numel()), x.ndim()});
        },
    .run =
        [](Call& c) {
          const Tensor &x = c.in(0), &y = c.out[0];
          const int64_t count = y.shape()[0];
          if (x.ndim() > 0) find_true(x.data_as<bool>(), x.shape(), count, y.data_as<int64_t>());
        },
};

// y = the i with x_i != 0, one a row
constexpr Op argwhere_op{
    .name = "argwhere",
    .signature = "(input: Tensor) -> Tensor",
    .doc = "The positions of the elements that are not zero, (count, ndim), int64.",
    .composed = [](Call& c) { c.results = {nonzero(c.in(0))}; },
};
// y = the i with x_i != 0, one a row          of Python's nonzero, which may give a tuple instead
constinit const Op nonzero_op = [] {
  Op op = renamed(argwhere_op, "nonzero");
  op.on = 0;
  return op;
}();

constinit const Op where_places_op{
    .name = "where",
    .signature = "(condition: Tensor) -> list[Tensor]",
    .on = kModule,
    .doc = "The positions of the elements that are not zero, one vector for each dimension.",
    .composed =
        [](Call& c) {
          const Tensor x = c.in(0).ndim() ? c.in(0) : unsqueeze(c.in(0), 0);
          const Tensor places = nonzero(x);
          for (int d = 0; d < x.ndim(); ++d) c.results.push_back(select(places, 1, d));
        },
};

// y = the x_i with m_i != 0, in order        dx_i = g_k of the y_k that x_i became, else 0
constinit const Op compress_op{
    .name = "_masked_select",
    .signature = "(input: Tensor, mask: Tensor) -> Tensor",
    .on = 0,
    .doc = "The elements where the mask, of the input's shape, is true, as a vector.",
    .contiguous = true,
    .data_dependent = true,
    .any_dtype = true,
    .shape =
        [](Call& c) {
          const Tensor& mask = c.in(1);
          check_mask(mask);
          check(mask.shape() == c.in(0).shape(), "a mask of shape ", c.in(0).shape(),
                " expected, got ", mask.shape());
          c.output(c.in(0).dtype(), Dims{count_true(mask.data_as<bool>(), mask.numel())});
        },
    .run =
        [](Call& c) {
          compress(c.out[0].data(), c.in(0).data(), c.in(1).data_as<bool>(), c.in(1).numel(),
                   item_size(c.in(0)));
        },
    .vjp =
        [](Vjp& v) {
          if (v.needs(0)) v.set(0, masked_scatter(zeros(v.shape(0), v.dtype(0)), v.x(1), v.g()));
        },
    .reads = kOther,
};

constexpr Signature kSelectTo = "(input: Tensor, mask: Tensor, size: int) -> Tensor";
// y = the x_i with m_i != 0, in order, and 0 behind them        dx_i = g_k of that y_k, else 0
constinit const Op select_to_op{
    .name = "_masked_select_to",
    .signature = kSelectTo,
    .on = 0,
    .doc =
        "The elements where the mask, of the input's shape, is true, as a vector of `size`, which "
        "ends with zeros: a shape that does not depend on values.",
    .contiguous = true,
    .checked = true,
    .any_dtype = true,
    .shape =
        [](Call& c) {
          const Tensor& mask = c.in(1);
          check(mask.dtype() == Dtype::kBool && mask.shape() == c.in(0).shape(),
                "a bool mask of shape ", c.in(0).shape(), " expected, got ", mask.dtype(), ' ',
                mask.shape());
          check(c.attrs.integer(kSelectTo["size"]) >= 0, "a size of at least 0 expected, got ",
                c.attrs.integer(kSelectTo["size"]));
          c.output(c.in(0).dtype(), Dims{c.attrs.integer(kSelectTo["size"])});
        },
    .run =
        [](Call& c) {
          const bool* const mask = c.in(1).data_as<bool>();
          const int64_t n = c.in(1).numel(), count = count_true(mask, n), size = item_size(c.in(0));
          check(count <= c.out[0].numel(), "the mask has ", count, " true elements, size is ",
                c.out[0].numel());
          compress(c.out[0].data(), c.in(0).data(), mask, n, size);
          std::fill_n(c.out[0].data_as<std::byte>() + count * size,
                      (c.out[0].numel() - count) * size, std::byte{0});
        },
    .vjp =
        [](Vjp& v) {
          if (v.needs(0)) v.set(0, masked_scatter(zeros(v.shape(0), v.dtype(0)), v.x(1), v.g()));
        },
    .reads = kOther,
};

// y = the x_i with m_i != 0, in order
constinit const Op masked_select_op{
    .name = "masked_select",
    .signature = "(input: Tensor, mask: Tensor) -> Tensor",
    .doc =
        "The elements of the input where the mask is true, as a vector; both are broadcast "
        "together.",
    .composed = [](Call& c) { c.results = {masked_select(c.in(0), c.in(1))}; },
};

// ---- one_hot -------------------------------------------------------------------------------

constexpr Signature kOneHotOf = "(input: Tensor, num_classes: int) -> Tensor";
// y_ij = 1 where x_i = j, else 0
constinit const Op one_hot_of_op{
    .name = "_one_hot",
    .signature = kOneHotOf,
    .on = 0,
    .doc = "one_hot() with a given number of classes.",
    .checked = true,
    .shape =
        [](Call& c) {
          check(is_index(c.in(0).dtype()), "expected integer classes, got ", c.in(0).dtype());
          Dims shape = c.in(0).shape();
          shape.push_back(c.attrs.integer(kOneHotOf["num_classes"]));
          c.output(Dtype::kInt64, shape);
        },
    .run =
        [](Call& c) {
          const Tensor& y = c.out[0];
          const int64_t classes = c.attrs.integer(kOneHotOf["num_classes"]);
          const Positions p(c.in(0));
          check(find_outside(p.data(), p.count, 0, INT64_MAX) < 0,
                "Class values must be non-negative.");
          check(find_outside(p.data(), p.count, 0, classes) < 0,
                "Class values must be smaller than num_classes (", classes, ").");
          zero_bytes(y.data(), y.bytes());
          for (int64_t i = 0; i < p.count; ++i) y.data_as<int64_t>()[i * classes + p[i]] = 1;
        },
};

constexpr Signature kOneHot = "(tensor: Tensor, num_classes: int = -1) -> Tensor";
// y_ij = 1 where x_i = j, else 0
constinit const Op one_hot_op{
    .name = "one_hot",
    .signature = kOneHot,
    .on = kFunctional,
    .doc =
        "int64 zeros of shape (*, num_classes) with a one at each class; -1 stands for the "
        "largest class + 1.",
    .composed =
        [](Call& c) { c.results = {one_hot(c.in(0), c.attrs.integer(kOneHot["num_classes"]))}; },
};

const Op* const kGatherOps[] = {
    &gather_op,         &gather_backward_op, &take_along_dim_op, &index_select_op, &take_op,
    &nonzero_places_op, &nonzero_op,         &argwhere_op,       &where_places_op, &compress_op,
    &masked_select_op,  &select_to_op,       &one_hot_of_op,     &one_hot_op,
};

}  // namespace

Tensor gather(const Tensor& x, int64_t dim, const Tensor& index) {
  return apply(gather_op, {x, index}, Attrs(dim, false));
}
Tensor gather_backward(const Tensor& g, const Tensor& index, const Dims& shape, int64_t dim) {
  return apply(gather_backward_op, {g, index}, Attrs(shape, dim));
}
Tensor index_select(const Tensor& x, int64_t dim, const Tensor& index) {
  return apply(index_select_op, {x, index}, Attrs(dim));
}
Tensor nonzero(const Tensor& x) {
  check_defined(x, "nonzero");
  return apply(nonzero_places_op, {contiguous(to(x.detach(), Dtype::kBool))});
}
Tensor masked_select(const Tensor& x, const Tensor& mask) {
  check_defined(x, "masked_select");
  check_defined(mask, "masked_select", "mask");
  check(mask.dtype() == Dtype::kBool, "masked_select: expected BoolTensor for mask, got ",
        mask.dtype());
  const Dims shape = broadcast_shapes(x.shape(), mask.shape());
  const auto stretched = [&](const Tensor& t) { return t.shape() == shape ? t : expand(t, shape); };
  return apply(compress_op, {stretched(x), contiguous(stretched(mask))});
}
Tensor masked_select_to(const Tensor& x, const Tensor& mask, int64_t size) {
  check_defined(x, "masked_select_to");
  return apply(select_to_op, {x, mask}, Attrs(size));
}
Tensor one_hot(const Tensor& x, int64_t classes) {
  check_defined(x, "one_hot");
  check(x.dtype() == Dtype::kInt64,
        "one_hot is only applicable to index tensor of type int64, got ", x.dtype());
  check(classes >= -1 && (classes != 0 || x.numel() == 0),
        "one_hot: num_classes must be positive, or -1 to infer it; got ", classes);
  if (classes == -1) {
    check(x.numel() > 0, "Can not infer total number of classes from empty tensor.");
    value_leaves("one_hot() without num_classes");
    const Positions p(x);
    for (int64_t i = 0; i < p.count; ++i) classes = std::max(classes, p[i] + 1);
  }
  return apply(one_hot_of_op, {x}, Attrs(std::max<int64_t>(classes, 1)));
}
std::span<const Op* const> gather_ops() { return kGatherOps; }

}  // namespace wengert
