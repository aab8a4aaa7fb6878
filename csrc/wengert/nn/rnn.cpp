#include "wengert/nn/rnn.h"

#include <cmath>

#include "wengert/nn/init.h"
#include "wengert/nn/text.h"

namespace wengert::nn {

Recurrent::Recurrent(const char* name, int64_t blocks, int64_t input_size, int64_t hidden_size,
                     const RecurrentOptions& o)
    : blocks_(blocks), input_size_(input_size), hidden_size_(hidden_size), options_(o) {
  const auto require = [&](bool ok, const char* what) {
    check(ok, ErrorKind::kValue, name, ": ", what);
  };
  require(input_size > 0, "input_size must be greater than zero");
  require(hidden_size > 0, "hidden_size must be greater than zero");
  require(o.num_layers > 0, "num_layers must be greater than zero");
  require(o.dropout >= 0 && o.dropout <= 1, "dropout should be a number in range [0, 1]");
  require(blocks == 4 || o.proj_size == 0, "proj_size is only supported for LSTM");
  require(o.proj_size >= 0 && o.proj_size < hidden_size,
          "proj_size has to be smaller than hidden_size");
  const int64_t rows = blocks * hidden_size, out = o.proj_size > 0 ? o.proj_size : hidden_size;
  for (int64_t l = 0; l < o.num_layers; ++l)
    for (const char* direction : {"", "_reverse"}) {
      if (*direction && !o.bidirectional) continue;
      const int64_t in = l == 0 ? input_size : out * (o.bidirectional ? 2 : 1);
      const auto add = [&](const char* what, const Dims& shape) {
        params_.push_back(
            add_parameter(text(what, "_l", l, direction), Tensor::empty(shape, o.dtype)));
      };
      add("weight_ih", {rows, in});
      add("weight_hh", {rows, out});
      if (o.bias) add("bias_ih", {rows});
      if (o.bias) add("bias_hh", {rows});
      if (o.proj_size > 0) add("weight_hr", {o.proj_size, hidden_size});
    }
  const double bound = 1 / std::sqrt(static_cast<double>(hidden_size));
  for (const Tensor& p : params_) init::uniform_(p, -bound, bound);
}

RnnResult Recurrent::run(const Tensor& x, const Tensor& h0, const Tensor& c0,
                         const Tensor& batch_sizes) {
  note_use();
  check_defined(x, "Recurrent");
  const bool packed = batch_sizes.defined(), single = !packed && x.ndim() == 2;
  check(packed || x.ndim() == 2 || x.ndim() == 3, ErrorKind::kValue,
        "Expected input to be 2D or 3D, got ", x.ndim(), 'D');
  const int batch_dim = options_.batch_first ? 0 : 1;
  const Tensor input = single ? unsqueeze(x, batch_dim) : x;
  const int64_t layers = options_.num_layers * (options_.bidirectional ? 2 : 1);
  const auto state = [&](const Tensor& given, int64_t n) {
    if (given.defined()) return single ? unsqueeze(given, 1) : given;
    const int64_t batch =
        packed ? select(batch_sizes, 0, 0).item().integer() : input.shape()[batch_dim];
    return zeros({layers, batch, n}, x.dtype());
  };
  const RnnOptions options{options_.bias, options_.num_layers,    options_.dropout,
                           is_training(), options_.bidirectional, options_.batch_first};
  const Tensor h = state(h0, options_.proj_size > 0 ? options_.proj_size : hidden_size_);
  RnnResult r = blocks_ == 4
                    ? lstm(input, h, state(c0, hidden_size_), params_, options, batch_sizes)
                    : gru(input, h, params_, options, batch_sizes);
  if (!single) return r;
  return {squeeze(r.output, Dims{batch_dim}), squeeze(r.h, Dims{1}),
          r.c.defined() ? squeeze(r.c, Dims{1}) : r.c};
}

std::string Recurrent::options() const {
  std::string s = text(input_size_, ", ", hidden_size_);
  if (options_.proj_size != 0) s += text(", proj_size=", options_.proj_size);
  if (options_.num_layers != 1) s += text(", num_layers=", options_.num_layers);
  if (!options_.bias) s += ", bias=False";
  if (options_.batch_first) s += ", batch_first=True";
  if (options_.dropout != 0) s += ", dropout=" + as_float(options_.dropout);
  if (options_.bidirectional) s += ", bidirectional=True";
  return s;
}

}  // namespace wengert::nn
