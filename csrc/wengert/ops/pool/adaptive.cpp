// As many windows as wanted, which divide a dimension.
#include "wengert/kernels/core/copy.h"
#include "wengert/ops/pool/windows.h"
#include "wengert/tape/parameters.h"

namespace wengert {
namespace {

using namespace pooling;

// In 2-d and 3-d, None leaves a size as the input's.
constexpr Signature kAdaptive = "(input: Tensor, output_size: int | ints | 'None') -> Tensor";
constexpr Signature kAdaptive1d = "(input: Tensor, output_size: ints) -> Tensor";
constexpr Signature kIndices =
    "(input: Tensor, output_size: int | ints | 'None') -> tuple[Tensor, Tensor]";
constexpr Signature kIndices1d = "(input: Tensor, output_size: ints) -> tuple[Tensor, Tensor]";
constexpr Signature kEither =
    "(input: Tensor, output_size: int | ints | 'None', return_indices: bool = False) -> Tensor";
constexpr Signature kEither1d =
    "(input: Tensor, output_size: ints, return_indices: bool = False) -> Tensor";
constexpr int kOutputSize =
    attribute("output_size", kAdaptive, kAdaptive1d, kIndices, kIndices1d, kEither, kEither1d);
constexpr int kReturnIndices = attribute("return_indices", kEither, kEither1d);

// Sizes as one number where all are the same: a list is refused where there are no channels.
Attrs sized(Ints sizes, int n) {
  if (sizes.size() != 1 && std::ssize(sizes) != n) return Attrs(sizes);
  for (const int64_t s : sizes)
    if (s != sizes[0]) return Attrs(sizes);
  return Attrs(sizes[0]);
}

// The parts of the last n dimensions; `from` are those from which on none may be empty.
Windows parts_of(const Dims& shape, const Attrs& a, int n, int from) {
  const int ndim = shape.size();
  Windows w;
  const Ints given = a.ints(kOutputSize);
  check(n == 1 || a.kind(kOutputSize) == Attrs::Kind::kInt || ndim > std::ssize(given),
        ErrorKind::kValue, "Input dimension should be at least ", std::ssize(given) + 1);
  Dims sizes(given);
  for (int d = 0; d < sizes.size(); ++d)
    if (sizes[d] == kNoInt) sizes[d] = shape[ndim - sizes.size() + d];
  read_sizes(sizes, n, "output_size", w.out, n == 1 || a.kind(kOutputSize) == Attrs::Kind::kInt);
  // As PyTorch has it, a mean of whole planes is one of any tensor.
  const bool whole = n > 1 && w.out[0] * w.out[1] * w.out[2] == 1 && ndim >= n;
  check(whole || ndim == n + 1 || ndim == n + 2, "Expected ", n + 1, "D or ", n + 2,
        "D tensor, but got ", shape);
  for (int d = std::min(from, ndim - n); d < ndim; ++d)
    check(shape[d] > 0,
          "Expected input to have non-zero size for non-batch dimensions, but input has sizes ",
          shape, " with dimension ", d, " being empty");
  read_planes(shape, n, w);
  for (int d = 3 - n; d < 3; ++d)
    check(w.out[d] >= 0, "elements of output_size must be greater than or equal to 0 but received ",
          last(w.out, n));
  return w;
}
template <int n, bool kMax = false>
Windows parts_of(const Call& c) {
  return parts_of(c.in(0).shape(), c.attrs, n, kMax ? 1 : kMaxDims);
}

// The number of dimensions of images whose channels may lie last; of volumes results are
// contiguous, as in PyTorch.
constexpr int images_of(int64_t n) { return n == 2 ? 4 : 0; }

constexpr Signature kBackward = "(grad: Tensor, size: ints, dims: int) -> Tensor";

Windows backward_parts(const Call& c) {
  const Dims size = c.attrs.dims(kBackward["size"]), shape = c.in(0).shape();
  const int64_t n = c.attrs.integer(kBackward["dims"]);
  check(n >= 1 && n <= 3 && shape.size() == size.size() && shape.size() >= n,
        "1 to 3 dims, and a size of as many dimensions as the gradient has, expected");
  const int first = shape.size() - static_cast<int>(n);
  for (int d = 0; d < first; ++d)
    check(shape[d] == size[d], "a gradient of shape ", shape, " does not fit size ", size);
  return parts_of(size, sized(Ints(shape.begin() + first, static_cast<size_t>(n)), n),
                  static_cast<int>(n), kMaxDims);
}

const Op* adaptive_avg_op(int64_t n);

// dx_i = sum of g_o / size_o over the windows o with i      linear in g: dg = adaptive_avg_pool(h)
constinit const Op adaptive_avg_pool_backward_op{
    .name = "_adaptive_avg_pool_backward",
    .signature = kBackward,
    .on = 0,
    .doc = "The gradient of adaptive_avg_pool1d(), 2d and 3d, for an input of shape `size`.",
    .checked = true,
    .shape =
        [](Call& c) {
          floating_input(c);
          backward_parts(c);
          const bool last = arrange_alike(c, 0, images_of(c.attrs.integer(kBackward["dims"])));
          output_images(c, c.in(0).dtype(), c.attrs.dims(kBackward["size"]), last);
        },
    .run =
        [](Call& c) {
          if (c.out[0].numel() == 0) return;
          if (c.in(0).numel() == 0)
            return zero_bytes(c.out[0].data(), c.out[0].numel() * item_size(c.out[0].dtype()));
          const Tensor& g = c.in(0);
          const Windows w = backward_parts(c);
          if (has_channels_last(c, 0, images_of(c.attrs.integer(kBackward["dims"]))))
            return adaptive_avg_pool_backward_last(with_channels(w, g.shape()[1]), g.dtype(),
                                                   g.data(), c.out[0].data());
          adaptive_avg_pool_backward(w, g.dtype(), g.data(), c.out[0].data());
        },
    .vjp =
        [](Vjp& v) {
          const int64_t n = v.attrs().integer(kBackward["dims"]);
          const Dims shape = v.shape(0);
          v.set(0, apply(*adaptive_avg_op(n), {v.g()},
                         sized(Ints(shape.end() - n, static_cast<size_t>(n)), n)));
        }};

template <int n>
constexpr Op adaptive_avg_row(const char* name, uint32_t on) {
  Op op{.name = name, .signature = n == 1 ? kAdaptive1d : kAdaptive, .on = on};
  op.doc =
      "The means of windows that divide the last dimensions: `output_size` of them, from floor(i "
      "in / out) to ceil((i + 1) in / out). In 2-d and 3-d None stands for the input's size. "
      "Floating, with channels, batched or not.";
  op.shape = [](Call& c) {
    const Windows w = parts_of<n>(c);
    floating_input(c);
    const bool last = arrange_alike(c, 0, images_of(n));
    output_images(c, c.in(0).dtype(), pooled_shape(c.in(0).shape(), w, n), last);
  };
  op.run = [](Call& c) {
    if (c.out[0].numel() == 0) return;
    const Tensor& x = c.in(0);
    const Windows w = parts_of<n>(c);
    has_channels_last(c, 0, images_of(n))
        ? adaptive_avg_pool_last(with_channels(w, x.shape()[1]), x.dtype(), x.data(),
                                 c.out[0].data())
        : adaptive_avg_pool(w, x.dtype(), x.data(), c.out[0].data());
  };
  op.vjp = [](Vjp& v) {
    v.set(0, apply(adaptive_avg_pool_backward_op, {v.g()}, Attrs(v.shape(0), n)));
  };
  return op;
}
// y_o = mean of x over window o        dx_i = sum of g_o / size_o over the windows o with i
constinit const Op adaptive_avg_pool1d_op =
    adaptive_avg_row<1>("adaptive_avg_pool1d", kModule | kFunctional);
// y_o = mean of x over window o        dx_i = sum of g_o / size_o over the windows o with i
constinit const Op adaptive_avg_pool2d_op = adaptive_avg_row<2>("adaptive_avg_pool2d", kFunctional);
// y_o = mean of x over window o        dx_i = sum of g_o / size_o over the windows o with i
constinit const Op adaptive_avg_pool3d_op = adaptive_avg_row<3>("adaptive_avg_pool3d", kFunctional);

const Op* adaptive_avg_op(int64_t n) {
  return n == 1   ? &adaptive_avg_pool1d_op
         : n == 2 ? &adaptive_avg_pool2d_op
                  : &adaptive_avg_pool3d_op;
}

// ---- the largest elements

template <int n>
constexpr Op adaptive_max_row(const char* name, uint32_t on) {
  Op op{.name = name, .signature = n == 1 ? kIndices1d : kIndices, .on = on};
  op.doc =
      "The largest elements of windows that divide the last dimensions, as in adaptive average "
      "pooling, and where each lies in its plane, int64. Floating.";
  op.shape = [](Call& c) {
    const Windows w = parts_of<n, true>(c);
    floating_input(c);
    const Dims shape = pooled_shape(c.in(0).shape(), w, n);
    const bool last = arrange_alike(c, 0, images_of(n));
    output_images(c, c.in(0).dtype(), shape, last);
    output_images(c, Dtype::kInt64, shape, last);
  };
  op.run = [](Call& c) {
    if (c.out[0].numel() == 0) return;
    const Tensor& x = c.in(0);
    const Windows w = parts_of<n, true>(c);
    int64_t* const indices = c.out[1].data_as<int64_t>();
    has_channels_last(c, 0, images_of(n))
        ? adaptive_max_pool_last(with_channels(w, x.shape()[1]), x.dtype(), x.data(),
                                 c.out[0].data(), indices)
        : adaptive_max_pool(w, x.dtype(), x.data(), c.out[0].data(), indices);
  };
  op.vjp = [](Vjp& v) {
    if (v.has_g(0)) v.set(0, scatter_in_planes(v.g(), v.y(1), v.shape(0), n));
  };
  op.reads = reads_output(1);
  return op;
}
// y_o = max of x over window o        dx_i = sum of g_o over the windows o whose largest is i
constinit const Op adaptive_max_pool1d_with_indices_op =
    adaptive_max_row<1>("adaptive_max_pool1d_with_indices", kFunctional);
// y_o = max of x over window o        dx_i = sum of g_o over the windows o whose largest is i
constinit const Op adaptive_max_pool1d_module_op =
    adaptive_max_row<1>("adaptive_max_pool1d", kModule);
// y_o = max of x over window o        dx_i = sum of g_o over the windows o whose largest is i
constinit const Op adaptive_max_pool2d_with_indices_op =
    adaptive_max_row<2>("adaptive_max_pool2d_with_indices", kFunctional);
// y_o = max of x over window o        dx_i = sum of g_o over the windows o whose largest is i
constinit const Op adaptive_max_pool3d_with_indices_op =
    adaptive_max_row<3>("adaptive_max_pool3d_with_indices", kFunctional);

template <const Op& both>
void adaptive_either(Call& c) {
  Attrs sizes;
  sizes.add_from(c.attrs, kOutputSize);
  Call inner(both, sizes);
  inner.add_input(c.in(0));
  apply(inner);
  c.results.push_back(inner.out[0]);
  if (c.attrs.flag(kReturnIndices)) c.results.push_back(inner.out[1]);
}

template <const Op& both>
constexpr Op adaptive_either_row(const char* name, const Signature& signature) {
  Op op{.name = name, .signature = signature, .on = kFunctional};
  op.doc = "Adaptive max pooling; with `return_indices` the indices as well, in a tuple.";
  op.composed = adaptive_either<both>;
  return op;
}
// y_o = max of x over window o
constinit const Op adaptive_max_pool1d_op =
    adaptive_either_row<adaptive_max_pool1d_with_indices_op>("adaptive_max_pool1d", kEither1d);
// y_o = max of x over window o
constinit const Op adaptive_max_pool2d_op =
    adaptive_either_row<adaptive_max_pool2d_with_indices_op>("adaptive_max_pool2d", kEither);
// y_o = max of x over window o
constinit const Op adaptive_max_pool3d_op =
    adaptive_either_row<adaptive_max_pool3d_with_indices_op>("adaptive_max_pool3d", kEither);

}  // namespace

Tensor adaptive_avg_pool1d(const Tensor& x, Ints output_size) {
  return apply(adaptive_avg_pool1d_op, {x}, sized(output_size, 1));
}
Tensor adaptive_avg_pool2d(const Tensor& x, Ints output_size) {
  return apply(adaptive_avg_pool2d_op, {x}, sized(output_size, 2));
}
Tensor adaptive_avg_pool3d(const Tensor& x, Ints output_size) {
  return apply(adaptive_avg_pool3d_op, {x}, sized(output_size, 3));
}

namespace {
const Op* const kOps[] = {&adaptive_avg_pool1d_op,
                          &adaptive_avg_pool2d_op,
                          &adaptive_avg_pool3d_op,
                          &adaptive_max_pool1d_module_op,
                          &adaptive_max_pool1d_op,
                          &adaptive_max_pool2d_op,
                          &adaptive_max_pool3d_op,
                          &adaptive_max_pool1d_with_indices_op,
                          &adaptive_max_pool2d_with_indices_op,
                          &adaptive_max_pool3d_with_indices_op,
                          &adaptive_avg_pool_backward_op};
}
std::span<const Op* const> adaptive_pool_ops() { return kOps; }

}  // namespace wengert
