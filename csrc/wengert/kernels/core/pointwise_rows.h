// Makes the kernels of a pointwise op from one generic lambda. Internal: includes Eigen.
#pragma once

#include <cstring>
#include <tuple>

#include "wengert/base/dtype.h"
#include "wengert/kernels/core/pointwise.h"
#include "wengert/kernels/core/vec.h"

namespace wengert {

template <class... T>
struct Types {};
using Floats = Types<float, double>;
using Numbers = Types<uint8_t, int32_t, int64_t, float, double>;
using AllTypes = Types<bool, uint8_t, int32_t, int64_t, float, double>;
using Integers = Types<bool, uint8_t, int32_t, int64_t>;

// Around a function of registers: its kernels take single elements. For what does little with an
// element, so that to repeat it in memory first costs about as much.
template <class F>
struct TakesSingles : F {
  static constexpr bool kSingles = true;
};
template <class F>
TakesSingles(F) -> TakesSingles<F>;

namespace detail {

template <class F>
inline constexpr bool kTakesSingles = requires { F::kSingles; };

template <class F, class V, size_t... I>
inline auto call(const V* x, const double* params, std::index_sequence<I...>) {
  if constexpr (requires { F{}(x[I]..., params); }) {
    return F{}(x[I]..., params);
  } else {
    return F{}(x[I]...);
  }
}

// Whole registers; what is left over is computed in a register too, so that an element's value
// never depends on where in the tensor it stands. It is the last full one, which is computed first,
// as the output may be an input; fewer elements than a register has are repeated in one.
//
// F::IfSet is what to compute instead if the first parameter is not 0: as a loop of its own it
// leaves F's all registers for constants.
template <class T, int N, class F>
void vector_kernel(void* out, const void* const* in, int64_t n, const double* params) {
  using V = Vec<T>;
  if constexpr (requires { typename F::IfSet; })
    if (params[0] != 0) return vector_kernel<T, N, typename F::IfSet>(out, in, n, params);
  constexpr auto kIndices = std::make_index_sequence<N>{};
  const T* x[N];
  for (int k = 0; k < N; ++k) x[k] = static_cast<const T*>(in[k]);
  T few[N + 1][V::kSize];
  int64_t along[N];  // all bits, or none where an element is single
  if constexpr (kTakesSingles<F>) {
    const bool some = n < 0;
    n = some ? -n : n;
    for (int k = 0; k < N; ++k) {
      const bool single = some && in[N + k] != nullptr;
      along[k] = single ? 0 : -1;
      if (!single) continue;
      V::repeat(*x[k]).store(few[k]);
      x[k] = few[k];
    }
  }
  const auto load = [&](int k, int64_t i) {
    return V::load(x[k] + (kTakesSingles<F> ? i & along[k] : i));
  };
  V v[N];
  if (n == 1) {  // scalars: no detour through memory
    for (int k = 0; k < N; ++k) v[k] = V::repeat(*x[k]);
    *static_cast<T*>(out) = call<F>(v, params, kIndices).first();
    return;
  }
  if (n < V::kSize)
    for (int k = 0; k < N; ++k) {
      for (int64_t j = 0; j < V::kSize; ++j) few[k][j] = x[k][std::min(j, n - 1)];
      x[k] = few[k];
    }
  T* const o = n < V::kSize ? few[N] : static_cast<T*>(out);
  const int64_t m = std::max<int64_t>(n, V::kSize);
  for (int k = 0; k < N; ++k) v[k] = load(k, m - V::kSize);
  const V last = call<F>(v, params, kIndices);
  for (int64_t i = 0; i + V::kSize < m; i += V::kSize) {
    for (int k = 0; k < N; ++k) v[k] = load(k, i);
    call<F>(v, params, kIndices).store(o + i);
  }
  last.store(o + m - V::kSize);
  if (n < V::kSize) std::memcpy(out, o, static_cast<size_t>(n) * sizeof(T));
}

// Plain loops, left to the compiler's vectoriser: integers, and comparisons, whose result is bool.
template <class T, class R, int N, class F>
void scalar_kernel(void* out, const void* const* in, int64_t n, const double* params) {
  // Read as a bool, the negation of one is not vectorised.
  using Memory = std::conditional_t<std::is_same_v<T, bool>, uint8_t, T>;
  auto* o = static_cast<R*>(out);
  const Memory* x[N];
  for (int k = 0; k < N; ++k) x[k] = static_cast<const Memory*>(in[k]);
  for (int64_t i = 0; i < n; ++i) {
    T v[N];
    for (int k = 0; k < N; ++k) v[k] = static_cast<T>(x[k][i]);
    o[i] = static_cast<R>(call<F>(v, params, std::make_index_sequence<N>{}));
  }
}

// The mask is read as bytes and both sides always, or compilers make branches of it.
template <class T, class F>
void where_kernel(void* out, const void* const* in, int64_t n, const double*) {
  using U = std::conditional_t<std::is_same_v<T, bool>, uint8_t, T>;
  auto* o = static_cast<U*>(out);
  const auto* c = static_cast<const uint8_t*>(in[0]);
  const auto* x = static_cast<const U*>(in[1]);
  const auto* y = static_cast<const U*>(in[2]);
  for (int64_t i = 0; i < n; ++i) {
    const U a = x[i], b = y[i];
    o[i] = c[i] != 0 ? a : b;
  }
}

template <class T, int N, class F>
constexpr PointwiseKernel same_type_kernel() {
  if constexpr (std::is_floating_point_v<T>) {
    return vector_kernel<T, N, F>;
  } else {
    return scalar_kernel<T, T, N, F>;
  }
}

}  // namespace detail

// Output of the inputs' dtype.
template <int N, class... T, class F>
constexpr PointwiseRow pointwise(Types<T...>, F) {
  static_assert(N < kMaxOperands);
  PointwiseRow row{.arity = N, .singles = detail::kTakesSingles<F>};
  ((row.kernels[index(dtype_of<T>())] = detail::same_type_kernel<T, N, F>()), ...);
  return row;
}

// Output bool.
template <int N, class... T, class F>
constexpr PointwiseRow predicate(Types<T...>, F) {
  static_assert(N < kMaxOperands);
  PointwiseRow row{.arity = N, .bool_output = true};
  ((row.kernels[index(dtype_of<T>())] = detail::scalar_kernel<T, bool, N, F>), ...);
  return row;
}

// A row per lambda, so that ops can point at it.
template <int N, class Ts, class F>
inline constexpr PointwiseRow kRow = pointwise<N>(Ts{}, F{});
template <int N, class Ts, class F>
inline constexpr PointwiseRow kPredicateRow = predicate<N>(Ts{}, F{});

}  // namespace wengert
