// Sequences of mixed lengths: packed rows from padded ones and back, padding.
#include <algorithm>

#include "wengert/kernels/rnn/rnn.h"
#include "wengert/ops/create/create.h"
#include "wengert/ops/pool/pool.h"
#include "wengert/ops/rnn/layer.h"
#include "wengert/ops/shape/shape.h"

namespace wengert {

extern const Op pack_rows_op, pad_rows_op;

List<int64_t> checked_batch_sizes(const Tensor& batch_sizes, int64_t steps, int64_t batch,
                                  int64_t rows) {
  check(batch_sizes.dtype() == Dtype::kInt64 && batch_sizes.ndim() == 1,
        "batch_sizes must be a vector of int64, got ", batch_sizes.dtype(), " of shape ",
        batch_sizes.shape());
  const int64_t n = batch_sizes.numel(), *const sizes = batch_sizes.data_as<int64_t>();
  check(n > 0 && n <= steps, "batch_sizes of up to ", steps, " steps expected, got ", n);
  List<int64_t> out(static_cast<size_t>(steps));
  int64_t total = 0;
  for (int64_t t = 0; t < n; ++t) {
    check(sizes[t] > 0 && (t == 0 || sizes[t] <= sizes[t - 1]),
          "batch_sizes must be positive and not grow, got ", sizes[t], " at step ", t);
    check(batch < 0 || sizes[t] <= batch, "batch_sizes of up to ", batch, " expected, got ",
          sizes[t]);
    total += out[static_cast<size_t>(t)] = sizes[t];
  }
  check(batch < 0 || sizes[0] == batch, "batch_sizes must begin with ", batch, ", got ", sizes[0]);
  check(total == rows, "batch_sizes are of ", total, " rows, but there are ", rows);
  return out;
}

namespace {

constexpr Signature kPack =
    "(input: Tensor, batch_sizes: Tensor, rows: int, batch_first: bool) -> Tensor";
constexpr Signature kPad =
    "(input: Tensor, batch_sizes: Tensor, batch: int, steps: int, batch_first: bool, value: float) "
    "-> Tensor";

void check_sizes(const Call& c) {
  check(c.in(1).dtype() == Dtype::kInt64 && c.in(1).ndim() == 1 && c.in(1).numel() > 0,
        "batch_sizes must be a vector of int64, got ", c.in(1).dtype(), " of shape ",
        c.in(1).shape());
}
int64_t row_bytes(const Tensor& x, int lead) {
  int64_t n = item_size(x.dtype());
  for (int d = lead; d < x.ndim(); ++d) n *= x.shape()[d];
  return n;
}
// `lead` dimensions are replaced by others.
Dims with_lead(const Dims& shape, int lead, const Dims& by) {
  Dims out = by;
  for (int d = lead; d < shape.size(); ++d) out.push_back(shape[d]);
  return out;
}

void pack_shape(Call& c) {
  const Tensor& x = c.in(0);
  check_sizes(c);
  check(x.ndim() >= 2, "a padded tensor has 2 dimensions at least, got shape ", x.shape());
  const int64_t rows = c.attrs.integer(kPack["rows"]);
  check(rows >= 0, "rows must not be negative, got ", rows);
  c.output(x.dtype(), with_lead(x.shape(), 2, {rows}));
}
void pack_run(Call& c) {
  const Tensor& x = c.in(0);
  const bool batch_first = c.attrs.flag(kPack["batch_first"]);
  const int64_t steps = x.shape()[batch_first ? 1 : 0], batch = x.shape()[batch_first ? 0 : 1];
  const int64_t rows = c.attrs.integer(kPack["rows"]);
  const List<int64_t> sizes = checked_batch_sizes(c.in(1), steps, -1, rows);
  check(sizes[0] <= batch, "batch_sizes of up to ", batch, " expected, got ", sizes[0]);
  pack_rows({steps, batch, rows, batch_first, sizes.data()}, row_bytes(x, 2), x.data(),
            c.out[0].data());
}

void pad_shape(Call& c) {
  const Tensor& x = c.in(0);
  check_sizes(c);
  check(x.ndim() >= 1, "packed rows expected, got a 0-d tensor");
  const int64_t steps = c.attrs.integer(kPad["steps"]), batch = c.attrs.integer(kPad["batch"]);
  check(steps >= 0 && batch >= 0, "steps and batch must not be negative");
  const bool batch_first = c.attrs.flag(kPad["batch_first"]);
  c.output(x.dtype(),
           with_lead(x.shape(), 1, batch_first ? Dims{batch, steps} : Dims{steps, batch}));
}
void pad_run(Call& c) {
  const Tensor& x = c.in(0);
  const int64_t steps = c.attrs.integer(kPad["steps"]), batch = c.attrs.integer(kPad["batch"]);
  const int64_t rows = x.shape()[0];
  const List<int64_t> sizes = checked_batch_sizes(c.in(1), steps, -1, rows);
  check(sizes[0] <= batch, "batch_sizes of up to ", batch, " expected, got ", sizes[0]);
  dispatch(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    using Wide = std::conditional_t<is_integral(dtype_of<T>()), int64_t, T>;  // which wraps around
    const T fill = static_cast<T>(Scalar(c.attrs.real(kPad["value"])).to<Wide>());
    pad_rows({steps, batch, rows, c.attrs.flag(kPad["batch_first"]), sizes.data()}, row_bytes(x, 1),
             x.data(), c.out[0].data(), &fill, sizeof fill);
  });
}

}  // namespace

