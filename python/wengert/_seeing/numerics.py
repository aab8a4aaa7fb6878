"""`check_numerics`: an error at the first value that is not finite, and where it was made."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import ExitStack
from typing import TYPE_CHECKING

from .. import _native
from .._native import Tensor
from .observing import Line, Modules, callers_frame, following, line_of

if TYPE_CHECKING:
    from typing_extensions import Self

#: Entries of which the line is known; those of a longer tape know their op only.
MOST_SITES = 200_000


class NonFiniteError(FloatingPointError):
    """A NaN or an infinity.

    `op` is the operation that made it, `backward` whether it did so while the gradient of `entry`
    was being computed, the entry of that number on the tape; `module` and `line` (file, number,
    text) are those of the forward.
    """

    def __init__(
        self, text: str, op: str, module: str, line: Line | None, entry: int, backward: bool
    ) -> None:
        super().__init__(text)
        self.op, self.module, self.line = op, module, line
        self.entry, self.backward = entry, backward


class Site:
    """Where an entry was made."""

    __slots__ = ("line", "module", "op")

    def __init__(self, op: str, module: str, line: Line | None) -> None:
        self.op, self.module, self.line = op, module, line


class check_numerics:
    """Raises `NonFiniteError` at the first operation of this thread that gives a NaN or infinity.

        with wengert.check_numerics():          # or check_numerics() and check_numerics(False)
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()

    The error names the operation, forward or backward, the module and the line of the forward. All
    is checked as it is computed: results, gradients, what optimizers write. An infinity that the
    caller writes down himself is no fault (a mask of `-inf`), nor is `-inf` that comes of one, nor
    what lies in uninitialised memory. With `allow_inf` only NaN is an error.

    Captured functions are called as they are: a replay shows no values. A step takes about twice as
    long with large operations and several times as long with small ones. For switching it off when
    it is used without `with`, call it with False.
    """

    _on: check_numerics | None = None

    def __init__(self, enabled: bool = True, *, allow_inf: bool = False) -> None:
        self.allow_inf = allow_inf
        self.sites: OrderedDict[int, Site] = OrderedDict()
        self.modules = Modules()
        self._stack = ExitStack()
        if check_numerics._on is not None:
            check_numerics._on.close()
        if enabled:
            key = _native._observe(self._ran, None, True)
            self._stack.callback(_native._stop_observing, key)
            key = _native._observe(None, self._entry, False)
            self._stack.callback(_native._stop_observing, key)
            self._stack.enter_context(following(self.modules))
            check_numerics._on = self

    def close(self) -> None:
        """Checks no more."""
        self._stack.close()
        self.sites.clear()
        if check_numerics._on is self:
            check_numerics._on = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _entry(self, name: str, number: int, outputs: list[Tensor], rule: int) -> None:
        self.sites[number] = Site(name, self.modules.name, line_of(callers_frame()))
        if len(self.sites) > MOST_SITES:
            self.sites.popitem(last=False)

    def _ran(self, op: str, inputs: list[object], outputs: list[Tensor], rule: int) -> None:
        given = [x for x in inputs if isinstance(x, Tensor)]
        bad = next((t for t in outputs if is_bad(t, given, self.allow_inf, rule > 0)), None)
        if bad is None:
            return
        if rule:
            site = self.sites.get(rule, Site("", "", None))
        else:
            site = Site(op, self.modules.name, line_of(callers_frame()))
        text = said(op, bad, given, site, rule)
        raise NonFiniteError(text, op, site.module, site.line, rule, rule > 0)


def kinds(t: Tensor) -> set[str]:
    """Which values that are not finite it has."""
    if not t.dtype.is_floating_point or not t.numel():
        return set()
    t = t.detach()
    tests = {"nan": t.isnan(), "inf": t.isposinf(), "-inf": t.isneginf()}
    return {name for name, found in tests.items() if bool(found.any())}


def is_bad(t: Tensor, inputs: list[Tensor], allow_inf: bool, backward: bool) -> bool:
    """Whether a result is a fault."""
    found = kinds(t)
    if allow_inf:
        found -= {"inf", "-inf"}
    if found == {"-inf"} and not backward:
        others = (x for x in inputs if x.data_ptr() != t.data_ptr())
        return not any("-inf" in kinds(x) for x in others)
    return bool(found)


def where(t: Tensor) -> str:
    """How many values are not finite, and the place of the first."""
    bad = ~t.detach().isfinite()
    count, total = int(bad.sum()), t.numel()
    first = bad.nonzero()[0].tolist() if t.dim() else []
    what = ", ".join(sorted(kinds(t)))
    return f"{what} in {count} of {total} values" + (f", first at {first}" if first else "")


def said(op: str, bad: Tensor, inputs: list[Tensor], site: Site, rule: int) -> str:
    """The message."""
    before = [i for i, x in enumerate(inputs) if kinds(x) and x.data_ptr() != bad.data_ptr()]
    came = ""
    if before:
        has = ", ".join(sorted(kinds(inputs[before[0]])))
        came = f" (its input {before[0]} has {has} already)"
    if rule:
        head = f"the gradient of {site.op or 'an entry'} (entry {rule} of the tape) is not finite: "
    else:
        head = ""
    text = f"check_numerics: {head}{op} gives {where(bad)}{came}"
    if site.module:
        text += f"; module {site.module}"
    if site.line:
        file, number, code = site.line
        text += f"; {'recorded at ' if rule else ''}{file}:{number}: {code}"
    return text
