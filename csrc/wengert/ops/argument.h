// Types of arguments that only functions for C++ users take.
#pragma once

#include <concepts>
#include <initializer_list>
#include <span>
#include <string_view>
#include <tuple>

#include "wengert/ops/basic.h"

namespace wengert {

// One of the strings that an argument may be, "linear"; none at all is Python's None. A type of our
// own, as a literal 0 is a string_view and would be one where a number is meant.
struct Word : std::string_view {
  Word() = default;
  template <class T>
    requires std::convertible_to<const T&, std::string_view>
  Word(const T& text) : std::string_view(text) {}
};

// Numbers of somebody else's, as Ints has integers: `{0.5, 0.25}` or one that stands for all.
struct Floats : std::span<const double> {
  using std::span<const double>::span;
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Winit-list-lifetime"
#endif
  Floats(std::initializer_list<double> list) : span(list.begin(), list.size()) {}
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
  Floats(const double& one) : span(&one, 1) {}
};

}  // namespace wengert
