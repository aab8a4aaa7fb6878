"""Saving a module's parameters and buffers by name, and loading them back."""

from __future__ import annotations

import functools
import weakref
from collections import OrderedDict, namedtuple
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from ... import _native
from ..._native import Tensor
from ..._typing import Hook, Memo
from ...autograd.grad_mode import no_grad
from ...utils.hooks import RemovableHandle
from ..parameter import Parameter, is_lazy

if TYPE_CHECKING:
    from .module import Module

#: Tensors by name, and what `get_extra_state` gave.
State: TypeAlias = "dict[str, Any]"

_EXTRA_STATE = "_extra_state"
_NONE: dict[int, Hook] = {}


class _IncompatibleKeys(namedtuple("IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    """What `load_state_dict` returns: the keys that were not in one or the other."""

    __slots__ = ()

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return super().__repr__()

    __str__ = __repr__


class _WithModule:
    """A hook that gets its module as the first argument; a dead module is an error."""

    def __init__(self, hook: Hook, module: StateDict | None) -> None:
        self.hook = hook
        self.module = weakref.ref(module)
        functools.update_wrapper(self, hook)

    def __call__(self, *args: object, **kwargs: object) -> Any:
        module = self.module()
        if module is None:
            raise RuntimeError("You are trying to call the hook of a dead Module!")
        return self.hook(module, *args, **kwargs)

    def __deepcopy__(self, memo: Memo) -> _WithModule:
        import copy

        module = self.module()
        return type(self)(copy.deepcopy(self.hook, memo), memo.get(id(module), module))

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.hook, self.module())


def _run_post_hooks(module: StateDict, incompatible: _IncompatibleKeys) -> None:
    for hook in vars(module).get("_load_state_dict_post_hooks", _NONE).values():
        if hook(module, incompatible) is not None:
            raise AssertionError(
                "Hooks registered with ``register_load_state_dict_post_hook`` are not expected to "
                "return new values, if incompatible_keys need to be modified, it should be done "
                "inplace."
            )


class StateDict:
    """The part of `Module` that saves and loads."""

    _version: int
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Module]
    _non_persistent_buffers_set: set[str]

    def _hook_table(self, name: str, hook: Hook) -> RemovableHandle:
        table = getattr(self, name)
        handle = RemovableHandle(table)
        table[handle.id] = hook
        return handle

    def _register_state_dict_hook(self, hook: Hook) -> RemovableHandle:
        if getattr(hook, "_from_public_api", False):
            raise RuntimeError(
                "Cannot register the same function as the state dict post hook that was "
                "previously registered via register_state_dict_post_hook"
            )
        return self._hook_table("_state_dict_hooks", hook)

    def register_state_dict_post_hook(self, hook: Hook) -> RemovableHandle:
        """Calls `hook(module, state_dict, prefix, local_metadata)` after each `state_dict()`."""
        hook._from_public_api = True  # type: ignore[attr-defined]
        return self._hook_table("_state_dict_hooks", hook)

    def register_state_dict_pre_hook(self, hook: Hook) -> RemovableHandle:
        """Calls `hook(module, prefix, keep_vars)` before each `state_dict()`."""
        return self._hook_table("_state_dict_pre_hooks", hook)

    def _register_load_state_dict_pre_hook(
        self, hook: Hook, with_module: bool = False
    ) -> RemovableHandle:
        wrapped = _WithModule(hook, self) if with_module else hook
        return self._hook_table("_load_state_dict_pre_hooks", wrapped)

    def register_load_state_dict_pre_hook(self, hook: Hook) -> RemovableHandle:
        """Calls `hook(module, state_dict, prefix, local_metadata, strict, missing_keys,
        unexpected_keys, error_msgs)` before this module loads."""
        return self._register_load_state_dict_pre_hook(hook, with_module=True)

    def register_load_state_dict_post_hook(self, hook: Hook) -> RemovableHandle:
        """Calls `hook(module, incompatible_keys)` after this module and its children loaded."""
        return self._hook_table("_load_state_dict_post_hooks", hook)

    def get_extra_state(self) -> Any:
        """Override with `set_extra_state` to add any picklable value to `state_dict()`."""
        raise RuntimeError("get_extra_state: override it together with set_extra_state")

    def set_extra_state(self, state: object) -> None:
        """Override with `get_extra_state`; is given what that returned."""
        raise RuntimeError(
            f"set_extra_state: {type(self).__name__} has no set_extra_state for the extra state "
            "found in the state_dict"
        )

    def _save_to_state_dict(self, destination: State, prefix: str, keep_vars: bool) -> None:
        for name, param in self._parameters.items():
            if param is not None:
                destination[prefix + name] = param if keep_vars else param.detach()
        for name, buf in self._buffers.items():
            if buf is not None and name not in self._non_persistent_buffers_set:
                destination[prefix + name] = buf if keep_vars else buf.detach()
        if type(self).get_extra_state is not StateDict.get_extra_state:
            destination[prefix + _EXTRA_STATE] = self.get_extra_state()

    def state_dict(
        self,
        *args: Any,
        destination: State | None = None,
        prefix: str = "",
        keep_vars: bool = False,
    ) -> State:
        """An ordered dict from names to parameters and persistent buffers.

        The tensors share storage with the module's; detached, or with `keep_vars` themselves.
        """
        if args:
            _native._warn(
                "Positional args are being deprecated, use kwargs instead.", FutureWarning
            )
            given = (*args, *(destination, prefix, keep_vars)[len(args) :])
            destination, prefix, keep_vars = given[:3]
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()  # type: ignore[attr-defined]
        local_metadata = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = local_metadata
        hooks = vars(self)
        for hook in hooks.get("_state_dict_pre_hooks", _NONE).values():
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(
                    destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars
                )
        for hook in hooks.get("_state_dict_hooks", _NONE).values():
            result = hook(self, destination, prefix, local_metadata)
            if result is None:
                continue
            if getattr(hook, "_from_public_api", False):
                raise RuntimeError("state_dict post-hook must return None")
            destination = result
        return destination

    def _load_one(
        self, name: str, param: Tensor, key: str, value: object, assign: bool
    ) -> str | None:
        """Loads one tensor; the text of the error, if any."""
        if not isinstance(value, _native.Tensor):
            return (
                f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like '
                f"object from checkpoint but received {type(value)}"
            )
        lazy = is_lazy(param)
        if not lazy and len(param.shape) == 0 and len(value.shape) == 1 and value.shape[0] == 1:
            value = value[0]  # scalars were once saved as one-element vectors
        if not lazy and value.shape != param.shape:
            return (
                f"size mismatch for {key}: copying a param with shape {value.shape} from "
                f"checkpoint, the shape in current model is {param.shape}."
            )
        try:
            if assign:
                if isinstance(param, Parameter):
                    if isinstance(value, Parameter):
                        value.requires_grad_(param.requires_grad)
                    else:
                        value = Parameter(value, requires_grad=param.requires_grad)
                setattr(self, name, value)
            else:
                with no_grad():
                    param.copy_(value)
        except Exception as error:
            return (
                f'While copying the parameter named "{key}", whose dimensions in the model are '
                f"{param.size()} and whose dimensions in the checkpoint are {value.size()}, an "
                f"exception occurred : {error.args}."
            )
        return None

    def _load_from_state_dict(
        self,
        state_dict: Mapping[str, object],
        prefix: str,
        local_metadata: State,
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Loads this module, not its children; subclasses override it to convert old formats."""
        for hook in vars(self).get("_load_state_dict_pre_hooks", _NONE).values():
            hook(
                state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys,
                error_msgs,
            )  # fmt: skip
        local: dict[str, Tensor] = {k: v for k, v in self._parameters.items() if v is not None}
        for k, v in self._buffers.items():
            if v is not None and k not in self._non_persistent_buffers_set:
                local[k] = v
        assign = local_metadata.get("assign_to_params_buffers", False)
        for name, param in local.items():
            key = prefix + name
            if key in state_dict:
                message = self._load_one(name, param, key, state_dict[key], assign)
                if message is not None:
                    error_msgs.append(message)
            elif strict:
                missing_keys.append(key)
        extra = prefix + _EXTRA_STATE
        if type(self).set_extra_state is not StateDict.set_extra_state:
            if extra in state_dict:
                self.set_extra_state(state_dict[extra])
            elif strict:
                missing_keys.append(extra)
        elif strict and extra in state_dict:
            unexpected_keys.append(extra)
        if strict:
            for key in state_dict:
                if key.startswith(prefix) and key != extra:
                    name, dot, _ = key[len(prefix) :].partition(".")
                    if name not in (self._modules if dot else local):
                        unexpected_keys.append(key)

    def load_state_dict(
        self, state_dict: Mapping[str, object], strict: bool = True, assign: bool = False
    ) -> _IncompatibleKeys:
        """Copies values from `state_dict` into parameters and buffers of the same names.

        With `strict` the keys must match exactly. With `assign` the tensors of `state_dict`
        themselves become the module's, keeping each parameter's `requires_grad`.
        Raises RuntimeError naming every missing, unexpected or wrongly shaped entry.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        missing: list[str] = []
        unexpected: list[str] = []
        errors: list[str] = []
        metadata = getattr(state_dict, "_metadata", None)
        values: Any = OrderedDict(state_dict)
        if metadata is not None:
            values._metadata = metadata

        def load(module: StateDict, local_values: Mapping[str, object], prefix: str) -> None:
            local_metadata = {} if metadata is None else metadata.get(prefix[:-1], {})
            if assign:
                local_metadata["assign_to_params_buffers"] = assign
            module._load_from_state_dict(
                local_values, prefix, local_metadata, True, missing, unexpected, errors
            )
            for name, child in module._modules.items():
                if child is not None:
                    start = f"{prefix}{name}."
                    load(
                        child, {k: v for k, v in local_values.items() if k.startswith(start)}, start
                    )
            _run_post_hooks(module, _IncompatibleKeys(missing, unexpected))

        load(self, values, "")
        if strict:
            for keys, kind in ((unexpected, "Unexpected"), (missing, "Missing")):
                if keys:
                    quoted = ", ".join(f'"{k}"' for k in keys)
                    errors.insert(0, f"{kind} key(s) in state_dict: {quoted}. ")
        if errors:
            raise RuntimeError(
                "Error(s) in loading state_dict for {}:\n\t{}".format(
                    type(self).__name__, "\n\t".join(errors)
                )
            )
        return _IncompatibleKeys(missing, unexpected)
