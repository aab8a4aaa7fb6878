// Matrix products. Two primitives, mm and bmm (and linear, which adds its bias on the way); all
// else is reshaping around them.
#include "wengert/ops/matmul/matmul.h"

#include <array>

#include "wengert/base/parallel.h"
#include "wengert/kernels/gemm/gemm.h"
#include "wengert/ops/matmul/integers.h"
#include "wengert/ops/matmul/narrow.h"
#include "wengert/ops/matmul/operands.h"
#include "wengert/ops/optional.h"
#include "wengert/ops/pointwise/rows.h"

namespace wengert {

extern const Op mm_op, mm_pointwise_op, bmm_op, linear_op, linear_activation_op, linear_backward_op;

namespace {

void check_same_dtype(const Call& c) {
  for (int i = 1; i < c.inputs(); ++i)
    if (c.has(i))
      check(c.in(i).dtype() == c.in(0).dtype(),
            "expected both operands to have the same dtype, but got: ", c.in(0).dtype(),
            " != ", c.in(i).dtype());
}

void product(const Tensor& out, const Tensor& x, const Tensor& y, int64_t batch) {
  const int r = out.ndim() - 2, c = out.ndim() - 1;
  const int64_t m = x.shape()[r], k = x.shape()[c], n = y.shape()[c];
  if (!is_floating(out.dtype()) && !is_narrow(out.dtype()))
    return integer_product(out, x, y, batch);
  const Tensor a = usable(x, r, c), b = usable(y, r, c);
  if (is_narrow(out.dtype())) return narrow_product(out, a, b, batch);
  dispatch_floating(out.dtype(), [&](auto zero) {
    using T = decltype(zero);
    gemm_batched<T>(out.data_as<T>(), m * n, canonical<T>(a, r, c), r ? a.strides()[0] : 0,
                    canonical<T>(b, r, c), r ? b.strides()[0] : 0, batch, m, n, k);
  });
}

void check_inner(const Tensor& x, const Tensor& y) {
  const int64_t k = x.size(-1), l = y.size(-2);
  check(k == l, "inner dimensions differ: ", x.shape(), " @ ", y.shape(), " has ", k, " vs ", l);
}

void mm_shape(Call& c) {
  const Tensor &x = c.in(0), &y = c.in(1);
  check(x.ndim() == 2 && y.ndim() == 2, "two matrices expected, got shapes ", x.shape(), " and ",
        y.shape());
  check_same_dtype(c);
  check_inner(x, y);
  c.output(x.dtype(), {x.shape()[0], y.shape()[1]});
}

void bmm_shape(Call& c) {
  const Tensor &x = c.in(0), &y = c.in(1);
  check(x.ndim() == 3 && y.ndim() == 3 && x.shape()[0] == y.shape()[0],
        "two batches of as many matrices expected, got shapes ", x.shape(), " and ", y.shape());
  check_same_dtype(c);
  check_inner(x, y);
  c.output(x.dtype(), {x.shape()[0], x.shape()[1], y.shape()[2]});
}

void linear_shape(Call& c) {
  const Tensor &x = c.in(0), &w = c.in(1);
  check(w.ndim() == 2 || w.ndim() == 1, "weight must be a matrix (out_features, in_features) or ",
        "a vector (in_features,), got shape ", w.shape());
  check(x.ndim() >= 1, "input must have at least one dimension, got a 0-d tensor");
  check_same_dtype(c);
  check(x.dtype() != Dtype::kBool, ErrorKind::kNotImplemented, "not implemented for bool");
  check(x.size(-1) == w.size(-1), "mat1 and mat2 shapes cannot be multiplied: input ", x.shape(),
        " has ", x.size(-1), " features, weight ", w.shape(), " takes ", w.size(-1));
  Dims shape = x.shape(), features;  // no features if the weight is a vector
  shape.erase(shape.size() - 1);
  if (w.ndim() == 2) {
    features.push_back(w.shape()[0]);
    shape.push_back(w.shape()[0]);
  }
  if (c.has(2))
    check(c.in(2).shape() == features, "bias of shape ", features, " expected for weight ",
          w.shape(), ", got ", c.in(2).shape());
  c.output(x.dtype(), shape);
}

// z = x W' + b into `z`; if there is an activation, its values go to `activated`.
void linear_into(const Call& c, const Tensor& z, const Op* activation, const double* params,
                 const Tensor& activated) {
  const Tensor &x = c.in(0), &w = c.in(1);
  const int64_t k = w.size(-1), n = w.ndim() == 2 ? w.shape()[0] : 1;
  const int64_t m = n ? z.numel() / n : 0;
  dispatch_floating(z.dtype(), [&](auto zero) {
    using T = decltype(zero);
    Epilogue<T> e;
    if (c.has(2)) e.bias = c.in(2).data_as<T>();
    if (activation) {
      e.activation = unary_kernel(*activation, z.dtype());
      e.params = params;
      e.activated = activated.data_as<T>();
      e.activated_ld = n;
    }
    gemm<T>(z.data_as<T>(), n, {x.data_as<T>(), k, 1}, {w.data_as<T>(), 1, k}, m, n, k, false, e);
  });
}

void linear_run(Call& c) {
  const Tensor &x = c.in(0), &w = c.in(1), &z = c.out[0];
  const bool narrow = is_narrow(z.dtype());
  if (is_floating(z.dtype()) && !narrow) return linear_into(c, z, nullptr, nullptr, {});
  const int64_t k = w.size(-1), n = w.ndim() == 2 ? w.shape()[0] : 1, m = n ? z.numel() / n : 0;
  const auto product = narrow ? narrow_product : integer_product;
  product(z.alias({m, n}, {n, 1}, z->offset), x.alias({m, k}, {k, 1}, x->offset),
          w.alias({k, n}, {1, k}, w->offset), 1, optional_tensor(c, 2));
}

// linear's input as a matrix of m rows.
Operand input_rows(const Vjp& v, int64_t m) {
  const Operand x = v.x(0);
  return x->ndim() == 2 ? x : Operand(reshape(x, Dims{m, v.shape(1)[1]}));
}

// The gradients of input and weight at once, g being a matrix.
void set_both(Vjp& v, const Tensor& g) {
  Call c(linear_backward_op);
  c.add_input(g);
  c.add_input(input_rows(v, g.size(0)));
  c.add_input(v.x(1));
  apply(c);
  v.set(0, v.shape(0).size() == 2 ? std::move(c.out[0]) : reshape(c.out[0], v.shape(0)));
  v.set(1, std::move(c.out[1]));
}

// y = x W' + b     dx = g W      dW = g' x      db = sum of g over rows
void linear_vjp(Vjp& v) {
  Tensor g = v.g();
  if (v.shape(1).size() == 1) {
    const Tensor column = unsqueeze(g, -1);
    if (v.needs(0)) v.set(0, mul(column, v.x(1)));
    if (v.needs(1)) v.set(1, mul(column, v.x(0)));
    if (v.needs(2)) v.set(2, g);
    return;
  }
  const int64_t n = v.shape(1)[0], k = v.shape(1)[1], m = n ? numel(g.shape()) / n : 0;
  // A program finds by itself what may run side by side.
  const bool both = v.needs(0) && v.needs(1) && gemm_goes_in_pairs(m, n, k) && !watch();
  if (v.needs(0) && !both) v.set(0, matmul(g, v.x(1)));
  if (!v.needs(1) && !v.needs(2)) return;
  if (g.ndim() != 2) g = reshape(g, Dims{m, n});
  if (both) {
    set_both(v, g);
  } else if (v.needs(1)) {
    v.set(1, matmul(t(g), input_rows(v, m)));
  }
  if (v.needs(2)) v.set(2, sum(g, Dims{0}));
}

void linear_backward_shape(Call& c) {
  const Tensor &g = c.in(0), &x = c.in(1), &w = c.in(2);
  check(g.ndim() == 2 && x.ndim() == 2 && w.ndim() == 2 && x.shape()[0] == g.shape()[0] &&
            w.shape() == Dims({g.shape()[1], x.shape()[1]}),
        "matrices (m, n), (m, k) and (n, k) expected, got shapes ", g.shape(), ", ", x.shape(),
        " and ", w.shape());
  check_same_dtype(c);
  check(is_floating(g.dtype()), "floating-point tensors expected, got ", g.dtype());
  c.output(x.dtype(), x.shape());
  c.output(w.dtype(), w.shape());
}
void linear_backward_run(Call& c) {
  const Tensor &g = c.in(0), &x = c.in(1), &w = c.in(2);
  const int64_t m = g.shape()[0], n = g.shape()[1], k = x.shape()[1];
  dispatch_floating(g.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const T* pg = g.data_as<T>();
    const MatrixRef<T> along_rows{pg, n, 1}, along_cols{pg, 1, n};
    const auto product = [&](int64_t i) {
      i == 0
          ? gemm<T>(c.out[0].data_as<T>(), k, along_rows, {w.data_as<T>(), k, 1}, m, k, n, false)
          : gemm<T>(c.out[1].data_as<T>(), k, along_cols, {x.data_as<T>(), k, 1}, n, k, m, false);
    };
    parallel_for(2, gemm_goes_in_pairs(m, n, k) ? 1 : 2, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) product(i);
    });
  });
}

