// Random tensors. The draws are those of kernels/random/distributions.h, which says what each
// takes.
#include "wengert/ops/random/random.h"

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
void check_range(int64_t low, int64_t high) {
  check(low < high, "random_ expects 'from' to be less than 'to', but got from=", low,
        " >= to=", high);
}

void shape_sized(Call& c) {
  const Dtype d = c.attrs.dtype_or(2, default_dtype());
  check_floating(d);
  c.output(d, checked_size(c.attrs.ints(0)));
}
void shape_like(Call& c) {
  const Dtype d = c.attrs.dtype_or(0, c.in(0).dtype());
  check_floating(d);
  c.output(d, c.in(0).shape());
}

constexpr const char* kSized =
    "(*size: ints, generator: Generator | None = None, dtype: dtype | None = None) -> Tensor";
constexpr const char* kLike =
    "(input: Tensor, *, dtype: dtype | None = None, generator: Generator | None = None) -> Tensor";

// y = u, uniform in [0, 1)
constinit const Op rand_op{
    .name = "rand",
    .signature = kSized,
    .on = kModule | kCreation,
    .doc = "Uniform numbers from [0, 1).",
    .draws = true,
    .shape = shape_sized,
    .run = [](Call& c) { fill_rand(c.out[0], Drawing(c, 1)); },
};
// y = z, normal
constinit const Op randn_op{
    .name = "randn",
    .signature = kSized,
    .on = kModule | kCreation,
    .doc = "Normal numbers of mean 0 and standard deviation 1.",
    .draws = true,
    .shape = shape_sized,
    .run = [](Call& c) { fill_randn(c.out[0], Drawing(c, 1), 0, 1); },
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
    .run = [](Call& c) { fill_rand(c.out[0], Drawing(c, 1)); },
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
    .run = [](Call& c) { fill_randn(c.out[0], Drawing(c, 1), 0, 1); },
};

// y = low + u mod (high - low), u bits
constinit const Op randint_op{
    .name = "randint",
    .signature =
        "(high: int, size: ints, *, generator: Generator | None = None, "
        "dtype: dtype | None = None) -> Tensor",
    .on = kModule | kCreation,
    .doc = "Integers from 0 up to but without `high`; int64 unless a dtype is given.",
    .draws = true,
    .shape =
        [](Call& c) {
          check_range(0, c.attrs.integer(0));
          c.output(c.attrs.dtype_or(3, Dtype::kInt64), checked_size(c.attrs.ints(1)));
        },
    .run = [](Call& c) { fill_randint(c.out[0], Drawing(c, 2), 0, c.attrs.integer(0)); },
};
// y = low + u mod (high - low), u bits
constinit const Op randint_low_op{
    .name = "randint",
    .signature =
        "(low: int, high: int, size: ints, *, generator: Generator | None = None, "
        "dtype: dtype | None = None) -> Tensor",
    .on = kModule | kCreation,
    .doc = "Integers from `low` up to but without `high`; int64 unless a dtype is given.",
    .draws = true,
    .shape =
        [](Call& c) {
          check_range(c.attrs.integer(0), c.attrs.integer(1));
          c.output(c.attrs.dtype_or(4, Dtype::kInt64), checked_size(c.attrs.ints(2)));
        },
    .run =
        [](Call& c) {
          fill_randint(c.out[0], Drawing(c, 3), c.attrs.integer(0), c.attrs.integer(1));
        },
};
// y = low + u mod (high - low), u bits
constinit const Op randint_like_op{
    .name = "randint_like",
    .signature = "(input: Tensor, high: int, *, dtype: dtype | None = None) -> Tensor",
    .on = kModule | kCreation,
    .doc = "Integers from 0 up to but without `high`, with the input's shape and dtype.",
    .shape_only = true,
    .draws = true,
    .shape =
        [](Call& c) {
          check_range(0, c.attrs.integer(0));
          c.output(c.attrs.dtype_or(1, c.in(0).dtype()), c.in(0).shape());
        },
    .run = [](Call& c) { fill_randint(c.out[0], Drawing(), 0, c.attrs.integer(0)); },
};
// y = low + u mod (high - low), u bits
constinit const Op randint_like_low_op{
    .name = "randint_like",
    .signature = "(input: Tensor, low: int, high: int, *, dtype: dtype | None = None) -> Tensor",
    .on = kModule | kCreation,
    .doc = "Integers from `low` up to but without `high`, with the input's shape and dtype.",
    .shape_only = true,
    .draws = true,
    .shape =
        [](Call& c) {
          check_range(c.attrs.integer(0), c.attrs.integer(1));
          c.output(c.attrs.dtype_or(2, c.in(0).dtype()), c.in(0).shape());
        },
    .run =
        [](Call& c) { fill_randint(c.out[0], Drawing(), c.attrs.integer(0), c.attrs.integer(1)); },
};

