// Cutting and joining, made of other rows.
#include "wengert/ops/create/create.h"
#include "wengert/ops/index/index.h"
#include "wengert/ops/index/positions.h"
#include "wengert/ops/pointwise/pointwise.h"
#include "wengert/ops/shape/shape.h"
#include "wengert/ops/shape/view.h"

namespace wengert {
namespace {

// ---- cutting: of dimension d, or at positions

constexpr Signature kSplitN = "(input: Tensor, sections: int) -> list[Tensor]";
constexpr Signature kSplitAt = "(input: Tensor, indices: ints) -> list[Tensor]";

// The dimension of hsplit (1), vsplit (0), dsplit (2); hsplit cuts a vector.
template <int kDim>
int dim_of(const Tensor& x) {
  constexpr int kLeast = kDim == 1 ? 1 : kDim == 0 ? 2 : 3;
  check(x.ndim() >= kLeast, "requires a tensor with at least ", kLeast,
        " dimension(s), but got a tensor with ", x.ndim(), " dimensions!");
  return kDim == 1 && x.ndim() == 1 ? 0 : kDim;
}

template <int kDim>
constexpr Op cut(const char* name, const char* doc) {
  Op op{.name = name, .signature = kSplitN, .doc = doc};
  op.composed = [](Call& c) {
    const Tensor& x = c.in(0);
    const int d = dim_of<kDim>(x);
    const int64_t k = c.attrs.integer(kSplitN["sections"]);
    check(k > 0 && x.size(d) % k == 0, "attempted to split along dimension ", d,
          ", but the size of the dimension ", x.size(d), " is not divisible by the split_size ", k);
    cut_evenly(c, x, k, d);
  };
  return op;
}
template <int kDim>
constexpr Op cut_at(const char* name, const char* doc) {
  Op op{.name = name, .signature = kSplitAt, .doc = doc};
  op.composed = [](Call& c) {
    cut_at(c, dim_of<kDim>(c.in(0)), c.attrs.ints(kSplitAt["indices"]));
  };
  return op;
}

// y^k = part k of x
constinit const Op hsplit_op =
    cut<1>("hsplit", "`sections` equal views along dimension 1, of a vector along 0.");
// y^k = part k of x
constinit const Op hsplit_at_op =
    cut_at<1>("hsplit", "The views along dimension 1, of a vector along 0, that `indices` cut.");
// y^k = part k of x
constinit const Op vsplit_op = cut<0>("vsplit", "`sections` equal views along dimension 0.");
// y^k = part k of x
constinit const Op vsplit_at_op =
    cut_at<0>("vsplit", "The views along dimension 0 that `indices` cut.");
// y^k = part k of x
constinit const Op dsplit_op = cut<2>("dsplit", "`sections` equal views along dimension 2.");
// y^k = part k of x
constinit const Op dsplit_at_op =
    cut_at<2>("dsplit", "The views along dimension 2 that `indices` cut.");

constexpr Signature kTensorSplit =
    "(input: Tensor, tensor_indices_or_sections: Tensor, dim: int = 0) -> list[Tensor]";
// y^k = part k of x
constinit const Op tensor_split_by_op{
    .name = "tensor_split",
    .signature = kTensorSplit,
    .doc =
        "As with a number, if the int64 tensor is 0-d, or with the list of positions that it is.",
    .composed = [](Call& c) {
      const Tensor &x = c.in(0), &by = c.in(1);
      check(x.ndim() > 0,
            "expected at least a one-dimensional tensor, but got a tensor with 0 "
            "dims");
      check(by.dtype() == Dtype::kInt64,
            "tensor_split expected tensor_indices_or_sections to have "
            "dtype of long, but got ",
            by.dtype());
      check(by.ndim() <= 1,
            "expected tensor_indices_or_sections to be a zero-dimensional or "
            "one-dimensional tensor, but got a tensor with ",
            by.ndim(), " dims");
      const int d = wrap_dim(c.attrs.integer(kTensorSplit["dim"]), x.ndim());
      value_leaves("tensor_split() at the places in a tensor");
      const Positions p(by);
      if (by.ndim() == 1) return cut_at(c, d, Ints(p.data(), static_cast<size_t>(p.count)));
      const int64_t k = p[0];
      check(k > 0, "number of sections must be larger than 0, got ", k);
      cut_evenly(c, x, k, d);
    }};

// ---- diagonals and blocks

constexpr Signature kDiagflat = "(input: Tensor, offset: int = 0) -> Tensor";
// y_{i, i + offset} = x_i, else 0
constinit const Op diagflat_op{
    .name = "diagflat",
    .signature = kDiagflat,
    .doc = "The matrix with the elements of the input on the diagonal `offset`, zeros elsewhere.",
    .composed = [](Call& c) {
      const Tensor x = flatten(c.in(0));
      const int64_t k = c.attrs.integer(kDiagflat["offset"]), n = x.numel() + std::abs(k);
      const Dims shape{n, n};
      c.results = {strided_backward(x, shape, Dims{n + 1}, k >= 0 ? k : -k * n)};
    }};

// ---- products of sets

// y_i = the i-th tuple of one element of each x^k
constinit const Op cartesian_prod_op{
    .name = "cartesian_prod",
    .signature = "(*tensors: Tensors) -> Tensor",
    .on = kModule,
    .doc =
        "All tuples of one element of each vector, a row each, the last element varying fastest; "
        "of one vector itself.",
    .composed = [](Call& c) {
      const int n = c.inputs();
      check(n > 0, "expects a non-empty list of tensors");
      Dims shape;
      for (int i = 0; i < n; ++i) {
        check(c.in(i).ndim() == 1, "Expect a 1D vector, but got shape ", c.in(i).shape());
        check(c.in(i).dtype() == c.in(0).dtype(), "expects all tensors to have the same dtype");
        shape.push_back(c.in(i).numel());
      }
      if (n == 1) {
        c.results = {c.in(0)};
        return;
      }
      std::vector<Tensor> columns;
      for (int i = 0; i < n; ++i) {
        Dims own = Dims::filled(n, 1);
        own[i] = shape[i];
        columns.push_back(flatten(expand(reshape(c.in(i), own), shape)));
      }
      c.results = {stack(columns, 1)};
    }};

constexpr Signature kCombinations =
    "(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor";

// How many ways there are to take r > 0 of n elements.
int64_t count_tuples(int64_t n, int64_t r, bool again) {
  const int64_t from = again ? n + r - 1 : n;
  if (n == 0 || from < r) return 0;
  const int64_t few = std::min(r, from - r);  // as many ways as to leave the others
  int64_t count = 1;
  for (int64_t k = 1; k <= few; ++k) {
    check(!__builtin_mul_overflow(count, from - few + k, &count), "more than 2^63 ways to take ", r,
          " of ", n, " elements");
    count /= k;
  }
  return count;
}

// The tuples i_0 < i_1 < ... (or <=) below n in lexicographic order, row by row.
Tensor tuples(int64_t n, int64_t r, bool again) {
  const int64_t step = again ? 0 : 1, count = count_tuples(n, r, again);
  const Tensor y = Tensor::empty(Dims{count, r}, Dtype::kInt64);
  if (count == 0) return y;
  std::vector<int64_t> at(static_cast<size_t>(r));
  for (int64_t k = 0; k < r; ++k) at[static_cast<size_t>(k)] = k * step;
  int64_t* to = y.data_as<int64_t>();
  for (;;) {
    for (int64_t last = at.back(); last < n; ++last, to += r) {
      std::copy_n(at.begin(), r - 1, to);
      to[r - 1] = last;
    }
    int64_t k = r - 2;
    while (k >= 0 && at[static_cast<size_t>(k)] == n - 1 - (r - 1 - k) * step) --k;
    if (k < 0) return y;
    int64_t next = at[static_cast<size_t>(k)] + 1;
    for (; k < r; ++k, next += step) at[static_cast<size_t>(k)] = next;
  }
}

// y_i = (x_{i_0}, ..., x_{i_{r-1}}), i_0 < i_1 < ...
constinit const Op combinations_op{
    .name = "combinations",
    .signature = kCombinations,
    .doc =
        "All ways to take r elements of a vector, a row each, in the order of itertools; the same "
        "one more than once if `with_replacement`.",
    .composed = [](Call& c) {
      const Tensor& x = c.in(0);
      const int64_t r = c.attrs.integer(kCombinations["r"]);
      check(x.ndim() == 1, "Expect a 1D vector, but got shape ", x.shape());
      check(r >= 0, "Expect a non-negative number, but got ", r);
      if (r == 0) {
        c.results = {zeros(Dims{0}, x.dtype())};
        return;
      }
      const Tensor at = tuples(x.numel(), r, c.attrs.flag(kCombinations["with_replacement"]));
      c.results = {reshape(index_select(x, 0, flatten(at)), at.shape())};
    }};

constexpr Signature kUnravel = "(indices: Tensor, shape: sizes) -> list[Tensor]";
// y^d = i / (n_{d+1} n_{d+2} ...) mod n_d
constinit const Op unravel_index_op{
    .name = "unravel_index",
    .signature = kUnravel,
    .on = kModule,
    .doc =
        "The coordinates, a tensor for each dimension, of flat indices into a tensor of `shape`. "
        "ValueError for an index that is not within it.",
    .composed = [](Call& c) {
      const Tensor& i = c.in(0);
      const Dims shape = c.attrs.dims(kUnravel["shape"]);
      check(!is_floating(i.dtype()) && i.dtype() != Dtype::kBool, ErrorKind::kValue,
            "expected 'indices' to be integer dtype, but got ", i.dtype());
      const Tensor at = to(i, Dtype::kInt64);
      for (const int64_t n : shape)
        check(n >= 0, ErrorKind::kValue, "'shape' cannot have negative values, but got ", shape);
      int64_t step = numel(shape);
      check(i.numel() == 0 || step > 0, ErrorKind::kValue, "index out of range for shape ", shape);
      for (const int64_t n : shape) {
        step = step > 0 ? step / n : 0;
        c.results.push_back(n == 0 ? at
                                   : remainder(floor_divide(at, std::max<int64_t>(step, 1)), n));
      }
    }};

const Op* const kOps[] = {&hsplit_op,         &hsplit_at_op,    &vsplit_op,          &vsplit_at_op,
                          &dsplit_op,         &dsplit_at_op,    &tensor_split_by_op, &diagflat_op,
                          &cartesian_prod_op, &combinations_op, &unravel_index_op};

}  // namespace

std::span<const Op* const> compose_ops() { return kOps; }

}  // namespace wengert
