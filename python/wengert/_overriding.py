"""Subclasses of tensors: functions and methods ask them what to do.

Note [subclasses]
~~~~~~~~~~~~~~~~~
A subclass of `Tensor` has the classmethod `__torch_function__(func, types, args, kwargs)`, by
default one that calls the function and gives its results the subclass. The native functions know
nothing of it, so that tensors pay nothing: a subclass gets wrappers of its methods and operators,
and with the first one that defines a `__torch_function__` of its own the functions of the package
and of `nn.functional` are put into wrappers, which look for such arguments. So of a subclass that
defines none a method keeps the class and a function does not; and a function that was imported
before, or a method of a plain tensor that is given a subclass's, asks nobody.

A mode (`overrides.TorchFunctionMode`) is asked first, of every call in its block: the wrappers of
functions look for one, and native functions, methods and operators call `by_mode` in their place
while there is one (bind/call/ask.h). Within its `__torch_function__` those around it are asked.
"""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FunctionType, ModuleType
from typing import cast

from . import _einsum, _matrices, _native, _search, linalg
from ._common import plain_results
from ._typing import Args, Kwargs, UserFunction

#: Python's own protocols, and what says nothing of values.
_PLAIN = frozenset(
    (
        "__array__", "__array_namespace__", "__array_ufunc__", "__array_wrap__", "__class__",
        "__copy__", "__deepcopy__", "__delattr__", "__dlpack__", "__dlpack_device__",
        "__getattribute__", "__hash__", "__init__", "__init_subclass__", "__new__",
        "__reduce_ex__", "__repr__", "__setattr__", "__str__", "__torch_function__",
        "as_subclass", "register_hook", "register_post_accumulate_grad_hook",
    )
)  # fmt: skip
_METHODS = ("builtin_method", "wrapper_descriptor", "method_descriptor", "function")
_FUNCTIONS = ("builtin_function", "builtin_method")

_state = threading.local()
_installed = False


@contextmanager
def disabled() -> Iterator[None]:
    """A block in which subclasses are not asked."""
    before = getattr(_state, "off", False)
    _state.off = True
    try:
        yield
    finally:
        _state.off = before


def _dict(kwargs: object) -> Kwargs:
    return kwargs if isinstance(kwargs, dict) else {}


def default(
    cls: type[_native.Tensor],
    func: UserFunction,
    types: Iterable[type],
    args: Args = (),
    kwargs: object = None,
) -> object:
    """Calls the function and gives tensors among its results the class."""
    if not all(issubclass(cls, t) for t in types):
        return NotImplemented
    given = _dict(kwargs)
    with disabled():
        result = func(*args, **given)
    known = {id(x) for x in (*args, *given.values())}
    return _converted(result, cls, known)


def _converted(result: object, cls: type[_native.Tensor], known: set[int]) -> object:
    if isinstance(result, _native.Tensor):
        if type(result) is _native.Tensor and cls is not _native.Tensor and id(result) not in known:
            result.__class__ = cls  # nobody else has it yet
        return result
    if isinstance(result, (tuple, list)) and not isinstance(result, _native.Size):
        items = [_converted(item, cls, known) for item in result]
        kind: UserFunction = type(result)
        if hasattr(result, "_fields"):
            return kind(*items)
        return kind(items) if type(result) in (tuple, list) else result
    return result


def asked(args: Iterable[object]) -> list[object]:
    """The arguments that have a say, one of each type, subclasses before what they derive from."""
    found: list[object] = []
    for arg in args:
        for x in arg if isinstance(arg, (list, tuple)) else (arg,):
            kind = type(x)
            if kind is _native.Tensor or not asks(kind) or any(type(y) is kind for y in found):
                continue
            at = next((i for i, y in enumerate(found) if issubclass(kind, type(y))), len(found))
            found.insert(at, x)
    return found


def asks(kind: type) -> bool:
    """Whether values of this type are asked: they have the method, and not that of parameters."""
    method = getattr(kind, "__torch_function__", None)
    return method is not None and getattr(method, "__func__", None) is not plain_results


def dispatch(public: UserFunction, args: Args, kwargs: Kwargs, original: UserFunction) -> object:
    """The call, by whoever of its arguments takes it. TypeError if all refuse."""
    if modes():
        return by_mode(public, args, kwargs)
    if getattr(_state, "off", False):
        return original(*args, **kwargs)
    found = asked((*args, *kwargs.values()))
    if not found:
        return original(*args, **kwargs)
    types = tuple(type(x) for x in found)
    for x in found:
        ask: UserFunction = type(x).__torch_function__  # type: ignore[attr-defined]
        result = ask(public, types, args, kwargs)
        if result is not NotImplemented:
            return result
    raise TypeError(
        f"no implementation found for '{getattr(public, '__name__', public)}' on types that "
        f"implement __torch_function__: {list(types)}"
    )


# ---- modes ------------------------------------------------------------------------------------

