"""Switches of gradient recording: contexts that are also decorators."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast, overload

from .. import _native
from .._typing import UserFunction
from .pushing import open_levels, recording_ends

if TYPE_CHECKING:
    from typing_extensions import Self

_F = TypeVar("_F", bound=UserFunction)

_IS_GENERATOR = 0x20  # CO_GENERATOR of a code object


class Mode:
    """A context manager that is a decorator too; each use as a decorator enters a fresh clone."""

    def __call__(self, func: _F) -> _F:
        code = getattr(func, "__code__", None)
        if code is not None and code.co_flags & _IS_GENERATOR:
            return cast(_F, _wrap_generator(self.clone, func))
        clone = self.clone

        @functools.wraps(func)
        def wrapper(*args: object, **kwargs: object) -> object:
            with clone():
                return func(*args, **kwargs)

        return cast(_F, wrapper)

    def clone(self) -> Self:
        return type(self)()

    def __enter__(self) -> object:
        raise NotImplementedError

    def __exit__(self, *exc: object) -> None:
        raise NotImplementedError


def _wrap_generator(context: Callable[[], Mode], func: UserFunction) -> UserFunction:
    """Holds the mode while the generator's own code runs, not while it is suspended."""

    @functools.wraps(func)
    def wrapper(*args: object, **kwargs: object) -> object:
        generator = func(*args, **kwargs)
        try:
            with context():
                response = generator.send(None)
            while True:
                try:
                    request = yield response
                except GeneratorExit:
                    with context():
                        generator.close()
                    raise
                except BaseException as error:
                    with context():
                        response = generator.throw(error)
                else:
                    with context():
                        response = generator.send(request)
        except StopIteration as stop:
            return stop.value

    return wrapper


class _Bare(Mode):
    """A mode without arguments: `@no_grad` and `@no_grad()` mean the same."""

    @overload
    def __new__(cls, orig_func: None = None) -> Self: ...
    @overload
    def __new__(cls, orig_func: _F) -> _F: ...  # type: ignore[misc]
    def __new__(cls, orig_func: UserFunction | None = None) -> Any:
        mode = super().__new__(cls)
        return mode if orig_func is None else mode(orig_func)


class no_grad(_Bare):
    """Inside, operations are not recorded and their results have `requires_grad=False`."""

    def __enter__(self) -> None:
        if open_levels:
            recording_ends()
        self._previous = _native.set_grad_enabled_(False)

    def __exit__(self, *exc: object) -> None:
        _native.set_grad_enabled_(self._previous)


class enable_grad(_Bare):
    """Inside, operations are recorded again, within `no_grad` too."""

    def __enter__(self) -> None:
        self._previous = _native.set_grad_enabled_(True)

    def __exit__(self, *exc: object) -> None:
        _native.set_grad_enabled_(self._previous)


class set_grad_enabled(Mode):
    """Switches recording on or off at once; as a context or decorator, for its extent only."""

    def __init__(self, mode: bool) -> None:
        self.mode = bool(mode)
        if open_levels and not mode:
            recording_ends()
        self._previous = _native.set_grad_enabled_(self.mode)

    def __call__(self, func: _F) -> _F:
        # Making the decorator has switched the mode already; only the function is meant.
        _native.set_grad_enabled_(self._previous)
        return super().__call__(func)

    def __enter__(self) -> None:
        _native.set_grad_enabled_(self.mode)

    def __exit__(self, *exc: object) -> None:
        _native.set_grad_enabled_(self._previous)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(mode={self.mode})"

    def clone(self) -> Self:
        return type(self)(self.mode)


class inference_mode(Mode):
    """Like `no_grad`, for code that never asks for gradients of its results.

    `inference_mode(False)` records again.
    """

    @overload
    def __new__(cls, mode: bool = True) -> Self: ...
    @overload
    def __new__(cls, mode: _F) -> _F: ...  # type: ignore[misc]
    def __new__(cls, mode: bool | UserFunction = True) -> Any:
        if isinstance(mode, (bool, int)):
            return super().__new__(cls)
        return cls(True)(mode)

    def __init__(self, mode: bool = True) -> None:
        self.mode = bool(mode)

    def __enter__(self) -> None:
        if open_levels and self.mode:
            recording_ends()
        self._previous = (
            _native.set_inference_mode_(self.mode),
            _native.set_grad_enabled_(not self.mode),
        )

    def __exit__(self, *exc: object) -> None:
        inference, grad = self._previous
        _native.set_inference_mode_(inference)
        _native.set_grad_enabled_(grad)

    def clone(self) -> Self:
        return type(self)(self.mode)


def is_inference_mode_enabled() -> bool:
    """True inside `inference_mode()`."""
    return _native.is_inference_mode_enabled()


def is_grad_enabled() -> bool:
    """True where operations are recorded for a backward."""
    return _native.is_grad_enabled()
