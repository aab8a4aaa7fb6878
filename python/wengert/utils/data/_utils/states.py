"""The random numbers of a worker: their seeds, and their states as plain values."""

from __future__ import annotations

import array
import random
from typing import cast

import numpy as np

from .... import _native
from ....random import get_rng_state, manual_seed, set_rng_state

#: Bytes of the package's generator; Python's; NumPy's.
RandomState = tuple[bytes, tuple, tuple]


def seed_worker(base_seed: int, worker: int) -> None:
    """Seeds the package's, Python's and NumPy's generators as PyTorch's workers do.

    The first two with `base_seed + worker`, NumPy's with words that its `SeedSequence` makes of
    both, so that two generators of one kind do not give the same numbers.
    """
    random.seed(base_seed + worker)
    manual_seed(base_seed + worker)
    entropy = [worker, base_seed & 0xFFFFFFFF, base_seed >> 32, 0]
    np.random.seed(np.random.SeedSequence(entropy).generate_state(4))


def random_state() -> RandomState:
    """The states of the three generators, of numbers and bytes only: a file may hold it."""
    version, words, gauss = random.getstate()
    kind, key, position, has_gauss, cached = cast("tuple", np.random.get_state(legacy=True))
    return (
        get_rng_state().numpy().tobytes(),
        (version, array.array("I", words).tobytes(), gauss),
        (str(kind), key.tobytes(), int(position), int(has_gauss), float(cached)),
    )


def set_random_state(state: RandomState) -> None:
    """Sets them to what `random_state` gave. ValueError for anything else."""
    try:
        own, (version, words, gauss), (kind, key, position, has_gauss, cached) = state
        if not 0 <= position <= len(key) // 4 == 624:
            raise ValueError(f"position {position} in {len(key)} bytes")
        set_rng_state(_native.from_numpy(np.frombuffer(own, np.uint8).copy()))
        random.setstate((version, tuple(array.array("I", words)), gauss))
        np.random.set_state((kind, np.frombuffer(key, np.uint32), position, has_gauss, cached))
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"DataLoader: no state of random numbers: {error}") from None


__all__ = ["RandomState", "random_state", "seed_worker", "set_random_state"]
