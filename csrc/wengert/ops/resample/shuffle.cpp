// Channels as pixels and back: copies in another arrangement.
#include "wengert/ops/resample/resample.h"
#include "wengert/ops/shape/view.h"

namespace wengert {
namespace {

// The tensor as it is arranged by `order` of `inner`, into `outer`; always a copy.
Tensor rearranged(const Tensor& x, const Dims& inner, const Dims& order, const Dims& outer) {
  const Tensor y = reshape(permute(reshape(x, inner), order), outer);
  return y.shares_memory(x) ? clone(y) : y;
}

int64_t images(const Tensor& x) {
  int64_t n = 1;
  for (int d = 0; d < x.ndim() - 3; ++d) n *= x.shape()[d];
  return n;
}

void check_image(const Tensor& x, int64_t factor, const char* name) {
  check(x.ndim() >= 3, "expects input to have at least 3 dimensions, but got input with ", x.ndim(),
        " dimension(s)");
  check(factor > 0 && factor < (int64_t{1} << 31), "expects a positive ", name, ", but got ",
        factor);
}

constexpr Signature kPixelShuffle = "(input: Tensor, upscale_factor: int) -> Tensor";
// y_{c, h r + i, w r + j} = x_{c r r + i r + j, h, w}
// W. Shi et al., "Real-time single image and video super-resolution using an efficient sub-pixel
// convolutional neural network", 2016.
constinit const Op pixel_shuffle_op{
    .name = "pixel_shuffle",
    .signature = kPixelShuffle,
    .on = kModule | kFunctional,
    .doc =
        "(*, c r r, h, w) to (*, c, h r, w r): each group of r r channels becomes the pixels of a "
        "square (Shi et al., 2016).",
    .composed =
        [](Call& c) {
          const Tensor& x = c.in(0);
          const int64_t r = c.attrs.integer(kPixelShuffle["upscale_factor"]);
          check_image(x, r, "upscale_factor");
          const int64_t n = images(x), all = x.size(-3), h = x.size(-2), w = x.size(-1);
          check(all % (r * r) == 0,
                "expects its input's 'channel' dimension to be divisible by the square of "
                "upscale_factor, but input.size(-3)=",
                all, " is not divisible by ", r * r);
          Dims out = x.shape();
          out[x.ndim() - 3] = all / (r * r);
          out[x.ndim() - 2] = h * r;
          out[x.ndim() - 1] = w * r;
          c.results = {
              rearranged(x, Dims{n, all / (r * r), r, r, h, w}, Dims{0, 1, 4, 2, 5, 3}, out)};
        },
};

constexpr Signature kPixelUnshuffle = "(input: Tensor, downscale_factor: int) -> Tensor";
// y_{c r r + i r + j, h, w} = x_{c, h r + i, w r + j}
constinit const Op pixel_unshuffle_op{
    .name = "pixel_unshuffle",
    .signature = kPixelUnshuffle,
    .on = kModule | kFunctional,
    .doc = "(*, c, h r, w r) to (*, c r r, h, w): undoes pixel_shuffle().",
    .composed =
        [](Call& c) {
          const Tensor& x = c.in(0);
          const int64_t r = c.attrs.integer(kPixelUnshuffle["downscale_factor"]);
          check_image(x, r, "downscale_factor");
          const int64_t n = images(x), all = x.size(-3), h = x.size(-2), w = x.size(-1);
          check(h % r == 0,
                "expects height to be divisible by downscale_factor, but input.size(-2)=", h,
                " is not divisible by ", r);
          check(w % r == 0,
                "expects width to be divisible by downscale_factor, but input.size(-1)=", w,
                " is not divisible by ", r);
          Dims out = x.shape();
          out[x.ndim() - 3] = all * r * r;
          out[x.ndim() - 2] = h / r;
          out[x.ndim() - 1] = w / r;
          c.results = {
              rearranged(x, Dims{n, all, h / r, r, w / r, r}, Dims{0, 1, 3, 5, 2, 4}, out)};
        },
};

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
