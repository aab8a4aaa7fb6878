// The rectifier whose slope below 0 is drawn anew for each element.
#include "wengert/ops/pointwise/pointwise.h"
#include "wengert/ops/random/drawing.h"

namespace wengert {

extern const Op leaky_relu_op;

namespace {

constexpr Signature kDrawn =
    "(input: Tensor, lower: float, upper: float, generator: Generator | None = None) -> (output: "
    "Tensor, slopes: Tensor)";

// As PyTorch draws: one number for each element that is not above 0, in order.
void drawn_run(Call& c) {
  const Tensor& x = c.in(0);
  const double lower = c.attrs.real(kDrawn["lower"]), range = c.attrs.real(kDrawn["upper"]) - lower;
  const Drawing drawing(c, kDrawn["generator"]);
  Generator& g = drawing;
  dispatch_floating(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const T* from = x.data_as<T>();
    T *to = c.out[0].data_as<T>(), *slopes = c.out[1].data_as<T>();
    for (int64_t i = 0, n = x.numel(); i < n; ++i) {
      const T v = from[i];
      slopes[i] = v <= 0 ? static_cast<T>(g.unit() * range + lower) : T(1);
      to[i] = v * slopes[i];
    }
  });
}

constexpr Signature kRrelu =
    "(input: Tensor, lower: float = 0.125, upper: float = 0.3333333333333333, training: bool = "
    "False) -> Tensor";

void check_bounds(const Call& c, int lower, int upper) {
  const double low = c.attrs.real(lower), high = c.attrs.real(upper);
  check(low <= high, "Lower bound should be less than or equal to the upper bound, got ", low,
        " and ", high);
  check(is_floating(c.in(0).dtype()), ErrorKind::kNotImplemented, "not implemented for dtype ",
        c.in(0).dtype());
}

}  // namespace

// y = x where x > 0, else a x, a uniform in [lower, upper)          dx = g where x > 0, else a g
constinit const Op rrelu_drawn_op{.name = "_rrelu",
                                  .signature = kDrawn,
                                  .on = 0,
                                  .doc = "rrelu() while training, and the slopes it drew.",
                                  .contiguous = true,
                                  .draws = true,
                                  .checked = true,
                                  .shape =
                                      [](Call& c) {
                                        check_bounds(c, kDrawn["lower"], kDrawn["upper"]);
                                        c.output(c.in(0).dtype(), c.in(0).shape());
                                        c.output(c.in(0).dtype(), c.in(0).shape());
                                      },
                                  .run = drawn_run,
                                  .vjp =
                                      [](Vjp& v) {
                                        if (v.has_g(0)) v.set(0, mul(v.g(), v.y(1)));
                                      },
                                  .reads = reads_output(1)};

// y = x where x > 0, else a x
constinit const Op rrelu_op{
    .name = "rrelu",
    .signature = kRrelu,
    .on = kFunctional | kInplaceFunctional | kModule | kInplace,
    .doc =
        "x where x > 0, else a * x with a drawn for each element from [lower, upper) while "
        "training, otherwise their mean. Xu et al. 2015.",
    .composed = [](Call& c) {
      check_bounds(c, kRrelu["lower"], kRrelu["upper"]);
      const double low = c.attrs.real(kRrelu["lower"]), high = c.attrs.real(kRrelu["upper"]);
      c.results = {c.attrs.flag(kRrelu["training"])
                       ? apply(rrelu_drawn_op, {c.in(0)}, Attrs(low, high, nullptr))
                       : apply(leaky_relu_op, {c.in(0)}, Attrs((low + high) / 2))};
    }};

namespace {
const Op* const kOps[] = {&rrelu_drawn_op, &rrelu_op};
}
std::span<const Op* const> rrelu_ops() { return kOps; }

}  // namespace wengert
