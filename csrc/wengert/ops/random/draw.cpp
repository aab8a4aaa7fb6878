// Random numbers into a tensor in place, and dropout.
#include <algorithm>
#include <cmath>

#include "wengert/base/warning.h"
#include "wengert/kernels/core/copy.h"
#include "wengert/kernels/core/walk.h"
#include "wengert/kernels/random/dropout.h"
#include "wengert/ops/pointwise/rows.h"
#include "wengert/ops/random/drawing.h"
#include "wengert/ops/random/random.h"
#include "wengert/ops/shape/view.h"

namespace wengert {
namespace {

// ---- in place ------------------------------------------------------------------------------

void floating_only(Call& c) {
  const Dtype d = c.in(0).dtype();
  check(is_floating(d), ErrorKind::kNotImplemented, "not implemented for dtype ", d,
        "; a floating dtype is needed");
}
void any_dtype(Call&) {}

// f(pointer, n) fills contiguous memory. A strided tensor is filled in the order of its memory, as
// PyTorch does: a transposed matrix gets the numbers of the matrix.
template <class T, class F>
void in_memory_order(const Tensor& y, const F& f) {
  if (y.is_contiguous()) return f(y.data_as<T>(), y.numel());
  Walk<1> w{y.shape(), {y.strides()}};
  w.sort();
  const Scratch s(static_cast<size_t>(y.bytes()));
  f(s.as<T>(), y.numel());
  copy_strided(y.data(), w.strides[0], s.as<void>(), contiguous_strides(w.shape), w.shape,
               sizeof(T));
}

// fill(T*, n, generator, attributes) for the tensor's dtype.
template <class F>
void draw_floating(Call& c, int generator, const F& fill) {
  dispatch_floating(c.in(0).dtype(), [&](auto zero) {
    in_memory_order<decltype(zero)>(
        c.in(0), [&](auto* out, int64_t n) { fill(out, n, Drawing(c, generator), c.attrs); });
  });
}
// The largest whole number that a narrow dtype has with all below it.
int64_t last_whole(Dtype d) {
  if (is_integral(d)) return d == Dtype::kInt8 ? INT8_MAX : INT16_MAX;
  return d == Dtype::kFloat16 ? 1 << 11 : 1 << 8;
}
// Draws for a narrow dtype: its range is not that of the type it is computed in.
void draw_narrow(Call& c, int generator) {
  const Tensor& y = c.in(0);
  const Scratch drawn(static_cast<size_t>(y.numel() * item_size(widened(y.dtype()))));
  dispatch(widened(y.dtype()), [&](auto zero) {
    fill_random_range(Drawing(c, generator), drawn.as<decltype(zero)>(), y.numel(), 0,
                      last_whole(y.dtype()) + 1);
  });
  cast_strided(y.data(), y.dtype(), y.strides(), drawn.as<void>(), widened(y.dtype()),
               contiguous_strides(y.shape()), y.shape());
}
template <class F>
void draw_any(Call& c, int generator, const F& fill) {
  dispatch(c.in(0).dtype(), [&](auto zero) {
    in_memory_order<decltype(zero)>(
        c.in(0), [&](auto* out, int64_t n) { fill(out, n, Drawing(c, generator), c.attrs); });
  });
}

constexpr Op drawing(const char* name, const Signature& signature, const char* doc,
                     void (*shape)(Call&), void (*run)(Call&)) {
  return {.name = name,
          .signature = signature,
          .on = kMethod,
          .doc = doc,
          .mutates = true,
          .draws = true,
          .shape = shape,
          .run = run,
          .vjp = zero_vjp};
}

constexpr Signature kUniform =
    "(input: Tensor, from_: float = 0.0, to: float = 1.0, *, generator: Generator | None = None) "
    "-> Tensor";
// x = from + (to - from) u, u uniform in [0, 1)       dx = 0
constexpr Op uniform_op = drawing(
    "uniform_", kUniform, "Fills the tensor with uniform numbers from [from_, to).",
    [](Call& c) {
      floating_only(c);
      check(c.attrs.real(kUniform["from_"]) <= c.attrs.real(kUniform["to"]),
            "expects to return a [from, to) range, but found ",
            "from=", c.attrs.real(kUniform["from_"]), " > to=", c.attrs.real(kUniform["to"]));
    },
    [](Call& c) {
      draw_floating(c, kUniform["generator"],
                    [](auto* out, int64_t n, Generator& g, const Attrs& a) {
                      fill_uniform(g, out, n, a.real(kUniform["from_"]), a.real(kUniform["to"]));
                    });
    });

constexpr Signature kNormal =
    "(input: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None) "
    "-> Tensor";
// x = mean + std z, z normal by Box and Muller       dx = 0
constexpr Op normal_op = drawing(
    "normal_", kNormal, "Fills the tensor with normal numbers.",
    [](Call& c) {
      floating_only(c);
      check(c.attrs.real(kNormal["std"]) >= 0, "normal expects std >= 0.0, but found std ",
            c.attrs.real(kNormal["std"]));
    },
    [](Call& c) {
      const bool serial = !c.in(0).is_contiguous();
      draw_floating(
          c, kNormal["generator"], [serial](auto* out, int64_t n, Generator& g, const Attrs& a) {
            serial ? fill_normal_serial(g, out, n, a.real(kNormal["mean"]), a.real(kNormal["std"]))
                   : fill_normal(g, out, n, a.real(kNormal["mean"]), a.real(kNormal["std"]));
          });
    });

constexpr Signature kLogNormal =
    "(input: Tensor, mean: float = 1.0, std: float = 2.0, *, generator: Generator | None = None) "
    "-> Tensor";
// x = exp(mean + std z), z normal                dx = 0
constexpr Op log_normal_op = drawing(
    "log_normal_", kLogNormal,
    "Fills the tensor with exponentials of normal numbers of this mean and standard deviation.",
    floating_only, [](Call& c) {
      draw_floating(
          c, kLogNormal["generator"], [](auto* out, int64_t n, Generator& g, const Attrs& a) {
            fill_log_normal(g, out, n, a.real(kLogNormal["mean"]), a.real(kLogNormal["std"]));
          });
    });

constexpr Signature kCauchy =
    "(input: Tensor, median: float = 0.0, sigma: float = 1.0, *, generator: Generator | None = "
    "None) -> Tensor";
// x = median + sigma tan(pi (u - 1/2)), u uniform     dx = 0
constexpr Op cauchy_op =
    drawing("cauchy_", kCauchy, "Fills the tensor with numbers from a Cauchy distribution.",
            floating_only, [](Call& c) {
              draw_floating(
                  c, kCauchy["generator"], [](auto* out, int64_t n, Generator& g, const Attrs& a) {
                    fill_cauchy(g, out, n, a.real(kCauchy["median"]), a.real(kCauchy["sigma"]));
                  });
            });

constexpr Signature kExponential =
    "(input: Tensor, lambd: float = 1.0, *, generator: Generator | None = None) -> Tensor";
// x = -log(1 - u) / lambd, u uniform               dx = 0
constexpr Op exponential_op =
    drawing("exponential_", kExponential,
            "Fills the tensor with numbers from an exponential distribution of this rate.",
            floating_only, [](Call& c) {
              draw_floating(c, kExponential["generator"],
                            [](auto* out, int64_t n, Generator& g, const Attrs& a) {
                              fill_exponential(g, out, n, a.real(kExponential["lambd"]));
                            });
            });

constexpr Signature kGeometric =
    "(input: Tensor, p: float, *, generator: Generator | None = None) -> Tensor";
// x = ceil(log(1 - u) / log(1 - p)), u uniform     dx = 0
constexpr Op geometric_op = drawing(
    "geometric_", kGeometric,
    "Fills the tensor with the number of trials, each of probability p, up to the first success.",
    [](Call& c) {
      check(c.in(0).dtype() != Dtype::kBool, ErrorKind::kNotImplemented,
            "not implemented for dtype bool");
    },
    [](Call& c) {
      draw_any(c, kGeometric["generator"], [](auto* out, int64_t n, Generator& g, const Attrs& a) {
        fill_geometric(g, out, n, a.real(kGeometric["p"]));
      });
    });

constexpr Signature kBernoulli =
    "(input: Tensor, p: float = 0.5, *, generator: Generator | None = None) -> Tensor";
// x = 1 where u < p, else 0, u uniform             dx = 0
constexpr Op bernoulli_op = drawing(
    "bernoulli_", kBernoulli, "Fills the tensor with ones with probability p, zeros otherwise.",
    any_dtype, [](Call& c) {
      draw_any(c, kBernoulli["generator"], [](auto* out, int64_t n, Generator& g, const Attrs& a) {
        fill_bernoulli(g, out, n, a.real(kBernoulli["p"]));
      });
    });

constexpr Signature kBernoulliTensor =
    "(input: Tensor, p: Tensor, *, generator: Generator | None = None) -> Tensor";
// x = 1 where u < p, else 0, u uniform             dx = 0
constexpr Op bernoulli_tensor_op = drawing(
    "bernoulli_", kBernoulliTensor,
    "Fills the tensor with ones with the probabilities in p, broadcast, and zeros otherwise.",
    [](Call& c) {
      check(is_floating(c.in(1).dtype()), ErrorKind::kNotImplemented,
            "expects floating probabilities, got ", c.in(1).dtype());
      check(broadcast_shapes(c.in(0).shape(), c.in(1).shape()) == c.in(0).shape(),
            "probabilities of shape ", c.in(1).shape(), " do not broadcast to ", c.in(0).shape());
    },
    [](Call& c) {
      const Tensor &y = c.in(0), &p = c.in(1);
      const Scratch given(static_cast<size_t>(y.numel() * item_size(p)));
      const Scratch drawn(static_cast<size_t>(y.bytes()));
      const Dims own = contiguous_strides(y.shape());
      copy_strided(given.as<void>(), own, p.data(),
                   broadcast_strides(p.shape(), p.strides(), y.shape()), y.shape(), item_size(p));
      dispatch(y.dtype(), [&](auto zero) {
        dispatch_floating(p.dtype(), [&](auto real) {
          fill_bernoulli(Drawing(c, kBernoulliTensor["generator"]), drawn.as<decltype(zero)>(),
                         y.numel(), static_cast<const decltype(real)*>(given.as<decltype(real)>()));
        });
      });
      copy_strided(y.data(), y.strides(), drawn.as<void>(), own, y.shape(), item_size(y));
    });

constexpr Signature kRandom = "(input: Tensor, *, generator: Generator | None = None) -> Tensor";
// x = from + u mod (to - from), u bits            dx = 0
constexpr Op random_op =
    drawing(
        "random_", kRandom,
        "Fills the tensor with integers from 0 to the largest the dtype holds exactly.", any_dtype,
        [](Call& c) {
          if (is_narrow(c.in(0).dtype())) return draw_narrow(c, kRandom["generator"]);
          draw_any(c, kRandom["generator"], [](auto* out, int64_t n, Generator& g, const Attrs&) {
            fill_random(g, out, n);
          });
        })
        .of_any_dtype();

constexpr Signature kRandomTo =
    "(input: Tensor, to: int, *, generator: Generator | None = None) -> Tensor";
// x = from + u mod (to - from), u bits            dx = 0
constexpr Op random_to_op = drawing(
    "random_", kRandomTo, "Fills the tensor with integers from 0 up to but without `to`.",
    [](Call& c) { check_range(c.in(0).dtype(), 0, c.attrs.integer(kRandomTo["to"])); },
    [](Call& c) {
      draw_any(c, kRandomTo["generator"], [](auto* out, int64_t n, Generator& g, const Attrs& a) {
        fill_random_range(g, out, n, 0, a.integer(kRandomTo["to"]));
      });
    });

constexpr Signature kRandomFrom =
    "(input: Tensor, from_: int, to: int | None, *, generator: Generator | None = None) -> Tensor";
// x = from + u mod (to - from), u bits            dx = 0
constexpr Op random_from_op = drawing(
    "random_", kRandomFrom,
    "Fills the tensor with integers from `from_` up to but without `to` (None: the largest the "
    "dtype holds exactly, included).",
    [](Call& c) {
      if (c.attrs.has(kRandomFrom["to"]))
        check_range(c.in(0).dtype(), c.attrs.integer(kRandomFrom["from_"]),
                    c.attrs.integer(kRandomFrom["to"]));
    },
    [](Call& c) {
      draw_any(c, kRandomFrom["generator"], [](auto* out, int64_t n, Generator& g, const Attrs& a) {
        a.has(kRandomFrom["to"]) ? fill_random_range(g, out, n, a.integer(kRandomFrom["from_"]),
                                                     a.integer(kRandomFrom["to"]))
                                 : fill_random_from(g, out, n, a.integer(kRandomFrom["from_"]));
      });
    });

// ---- dropout -------------------------------------------------------------------------------

constexpr Signature kDropoutMasked = "(input: Tensor, p: float) -> (output: Tensor, mask: Tensor)";

// The mask is 0 with probability p and 1 / (1 - p) otherwise:  y = x mask      dx = g mask
constinit const Op dropout_masked_op{
    .name = "_dropout",
    .signature = kDropoutMasked,
    .on = 0,
    .doc = "dropout() with 0 < p < 1, and what it multiplied by.",
    .contiguous = true,
    .draws = true,
    .checked = true,
    .shape =
        [](Call& c) {
          floating_only(c);
          c.output(c.in(0).dtype(), c.in(0).shape());
          c.output(c.in(0).dtype(), c.in(0).shape());
        },
    .run =
        [](Call& c) {
          dispatch_floating(c.in(0).dtype(), [&](auto zero) {
            using T = decltype(zero);
            const int64_t n = c.out[0].numel();
            const T* x = c.in(0).data_as<T>();
            T *y = c.out[0].data_as<T>(), *mask = c.out[1].data_as<T>();
            fill_dropout(Drawing(), y, mask, x, n, c.attrs.real(kDropoutMasked["p"]));
          });
        },
    .vjp =
        [](Vjp& v) {
          if (v.has_g(0)) v.set(0, v.over_g(mul_op, v.y(1).detach()));
        },
    .reads = reads_output(1),
};

constexpr Signature kDropoutMask = "(input: Tensor, size: ints, p: float) -> Tensor";

// The factors of dropout alone, for masks smaller than the input.
// m = 0 with probability p, else 1 / (1 - p)
constinit const Op dropout_mask_op{
    .name = "_dropout_mask",
    .signature = kDropoutMask,
    .on = 0,
    .doc = "What dropout multiplies by, in this shape and the input's dtype.",
    .shape_only = true,
    .draws = true,
    .checked = true,
    .shape =
        [](Call& c) {
          floating_only(c);
          c.output(c.in(0).dtype(), c.attrs.dims(kDropoutMask["size"]));
        },
    .run =
        [](Call& c) {
          dispatch_floating(c.in(0).dtype(), [&](auto zero) {
            fill_dropout_mask(Drawing(), c.out[0].data_as<decltype(zero)>(), c.out[0].numel(),
                              c.attrs.real(kDropoutMask["p"]));
          });
        },
};

void check_probability(double p) {
  check(p >= 0 && p <= 1, ErrorKind::kValue,
        "dropout probability has to be between 0 and 1, but got ", p);
}

// f of x with its dimensions in the order of memory, put back: so that each number is drawn for the
// element that PyTorch draws it for.
template <class F>
Tensor in_memory_order(const Tensor& x, F f) {
  const Dims strides = dense_strides({x.strides()}, x.shape());
  if (strides.empty()) return f(x);
  Dims order = strides, back = strides;
  for (int d = 0; d < x.ndim(); ++d) order[d] = d;
  std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    const int64_t of_a = strides[static_cast<int>(a)], of_b = strides[static_cast<int>(b)];
    return of_a != of_b ? of_a > of_b : a < b;
  });
  for (int d = 0; d < x.ndim(); ++d) back[static_cast<int>(order[d])] = d;
  return permute(f(permute(x, order)), back);
}

