// Convolutions with what follows them in their tiles. Made by passes over a program.
#include <array>

#include "wengert/base/allocator.h"
#include "wengert/kernels/conv/conv.h"
#include "wengert/ops/conv/product.h"
#include "wengert/ops/pointwise/rows.h"

namespace wengert {

extern const Op batch_norm_eval_op;

namespace {

#define WENGERT_THEN                                                                             \
  "weight: Tensor, bias: Tensor | None, norm_weight: Tensor | None, norm_bias: Tensor | None, "  \
  "mean: Tensor | None, var: Tensor | None, other: Tensor | None, stride: ints, padding: ints, " \
  "dilation: ints, groups: int, size: ints, next: op | None, eps: float, keep_sum: bool, "       \
  "combine: op | None, c0: float, c1: float, c2: float, c3: float, activation: op | None, "      \
  "p0: float, p1: float, p2: float, p3: float, keep: bool) -> Tensor"
constexpr Signature kOfInput = "(input: Tensor, " WENGERT_THEN;
constexpr Signature kOfGrad = "(grad: Tensor, " WENGERT_THEN;
#undef WENGERT_THEN
static_assert(attribute("size", kOfInput, kOfGrad) == 4);  // as conv_shape reads them
constexpr int kNext = attribute("next", kOfInput, kOfGrad);
constexpr int kEps = attribute("eps", kOfInput, kOfGrad);
constexpr int kKeepSum = attribute("keep_sum", kOfInput, kOfGrad);
constexpr int kCombine = attribute("combine", kOfInput, kOfGrad);
constexpr int kC0 = attribute("c0", kOfInput, kOfGrad);
constexpr int kActivation = attribute("activation", kOfInput, kOfGrad);
constexpr int kP0 = attribute("p0", kOfInput, kOfGrad);
constexpr int kKeep = attribute("keep", kOfInput, kOfGrad);
constexpr int kMean = 5, kOther = 7;  // inputs; mean's neighbours are the norm's

const Op* op_of(const Call& c, int at, const char* name) {
  if (!c.attrs.has(at)) return nullptr;
  check(c.attrs.kind(at) == Attrs::Kind::kOp, name, " must be an operation or None");
  return c.attrs.op(at);
}

// Behind the shape of the convolution itself.
void check_norm(const Call& c, const Tensor& x, int64_t channels) {
  const Op* next = op_of(c, kNext, "next");
  check(!next || next == &batch_norm_eval_op, "next must be batch_norm_eval or None");
  check(next || !c.attrs.flag(kKeepSum), "no sum to keep without a norm");
  for (int i = kMean - 2; i < kMean + 2; ++i) {
    check(next || !c.has(i), "no norm for its numbers");
    check(!next || i < kMean || c.has(i), "a norm needs mean and variance");
    check(!c.has(i) || (c.in(i).dtype() == x.dtype() && c.in(i).numel() == channels),
          "the numbers of a norm must be ", channels, " of ", x.dtype());
  }
}
void then_shape(Call& c) {
  const Dtype dtype = c.in(0).dtype();
  const Dims shape = c.meta[0].shape;
  check(is_floating(dtype), "floating-point input expected, got ", dtype);
  check_norm(c, c.in(0), shape[1]);
  const Op* combine = op_of(c, kCombine, "combine");
  check(!combine || binary_kernel(*combine, dtype), "combine must be a pointwise op of two ", dtype,
        " tensors");
  check((combine != nullptr) == c.has(kOther), "combine and other belong together");
  check(!combine || (c.in(kOther).dtype() == dtype && c.in(kOther).shape() == shape),
        "other must be ", dtype, " and have the result's shape ", shape);
  const Op* activation = op_of(c, kActivation, "activation");
  check(!activation || unary_kernel(*activation, dtype),
        "activation must be a pointwise op of one ", dtype, " tensor");
  check(activation || !c.attrs.flag(kKeep), "nothing to keep without an activation");
  for (const int at : {kKeep, kKeepSum})
    if (c.attrs.flag(at)) c.output(dtype, shape);
}

// What the kernels are told of a call, as long as it lives.
template <class T>
class Epilogue {
 public:
  explicit Epilogue(const Call& c)
      : maps_(c.attrs.has(kNext) ? static_cast<size_t>(c.out[0].shape()[1]) * sizeof(ChannelMap<T>)
                                 : 0) {
    const bool keep = c.attrs.flag(kKeep);
    if (c.attrs.flag(kKeepSum)) e_.sums = c.out[keep ? 2 : 1].template data_as<T>();
    if (c.attrs.has(kNext)) set_maps(c);
    if (c.attrs.has(kCombine)) {
      e_.combine = {binary_kernel(*c.attrs.op(kCombine), c.out[0].dtype()), numbers(c, kC0, 0)};
      e_.other = c.in(kOther).data_as<T>();
    }
    if (c.attrs.has(kActivation))
      e_.activation = {unary_kernel(*c.attrs.op(kActivation), c.out[0].dtype()),
                       numbers(c, kP0, 4)};
    if (keep) (e_.maps || e_.combine.kernel ? e_.combined : e_.sums) = c.out[1].data_as<T>();
  }
  const ConvEpilogue<T>& operator*() const { return e_; }

