"""`Module`, the base class of layers and networks."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast

from ... import _native
from ..._capture.uses import captures, note_use
from ..._common import typename
from ..._native import Tensor
from ..._typing import Hook
from ...autograd.grad_mode import no_grad
from ...utils.hooks import RemovableHandle
from ..parameter import Buffer, Parameter
from . import _conditions, _hooks, _state_dict
from ._casts import Casts
from ._registry import Registry
from ._state_dict import StateDict, _IncompatibleKeys

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = [
    "Module",
    "register_module_forward_hook",
    "register_module_forward_pre_hook",
    "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook",
]

_Member = TypeVar("_Member", bound=Tensor)

_REGISTRIES = ("_parameters", "_buffers", "_modules")
_OWNED = (Parameter, Buffer)
_IncompatibleKeys = _IncompatibleKeys  # imported by scripts from here
_EXTRA_STATE_KEY_SUFFIX = _state_dict._EXTRA_STATE  # and this


def _addindent(text: str, spaces: int) -> str:
    """`text` with every line but the first indented."""
    return text.replace("\n", "\n" + " " * spaces)


def register_module_forward_pre_hook(hook: Hook) -> RemovableHandle:
    """Calls `hook(module, args)` before the forward of every module."""
    flags = {"with_kwargs": False}
    return _hooks.register_global(Module, "_forward_pre_hooks", hook, flags)


def register_module_forward_hook(
    hook: Hook, *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Calls `hook(module, args, output)` after the forward of every module."""
    flags = {"with_kwargs": with_kwargs, "always_called": always_call}
    return _hooks.register_global(Module, "_forward_hooks", hook, flags)


def register_module_full_backward_hook(hook: Hook) -> RemovableHandle:
    """Calls `hook(module, grad_input, grad_output)` in the backward of every module."""
    return _hooks.register_global(Module, "_backward_hooks", hook, {})


def register_module_full_backward_pre_hook(hook: Hook) -> RemovableHandle:
    """Calls `hook(module, grad_output)` before the backward of every module."""
    return _hooks.register_global(Module, "_backward_pre_hooks", hook, {})


