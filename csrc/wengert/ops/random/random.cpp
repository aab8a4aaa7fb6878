// Random tensors. The draws are those of kernels/random/distributions.h, which says what each
// takes.
#include "wengert/ops/random/random.h"

#include <algorithm>
#include <limits>

#include "wengert/kernels/core/copy.h"
#include "wengert/kernels/random/distributions.h"
#include "wengert/ops/random/drawing.h"
#include "wengert/ops/shape/view.h"

namespace wengert {
namespace {

void check_floating(Dtype d) {
  check(is_floating(d), ErrorKind::kNotImplemented, "not implemented for dtype ", d,
        "; a floating dtype is needed");
}

Dims checked_size(Ints size) {
  const Dims shape(size);
  for (int64_t n : shape)
    check(n >= 0, "Trying to create tensor with negative dimension ", n, ": ", shape);
  return shape;
}

// ---- creation ------------------------------------------------------------------------------

// These fill memory from end to end: dense tensors in the order of their strides, as PyTorch does.
void fill_rand(const Tensor& y, Generator& g) {
  dispatch_floating(
      y.dtype(), [&](auto zero) { fill_uniform(g, y.data_as<decltype(zero)>(), y.numel(), 0, 1); });
}
void fill_randn(const Tensor& y, Generator& g, double mean, double std) {
  dispatch_floating(y.dtype(), [&](auto zero) {
    fill_normal(g, y.data_as<decltype(zero)>(), y.numel(), mean, std);
  });
}
void fill_randint(const Tensor& y, Generator& g, int64_t low, int64_t high) {
  dispatch(y.dtype(), [&](auto zero) {
    fill_random_range(g, y.data_as<decltype(zero)>(), y.numel(), low, high);
  });
}

constexpr Signature kSized =
    "(*size: ints, generator: Generator | None = None, dtype: dtype | None = None) -> Tensor";
constexpr Signature kLike =
    "(input: Tensor, *, dtype: dtype | None = None, generator: Generator | None = None) -> Tensor";

void shape_sized(Call& c) {
  const Dtype d = c.attrs.dtype_or(kSized["dtype"], default_dtype());
  check_floating(d);
  c.output(d, checked_size(c.attrs.ints(kSized["size"])));
}
void shape_like(Call& c) {
  const Dtype d = c.attrs.dtype_or(kLike["dtype"], c.in(0).dtype());
  check_floating(d);
  output_like(c, d);
}

// y = u, uniform in [0, 1)
constinit const Op rand_op{
    .name = "rand",
    .signature = kSized,
    .on = kModule | kCreation,
    .doc = "Uniform numbers from [0, 1).",
    .draws = true,
    .shape = shape_sized,
    .run = [](Call& c) { fill_rand(c.out[0], Drawing(c, kSized["generator"])); },
};
// y = z, normal
constinit const Op randn_op{
    .name = "randn",
    .signature = kSized,
    .on = kModule | kCreation,
    .doc = "Normal numbers of mean 0 and standard deviation 1.",
    .draws = true,
    .shape = shape_sized,
    .run = [](Call& c) { fill_randn(c.out[0], Drawing(c, kSized["generator"]), 0, 1); },
};
// y = u, uniform in [0, 1)
constinit const Op rand_like_op{
    .name = "rand_like",
    .signature = kLike,
    .on = kModule | kCreation,
    .doc = "Uniform numbers from [0, 1) with the input's shape and dtype.",
    .shape_only = true,
    .draws = true,
    .shape = shape_like,
    .run = [](Call& c) { fill_rand(c.out[0], Drawing(c, kLike["generator"])); },
};
// y = z, normal
constinit const Op randn_like_op{
    .name = "randn_like",
    .signature = kLike,
    .on = kModule | kCreation,
    .doc = "Normal numbers of mean 0 and standard deviation 1 with the input's shape and dtype.",
    .shape_only = true,
    .draws = true,
    .shape = shape_like,
    .run =
        [](Call& c) {
          const Drawing g(c, kLike["generator"]);
          if (c.out[0].is_contiguous()) return fill_randn(c.out[0], g, 0, 1);
          dispatch_floating(c.out[0].dtype(), [&](auto zero) {
            fill_normal_serial(g, c.out[0].data_as<decltype(zero)>(), c.out[0].numel(), 0, 1);
          });
        },
};

constexpr Signature kRandint =
    "(high: int, size: sizes, *, generator: Generator | None = None, dtype: dtype | None = None) "
    "-> "
    "Tensor";
// y = low + u mod (high - low), u bits
constinit const Op randint_op{
    .name = "randint",
    .signature = kRandint,
    .on = kModule | kCreation,
    .doc = "Integers from 0 up to but without `high`; int64 unless a dtype is given.",
    .draws = true,
    .shape =
        [](Call& c) {
          const Dtype d = c.attrs.dtype_or(kRandint["dtype"], Dtype::kInt64);
          check_range(d, 0, c.attrs.integer(kRandint["high"]));
          c.output(d, checked_size(c.attrs.ints(kRandint["size"])));
        },
    .run =
        [](Call& c) {
          fill_randint(c.out[0], Drawing(c, kRandint["generator"]), 0,
                       c.attrs.integer(kRandint["high"]));
        },
};

constexpr Signature kRandintLow =
    "(low: int, high: int, size: sizes, *, generator: Generator | None = None, dtype: dtype | None "
    "= None) -> Tensor";
// y = low + u mod (high - low), u bits
constinit const Op randint_low_op{
    .name = "randint",
    .signature = kRandintLow,
    .on = kModule | kCreation,
    .doc = "Integers from `low` up to but without `high`; int64 unless a dtype is given.",
    .draws = true,
    .shape =
        [](Call& c) {
          const Dtype d = c.attrs.dtype_or(kRandintLow["dtype"], Dtype::kInt64);
          check_range(d, c.attrs.integer(kRandintLow["low"]), c.attrs.integer(kRandintLow["high"]));
          c.output(d, checked_size(c.attrs.ints(kRandintLow["size"])));
        },
    .run =
        [](Call& c) {
          fill_randint(c.out[0], Drawing(c, kRandintLow["generator"]),
                       c.attrs.integer(kRandintLow["low"]), c.attrs.integer(kRandintLow["high"]));
        },
};

constexpr Signature kRandintLike =
    "(input: Tensor, high: int, *, dtype: dtype | None = None) -> Tensor";
// y = low + u mod (high - low), u bits
constinit const Op randint_like_op{
    .name = "randint_like",
    .signature = kRandintLike,
    .on = kModule | kCreation,
    .doc = "Integers from 0 up to but without `high`, with the input's shape and dtype.",
    .shape_only = true,
    .draws = true,
    .shape =
        [](Call& c) {
          const Dtype d = c.attrs.dtype_or(kRandintLike["dtype"], c.in(0).dtype());
          check_range(d, 0, c.attrs.integer(kRandintLike["high"]));
          output_like(c, d);
        },
    .run =
        [](Call& c) {
          fill_randint(c.out[0], Drawing(), 0, c.attrs.integer(kRandintLike["high"]));
        },
};

constexpr Signature kRandintLikeLow =
    "(input: Tensor, low: int, high: int, *, dtype: dtype | None = None) -> Tensor";
// y = low + u mod (high - low), u bits
constinit const Op randint_like_low_op{
    .name = "randint_like",
    .signature = kRandintLikeLow,
    .on = kModule | kCreation,
    .doc = "Integers from `low` up to but without `high`, with the input's shape and dtype.",
    .shape_only = true,
    .draws = true,
    .shape =
        [](Call& c) {
          const Dtype d = c.attrs.dtype_or(kRandintLikeLow["dtype"], c.in(0).dtype());
          check_range(d, c.attrs.integer(kRandintLikeLow["low"]),
                      c.attrs.integer(kRandintLikeLow["high"]));
          output_like(c, d);
        },
    .run =
        [](Call& c) {
          fill_randint(c.out[0], Drawing(), c.attrs.integer(kRandintLikeLow["low"]),
                       c.attrs.integer(kRandintLikeLow["high"]));
        },
};

// How many whole numbers from 0 on the dtype has without a gap.
int64_t whole_numbers(Dtype dtype) {
  return dispatch(dtype, [](auto zero) {
    using Limits = std::numeric_limits<decltype(zero)>;
    const int64_t last = int64_t{1} << std::min(Limits::digits, 62);
    return Limits::is_integer ? last : last + 1;
  });
}

constexpr Signature kRandperm =
    "(n: int, *, generator: Generator | None = None, dtype: dtype | None = None) -> Tensor";
// y = a permutation of 0, ..., n - 1
constinit const Op randperm_op{
    .name = "randperm",
    .signature = kRandperm,
    .on = kModule | kCreation,
    .doc = "The integers 0 to n - 1 in random order; int64 unless a dtype is given.",
    .draws = true,
    .shape =
        [](Call& c) {
          const int64_t n = c.attrs.integer(kRandperm["n"]);
          const Dtype dtype = c.attrs.dtype_or(kRandperm["dtype"], Dtype::kInt64);
          check(n >= 0, "n must be greater or equal to 0, got ", n);
          check(n <= whole_numbers(dtype), ErrorKind::kRuntime, dtype,
                " does not have the numbers ", "up to ", n - 1);
          c.output(dtype, Dims{n});
        },
    .run =
        [](Call& c) {
          const Tensor& y = c.out[0];
          const Drawing g(c, kRandperm["generator"]);
          if (y.dtype() == Dtype::kInt64) return randperm(g, y.data_as<int64_t>(), y.numel());
          const Scratch order(static_cast<size_t>(y.numel() * 8));
          randperm(g, order.as<int64_t>(), y.numel());
          cast_strided(y.data(), y.dtype(), y.strides(), order.as<void>(), Dtype::kInt64,
                       y.strides(), y.shape());
        },
};

// ---- normal, of tensors or numbers ---------------------------------------------------------

// y = x, none of it below 0
constinit const Op deviations_op{
    .name = "_deviations",
    .signature = "(input: Tensor) -> Tensor",
    .on = 0,
    .doc = "The input. RuntimeError unless every element is at least 0.",
    .contiguous = true,
    .checked = true,
    .shape =
        [](Call& c) {
          check(is_floating(c.in(0).dtype()), "expected floating deviations, got ",
                c.in(0).dtype());
          c.output(c.in(0).dtype(), c.in(0).shape());
        },
    .run =
        [](Call& c) {
          dispatch_floating(c.in(0).dtype(), [&](auto zero) {
            using T = decltype(zero);
            const T* x = c.in(0).data_as<const T>();
            const int64_t n = c.in(0).numel();
            check(std::all_of(x, x + n, [](T v) { return v >= 0; }),
                  "normal expects all elements of std >= 0.0");
            std::copy_n(x, n, c.out[0].data_as<T>());
          });
        },
};

// randn * std + mean, for a mean and a std of which at least one is a tensor.
Tensor normal_of(const Operand& mean, const Operand& std, Generator* g) {
  GradMode off(false);
  Dims shape;
  std::optional<Dtype> found;
  for (const Operand* x : {&mean, &std}) {
    if (!x->is_tensor()) continue;
    check_floating(x->tensor().dtype());
    shape = broadcast_shapes(shape, x->tensor().shape());
    const Dtype own = x->tensor().dtype();
    found = found ? promote(*found, own) : own;
  }
  const Dtype dtype = found.value_or(Dtype::kFloat32);
  if (std.is_tensor()) return add(mul(randn(shape, dtype, g), apply(deviations_op, {std})), mean);
  check(std.scalar().real() >= 0, "normal expects std >= 0.0, but found std ", std.scalar().real());
  return add(mul(randn(shape, dtype, g), std), mean);
}
Generator* given_generator(const Call& c, int i) {
  return c.attrs.has(i) ? c.attrs.generator(i) : nullptr;
}

constexpr Signature kNormalTensors =
    "(mean: Tensor, std: Tensor, *, generator: Generator | None = None) -> Tensor";
// y = mean + std z, z normal
constinit const Op normal_tensors_op{
    .name = "normal",
    .signature = kNormalTensors,
    .on = kModule,
    .doc = "Normal numbers, each with its own mean and standard deviation.",
    .composed =
        [](Call& c) {
          c.results = {
              normal_of(c.in(0), c.in(1), given_generator(c, kNormalTensors["generator"]))};
        },
};

constexpr Signature kNormalMean =
    "(mean: Tensor, std: float = 1.0, *, generator: Generator | None = None) -> Tensor";
// y = mean + std z, z normal
constinit const Op normal_mean_op{
    .name = "normal",
    .signature = kNormalMean,
    .on = kModule,
    .doc = "Normal numbers, each with its own mean.",
    .composed =
        [](Call& c) {
          c.results = {normal_of(c.in(0), c.attrs.real(kNormalMean["std"]),
                                 given_generator(c, kNormalMean["generator"]))};
        },
};

constexpr Signature kNormalStd =
    "(mean: float, std: Tensor, *, generator: Generator | None = None) -> Tensor";
// y = mean + std z, z normal
constinit const Op normal_std_op{
    .name = "normal",
    .signature = kNormalStd,
    .on = kModule,
    .doc = "Normal numbers, each with its own standard deviation.",
    .composed =
        [](Call& c) {
          c.results = {normal_of(c.attrs.real(kNormalStd["mean"]), c.in(0),
                                 given_generator(c, kNormalStd["generator"]))};
        },
};

constexpr Signature kNormalSize =
    "(mean: float, std: float, size: sizes, *, generator: Generator | None = None, dtype: dtype | "
    "None = None) -> Tensor";
// y = mean + std z, z normal
constinit const Op normal_size_op{
    .name = "normal",
    .signature = kNormalSize,
    .on = kModule | kCreation,
    .doc = "Normal numbers of one mean and standard deviation.",
    .draws = true,
    .shape =
        [](Call& c) {
          const Dtype d = c.attrs.dtype_or(kNormalSize["dtype"], default_dtype());
          check_floating(d);
          check(c.attrs.real(kNormalSize["std"]) >= 0, "normal expects std >= 0.0, but found std ",
                c.attrs.real(kNormalSize["std"]));
          c.output(d, checked_size(c.attrs.ints(kNormalSize["size"])));
        },
    .run =
        [](Call& c) {
          fill_randn(c.out[0], Drawing(c, kNormalSize["generator"]),
                     c.attrs.real(kNormalSize["mean"]), c.attrs.real(kNormalSize["std"]));
        },
};

// ---- of probabilities ----------------------------------------------------------------------

constexpr Signature kBernoulli = "(input: Tensor, *, generator: Generator | None = None) -> Tensor";
// y = 1 where u < p, else 0, u uniform      dx = 0
constinit const Op bernoulli_op{
    .name = "bernoulli",
    .signature = kBernoulli,
    .doc = "Ones with the probabilities given by the input, zeros otherwise. No gradient flows.",
    .contiguous = true,
    .draws = true,
    .shape =
        [](Call& c) {
          check_floating(c.in(0).dtype());
          c.output(c.in(0).dtype(), c.in(0).shape());
        },
    .run =
        [](Call& c) {
          dispatch_floating(c.in(0).dtype(), [&](auto zero) {
            using T = decltype(zero);
            fill_bernoulli(Drawing(c, kBernoulli["generator"]), c.out[0].data_as<T>(),
                           c.out[0].numel(), static_cast<const T*>(c.in(0).data_as<T>()));
          });
        },
    .vjp = zero_vjp,
};

constexpr Signature kBernoulliP =
    "(input: Tensor, p: float, *, generator: Generator | None = None) -> Tensor";
// y = 1 where u < p, else 0, u uniform      dx = 0
constinit const Op bernoulli_p_op{
    .name = "bernoulli",
    .signature = kBernoulliP,
    .doc = "Ones with probability p, zeros otherwise, in the input's shape and dtype.",
    .shape_only = true,
    .draws = true,
    .shape = [](Call& c) { c.output(c.in(0).dtype(), c.in(0).shape()); },
    .run =
        [](Call& c) {
          dispatch(c.in(0).dtype(), [&](auto zero) {
            fill_bernoulli(Drawing(c, kBernoulliP["generator"]), c.out[0].data_as<decltype(zero)>(),
                           c.out[0].numel(), c.attrs.real(kBernoulliP["p"]));
          });
        },
    .vjp = zero_vjp,
};

constexpr Signature kMultinomial =
    "(input: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = "
    "None) -> Tensor";
// y_k = the first i with p_0 + ... + p_i > u_k, u uniform
constinit const Op multinomial_op{
    .name = "multinomial",
    .signature = kMultinomial,
    .doc = "num_samples indices, int64, drawn with the weights in the input, (n,) or (rows, n).",
    .contiguous = true,
    .draws = true,
    .shape =
        [](Call& c) {
          const Tensor& p = c.in(0);
          const int64_t n = c.attrs.integer(kMultinomial["num_samples"]);
          check(p.ndim() == 1 || p.ndim() == 2, "prob_dist must be 1 or 2 dim, got ", p.shape());
          check(is_floating(p.dtype()),
                "multinomial only supports floating-point dtypes for input, "
                "got: ",
                p.dtype());
          check(n > 0, "cannot sample n_sample <= 0 samples, got ", n);
          check(c.attrs.flag(kMultinomial["replacement"]) || n <= p.size(-1),
                "cannot sample n_sample > prob_dist.size(-1) "
                "samples without replacement: ",
                n, " of ", p.size(-1));
          Dims shape = p.shape();
          shape[p.ndim() - 1] = n;
          c.output(Dtype::kInt64, shape);
        },
    .run =
        [](Call& c) {
          const Tensor& p = c.in(0);
          dispatch_floating(p.dtype(), [&](auto zero) {
            using T = decltype(zero);
            multinomial(Drawing(c, kMultinomial["generator"]), c.out[0].data_as<int64_t>(),
                        static_cast<const T*>(p.data_as<T>()), p.ndim() == 2 ? p.size(0) : 1,
                        p.size(-1), c.attrs.integer(kMultinomial["num_samples"]),
                        c.attrs.flag(kMultinomial["replacement"]));
          });
        },
};

const Op* const kRandomOps[] = {
    &rand_op,        &randn_op,        &rand_like_op,        &randn_like_op, &randint_op,
    &randint_low_op, &randint_like_op, &randint_like_low_op, &randperm_op,   &normal_tensors_op,
    &normal_mean_op, &normal_std_op,   &normal_size_op,      &deviations_op, &bernoulli_op,
    &bernoulli_p_op, &multinomial_op,
};

thread_local Generator* own_generator = nullptr;

void add_generator(Attrs& a, Generator* g) { g ? a.add(g) : a.add(nullptr); }

Tensor sized(const Op& op, const Dims& shape, Dtype dtype, Generator* g) {
  Attrs a(shape);
  add_generator(a, g);
  a.add(dtype);
  return apply(op, {}, a);
}

}  // namespace

Generator& default_generator() {
  static Generator shared;
  return own_generator ? *own_generator : shared;
}
void set_default_generator(Generator* generator) { own_generator = generator; }

Tensor rand(const Dims& shape, Dtype dtype, Generator* g) {
  return sized(rand_op, shape, dtype, g);
}
Tensor randn(const Dims& shape, Dtype dtype, Generator* g) {
  return sized(randn_op, shape, dtype, g);
}
Tensor randperm(int64_t n, Generator* g) {
  Attrs a(n);
  add_generator(a, g);
  a.add(nullptr);
  return apply(randperm_op, {}, a);
}
std::span<const Op* const> random_ops() { return kRandomOps; }

}  // namespace wengert
