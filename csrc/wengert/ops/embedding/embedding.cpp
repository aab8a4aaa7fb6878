// embedding: rows of a table by index, and what goes back to them.
#include "wengert/ops/embedding/embedding.h"

#include <algorithm>

#include "wengert/base/assertion.h"
#include "wengert/base/long_work.h"
#include "wengert/kernels/index/index.h"
#include "wengert/ops/embedding/table.h"
#include "wengert/ops/shape/view.h"
#include "wengert/tape/rule.h"

namespace wengert {

extern const Op embedding_backward_op, embedding_backward_add_op, embedding_renorm_op;

namespace {

constexpr Signature kRows =
    "(weight: Tensor, indices: Tensor, padding_idx: int, scale_grad_by_freq: bool) -> Tensor";
constexpr Signature kOfModule =
    "(weight: Tensor, indices: Tensor, padding_idx: int = -1, scale_grad_by_freq: bool = False, "
    "sparse: bool = False) -> Tensor";
constexpr Signature kBackward =
    "(grad: Tensor, indices: Tensor, num_weights: int, padding_idx: int, scale_grad_by_freq: bool) "
    "-> Tensor";
constexpr Signature kBackwardAdd =
    "(input: Tensor, grad: Tensor, indices: Tensor, padding_idx: int, scale_grad_by_freq: bool) -> "
    "Tensor";
constexpr Signature kRenorm =
    "(input: Tensor, indices: Tensor, max_norm: float, norm_type: float) -> Tensor";
constexpr Signature kEmbedding =
    "(input: Tensor, weight: Tensor, padding_idx: int | None = None, max_norm: float | None = "
    "None, norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False) -> "
    "Tensor";

Dims with_width(const Tensor& indices, int64_t width) {
  Dims shape = indices.shape();
  shape.push_back(width);
  return shape;
}

void rows_shape(Call& c) {
  const Tensor &w = c.in(0), &indices = c.in(1);
  check_table(w);
  check_indices(indices);
  c.output(w.dtype(), with_width(indices, w.shape()[1]));
}

void rows_run(Call& c) {
  const Tensor& w = c.in(0);
  const OneDim rows(w, 0, c.in(1), false);
  index_gather(rows.v, c.out[0].data(), w.data(), item_size(w));
}

void backward_shape(Call& c) {
  const Tensor &g = c.in(0), &indices = c.in(1);
  check_floating(g, "gradient");
  check_indices(indices);
  const int64_t rows = c.attrs.integer(kBackward["num_weights"]);
  check(rows >= 0, "there cannot be ", rows, " rows");
  Dims shape = g.shape();
  check(!shape.empty(), "a gradient of at least one dimension expected");
  const int64_t width = shape.back();
  shape.erase(shape.size() - 1);
  check(shape == indices.shape(), "a gradient of shape ", with_width(indices, width),
        " expected, got ", g.shape());
  c.output(g.dtype(), {rows, width});
}

void backward_into(const Tensor& y, bool add, const Tensor& g, const Tensor& indices,
                   int64_t padding, bool by_frequency) {
  const Positions p(indices);
  p.check_range(0, y.shape()[0], 0, ErrorKind::kIndex);
  const RowSums sums{y.shape()[0], y.shape()[1], p.data(), p.count,
                     padding,      nullptr,      nullptr,  by_frequency};
  sum_rows(y.dtype(), sums, add, g.data(), y.data());
}
void backward_run(Call& c) {
  backward_into(c.out[0], false, c.in(0), c.in(1), c.attrs.integer(kBackward["padding_idx"]),
                c.attrs.flag(kBackward["scale_grad_by_freq"]));
}

void backward_add_shape(Call& c) {
  const Tensor &sum = c.in(0), &g = c.in(1), &indices = c.in(2);
  check_table(sum);
  check_floating(sum, "sum");
  check_indices(indices);
  const Dims shape = with_width(indices, sum.shape()[1]);
  check(g.dtype() == sum.dtype() && g.shape() == shape, "a gradient of ", sum.dtype(), ' ', shape,
        " expected, got ", g.dtype(), ' ', g.shape());
  check(sum.is_contiguous(), "a contiguous sum expected");
}
void backward_add_run(Call& c) {
  backward_into(c.in(0), true, c.in(1), c.in(2), c.attrs.integer(kBackwardAdd["padding_idx"]),
                c.attrs.flag(kBackwardAdd["scale_grad_by_freq"]));
}

// Of a table whose gradient has other parts, the rows that were read are added to those.
void rows_vjp(Vjp& v) {
  const Attrs& a = v.attrs();
  const Attrs chosen(a.integer(kRows["padding_idx"]), a.flag(kRows["scale_grad_by_freq"]));
  {
    const HoldOn whole;
    if (const Tensor sum = gradient_so_far(v, 0); sum.defined() && sum.dtype() == v.g().dtype())
      return void(apply(embedding_backward_add_op, {sum, v.g(), v.x(1)}, chosen));
  }
  v.set(0, apply(embedding_backward_op, {v.g(), v.x(1)},
                 Attrs(v.shape(0)[0], a.integer(kRows["padding_idx"]),
                       a.flag(kRows["scale_grad_by_freq"]))));
}

// dg_k = h_{i_k}, 0 where nothing went to that row, divided as the sum was.
void backward_vjp(Vjp& v) {
  const Tensor indices = v.x(1);
  const int64_t padding = v.attrs().integer(kBackward["padding_idx"]);
  const int64_t rows = v.attrs().integer(kBackward["num_weights"]);
  Tensor d = apply(embedding_rows_op, {v.g(), indices}, Attrs(int64_t{-1}, false));
  if (padding >= 0) d = where(unsqueeze(eq(indices, padding), -1), 0.0, d);
  if (v.attrs().flag(kBackward["scale_grad_by_freq"]))
    d = div(d, unsqueeze(frequencies(indices, rows, d.dtype()), -1));
  v.set(0, d);
}

void renorm_run(Call& c) {
  const Tensor& w = c.in(0);
  const Positions p(c.in(1));
  p.check_range(0, w.shape()[0], 0, ErrorKind::kIndex);
  const Scratch scratch(static_cast<size_t>(p.count) * sizeof(int64_t));
  int64_t *first = scratch.as<int64_t>(), *last = std::copy_n(p.data(), p.count, first);
  std::sort(first, last);
  clip_rows(w.dtype(), w.data(), w.strides()[0], w.strides()[1], w.shape()[1], first,
            std::unique(first, last) - first, c.attrs.real(kRenorm["norm_type"]),
            c.attrs.real(kRenorm["max_norm"]));
}

void embedding_composed(Call& c) {
  const Tensor &input = c.in(0), &weight = c.in(1);
  check_table(weight);
  const Attrs& a = c.attrs;
  const int64_t padding = padding_row(a, kEmbedding["padding_idx"], weight.shape()[0]);
  if (a.has(kEmbedding["max_norm"]))
    renorm(weight, input, a.real(kEmbedding["max_norm"]), a.real(kEmbedding["norm_type"]));
  c.results = {apply(embedding_rows_op, {weight, input},
                     Attrs(padding, a.flag(kEmbedding["scale_grad_by_freq"])))};
}

}  // namespace

// y_k = w_{i_k}                 dw_i = sum of g_k over i_k = i, 0 for the row of padding
constinit const Op embedding_rows_op{
    .name = "embedding_rows",
    .signature = kRows,
    .on = 0,
    .doc =
        "The rows of `weight` (n, width) at `indices`: (*, width). Nothing goes back to row "
        "padding_idx unless that is negative.",
    .checked = true,
    .any_dtype = true,
    .shape = rows_shape,
    .run = rows_run,
    .vjp = rows_vjp,
    .reads = kOther};

// d_i = sum of g_k over i_k = i, added in order, 0 for the row of padding        dg_k = h_{i_k}
constinit const Op embedding_backward_op{
    .name = "embedding_dense_backward",
    .signature = kBackward,
    .on = 0,
    .doc = "The gradient of embedding's weight, (num_weights, width), from that of its output.",
    .contiguous = true,
    .shape = backward_shape,
    .run = backward_run,
    .vjp = backward_vjp,
    .reads = kOther};

// d_i = d_i + sum of g_k over i_k = i; other rows are not touched
constinit const Op embedding_backward_add_op{
    .name = "_embedding_backward_add_",
    .signature = kBackwardAdd,
    .on = 0,
    .doc = "Adds the gradient of embedding's weight to a contiguous one, in place.",
    .contiguous = true,
    .mutates = true,
    .shape = backward_add_shape,
    .run = backward_add_run};

// w_i = w_i min(1, max_norm / |w_i|) for every i among the indices
constinit const Op embedding_renorm_op{
    .name = "embedding_renorm_",
    .signature = kRenorm,
    .on = kModule,
    .doc =
        "Scales the rows of a matrix that `indices` names down to norm max_norm, in place, if "
        "their norm_type-norm is larger.",
    .mutates = true,
    .shape =
        [](Call& c) {
          check_table(c.in(0));
          check_floating(c.in(0), "matrix");
          check_indices(c.in(1));
        },
    .run = renorm_run};

// y_k = w_{i_k}
constinit const Op embedding_module_op{
    .name = "embedding",
    .signature = kOfModule,
    .on = kModule,
    .doc =
        "functional.embedding without a limit of norms, the arguments in another order; a negative "
        "padding_idx is none.",
    .composed = [](Call& c) {
      c.results = {apply(embedding_rows_op, {c.in(0), c.in(1)},
                         Attrs(c.attrs.integer(kOfModule["padding_idx"]),
                               c.attrs.flag(kOfModule["scale_grad_by_freq"])))};
    }};

// y_k = w_{i_k}
constinit const Op embedding_op{
    .name = "embedding",
    .signature = kEmbedding,
    .on = kFunctional,
    .doc =
        "The rows of `weight` (n, width) at `input`, int64 or int32 of any shape: (*, width). With "
        "`max_norm` those rows are first scaled down to it, in place, where their norm_type-norm "
        "is larger. No gradient goes to row `padding_idx`, which may be negative; "
        "`scale_grad_by_freq` divides what goes to a row by how often it was read. `sparse` is "
        "accepted; the gradient is dense. An IndexError if an index is out of range.",
    .composed = embedding_composed};

int64_t padding_row(const Attrs& a, int at, int64_t rows) {
  if (!a.has(at)) return -1;
  const int64_t i = a.integer(at);
  require(-rows <= i && (i < rows || i == 0), "Padding_idx must be within num_embeddings");
  return i < 0 ? i + rows : i;
}

Tensor frequencies(const Tensor& indices, int64_t rows, Dtype dtype) {
  const Tensor flat = flatten(indices);
  const Tensor counts = index_add(zeros({rows}, dtype), 0, flat, full(flat.shape(), 1, dtype));
  return reshape(index_select(counts, 0, flat), indices.shape());
}

void renorm(const Tensor& weight, const Tensor& indices, double max_norm, double norm_type) {
  const NoGradGuard off;
  Tensor detached = weight.detach();
  embedding_renorm_(detached, indices, max_norm, norm_type);
}

Tensor& embedding_renorm_(Tensor& weight, const Tensor& indices, double max_norm,
                          double norm_type) {
  apply(embedding_renorm_op, {weight, indices}, Attrs(max_norm, norm_type));
  return weight;
}

Tensor embedding(const Tensor& input, const Tensor& weight, std::optional<int64_t> padding_idx,
                 std::optional<double> max_norm, double norm_type, bool scale_grad_by_freq) {
  Attrs a;
  padding_idx ? a.add(*padding_idx) : a.add(nullptr);
  max_norm ? a.add(*max_norm) : a.add(nullptr);
  a.add(norm_type);
  a.add(scale_grad_by_freq);
  a.add(false);
  return apply(embedding_op, {input, weight}, a);
}

namespace {
const Op* const kOps[] = {&embedding_op,          &embedding_module_op,       &embedding_rows_op,
                          &embedding_backward_op, &embedding_backward_add_op, &embedding_renorm_op};
}
std::span<const Op* const> embedding_ops() { return kOps; }

}  // namespace wengert
