"""Which sizes grow together in the samples of convolutions, pools, norms and resampled images.

Multiplying every size by one factor, as op_cases.py does for other rows, would make a kernel of 3
by 3 one of 24 by 24. Here each dimension of an argument has a letter, and letters grow alone:

    n  samples of a batch        c  channels            p  pixels along a spatial dimension
    .  stays as it is            o  channels of the result

`*` behind a letter repeats it as often as the argument has dimensions.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tests.rows.sample import Sample
from tests.rows.table import ROWS, SAMPLES

MARKER = -50  # indices below are not places but markers, such as ignore_index

_IMAGE = {"input": "ncp*"}
_CHANNELS = dict.fromkeys(("weight", "bias", "running_mean", "running_var"), "c")
_ROWS = {"normalized_shape": "c*", "weight": "c*", "bias": "c*"}
_GRID = {"input": "ncp*", "grid": "np*."}
_AFFINE = {"theta": "n.*", "size": "n.p*"}
# The letters of the arguments, by a pattern for the row's name; the first that fits.
PATTERNS: list[tuple[str, dict[str, str]]] = [
    (r"conv\dd", {"input": "ncp*", "weight": "oc.*", "bias": "o"}),
    (r"conv_transpose\dd", {"input": "ncp*", "weight": "co.*", "bias": "o"}),
    (r"max_unpool\dd", {"input": "nc.*", "indices": "nc.*"}),
    (r"fractional_max_pool\dd\w*", {"input": "ncp*", "_random_samples": "nc."}),
    (r"_fractional_max_pool\dd", {"input": "ncp*", "samples": "nc."}),
    (r"\w+_pool\dd(_with_indices)?|unfold|local_response_norm", _IMAGE),
    (r"fold", {"input": "nc."}),
    (r"layer_norm|rms_norm", {"input": "n*c*", **_ROWS}),
    (r"(batch|instance|group)_norm", {"input": "ncp*", **_CHANNELS}),
    (r"interpolate|upsample\w*", {"input": "ncp*", "size": "p*"}),
    (r"grid_sample\w*", _GRID),
    (r"affine_grid\w*", _AFFINE),
    (r"pixel_(un)?shuffle", {"input": "n*cpp"}),
    (
        r"scaled_dot_product_attention",
        {"query": "n*pc", "key": "n*pc", "value": "n*pc", "attn_mask": "n*pp"},
    ),
    (r"(native_)?channel_shuffle|dropout\dd|feature_alpha_dropout", _IMAGE),
]
# Of a convolution with a channel for each group: groups grow with the channels.
_DEPTHWISE = {"input": "ncp*", "weight": "c.*", "bias": "c", "groups": "c"}


def _unbatched(name: str) -> int | None:
    """How many dimensions the row's input has without a batch."""
    spatial = re.search(r"(\d)d", name)
    return int(spatial[1]) + 1 if spatial else {"fold": 2, "unfold": 3}.get(name)


def named(key: str, sample: Sample) -> dict[str, Any]:
    """The sample's arguments by name."""
    names = [p["name"] for p in ROWS[key]["params"]]
    return {**dict(zip(names, sample.args, strict=False)), **sample.kwargs}


def letters(pattern: str, dims: int) -> str:
    """A letter for each dimension; without the first, n, if there is no batch."""
    head, star, tail = pattern.partition("*")
    if not star:
        return head[-dims:] if dims else ""
    repeats = dims - len(head) - len(tail) + 1
    if repeats < 0:
        raise ValueError(f"{dims} dimensions do not fit {pattern}")
    return head[:-1] + head[-1] * repeats + tail


@functools.cache
def roles(key: str, number: int) -> dict[str, str] | None:
    """The letters of each argument that grows; None for rows that have none."""
    name, sample = key.split("(")[0], SAMPLES[key][number]
    if key == "unfold(Tensor, int, int, int)":  # windows of one dimension, not of images
        return None
    found = next((p for pattern, p in PATTERNS if re.fullmatch(pattern, name)), None)
    if found is None:
        return None
    values = named(key, sample)
    x: Any = next((values[k] for k in ("input", "theta", "query") if k in values), None)
    if name.startswith("conv") and values.get("groups", 1) > 1 and values["weight"].shape[1] == 1:
        found = _DEPTHWISE
    unbatched = x.ndim == _unbatched(name)
    result = {}
    for argument, pattern in found.items():
        value = values.get(argument)
        if value is None:
            continue
        if pattern == "n*c*":
            own = len(values["normalized_shape"])
            result[argument] = "n" * (x.ndim - own) + "c" * own
            continue
        if unbatched and pattern[0] == "n":
            pattern = pattern[1:]
        if name.startswith("max_unpool") and len(values) == 3:  # see `_places`
            pattern = pattern.replace(".*", "p*")
        dims = value.ndim if isinstance(value, np.ndarray) else np.size(value)
        result[argument] = letters(pattern, dims)
        if "query" in found:  # sizes of 1 are broadcast
            pairs = zip(result[argument], value.shape, strict=True)
            result[argument] = "".join("." if n == 1 else letter for letter, n in pairs)
    return result


