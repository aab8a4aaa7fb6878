#include "wengert/optim/schedules.h"

#include <algorithm>
#include <numbers>

namespace wengert::optim {
namespace {

constexpr double kPi = std::numbers::pi;
double as_double(int64_t n) { return static_cast<double>(n); }

void check_count(const char* name, const char* what, int64_t n) {
  check(n >= 1, ErrorKind::kValue, name, ": ", what, " must be 1 or more, got ", n);
}

// A part of the way that is a factor.
void check_factor(const char* name, const char* what, double factor, bool positive) {
  check(factor <= 1 && (positive ? factor > 0 : factor >= 0), ErrorKind::kValue, name, ": ", what,
        " must be ", positive ? "above 0" : "0 or more", " and not above 1, got ", factor);
}

}  // namespace

Schedule::Schedule(Optimizer& optimizer)
    : base_(optimizer.first_lr()), last_(optimizer.lr()), optimizer_(&optimizer) {}

void Schedule::begin() {
  t_ = 0;
  set(rate());
}

void Schedule::step() {
  ++t_;
  set(rate());
}

void Schedule::set(double lr) {
  optimizer_->set_lr(lr);
  last_ = lr;
}

LambdaLR::LambdaLR(Optimizer& optimizer, std::function<double(int64_t)> factor)
    : Schedule(optimizer), factor_(std::move(factor)) {
  check(static_cast<bool>(factor_), ErrorKind::kValue, "LambdaLR: there is no function");
  begin();
}
double LambdaLR::rate() { return base_ * factor_(t_); }

MultiplicativeLR::MultiplicativeLR(Optimizer& optimizer, std::function<double(int64_t)> factor)
    : Schedule(optimizer), factor_(std::move(factor)) {
  check(static_cast<bool>(factor_), ErrorKind::kValue, "MultiplicativeLR: there is no function");
  begin();
}
double MultiplicativeLR::rate() { return t_ == 0 ? lr() : lr() * factor_(t_); }

StepLR::StepLR(Optimizer& optimizer, int64_t step_size, double gamma)
    : Schedule(optimizer), step_size_(step_size), gamma_(gamma) {
  check_count("StepLR", "step_size", step_size);
  begin();
}
double StepLR::rate() { return t_ == 0 || t_ % step_size_ != 0 ? lr() : lr() * gamma_; }
double StepLR::formula() { return base_ * std::pow(gamma_, as_double(t_ / step_size_)); }

MultiStepLR::MultiStepLR(Optimizer& optimizer, std::vector<int64_t> milestones, double gamma)
    : Schedule(optimizer), milestones_(std::move(milestones)), gamma_(gamma) {
  std::sort(milestones_.begin(), milestones_.end());
  begin();
}
double MultiStepLR::rate() {
  const auto times = std::count(milestones_.begin(), milestones_.end(), t_);
  return times == 0 ? lr() : lr() * std::pow(gamma_, as_double(times));
}
double MultiStepLR::formula() {
  const auto passed = std::upper_bound(milestones_.begin(), milestones_.end(), t_);
  return base_ * std::pow(gamma_, as_double(passed - milestones_.begin()));
}

ConstantLR::ConstantLR(Optimizer& optimizer, double factor, int64_t total_iters)
    : Schedule(optimizer), factor_(factor), total_(total_iters) {
  check_factor("ConstantLR", "factor", factor, true);
  begin();
}
double ConstantLR::rate() {
  if (t_ == 0) return lr() * factor_;
  return t_ == total_ ? lr() * (1.0 / factor_) : lr();
}
double ConstantLR::formula() { return base_ * (t_ >= total_ ? 1 : factor_); }

LinearLR::LinearLR(Optimizer& optimizer, double start_factor, double end_factor,
                   int64_t total_iters)
    : Schedule(optimizer), start_(start_factor), end_(end_factor), total_(total_iters) {
  check_factor("LinearLR", "start_factor", start_factor, true);
  check_factor("LinearLR", "end_factor", end_factor, false);
  check_count("LinearLR", "total_iters", total_iters);
  begin();
}
double LinearLR::rate() {
  if (t_ == 0) return lr() * start_;
  if (t_ > total_) return lr();
  // f(t) / f(t - 1) = 1 + slope / f(t - 1), both multiplied by total_iters.
  const double slope = end_ - start_;
  return lr() * (1.0 + slope / (as_double(total_) * start_ + as_double(t_ - 1) * slope));
}
double LinearLR::formula() {
  const double done = as_double(std::min(total_, t_)) / as_double(total_);
  return base_ * (start_ + (end_ - start_) * done);
}

ExponentialLR::ExponentialLR(Optimizer& optimizer, double gamma)
    : Schedule(optimizer), gamma_(gamma) {
  begin();
}
double ExponentialLR::rate() { return t_ == 0 ? lr() : lr() * gamma_; }
double ExponentialLR::formula() { return base_ * std::pow(gamma_, as_double(t_)); }

PolynomialLR::PolynomialLR(Optimizer& optimizer, int64_t total_iters, double power)
    : Schedule(optimizer), total_(total_iters), power_(power) {
  check_count("PolynomialLR", "total_iters", total_iters);
  begin();
}
double PolynomialLR::rate() {
  if (t_ == 0 || t_ > total_) return lr();
  const double left = 1.0 - as_double(t_) / as_double(total_);
  const double before = 1.0 - as_double(t_ - 1) / as_double(total_);
  return lr() * std::pow(left / before, power_);
}
double PolynomialLR::formula() {
  return base_ * std::pow(1.0 - as_double(std::min(total_, t_)) / as_double(total_), power_);
}

CosineAnnealingLR::CosineAnnealingLR(Optimizer& optimizer, int64_t period, double eta_min)
    : Schedule(optimizer), period_(period), low_(eta_min) {
  check_count("CosineAnnealingLR", "period", period);
  begin();
}
double CosineAnnealingLR::rate() {
  if (t_ == 0) return lr();
  const double period = as_double(period_);
  // The rate before is at its minimum, where the quotient below is 0 / 0.
  if (t_ - 1 >= period_ && (t_ - 1 - period_) % (2 * period_) == 0)
    return lr() + (base_ - low_) * ((1 - std::cos(kPi / period)) / 2);
  const double now = 1 + std::cos(kPi * as_double(t_) / period);
  const double before = 1 + std::cos(kPi * as_double(t_ - 1) / period);
  return now / before * (lr() - low_) + low_;
}
double CosineAnnealingLR::formula() {
  const double height = (1 + std::cos(kPi * as_double(t_) / as_double(period_))) / 2;
  return low_ + (base_ - low_) * height;
}

CosineAnnealingWarmRestarts::CosineAnnealingWarmRestarts(Optimizer& optimizer, int64_t first,
                                                         int64_t factor, double eta_min)
    : Schedule(optimizer), first_(first), factor_(factor), period_(first), low_(eta_min) {
  check_count("CosineAnnealingWarmRestarts", "first", first);
  check_count("CosineAnnealingWarmRestarts", "factor", factor);
  now_ = 0;
  begin();
}
double CosineAnnealingWarmRestarts::rate() {
  const double height = (1 + std::cos(kPi * as_double(now_) / as_double(period_))) / 2;
  return low_ + (base_ - low_) * height;
}
double CosineAnnealingWarmRestarts::formula() {  // only asked for at t = 0
  now_ = 0;
  period_ = first_;
  return rate();
}
void CosineAnnealingWarmRestarts::step() {
  if (++now_ >= period_) {
    now_ -= period_;
    period_ *= factor_;
  }
  Schedule::step();
}

OneCycleLR::OneCycleLR(Optimizer& optimizer, const OneCycleOptions& options)
    : Schedule(optimizer), o_(options) {
  check_count("OneCycleLR", "total_steps", o_.total_steps);
  check(o_.pct_start >= 0 && o_.pct_start <= 1, ErrorKind::kValue,
        "OneCycleLR: pct_start must be between 0 and 1, got ", o_.pct_start);
  check(!o_.cycle_momentum || optimizer.momentum(), ErrorKind::kValue,
        "OneCycleLR: the optimizer has no momentum or beta1; set cycle_momentum to false");
  const double first = o_.max_lr / o_.div_factor, lowest = first / o_.final_div_factor;
  const double high = o_.max_momentum, low = o_.base_momentum;
  const double steps = as_double(o_.total_steps), up = o_.pct_start * steps - 1;
  phases_.push_back({up, first, o_.max_lr, high, low});
  if (o_.three_phase) {
    phases_.push_back({2 * o_.pct_start * steps - 2, o_.max_lr, first, low, high});
    phases_.push_back({steps - 1, first, lowest, high, high});
  } else {
    phases_.push_back({steps - 1, o_.max_lr, lowest, low, high});
  }
  base_ = first;
  optimizer.set_first_lr(first);
  begin();
}
double OneCycleLR::between(double from, double to, double done) const {
  if (o_.linear) return (to - from) * done + from;
  return to + (from - to) / 2.0 * (std::cos(kPi * done) + 1);
}
double OneCycleLR::rate() {
  check(t_ < o_.total_steps + 1, ErrorKind::kValue, "OneCycleLR: step ", t_, " of ", o_.total_steps,
        " steps");
  double begin = 0;
  size_t i = 0;
  while (as_double(t_) > phases_[i].end && i + 1 < phases_.size()) begin = phases_[i++].end;
  const Phase& p = phases_[i];
  const double done = (as_double(t_) - begin) / (p.end - begin);
  if (o_.cycle_momentum) *optimizer().momentum() = between(p.from_momentum, p.to_momentum, done);
  return between(p.from_lr, p.to_lr, done);
}

CyclicLR::CyclicLR(Optimizer& optimizer, const CyclicOptions& options)
    : Schedule(optimizer), o_(options) {
  check_count("CyclicLR", "step_size_up", o_.step_size_up);
  check(o_.step_size_down >= 0, ErrorKind::kValue, "CyclicLR: step_size_down must not be negative");
  check(!o_.cycle_momentum || optimizer.momentum(), ErrorKind::kValue,
        "CyclicLR: the optimizer has no momentum or beta1; set cycle_momentum to false");
  if (o_.step_size_down == 0) o_.step_size_down = o_.step_size_up;
  base_ = o_.base_lr;
  optimizer.set_first_lr(o_.base_lr);
  begin();
}
double CyclicLR::rate() {
  using Mode = CyclicOptions::Mode;
  const double t = as_double(t_), size = as_double(o_.step_size_up) + as_double(o_.step_size_down);
  const double top = as_double(o_.step_size_up) / size;
  const double cycle = std::floor(1 + t / size), x = 1 + t / size - cycle;
  const double height = x <= top ? x / top : (x - 1) / (top - 1);
  double scale = 1;
  if (o_.mode == Mode::kTriangular2) scale = 1 / std::pow(2.0, cycle - 1);
  if (o_.mode == Mode::kExpRange) scale = std::pow(o_.gamma, t);
  if (o_.cycle_momentum)
    *optimizer().momentum() =
        o_.max_momentum - (o_.max_momentum - o_.base_momentum) * height * scale;
  return o_.base_lr + (o_.max_lr - o_.base_lr) * height * scale;
}

SequentialLR::SequentialLR(Optimizer& optimizer, std::initializer_list<Schedule*> schedules,
                           std::vector<int64_t> milestones)
    : Schedule(optimizer), schedules_(schedules), milestones_(std::move(milestones)) {
  check(!schedules_.empty() && milestones_.size() + 1 == schedules_.size(), ErrorKind::kValue,
        "SequentialLR: ", uint64_t{schedules_.size()}, " schedules and ",
        uint64_t{milestones_.size()}, " milestones; there must be one schedule more");
  for (size_t i = 0; i < milestones_.size(); ++i)
    check(milestones_[i] > (i ? milestones_[i - 1] : 0), ErrorKind::kValue,
          "SequentialLR: milestones must be above 0 and increase");
  for (const Schedule* s : schedules_)
    check(s && s->optimizer_ == &optimizer, ErrorKind::kValue,
          "SequentialLR: a schedule belongs to another optimizer");
  // Each has set its first rate when it was made: all but the first take that back.
  t_ = 0;
  set(optimizer.first_lr());
  schedules_[0]->begin();
  last_ = lr();
}
size_t SequentialLR::place() const {
  return static_cast<size_t>(std::upper_bound(milestones_.begin(), milestones_.end(), t_) -
                             milestones_.begin());
}
void SequentialLR::step() {
  ++t_;
  const size_t i = place();
  Schedule& s = *schedules_[i];
  if (i > 0 && milestones_[i - 1] == t_) {
    s.t_ = 0;
    s.set(s.formula());
  } else {
    s.step();
  }
  last_ = lr();
}

ReduceLROnPlateau::ReduceLROnPlateau(Optimizer& optimizer, const PlateauOptions& options)
    : optimizer_(&optimizer),
      o_(options),
      best_((options.maximize ? -1 : 1) * std::numeric_limits<double>::infinity()) {
  check(o_.factor < 1, ErrorKind::kValue, "ReduceLROnPlateau: factor must be below 1, got ",
        o_.factor);
}
bool ReduceLROnPlateau::is_better(double metric) const {
  const double sign = o_.maximize ? 1 : -1;
  const double bar = o_.absolute ? best_ + sign * o_.threshold : best_ * (1 + sign * o_.threshold);
  return o_.maximize ? metric > bar : metric < bar;
}
void ReduceLROnPlateau::step(double metric) {
  if (is_better(metric)) {
    best_ = metric;
    bad_ = 0;
  } else {
    ++bad_;
  }
  if (cooling_ > 0) {
    --cooling_;
    bad_ = 0;
  }
  if (bad_ <= o_.patience) return;
  const double old = optimizer_->lr(), lower = std::max(old * o_.factor, o_.min_lr);
  if (old - lower > o_.eps) optimizer_->set_lr(lower);
  cooling_ = o_.cooldown;
  bad_ = 0;
}

}  // namespace wengert::optim
