// Pooling with channels last: what pooling of planes gives, in another order in memory.
#include "kernels.h"
#include "wengert/kernels/pool/last.h"

namespace wengert {
namespace {

// (samples, channels, positions) to (samples, positions, channels).
template <class T>
std::vector<T> to_last(const std::vector<T>& x, int64_t samples, int64_t channels) {
  std::vector<T> y(x.size());
  const int64_t n = static_cast<int64_t>(x.size()) / (samples * channels);
  for (int64_t i = 0; i < static_cast<int64_t>(x.size()); ++i)
    y[static_cast<size_t>((i / n / channels * n + i % n) * channels + i / n % channels)] =
        x[static_cast<size_t>(i)];
  return y;
}

LastWindows drawn(Generator& g) {
  const auto one_of = [&](int64_t low, int64_t high) {
    return low + static_cast<int64_t>(g.random() % static_cast<uint32_t>(high - low + 1));
  };
  LastWindows w;
  w.channels = one_of(0, 2) ? one_of(1, 9) : one_of(60, 140);
  w.planes = w.channels * one_of(1, 3);
  for (int d = static_cast<int>(one_of(0, 1)); d < 3; ++d) {
    w.kernel[d] = one_of(1, 3);
    w.stride[d] = one_of(1, 3);
    w.dilation[d] = one_of(1, 2);
    w.pad[d] = one_of(0, w.reach(d) / 2);
    w.in[d] = w.reach(d) + one_of(0, 6);
    w.out[d] = (w.in[d] + 2 * w.pad[d] - w.reach(d)) / w.stride[d] + 1;
  }
  return w;
}

template <class T>
struct Both {
  const LastWindows& w;
  Dtype dtype = dtype_of<T>();
  size_t in = static_cast<size_t>(w.in_rows() * w.in[2]);
  size_t out = static_cast<size_t>(w.out_rows() * w.out[2]);
  std::vector<T> x = numbers<T>(w.in_rows() * w.in[2]), g = numbers<T>(w.out_rows() * w.out[2], 2);

  template <class U>
  std::vector<U> last(const std::vector<U>& v) const {
    return to_last(v, w.samples(), w.channels);
  }

  void largest() {
    if constexpr (std::is_floating_point_v<T>) x[x.size() / 2] = static_cast<T>(NAN);
    std::vector<T> y(out), y_last(out), dx(in), dx_last(in);
    std::vector<uint8_t> at(out), at_last(out);
    std::vector<int64_t> place(out), place_last(out);
    max_pool(w, dtype, x.data(), y.data(), at.data());
    max_pool_last(w, dtype, last(x).data(), y_last.data(), at_last.data());
    CHECK(close(y_last, last(y), 0, 0) && at_last == last(at));
    max_pool_indices(w, dtype, x.data(), y.data(), place.data());
    max_pool_indices_last(w, dtype, last(x).data(), y_last.data(), place_last.data());
    CHECK(close(y_last, last(y), 0, 0) && place_last == last(place));
    if constexpr (std::is_floating_point_v<T>) {
      max_pool_backward(w, dtype, g.data(), at.data(), dx.data());
      max_pool_backward_last(w, dtype, last(g).data(), at_last.data(), dx_last.data());
      CHECK(dx_last == last(dx));
      pool_take(w, dtype, x.data(), at.data(), y.data());
      pool_take_last(w, dtype, last(x).data(), at_last.data(), y_last.data());
      CHECK(close(y_last, last(y), 0, 0));
    }
  }
  void means() {
    for (const Divisor by : {Divisor{}, Divisor{false, 0}, Divisor{true, 5}}) {
      std::vector<T> y(out), y_last(out), dx(in), dx_last(in);
      avg_pool(w, by, dtype, x.data(), y.data());
      avg_pool_last(w, by, dtype, last(x).data(), y_last.data());
      CHECK(close(y_last, last(y), kLoose<T>, kLoose<T>));
      if constexpr (std::is_floating_point_v<T>) {
        avg_pool_backward(w, by, dtype, g.data(), dx.data());
        avg_pool_backward_last(w, by, dtype, last(g).data(), dx_last.data());
        CHECK(close(dx_last, last(dx), kLoose<T>, kLoose<T>));
      }
    }
  }
  // As many windows as there would be otherwise.
  void parts() {
    std::vector<T> y(out), y_last(out), dx(in), dx_last(in);
    std::vector<int64_t> place(out), place_last(out);
    adaptive_avg_pool(w, dtype, x.data(), y.data());
    adaptive_avg_pool_last(w, dtype, last(x).data(), y_last.data());
    CHECK(close(y_last, last(y), kLoose<T>, kLoose<T>));
    adaptive_avg_pool_backward(w, dtype, g.data(), dx.data());
    adaptive_avg_pool_backward_last(w, dtype, last(g).data(), dx_last.data());
    CHECK(close(dx_last, last(dx), kLoose<T>, kLoose<T>));
    x[x.size() / 2] = static_cast<T>(NAN);
    adaptive_max_pool(w, dtype, x.data(), y.data(), place.data());
    adaptive_max_pool_last(w, dtype, last(x).data(), y_last.data(), place_last.data());
    CHECK(close(y_last, last(y), 0, 0) && place_last == last(place));
  }
};

template <class T>
void pools() {
  Generator g(3);
  for (int i = 0; i < 60; ++i) {
    const LastWindows w = drawn(g);
    Both<T>{w}.largest();
    LastWindows near = w;  // means know no dilation
    for (int d = 0; d < 3; ++d) {
      near.dilation[d] = 1;
      near.pad[d] = std::min(w.pad[d], w.kernel[d] / 2);
      near.out[d] = (w.in[d] + 2 * near.pad[d] - w.kernel[d]) / w.stride[d] + 1;
    }
    if constexpr (std::is_floating_point_v<T> || std::is_same_v<T, int64_t>) Both<T>{near}.means();
    if constexpr (std::is_floating_point_v<T>) Both<T>{w}.parts();
  }
}

}  // namespace

void test_pool_last() {
  pools<float>();
  pools<double>();
  pools<int64_t>();
  pools<uint8_t>();
}

}  // namespace wengert
