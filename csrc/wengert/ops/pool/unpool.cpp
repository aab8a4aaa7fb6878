// Values back at the places that max pooling took them from.
#include <atomic>

#include "wengert/base/parallel.h"
#include "wengert/kernels/core/copy.h"
#include "wengert/kernels/core/walk.h"
#include "wengert/ops/pool/windows.h"

namespace wengert {
namespace {

using namespace pooling;

constexpr Signature kPlaces = "(input: Tensor, indices: Tensor, output_size: ints) -> Tensor";

bool within(const int64_t* at, int64_t n, int64_t places) {
  bool all = true;
  for (int64_t i = 0; i < n; ++i)
    all &= static_cast<uint64_t>(at[i]) < static_cast<uint64_t>(places);
  return all;
}

void check_places(const Tensor& indices, int64_t places, Ints size) {
  const int64_t* at = indices.data_as<int64_t>();
  for (int64_t i = 0; i < indices.numel(); ++i)
    check(at[i] >= 0 && at[i] < places, "Found an invalid max index: ", at[i],
          " (output volumes are of size ", size, ")");
}

void places_run(Call& c) {
  const Tensor &x = c.in(0), &indices = c.in(1), &y = c.out[0];
  const Ints size = c.attrs.ints(kPlaces["output_size"]);
  int64_t places = 1, values = 1;
  const int n = static_cast<int>(size.size());
  for (int d = x.ndim() - n; d < x.ndim(); ++d) {
    places *= y.shape()[d];
    values *= x.shape()[d];
  }
  if (x.numel() == 0) return zero_bytes(y.data(), y.numel() * item_size(y.dtype()));
  std::atomic<bool> valid = true;
  dispatch_floating(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const T* from = x.data_as<T>();
    T* to = y.data_as<T>();
    const int64_t* at = indices.data_as<int64_t>();
    parallel_for(x.numel() / values, std::max<int64_t>(kMoveGrain / (places + values), 1),
                 [=, &valid](int64_t begin, int64_t end) {
                   for (int64_t p = begin; p < end; ++p) {
                     std::fill(to + p * places, to + (p + 1) * places, T(0));
                     if (!within(at + p * values, values, places)) {
                       valid = false;
                       continue;
                     }
                     for (int64_t i = p * values; i < (p + 1) * values; ++i)
                       to[p * places + at[i]] = from[i];
                   }
                 });
  });
  if (!valid) check_places(indices, places, size);
}

// y = 0, but x_i at indices_i of its plane, the last one where there are several
// dx_i = g at indices_i
constinit const Op max_unpool_op{
    .name = "_max_unpool",
    .signature = kPlaces,
    .on = 0,
    .doc = "max_unpool1d(), 2d and 3d, to planes of `output_size`.",
    .contiguous = true,
    .checked = true,
    .shape =
        [](Call& c) {
          const Tensor &x = c.in(0), &indices = c.in(1);
          const Ints size = c.attrs.ints(kPlaces["output_size"]);
          const int n = static_cast<int>(size.size());
          check(indices.dtype() == Dtype::kInt64,
                "elements in indices should be type int64 but got: ", indices.dtype());
          check(n >= 1 && n <= 3 && (x.ndim() == n + 1 || x.ndim() == n + 2),
                "Input to max_unpooling", n, "d should be a ", n + 1, "d or ", n + 2,
                "d Tensor, but got a tensor with ", x.ndim(), " dimensions.");
          check(x.shape() == indices.shape(),
                "Expected shape of indices to be same as that of the input tensor (", x.shape(),
                ") but got indices tensor with shape: ", indices.shape());
          floating_input(c);
          Dims shape = x.shape();
          for (int d = 0; d < n; ++d) {
            check(size[d] >= 0, "output_size must not be negative, got ", size);
            check(shape[x.ndim() - n + d] > 0,
                  "Expected input to have non-zero size for non-batch dimensions, but got ",
                  x.shape(), " with dimension ", x.ndim() - n + d, " being empty.");
            shape[x.ndim() - n + d] = size[d];
          }
          c.output(x.dtype(), shape);
        },
    .run = places_run,
    .vjp =
        [](Vjp& v) {
          const Dims shape = v.shape(0);
          const int n = static_cast<int>(v.attrs().ints(kPlaces["output_size"]).size());
          const int first = shape.size() - n;
          v.set(0, reshape(gather(flatten(v.g(), first), first, flatten(v.x(1).tensor(), first)),
                           shape));
        },
    .reads = kOther};

constexpr Signature kUnpool =
    "(input: Tensor, indices: Tensor, kernel_size: int | ints, stride: ints | None = None, "
    "padding: ints "
    "= 0, output_size: ints | None = None) -> Tensor";

template <int n>
void unpool_composed(Call& c) {
  const Tensor& x = c.in(0);
  check(x.ndim() == n + 1 || x.ndim() == n + 2, "Input to max_unpooling", n, "d should be a ",
        n + 1, "d or ", n + 2, "d Tensor, but got a tensor with ", x.ndim(), " dimensions.");
  Windows w;
  read_planes(x.shape(), n, w);
  read_sizes(c.attrs, kUnpool["kernel_size"], n, "kernel_size", w.kernel);
  read_kernel(c.attrs.ints(kUnpool["kernel_size"]), ints_or_none(c.attrs, kUnpool["stride"]),
              c.attrs.ints(kUnpool["padding"]), 1, n, w);
  Ints wanted = ints_or_none(c.attrs, kUnpool["output_size"]);
  if (static_cast<int>(wanted.size()) == n + 2) wanted = Ints(wanted.data() + 2, n);
  check(wanted.empty() || static_cast<int>(wanted.size()) == n, ErrorKind::kValue,
        "output_size should be a sequence containing ", n, " or ", n + 2,
        " elements, but it has a length of '", static_cast<int64_t>(wanted.size()), "'");
  Dims size;
  for (int d = 3 - n; d < 3; ++d) {
    const int64_t natural = (w.in[d] - 1) * w.stride[d] + w.kernel[d] - 2 * w.pad[d];
    const auto at = static_cast<size_t>(d - (3 - n));
    if (!wanted.empty())
      check(wanted[at] > natural - w.stride[d] && wanted[at] < natural + w.stride[d],
            ErrorKind::kValue, "invalid output_size ", wanted, " (dim ", static_cast<int64_t>(at),
            " must be between ", natural - w.stride[d], " and ", natural + w.stride[d], ")");
    size.push_back(wanted.empty() ? natural : wanted[at]);
    check(size.back() >= 0, ErrorKind::kValue,
          "max_unpooling: output_size must contain non-negative spatial dimensions, but got ",
          size.back());
  }
  c.results = {apply(max_unpool_op, {x, c.in(1)}, Attrs(size))};
}

template <int n>
constexpr Op unpool_row(const char* name) {
  Op op{.name = name, .signature = kUnpool, .on = kFunctional};
  op.doc =
      "Zeros, with the input's elements at their `indices`, int64, as max pooling with those "
      "arguments gives them. `output_size` is (in - 1) stride + kernel_size - 2 padding unless "
      "given, and differs from that by less than the stride. RuntimeError if an index is out of "
      "the plane.";
  op.composed = unpool_composed<n>;
  return op;
}
// y = 0, but x_i at indices_i of its plane
constinit const Op max_unpool1d_op = unpool_row<1>("max_unpool1d");
// y = 0, but x_i at indices_i of its plane
constinit const Op max_unpool2d_op = unpool_row<2>("max_unpool2d");
// y = 0, but x_i at indices_i of its plane
constinit const Op max_unpool3d_op = unpool_row<3>("max_unpool3d");

const Op* const kOps[] = {&max_unpool1d_op, &max_unpool2d_op, &max_unpool3d_op, &max_unpool_op};

}  // namespace

std::span<const Op* const> unpool_ops() { return kOps; }

}  // namespace wengert
