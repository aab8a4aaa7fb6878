"""Parametrizations: tensors of a module that are functions of others, computed when asked for.

Note [parametrized modules]
The module gets a class of its own, `Parametrized...`, derived from the one it had, with a property
for each parametrized tensor; what the tensor is computed of is in `module.parametrizations`. The
class is made anew whenever the names change and is never changed itself, so that a copy of a
module, which shares it, keeps what it had.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import NoReturn, TypeVar, cast

from ... import _native
from ..._native import Tensor
from ..._typing import Memo
from ...autograd.grad_mode import no_grad
from ..modules.container import ModuleDict, ModuleList
from ..modules.module import Module
from ..parameter import Parameter

__all__ = [
    "ParametrizationList",
    "cached",
    "is_parametrized",
    "register_parametrization",
    "remove_parametrizations",
    "transfer_parametrizations_and_params",
    "type_before_parametrizations",
]

_Module = TypeVar("_Module", bound=Module)

_cache_enabled = 0
_cache: dict[tuple[int, str], Tensor] = {}


@contextmanager
def cached() -> Iterator[None]:
    """Within it each parametrized tensor is computed once, when it is first asked for.

    For tensors that one forward uses several times; the values are dropped at the end of the
    outermost block.
    """
    global _cache_enabled
    _cache_enabled += 1
    try:
        yield
    finally:
        _cache_enabled -= 1
        if not _cache_enabled:
            _cache.clear()


def _register(module: Module, name: str, tensor: Tensor) -> None:
    if isinstance(tensor, Parameter):
        module.register_parameter(name, tensor)
    else:
        module.register_buffer(name, tensor)


def _same(what: str, was: object, now: object, names: tuple[str, str], text: str) -> None:
    """ValueError unless the two are equal."""
    if was != now:
        raise ValueError(f"{text}\n{names[0]}.{what}: {was}\n{names[1]}.{what}: {now}")


def _keeps(what: str, flag: str) -> str:
    return (
        f"Registering a parametrization may not change the {what} of the tensor, "
        f"unless {flag} flag is enabled."
    )


def _require_tensor(value: object) -> Tensor:
    if not isinstance(value, _native.Tensor):
        raise ValueError(f"A parametrization must return a tensor. Got {type(value).__name__}.")
    return value


_A_SEQUENCE = "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). "


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor, in the order of registration, and what they start from.

    That is the tensor `original`, or `original0`, `original1` ... where the `right_inverse` of the
    first gives several. Calling the list gives the value. Made by `register_parametrization`.
    """

    original: Tensor
    unsafe: bool
    is_tensor: bool
    ntensors: int

    def __init__(self, modules: Sequence[Module], original: Tensor, unsafe: bool = False) -> None:
        if len(modules) == 0:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        dtype, shape = original.dtype, original.shape
        start = self._start_of(original)
        if not isinstance(start, (_native.Tensor, Sequence)):
            raise ValueError(f"{_A_SEQUENCE}Got {type(start).__name__}")
        self.is_tensor = isinstance(start, _native.Tensor)
        self.ntensors = 1 if isinstance(start, _native.Tensor) else len(start)
        if isinstance(start, _native.Tensor):
            names = "original", "right_inverse(original)"
            text = "When `right_inverse` outputs one tensor, it may not change the dtype."
            _same("dtype", dtype, start.dtype, names, text)
            original.data = start.detach()
            _register(self, "original", original)
        else:
            self._register_several(start, original)
        if not unsafe:
            value = _require_tensor(self())
            names = "unparametrized", "parametrized"
            for what, was, now in (
                ("dtype", dtype, value.dtype),
                ("shape", shape, value.shape),
            ):
                if was != now:
                    raise ValueError(
                        f"{_keeps(what, '`unsafe`')}\nunparametrized {what}: {was}\n"
                        f"parametrized {what}: {now}"
                    )

    def _start_of(self, value: object) -> object:
        """What the parametrizations that have an inverse would make `value` of."""
        with no_grad():
            for module in reversed(self):
                if hasattr(module, "right_inverse"):
                    with suppress(NotImplementedError):
                        value = module.right_inverse(value)
        return value

    def _register_several(self, start: Sequence[object], original: Tensor) -> None:
        for i, tensor in enumerate(start):
            if not isinstance(tensor, _native.Tensor):
                raise ValueError(
                    f"{_A_SEQUENCE}Got element {i} of the sequence with type "
                    f"{type(tensor).__name__}."
                )
            if isinstance(original, Parameter):
                tensor = Parameter(tensor, original.requires_grad)
            _register(self, f"original{i}", tensor.requires_grad_(original.requires_grad))

    def _names(self) -> list[str]:
        return [f"original{i}" for i in range(self.ntensors)]

    def _originals(self) -> list[Tensor]:
        return [getattr(self, name) for name in self._names()]

    def right_inverse(self, value: object) -> None:
        """Sets the originals to what gives `value`, by the inverses of the parametrizations.

        RuntimeError if one has no `right_inverse`, ValueError for another number of tensors, or
        dtype, than that of the originals.
        """
        with no_grad():
            for module in reversed(self):
                if not hasattr(module, "right_inverse"):
                    raise RuntimeError(
                        f"parametrization {type(module).__name__} does not implement right_inverse."
                    )
                value = module.right_inverse(value)
        if self.is_tensor:
            if not isinstance(value, _native.Tensor):
                raise ValueError(
                    f"`right_inverse` should return a tensor. Got {type(value).__name__}"
                )
            if value.dtype != self.original.dtype:
                raise ValueError(
                    f"The tensor returned by `right_inverse` has dtype {value.dtype} "
                    f"while `original` has dtype {self.original.dtype}"
                )
            self.original.data = value.detach()
            return
        if not isinstance(value, Sequence):
            raise ValueError(
                f"'right_inverse' must return a sequence of tensors. Got {type(value).__name__}."
            )
        if len(value) != self.ntensors:
            raise ValueError(
                "'right_inverse' must return a sequence of tensors of length "
                f"{self.ntensors}. Got a sequence of length {len(value)}."
            )
        for i, (tensor, original) in enumerate(zip(value, self._originals(), strict=True)):
            if not isinstance(tensor, _native.Tensor):
                raise ValueError(
                    "'right_inverse' must return a sequence of tensors. "
                    f"Got element {i} of type {type(tensor).__name__}."
                )
            if original.dtype != tensor.dtype:
                raise ValueError(
                    f"Tensor {i} returned by `right_inverse` has dtype {tensor.dtype} "
                    f"while `original{i}` has dtype {original.dtype}"
                )
            original.data = tensor.detach()

    def forward(self) -> Tensor:
        """The value: each parametrization of what the one before gave."""
        modules = list(self)
        x = modules[0](self.original) if self.is_tensor else modules[0](*self._originals())
        for module in modules[1:]:
            x = module(x)
        return x


