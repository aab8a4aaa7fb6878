// Reductions into computed places: scatter_reduce, index_reduce.
#include "wengert/kernels/index/combine.h"

#include <limits>

#include "wengert/kernels/core/copy.h"
#include "wengert/ops/create/create.h"
#include "wengert/ops/index/index.h"
#include "wengert/ops/index/positions.h"
#include "wengert/ops/pointwise/pointwise.h"
#include "wengert/ops/reduce/reduce.h"
#include "wengert/ops/shape/view.h"

namespace wengert {
namespace {

constexpr Signature kScatterReduce =
    "(input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: 'sum' | 'prod' | 'mean' | "
    "'amax' | 'amin', *, include_self: bool = True) -> Tensor";
enum Reduce : int64_t { kSum, kProd, kMean, kAmax, kAmin };
constexpr int kDim = kScatterReduce["dim"];
constexpr int kReduce = kScatterReduce["reduce"];
constexpr int kIncludeSelf = kScatterReduce["include_self"];

void scatter_reduce_shape(Call& c) {
  const Tensor &x = c.in(0), &source = c.in(2);
  check(source.dtype() == x.dtype(), "Expected self.dtype to be equal to src.dtype, got ",
        x.dtype(), " and ", source.dtype());
  check(x.dtype() != Dtype::kBool || c.attrs.integer(kReduce) != kMean,
        "not implemented for dtype ", "bool");
  check_along(c.attrs.integer(kDim), c.in(1), x.shape(), &source.shape());
  c.output(x.dtype(), x.shape());
}

// What leaves every number as it is; a mean is begun as a sum.
template <class T>
T neutral(int64_t how) {
  using L = std::numeric_limits<T>;
  if (how == kProd) return T(1);
  if (how == kAmax) return L::has_infinity ? -L::infinity() : L::lowest();
  if (how == kAmin) return L::has_infinity ? L::infinity() : L::max();
  return T(0);
}

Combine combine_of(int64_t how) {
  return how == kProd   ? Combine::kProd
         : how == kAmax ? Combine::kMax
         : how == kAmin ? Combine::kMin
                        : Combine::kSum;
}

// y = y / how many numbers each element is the sum of; of integers rounded down.
template <class T>
void divide_by_counts(const Along& a, const Tensor& y, bool include_self) {
  const int64_t n = y.numel();
  const Scratch memory(static_cast<size_t>(n) * sizeof(int64_t));
  int64_t* counts = memory.as<int64_t>();
  std::fill_n(counts, n, include_self ? 1 : 0);
  const int64_t one = 1;
  Along ones = a;
  ones.other_strides = Dims::filled(a.shape.size(), 0);
  along_accumulate(ones, counts, &one, Dtype::kInt64);
  T* to = y.data_as<T>();
  for (int64_t i = 0; i < n; ++i) {
    const auto count = static_cast<T>(std::max<int64_t>(counts[i], 1));
    const T q = to[i] / count;
    if constexpr (std::is_integral_v<T>) {
      to[i] = q * count > to[i] ? static_cast<T>(q - 1) : q;
    } else {
      to[i] = q;
    }
  }
}

void scatter_reduce_run(Call& c) {
  const Tensor &x = c.in(0), &index = c.in(1), &source = c.in(2), &y = c.out[0];
  const int d = wrap_dim(c.attrs.integer(kDim), y.ndim());
  const int64_t n = y.ndim() ? y.shape()[d] : 1, how = c.attrs.integer(kReduce);
  const Positions p(index);
  copy_strided(y.data(), y.strides(), x.data(), x.strides(), x.shape(), item_size(x));
  if (index.numel() == 0) return;
  const bool include_self = c.attrs.flag(kIncludeSelf);
  Along a{index.shape(),
          d,
          p.data(),
          same_rank(y.strides(), index.ndim()),
          same_rank(source.strides(), index.ndim()),
          n};
  dispatch(y.dtype(), [&](auto zero) {
    using T = decltype(zero);
    bool good = true;
    if (!include_self) {
      const T start = neutral<T>(how);
      good = along_scatter(a, y.data(), &start, true, item_size(y));
    }
    good = good && along_combine(a, y.data(), source.data(), y.dtype(), combine_of(how));
    if (!good) p.check_range(0, n, d, ErrorKind::kRuntime);
    if constexpr (!std::is_same_v<T, bool>)
      if (how == kMean) divide_by_counts<T>(a, y, include_self);
  });
}

Tensor scatter_reduced(const Tensor& x, const Vjp& v, const Tensor& source, int64_t how) {
  return apply(*v.entry().op, {x, v.x(1), source},
               Attrs(v.attrs().integer(kDim), how, v.attrs().flag(kIncludeSelf)));
}

// dx and ds of a product: the product of all but one factor, which is found by division, where none
// is 0, or where the only one that is 0 counts as 1.
void product_gradients(Vjp& v, int64_t dim, Tensor& dx, Tensor& ds) {
  const Tensor x = v.x(0), index = v.x(1), s = v.x(2), y = v.y(), g = v.g();
  if (v.needs(0)) {
    const Tensor full = masked_fill(x, eq(x, 0), 1);
    dx = div(mul(g, scatter_reduced(full, v, s, kProd)), full);
  }
  if (!v.needs(2)) return;
  const Tensor none = eq(s, 0), full = masked_fill(s, none, 1);
  const Tensor zeros_there = scatter_add(zeros_like(x), dim, index, to(none, x.dtype()));
  const Tensor only = logical_and(none, eq(gather(zeros_there, dim, index), 1));
  const Tensor others = gather(mul(g, scatter_reduced(x, v, full, kProd)), dim, index);
  ds = div(where(only, others, gather(mul(g, y), dim, index)), full);
}

// Of a largest or least element all that are equal to it share the gradient.
void extreme_gradients(Vjp& v, int64_t dim, Tensor& dx, Tensor& ds) {
  const Tensor index = v.x(1), y = v.y();
  const Tensor self = to(eq(v.x(0), y), y.dtype());
  const Tensor source = to(eq(v.x(2), gather(y, dim, index)), y.dtype());
  const Tensor part = div(v.g(), scatter_add(self, dim, index, source));
  dx = mul(self, part);
  ds = mul(source, gather(part, dim, index));
}

void scatter_reduce_vjp(Vjp& v) {
  const int64_t dim = v.attrs().integer(kDim), how = v.attrs().integer(kReduce);
  const bool include_self = v.attrs().flag(kIncludeSelf);
  const Tensor index = v.x(1);
  check(v.shape(2) == index.shape(), "the gradient needs index and src of one shape, found ",
        index.shape(), " and ", v.shape(2));
  Tensor dx, ds;
  if (how == kSum) {
    dx = v.g();
    ds = gather(dx, dim, index);
  } else if (how == kMean) {
    const Tensor start = full(v.shape(0), include_self ? 1 : 0, v.dtype(0));
    const Tensor ones = full(v.shape(2), 1, v.dtype(0));
    dx = div(v.g(), clamp(scatter_add(start, dim, index, ones), 1, Operand()));
    ds = gather(dx, dim, index);
  } else if (how == kProd) {
    product_gradients(v, dim, dx, ds);
  } else {
    extreme_gradients(v, dim, dx, ds);
  }
  if (v.needs(0)) v.set(0, include_self ? dx : scatter(dx, dim, index, 0));
  if (v.needs(2)) v.set(2, ds);
}

constexpr Signature kIndexReduce =
    "(input: Tensor, dim: int, index: Tensor, source: Tensor, reduce: 'prod' | 'mean' | 'amax' | "
    "'amin', *, include_self: bool = True) -> Tensor";

constexpr Signature kScatterHow =
    "(input: Tensor, dim: int, index: Tensor, src: Tensor, *, reduce: 'add' | 'multiply') -> "
    "Tensor";
constexpr Signature kScatterValueHow =
    "(input: Tensor, dim: int, index: Tensor, value: Operand, *, reduce: 'add' | 'multiply') -> "
    "Tensor";
constexpr int kHow = attribute("reduce", kScatterHow, kScatterValueHow);

}  // namespace

// y_i = x_i (+, *, max, min) all s_k with i_k = i      dx_i = g_i dy_i/dx_i       ds_k = g_i
// dy_i/ds_k
constinit const Op scatter_reduce_op{
    .name = "scatter_reduce",
    .signature = kScatterReduce,
    .on = kMethod | kModule | kInplace,
    .doc =
        "As scatter_add, where `reduce` says how elements of src that meet in one place, and with "
        "`include_self` the input's there, become one. RuntimeError for an index out of range.",
    .shape = scatter_reduce_shape,
    .run = scatter_reduce_run,
    .vjp = scatter_reduce_vjp,
    .reads = kInputs | kOutput};

namespace {
void scatter_how(Call& c) {
  const Operand value = c.input(2);
  const Tensor source =
      value.is_tensor() ? value.tensor() : full(c.in(1).shape(), value.scalar(), c.in(0).dtype());
  c.results = {apply(scatter_reduce_op, {c.in(0), c.in(1), source},
                     Attrs(c.attrs.integer(kDim), c.attrs.integer(kHow), true))};
}
}  // namespace
static_assert(kSum == 0 && kProd == 1, "as 'add' and 'multiply'");

// y_i = x_i (+, *) all s_k with i_k = i
constexpr Op scatter_how_op{
    .name = "scatter",
    .signature = kScatterHow,
    .on = kMethod | kModule | kInplace,
    .doc = "scatter_reduce with the sum ('add') or the product ('multiply'), the input's included.",
    .composed = scatter_how};
// y_i = x_i (+, *) s for every i_k = i
constinit const Op scatter_value_how_op = renamed(scatter_how_op, "scatter", kScatterValueHow);

// y_i = x_i (*, mean, max, min) all s_k with i_k = i
constinit const Op index_reduce_op{
    .name = "index_reduce",
    .signature = kIndexReduce,
    .on = kMethod | kModule | kInplace,
    .doc =
        "As index_add, where `reduce` says how the parts of `source` that meet in one place, and "
        "with `include_self` the input's there, become one.",
    .composed = [](Call& c) {
      const Tensor &x = c.in(0), &index = c.in(1), &source = c.in(2);
      const int d = wrap_dim(c.attrs.integer(kIndexReduce["dim"]), x.ndim());
      check_index_vector(index);
      check(source.dtype() == x.dtype(),
            "self and source expected to have the same dtype, but got ", x.dtype(), " and ",
            source.dtype());
      Dims expected = x.shape(), column = Dims::filled(x.ndim(), 1);
      if (x.ndim() > 0) expected[d] = column[d] = index.numel();
      check(source.shape() == expected, "source of shape ", source.shape(),
            " does not fit input of shape ", x.shape(), " with ", index.numel(),
            " indices along dimension ", d, ": expected ", expected);
      const Tensor places = expand(reshape(index, column), expected);
      c.results = {apply(scatter_reduce_op, {x, places, source},
                         Attrs(d, c.attrs.integer(kIndexReduce["reduce"]) + 1,
                               c.attrs.flag(kIndexReduce["include_self"])))};
    }};

namespace {
const Op* const kOps[] = {&scatter_reduce_op, &scatter_how_op, &scatter_value_how_op,
                          &index_reduce_op};
}
std::span<const Op* const> combine_ops() { return kOps; }

}  // namespace wengert
