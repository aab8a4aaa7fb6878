// Capture: a function of tensors is recorded when it is first called, and replayed from then on.
//
//   auto step = wengert::capture([&](const Tensor& x, const Tensor& y) {
//     optimizer.zero_grad();
//     Tensor loss = cross_entropy(model(x), y);
//     backward(loss);
//     optimizer.step();
//     return loss;
//   });
//   for (...) Tensor loss = step(x, y);
//   Tensor losses = step.run({inputs, wanted}, {.batch_size = 64, .epochs = 10, .shuffle = true});
//
// The function takes any number of tensors and returns nothing, a Tensor, or a std::vector, array,
// pair or tuple of them. The call returns the same, detached; the memory is the caller's. A replay
// gives bit by bit what the function would. What a user must know:
//
// - Whatever the function does beside operations on tensors happens when it is captured, not when
//   it is replayed: printing, counting, changing an optimizer's options, keeping a tensor in a
//   variable, reading memory through data(). Numbers that it reads, a layer's public fields among
//   them, are those of the capture.
// - It is captured anew for arguments of other dtypes, shapes or strides, for another grad mode,
//   inference mode or default dtype, and after a change that a program would not fit: a module's
//   train() or eval(), a momentum switched on. `maxsize` programs are kept.
// - Options of an optimizer (`optimizer.options().lr = ...`) are read at every replay. Parameters,
//   buffers and other tensors from outside are used where they lie: change them in place.
// - A function whose course depends on values (item(), printing a tensor, nonzero) throws an Error
//   of the kind kCapture; so does an argument with a history while gradients are on. Arguments that
//   are leaves asking for gradients are used as they are, others are copied, and copied back if the
//   function changes them.
// - Within a captured function another one is just called. One thread at a time may call it.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "wengert/program/run/loop.h"

namespace wengert {

// What beside its arguments a program depends on: the modes of this thread, as a number.
int64_t capture_modes();

// Calls replayed, calls captured, and how many programs may be and are kept.
struct CacheInfo {
  int64_t hits, misses;
  int maxsize, currsize;
};

// The programs of a function.
class ProgramCache {
 public:
  // Calls the function and appends what it returns.
  using Body = void (*)(void* function, std::span<Tensor> arguments, std::vector<Tensor>& results);

  explicit ProgramCache(int maxsize);  // ValueError if it is less than 1
  // The program that fits the arguments, after it has run; null if there is none.
  Program* replay(std::span<const Tensor> arguments);
  // Calls the function and keeps its program. What it returned, detached.
  std::vector<Tensor> capture(std::span<const Tensor> arguments, Body body, void* function);
  // All calls of a loop over batches of the data; what is returned first is the loss. The losses.
  Tensor loop(std::span<const Tensor> data, const LoopOptions& how, Body body, void* function);

  Program& last() const;  // RuntimeError before the first call
  CacheInfo info() const;
  void clear();

 private:
  // What must be the same of an argument.
  struct Key {
    Ref<TensorImpl> leaf;  // of one that is used where it lies
    int same = -1;         // an argument before it that is the same tensor
    bool defined = false, requires_grad = false;
    Dtype dtype = Dtype::kFloat32;
    Dims shape, strides;
    bool is_copied() const { return defined && !leaf && same < 0; }
    bool operator==(const Key&) const = default;
  };
  struct Cached {
    int64_t modes;
    std::vector<Key> keys;
    Ref<Program> program;
    bool confirmed = false;
    bool waits() const { return program->provisional() && !confirmed; }
    bool fits(int64_t modes_now, std::span<const Tensor> arguments) const;
  };
  static Key key_of(std::span<const Tensor> arguments, size_t i);
  static bool run(const Cached& e, std::span<const Tensor> arguments);
  int64_t replay_batches(BatchLoop& loop, const Tensor& order, int64_t first, int64_t rows,
                         double seconds);
  static void write_back(const Cached& e, std::span<const Tensor> arguments,
                         std::span<const Tensor> copies);
  void remember(Cached entry);

