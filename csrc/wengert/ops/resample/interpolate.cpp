// Images of another size.
#include "wengert/base/warning.h"
#include "wengert/kernels/resample/resample.h"
#include "wengert/ops/pointwise/pointwise.h"
#include "wengert/ops/resample/layout.h"
#include "wengert/ops/resample/resample.h"

namespace wengert {
namespace {

// ---- the sums ------------------------------------------------------------------------------

constexpr Signature kResample =
    "(input: Tensor, size: ints, how: 'nearest' | 'nearest-exact' | 'linear' | 'cubic' | 'area' | "
    "'smooth-linear' | 'smooth-cubic' | 'smooth-lanczos', align_corners: bool = False, scales: "
    "floats | None = None) -> Tensor";
constexpr Signature kResampleBackward =
    "(grad: Tensor, size: ints, how: 'nearest' | 'nearest-exact' | 'linear' | 'cubic' | 'area' | "
    "'smooth-linear' | 'smooth-cubic' | 'smooth-lanczos', align_corners: bool = False, scales: "
    "floats | None = None) -> Tensor";
constexpr int kSize = attribute("size", kResample, kResampleBackward);
constexpr int kHow = attribute("how", kResample, kResampleBackward);
constexpr int kAlign = attribute("align_corners", kResample, kResampleBackward);
constexpr int kScales = attribute("scales", kResample, kResampleBackward);

// Between images of these shapes, (n, c, ...) both, with the channels last in memory or not.
ResampleShape describe(const Dims& in, const Dims& out, bool last, const Attrs& a) {
  ResampleShape s;
  s.planes = last ? in[0] : in[0] * in[1];
  s.channels = last ? in[1] : 1;
  s.how = static_cast<Resampling>(a.integer(kHow));
  s.align_corners = a.flag(kAlign);
  for (int d = 2; d < in.size(); ++d)
    s.axes[3 - in.size() + d] = {in[d], out[d], a.has(kScales) ? a.real_at(kScales, d - 2) : 0.0};
  return s;
}

// The shape of the other image: (n, c, *size).
Dims other_shape(const Tensor& x, const Attrs& a) {
  check(x.ndim() >= 3 && x.ndim() <= 5, "an input of 3 to 5 dimensions expected, got shape ",
        x.shape());
  const Ints size = a.ints(kSize);
  check(std::ssize(size) == x.ndim() - 2, "a size for each of ", x.ndim() - 2,
        " dimensions expected, got ", size);
  check(!a.has(kScales) || a.reals(kScales) == x.ndim() - 2, "a scale for each dimension expected");
  Dims shape{x.shape()[0], x.shape()[1]};
  for (const int64_t n : size) shape.push_back(n);
  for (int d = 1; d < x.ndim(); ++d)
    check(x.shape()[d] > 0, "Non-empty ", x.ndim(),
          "D data tensor expected but got a tensor with sizes ", x.shape());
  for (int d = 2; d < x.ndim(); ++d)
    check(shape[d] > 0 && shape[d] < INT32_MAX && x.shape()[d] < INT32_MAX,
          "Input and output sizes should be greater than 0, but got input ", x.shape(),
          " and output ", shape);
  return shape;
}

// For the way back to what the input was.
Attrs turned(const Vjp& v) {
  Dims size = v.shape(0);
  size.erase(0);
  size.erase(0);
  Attrs a(size);
  for (const int i : {kHow, kAlign, kScales}) a.add_from(v.attrs(), i);
  return a;
}

extern const Op resample_backward_op;

// y_i = sum_j w_ij x_j          dx_j = sum_i w_ij g_i
constinit const Op resample_op{
    .name = "_resample",
    .signature = kResample,
    .on = 0,
    .doc =
        "(n, c, ...) as an image of `size`, along each axis a weighted sum of neighbours. "
        "Floating dtypes; uint8 for the nearest.",
    .checked = true,
    .shape =
        [](Call& c) {
          const Dtype d = c.in(0).dtype();
          const auto how = static_cast<Resampling>(c.attrs.integer(kHow));
          const bool nearest = how == Resampling::kNearest || how == Resampling::kNearestExact;
          check(is_floating(d) || (nearest && d == Dtype::kUInt8), ErrorKind::kNotImplemented,
                "not implemented for dtype ", d);
          output_images(c, c.in(0).dtype(), other_shape(c.in(0), c.attrs),
                        resampling::channels_last(c.in(0)));
        },
    .run =
        [](Call& c) {
          const Tensor &x = c.in(0), &y = c.out[0];
          if (y.numel() == 0) return;
          const bool last = !y.is_contiguous();
          const resampling::Dense from(x, last);
          resample(describe(x.shape(), y.shape(), last, c.attrs), y.dtype(), from.data(), y.data());
        },
    .vjp = [](Vjp& v) { v.set(0, apply(resample_backward_op, {v.g()}, turned(v))); },
};

// y_j = sum_i w_ij x_i          dx_i = sum_j w_ij g_j
constinit const Op resample_backward_op{
    .name = "_resample_backward",
    .signature = kResampleBackward,
    .on = 0,
    .doc = "The gradient of _resample(), for images of `size`.",
    .shape =
        [](Call& c) {
          check(is_floating(c.in(0).dtype()), "a floating gradient expected, got ",
                c.in(0).dtype());
          output_images(c, c.in(0).dtype(), other_shape(c.in(0), c.attrs),
                        resampling::channels_last(c.in(0)));
        },
    .run =
        [](Call& c) {
          const Tensor &g = c.in(0), &dx = c.out[0];
          if (dx.numel() == 0) return;
          const bool last = !dx.is_contiguous();
          const resampling::Dense from(g, last);
          resample_backward(describe(dx.shape(), g.shape(), last, c.attrs), dx.dtype(), from.data(),
                            dx.data());
        },
    .vjp = [](Vjp& v) { v.set(0, apply(resample_op, {v.g()}, turned(v))); },
};

// ---- what users call -----------------------------------------------------------------------

constexpr Signature kInterpolate =
    "(input: Tensor, size: int | ints | None = None, scale_factor: floats | None = None, mode: "
    "'nearest' | 'linear' | 'bilinear' | 'bicubic' | 'trilinear' | 'area' | 'nearest-exact' | "
    "'lanczos' = 'nearest', align_corners: bool | None = None, recompute_scale_factor: bool | None "
    "= None, antialias: bool = False) -> Tensor";
using Mode = InterpolateMode;
constexpr const char* kModes[] = {"nearest",   "linear", "bilinear",      "bicubic",
                                  "trilinear", "area",   "nearest-exact", "lanczos"};

bool has_corners(Mode m) {
  return m != Mode::kNearest && m != Mode::kArea && m != Mode::kNearestExact;
}
// The dimensions that the mode's input has; 0: 3 to 5.
int dims_of(Mode m) {
  if (m == Mode::kLinear) return 3;
  if (m == Mode::kTrilinear) return 5;
  return m == Mode::kBilinear || m == Mode::kBicubic || m == Mode::kLanczos ? 4 : 0;
}

Resampling resampling(Mode m, bool antialias) {
  switch (m) {
    case Mode::kNearest:
      return Resampling::kNearest;
    case Mode::kNearestExact:
      return Resampling::kNearestExact;
    case Mode::kBicubic:
      return antialias ? Resampling::kSmoothCubic : Resampling::kCubic;
    case Mode::kArea:
      return Resampling::kArea;
    case Mode::kLanczos:
      return Resampling::kSmoothLanczos;
    default:
      return antialias ? Resampling::kSmoothLinear : Resampling::kLinear;
  }
}

// The output's size, from what is given of the two.
Dims size_of(const Tensor& x, const Attrs& a) {
  constexpr int kOf = kInterpolate["size"], kBy = kInterpolate["scale_factor"];
  check(!a.has(kOf) || !a.has(kBy), ErrorKind::kValue,
        "only one of size or scale_factor should be defined");
  check(a.has(kOf) || a.has(kBy), ErrorKind::kValue,
        "either size or scale_factor should be defined");
  const int dims = x.ndim() - 2;
  Dims size;
  if (a.has(kOf)) {
    const Ints given = a.ints(kOf);
    const bool number = a.kind(kOf) == Attrs::Kind::kInt;
    check(number || std::ssize(given) == dims, ErrorKind::kValue,
          "Input and output must have the same number of spatial dimensions, but got input of "
          "shape ",
          x.shape(), " and output size of ", given);
    for (int d = 0; d < dims; ++d) size.push_back(given[number ? 0 : d]);
    return size;
  }
  check(a.kind(kBy) == Attrs::Kind::kFloat || a.reals(kBy) == dims, ErrorKind::kValue,
        "Input and scale_factor must have the same number of spatial dimensions, but got input of "
        "shape ",
        x.shape(), " and ", a.reals(kBy), " scale factors");
  for (int d = 0; d < dims; ++d) {
    const double n = static_cast<double>(x.shape()[d + 2]) * a.real_at(kBy, d);
    check(n > -1 && n < 0x1p31, "Input and output sizes should be greater than 0, but got a ",
          "scale of ", a.real_at(kBy, d));
    size.push_back(static_cast<int64_t>(n));
  }
  return size;
}

// uint8 is computed in float32 and rounded.
Tensor resampled(const Tensor& x, const Attrs& a) {
  const auto how = static_cast<Resampling>(a.integer(kHow));
  const bool moved = how == Resampling::kNearest || how == Resampling::kNearestExact;
  if (x.dtype() != Dtype::kUInt8 || moved || how == Resampling::kArea || x.ndim() != 4)
    return apply(resample_op, {x}, a);
  const Tensor y = apply(resample_op, {to(x, Dtype::kFloat32)}, a);
  return to(clamp(floor(add(y, 0.5)), 0, 255), Dtype::kUInt8);
}

void interpolate_composed(Call& c) {
  const Tensor& x = c.in(0);
  const Attrs& a = c.attrs;
  const auto mode = static_cast<Mode>(a.integer(kInterpolate["mode"]));
  constexpr int kBy = kInterpolate["scale_factor"], kCorners = kInterpolate["align_corners"];
  check(has_corners(mode) || !a.has(kCorners), ErrorKind::kValue,
        "align_corners option can only be set with the interpolating modes: linear | bilinear | "
        "bicubic | trilinear");
  const Dims size = size_of(x, a);
  check(x.ndim() >= 3 && x.ndim() <= 5, ErrorKind::kNotImplemented,
        "Input Error: Only 3D, 4D and 5D input Tensors supported (got ", x.ndim(), "D)");
  const bool recompute = a.has(kInterpolate["recompute_scale_factor"]) &&
                         a.flag(kInterpolate["recompute_scale_factor"]);
  check(!recompute || a.has(kBy), ErrorKind::kValue,
        "recompute_scale_factor is not meaningful with an explicit size.");
  const bool antialias = a.flag(kInterpolate["antialias"]);
  check(!antialias || dims_of(mode) == 4, ErrorKind::kValue,
        "Anti-alias option is restricted to bilinear, bicubic, and lanczos modes and requires a "
        "4-D tensor as input");
  check(dims_of(mode) == 0 || dims_of(mode) == x.ndim(), ErrorKind::kNotImplemented, "Got ",
        x.ndim(), "D input, but ", kModes[static_cast<int>(mode)], " mode needs ", dims_of(mode),
        "D input");
  const bool align = a.has(kCorners) && a.flag(kCorners);
  check(mode != Mode::kLanczos || !align, ErrorKind::kValue,
        "Lanczos mode does not support align_corners=True");
  check(mode != Mode::kLanczos || antialias, ErrorKind::kValue,
        "Lanczos mode requires antialias=True");
  Attrs to(size, static_cast<int64_t>(resampling(mode, antialias)), align);
  if (!a.has(kBy) || recompute || mode == Mode::kArea) {
    to.add(nullptr);
  } else {
    double scales[3];
    for (int d = 0; d < size.size(); ++d) scales[d] = a.real_at(kBy, d);
    to.add(std::span<const double>(scales, static_cast<size_t>(size.size())));
  }
  c.results = {resampled(x, to)};
}

// y_i = sum_j w_ij x_j, along each axis
constinit const Op interpolate_op{
    .name = "interpolate",
    .signature = kInterpolate,
    .on = kFunctional,
    .doc =
        "An image (n, c, w), (n, c, h, w) or (n, c, d, h, w) as one of `size`, or of its size "
        "times `scale_factor`, one number or one for each dimension. linear takes 3-d, bilinear, "
        "bicubic (R. Keys, 1981, a = -0.75) and lanczos 4-d, trilinear 5-d inputs, the others all; "
        "with align_corners the centres of the corner pixels stay where they are, else the "
        "corners. antialias widens the filter where the image shrinks, as Pillow does. Weights "
        "follow from the scale that was given, or with recompute_scale_factor from the sizes. "
        "Floating dtypes, and uint8. A ValueError for arguments that do not go together, a "
        "RuntimeError for sizes below 1.",
    .composed = interpolate_composed,
};

// ---- older names ---------------------------------------------------------------------------

constexpr Signature kUpsample =
    "(input: Tensor, size: int | ints | None = None, scale_factor: floats | None = None, mode: "
    "'nearest' | 'linear' | 'bilinear' | 'bicubic' | 'trilinear' | 'area' | 'nearest-exact' | "
    "'lanczos' = 'nearest', align_corners: bool | None = None) -> Tensor";
constexpr Signature kUpsampleShort =
    "(input: Tensor, size: int | ints | None = None, scale_factor: floats | None = None) -> Tensor";

void warn_of(const char* name) {
  warn("`nn.functional.", name, "` is deprecated. Use `nn.functional.interpolate` instead.");
}
// interpolate() with these of the arguments, and the last two as they are by default.
Tensor with_defaults(const Tensor& x, Attrs a) {
  a.add(nullptr);
  a.add(false);
  return apply(interpolate_op, {x}, a);
}
Attrs size_and_scale(const Attrs& a, Mode mode) {
  Attrs out;
  out.add_from(a, kUpsampleShort["size"]);
  out.add_from(a, kUpsampleShort["scale_factor"]);
  out.add(static_cast<int64_t>(mode));
  return out;
}

// y = interpolate(x)
constinit const Op upsample_op{
    .name = "upsample",
    .signature = kUpsample,
    .on = kFunctional,
    .doc = "An older name of interpolate().",
    .composed =
        [](Call& c) {
          warn_of("upsample");
          c.results = {with_defaults(c.in(0), c.attrs)};
        },
};
// y = interpolate(x)
constinit const Op upsample_nearest_op{
    .name = "upsample_nearest",
    .signature = kUpsampleShort,
    .on = kFunctional,
    .doc = "An older name of interpolate() with the nearest pixel.",
    .composed =
        [](Call& c) {
          warn_of("upsample_nearest");
          Attrs a = size_and_scale(c.attrs, Mode::kNearest);
          a.add(nullptr);
          c.results = {with_defaults(c.in(0), a)};
        },
};
// y = interpolate(x)
constinit const Op upsample_bilinear_op{
    .name = "upsample_bilinear",
    .signature = kUpsampleShort,
    .on = kFunctional,
    .doc = "An older name of interpolate(mode='bilinear', align_corners=True).",
    .composed =
        [](Call& c) {
          warn_of("upsample_bilinear");
          Attrs a = size_and_scale(c.attrs, Mode::kBilinear);
          a.add(true);
          c.results = {with_defaults(c.in(0), a)};
        },
};

Tensor interpolated(const Tensor& x, Attrs a, Mode mode, bool align_corners, bool antialias) {
  a.add(static_cast<int64_t>(mode));
  has_corners(mode) ? a.add(align_corners) : a.add(nullptr);
  a.add(nullptr);
  a.add(antialias);
  return apply(interpolate_op, {x}, a);
}

}  // namespace

Tensor interpolate(const Tensor& x, Ints size, InterpolateMode mode, bool align_corners,
                   bool antialias) {
  Attrs a;
  size.size() == 1 ? a.add(size[0]) : a.add(size);
  a.add(nullptr);
  return interpolated(x, a, mode, align_corners, antialias);
}
Tensor interpolate(const Tensor& x, std::span<const double> scale_factor, InterpolateMode mode,
                   bool align_corners) {
  Attrs a;
  a.add(nullptr);
  scale_factor.size() == 1 ? a.add(scale_factor[0]) : a.add(scale_factor);
  return interpolated(x, a, mode, align_corners, false);
}

namespace {
const Op* const kOps[] = {&interpolate_op,       &upsample_op, &upsample_nearest_op,
                          &upsample_bilinear_op, &resample_op, &resample_backward_op};
}
std::span<const Op* const> interpolate_ops() { return kOps; }

}  // namespace wengert
