"""Numbers for each dimension, as constructors of layers take them; keys of wrapped modules."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import repeat

from ..._typing import StateDict

__all__ = ["consume_prefix_in_state_dict_if_present"]


def _ntuple(n: int, name: str = "parse") -> Callable[[object], tuple[object, ...]]:
    def parse(x: object) -> tuple[object, ...]:
        return tuple(x) if isinstance(x, Iterable) else tuple(repeat(x, n))

    parse.__name__ = name
    return parse


_single = _ntuple(1, "_single")
_pair = _ntuple(2, "_pair")
_triple = _ntuple(3, "_triple")
_quadruple = _ntuple(4, "_quadruple")


def consume_prefix_in_state_dict_if_present(state_dict: StateDict, prefix: str) -> None:
    """Takes `prefix` off the keys that begin with it, in place: `"module."` of `DataParallel`.

    The keys of `state_dict._metadata` too, where a `state_dict` has it.
    """
    metadata = getattr(state_dict, "_metadata", {})
    for table in (state_dict, metadata):
        for key in list(table):
            if key.startswith(prefix):
                table[key[len(prefix) :]] = table.pop(key)
    if prefix.rstrip(".") in metadata:
        metadata[""] = metadata.pop(prefix.rstrip("."))
