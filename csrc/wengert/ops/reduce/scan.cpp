// Running sums, products and extremes along one dimension.
#include "wengert/kernels/reduce/scan.h"

#include "wengert/ops/reduce/dims.h"
#include "wengert/ops/reduce/reduce.h"

namespace wengert {

extern const Op linear_scan_op;

namespace {

constexpr Signature kCumulative =
    "(input: Tensor, dim: int, *, dtype: dtype | None = None) -> Tensor";

Lines lines_of_input(const Call& c, int dim) {
  return lines_of(c.in(0).shape(), c.attrs.integer(dim));
}

void cumsum_run(Call& c) {
  running_sum(lines_of_input(c, kCumulative["dim"]), c.out[0].dtype(), c.in(0).data(),
              c.out[0].data(), false);
}
void cumprod_run(Call& c) {
  running_product(lines_of_input(c, kCumulative["dim"]), c.out[0].dtype(), c.in(0).data(),
                  c.out[0].data());
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

void check_floating(const Call& c, int i) {
  check(is_floating(c.in(i).dtype()), "a floating tensor expected, got ", c.in(i).dtype());
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

constexpr Signature kExtremes = "(input: Tensor, dim: int) -> (values: Tensor, indices: Tensor)";

void extremes_shape(Call& c) {
  wrap_dim(c.attrs.integer(kExtremes["dim"]), c.in(0).ndim());
  c.output(c.in(0).dtype(), c.in(0).shape());
  c.output(Dtype::kInt64, c.in(0).shape());
}

template <bool kLargest>
void extremes_run(Call& c) {
  running_extreme(lines_of_input(c, kExtremes["dim"]), c.in(0).dtype(), c.in(0).data(),
                  c.out[0].data(), c.out[1].data_as<int64_t>(), kLargest);
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

constexpr Signature kLinearScan =
    "(input: Tensor, factor: Tensor, dim: int, reverse: bool = False) -> Tensor";

constexpr Signature kCumsumBackward = "(input: Tensor, dim: int) -> Tensor";
// y_k = sum_{i >= k} x_i        dx_k = sum_{i <= k} g_i
constinit const Op cumsum_backward_op{
    .name = "_cumsum_backward",
    .signature = kCumsumBackward,
    .on = 0,
    .doc = "The running sum from the end along `dim`, of a floating tensor.",
    .contiguous = true,
    .shape =
        [](Call& c) {
          check_floating(c, 0);
          wrap_dim(c.attrs.integer(kCumsumBackward["dim"]), c.in(0).ndim());
          c.output(c.in(0).dtype(), c.in(0).shape());
        },
    .run =
        [](Call& c) {
          running_sum(lines_of_input(c, kCumsumBackward["dim"]), c.in(0).dtype(), c.in(0).data(),
                      c.out[0].data(), true);
        },
    .vjp = [](Vjp& v) { v.set(0, cumsum(v.g(), v.attrs().integer(kCumsumBackward["dim"]))); }};

constexpr Signature kCumprodBackward =
    "(grad: Tensor, input: Tensor, output: Tensor, dim: int) -> Tensor";
// With h the gradient of dx_k = y_{k-1} s_k.
void cumprod_backward_vjp(Vjp& v) {
  const int64_t dim = v.attrs().integer(kCumprodBackward["dim"]);
  const Tensor h = v.g(), g = v.x(0), x = v.x(1), y = v.x(2);
  const Tensor factor = shifted(x, dim, false, 0), s = linear_scan(g, factor, dim, true);
  const Tensor t =
      linear_scan(mul(h, shifted(y, dim, true, 1)), shifted(factor, dim, true, 0), dim, false);
  v.set(0, t);
  if (v.needs(1)) v.set(1, shifted(mul(t, shifted(s, dim, false, 0)), dim, true, 0));
  if (v.needs(2)) v.set(2, shifted(mul(h, s), dim, false, 0));
}

// dx_k = y_{k-1} s_k, s_k = g_k + x_{k+1} s_{k+1}
// dg_k = t_k, t_k = h_k y_{k-1} + x_k t_{k-1}        dx_k = t_{k-1} s_k        dy_k = h_{k+1}
// s_{k+1}
constinit const Op cumprod_backward_op{
    .name = "_cumprod_backward",
    .signature = kCumprodBackward,
    .on = 0,
    .doc = "The gradient of cumprod(). Floating tensors of one shape and dtype.",
    .contiguous = true,
    .shape =
        [](Call& c) {
          check_floating(c, 0);
          for (int i = 1; i < 3; ++i)
            check(c.in(i).shape() == c.in(0).shape() && c.in(i).dtype() == c.in(0).dtype(),
                  "three tensors of one shape and dtype expected");
          wrap_dim(c.attrs.integer(kCumprodBackward["dim"]), c.in(0).ndim());
          c.output(c.in(0).dtype(), c.in(0).shape());
        },
    .run =
        [](Call& c) {
          running_product_backward(lines_of_input(c, kCumprodBackward["dim"]), c.in(0).dtype(),
                                   c.in(0).data(), c.in(1).data(), c.in(2).data(), c.out[0].data());
        },
    .vjp = cumprod_backward_vjp,
    .reads = kInputs};

Tensor cumprod_backward(const Tensor& g, const Tensor& x, const Tensor& y, int64_t dim) {
  return apply(cumprod_backward_op, {g, x, y}, Attrs(dim));
}

constexpr Signature kProdBackward = "(grad: Tensor, input: Tensor, dim: int) -> Tensor";

void prod_backward_shape(Call& c) {
  check_floating(c, 1);
  Dims shape = c.in(1).shape();
  const int dim = wrap_dim(c.attrs.integer(kProdBackward["dim"]), shape.size());
  check(!shape.empty(), "an input of at least 1 dimension expected");
  c.output(c.in(1).dtype(), shape);
  shape[dim] = 1;
  check(c.in(0).shape() == shape && c.in(0).dtype() == c.in(1).dtype(), "a gradient of shape ",
        shape, " and the input's dtype expected, got ", c.in(0).shape());
}

// With h the gradient of dx_i = g b_i a_i, of the products before and behind i.
void prod_backward_vjp(Vjp& v) {
  const int64_t dim = v.attrs().integer(kProdBackward["dim"]);
  const Tensor h = v.g(), g = v.x(0), x = v.x(1), hg = mul(h, g);
  const Dims flipped{dim};
  const Tensor up = cumprod(x, dim), back = flip(x, flipped), down = cumprod(back, dim);
  const Tensor before = shifted(up, dim, true, 1);
  const Tensor behind = flip(shifted(down, dim, true, 1), flipped);
  if (v.needs(0)) v.set(0, sum_to(mul(h, mul(before, behind)), g.shape()));
  if (!v.needs(1)) return;
  const auto through = [&](const Tensor& d, const Tensor& x, const Tensor& y) {
    return cumprod_backward(shifted(d, dim, false, 0), x, y, dim);
  };
  const Tensor d = through(flip(mul(hg, before), flipped), back, down);
  v.set(1, add(through(mul(hg, behind), x, up), flip(d, flipped)));
}

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
    .run = cumsum_run,
    .vjp = [](Vjp& v) {
      v.set(0, apply(cumsum_backward_op, {v.g()}, Attrs(v.attrs().integer(kCumulative["dim"]))));
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
    .run = cumprod_run,
    .vjp =
        [](Vjp& v) {
          const Tensor y = v.y();
          v.set(0, cumprod_backward(v.g(), to(v.x(), y.dtype()), y,
                                    v.attrs().integer(kCumulative["dim"])));
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
          linear_scan(lines_of_input(c, kLinearScan["dim"]), c.out[0].dtype(), c.in(0).data(),
                      c.in(1).data(), c.out[0].data(), c.attrs.flag(kLinearScan["reverse"]));
        },
    .vjp = linear_scan_vjp,
    .reads = kOther | kOutput};

// dx_i = g b_i a_i, the products of all x_j before and behind i
// dg = sum of h_i b_i a_i        dx = what h g a and h g b give of the running products b and a
constinit const Op prod_backward_op{
    .name = "_prod_backward",
    .signature = kProdBackward,
    .on = 0,
    .doc =
        "The gradient of prod() along `dim`, where `grad` has size 1: right where elements are "
        "zero, and of any order.",
    .contiguous = true,
    .shape = prod_backward_shape,
    .run =
        [](Call& c) {
          product_backward(lines_of(c.in(1).shape(), c.attrs.integer(kProdBackward["dim"])),
                           c.in(1).dtype(), c.in(0).data(), c.in(1).data(), c.out[0].data());
        },
    .vjp = prod_backward_vjp,
    .reads = kInputs};

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
const Op* const kOps[] = {&cumsum_op,           &cumprod_op,      &cummax_op,
                          &cummin_op,           &linear_scan_op,  &cumsum_backward_op,
                          &cumprod_backward_op, &prod_backward_op};
}
std::span<const Op* const> scan_ops() { return kOps; }

}  // namespace wengert
