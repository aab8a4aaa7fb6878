#include "wengert/nn/nn.h"

#include <cxxabi.h>

#include <cmath>
#include <cstdlib>
#include <ostream>
#include <typeinfo>

#include "wengert/nn/text.h"
#include "wengert/ops/loss/loss.h"
#include "wengert/ops/matmul/matmul.h"
#include "wengert/ops/optim/optim.h"
#include "wengert/ops/pointwise/pointwise.h"
#include "wengert/ops/random/random.h"
#include "wengert/ops/registry.h"
#include "wengert/program/record/recording.h"

namespace wengert::nn {
namespace {

// Operations without a function of their own in the headers of ops/.
const Op& row(const char* name) {
  const Op* op = find_op(name);
  check(op != nullptr, "no operation is named ", name);
  return *op;
}

}  // namespace

using Named = std::vector<std::pair<std::string, Tensor>>;

void Module::collect(int of, const std::string& prefix, Named& to) const {
  for (const auto& [what, tensors] : {std::pair(kParameters, &parameters_), {kBuffers, &buffers_}})
    if (of & what)
      for (const auto& [name, tensor] : *tensors) to.emplace_back(prefix + name, tensor);
  for (const auto& [name, module] : modules_) module->collect(of, prefix + name + ".", to);
}

Named Module::named_parameters() const {
  Named all;
  collect(kParameters, "", all);
  return all;
}
Named Module::named_buffers() const {
  Named all;
  collect(kBuffers, "", all);
  return all;
}
Named Module::state_dict() const {
  Named all;
  collect(kParameters | kBuffers, "", all);
  return all;
}

std::vector<Tensor> Module::parameters() const {
  std::vector<Tensor> all;
  for (auto& [name, tensor] : named_parameters()) all.push_back(std::move(tensor));
  return all;
}

void Module::train(bool on) {
  state_->training = on;
  for (const auto& [name, module] : modules_) module->train(on);
}

std::string Module::name() const {
  const std::unique_ptr<char, void (*)(void*)> whole(
      abi::__cxa_demangle(typeid(*this).name(), nullptr, nullptr, nullptr), std::free);
  const std::string name = whole ? whole.get() : "Module";
  const size_t space = name.find('<') == name.npos ? name.rfind("::") : name.npos;
  return space == name.npos ? name : name.substr(space + 2);
}

std::string Module::to_string() const {
  std::string out = name() + '(' + options();
  if (modules_.empty()) return out + ')';
  for (const auto& [key, module] : modules_) {
    out += "\n  (" + key + "): ";
    for (const char c : module->to_string()) {
      out += c;
      if (c == '\n') out += "  ";
    }
  }
  return out + "\n)";
}

std::ostream& operator<<(std::ostream& out, const Module& module) {
  return out << module.to_string();
}

void Module::zero_grad(bool set_to_none) { wengert::zero_grad(parameters(), set_to_none); }

Tensor Module::add_parameter(std::string name, Tensor value) {
  value.set_requires_grad(true);
  parameters_.emplace_back(std::move(name), value);
  ++state_->additions;
  return value;
}

Tensor Module::add_buffer(std::string name, Tensor value) {
  buffers_.emplace_back(std::move(name), value);
  ++state_->additions;
  return value;
}

struct Module::Unchanged final : Guard {
  explicit Unchanged(Ref<State> s)
      : state(std::move(s)), training(state->training), additions(state->additions) {}
  bool holds() override {
    return state->owned && state->training == training && state->additions == additions;
  }
  Ref<State> state;
  bool training;
  uint32_t additions;
};

void Module::add_guard() const {
  Recording& r = *current_recording();
  if (state_->is_news_to(r.id)) r.guard(new Unchanged(state_.ref()));
}

Linear::Linear(int64_t in, int64_t out, bool bias, Dtype dtype) {
  check(in >= 0 && out >= 0, "Linear: ", in, " input and ", out,
        " output features; neither may be negative");
  // He et al. 2015 with a leaky slope of sqrt(5); the steps round as PyTorch's do.
  const double fan = static_cast<double>(in);
  const double deviation = std::sqrt(2.0 / (1 + std::sqrt(5.0) * std::sqrt(5.0))) / std::sqrt(fan);
  const double limit = in > 0 ? std::sqrt(3.0) * deviation : 0;
  Tensor w = Tensor::empty({out, in}, dtype);
  weight_ = add_parameter("weight", uniform_(w, -limit, limit));
  if (!bias) return;
  const double bias_limit = in > 0 ? 1 / std::sqrt(fan) : 0;
  Tensor b = Tensor::empty({out}, dtype);
  bias_ = add_parameter("bias", uniform_(b, -bias_limit, bias_limit));
}

Tensor Linear::forward(const Tensor& x) { return linear(x, weight_, bias_); }
std::string Linear::options() const {
  const Dims& shape = weight_.shape();
  return text("in_features=", shape[1], ", out_features=", shape[0], ", bias=", bias_.defined());
}

Tensor ReLU::forward(const Tensor& x) { return relu(x); }
Tensor Tanh::forward(const Tensor& x) { return tanh(x); }
Tensor Sigmoid::forward(const Tensor& x) { return sigmoid(x); }
Tensor SiLU::forward(const Tensor& x) { return silu(x); }
Tensor GELU::forward(const Tensor& x) { return gelu(x, tanh_approximation); }
Tensor LeakyReLU::forward(const Tensor& x) {
  static const Op& op = row("leaky_relu");
  return apply(op, {x}, Attrs(negative_slope));
}
Tensor ELU::forward(const Tensor& x) {
  static const Op& op = row("elu");
  return apply(op, {x}, Attrs(alpha, 1.0, 1.0));  // scale and input_scale are 1
}
Tensor Softplus::forward(const Tensor& x) { return softplus(x, beta, threshold); }

std::string GELU::options() const {
  return tanh_approximation ? "approximate='tanh'" : "approximate='none'";
}
std::string LeakyReLU::options() const { return "negative_slope=" + as_float(negative_slope); }
std::string ELU::options() const { return "alpha=" + as_float(alpha); }
std::string Softplus::options() const {
  return "beta=" + as_float(beta) + ", threshold=" + as_float(threshold);
}

Dropout::Dropout(double p) : p_(p) {
  check(p >= 0 && p <= 1, ErrorKind::kValue,
        "Dropout: dropout probability has to be between 0 and 1, but got ", p);
}
Tensor Dropout::forward(const Tensor& x) { return dropout(x, p_, is_training()); }
std::string Dropout::options() const { return "p=" + as_float(p_) + ", inplace=False"; }

std::string Flatten::options() const {
  return text("start_dim=", start_dim, ", end_dim=", end_dim);
}
Tensor Flatten::forward(const Tensor& x) { return flatten(x, start_dim, end_dim); }

Tensor Sequential::forward(const Tensor& x) {
  note_use();
  Tensor y = x;
  for (size_t i = 0; i < size(); ++i) y = (*module(i))(y);
  return y;
}

}  // namespace wengert::nn
