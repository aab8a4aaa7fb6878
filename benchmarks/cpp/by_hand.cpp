// A training step without wengert, to hold the library's against: forward, backward and Adam
// written out for one network with Eigen. No tape, and no allocation in a step.
#include <benchmark/benchmark.h>

#include <Eigen/Core>
#include <cmath>
#include <cstdint>
#include <vector>

namespace {

using Eigen::Index;
using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Row = Eigen::RowVectorXf;

// y = x w + b. Parameters and gradients are parts of the network's arrays.
struct Layer {
  Eigen::Map<Matrix> w, dw;  // in x out
  Eigen::Map<Row> b, db;
  Matrix y, g;  // batch x out; after the activation, and the gradient before it
  Layer(float* p, float* dp, Index batch, Index in, Index out)
      : w(p, in, out), dw(dp, in, out), b(p + in * out, out), db(dp + in * out, out) {
    y.resize(batch, out);
    g.resize(batch, out);
  }
};

// in - width - width - classes, tanh, cross-entropy, Adam.
class Network {
 public:
  Network(Index batch, Index in, Index width, Index classes)
      : x_(Matrix::Random(batch, in)), labels_(static_cast<size_t>(batch)) {
    for (Index i = 0; i < batch; ++i) labels_[static_cast<size_t>(i)] = i % classes;
    const Index sizes[] = {in, width, width, classes};
    Index total = 0;
    for (int i = 0; i < 3; ++i) total += (sizes[i] + 1) * sizes[i + 1];
    p_ = Eigen::ArrayXf::Random(total);
    dp_ = m_ = v_ = Eigen::ArrayXf::Zero(total);
    float *p = p_.data(), *dp = dp_.data();
    for (int i = 0; i < 3; ++i) {
      const Index n = (sizes[i] + 1) * sizes[i + 1];
      Eigen::Map<Eigen::ArrayXf>(p, n) /= std::sqrt(static_cast<float>(sizes[i]));
      layers_.emplace_back(p, dp, batch, sizes[i], sizes[i + 1]);
      p += n;
      dp += n;
    }
    top_.resize(batch);
    sum_.resize(batch);
  }

  // Returns the loss before the step.
  float step() {
    forward();
    const float loss = cross_entropy();
    backward();
    adam();
    return loss;
  }

 private:
  void forward() {
    const Matrix* x = &x_;
    for (Layer& l : layers_) {
      l.y.noalias() = *x * l.w;
      if (&l == &layers_.back()) {
        l.y.rowwise() += l.b;
      } else {
        l.y = (l.y.rowwise() + l.b).array().tanh();
      }
      x = &l.y;
    }
  }

  // The mean of log(sum_j e^z_j) - z_label; its gradient is (softmax(z) - onehot(label)) / batch.
  float cross_entropy() {
    const Matrix& z = layers_.back().y;
    Matrix& g = layers_.back().g;
    const auto batch = static_cast<float>(z.rows());
    top_ = z.rowwise().maxCoeff();
    g = z.colwise() - top_;
    float loss = 0;
    for (Index i = 0; i < z.rows(); ++i) loss -= g(i, labels_[static_cast<size_t>(i)]);
    g = g.array().exp();
    sum_ = g.rowwise().sum();
    loss += sum_.array().log().sum();
    sum_ = (sum_.array() * batch).inverse();
    g.array().colwise() *= sum_.array();
    for (Index i = 0; i < z.rows(); ++i) g(i, labels_[static_cast<size_t>(i)]) -= 1 / batch;
    return loss / batch;
  }

  void backward() {
    for (size_t i = layers_.size(); i-- > 0;) {
      Layer& l = layers_[i];
      const Matrix& x = i == 0 ? x_ : layers_[i - 1].y;
      l.dw.noalias() = x.transpose() * l.g;
      l.db.noalias() = l.g.colwise().sum();
      if (i == 0) return;
      Matrix& dx = layers_[i - 1].g;
      dx.noalias() = l.g * l.w.transpose();
      dx.array() *= 1 - x.array().square();
    }
  }

  void adam() {
    constexpr double kLr = 1e-3, kBeta1 = 0.9, kBeta2 = 0.999;
    constexpr float kEps = 1e-8f;
    ++t_;
    const auto step = static_cast<float>(kLr / (1 - std::pow(kBeta1, t_)));
    const auto scale = static_cast<float>(1 / std::sqrt(1 - std::pow(kBeta2, t_)));
    const auto beta2 = static_cast<float>(kBeta2);
    const auto rest1 = static_cast<float>(1 - kBeta1), rest2 = static_cast<float>(1 - kBeta2);
    // One loop, not three array expressions: the moments are updated while the division runs.
    float* __restrict p = p_.data();
    float* __restrict m = m_.data();
    float* __restrict v = v_.data();
    const float* __restrict g = dp_.data();
    for (Index i = 0, n = p_.size(); i < n; ++i) {
      m[i] += rest1 * (g[i] - m[i]);
      v[i] = beta2 * v[i] + rest2 * g[i] * g[i];
      p[i] -= step * m[i] / (std::sqrt(v[i]) * scale + kEps);
    }
  }

  Matrix x_;
  std::vector<Index> labels_;
  Eigen::ArrayXf p_, dp_, m_, v_;  // all parameters, their gradients and moments
  std::vector<Layer> layers_;
  Eigen::VectorXf top_, sum_;  // of each row of logits
  int64_t t_ = 0;
};

void by_hand_step(benchmark::State& state) {
  Network network(state.range(0), state.range(1), state.range(2), state.range(3));
  for (auto _ : state) benchmark::DoNotOptimize(network.step());
}
BENCHMARK(by_hand_step)
    ->ArgNames({"batch", "in", "width", "classes"})
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond)
    ->Args({32, 4, 64, 2});

}  // namespace
