"""`Optimizer`, the base class: parameter groups, state, saving and loading, hooks."""

from __future__ import annotations

import functools
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from itertools import chain
from typing import Any, TypeVar

from .. import _native
from .._common import typename
from .._native import Tensor
from .._typing import (
    Args,
    Closure,
    Group,
    Hook,
    HookTable,
    Kwargs,
    Params,
    ParamStates,
    R,
    StateDict,
    UserFunction,
)
from ..autograd.grad_mode import enable_grad
from ..utils.hooks import RemovableHandle

__all__ = [
    "Optimizer",
    "register_optimizer_step_post_hook",
    "register_optimizer_step_pre_hook",
]

_Step = TypeVar("_Step", bound=UserFunction)
_HOOK_TABLES = (
    "_optimizer_step_pre_hooks",
    "_optimizer_step_post_hooks",
    "_optimizer_state_dict_pre_hooks",
    "_optimizer_state_dict_post_hooks",
    "_optimizer_load_state_dict_pre_hooks",
    "_optimizer_load_state_dict_post_hooks",
)
_global_pre_hooks: HookTable = OrderedDict()
_global_post_hooks: HookTable = OrderedDict()


class _Required:
    """The default of a hyper-parameter that every group must give."""

    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()


def _add_hook(table: HookTable, hook: Hook, prepend: bool = False) -> RemovableHandle:
    _native._changed()
    handle = RemovableHandle(table)
    table[handle.id] = hook
    if prepend:
        table.move_to_end(handle.id, last=False)
    return handle


def register_optimizer_step_pre_hook(hook: Hook) -> RemovableHandle:
    """Calls `hook(optimizer, args, kwargs)` before each step of every optimizer."""
    Optimizer._has_step_hooks = True
    return _add_hook(_global_pre_hooks, hook)


def register_optimizer_step_post_hook(hook: Hook) -> RemovableHandle:
    """Calls `hook(optimizer, args, kwargs)` after each step of every optimizer."""
    Optimizer._has_step_hooks = True
    return _add_hook(_global_post_hooks, hook)


def _watched(step: UserFunction) -> UserFunction:
    """A `step` that runs the hooks and lets schedulers know that it was called.

    The optimizers of this package test `_has_step_hooks` themselves and are not wrapped.
    """

    @functools.wraps(step)
    def wrapper(self: Optimizer, *args: object, **kwargs: object) -> Any:
        self._opt_called = True
        if _native._is_capturing():
            _guard_numbers(self)
        if self._has_step_hooks and not self._in_step:
            return self._run_step(step, args, kwargs)
        return step(self, *args, **kwargs)

    return runs_hooks(wrapper)


def _guard_numbers(optimizer: Optimizer) -> None:
    """A program has the hyper-parameters of other optimizers in it: it ends when they change."""

    def numbers() -> list[object]:
        return [
            value
            for group in optimizer.param_groups
            for value in group.values()
            if isinstance(value, (bool, int, float, str, tuple))
        ]

    before = numbers()
    _native._capture_check(lambda: numbers() == before, True)


def runs_hooks(step: _Step) -> _Step:
    """Marks a `step` that needs no wrapper, see `_watched`."""
    vars(step)["_runs_hooks"] = True
    return step