// Whole features, (N, C, ...), are dropped.
Dims feature_size(const Tensor& x) {
  check(x.ndim() >= 2, "feature dropout requires at least 2 dimensions in the input, got ",
        x.shape());
  Dims size = Dims::filled(x.ndim(), 1);
  size[0] = x.shape()[0];
  size[1] = x.shape()[1];
  return size;
}
Tensor feature_dropout(const Tensor& x, double p, bool training) {
  check_probability(p);
  if (p == 0 || !training || x.numel() == 0) return x;
  const Dims size = feature_size(x);
  check(is_floating(x.dtype()), "result type Float can't be cast to the desired output type ",
        x.dtype());
  if (p == 1) return mul(x, 0.0);
  return mul(x, apply(dropout_mask_op, {x.detach()}, Attrs(size, p)));
}

// x with the values of y.
Tensor over(Tensor x, const Tensor& y) { return y.is_same(x) ? x : copy_(x, y); }
// Result y of a functional with an `inplace` argument at attribute i.
Tensor finish(Call& c, int i, const Tensor& y) { return c.attrs.flag(i) ? over(c.in(0), y) : y; }

constexpr Signature kDropout =
    "(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor";

// y = x m, m = 0 with probability p, else 1 / (1 - p)
constinit const Op dropout_op{
    .name = "dropout",
    .signature = kDropout,
    .on = kFunctional,
    .doc =
        "In training, zeros with probability p and the rest divided by 1 - p; otherwise the "
        "input itself. A ValueError unless 0 <= p <= 1.",
    .composed =
        [](Call& c) {
          const Attrs& a = c.attrs;
          c.results = {
              finish(c, kDropout["inplace"],
                     dropout(c.in(0), a.real(kDropout["p"]), a.flag(kDropout["training"])))};
        },
};