// y_(offset_t + b) = x_tb for b < n_t        dx = pad_rows(g), with zeros
constinit const Op pack_rows_op{
    .name = "pack_rows",
    .signature = kPack,
    .on = 0,
    .doc =
        "The rows of a padded tensor (steps, batch, *), with batch_first (batch, steps, *), that "
        "are no padding, step after step: of step t the first batch_sizes[t].",
    .contiguous = true,
    .checked = true,
    .shape = pack_shape,
    .run = pack_run,
    .vjp =
        [](Vjp& v) {
          const bool batch_first = v.attrs().flag(kPack["batch_first"]);
          const Dims x = v.shape(0);
          v.set(0, pad_rows(v.g(), v.x(1), x[batch_first ? 0 : 1], x[batch_first ? 1 : 0],
                            batch_first, 0));
        },
    .reads = kOther};

// y_tb = x_(offset_t + b) for b < n_t, else the value        dx = pack_rows(g)
constinit const Op pad_rows_op{
    .name = "pad_rows",
    .signature = kPad,
    .on = 0,
    .doc = "A padded tensor of packed rows: what pack_rows undoes, with `value` for padding.",
    .contiguous = true,
    .checked = true,
    .shape = pad_shape,
    .run = pad_run,
    .vjp =
        [](Vjp& v) {
          v.set(0, pack_rows(v.g(), v.x(1), v.shape(0)[0], v.attrs().flag(kPad["batch_first"])));
        },
    .reads = kOther};

Tensor pack_rows(const Tensor& padded, const Tensor& batch_sizes, int64_t rows, bool batch_first) {
  return apply(pack_rows_op, {padded, batch_sizes}, Attrs(rows, batch_first));
}
Tensor pad_rows(const Tensor& packed, const Tensor& batch_sizes, int64_t batch, int64_t steps,
                bool batch_first, double value) {
  return apply(pad_rows_op, {packed, batch_sizes}, Attrs(batch, steps, batch_first, value));
}

