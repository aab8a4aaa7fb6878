// embedding_bag: sums, means and maxima of rows of a table, without the rows.
#include "wengert/base/warning.h"
#include "wengert/ops/create/create.h"
#include "wengert/ops/embedding/table.h"
#include "wengert/ops/optional.h"
#include "wengert/ops/shape/view.h"

namespace wengert {

extern const Op bag_op, bag_backward_op, bag_weights_backward_op;

namespace {

#define WENGERT_BAG "mode: int, padding_idx: int, include_last_offset: bool"
constexpr Signature kBag =
    "(weight: Tensor, indices: Tensor, offsets: Tensor, per_sample_weights: Tensor | "
    "None, " WENGERT_BAG ", scale_grad_by_freq: bool) -> (output: Tensor, largest: Tensor)";
constexpr Signature kBackward =
    "(grad: Tensor, indices: Tensor, offsets: Tensor, per_sample_weights: Tensor | None, largest: "
    "Tensor | None, " WENGERT_BAG ", scale_grad_by_freq: bool, num_weights: int) -> Tensor";
constexpr Signature kWeightsBackward =
    "(grad: Tensor, weight: Tensor, indices: Tensor, offsets: Tensor, " WENGERT_BAG ") -> Tensor";
#undef WENGERT_BAG
constexpr int kMode = attribute("mode", kBag, kBackward, kWeightsBackward);
constexpr int kPadding = attribute("padding_idx", kBag, kBackward, kWeightsBackward);
constexpr int kLast = attribute("include_last_offset", kBag, kBackward, kWeightsBackward);
constexpr int kByFrequency = attribute("scale_grad_by_freq", kBag, kBackward);

BagMode mode_of(const Attrs& a) { return static_cast<BagMode>(a.integer(kMode)); }

int64_t bags_of(const Attrs& a, const Tensor& offsets) {
  return offsets.numel() - (a.flag(kLast) ? 1 : 0);
}

// Everything but values. Returns how many bags there are.
int64_t check_bags(const Attrs& a, const Tensor& indices, const Tensor& offsets) {
  check_indices(indices);
  check_indices(offsets);
  check(indices.ndim() == 1 && offsets.ndim() == 1,
        "indices and offsets must be vectors, got shapes ", indices.shape(), " and ",
        offsets.shape());
  check(a.integer(kMode) >= 0 && a.integer(kMode) <= 2, "there is no mode ", a.integer(kMode));
  const int64_t bags = bags_of(a, offsets);
  check(bags >= 0, "include_last_offset: number of offset should be at least 1");
  return bags;
}
void check_weights(const Call& c, int i, const Tensor& indices, Dtype dtype) {
  if (!c.has(i)) return;
  check(c.in(i).shape() == indices.shape(), "per_sample_weights of shape ", indices.shape(),
        " expected, got ", c.in(i).shape());
  check(c.in(i).dtype() == dtype, "Expected per_sample_weights of dtype ", dtype,
        ", that of weight, got ", c.in(i).dtype());
}

// The bags of a call as the kernels want them, its values checked.
class Described {
 public:
  Described(const Attrs& a, const Tensor& indices, const Tensor& offsets, int64_t rows,
            int64_t width, const void* weight)
      : index_(indices),
        offsets_(offsets),
        ends_(static_cast<size_t>(offsets.numel() + 1) * sizeof(int64_t)) {
    bags = {mode_of(a),    bags_of(a, offsets), width, ends_.as<int64_t>(),
            index_.data(), a.integer(kPadding), weight};
    const int64_t out = find_outside(index_.data(), index_.count, 0, rows);
    check(out < 0, "Index ", out, " of input takes value ", out < 0 ? 0 : index_[out],
          " which is not in the valid range [0, ", rows, ")");
    int64_t *ends = ends_.as<int64_t>(), n = offsets_.count;
    std::copy_n(offsets_.data(), n, ends);
    check(n == 0 || ends[0] == 0, "offsets[0] has to be 0, i.e., the first sequence in the ",
          "mini-batch has to start from position 0. However, got ", n == 0 ? 0 : ends[0]);
    if (!a.flag(kLast)) {
      ends[n] = n == 0 ? 0 : index_.count;
      ++n;
    }
    for (int64_t i = 1; i < n; ++i) {
      check(ends[i] <= index_.count, "offsets[-1] can not be greater than input's length ",
            index_.count, " but got offsets[-1] of ", ends[i]);
      check(ends[i - 1] <= ends[i], "offsets must not decrease, but ", ends[i], " follows ",
            ends[i - 1]);
    }
  }
  // The bag of each index, for those that are in one.
  void owners(int64_t* out) const {
    for (int64_t b = 0; b < bags.bags; ++b)
      std::fill(out + bags.ends[b], out + bags.ends[b + 1], b);
  }
  int64_t used() const { return bags.bags > 0 ? bags.ends[bags.bags] : 0; }

