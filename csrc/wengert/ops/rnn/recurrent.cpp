// Recurrent layers as users call them: stacks of them in both directions, and single steps.
#include "wengert/ops/create/create.h"
#include "wengert/ops/optional.h"
#include "wengert/ops/random/random.h"
#include "wengert/ops/rnn/layer.h"
#include "wengert/ops/rnn/rnn.h"
#include "wengert/ops/shape/shape.h"

namespace wengert {
namespace {

#define WENGERT_RNN_OPTIONS                                                           \
  "params: Tensors, has_biases: bool, num_layers: int, dropout: float, train: bool, " \
  "bidirectional: bool"
constexpr Signature kPadded = "(input: Tensor, hx: Tensor, " WENGERT_RNN_OPTIONS
                              ", batch_first: bool) -> tuple[Tensor, Tensor]";
constexpr Signature kPacked = "(data: Tensor, batch_sizes: Tensor, hx: Tensor, " WENGERT_RNN_OPTIONS
                              ") -> tuple[Tensor, Tensor]";
constexpr Signature kPaddedLstm = "(input: Tensor, h0: Tensor, c0: Tensor, " WENGERT_RNN_OPTIONS
                                  ", batch_first: bool) -> tuple[Tensor, Tensor, Tensor]";
constexpr Signature kPackedLstm =
    "(data: Tensor, batch_sizes: Tensor, h0: Tensor, c0: Tensor, " WENGERT_RNN_OPTIONS
    ") -> tuple[Tensor, Tensor, Tensor]";
#undef WENGERT_RNN_OPTIONS
constexpr int kBiases = attribute("has_biases", kPadded, kPacked, kPaddedLstm, kPackedLstm);
constexpr int kLayers = attribute("num_layers", kPadded, kPacked, kPaddedLstm, kPackedLstm);
constexpr int kDropout = attribute("dropout", kPadded, kPacked, kPaddedLstm, kPackedLstm);
constexpr int kTrain = attribute("train", kPadded, kPacked, kPaddedLstm, kPackedLstm);
constexpr int kBoth = attribute("bidirectional", kPadded, kPacked, kPaddedLstm, kPackedLstm);
constexpr int kBatchFirst = attribute("batch_first", kPadded, kPaddedLstm);

// A stack of layers.
class Stack {
 public:
  Stack(RnnKind mode, const Tensor& x, const Tensor& batch_sizes, const Tensor& h0,
        const Tensor& c0, Tensors params, const RnnOptions& o)
      : mode_(mode),
        x_(x),
        batch_sizes_(batch_sizes),
        h0_(h0),
        c0_(c0),
        params_(params),
        o_(o),
        directions_(o.bidirectional ? 2 : 1) {
    check_arguments();
    projected_ = mode == RnnKind::kLstm && h0.shape()[2] != c0.shape()[2];
    const int64_t each = (o.has_biases ? 4 : 2) + projected_;
    check(std::ssize(params) == o.num_layers * directions_ * each,
          "got an incorrect number of RNN parameters: ", std::ssize(params), " where ",
          o.num_layers * directions_ * each, " are needed");
  }

  RnnResult run() {
    // Numbers for dropout are drawn step after step, whatever the order of the input.
    const bool drops = o_.dropout != 0 && o_.train && o_.num_layers > 1;
    const bool turned = drops && o_.batch_first && !batch_sizes_.defined();
    batch_first_ = o_.batch_first && !turned;
    Tensor y = turned ? contiguous(transpose(x_, 0, 1)) : x_;
    std::vector<Tensor> h, c;
    for (int64_t l = 0; l < o_.num_layers; ++l) {
      std::vector<Tensor> ys;
      for (int64_t d = 0; d < directions_; ++d) {
        RnnOutput r = rnn_layer(layer(y, l * directions_ + d, d == 1));
        ys.push_back(std::move(r.y));
        h.push_back(std::move(r.h_n));
        if (r.c_n.defined()) c.push_back(std::move(r.c_n));
      }
      y = ys.size() == 1 ? ys[0] : cat(ys, -1);
      if (drops && l + 1 < o_.num_layers) y = dropout(y, o_.dropout, true);
    }
    if (turned) y = transpose(y, 0, 1);
    return {y, joined(h), joined(c)};
  }

