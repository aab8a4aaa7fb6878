#include "wengert/ops/rnn/layer.h"

#include "wengert/ops/create/create.h"
#include "wengert/ops/optional.h"
#include "wengert/ops/pointwise/pointwise.h"
#include "wengert/ops/shape/shape.h"

namespace wengert {

extern const Op rnn_layer_op, rnn_layer_backward_op;

namespace {

#define WENGERT_RNN_INPUTS                                                                  \
  "input: Tensor, batch_sizes: Tensor | None, h0: Tensor | None, c0: Tensor | None, w_ih: " \
  "Tensor, w_hh: Tensor, b_ih: Tensor | None, b_hh: Tensor | None, w_hr: Tensor | None, "
#define WENGERT_RNN_MODES "mode: 'tanh' | 'relu' | 'lstm' | 'gru', batch_first: bool, reverse: bool"
constexpr Signature kForward = "(" WENGERT_RNN_INPUTS WENGERT_RNN_MODES
                               ") -> (output: Tensor, h_n: Tensor, c_n: Tensor, gates: Tensor, "
                               "cells: Tensor)";
constexpr Signature kBackward =
    "(" WENGERT_RNN_INPUTS
    "output: Tensor, gates: Tensor, cells: Tensor, grad: Tensor | None, grad_h: Tensor | None, "
    "grad_c: Tensor | None, " WENGERT_RNN_MODES
    ", wanted: int) -> (input: Tensor, h0: Tensor, c0: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: "
    "Tensor, b_hh: Tensor, w_hr: Tensor)";
#undef WENGERT_RNN_INPUTS
#undef WENGERT_RNN_MODES
constexpr int kMode = attribute("mode", kForward, kBackward);
constexpr int kBatchFirst = attribute("batch_first", kForward, kBackward);
constexpr int kReverse = attribute("reverse", kForward, kBackward);

// The inputs of both rows, and those that the gradient has besides.
enum In : int {
  kX,
  kSizes,
  kH0,
  kC0,
  kWih,
  kWhh,
  kBih,
  kBhh,
  kWhr,
  kY,
  kGates,
  kCells,
  kG,
  kGh,
  kGc
};
constexpr int kGiven = kWhr + 1;
// Whose gradients there are, in the order of the results; bit i of `wanted` is result i.
constexpr int kDifferentiable[] = {kX, kH0, kC0, kWih, kWhh, kBih, kBhh, kWhr};

// Of a call whose inputs fit; without the batch sizes.
RnnShape shape_of(const Call& c) {
  const Tensor &x = c.in(kX), &w = c.in(kWhh);
  RnnShape s;
  s.kind = static_cast<RnnKind>(c.attrs.integer(kMode));
  s.reverse = c.attrs.flag(kReverse);
  s.input = x.shape()[x.ndim() - 1];
  s.hidden = w.shape()[0] / s.blocks();
  s.projected = c.has(kWhr) ? c.in(kWhr).shape()[0] : 0;
  const bool batch_first = c.attrs.flag(kBatchFirst);
  s.rows = {1, x.shape()[0], x.shape()[0], batch_first, nullptr};
  if (c.has(kSizes)) {
    s.rows.steps = c.in(kSizes).numel();
    s.rows.batch = c.in(kH0).shape()[c.in(kH0).ndim() - 2];
  } else if (x.ndim() == 3) {
    s.rows.steps = x.shape()[batch_first ? 1 : 0];
    s.rows.batch = x.shape()[batch_first ? 0 : 1];
    s.rows.rows = s.rows.steps * s.rows.batch;
  }
  return s;
}

void check_weight(const Call& c, int i, const char* name, const Dims& shape) {
  if (!c.has(i)) return;
  const Tensor& t = c.in(i);
  check(t.dtype() == c.in(kX).dtype(), "expected ", name, " of the input's dtype, ",
        c.in(kX).dtype(), ", got ", t.dtype());
  check(t.shape() == shape, "expected ", name, " of shape ", shape, ", got ", t.shape());
}
void check_state(const Call& c, int i, const char* name, int64_t batch, int64_t n) {
  if (!c.has(i)) return;
  const Tensor& t = c.in(i);
  const bool fits = t.shape() == Dims{batch, n} || t.shape() == Dims{1, batch, n};
  check(fits, "expected ", name, " of shape ", Dims{1, batch, n}, ", got ", t.shape());
  check(t.dtype() == c.in(kX).dtype(), "expected ", name, " of the input's dtype, ",
        c.in(kX).dtype(), ", got ", t.dtype());
}

// Checks what both rows are given.
RnnShape checked_shape(const Call& c) {
  const Tensor &x = c.in(kX), &w = c.in(kWhh);
  check(is_floating(x.dtype()), ErrorKind::kNotImplemented, "not implemented for ", x.dtype());
  const bool packed = c.has(kSizes);
  check(x.ndim() == 2 || (x.ndim() == 3 && !packed), "input must have ", packed ? "2" : "2 or 3",
        " dimensions, got ", x.ndim());
  if (packed) {
    const Tensor& n = c.in(kSizes);
    check(n.dtype() == Dtype::kInt64 && n.ndim() == 1, "batch_sizes must be a vector of int64");
    check(c.has(kH0) && c.in(kH0).ndim() >= 2, "packed sequences need an initial state");
  }
  check(w.ndim() == 2 && c.in(kWih).ndim() == 2, "weights must have 2 dimensions");
  const RnnShape s = shape_of(c);
  check(w.shape()[0] % s.blocks() == 0 && s.hidden > 0, "weight_hh of shape ", w.shape(),
        " has no ", s.blocks(), " blocks of rows");
  check(!c.has(kWhr) ||
            (s.is_lstm() && c.in(kWhr).ndim() == 2 && s.projected > 0 && s.projected < s.hidden),
        "only an LSTM is projected, to fewer numbers");
  const int64_t n = s.blocks() * s.hidden;
  check_weight(c, kWih, "weight_ih", {n, s.input});
  check_weight(c, kWhh, "weight_hh", {n, s.out()});
  check_weight(c, kBih, "bias_ih", {n});
  check_weight(c, kBhh, "bias_hh", {n});
  check_weight(c, kWhr, "weight_hr", {s.projected, s.hidden});
  check_state(c, kH0, "the hidden state", s.rows.batch, s.out());
  check_state(c, kC0, "the cell state", s.rows.batch, s.hidden);
  check(s.is_lstm() || !c.has(kC0), "only an LSTM has a cell state");
  check(s.rows.steps > 0, "Expected sequence length to be larger than 0 in RNN");
  return s;
}

bool is_step(const Call& c) { return c.in(kX).ndim() == 2 && !c.has(kSizes); }
Dims saved_gates(const RnnShape& s) { return {s.rows.rows, s.slices() * s.width()}; }
Dims saved_cells(const RnnShape& s) { return s.is_lstm() ? Dims{s.rows.rows, s.width()} : Dims{0}; }

void forward_shape(Call& c) {
  const RnnShape s = checked_shape(c);
  const Dtype dtype = c.in(kX).dtype();
  const Dims h{1, s.rows.batch, s.out()}, cell{1, s.rows.batch, s.hidden};
  Dims y = c.in(kX).shape();
  y[y.size() - 1] = s.out();
  c.output(dtype, y);
  c.output(dtype, is_step(c) ? Dims{0} : h);
  c.output(dtype, !s.is_lstm() ? Dims{0} : is_step(c) ? Dims{s.rows.batch, s.hidden} : cell);
  c.output(dtype, saved_gates(s));
  c.output(dtype, saved_cells(s));
}

// ---- running

template <class T>
const T* data(const Call& c, int i) {
  return c.has(i) ? c.in(i).data_as<T>() : nullptr;
}
template <class T>
RnnWeights<T> weights_of(const Call& c) {
  return {data<T>(c, kWih), data<T>(c, kWhh), data<T>(c, kBih), data<T>(c, kBhh), data<T>(c, kWhr)};
}

// The shape with the batch sizes, as long as it lives.
struct Sized {
  explicit Sized(const Call& c) : s(shape_of(c)) {
    if (!c.has(kSizes)) return;
    sizes = checked_batch_sizes(c.in(kSizes), s.rows.steps, s.rows.batch, s.rows.rows);
    s.rows.batch_sizes = sizes.data();
    s.rows.batch_first = false;
  }
  RnnShape s;
  List<int64_t> sizes;
};

void forward_run(Call& c) {
  const Sized sized(c);
  const bool step = is_step(c), cells = sized.s.is_lstm();
  dispatch_floating(c.in(kX).dtype(), [&](auto zero) {
    using T = decltype(zero);
    rnn_forward(sized.s, data<T>(c, kX), RnnState<T>{data<T>(c, kH0), data<T>(c, kC0)},
                weights_of<T>(c),
                RnnResults<T>{c.out[0].data_as<T>(), step ? nullptr : c.out[1].data_as<T>(),
                              cells ? c.out[2].data_as<T>() : nullptr, c.out[3].data_as<T>(),
                              c.out[4].data_as<T>()});
  });
}

void backward_shape(Call& c) {
  const RnnShape s = checked_shape(c);
  Dims y = c.in(kX).shape();
  y[y.size() - 1] = s.out();
  check_weight(c, kY, "the output", y);
  check_weight(c, kGates, "the gates", saved_gates(s));
  check_weight(c, kCells, "the cells", saved_cells(s));
  check_weight(c, kG, "a gradient", y);
  check_state(c, kGh, "a gradient", s.rows.batch, s.out());
  check_state(c, kGc, "a gradient", s.rows.batch, s.hidden);
  const int64_t wanted = c.attrs.integer(kBackward["wanted"]);
  for (int i = 0; i < std::ssize(kDifferentiable); ++i) {
    const int at = kDifferentiable[i];
    c.output(c.in(kX).dtype(), (wanted >> i & 1) && c.has(at) ? c.in(at).shape() : Dims{0});
  }
}

void backward_run(Call& c) {
  const Sized sized(c);
  const int64_t wanted = c.attrs.integer(kBackward["wanted"]);
  dispatch_floating(c.in(kX).dtype(), [&](auto zero) {
    using T = decltype(zero);
    T* d[8];
    for (int i = 0; i < 8; ++i)
      d[i] = (wanted >> i & 1) && c.has(kDifferentiable[i]) ? c.out[i].data_as<T>() : nullptr;
    rnn_gradient(sized.s, data<T>(c, kG), RnnState<T>{data<T>(c, kGh), data<T>(c, kGc)},
                 data<T>(c, kX), RnnState<T>{data<T>(c, kH0), data<T>(c, kC0)}, weights_of<T>(c),
                 RnnResults<const T>{data<T>(c, kY), nullptr, nullptr, data<T>(c, kGates),
                                     data<T>(c, kCells)},
                 RnnGradients<T>{d[0], d[1], d[2], d[3], d[4], d[5], d[6], d[7]});
  });
}

// ---- the same in small ops

// A step (batch, input) from h and c, which become the next ones where `on`, (batch, 1), is true.
struct SmallSteps {
  RnnKind mode;
  Tensor w_ih, w_hh, b_ih, b_hh, w_hr, h, c;