constexpr Signature kLinearActivation =
    "(input: Tensor, weight: Tensor, bias: Tensor | None, activation: op | None, p0: float, p1: "
    "float, p2: float, p3: float, keep: bool) -> Tensor";
constexpr Signature kMmPointwise =
    "(input: Tensor, mat2: Tensor, other: Tensor, combine: op | None, c0: float, c1: float, c2: "
    "float, c3: float) -> Tensor";
constexpr int kActivation = kLinearActivation["activation"], kP0 = kLinearActivation["p0"];
// In both rows the numbers of the op are four neighbours behind it.
static_assert(kMmPointwise["combine"] == kActivation && kMmPointwise["c0"] == kP0);
constexpr int kKeep = kLinearActivation["keep"];

// What fused products apply to their tiles; null for the identity.
const Op* activation_of(const Call& c) {
  return c.attrs.has(kActivation) ? c.attrs.op(kActivation) : nullptr;
}
std::array<double, 4> activation_params(const Call& c) {
  std::array<double, 4> out;
  for (int i = 0; i < 4; ++i) out[static_cast<size_t>(i)] = c.attrs.real(kP0 + i);
  return out;
}
const Op* checked_activation(const Call& c) {
  check(!c.attrs.has(kActivation) || c.attrs.kind(kActivation) == Attrs::Kind::kOp,
        "activation must be an operation or None");
  return activation_of(c);
}
void linear_activation_shape(Call& c) {
  const Op* activation = checked_activation(c);
  linear_shape(c);
  const Dtype dtype = c.in(0).dtype();
  check(is_floating(dtype), "floating-point input expected, got ", dtype);
  check(!activation || unary_kernel(*activation, dtype),
        "activation must be a pointwise op of one ", dtype, " tensor");
  check(activation || !c.attrs.flag(kKeep), "nothing to keep without an activation");
  if (c.attrs.flag(kKeep)) c.output(dtype, Dims(c.meta[0].shape));
}
void linear_activation_run(Call& c) {
  const std::array<double, 4> params = activation_params(c);
  linear_into(c, c.out[c.attrs.flag(kKeep) ? 1 : 0], activation_of(c), params.data(), c.out[0]);
}