 private:
  void set_maps(const Call& c) {
    const auto given = [&](int i) { return c.has(i) ? c.in(i).data_as<T>() : nullptr; };
    const Affine<T> affine{given(kMean - 2), given(kMean - 1)};
    auto* const maps = maps_.template as<ChannelMap<T>>();
    const double eps = c.attrs.real(kEps);
    for (int64_t i = 0; i < c.out[0].shape()[1]; ++i)
      maps[i] = affine.map(given(kMean), given(kMean + 1), eps, i);
    e_.maps = maps;
  }
  const double* numbers(const Call& c, int first, size_t to) {
    for (int i = 0; i < 4; ++i) numbers_[to + static_cast<size_t>(i)] = c.attrs.real(first + i);
    return &numbers_[to];
  }

  Scratch maps_;
  std::array<double, 8> numbers_;
  ConvEpilogue<T> e_;
};

constexpr const char* kDoc =
    "A convolution and, of its result, what a program goes on with: `next`, a norm by given "
    "moments; `combine`, a pointwise op of that and `other`; `activation`, one of what has come "
    "of it. c0 to c3 and p0 to p3 are their numbers. If `keep`, what the activation is taken of "
    "is a second result; if `keep_sum`, what the norm is taken of is the last. Made by passes "
    "over a program: it has no gradient.";

}  // namespace

// z = conv(X, W) + b, y = f(g(norm(z), other)), while the tile of z is still in cache
constinit const Op conv_output_then_op{
    .name = "conv_output_then",
    .signature = kOfInput,
    .on = 0,
    .doc = kDoc,
    .contiguous = true,
    .shape =
        [](Call& c) {
          conv_output_shape(c);
          then_shape(c);
        },
    .run =
        [](Call& c) {
          const Tensor &x = c.in(0), &w = c.in(1), &y = c.out[0];
          const ConvShape s = conv_shape(c.attrs, x, w, y);
          dispatch_floating(y.dtype(), [&](auto zero) {
            using T = decltype(zero);
            conv_output(s, x.data_as<T>(), w.data_as<T>(),
                        c.has(2) ? c.in(2).data_as<T>() : nullptr, y.data_as<T>(), *Epilogue<T>(c));
          });
        },
    .then_unary = &conv_output_then_op,
    .then_binary = &conv_output_then_op,
    .first = &conv_output_op};

// z = conv_input(Y, W) + b, x = f(g(norm(z), other)), while the tile of z is still in cache
constinit const Op conv_input_then_op{.name = "conv_input_then",
                                      .signature = kOfGrad,
                                      .on = 0,
                                      .doc = kDoc,
                                      .contiguous = true,
                                      .shape =
                                          [](Call& c) {
                                            conv_input_shape(c);
                                            then_shape(c);
                                          },
                                      .run =
                                          [](Call& c) {
                                            const Tensor &y = c.in(0), &w = c.in(1), &x = c.out[0];
                                            const ConvShape s = conv_shape(c.attrs, x, w, y);
                                            dispatch_floating(x.dtype(), [&](auto zero) {
                                              using T = decltype(zero);
                                              conv_input(s, y.data_as<T>(), w.data_as<T>(),
                                                         c.has(2) ? c.in(2).data_as<T>() : nullptr,
                                                         x.data_as<T>(), *Epilogue<T>(c));
                                            });
                                          },
                                      .then_unary = &conv_input_then_op,
                                      .then_binary = &conv_input_then_op,
                                      .first = &conv_input_op};

const Op* convolution_followed_by(const Op& first, const Op& next) {
  if (&next != &batch_norm_eval_op) return nullptr;
  if (&first == &conv_output_op) return &conv_output_then_op;
  return &first == &conv_input_op ? &conv_input_then_op : nullptr;
}

std::span<const Op* const> conv_fused_ops() {
  static constexpr const Op* kOps[] = {&conv_output_then_op, &conv_input_then_op};
  return kOps;
}

}  // namespace wengert