  Tensor affine(const Tensor& x, const Tensor& w, const Tensor& b) const {
    const Tensor y = matmul(x, t(w));
    return b.defined() ? add(y, b) : y;
  }
  void step(const Tensor& x, const Tensor& on) {
    const Tensor a = affine(x, w_ih, b_ih), b = affine(h, w_hh, b_hh);
    const int64_t n = w_hh.shape()[0] / (mode == RnnKind::kLstm  ? 4
                                         : mode == RnnKind::kGru ? 3
                                                                 : 1);
    const auto part = [&](const Tensor& x, int64_t k) { return narrow(x, 1, k * n, n); };
    const Tensor sum = add(a, b);
    Tensor y, next;
    if (mode == RnnKind::kLstm) {
      next = add(mul(sigmoid(part(sum, 1)), c), mul(sigmoid(part(sum, 0)), tanh(part(sum, 2))));
      y = mul(sigmoid(part(sum, 3)), tanh(next));
      if (w_hr.defined()) y = matmul(y, t(w_hr));
    } else if (mode == RnnKind::kGru) {
      const Tensor fresh = tanh(add(part(a, 2), mul(sigmoid(part(sum, 0)), part(b, 2))));
      y = add(fresh, mul(sigmoid(part(sum, 1)), sub(h, fresh)));
    } else {
      y = mode == RnnKind::kTanh ? tanh(sum) : relu(sum);
    }
    h = on.defined() ? where(on, y, h) : y;
    if (next.defined()) c = on.defined() ? where(on, next, c) : next;
  }
};

// Packed sequences are padded; what is padding leaves the state alone.
RnnOutput small_ops(const List<Tensor>& in, const Attrs& a) {
  const bool packed = in[kSizes].defined(), step = in[kX].ndim() == 2 && !packed;
  const bool batch_first = a.flag(kBatchFirst), reverse = a.flag(kReverse);
  SmallSteps s{static_cast<RnnKind>(a.integer(kMode)),
               in[kWih],
               in[kWhh],
               in[kBih],
               in[kBhh],
               in[kWhr],
               {},
               {}};
  const bool lstm = s.mode == RnnKind::kLstm;
  Tensor x = step ? unsqueeze(in[kX], 0) : in[kX];
  if (packed)
    x = pad_rows(x, in[kSizes], in[kH0].shape()[in[kH0].ndim() - 2], in[kSizes].numel(), false, 0);
  else if (batch_first && !step)
    x = transpose(x, 0, 1);
  const int64_t steps = x.shape()[0], batch = x.shape()[1], out = s.w_hh.shape()[1];
  const int64_t hidden = lstm ? s.w_hh.shape()[0] / 4 : out;
  const auto initial = [&](int i, int64_t n) {
    return in[static_cast<size_t>(i)].defined() ? reshape(in[static_cast<size_t>(i)], {batch, n})
                                                : zeros({batch, n}, x.dtype());
  };
  s.h = initial(kH0, out);
  if (lstm) s.c = initial(kC0, hidden);
  const Tensor places = unsqueeze(arange(0, static_cast<double>(batch)), 1);
  std::vector<Tensor> ys(static_cast<size_t>(steps));
  for (int64_t i = 0; i < steps; ++i) {
    const int64_t at = reverse ? steps - 1 - i : i;
    Tensor on;
    if (packed) {
      on = lt(places, select(in[kSizes], 0, at));
    }
    s.step(select(x, 0, at), on);
    ys[static_cast<size_t>(at)] = s.h;
  }
  if (step) return {s.h, {}, s.c};
  Tensor y = stack(ys, 0);
  if (packed)
    y = pack_rows(y, in[kSizes], in[kX].shape()[0], false);
  else if (batch_first)
    y = transpose(y, 0, 1);
  return {y, unsqueeze(s.h, 0), lstm ? unsqueeze(s.c, 0) : Tensor()};
}

void small_composed(Call& c) {
  List<Tensor> in;
  for (int i = 0; i < kGiven; ++i) in.push_back(optional_tensor(c, i));
  const RnnOutput o = small_ops(in, c.attrs);
  for (const Tensor& t : {o.y, o.h_n, o.c_n})
    if (t.defined()) c.results.push_back(t);
}

// ---- derivatives

Attrs layer_attrs(const Attrs& a) {
  Attrs out;
  for (const int at : {kMode, kBatchFirst, kReverse}) out.add_from(a, at);
  return out;
}

void forward_vjp(Vjp& v) {
  Attrs a = layer_attrs(v.attrs());
  int64_t wanted = 0;
  for (int i = 0; i < std::ssize(kDifferentiable); ++i)
    if (v.needs(kDifferentiable[i])) wanted |= int64_t{1} << i;
  a.add(wanted);
  Call c(rnn_layer_backward_op, a);
  for (int i = 0; i < kGiven; ++i) c.add_input(optional_operand(v, i));
  const auto came = [&](int i) { return v.has_g(i) && v.output_shape(i) != Dims{0}; };
  for (const int i : {0, 3, 4}) c.add_input(v.y(i).detach());
  for (const int i : {0, 1, 2}) c.add_input(came(i) ? Operand(v.g(i)) : Operand());
  apply(c);
  for (int i = 0; i < std::ssize(kDifferentiable); ++i)
    if (wanted >> i & 1) v.set(kDifferentiable[i], c.out[i]);
}

// That of the gradients of the same layer in small ops. What was saved is taken to be the layer's.
void backward_vjp(Vjp& v) {
  const bool recorded = grad_enabled();
  const GradMode on(true);
  List<Tensor> all;  // by input; those of floats are what gradients are taken of
  for (int i = 0; i < v.inputs(); ++i) {
    Tensor t = v.has(i) && (i < kGiven || i >= kG) ? v.x(i).tensor() : Tensor();
    if (t.defined() && is_floating(t.dtype())) {
      t = recorded && t.requires_grad() ? mul(t, 1) : t.detach();
      if (!t.requires_grad()) t.set_requires_grad(true);
    }
    all.push_back(std::move(t));
  }
  const RnnOutput o = small_ops(all, v.attrs());
  std::vector<Tensor> outputs, grads, xs, came;
  for (const auto& [t, g] : {std::pair(&o.y, kG), {&o.h_n, kGh}, {&o.c_n, kGc}}) {
    if (!t->defined() || !all[static_cast<size_t>(g)].defined()) continue;
    outputs.push_back(*t);
    grads.push_back(reshape(all[static_cast<size_t>(g)], t->shape()));
  }
  for (int i = 0; i < std::ssize(kDifferentiable); ++i) {
    const auto at = static_cast<size_t>(kDifferentiable[i]);
    if (!v.has_g(i) || !all[at].defined() || v.output_shape(i) == Dims{0}) continue;
    xs.push_back(all[at]);
    came.push_back(v.g(i));
  }
  const std::vector<Tensor> first =
      grad(outputs, xs, grads, {.retain_graph = true, .create_graph = true});
  std::vector<Tensor> roots, weights, to;
  for (size_t i = 0; i < first.size(); ++i) {
    if (!first[i].defined() || !first[i].requires_grad()) continue;
    roots.push_back(first[i]);
    weights.push_back(came[i]);
  }
  std::vector<int> places;
  for (int i = 0; i < v.inputs(); ++i)
    if (v.needs(i) && all[static_cast<size_t>(i)].defined()) places.push_back(i);
  for (const int i : places) to.push_back(all[static_cast<size_t>(i)]);
  if (roots.empty() || to.empty()) return;
  const std::vector<Tensor> second =
      grad(roots, to, weights, {.retain_graph = recorded, .create_graph = recorded});
  for (size_t i = 0; i < second.size(); ++i)
    if (second[i].defined()) v.set(places[i], second[i]);
}

}  // namespace

// Of each step (see kernels/rnn/cells.h), a = W_ih x + b_ih, b = W_hh h' + b_hh:
// tanh, relu: h = f(a + b); lstm: c = f c' + i g, h = W_hr (o tanh c); gru: h = n + z (h' - n)
//                                                   dx = W_ih^T da, and so on: rnn_layer_backward
constinit const Op rnn_layer_op{
    .name = "rnn_layer",
    .autocast = Cast::kLower,
    .signature = kForward,
    .on = 0,
    .doc =
        "All steps of a recurrent layer in one direction: of (steps, batch, input), with "
        "batch_first (batch, steps, input); of packed rows with batch_sizes; or of (batch, input), "
        "one step. The outputs, the last states, and what the gradient needs of the cells.",
    .contiguous = true,
    .checked = true,
    .shape = forward_shape,
    .run = forward_run,
    .vjp = forward_vjp,
    .reads = kInputs | reads_output(0) | reads_output(3) | reads_output(4),
    .composed = small_composed};

// d = W_ih^T da, dW_ih = sum da x^T, dW_hh = sum db h'^T, of the gradients da and db of a and b
//                                       dx = what the tape finds of the same layer in small ops
constinit const Op rnn_layer_backward_op{
    .name = "rnn_layer_backward",
    .signature = kBackward,
    .on = 0,
    .doc =
        "The gradients of rnn_layer, those that are wanted (bit i for result i); the others are "
        "empty.",
    .contiguous = true,
    .shape = backward_shape,
    .run = backward_run,
    .vjp = backward_vjp,
    .reads = kInputs};

RnnOutput rnn_layer(const RnnLayer& l) {
  Call c(rnn_layer_op, Attrs(static_cast<int64_t>(l.mode), l.batch_first, l.reverse));
  for (const Tensor* t :
       {&l.x, &l.batch_sizes, &l.h0, &l.c0, &l.w_ih, &l.w_hh, &l.b_ih, &l.b_hh, &l.w_hr})
    c.add_input(operand_of(*t));
  apply(c);
  const auto given = [&](int i) {
    return c.out[i].shape() == Dims{0} ? Tensor() : std::move(c.out[i]);
  };
  return {std::move(c.out[0]), given(1), given(2)};
}

std::span<const Op* const> rnn_layer_ops() {
  static constexpr const Op* kOps[] = {&rnn_layer_op, &rnn_layer_backward_op};
  return kOps;
}

}  // namespace wengert
