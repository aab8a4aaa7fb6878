"""What random programs do with images: convolution, pooling, norms, resampling, padding, dropout.

An image is a tensor (batch, channels, one to three sizes). Each function is given the run of a
program, of which it asks tensors (`pick`, `target`) and numbers (`rng`).
"""

import wengert as wg

F = wg.nn.functional
IMAGE_SHAPES = [(2, 3, 8), (2, 3, 6, 5), (1, 4, 8, 8), (2, 2, 3, 4, 3)]
IMAGE_OPS = []


def op(f):
    IMAGE_OPS.append(f)
    return f


def image(r, *dims, fits=lambda t: True):
    """A floating image of so many sizes (any number, if none is given) with something in it."""
    dims = dims or (1, 2, 3)
    return r.pick(
        lambda t: (
            t.is_floating_point()
            and t.ndim - 2 in dims
            and 0 < t.numel() <= 4000
            and max(t.shape[2:]) > 1
            and fits(t)
        )
    )


def filled(r, x, *shape):
    """A tensor of x's dtype and that shape, of the numbers of one in the pool."""
    t = r.pick(lambda t: t.dtype == x.dtype and t.numel() > 0)
    count = 1
    for size in shape:
        count *= size
    return t.reshape(-1)[wg.arange(count) % t.numel()].reshape(shape).tanh()


def window(r, x, most=3):
    """Sizes of a window that every image is large enough for."""
    return [min(size, r.rng.randrange(1, most + 1)) for size in x.shape[2:]]


def some(r, *choices):
    return r.rng.choice(choices)


# ---- convolution ---------------------------------------------------------------------------------