void mm_pointwise_shape(Call& c) {
  const Op* activation = checked_activation(c);
  mm_shape(c);
  const Tensor& x = c.in(0);
  check(is_floating(x.dtype()), "floating-point input expected, got ", x.dtype());
  check(c.in(2).shape() == c.meta[0].shape, "other must have the product's shape ", c.meta[0].shape,
        ", got ", c.in(2).shape());
  check(!activation || binary_kernel(*activation, x.dtype()),
        "activation must be a pointwise op of two ", x.dtype(), " tensors");
}
void mm_pointwise_run(Call& c) {
  const Op* activation = activation_of(c);
  const Tensor &x = c.in(0), &y = c.in(1), other = contiguous(c.in(2));
  const Tensor a = usable(x, 0, 1), b = usable(y, 0, 1);
  const int64_t n = y.shape()[1];
  const std::array<double, 4> params = activation_params(c);
  dispatch_floating(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    Epilogue<T> e;
    if (activation) {
      e.activation = binary_kernel(*activation, x.dtype());
      e.params = params.data();
      e.other = other.data_as<T>();
      e.other_ld = n;
    }
    gemm<T>(c.out[0].data_as<T>(), n, canonical<T>(a, 0, 1), canonical<T>(b, 0, 1), x.shape()[0], n,
            x.shape()[1], false, e);
  });
}

