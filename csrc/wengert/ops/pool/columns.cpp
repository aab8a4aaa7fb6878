// Windows as columns of a matrix, and columns added up to planes.
#include "wengert/ops/pool/windows.h"

namespace wengert {
namespace {

using namespace pooling;

constexpr Signature kUnfold =
    "(input: Tensor, kernel_size: int | ints, dilation: int | ints = 1, padding: int | ints = 0, "
    "stride: int | ints = 1) -> Tensor";
constexpr Signature kFold =
    "(input: Tensor, output_size: int | ints, kernel_size: int | ints, dilation: int | ints = 1, "
    "padding: int | ints = 0, stride: int | ints = 1) -> Tensor";

void check_positive(const int64_t* sizes, const char* what) {
  check(sizes[1] > 0 && sizes[2] > 0, what, " should be greater than zero, but got ",
        last(sizes, 2));
}

// The windows of planes of the sizes in w, as the four arguments from number i on have them.
Windows grid(Windows w, const Attrs& a, int i) {
  read_sizes(a, i, 2, "kernel_size", w.kernel);
  read_sizes(a, i + 1, 2, "dilation", w.dilation);
  read_sizes(a, i + 2, 2, "padding", w.pad);
  read_sizes(a, i + 3, 2, "stride", w.stride);
  check_positive(w.kernel, "kernel size");
  check_positive(w.stride, "stride");
  check_positive(w.dilation, "dilation");
  check(w.pad[1] >= 0 && w.pad[2] >= 0, "padding should be non-negative, but got ", last(w.pad, 2));
  bool fits = true;
  for (int d = 1; d < 3; ++d) {
    const int64_t space = w.in[d] + 2 * w.pad[d] - w.reach(d);
    w.out[d] = space < 0 ? 0 : space / w.stride[d] + 1;
    fits &= space >= 0;
  }
  check(fits, "Given input with spatial size ", last(w.in, 2), ", kernel_size=", last(w.kernel, 2),
        ", dilation=", last(w.dilation, 2), ", padding=", last(w.pad, 2),
        ", calculated shape of the array of sliding blocks as ", last(w.out, 2),
        ", but its components must be at least one.");
  check_extent(w);
  return w;
}

Windows unfold_windows(const Call& c) {
  const Dims shape = c.in(0).shape();
  const int ndim = shape.size();
  check(ndim == 3 || ndim == 4, "Expected 3D or 4D (batch mode) tensor, got shape ", shape);
  for (int d = ndim - 3; d < ndim; ++d)
    check(shape[d] != 0,
          "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero "
          "dimensions for input, but got: ",
          shape);
  Windows w;
  read_planes(shape, 2, w);
  read_sizes(Dims{shape[ndim - 2], shape[ndim - 1]}, 2, "input", w.in);
  return grid(w, c.attrs, kUnfold["kernel_size"]);
}

Windows fold_windows(const Call& c) {
  const Dims shape = c.in(0).shape();
  const int ndim = shape.size();
  check((ndim == 2 || ndim == 3) && shape[ndim - 2] != 0 && shape[ndim - 1] != 0,
        "Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and non-zero "
        "dimensions for input, but got: ",
        shape);
  Windows w;
  read_sizes(c.attrs, kFold["output_size"], 2, "output_size", w.in);
  w = grid(w, c.attrs, kFold["kernel_size"]);
  check(w.in[1] > 0 && w.in[2] > 0, "output_size should be greater than zero, but got ",
        last(w.in, 2));
  const int64_t rows = shape[ndim - 2], blocks = w.out[1] * w.out[2];
  check(rows % w.taps() == 0, "Expected size of input's dimension ", ndim - 2,
        " to be divisible by the product of kernel_size, but got ", rows,
        " and kernel_size=", last(w.kernel, 2));
  check(shape[ndim - 1] == blocks, "Given output_size=", last(w.in, 2),
        ", kernel_size=", last(w.kernel, 2), ", dilation=", last(w.dilation, 2),
        ", padding=", last(w.pad, 2), ", stride=", last(w.stride, 2),
        ", expected size of input's dimension ", ndim - 1,
        " to match the calculated number of sliding blocks ", blocks, ", but got ",
        shape[ndim - 1]);
  w.planes = (ndim == 3 ? shape[0] : 1) * (rows / w.taps());
  return w;
}

void check_columns_dtype(const Call& c) {
  const Dtype dtype = c.in(0).dtype();
  check(is_floating(dtype) || dtype == Dtype::kBool, ErrorKind::kNotImplemented,
        "not implemented for dtype ", dtype);
}

extern const Op fold_op;

// y_{c k, o} = x_c at tap k of window o        dx = fold(g)
constinit const Op unfold_op{
    .name = "unfold",
    .signature = kUnfold,
    .on = kFunctional,
    .doc =
        "The windows of an input (n, c, h, w) or (c, h, w) as columns: (n, c kh kw, windows), "
        "zeros where they reach into the padding. Floating or bool. RuntimeError if no window "
        "fits.",
    .contiguous = true,
    .shape =
        [](Call& c) {
          const Dims shape = c.in(0).shape();
          const Windows w = unfold_windows(c);
          check_columns_dtype(c);
          Dims out{shape[shape.size() - 3] * w.taps(), w.out[1] * w.out[2]};
          if (shape.size() == 4) out.insert(0, shape[0]);
          c.output(c.in(0).dtype(), out);
        },
    .run =
        [](Call& c) {
          if (c.out[0].numel() == 0) return;
          unfold(unfold_windows(c), c.in(0).dtype(), c.in(0).data(), c.out[0].data());
        },
    .vjp =
        [](Vjp& v) {
          const Dims shape = v.shape(0);
          Attrs a(Dims{shape[shape.size() - 2], shape[shape.size() - 1]});
          for (int i = 0; i < v.attrs().count(); ++i) a.add_from(v.attrs(), i);
          v.set(0, apply(fold_op, {v.g()}, a));
        },
};

// y = sum of the columns at the elements that unfold() takes them from        dx = unfold(g)
constinit const Op fold_op{
    .name = "fold",
    .signature = kFold,
    .on = kFunctional,
    .doc =
        "Columns (n, c kh kw, windows) or (c kh kw, windows) added up to planes (n, c, h, w) of "
        "`output_size`, each element where unfold() would take it from. Floating or bool. "
        "RuntimeError unless there are as many columns as windows.",
    .contiguous = true,
    .shape =
        [](Call& c) {
          const Dims shape = c.in(0).shape();
          const Windows w = fold_windows(c);
          check_columns_dtype(c);
          Dims out{shape[shape.size() - 2] / w.taps(), w.in[1], w.in[2]};
          if (shape.size() == 3) out.insert(0, shape[0]);
          c.output(c.in(0).dtype(), out);
        },
    .run =
        [](Call& c) {
          if (c.out[0].numel() == 0) return;
          fold(fold_windows(c), c.in(0).dtype(), c.in(0).data(), c.out[0].data());
        },
    .vjp =
        [](Vjp& v) {
          Attrs a;
          for (int i = kFold["kernel_size"]; i < v.attrs().count(); ++i) a.add_from(v.attrs(), i);
          v.set(0, apply(unfold_op, {v.g()}, a));
        },
};

}  // namespace

Tensor unfold(const Tensor& x, Ints kernel, Ints dilation, Ints padding, Ints stride) {
  Attrs a;
  for (const Ints sizes : {kernel, dilation, padding, stride}) add_sizes(a, sizes);
  return apply(unfold_op, {x}, a);
}
Tensor fold(const Tensor& x, Ints output, Ints kernel, Ints dilation, Ints padding, Ints stride) {
  Attrs a;
  for (const Ints sizes : {output, kernel, dilation, padding, stride}) add_sizes(a, sizes);
  return apply(fold_op, {x}, a);
}

namespace {
const Op* const kOps[] = {&unfold_op, &fold_op};
}
std::span<const Op* const> column_ops() { return kOps; }

}  // namespace wengert