# ---- the classes of parametrized modules ---------------------------------------------------------


def _deepcopy(self: _Module, memo: Memo) -> _Module:
    if id(self) not in memo:
        replica = memo[id(self)] = type(self).__new__(type(self))
        replica.__setstate__(copy.deepcopy(Module.__getstate__(self), memo))
    return memo[id(self)]


def _getstate(self: Module) -> NoReturn:
    raise RuntimeError(
        "Serialization of parametrized modules is only supported through state_dict(). See:\n"
        "https://pytorch.org/tutorials/beginner/saving_loading_models.html"
        "#saving-loading-a-general-checkpoint-for-inference-and-or-resuming-training"
    )


def _list_of(module: Module, name: str) -> ParametrizationList:
    return cast("ParametrizationList", module.parametrizations[name])


def _property(name: str) -> property:
    def get(self: Module) -> Tensor:
        parametrization = _list_of(self, name)
        if not _cache_enabled:
            return parametrization()
        key = id(self), name
        tensor = _cache.get(key)
        if tensor is None:
            tensor = _cache[key] = parametrization()
        return tensor

    def set(self: Module, value: Tensor) -> None:
        _list_of(self, name).right_inverse(value)

    return property(get, set)


def _give_class(module: Module, base: type[Module], names: Sequence[str]) -> None:
    """See Note [parametrized modules]."""
    members: dict[str, object] = {name: _property(name) for name in names}
    members["__getstate__"] = _getstate
    if not hasattr(base, "__deepcopy__"):
        members["__deepcopy__"] = _deepcopy
    bases: tuple[type, ...] = (base,)
    module.__class__ = type(f"Parametrized{base.__name__}", bases, members)


# ---- registration --------------------------------------------------------------------------------


