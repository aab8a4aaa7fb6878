"""What happens while a function runs: which op at which line, in which call of which module."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from .. import _native
from .._native import Tensor
from ..nn.modules.module import (
    Module,
    register_module_forward_hook,
    register_module_forward_pre_hook,
)
from .tape import Recorded

Line = tuple[str, int, str]
_PACKAGE = __name__.partition(".")[0]


def is_own(frame: FrameType) -> bool:
    """Whether a frame is code of the package."""
    name = frame.f_globals.get("__name__", "")
    return isinstance(name, str) and (name == _PACKAGE or name.startswith(f"{_PACKAGE}."))


def callers_frame() -> FrameType | None:
    """The innermost frame that is not the package's."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and is_own(frame):
        frame = frame.f_back
    return frame


def line_of(frame: FrameType | None) -> Line | None:
    """File, number and text of the line that a frame is at."""
    if frame is None:
        return None
    file, number = frame.f_code.co_filename, frame.f_lineno
    return file, number, linecache.getline(file, number).strip()


class Modules:
    """The modules whose forward is running, as paths from the one that was called first."""

    def __init__(self) -> None:
        self.stack: list[tuple[Module, str]] = []
        self.calls: dict[str, int] = {}
        self._names: dict[int, str] = {}

    @property
    def path(self) -> tuple[str, ...]:
        """The calls that are running, outermost first; each once, as "name" or "name (call 2)"."""
        return tuple(label for _, label in self.stack)

    @property
    def name(self) -> str:
        """The module that is running, by its path in the outermost one."""
        if not self.stack:
            return ""
        return self.name_of(self.stack[-1][0])

    def name_of(self, module: Module) -> str:
        return self._names.get(id(module)) or type(module).__name__

    def before(self, module: Module, args: object) -> None:
        if not self.stack:
            self._names = {id(m): name for name, m in module.named_modules() if name}
        name = self._names.get(id(module), "")
        kind = type(module).__name__
        label = f"{name}: {kind}" if name else kind
        self.calls[label] = self.calls.get(label, 0) + 1
        count = self.calls[label]
        self.stack.append((module, label if count == 1 else f"{label} (call {count})"))

    def after(self, module: Module, args: object, output: object) -> None:
        while self.stack and self.stack.pop()[0] is not module:
            pass  # calls that an exception ended


@contextmanager
def following(modules: Modules) -> Iterator[None]:
    """A block in which calls of all modules are followed."""
    handles = (
        register_module_forward_pre_hook(modules.before),
        register_module_forward_hook(modules.after, always_call=True),
    )
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


class Recorder:
    """Keeps of every entry that is made its values, inputs, line and module."""

    def __init__(self) -> None:
        self.recorded = Recorded()
        self.modules = Modules()
        self._run: tuple[str, list[object], list[Tensor]] | None = None
        self._key = 0

    def ran(self, op: str, inputs: list[object], outputs: list[Tensor], rule: int) -> None:
        self._run = op, inputs, outputs

    def entry(self, name: str, number: int, outputs: list[Tensor], rule: int) -> None:
        self.recorded.values[number] = outputs
        self.recorded.modules[number] = self.modules.path
        line = line_of(callers_frame())
        if line is not None:
            self.recorded.lines[number] = line
        if self._run is not None:
            op, inputs, made = self._run
            same = len(made) == len(outputs) and all(
                a.data_ptr() == b.data_ptr() for a, b in zip(made, outputs, strict=True)
            )
            if op == name and same:
                self.recorded.inputs[number] = inputs
        self._run = None

    @contextmanager
    def recording(self) -> Iterator[None]:
        """A block whose entries are kept."""
        self._key = _native._observe(self.ran, self.entry, False)
        try:
            with following(self.modules):
                yield
        finally:
            _native._stop_observing(self._key)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """A block within it whose entries are not."""
        _native._stop_observing(self._key)
        try:
            yield
        finally:
            self._key = _native._observe(self.ran, self.entry, False)
