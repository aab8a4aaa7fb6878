#include "wengert/kernels/loss/margin.h"

#include <algorithm>
#include <cmath>

#include "wengert/base/allocator.h"
#include "wengert/base/parallel.h"
#include "wengert/kernels/core/vec.h"

namespace wengert {
namespace {

constexpr int64_t kGrain = 32768;  // pairs of classes

// One row after another in memory of whole registers.
template <class T>
class Rows {
 public:
  using V = Vec<T>;
  explicit Rows(const MarginLoss& loss) : l(loss) {}

  void begin(const T* x, int64_t row) {
    t = l.target + row * l.targets;
    end = std::find_if(t, t + l.targets, [](int64_t c) { return c < 0; });
    score = x + row * l.classes;
    std::copy_n(score, l.classes, others);
    std::fill(others + l.classes, others + stride, T(-INFINITY));
    for (const int64_t* at = t; at < end; ++at) others[*at] = T(-INFINITY);
  }
  T loss() const {
    double total = 0;
    for (const int64_t* at = t; at < end; ++at) {
      const V above = lacking(*at);
      V sum(0.0);
      for (int64_t k = 0; k < stride; k += V::kSize) {
        const V z = above + V::load(others + k);
        sum = sum + select(z > 0.0, l.squared ? z * z : z, 0.0);
      }
      total += static_cast<double>(Eigen::internal::predux(sum.p));
    }
    return static_cast<T>(total / static_cast<double>(l.classes));
  }
  void gradient(T g, T* dx) {
    std::fill_n(slopes, stride, T(0));
    for (const int64_t* at = t; at < end; ++at) {
      const V above = lacking(*at);
      V sum(0.0);
      for (int64_t k = 0; k < stride; k += V::kSize) {
        const V z = above + V::load(others + k);
        const V slope = select(z > 0.0, l.squared ? z + z : V(1.0), 0.0);
        sum = sum + slope;
        (V::load(slopes + k) + slope).store(slopes + k);
      }
      slopes[*at] -= Eigen::internal::predux(sum.p);
    }
    const T scale = g / static_cast<T>(l.classes);
    for (int64_t c = 0; c < l.classes; ++c) dx[c] = slopes[c] * scale;
  }

 private:
  V lacking(int64_t target) const { return V::repeat(static_cast<T>(l.margin) - score[target]); }

  const MarginLoss& l;
  const int64_t stride = (l.classes + V::kSize - 1) / V::kSize * V::kSize;
  const Scratch memory{static_cast<size_t>(2 * stride) * sizeof(T)};
  // Scores of the classes that are no targets; -inf, which nothing lies below by the margin, at
  // those that are.
  T* const others = memory.as<T>();
  T* const slopes = others + stride;
  const int64_t *t = nullptr, *end = nullptr;  // the row's targets
  const T* score = nullptr;
};

template <class T>
void each_row(const MarginLoss& l, const T* g, const T* x, T* out) {
  const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(1, l.classes * l.targets));
  parallel_for(l.rows, grain, [&](int64_t begin, int64_t end) {
    Rows<T> rows(l);
    for (int64_t i = begin; i < end; ++i) {
      rows.begin(x, i);
      if (g) {
        rows.gradient(g[i], out + i * l.classes);
      } else {
        out[i] = rows.loss();
      }
    }
  });
}

}  // namespace

void margin_loss(const MarginLoss& l, const void* g, const void* x, void* out) {
  dispatch_floating(l.dtype, [&](auto zero) {
    using T = decltype(zero);
    each_row(l, static_cast<const T*>(g), static_cast<const T*>(x), static_cast<T*>(out));
  });
}

}  // namespace wengert