// `features` dimensions after (N, C); the batch dimension may be missing.
template <int features>
void compose_feature_dropout(Call& c) {
  const Tensor& x = c.in(0);
  check_probability(c.attrs.real(kDropout["p"]));
  const bool unbatched = features != 2 && x.ndim() != features + 2;
  if (x.ndim() != features + 1 && x.ndim() != features + 2) {
    check(features > 1, "Expected 2D or 3D input, but received a ", x.ndim(), "D input");
    warn(c.op().name, ": Received a ", x.ndim(), "-D input to ", c.op().name,
         ", which is deprecated and will result in an error in a future release. To retain the "
         "behavior and silence this warning, please use dropout instead. Note that ",
         c.op().name, " exists to provide channel-wise dropout on inputs with ", features,
         " spatial dimensions, a channel dimension, and an optional batch dimension (i.e. ",
         features + 1, "D or ", features + 2, "D inputs).");
  } else if (features == 2 && x.ndim() == 3) {
    warn(
        "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout "
        "behavior is desired - input is interpreted as shape (N, C, L), where C is the channel "
        "dim. To maintain the 1D channel-wise dropout behavior, please switch to using dropout1d "
        "instead.");
  }
  const Tensor y = feature_dropout(unbatched ? unsqueeze(x, 0) : x, c.attrs.real(kDropout["p"]),
                                   c.attrs.flag(kDropout["training"]));
  c.results = {finish(c, kDropout["inplace"], unbatched ? squeeze(y, Dims{0}) : y)};
}
constexpr Op feature_row(const char* name, void (*composed)(Call&)) {
  return {.name = name,
          .signature = kDropout,
          .on = kFunctional,
          .doc = "As dropout, but whole channels, dimensions (N, C), are zeroed together.",
          .composed = composed};
}
// y = x m_nc, m_nc = 0 with probability p, else 1 / (1 - p)
constexpr Op dropout1d_op = feature_row("dropout1d", compose_feature_dropout<1>);
// y = x m_nc, m_nc = 0 with probability p, else 1 / (1 - p)
constexpr Op dropout2d_op = feature_row("dropout2d", compose_feature_dropout<2>);
// y = x m_nc, m_nc = 0 with probability p, else 1 / (1 - p)
constexpr Op dropout3d_op = feature_row("dropout3d", compose_feature_dropout<3>);

