"""`wengert run --explain`: what a program used of PyTorch, and which of its steps capture takes.

A training step is found where the program calls `optimizer.step()`: a function that does so once a
call, or the body of a loop that does so once a turn, which is made a function of what the loop runs
over. When the program has ended such a step is captured, with the arguments it had last; what
cannot be captured (`loss.item()`, a line that prints) is left out, statement by statement, and
named. Nothing is tried while the program runs, so it does what it does without.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import io
import linecache
import os
import re
import sys
import time
import types
import warnings
from collections.abc import Callable, Iterator
from typing import NamedTuple, cast

from .. import _drop_in, _native
from .._capture import CaptureError, capture
from ..optim.optimizer import Optimizer, register_optimizer_step_pre_hook

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_LINE = re.compile(r"\(at (?P<file>.+):(?P<line>\d+), in ")
_TRIED = 5  # steps of a program that are tried
_LEFT_OUT = 8  # statements of a step
_SECONDS = 1.0  # for timing one way to run a step


class _Site:
    """A line that calls `optimizer.step()`, and what its frame held at the last call."""

    def __init__(self, frame: types.FrameType) -> None:
        self.code, self.line = frame.f_code, frame.f_lineno
        self.calls, self.again = 0, 0
        self.last: object = None
        self.keep(frame)

    def keep(self, frame: types.FrameType) -> None:
        self.calls += 1
        self.again += frame is self.last  # the same call of the function: a loop in it
        self.last, self.globals, self.locals = frame, frame.f_globals, dict(frame.f_locals)


class _Step(NamedTuple):
    """A step as a function that can be called again."""

    where: str
    statements: list[ast.stmt]
    names: list[str]
    values: list[object]
    scope: dict[str, object]
    file: str


class Explanation:
    """Watches a program from `begin` on; `text` says what was seen."""

    def __init__(self) -> None:
        self._used: set[str] = set()
        self._lacking: dict[str, str] = {}  # and where it was first asked for
        self._sites: dict[tuple[types.CodeType, int], _Site] = {}

    def begin(self) -> None:
        """Puts wengert in PyTorch's place, with every name that is read noted."""
        _drop_in.begin(self._note)
        self._handle = register_optimizer_step_pre_hook(self._stepped)

    def _note(self, name: str, found: bool) -> None:
        if found:
            self._used.add(name)
        elif name not in self._lacking:
            self._lacking[name] = _drop_in.place_of_caller()

    def _stepped(self, optimizer: Optimizer, args: object, kwargs: object) -> None:
        frame: types.FrameType | None = sys._getframe(1)
        while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
            frame = frame.f_back
        if frame is None:
            return
        key = frame.f_code, frame.f_lineno
        if key in self._sites:
            self._sites[key].keep(frame)
        else:
            self._sites[key] = _Site(frame)

    def text(self) -> str:
        """The report; tries the steps."""
        self._handle.remove()
        _drop_in.record_nothing()
        used = sorted(self._used)
        lines = [
            "",
            f"wengert run: names of PyTorch's that were used: {len(used)}",
            *_wrapped(used),
        ]
        if self._lacking:
            lines.append(f"asked for and missing: {len(self._lacking)}")
            lines += [f"  {_drop_in.note_of(*lacking)}" for lacking in self._lacking.items()]
        sites = sorted(self._sites.values(), key=lambda site: -site.calls)
        if not sites:
            lines.append("no optimizer.step() was called, so there is no training step to capture")
        for site in sites[:_TRIED]:
            lines += _tried(site)
        return "\n".join(lines)


def _wrapped(names: list[str]) -> list[str]:
    import textwrap

    return textwrap.wrap(", ".join(names), 98, initial_indent="  ", subsequent_indent="  ")


# ---- what a step is ----------------------------------------------------------------------------


def _tried(site: _Site) -> list[str]:
    """What is said of a line that calls `optimizer.step()`."""
    where = f"{os.path.basename(site.code.co_filename)}:{site.line}"
    head = f"the step at {where}, taken {site.calls} times: "
    step = _step_of(site)
    if isinstance(step, str):
        return [head + step]
    try:
        return [head + line if i == 0 else line for i, line in enumerate(_measured(step))]
    except Exception as error:
        return [f"{head}could not be tried: {type(error).__name__}: {error}"]


def _step_of(site: _Site) -> _Step | str:
    """The step that a line is in; or why there is none."""
    file = site.code.co_filename
    source = "".join(linecache.getlines(file, site.globals))
    if not source:
        return "could not be tried: its source cannot be read"
    path = _path_to(ast.parse(source), site.line)
    loops = (ast.For, ast.While)
    function = next((n for n in reversed(path) if isinstance(n, ast.FunctionDef)), None)
    inside = path[path.index(function) + 1 :] if function else path
    loop = next((n for n in reversed(inside) if isinstance(n, loops)), None)
    scope = {**site.globals, **site.locals}
    if loop is not None:
        targets = loop.target if isinstance(loop, ast.For) else None
        names = [n.id for n in ast.walk(targets) if isinstance(n, ast.Name)] if targets else []
        where, statements = f"the body of the loop at line {loop.lineno}", loop.body
    elif function is not None and site.again == 0 and site.calls > 1:
        arguments = function.args
        names = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
        where, statements = f"the function {function.name}", function.body
    else:
        return "in no loop, and in no function that is called again, there is nothing to replay"
    names = [name for name in names if _has_tensor(scope.get(name))]
    return _Step(where, statements, names, [scope[n] for n in names], scope, file)


