// Options as structs for C++ users, `{.lr = 0.1}`, and as the attributes of an op, in one order.
#pragma once

#include <type_traits>

#include "wengert/tape/op.h"

namespace wengert {

namespace detail {
struct AnyValue {
  template <class T>
  constexpr operator T() const;
};
}  // namespace detail

// How many fields an aggregate has.
template <class Options, class... Given>
consteval int field_count() {
  if constexpr (requires { Options{Given{}..., detail::AnyValue{}}; }) {
    return field_count<Options, Given..., detail::AnyValue>();
  } else {
    return sizeof...(Given);
  }
}

// Calls f with each field, in order.
template <class Options, class F>
constexpr void each_field(Options& o, const F& f) {
  const auto each = [&](auto&... field) { (f(field), ...); };
  constexpr int n = field_count<std::remove_const_t<Options>>();
  static_assert(n >= 3 && n <= 10, "another number of options: add a line below");
  if constexpr (n == 3) {
    auto& [a, b, c] = o;
    each(a, b, c);
  } else if constexpr (n == 4) {
    auto& [a, b, c, d] = o;
    each(a, b, c, d);
  } else if constexpr (n == 5) {
    auto& [a, b, c, d, e] = o;
    each(a, b, c, d, e);
  } else if constexpr (n == 6) {
    auto& [a, b, c, d, e, g] = o;
    each(a, b, c, d, e, g);
  } else if constexpr (n == 7) {
    auto& [a, b, c, d, e, g, h] = o;
    each(a, b, c, d, e, g, h);
  } else if constexpr (n == 8) {
    auto& [a, b, c, d, e, g, h, i] = o;
    each(a, b, c, d, e, g, h, i);
  } else if constexpr (n == 9) {
    auto& [a, b, c, d, e, g, h, i, j] = o;
    each(a, b, c, d, e, g, h, i, j);
  } else {
    auto& [a, b, c, d, e, g, h, i, j, k] = o;
    each(a, b, c, d, e, g, h, i, j, k);
  }
}

template <class Options>
Attrs attrs_of(const Options& o) {
  Attrs a;
  each_field(o, [&](const auto& v) { a.add(v); });
  return a;
}

template <class Options>
Options options_of(const Attrs& a) {
  Options o;
  int i = 0;
  each_field(o, [&](auto& v) {
    if constexpr (std::is_same_v<decltype(v), bool&>) {
      v = a.flag(i++);
    } else {
      v = a.real(i++);
    }
  });
  return o;
}

}  // namespace wengert
