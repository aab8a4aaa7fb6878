"""PyTorch's version as scripts compare it: a text that orders as versions do."""

from __future__ import annotations

import re

__all__ = ["TorchVersion"]

_RELEASE = re.compile(r"v?(\d+(?:\.\d+)*)((?:a|b|rc|\.?dev)\d*)?(?:\+([\w.]+))?")


def _key(version: object) -> tuple[tuple[int, ...], bool, str, str]:
    """The numbers, whether it is a release, which before one, and what is behind a plus."""
    if isinstance(version, (tuple, list)):
        version = ".".join(map(str, version))
    found = _RELEASE.match(str(version))
    if found is None:
        raise ValueError(f"Invalid version: '{version}'")
    numbers = [int(n) for n in found[1].split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers), found[2] is None, found[2] or "", found[3] or ""


class TorchVersion(str):
    """A version such as "2.13.0" that is compared with versions, texts and tuples by its numbers.

    `TorchVersion("1.10.0a") > "1.9"`; of equal numbers the one with a plus is later.
    """

    def _compared(self, other: object) -> tuple[object, object] | None:
        try:
            return _key(self), _key(other)
        except ValueError:  # no version: as texts
            return (str(self), other) if isinstance(other, str) else None

    def __lt__(self, other: object) -> bool:
        return self._order(other, "__lt__")

    def __le__(self, other: object) -> bool:
        return self._order(other, "__le__")

    def __gt__(self, other: object) -> bool:
        return self._order(other, "__gt__")

    def __ge__(self, other: object) -> bool:
        return self._order(other, "__ge__")

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str) and str(self) == str(other):
            return True
        if not isinstance(other, (str, tuple, list)):
            return NotImplemented
        return self._order(other, "__eq__")

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return super().__hash__()

    def _order(self, other: object, how: str) -> bool:
        pair = self._compared(other)
        return NotImplemented if pair is None else bool(getattr(pair[0], how)(pair[1]))