// Shapes of every rank, NumPy's rules: vectors get a dimension that is dropped again, the leading
// dimensions of larger ranks are a batch and broadcast.
Tensor matmul_any(const Tensor& x, const Tensor& y) {
  check(x.ndim() > 0 && y.ndim() > 0,
        "both arguments to matmul need to be at least 1D, but they are ", x.ndim(), "D and ",
        y.ndim(), "D");
  if (x.ndim() == 2 && y.ndim() == 2) {
    return apply(mm_op, {x, y});
  }
  if (x.ndim() == 1 && y.ndim() == 1) {
    check(x.numel() == y.numel(), "inner dimensions differ: ", x.shape(), " @ ", y.shape(), " has ",
          x.numel(), " vs ", y.numel());
    return reshape(matmul_any(unsqueeze(x, 0), unsqueeze(y, 1)), Dims());
  }
  if (x.ndim() == 1) return squeeze(matmul_any(unsqueeze(x, 0), y), Dims{-2});
  if (y.ndim() == 1) return squeeze(matmul_any(x, unsqueeze(y, 1)), Dims{-1});
  check_inner(x, y);
  Dims lead_x = x.shape(), lead_y = y.shape();
  const int64_t m = x.size(-2), k = x.size(-1), n = y.size(-1);
  lead_x.resize(x.ndim() - 2);
  lead_y.resize(y.ndim() - 2);
  Dims result = broadcast_shapes(lead_x, lead_y);
  const int64_t batch = numel(result);
  const auto with = [](Dims d, int64_t a, int64_t b) {
    d.push_back(a);
    d.push_back(b);
    return d;
  };
  const Dims full = with(result, m, n);
  if (y.ndim() == 2) {  // one matrix for all: fold the batch into the rows
    return reshape(matmul_any(reshape(x, Dims{numel(lead_x) * m, k}), y), full);
  }
  const Tensor a = reshape(expand(x, with(result, m, k)), Dims{batch, m, k});
  const Tensor b = reshape(expand(y, with(result, k, n)), Dims{batch, k, n});
  return reshape(apply(bmm_op, {a, b}), full);
}

void expect_ranks(const Call& c, int first, int second) {
  check(c.in(0).ndim() == first && c.in(1).ndim() == second, first, "D and ", second,
        "D tensors expected, got shapes ", c.in(0).shape(), " and ", c.in(1).shape());
}

// x times a number. Times 0 it is 0 whatever x holds, NaN too.
Tensor times(const Tensor& x, const Scalar& by, const char* name) {
  check(is_floating(x.dtype()) || !by.is_float(), "For integral input tensors, argument ", name,
        " must not be a floating point number.");
  checked_number(by, x.dtype());
  if (by.real() != 0) return by.real() == 1 ? x : mul(x, by);
  return where(zeros(Dims(), Dtype::kBool), x, false);
}

// beta * input + alpha * product
Tensor blend(const Tensor& input, const Tensor& product, const Scalar& beta, const Scalar& alpha) {
  const Dims& to = product.shape();
  check(input.dtype() == product.dtype() && broadcast_shapes(input.shape(), to) == to, "input, ",
        input.dtype(), ' ', input.shape(), ", does not fit a product ", product.dtype(), ' ', to);
  const Tensor p = times(product, alpha, "alpha"), x = times(input, beta, "beta");
  return beta.real() == 0 && !x.requires_grad() ? p : add(x, p);
}

}  // namespace

