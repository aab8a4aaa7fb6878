// The rows of attention in four dimensions, and what dropout keeps of its weights.
#include "wengert/kernels/attention/attention.h"
#include "wengert/kernels/random/dropout.h"
#include "wengert/ops/attention/heads.h"
#include "wengert/ops/optional.h"
#include "wengert/ops/random/drawing.h"
#include "wengert/ops/ways.h"

namespace wengert {

namespace {

constexpr Signature kForward =
    "(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, kept: Tensor | None, scale: "
    "float, causal: bool, p: float) -> (output: Tensor, log_sums: Tensor)";
constexpr Signature kBackward =
    "(grad: Tensor, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, kept: Tensor | "
    "None, output: Tensor, log_sums: Tensor, scale: float, causal: bool, p: float, of_query: bool, "
    "of_key: bool, of_value: bool, of_mask: bool) -> (query: Tensor, key: Tensor, value: Tensor, "
    "mask: Tensor)";
constexpr Signature kKept = "(input: Tensor, weights: int, p: float) -> Tensor";
constexpr Signature kFactors = "(input: Tensor, kept: Tensor, size: ints, p: float) -> Tensor";
constexpr int kScale = attribute("scale", kForward, kBackward);
constexpr int kCausal = attribute("causal", kForward, kBackward);
constexpr int kP = attribute("p", kForward, kBackward);

AttentionShape shape_of(const Attrs& a, const Dims& q, const Dims& k, const Dims& v) {
  return {q[0], q[1], k[1], q[2], k[2], q[3], v[3], a.real(kScale), a.flag(kCausal), a.real(kP)};
}
int64_t weights_of(const AttentionShape& s) { return s.batch * s.heads * s.queries * s.keys; }
AttentionShape shape_of(const Call& c, int first) {
  return shape_of(c.attrs, c.in(first).shape(), c.in(first + 1).shape(), c.in(first + 2).shape());
}

// Query, key, value, mask and kept, from input `first` on.
AttentionShape checked(const Call& c, int first) {
  const Tensor &q = c.in(first), &k = c.in(first + 1), &v = c.in(first + 2);
  check(is_floating(q.dtype()) && k.dtype() == q.dtype() && v.dtype() == q.dtype(),
        "query, key and value of one floating dtype are needed, got ", q.dtype(), ", ", k.dtype(),
        " and ", v.dtype());
  check(q.ndim() == 4 && k.ndim() == 4 && v.ndim() == 4, "four dimensions are needed, got ",
        q.shape(), ", ", k.shape(), " and ", v.shape());
  const AttentionShape s = shape_of(c, first);
  check(k.size(0) == s.batch && v.size(0) == s.batch && v.size(1) == s.kv_heads &&
            v.size(2) == s.keys && k.size(3) == s.width && s.kv_heads > 0 &&
            s.heads % s.kv_heads == 0,
        "query, key and value do not fit: ", q.shape(), ", ", k.shape(), " and ", v.shape());
  check(s.p >= 0 && s.p < 1, "p is ", s.p, ", needs 0 <= p < 1");
  const Dims scores{s.batch, s.heads, s.queries, s.keys};
  if (c.has(first + 3)) {
    const Tensor& mask = c.in(first + 3);
    check(mask.dtype() == Dtype::kBool || mask.dtype() == q.dtype(), "a mask of bools or of ",
          q.dtype(), " is needed, got ", mask.dtype());
    check(mask.ndim() == 4 && broadcast_shapes(mask.shape(), scores) == scores, "a mask of shape ",
          mask.shape(), " does not broadcast to ", scores);
  }
  check(c.has(first + 4) == (s.p > 0),
        "bits of what is kept are needed for dropout, and only then");
  if (c.has(first + 4)) {
    const Tensor& kept = c.in(first + 4);
    check(kept.dtype() == Dtype::kUInt8 && kept.shape() == Dims{kept_bytes(weights_of(s))},
          "kept must be ", kept_bytes(weights_of(s)), " bytes, got ", kept.dtype(), kept.shape());
  }
  return s;
}

// Rows that are runs of memory, one after the other, are read where they are; `all` are to be one
// run.
void arrange(Call& c, int i, bool all = false) {
  if (!c.has(i)) return;
  const Tensor& x = c.in(i);
  if (all ? x.is_contiguous() : x.strides()[3] == 1 && x.strides()[2] >= x.shape()[3]) return;
  const GradMode off(false);
  c.replace(i, contiguous(x));
}

// Strides of an output that lies as x does: heads within rows, or rows within heads.
Dims lying_as(const Tensor& x, const Dims& shape) {
  const Dims strides = contiguous_strides(shape);
  if (x.strides()[1] >= x.strides()[2] || shape[1] == 1 || shape[2] == 1) return strides;
  return {strides[0], shape[3], shape[1] * shape[3], 1};
}

template <class T, class Memory>
HeadRows<T> rows_of(const Memory& t) {
  const Dims& s = t.strides();
  return {t.template data_as<std::remove_const_t<T>>(), s[0], s[1], s[2]};
}

AttentionMask mask_of(const Call& c, int i) {
  if (!c.has(i)) return {};
  const Tensor& m = c.in(i);
  const auto step = [&](int d) { return m.shape()[d] == 1 ? 0 : m.strides()[d]; };
  return {m.data(), m.dtype() == Dtype::kBool, step(0), step(1), step(2), step(3)};
}
Kept kept_of(const Call& c, int i) { return c.has(i) ? c.in(i).data_as<uint8_t>() : nullptr; }

void forward_shape(Call& c) {
  const AttentionShape s = checked(c, 0);
  const Dims shape{s.batch, s.heads, s.queries, s.out_width};
  // PyTorch's kernel has it lie as the queries do; what it composes for dropout is contiguous.
  c.output(c.in(0).dtype(), shape, s.p > 0 ? contiguous_strides(shape) : lying_as(c.in(0), shape));
  c.output(c.in(0).dtype(), {s.batch, s.heads, s.queries});
  for (int i = 0; i < 3; ++i) arrange(c, i);
  arrange(c, 4, true);
}

void forward_run(Call& c) {
  dispatch_floating(c.in(0).dtype(), [&](auto zero) {
    using T = decltype(zero);
    attention_forward<T>(shape_of(c, 0), rows_of<const T>(c.in(0)), rows_of<const T>(c.in(1)),
                         rows_of<const T>(c.in(2)), mask_of(c, 3), kept_of(c, 4),
                         rows_of<T>(c.out[0]), c.out[1].data_as<T>());
  });
}

void forward_vjp(Vjp& v) {
  Attrs a = v.attrs();
  for (int i = 0; i < 4; ++i) a.add(v.needs(i));
  Call c(attention_backward_op, a);
  c.add_input(v.g());
  for (int i = 0; i < 5; ++i) c.add_input(optional_operand(v, i));
  for (int i = 0; i < 2; ++i) c.add_input(v.y(i).detach());
  apply(c);
  for (int i = 0; i < 4; ++i)
    if (v.needs(i)) v.set(i, std::move(c.out[i]));
}

void backward_shape(Call& c) {
  const AttentionShape s = checked(c, 1);
  const Dims y{s.batch, s.heads, s.queries, s.out_width};
  for (const int i : {0, 6})
    check(c.in(i).shape() == y && c.in(i).dtype() == c.in(1).dtype(),
          "grad and output of the result's shape are needed, ", y, ", got ", c.in(i).shape());
  check(c.in(7).shape() == Dims{s.batch, s.heads, s.queries} && c.in(7).dtype() == c.in(1).dtype(),
        "a number for each query is needed, got ", c.in(7).shape());
  const int wanted[] = {kBackward["of_query"], kBackward["of_key"], kBackward["of_value"]};
  for (int i = 0; i < 3; ++i) {
    const Tensor& x = c.in(i + 1);
    c.attrs.flag(wanted[i]) ? c.output(x.dtype(), x.shape(), lying_as(x, x.shape()))
                            : c.output(x.dtype(), {0});
  }
  const bool of_mask = c.attrs.flag(kBackward["of_mask"]);
  c.output(c.in(1).dtype(), of_mask ? Dims{s.batch, s.heads, s.queries, s.keys} : Dims{0});
  for (const int i : {0, 1, 2, 3, 6}) arrange(c, i);
  for (const int i : {5, 7}) arrange(c, i, true);
}

void backward_run(Call& c) {
  const Attrs& a = c.attrs;
  const AttentionShape s = shape_of(c, 1);
  dispatch_floating(c.in(1).dtype(), [&](auto zero) {
    using T = decltype(zero);
    AttentionGradients<T> d{};
    if (a.flag(kBackward["of_query"])) d.q = rows_of<T>(c.out[0]);
    if (a.flag(kBackward["of_key"])) d.k = rows_of<T>(c.out[1]);
    if (a.flag(kBackward["of_value"])) d.v = rows_of<T>(c.out[2]);
    if (a.flag(kBackward["of_mask"])) {
      d.scores = c.out[3].data_as<T>();
      std::fill_n(d.scores, c.out[3].numel(), T(0));
    }
    if (s.queries * s.keys == 0 || s.heads == 0)
      for (int i = 0; i < 3; ++i) std::fill_n(c.out[i].data_as<T>(), c.out[i].numel(), T(0));
    const auto rows = [&](int i) { return rows_of<const T>(c.in(i)); };
    attention_gradient<T>(s, rows(0), rows(1), rows(2), rows(3), rows(6),
                          c.in(7).data_as<const T>(), mask_of(c, 4), kept_of(c, 5), d);
  });
}

// The gradients of the gradients. With weights P, factors F of dropout, and
//   X = c (eq K' + Q ek') + em   for what comes to dQ, dK and the scores, r = sum X P,
//   A = F (G V'), D = sum A P, S = P (A - D),
// the scores get P (B - sum B P), B = X (A - D) - A r + F (G ev'), and P F ev + F (P (X - r)) V is
// G's.
struct Second {
  Heads h;
  Tensor q, k, v, g, factors;  // grouped
  Tensor eq, ek, ev, em;       // undefined where nothing came