class Module(StateDict, Casts):
    """A layer or a network: parameters, buffers and submodules by name, and `forward`.

    Subclasses call `super().__init__()`, assign parameters and submodules as attributes, and
    define `forward`; `module(x)` runs it, with the hooks if there are any.
    """

    dump_patches: bool = False
    call_super_init: bool = False
    _version: int = 1
    _has_hooks: bool = False  # see Note [hooks]
    training: bool

    def __init__(self, *args: object, **kwargs: object) -> None:
        if not self.call_super_init:
            name = type(self).__name__
            if kwargs:
                raise TypeError(
                    f"{name}.__init__() got an unexpected keyword argument '{next(iter(kwargs))}'"
                )
            if args:
                raise TypeError(
                    f"{name}.__init__() takes 1 positional argument but {len(args) + 1} were given"
                )
        state = self.__dict__
        state["training"] = True
        state["_parameters"] = Registry().bind(self)
        state["_buffers"] = Registry().bind(self)
        state["_modules"] = Registry().bind(self)
        state["_non_persistent_buffers_set"] = set()
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    # Calling -------------------------------------------------------------------------------

    def forward(self, *input: Any, **kwargs: Any) -> Any:
        """The computation of the module; every subclass defines it."""
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function'
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if captures:
            note_use(self)
        if self._has_hooks:
            return _hooks.call_with_hooks(self, Module, args, kwargs)
        return self.forward(*args, **kwargs) if kwargs else self.forward(*args)

    def draw(self, *args: object, **kwargs: object) -> object:
        """A picture of what the module does with these arguments; see `wengert.draw`."""
        import importlib

        seeing = importlib.import_module(f"{__name__.partition('.')[0]}._seeing")
        return seeing.draw(self, *args, **kwargs)

    _call_impl = __call__
    __capture_conditions__ = _conditions.tell

    # Attributes: see Note [registries] -------------------------------------------------------

    def __getattr__(self, name: str) -> Any:
        state = self.__dict__
        for kind in _REGISTRIES:
            table = state.get(kind)
            if table is not None and name in table:
                return table[name]
        if "_parameters" in state and (name in _hooks.CALL_TABLES or name in _hooks.STATE_TABLES):
            if name in _hooks.CALL_TABLES:
                state["_has_hooks"] = True
            state[name] = OrderedDict()
            return state[name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __setattr__(self, name: str, value: object) -> None:
        _native._changed()
        state = self.__dict__
        if isinstance(value, Module):
            if name in state.get("_parameters", ()):
                self._refuse(name, value, "_parameters")
            self._set_module(name, value)
        elif isinstance(value, _OWNED):
            self._set_tensor(name, value)
        elif "_modules" not in state:
            object.__setattr__(self, name, value)
        elif name in state["_parameters"]:
            if value is not None:
                self._refuse(name, value, "_parameters")
            self.register_parameter(name, None)
        elif name in state["_modules"]:
            if value is not None:
                self._refuse(name, value, "_modules")
            state["_modules"][name] = None
        elif name in state["_buffers"]:
            self._set_buffer(name, value)
        elif name in _REGISTRIES:
            old = state[name]
            if isinstance(old, Registry):
                old.unbind(self)
            state[name] = (
                value if isinstance(value, Registry) else Registry(cast("dict[str, Any]", value))
            ).bind(self)
        else:
            object.__setattr__(self, name, value)

    def _refuse(self, name: str, value: object, kind: str) -> NoReturn:
        what, wanted = {
            "_parameters": ("parameter", "Parameter"),
            "_modules": ("child module", "Module"),
        }[kind]
        raise TypeError(
            f"cannot assign '{typename(value)}' as {what} '{name}' "
            f"(torch.nn.{wanted} or None expected)"
        )

    def _forget(self, name: str, *kinds: str) -> None:
        """Removes `name` wherever else it may be registered, before it is registered anew."""
        for kind in kinds:
            self.__dict__[kind].pop(name, None)
        self.__dict__["_non_persistent_buffers_set"].discard(name)
        self.__dict__.pop(name, None)

    def _set_module(self, name: str, value: Module) -> None:
        if "_modules" not in self.__dict__:
            raise AttributeError("cannot assign module before Module.__init__() call")
        self._forget(name, "_parameters", "_buffers")
        self.__dict__["_modules"][name] = value

    def _set_tensor(self, name: str, value: Parameter | Buffer) -> None:
        """A Parameter always registers; a Buffer only where no parameter or module is."""
        state = self.__dict__
        if isinstance(value, Parameter):
            if "_parameters" not in state:
                raise AttributeError("cannot assign parameters before Module.__init__() call")
            self._forget(name, "_buffers", "_modules")
            self.register_parameter(name, value)
            return
        for kind in ("_parameters", "_modules"):
            if name in state.get(kind, ()):
                self._refuse(name, value, kind)
        self._set_buffer(name, value)

    def _set_buffer(self, name: str, value: object) -> None:
        if value is not None and not isinstance(value, _native.Tensor):
            raise TypeError(
                f"cannot assign '{typename(value)}' as buffer '{name}' "
                "(torch.nn.Buffer, torch.Tensor or None expected)"
            )
        if isinstance(value, Buffer):
            persistent = value.persistent
        else:
            persistent = name not in self._non_persistent_buffers_set
        self.register_buffer(name, value, persistent)

    def __delattr__(self, name: str) -> None:
        state = self.__dict__
        for kind in _REGISTRIES:
            if name in state.get(kind, ()):
                del state[kind][name]
                state.pop(name, None)
                if kind == "_buffers":
                    self._non_persistent_buffers_set.discard(name)
                return
        _native._changed()
        object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        names = {*dir(type(self)), *self.__dict__}
        for kind in _REGISTRIES:
            names.update(self.__dict__.get(kind, ()))
        return sorted(name for name in names if not name[0].isdigit())

    def __getstate__(self) -> dict[str, object]:
        state = dict(self.__dict__)
        state.pop("_compiled_call_impl", None)
        for kind in _REGISTRIES:
            for name, value in state.get(kind, {}).items():
                if state.get(name, self) is value:
                    del state[name]
        return state

    def __setstate__(self, state: dict[str, object]) -> None:
        own = self.__dict__
        own.update(state)
        for kind in _REGISTRIES:
            table = own.get(kind)
            own[kind] = (table if isinstance(table, Registry) else Registry(table or ())).bind(self)
        own.setdefault("_non_persistent_buffers_set", set())
        own.setdefault("training", True)

    # Registration ----------------------------------------------------------------------------

    def _check_name(self, kind: str, table: str, name: str) -> None:
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {typename(name)}")
        if "." in name:
            hint = f", got: {name}" if kind == "module" else ""
            raise KeyError(f'{kind} name can\'t contain "."{hint}')
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""')
        if name not in self.__dict__[table] and hasattr(self, name):
            raise KeyError(f"attribute '{name}' already exists")

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Adds a tensor (or None) that is part of the state but is not trained."""
        if "_buffers" not in self.__dict__:
            raise AttributeError("cannot assign buffer before Module.__init__() call")
        self._check_name("buffer", "_buffers", name)
        if tensor is not None and not isinstance(tensor, _native.Tensor):
            raise TypeError(
                f"cannot assign '{typename(tensor)}' object to buffer '{name}' "
                "(torch Tensor or None required)"
            )
        self._buffers[name] = tensor
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Adds a Parameter, or None for an optional one that is absent."""
        if "_parameters" not in self.__dict__:
            raise AttributeError("cannot assign parameter before Module.__init__() call")
        self._check_name("parameter", "_parameters", name)
        if param is not None:
            if not isinstance(param, Parameter):
                raise TypeError(
                    f"cannot assign '{typename(param)}' object to parameter '{name}' "
                    "(torch.nn.Parameter or None required)"
                )
            if not param.is_leaf:
                raise ValueError(
                    f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must "
                    f"be created explicitly. To express '{name}' as a function of another Tensor, "
                    "compute the value in the forward() method."
                )
        self._parameters[name] = param

    def add_module(self, name: str, module: Module | None) -> None:
        """Adds a submodule, or None for an optional one that is absent."""
        if not isinstance(module, Module) and module is not None:
            raise TypeError(f"{typename(module)} is not a Module subclass")
        self._check_name("module", "_modules", name)
        self._modules[name] = cast("Module", module)

    def register_module(self, name: str, module: Module | None) -> None:
        """Same as `add_module`."""
        self.add_module(name, module)

    # Looking up and walking --------------------------------------------------------------------

    def _attribute(self, name: str) -> object:
        if not hasattr(self, name):
            raise AttributeError(f"{self._get_name()} has no attribute `{name}`")
        return getattr(self, name)

    def get_submodule(self, target: str) -> Module:
        """The submodule with the dotted name `target`; "" is the module itself."""
        module: Module = self
        for name in target.split(".") if target else ():
            found = module._attribute(name)
            if not isinstance(found, Module):
                raise AttributeError(f"`{name}` is not an nn.Module")
            module = found
        return module

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Replaces (or, unless `strict`, adds) the submodule with the dotted name `target`."""
        if not target:
            raise ValueError("Cannot set the submodule without a target name!")
        if not isinstance(module, Module):
            raise ValueError(f"`module` is not an nn.Module, found {type(module)}")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if strict and not hasattr(parent, name):
            raise AttributeError(f"{parent._get_name()} has no attribute `{name}`")
        if hasattr(parent, name) and not isinstance(getattr(parent, name), Module):
            raise AttributeError(f"`{name}` is not an nn.Module")
        setattr(parent, name, module)

    def get_parameter(self, target: str) -> Parameter:
        """The parameter with the dotted name `target`."""
        path, _, name = target.rpartition(".")
        param = self.get_submodule(path)._attribute(name)
        if not isinstance(param, Parameter):
            raise AttributeError(f"`{name}` is not an nn.Parameter")
        return param

    def get_buffer(self, target: str) -> Tensor:
        """The buffer with the dotted name `target`."""
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        buffer = module._attribute(name)
        if name not in module._buffers:
            raise AttributeError(f"`{name}` is not a buffer")
        return cast("Tensor", buffer)

    def _named_members(
        self,
        get_members: Callable[[Module], Iterable[tuple[str, _Member | None]]],
        prefix: str = "",
        recurse: bool = True,
        remove_duplicate: bool = True,
    ) -> Iterator[tuple[str, _Member]]:
        seen: set[int] = set()
        if recurse:
            modules = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
        else:
            modules = iter([(prefix, self)])
        for module_prefix, module in modules:
            start = module_prefix + "." if module_prefix else ""
            for name, value in get_members(module):
                if value is None or id(value) in seen:
                    continue
                if remove_duplicate:
                    seen.add(id(value))
                yield start + name, value

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Every parameter once, in order of registration, depth first."""
        for _, param in self.named_parameters(recurse=recurse):
            yield param

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """(dotted name, parameter) pairs; a shared parameter under its first name only."""
        yield from self._named_members(
            lambda module: module._parameters.items(), prefix, recurse, remove_duplicate
        )

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """Every buffer once."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """(dotted name, buffer) pairs."""
        yield from self._named_members(
            lambda module: module._buffers.items(), prefix, recurse, remove_duplicate
        )

    def children(self) -> Iterator[Module]:
        """The immediate submodules, each once."""
        for _, module in self.named_children():
            yield module

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """(name, module) pairs of the immediate submodules."""
        seen = set()
        for name, module in self._modules.items():
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def modules(self, remove_duplicate: bool = True) -> Iterator[Module]:
        """The module itself and all below it, each once."""
        for _, module in self.named_modules(remove_duplicate=remove_duplicate):
            yield module

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """(dotted name, module) pairs; the module itself is first, named `prefix`."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                below = f"{prefix}.{name}" if prefix else name
                yield from module.named_modules(memo, below, remove_duplicate)

    # Changing everything at once -----------------------------------------------------------------

    def apply(self, fn: Callable[[Module], object]) -> Self:
        """Calls `fn` on every submodule and then on the module itself; returns the module."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Replaces the data of every parameter, gradient and buffer by `fn` of it."""
        if recurse:
            for module in self.children():
                module._apply(fn)
        for param in self._parameters.values():
            if param is None:
                continue
            grad = param.grad
            with no_grad():
                # Detached before, so that a new dtype never meets the gradient of the old one.
                param.grad = None
                param.data = fn(param.data)
                if grad is not None:
                    new = fn(grad.detach())
                    param.grad = new.requires_grad_(grad.requires_grad)
        for name, buffer in self._buffers.items():
            if buffer is not None:
                self._buffers[name] = fn(buffer)
        return self

    def train(self, mode: bool = True) -> Self:
        """Sets training mode (dropout, batch norm) in the module and all below it."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self) -> Self:
        """Same as `train(False)`."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Sets `requires_grad` of every parameter."""
        for param in self.parameters():
            param.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drops every parameter's gradient, or zeroes it in place."""
        _native.zero_grad(list(self.parameters()), set_to_none)

    # Hooks ---------------------------------------------------------------------------------

    def register_forward_pre_hook(
        self, hook: Hook, *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Calls `hook(module, args)` before forward; what it returns replaces the arguments."""
        tables = _hooks.ModuleTables(self)
        flags = {"with_kwargs": with_kwargs}
        return _hooks.register(tables, "_forward_pre_hooks", hook, flags, prepend)

    def register_forward_hook(
        self,
        hook: Hook,
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Calls `hook(module, args, output)` after forward; what it returns replaces the output.

        With `with_kwargs` the hook is called as `hook(module, args, kwargs, output)`; with
        `always_call` also when forward raised.
        """
        tables = _hooks.ModuleTables(self)
        flags = {"with_kwargs": with_kwargs, "always_called": always_call}
        return _hooks.register(tables, "_forward_hooks", hook, flags, prepend)

    def register_full_backward_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Calls `hook(module, grad_input, grad_output)` when the gradients of the inputs are known;
        a returned tuple replaces them."""
        return _hooks.register(_hooks.ModuleTables(self), "_backward_hooks", hook, {}, prepend)

    def register_full_backward_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Calls `hook(module, grad_output)` before; a returned tuple replaces `grad_output`."""
        return _hooks.register(_hooks.ModuleTables(self), "_backward_pre_hooks", hook, {}, prepend)

    def register_backward_hook(self, hook: Hook) -> RemovableHandle:
        """The old name of `register_full_backward_hook`."""
        return self.register_full_backward_hook(hook)

    # Printing ------------------------------------------------------------------------------

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """What the module's line in `repr` says between the parentheses; override it."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        extra_lines = extra.split("\n") if extra else []
        child_lines = [
            f"({name}): {_addindent(repr(module), 2)}" for name, module in self._modules.items()
        ]
        lines = extra_lines + child_lines
        if not lines:
            body = ""
        elif len(extra_lines) == 1 and not child_lines:
            body = extra_lines[0]
        else:
            body = "\n  " + "\n  ".join(lines) + "\n"
        return f"{self._get_name()}({body})"

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Replays calls where that is right: `compile` in place, with its arguments."""
        _hooks.compile_calls(self, Module, args, kwargs)


vars(_state_dict)["Module"] = Module  # `typing.get_type_hints` of a user's class reads its bases