  std::vector<Cached> entries_;  // the latest first
  Ref<Program> last_;
  int64_t hits_ = 0, misses_ = 0;
  int maxsize_;
};

// How a function's results become a list of tensors, and again what they were.
template <class R>
struct CaptureResult {
  static constexpr bool known = false;
};
template <>
struct CaptureResult<void> {
  static constexpr bool known = true;
  template <class Next>
  static void take(const Next&, size_t) {}
};
template <>
struct CaptureResult<Tensor> {
  static constexpr bool known = true;
  static void give(Tensor t, std::vector<Tensor>& to) { to.push_back(std::move(t)); }
  template <class Next>
  static Tensor take(const Next& next, size_t) {
    return next(0);
  }
};
template <>
struct CaptureResult<std::vector<Tensor>> {
  static constexpr bool known = true;
  static void give(std::vector<Tensor> list, std::vector<Tensor>& to) { to = std::move(list); }
  template <class Next>
  static std::vector<Tensor> take(const Next& next, size_t n) {
    std::vector<Tensor> list;
    list.reserve(n);
    for (size_t i = 0; i < n; ++i) list.push_back(next(i));
    return list;
  }
};
template <class R>
  requires requires { std::tuple_size<R>::value; }
struct CaptureResult<R> {
  static constexpr size_t kCount = std::tuple_size_v<R>;
  template <size_t... I>
  static constexpr bool all_tensors(std::index_sequence<I...>) {
    return (std::same_as<std::tuple_element_t<I, R>, Tensor> && ...);
  }
  static constexpr bool known = all_tensors(std::make_index_sequence<kCount>());
  static void give(const R& tuple, std::vector<Tensor>& to) {
    std::apply([&](const auto&... t) { (to.push_back(t), ...); }, tuple);
  }
  template <class Next>
  static R take(const Next& next, size_t) {
    return [&]<size_t... I>(std::index_sequence<I...>) {
      return R{next(I)...};
    }(std::make_index_sequence<kCount>());
  }
};

template <class F>
class Captured {
 public:
  explicit Captured(F function, int maxsize = 16)
      : function_(std::move(function)), cache_(maxsize) {}

  template <class... T>
    requires(std::convertible_to<const T&, const Tensor&> && ...)
  auto operator()(const T&... arguments) {
    using R = std::remove_cvref_t<decltype(call(std::declval<Tensors<sizeof...(T)>&>()))>;
    static_assert(CaptureResult<R>::known,
                  "a captured function returns nothing, a Tensor, or a std::vector, array, pair or "
                  "tuple of Tensors");
    Tensors<sizeof...(T)> in{arguments...};
    if (watch()) return static_cast<R>(call(in));  // part of a larger capture
    if (Program* p = cache_.replay(in))
      return CaptureResult<R>::take([p](size_t i) { return p->result(i); }, p->result_count());
    std::vector<Tensor> results = cache_.capture(in, &body<R, sizeof...(T)>, this);
    return CaptureResult<R>::take([&](size_t i) { return std::move(results[i]); }, results.size());
  }

  // Calls the function on every batch of the tensors, which have equal first sizes, and returns the
  // losses of all batches, of one dimension. The same bit by bit as the calls one by one, but that
  // changes which the function makes to its arguments in place are lost with the batch. The loss
  // is the first tensor of what the function returns and has one element. After the same seed the
  // batches are those of a DataLoader with these options, in Python.
  //
  // ValueError for a batch size below 1, epochs below 0, no rows to shuffle; RuntimeError for first
  // sizes that differ and for a loss of more than one element.
  template <size_t N>
  Tensor run(const Tensor (&data)[N], const LoopOptions& how = {}) {
    using R = std::remove_cvref_t<decltype(call(std::declval<Tensors<N>&>()))>;
    static_assert(CaptureResult<R>::known && !std::is_void_v<R>,
                  "a function that is run over batches returns its loss first: a Tensor, or a "
                  "std::vector, array, pair or tuple of Tensors");
    return cache_.loop(data, how, &body<R, N>, this);
  }

  // The program of the last call: its steps, their times, its memory. RuntimeError before the
  // first call.
  Program& program() const { return cache_.last(); }
  CacheInfo cache_info() const { return cache_.info(); }
  // Forgets all programs.
  void cache_clear() { cache_.clear(); }

 private:
  template <size_t N>
  using Tensors = std::array<Tensor, N>;
  template <size_t N>
  decltype(auto) call(Tensors<N>& in) {
    return std::apply(function_, in);
  }
  template <class R, size_t N>
  static void body(void* self, std::span<Tensor> in, std::vector<Tensor>& results) {
    auto& captured = *static_cast<Captured*>(self);
    Tensors<N> list;
    std::copy(in.begin(), in.end(), list.begin());
    if constexpr (std::is_void_v<R>) {
      captured.call(list);
    } else {
      CaptureResult<R>::give(captured.call(list), results);
    }
  }

  F function_;
  ProgramCache cache_;
};

// `maxsize` programs are kept; the one captured longest ago goes first.
template <class F>
Captured<std::decay_t<F>> capture(F&& function, int maxsize = 16) {
  return Captured<std::decay_t<F>>(std::forward<F>(function), maxsize);
}

}  // namespace wengert