def tiled(a: np.ndarray, sample: Sample, reps: Sequence[int], places: int = 0) -> np.ndarray:
    """The array repeated along its dimensions; `places`, if any, is what its indices grow by."""
    if math.prod(reps) == 1:
        return a
    random = np.random.RandomState(a.size)
    big = np.tile(a, reps)
    if a.dtype.kind == "f":  # near the sample's values, but not periodic
        big *= 1 - 0.01 * random.random_sample(big.shape)
        return np.asarray(random.permutation(big.ravel()).reshape(big.shape))
    if a.dtype == np.int64 and sample.sweep != "int64" and places:
        spread = big * places + random.randint(0, places, big.shape)
        return np.asarray(np.where(big < MARKER, big, spread))
    return big


def variant(key: str, number: int) -> tuple[Any, ...]:
    """What chooses a kernel among a row's: words, and how a convolution reads its input."""
    values = named(key, SAMPLES[key][number])
    words = [v for v in values.values() if isinstance(v, (str, bool))]
    if key.startswith("conv"):
        weight, stride = values["weight"], values.get("stride", 1)
        groups = min(values.get("groups", 1), 2)
        words += [groups, groups > 1 and weight.shape[1] == 1]
        words += [math.prod(weight.shape[2:]) == 1, bool(np.max(stride) > 1)]
    return tuple(words)


def is_image(key: str, number: int) -> bool:
    """Whether the sample's first tensor has four dimensions, which most have in practice."""
    values = named(key, SAMPLES[key][number])
    return bool(getattr(values.get("input"), "ndim", 0) == 4)


def _places(shape: tuple[int, ...], kernel: int) -> np.ndarray:
    """Indices for max_unpool: in the window of each element, one of its places."""
    random, spatial = np.random.RandomState(math.prod(shape)), shape[2:]
    flat = np.zeros(shape, np.int64)
    for d, size in enumerate(spatial):
        along = np.arange(size).reshape([-1 if i == d else 1 for i in range(len(spatial))])
        flat = flat * size * kernel + along * kernel + random.randint(0, kernel, shape)
    return flat


def scale(key: str, number: int, factors: dict[str, int]) -> Sample:
    """The sample with the sizes of each letter multiplied by its factor."""
    sample, found = SAMPLES[key][number], roles(key, number) or {}
    names = [p["name"] for p in ROWS[key]["params"]]

    def value_of(value: Any, name: str) -> Any:
        if value is None or name not in found:
            return value
        by = [factors.get(letter, 1) for letter in found[name]]
        if name == "indices" and "p" in found[name] and max(by) > 1:
            shape = tuple(d * f for d, f in zip(value.shape, by, strict=True))
            return _places(shape, sample.args[2])
        if isinstance(value, np.ndarray):
            return tiled(value, sample, by)
        if isinstance(value, (list, tuple)):
            return type(value)(v * f for v, f in zip(value, by, strict=True))
        return value * by[0]

    args = tuple(value_of(v, name) for v, name in zip(sample.args, names, strict=False))
    kwargs = {name: value_of(v, name) for name, v in sample.kwargs.items()}
    return dataclasses.replace(sample, args=args, kwargs=kwargs)


Powers = tuple[tuple[int, dict[str, float]], ...]


def growth(
    key: str, number: int, elements: Callable[[str, Sample], list[int] | None]
) -> Powers | None:
    """Of each tensor its elements, and the power of each letter's factor they grow with."""
    plain = elements(key, SAMPLES[key][number])
    if not plain or max(plain) < 2:
        return None
    powers: list[dict[str, float]] = [{} for _ in plain]
    for letter in sorted(set("".join((roles(key, number) or {}).values())) - {"."}):
        double = elements(key, scale(key, number, {letter: 2}))
        if double is None or len(double) != len(plain) or double == plain:
            continue
        for a, b, into in zip(plain, double, powers, strict=True):
            into[letter] = math.log2(b / a) if a and b else 0.0
    return tuple(zip(plain, powers, strict=True)) if powers[0] else None


def factors_for(tensors: Powers, target: float) -> dict[str, int]:
    """Factors that grow together, until one more would make a tensor larger than the target."""
    factors = dict.fromkeys(tensors[0][1], 1)
    growing = list(factors)

    def largest() -> float:
        return max(n * math.prod(f ** p[k] for k, f in factors.items()) for n, p in tensors)

    while growing:
        letter = min(growing, key=lambda k: factors[k])
        factors[letter] += 1
        if largest() > target:
            factors[letter] -= 1
            growing.remove(letter)
    return factors
