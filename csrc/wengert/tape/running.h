// What a hook may ask of the run of backward that calls it.
#pragma once

#include <optional>
#include <span>
#include <unordered_set>

#include "wengert/tape/entry.h"

namespace wengert {

// A run of this thread, the innermost one while it lives. The roots live longer.
struct Running {
  explicit Running(std::span<const Tensor> from);
  ~Running();
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  const std::span<const Tensor> roots;
  const uint64_t number;
  bool selective = false;  // only what is needed for chosen tensors; see Entry::needed

  struct OnTheWay {
    std::unordered_set<uint64_t> entries;  // by number
    std::unordered_set<const TensorImpl*> leaves;
  };
  const OnTheWay& on_the_way();  // found when somebody asks

 private:
  std::optional<OnTheWay> way_;
  Running* const outer_;
};

// The number of the innermost run; 0 outside of any.
uint64_t backward_running();
// Whether it comes to the entry of that number, or to that leaf, at all.
bool backward_reaches(uint64_t entry);
bool backward_reaches(const Tensor& leaf);

}  // namespace wengert
