// Layers for C++ users, on the same operations as Python's. Their names, defaults, initial values
// and the order of random draws are those of PyTorch's layers of the same name.
//
//   nn::Sequential model{nn::Linear(784, 128), nn::ReLU(), nn::Linear(128, 10)};
//   Tensor loss = cross_entropy(model(images), labels);
//
// Losses are functions: see ops.h.
#pragma once

#include <concepts>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "wengert/ops/basic.h"
#include "wengert/program/record/owned.h"

namespace wengert::nn {

// A function with parameters. A layer of one's own derives from it, adds what it has in its
// constructor, and says what it computes:
//
//   struct Net : nn::Module {
//     std::shared_ptr<nn::Linear> in = add_module("in", nn::Linear(2, 8));
//     std::shared_ptr<nn::Linear> out = add_module("out", nn::Linear(8, 1));
//     Tensor forward(const Tensor& x) override { return (*out)(tanh((*in)(x))); }
//   };
//
// Modules can be moved, not copied; a moved module keeps its parameters.
class Module {
 public:
  Module() = default;
  Module(Module&&) = default;
  Module& operator=(Module&&) = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;
  virtual ~Module() = default;

  virtual Tensor forward(const Tensor& x) = 0;
  Tensor operator()(const Tensor& x) {
    note_use();
    return forward(x);
  }

  // Its own parameters first, then those of its modules, in the order they were added. The tensors
  // are handles: an optimizer that is given them updates this module.
  std::vector<Tensor> parameters() const;
  // The same with names such as "0.weight".
  std::vector<std::pair<std::string, Tensor>> named_parameters() const;
  // Tensors that are part of the state and get no gradients, such as running means.
  std::vector<std::pair<std::string, Tensor>> named_buffers() const;
  // Both, in the order of Python's state_dict.
  std::vector<std::pair<std::string, Tensor>> state_dict() const;

  // Dropout, and what else behaves differently in training, follows this. Modules begin in
  // training.
  void train(bool on = true);
  void eval() { train(false); }
  bool is_training() const {
    note_use();
    return state_->training;
  }

  // As it is printed: the class, and its options as Python's keywords, "p=0.5".
  virtual std::string name() const;
  virtual std::string options() const { return ""; }
  // In Python's form, with the modules within: what << writes.
  std::string to_string() const;

  // Drops the gradients of all parameters, or fills them with zeros.
  void zero_grad(bool set_to_none = true);

 protected:
  // `value` becomes a leaf that asks for gradients.
  Tensor add_parameter(std::string name, Tensor value);
  Tensor add_buffer(std::string name, Tensor value);
  template <std::derived_from<Module> M>
  std::shared_ptr<M> add_module(std::string name, M module) {
    auto shared = std::make_shared<M>(std::move(module));
    modules_.emplace_back(std::move(name), shared);
    ++state_->additions;
    return shared;
  }
  const std::shared_ptr<Module>& module(size_t i) const { return modules_[i].second; }
  size_t modules() const { return modules_.size(); }
  // A program that this module has a part in is right only as long as its mode and its modules stay
  // what they are: a captured function takes note of them here.
  void note_use() const {
    if (watch()) add_guard();
  }

 private:
  struct State final : OwnedState {
    bool training = true;
    uint32_t additions = 0;
  };
  struct Unchanged;
  enum Of : uint8_t { kParameters = 1, kBuffers = 2 };
  void collect(int of, const std::string& prefix,
               std::vector<std::pair<std::string, Tensor>>& to) const;
  void add_guard() const;

  std::vector<std::pair<std::string, Tensor>> parameters_, buffers_;
  std::vector<std::pair<std::string, std::shared_ptr<Module>>> modules_;
  Owner<State> state_;
};

// y = x weight^T + bias:  x (..., in), y (..., out), weight (out, in), bias (out). Both are drawn
// from U(-1/sqrt(in), 1/sqrt(in)), the weight first, with the default generator.
class Linear : public Module {
 public:
  Linear(int64_t in_features, int64_t out_features, bool bias = true,
         Dtype dtype = default_dtype());
  Tensor forward(const Tensor& x) override;
  const Tensor& weight() const { return weight_; }
  const Tensor& bias() const { return bias_; }  // undefined without a bias
  std::string options() const override;

 private:
  Tensor weight_, bias_;
};

struct EmbeddingOptions {
  std::optional<int64_t> padding_idx = {};  // of this row the weight begins as 0, and stays
  std::optional<double> max_norm = {};
  double norm_type = 2;
  bool scale_grad_by_freq = false;
  Dtype dtype = default_dtype();
};
// y = weight[x]:  x (*) of int64 or int32, y (*, embedding_dim), weight (num_embeddings,
// embedding_dim), drawn from N(0, 1). With max_norm the rows that are read are first scaled down to
// it, in place, where their norm_type-norm is larger; scale_grad_by_freq divides what goes back to
// a row by how often it was read.
class Embedding final : public Module {
 public:
  Embedding(int64_t num_embeddings, int64_t embedding_dim, const EmbeddingOptions& options = {});
  Tensor forward(const Tensor& x) override;
  const Tensor& weight() const { return weight_; }
  std::string options() const override;

