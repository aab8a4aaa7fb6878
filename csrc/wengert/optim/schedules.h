// Learning rates that change as training goes on, of the names, formulas and bits of Python's.
//
//   optim::CosineAnnealingLR schedule(optimizer, 100);
//   for (...) { ...; optimizer.step(); schedule.step(); }
//
// A schedule sets the rate of its optimizer when made, and at every step(). The optimizer outlives
// it and stays where it is. t counts the steps; base is the optimizer's first rate. Most multiply
// the rate in force, so that they can be combined; the formula is what that comes to alone.
#pragma once

#include <cmath>
#include <functional>
#include <initializer_list>
#include <limits>
#include <vector>

#include "wengert/optim/optim.h"

namespace wengert::optim {

class Schedule {
 public:
  Schedule(const Schedule&) = delete;
  Schedule& operator=(const Schedule&) = delete;
  virtual ~Schedule() = default;
  virtual void step();
  double last_lr() const { return last_; }
  // t
  int64_t epoch() const { return t_; }

 protected:
  explicit Schedule(Optimizer& optimizer);
  // The rate at t. At t = 0, which is when it is made, that in force unless it says otherwise.
  virtual double rate() = 0;
  // The formula, where it does not depend on the rate in force.
  virtual double formula() { return rate(); }
  // For the end of a constructor.
  void begin();
  void set(double lr);
  double lr() const { return optimizer_->lr(); }
  Optimizer& optimizer() const { return *optimizer_; }

  double base_ = 0, last_ = 0;
  int64_t t_ = -1;

 private:
  friend class SequentialLR;
  Optimizer* optimizer_;
};

// base * factor(t)
class LambdaLR final : public Schedule {
 public:
  LambdaLR(Optimizer& optimizer, std::function<double(int64_t)> factor);

 private:
  double rate() override;
  std::function<double(int64_t)> factor_;
};

// base * factor(1) * ... * factor(t)
class MultiplicativeLR final : public Schedule {
 public:
  MultiplicativeLR(Optimizer& optimizer, std::function<double(int64_t)> factor);

 private:
  double rate() override;
  std::function<double(int64_t)> factor_;
};

// base * gamma^floor(t / step_size). ValueError for a step_size below 1.
class StepLR final : public Schedule {
 public:
  StepLR(Optimizer& optimizer, int64_t step_size, double gamma = 0.1);

 private:
  double rate() override;
  double formula() override;
  int64_t step_size_;
  double gamma_;
};

// base * gamma^(number of milestones <= t)
class MultiStepLR final : public Schedule {
 public:
  MultiStepLR(Optimizer& optimizer, std::vector<int64_t> milestones, double gamma = 0.1);

 private:
  double rate() override;
  double formula() override;
  std::vector<int64_t> milestones_;
  double gamma_;
};

// base * factor while t < total_iters, then base. ValueError unless 0 < factor <= 1.
class ConstantLR final : public Schedule {
 public:
  explicit ConstantLR(Optimizer& optimizer, double factor = 1.0 / 3, int64_t total_iters = 5);

 private:
  double rate() override;
  double formula() override;
  double factor_;
  int64_t total_;
};

// base * (start + (end - start) * min(t / total_iters, 1)). ValueError unless 0 < start <= 1,
// 0 <= end <= 1 and 0 < total_iters.
class LinearLR final : public Schedule {
 public:
  explicit LinearLR(Optimizer& optimizer, double start_factor = 1.0 / 3, double end_factor = 1,
                    int64_t total_iters = 5);

 private:
  double rate() override;
  double formula() override;
  double start_, end_;
  int64_t total_;
};

// base * gamma^t
class ExponentialLR final : public Schedule {
 public:
  ExponentialLR(Optimizer& optimizer, double gamma);

 private:
  double rate() override;
  double formula() override;
  double gamma_;
};

// base * (1 - min(t / total_iters, 1))^power. ValueError for total_iters below 1.
class PolynomialLR final : public Schedule {
 public:
  explicit PolynomialLR(Optimizer& optimizer, int64_t total_iters = 5, double power = 1);

