"""The programs of one function."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from .._native import Tensor, _Program

#: Programs for one kind of arguments that differ in their other conditions.
_VARIANTS = 4
#: Captures before it is asked whether they pay, and calls without one before the next is tried.
_MANY = 16
_PATIENCE = 64


class CacheInfo(NamedTuple):
    """Calls replayed, calls captured, and how many programs may be and are kept."""

    hits: int
    misses: int
    maxsize: int
    currsize: int


class Cached:
    """A program, the structure of its results, and whether it waits for a second capture.

    One that waits is never run: the function seemed to make state when it was captured, or called
    what may give something else the next time; then `lines` are the steps that it did.
    """

    __slots__ = ("lines", "program", "result", "waits")

    def __init__(
        self, program: _Program, result: Any, waits: bool, lines: Sequence[str] = ()
    ) -> None:
        self.program = program
        self.result = result
        self.waits = waits
        self.lines = lines


class ProgramCache:
    """Programs by the key of what they are for, and the keys that shall have none (`refused`).

    At most `maxsize` programs are kept. When there are more, the kind of arguments that was
    captured least recently loses its oldest program. `last` is what was captured or replayed last;
    `hits` and `misses` count calls replayed and captured.

    Threads may use it at once: what another may be going through is replaced, never changed, and
    what this one goes through is copied in one go.
    """

    __slots__ = ("_programs", "_skipped", "hits", "last", "maxsize", "misses", "refused")

    def __init__(self, maxsize: int) -> None:
        self.maxsize = maxsize
        self._programs: dict[object, tuple[Cached, ...]] = {}
        self.refused: set[object] = set()
        self.last: Cached | None = None
        self.hits = self.misses = self._skipped = 0

    def replay(
        self, key: object, tensors: list[Tensor]
    ) -> tuple[Cached | None, tuple[Tensor, ...]]:
        """The program that fits, and the results of running it; None if there is none."""
        programs = self._programs.get(key)
        if programs is not None:
            for cached in programs:
                if cached.waits:
                    continue
                results = cached.program.replay(tensors)
                if results is not None:
                    self.hits += 1
                    self.last = cached
                    return cached, results
        return None, ()

    def use(self, key: object) -> Cached | None:
        """The program that fits, counted as replayed; None if there is none."""
        for cached in self.ready(key):
            if cached.program.ready():
                self.hits += 1
                self.last = cached
                return cached
        return None

    def tires(self) -> bool:
        """Whether capturing does not pay: there were many captures, and fewer replays.

        Not at every call, since what a function reads may settle.
        """
        if self.misses < max(_MANY, self.maxsize) or self.hits >= self.misses:
            return False
        self._skipped += 1
        return self._skipped % _PATIENCE != 0

    def ready(self, key: object) -> list[Cached]:
        """The programs for arguments of a kind, last captured first, without those that wait."""
        return [cached for cached in self._programs.get(key, ()) if not cached.waits]

    def begin(self, key: object) -> Cached | None:
        """Counts a capture; returns one, for the same kind of arguments, that waits for it.

        One that is to be compared step by step waits for a call under the same conditions.
        """
        self.misses += 1
        for cached in self._programs.get(key, ()):
            if cached.waits and (not cached.lines or cached.program.ready()):
                return cached
        return None

    def add(self, key: object, cached: Cached) -> None:
        """Keeps a program that has just been captured."""
        self.last = cached
        before = self._programs.pop(key, ())
        self._programs[key] = (cached, *(p for p in before if not p.waits))[:_VARIANTS]
        while len(self) > self.maxsize:
            oldest = next(iter(list(self._programs)), None)
            if left := self._programs.get(oldest, ())[:-1]:
                self._programs[oldest] = left
            else:
                self._programs.pop(oldest, None)

    def refuse(self, key: object) -> bool:
        """There shall be no program for the key; False if there are too many such keys by now."""
        self._programs.pop(key, None)
        self.refused.add(key)
        return len(self.refused) <= self.maxsize

    def __len__(self) -> int:
        return sum(map(len, list(self._programs.values())))

    def info(self) -> CacheInfo:
        """What `cache_info()` of a captured function gives."""
        return CacheInfo(self.hits, self.misses, self.maxsize, len(self))

    def clear(self) -> None:
        """Forgets all."""
        self.__init__(self.maxsize)  # type: ignore[misc]
