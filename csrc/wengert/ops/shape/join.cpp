// Joining tensors, and taking them apart.
#include <algorithm>

#include "wengert/base/warning.h"
#include "wengert/kernels/core/copy.h"
#include "wengert/ops/shape/shape.h"
#include "wengert/ops/shape/view.h"

namespace wengert {
namespace {

// ---- cat and stack -------------------------------------------------------------------------

// An empty vector may stand among tensors of any shape, and is passed over.
bool is_skipped(const Dims& shape) { return shape.size() == 1 && shape[0] == 0; }

// x, cast, into the part of y that begins at `start` of a dimension of stride `step`.
void write_part(const Tensor& y, const Tensor& x, int64_t start, int64_t step) {
  cast_strided(y.data() + start * step * item_size(y), y.dtype(), y.strides(), x.data(), x.dtype(),
               x.strides(), x.shape());
}

constexpr Signature kCat = "(tensors: Tensors, dim: int = 0) -> Tensor";

void cat_shape(Call& c) {
  check(c.inputs() > 0, ErrorKind::kValue, "expected a non-empty list of Tensors");
  Dims shape = c.in(0).shape();
  int first = -1, d = 0;
  for (int i = 0; i < c.inputs(); ++i) {
    const Dims& s = c.in(i).shape();
    check(!s.empty(), "zero-dimensional tensor (at position ", i, ") cannot be concatenated");
    if (is_skipped(s)) continue;
    if (first < 0) {
      first = i;
      shape = s;
      d = wrap_dim(c.attrs.integer(kCat["dim"]), s.size());
      continue;
    }
    check(s.size() == shape.size(), "Tensors must have same number of dimensions: got ",
          shape.size(), " and ", s.size());
    for (int k = 0; k < s.size(); ++k)
      check(k == d || s[k] == shape[k], "Sizes of tensors must match except in dimension ", d,
            ". Expected size ", shape[k], " but got size ", s[k], " for tensor number ", i,
            " in the list.");
    shape[d] += s[d];
  }
  if (first < 0) wrap_dim(c.attrs.integer(kCat["dim"]), 1);
  c.output(common_dtype(c), shape);
}

void cat_run(Call& c) {
  const Tensor& y = c.out[0];
  const int d = wrap_dim(c.attrs.integer(kCat["dim"]), y.ndim());
  int64_t start = 0;
  for (int i = 0; i < c.inputs(); ++i) {
    const Tensor& x = c.in(i);
    if (is_skipped(x.shape())) continue;
    write_part(y, x, start, y.strides()[d]);
    start += x.shape()[d];
  }
}

void cat_vjp(Vjp& v) {
  const int d = wrap_dim(v.attrs().integer(kCat["dim"]), v.output_shape().size());
  const Tensor g = v.g();
  int64_t start = 0;
  for (int i = 0; i < v.inputs(); ++i) {
    const Dims& shape = v.shape(i);
    const int64_t n = is_skipped(shape) ? 0 : shape[d];
    if (v.needs(i)) v.set(i, is_skipped(shape) ? zeros(shape, v.dtype(i)) : narrow(g, d, start, n));
    start += n;
  }
}

// y = x^0, x^1, ... one behind the other        dx^k = its part of g
constexpr Op cat_op{
    .name = "cat",
    .autocast = Cast::kWidest,
    .signature = kCat,
    .on = kModule,
    .doc =
        "The tensors one after another along `dim`; their other sizes must be equal. The dtype "
        "is their common one. Vectors of size 0 are passed over.",
    .any_dtype = true,
    .shape = cat_shape,
    .run = cat_run,
    .vjp = cat_vjp,
};
// y = x^0, x^1, ... one behind the other        dx^k = its part of g
constinit const Op concat_op = renamed(cat_op, "concat");
// y = x^0, x^1, ... one behind the other        dx^k = its part of g
constinit const Op concatenate_op = renamed(cat_op, "concatenate");

constexpr Signature kStack = "(tensors: Tensors, dim: int = 0) -> Tensor";
// y_k = x^k                     dx^k = g_k
constinit const Op stack_op{
    .name = "stack",
    .autocast = Cast::kWidest,
    .signature = kStack,
    .on = kModule,
    .doc = "The tensors, all of one shape, along a new dimension `dim`.",
    .any_dtype = true,
    .shape =
        [](Call& c) {
          check(c.inputs() > 0, "expects a non-empty TensorList");
          Dims shape = c.in(0).shape();
          for (int i = 1; i < c.inputs(); ++i)
            check(c.in(i).shape() == shape, "expects each tensor to be equal size, but got ", shape,
                  " at entry 0 and ", c.in(i).shape(), " at entry ", i);
          shape.insert(wrap_dim(c.attrs.integer(kStack["dim"]), shape.size() + 1), c.inputs());
          c.output(common_dtype(c), shape);
        },
    .run =
        [](Call& c) {
          const Tensor& y = c.out[0];
          const int d = wrap_dim(c.attrs.integer(kStack["dim"]), y.ndim());
          Dims strides = y.strides();
          const int64_t step = strides[d];
          strides.erase(d);
          for (int i = 0; i < c.inputs(); ++i) {
            const Tensor& x = c.in(i);
            cast_strided(y.data() + i * step * item_size(y), y.dtype(), strides, x.data(),
                         x.dtype(), x.strides(), x.shape());
          }
        },
    .vjp =
        [](Vjp& v) {
          const Tensor g = v.g();
          const int d = wrap_dim(v.attrs().integer(kStack["dim"]), g.ndim());
          for (int i = 0; i < v.inputs(); ++i)
            if (v.needs(i)) v.set(i, select(g, d, i));
        },
};

// The inputs, each with at least n dimensions, along dimension d.
Tensor cat_at_least(const Call& c, int n, int d) {
  std::vector<Tensor> xs;
  for (int i = 0; i < c.inputs(); ++i) {
    Tensor x = c.in(i);
    while (x.ndim() < std::min(n, 2)) x = unsqueeze(x, 0);
    if (n == 3 && x.ndim() == 2) x = unsqueeze(x, 2);
    xs.push_back(std::move(x));
  }
  return cat(xs, d);
}

// y = x^0, x^1, ... side by side
constinit const Op hstack_op{
    .name = "hstack",
    .signature = "(tensors: Tensors) -> Tensor",
    .on = kModule,
    .doc = "The tensors side by side: along dimension 1, or 0 for vectors and numbers.",
    .composed =
        [](Call& c) {
          check(c.inputs() > 0, "expects a non-empty TensorList");
          c.results = {cat_at_least(c, 1, c.in(0).ndim() <= 1 ? 0 : 1)};
        },
};
// y = x^0, x^1, ... below each other
constexpr Op vstack_op{
    .name = "vstack",
    .signature = "(tensors: Tensors) -> Tensor",
    .on = kModule,
    .doc = "The tensors below one another, along dimension 0; vectors are rows.",
    .composed =
        [](Call& c) {
          check(c.inputs() > 0, "expects a non-empty TensorList");
          c.results = {cat_at_least(c, 2, 0)};
        },
};
// y = x^0, x^1, ... below each other
constinit const Op row_stack_op = renamed(vstack_op, "row_stack");
// y = x^0, x^1, ... along the third dimension
constinit const Op dstack_op{
    .name = "dstack",
    .signature = "(tensors: Tensors) -> Tensor",
    .on = kModule,
    .doc = "The tensors behind one another, along dimension 2; see atleast_3d.",
    .composed =
        [](Call& c) {
          check(c.inputs() > 0, "expects a non-empty TensorList");
          c.results = {cat_at_least(c, 3, 2)};
        },
};
// y = x^0, x^1, ... side by side, vectors as columns
constinit const Op column_stack_op{
    .name = "column_stack",
    .signature = "(tensors: Tensors) -> Tensor",
    .on = kModule,
    .doc = "The tensors side by side, along dimension 1; vectors and numbers are columns.",
    .composed =
        [](Call& c) {
          check(c.inputs() > 0, "expects a non-empty TensorList");
          std::vector<Tensor> xs;
          for (int i = 0; i < c.inputs(); ++i) {
            const Tensor& x = c.in(i);
            xs.push_back(x.ndim() <= 1 ? reshape(x, Dims{x.numel(), 1}) : x);
          }
          c.results = {cat(xs, 1)};
        },
};

// ---- parts ---------------------------------------------------------------------------------

// dx = the gradients of the parts side by side. `dropped`: each is one position of dimension d,
// which it has not.
void parts_vjp(Vjp& v, int d, bool dropped) {
  const Dims whole = v.shape(0);
  Dims strides = contiguous_strides(whole);
  const int64_t step = strides[d];
  if (dropped) strides.erase(d);
  const int count = static_cast<int>(v.entry().outputs().size());
  std::vector<Tensor> gs(static_cast<size_t>(count));  // what is not added to a gradient so far
  Tensor only;
  int64_t start = 0, place = 0;
  int left = 0;
  for (int k = 0; k < count; ++k) {
    if (v.has_g(k) && !v.add_part(0, v.g(k), strides, start * step)) {
      only = gs[static_cast<size_t>(k)] = v.g(k);
      place = start * step;
      ++left;
    }
    start += dropped ? 1 : v.output_shape(k)[d];
  }
  if (left == 0) return;
  if (left == 1) return v.set(0, strided_backward(only, whole, strides, place));
  const Tensor zero = left < count ? zeros(Dims(), v.dtype(0)) : Tensor();
  for (int k = 0; k < count; ++k)
    if (Tensor& g = gs[static_cast<size_t>(k)]; !g.defined()) g = expand(zero, v.output_shape(k));
  v.set(0, dropped ? stack(gs, d) : cat(gs, d));
}

constexpr Signature kUnbind = "(input: Tensor, dim: int = 0) -> list[Tensor]";
// y^k = x_k                     dx_k = g^k
constinit const Op unbind_op{
    .name = "unbind",
    .signature = kUnbind,
    .doc = "The views input.select(dim, i) for every i.",
    .view = true,
    .many = true,
    .shape =
        [](Call& c) {
          const Tensor& x = c.in(0);
          check(x.ndim() > 0, ErrorKind::kIndex, "Dimension specified as ",
                c.attrs.integer(kUnbind["dim"]), " but tensor has no dimensions");
          const int d = wrap_dim(c.attrs.integer(kUnbind["dim"]), x.ndim());
          Dims shape = x.shape(), strides = x.strides();
          shape.erase(d);
          strides.erase(d);
          for (int64_t i = 0; i < x.size(d); ++i)
            c.output_view(shape, strides, x->offset + i * x.strides()[d]);
        },
    .vjp =
        [](Vjp& v) {
          parts_vjp(v, wrap_dim(v.attrs().integer(kUnbind["dim"]), v.shape(0).size()), true);
        },
};

constexpr Signature kSplit =
    "(tensor: Tensor, split_size_or_sections: int, dim: int = 0) -> list[Tensor]";
constexpr Signature kSplitList =
    "(tensor: Tensor, split_size_or_sections: ints, dim: int = 0) -> list[Tensor]";
constexpr Signature kSplitWithSizes =
    "(input: Tensor, split_sizes: ints, dim: int = 0) -> list[Tensor]";
constexpr int kPartsDim = attribute("dim", kSplit, kSplitWithSizes);

// The dimension along which x is taken apart.
int parts_dim(const Call& c) {
  const Tensor& x = c.in(0);
  check(x.ndim() > 0, "expects at least a 1-dimensional tensor");
  return wrap_dim(c.attrs.integer(kPartsDim), x.ndim());
}

void output_part(Call& c, int d, int64_t start, int64_t length) {
  const Tensor& x = c.in(0);
  Dims shape = x.shape();
  shape[d] = length;
  c.output_view(shape, x.strides(), x->offset + (length ? start * x.strides()[d] : 0));
}

void split_vjp(Vjp& v) {
  parts_vjp(v, wrap_dim(v.attrs().integer(kPartsDim), v.shape(0).size()), false);
}

// y^k = part k of x             dx = g^0, g^1, ... one behind the other
constinit const Op split_op{
    .name = "split",
    .signature = kSplit,
    .doc =
        "Views of `split_size_or_sections` positions of `dim` each, the last one of what is "
        "left.",
    .view = true,
    .many = true,
    .shape =
        [](Call& c) {
          const int d = parts_dim(c);
          const int64_t n = c.in(0).size(d),
                        size = c.attrs.integer(kSplit["split_size_or_sections"]);
          check(size >= 0, "expects split_size be non-negative, but got split_size=", size);
          check(size > 0 || n == 0,
                "split_size can only be 0 if dimension size is 0, but got dimension size of ", n);
          if (n == 0) output_part(c, d, 0, 0);
          for (int64_t i = 0; i < n; i += std::min(size, n - i))
            output_part(c, d, i, std::min(size, n - i));
        },
    .vjp = split_vjp,
};
// y^k = part k of x             dx = g^0, g^1, ... one behind the other
constinit const Op split_with_sizes_op{
    .name = "split_with_sizes",
    .signature = kSplitWithSizes,
    .doc = "Views of so many positions of `dim` each; the sizes must add up.",
    .view = true,
    .many = true,
    .shape =
        [](Call& c) {
          const int d = parts_dim(c);
          const Ints sizes = c.attrs.ints(kSplitWithSizes["split_sizes"]);
          const int64_t n = c.in(0).size(d);
          int64_t total = 0;
          for (const int64_t length : sizes) {
            check(
                length >= 0,
                "expects split_sizes have only non-negative entries, but got split_sizes=", sizes);
            total += length;
          }
          check(total == n, "expects split_sizes to sum exactly to ", n,
                " (input tensor's size at dimension ", d, "), but got split_sizes=", sizes);
          int64_t start = 0;
          for (const int64_t length : sizes) {
            output_part(c, d, start, length);
            start += length;
          }
        },
    .vjp = split_vjp,
};

void cut(Call& c, const Op& op, const Tensor& x, const Attrs& attrs) {
  Call parts(op, attrs);
  parts.add_input(x);
  apply(parts);
  c.results.assign(parts.out, parts.out + parts.outputs());
}

// y^k = part k of x
constinit const Op split_list_op{
    .name = "split",
    .signature = kSplitList,
    .doc = "Views of so many positions of `dim` each; the sizes must add up.",
    .composed = [](Call& c) { cut(c, split_with_sizes_op, c.in(0), c.attrs); },
};

constexpr Signature kChunk = "(input: Tensor, chunks: int, dim: int = 0) -> list[Tensor]";
// y^k = part k of x
constinit const Op chunk_op{
    .name = "chunk",
    .signature = kChunk,
    .doc = "At most `chunks` views of equal size along `dim`, the last one perhaps smaller.",
    .composed =
        [](Call& c) {
          const Tensor& x = c.in(0);
          const int64_t chunks = c.attrs.integer(kChunk["chunks"]);
          check(x.ndim() > 0, "expects at least a 1-dimensional tensor");
          check(chunks > 0, "expects `chunks` to be greater than 0, got: ", chunks);
          const int d = wrap_dim(c.attrs.integer(kChunk["dim"]), x.ndim());
          const int64_t n = x.size(d);
          if (n == 0) return cut_evenly(c, x, chunks, d);
          cut(c, split_op, x, Attrs((n - 1) / chunks + 1, d));
        },
};

constexpr Signature kTensorSplit = "(input: Tensor, sections: int, dim: int = 0) -> list[Tensor]";
// y^k = part k of x
constinit const Op tensor_split_op{
    .name = "tensor_split",
    .signature = kTensorSplit,
    .doc = "`sections` views along `dim`, whose sizes differ by one at most.",
    .composed =
        [](Call& c) {
          const Tensor& x = c.in(0);
          const int64_t k = c.attrs.integer(kTensorSplit["sections"]);
          check(x.ndim() > 0, "expected at least a 1-D tensor, but got a tensor with 0 dims");
          check(k > 0, "number of sections must be larger than 0, got ", k);
          cut_evenly(c, x, k, wrap_dim(c.attrs.integer(kTensorSplit["dim"]), x.ndim()));
        },
};

constexpr Signature kTensorSplitAt = "(input: Tensor, indices: ints, dim: int = 0) -> list[Tensor]";
// y^k = part k of x
constinit const Op tensor_split_at_op{
    .name = "tensor_split",
    .signature = kTensorSplitAt,
    .doc = "The views along `dim` that the positions `indices` cut.",
    .composed =
        [](Call& c) {
          const Tensor& x = c.in(0);
          check(x.ndim() > 0, "expected at least a 1-D tensor, but got a tensor with 0 dims");
          cut_at(c, wrap_dim(c.attrs.integer(kTensorSplitAt["dim"]), x.ndim()),
                 c.attrs.ints(kTensorSplitAt["indices"]));
        },
};

// ---- broadcasting together -----------------------------------------------------------------

constexpr Signature kMeshgrid =
    "(*tensors: Tensors, indexing: 'ij' | 'xy' | None = None) -> list[Tensor]";
// y^k_{i_0 i_1 ...} = x^k_{i_k}
constinit const Op meshgrid_op{
    .name = "meshgrid",
    .signature = kMeshgrid,
    .on = kModule,
    .doc =
        "Of n vectors, n grids of all their combinations: grid i varies along dimension i with "
        "vector i. 'xy' exchanges the first two dimensions; without `indexing` it is 'ij', "
        "with a warning.",
    .composed =
        [](Call& c) {
          const int n = c.inputs();
          check(n > 0, "expects a non-empty TensorList");
          Dims shape;
          for (int i = 0; i < n; ++i) {
            check(c.in(i).ndim() <= 1,
                  "Expected 0D or 1D tensor in the tensor list but got: ", c.in(i).shape());
            check(c.in(i).dtype() == c.in(0).dtype(), "expects all tensors to have the same dtype");
            shape.push_back(c.in(i).numel());
          }
          const bool given = c.attrs.has(kMeshgrid["indexing"]);
          if (!given)
            warn(
                "meshgrid: in an upcoming release, it will be required to pass the indexing "
                "argument.");
          const bool exchange = given && c.attrs.integer(kMeshgrid["indexing"]) == 1 && n > 1;
          for (int i = 0; i < n; ++i) {
            Dims own = Dims::filled(n, 1);
            own[i] = c.in(i).numel();
            Tensor grid = expand(reshape(c.in(i), own), shape);
            c.results.push_back(exchange ? transpose(grid, 0, 1) : grid);
          }
        },
};

// y^k = x^k, repeated
constinit const Op broadcast_tensors_op{
    .name = "broadcast_tensors",
    .signature = "(*tensors: Tensors) -> list[Tensor]",
    .on = kModule,
    .doc = "The tensors as views of their common broadcast shape.",
    .composed =
        [](Call& c) {
          Dims shape;
          for (int i = 0; i < c.inputs(); ++i) shape = broadcast_shapes(shape, c.in(i).shape());
          for (int i = 0; i < c.inputs(); ++i) c.results.push_back(expand(c.in(i), shape));
        },
};

const Op* const kJoinOps[] = {
    &cat_op,
    &concat_op,
    &concatenate_op,
    &stack_op,
    &hstack_op,
    &vstack_op,
    &row_stack_op,
    &dstack_op,
    &column_stack_op,
    &unbind_op,
    &split_op,
    &split_list_op,
    &split_with_sizes_op,
    &chunk_op,
    &tensor_split_op,
    &tensor_split_at_op,
    &meshgrid_op,
    &broadcast_tensors_op,
};

Tensor join(const Op& op, Tensors xs, int64_t dim) {
  Call c(op, Attrs(dim));
  for (const Tensor& x : xs) c.add_input(x);
  apply(c);
  return std::move(c.out[0]);
}

}  // namespace

Tensor cat(Tensors xs, int64_t dim) { return join(cat_op, xs, dim); }
Tensor stack(Tensors xs, int64_t dim) { return join(stack_op, xs, dim); }
std::vector<Tensor> split(const Tensor& x, int64_t size, int64_t dim) {
  Call c(split_op, Attrs(size, dim));
  c.add_input(x);
  apply(c);
  return {c.out, c.out + c.outputs()};
}
std::vector<Tensor> chunk(const Tensor& x, int64_t chunks, int64_t dim) {
  Call c(chunk_op, Attrs(chunks, dim));
  c.add_input(x);
  apply(c);
  return {c.results.begin(), c.results.end()};
}
void cut_evenly(Call& c, const Tensor& x, int64_t count, int d) {
  std::vector<int64_t> sizes(static_cast<size_t>(count), x.size(d) / count);
  for (int64_t i = 0; i < x.size(d) % count; ++i) ++sizes[static_cast<size_t>(i)];
  cut(c, split_with_sizes_op, x, Attrs(sizes, d));
}
void cut_at(Call& c, int d, Ints places) {
  const Tensor& x = c.in(0);
  const int64_t n = x.size(d);
  std::vector<int64_t> sizes;
  int64_t start = 0, begin = 0;
  for (const int64_t place : places) {
    const int64_t end = std::clamp<int64_t>(place < 0 ? place + n : place, 0, n);
    sizes.push_back(end - begin);
    begin = end;
  }
  sizes.push_back(n - begin);
  if (*std::min_element(sizes.begin(), sizes.end()) >= 0)
    return cut(c, split_with_sizes_op, x, Attrs(sizes, d));
  for (const int64_t end : places) {  // parts that overlap
    c.results.push_back(slice(x, d, start, end));
    start = end;
  }
  c.results.push_back(slice(x, d, start, n));
  for (const Tensor& t : c.results) t->view = std::max(t->view, ViewKind::kOneOfMany);
}
std::span<const Op* const> join_ops() { return kJoinOps; }

}  // namespace wengert
