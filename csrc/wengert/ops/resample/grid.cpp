// Images at computed places, and grids of places.
#include "wengert/base/warning.h"
#include "wengert/kernels/resample/grid_sample.h"
#include "wengert/ops/create/create.h"
#include "wengert/ops/matmul/matmul.h"
#include "wengert/ops/pointwise/pointwise.h"
#include "wengert/ops/resample/layout.h"
#include "wengert/ops/resample/resample.h"

namespace wengert {
namespace {

constexpr Signature kSampler =
    "(input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: "
    "bool) -> Tensor";
constexpr Signature kInputGradient =
    "(grad: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool, "
    "size: ints) -> Tensor";
constexpr Signature kGridGradient =
    "(grad: Tensor, input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, "
    "align_corners: bool) -> Tensor";
constexpr int kMode = attribute("interpolation_mode", kSampler, kInputGradient, kGridGradient);
constexpr int kPadding = attribute("padding_mode", kSampler, kInputGradient, kGridGradient);
constexpr int kAlign = attribute("align_corners", kSampler, kInputGradient, kGridGradient);

// Of images of this shape at the places of this grid.
GridShape describe(const Dims& x, const Dims& grid, const Attrs& a) {
  GridShape s;
  s.batch = x[0];
  s.channels = x[1];
  s.dims = x.size() - 2;
  for (int d = 0; d < s.dims; ++d) s.in[d] = x[x.size() - 1 - d];
  for (int d = 1; d <= s.dims; ++d) s.points *= grid[d];
  s.mode = static_cast<GridMode>(a.integer(kMode));
  s.padding = static_cast<GridPadding>(a.integer(kPadding));
  s.align_corners = a.flag(kAlign);
  return s;
}

// What the sampled images' shape is, (n, c, ...), of images of shape x.
Dims sampled_shape(const Dims& x, Dtype dtype, const Tensor& grid, const Attrs& a) {
  check(is_floating(dtype), ErrorKind::kNotImplemented, "not implemented for dtype ", dtype);
  check(grid.dtype() == dtype, "expected input and grid to have same dtype, but input has ", dtype,
        " and grid has ", grid.dtype());
  check((x.size() == 4 || x.size() == 5) && x.size() == grid.ndim(),
        "expected 4D or 5D input and grid with same number of dimensions, but got input with "
        "sizes ",
        x, " and grid with sizes ", grid.shape());
  check(x[0] == grid.size(0),
        "expected grid and input to have same batch size, but got input with sizes ", x,
        " and grid with sizes ", grid.shape());
  check(grid.size(-1) == x.size() - 2, "expected grid to have size ", x.size() - 2,
        " in last dimension, but got grid with sizes ", grid.shape());
  for (int d = 2; d < x.size(); ++d)
    check(x[d] > 0, "expected input to have non-empty spatial dimensions, but input has sizes ", x,
          " with dimension ", d, " being empty");
  const int64_t mode = a.integer(kMode), padding = a.integer(kPadding);
  check(mode >= 0 && mode <= 2 && padding >= 0 && padding <= 2,
        "an interpolation mode and a padding mode of 0 to 2 expected, got ", mode, " and ",
        padding);
  check(mode != 2 || x.size() == 4, "bicubic interpolation only supports 4D input");
  Dims shape = grid.shape();
  shape.insert(1, x[1]);
  shape.erase(shape.size() - 1);
  return shape;
}

void check_gradient(const Tensor& g, const Dims& shape, Dtype dtype) {
  check(g.shape() == shape && g.dtype() == dtype, "a gradient of shape ", shape, " and dtype ",
        dtype, " expected, got ", g.shape(), " and ", g.dtype());
}

// ---- weights in small ops ------------------------------------------------------------------

// Along one axis, as the kernel has it: pixels of the neighbours, whether they are in the image,
// their weights, and the first two derivatives of these by the coordinate.
struct Axis {
  std::vector<Tensor> index, inside, weight, slope, curve;
};

Tensor unrecorded(const Tensor& x) { return x.detach(); }

// The pixel of a coordinate, back in the image if `pad`; and its derivative, constant in between.
std::pair<Tensor, Tensor> pixel(const Tensor& x, double n, GridPadding padding, bool align,
                                bool coordinate) {
  const double scale = !coordinate ? 1 : align ? (n - 1) / 2 : n / 2;
  Tensor at = !coordinate ? x : align ? mul(add(x, 1.0), scale) : sub(mul(add(x, 1.0), scale), 0.5);
  Tensor slope = mul(ones_like(x), scale);
  if (padding == GridPadding::kZeros) return {at, slope};
  if (padding == GridPadding::kReflection) {
    const double low = align ? 0 : -0.5, span = align ? n - 1 : n;
    if (span == 0) return {zeros_like(x), zeros_like(x)};
    const Tensor moved = sub(at, low);
    const Tensor sign = where(lt(unrecorded(moved), 0.0), -1.0, ones_like(x));
    const Tensor far = mul(moved, sign), turns = floor(div(unrecorded(far), span));
    const Tensor odd = ne(remainder(turns, 2.0), 0.0), rest = sub(far, mul(turns, span));
    at = add(where(odd, sub(span, rest), rest), low);
    slope = mul(slope, mul(sign, where(odd, -1.0, ones_like(x))));
  }
  const Tensor free = logical_and(gt(unrecorded(at), 0.0), lt(unrecorded(at), n - 1));
  return {clamp(at, 0.0, n - 1), where(free, slope, 0.0)};
}

Axis neighbours(const Tensor& x, int64_t size, const Attrs& a) {
  const auto mode = static_cast<GridMode>(a.integer(kMode));
  const auto padding = static_cast<GridPadding>(a.integer(kPadding));
  const bool align = a.flag(kAlign), cubic = mode == GridMode::kCubic;
  const double n = static_cast<double>(size);
  const auto [at, scale] = pixel(x, n, cubic ? GridPadding::kZeros : padding, align, true);
  Axis out;
  const auto add_one = [&](const Tensor& place, const Tensor& w, const Tensor& s,
                           const Tensor& curve) {
    const Tensor p = unrecorded(place);
    out.inside.push_back(logical_and(ge(p, 0.0), lt(p, n)));
    out.index.push_back(to(where(out.inside.back(), p, 0.0), Dtype::kInt64));
    out.weight.push_back(w);
    out.slope.push_back(mul(s, scale));
    out.curve.push_back(mul(curve, mul(scale, scale)));
  };
  if (mode == GridMode::kNearest) {
    add_one(round(unrecorded(at)), ones_like(x), zeros_like(x), zeros_like(x));
    return out;
  }
  const Tensor low = floor(unrecorded(at)), t = sub(at, low), one = ones_like(x);
  if (!cubic) {
    add_one(low, sub(1.0, t), neg(one), zeros_like(x));
    add_one(add(low, 1.0), t, one, zeros_like(x));
    return out;
  }
  const double b = -0.75;
  for (int k = -1; k < 3; ++k) {
    const double sign = k > 0 ? -1 : 1;
    const Tensor d = mul(sub(t, static_cast<double>(k)), sign);
    const bool inner = k == 0 || k == 1;
    const Tensor w = inner ? add(mul(mul(sub(mul(d, b + 2), b + 3), d), d), 1.0)
                           : mul(sub(mul(add(mul(sub(d, 5.0), d), 8.0), d), 4.0), b);
    const Tensor s = inner ? mul(sub(mul(d, 3 * (b + 2)), 2 * (b + 3)), d)
                           : mul(add(mul(sub(mul(d, 3.0), 10.0), d), 8.0), b);
    const Tensor curve =
        inner ? sub(mul(d, 6 * (b + 2)), 2 * (b + 3)) : mul(sub(mul(d, 6.0), 10.0), b);
    const Tensor place = add(low, static_cast<double>(k));
    add_one(pixel(place, n, padding, align, false).first, w, mul(s, sign), curve);
  }
  return out;
}

// The neighbours of all places, one of each place at a time.
struct Neighbours {
  int dims;
  int64_t n, channels, points, pixels;
  Dims sizes;
  Axis axis[3];