// Z = X Y          dX = G Y'     dY = X' G
constinit const Op mm_op{
    .name = "mm",
    .autocast = Cast::kLower,
    .signature = "(input: Tensor, mat2: Tensor) -> Tensor",
    .doc = "The product of two matrices, (m, k) @ (k, n). Same dtype; no broadcasting.",
    .any_dtype = true,
    .shape = mm_shape,
    .run = [](Call& c) { product(c.out[0], c.in(0), c.in(1), 1); },
    .vjp =
        [](Vjp& v) {
          if (v.needs(0)) v.set(0, apply(mm_op, {v.g(), t(v.x(1))}));
          if (v.needs(1)) v.set(1, apply(mm_op, {t(v.x(0)), v.g()}));
        },
    .reads = kInputs,
    .read_for = {kOther, kInput},
    .then_binary = &mm_pointwise_op};

// z = X Y, w = f(z, other), with f as the tile of z is still in cache
constinit const Op mm_pointwise_op{
    .name = "mm_pointwise",
    .signature = kMmPointwise,
    .on = 0,
    .doc =
        "A pointwise op of the product of two matrices and a third of the product's shape, such as "
        "an activation's backward. `combine` is the op, c0 to c3 are its numbers. Made by "
        "passes over a program: it has no gradient.",
    .shape = mm_pointwise_shape,
    .run = mm_pointwise_run,
    .first = &mm_op};

// Z_b = X_b Y_b      dX_b = G_b Y_b'     dY_b = X_b' G_b
constinit const Op bmm_op{
    .name = "bmm",
    .autocast = Cast::kLower,
    .signature = "(input: Tensor, mat2: Tensor) -> Tensor",
    .doc = "Products of two batches of matrices, (b, m, k) @ (b, k, n).",
    .any_dtype = true,
    .shape = bmm_shape,
    .run = [](Call& c) { product(c.out[0], c.in(0), c.in(1), c.in(0).shape()[0]); },
    .vjp =
        [](Vjp& v) {
          if (v.needs(0)) v.set(0, apply(bmm_op, {v.g(), transpose(v.x(1), 1, 2)}));
          if (v.needs(1)) v.set(1, apply(bmm_op, {transpose(v.x(0), 1, 2), v.g()}));
        },
    .reads = kInputs,
    .read_for = {kOther, kInput}};

// Z = X W' + b      dX = G W      dW = G' X      db = sum of the rows of G
constinit const Op linear_op{
    .name = "linear",
    .autocast = Cast::kLower,
    .signature = "(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor",
    .on = kFunctional,
    .doc =
        "input @ weight.T + bias: (*, in_features) to (*, out_features), with `weight` "
        "(out_features, in_features) and `bias` (out_features,).",
    .contiguous = true,
    .any_dtype = true,
    .shape = linear_shape,
    .run = linear_run,
    .vjp = linear_vjp,
    .reads = kInput | kOther,
    .read_for = {kOther, kInput},
    .then_unary = &linear_activation_op};

// dX = G W, dW = G' X          with H and J from above: dG = H W' + X J', dX' = G J, dW' = G' H
constinit const Op linear_backward_op{
    .name = "linear_backward",
    .signature = "(grad: Tensor, input: Tensor, weight: Tensor) -> (input: Tensor, weight: Tensor)",
    .on = 0,
    .doc =
        "The gradients of linear's input and weight from that of its output, side by side where "
        "each product alone is too small for several threads: matrices (m, n), (m, k) and (n, k).",
    .contiguous = true,
    .shape = linear_backward_shape,
    .run = linear_backward_run,
    .vjp =
        [](Vjp& v) {
          const Tensor h = v.g(0), j = v.g(1);
          if (v.needs(0)) v.set(0, add(matmul(h, t(v.x(2))), matmul(v.x(1), t(j))));
          if (v.needs(1)) v.set(1, matmul(v.x(0), j));
          if (v.needs(2)) v.set(2, matmul(t(v.x(0)), h));
        },
    .reads = kInputs,
    .read_for = {kOther | kThird, kInput, kInput}};