 private:
  void check_arguments() const {
    const bool packed = batch_sizes_.defined();
    check(x_.ndim() == (packed ? 2 : 3), "RNN: Expected input to be ", packed ? 2 : 3, "D, got ",
          x_.ndim(), "D tensor");
    check(o_.num_layers > 0 && o_.num_layers < (int64_t{1} << 31),
          "num_layers must be greater than zero, got ", o_.num_layers);
    for (const Tensor* t : {&h0_, &c0_}) {
      if (!t->defined()) continue;
      check((*t).dtype() == x_.dtype(),
            "Input and hidden tensors are not the same dtype, found "
            "input tensor with ",
            x_.dtype(), " and hidden tensor with ", (*t).dtype());
      check((*t).ndim() == 3 && (*t).shape()[0] == o_.num_layers * directions_,
            "Expected a hidden state (", o_.num_layers * directions_, ", batch, size), got shape ",
            (*t).shape());
    }
    for (const Tensor& p : params_)
      check(p.dtype() == x_.dtype(),
            "Input and parameter tensors are not the same dtype, found "
            "input tensor with ",
            x_.dtype(), " and parameter tensor with ", p.dtype());
  }

  RnnLayer layer(const Tensor& x, int64_t i, bool reverse) const {
    const auto state = [&](const Tensor& t) {
      return !t.defined() || t.shape()[0] == 1 ? t : narrow(t, 0, i, 1);
    };
    const auto each = static_cast<int64_t>(std::ssize(params_)) / (o_.num_layers * directions_);
    const auto param = [&](int64_t k) { return params_[static_cast<size_t>(i * each + k)]; };
    const Tensor none;
    return {mode_,
            x,
            batch_sizes_,
            state(h0_),
            state(c0_),
            param(0),
            param(1),
            o_.has_biases ? param(2) : none,
            o_.has_biases ? param(3) : none,
            projected_ ? param(each - 1) : none,
            batch_first_,
            reverse};
  }
  static Tensor joined(const std::vector<Tensor>& ts) {
    return ts.empty() ? Tensor() : ts.size() == 1 ? ts[0] : cat(ts, 0);
  }