  Bags bags;

 private:
  Positions index_, offsets_;
  Scratch ends_;
};

void bag_shape(Call& c) {
  const Tensor& w = c.in(0);
  check_table(w);
  check_floating(w, "weight");
  const int64_t bags = check_bags(c.attrs, c.in(1), c.in(2)), width = w.shape()[1];
  check_weights(c, 3, c.in(1), w.dtype());
  const bool max = mode_of(c.attrs) == BagMode::kMax;
  c.output(w.dtype(), {bags, width});
  c.output(Dtype::kInt64, max ? Dims{bags, width} : Dims{0});
}

void bag_run(Call& c) {
  const Tensor& w = c.in(0);
  const Described d(c.attrs, c.in(1), c.in(2), w.shape()[0], w.shape()[1], memory_of(c, 3));
  bag_rows(w.dtype(), d.bags, w.data(), c.out[0].data(), c.out[1].data_as<int64_t>());
}

void bag_vjp(Vjp& v) {
  const bool max = mode_of(v.attrs()) == BagMode::kMax;
  if (v.needs(0)) {
    Attrs a(v.attrs());
    a.add(v.shape(0)[0]);
    v.set(0,
          apply(bag_backward_op,
                {v.g(), v.x(1), v.x(2), optional_operand(v, 3), max ? Operand(v.y(1)) : Operand()},
                a));
  }
  if (v.needs(3)) {
    const Attrs& a = v.attrs();
    v.set(3, apply(bag_weights_backward_op, {v.g(), v.x(0), v.x(1), v.x(2)},
                   Attrs(a.integer(kMode), a.integer(kPadding), a.flag(kLast))));
  }
}

void backward_shape(Call& c) {
  const Tensor& g = c.in(0);
  check_floating(g, "gradient");
  const int64_t bags = check_bags(c.attrs, c.in(1), c.in(2));
  check(g.ndim() == 2 && g.shape()[0] == bags, "a gradient of ", bags, " rows expected, got shape ",
        g.shape());
  check_weights(c, 3, c.in(1), g.dtype());
  const bool max = mode_of(c.attrs) == BagMode::kMax;
  check(max == c.has(4) &&
            (!max || (c.in(4).dtype() == Dtype::kInt64 && c.in(4).shape() == g.shape())),
        "the rows of the largest elements, int64 of the gradient's shape, belong to mode max");
  const int64_t rows = c.attrs.integer(kBackward["num_weights"]);
  check(rows >= 0, "there cannot be ", rows, " rows");
  c.output(g.dtype(), {rows, g.shape()[1]});
}

void backward_run(Call& c) {
  const Tensor &g = c.in(0), &y = c.out[0];
  const int64_t rows = y.shape()[0], width = y.shape()[1];
  if (mode_of(c.attrs) == BagMode::kMax) {
    const Tensor& largest = c.in(4);
    check(find_outside(largest.data_as<int64_t>(), largest.numel(), -1, rows) < 0,
          ErrorKind::kIndex, "a row of a largest element is out of range");
    return sum_largest(g.dtype(), g.shape()[0], rows, width, largest.data_as<int64_t>(), g.data(),
                       y.data());
  }
  const Described d(c.attrs, c.in(1), c.in(2), rows, width, memory_of(c, 3));
  const int64_t n = d.used();
  const Scratch owners(static_cast<size_t>(n) * sizeof(int64_t));
  const Scratch factors(static_cast<size_t>(n * item_size(g)));
  d.owners(owners.as<int64_t>());
  RowSums sums{rows,          width,
               d.bags.index,  n,
               d.bags.skip,   owners.as<int64_t>(),
               d.bags.weight, c.attrs.flag(kByFrequency)};
  if (d.bags.mode == BagMode::kMean) {
    bag_factors(g.dtype(), d.bags, factors.as<void>());
    sums.weight = factors.as<void>();
  }
  sum_rows(g.dtype(), sums, false, g.data(), y.data());
}

// For h of the table's shape, with f_k the division by frequency: dg = the bags of h with weights
// s_k f_k, ds_k = f_k g_b h_{i_k}; of a maximum dg_bi = h at the largest, 0 where there is none.
void backward_vjp(Vjp& v) {
  const Attrs& a = v.attrs();
  const Tensor h = v.g(), indices = v.x(1), offsets = v.x(2);
  if (mode_of(a) == BagMode::kMax) {
    const Tensor largest = v.x(4);
    return v.set(0, where(lt(largest, 0), 0.0, gather(h, 0, clamp(largest, 0, Operand()))));
  }
  const bool scaled = a.flag(kByFrequency);
  const Tensor f = scaled ? reciprocal(frequencies(indices, h.shape()[0], h.dtype())) : Tensor();
  const Attrs of_bag(a.integer(kMode), a.integer(kPadding), a.flag(kLast));
  if (v.needs(0)) {
    Operand s = optional_operand(v, 3);
    if (scaled) s = s.is_none() ? Operand(f) : Operand(mul(s, f));
    Attrs forward(of_bag);
    forward.add(false);
    v.set(0, apply(bag_op, {h, indices, offsets, s}, forward));
  }
  if (v.needs(3)) {
    const Tensor d = apply(bag_weights_backward_op, {v.x(0), h, indices, offsets}, of_bag);
    v.set(3, scaled ? mul(d, f) : d);
  }
}

void weights_backward_shape(Call& c) {
  const Tensor &g = c.in(0), &w = c.in(1);
  check_table(w);
  check_floating(w, "weight");
  const int64_t bags = check_bags(c.attrs, c.in(2), c.in(3));
  check(g.dtype() == w.dtype() && g.shape() == Dims({bags, w.shape()[1]}), "a gradient ", w.dtype(),
        ' ', Dims{bags, w.shape()[1]}, " expected, got ", g.dtype(), ' ', g.shape());
  check(mode_of(c.attrs) != BagMode::kMax, "a maximum has no weights");
  c.output(w.dtype(), c.in(2).shape());
}

void weights_backward_run(Call& c) {
  const Tensor &g = c.in(0), &w = c.in(1), &y = c.out[0];
  const Described d(c.attrs, c.in(2), c.in(3), w.shape()[0], w.shape()[1], nullptr);
  bag_products(w.dtype(), d.bags, y.numel(), g.data(), w.data(), y.data());
}

// With e from above, as weights: dg = the bags of w, dw = what goes back to w for g.
void weights_backward_vjp(Vjp& v) {
  const Tensor e = v.g(), indices = v.x(2), offsets = v.x(3);
  Attrs a(v.attrs());
  a.add(false);
  if (v.needs(0)) v.set(0, apply(bag_op, {v.x(1), indices, offsets, e}, a));
  if (!v.needs(1)) return;
  a.add(v.shape(1)[0]);
  v.set(1, apply(bag_backward_op, {v.x(0), indices, offsets, e, Operand()}, a));
}

// ---- what users call

constexpr Signature kEmbeddingBag =
    "(input: Tensor, weight: Tensor, offsets: Tensor | None = None, max_norm: float | None = None, "
    "norm_type: float = 2, scale_grad_by_freq: bool = False, mode: 'sum' | 'mean' | 'max' = "
    "'mean', sparse: bool = False, per_sample_weights: Tensor | None = None, include_last_offset: "
    "bool = False, padding_idx: int | None = None) -> Tensor";

// Input and weight were once the other way round.
void in_order(Tensor& input, Tensor& weight) {
  if (weight.dtype() != Dtype::kInt64 || !is_floating(input.dtype())) return;
  warn("Argument order of nn.functional.embedding_bag was changed. Usage `embedding_bag(weight, ",
       "input, ...)` is deprecated, and should now be `embedding_bag(input, weight, ...)`.");
  std::swap(input, weight);
}

// Bags of one size in rows: where each begins.
Tensor row_starts(const Tensor& input) {
  const int64_t bags = input.shape()[0], size = input.shape()[1];
  if (size == 0) return zeros({bags}, input.dtype());
  return arange(0, static_cast<double>(bags * size), static_cast<double>(size), input.dtype());
}

void check_choices(const Attrs& a, BagMode mode, bool weighted) {
  if (mode == BagMode::kMax) {
    check(!a.flag(kEmbeddingBag["scale_grad_by_freq"]), ErrorKind::kValue,
          "max mode does not support scaling the gradient by the frequency");
    check(!a.flag(kEmbeddingBag["sparse"]), ErrorKind::kValue,
          "max mode does not support sparse weights");
  }
  check(!weighted || mode == BagMode::kSum, ErrorKind::kNotImplemented,
        "per_sample_weights is only supported for mode='sum'");
}

int64_t bag_padding(const Attrs& a, int64_t rows) {
  if (!a.has(kEmbeddingBag["padding_idx"])) return -1;
  const int64_t i = a.integer(kEmbeddingBag["padding_idx"]);
  check(-rows <= i && i < rows, "padding_idx must be within the number of embeddings, ", -rows,
        " through ", rows - 1, ", but got ", i);
  return i < 0 ? i + rows : i;
}

void embedding_bag_composed(Call& c) {
  const Attrs& a = c.attrs;
  Tensor input = c.in(0), weight = c.in(1), offsets = optional_tensor(c, 2);
  Tensor samples = optional_tensor(c, 3);
  in_order(input, weight);
  check(!samples.defined() || samples.shape() == input.shape(), ErrorKind::kValue,
        "If per_sample_weights is not None, then it must have the same shape as the input (",
        input.shape(), ")");
  check(weight.ndim() == 2, ErrorKind::kValue, "weight has to be a 2D Tensor, but got Tensor of ",
        "dimension ", weight.ndim());
  bool last = a.flag(kEmbeddingBag["include_last_offset"]);
  if (input.ndim() == 2) {
    check(!offsets.defined(), ErrorKind::kValue, "if input is 2D, then offsets has to be None, as ",
          "input is treated is a mini-batch of fixed length sequences");
    offsets = row_starts(input);
    last = false;
    input = flatten(input);
    if (samples.defined()) samples = flatten(samples);
  } else {
    check(input.ndim() == 1, ErrorKind::kValue, "input has to be 1D or 2D Tensor, but got Tensor ",
          "of dimension ", input.ndim());
    check(offsets.defined() && offsets.ndim() == 1, ErrorKind::kValue,
          "offsets has to be a 1D Tensor");
  }
  const auto mode = static_cast<BagMode>(a.integer(kEmbeddingBag["mode"]));
  check_choices(a, mode, samples.defined());
  if (a.has(kEmbeddingBag["max_norm"]))
    renorm(weight, input, a.real(kEmbeddingBag["max_norm"]), a.real(kEmbeddingBag["norm_type"]));
  const Attrs of_bag(a.integer(kEmbeddingBag["mode"]), bag_padding(a, weight.shape()[0]), last,
                     a.flag(kEmbeddingBag["scale_grad_by_freq"]));
  c.results = {apply(bag_op, {weight, input, offsets, operand_of(samples)}, of_bag)};
}

}  // namespace

// y_b = sum of s_k w_{i_k} over the k of bag b, or their mean, or the largest
//         dw_i = sum of s_k g_b over i_k = i        ds_k = g_b w_{i_k}
constinit const Op bag_op{
    .name = "embedding_bag_forward",
    .signature = kBag,
    .on = 0,
    .doc =
        "The bags of embedding_bag(), `mode` 0 a sum, 1 a mean, 2 a maximum; of that as well which "
        "row each element is of, -1 of an empty bag.",
    .contiguous = true,
    .checked = true,
    .shape = bag_shape,
    .run = bag_run,
    .vjp = bag_vjp,
    .reads = kInputs | reads_output(1)};

// d_i = sum of s_k g_b over i_k = i, k in bag b; of a maximum g_bi at the row of the largest
//         dg_b = sum of s_k h_{i_k}        ds_k = g_b h_{i_k}
constinit const Op bag_backward_op{
    .name = "embedding_bag_backward",
    .signature = kBackward,
    .on = 0,
    .doc = "The gradient of embedding_bag's weight, (num_weights, width).",
    .contiguous = true,
    .shape = backward_shape,
    .run = backward_run,
    .vjp = backward_vjp,
    .reads = kInputs};

// d_k = g_b w_{i_k}, k in bag b, a scalar product, by the size of a mean's bag; 0 for padding
//         dg_b = sum of e_k w_{i_k}        dw_i = sum of e_k g_b over i_k = i
constinit const Op bag_weights_backward_op{
    .name = "embedding_bag_weights_backward",
    .signature = kWeightsBackward,
    .on = 0,
    .doc = "The gradient of embedding_bag's per_sample_weights.",
    .contiguous = true,
    .shape = weights_backward_shape,
    .run = weights_backward_run,
    .vjp = weights_backward_vjp,
    .reads = kInputs};

// y_b = sum of s_k w_{i_k} over the k of bag b, or their mean, or largest
constinit const Op embedding_bag_op{
    .name = "embedding_bag",
    .signature = kEmbeddingBag,
    .on = kFunctional,
    .doc =
        "Sums, means or maxima of rows of `weight` (n, width), (bags, width). `input`, int64 or "
        "int32: a bag in each row, or a vector of all, of which each bag begins where `offsets` "
        "says, the first at 0 (with include_last_offset the last offset is an end). "
        "`per_sample_weights`, of input's shape, are factors of a sum. Row `padding_idx` is in no "
        "bag; empty bags are zeros. max_norm, norm_type, scale_grad_by_freq and sparse as in "
        "embedding().",
    .composed = embedding_bag_composed};

namespace {
const Op* const kOps[] = {&embedding_bag_op, &bag_op, &bag_backward_op, &bag_weights_backward_op};
}
std::span<const Op* const> embedding_bag_ops() { return kOps; }

}  // namespace wengert
