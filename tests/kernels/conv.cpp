// Convolutions of every stride, padding, dilation and grouping, and of more channels, taps and
// positions than a block has. The tolerance is that of the number of terms.
#include "wengert/kernels/conv/conv.h"

#include "kernels.h"
#include "wengert/kernels/conv/naive.h"

namespace wengert {
namespace {

// What each implementation that accepts the shape makes of `to`, the first of them as `fast`. Later
// ones may count on the first ones taking shapes without work.
template <class T>
void each_way(std::span<const ConvWay<T>> ways, const ConvShape& s, const std::vector<T>& a,
              const std::vector<T>& b, const T* bias, const std::vector<T>& to,
              const std::vector<T>& fast, const std::vector<T>& slow, double tolerance) {
  bool first = true;
  for (const ConvWay<T>& way : ways) {
    if (!way.accepts(s) || (!first && s.work() == 0)) continue;
    std::vector<T> out = to;
    way.run(s, a.data(), b.data(), bias, out.data(), {});
    CHECK(!first || out == fast);
    CHECK(close(out, slow, kLoose<T>, tolerance));
    first = false;
  }
  CHECK(!first);
}

template <class T>
void convolution(const ConvShape& s) {
  const int64_t in = s.batch * s.groups * s.channels * s.volume(s.in);
  const int64_t out = s.batch * s.groups * s.outputs * s.volume(s.out);
  const int64_t weights = s.groups * s.outputs * s.channels * s.volume(s.kernel);
  const std::vector<T> x = numbers<T>(in), w = numbers<T>(weights, 2), y = numbers<T>(out, 3);
  const std::vector<T> b = numbers<T>(s.groups * std::max(s.outputs, s.channels), 4);
  const auto tolerance = [](int64_t terms) {
    return kLoose<T> * (1 + std::sqrt(static_cast<double>(terms)));
  };
  const int64_t taps = s.volume(s.kernel);
  const T* bias = s.batch % 2 ? b.data() : nullptr;

  std::vector<T> fast = y, slow = y;
  conv_output(s, x.data(), w.data(), bias, fast.data());
  naive::conv_output(s, x.data(), w.data(), bias, slow.data());
  each_way(conv_output_ways<T>(), s, x, w, bias, y, fast, slow, tolerance(s.channels * taps));
  fast = slow = x;
  conv_input(s, y.data(), w.data(), bias, fast.data());
  naive::conv_input(s, y.data(), w.data(), bias, slow.data());
  each_way(conv_input_ways<T>(), s, y, w, bias, x, fast, slow, tolerance(s.outputs * taps));
  fast = slow = w;
  conv_weight(s, x.data(), y.data(), fast.data());
  naive::conv_weight(s, x.data(), y.data(), slow.data());
  each_way<T>(conv_weight_ways<T>(), s, x, y, nullptr, w, fast, slow,
              tolerance(s.batch * s.volume(s.out)));
}

template <class T>
void scaled(void* out, const void* const* in, int64_t n, const double* by) {
  for (int64_t i = 0; i < n; ++i)
    static_cast<T*>(out)[i] = static_cast<const T*>(in[0])[i] * static_cast<T>(*by);
}
template <class T>
void added(void* out, const void* const* in, int64_t n, const double*) {
  for (int64_t i = 0; i < n; ++i)
    static_cast<T*>(out)[i] = static_cast<const T*>(in[0])[i] + static_cast<const T*>(in[1])[i];
}

// What follows a sum in its tile gives the bits of what follows it in memory.
template <class T>
void epilogue(const ConvShape& s, int parts) {
  const int64_t in = s.batch * s.groups * s.channels * s.volume(s.in);
  const int64_t out = s.batch * s.groups * s.outputs * s.volume(s.out);
  const std::vector<T> x = numbers<T>(in), y = numbers<T>(out, 3), b = numbers<T>(200, 4);
  const std::vector<T> w = numbers<T>(s.groups * s.outputs * s.channels * s.volume(s.kernel), 2);
  std::vector<ChannelMap<T>> maps;
  for (size_t i = 0; i + 2 < b.size(); ++i) maps.push_back({b[i], b[i + 1], b[i + 2]});
  const double half = 0.5;
  const auto compare = [&](int64_t channels, int64_t volume, const std::vector<T>& like,
                           const auto& run) {
    std::vector<T> z = like, got[3] = {like, like, like}, expected[3] = {like, like, like};
    run(z.data(), ConvEpilogue<T>());
    for (auto* to : {got, expected}) {
      ConvEpilogue<T> e;
      if (parts & 1) e.maps = maps.data();
      if (parts & 2) e.combine = {added<T>, nullptr};
      if (parts & 2) e.other = like.data();
      if (parts & 4) e.activation = {scaled<T>, &half};
      // Each is kept beside what becomes of it.
      if ((parts & 8) && (parts & 7)) e.sums = to[1].data();
      if ((parts & 16) && (parts & 3) && (parts & 4)) e.combined = to[2].data();
      if (to == got)
        run(got[0].data(), e);
      else
        naive::finish(e, channels, volume, std::ssize(z), z.data(), expected[0].data());
    }
    for (int i = 0; i < 3; ++i) CHECK(got[i] == expected[i]);
  };
  compare(s.groups * s.outputs, s.volume(s.out), y, [&](T* to, const ConvEpilogue<T>& e) {
    conv_output(s, x.data(), w.data(), b.data(), to, e);
  });
  compare(s.groups * s.channels, s.volume(s.in), x, [&](T* to, const ConvEpilogue<T>& e) {
    conv_input(s, y.data(), w.data(), b.data(), to, e);
  });
}

// In contiguous memory, and in one of the other seven layouts of the three.
template <class T>
void in_layouts(ConvShape s, int i) {
  convolution<T>(s);
  const int layout = 1 + i % 7;
  s.x_last = layout & 1;
  s.y_last = layout & 2;
  s.w_last = layout & 4;
  convolution<T>(s);
}

// Shapes drawn at random, in one, two or three dimensions.
ConvShape drawn(Generator& g, int i) {
  const auto one_of = [&](int64_t low, int64_t high) {
    return low + static_cast<int64_t>(g.random() % static_cast<uint32_t>(high - low + 1));
  };
  ConvShape s{one_of(0, 4), one_of(1, 3), one_of(1, 7), one_of(1, 40), {1, 1, 1},
              {1, 1, 1},    {1, 1, 1},    {1, 1, 1},    {0, 0, 0},     {1, 1, 1}};
  for (int d = i % 3; d < 3; ++d) {
    s.kernel[d] = one_of(1, 4);
    s.stride[d] = one_of(1, 3);
    s.pad[d] = one_of(0, 2);
    s.dilation[d] = one_of(1, 3);
    const int64_t span = (s.kernel[d] - 1) * s.dilation[d] + 1;
    const int64_t most = i % 3 == 2 ? 900 : d == 0 ? 3 : 20;
    s.in[d] = std::max<int64_t>(1, span - 2 * s.pad[d]) + one_of(0, most);
    s.out[d] = (s.in[d] + 2 * s.pad[d] - span) / s.stride[d] + 1 + (one_of(0, 5) == 0);
  }
  return s;
}

template <class T>
void convolutions() {
  Generator g(5);
  for (int i = 0; i < 90; ++i) in_layouts<T>(drawn(g, i), i);
  for (int i = 0; i < 96; ++i) epilogue<T>(drawn(g, i), i % 32);
  // More rows of sums than a panel is deep, more channels and outputs than a task has.
  in_layouts<T>({3, 1, 150, 140, {1, 9, 9}, {1, 9, 9}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {1, 1, 1}},
                6);
  in_layouts<T>(
      {2, 1, 30, 20, {1, 1, 700}, {1, 1, 680}, {1, 1, 21}, {1, 1, 1}, {0, 0, 0}, {1, 1, 1}}, 6);
  in_layouts<T>({5, 24, 1, 1, {1, 12, 12}, {1, 12, 12}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {1, 1, 1}},
                6);
}

}  // namespace

void test_conv() {
  convolutions<float>();
  convolutions<double>();
}

}  // namespace wengert