// Klambauer et al. 2017, section 3: dropped inputs become -alpha' (of SELU), and an affine map
// keeps mean and variance.   y = x a m + (m - 1) a alpha + a alpha p,   m in {0, 1}
Tensor alpha_dropout(const Tensor& x, double p, bool training, bool features) {
  check_probability(p);
  if (p == 0 || !training || x.numel() == 0) return x;
  check(is_floating(x.dtype()), "a floating dtype is needed, got ", x.dtype());
  const Dims size = features ? feature_size(x) : x.shape();
  if (p == 1) return mul(x, 0.0);
  constexpr double kAlpha = 1.7580993408473766;
  const double a = 1 / std::sqrt((kAlpha * kAlpha * p + 1) * (1 - p));
  const auto drawn = [&](const Tensor& of) {
    return apply(dropout_mask_op, {of}, Attrs(features ? size : of.shape(), p));
  };
  const Tensor mask = features ? drawn(x.detach()) : in_memory_order(x.detach(), drawn);
  const Tensor kept = to(mask, Dtype::kBool);
  const Tensor m = to(kept, x.dtype());
  const Tensor shift = add(mul(add(m, -1.0), kAlpha * a), kAlpha * a * p);
  return add(mul(x, mul(m, a)), shift);
}

constexpr Signature kAlphaDropout =
    "(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor";
