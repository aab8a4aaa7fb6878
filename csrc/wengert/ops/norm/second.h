// What the rows of norms share, the derivative of their gradients most of all.
#pragma once

#include "wengert/ops/basic.h"
#include "wengert/ops/norm/norm.h"
#include "wengert/ops/optional.h"

namespace wengert {

// The attributes that the gradients of norms end with: which of theirs are wanted.
#define WENGERT_WANTED "of_input: bool, of_weight: bool, of_bias: bool"

extern const Op group_norm_forward_op;  // which instance norm is as well

inline void check_norm_dtype(const Tensor& x) {
  check(is_floating(x.dtype()), ErrorKind::kNotImplemented, "not implemented for dtype ", x.dtype(),
        "; a floating input is needed");
}
inline void check_same_dtype(const Tensor& x, const Tensor& t, const char* name) {
  check(t.dtype() == x.dtype(), "expected ", name, " of the input's dtype, ", x.dtype(), ", got ",
        t.dtype());
}

// The second derivative of a norm
//
// With h = (x - m) r, the derivative of h is J a = r (a - mean a - h mean(a h)), its own transpose.
// The gradient d = J(g w) of x, with dw = sum g h and db = sum g, has, for incoming e, ew, eb,
//   dg = w J e + h ew + eb          dw = sum g J e
//   dx = J(g ew) - r (h mean(a J e) + J a mean(e h) + J e mean(a h)),   a = g w,
// where the mean is over what is normalised together, and the terms with it are left out where m
// and r do not depend on x. The last follows from dr = -r^2 h / n and dh = J.
struct NormSecond {
  Tensor g, w;        // w undefined where there is none
  Tensor e, ew, eb;   // undefined where nothing came
  Tensor h, r;        // r broadcasts against x
  Dims dims, others;  // those that are normalised; those that w is not of
  bool given;         // m and r do not depend on x
  // J of a tensor like g.
  template <class J>
  void set(Vjp& v, int weight, const Dims& shape, const J& j) const {
    const Tensor je = e.defined() ? j(e) : Tensor();
    if (v.needs(0)) {
      Tensor dg = add_to({}, je.defined() && w.defined() ? mul(je, w) : je);
      if (ew.defined()) dg = add_to(dg, mul(h, ew));
      if (eb.defined()) dg = add_to(dg, expand(eb, g.shape()));
      if (dg.defined()) v.set(0, reshape(dg, shape));
    }
    if (je.defined() && v.needs(weight))
      v.set(weight, reshape(sum(mul(g, je), others), v.shape(weight)));
    if (!v.needs(1)) return;
    Tensor dx = ew.defined() ? j(mul(g, ew)) : Tensor();
    if (je.defined() && !given) {
      const Tensor a = w.defined() ? mul(g, w) : g;
      const Tensor by_r = mul(h, mean(mul(a, je), dims, true));
      const Tensor by_h =
          add(mul(j(a), mean(mul(e, h), dims, true)), mul(je, mean(mul(a, h), dims, true)));
      dx = add_to(dx, neg(mul(r, add(by_r, by_h))));
    }
    if (dx.defined()) v.set(1, reshape(dx, shape));
  }
  static Tensor add_to(const Tensor& sum, const Tensor& t) {
    return sum.defined() && t.defined() ? add(sum, t) : sum.defined() ? sum : t;
  }
};

}  // namespace wengert