 private:
  EmbeddingOptions options_;
  Tensor weight_;
};

// ---- norms. Weights begin as 1, biases as 0

struct BatchNormOptions {
  double eps = 1e-5;
  std::optional<double> momentum = 0.1;  // none: running statistics are means over all batches
  bool affine = true;
  bool track_running_stats = true;
  Dtype dtype = default_dtype();
};
// y = (x - mean) / sqrt(var + eps) * weight + bias for each channel of x (n, c, ...): with the
// moments of the batch in training, towards which the buffers running_mean and running_var move by
// `momentum`; else with these. Ioffe, Szegedy, arXiv:1502.03167.
class BatchNorm : public Module {
 public:
  BatchNorm(int64_t num_features, const BatchNormOptions& options);
  Tensor forward(const Tensor& x) override;
  std::string options() const override;
  const Tensor& weight() const { return weight_; }  // undefined unless affine, as the bias
  const Tensor& bias() const { return bias_; }
  const Tensor& running_mean() const { return running_mean_; }  // undefined unless tracked
  const Tensor& running_var() const { return running_var_; }

 protected:
  virtual void check_input(const Tensor& x) const = 0;  // ValueError for other dimensions

 private:
  Tensor cumulative(const Tensor& x);
  int64_t num_features_;
  BatchNormOptions options_;
  Tensor weight_, bias_, running_mean_, running_var_, num_batches_tracked_;
};
// Of (n, c) or (n, c, l).
struct BatchNorm1d final : BatchNorm {
  explicit BatchNorm1d(int64_t num_features, const BatchNormOptions& options = {})
      : BatchNorm(num_features, options) {}
  void check_input(const Tensor& x) const override;
};
// Of (n, c, h, w).
struct BatchNorm2d final : BatchNorm {
  explicit BatchNorm2d(int64_t num_features, const BatchNormOptions& options = {})
      : BatchNorm(num_features, options) {}
  void check_input(const Tensor& x) const override;
};

// y = (x - mean) / sqrt(var + eps) * weight + bias over the last dimensions, which must be these.
// Ba, Kiros, Hinton, arXiv:1607.06450.
class LayerNorm final : public Module {
 public:
  explicit LayerNorm(Dims normalized_shape, double eps = 1e-5, bool elementwise_affine = true,
                     bool bias = true, Dtype dtype = default_dtype());
  explicit LayerNorm(int64_t size) : LayerNorm(Dims{size}) {}
  Tensor forward(const Tensor& x) override;
  std::string options() const override;
  const Tensor& weight() const { return weight_; }  // undefined unless affine
  const Tensor& bias() const { return bias_; }

 private:
  Dims shape_;
  double eps_;
  Tensor weight_, bias_;
};

// ---- activations, element by element

struct ReLU final : Module {
  Tensor forward(const Tensor& x) override;
};
struct Tanh final : Module {
  Tensor forward(const Tensor& x) override;
};
struct Sigmoid final : Module {
  Tensor forward(const Tensor& x) override;
};
struct SiLU final : Module {
  Tensor forward(const Tensor& x) override;
};
struct GELU final : Module {
  explicit GELU(bool tanh_approximation = false) : tanh_approximation(tanh_approximation) {}
  Tensor forward(const Tensor& x) override;
  std::string options() const override;
  bool tanh_approximation;
};
struct LeakyReLU final : Module {
  explicit LeakyReLU(double negative_slope = 0.01) : negative_slope(negative_slope) {}
  Tensor forward(const Tensor& x) override;
  std::string options() const override;
  double negative_slope;
};
struct ELU final : Module {
  explicit ELU(double alpha = 1) : alpha(alpha) {}
  Tensor forward(const Tensor& x) override;
  std::string options() const override;
  double alpha;
};
struct Softplus final : Module {
  explicit Softplus(double beta = 1, double threshold = 20) : beta(beta), threshold(threshold) {}
  Tensor forward(const Tensor& x) override;
  std::string options() const override;
  double beta, threshold;
};

// ---- others

// In training every element is zero with probability p, else divided by 1 - p; otherwise x itself.
// ValueError unless 0 <= p <= 1.
class Dropout final : public Module {
 public:
  explicit Dropout(double p = 0.5);
  Tensor forward(const Tensor& x) override;
  std::string options() const override;
  double p() const { return p_; }

 private:
  double p_;
};

// Dimensions start_dim to end_dim become one; by default all but the first, the batch.
struct Flatten final : Module {
  explicit Flatten(int64_t start_dim = 1, int64_t end_dim = -1)
      : start_dim(start_dim), end_dim(end_dim) {}
  Tensor forward(const Tensor& x) override;
  std::string options() const override;
  int64_t start_dim, end_dim;
};

// Modules one after the other, named "0", "1", ... Construct it with braces: in parentheses C++
// leaves open which argument is made, and draws its initial values, first.
class Sequential final : public Module {
 public:
  template <std::derived_from<Module>... Modules>
  explicit Sequential(Modules... modules) {
    (push_back(std::move(modules)), ...);
  }
  template <std::derived_from<Module> M>
  std::shared_ptr<M> push_back(M module) {
    return add_module(std::to_string(size()), std::move(module));
  }
  Tensor forward(const Tensor& x) override;
  size_t size() const { return modules(); }
  Module& operator[](size_t i) const { return *module(i); }
};

std::ostream& operator<<(std::ostream& out, const Module& module);

// ---- files

// Parameters and buffers in a safetensors file, by the keys of Python's state_dict: what
// load_safetensors of wengert.serialization reads, and what its save_safetensors writes for load.
// The file takes its place when all is written. RuntimeError if it cannot be written.
void save(const Module& module, const std::string& path);
// Copies what such a file holds into them, cast to their dtypes. RuntimeError, and nothing changed,
// if the file cannot be read, or lacks a key, or has more, or another shape.
void load(Module& module, const std::string& path);

}  // namespace wengert::nn
