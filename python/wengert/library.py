"""Operations of the user's own under a name: `custom_op`, and `torch.ops.space.name` to call them.

An operation is a function of Python. `register_autograd` gives it a backward; without, gradients
through it are an error. What PyTorch's compiler wants to know, such as the shapes of results by
`register_fake`, is taken and kept, but nothing here asks for it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import TypeAlias, cast

from . import _native
from ._typing import Args, Kwargs, UserFunction
from .autograd import Function

__all__ = [
    "CustomOpDef",
    "custom_op",
    "get_ctx",
    "impl_abstract",
    "infer_schema",
    "register_autograd",
    "register_fake",
    "register_kernel",
    "register_vmap",
]

Op: TypeAlias = "str | CustomOpDef"

_ops: dict[str, CustomOpDef] = {}


class CustomOpDef:
    """An operation: calling it calls its function, and records its backward if it has one."""

    def __init__(self, name: str, fn: UserFunction) -> None:
        space, _, short = name.partition("::")
        if not space.isidentifier() or not short.isidentifier():
            raise ValueError(f"custom_op: expected a name of the form 'space::name', got '{name}'")
        self._qualname, self._name, self._namespace = name, short, space
        self.__name__, self.__doc__ = short, fn.__doc__
        self._fn, self._signature = fn, inspect.signature(fn)
        self._abstract_fn: UserFunction | None = None
        self._vmap_fn: UserFunction | None = None
        self._function = _recorded(self, None, None)

    def __repr__(self) -> str:
        return f"<CustomOpDef({self._qualname})>"

    def __call__(self, *args: object, **kwargs: object) -> object:
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return self._function.apply(bound.kwargs, *bound.args)

    default = property(lambda self: self)

    def register_kernel(
        self, device_types: str | Iterable[str] | None, fn: UserFunction | None = None
    ) -> UserFunction:
        """The function for a kind of device: that of the CPU, or of all, replaces the present one,
        others are never called. A decorator without `fn`."""

        def register(fn: UserFunction) -> UserFunction:
            kinds = (device_types,) if isinstance(device_types, str) else device_types
            if kinds is None or "cpu" in kinds:
                self._fn = fn
            return fn

        return register if fn is None else register(fn)

    def register_fake(self, fn: UserFunction) -> UserFunction:
        """Keeps what gives results of the right shapes without computing: nothing asks for it."""
        self._abstract_fn = fn
        return fn

    def register_vmap(self, func: UserFunction | None = None) -> UserFunction:
        """Keeps the rule for `vmap`, which calls the operation for all slices without it."""

        def register(fn: UserFunction) -> UserFunction:
            self._vmap_fn = fn
            return fn

        return register if func is None else register(func)

    def register_autograd(
        self, backward: UserFunction, /, *, setup_context: UserFunction | None = None
    ) -> None:
        """`backward(ctx, *grads)` gives a gradient or None for each argument, `setup_context(ctx,
        inputs, output)` keeps what it needs; `keyword_only_inputs` is one more argument of it if
        the operation has such."""
        self._function = _recorded(self, backward, setup_context)


def _recorded(
    op: CustomOpDef, backward: UserFunction | None, setup: UserFunction | None
) -> type[Function]:
    """The differentiable function of an operation, whose first argument is the dict of keywords."""

    def forward(ctx: object, keywords: Kwargs, *args: object) -> object:
        result = op._fn(*args, **keywords)
        if setup is not None:
            more: Kwargs = {"keyword_only_inputs": keywords} if keywords else {}
            setup(ctx=ctx, inputs=args, output=result, **more)
        return result

    def back(ctx: object, *grads: object) -> Args:
        if backward is None:
            raise RuntimeError(
                f"Trying to backward through {op._qualname} but no autograd formula was "
                "registered. Please use register_autograd to add one."
            )
        found = backward(ctx, *grads)
        return (None, *found) if isinstance(found, (tuple, list)) else (None, found)

    contents = {"forward": staticmethod(forward), "backward": staticmethod(back)}
    return cast("type[Function]", type(op._name, (Function,), contents))


def custom_op(
    name: str,
    fn: UserFunction | None = None,
    /,
    *,
    mutates_args: str | Iterable[str],
    device_types: str | Iterable[str] | None = None,
    schema: str | None = None,
    tags: object = None,
) -> CustomOpDef | Callable[[UserFunction], CustomOpDef]:
    """The operation `space::name` of a function; a decorator without `fn`.

    It is called by itself or as `torch.ops.space.name`. `mutates_args`, `device_types`, `schema`
    and `tags` are what PyTorch's compiler needs to know; the arguments are those of the function.
    """

    def define(fn: UserFunction) -> CustomOpDef:
        _ops[name] = op = CustomOpDef(name, fn)
        return op

    return define if fn is None else define(fn)


def _found(op: Op) -> CustomOpDef:
    if isinstance(op, CustomOpDef):
        return op
    if op not in _ops:
        raise RuntimeError(f"there is no operation '{op}': wengert.library.custom_op defines one")
    return _ops[op]


def register_autograd(
    op: Op,
    backward: UserFunction,
    /,
    *,
    setup_context: UserFunction | None = None,
    lib: object = None,
) -> None:
    """`CustomOpDef.register_autograd` of an operation or of its name."""
    _found(op).register_autograd(backward, setup_context=setup_context)


def register_fake(
    op: Op, func: UserFunction | None = None, /, *, lib: object = None, _stacklevel: int = 1,
    allow_override: bool = False,
) -> UserFunction:  # fmt: skip
    """`CustomOpDef.register_fake` of an operation or of its name; a decorator without `func`."""
    register: UserFunction = _found(op).register_fake
    return register if func is None else register(func)


impl_abstract = register_fake


def register_kernel(
    op: Op,
    device_types: str | Iterable[str] | None,
    func: UserFunction | None = None,
    /,
    *,
    lib: object = None,
) -> UserFunction:
    """`CustomOpDef.register_kernel` of an operation or of its name."""
    return _found(op).register_kernel(device_types, func)


def register_vmap(
    op: Op, func: UserFunction | None = None, /, *, lib: object = None
) -> UserFunction:
    """`CustomOpDef.register_vmap` of an operation or of its name."""
    return _found(op).register_vmap(func)


def get_ctx() -> object:
    """RuntimeError: no function is ever called for the shapes of its results only."""
    raise RuntimeError("get_ctx() is for functions of register_fake, which nothing here calls")


def infer_schema(
    prototype_function: UserFunction, /, *, mutates_args: object = (), op_name: str | None = None
) -> str:
    """The names of the arguments and results of a function by its annotations, as PyTorch writes
    them: `(Tensor x, int dim=0) -> Tensor`. ValueError for an argument without annotation."""
    import typing

    signature, hints = (
        inspect.signature(prototype_function),
        typing.get_type_hints(prototype_function),
    )
    parts = []
    for name, parameter in signature.parameters.items():
        if name not in hints:
            raise ValueError(
                f"infer_schema(func): Parameter {name} must have a type annotation. Got func with "
                f"signature {signature})"
            )
        default = "" if parameter.default is parameter.empty else f"={parameter.default}"
        parts.append(f"{_type_name(hints[name])} {name}{default}")
    result = hints.get("return", type(None))
    several = result is not type(None) and typing.get_origin(result) is tuple
    given = (
        f"({', '.join(map(_type_name, typing.get_args(result)))})" if several
        else "()" if result is type(None) else _type_name(result)
    )  # fmt: skip
    return f"{op_name or ''}({', '.join(parts)}) -> {given}"


def _type_name(kind: object) -> str:
    import types
    import typing

    inner = typing.get_args(kind)
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return f"{_type_name(next(t for t in inner if t is not type(None)))}?"
    if inner:
        return f"{_type_name(inner[0])}[]"
    names: dict[object, str] = {
        _native.Tensor: "Tensor",
        _native.dtype: "ScalarType",
        int: "SymInt",
    }
    return names.get(kind, getattr(kind, "__name__", str(kind)))
