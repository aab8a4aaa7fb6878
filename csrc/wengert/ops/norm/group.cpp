// layer_norm, rms_norm, group_norm: of each sample, whole or in groups of channels.
#include <limits>

#include "wengert/kernels/norm/norm.h"
#include "wengert/ops/norm/second.h"

namespace wengert {

extern const Op group_norm_backward_op;

namespace {

// ---- the fused rows

// The first `lead` dimensions are samples; those before `spatial` are channels, in groups.
constexpr Signature kForward =
    "(input: Tensor, weight: Tensor | None, bias: Tensor | None, lead: int, spatial: int, groups: "
    "int, eps: float, centred: bool) -> (output: Tensor, mean: Tensor, rstd: Tensor)";
constexpr Signature kBackward =
    "(grad: Tensor, input: Tensor, mean: Tensor, rstd: Tensor, weight: Tensor | None, lead: int, "
    "spatial: int, groups: int, eps: float, centred: bool, " WENGERT_WANTED
    ") -> (input: Tensor, weight: Tensor, bias: Tensor)";
constexpr int kLead = attribute("lead", kForward, kBackward);
constexpr int kSpatial = attribute("spatial", kForward, kBackward);
constexpr int kGroups = attribute("groups", kForward, kBackward);
constexpr int kEps = attribute("eps", kForward, kBackward);
constexpr int kCentred = attribute("centred", kForward, kBackward);

int64_t product(const Dims& shape, int64_t begin, int64_t end) {
  int64_t n = 1;
  for (int64_t d = begin; d < end; ++d) n *= shape[static_cast<int>(d)];
  return n;
}

GroupNormShape shape_of(const Attrs& a, const Dims& shape) {
  const int64_t lead = a.integer(kLead), spatial = a.integer(kSpatial), groups = a.integer(kGroups);
  check(0 <= lead && lead <= spatial && spatial <= shape.size() && groups > 0,
        "samples, channels and groups do not fit the shape ", shape);
  const int64_t channels = product(shape, lead, spatial);
  check(channels % groups == 0, "Expected number of channels in input to be divisible by ",
        "num_groups, but got input of shape ", shape, " and num_groups=", groups);
  return {product(shape, 0, lead),
          groups,
          channels / groups,
          product(shape, spatial, shape.size()),
          a.real(kEps),
          a.flag(kCentred)};
}

void check_affine(const Call& c, int i, const char* name, const Tensor& x, int64_t channels) {
  if (!c.has(i)) return;
  check_same_dtype(x, c.in(i), name);
  check(c.in(i).numel() == channels, "Expected ", name, " of ", channels, " elements, got shape ",
        c.in(i).shape());
}

void forward_shape(Call& c) {
  const Tensor& x = c.in(0);
  check_norm_dtype(x);
  const GroupNormShape s = shape_of(c.attrs, x.shape());
  check_affine(c, 1, "weight", x, s.groups * s.channels);
  check_affine(c, 2, "bias", x, s.groups * s.channels);
  c.output(x.dtype(), x.shape());
  c.output(x.dtype(), {s.centred ? s.rows() : 0});
  c.output(x.dtype(), {s.rows()});
}

void forward_run(Call& c) {
  const Tensor& x = c.in(0);
  group_norm_forward(x.dtype(), shape_of(c.attrs, x.shape()), x.data(), memory_of(c, 1),
                     memory_of(c, 2), c.out[0].data(), c.out[1].data(), c.out[2].data());
}

void backward_shape(Call& c) {
  const Tensor &g = c.in(0), &x = c.in(1);
  check_norm_dtype(x);
  check(g.shape() == x.shape(), "grad and input differ in shape: ", g.shape(), " and ", x.shape());
  check_same_dtype(x, g, "a gradient");
  const GroupNormShape s = shape_of(c.attrs, x.shape());
  const int64_t channels = s.groups * s.channels;
  check_affine(c, 2, "a mean", x, s.centred ? s.rows() : 0);
  check_affine(c, 3, "a rstd", x, s.rows());
  check_affine(c, 4, "weight", x, channels);
  const auto wanted = [&](int at) { return c.attrs.flag(at); };
  c.output(x.dtype(), wanted(kBackward["of_input"]) ? x.shape() : Dims{0});
  c.output(x.dtype(), {wanted(kBackward["of_weight"]) ? channels : 0});
  c.output(x.dtype(), {wanted(kBackward["of_bias"]) ? channels : 0});
}

void backward_run(Call& c) {
  const Tensor& x = c.in(1);
  const auto out = [&](int i, int at) { return c.attrs.flag(at) ? c.out[i].data() : nullptr; };
  group_norm_gradient(x.dtype(), shape_of(c.attrs, x.shape()), c.in(0).data(), x.data(),
                      c.in(2).data(), c.in(3).data(), memory_of(c, 4),
                      out(0, kBackward["of_input"]), out(1, kBackward["of_weight"]),
                      out(2, kBackward["of_bias"]));
}

// The gradients of input, weight and bias, where wanted.
void gradients(const Tensor& g, const Tensor& x, const Tensor& mean, const Tensor& rstd,
               const Tensor& weight, Attrs a, const bool (&wanted)[3], Tensor (&out)[3]) {
  for (const bool w : wanted) a.add(w);
  Call c(group_norm_backward_op, a);
  for (const Tensor& t : {g, x, mean, rstd}) c.add_input(t);
  c.add_input(operand_of(weight));
  apply(c);
  for (int i = 0; i < 3; ++i) out[i] = std::move(c.out[i]);
}

Attrs forward_attrs(const Attrs& a) {
  Attrs out;
  for (const int at : {kLead, kSpatial, kGroups, kEps, kCentred}) out.add_from(a, at);
  return out;
}

void forward_vjp(Vjp& v) {
  const bool wanted[3] = {v.needs(0), v.needs(1), v.needs(2)};
  Tensor d[3];
  gradients(v.g(), v.x(0), v.y(1).detach(), v.y(2).detach(), optional_tensor(v, 1), v.attrs(),
            wanted, d);
  for (int i = 0; i < 3; ++i)
    if (wanted[i]) v.set(i, i == 0 ? d[i] : reshape(d[i], v.shape(i)));
}

// As NormSecond has it, on [samples, groups, channels, inner].
void backward_vjp(Vjp& v) {
  const Attrs a = forward_attrs(v.attrs());
  const Tensor x = v.x(1), mean_x = v.x(2), rstd = v.x(3), weight = optional_tensor(v, 4);
  const GroupNormShape s = shape_of(a, x.shape());
  const Dims shape{s.samples, s.groups, s.channels, s.inner}, affine{1, s.groups, s.channels, 1};
  const auto view = [&](const Tensor& t, const Dims& as) {
    return t.defined() ? reshape(t, as) : t;
  };
  const auto came = [&](int i, const Dims& as) {
    return v.has_g(i) && v.output_shape(i) != Dims{0} ? view(v.g(i), as) : Tensor();
  };
  const Dims dims{2, 3};
  const Tensor xs = view(x, shape), d = s.centred ? sub(xs, mean(xs, dims, true)) : xs;
  const Tensor r = reciprocal(sqrt(add(mean(mul(d, d), dims, true), s.eps)));
  const NormSecond second{view(v.x(0), shape),
                          view(weight, affine),
                          came(0, shape),
                          came(1, affine),
                          came(2, affine),
                          mul(d, r),
                          r,
                          dims,
                          Dims{0, 3},
                          false};
  second.set(v, 4, x.shape(), [&](const Tensor& t) {
    Tensor out[3];
    gradients(reshape(t, x.shape()), x, mean_x, rstd, {}, a, {true, false, false}, out);
    return reshape(out[0], shape);
  });
}

}  // namespace

// h = (x - m) r over the rest of each group, m its mean and r = (mean (x - m)^2 + eps)^-1/2, or
// m = 0; y = h w + b        dx = r (g w - mean(g w) - h mean(g w h)), dw = sum g h, db = sum g
constinit const Op group_norm_forward_op{
    .name = "group_norm_forward",
    .mixed = true,
    .signature = kForward,
    .on = 0,
    .doc = "Normalises groups of channels of each sample; saves their means and 1 / std.",
    .contiguous = true,
    .checked = true,
    .shape = forward_shape,
    .run = forward_run,
    .vjp = forward_vjp,
    .reads = kInput | kOther | reads_output(1) | reads_output(2)};

// d = r (g w - mean(g w) - h mean(g w h)), dw = sum g h, db = sum g       its gradient: NormSecond
constinit const Op group_norm_backward_op{
    .name = "group_norm_backward",
    .signature = kBackward,
    .on = 0,
    .doc = "The gradients of group_norm_forward, those that are wanted; the others are empty.",
    .contiguous = true,
    .shape = backward_shape,
    .run = backward_run,
    .vjp = backward_vjp,
    .reads = kInputs};

namespace {

// ---- what users call

constexpr Signature kLayerNorm =
    "(input: Tensor, normalized_shape: sizes, weight: Tensor | None = None, bias: Tensor | None = "
    "None, eps: float = 1e-05) -> Tensor";
constexpr Signature kLayerNormModule =
    "(input: Tensor, normalized_shape: sizes, weight: Tensor | None = None, bias: Tensor | None = "
    "None, eps: float = 1e-05, cudnn_enable: bool = True) -> Tensor";
constexpr Signature kRmsNorm =
    "(input: Tensor, normalized_shape: sizes, weight: Tensor | None = None, eps: float | None = "
    "None) -> Tensor";
constexpr Signature kGroupNorm =
    "(input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, "
    "eps: float = 1e-05) -> Tensor";
constexpr Signature kGroupNormModule =
    "(input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, "
    "eps: float = 1e-05, cudnn_enabled: bool = True) -> Tensor";

Tensor run_forward(const Tensor& x, const Tensor& weight, const Tensor& bias, const Attrs& a) {
  return apply(group_norm_forward_op, {x, operand_of(weight), operand_of(bias)}, a);
}

// Over the last dimensions, which must be these.
Tensor norm_last(const Tensor& x, Ints shape, const Tensor& weight, const Tensor& bias, double eps,
                 bool centred) {
  const auto dims = static_cast<int>(shape.size());
  check(dims > 0, "Expected normalized_shape to be at least 1-dimensional, i.e., containing at ",
        "least one element, but got normalized_shape = []");
  for (const auto& [t, name] : {std::pair(&weight, "weight"), std::pair(&bias, "bias")})
    check(!t->defined() || t->shape() == Dims(shape), "Expected ", name,
          " to be of same shape as normalized_shape, but got ", name, " of shape ",
          t->defined() ? t->shape() : Dims(), " and normalized_shape = ", Dims(shape));
  const int lead = x.ndim() - dims;
  bool fits = lead >= 0;
  for (int i = 0; fits && i < dims; ++i)
    fits = x.shape()[lead + i] == shape[static_cast<size_t>(i)];
  check(fits, "Given normalized_shape=", Dims(shape), ", expected an input whose last dimensions ",
        "are these, but got input of size ", x.shape());
  const int64_t groups = 1;
  return run_forward(x, weight, bias, Attrs(lead, x.ndim(), groups, eps, centred));
}

void layer_norm_composed(Call& c) {
  const int shape = attribute("normalized_shape", kLayerNorm, kLayerNormModule);
  c.results = {layer_norm(c.in(0), c.attrs.ints(shape), optional_tensor(c, 1),
                          optional_tensor(c, 2),
                          c.attrs.real(attribute("eps", kLayerNorm, kLayerNormModule)))};
}
void group_norm_composed(Call& c) {
  const int groups = attribute("num_groups", kGroupNorm, kGroupNormModule);
  c.results = {group_norm(c.in(0), c.attrs.integer(groups), optional_tensor(c, 1),
                          optional_tensor(c, 2),
                          c.attrs.real(attribute("eps", kGroupNorm, kGroupNormModule)))};
}

// y = (x - m) r w + b over the last dimensions, r = (var + eps)^-1/2
constinit const Op layer_norm_op{
    .name = "layer_norm",
    .mixed = true,
    .signature = kLayerNorm,
    .on = kFunctional,
    .doc =
        "(x - mean) / sqrt(var + eps) * weight + bias, with mean and biased variance over the last "
        "dimensions, which must be `normalized_shape`, the shape of weight and bias as well. "
        "Floating only. Ba, Kiros, Hinton, arXiv:1607.06450.",
    .composed = layer_norm_composed};
// y = (x - m) r w + b over the last dimensions, r = (var + eps)^-1/2
constinit const Op layer_norm_module_op{.name = "layer_norm",
                                        .mixed = true,
                                        .signature = kLayerNormModule,
                                        .on = kModule,
                                        .doc = "functional.layer_norm; `cudnn_enable` is ignored.",
                                        .composed = layer_norm_composed};
// y = x w (mean x^2 + eps)^-1/2 over the last dimensions
constinit const Op rms_norm_op{
    .name = "rms_norm",
    .mixed = true,
    .signature = kRmsNorm,
    .on = kModule | kFunctional,
    .doc =
        "x / sqrt(mean(x^2) + eps) * weight over the last dimensions, which must be "
        "`normalized_shape`, the shape of weight as well. Without `eps` it is the machine epsilon "
        "of the dtype. Floating only. Zhang, Sennrich, arXiv:1910.07467.",
    .composed = [](Call& c) {
      std::optional<double> eps;
      if (c.attrs.has(kRmsNorm["eps"])) eps = c.attrs.real(kRmsNorm["eps"]);
      c.results = {rms_norm(c.in(0), c.attrs.ints(kRmsNorm["normalized_shape"]),
                            optional_tensor(c, 1), eps)};
    }};
// y = (x - m) r w_c + b_c over a group of channels, r = (var + eps)^-1/2
constinit const Op group_norm_op{
    .name = "group_norm",
    .mixed = true,
    .signature = kGroupNorm,
    .on = kFunctional,
    .doc =
        "Input (N, C, *): (x - mean) / sqrt(var + eps) * weight + bias, with mean and biased "
        "variance over each of `num_groups` groups of channels of a sample; weight and bias (C). "
        "ValueError for one value per group. Floating only. Wu, He, arXiv:1803.08494.",
    .composed = group_norm_composed};
// y = (x - m) r w_c + b_c over a group of channels, r = (var + eps)^-1/2
constinit const Op group_norm_module_op{.name = "group_norm",
                                        .mixed = true,
                                        .signature = kGroupNormModule,
                                        .on = kModule,
                                        .doc = "functional.group_norm; `cudnn_enabled` is ignored.",
                                        .composed = group_norm_composed};

}  // namespace

Tensor layer_norm(const Tensor& x, Ints normalized_shape, const Tensor& weight, const Tensor& bias,
                  double eps) {
  check_defined(x, "layer_norm");
  return norm_last(x, normalized_shape, weight, bias, eps, true);
}

Tensor rms_norm(const Tensor& x, Ints normalized_shape, const Tensor& weight,
                std::optional<double> eps) {
  check_defined(x, "rms_norm");
  const double least = x.dtype() == Dtype::kFloat32 ? std::numeric_limits<float>::epsilon()
                                                    : std::numeric_limits<double>::epsilon();
  // As PyTorch has it: the result is of the input's dtype, whatever the weight's.
  const Tensor w = weight.defined() ? to(weight, x.dtype()) : weight;
  return norm_last(x, normalized_shape, w, {}, eps.value_or(least), false);
}

Tensor group_norm(const Tensor& x, int64_t num_groups, const Tensor& weight, const Tensor& bias,
                  double eps) {
  check_defined(x, "group_norm");
  check(x.ndim() >= 2, "Expected at least 2 dimensions for input tensor but received ", x.ndim());
  check(num_groups > 0, "Expected num groups to be greater than 0, got ", num_groups);
  const Dims& shape = x.shape();
  const int64_t lead = 1, spatial = 2, each = shape[1] / num_groups;
  check(shape[0] * each * product(shape, 2, x.ndim()) != 1, ErrorKind::kValue,
        "Expected more than 1 value per channel when training, got input size ", shape);
  for (const auto& [t, name] : {std::pair(&weight, "weight"), std::pair(&bias, "bias")})
    check(!t->defined() || t->shape() == Dims{shape[1]}, "Expected ", name,
          " to be a vector of size equal to the number of channels in input, but got ", name,
          " of shape ", t->defined() ? t->shape() : Dims(), " and input of shape ", shape);
  return run_forward(x, weight, bias, Attrs(lead, spatial, num_groups, eps, true));
}

namespace {
const Op* const kOps[] = {&layer_norm_op,         &layer_norm_module_op, &rms_norm_op,
                          &group_norm_op,         &group_norm_module_op, &group_norm_forward_op,
                          &group_norm_backward_op};
}
std::span<const Op* const> group_norm_ops() { return kOps; }

}  // namespace wengert