class Optimizer:
    """Parameters in groups with hyper-parameters, and the state of each parameter.

    `params` is an iterable of tensors, of (name, tensor) pairs, or of dicts that each have a
    "params" and may override any of `defaults`. Subclasses define `step`.
    """

    _has_step_hooks = False
    _in_step = False
    _opt_called = False
    state: ParamStates
    param_groups: list[Group]
    _optimizer_step_pre_hooks: HookTable
    _optimizer_step_post_hooks: HookTable
    _optimizer_state_dict_pre_hooks: HookTable
    _optimizer_state_dict_post_hooks: HookTable
    _optimizer_load_state_dict_pre_hooks: HookTable
    _optimizer_load_state_dict_post_hooks: HookTable

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        step = cls.__dict__.get("step")
        if callable(step) and not getattr(step, "_runs_hooks", False):
            cls.step = _watched(step)  # type: ignore[method-assign]

    def __init__(self, params: Params, defaults: Group) -> None:
        self.defaults = defaults
        for table in _HOOK_TABLES:
            setattr(self, table, OrderedDict())
        if isinstance(params, _native.Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or "
                f"dicts, but got {typename(params)}"
            )
        self.state = self._new_state({})
        self.param_groups = []
        groups: list[Any] = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def _new_state(self, items: Mapping[Tensor, Any]) -> ParamStates:
        state: ParamStates = defaultdict(dict)
        state.update(items)
        return state

    # Groups ----------------------------------------------------------------------------------

    def add_param_group(self, param_group: Group) -> None:
        """Adds a group; hyper-parameters it does not give are the defaults.

        Raises TypeError for a set or for something that is no tensor, ValueError for a non-leaf
        or for a parameter that is in a group already.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params = param_group["params"]
        if isinstance(params, set):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections, but the "
                "ordering of tensors in sets will change between runs. Please use a list instead."
            )
        params = [params] if isinstance(params, _native.Tensor) else list(params)
        names = [param[0] for param in params if isinstance(param, tuple)]
        params = [param[1] if isinstance(param, tuple) else param for param in params]
        param_group["params"] = params
        if names:
            if len(names) != len(params):
                raise ValueError(
                    "all optimizer params should be with/without names. Some param names are "
                    "missing"
                )
            param_group["param_names"] = names
        self._check_params(params)
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(
                    "parameter group didn't specify a value of required optimization parameter "
                    f"{name}"
                )
            param_group.setdefault(name, default)
        self._check_distinct(param_group)
        self.param_groups.append(param_group)

    def _check_params(self, params: list[object]) -> None:
        for param in params:
            if not isinstance(param, _native.Tensor):
                raise TypeError(
                    "optimizer can only optimize Tensors, but one of the params is "
                    f"{typename(param)}"
                )
            if self.defaults.get("differentiable") or param.is_leaf:
                continue
            if not getattr(param, "retains_grad", False):
                raise ValueError("can't optimize a non-leaf Tensor")

    def _check_distinct(self, param_group: Group) -> None:
        ids = {id(param) for param in param_group["params"]}
        if len(ids) != len(param_group["params"]):
            _native._warn(
                "optimizer contains a parameter group with duplicate parameters; in future, this "
                "will cause an error; see github.com/pytorch/pytorch/issues/40967 for more "
                "information"
            )
        named = "param_names" in param_group
        for group in self.param_groups:
            if ("param_names" in group) != named:
                raise ValueError(
                    "all optimizer param groups should be with/without names. cannot add param "
                    f"group {'with names' if named else 'without names'} to the optimizer"
                )
            if not ids.isdisjoint(id(param) for param in group["params"]):
                raise ValueError("some parameters appear in more than one parameter group")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drops every gradient, or zeroes it in place."""
        for group in self.param_groups:
            _native.zero_grad(group["params"], set_to_none)

    def __capture_conditions__(self, conditions: object) -> None:
        """None: what `step` reads it tells, or it is read anew at every replay."""

    # Stepping --------------------------------------------------------------------------------

    def step(self, closure: Closure | None = None) -> Any:
        """Updates the parameters; `closure`, if given, computes the loss first."""
        raise NotImplementedError

    def _step_hooks(self) -> list[Hook]:
        tables = (
            _global_pre_hooks,
            _global_post_hooks,
            self._optimizer_step_pre_hooks,
            self._optimizer_step_post_hooks,
        )
        return [hook for table in tables for hook in table.values()]

    def _run_step(self, step: UserFunction, args: Args, kwargs: Kwargs) -> Any:
        """`step` between the hooks; a subclass's step that calls its parent's runs them once."""
        args, kwargs = self._run_pre_hooks(args, kwargs)
        self._in_step = True
        try:
            out = step(self, *args, **kwargs)
        finally:
            self._in_step = False
        self._run_post_hooks(args, kwargs)
        return out

    def _run_pre_hooks(self, args: Args, kwargs: Kwargs) -> tuple[Args, Kwargs]:
        for table in (_global_pre_hooks, self._optimizer_step_pre_hooks):
            for hook in tuple(table.values()) if table else ():
                result = hook(self, (self, *args), kwargs)
                if result is None:
                    continue
                if not (isinstance(result, tuple) and len(result) == 2):
                    raise RuntimeError(
                        f"{type(self).__name__}.step: a hook before it must return None or "
                        f"(args, kwargs), got {result}"
                    )
                (_, *rest), kwargs = result
                args = tuple(rest)
        return args, kwargs

    def _run_post_hooks(self, args: Args, kwargs: Kwargs) -> None:
        for table in (self._optimizer_step_post_hooks, _global_post_hooks):
            for hook in tuple(table.values()) if table else ():
                hook(self, (self, *args), kwargs)

    def register_step_pre_hook(self, hook: Hook) -> RemovableHandle:
        """Calls `hook(optimizer, args, kwargs)` before each step; it may return new ones."""
        self._has_step_hooks = True
        return _add_hook(self._optimizer_step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Hook) -> RemovableHandle:
        """Calls `hook(optimizer, args, kwargs)` after each step."""
        self._has_step_hooks = True
        return _add_hook(self._optimizer_step_post_hooks, hook)

    # Saving and loading ------------------------------------------------------------------------

    def register_state_dict_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Calls `hook(optimizer)` before `state_dict`."""
        return _add_hook(self._optimizer_state_dict_pre_hooks, hook, prepend)

    def register_state_dict_post_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Calls `hook(optimizer, state_dict)` after `state_dict`; it may return another."""
        return _add_hook(self._optimizer_state_dict_post_hooks, hook, prepend)

    def register_load_state_dict_pre_hook(
        self, hook: Hook, prepend: bool = False
    ) -> RemovableHandle:
        """Calls `hook(optimizer, state_dict)` before loading; it may return another."""
        return _add_hook(self._optimizer_load_state_dict_pre_hooks, hook, prepend)

    def register_load_state_dict_post_hook(
        self, hook: Hook, prepend: bool = False
    ) -> RemovableHandle:
        """Calls `hook(optimizer)` after loading."""
        return _add_hook(self._optimizer_load_state_dict_post_hooks, hook, prepend)

    def state_dict(self) -> StateDict:
        """{"state": {index: {name: value}}, "param_groups": [...]}, parameters by their number.

        The tensors are the optimizer's own, not copies.
        """
        for hook in self._optimizer_state_dict_pre_hooks.values():
            hook(self)
        numbers: dict[int, int] = {}
        groups = []
        start = 0
        for group in self.param_groups:
            for i, param in enumerate(group["params"], start):
                numbers.setdefault(id(param), i)
            packed = {k: v for k, v in group.items() if k != "params"}
            packed["params"] = [numbers[id(param)] for param in group["params"]]
            start += len(packed["params"])
            groups.append(packed)
        state = {
            numbers[id(key)] if isinstance(key, _native.Tensor) else key: value
            for key, value in self.state.items()
        }
        result: StateDict = {"state": state, "param_groups": groups}
        for hook in self._optimizer_state_dict_post_hooks.values():
            changed = hook(self, result)
            if changed is not None:
                result = changed
        return result

    def load_state_dict(self, state_dict: StateDict) -> None:
        """Takes over hyper-parameters and state, cast to each parameter's dtype.

        Groups and parameters are matched by position; ValueError if their numbers differ.
        """
        state_dict = state_dict.copy()
        for hook in self._optimizer_load_state_dict_pre_hooks.values():
            changed = hook(self, state_dict)
            if changed is not None:
                state_dict = changed
        groups, saved = self.param_groups, deepcopy(state_dict["param_groups"])
        if len(groups) != len(saved):
            raise ValueError("loaded state dict has a different number of parameter groups")
        if any(len(g["params"]) != len(s["params"]) for g, s in zip(groups, saved, strict=True)):
            raise ValueError(
                "loaded state dict contains a parameter group that doesn't match the size of "
                "optimizer's group"
            )
        by_number = dict(
            zip(
                chain.from_iterable(s["params"] for s in saved),
                chain.from_iterable(g["params"] for g in groups),
                strict=False,
            )
        )
        state: dict[Any, object] = {}
        for key, value in state_dict["state"].items():
            param = by_number.get(key)
            state[key if param is None else param] = (
                value if param is None else _cast(param, value, None)
            )
        for group, new in zip(groups, saved, strict=True):
            new["params"] = group["params"]
            if "param_names" in group:
                new.setdefault("param_names", group["param_names"])
        self.__setstate__({"state": self._new_state(state), "param_groups": saved})
        for hook in self._optimizer_load_state_dict_post_hooks.values():
            hook(self)

    def __getstate__(self) -> StateDict:
        return {
            "defaults": self.defaults,
            "state": self.state,
            "param_groups": self.param_groups,
        }

    def __setstate__(self, state: StateDict) -> None:
        self.__dict__.update(state)
        for table in _HOOK_TABLES:
            self.__dict__.setdefault(table, OrderedDict())
        self.defaults.setdefault("differentiable", False)

    def __repr__(self) -> str:
        text = type(self).__name__ + " ("
        for i, group in enumerate(self.param_groups):
            text += f"\nParameter Group {i}\n"
            for key in sorted(group):
                if key != "params":
                    text += f"    {key}: {group[key]}\n"
        return text + ")"


def _cast(param: Tensor, value: object, key: object) -> object:
    """Loaded state in the parameter's dtype; the step count keeps its own."""
    if isinstance(value, _native.Tensor):
        if key == "step" or not param.is_floating_point():
            return value
        return value.to(param.dtype)
    if isinstance(value, dict):
        return {k: _cast(param, v, k) for k, v in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        return type(value)(_cast(param, v, None) for v in value)  # type: ignore[call-arg]
    return value


def evaluate(closure: Callable[[], R]) -> R:
    """The loss of a closure, which needs recording whatever the mode around the step."""
    with enable_grad():
        return closure()
