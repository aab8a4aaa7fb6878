"""What random programs do with the rows of the registry: any of them, with the arguments that its
samples have, of which the floating ones differ a little from call to call and have gradients.
"""

import functools

import wengert as wg
from tests.capture.fuzz_images import filled
from tests.rows.sample import build
from tests.rows.table import ROWS, SAMPLES, UNINITIALISED, in_wengert, outputs


def taken(row):
    public = row["module"] or row["functional"] or row["method"]
    return public and not row["mutates"] and row["name"] not in UNINITIALISED


def recorded(function, args, kwargs):
    """Whether it may be captured: not where a shape, or what is done next, depends on values."""
    try:
        with wg.random.fork_rng():
            wg.capture(lambda: function(*args, **kwargs))()
    except (wg.CaptureError, RuntimeError):
        return False
    return True


@functools.cache
def calls(dtype):
    """By row, (args, kwargs, sample) of each sample that has a meaning in that dtype.

    Made before a program runs, as what it finds: a recording holds tensors, not arrays.
    """
    found = {}
    for key, row in ROWS.items():
        samples = [s for s in SAMPLES.get(key, ()) if not s.only or dtype in s.only]
        if taken(row) and samples:
            swept = [dtype if s.sweep == "float64" else None for s in samples]
            built = [(*build(s, wg, d), s) for s, d in zip(samples, swept, strict=True)]
            found[key] = [b for b in built if recorded(in_wengert(row), *b[:2])]
    return {key: those for key, those in found.items() if those}


def mixed(r, value, sample):
    """The argument with a hundredth of what is in the pool in its floating tensors."""
    if isinstance(value, (list, tuple)):
        return type(value)(mixed(r, v, sample) for v in value)
    if not isinstance(value, wg.Tensor):
        return value
    if not value.is_floating_point() or not value.numel():
        return value.clone()
    other = filled(r, value, *value.shape).nan_to_num()
    return value + 0.01 * (other if sample.differentiable else other.detach())


def any_row(r):
    """A row of the registry; what it gives has memory of its own."""
    dtype = "float64" if r.pool[0][0].dtype == wg.float64 else "float32"
    known = calls(dtype)
    key = r.rng.choice(list(known))
    args, kwargs, sample = r.rng.choice(known[key])
    args = tuple(mixed(r, v, sample) for v in args)
    kwargs = {k: mixed(r, v, sample) for k, v in kwargs.items()}
    made = in_wengert(ROWS[key])(*args, **kwargs)
    return [t.clone() for t in outputs(made) if isinstance(t, wg.Tensor)]