 private:
  double rate() override;
  double formula() override;
  int64_t total_;
  double power_;
};

// eta_min + (base - eta_min) * (1 + cos(pi t / period)) / 2 (Loshchilov and Hutter 2017).
// ValueError for a period below 1.
class CosineAnnealingLR final : public Schedule {
 public:
  CosineAnnealingLR(Optimizer& optimizer, int64_t period, double eta_min = 0);

 private:
  double rate() override;
  double formula() override;
  int64_t period_;
  double low_;
};

// CosineAnnealingLR that starts again after `first` steps, then first * factor, and so on.
// ValueError unless both are 1 or more.
class CosineAnnealingWarmRestarts final : public Schedule {
 public:
  CosineAnnealingWarmRestarts(Optimizer& optimizer, int64_t first, int64_t factor = 1,
                              double eta_min = 0);
  void step() override;

 private:
  double rate() override;
  double formula() override;
  int64_t first_, factor_, period_, now_ = -1;
  double low_;
};

struct OneCycleOptions {
  double max_lr = 0;
  int64_t total_steps = 0;
  double pct_start = 0.3;
  bool linear = false;  // lines instead of half cosines
  bool cycle_momentum = true;
  double base_momentum = 0.85;
  double max_momentum = 0.95;
  double div_factor = 25;
  double final_div_factor = 1e4;
  bool three_phase = false;
};
// From max_lr / div_factor up to max_lr over pct_start of the steps, then down to the first rate /
// final_div_factor; momentum (or beta1) runs the other way (Smith and Topin 2019). With three_phase
// the way down first mirrors the way up. ValueError for options out of range, for an optimizer
// without momentum, and for more than total_steps steps.
class OneCycleLR final : public Schedule {
 public:
  OneCycleLR(Optimizer& optimizer, const OneCycleOptions& options);

 private:
  struct Phase {
    double end;
    double from_lr, to_lr, from_momentum, to_momentum;
  };
  double rate() override;
  double between(double from, double to, double done) const;
  OneCycleOptions o_;
  std::vector<Phase> phases_;
};

struct CyclicOptions {
  // The height of cycle c = 1, 2, ...: whole, halved with each, or times gamma^t at step t.
  enum class Mode { kTriangular, kTriangular2, kExpRange };
  double base_lr = 0;
  double max_lr = 0;
  int64_t step_size_up = 2000;
  int64_t step_size_down = 0;  // as many as up
  Mode mode = Mode::kTriangular;
  double gamma = 1;
  bool cycle_momentum = true;
  double base_momentum = 0.8;
  double max_momentum = 0.9;
};
// From base_lr up to max_lr and down again, and so on; momentum (or beta1) runs the other way
// (Smith 2017). ValueError for a step_size_up below 1 and for an optimizer without momentum.
class CyclicLR final : public Schedule {
 public:
  CyclicLR(Optimizer& optimizer, const CyclicOptions& options);

 private:
  double rate() override;
  CyclicOptions o_;
};

// The schedules one after another, the next from each milestone on. They are of the same optimizer,
// are made before this one, outlive it, and are stepped by it alone. ValueError unless there is one
// schedule more than milestones, which increase.
class SequentialLR final : public Schedule {
 public:
  SequentialLR(Optimizer& optimizer, std::initializer_list<Schedule*> schedules,
               std::vector<int64_t> milestones);
  void step() override;

 private:
  double rate() override { return lr(); }
  size_t place() const;
  std::vector<Schedule*> schedules_;
  std::vector<int64_t> milestones_;
};

struct PlateauOptions {
  bool maximize = false;  // larger is better
  double factor = 0.1;
  int64_t patience = 10;
  double threshold = 1e-4;
  bool absolute = false;  // the threshold is a difference, not a fraction of the best
  int64_t cooldown = 0;
  double min_lr = 0;
  double eps = 1e-8;
};
// lr * factor whenever the metric has not improved by more than the threshold for more than
// `patience` steps; after that `cooldown` steps do not count. ValueError for a factor of 1 or more.
class ReduceLROnPlateau {
 public:
  explicit ReduceLROnPlateau(Optimizer& optimizer, const PlateauOptions& options = {});
  void step(double metric);
  double last_lr() const { return optimizer_->lr(); }

 private:
  bool is_better(double metric) const;
  Optimizer* optimizer_;
  PlateauOptions o_;
  double best_;
  int64_t bad_ = 0, cooling_ = 0;
};

}  // namespace wengert::optim