_REFLECTED = {
    "add": "radd", "sub": "rsub", "mul": "rmul", "div": "rtruediv", "pow": "rpow",
    "floor_divide": "rfloordiv", "remainder": "rmod", "matmul": "rmatmul", "bitwise_and": "rand",
    "bitwise_or": "ror", "bitwise_xor": "rxor", "bitwise_left_shift": "rlshift",
    "bitwise_right_shift": "rrshift",
}  # fmt: skip


def modes() -> list[object]:
    """The modes of this thread, the innermost last."""
    found = getattr(_state, "modes", None)
    if found is None:
        found = _state.modes = []
    return cast("list[object]", found)


def set_modes(found: list[object]) -> None:
    """These and no others run in this thread."""
    if found and not _installed:
        _install()
    _state.modes = found
    _native._set_modes(len(found))


def by_mode(function: UserFunction, args: Args, kwargs: Kwargs) -> object:
    """The call, as the innermost mode has it. TypeError if it refuses."""
    found = modes()
    if not found:
        return function(*args, **kwargs)
    if len(args) == 2 and not isinstance(args[0], _native.Tensor):
        name = _REFLECTED.get(getattr(function, "__name__", ""))
        if name is not None and isinstance(args[1], _native.Tensor):
            function, args = getattr(_native.Tensor, f"__{name}__"), args[::-1]
    types = tuple(type(x) for x in asked((*args, *kwargs.values())))
    ask: UserFunction = found[-1].__torch_function__  # type: ignore[attr-defined]
    set_modes(found[:-1])
    try:
        result = ask(function, types, args, kwargs)
    finally:
        set_modes(found)
    if result is NotImplemented:
        raise TypeError(
            f"no implementation found for '{getattr(function, '__name__', function)}': "
            f"{type(found[-1]).__name__} refused"
        )
    return result


class Overridable:
    """A function of the package that asks its arguments. Equal to the function it stands for."""

    def __init__(self, original: UserFunction) -> None:
        self.original = original
        self.__name__: str = original.__name__
        functools.update_wrapper(self, original, updated=())

    def __call__(self, *args: object, **kwargs: object) -> object:
        return dispatch(self, args, kwargs, self.original)

    def __eq__(self, other: object) -> bool:
        other = other.original if isinstance(other, Overridable) else other
        return self.original is other

    def __hash__(self) -> int:
        return hash(self.original)

    def __repr__(self) -> str:
        return repr(self.original)

    def __reduce__(self) -> tuple[object, ...]:
        return getattr, (sys.modules[__package__], self.__name__)


def _method(name: str, original: UserFunction) -> FunctionType:
    def method(self: _native.Tensor, *args: object, **kwargs: object) -> object:
        return dispatch(original, (self, *args), kwargs, original)

    method.__name__ = name
    method.__doc__ = getattr(original, "__doc__", None)
    assert isinstance(method, FunctionType)
    return method


def overridable_methods() -> dict[str, UserFunction]:
    """The methods of tensors that ask a subclass."""
    return {
        name: getattr(_native.Tensor, name)
        for name, value in vars(_native.Tensor).items()
        if type(value).__name__ in _METHODS and name not in _PLAIN
        and (not name.startswith("_") or name.endswith("__"))
    }  # fmt: skip


def _namespaces() -> list[ModuleType]:
    inner = ("", ".nn.functional", ".linalg")
    names = [f"{root}{name}" for root in (__package__, "torch") for name in inner]
    found = [sys.modules[name] for name in names if name in sys.modules]
    ours = [module for module in found if module.__name__.startswith(__package__)]
    facades = [module for module in found if "__wengert__" in vars(module)]
    return [*ours, *facades]


def overridable_functions() -> dict[str, Callable[..., object]]:
    """The functions of the package that ask their arguments, by name."""
    own = {*_einsum.__all__, *_matrices.__all__, *_search.__all__, *linalg.__all__}
    return {
        name: value
        for name, value in vars(sys.modules[__package__]).items()
        if type(value).__name__ in (*_FUNCTIONS, "Overridable") or name in own
    }


def _install() -> None:
    """Puts the functions into wrappers, the same one in every place."""
    global _installed
    _installed = True
    own = {*_einsum.__all__, *_matrices.__all__, *_search.__all__, *linalg.__all__}
    made: dict[int, Overridable] = {}
    for module in _namespaces():
        table = vars(module)
        for name, value in list(table.items()):
            if type(value).__name__ in _FUNCTIONS or (
                name in own and isinstance(value, FunctionType)
            ):
                table[name] = made.setdefault(id(value), Overridable(value))


def begin(cls: type[_native.Tensor]) -> None:
    """What defining a subclass does."""
    if not asks(cls):
        return
    own = getattr(cls.__torch_function__, "__func__", None)
    if not _installed and own is not getattr(_native.Tensor.__torch_function__, "__func__", None):
        _install()
    bases = cls.__mro__[: cls.__mro__.index(_native.Tensor)]
    for name, original in overridable_methods().items():
        if not any(name in vars(base) for base in bases):
            setattr(cls, name, _method(name, original))