// z = x W' + b, y = f(z), with f as the tile of z is still in cache
constinit const Op linear_activation_op{
    .name = "linear_activation",
    .signature = kLinearActivation,
    .on = 0,
    .doc =
        "A pointwise op of linear(input, weight, bias) and, if `keep`, that itself as a second "
        "result. `activation` is the op, p0 to p3 are its numbers. Made by "
        "passes over a program: it has no gradient.",
    .contiguous = true,
    .shape = linear_activation_shape,
    .run = linear_activation_run,
    .first = &linear_op};

// Z = X Y
constinit const Op matmul_op{
    .name = "matmul",
    .autocast = Cast::kLower,
    .signature = "(input: Tensor, other: Tensor) -> Tensor",
    .doc =
        "Matrix product of tensors of any rank from 1: vectors, matrices, and batches whose "
        "leading dimensions broadcast.",
    .composed = [](Call& c) { c.results = {matmul_any(c.in(0), c.in(1))}; }};

// z = X y
constinit const Op mv_op{.name = "mv",
                         .signature = "(input: Tensor, vec: Tensor) -> Tensor",
                         .doc = "Matrix (m, k) times vector (k,).",
                         .composed = [](Call& c) {
                           expect_ranks(c, 2, 1);
                           c.results = {matmul_any(c.in(0), c.in(1))};
                         }};
// z = sum_i x_i y_i
constinit const Op dot_op{.name = "dot",
                          .signature = "(input: Tensor, tensor: Tensor) -> Tensor",
                          .doc = "The inner product of two vectors.",
                          .composed = [](Call& c) {
                            expect_ranks(c, 1, 1);
                            c.results = {matmul_any(c.in(0), c.in(1))};
                          }};
// Z_ij = x_i y_j
constinit const Op outer_op{.name = "outer",
                            .signature = "(input: Tensor, vec2: Tensor) -> Tensor",
                            .doc = "The outer product of two vectors: (m,) and (n,) to (m, n).",
                            .composed = [](Call& c) {
                              expect_ranks(c, 1, 1);
                              c.results = {mul(unsqueeze(c.in(0), 1), c.input(1))};
                            }};
// Z_ij = sum_k x_ik y_jk
constinit const Op inner_op{
    .name = "inner",
    .signature = "(input: Tensor, other: Tensor) -> Tensor",
    .doc =
        "Sums of products over the last dimension of both: (*a, k) and (*b, k) to (*a, *b). A "
        "0-d tensor multiplies.",
    .composed = [](Call& c) {
      const Tensor &x = c.in(0), &y = c.in(1);
      if (x.ndim() == 0 || y.ndim() == 0) {
        c.results = {mul(x, y)};
        return;
      }
      const int64_t k = x.size(-1);
      check(k == y.size(-1), "the last dimensions of ", x.shape(), " and ", y.shape(),
            " must be equal");
      Dims shape = x.shape();
      shape.resize(x.ndim() - 1);
      const int64_t m = numel(shape);
      for (int i = 0; i + 1 < y.ndim(); ++i) shape.push_back(y.shape()[i]);
      const int64_t n = k ? y.numel() / k : numel(shape) / std::max<int64_t>(m, 1);
      c.results = {reshape(matmul_any(reshape(x, Dims{m, k}), t(reshape(y, Dims{n, k}))), shape)};
    }};
// y_o = x1' W_o x2 + b_o
constinit const Op bilinear_op{
    .name = "bilinear",
    .autocast = Cast::kLower,
    .signature =
        "(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor",
    .on = kFunctional | kModule,
    .doc =
        "input1 W_o input2 + b_o for each output o: (*, i) and (*, j) to (*, o), with `weight` "
        "(o, i, j) and `bias` (o,).",
    .composed = [](Call& c) {
      const Tensor x1 = c.in(0), x2 = c.in(1), w = c.in(2);
      check(x1.dtype() == x2.dtype() && x1.dtype() == w.dtype(),
            "all tensors must have the same dtype, got input1: ", x1.dtype(),
            ", input2: ", x2.dtype(), ", weight: ", w.dtype());
      check(w.ndim() == 3 && x1.ndim() > 0 && x2.ndim() > 0,
            "needs inputs of at least 1 dimension and a weight of 3, got shapes ", x1.shape(), ", ",
            x2.shape(), " and ", w.shape());
      const int64_t o = w.shape()[0], i = w.shape()[1], j = w.shape()[2];
      check(x1.size(-1) == i && x2.size(-1) == j, "input sizes ", x1.size(-1), " and ", x2.size(-1),
            ", but the weight needs ", i, " and ", j);
      Dims shape = x1.shape();
      shape[x1.ndim() - 1] = o;
      const Tensor w1 = reshape(permute(w, Dims{1, 0, 2}), Dims{i, o * j});
      const Tensor left = reshape(matmul(reshape(x1, Dims{-1, i}), w1), Dims{-1, o, j});
      const Tensor each = mul(left, reshape(x2, Dims{-1, 1, j}));
      const Tensor y = reshape(sum(each, Dims{-1}, false, each.dtype()), shape);
      c.results = {c.has(3) ? add(y, c.in(3)) : y};
    }};