template <bool kFeatures>
void compose_alpha_dropout(Call& c) {
  c.results = {finish(c, kAlphaDropout["inplace"],
                      alpha_dropout(c.in(0), c.attrs.real(kAlphaDropout["p"]),
                                    c.attrs.flag(kAlphaDropout["training"]), kFeatures))};
}
// y = a (x m - s (1 - m)) + a p s, m in {0, 1}, s SELU's limit, a = ((1 + p s^2) (1 - p))^-1/2
constinit const Op alpha_dropout_op{
    .name = "alpha_dropout",
    .signature = kAlphaDropout,
    .on = kFunctional,
    .doc = "Dropout for SELU networks: keeps zero mean and unit variance.",
    .composed = compose_alpha_dropout<false>};
// y = a (x m_nc - s (1 - m_nc)) + a p s, as alpha_dropout
constinit const Op feature_alpha_dropout_op{
    .name = "feature_alpha_dropout",
    .signature = kAlphaDropout,
    .on = kFunctional,
    .doc = "As alpha_dropout, but whole channels, dimensions (N, C), are dropped together.",
    .composed = compose_alpha_dropout<true>};
// ---- the forms outside nn.functional: without defaults, those with a `_` over their input

constexpr Signature kModuleDropout = "(input: Tensor, p: float, train: bool) -> Tensor";