namespace {

constexpr Signature kSizesOf = "(lengths: ints) -> Tensor";
constexpr Signature kPackPadded =
    "(input: Tensor, lengths: Tensor, batch_first: bool) -> tuple[Tensor, Tensor]";
constexpr Signature kPackPaddedList =
    "(input: Tensor, lengths: ints, batch_first: bool) -> tuple[Tensor, Tensor]";
constexpr Signature kPadPacked =
    "(data: Tensor, batch_sizes: Tensor, batch_first: bool, padding_value: float, total_length: "
    "int, batch: int | None = None) -> tuple[Tensor, Tensor]";
constexpr Signature kPadSequence =
    "(tensors: Tensors, batch_first: bool = False, padding_value: float = 0.0, padding_side: "
    "'right' | 'left' = 'right') -> Tensor";

// n_t = how many of the lengths exceed t
constinit const Op batch_sizes_of_op{
    .name = "batch_sizes_of",
    .signature = kSizesOf,
    .on = 0,
    .doc = "How many of the lengths, which must not grow, exceed 0, 1, ...: int64.",
    .checked = true,
    .shape =
        [](Call& c) {
          const Ints n = c.attrs.ints(kSizesOf["lengths"]);
          check(!n.empty() && n.back() > 0 && std::is_sorted(n.rbegin(), n.rend()),
                "lengths must be positive and not grow, got ", n);
          c.output(Dtype::kInt64, Dims{n[0]});
        },
    .run =
        [](Call& c) {
          const Ints n = c.attrs.ints(kSizesOf["lengths"]);
          int64_t* const to = c.out[0].data_as<int64_t>();
          for (int64_t t = 0, b = std::ssize(n); t < n[0]; to[t++] = b)
            while (n[static_cast<size_t>(b - 1)] <= t) --b;
        }};

// The packed rows of sequences of these lengths, and the batch sizes.
void pack_padded(Call& c, Ints lengths, bool batch_first) {
  const Tensor& x = c.in(0);
  check(x.ndim() >= 2, "a padded tensor has 2 dimensions at least, got shape ", x.shape());
  check(x.numel() > 0, "Cannot pack empty tensors.");
  const int64_t batch = x.shape()[batch_first ? 0 : 1], steps = x.shape()[batch_first ? 1 : 0];
  check(std::ssize(lengths) == batch, "Expected `len(lengths)` to be equal to batch_size, but got ",
        std::ssize(lengths), " (batch_size=", batch, ')');
  check(*std::min_element(lengths.begin(), lengths.end()) > 0,
        "Length of all samples has to be greater than 0, but found an element in 'lengths' that is "
        "<= 0");
  check(std::is_sorted(lengths.rbegin(), lengths.rend()),
        "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can "
        "pass `enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to sidestep this "
        "requirement if you do not need ONNX exportability.");
  check(lengths[0] <= steps, "Expected lengths of up to ", steps,
        ", the steps that there are, got ", lengths[0]);
  int64_t rows = 0;
  for (const int64_t n : lengths) rows += n;
  const Tensor sizes = apply(batch_sizes_of_op, {}, Attrs(lengths));
  c.results = {pack_rows(x, sizes, rows, batch_first), sizes};
}

// y_(offset_t + b) = x_tb for t < length_b, n_t = how many lengths exceed t
constinit const Op pack_padded_op{
    .name = "pack_padded",
    .signature = kPackPadded,
    .on = 0,
    .doc =
        "The rows of padded sequences of these lengths (int64, sorted, the longest first), step "
        "after step, and how many there are of each step. See nn.utils.rnn.",
    .composed = [](Call& c) {
      const Tensor lengths = contiguous(c.in(1));
      check(lengths.dtype() == Dtype::kInt64 && lengths.ndim() == 1,
            "'lengths' argument should be a 1D CPU int64 tensor, but got ", lengths.ndim(), "D ",
            lengths.dtype(), " tensor");
      value_leaves("pack_padded_sequence() with a tensor of lengths, not a list,");
      const Ints n(lengths.data_as<int64_t>(), static_cast<size_t>(lengths.numel()));
      pack_padded(c, n, c.attrs.flag(kPackPadded["batch_first"]));
    }};
// y_(offset_t + b) = x_tb for t < length_b, n_t = how many lengths exceed t
constinit const Op pack_padded_list_op{
    .name = "pack_padded",
    .signature = kPackPaddedList,
    .on = 0,
    .doc = "The same of a list of lengths, which a captured function may use.",
    .composed = [](Call& c) {
      pack_padded(c, c.attrs.ints(kPackPaddedList["lengths"]),
                  c.attrs.flag(kPackPaddedList["batch_first"]));
    }};

// y_tb = x_(offset_t + b) for t < length_b, else the value; length_b = how many n_t exceed b
constinit const Op pad_packed_op{
    .name = "pad_packed",
    .signature = kPadPacked,
    .on = 0,
    .doc =
        "Packed rows as padded sequences of `total_length` steps at least, and their lengths. "
        "`batch`: how many there are, if that is known; else it is read.",
    .composed = [](Call& c) {
      const Tensor sizes = c.in(1);
      check(sizes.ndim() == 1 && sizes.dtype() == Dtype::kInt64 && sizes.numel() > 0,
            "batch_sizes must be a vector of int64, got ", sizes.dtype(), " of shape ",
            sizes.shape());
      const int64_t batch = c.attrs.has(kPadPacked["batch"]) ? c.attrs.integer(kPadPacked["batch"])
                                                             : select(sizes, 0, 0).item().integer();
      const int64_t steps = std::max(c.attrs.integer(kPadPacked["total_length"]), sizes.numel());
      const Tensor places = arange(0, static_cast<double>(batch));
      c.results = {pad_rows(c.in(0), sizes, batch, steps, c.attrs.flag(kPadPacked["batch_first"]),
                            c.attrs.real(kPadPacked["padding_value"])),
                   sum(gt(unsqueeze(sizes, 1), places), Dims{0})};
    }};

// y_tb = x_b,t for t < length_b, else the value; on the left side of it, if so
constinit const Op pad_sequence_op{
    .name = "pad_sequences",
    .signature = kPadSequence,
    .on = 0,
    .doc =
        "Sequences (length, *), of the same other sizes, as one tensor (longest, batch, *), with "
        "batch_first (batch, longest, *); `padding_value` stands behind or before shorter ones.",
    .composed = [](Call& c) {
      const bool left = c.attrs.integer(kPadSequence["padding_side"]) == 1;
      check(c.inputs() > 0, "received an empty list of sequences");
      int64_t longest = 0;
      for (int i = 0; i < c.inputs(); ++i) {
        check(c.in(i).ndim() > 0, "sequences must have 1 dimension at least");
        longest = std::max(longest, c.in(i).shape()[0]);
      }
      std::vector<Tensor> padded;
      for (int i = 0; i < c.inputs(); ++i) {
        const Tensor& x = c.in(i);
        Dims pad = Dims::filled(2 * x.ndim(), 0);
        pad[2 * x.ndim() - (left ? 2 : 1)] = longest - x.shape()[0];
        padded.push_back(
            longest == x.shape()[0]
                ? x
                : constant_pad_nd(x, pad, c.attrs.real(kPadSequence["padding_value"])));
      }
      c.results = {stack(padded, c.attrs.flag(kPadSequence["batch_first"]) ? 0 : 1)};
    }};

}  // namespace

std::span<const Op* const> packed_ops() {
  static constexpr const Op* kOps[] = {&pack_rows_op,   &pad_rows_op,         &batch_sizes_of_op,
                                       &pack_padded_op, &pack_padded_list_op, &pad_packed_op,
                                       &pad_sequence_op};
  return kOps;
}

}  // namespace wengert