def _path_to(tree: ast.AST, line: int) -> list[ast.AST]:
    """The nodes around a line, from the outermost to the innermost."""
    path: list[ast.AST] = []
    node = tree
    while True:
        inside = [
            n for n in ast.iter_child_nodes(node)
            if getattr(n, "lineno", line + 1) <= line <= (getattr(n, "end_lineno", None) or 0)
        ]  # fmt: skip
        if not inside:
            return path
        node = inside[-1]
        path.append(node)


def _has_tensor(value: object) -> bool:
    if isinstance(value, (list, tuple)):
        return any(map(_has_tensor, value))
    if isinstance(value, dict):
        return any(map(_has_tensor, value.values()))
    return isinstance(value, _native.Tensor)


class _Leaves(ast.NodeTransformer):
    """`continue` and `break` of the loop end the call."""

    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, (ast.Continue, ast.Break)):
            return ast.copy_location(ast.Return(None), node)
        if isinstance(node, (ast.For, ast.While, ast.FunctionDef, ast.Lambda, ast.ClassDef)):
            return node
        return self.generic_visit(node)


def _read_first(statements: list[ast.stmt], given: list[str]) -> list[str]:
    """Names that a step sets and that it reads before: they live on from step to step."""
    known, kept = set(given), []
    for node in _in_order(statements):
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            if node.target.id not in known:
                kept.append(node.target.id)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            known.add(node.id)
        elif isinstance(node, ast.Name) and node.id not in known:
            kept.append(node.id)
    return kept


def _in_order(statements: list[ast.stmt]) -> Iterator[ast.AST]:
    """The nodes as they are evaluated: of an assignment its value first."""
    for statement in statements:
        for node in ast.walk(statement):
            if isinstance(node, ast.Assign):
                yield from (n for n in ast.walk(node.value))
        yield from ast.walk(statement)


def _function(step: _Step, statements: list[ast.stmt]) -> Callable[..., object]:
    """The step as a function of the tensors that come in."""
    body = [cast("ast.stmt", _Leaves().visit(copy.deepcopy(s))) for s in statements]
    nodes = [node for statement in body for node in ast.walk(statement)]
    stored = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    outer = sorted(stored & set(_read_first(body, step.names)))
    if outer:
        body.insert(0, ast.Global(outer))
    loss = next(filter(None, map(_loss_of, nodes)), None)
    if loss is not None and not isinstance(body[-1], ast.Return):
        body.append(ast.Return(ast.Name(loss, ast.Load())))
    made = ast.parse(f"def step({', '.join(step.names)}): pass")
    made.body[0].body = body  # type: ignore[attr-defined]
    scope = dict(step.scope)
    exec(compile(ast.fix_missing_locations(made), step.file, "exec", dont_inherit=True), scope)
    found = scope["step"]
    assert callable(found)
    return found


def _loss_of(node: ast.AST) -> str | None:
    """The variable whose `backward()` is called here."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        value = node.func.value
        if node.func.attr == "backward" and isinstance(value, ast.Name):
            return value.id
    return None


# ---- what capture makes of it ------------------------------------------------------------------


def _measured(step: _Step) -> list[str]:
    """Whether it can be captured, without which lines, and both times."""
    statements = list(step.statements)
    left: list[ast.stmt] = []
    while True:
        function = _function(step, statements)
        replayed = capture(function)
        try:
            with _quiet():
                for _ in range(3):
                    replayed(*step.values)
            break
        except CaptureError as error:
            out = _to_leave_out(statements, str(error), step.file)
            if out is None or len(left) == _LEFT_OUT:
                return [f"{step.where} cannot be captured: {error}"]
            statements.remove(out)
            left.append(out)
    with _quiet():
        plain, fast = (_seconds(f, step.values) for f in (function, replayed))
    return [
        f"{step.where} can be captured"
        + (" but for the lines below" if left else "")
        + f", {plain / fast:.3g} times as fast: {plain * 1e3:.3g} ms, replayed {fast * 1e3:.3g} ms",
        *(f"  line {s.lineno}: {_first_line(s)}" for s in left),
    ]


def _first_line(statement: ast.stmt) -> str:
    text = ast.unparse(statement).splitlines()[0]
    return text if len(text) <= 80 else text[:77] + "..."


def _to_leave_out(statements: list[ast.stmt], message: str, file: str) -> ast.stmt | None:
    """The statement that a capture failed at, unless training is what it does."""
    found = _LINE.search(message)
    if found is None or os.path.abspath(found["file"]) != os.path.abspath(file):
        return None
    line = int(found["line"])
    for statement in statements:
        if statement.lineno <= line <= (statement.end_lineno or statement.lineno):
            called = {n.func.attr for n in ast.walk(statement)
                      if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)}  # fmt: skip
            return None if called & {"backward", "step", "zero_grad"} else statement
    return None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """What a step prints, or warns of, has been seen when the program ran."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def _seconds(function: Callable[..., object], values: list[object]) -> float:
    """Of one call, the fastest of many."""
    best, spent, calls = float("inf"), 0.0, 0
    while calls < 3 or (spent < _SECONDS and calls < 1000):
        begun = time.perf_counter()
        function(*values)
        took = time.perf_counter() - begun
        best, spent, calls = min(best, took), spent + took, calls + 1
    return best
