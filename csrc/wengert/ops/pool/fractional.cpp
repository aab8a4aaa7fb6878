// The largest elements of windows whose distances are drawn at random.
#include "wengert/kernels/pool/fractional.h"

#include "wengert/ops/optional.h"
#include "wengert/ops/pool/windows.h"
#include "wengert/ops/random/random.h"

namespace wengert {
namespace {

using namespace pooling;

constexpr Signature kPlaced =
    "(input: Tensor, samples: Tensor, kernel_size: ints, output_size: ints) -> "
    "tuple[Tensor, Tensor]";
constexpr Signature kFractional =
    "(input: Tensor, kernel_size: ints, output_size: ints | None = None, output_ratio: floats | "
    "None = None, return_indices: bool = False, _random_samples: Tensor | None = None) -> Tensor";
constexpr Signature kBoth =
    "(input: Tensor, kernel_size: ints, output_size: ints | None = None, output_ratio: floats | "
    "None = None, return_indices: bool = False, _random_samples: Tensor | None = None) -> "
    "tuple[Tensor, Tensor]";
constexpr int kKernel = attribute("kernel_size", kFractional, kBoth);
constexpr int kSize = attribute("output_size", kFractional, kBoth);
constexpr int kRatio = attribute("output_ratio", kFractional, kBoth);

template <int n>
Windows windows_of(const Call& c) {
  const Dims& shape = c.in(0).shape();
  Windows w;
  read_sizes(c.attrs.ints(kPlaced["kernel_size"]), n, "kernel_size", w.kernel);
  read_sizes(c.attrs.ints(kPlaced["output_size"]), n, "output_size", w.out);
  check(shape.size() == n + 1 || shape.size() == n + 2, "Expected ", n + 1, "D or ", n + 2,
        "D tensor, but got ", shape);
  for (int d = shape.size() - n - 1; d < shape.size(); ++d)
    check(shape[d] > 0, "Expected input to have non-zero size for non-batch dimensions, but got ",
          shape);
  read_planes(shape, n, w);
  // In three dimensions PyTorch asks for one element more.
  for (int d = 3 - n; d < 3; ++d) {
    check(w.kernel[d] > 0 && w.out[d] > 0, "kernel_size and output_size must be positive, got ",
          last(w.kernel, n), " and ", last(w.out, n));
    check(w.kernel[d] <= w.in[d] && w.out[d] <= w.in[d] - w.kernel[d] + (n == 3 ? 0 : 1),
          "kernel_size ", last(w.kernel, n), " is too large for ", last(w.out, n), " windows in ",
          shape);
  }
  return w;
}

template <int n>
void check_samples(const Call& c) {
  const Dims &x = c.in(0).shape(), &s = c.in(1).shape();
  check(c.in(0).dtype() == c.in(1).dtype(),
        "Expect _random_samples to have the same dtype as input, got ", c.in(1).dtype());
  check(s.size() == 3, "Expect _random_samples to have 3 dimensions, got ", s);
  check(s[0] >= (x.size() == n + 1 ? 1 : x[0]),
        "Expect _random_samples.size(0) no less then input batch size, got ", s);
  check(s[1] == x[x.size() - n - 1],
        "Expect _random_samples.size(1) equals to input channel size, got ", s);
  check(s[2] == n, "Expect _random_samples.size(2) equals to ", n, "; got ", s[2]);
}

template <int n>
constexpr Op placed_row(const char* name) {
  Op op{.name = name, .signature = kPlaced, .on = 0};
  op.doc = "Fractional max pooling with its random numbers, and where each element lies.";
  op.contiguous = true;
  op.checked = true;
  op.shape = [](Call& c) {
    floating_input(c);
    const Windows w = windows_of<n>(c);
    check_samples<n>(c);
    const Dims shape = pooled_shape(c.in(0).shape(), w, n);
    c.output(c.in(0).dtype(), shape);
    c.output(Dtype::kInt64, shape);
  };
  op.run = [](Call& c) {
    if (c.out[0].numel() == 0) return;
    fractional_max_pool(windows_of<n>(c), n, c.in(0).dtype(), c.in(0).data(), c.in(1).data(),
                        c.out[0].data(), c.out[1].data_as<int64_t>());
  };
  op.vjp = [](Vjp& v) {
    if (v.has_g(0)) v.set(0, scatter_in_planes(v.g(), v.y(1), v.shape(0), n));
  };
  op.reads = reads_output(1);
  return op;
}
// y_o = max of x over window o        dx_i = sum of g_o over the windows o whose largest is i
constinit const Op placed2d_op = placed_row<2>("_fractional_max_pool2d");
// y_o = max of x over window o        dx_i = sum of g_o over the windows o whose largest is i
constinit const Op placed3d_op = placed_row<3>("_fractional_max_pool3d");

// As many windows as asked for, or their part of the size.
template <int n>
Dims sizes_of(const Call& c, const Dims& shape) {
  Windows w;
  if (c.attrs.has(kSize)) {
    read_sizes(c.attrs.ints(kSize), n, "output_size", w.out);
  } else {
    check(c.attrs.has(kRatio), ErrorKind::kValue,
          "fractional max pooling requires specifying either an output_size or an output_ratio");
    const int64_t given = c.attrs.reals(kRatio);
    check(given == 1 || given == n, ErrorKind::kValue, "output_ratio must be one number or ", n,
          ", got ", given);
    for (int d = 0; d < n; ++d) {
      const auto whole = static_cast<double>(shape[shape.size() - n + d]);
      const double part = whole * c.attrs.real_at(kRatio, given == 1 ? 0 : d);
      check(part >= 0 && part <= whole, "output_ratio must be between 0 and 1");
      w.out[3 - n + d] = static_cast<int64_t>(part);
    }
  }
  return Dims(last(w.out, n));
}

template <int n, const Op& placed>
void fractional(Call& c) {
  const Tensor x = c.in(0);
  const Dims& shape = x.shape();
  check(shape.size() == n + 1 || shape.size() == n + 2, "Expected ", n + 1, "D or ", n + 2,
        "D tensor, but got ", shape);
  const Dims size = sizes_of<n>(c, shape);
  Tensor samples = optional_tensor(c, 1);
  if (!samples.defined()) {
    floating_input(c);
    const int channel = shape.size() - n - 1;
    samples = rand(Dims{channel == 0 ? 1 : shape[0], shape[channel], n}, x.dtype());
  }
  Call inner(placed, Attrs(c.attrs.ints(kKernel), Ints(size)));
  inner.add_input(x);
  inner.add_input(samples);
  apply(inner);
  c.results.push_back(inner.out[0]);
  if (c.op().signature.result() != "Tensor" || c.attrs.flag(kFractional["return_indices"]))
    c.results.push_back(inner.out[1]);
}

template <int n, const Op& placed>
constexpr Op fractional_row(const char* name, const Signature& signature) {
  Op op{.name = name, .signature = signature, .on = kFunctional};
  op.doc =
      "The largest elements of `output_size` windows of `kernel_size` of the last dimensions, or "
      "of int(size * output_ratio) ones, the distances of which differ by one at random; with "
      "indices where each lies in its plane, int64. `_random_samples` are the numbers of [0, 1) "
      "that say how, (batch, channels, dimensions), drawn unless given. Floating, with channels, "
      "batched or not. RuntimeError if a kernel is too large, ValueError without size and ratio. "
      "Graham, arXiv:1412.6071.";
  op.composed = fractional<n, placed>;
  return op;
}
// y_o = max of x over window o
constinit const Op fractional_max_pool2d_op =
    fractional_row<2, placed2d_op>("fractional_max_pool2d", kFractional);
// y_o = max of x over window o
constinit const Op fractional_max_pool3d_op =
    fractional_row<3, placed3d_op>("fractional_max_pool3d", kFractional);
// y_o = max of x over window o
constinit const Op fractional_max_pool2d_with_indices_op =
    fractional_row<2, placed2d_op>("fractional_max_pool2d_with_indices", kBoth);
// y_o = max of x over window o
constinit const Op fractional_max_pool3d_with_indices_op =
    fractional_row<3, placed3d_op>("fractional_max_pool3d_with_indices", kBoth);

const Op* const kOps[] = {&fractional_max_pool2d_op,
                          &fractional_max_pool3d_op,
                          &fractional_max_pool2d_with_indices_op,
                          &fractional_max_pool3d_with_indices_op,
                          &placed2d_op,
                          &placed3d_op};

}  // namespace

std::span<const Op* const> fractional_ops() { return kOps; }

}  // namespace wengert