// y = a permutation of 0, ..., n - 1
constinit const Op randperm_op{
    .name = "randperm",
    .signature =
        "(n: int, *, generator: Generator | None = None, dtype: dtype | None = None) "
        "-> Tensor",
    .on = kModule | kCreation,
    .doc = "The integers 0 to n - 1 in random order; int64 unless a dtype is given.",
    .draws = true,
    .shape =
        [](Call& c) {
          const int64_t n = c.attrs.integer(0);
          check(n >= 0, "n must be greater or equal to 0, got ", n);
          c.output(c.attrs.dtype_or(2, Dtype::kInt64), Dims{n});
        },
    .run =
        [](Call& c) {
          const Tensor& y = c.out[0];
          const Drawing g(c, 1);
          if (y.dtype() == Dtype::kInt64) return randperm(g, y.data_as<int64_t>(), y.numel());
          const Scratch order(static_cast<size_t>(y.numel() * 8));
          randperm(g, order.as<int64_t>(), y.numel());
          cast_strided(y.data(), y.dtype(), y.strides(), order.as<void>(), Dtype::kInt64,
                       y.strides(), y.shape());
        },
};

// ---- normal, of tensors or numbers ---------------------------------------------------------

// randn * std + mean, for a mean and a std of which at least one is a tensor.
Tensor normal_of(const Operand& mean, const Operand& std, Generator* g) {
  GradMode off(false);
  Dims shape;
  Dtype dtype = Dtype::kFloat32;
  for (const Operand* x : {&mean, &std}) {
    if (!x->is_tensor()) continue;
    check_floating(x->tensor().dtype());
    shape = broadcast_shapes(shape, x->tensor().shape());
    dtype = promote(dtype, x->tensor().dtype());
  }
  return add(mul(randn(shape, dtype, g), std), mean);
}
Generator* given_generator(const Call& c, int i) {
  return c.attrs.has(i) ? c.attrs.generator(i) : nullptr;
}

// y = mean + std z, z normal
constinit const Op normal_tensors_op{
    .name = "normal",
    .signature = "(mean: Tensor, std: Tensor, *, generator: Generator | None = None) -> Tensor",
    .on = kModule,
    .doc = "Normal numbers, each with its own mean and standard deviation.",
    .composed = [](Call& c) { c.results = {normal_of(c.in(0), c.in(1), given_generator(c, 0))}; },
};
// y = mean + std z, z normal
constinit const Op normal_mean_op{
    .name = "normal",
    .signature =
        "(mean: Tensor, std: float = 1.0, *, generator: Generator | None = None) -> Tensor",
    .on = kModule,
    .doc = "Normal numbers, each with its own mean.",
    .composed =
        [](Call& c) { c.results = {normal_of(c.in(0), c.attrs.real(0), given_generator(c, 1))}; },
};
// y = mean + std z, z normal
constinit const Op normal_std_op{
    .name = "normal",
    .signature = "(mean: float, std: Tensor, *, generator: Generator | None = None) -> Tensor",
    .on = kModule,
    .doc = "Normal numbers, each with its own standard deviation.",
    .composed =
        [](Call& c) { c.results = {normal_of(c.attrs.real(0), c.in(0), given_generator(c, 1))}; },
};
// y = mean + std z, z normal
constinit const Op normal_size_op{
    .name = "normal",
    .signature =
        "(mean: float, std: float, size: ints, *, generator: Generator | None = None, "
        "dtype: dtype | None = None) -> Tensor",
    .on = kModule | kCreation,
    .doc = "Normal numbers of one mean and standard deviation.",
    .draws = true,
    .shape =
        [](Call& c) {
          const Dtype d = c.attrs.dtype_or(4, default_dtype());
          check_floating(d);
          check(c.attrs.real(1) >= 0, "normal expects std >= 0.0, but found std ", c.attrs.real(1));
          c.output(d, checked_size(c.attrs.ints(2)));
        },
    .run = [](Call& c) { fill_randn(c.out[0], Drawing(c, 3), c.attrs.real(0), c.attrs.real(1)); },
};

