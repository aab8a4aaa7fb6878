"""TorchScript's names: there is none, so `script` and `trace` return what they are given.

What they are for, `wengert.capture` does: a function is recorded and replayed natively, and a saved
program runs without Python. One warning says so.
"""

from __future__ import annotations

import builtins
import contextlib
from collections.abc import Callable, Iterator
from typing import Final, Generic, NamedTuple, NoReturn, TypeVar

from .. import _native
from ..futures import Future
from ..nn.modules.module import Module

__all__ = [
    "Attribute",
    "Error",
    "Final",
    "Future",
    "ScriptFunction",
    "ScriptModule",
    "annotate",
    "enable_onednn_fusion",
    "export",
    "fork",
    "freeze",
    "ignore",
    "interface",
    "is_scripting",
    "is_tracing",
    "isinstance",
    "load",
    "onednn_fusion_enabled",
    "optimize_for_inference",
    "save",
    "script",
    "script_if_tracing",
    "script_method",
    "set_fusion_strategy",
    "strict_fusion",
    "trace",
    "trace_module",
    "unused",
    "wait",
]

_T = TypeVar("_T")
_warned = False


class Error(RuntimeError):
    """What TorchScript raises when a script fails; never raised here."""


class Attribute(NamedTuple):
    """A value and its type."""

    value: object
    type: object


class ScriptModule(Module):
    """A module: what a scripted one is called."""


class ScriptFunction(Generic[_T]):
    """The type of scripted functions, of which there are none."""


def _same(obj: _T, name: str) -> _T:
    global _warned
    if not callable(obj):
        raise TypeError(f"jit.{name}: a function or module is expected, not {type(obj).__name__}")
    if not _warned:
        _warned = True
        _native._warn(
            f"jit.{name}: there is no TorchScript here, so functions and modules stay as they are; "
            "wengert.capture makes calls faster, and Captured.save a file that runs without Python"
        )
    return obj


def script(obj: _T, *args: object, **kwargs: object) -> _T:
    """`obj` itself, with one warning in a process. TypeError unless it can be called."""
    return _same(obj, "script")


def trace(func: _T, example_inputs: object = None, *args: object, **kwargs: object) -> _T:
    """`func` itself, with one warning in a process. TypeError unless it can be called."""
    return _same(func, "trace")


def trace_module(mod: _T, inputs: object, *args: object, **kwargs: object) -> _T:
    """`mod` itself, with one warning in a process."""
    return _same(mod, "trace_module")


def script_if_tracing(fn: _T) -> _T:
    """`fn` itself: nothing is traced."""
    return fn


def script_method(fn: _T) -> _T:
    """`fn` itself."""
    return fn


def export(fn: _T) -> _T:
    """`fn` itself."""
    return fn


def unused(fn: _T) -> _T:
    """`fn` itself."""
    return fn


def interface(obj: _T) -> _T:
    """`obj` itself."""
    return obj


def ignore(drop: object = False, **kwargs: object) -> object:
    """A decorator, with or without arguments, that gives the function back."""
    return drop if callable(drop) else lambda fn: fn


def freeze(mod: _T, *args: object, **kwargs: object) -> _T:
    """`mod` itself."""
    return mod


def optimize_for_inference(mod: _T, other_methods: object = None) -> _T:
    """`mod` itself."""
    return mod


def annotate(the_type: object, the_value: _T) -> _T:
    """`the_value` itself."""
    return the_value


def isinstance(obj: object, target_type: object) -> bool:
    """Python's `isinstance`, of a type or a tuple of types; of `list[int]` the list."""
    wanted = target_type if builtins.isinstance(target_type, tuple) else (target_type,)
    kinds = tuple(getattr(kind, "__origin__", kind) for kind in wanted)
    return any(issubclass(type(obj), kind) for kind in kinds if builtins.isinstance(kind, type))


def is_scripting() -> bool:
    """False."""
    return False


def is_tracing() -> bool:
    """False."""
    return False


def fork(func: Callable[..., _T], *args: object, **kwargs: object) -> Future:
    """Calls the function at once; `wait` gives the result, or raises what it raised."""
    future = Future()
    try:
        future.set_result(func(*args, **kwargs))
    except Exception as error:
        future.set_exception(error)
    return future


def wait(future: Future) -> object:
    """The result of `fork`."""
    return future.wait()


def _no_files(name: str) -> NoReturn:
    raise RuntimeError(
        f"jit.{name}: there is no TorchScript here; a forward pass is kept by "
        "wengert.capture(model).save(path, *args), weights by torch.save(model.state_dict(), path)"
    )


def save(m: object, f: object, _extra_files: object = None) -> NoReturn:
    """RuntimeError: says what keeps a model instead."""
    _no_files("save")


def load(f: object, *args: object, **kwargs: object) -> NoReturn:
    """RuntimeError: says what keeps a model instead."""
    _no_files("load")


def enable_onednn_fusion(enabled: bool) -> None:
    """Accepted: captured programs fuse what they can."""


def onednn_fusion_enabled() -> bool:
    """False."""
    return False


def set_fusion_strategy(strategy: _T) -> _T:
    """Accepted; returned as the strategy before."""
    return strategy


@contextlib.contextmanager
def strict_fusion() -> Iterator[None]:
    """A block in which nothing is otherwise."""
    yield