def _check_another(module: Module, name: str, parametrization: Module) -> None:
    """ValueError unless it keeps the dtype and shape of the tensor that is parametrized already."""
    old = getattr(module, name)
    new = _require_tensor(parametrization(old))
    names = f"module.{name}", f"parametrization(module.{name})"
    _same("dtype", old.dtype, new.dtype, names, _keeps("dtype", "the `unsafe`"))
    _same("shape", old.shape, new.shape, names, _keeps("shape", "the `unsafe`"))
    if not hasattr(parametrization, "right_inverse"):
        return
    try:
        start = parametrization.right_inverse(new)
    except NotImplementedError:
        return
    if not isinstance(start, _native.Tensor):
        raise ValueError(
            f"parametrization.right_inverse must return a tensor. Got: {type(start).__name__}"
        )
    for what, was, now in (
        ("dtype", old.dtype, start.dtype),
        ("shape", old.shape, start.shape),
    ):
        if was != now:
            raise ValueError(
                f"The tensor returned by parametrization.right_inverse must have the same {what} "
                f"as module.{name}, unless the `unsafe` flag is enabled.\n"
                f"module.{name}.{what}: {was}\nreturned {what}: {now}"
            )


def register_parametrization(
    module: _Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> _Module:
    """Makes `module.tensor_name` the value of `parametrization` of what it was; returns the module.

    The tensor itself moves to `module.parametrizations[tensor_name].original` and stays what an
    optimizer trains. If the parametrization has `right_inverse`, the original is set to that of
    the tensor (several ones, if it gives a sequence), and assigning to the attribute calls it. A
    further parametrization takes the value of those before. Its result must have the tensor's
    dtype and shape unless `unsafe` (ValueError, as for a name that is none of the module's
    parameters and buffers).
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        if not unsafe:
            _check_another(module, tensor_name, parametrization)
        found = _list_of(module, tensor_name)
        found.append(parametrization)
        found.unsafe |= unsafe
    elif any(tensor_name in vars(module)[kind] for kind in ("_buffers", "_parameters")):
        made = ParametrizationList([parametrization], getattr(module, tensor_name), unsafe)
        base = type_before_parametrizations(module)
        delattr(module, tensor_name)
        if hasattr(module, tensor_name):
            raise AssertionError(f"Module already has an attribute named '{tensor_name}'")
        if not is_parametrized(module):
            module.parametrizations = ModuleDict()
        module.parametrizations[tensor_name] = made
        _give_class(module, base, list(module.parametrizations))
    else:
        raise ValueError(
            f"Module '{module}' does not have a parameter, a buffer, or a parametrized element "
            f"with name '{tensor_name}'"
        )
    return module


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether that tensor of the module, or any, is parametrized."""
    found = getattr(module, "parametrizations", None)
    if not isinstance(found, ModuleDict):
        return False
    return len(found) > 0 if tensor_name is None else tensor_name in found


def remove_parametrizations(
    module: _Module, tensor_name: str, leave_parametrized: bool = True
) -> _Module:
    """Makes the tensor an ordinary one again; returns the module.

    Its value is the parametrized one, or with `leave_parametrized=False` the original one, of
    which there must be one only. ValueError for this, and for a tensor that is not parametrized.
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    found = _list_of(module, tensor_name)
    if found.is_tensor:
        original = found.original
        if leave_parametrized:
            with no_grad():
                original.data = getattr(module, tensor_name).detach()
    elif leave_parametrized:
        value = getattr(module, tensor_name)
        original = Parameter(value) if value.requires_grad else value
    else:
        raise ValueError(
            "Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is "
            "parametrized in terms of a sequence of tensors."
        )
    base = type_before_parametrizations(module)
    del module.parametrizations[tensor_name]
    if is_parametrized(module):
        _give_class(module, base, list(module.parametrizations))
    else:
        del module.parametrizations
        module.__class__ = base  # type: ignore[assignment]
    _register(module, tensor_name, original)
    return module


def type_before_parametrizations(module: Module) -> type[Module]:
    """The class that the module has without parametrizations."""
    return type(module).__bases__[0] if is_parametrized(module) else type(module)


def transfer_parametrizations_and_params(
    from_module: Module, to_module: _Module, tensor_name: str | None = None
) -> _Module:
    """Gives `to_module` the parametrizations of the other, and their originals; returns it.

    All of them, or those of one tensor. A tensor that it lacks becomes a parameter of it first.
    """
    if not is_parametrized(from_module):
        return to_module
    given = cast("ModuleDict", from_module.parametrizations)
    for name in list(given) if tensor_name is None else [tensor_name]:
        if not hasattr(to_module, name):
            setattr(to_module, name, Parameter(getattr(from_module, name)))
        for parametrization in _list_of(from_module, name):
            register_parametrization(to_module, name, parametrization)
        source, taken = _list_of(from_module, name), _list_of(to_module, name)
        for key in ["original"] if source.is_tensor else source._names():
            setattr(taken, key, getattr(source, key))
    return to_module