  Neighbours(const Dims& x, const Tensor& grid, const Attrs& a)
      : dims(x.size() - 2), n(x[0]), channels(x[1]) {
    const GridShape s = describe(x, grid.shape(), a);
    points = s.points;
    pixels = s.pixels();
    const Tensor places = reshape(grid, Dims{n, points, dims});
    for (int d = 0; d < dims; ++d) {
      sizes.push_back(s.in[d]);
      axis[d] = neighbours(select(places, 2, d), s.in[d], a);
    }
  }
  // f(pixels (n, points), whether they are in the image, numbers of the neighbour by axis)
  template <class F>
  void each(const F& f) const {
    const size_t count = axis[0].weight.size();
    for (size_t i = 0; i < (dims == 3 ? count * count * count : count * count); ++i) {
      const size_t k[] = {i % count, i / count % count, i / count / count};
      Tensor index = axis[dims - 1].index[k[dims - 1]];
      Tensor inside = axis[dims - 1].inside[k[dims - 1]];
      for (int d = dims - 2; d >= 0; --d) {
        index = add(mul(index, sizes[d]), axis[d].index[k[d]]);
        inside = logical_and(inside, axis[d].inside[k[d]]);
      }
      f(index, inside, k);
    }
  }
  // The weight's derivative by coordinates d and e; -1: by none.
  Tensor derivative(const size_t* k, int d, int e) const {
    Tensor y;
    for (int i = 0; i < dims; ++i) {
      const Axis& a = axis[i];
      const int by = (i == d) + (i == e);
      const Tensor& factor = by == 0 ? a.weight[k[i]] : by == 1 ? a.slope[k[i]] : a.curve[k[i]];
      y = y.defined() ? mul(y, factor) : factor;
    }
    return y;
  }
  Tensor wide(const Tensor& t) const { return expand(unsqueeze(t, 1), Dims{n, channels, points}); }
};

// Of dgrid_d = sum_k w_k,d sum_c g_c x_ck with u for its gradient, v_k = sum_d u_d w_k,d:
// dg_c = sum_k v_k x_ck        dx_ck = v_k g_c        dgrid_e = sum_k (sum_c g_c x_ck) v_k,e
void grid_gradient_vjp(Vjp& v) {
  const Tensor g = v.x(0), x = v.x(1), grid = v.x(2);
  const Neighbours all(x.shape(), grid, v.attrs());
  const Tensor u = reshape(v.g(), Dims{all.n, all.points, all.dims});
  const Tensor flat_x = reshape(x, Dims{all.n, all.channels, all.pixels});
  const Tensor flat_g = reshape(g, Dims{all.n, all.channels, all.points});
  Tensor dg = zeros_like(flat_g), dx = zeros_like(flat_x);
  Tensor parts[3];
  for (int e = 0; e < all.dims; ++e) parts[e] = zeros_like(select(u, 2, e));
  all.each([&](const Tensor& index, const Tensor& inside, const size_t* k) {
    const auto along = [&](int e) {
      Tensor y;
      for (int d = 0; d < all.dims; ++d) {
        const Tensor term = mul(select(u, 2, d), all.derivative(k, d, e));
        y = y.defined() ? add(y, term) : term;
      }
      return where(inside, y, 0.0);
    };
    const Tensor places = all.wide(index), value = gather(flat_x, 2, places);
    const Tensor factor = unsqueeze(along(-1), 1);
    if (v.needs(0)) dg = add(dg, mul(factor, value));
    if (v.needs(1)) dx = scatter_add(dx, 2, places, mul(factor, flat_g));
    if (!v.needs(2)) return;
    const Tensor product = sum(mul(flat_g, value), Dims{1});
    for (int e = 0; e < all.dims; ++e) parts[e] = add(parts[e], mul(product, along(e)));
  });
  if (v.needs(0)) v.set(0, reshape(dg, g.shape()));
  if (v.needs(1)) v.set(1, reshape(dx, x.shape()));
  if (!v.needs(2)) return;
  for (int e = 0; e < all.dims; ++e) parts[e] = unsqueeze(parts[e], 2);
  v.set(2, reshape(cat(Tensors(parts, static_cast<size_t>(all.dims)), 2), grid.shape()));
}

// ---- the sampler and its gradients ---------------------------------------------------------

// y_d = sum_k w_kd sum_c g_c x_ck        dx_ck = v_k g_c, dg_c = sum_k v_k x_ck, v_k = sum_d h_d
// w_kd
constinit const Op grid_gradient_op{
    .name = "_grid_sampler_backward_grid",
    .signature = kGridGradient,
    .on = 0,
    .doc = "The gradient of the places of grid_sampler().",
    .shape =
        [](Call& c) {
          const Tensor &x = c.in(1), &grid = c.in(2);
          const Dims shape = sampled_shape(x.shape(), x.dtype(), grid, c.attrs);
          check_gradient(c.in(0), shape, x.dtype());
          c.output(grid.dtype(), grid.shape());
        },
    .run =
        [](Call& c) {
          const Tensor &x = c.in(1), &grid = c.in(2), &y = c.out[0];
          if (y.numel() == 0) return;
          GridShape s = describe(x.shape(), grid.shape(), c.attrs);
          s.strides = x.strides().begin();
          const resampling::Dense g(c.in(0), false), places(grid, false);
          grid_sample_grid(s, y.dtype(), g.data(), x.data(), places.data(), y.data());
        },
    .vjp = grid_gradient_vjp,
    .reads = kInputs,
};

extern const Op sampler_op;

Attrs choices(const Attrs& a) {
  Attrs out;
  for (const int i : {kMode, kPadding, kAlign}) out.add_from(a, i);
  return out;
}

// dx_j = sum over p of w_j(p) g_p        dg_p = sum_j w_j(p) h_j
constinit const Op input_gradient_op{
    .name = "_grid_sampler_backward_input",
    .signature = kInputGradient,
    .on = 0,
    .doc = "The gradient of the input of grid_sampler(), of shape `size`.",
    .contiguous = true,
    .shape =
        [](Call& c) {
          const Tensor &g = c.in(0), &grid = c.in(1);
          const Dims size = c.attrs.dims(kInputGradient["size"]);
          for (const int64_t n : size) check(n >= 0, "sizes of at least 0 expected, got ", size);
          check_gradient(g, sampled_shape(size, g.dtype(), grid, c.attrs), g.dtype());
          c.output(g.dtype(), size);
        },
    .run =
        [](Call& c) {
          const Tensor &grid = c.in(1), &y = c.out[0];
          if (y.numel() > 0)
            grid_sample_input(describe(y.shape(), grid.shape(), c.attrs), y.dtype(), c.in(0).data(),
                              grid.data(), y.data());
        },
    .vjp =
        [](Vjp& v) {
          const Tensor h = v.g(), grid = v.x(1);
          const Attrs a = choices(v.attrs());
          if (v.needs(0)) v.set(0, apply(sampler_op, {h, grid}, a));
          if (v.needs(1)) v.set(1, apply(grid_gradient_op, {v.x(0), h, grid}, a));
        },
    .reads = kInputs,
};

constexpr const char* kSamplerDoc =
    "grid_sample() with numbers in place of words: bilinear, nearest, bicubic; zeros, border, "
    "reflection.";
// y_p = sum_j w_j(p) x_j        dx_j = sum over p of w_j(p) g_p
constinit const Op sampler_op{
    .name = "grid_sampler",
    .signature = kSampler,
    .on = kModule,
    .doc = kSamplerDoc,
    .shape =
        [](Call& c) {
          const Tensor& x = c.in(0);
          c.output(x.dtype(), sampled_shape(x.shape(), x.dtype(), c.in(1), c.attrs));
        },
    .run =
        [](Call& c) {
          const Tensor &x = c.in(0), &grid = c.in(1), &y = c.out[0];
          if (y.numel() == 0) return;
          GridShape s = describe(x.shape(), grid.shape(), c.attrs);
          s.strides = x.strides().begin();
          const resampling::Dense places(grid, false);
          grid_sample(s, y.dtype(), x.data(), places.data(), y.data());
        },
    .vjp =
        [](Vjp& v) {
          const Tensor g = v.g(), grid = v.x(1);
          const Attrs a = choices(v.attrs());
          if (v.needs(1)) v.set(1, apply(grid_gradient_op, {g, v.x(0), grid}, a));
          if (!v.needs(0)) return;
          Attrs sized(a);
          sized.add(v.shape(0));
          v.set(0, apply(input_gradient_op, {g, grid}, sized));
        },
    .reads = kInputs,
    .read_for = {kOther},
};

void check_dims(Call& c, int dims) {
  check(c.in(0).ndim() == dims, "expected ", dims, "D input, got shape ", c.in(0).shape());
  c.results = {apply(sampler_op, {c.in(0), c.in(1)}, c.attrs)};
}
// y_p = sum_j w_j(p) x_j
constinit const Op sampler_2d_op{.name = "grid_sampler_2d",
                                 .signature = kSampler,
                                 .on = kModule,
                                 .doc = kSamplerDoc,
                                 .composed = [](Call& c) { check_dims(c, 4); }};
// y_p = sum_j w_j(p) x_j
constinit const Op sampler_3d_op{.name = "grid_sampler_3d",
                                 .signature = kSampler,
                                 .on = kModule,
                                 .doc = kSamplerDoc,
                                 .composed = [](Call& c) { check_dims(c, 5); }};

constexpr Signature kGridSample =
    "(input: Tensor, grid: Tensor, mode: 'bilinear' | 'nearest' | 'bicubic' = 'bilinear', "
    "padding_mode: 'zeros' | 'border' | 'reflection' = 'zeros', align_corners: bool | None = None) "
    "-> Tensor";
constexpr Signature kAffineGrid =
    "(theta: Tensor, size: ints, align_corners: bool | None = None) -> Tensor";

// An align_corners that was left out is False, which it once was not.
bool corners(const Attrs& a, int at) {
  if (!a.has(at))
    warn(
        "Default grid_sample and affine_grid behavior has changed to align_corners=False since "
        "1.3.0. Please specify align_corners=True if the old behavior is desired. See the "
        "documentation of grid_sample for details.");
  return a.has(at) && a.flag(at);
}

// y_p = sum_j w_j(p) x_j
// M. Jaderberg et al., "Spatial transformer networks", 2015.
constinit const Op grid_sample_op{
    .name = "grid_sample",
    .autocast = Cast::kFloat32,
    .signature = kGridSample,
    .on = kFunctional,
    .doc =
        "The input (n, c, h, w) at the places of grid (n, oh, ow, 2), x before y, or (n, c, d, h, "
        "w) at those of (n, od, oh, ow, 3): (n, c, oh, ow). -1 and 1 are the corners of the image, "
        "with align_corners the centres of its corner pixels. Beyond them are zeros, the border or "
        "a reflection. bilinear is trilinear for 5-d inputs; bicubic takes 4-d ones (Jaderberg et "
        "al., 2015). Floating dtypes, the same for both.",
    .composed =
        [](Call& c) {
          const Attrs& a = c.attrs;
          const Attrs to(a.integer(kGridSample["mode"]), a.integer(kGridSample["padding_mode"]),
                         corners(a, kGridSample["align_corners"]));
          c.results = {apply(sampler_op, {c.in(0), c.in(1)}, to)};
        },
};

// Numbers from -1 to 1 at the centres of n pixels, or of those of the corners.
Tensor centres(int64_t n, bool align, Dtype dtype) {
  if (n <= 1) return zeros(Dims{n}, dtype);
  const double end = align ? 1 : static_cast<double>(n - 1) / static_cast<double>(n);
  return linspace(-end, end, n, dtype);
}

// Coordinate i of the place (.., y, x) is theta_i (x, y, .., 1): a product with the places of all
// pixels as columns.
Tensor affine_places(const Tensor& theta, const Dims& size, bool align) {
  const int dims = size.size() - 2;
  Dims image, out{size[0]};
  int64_t pixels = 1;
  for (int d = 0; d < dims; ++d) {
    image.push_back(size[d + 2]);
    out.push_back(size[d + 2]);
    pixels *= size[d + 2];
  }
  out.push_back(dims);
  Tensor rows[4];
  for (int d = 0; d < dims; ++d) {
    Dims along = Dims::filled(dims, 1);
    along[dims - 1 - d] = image[dims - 1 - d];
    const Tensor at = reshape(centres(along[dims - 1 - d], align, theta.dtype()), along);
    rows[d] = reshape(expand(at, image), Dims{1, pixels});
  }
  rows[dims] = ones(Dims{1, pixels}, theta.dtype());
  const Tensor places = cat(Tensors(rows, static_cast<size_t>(dims + 1)), 0);
  return reshape(transpose(matmul(theta, places), 1, 2), out);
}

void affine_composed(Call& c, bool align) {
  const Tensor& theta = c.in(0);
  const Dims size = c.attrs.dims(kAffineGrid["size"]);
  check(is_floating(theta.dtype()), ErrorKind::kValue,
        "Expected theta to have floating point type, but got ", theta.dtype());
  check(size.size() == 4 || size.size() == 5, ErrorKind::kNotImplemented,
        "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, respectively. "
        "Got size ",
        size);
  const int dims = size.size() - 2;
  check(theta.ndim() == 3 && theta.size(1) == dims && theta.size(2) == dims + 1, ErrorKind::kValue,
        "Expected a batch of ", dims, "D affine matrices of shape Nx", dims, "x", dims + 1,
        " for size ", size, ". Got ", theta.shape(), ".");
  for (const int64_t n : size)
    check(n > 0, ErrorKind::kValue, "Expected non-zero, positive output size. Got ", size);
  check(theta.size(0) == size[0], "Expected a batch of ", size[0], " matrices, got ",
        theta.shape());
  c.results = {affine_places(theta, size, align)};
}

// y_p = theta (p, 1)
constinit const Op affine_grid_op{
    .name = "affine_grid",
    .signature = kAffineGrid,
    .on = kFunctional,
    .doc =
        "The grid for grid_sample() that maps an image of `size` (n, c, h, w) by n matrices (2, "
        "3), or (n, c, d, h, w) by such of (3, 4): (n, h, w, 2).",
    .composed = [](Call& c) { affine_composed(c, corners(c.attrs, kAffineGrid["align_corners"])); },
};
constexpr Signature kAffineGenerator = "(theta: Tensor, size: ints, align_corners: bool) -> Tensor";
static_assert(kAffineGenerator["size"] == kAffineGrid["size"]);
// y_p = theta (p, 1)
constinit const Op affine_generator_op{
    .name = "affine_grid_generator",
    .signature = kAffineGenerator,
    .on = kModule,
    .doc = "affine_grid() with all arguments.",
    .composed =
        [](Call& c) { affine_composed(c, c.attrs.flag(kAffineGenerator["align_corners"])); },
};

}  // namespace

Tensor grid_sample(const Tensor& x, const Tensor& grid, SampleMode mode, SamplePadding padding,
                   bool align_corners) {
  return apply(grid_sample_op, {x, grid},
               Attrs(static_cast<int64_t>(mode), static_cast<int64_t>(padding), align_corners));
}
Tensor affine_grid(const Tensor& theta, Ints size, bool align_corners) {
  return apply(affine_grid_op, {theta}, Attrs(size, align_corners));
}

namespace {
const Op* const kOps[] = {&grid_sample_op,    &affine_grid_op,  &affine_generator_op,
                          &sampler_op,        &sampler_2d_op,   &sampler_3d_op,
                          &input_gradient_op, &grid_gradient_op};
}
std::span<const Op* const> grid_ops() { return kOps; }

}  // namespace wengert