// y = sum_i x_ii
constinit const Op trace_op{
    .name = "trace",
    .autocast = Cast::kFloat32,
    .signature = "(input: Tensor) -> Tensor",
    .doc = "The sum of the main diagonal of a matrix; integers are summed as int64.",
    .composed = [](Call& c) {
      const Tensor& x = c.in(0);
      check(x.ndim() == 2, "expected a matrix, but got a tensor with ", x.ndim(), " dimensions");
      c.results = {sum(diagonal(x, 0, 0, 1))};
    }};

constexpr Signature kAddmm =
    "(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor";
// Z = beta X + alpha A B
constinit const Op addmm_op{
    .name = "addmm",
    .autocast = Cast::kLower,
    .signature = kAddmm,
    .on = kEverywhere,
    .doc = "beta * input + alpha * (mat1 @ mat2); `input` broadcasts.",
    .composed = [](Call& c) {
      c.results = {blend(c.in(0), apply(mm_op, {c.in(1), c.in(2)}), c.attrs.scalar(kAddmm["beta"]),
                         c.attrs.scalar(kAddmm["alpha"]))};
    }};

constexpr Signature kAddmv =
    "(input: Tensor, mat: Tensor, vec: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor";
// z = beta x + alpha A b
constinit const Op addmv_op{
    .name = "addmv",
    .signature = kAddmv,
    .on = kEverywhere,
    .doc = "beta * input + alpha * (mat @ vec).",
    .composed = [](Call& c) {
      c.results = {blend(c.in(0), matmul_any(c.in(1), c.in(2)), c.attrs.scalar(kAddmv["beta"]),
                         c.attrs.scalar(kAddmv["alpha"]))};
    }};

constexpr Signature kBaddbmm =
    "(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> "
    "Tensor";
// Z_b = beta X_b + alpha A_b B_b
constinit const Op baddbmm_op{
    .name = "baddbmm",
    .autocast = Cast::kLower,
    .signature = kBaddbmm,
    .on = kEverywhere,
    .doc = "beta * input + alpha * (batch1 @ batch2), batch by batch.",
    .composed = [](Call& c) {
      c.results = {blend(c.in(0), apply(bmm_op, {c.in(1), c.in(2)}),
                         c.attrs.scalar(kBaddbmm["beta"]), c.attrs.scalar(kBaddbmm["alpha"]))};
    }};

Tensor matmul(const Tensor& x, const Tensor& y) {
  return x.defined() && y.defined() ? matmul_any(x, y) : apply(matmul_op, {x, y});
}
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  return apply(linear_op, {x, weight, operand_of(bias)});
}
Tensor bilinear(const Tensor& x1, const Tensor& x2, const Tensor& weight, const Tensor& bias) {
  return apply(bilinear_op, {x1, x2, weight, operand_of(bias)});
}

namespace {
const Op* const kOps[] = {
    &mm_op,     &mm_pointwise_op, &bmm_op,   &linear_op, &linear_backward_op, &linear_activation_op,
    &matmul_op, &mv_op,           &dot_op,   &outer_op,  &inner_op,           &bilinear_op,
    &trace_op,  &addmm_op,        &addmv_op, &baddbmm_op};
}
std::span<const Op* const> matmul_ops() { return kOps; }

}  // namespace wengert
