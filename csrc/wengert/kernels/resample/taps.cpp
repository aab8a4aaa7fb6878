#include "wengert/kernels/resample/taps.h"

#include <algorithm>
#include <cmath>

namespace wengert {
namespace {

// R. Keys, "Cubic convolution interpolation for digital image processing", 1981.
template <class T>
T cubic(T x, T a) {
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}
template <class T>
T triangle(T x) {
  return std::max<T>(1 - std::abs(x), 0);
}
// C. Lanczos's window of a sinc, three lobes to each side.
template <class T>
T lanczos(T x) {
  if (std::abs(x) >= 3) return 0;
  if (x == 0) return 1;
  const T p = static_cast<T>(M_PI) * x;
  return 3 * std::sin(p) * std::sin(p / 3) / (p * p);
}

template <class T>
struct Maker {
  const ResampleAxis& axis;
  Resampling how;
  bool align;
  Taps<T> taps;

  // Inputs per output.
  template <class S>
  S step() const {
    if (align && how != Resampling::kArea)
      return axis.out > 1 ? static_cast<S>(axis.in - 1) / static_cast<S>(axis.out - 1) : S(0);
    return axis.scale > 0 ? static_cast<S>(1.0 / axis.scale)
                          : static_cast<S>(axis.in) / static_cast<S>(axis.out);
  }

  void start(int64_t first) {
    taps.first.push_back(static_cast<int32_t>(std::clamp<int64_t>(first, 0, axis.in - 1)));
    taps.begin.push_back(static_cast<int32_t>(taps.weight.size()));
  }

  // Positions of the nearest are float32 in every dtype.
  void nearest() {
    const float step = this->step<float>(), half = how == Resampling::kNearestExact ? 0.5f : 0.0f;
    for (int64_t i = 0; i < axis.out; ++i) {
      const float at = (static_cast<float>(i) + half) * step;
      start(static_cast<int64_t>(std::floor(at)));
      taps.weight.push_back(1);
    }
  }

  T position(T step, int64_t i) const {
    const T x = static_cast<T>(i);
    if (align) return step * x;
    const T at = step * (x + T(0.5)) - T(0.5);
    return how == Resampling::kLinear ? std::max<T>(at, 0) : at;
  }

  void linear() {
    const T step = this->step<T>();
    for (int64_t i = 0; i < axis.out; ++i) {
      const T at = position(step, i);
      const int64_t low = std::min(static_cast<int64_t>(std::floor(at)), axis.in - 1);
      start(low);
      if (low == axis.in - 1) {
        taps.weight.push_back(1);
        continue;
      }
      const T rest = std::clamp<T>(at - static_cast<T>(low), 0, 1);
      taps.weight.push_back(1 - rest);
      taps.weight.push_back(rest);
    }
  }

  // Inputs beyond the edge are those at the edge, whose weights grow by theirs.
  void cubic_four() {
    const T step = this->step<T>(), a = T(-0.75);
    for (int64_t i = 0; i < axis.out; ++i) {
      const T at = position(step, i);
      const int64_t low = std::min(static_cast<int64_t>(std::floor(at)), axis.in - 1);
      const T rest = std::clamp<T>(at - static_cast<T>(low), 0, 1);
      start(low - 1);
      const auto begin = static_cast<size_t>(taps.begin.back());
      for (int64_t k = -1; k < 3; ++k) {
        const int64_t j = std::clamp<int64_t>(low + k, 0, axis.in - 1);
        const size_t place = begin + static_cast<size_t>(j - taps.first.back());
        if (place == taps.weight.size()) taps.weight.push_back(0);
        taps.weight[place] += cubic<T>(rest - static_cast<T>(k), a);
      }
    }
  }

  void area() {
    for (int64_t i = 0; i < axis.out; ++i) {
      const int64_t from = i * axis.in / axis.out;
      const int64_t to = ((i + 1) * axis.in + axis.out - 1) / axis.out;
      start(from);
      taps.weight.insert(taps.weight.end(), static_cast<size_t>(to - from),
                         1 / static_cast<T>(to - from));
    }
  }

