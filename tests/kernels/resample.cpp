// Images of another size: each way, along one axis, two and three.
#include "wengert/kernels/resample/resample.h"

#include "kernels.h"
#include "wengert/kernels/resample/naive.h"

namespace wengert {
namespace {

template <class T>
void sizes(const ResampleShape& s) {
  int64_t in = s.planes, out = s.planes;
  for (const ResampleAxis& a : s.axes) {
    in *= a.in;
    out *= a.out;
  }
  const std::vector<T> x = numbers<T>(in), g = numbers<T>(out);
  std::vector<T> y(g.size()), dx(x.size()), expected(g.size()), expected_dx(x.size());
  resample(s, dtype_of<T>(), x.data(), y.data());
  naive::resample(s, x.data(), expected.data(), false);
  CHECK(close(y, expected, kLoose<T>, 10 * kLoose<T>));
  if constexpr (std::is_floating_point_v<T>) {
    resample_backward(s, dtype_of<T>(), g.data(), dx.data());
    naive::resample(s, g.data(), expected_dx.data(), true);
    CHECK(close(dx, expected_dx, kLoose<T>, 20 * kLoose<T>));
  }
}

template <class T>
void resampling(Resampling how) {
  const int64_t pairs[][2] = {{5, 10}, {7, 7},   {12, 5},  {1, 4},
                              {9, 1},  {33, 70}, {70, 33}, {64, 7}};
  for (const bool align : {false, true}) {
    if (align && (how < Resampling::kLinear || how == Resampling::kArea)) continue;
    for (const auto& [in, out] : pairs) {
      sizes<T>({2, {{}, {}, {in, out}}, how, align});
      sizes<T>({2, {{}, {out, in}, {in, out}}, how, align});
      sizes<T>({1, {{}, {4, 8}, {in, out}}, how, align});
      sizes<T>({1, {{3, 5}, {4, 3}, {in, out}}, how, align});
    }
    if (!align && (how == Resampling::kLinear || how == Resampling::kCubic))
      sizes<T>({2, {{}, {6, 9, 1.6}, {20, 33, 1.7}}, how, align});
  }
}

}  // namespace

void test_resample() {
  for (int how = 0; how < kResamplings; ++how) {
    resampling<float>(static_cast<Resampling>(how));
    resampling<double>(static_cast<Resampling>(how));
  }
  resampling<uint8_t>(Resampling::kNearest);
}

}  // namespace wengert
