"""`FlopCounterMode`: the floating point operations of a block, by module and operation."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from .. import _native

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._native import Tensor

__all__ = ["FlopCounterMode"]

Counts = dict[str, dict[str, int]]


class FlopCounterMode(contextlib.AbstractContextManager["FlopCounterMode"]):
    """A block whose products, convolutions, attention and recurrent layers are counted, forward and
    backward: two operations for each multiply-add, and none for what only moves or maps elements.

    `get_total_flops()` is their sum, `get_flop_counts()` has the sums by module ("Global", "Net",
    "Net.layers.0") and by the name of the row, which is wengert's own. `display` prints a table at
    the end, down to modules at `depth`. `mods` and `custom_mapping` are accepted.
    """

    def __init__(
        self,
        mods: object = None,
        depth: int | None = 2,
        display: bool = True,
        custom_mapping: Mapping[object, object] | None = None,
    ) -> None:
        from .._seeing.observing import Modules

        self.depth, self.display = depth, display
        self.flop_counts: Counts = {}
        self._modules, self._homes = Modules(), dict[int, tuple[str, ...]]()
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> FlopCounterMode:
        from .._seeing.observing import following

        self.flop_counts, self._homes = {}, {}
        self._stack.enter_context(following(self._modules))
        key = _native._observe(self._ran, self._entry, False)
        self._stack.callback(_native._stop_observing, key)
        return self

    def __exit__(self, *exc: object) -> None:
        """Stops counting."""
        self._stack.close()
        if self.display:
            print(self.get_table(self.depth))

    def _places(self) -> tuple[str, ...]:
        """The modules that are running, outermost first."""
        stack = [module for module, _ in self._modules.stack]
        top = type(stack[0]).__name__ if stack else ""
        inner = (f"{top}.{self._modules.name_of(module)}" for module in stack[1:])
        return ("Global", *([top] if stack else []), *inner)

    def _entry(self, name: str, entry: int, outputs: list[Tensor], rule: int) -> None:
        self._homes[entry] = self._places()

    def _ran(self, op: str, inputs: list[object], outputs: list[Tensor], rule: int) -> None:
        from .._seeing.costs import multiply_adds

        given = [tuple(x.shape) for x in inputs if isinstance(x, _native.Tensor)]
        flops = 2 * multiply_adds(op, given, [tuple(t.shape) for t in outputs])
        if flops:
            for place in dict.fromkeys(self._homes.get(rule) or self._places()):
                counts = self.flop_counts.setdefault(place, {})
                counts[op] = counts.get(op, 0) + flops

    def get_total_flops(self) -> int:
        """The sum over the block."""
        return sum(self.flop_counts.get("Global", {}).values())

    def get_flop_counts(self) -> Counts:
        """The sums by module, then by operation."""
        return {place: dict(counts) for place, counts in self.flop_counts.items()}

    def get_table(self, depth: int | None = None) -> str:
        """The counts as text, a line each."""
        depth = self.depth if depth is None else depth
        lines = []
        for place, counts in self.flop_counts.items():
            level = 0 if place == "Global" else place.count(".") + 1
            if depth is None or level <= depth:
                lines.append(f"{'  ' * level}{place}: {sum(counts.values())}")
                lines += [f"{'  ' * level} - {op}: {n}" for op, n in counts.items()]
        return "\n".join(lines)
