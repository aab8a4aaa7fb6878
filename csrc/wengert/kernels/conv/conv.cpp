#include "wengert/kernels/conv/conv.h"

#include "wengert/kernels/conv/depthwise.h"
#include "wengert/kernels/conv/gather.h"
#include "wengert/kernels/conv/pointwise.h"

namespace wengert {
namespace {

using namespace detail;

// The taps of one dimension that reach input position r + i stride, and what output they read, i +
// offset: those whose k dilation is r + pad, up to a multiple of the stride.
struct Reach {
  List<int64_t> taps, offsets;
  int64_t low = 0, high = 0;

  Reach(const ConvShape& s, int d, int64_t r) {
    for (int64_t k = 0; k < s.kernel[d]; ++k) {
      const int64_t n = r + s.pad[d] - k * s.dilation[d];
      if (n % s.stride[d] != 0) continue;
      taps.push_back(k);
      offsets.push_back(n / s.stride[d]);
    }
    if (taps.empty()) return;
    low = *std::min_element(offsets.begin(), offsets.end());
    high = *std::max_element(offsets.begin(), offsets.end());
  }
};

// The gather of the input positions of equal remainder r when divided by the stride.
Gather gather_of(const ConvShape& s, const int64_t (&r)[3]) {
  Gather g{s.batch, s.groups, s.outputs, {}, {1, 1, 1}, {}, {}, {}, s.y_layout(), {}};
  const Reach reach[] = {{s, 0, r[0]}, {s, 1, r[1]}, {s, 2, r[2]}};
  for (int d = 0; d < 3; ++d) {
    g.count[d] = (s.in[d] - r[d] + s.stride[d] - 1) / s.stride[d];
    g.size[d] = s.out[d];
    g.low[d] = reach[d].low;
    g.high[d] = reach[d].high;
  }
  for (size_t z = 0; z < reach[0].taps.size(); ++z)
    for (size_t y = 0; y < reach[1].taps.size(); ++y)
      for (size_t x = 0; x < reach[2].taps.size(); ++x)
        g.add({(reach[0].taps[z] * s.kernel[1] + reach[1].taps[y]) * s.kernel[2] + reach[2].taps[x],
               {reach[0].offsets[z], reach[1].offsets[y], reach[2].offsets[x]}});
  return g;
}

// Images of few positions fill no tile of a product: several are done at once, staged.
bool is_product(const ConvShape& s) {
  constexpr int64_t kPositions = 128, kChannels = 8;
  const int64_t images = s.x_last ? s.batch : 1;
  return is_pointwise(s) && s.x_last == s.y_last && images * s.volume(s.in) >= kPositions &&
         std::min(s.channels, s.outputs) >= kChannels;
}
bool is_any(const ConvShape&) { return true; }

template <class T>
void output_product(const ConvShape& s, const T* x, const T* w, const T* b, T* y,
                    const ConvEpilogue<T>& e) {
  pointwise_product(s, s.outputs, s.channels, w, s.channels, 1, x, b, Finish<T>(e, y));
}
template <class T>
void input_product(const ConvShape& s, const T* y, const T* w, const T* b, T* x,
                   const ConvEpilogue<T>& e) {
  pointwise_product(s, s.channels, s.outputs, w, 1, s.channels, y, b, Finish<T>(e, x));
}

template <class T>
using Compute = void(const List<Part<T>>&, const T* source, const Weights<T>&);

template <class T, Compute<T>* kCompute>
void output_gather(const ConvShape& s, const T* x, const T* w, const T* b, T* y,
                   const ConvEpilogue<T>& e) {
  const Finish<T> finish(e, y);
  const int64_t taps = s.volume(s.kernel);
  const ImageLayout l = s.w_layout();
  const Weights<T> weights{w, s.outputs * s.channels * taps, s.channels * taps, l.channel,
                           l.position};
  List<Part<T>> parts{
      {detail::gather_of(s), {finish, b, s.outputs, s.y_layout(), {}, {0, 0, 0}, {1, 1, 1}}}};
  std::copy_n(s.out, 3, parts[0].target.size);
  kCompute(parts, x, weights);
}

// Gathered, never scattered: positions of equal remainder are a convolution of y without stride.
template <class T, Compute<T>* kCompute>
void input_gather(const ConvShape& s, const T* y, const T* w, const T* b, T* x,
                  const ConvEpilogue<T>& e) {
  const Finish<T> finish(e, x);
  const int64_t taps = s.volume(s.kernel);
  const ImageLayout l = s.w_layout();
  const Weights<T> weights{w, s.outputs * s.channels * taps, l.channel, s.channels * taps,
                           l.position};
  List<Part<T>> parts;
  int64_t r[3];
  for (r[0] = 0; r[0] < std::min(s.stride[0], s.in[0]); ++r[0])
    for (r[1] = 0; r[1] < std::min(s.stride[1], s.in[1]); ++r[1])
      for (r[2] = 0; r[2] < std::min(s.stride[2], s.in[2]); ++r[2]) {
        Target<T> to{finish, b, s.channels, s.x_layout(), {}, {r[0], r[1], r[2]}, {}};
        std::copy_n(s.in, 3, to.size);
        std::copy_n(s.stride, 3, to.step);
        parts.push_back({reaching(gather_of(s, r)), to});
      }
  kCompute(parts, y, weights);
}

template <class T>
constexpr ConvWay<T> kOutputWays[] = {
    {"pointwise", is_product, output_product<T>},
    {"depthwise, channels last", is_depthwise_last, output_gather<T, depthwise_last_product<T>>},
    {"depthwise", is_depthwise, output_gather<T, depthwise_product<T>>},
    {"gathered", is_any, output_gather<T, gather_product<T>>},
};
template <class T>
constexpr ConvWay<T> kInputWays[] = {
    {"pointwise", is_product, input_product<T>},
    {"depthwise, channels last", is_depthwise_last, input_gather<T, depthwise_last_product<T>>},
    {"depthwise", is_depthwise, input_gather<T, depthwise_product<T>>},
    {"gathered", is_any, input_gather<T, gather_product<T>>},
};

}  // namespace

template <class T>
void conv_output(const ConvShape& s, const T* x, const T* w, const T* b, T* y,
                 const ConvEpilogue<T>& e) {
  first_way<kOutputWays<T>>(s).run(s, x, w, b, y, e);
}
template <class T>
void conv_input(const ConvShape& s, const T* y, const T* w, const T* b, T* x,
                const ConvEpilogue<T>& e) {
  first_way<kInputWays<T>>(s).run(s, y, w, b, x, e);
}
template <class T>
std::span<const ConvWay<T>> conv_output_ways() {
  return kOutputWays<T>;
}
template <class T>
std::span<const ConvWay<T>> conv_input_ways() {
  return kInputWays<T>;
}

#define WENGERT_CONV(T)                                                         \
  template void conv_output(const ConvShape&, const T*, const T*, const T*, T*, \
                            const ConvEpilogue<T>&);                            \
  template void conv_input(const ConvShape&, const T*, const T*, const T*, T*,  \
                           const ConvEpilogue<T>&);                             \
  template std::span<const ConvWay<T>> conv_output_ways();                      \
  template std::span<const ConvWay<T>> conv_input_ways();
WENGERT_CONV(float)
WENGERT_CONV(double)
#undef WENGERT_CONV

}  // namespace wengert
