// Optimizer steps as ops over lists: one call takes every parameter, so that its cost is that of
// the memory it moves. The same for all rules; see Note [update rules].
#include <algorithm>

#include "wengert/ops/basic.h"
#include "wengert/ops/optim/items.h"
#include "wengert/ops/optim/optim.h"
#include "wengert/ops/optim/rule.h"

namespace wengert {
namespace {

constexpr int kMaxState = UpdateRule::kMaxState;

int count(const Call& c) { return static_cast<int>(c.attrs.integer(c.attrs.count() - 2)); }
bool is_fresh(const Call& c) { return c.attrs.flag(c.attrs.count() - 1); }

// Of a row that update_row made.
const UpdateRule& rule_of(const Op& op) { return *static_cast<const UpdateRow&>(op).rule; }

const UpdateState& state_of(const UpdateRule& rule, int k) {
  return rule.state[static_cast<size_t>(k)];
}
bool exists(const UpdateRule& rule, int k, const Attrs& a) {
  const auto& f = state_of(rule, k).exists;
  return !f || f(a);
}

// The lists of a call, by number: 0 are the parameters, 1 the gradients.
struct Lists {
  Lists(const UpdateRule& rule, const Attrs& a) : states(rule.states()) {
    int lane = 2;
    for (int k = 0; k < states; ++k) {
      of_state[k] = exists(rule, k, a) ? count++ : -1;
      if (!state_of(rule, k).number) of_lane[lane++] = of_state[k];
    }
    lanes = {of_lane, static_cast<size_t>(lane)};
  }
  Lists(const Lists&) = delete;
  int states, count = 2;
  int of_state[kMaxState];  // -1 if the state does not exist
  std::span<const int> lanes;

 private:
  int of_lane[2 + kMaxState] = {0, 1};
};

void check_like(const Tensor& t, const Tensor& p, const char* what, int i) {
  check(t.shape() == p.shape() && t.dtype() == p.dtype(), what, " ", i, " has shape ", t.shape(),
        " and dtype ", t.dtype(), ", its parameter ", p.shape(), " and ", p.dtype());
}

void check_number(const Tensor& t, const char* what, int i) {
  check_floating(t, what, i);
  check(t.numel() == 1, what, " ", i, " has shape ", t.shape(), "; one element is needed");
}

// Counts up the numbers of every parameter, and computes what follows from them. Parameters are
// nearly always at the same step: what was computed is kept from one to the next.
void advance(const Call& c, const UpdateRule& rule, const Lists& lists, UpdateList& items) {
  const int n = count(c);
  StateNumber last[kMaxState], after[kMaxState];
  double out[kernels::UpdateItem::kMaxNumbers] = {};
  for (int i = 0; i < n; ++i) {
    StateNumber now[kMaxState];
    int numbers = 0;
    bool same = i > 0;
    for (int k = 0; k < lists.states; ++k) {
      if (!state_of(rule, k).number) continue;
      const Tensor& t = c.in(lists.of_state[k] * n + i);
      now[numbers].dtype = t.dtype();
      now[numbers].value = dispatch_floating(
          t.dtype(), [&](auto zero) -> double { return *t.data_as<decltype(zero)>(); });
      same = same && now[numbers] == last[numbers];
      ++numbers;
    }
    if (!same) {
      std::copy_n(now, numbers, last);
      std::copy_n(now, numbers, after);
      rule.numbers(c.attrs, after, out);
    }
    numbers = 0;
    for (int k = 0; k < lists.states; ++k) {
      if (!state_of(rule, k).number) continue;
      const Tensor& t = c.in(lists.of_state[k] * n + i);
      dispatch_floating(t.dtype(), [&](auto zero) {
        *t.data_as<decltype(zero)>() = static_cast<decltype(zero)>(after[numbers].value);
      });
      ++numbers;
    }
    std::copy(std::begin(out), std::end(out), items[i].numbers);
  }
}

// Not by an op, and unseen: a program must not make its state anew every time it is replayed.
Tensor new_filled(const Dims& shape, Dtype dtype, double value) {
  const WatchPause pause;
  Tensor t = Tensor::empty(shape, dtype);
  dispatch_all(dtype, [&](auto zero) {
    using T = decltype(zero);
    std::fill_n(t.data_as<T>(), t.numel(), Scalar(value).wrapped<T>());
  });
  return t;
}

// PyTorch's dtype of numbers in the state.
Dtype number_dtype() {
  return default_dtype() == Dtype::kFloat64 ? Dtype::kFloat64 : Dtype::kFloat32;
}

// One step of a list of parameters.
class Step {
 public:
  Step(const UpdateRow& op, std::span<const Tensor> params, std::span<std::vector<Tensor>> state,
       const Attrs& hyper)
      : op_(op), params_(params), state_(state), hyper_(hyper), lists_(rule_of(op), hyper) {}

  Stepped run() {
    Stepped done;
    done.made = make_state();
    const int64_t rest = call(false), first = new_.empty() ? 0 : call(true);
    done.any = rest + first > 0;
    done.fresh = first > 0;
    return done;
  }

