// Views: ops whose output is the input's memory, seen otherwise.
#include "wengert/ops/shape/shape.h"

#include "wengert/kernels/core/copy.h"
#include "wengert/ops/shape/view.h"

namespace wengert {

uint32_t dim_bits(Ints dims, int ndim) {
  uint32_t bits = 0;
  for (int64_t d : dims) {
    const uint32_t bit = 1u << wrap_dim(d, ndim);
    check(!(bits & bit), "dim ", wrap_dim(d, ndim), " appears multiple times in the list of dims");
    bits |= bit;
  }
  return bits;
}

void zero_vjp(Vjp& v) {
  if (v.needs(0)) v.set(0, zeros(v.shape(0), v.dtype(0)));
}

namespace {

// ---- reshaping -----------------------------------------------------------------------------

constexpr Signature kView = "(input: Tensor, *shape: ints) -> Tensor";
// y = x, in order, in another shape       dx = g in the shape of x
constinit const Op view_op{
    .name = "view",
    .signature = kView,
    .on = kMethod,
    .doc =
        "The input's memory with another shape of as many elements; one size may be -1. A "
        "RuntimeError if that needs a copy: reshape makes one.",
    .view = true,
    .shape =
        [](Call& c) {
          const Tensor& x = c.in(0);
          const Dims to = infer_shape(c.attrs.ints(kView["shape"]), x.numel());
          Dims strides;
          check(view_strides(x.shape(), x.strides(), to, strides),
                "view size is not compatible with input tensor's size and stride (at least one "
                "dimension spans across two contiguous subspaces): shape ",
                x.shape(), ", strides ", x.strides(), " to shape ", to,
                ". Use .reshape(...) instead.");
          c.output_view(to, strides, x->offset);
        },
    .vjp = [](Vjp& v) { v.set(0, reshape(v.g(), v.shape(0))); },
};

// Of elements of another size, the last dimension counts the bytes anew.
void view_as_dtype(Call& c, Dtype dtype) {
  const Tensor& x = c.in(0);
  const int64_t from = item_size(x.dtype()), to = item_size(dtype);
  Dims shape = x.shape(), strides = x.strides();
  if (from == to) return c.output_view(dtype, shape, strides, x->offset);
  const int last = x.ndim() - 1;
  const auto fits = [&](bool ok, const char* what, int64_t found) {
    check(ok, what, " to view ", x.dtype(), " as ", dtype, " (different element sizes), but got ",
          found);
  };
  fits(last >= 0, "self.dim() cannot be 0", last + 1);
  fits(strides[last] == 1 || shape[last] == 1 || x.numel() == 0, "self.stride(-1) must be 1",
       strides[last]);
  if (from < to) {
    const int64_t ratio = to / from;
    fits(shape[last] % ratio == 0, "self.size(-1) must be divisible by the ratio of the sizes",
         shape[last]);
    fits(x->offset % ratio == 0, "self.storage_offset() must be divisible by the ratio", x->offset);
    for (int d = 0; d < last; ++d)
      fits(strides[d] % ratio == 0, "self.stride() must be divisible by the ratio", strides[d]);
  }
  for (int d = 0; d < last; ++d) strides[d] = strides[d] * from / to;
  shape[last] = shape[last] * from / to;
  strides[last] = 1;
  c.output_view(dtype, shape, strides, x->offset * from / to);
}

constexpr Signature kViewDtype = "(input: Tensor, dtype: dtype) -> Tensor";
// y = the bytes of x
constinit const Op view_dtype_op{
    .name = "view",
    .signature = kViewDtype,
    .on = kMethod,
    .doc =
        "The input's memory as elements of another dtype. If their size differs, so does the last "
        "size; a RuntimeError unless bytes, strides and offset divide. No gradient flows through.",
    .view = true,
    .shape = [](Call& c) { view_as_dtype(c, c.attrs.dtype(kViewDtype["dtype"])); },
};

constexpr Signature kReshape = "(input: Tensor, *shape: ints) -> Tensor";
// y = x, in order, in another shape
constinit const Op reshape_op{
    .name = "reshape",
    .signature = kReshape,
    .doc =
        "The same elements with another shape; one size may be -1. A view where the strides "
        "allow it, otherwise a copy.",
    .composed = [](Call& c) { c.results = {reshape(c.in(0), c.attrs.ints(kReshape["shape"]))}; },
};

// y = x, in order, in the shape of another
constinit const Op view_as_op{
    .name = "view_as",
    .signature = "(input: Tensor, other: Tensor) -> Tensor",
    .on = kMethod,
    .doc = "view() with the shape of `other`.",
    .composed = [](Call& c) { c.results = {view(c.in(0), c.in(1).shape())}; },
};

// y = x, in order, in the shape of another
constinit const Op reshape_as_op{
    .name = "reshape_as",
    .signature = "(input: Tensor, other: Tensor) -> Tensor",
    .on = kMethod,
    .doc = "reshape() with the shape of `other`.",
    .composed = [](Call& c) { c.results = {reshape(c.in(0), c.in(1).shape())}; },
};

constexpr Signature kFlatten = "(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor";
// y = x, in order, some dimensions as one
constinit const Op flatten_op{
    .name = "flatten",
    .signature = kFlatten,
    .doc = "The dimensions start_dim to end_dim as one; a 0-d tensor becomes 1-d.",
    .composed =
        [](Call& c) {
          c.results = {flatten(c.in(0), c.attrs.integer(kFlatten["start_dim"]),
                               c.attrs.integer(kFlatten["end_dim"]))};
        },
};

// y = x, in order, as a vector
constinit const Op ravel_op{
    .name = "ravel",
    .signature = "(input: Tensor) -> Tensor",
    .doc = "The elements in one dimension.",
    .composed = [](Call& c) { c.results = {flatten(c.in(0))}; },
};

constexpr Signature kUnflatten = "(input: Tensor, dim: int, sizes: ints) -> Tensor";
// y = x, in order, one dimension as several
constinit const Op unflatten_op{
    .name = "unflatten",
    .signature = kUnflatten,
    .doc = "Dimension `dim` taken apart into `sizes`, of which one may be -1.",
    .composed =
        [](Call& c) {
          const Tensor& x = c.in(0);
          const int d = wrap_dim(c.attrs.integer(kUnflatten["dim"]), x.ndim());
          const int64_t n = x.size(d);
          const Ints sizes = c.attrs.ints(kUnflatten["sizes"]);
          int64_t known = 1;
          bool inferred = false;
          for (int64_t s : sizes) s == -1 ? inferred = true : known *= s;
          check(!sizes.empty(), "sizes must be non-empty");
          check(inferred ? known > 0 && n % known == 0 : known == n, "Provided sizes ", sizes,
                " don't multiply up to the size of dim ", d, " (", n, ") in the input tensor");
          const Dims parts = infer_shape(sizes, n);
          Dims to;
          for (int i = 0; i < d; ++i) to.push_back(x.shape()[i]);
          for (int64_t s : parts) to.push_back(s);
          for (int i = d + 1; i < x.ndim(); ++i) to.push_back(x.shape()[i]);
          c.results = {reshape(x, to)};
        },
};

// ---- exchanging dimensions -----------------------------------------------------------------

constexpr Signature kTranspose = "(input: Tensor, dim0: int, dim1: int) -> Tensor";

View transpose_rule(const View& x, const Attrs& a) {
  const int n = x.shape.size();
  const int i = wrap_dim(a.integer(kTranspose["dim0"]), n),
            j = wrap_dim(a.integer(kTranspose["dim1"]), n);
  View y = x;
  if (n == 0) return y;
  std::swap(y.shape[i], y.shape[j]);
  std::swap(y.strides[i], y.strides[j]);
  return y;
}

// y_ij = x_ji                  dx_ji = g_ij
constexpr Op transpose_op{
    .name = "transpose",
    .signature = kTranspose,
    .doc = "A view with the dimensions dim0 and dim1 exchanged.",
    .view = true,
    .shape = view_shape<transpose_rule>,
    .vjp =
        [](Vjp& v) {
          v.set(0, transpose(v.g(), v.attrs().integer(kTranspose["dim0"]),
                             v.attrs().integer(kTranspose["dim1"])));
        },
};
// y_ij = x_ji                  dx_ji = g_ij
constinit const Op swapaxes_op =
    renamed(transpose_op, "swapaxes", "(input: Tensor, axis0: int, axis1: int) -> Tensor");
// y_ij = x_ji                  dx_ji = g_ij
constinit const Op swapdims_op = renamed(transpose_op, "swapdims");

// y_ij = x_ji                  dx_ji = g_ij
constinit const Op t_op{
    .name = "t",
    .signature = "(input: Tensor) -> Tensor",
    .doc = "The transpose of a matrix, as a view; of 0-d and 1-d tensors the tensor itself.",
    .view = true,
    .shape =
        [](Call& c) {
          const Tensor& x = c.in(0);
          check(x.ndim() <= 2, "expects a tensor with <= 2 dimensions, but self is ", x.ndim(),
                "D of shape ", x.shape());
          const View y = x.ndim() < 2 ? view_of(x) : transpose_rule(view_of(x), Attrs(0, 1));
          c.output_view(y.shape, y.strides, y.offset);
        },
    .vjp = [](Vjp& v) { v.set(0, t(v.g())); },
};

constexpr Signature kPermute = "(input: Tensor, *dims: ints) -> Tensor";
// y_p(i) = x_i                  dx_i = g_p(i)
constinit const Op permute_op{
    .name = "permute",
    .signature = kPermute,
    .doc = "A view with the dimensions in the order `dims`.",
    .view = true,
    .shape =
        [](Call& c) {
          const Tensor& x = c.in(0);
          const Ints dims = c.attrs.ints(kPermute["dims"]);
          check(static_cast<int>(dims.size()) == x.ndim(),
                "number of dimensions in the tensor input does not match the length of the desired "
                "ordering of dimensions i.e. input.dim() = ",
                x.ndim(), " is not equal to len(dims) = ", static_cast<uint64_t>(dims.size()));
          Dims shape, strides;
          uint32_t seen = 0;
          for (int64_t dim : dims) {
            const int d = wrap_dim(dim, x.ndim());
            check(!(seen & 1u << d), "duplicate dims are not allowed: ", dims);
            seen |= 1u << d;
            shape.push_back(x.shape()[d]);
            strides.push_back(x.strides()[d]);
          }
          c.output_view(shape, strides, x->offset);
        },
    .vjp =
        [](Vjp& v) {
          const Ints dims = v.attrs().ints(kPermute["dims"]);
          const int n = static_cast<int>(dims.size());
          Dims inverse = Dims::filled(n, 0);
          for (int i = 0; i < n; ++i) inverse[wrap_dim(dims[i], n)] = i;
          v.set(0, permute(v.g(), inverse));
        },
};

constexpr Signature kMovedim = "(input: Tensor, source: ints, destination: ints) -> Tensor";

void compose_movedim(Call& c) {
  const Tensor& x = c.in(0);
  const Ints from = c.attrs.ints(kMovedim["source"]), to = c.attrs.ints(kMovedim["destination"]);
  check(from.size() == to.size(), "source ", from, " and destination ", to,
        " must name equally many dimensions");
  const int n = x.ndim();
  const uint32_t moved = dim_bits(from, n);
  dim_bits(to, n);
  Dims order = Dims::filled(n, -1);
  if (n == 0) order = Dims{};
  for (size_t i = 0; i < from.size() && n > 0; ++i)
    order[wrap_dim(to[i], n)] = wrap_dim(from[i], n);
  int next = 0;
  for (int i = 0; i < n; ++i) {
    if (order[i] >= 0) continue;
    while (moved & 1u << next) ++next;
    order[i] = next++;
  }
  c.results = {permute(x, order)};
}

// y_p(i) = x_i
constexpr Op movedim_op{
    .name = "movedim",
    .signature = kMovedim,
    .doc =
        "A view with the dimensions `source` moved to `destination`; the others keep their "
        "order.",
    .composed = compose_movedim,
};
// y_p(i) = x_i
constinit const Op moveaxis_op = renamed(movedim_op, "moveaxis");

// ---- dimensions of size 1 ------------------------------------------------------------------

constexpr Signature kSqueeze = "(input: Tensor, dim: ints | None = None) -> Tensor";

View squeeze_rule(const View& x, const Attrs& a) {
  const int n = x.shape.size();
  const uint32_t bits = a.has(kSqueeze["dim"]) ? dim_bits(a.ints(kSqueeze["dim"]), n) : ~0u;
  View y{{}, {}, x.offset};
  for (int i = 0; i < n; ++i) {
    if (x.shape[i] == 1 && bits >> i & 1) continue;
    y.shape.push_back(x.shape[i]);
    y.strides.push_back(x.strides[i]);
  }
  return y;
}

// y = x without dimensions of size 1      dx = g in the shape of x
constinit const Op squeeze_op{
    .name = "squeeze",
    .signature = kSqueeze,
    .doc = "A view without the dimensions of size 1, or without those among `dim`.",
    .view = true,
    .shape = view_shape<squeeze_rule>,
    .vjp = [](Vjp& v) { v.set(0, reshape(v.g(), v.shape(0))); },
};

constexpr Signature kUnsqueeze = "(input: Tensor, dim: int) -> Tensor";
// y = x with a dimension of size 1        dx = g in the shape of x
constinit const Op unsqueeze_op{
    .name = "unsqueeze",
    .signature = kUnsqueeze,
    .doc = "A view with a dimension of size 1 put in at `dim`.",
    .view = true,
    .shape =
        [](Call& c) {
          const Tensor& x = c.in(0);
          const int d = wrap_dim(c.attrs.integer(kUnsqueeze["dim"]), x.ndim() + 1);
          Dims shape = x.shape(), strides = x.strides();
          const int64_t step = d < x.ndim() ? shape[d] * strides[d] : 1;
          shape.insert(d, 1);
          strides.insert(d, step);
          c.output_view(shape, strides, x->offset);
        },
    .vjp = [](Vjp& v) { v.set(0, reshape(v.g(), v.shape(0))); },
};

// ---- broadcasting --------------------------------------------------------------------------

constexpr Signature kExpand = "(input: Tensor, *size: ints) -> Tensor";

View expand_rule(const View& x, const Attrs& a) {
  const Dims to = a.dims(kExpand["size"]);
  const int lead = to.size() - x.shape.size();
  check(lead >= 0, "the number of sizes provided (", to.size(),
        ") must be greater or equal to the number of dimensions in the tensor (", x.shape.size(),
        "): ", x.shape, " to ", to);
  View y{to, Dims::filled(to.size(), 0), x.offset};
  for (int i = 0; i < to.size(); ++i) {
    if (i < lead) {
      check(to[i] >= 0, "The expanded size of the tensor (", to[i],
            ") isn't allowed in a leading, non-existing dimension ", i);
      continue;
    }
    const int64_t n = x.shape[i - lead];
    if (to[i] == -1 || to[i] == n) {
      y.shape[i] = n;
      y.strides[i] = x.strides[i - lead];
    } else {
      check(n == 1 && to[i] >= 0, "The expanded size of the tensor (", to[i],
            ") must match the existing size (", n, ") at non-singleton dimension ", i,
            ".  Target sizes: ", to, ".  Tensor sizes: ", x.shape);
    }
  }
  return y;
}

// y_ij = x_i                    dx_i = sum_j g_ij
constexpr Op expand_op{
    .name = "expand",
    .signature = kExpand,
    .on = kMethod,
    .doc =
        "A view in which dimensions of size 1 are stretched to `size`, and new ones are added "
        "in front; -1 keeps a size. The gradient is summed over what was stretched.",
    .view = true,
    .shape = view_shape<expand_rule>,
    .vjp = [](Vjp& v) { v.set(0, v.g()); },
};
constexpr Op broadcast_to_row() {
  Op op = renamed(expand_op, "broadcast_to", "(input: Tensor, size: sizes) -> Tensor");
  op.on = kMethod | kModule;
  return op;
}
// y_ij = x_i                    dx_i = sum_j g_ij
constinit const Op broadcast_to_op = broadcast_to_row();

// y_ij = x_i
constinit const Op expand_as_op{
    .name = "expand_as",
    .signature = "(input: Tensor, other: Tensor) -> Tensor",
    .on = kMethod,
    .doc = "expand() to the shape of `other`.",
    .composed = [](Call& c) { c.results = {expand(c.in(0), c.in(1).shape())}; },
};

// ---- at least so many dimensions -----------------------------------------------------------

// y = x with dimensions of size 1 in front
constinit const Op atleast_1d_op{
    .name = "atleast_1d",
    .signature = "(input: Tensor) -> Tensor",
    .on = kModule,
    .doc = "A 0-d tensor as (1,); others as they are.",
    .composed =
        [](Call& c) { c.results = {c.in(0).ndim() == 0 ? unsqueeze(c.in(0), 0) : c.in(0)}; },
};
// y = x with dimensions of size 1 in front
constinit const Op atleast_2d_op{
    .name = "atleast_2d",
    .signature = "(input: Tensor) -> Tensor",
    .on = kModule,
    .doc = "A 0-d tensor as (1, 1), a 1-d one as (1, n); others as they are.",
    .composed =
        [](Call& c) {
          Tensor x = c.in(0);
          while (x.ndim() < 2) x = unsqueeze(x, 0);
          c.results = {x};
        },
};
// y = x with dimensions of size 1 around
constinit const Op atleast_3d_op{
    .name = "atleast_3d",
    .signature = "(input: Tensor) -> Tensor",
    .on = kModule,
    .doc =
        "A 0-d tensor as (1, 1, 1), a 1-d one as (1, n, 1), a 2-d one as (m, n, 1); others as "
        "they are.",
    .composed =
        [](Call& c) {
          Tensor x = c.in(0);
          while (x.ndim() < 2) x = unsqueeze(x, 0);
          c.results = {x.ndim() == 2 ? unsqueeze(x, 2) : x};
        },
};

// y^k = atleast(x^k)
template <const Op& op>
constexpr Op atleast_of_each(const char* name) {
  return {
      .name = name,
      .signature = "(*tensors: Tensors) -> list[Tensor]",
      .on = kModule,
      .doc = "The same of each of several tensors, or of a list of them.",
      .composed =
          [](Call& c) {
            for (int i = 0; i < c.inputs(); ++i) c.results.push_back(apply(op, {c.in(i)}));
          },
  };
}
constinit const Op atleast_1d_of_each_op = atleast_of_each<atleast_1d_op>("atleast_1d");
constinit const Op atleast_2d_of_each_op = atleast_of_each<atleast_2d_op>("atleast_2d");
constinit const Op atleast_3d_of_each_op = atleast_of_each<atleast_3d_op>("atleast_3d");

const Op* const kShapeOps[] = {
    &view_op,
    &reshape_op,
    &view_as_op,
    &reshape_as_op,
    &flatten_op,
    &ravel_op,
    &unflatten_op,
    &transpose_op,
    &swapaxes_op,
    &swapdims_op,
    &t_op,
    &permute_op,
    &movedim_op,
    &moveaxis_op,
    &squeeze_op,
    &unsqueeze_op,
    &expand_op,
    &broadcast_to_op,
    &expand_as_op,
    &atleast_1d_op,
    &atleast_2d_op,
    &atleast_3d_op,
    &atleast_1d_of_each_op,
    &atleast_2d_of_each_op,
    &atleast_3d_of_each_op,
    &view_dtype_op,
};

}  // namespace

Tensor view(const Tensor& x, Ints shape) { return apply(view_op, {x}, Attrs(shape)); }
Tensor reshape(const Tensor& x, Ints shape) {
  check_defined(x, "reshape");
  if (x.is_contiguous()) return view(x, shape);
  const Dims to = infer_shape(shape, x.numel());
  Dims strides;
  return view(view_strides(x.shape(), x.strides(), to, strides) ? x : contiguous_copy(x), to);
}
Tensor flatten(const Tensor& x, int64_t start, int64_t end) {
  check_defined(x, "flatten");
  const int first = wrap_dim(start, x.ndim()), last = wrap_dim(end, x.ndim());
  check(first <= last, "start_dim cannot come after end_dim, got ", start, " and ", end);
  if (x.ndim() == 0) return reshape(x, Dims{1});
  if (first == last) return x;
  Dims to;
  int64_t n = 1;
  for (int d = 0; d < x.ndim(); ++d) {
    if (d >= first && d <= last) n *= x.shape()[d];
    if (d < first || d > last) to.push_back(x.shape()[d]);
    if (d == last) to.push_back(n);
  }
  return reshape(x, to);
}
Tensor transpose(const Tensor& x, int64_t dim0, int64_t dim1) {
  return apply(transpose_op, {x}, Attrs(dim0, dim1));
}
Tensor t(const Tensor& x) {
  check_defined(x, "t");
  return x.ndim() < 2 ? x : transpose(x, -2, -1);
}
Tensor permute(const Tensor& x, Ints dims) { return apply(permute_op, {x}, Attrs(dims)); }
Tensor squeeze(const Tensor& x, Ints dims) {
  return apply(squeeze_op, {x}, dims.empty() ? Attrs(nullptr) : Attrs(dims));
}
Tensor unsqueeze(const Tensor& x, int64_t dim) { return apply(unsqueeze_op, {x}, Attrs(dim)); }
Tensor expand(const Tensor& x, Ints shape) { return apply(expand_op, {x}, Attrs(shape)); }
std::span<const Op* const> shape_ops() { return kShapeOps; }

}  // namespace wengert