  static Tensor plus(const Tensor& a, const Tensor& b) {
    return !a.defined() ? b : !b.defined() ? a : add(a, b);
  }
  static Tensor turned(const Tensor& t) { return transpose(t, -2, -1); }
  static Tensor times(const Tensor& a, const Tensor& b) {
    return a.defined() && b.defined() ? matmul(a, b) : Tensor();
  }
  static Tensor scaled(const Tensor& t, double by) { return t.defined() ? mul(t, by) : t; }
  static Tensor total(const Tensor& t) { return sum(t, Dims{-1}, true); }
  Tensor dropped(const Tensor& t) const {
    return t.defined() && factors.defined() ? mul(t, factors) : t;
  }
  // For heads (B, H, ...), or for those that a group shares.
  static void set(Vjp& out, int i, const Tensor& t) {
    if (t.defined() && out.needs(i)) out.set(i, flatten(t, 1, 2));
  }
  static void set_shared(Vjp& out, int i, const Tensor& t) {
    if (t.defined() && out.needs(i)) out.set(i, sum(t, Dims{2}));
  }

  void run(Vjp& out) const {
    const Tensor p = attention_weights(h), a = dropped(matmul(g, turned(v)));
    const Tensor centred = sub(a, total(mul(a, p))), scores = mul(p, centred);
    const Tensor of_q = eq.defined() ? matmul(eq, turned(k)) : Tensor();
    const Tensor of_k = ek.defined() ? matmul(q, turned(ek)) : Tensor();
    const Tensor x = plus(scaled(plus(of_q, of_k), h.scale), em);
    Tensor b, da;
    if (x.defined()) {
      const Tensor r = total(mul(x, p));
      b = sub(mul(x, centred), mul(a, r));
      da = dropped(mul(p, sub(x, r)));
    }
    if (ev.defined()) b = plus(b, dropped(matmul(g, turned(ev))));
    if (!b.defined()) return;
    const Tensor ds = mul(p, sub(b, total(mul(b, p))));
    set(out, 0, plus(times(da, v), times(dropped(p), ev)));
    set(out, 1, scaled(plus(matmul(ds, k), times(scores, ek)), h.scale));
    set_shared(out, 2, scaled(plus(matmul(turned(ds), q), times(turned(scores), eq)), h.scale));
    if (da.defined()) set_shared(out, 3, matmul(turned(da), g));
    set(out, 4, ds);
  }
};

void backward_vjp(Vjp& v) {
  const Attrs& a = v.attrs();
  Second s;
  s.h = {v.x(1),         v.x(2),          v.x(3),    optional_tensor(v, 4),
         a.real(kScale), a.flag(kCausal), a.real(kP)};
  const int64_t group = s.h.group();
  s.q = grouped(s.h.q, group);
  s.k = unsqueeze(s.h.k, 2);
  s.v = unsqueeze(s.h.v, 2);
  s.g = grouped(v.x(0), group);
  const auto came = [&](int i) { return v.has_g(i) && v.output_shape(i).size() == 4; };
  if (came(0)) s.eq = grouped(v.g(0), group);
  if (came(1)) s.ek = unsqueeze(v.g(1), 2);
  if (came(2)) s.ev = unsqueeze(v.g(2), 2);
  if (came(3)) s.em = grouped(v.g(3), group);
  if (v.has(5)) {
    const Dims size{s.q.size(0), s.q.size(1), group, s.q.size(3), s.k.size(3)};
    s.factors = apply(attention_factors_op, {s.h.q.detach(), v.x(5)}, Attrs(size, s.h.p));
  }
  s.run(v);
}

}  // namespace

// y = (F softmax(c q k' + m)) v, F of dropout        its gradients: attention_backward
constinit const Op attention_forward_op{
    .name = "attention_forward",
    .mixed = true,
    .signature = kForward,
    .on = 0,
    .doc = "scaled_dot_product_attention in four dimensions; saves the logarithms of its sums.",
    .checked = true,
    .shape = forward_shape,
    .run = forward_run,
    .vjp = forward_vjp,
    .reads = kInputs | reads_output(0) | reads_output(1)};

// d = (c s k, c s' q, (p F)' g, s), s = p (F g v' - sum g y)        its gradients: Second
constinit const Op attention_backward_op{
    .name = "attention_backward",
    .signature = kBackward,
    .on = 0,
    .doc = "The gradients of attention_forward, those that are wanted; the others are empty.",
    .shape = backward_shape,
    .run = backward_run,
    .vjp = backward_vjp,
    .reads = kInputs};

// y = a bit for each weight, 1 where u < 1 - p, u uniform
constinit const Op attention_kept_op{
    .name = "_attention_kept",
    .signature = kKept,
    .on = 0,
    .doc = "What dropout keeps of so many weights, as bits in words of 64.",
    .shape_only = true,
    .draws = true,
    .checked = true,
    .shape =
        [](Call& c) {
          const double p = c.attrs.real(kKept["p"]);
          check(p > 0 && p < 1, "p is ", p, ", needs 0 < p < 1");
          check(c.attrs.integer(kKept["weights"]) >= 0, "fewer than no weights");
          c.output(Dtype::kUInt8, {kept_bytes(c.attrs.integer(kKept["weights"]))});
        },
    .run =
        [](Call& c) {
          fill_kept(Drawing(), reinterpret_cast<uint64_t*>(c.out[0].data_as<uint8_t>()),
                    c.attrs.integer(kKept["weights"]), c.attrs.real(kKept["p"]));
        }};

// y = 1 / (1 - p) where the bit is 1, else 0
constinit const Op attention_factors_op{
    .name = "_attention_factors",
    .signature = kFactors,
    .on = 0,
    .doc = "What dropout multiplies by, in this size and the input's dtype, from bits.",
    .contiguous = true,
    .shape =
        [](Call& c) {
          check(is_floating(c.in(0).dtype()), "a floating dtype is needed");
          const Dims size = c.attrs.dims(kFactors["size"]);
          check(
              c.in(1).dtype() == Dtype::kUInt8 && c.in(1).shape() == Dims{kept_bytes(numel(size))},
              "bits of ", size, " are needed, got ", c.in(1).dtype(), c.in(1).shape());
          c.output(c.in(0).dtype(), size);
        },
    .run =
        [](Call& c) {
          const auto* bits = c.in(1).data_as<uint8_t>();
          dispatch_floating(c.out[0].dtype(), [&](auto zero) {
            using T = decltype(zero);
            T* const to = c.out[0].data_as<T>();
            const T factor = 1 / static_cast<T>(1 - c.attrs.real(kFactors["p"]));
            for (int64_t i = 0; i < c.out[0].numel(); ++i)
              to[i] = bits[i / 8] >> i % 8 & 1 ? factor : T(0);
          });
        }};

Tensor attend(const Heads& h) {
  const int64_t weights = h.q.size(0) * h.q.size(1) * h.q.size(2) * h.k.size(2);
  Operand kept;
  if (h.p > 0) kept = apply(attention_kept_op, {h.q.detach()}, Attrs(weights, h.p));
  return apply(attention_forward_op,
               {h.q, h.k, h.v, h.mask.defined() ? Operand(h.mask) : Operand(), kept},
               Attrs(h.scale, h.causal, h.p));
}

std::span<const OpWays> attention_ways() {
  static constexpr OpWays kWays[] = {{&attention_forward_op, [](const Call& c) {
                                        return std::string(attention_way(shape_of(c, 0)));
                                      }}};
  return kWays;
}

}  // namespace wengert