  // A filter that reaches `reach` inputs to each side, and is as wide as the step.
  template <class Filter>
  void smooth(int reach, const Filter& filter) {
    const T step = this->step<T>(), wide = std::max<T>(step, 1);
    const T support = static_cast<T>(reach) * wide;
    for (int64_t i = 0; i < axis.out; ++i) {
      const T center = step * (static_cast<T>(i) + T(0.5));
      const int64_t from =
          std::clamp<int64_t>(static_cast<int64_t>(center - support + T(0.5)), 0, axis.in - 1);
      const int64_t to =
          std::clamp<int64_t>(static_cast<int64_t>(center + support + T(0.5)), from + 1, axis.in);
      start(from);
      T total = 0;
      for (int64_t j = from; j < to; ++j) {
        taps.weight.push_back(filter((static_cast<T>(j) - center + T(0.5)) / wide));
        total += taps.weight.back();
      }
      if (total == 0) continue;
      for (auto k = static_cast<size_t>(taps.begin.back()); k < taps.weight.size(); ++k)
        taps.weight[k] /= total;
    }
  }
};

}  // namespace

template <class T>
void Taps<T>::finish() {
  begin.push_back(static_cast<int32_t>(weight.size()));
  most = 0;
  picks = true;
  for (int64_t i = 0; i < out; ++i) {
    most = std::max(most, count(i));
    picks = picks && count(i) == 1 && *weights(i) == 1;
  }
  same = picks && in == out;
  for (int64_t i = 0; i < out && same; ++i) same = first[static_cast<size_t>(i)] == i;
}

template <class T>
Taps<T> make_taps(const ResampleAxis& axis, Resampling how, bool align_corners) {
  check(axis.in < INT32_MAX && axis.out < INT32_MAX, "sizes below 2^31 expected");
  Maker<T> m{axis, how, align_corners, {}};
  m.taps.in = axis.in;
  m.taps.out = axis.out;
  // Of these, equal sizes are copied whatever scale was given, and every second pixel is new.
  const bool exact = how == Resampling::kNearestExact || how == Resampling::kCubic;
  const bool doubled = how == Resampling::kNearest && axis.out == 2 * axis.in;
  if (doubled || (axis.in == axis.out && !exact)) {
    for (int64_t i = 0; i < axis.out; ++i) {
      m.start(doubled ? i / 2 : i);
      m.taps.weight.push_back(1);
    }
  } else if (how == Resampling::kNearest || how == Resampling::kNearestExact) {
    m.nearest();
  } else if (how == Resampling::kLinear) {
    m.linear();
  } else if (how == Resampling::kCubic) {
    m.cubic_four();
  } else if (how == Resampling::kArea) {
    m.area();
  } else if (how == Resampling::kSmoothLinear) {
    m.smooth(1, triangle<T>);
  } else if (how == Resampling::kSmoothCubic) {
    m.smooth(2, [](T x) { return cubic<T>(x, T(-0.5)); });
  } else {
    m.smooth(3, lanczos<T>);
  }
  m.taps.finish();
  return std::move(m.taps);
}

template <class T>
Taps<T> turned(const Taps<T>& taps) {
  Taps<T> t;
  t.in = taps.out;
  t.out = taps.in;
  int64_t low = 0, high = 0;  // the outputs that input i goes to
  for (int64_t i = 0; i < taps.in; ++i) {
    const auto end = [&](int64_t o) { return taps.first[static_cast<size_t>(o)] + taps.count(o); };
    while (low < taps.out && end(low) <= i) ++low;
    high = std::max(high, low);
    while (high < taps.out && taps.first[static_cast<size_t>(high)] <= i) ++high;
    t.first.push_back(static_cast<int32_t>(std::min(low, taps.out - 1)));
    t.begin.push_back(static_cast<int32_t>(t.weight.size()));
    for (int64_t o = low; o < high; ++o)
      t.weight.push_back(taps.weights(o)[i - taps.first[static_cast<size_t>(o)]]);
  }
  t.finish();
  return t;
}

template struct Taps<float>;
template struct Taps<double>;
template Taps<float> make_taps<float>(const ResampleAxis&, Resampling, bool);
template Taps<double> make_taps<double>(const ResampleAxis&, Resampling, bool);
template Taps<float> turned<float>(const Taps<float>&);
template Taps<double> turned<double>(const Taps<double>&);

}  // namespace wengert
