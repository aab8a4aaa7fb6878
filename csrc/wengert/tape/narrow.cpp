#include "wengert/tape/narrow.h"

#include <utility>

#include "wengert/tape/tape.h"

namespace wengert {
namespace {

// Note [narrow]
// float16, bfloat16, int8 and int16 are types of memory. An op on such elements is computed in
// float32 or int32 and its result rounded, or cut off, to the type that PyTorch's promotion gives:
// here and nowhere else. The casts are ops, recorded like any other, so the gradient of a narrow
// tensor is narrow, derivatives of every order and captured programs come for free, and no row
// or kernel knows of these types but those of Op::any_dtype: what moves memory, views, and
// products, whose casts would take a tenth of a small product and three times a product with a
// vector (see kernels/gemm/narrow.cpp: what it gives are the same float32 results, rounded). What a
// gradient reads is kept as it was given, half as large, and widened once more when it is read.
//
// An op that is other ops (a composite) is left to them.

// The dtype of results, if it is narrow; else one that is not, and results stay as they are.
Dtype result_dtype(const Call& c) {
  const int at = c.op().signature.dtype();
  if (at >= 0 && c.attrs.has(at)) return c.attrs.dtype(at);
  if (c.op().promote != Promote::kNone) {
    const Dtype d = common_dtype(c, c.op().promote == Promote::kNotFirst ? 1 : 0);
    return c.op().promote == Promote::kFloat && !is_floating(d) ? default_dtype() : d;
  }
  if (c.input(0).is_tensor() && (c.op().mixed || !is_floating(c.in(0).dtype())))
    return c.in(0).dtype();
  for (int i = 0; i < c.inputs(); ++i)
    if (c.input(i).is_tensor() && is_floating(c.in(i).dtype())) return c.in(i).dtype();
  return Dtype::kInt64;
}

// Of ops that do not promote: narrow floats are not mixed with others, unless the op says so.
void check_alike(const Call& c) {
  if (c.op().promote != Promote::kNone || c.op().mixed) return;
  const Tensor* first = nullptr;
  for (int i = 0; i < c.inputs(); ++i) {
    if (!c.input(i).is_tensor() || !is_floating(c.in(i).dtype())) continue;
    if (!first) first = &c.in(i);
    check(first->dtype() == c.in(i).dtype(),
          "expected all floating-point inputs to have the same dtype, but found ", first->dtype(),
          " and ", c.in(i).dtype());
  }
}

// The same call on elements that are computed with.
class WideCall {
 public:
  explicit WideCall(const Call& c) : call(c.op()), result_(result_dtype(c)) {
    check_alike(c);
    call.narrow = &c;
    for (int i = 0; i < c.attrs.count(); ++i) {
      if (i == c.op().signature.dtype() && c.attrs.has(i)) {
        call.attrs.add(widened(c.attrs.dtype(i)));
      } else {
        call.attrs.add_from(c.attrs, i);
      }
    }
    for (int i = 0; i < c.inputs(); ++i) call.add_input(widen(c, i));
  }

  // The results of it become those of the narrow call.
  void give(Call& c) {
    for (int i = 0; i < call.outputs(); ++i) {
      Tensor& y = call.out[i];
      if (y.dtype() == widened(result_)) y = to(y, result_);
      c.output(y.dtype(), y.shape(), y.strides());
    }
    c.make_room();
    for (int i = 0; i < call.outputs(); ++i) c.out[i] = std::move(call.out[i]);
  }

  Call call;

 private:
  Operand widen(const Call& c, int i) const {
    if (!c.input(i).is_tensor() || !is_narrow(c.in(i).dtype())) return c.input(i);
    const bool promoted = c.op().promote != Promote::kNone && is_narrow(result_);
    return to(c.in(i), widened(promoted ? result_ : c.in(i).dtype()));
  }

  Dtype result_;
};

// What the op changes is changed in a copy, which then goes back.
void run_mutating(Call& c) {
  WideCall wide(c);
  apply(wide.call);
  const bool state = wide.call.outputs() > 0;
  {
    const GradMode mode(grad_enabled() && !state);
    for (int i = 0; i < c.inputs(); ++i)
      if (c.writes(i) && is_narrow(c.in(i).dtype())) copy_(c.input(i).tensor(), wide.call.in(i));
  }
  if (state) return wide.give(c);
  c.out[0] = c.in(0);
}

}  // namespace

void run_narrow(Call& c) {
  if (c.op().mutates) return run_mutating(c);
  WideCall wide(c);
  apply(wide.call);
  wide.give(c);
}

}  // namespace wengert