template <bool kAlpha, bool kFeatures, bool kOver>
void compose_module_dropout(Call& c) {
  const double p = c.attrs.real(kModuleDropout["p"]);
  const bool train = c.attrs.flag(kModuleDropout["train"]);
  const Tensor& x = c.in(0);
  const Tensor y = kAlpha      ? alpha_dropout(x, p, train, kFeatures)
                   : kFeatures ? feature_dropout(x, p, train)
                               : dropout(x, p, train);
  c.results = {kOver ? over(x, y) : y};
}
template <bool kAlpha, bool kFeatures, bool kOver>
constexpr Op module_row(const char* name) {
  Op op{.name = name, .signature = kModuleDropout, .on = kModule};
  op.doc = kOver ? "As with inplace=True in nn.functional, without defaults."
                 : "As in nn.functional, without defaults.";
  op.composed = compose_module_dropout<kAlpha, kFeatures, kOver>;
  return op;
}
// y = x m, m = 0 with probability p, else 1 / (1 - p)
constexpr Op dropout_module_op = module_row<false, false, false>("dropout");
// x = x m, m = 0 with probability p, else 1 / (1 - p)
constexpr Op dropout_over_op = module_row<false, false, true>("dropout_");
// y = x m_nc, m_nc = 0 with probability p, else 1 / (1 - p)
constexpr Op feature_dropout_op = module_row<false, true, false>("feature_dropout");
// x = x m_nc, m_nc = 0 with probability p, else 1 / (1 - p)
constexpr Op feature_dropout_over_op = module_row<false, true, true>("feature_dropout_");
// y = a (x m - s (1 - m)) + a p s, as in nn.functional
constexpr Op alpha_dropout_module_op = module_row<true, false, false>("alpha_dropout");
// x = a (x m - s (1 - m)) + a p s, as in nn.functional
constexpr Op alpha_dropout_over_op = module_row<true, false, true>("alpha_dropout_");
// y = a (x m_nc - s (1 - m_nc)) + a p s, as in nn.functional
constexpr Op feature_alpha_dropout_module_op =
    module_row<true, true, false>("feature_alpha_dropout");
