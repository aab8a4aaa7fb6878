// What normalisation by known moments does to the numbers of a channel.
#pragma once

#include <cmath>
#include <cstdint>

namespace wengert {

// y = (x - mean) scale + shift
template <class T>
struct ChannelMap {
  T mean, scale, shift;

  // n neighbouring numbers; y may be x.
  void run(const T* x, T* y, int64_t n) const;
};

// The numbers that a channel is scaled by and shifted by then; null for 1, and for 0.
template <class T>
struct Affine {
  const T *w, *b;

  ChannelMap<T> map(double mean, double rstd, int64_t c) const {
    const double scale = w ? static_cast<double>(w[c]) : 1;
    return {static_cast<T>(mean), static_cast<T>(rstd * scale), b ? b[c] : T(0)};
  }
  // By given moments.
  ChannelMap<T> map(const T* mean, const T* var, double eps, int64_t c) const {
    return map(static_cast<double>(mean[c]), 1 / std::sqrt(static_cast<double>(var[c]) + eps), c);
  }
};

}  // namespace wengert
