// UpdateRule: what makes an optimizer, in one file each; all else is in update.cpp, once.
//
// Note [update rules]
// A rule becomes an op over lists of tensors. Its attributes are the hyper-parameters, in the order
// of the rule's signature, then `count`, the number of parameters, and `fresh`. Its inputs are
// lists of `count` tensors, one after the other: parameters, gradients, and each state that exists
// with these hyper-parameters, in the rule's order. All but the gradients are written.
//
// The names of the state are the keys of `state_dict`, those of the hyper-parameters the keys of a
// parameter group. A name that ends in a digit is an element of a group's tuple: beta1 and beta2
// are betas[0] and betas[1]. C++ users give the hyper-parameters as a struct, whose fields are
// those of the signature, in its order; the rule itself reads them as that struct.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>
#include <type_traits>

#include "wengert/kernels/update/update.h"
#include "wengert/ops/optim/optim.h"
#include "wengert/tape/options.h"

namespace wengert {

// One tensor per parameter that a rule keeps from step to step: of the parameter's shape and dtype,
// or a 0-d number such as the count of steps.
struct UpdateState {
  const char* name = nullptr;
  bool number = false;
  bool (*exists)(const Attrs& a) = nullptr;     // null: always
  double (*initial)(const Attrs& a) = nullptr;  // what it is filled with; null: zeros
};

// A number of the state as a step counts it up, rounded to its dtype as it will be stored.
struct StateNumber {
  double value = 0;
  Dtype dtype = Dtype::kFloat32;

  double rounded(double v) const {
    return dispatch_floating(
        dtype, [&](auto zero) { return static_cast<double>(static_cast<decltype(zero)>(v)); });
  }
  double set(double v) { return value = rounded(v); }
  double count_up() { return set(value + 1); }
  bool operator==(const StateNumber&) const = default;
};

struct UpdateRule {
  static constexpr int kMaxState = 4;
  const char* name;  // of the optimizer
  std::array<UpdateState, kMaxState> state;
  // A ValueError for hyper-parameters out of range, without the name. For C++ users: Python has
  // PyTorch's messages.
  void (*check)(const Attrs& a);
  // Whether a parameter's first step is another one than with its initial state: then parameters
  // whose state is new have a call of their own, with `fresh`. Null: never.
  bool (*begins)(const Attrs& a) = nullptr;
  // Counts up the numbers of the state (in the order of the rule), and computes from them, in
  // double, what the loop needs. Null: there are none.
  void (*numbers)(const Attrs& a, StateNumber* state, double* out) = nullptr;
  // The loop. Lane 0 is the parameter, 1 its gradient, then the states that are no numbers, each at
  // its place, whether it exists or not.
  void (*run)(const Attrs& a, bool fresh, kernels::UpdateItems items);

  int states() const {
    int n = 0;
    while (n < kMaxState && state[static_cast<size_t>(n)].name) ++n;
    return n;
  }
};
static_assert(2 + UpdateRule::kMaxState <= kernels::UpdateItem::kMaxLanes);

namespace detail {
// The default that `text` begins with: a flag or a number.
constexpr double read_default(std::string_view text) {
  if (text.starts_with("True") || text.starts_with("False")) return text[0] == 'T';
  double value = 0, place = 0;
  size_t i = 0;
  for (; i < text.size() && text[i] != 'e' && text[i] != ','; ++i) {
    if (text[i] == '.') {
      place = 1;
      continue;
    }
    value = value * 10 + (text[i] - '0');
    place *= 10;
  }
  if (place > 0) value /= place;
  if (!text.substr(i).starts_with("e-")) return value;
  int power = 0;
  for (i += 2; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i)
    power = power * 10 + (text[i] - '0');
  for (; power > 0; --power) value /= 10;
  return value;
}
}  // namespace detail

// The signature of a rule's op, from that of its hyper-parameters, whose defaults must be those of
// the options: what differs does not compile.
template <class Options, size_t N>
consteval auto update_signature(const char (&hyper)[N]) {
  constexpr std::string_view kBefore = "(tensors: Tensors, ",
                             kAfter = ", *, count: int, fresh: bool = False) -> Tensor";
  const std::string_view text(hyper, N - 1);
  std::string_view rest = text;
  const Options options;
  each_field(options, [&](const auto& field) {
    constexpr bool kFlag = std::is_same_v<decltype(field), const bool&>;
    rest.remove_prefix(rest.find(": ") + 2);
    if (!rest.starts_with(kFlag ? "bool = " : "float = ")) throw "an option of another kind";
    rest.remove_prefix(rest.find("= ") + 2);
    const double difference = detail::read_default(rest) - static_cast<double>(field);
    const double most = 1e-12 * static_cast<double>(field);
    if (difference > most || difference < -most) throw "an option with another default";
  });
  if (rest.find(':') != rest.npos) throw "fewer options than hyper-parameters";
  std::array<char, kBefore.size() + N + kAfter.size()> joined{};
  auto at = joined.begin();
  for (const std::string_view part : {kBefore, text, kAfter})
    at = std::copy(part.begin(), part.end(), at);
  return joined;
}

void update_shape(Call& c);
void update_run(Call& c);
bool update_writes(const Call& c, int i);

// The row of a rule.
constexpr UpdateRow update_row(const char* name, const Signature& signature, const char* doc,
                               const UpdateRule& rule) {
  return {{.name = name,
           .mixed = true,  // the numbers of the state are float32
           .signature = signature,
           .on = 0,
           .doc = doc,
           .mutates = true,
           .shape = update_shape,
           .run = update_run,
           .writes = update_writes},
          &rule};
}

// The numbers of a rule that has only its count of steps.
inline void count_steps(const Attrs&, StateNumber* step, double*) { step->count_up(); }

// ---- checks of hyper-parameters, written so that a NaN is refused too

inline void check_not_negative(double value, const char* what) {
  check(value >= 0, ErrorKind::kValue, "invalid ", what, ": ", value, "; it must be >= 0");
}
inline void check_below_one(double value, const char* what) {
  check(value >= 0 && value < 1, ErrorKind::kValue, "invalid ", what, ": ", value,
        "; it must be in [0, 1)");
}
// Of a rule with running means of the gradient and of its size.
template <class Options>
void check_means(const Options& o) {
  check_not_negative(o.lr, "learning rate");
  check_not_negative(o.eps, "epsilon");
  check_below_one(o.beta1, "beta1");
  check_below_one(o.beta2, "beta2");
  check_not_negative(o.weight_decay, "weight_decay");
}

}  // namespace wengert
