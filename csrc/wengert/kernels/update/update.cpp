#include "wengert/kernels/update/update.h"

#include <cmath>
#include <limits>

#include "wengert/base/allocator.h"
#include "wengert/kernels/update/loops.h"

namespace wengert::kernels {
namespace {

constexpr int64_t kNormGrain = 32 * 1024;

// ---- norms

enum class Norm { kOne, kTwo, kMax, kMin, kPower };

Norm norm_kind(double p) {
  if (p == 1) return Norm::kOne;
  if (p == 2) return Norm::kTwo;
  if (std::isinf(p)) return p > 0 ? Norm::kMax : Norm::kMin;
  return Norm::kPower;
}

double combine(Norm kind, double a, double b) {
  if (kind == Norm::kMax) return a > b || a != a ? a : b;
  if (kind == Norm::kMin) return a < b || a != a ? a : b;
  return a + b;
}

double start(Norm kind) { return kind == Norm::kMin ? std::numeric_limits<double>::infinity() : 0; }

// Eight sums side by side, for the vector unit; their order depends on n alone.
template <class T, class F>
double sum_by_eight(const T* x, int64_t n, const F& f) {
  double s[8] = {};
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (int j = 0; j < 8; ++j) s[j] += f(static_cast<double>(x[i + j]));
  for (; i < n; ++i) s[i % 8] += f(static_cast<double>(x[i]));
  return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

template <class T>
double norm_run(Norm kind, double p, const T* x, int64_t n) {
  if (kind == Norm::kTwo) return sum_by_eight(x, n, [](double v) { return v * v; });
  if (kind == Norm::kOne) return sum_by_eight(x, n, [](double v) { return std::abs(v); });
  double r = start(kind);
  for (int64_t i = 0; i < n; ++i) {
    const double v = std::abs(static_cast<double>(x[i]));
    r = combine(kind, kind == Norm::kPower ? std::pow(v, p) : v, r);
  }
  return r;
}

double norm_range(UpdateItems items, int64_t begin, int64_t end, Norm kind, double p) {
  double r = start(kind);
  for_runs(items, begin, end, [&](const UpdateItem& item, int64_t b, int64_t e) {
    dispatch_floating(item.dtype, [&](auto zero) {
      using T = decltype(zero);
      run_item<T>(item, b, e, false, [&](T* const* x, int64_t n) {
        r = combine(kind, norm_run<T>(kind, p, x[0], n), r);
      });
    });
  });
  return r;
}

}  // namespace

int64_t place(UpdateItems items) {
  int64_t total = 0;
  for (UpdateItem& item : items) {
    item.first = total;
    total += item.size;
  }
  return total;
}

void scale(UpdateItems items, double factor) {
  for_all(items, [&](auto zero, const UpdateItem&, auto x, int64_t n) {
    const auto by = static_cast<decltype(zero)>(factor);
    for (int64_t i = 0; i < n; ++i) x[0][i] *= by;
  });
}

double norm(UpdateItems items, double p) {
  const int64_t total = place(items);
  if (p == 0) {
    double count = 0;
    for (const UpdateItem& i : items)
      count += norm_range(items, i.first, i.first + i.size, Norm::kMax, 0) != 0;
    return count;
  }
  const Norm kind = norm_kind(p);
  const int64_t chunks = (total + kNormGrain - 1) / kNormGrain;
  Scratch partial(static_cast<size_t>(chunks) * sizeof(double));
  parallel_for(total, kNormGrain, [&](int64_t begin, int64_t end) {
    partial.as<double>()[begin / kNormGrain] = norm_range(items, begin, end, kind, p);
  });
  double r = start(kind);
  for (int64_t i = 0; i < chunks; ++i) r = combine(kind, partial.as<double>()[i], r);
  if (kind == Norm::kTwo) return std::sqrt(r);
  return kind == Norm::kPower ? std::pow(r, 1 / p) : r;
}

}  // namespace wengert::kernels