@op
def convolved(r):
    x = image(r)
    channels, d = x.shape[1], x.ndim - 2
    groups = some(r, 1, 1, channels)
    kernel = window(r, x)
    outputs = groups * some(r, 1, 2, 5)
    weight = filled(r, x, outputs, channels // groups, *kernel)
    bias = filled(r, x, outputs) if r.rng.random() < 0.5 else None
    options = {"groups": groups, "padding": some(r, 0, 1, "same", "valid")}
    if options["padding"] != "same":
        options["stride"] = some(r, 1, 2, 3)
    if options["padding"] == 1:
        options["dilation"] = some(r, 1, 2) if min(x.shape[2:]) > 2 else 1
    y = getattr(F, f"conv{d}d")(x, weight, bias, **options)
    return some(r, lambda t: t, wg.relu, F.gelu, F.leaky_relu)(y)


@op
def convolved_back(r):
    x = image(r)
    channels, d = x.shape[1], x.ndim - 2
    groups = some(r, 1, 1, channels)
    outputs = some(r, 1, 3)
    weight = filled(r, x, channels, outputs, *window(r, x))
    bias = filled(r, x, outputs * groups) if r.rng.random() < 0.5 else None
    stride = some(r, 1, 2)
    extra = r.rng.randrange(stride)
    f = getattr(F, f"conv_transpose{d}d")
    return f(x, weight, bias, stride, output_padding=extra, groups=groups)


@op
def columns(r):
    x = image(r, 2)
    kernel = window(r, x)
    made = F.unfold(x, kernel, stride=some(r, 1, 2))
    return made if r.rng.random() < 0.5 else F.fold(F.unfold(x, kernel), x.shape[2:], kernel)


# ---- pooling -------------------------------------------------------------------------------------


@op
def pooled(r):
    x = image(r)
    d, kernel, kind = x.ndim - 2, window(r, x), r.rng.randrange(6)
    if kind == 0:
        return getattr(F, f"avg_pool{d}d")(x, kernel, ceil_mode=some(r, False, True))
    if kind == 1:
        name = some(r, "adaptive_avg_pool", "adaptive_max_pool")
        return getattr(F, f"{name}{d}d")(x, some(r, 1, 2, 3))
    if kind == 2:
        return getattr(F, f"lp_pool{d}d")(x, 2, kernel if d > 1 else kernel[0])
    pool = getattr(F, f"max_pool{d}d")
    if kind == 3:
        y, indices = pool(x, kernel, return_indices=True)
        return getattr(F, f"max_unpool{d}d")(y, indices, kernel, output_size=x.shape[2:])
    if kind == 4:
        return list(pool(x, kernel, return_indices=True))
    return pool(x, kernel, stride=some(r, 1, 2), ceil_mode=some(r, False, True))


# ---- norms ---------------------------------------------------------------------------------------


@op
def normed(r):
    x = image(r, fits=lambda t: t.numel() // t.shape[1] > 1)
    channels, kind = x.shape[1], r.rng.randrange(6)
    weight, bias = filled(r, x, channels), filled(r, x, channels)
    if kind == 0:
        return F.group_norm(x, some(r, 1, channels), weight, bias)
    if kind == 1:
        return F.instance_norm(x, weight=weight, bias=bias)
    if kind == 2:
        return F.layer_norm(x, x.shape[2:]) if some(r, 0, 1) else F.rms_norm(x, x.shape[-1:])
    if kind == 3:
        return F.local_response_norm(x, 2)
    if kind == 4:
        return F.normalize(x, dim=1)
    return F.batch_norm(x, None, None, weight, bias, training=True)


@op
def batch_normed(r):
    """With statistics that live from call to call, where there are such of that size."""
    x = image(r, fits=lambda t: t.numel() // t.shape[1] > 1)
    one = (x.shape[1],)
    mean = r.target(lambda t: t.dtype == x.dtype and tuple(t.shape) == one)
    var = wg.ones(one, dtype=x.dtype)
    y = F.batch_norm(x, mean, var, training=some(r, True, True, False))
    return [y, var]


# ---- resampling, padding, places -----------------------------------------------------------------


@op
def resized(r):
    x = image(r)
    modes = {1: ["linear"], 2: ["bilinear", "bicubic"], 3: ["trilinear"]}[x.ndim - 2]
    mode = some(r, "nearest", "nearest-exact", "area", *modes)
    options = {} if mode in ("nearest", "nearest-exact", "area") else {"align_corners": True}
    if r.rng.random() < 0.5:
        return F.interpolate(x, size=[some(r, 2, 5) for _ in x.shape[2:]], mode=mode, **options)
    return F.interpolate(x, scale_factor=some(r, 1.5, 2.0), mode=mode, **options)


@op
def warped(r):
    x = image(r, 2)
    theta = filled(r, x, x.shape[0], 2, 3)
    grid = F.affine_grid(theta, [*x.shape[:2], 3, 4], align_corners=False)
    mode, padding = some(r, "bilinear", "nearest"), some(r, "zeros", "border", "reflection")
    return F.grid_sample(x, grid, mode, padding, align_corners=some(r, False, True))


@op
def padded(r):
    x = image(r, fits=lambda t: min(t.shape[2:]) > 1)
    mode = some(r, "constant", "reflect", "replicate", "circular")
    by = [r.rng.randrange(2) for _ in range(2 * (x.ndim - 2))]
    by[0] = 1
    if mode != "constant":
        return F.pad(x, by, mode)
    by[-1] -= some(r, 0, 1, 1)
    return F.pad(x, by, value=some(r, 0.0, 1.5))


@op
def shuffled(r):
    x = image(r, 2)
    if x.shape[1] % 4 == 0:
        return F.pixel_shuffle(x, 2)
    if x.shape[2] % 2 == 0 == x.shape[3] % 2:
        return F.pixel_unshuffle(x, 2)
    return F.channel_shuffle(x, x.shape[1])


@op
def channels_dropped(r):
    x = image(r)
    kind = r.rng.randrange(3)
    if kind == 0:
        return F.feature_alpha_dropout(x, 0.5, training=True)
    if kind == 1:
        return F.alpha_dropout(x, 0.3, training=True)
    return getattr(F, f"dropout{x.ndim - 2}d")(x, 0.5)


@op
def laid_out(r):
    """The same numbers in another order of memory."""
    x = image(r, 2, 3)
    last = wg.channels_last if x.ndim == 4 else wg.channels_last_3d
    return x.clone(memory_format=some(r, last, last, wg.contiguous_format))


IMAGE_OPS += [convolved, laid_out]  # more often than others
