// Running sums, products and extremes along one dimension.
#include "wengert/base/parallel.h"
#include "wengert/ops/reduce/dims.h"
#include "wengert/ops/reduce/reduce.h"

namespace wengert {
namespace {

constexpr int64_t kColumns = 64;
constexpr int64_t kGrain = 32768;

// Calls body(first, columns) for groups of up to kColumns lines that lie side by side; `first` is
// the offset of the group's first element. Lines step by `inner`.
template <class F>
void for_line_groups(const Lines& l, const F& body) {
  const int64_t groups = (l.inner + kColumns - 1) / kColumns;
  const int64_t work = std::max<int64_t>(1, l.n * std::min(l.inner, kColumns));
  parallel_for(l.outer * groups, std::max<int64_t>(1, kGrain / work),
               [&](int64_t begin, int64_t end) {
                 for (int64_t i = begin; i < end; ++i) {
                   const int64_t column = i % groups * kColumns;
                   body(i / groups * l.n * l.inner + column, std::min(kColumns, l.inner - column));
                 }
               });
}

// Sums and products of floats are carried in float64.
template <class T>
using Wide = std::conditional_t<std::is_floating_point_v<T>, double, uint64_t>;

template <class T, bool kProduct>
void accumulate(const Lines& l, const T* x, T* y) {
  for_line_groups(l, [&](int64_t first, int64_t columns) {
    Wide<T> acc[kColumns];
    std::fill_n(acc, columns, Wide<T>(kProduct));
    for (int64_t k = 0; k < l.n; ++k) {
      const int64_t at = first + k * l.inner;
      for (int64_t j = 0; j < columns; ++j) {
        const auto v = static_cast<Wide<T>>(x[at + j]);
        acc[j] = kProduct ? acc[j] * v : acc[j] + v;
        y[at + j] = static_cast<T>(acc[j]);
      }
    }
  });
}

constexpr Signature kCumulative =
    "(input: Tensor, dim: int, *, dtype: dtype | None = None) -> Tensor";

template <bool kProduct>
void cumulative_run(Call& c) {
  const Lines l = lines_of(c.in(0).shape(), c.attrs.integer(kCumulative["dim"]));
  dispatch(c.out[0].dtype(), [&](auto zero) {
    using T = decltype(zero);
    if constexpr (!std::is_same_v<T, bool>)
      accumulate<T, kProduct>(l, c.in(0).data_as<T>(), c.out[0].data_as<T>());
  });
}

void cumulative_shape(Call& c) {
  const Tensor& x = c.in(0);
  wrap_dim(c.attrs.integer(kCumulative["dim"]), x.ndim());
  const Dtype dtype =
      c.attrs.dtype_or(kCumulative["dtype"], is_floating(x.dtype()) ? x.dtype() : Dtype::kInt64);
  check(dtype != Dtype::kBool, ErrorKind::kNotImplemented, "not implemented for dtype bool");
  const Dims shape = x.shape();
  cast_input(c, 0, dtype);
  c.output(dtype, shape);
}

int64_t length(const Tensor& x, int64_t dim) { return x.ndim() == 0 ? 1 : x.size(dim); }

// x moved by one along dim, towards higher indices or lower; `fill` comes in at the end.
Tensor shifted(const Tensor& x, int64_t dim, bool up, double fill) {
  Dims edge = x.shape();
  const int64_t n = length(x, dim);
  if (n <= 1) return full(edge, fill, x.dtype());
  edge[wrap_dim(dim, x.ndim())] = 1;
  const Tensor end = full(edge, fill, x.dtype());
  if (up) {
    const Tensor parts[] = {end, narrow(x, dim, 0, n - 1)};
    return cat(parts, dim);
  }
  const Tensor parts[] = {narrow(x, dim, 1, n - 1), end};
  return cat(parts, dim);
}

// Of equal elements the last counts, and a NaN is beyond every number, as PyTorch has it.
template <class T, bool kLargest>
void running_extremes(const Lines& l, const T* x, T* y, int64_t* index) {
  for_line_groups(l, [&](int64_t first, int64_t columns) {
    T best[kColumns];
    int64_t where[kColumns] = {};
    std::copy_n(x + first, l.n > 0 ? columns : 0, best);
    for (int64_t k = 0; k < l.n; ++k) {
      const int64_t at = first + k * l.inner;
      for (int64_t j = 0; j < columns; ++j) {
        const T v = x[at + j];
        const bool better = (kLargest ? v >= best[j] : v <= best[j]) || v != v;
        best[j] = better ? v : best[j];
        where[j] = better ? k : where[j];
        y[at + j] = best[j];
        index[at + j] = where[j];
      }
    }
  });
}

constexpr Signature kExtremes = "(input: Tensor, dim: int) -> (values: Tensor, indices: Tensor)";

void extremes_shape(Call& c) {
  wrap_dim(c.attrs.integer(kExtremes["dim"]), c.in(0).ndim());
  c.output(c.in(0).dtype(), c.in(0).shape());
  c.output(Dtype::kInt64, c.in(0).shape());
}

template <bool kLargest>
void extremes_run(Call& c) {
  const Lines l = lines_of(c.in(0).shape(), c.attrs.integer(kExtremes["dim"]));
  dispatch(c.in(0).dtype(), [&](auto zero) {
    using T = decltype(zero);
    running_extremes<T, kLargest>(l, c.in(0).data_as<T>(), c.out[0].data_as<T>(),
                                  c.out[1].data_as<int64_t>());
  });
}

void extremes_vjp(Vjp& v) {
  if (v.has_g(0)) scatter_back(v, v.attrs().integer(kExtremes["dim"]), v.g(), v.y(1));
}

constexpr Op running_extreme(const char* name, const char* doc, void (*run)(Call&)) {
  Op op{.name = name, .signature = kExtremes, .doc = doc};
  op.contiguous = true;
  op.shape = extremes_shape;
  op.run = run;
  op.vjp = extremes_vjp;
  op.reads = reads_output(1);
  return op;
}

Tensor linear_scan(const Tensor& x, const Tensor& factor, int64_t dim, bool reverse);

template <class T>
void linear_scan_lines(const Lines& l, const T* x, const T* f, T* y, bool reverse) {
  for_line_groups(l, [&](int64_t first, int64_t columns) {
    double acc[kColumns] = {};
    for (int64_t k = 0; k < l.n; ++k) {
      const int64_t at = first + (reverse ? l.n - 1 - k : k) * l.inner;
      for (int64_t j = 0; j < columns; ++j) {
        acc[j] = x[at + j] + f[at + j] * acc[j];
        y[at + j] = static_cast<T>(acc[j]);
      }
    }
  });
}

constexpr Signature kLinearScan =
    "(input: Tensor, factor: Tensor, dim: int, reverse: bool = False) -> Tensor";

void linear_scan_vjp(Vjp& v) {
  const int64_t dim = v.attrs().integer(kLinearScan["dim"]);
  const bool reverse = v.attrs().flag(kLinearScan["reverse"]);
  const Tensor t = linear_scan(v.g(), shifted(v.x(1), dim, reverse, 0), dim, !reverse);
  v.set(0, t);
  if (v.needs(1)) v.set(1, mul(t, shifted(v.y(), dim, !reverse, 0)));
}

}  // namespace

// y_k = sum_{i <= k} x_i        dx_k = sum_{i >= k} g_i
constinit const Op cumsum_op{
    .name = "cumsum",
    .signature = kCumulative,
    .on = kMethod | kModule | kInplace,
    .doc =
        "The running sum along `dim`; integers and bools give int64 unless `dtype` says "
        "otherwise.",
    .contiguous = true,
    .shape = cumulative_shape,
    .run = cumulative_run<false>,
    .vjp = [](Vjp& v) {
      const Tensor g = v.g();
      if (g.ndim() == 0) return v.set(0, g);
      const Dims dim{v.attrs().integer(kCumulative["dim"])};
      v.set(0, flip(cumsum(flip(g, dim), dim[0]), dim));
    }};

// y_k = prod_{i <= k} x_i       dx_k = y_{k-1} s_k with s_k = g_k + x_{k+1} s_{k+1}
constinit const Op cumprod_op{
    .name = "cumprod",
    .signature = kCumulative,
    .on = kMethod | kModule | kInplace,
    .doc =
        "The running product along `dim`; integers and bools give int64 unless `dtype` says "
        "otherwise. The gradient is right where elements are zero.",
    .contiguous = true,
    .shape = cumulative_shape,
    .run = cumulative_run<true>,
    .vjp =
        [](Vjp& v) {
          const int64_t dim = v.attrs().integer(kCumulative["dim"]);
          const Tensor y = v.y(), x = to(v.x(), y.dtype());
          const Tensor s = linear_scan(v.g(), shifted(x, dim, false, 0), dim, true);
          v.set(0, mul(shifted(y, dim, true, 1), s));
        },
    .reads = kInput | kOutput};

// y_k = max_{i <= k} x_i = x_{i_k}        dx_i = sum of g_k with i_k = i
constinit const Op cummax_op = running_extreme("cummax",
                                               "The largest element so far along `dim`, and where "
                                               "it is, int64; of equal ones the last. From a "
                                               "NaN on it is NaN.",
                                               extremes_run<true>);
// y_k = min_{i <= k} x_i = x_{i_k}        dx_i = sum of g_k with i_k = i
constinit const Op cummin_op = running_extreme("cummin",
                                               "The smallest element so far along `dim`, and where "
                                               "it is, int64; of equal ones the last. From a "
                                               "NaN on it is NaN.",
                                               extremes_run<false>);

// y_k = x_k + f_k y_{k-1}. Its gradient is such a scan in the other direction.
// dx_k = s_k, s_k = g_k + f_{k+1} s_{k+1}        df_k = s_k y_{k-1}
constinit const Op linear_scan_op{
    .name = "linear_scan",
    .signature = kLinearScan,
    .on = 0,
    .doc =
        "The linear recurrence y_k = input_k + factor_k y_{k-1} along `dim`, from the end if "
        "`reverse`. Floating tensors of one shape and dtype.",
    .promote = Promote::kFloat,
    .contiguous = true,
    .checked = true,
    .shape =
        [](Call& c) {
          check(c.in(0).shape() == c.in(1).shape(),
                "input and factor differ in shape: ", c.in(0).shape(), " and ", c.in(1).shape());
          wrap_dim(c.attrs.integer(kLinearScan["dim"]), c.in(0).ndim());
          c.output(c.common, c.in(0).shape());
        },
    .run =
        [](Call& c) {
          const Lines l = lines_of(c.in(0).shape(), c.attrs.integer(kLinearScan["dim"]));
          dispatch_floating(c.out[0].dtype(), [&](auto zero) {
            using T = decltype(zero);
            linear_scan_lines<T>(l, c.in(0).data_as<T>(), c.in(1).data_as<T>(),
                                 c.out[0].data_as<T>(), c.attrs.flag(kLinearScan["reverse"]));
          });
        },
    .vjp = linear_scan_vjp,
    .reads = kOther | kOutput};

namespace {
Tensor linear_scan(const Tensor& x, const Tensor& factor, int64_t dim, bool reverse) {
  return apply(linear_scan_op, {x, factor}, Attrs(dim, reverse));
}
}  // namespace

Tensor cumsum(const Tensor& x, int64_t dim) { return apply(cumsum_op, {x}, Attrs(dim, nullptr)); }
Tensor cumprod(const Tensor& x, int64_t dim) { return apply(cumprod_op, {x}, Attrs(dim, nullptr)); }
std::pair<Tensor, Tensor> cummax(const Tensor& x, int64_t dim) {
  return apply_pair(cummax_op, x, Attrs(dim));
}
std::pair<Tensor, Tensor> cummin(const Tensor& x, int64_t dim) {
  return apply_pair(cummin_op, x, Attrs(dim));
}

namespace {
const Op* const kOps[] = {&cumsum_op, &cumprod_op, &cummax_op, &cummin_op, &linear_scan_op};
}
std::span<const Op* const> scan_ops() { return kOps; }

}  // namespace wengert