// x = a (x m_nc - s (1 - m_nc)) + a p s, as in nn.functional
constexpr Op feature_alpha_dropout_over_op = module_row<true, true, true>("feature_alpha_dropout_");

const Op* const kDrawOps[] = {
    &uniform_op,
    &normal_op,
    &log_normal_op,
    &cauchy_op,
    &exponential_op,
    &geometric_op,
    &bernoulli_op,
    &bernoulli_tensor_op,
    &random_op,
    &random_to_op,
    &random_from_op,
    &dropout_op,
    &dropout_module_op,
    &dropout_over_op,
    &feature_dropout_op,
    &feature_dropout_over_op,
    &alpha_dropout_module_op,
    &alpha_dropout_over_op,
    &dropout_mask_op,
    &dropout_masked_op,
    &dropout1d_op,
    &dropout2d_op,
    &dropout3d_op,
    &alpha_dropout_op,
    &feature_alpha_dropout_op,
    &feature_alpha_dropout_module_op,
    &feature_alpha_dropout_over_op,
};

Tensor& draw(const Op& op, Tensor& x, double a, double b, Generator* g) {
  Attrs attrs(a, b);
  g ? attrs.add(g) : attrs.add(nullptr);
  apply(op, {x}, attrs);
  return x;
}

}  // namespace

void check_range(Dtype dtype, int64_t from, int64_t to) {
  check(from < to, "random_ expects 'from' to be less than 'to', but got from=", from,
        " >= to=", to);
  if (!is_floating(dtype)) return;
  const int digits = dtype == Dtype::kFloat32 ? 24 : 53;
  const int64_t limit = int64_t{1} << digits;
  for (const auto& [name, value] : {std::pair("from", from), std::pair("to - 1", to - 1)})
    if (value < -limit || value > limit)
      warn(name, " is out of bounds [-(2^", digits, "), 2^", digits,
           "]. Due to precision limitations ", dtype,
           " can support discrete uniform distribution only within this range.");
}

Tensor dropout(const Tensor& x, double p, bool training) {
  check_defined(x, "dropout");
  check_probability(p);
  if (p == 0 || !training || x.numel() == 0) return x;
  check(is_floating(x.dtype()), "dropout: result type Float can't be cast to the desired output ",
        "type ", x.dtype());
  if (p == 1) return mul(x, 0.0);
  return in_memory_order(x,
                         [p](const Tensor& y) { return apply(dropout_masked_op, {y}, Attrs(p)); });
}
Tensor& uniform_(Tensor& x, double from, double to, Generator* generator) {
  return draw(uniform_op, x, from, to, generator);
}
Tensor& normal_(Tensor& x, double mean, double std, Generator* generator) {
  return draw(normal_op, x, mean, std, generator);
}
std::span<const Op* const> draw_ops() { return kDrawOps; }

}  // namespace wengert
