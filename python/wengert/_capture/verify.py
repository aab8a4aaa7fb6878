"""Verification: a call is replayed and run as well, and the two must do the same, bit by bit.

The replay comes first. Then all that it changes is put back and the function runs. What a program
changes it knows: tensors from outside, gradients, random number generators, and what the calls out
of it change, which tell how that is put back. Of the function's own changes those to the same
things are seen; what only one of the two has changed differs as well.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from .._native import CaptureError, Tensor, _Program
from .._types import bits

VARIABLE = "WENGERT_CAPTURE_VERIFY"


def interval(verify: int | None) -> int:
    """After how many replays comes one that is verified; 0 for never."""
    if verify is None:
        text = os.environ.get(VARIABLE, "0")
        if not text.strip().isdecimal():
            raise ValueError(f"{VARIABLE} must be a number of calls, got {text!r}")
        return int(text)
    if isinstance(verify, bool) or not isinstance(verify, int):
        raise TypeError(f"capture: verify must be an int, got {type(verify).__name__}")
    if verify < 0:
        raise ValueError(f"capture: verify must not be negative, got {verify}")
    return verify


def _bits(tensor: Tensor | None) -> object:
    if tensor is None:
        return None
    return tensor.dtype, tuple(tensor.shape), bits(tensor.detach()).tobytes()


class _State:
    """What a program changes, as it is now."""

    def __init__(self, program: _Program, arguments: Sequence[Tensor]) -> None:
        tensors, self._leaves, self._generators, keep = program.changes()
        self._tensors = [*arguments, *tensors]
        self._names = [f"argument {i}" for i in range(len(arguments))]
        self._names += ["a tensor from outside"] * len(tensors)
        self._values = [t.detach().clone() for t in self._tensors]
        self._gradients = [t.grad for t in self._leaves]
        self._gradient_values = [None if g is None else g.clone() for g in self._gradients]
        self._states = [g.get_state() for g in self._generators]
        self._restores = [k() for k in keep]

    def put_back(self) -> None:
        for tensor, value in zip(self._tensors, self._values, strict=True):
            if _bits(tensor) != _bits(value):
                tensor.data.copy_(value)
        gradients = zip(self._leaves, self._gradients, self._gradient_values, strict=True)
        for leaf, gradient, before in gradients:
            if gradient is not None and before is not None:
                gradient.data.copy_(before)
            leaf.grad = gradient
        for generator, state in zip(self._generators, self._states, strict=True):
            generator.set_state(state)
        for restore in self._restores:
            restore()

    def now(self) -> list[tuple[str, object]]:
        """What each is called, and its bits."""
        return [
            *zip(self._names, map(_bits, self._tensors), strict=True),
            *(
                (f"the gradient of a tensor of shape {t.shape}", _bits(t.grad))
                for t in self._leaves
            ),
            *(("a random number generator", _bits(g.get_state())) for g in self._generators),
        ]


def _difference(replayed: object, run: object, where: str) -> str:
    """Which part of two results differs; "" if none does."""
    if isinstance(run, Tensor) and isinstance(replayed, Tensor):
        return "" if _bits(replayed) == _bits(run) else where
    if type(replayed) is not type(run):
        return where
    if isinstance(run, dict) and isinstance(replayed, dict):
        if list(replayed) != list(run):
            return where
        parts = (_difference(replayed[k], run[k], f"{where}[{k!r}]") for k in run)
        return next(filter(None, parts), "")
    if isinstance(run, (list, tuple)) and isinstance(replayed, (list, tuple)):
        if len(replayed) != len(run):
            return where
        pairs = enumerate(zip(replayed, run, strict=True))
        parts = (_difference(a, b, f"{where}[{i}]") for i, (a, b) in pairs)
        return next(filter(None, parts), "")
    return "" if replayed is run or repr(replayed) == repr(run) else where


def verified(
    name: str,
    program: _Program,
    arguments: list[Tensor],
    returned: Callable[[tuple[Tensor, ...]], object],
    run: Callable[[], object],
) -> object:
    """The result of `run()`, after a replay has done the same.

    `returned` gives what a replay that had these results would return. CaptureError, naming what
    differs, if the two do.
    """
    before = _State(program, arguments)
    results = program.replay(arguments)
    if results is None:
        raise CaptureError(f"capture: a program of {name} did not fit any more")
    replayed = returned(tuple(t.clone() for t in results))
    after = before.now()
    before.put_back()
    result = run()
    odd = _difference(replayed, result, "the result")
    for (what, was), (_, now) in zip(after, before.now(), strict=True):
        if not odd and was != now:
            odd = what
    if odd:
        raise CaptureError(
            f"capture: {name} was replayed and run, and {odd} is not the same. Something that it "
            "depends on has changed unseen, for instance what an object with "
            "__capture_conditions__ did not tell, or a function of C read"
        )
    return result
