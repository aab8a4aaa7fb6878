// batch_norm, and instance_norm, which is a group norm or, with running statistics, a batch norm.
#include "wengert/kernels/norm/norm.h"
#include "wengert/ops/images.h"
#include "wengert/ops/norm/second.h"

namespace wengert {

extern const Op batch_norm_train_op;
extern const Op batch_norm_eval_op;
extern const Op batch_norm_backward_op;

namespace {

// ---- the fused rows

constexpr Signature kTrain =
    "(input: Tensor, weight: Tensor | None, bias: Tensor | None, running_mean: Tensor | None, "
    "running_var: Tensor | None, momentum: float, eps: float) -> (output: Tensor, mean: Tensor, "
    "rstd: Tensor)";
constexpr Signature kEval =
    "(input: Tensor, weight: Tensor | None, bias: Tensor | None, running_mean: Tensor, "
    "running_var: Tensor, eps: float) -> Tensor";
constexpr Signature kBackward =
    "(grad: Tensor, input: Tensor, mean: Tensor, rstd: Tensor, weight: Tensor | None, given: bool, "
    "eps: float, " WENGERT_WANTED ") -> (input: Tensor, weight: Tensor, bias: Tensor)";

BatchNormShape shape_of(const Dims& shape, double eps) {
  check(shape.size() >= 2, "Expected an input of at least 2 dimensions, (N, C, *), got ", shape);
  int64_t inner = 1;
  for (int d = 2; d < shape.size(); ++d) inner *= shape[d];
  return {shape[0], shape[1], inner, eps};
}

// Channels that lie last are columns of a matrix of all positions.
BatchNormShape shape_of(const Tensor& x, double eps) {
  BatchNormShape s = shape_of(x.shape(), eps);
  if (x.ndim() < 4 || !has_channels_last(x)) return s;
  s.samples *= s.inner;
  s.inner = 1;
  return s;
}
// Images of input k may lie so; whether they do.
bool arrange_as(Call& c, int k) { return arrange_alike(c, k, std::max(c.in(k).ndim(), 4)); }

void check_channels(const Call& c, int i, const char* name, const Tensor& x) {
  if (!c.has(i)) return;
  check_same_dtype(x, c.in(i), name);
  check(c.in(i).numel() == x.shape()[1], name, " should contain ", x.shape()[1], " elements not ",
        c.in(i).numel());
}

template <int kInputs>
void forward_shape(Call& c) {
  constexpr const char* kNames[] = {"input", "weight", "bias", "running_mean", "running_var"};
  const Tensor& x = c.in(0);
  check_norm_dtype(x);
  shape_of(x.shape(), 0);
  for (int i = 1; i < 5; ++i) check_channels(c, i, kNames[i], x);
  for (int i = 3; i < 5; ++i)
    check(!c.has(i) || c.in(i).ndim() == 1, kNames[i], " should be a vector, got shape ",
          c.has(i) ? c.in(i).shape() : Dims());
  const bool last = arrange_as(c, 0);
  output_images(c, x.dtype(), x.shape(), last);
  for (int i = 1; i < kInputs; ++i) c.output(x.dtype(), {x.shape()[1]});
}

// The running statistics are changed where they are, contiguous or not.
void train_run(Call& c) {
  const Tensor& x = c.in(0);
  const auto state = [&](int i) { return c.has(i) ? c.in(i).data() : nullptr; };
  const auto stride = [&](int i) { return c.has(i) ? c.in(i).strides()[0] : 0; };
  batch_norm_forward(x.dtype(), shape_of(x, c.attrs.real(kTrain["eps"])), x.data(), memory_of(c, 1),
                     memory_of(c, 2),
                     {state(3), state(4), stride(3), stride(4), c.attrs.real(kTrain["momentum"])},
                     c.out[0].data(), c.out[1].data(), c.out[2].data());
}
void eval_run(Call& c) {
  const Tensor& x = c.in(0);
  batch_norm_apply(x.dtype(), shape_of(x, c.attrs.real(kEval["eps"])), x.data(), memory_of(c, 1),
                   memory_of(c, 2), memory_of(c, 3), memory_of(c, 4), c.out[0].data());
}

void backward_shape(Call& c) {
  const Tensor &g = c.in(0), &x = c.in(1);
  check_norm_dtype(x);
  check(g.shape() == x.shape(), "grad and input differ in shape: ", g.shape(), " and ", x.shape());
  check_same_dtype(x, g, "a gradient");
  const int64_t channels = (shape_of(x.shape(), 0), x.shape()[1]);
  check_channels(c, 2, "mean", x);
  check_channels(c, 3, "rstd", x);
  check_channels(c, 4, "weight", x);
  const bool last = arrange_as(c, 1);
  c.attrs.flag(kBackward["of_input"]) ? output_images(c, x.dtype(), x.shape(), last)
                                      : c.output(x.dtype(), Dims{0});
  c.output(x.dtype(), {c.attrs.flag(kBackward["of_weight"]) ? channels : 0});
  c.output(x.dtype(), {c.attrs.flag(kBackward["of_bias"]) ? channels : 0});
}

void backward_run(Call& c) {
  const Tensor& x = c.in(1);
  const auto out = [&](int i, int at) { return c.attrs.flag(at) ? c.out[i].data() : nullptr; };
  batch_norm_gradient(x.dtype(), shape_of(x, c.attrs.real(kBackward["eps"])),
                      c.attrs.flag(kBackward["given"]), c.in(0).data(), x.data(), c.in(2).data(),
                      c.in(3).data(), memory_of(c, 4), out(0, kBackward["of_input"]),
                      out(1, kBackward["of_weight"]), out(2, kBackward["of_bias"]));
}

// The gradients of input, weight and bias, where wanted.
struct Gradients {
  Tensor of[3];
  Gradients(const Tensor& g, const Tensor& x, const Tensor& mean, const Tensor& rstd,
            const Tensor& weight, bool given, double eps, const bool (&wanted)[3]) {
    Call c(batch_norm_backward_op, Attrs(given, eps, wanted[0], wanted[1], wanted[2]));
    for (const Tensor& t : {g, x, mean, rstd}) c.add_input(t);
    c.add_input(operand_of(weight));
    apply(c);
    for (int i = 0; i < 3; ++i) of[i] = std::move(c.out[i]);
  }
};

void set_gradients(Vjp& v, const Tensor& mean, const Tensor& rstd, bool given, double eps) {
  const bool wanted[3] = {v.needs(0), v.needs(1), v.needs(2)};
  Gradients d(v.g(), v.x(0), mean, rstd, optional_tensor(v, 1), given, eps, wanted);
  for (int i = 0; i < 3; ++i)
    if (wanted[i]) v.set(i, d.of[i]);
}

void train_vjp(Vjp& v) {
  set_gradients(v, v.y(1).detach(), v.y(2).detach(), false, v.attrs().real(kTrain["eps"]));
}
// Without a gradient of the weight the input was not kept: it is normalised by numbers that are
// given, so its gradient is g scaled as it was.
void eval_vjp(Vjp& v) {
  const double eps = v.attrs().real(kEval["eps"]);
  const Tensor mean = v.x(3), var = v.x(4);
  if (!v.has(0)) {
    const Tensor g = v.g();
    Dims others{0};
    for (int i = 2; i < g.ndim(); ++i) others.push_back(i);
    if (v.needs(0))
      v.set(0,
            apply(batch_norm_eval_op,
                  {g, optional_operand(v, 1), Operand(), zeros_like(mean.detach()), var.detach()},
                  Attrs(eps)));
    if (v.needs(2)) v.set(2, sum(g, others));
    return;
  }
  set_gradients(v, mean.detach(), reciprocal(sqrt(add(var.detach(), eps))), true, eps);
}

// As NormSecond has it, on [samples, channels, inner].
void backward_vjp(Vjp& v) {
  const double eps = v.attrs().real(kBackward["eps"]);
  const bool given = v.attrs().flag(kBackward["given"]);
  const Tensor x = v.x(1), mean_x = v.x(2), rstd = v.x(3), weight = optional_tensor(v, 4);
  const BatchNormShape s = shape_of(x.shape(), eps);
  const Dims shape{s.samples, s.channels, s.inner}, channel{1, s.channels, 1}, dims{0, 2};
  const auto view = [&](const Tensor& t, const Dims& as) {
    return t.defined() ? reshape(t, as) : t;
  };
  const auto came = [&](int i, const Dims& as) {
    return v.has_g(i) && v.output_shape(i) != Dims{0} ? view(v.g(i), as) : Tensor();
  };
  const Tensor xs = view(x, shape);
  const Tensor d = sub(xs, given ? view(mean_x, channel) : mean(xs, dims, true));
  const Tensor r =
      given ? view(rstd, channel) : reciprocal(sqrt(add(mean(mul(d, d), dims, true), eps)));
  const NormSecond second{view(v.x(0), shape),
                          view(weight, channel),
                          came(0, shape),
                          came(1, channel),
                          came(2, channel),
                          mul(d, r),
                          r,
                          dims,
                          dims,
                          given};
  second.set(v, 4, x.shape(), [&](const Tensor& t) {
    const Gradients d(reshape(t, x.shape()), x, mean_x, rstd, {}, given, eps, {true, false, false});
    return reshape(d.of[0], shape);
  });
}

}  // namespace

// h = (x - m) r over a channel, m its mean and r = (mean (x - m)^2 + eps)^-1/2; y = h w + b
// dx = r (g w - mean(g w) - h mean(g w h)), dw = sum g h, db = sum g
constinit const Op batch_norm_train_op{
    .name = "batch_norm_train",
    .mixed = true,
    .signature = kTrain,
    .on = 0,
    .doc =
        "Normalises channels of (N, C, *) over the batch; saves their means and 1 / std, and "
        "moves the running statistics towards theirs.",
    .mutates = true,
    .checked = true,
    .shape = forward_shape<3>,
    .run = train_run,
    .vjp = train_vjp,
    .reads = kInput | kOther | reads_output(1) | reads_output(2),
    .writes = [](const Call&, int i) { return i == 3 || i == 4; }};

// y = (x - m) r w + b by given m and r = (v + eps)^-1/2       dx = g r w, dw = sum g h, db = sum g
constinit const Op batch_norm_eval_op{.name = "batch_norm_eval",
                                      .mixed = true,
                                      .signature = kEval,
                                      .on = 0,
                                      .doc = "Normalises channels of (N, C, *) by given moments.",
                                      .checked = true,
                                      .shape = forward_shape<1>,
                                      .run = eval_run,
                                      .vjp = eval_vjp,
                                      .reads = kInputs,
                                      .read_for = {kOther, kInput}};

// d = r (g w - mean(g w) - h mean(g w h)), dw = sum g h, db = sum g       its gradient: NormSecond
constinit const Op batch_norm_backward_op{
    .name = "batch_norm_backward",
    .signature = kBackward,
    .on = 0,
    .doc =
        "The gradients of batch_norm_train, or of batch_norm_eval if the moments were `given`: "
        "those that are wanted; the others are empty.",
    .shape = backward_shape,
    .run = backward_run,
    .vjp = backward_vjp,
    .reads = kInputs};

namespace {

// ---- what users call

constexpr Signature kBatchNorm =
    "(input: Tensor, running_mean: Tensor | None, running_var: Tensor | None, weight: Tensor | "
    "None = None, bias: Tensor | None = None, training: bool = False, momentum: float = 0.1, eps: "
    "float = 1e-05) -> Tensor";
constexpr Signature kBatchNormModule =
    "(input: Tensor, weight: Tensor | None, bias: Tensor | None, running_mean: Tensor | None, "
    "running_var: Tensor | None, training: bool, momentum: float, eps: float, cudnn_enabled: bool) "
    "-> Tensor";
constexpr Signature kInstanceNorm =
    "(input: Tensor, running_mean: Tensor | None = None, running_var: Tensor | None = None, "
    "weight: Tensor | None = None, bias: Tensor | None = None, use_input_stats: bool = True, "
    "momentum: float = 0.1, eps: float = 1e-05) -> Tensor";
constexpr Signature kInstanceNormModule =
    "(input: Tensor, weight: Tensor | None, bias: Tensor | None, running_mean: Tensor | None, "
    "running_var: Tensor | None, use_input_stats: bool, momentum: float, eps: float, "
    "cudnn_enabled: bool) -> Tensor";

// No gradient flows into the running statistics, whatever they say.
Operand state(const Tensor& t) {
  return t.defined() && t.requires_grad() ? Operand(t.detach()) : operand_of(t);
}

Tensor batch_norm_of(const Tensor& x, const Tensor& running_mean, const Tensor& running_var,
                     const Tensor& weight, const Tensor& bias, bool training, double momentum,
                     double eps) {
  if (training)
    return apply(batch_norm_train_op,
                 {x, operand_of(weight), operand_of(bias), state(running_mean), state(running_var)},
                 Attrs(momentum, eps));
  check(running_mean.defined() && running_var.defined(),
        "running_mean and running_var must be defined in evaluation mode");
  return apply(batch_norm_eval_op,
               {x, operand_of(weight), operand_of(bias), running_mean, running_var}, Attrs(eps));
}

// With the statistics of each sample's channels, which move the running ones by their mean.
Tensor tracked_instance_norm(const Tensor& x, Tensor running_mean, Tensor running_var,
                             const Tensor& weight, const Tensor& bias, double momentum,
                             double eps) {
  const Dims& shape = x.shape();
  const int64_t n = shape[0], channels = shape[1];
  const auto repeated = [&](const Tensor& t) {
    return t.defined() ? reshape(expand(unsqueeze(t, 0), {n, -1}), {n * channels}) : t;
  };
  Tensor stats[2];
  for (const auto& [to, from] :
       {std::pair(&stats[0], &running_mean), std::pair(&stats[1], &running_var)})
    if (from->defined()) *to = clone(repeated(from->detach()));
  Dims joined = shape;
  joined[0] = 1;
  joined[1] = n * channels;
  const Tensor y = reshape(batch_norm_of(reshape(x, joined), stats[0], stats[1], repeated(weight),
                                         repeated(bias), true, momentum, eps),
                           shape);
  const GradMode off(false);
  for (const auto& [from, to] :
       {std::pair(&stats[0], &running_mean), std::pair(&stats[1], &running_var)})
    if (to->defined()) copy_(*to, mean(reshape(*from, {n, channels}), Dims{0}));
  return y;
}

Tensor instance_norm_of(const Tensor& x, const Tensor& running_mean, const Tensor& running_var,
                        const Tensor& weight, const Tensor& bias, bool use_input_stats,
                        double momentum, double eps) {
  check(x.ndim() >= 2, "Expected an input of at least 2 dimensions, (N, C, *), got ", x.shape());
  if (!use_input_stats) {
    check(running_mean.defined() && running_var.defined(),
          "Expected running_mean and running_var to be defined when use_input_stats is false");
    return batch_norm_of(x, running_mean, running_var, weight, bias, false, momentum, eps);
  }
  if (running_mean.defined() || running_var.defined())
    return tracked_instance_norm(x, running_mean, running_var, weight, bias, momentum, eps);
  const int64_t lead = 1, spatial = 2, channels = x.shape()[1];
  if (channels == 0) return clone(x);
  return apply(group_norm_forward_op, {x, operand_of(weight), operand_of(bias)},
               Attrs(lead, spatial, channels, eps, true));
}

// y = (x - m_c) r_c w_c + b_c, r = (v + eps)^-1/2
constinit const Op batch_norm_op{
    .name = "batch_norm",
    .mixed = true,
    .signature = kBatchNorm,
    .on = kFunctional,
    .doc =
        "Input (N, C, *): (x - mean) / sqrt(var + eps) * weight + bias for each channel. In "
        "training mean and biased variance are those of the batch, of more than one value per "
        "channel (ValueError), and the running ones, if given, become (1 - momentum) * old + "
        "momentum * the batch's, with the unbiased variance; otherwise they are what is used. "
        "Floating only. Ioffe, Szegedy, arXiv:1502.03167.",
    .composed = [](Call& c) {
      const Attrs& a = c.attrs;
      c.results = {batch_norm(c.in(0), optional_tensor(c, 1), optional_tensor(c, 2),
                              optional_tensor(c, 3), optional_tensor(c, 4),
                              a.flag(kBatchNorm["training"]), a.real(kBatchNorm["momentum"]),
                              a.real(kBatchNorm["eps"]))};
    }};
// y = (x - m_c) r_c w_c + b_c, r = (v + eps)^-1/2
constinit const Op batch_norm_module_op{
    .name = "batch_norm",
    .mixed = true,
    .signature = kBatchNormModule,
    .on = kModule,
    .doc = "functional.batch_norm without defaults; `cudnn_enabled` is ignored.",
    .composed = [](Call& c) {
      const Attrs& a = c.attrs;
      c.results = {batch_norm_of(
          c.in(0), optional_tensor(c, 3), optional_tensor(c, 4), optional_tensor(c, 1),
          optional_tensor(c, 2), a.flag(kBatchNormModule["training"]),
          a.real(kBatchNormModule["momentum"]), a.real(kBatchNormModule["eps"]))};
    }};
// y = (x - m_nc) r_nc w_c + b_c, r = (v + eps)^-1/2
constinit const Op instance_norm_op{
    .name = "instance_norm",
    .mixed = true,
    .signature = kInstanceNorm,
    .on = kFunctional,
    .doc =
        "Input (N, C, *): as batch_norm, but mean and variance are those of each channel of each "
        "sample, of more than one value (ValueError); running ones move towards their means, and "
        "are what is used without `use_input_stats`. Ulyanov, Vedaldi, Lempitsky, "
        "arXiv:1607.08022.",
    .composed = [](Call& c) {
      const Attrs& a = c.attrs;
      c.results = {instance_norm(c.in(0), optional_tensor(c, 1), optional_tensor(c, 2),
                                 optional_tensor(c, 3), optional_tensor(c, 4),
                                 a.flag(kInstanceNorm["use_input_stats"]),
                                 a.real(kInstanceNorm["momentum"]), a.real(kInstanceNorm["eps"]))};
    }};
// y = (x - m_nc) r_nc w_c + b_c, r = (v + eps)^-1/2
constinit const Op instance_norm_module_op{
    .name = "instance_norm",
    .mixed = true,
    .signature = kInstanceNormModule,
    .on = kModule,
    .doc = "functional.instance_norm without defaults; `cudnn_enabled` is ignored.",
    .composed = [](Call& c) {
      const Attrs& a = c.attrs;
      c.results = {instance_norm_of(
          c.in(0), optional_tensor(c, 3), optional_tensor(c, 4), optional_tensor(c, 1),
          optional_tensor(c, 2), a.flag(kInstanceNormModule["use_input_stats"]),
          a.real(kInstanceNormModule["momentum"]), a.real(kInstanceNormModule["eps"]))};
    }};

int64_t inner_size(const Dims& shape) {
  int64_t n = 1;
  for (int d = 2; d < shape.size(); ++d) n *= shape[d];
  return n;
}

}  // namespace

Tensor batch_norm(const Tensor& x, const Tensor& running_mean, const Tensor& running_var,
                  const Tensor& weight, const Tensor& bias, bool training, double momentum,
                  double eps) {
  check_defined(x, "batch_norm");
  check(!training || x.ndim() == 0 || x.shape()[0] * inner_size(x.shape()) != 1, ErrorKind::kValue,
        "Expected more than 1 value per channel when training, got input size ", x.shape());
  check(!training || eps > 0, ErrorKind::kValue, "eps must be positive during training, but got ",
        eps);
  check(eps >= 0, ErrorKind::kValue, "eps must be non-negative, but got ", eps);
  return batch_norm_of(x, running_mean, running_var, weight, bias, training, momentum, eps);
}

Tensor instance_norm(const Tensor& x, const Tensor& running_mean, const Tensor& running_var,
                     const Tensor& weight, const Tensor& bias, bool use_input_stats,
                     double momentum, double eps) {
  check_defined(x, "instance_norm");
  check(!use_input_stats || inner_size(x.shape()) != 1, ErrorKind::kValue,
        "Expected more than 1 spatial element when training, got input size ", x.shape());
  return instance_norm_of(x, running_mean, running_var, weight, bias, use_input_stats, momentum,
                          eps);
}

namespace {
const Op* const kOps[] = {&batch_norm_op,           &batch_norm_module_op, &instance_norm_op,
                          &instance_norm_module_op, &batch_norm_train_op,  &batch_norm_eval_op,
                          &batch_norm_backward_op};
}
std::span<const Op* const> batch_norm_ops() { return kOps; }

}  // namespace wengert
