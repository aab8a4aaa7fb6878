// Channels as pixels and back: copies in another arrangement.
#include "wengert/kernels/resample/shuffle.h"

#include "wengert/kernels/core/copy.h"
#include "wengert/ops/images.h"
#include "wengert/ops/resample/resample.h"
#include "wengert/ops/shape/view.h"

namespace wengert {
namespace {

void check_image(const Tensor& x, int64_t factor, const char* name) {
  check(x.ndim() >= 3, "expects input to have at least 3 dimensions, but got input with ", x.ndim(),
        " dimension(s)");
  check(factor > 0 && factor < (int64_t{1} << 31), "expects a positive ", name, ", but got ",
        factor);
}

// W. Shi et al., "Real-time single image and video super-resolution using an efficient sub-pixel
// convolutional neural network", 2016.
constexpr Signature kPixelShuffle = "(input: Tensor, upscale_factor: int) -> Tensor";
constexpr Signature kPixelUnshuffle = "(input: Tensor, downscale_factor: int) -> Tensor";
constexpr int kFactor = attribute("upscale_factor", kPixelShuffle);
static_assert(kPixelUnshuffle["downscale_factor"] == kFactor);

// Of an input (*, c r r, h, w), and of one (*, c, h r, w r).
PixelShuffle shuffle_of(const Dims& shape, int64_t r) {
  PixelShuffle s{1, r, shape[shape.size() - 2], shape[shape.size() - 1]};
  for (int d = 0; d < shape.size() - 2; ++d) s.planes *= shape[d];
  s.planes /= r * r;
  return s;
}
PixelShuffle unshuffle_of(const Dims& shape, int64_t r) {
  PixelShuffle s{1, r, shape[shape.size() - 2] / r, shape[shape.size() - 1] / r};
  for (int d = 0; d < shape.size() - 2; ++d) s.planes *= shape[d];
  return s;
}

// Images with channels last, of which `wide` has the fewer channels: both as (n, h, i, w, j, c).
void shuffle_last(const Tensor& x, const Tensor& y, const Tensor& wide, int64_t r) {
  const int64_t n = wide.size(0), c = wide.size(1), h = wide.size(2) / r, w = wide.size(3) / r;
  const Dims shape{n, h, r, w, r, c}, of_wide = contiguous_strides(shape);
  const int64_t all = c * r * r;
  const Dims of_narrow{h * w * all, w * all, r, all, 1, r * r};
  const bool shuffled = wide.is_same(y);
  copy_strided(y.data(), shuffled ? of_wide : of_narrow, x.data(), shuffled ? of_narrow : of_wide,
               shape, item_size(x.dtype()));
}

// y_{c, h r + i, w r + j} = x_{c r r + i r + j, h, w}        dx = pixel_unshuffle(g)
constinit const Op pixel_shuffle_op{
    .name = "pixel_shuffle",
    .signature = kPixelShuffle,
    .on = kModule | kFunctional,
    .doc =
        "(*, c r r, h, w) to (*, c, h r, w r): each group of r r channels becomes the pixels of a "
        "square (Shi et al., 2016).",
    .shape =
        [](Call& c) {
          const Tensor& x = c.in(0);
          const Dtype dtype = x.dtype();
          const int64_t r = c.attrs.integer(kFactor);
          check_image(x, r, "upscale_factor");
          check(x.size(-3) % (r * r) == 0,
                "expects its input's 'channel' dimension to be divisible by the square of "
                "upscale_factor, but input.size(-3)=",
                x.size(-3), " is not divisible by ", r * r);
          Dims out = x.shape();
          out[x.ndim() - 3] /= r * r;
          out[x.ndim() - 2] *= r;
          out[x.ndim() - 1] *= r;
          output_images(c, dtype, out, arrange_alike(c, 0, 4));
        },
    .run =
        [](Call& c) {
          const Tensor &x = c.in(0), &y = c.out[0];
          if (y.numel() == 0) return;
          const int64_t r = c.attrs.integer(kFactor);
          if (has_channels_last(c, 0, 4)) return shuffle_last(x, y, y, r);
          pixel_shuffle(shuffle_of(x.shape(), r), item_size(x.dtype()), x.data(), y.data());
        },
    .vjp = [](Vjp& v) { v.set(0, pixel_unshuffle(v.g(), v.attrs().integer(kFactor))); },
};

// y_{c r r + i r + j, h, w} = x_{c, h r + i, w r + j}        dx = pixel_shuffle(g)
constinit const Op pixel_unshuffle_op{
    .name = "pixel_unshuffle",
    .signature = kPixelUnshuffle,
    .on = kModule | kFunctional,
    .doc = "(*, c, h r, w r) to (*, c r r, h, w): undoes pixel_shuffle().",
    .shape =
        [](Call& c) {
          const Tensor& x = c.in(0);
          const Dtype dtype = x.dtype();
          const int64_t r = c.attrs.integer(kFactor);
          check_image(x, r, "downscale_factor");
          check(x.size(-2) % r == 0,
                "expects height to be divisible by downscale_factor, but input.size(-2)=",
                x.size(-2), " is not divisible by ", r);
          check(x.size(-1) % r == 0,
                "expects width to be divisible by downscale_factor, but input.size(-1)=",
                x.size(-1), " is not divisible by ", r);
          Dims out = x.shape();
          out[x.ndim() - 3] *= r * r;
          out[x.ndim() - 2] /= r;
          out[x.ndim() - 1] /= r;
          output_images(c, dtype, out, arrange_alike(c, 0, 4));
        },
    .run =
        [](Call& c) {
          const Tensor &x = c.in(0), &y = c.out[0];
          if (y.numel() == 0) return;
          const int64_t r = c.attrs.integer(kFactor);
          if (has_channels_last(c, 0, 4)) return shuffle_last(x, y, x, r);
          pixel_unshuffle(unshuffle_of(x.shape(), r), item_size(x.dtype()), x.data(), y.data());
        },
    .vjp = [](Vjp& v) { v.set(0, pixel_shuffle(v.g(), v.attrs().integer(kFactor))); },
};

// The tensor as it is arranged by `order` of `inner`, into `outer`; always a copy.
Tensor rearranged(const Tensor& x, const Dims& inner, const Dims& order, const Dims& outer) {
  const Tensor y = reshape(permute(reshape(x, inner), order), outer);
  return y.shares_memory(x) ? clone(y) : y;
}

constexpr Signature kChannelShuffle = "(input: Tensor, groups: int) -> Tensor";
// y_{j g + i} = x_{i c / g + j}
// X. Zhang et al., "ShuffleNet: an extremely efficient convolutional neural network for mobile
// devices", 2018.
constexpr Op channel_shuffle_op{
    .name = "channel_shuffle",
    .signature = kChannelShuffle,
    .on = kModule | kFunctional,
    .doc =
        "(n, c, *) with the channels of each of `groups` dealt out in turns: channel j of group i "
        "comes to place j groups + i (Zhang et al., 2018).",
    .composed =
        [](Call& c) {
          const Tensor& x = c.in(0);
          const int64_t g = c.attrs.integer(kChannelShuffle["groups"]);
          check(x.ndim() > 2, "expects input with > 2 dims, but got input with sizes ", x.shape());
          check(g > 0,
                "Number of groups to divide channels in must be positive. Value of groups:", g);
          const int64_t n = x.size(0), all = x.size(1);
          check(all % g == 0, "Number of channels must be divisible by groups. Got ", all,
                " channels and ", g, " groups.");
          int64_t pixels = 1;
          for (int d = 2; d < x.ndim(); ++d) pixels *= x.shape()[d];
          c.results = {rearranged(x, Dims{n, g, all / g, pixels}, Dims{0, 2, 1, 3}, x.shape())};
        },
};

}  // namespace

Tensor pixel_shuffle(const Tensor& x, int64_t upscale_factor) {
  return apply(pixel_shuffle_op, {x}, Attrs(upscale_factor));
}
Tensor pixel_unshuffle(const Tensor& x, int64_t downscale_factor) {
  return apply(pixel_unshuffle_op, {x}, Attrs(downscale_factor));
}
Tensor channel_shuffle(const Tensor& x, int64_t groups) {
  return apply(channel_shuffle_op, {x}, Attrs(groups));
}

namespace {
// y_{j g + i} = x_{i c / g + j}
constinit const Op native_channel_shuffle_op =
    renamed(channel_shuffle_op, "native_channel_shuffle");
const Op* const kOps[] = {&pixel_shuffle_op, &pixel_unshuffle_op, &channel_shuffle_op,
                          &native_channel_shuffle_op};
}  // namespace
std::span<const Op* const> shuffle_ops() { return kOps; }

}  // namespace wengert
