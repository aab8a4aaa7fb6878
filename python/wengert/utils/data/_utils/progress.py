"""How far a pass of a loader is, so that it can go on in another process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .... import _native
from ...._native import Tensor
from ...._typing import StateDict
from ....random import get_rng_state, set_rng_state
from .process import Turns
from .states import RandomState
from .worker import Resume

if TYPE_CHECKING:
    from ..dataloader import DataLoader

_VERSION = 1


def _generators(loader: DataLoader) -> dict[str, _native.Generator]:
    """Those of the loader's own that its order is drawn from."""
    sampler = loader.sampler
    within = getattr(loader.batch_sampler, "sampler", None)
    owners = {
        "loader": loader, "sampler": sampler, "batch_sampler": loader.batch_sampler,
        "within": within if within is not sampler else None,
    }  # fmt: skip
    found = {name: getattr(owner, "generator", None) for name, owner in owners.items()}
    return {name: g for name, g in found.items() if isinstance(g, _native.Generator)}


def generators_of(loader: DataLoader) -> dict[str, Tensor]:
    """The states of the generators that its order is drawn from, the global one's as "global"."""
    states = {name: generator.get_state() for name, generator in _generators(loader).items()}
    states["global"] = get_rng_state()
    return states


class Progress:
    """A pass: what it was begun with, and what of it has been handed out.

    `batches` is None between two passes. `begun` are the states of the generators when the pass
    was begun, `generators` those when its state was asked for.
    """

    def __init__(self, num_workers: int, begun: dict[str, Tensor] | None = None) -> None:
        self.num_workers = num_workers
        self.batches: int | None = None if begun is None else 0
        self.begun = begun or {}
        self.generators: dict[str, Tensor] = {}
        self.base_seed = 0
        self.drawn = True  # whether the base seed was drawn for this pass
        self.made = [0] * num_workers  # batches of each worker
        self.datasets: list[object] = [None] * max(num_workers, 1)
        self.random: list[RandomState | None] = [None] * num_workers
        self.asked: list[int] | None = None
        self.active: list[int] = []
        self.turn = 0
        self.turns: Turns | None = None
        self.crew_states: list[RandomState | None] | None = None

    def count(self) -> None:
        """One more batch has been handed out."""
        self.batches = (self.batches or 0) + 1

    def finish(self) -> None:
        """There are no more."""
        self.batches = None

    def remember(self, worker: int, dataset: object) -> None:
        """Worker `worker` has made one of them, and its dataset is at `dataset`."""
        self.made[worker] += 1
        self.datasets[worker] = dataset

    def resume(self, worker: int) -> Resume | None:
        """Where a new worker begins."""
        random = self.random[worker] if self.num_workers else None
        made = self.made[worker] if self.num_workers else 0
        return Resume(random, made, self.datasets[worker])

    def state(self) -> StateDict:
        """All of it as plain values."""
        if self.turns is not None:
            self.asked, self.active = list(self.turns.asked), list(self.turns.active)
            self.turn = self.turns.turn
        if self.crew_states is not None:
            self.random = list(self.crew_states)
        return {
            "version": _VERSION,
            **{name: getattr(self, name) for name in _PLAIN},
            "begun": dict(self.begun),
            "generators": dict(self.generators),
        }

    @classmethod
    def of(cls, state: StateDict) -> Progress:
        """What `state` gave. ValueError for anything else."""
        if not isinstance(state, dict) or state.get("version") != _VERSION:
            raise ValueError("DataLoader: load_state_dict needs what state_dict has given")
        missing = [name for name in (*_PLAIN, "begun", "generators") if name not in state]
        if missing:
            raise ValueError(f"DataLoader: the state lacks {', '.join(missing)}")
        progress = cls(int(state["num_workers"]))
        for name in _PLAIN:
            value = state[name]
            setattr(progress, name, list(value) if isinstance(value, (list, tuple)) else value)
        progress.begun, progress.generators = dict(state["begun"]), dict(state["generators"])
        n = progress.num_workers
        lists: list[list] = [progress.made, progress.random]
        workers = [*(progress.asked or ()), *progress.active]
        if any(len(values) != n for values in lists) or not all(0 <= w < n for w in workers):
            raise ValueError(f"DataLoader: the state is not that of {n} workers")
        return progress

    def set_generators(self, loader: DataLoader, states: dict[str, Tensor]) -> None:
        """Sets the loader's own generators."""
        for name, generator in _generators(loader).items():
            if name in states:
                generator.set_state(states[name])

    @contextmanager
    def as_begun(self, loader: DataLoader) -> Iterator[None]:
        """Inside, all generators are as when the pass was begun, or have drawn since what it drew.

        Afterwards they are as they were when its state was asked for, the global one as before.
        """
        now = get_rng_state()
        self.set_generators(loader, self.begun)
        set_rng_state(self.begun["global"])
        try:
            yield
        finally:
            self.set_generators(loader, self.generators)
            if not any(g is _native.default_generator for g in _generators(loader).values()):
                set_rng_state(now)


_PLAIN = (
    "num_workers", "batches", "base_seed", "drawn", "made", "datasets", "random", "asked",
    "active", "turn",
)  # fmt: skip

__all__ = ["Progress", "generators_of"]