// ---- of probabilities ----------------------------------------------------------------------

// y = 1 where u < p, else 0, u uniform      dx = 0
constinit const Op bernoulli_op{
    .name = "bernoulli",
    .signature = "(input: Tensor, *, generator: Generator | None = None) -> Tensor",
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
            fill_bernoulli(Drawing(c, 0), c.out[0].data_as<T>(), c.out[0].numel(),
                           static_cast<const T*>(c.in(0).data_as<T>()));
          });
        },
    .vjp = zero_vjp,
};
// y = 1 where u < p, else 0, u uniform      dx = 0
constinit const Op bernoulli_p_op{
    .name = "bernoulli",
    .signature = "(input: Tensor, p: float, *, generator: Generator | None = None) -> Tensor",
    .doc = "Ones with probability p, zeros otherwise, in the input's shape and dtype.",
    .shape_only = true,
    .draws = true,
    .shape = [](Call& c) { c.output(c.in(0).dtype(), c.in(0).shape()); },
    .run =
        [](Call& c) {
          dispatch(c.in(0).dtype(), [&](auto zero) {
            fill_bernoulli(Drawing(c, 1), c.out[0].data_as<decltype(zero)>(), c.out[0].numel(),
                           c.attrs.real(0));
          });
        },
    .vjp = zero_vjp,
};

// y_k = the first i with p_0 + ... + p_i > u_k, u uniform
constinit const Op multinomial_op{
    .name = "multinomial",
    .signature =
        "(input: Tensor, num_samples: int, replacement: bool = False, *, "
        "generator: Generator | None = None) -> Tensor",
    .doc = "num_samples indices, int64, drawn with the weights in the input, (n,) or (rows, n).",
    .contiguous = true,
    .draws = true,
    .shape =
        [](Call& c) {
          const Tensor& p = c.in(0);
          const int64_t n = c.attrs.integer(0);
          check(p.ndim() == 1 || p.ndim() == 2, "prob_dist must be 1 or 2 dim, got ", p.shape());
          check(is_floating(p.dtype()),
                "multinomial only supports floating-point dtypes for input, "
                "got: ",
                p.dtype());
          check(n > 0, "cannot sample n_sample <= 0 samples, got ", n);
          check(c.attrs.flag(1) || n <= p.size(-1),
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
            multinomial(Drawing(c, 2), c.out[0].data_as<int64_t>(),
                        static_cast<const T*>(p.data_as<T>()), p.ndim() == 2 ? p.size(0) : 1,
                        p.size(-1), c.attrs.integer(0), c.attrs.flag(1));
          });
        },
};

const Op* const kRandomOps[] = {
    &rand_op,        &randn_op,          &rand_like_op,    &randn_like_op,
    &randint_op,     &randint_low_op,    &randint_like_op, &randint_like_low_op,
    &randperm_op,    &normal_tensors_op, &normal_mean_op,  &normal_std_op,
    &normal_size_op, &bernoulli_op,      &bernoulli_p_op,  &multinomial_op,
};

void add_generator(Attrs& a, Generator* g) { g ? a.add(g) : a.add(nullptr); }

Tensor sized(const Op& op, const Dims& shape, Dtype dtype, Generator* g) {
  Attrs a(shape);
  add_generator(a, g);
  a.add(dtype);
  return apply(op, {}, a);
}

}  // namespace

Generator& default_generator() {
  static Generator g;
  return g;
}

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
