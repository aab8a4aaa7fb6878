// Images of another size: each way, along one axis, two and three. Images at computed places.
#include "wengert/kernels/resample/resample.h"

#include "kernels.h"
#include "wengert/kernels/resample/naive.h"
#include "wengert/kernels/resample/naive_grid.h"

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

// Planes whose channels come last give what those give that come one after another.
template <class T>
std::vector<T> channels_last(const std::vector<T>& x, int64_t images, int64_t channels) {
  const int64_t pixels = std::ssize(x) / images / channels;
  std::vector<T> y(x.size());
  for (int64_t i = 0; i < std::ssize(x); ++i) {
    const int64_t n = i / pixels / channels, c = i / pixels % channels, p = i % pixels;
    y[static_cast<size_t>((n * pixels + p) * channels + c)] = x[static_cast<size_t>(i)];
  }
  return y;
}
template <class T>
void last(ResampleShape s) {
  const int64_t images = 2, channels = 19;
  int64_t in = 1, out = 1;
  for (const ResampleAxis& a : s.axes) {
    in *= a.in;
    out *= a.out;
  }
  const std::vector<T> x = numbers<T>(images * channels * in);
  const std::vector<T> g = numbers<T>(images * channels * out);
  std::vector<T> y(g.size()), dx(x.size()), y_last(g.size()), dx_last(x.size());
  s.planes = images * channels;
  resample(s, dtype_of<T>(), x.data(), y.data());
  resample_backward(s, dtype_of<T>(), g.data(), dx.data());
  s.planes = images;
  s.channels = channels;
  const auto turned_x = channels_last(x, images, channels);
  const auto turned_g = channels_last(g, images, channels);
  resample(s, dtype_of<T>(), turned_x.data(), y_last.data());
  resample_backward(s, dtype_of<T>(), turned_g.data(), dx_last.data());
  CHECK(y_last == channels_last(y, images, channels));
  CHECK(dx_last == channels_last(dx, images, channels));
}

template <class T>
void resampling(Resampling how) {
  if constexpr (std::is_floating_point_v<T>) {
    last<T>({1, {{}, {4, 8}, {9, 20}}, how});
    last<T>({1, {{3, 5}, {4, 3}, {20, 9}}, how});
  }
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

// Places in the image and around it. Between pixels a float32's derivative is that of either side
// of a rounding, so these places keep away from pixels.
template <class T>
std::vector<T> some_places(const GridShape& s) {
  std::vector<T> grid = numbers<T>(s.batch * s.points * s.dims, 7);
  for (size_t i = 0; i < grid.size(); ++i) {
    const double n = static_cast<double>(s.in[i % static_cast<size_t>(s.dims)]);
    const double scale = s.align_corners ? std::max(n - 1, 1.0) / 2 : n / 2;
    const double shift = s.align_corners ? 0 : 0.5;
    const double at = (0.8 * static_cast<double>(grid[i]) + 1) * scale - shift;
    // The fraction from [0, 1) into [0.05, 0.45), where the nearest pixel is certain too.
    const double moved = std::floor(at) + 0.05 + 0.4 * (at - std::floor(at));
    grid[i] = static_cast<T>((moved + shift) / scale - 1);
  }
  return grid;
}

template <class T>
void places(const GridShape& s) {
  const int64_t planes = s.batch * s.channels;
  const std::vector<T> x = numbers<T>(planes * s.pixels()), g = numbers<T>(planes * s.points, 3);
  const std::vector<T> grid = some_places<T>(s);
  std::vector<T> y(g.size()), dx(x.size()), dgrid(grid.size());
  std::vector<double> expected(y.size(), 0.0), expected_dx(dx.size(), 0.0);
  std::vector<double> expected_dgrid(grid.size(), 0.0);
  grid_sample(s, dtype_of<T>(), x.data(), grid.data(), y.data());
  naive::grid_sample(s, x.data(), grid.data(), expected.data());
  CHECK(close(y, expected, kLoose<T>, 10 * kLoose<T>));
  grid_sample_input(s, dtype_of<T>(), g.data(), grid.data(), dx.data());
  naive::grid_sample_input(s, g.data(), grid.data(), expected_dx.data());
  CHECK(close(dx, expected_dx, kLoose<T>, 20 * kLoose<T>));
  grid_sample_grid(s, dtype_of<T>(), g.data(), x.data(), grid.data(), dgrid.data());
  naive::grid_sample_grid(s, g.data(), x.data(), grid.data(), expected_dgrid.data());
  CHECK(close(dgrid, expected_dgrid, 5 * kLoose<T>, 200 * kLoose<T>));
}

template <class T>
void placing() {
  for (const GridMode mode : {GridMode::kLinear, GridMode::kNearest, GridMode::kCubic})
    for (const GridPadding padding :
         {GridPadding::kZeros, GridPadding::kBorder, GridPadding::kReflection})
      for (const bool align : {false, true}) {
        places<T>({2, 5, 150, 2, {9, 6}, mode, padding, align});
        places<T>({1, 3, 7, 2, {1, 30}, mode, padding, align});
        if (mode == GridMode::kCubic) continue;
        places<T>({2, 3, 70, 3, {5, 4, 3}, mode, padding, align});
      }
}

}  // namespace

void test_resample() {
  placing<float>();
  placing<double>();
  for (int how = 0; how < kResamplings; ++how) {
    resampling<float>(static_cast<Resampling>(how));
    resampling<double>(static_cast<Resampling>(how));
  }
  resampling<uint8_t>(Resampling::kNearest);
}

}  // namespace wengert
