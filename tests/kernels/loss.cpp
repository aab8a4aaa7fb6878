// Softmax, losses of classes and losses of pairs, with their gradients.
#include "wengert/kernels/loss/loss.h"

#include "kernels.h"
#include "wengert/kernels/loss/naive.h"

namespace wengert {
namespace {

template <class T>
void softmaxes(const SoftmaxShape& s) {
  const int64_t n = s.outer * s.n * s.inner;
  const std::vector<T> x = numbers<T>(n), g = numbers<T>(n, 2);
  for (const bool log : {false, true}) {
    std::vector<T> fast(x.size()), slow = fast, dx = fast, dx_slow = fast;
    softmax_forward(dtype_of<T>(), log, s, x.data(), fast.data());
    naive::softmax(log, s, x.data(), slow.data());
    CHECK(close(fast, slow, kLoose<T>, kLoose<T>));
    softmax_gradient(dtype_of<T>(), log, s, g.data(), slow.data(), dx.data());
    naive::softmax_gradient(log, s, g.data(), slow.data(), dx_slow.data());
    CHECK(close(dx, dx_slow, kLoose<T>, 10 * kLoose<T>));
  }
}

std::vector<double> reduced(LossSum sum, const std::vector<double>& each, double total) {
  if (sum == LossSum::kNone) return each;
  double s = 0;
  for (const double v : each) s += v;
  return {sum == LossSum::kMean ? s / total : s};
}

template <class T>
void class_losses(int64_t rows, int64_t classes, int64_t inner, LossSum sum, double smoothing,
                  bool weighted) {
  std::vector<int64_t> target(static_cast<size_t>(rows * inner));
  for (size_t i = 0; i < target.size(); ++i)
    target[i] = i % 5 == 3 ? -100 : static_cast<int64_t>(i * 7 % static_cast<size_t>(classes));
  std::vector<T> weight = numbers<T>(classes, 3);
  for (T& w : weight) w = std::abs(w) + T(0.1);
  const ClassLoss l{dtype_of<T>(), rows,          classes,
                    inner,         target.data(), weighted ? weight.data() : nullptr,
                    -100,          sum,           smoothing};
  const std::vector<T> x = numbers<T>(rows * classes * inner);
  const double total = naive::total_weight<T>(l);
  const size_t losses = sum == LossSum::kNone ? target.size() : 1;
  const std::vector<T> g = numbers<T>(static_cast<int64_t>(losses), 4);
  std::vector<double> wide(g.begin(), g.end());
  if (sum == LossSum::kMean) wide[0] /= total;

  std::vector<T> loss(losses), state(target.size() + 1), dx(x.size()), slow = dx;
  cross_entropy_forward(l, x.data(), loss.data(), state.data());
  CHECK(close(loss, reduced(sum, naive::class_losses(l, x.data(), false), total), kLoose<T>,
              10 * kLoose<T>));
  CHECK(close(double(state.back()), total, kLoose<T>, 0));
  cross_entropy_gradient(l, g.data(), x.data(), state.data(), dx.data());
  naive::class_gradient(l, wide, x.data(), false, slow.data());
  CHECK(close(dx, slow, kLoose<T>, 10 * kLoose<T>));
  if (smoothing != 0) return;
  T weights;
  nll_forward(l, x.data(), loss.data(), &weights);
  CHECK(close(loss, reduced(sum, naive::class_losses(l, x.data(), true), total), kLoose<T>,
              10 * kLoose<T>));
  CHECK(close(double(weights), total, kLoose<T>, 0));
  nll_gradient(l, g.data(), &weights, dx.data());
  naive::class_gradient(l, wide, x.data(), true, slow.data());
  CHECK(close(dx, slow, kLoose<T>, 10 * kLoose<T>));
}

template <class T>
void pair_losses(PairLoss kind, LossSum sum, int64_t n) {
  std::vector<T> x = numbers<T>(n), t = numbers<T>(n, 2);
  if (kind == PairLoss::kBinary)
    for (T& v : x) v = v / 5 + T(0.5);
  if (kind == PairLoss::kBinary || kind == PairLoss::kLogits)
    for (T& v : t) v = v / 4 + T(0.5);
  const size_t losses = sum == LossSum::kNone ? x.size() : 1;
  const std::vector<T> g = numbers<T>(static_cast<int64_t>(losses), 3);
  std::vector<T> loss(losses), dx(x.size());
  std::vector<double> each, slopes;
  for (size_t i = 0; i < x.size(); ++i) {
    const naive::Pair p = naive::pair(kind, double(x[i]), double(t[i]), 0.7);
    each.push_back(p.loss);
    const double scale = sum == LossSum::kMean ? static_cast<double>(n) : 1;
    slopes.push_back(p.slope * double(g[losses == 1 ? 0 : i]) / scale);
  }
  pair_loss_forward(kind, dtype_of<T>(), sum, 0.7, n, x.data(), t.data(), loss.data());
  CHECK(close(loss, reduced(sum, each, static_cast<double>(n)), kLoose<T>, 10 * kLoose<T>));
  pair_loss_gradient(kind, dtype_of<T>(), sum, 0.7, n, g.data(), x.data(), t.data(), dx.data());
  CHECK(close(dx, slopes, kLoose<T>, 10 * kLoose<T>));
}

// Samples of 4, 0 and 5 steps; labels that repeat, none, and more than fit.
template <class T>
void unsegmented(bool rows) {
  const std::vector<std::vector<int64_t>> labels{{2, 2}, {}, {1, 3, 1}, {1, 1, 1}};
  const int64_t steps[] = {5, 0, 4, 4}, lengths[] = {2, 0, 3, 3};
  const int64_t in_rows[] = {2, 2, -9, -9, -9, -9, 1, 3, 1, 1, 1, 1},
                dense[] = {2, 2, 1, 3, 1, 1, 1, 1};
  const CtcLoss l{dtype_of<T>(), 5,     4,      4, 0, rows ? in_rows : dense, rows ? 12 : 8,
                  rows ? 3 : 0,  steps, lengths};
  std::vector<T> x = numbers<T>(5 * 4 * 4);
  naive::log_probabilities(x, 4);
  const std::vector<T> g = numbers<T>(4, 2);
  std::vector<T> loss(4), dx(x.size()), slow(x.size());
  ctc_forward(l, x.data(), loss.data());
  ctc_gradient(l, true, g.data(), x.data(), loss.data(), dx.data());
  for (int64_t n = 0; n < 4; ++n) {
    const auto i = static_cast<size_t>(n);
    const naive::Reading r = naive::read_all(l, n, labels[i], x.data());
    if (std::isinf(r.loss)) {
      CHECK(std::isinf(loss[i]) && n == 3);
      continue;
    }
    CHECK(close(double(loss[i]), r.loss, kLoose<T>, kLoose<T>));
    for (int64_t t = 0; t < steps[n]; ++t) {
      for (int64_t c = 0; c < 4; ++c) {
        const auto at = static_cast<size_t>((t * 4 + n) * 4 + c);
        const double own = std::exp(double(x[at])) - r.share[static_cast<size_t>(t * 4 + c)];
        slow[at] = static_cast<T>(double(g[i]) * own);
      }
    }
  }
  CHECK(close(dx, slow, kLoose<T>, 10 * kLoose<T>));
}

template <class T>
void all() {
  unsegmented<T>(true);
  unsegmented<T>(false);
  for (const SoftmaxShape& s : {SoftmaxShape{5, 1, 1}, SoftmaxShape{33, 7, 1},
                                SoftmaxShape{9, 130, 1}, SoftmaxShape{3, 40, 5}})
    softmaxes<T>(s);
  for (const LossSum sum : {LossSum::kNone, LossSum::kMean, LossSum::kSum}) {
    for (const bool weighted : {false, true}) {
      for (const double smoothing : {0.0, 0.1}) {
        class_losses<T>(33, 10, 1, sum, smoothing, weighted);
        class_losses<T>(4, 200, 1, sum, smoothing, weighted);
        class_losses<T>(3, 6, 7, sum, smoothing, weighted);
      }
    }
    for (const PairLoss kind : {PairLoss::kSquare, PairLoss::kAbsolute, PairLoss::kSmooth,
                                PairLoss::kHuber, PairLoss::kBinary, PairLoss::kLogits}) {
      pair_losses<T>(kind, sum, 1);
      pair_losses<T>(kind, sum, 133);
    }
  }
}

}  // namespace

void test_loss() {
  all<float>();
  all<double>();
}

}  // namespace wengert