 private:
  // What is missing of the state of parameters with a gradient; true if there was anything.
  bool make_state() {
    const UpdateRule& rule = rule_of(op_);
    const bool differs = rule.begins && rule.begins(hyper_);
    bool made = false;
    for (int k = 0; k < lists_.states; ++k) {
      std::vector<Tensor>& list = state_[static_cast<size_t>(k)];
      const UpdateState& s = state_of(rule, k);
      if (lists_.of_state[k] < 0) continue;
      if (list.empty()) list.resize(params_.size());
      const double initial = s.initial ? s.initial(hyper_) : 0;
      check(list.size() == params_.size(), op_.name, ": ", static_cast<uint64_t>(list.size()),
            " tensors of ", s.name, " for ", static_cast<uint64_t>(params_.size()), " parameters");
      for (size_t i = 0; i < params_.size(); ++i) {
        const Tensor& p = params_[i];
        if (list[i].defined() || !p.has_grad()) continue;
        list[i] = s.number ? new_filled({}, number_dtype(), initial)
                           : new_filled(p.shape(), p.dtype(), initial);
        made = true;
        if (!differs) continue;
        new_.resize(params_.size());
        new_[i] = 1;
      }
    }
    return made;
  }

  bool takes(size_t i, bool fresh) const {
    return params_[i].has_grad() && (new_.empty() || (new_[i] != 0) == fresh);
  }

  // Steps the parameters whose state is new, or the others; returns how many there were.
  int64_t call(bool fresh) {
    int64_t n = 0;
    for (size_t i = 0; i < params_.size(); ++i) n += takes(i, fresh);
    if (n == 0) return 0;
    Call c(op_, hyper_);
    c.attrs.add(n);
    c.attrs.add(fresh);
    for (size_t i = 0; i < params_.size(); ++i)
      if (takes(i, fresh)) c.add_input(params_[i]);
    for (size_t i = 0; i < params_.size(); ++i)
      if (takes(i, fresh)) c.add_input(params_[i].grad());
    for (int k = 0; k < lists_.states; ++k)
      for (size_t i = 0; i < params_.size() && lists_.of_state[k] >= 0; ++i)
        if (takes(i, fresh)) c.add_input(state_[static_cast<size_t>(k)][i]);
    apply(c);
    return n;
  }

  const UpdateRow& op_;
  std::span<const Tensor> params_;
  std::span<std::vector<Tensor>> state_;
  const Attrs& hyper_;
  const Lists lists_;
  std::vector<char> new_;  // parameters with a first step of another kind; empty: none
};

}  // namespace

bool update_writes(const Call& c, int i) { return i < count(c) || i / 2 >= count(c); }

void update_shape(Call& c) {
  const UpdateRule& rule = rule_of(c.op());
  const Lists lists(rule, c.attrs);
  const int n = count(c);
  check(n > 0 && c.inputs() == int64_t{lists.count} * n, c.inputs(), " tensors for ", n,
        " parameters; ", lists.count, " lists of them are needed");
  for (int i = 0; i < n; ++i) {
    const Tensor& p = c.in(i);
    check_floating(p, "parameter", i);
    check_written(p, "parameter", i);
    check_like(c.in(n + i), p, "gradient", i);
    for (int k = 0; k < lists.states; ++k) {
      if (lists.of_state[k] < 0) continue;
      const Tensor& t = c.in(lists.of_state[k] * n + i);
      const UpdateState& s = state_of(rule, k);
      s.number ? check_number(t, s.name, i) : check_like(t, p, s.name, i);
      check_written(t, s.name, i);
    }
  }
}

void update_run(Call& c) {
  const UpdateRule& rule = rule_of(c.op());
  const Lists lists(rule, c.attrs);
  UpdateList items(c, count(c), lists.lanes);
  if (rule.numbers) advance(c, rule, lists, items);
  rule.run(c.attrs, is_fresh(c), items);
}

Stepped update_step(const UpdateRow& op, std::span<const Tensor> params,
                    std::span<std::vector<Tensor>> state, const Attrs& hyper) {
  check_defined(params, "update_step", "params");
  GradMode off(false);
  return Step(op, params, state, hyper).run();
}

bool update_reread(const UpdateRow& op, Attrs& attrs, const Attrs& hyper) {
  const UpdateRule& rule = rule_of(op);
  for (int i = 0; i < hyper.count(); ++i)
    if (hyper.kind(i) == Attrs::Kind::kBool && hyper.flag(i) != attrs.flag(i)) return false;
  for (int k = 0; k < rule.states(); ++k)
    if (exists(rule, k, hyper) != exists(rule, k, attrs)) return false;
  for (int i = 0; i < hyper.count(); ++i)
    if (hyper.kind(i) != Attrs::Kind::kBool) attrs.set(i, hyper.real(i));
  return true;
}

std::span<const Op* const> update_ops() {
  static const auto rows = [] {
    std::array<const Op*, std::size(kUpdateRows)> all;
    std::copy(std::begin(kUpdateRows), std::end(kUpdateRows), all.begin());
    return all;
  }();
  return rows;
}

}  // namespace wengert
