// Ordering: sort, argsort, topk, median.
#include "wengert/kernels/reduce/sort.h"

#include <limits>

#include "wengert/ops/reduce/dims.h"
#include "wengert/ops/reduce/reduce.h"

namespace wengert {
namespace {

SortShape sort_shape(const Call& c, int64_t dim) {
  const Lines l = lines_of(c.in(0).shape(), dim);
  return {l.outer, l.n, l.inner, l.n};
}

constexpr Signature kSort =
    "(input: Tensor, dim: int = -1, descending: bool = False, *, stable: bool | None = None) -> "
    "(values: Tensor, indices: Tensor)";
constexpr Signature kArgsort =
    "(input: Tensor, dim: int = -1, descending: bool = False, *, stable: bool = False) -> Tensor";
constexpr int kDim = attribute("dim", kSort, kArgsort);
constexpr int kDescending = attribute("descending", kSort, kArgsort);

void sort_all(Call& c, void* values, int64_t* indices) {
  const SortShape s = sort_shape(c, c.attrs.integer(kDim));
  sort_lines(c.in(0).dtype(), s, c.in(0).data(), values, indices, c.attrs.flag(kDescending));
}

constexpr Signature kTopk =
    "(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> (values: "
    "Tensor, indices: Tensor)";

void topk_shape(Call& c) {
  const Tensor& x = c.in(0);
  const int64_t k = c.attrs.integer(kTopk["k"]);
  const int dim = wrap_dim(c.attrs.integer(kTopk["dim"]), x.ndim());
  check(x.dtype() != Dtype::kBool, "does not support dtype bool");
  const int64_t n = x.ndim() == 0 ? 1 : x.shape()[dim];
  check(k >= 0 && k <= n, "selected index k out of range: k = ", k, " of ", n, " elements");
  Dims shape = x.shape();
  if (x.ndim() > 0) shape[dim] = k;
  c.output(x.dtype(), shape);
  c.output(Dtype::kInt64, shape);
}

void topk_run(Call& c) {
  SortShape s = sort_shape(c, c.attrs.integer(kTopk["dim"]));
  s.k = c.attrs.integer(kTopk["k"]);
  sort_lines(c.in(0).dtype(), s, c.in(0).data(), c.out[0].data(), c.out[1].data_as<int64_t>(),
             c.attrs.flag(kTopk["largest"]));
}

constexpr Signature kMedianDim =
    "(input: Tensor, dim: int, keepdim: bool = False) -> (values: Tensor, indices: Tensor)";

constexpr Signature kKthvalue =
    "(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> (values: Tensor, indices: "
    "Tensor)";
constexpr Signature kMode =
    "(input: Tensor, dim: int = -1, keepdim: bool = False) -> (values: Tensor, indices: Tensor)";

constexpr int kMedianAt = kMedianDim["dim"], kKthAt = kKthvalue["dim"], kModeAt = kMode["dim"];

// One element of each line along attribute `at`; the next one is `keepdim`.
void picked_shape(Call& c, int at) {
  const Tensor& x = c.in(0);
  const int dim = wrap_dim(c.attrs.integer(at), x.ndim());
  check(x.ndim() == 0 || x.shape()[dim] > 0, ErrorKind::kIndex, "Expected reduction dim ", dim,
        " to have non-zero size.");
  const Dims shape = reduced_shape(x.shape(), x.ndim() ? 1u << dim : 0, c.attrs.flag(at + 1));
  c.output(x.dtype(), shape);
  c.output(Dtype::kInt64, shape);
}
void check_no_bool(const Call& c) {
  check(c.in(0).dtype() != Dtype::kBool, ErrorKind::kNotImplemented,
        "not implemented for dtype bool");
}

template <Pick kPick, int kDim>
void picked_run(Call& c) {
  SortShape s = sort_shape(c, c.attrs.integer(kDim));
  s.k = 1;
  pick_lines(c.in(0).dtype(), s, c.in(0).data(), c.out[0].data(), c.out[1].data_as<int64_t>(),
             kPick, kPick == Pick::kRank ? c.attrs.integer(kKthvalue["k"]) - 1 : 0);
}

template <int kDim>
void picked_vjp(Vjp& v) {
  if (!v.has_g(0)) return;
  const Dims& shape = v.shape(0);
  const int64_t dim = v.attrs().integer(kDim);
  Tensor g = v.g(), index = v.y(1);
  if (!v.attrs().flag(kDim + 1) && !shape.empty()) {
    g = unsqueeze(g, wrap_dim(dim, shape.size()));
    index = unsqueeze(index, wrap_dim(dim, shape.size()));
  }
  scatter_back(v, dim, g, index);
}

template <Pick kPick, int kDim>
constexpr Op picking(const char* name, const Signature& signature, const char* doc,
                     void (*shape)(Call&)) {
  Op op{.name = name, .signature = signature, .doc = doc};
  op.contiguous = true;
  op.shape = shape;
  op.run = picked_run<kPick, kDim>;
  op.vjp = picked_vjp<kDim>;
  op.reads = reads_output(1);
  return op;
}

void median_dim_shape(Call& c) {
  check_no_bool(c);
  picked_shape(c, kMedianAt);
}

template <Pick kPick>
void median_all_run(Call& c) {
  const Tensor& x = c.in(0);
  const int64_t n = x.numel();
  if (n > 0) return pick_lines(x.dtype(), {1, n, 1, 1}, x.data(), c.out[0].data(), nullptr, kPick);
  dispatch(x.dtype(), [&](auto zero) {
    using L = std::numeric_limits<decltype(zero)>;
    *c.out[0].data_as<decltype(zero)>() = L::has_quiet_NaN ? L::quiet_NaN() : L::lowest();
  });
}

template <Pick kPick>
constexpr Op middle_of_all(const char* name, const char* doc) {
  Op op{.name = name, .signature = "(input: Tensor) -> Tensor", .doc = doc};
  op.contiguous = true;
  op.shape = [](Call& c) {
    check_no_bool(c);
    c.output(c.in(0).dtype(), {});
  };
  op.run = median_all_run<kPick>;
  op.vjp = [](Vjp& v) {
    const Operand x = v.x();
    const Tensor y = v.y();
    const Tensor hit = to(where(ne(y, y), ne(x, x), eq(x, y)), y.dtype());
    v.set(0, mul(hit, div(v.g(), sum(hit))));
  };
  op.reads = kInput | kOutput;
  return op;
}

}  // namespace

// y_k = x_{i_k}, y_k <= y_{k+1}          dx_{i_k} = g_k
constinit const Op sort_op{
    .name = "sort",
    .signature = kSort,
    .doc =
        "The elements along `dim` in order, and where they were, int64. Always stable. NaN is "
        "larger than everything.",
    .contiguous = true,
    .shape =
        [](Call& c) {
          wrap_dim(c.attrs.integer(kDim), c.in(0).ndim());
          c.output(c.in(0).dtype(), c.in(0).shape());
          c.output(Dtype::kInt64, c.in(0).shape());
        },
    .run = [](Call& c) { sort_all(c, c.out[0].data(), c.out[1].data_as<int64_t>()); },
    .vjp =
        [](Vjp& v) {
          if (v.has_g(0)) scatter_back(v, v.attrs().integer(kDim), v.g(), v.y(1));
        },
    .reads = reads_output(1)};

// y = i such that x_{i_k} <= x_{i_{k+1}}
constinit const Op argsort_op{
    .name = "argsort",
    .signature = kArgsort,
    .doc = "The indices, int64, that sort the elements along `dim`. Always stable.",
    .contiguous = true,
    .shape =
        [](Call& c) {
          wrap_dim(c.attrs.integer(kDim), c.in(0).ndim());
          c.output(Dtype::kInt64, c.in(0).shape());
        },
    .run = [](Call& c) { sort_all(c, nullptr, c.out[0].data_as<int64_t>()); }};

// y_k = x_{i_k}, the k largest           dx_{i_k} = g_k
constinit const Op topk_op{
    .name = "topk",
    .signature = kTopk,
    .doc =
        "The k largest (smallest) elements along `dim`, in order, and their indices, int64. Of "
        "equal elements the first is taken.",
    .contiguous = true,
    .shape = topk_shape,
    .run = topk_run,
    .vjp =
        [](Vjp& v) {
          if (v.has_g(0)) scatter_back(v, v.attrs().integer(kTopk["dim"]), v.g(), v.y(1));
        },
    .reads = reads_output(1)};

// y = the middle x in order, the lower of two      dx = g / ties where x = y
constinit const Op median_op = middle_of_all<Pick::kMedian>(
    "median",
    "The median of all elements, the lower of two; NaN if there is one. Elements equal to it share "
    "the gradient.");
// y = the middle x in order, the lower of two      dx = g / ties where x = y
constinit const Op nanmedian_op = middle_of_all<Pick::kNanMedian>(
    "nanmedian",
    "The median of all elements that are numbers, the lower of two; NaN if none is. Elements equal "
    "to it share the gradient.");
// y = the middle x in order, the lower of two      dx = g at its index
constinit const Op median_dim_op = picking<Pick::kMedian, kMedianAt>(
    "median", kMedianDim,
    "The median along `dim`, the lower of two, and its index, int64; NaN if there is one.",
    median_dim_shape);
// y = the middle x in order, the lower of two      dx = g at its index
constinit const Op nanmedian_dim_op = picking<Pick::kNanMedian, kMedianAt>(
    "nanmedian", kMedianDim,
    "The median along `dim` of the elements that are numbers, the lower of two, and its index, "
    "int64; NaN where none is.",
    median_dim_shape);
// y = x_{i_k}, the k-th in order           dx_{i_k} = g
constinit const Op kthvalue_op = picking<Pick::kRank, kKthAt>(
    "kthvalue", kKthvalue,
    "The k-th smallest element along `dim`, counted from 1, and its index, int64. NaN is larger "
    "than everything. RuntimeError unless 1 <= k <= the size of `dim`.",
    [](Call& c) {
      check_no_bool(c);
      const Tensor& x = c.in(0);
      picked_shape(c, kKthAt);
      const int64_t k = c.attrs.integer(kKthvalue["k"]);
      const int64_t n = x.ndim() ? x.size(c.attrs.integer(kKthAt)) : 1;
      check(k >= 1 && k <= n, "selected number k out of range for dimension: k = ", k, " of ", n,
            " elements");
    });
// y = the most frequent x, the least of several          dx = g at its index
constinit const Op mode_op = picking<Pick::kMode, kModeAt>(
    "mode", kMode,
    "The most frequent element along `dim`, the least of several, and the last index, int64, where "
    "it is.",
    [](Call& c) { picked_shape(c, kModeAt); });

// y_k = x_{i_k}, y_k <= y_{k+1}
constinit const Op msort_op{.name = "msort",
                            .signature = "(input: Tensor) -> Tensor",
                            .doc = "The elements along dimension 0 in order.",
                            .composed = [](Call& c) { c.results = {sort(c.in(0), 0).first}; }};

std::pair<Tensor, Tensor> sort(const Tensor& x, int64_t dim, bool descending) {
  return apply_pair(sort_op, x, Attrs(dim, descending, nullptr));
}
Tensor argsort(const Tensor& x, int64_t dim, bool descending) {
  return apply(argsort_op, {x}, Attrs(dim, descending, false));
}
std::pair<Tensor, Tensor> topk(const Tensor& x, int64_t k, int64_t dim, bool largest) {
  return apply_pair(topk_op, x, Attrs(k, dim, largest, true));
}
Tensor median(const Tensor& x) { return apply(median_op, {x}); }

namespace {
const Op* const kOps[] = {&sort_op,       &argsort_op,   &topk_op,          &median_op,
                          &median_dim_op, &nanmedian_op, &nanmedian_dim_op, &kthvalue_op,
                          &mode_op,       &msort_op};
}
std::span<const Op* const> sort_ops() { return kOps; }

}  // namespace wengert