  RnnKind mode_;
  const Tensor &x_, &batch_sizes_, &h0_, &c0_;
  Tensors params_;
  const RnnOptions& o_;
  int64_t directions_;
  bool projected_ = false, batch_first_ = false;
};

RnnOptions options_of(const Call& c, bool packed) {
  const Attrs& a = c.attrs;
  return {a.flag(kBiases), a.integer(kLayers), a.real(kDropout),
          a.flag(kTrain),  a.flag(kBoth),      !packed && a.flag(kBatchFirst)};
}
std::vector<Tensor> params_from(const Call& c, int first) {
  std::vector<Tensor> out;
  for (int i = first; i < c.inputs(); ++i) out.push_back(c.in(i));
  return out;
}

template <RnnKind kMode, bool kRows>
void composed(Call& c) {
  constexpr bool kCells = kMode == RnnKind::kLstm;
  const int h = kRows ? 2 : 1;
  const std::vector<Tensor> params = params_from(c, h + 1 + kCells);
  const RnnOptions o = options_of(c, kRows);
  const Tensor sizes = kRows ? contiguous(c.in(1)) : Tensor(), c0 = kCells ? c.in(h + 1) : Tensor();
  RnnResult r = Stack(kMode, c.in(0), sizes, c.in(h), c0, params, o).run();
  c.results = {std::move(r.output), std::move(r.h)};
  if (kCells) c.results.push_back(std::move(r.c));
}

constexpr Signature kCell =
    "(input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: "
    "Tensor | None = None) -> Tensor";
constexpr Signature kLstmCell =
    "(input: Tensor, h: Tensor, c: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, "
    "b_hh: Tensor | None = None) -> tuple[Tensor, Tensor]";

// One step of (batch, input) or (input).
template <RnnKind kMode>
void cell_composed(Call& c) {
  constexpr int kW = kMode == RnnKind::kLstm ? 3 : 2;
  const Tensor& x = c.in(0);
  check(x.ndim() == 2, "Expected input to be 2D, (batch, input), got shape ", x.shape());
  const Tensor &w_ih = c.in(kW), &w_hh = c.in(kW + 1);
  check(w_ih.ndim() == 2 && x.shape()[1] == w_ih.shape()[1],
        "input has inconsistent input_size: got ", x.shape()[1], " expected ",
        w_ih.ndim() == 2 ? w_ih.shape()[1] : 0);
  for (int i = 1; i < kW; ++i) {
    check(c.in(i).ndim() == 2 && c.in(i).shape()[0] == x.shape()[0], "Input batch size ",
          x.shape()[0], " doesn't match hidden", i - 1, " batch size ",
          c.in(i).ndim() > 0 ? c.in(i).shape()[0] : 0);
    check(w_hh.ndim() == 2 && c.in(i).shape()[1] == w_hh.shape()[1], "hidden", i - 1,
          " has inconsistent hidden_size: got ", c.in(i).shape()[1], ", expected ",
          w_hh.ndim() == 2 ? w_hh.shape()[1] : 0);
  }
  const auto bias = [&](int i) { return optional_tensor(c, i); };
  const RnnOutput r = rnn_layer({kMode,
                                 x,
                                 {},
                                 c.in(1),
                                 kW == 3 ? c.in(2) : Tensor(),
                                 w_ih,
                                 w_hh,
                                 bias(kW + 2),
                                 bias(kW + 3),
                                 {},
                                 false,
                                 false});
  c.results = {r.y};
  if (kW == 3) c.results.push_back(r.c_n);
}

constexpr const char* kDoc =
    "Layers of a recurrent network in one or both directions. Input (steps, batch, size), with "
    "`batch_first` (batch, steps, size); hx (layers * directions, batch, hidden); `params` for "
    "each layer and direction w_ih, w_hh and, if `has_biases`, b_ih, b_hh; `dropout` between "
    "layers if `train`. The outputs of the last layer and the last states. Floating only.";
constexpr const char* kPackedDoc =
    "The same of packed sequences: rows (rows, size), of which `batch_sizes` (int64) belong to "
    "each step. See nn.utils.rnn.PackedSequence.";

constexpr Op padded_row(const char* name, void (*f)(Call&)) {
  return {.name = name, .signature = kPadded, .on = kModule, .doc = kDoc, .composed = f};
}
constexpr Op packed_row(const char* name, void (*f)(Call&)) {
  return {.name = name, .signature = kPacked, .on = kModule, .doc = kPackedDoc, .composed = f};
}
constexpr Op cell_row(const char* name, const char* doc, void (*f)(Call&)) {
  return {.name = name, .signature = kCell, .on = kModule, .doc = doc, .composed = f};
}

// h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh)
constinit const Op rnn_tanh_op = padded_row("rnn_tanh", composed<RnnKind::kTanh, false>);
// h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh)
constinit const Op rnn_tanh_packed_op = packed_row("rnn_tanh", composed<RnnKind::kTanh, true>);
// h_t = relu(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh)
constinit const Op rnn_relu_op = padded_row("rnn_relu", composed<RnnKind::kRelu, false>);
// h_t = relu(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh)
constinit const Op rnn_relu_packed_op = packed_row("rnn_relu", composed<RnnKind::kRelu, true>);
// h_t = (1 - z) n + z h_{t-1}, n = tanh(W_in x_t + b_in + r (W_hn h_{t-1} + b_hn))
constinit const Op gru_op = padded_row("gru", composed<RnnKind::kGru, false>);
// h_t = (1 - z) n + z h_{t-1}, n = tanh(W_in x_t + b_in + r (W_hn h_{t-1} + b_hn))
constinit const Op gru_packed_op = packed_row("gru", composed<RnnKind::kGru, true>);
// c_t = f c_{t-1} + i g, h_t = o tanh c_t
constinit const Op lstm_op{.name = "lstm_layers",
                           .signature = kPaddedLstm,
                           .on = 0,
                           .doc = "See wengert.lstm, which takes h0 and c0 as a pair.",
                           .composed = composed<RnnKind::kLstm, false>};
// c_t = f c_{t-1} + i g, h_t = o tanh c_t
constinit const Op lstm_packed_op{.name = "lstm_layers",
                                  .signature = kPackedLstm,
                                  .on = 0,
                                  .doc = kPackedDoc,
                                  .composed = composed<RnnKind::kLstm, true>};

// h' = tanh(W_ih x + b_ih + W_hh h + b_hh)
constinit const Op rnn_tanh_cell_op =
    cell_row("rnn_tanh_cell",
             "One step of rnn_tanh: input (batch, input), hx (batch, hidden) -> (batch, hidden).",
             cell_composed<RnnKind::kTanh>);
// h' = relu(W_ih x + b_ih + W_hh h + b_hh)
constinit const Op rnn_relu_cell_op =
    cell_row("rnn_relu_cell",
             "One step of rnn_relu: input (batch, input), hx (batch, hidden) -> (batch, hidden).",
             cell_composed<RnnKind::kRelu>);
// h' = (1 - z) n + z h
constinit const Op gru_cell_op = cell_row(
    "gru_cell", "One step of gru: input (batch, input), hx (batch, hidden) -> (batch, hidden).",
    cell_composed<RnnKind::kGru>);
// c' = f c + i g, h' = o tanh c'
constinit const Op lstm_cell_op{.name = "lstm_step",
                                .signature = kLstmCell,
                                .on = 0,
                                .doc = "See wengert.lstm_cell, which takes h and c as a pair.",
                                .composed = cell_composed<RnnKind::kLstm>};

RnnResult stacked(RnnKind mode, const Tensor& x, const Tensor& sizes, const Tensor& h0,
                  const Tensor& c0, Tensors params, const RnnOptions& o, const char* name) {
  check_defined(x, name);
  check_defined(h0, name);
  if (mode == RnnKind::kLstm) check_defined(c0, name);
  check_defined(params, name, "params");
  return Stack(mode, x, sizes, h0, c0, params, o).run();
}

}  // namespace

RnnResult lstm(const Tensor& x, const Tensor& h0, const Tensor& c0, Tensors params,
               const RnnOptions& o, const Tensor& batch_sizes) {
  return stacked(RnnKind::kLstm, x, batch_sizes, h0, c0, params, o, "lstm");
}
RnnResult gru(const Tensor& x, const Tensor& h0, Tensors params, const RnnOptions& o,
              const Tensor& batch_sizes) {
  return stacked(RnnKind::kGru, x, batch_sizes, h0, {}, params, o, "gru");
}
RnnResult rnn_tanh(const Tensor& x, const Tensor& h0, Tensors params, const RnnOptions& o,
                   const Tensor& batch_sizes) {
  return stacked(RnnKind::kTanh, x, batch_sizes, h0, {}, params, o, "rnn_tanh");
}
RnnResult rnn_relu(const Tensor& x, const Tensor& h0, Tensors params, const RnnOptions& o,
                   const Tensor& batch_sizes) {
  return stacked(RnnKind::kRelu, x, batch_sizes, h0, {}, params, o, "rnn_relu");
}

std::span<const Op* const> recurrent_ops() {
  static constexpr const Op* kOps[] = {
      &rnn_tanh_op,      &rnn_tanh_packed_op, &rnn_relu_op, &rnn_relu_packed_op,
      &gru_op,           &gru_packed_op,      &lstm_op,     &lstm_packed_op,
      &rnn_tanh_cell_op, &rnn_relu_cell_op,   &gru_cell_op, &lstm_cell_op};
  return kOps;
}

}  // namespace wengert
