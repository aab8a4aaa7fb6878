"""The `state` of a fused optimizer.

Note [optimizer state]
The core updates lists of tensors, one list per kind of state and parameter group, which an
optimizer keeps from step to step (its plans). What users see is `state[p]["exp_avg"]` and so on:
dicts of the very same tensors. Changing a tensor in place needs no care; putting in another
tensor, or clearing the state, marks the dict of dicts as `stale`, and the next step makes its plans
anew from it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, SupportsIndex, TypeVar

from .._native import Tensor
from .._typing import Args

_K = TypeVar("_K")
_V = TypeVar("_V")


class _Watched(dict[_K, _V]):
    """A dict that reports every change of its keys or values by `_touch`."""

    __slots__ = ()

    def _touch(self) -> None:
        raise NotImplementedError

    def __setitem__(self, key: _K, value: _V) -> None:
        self._touch()
        super().__setitem__(key, value)

    def __delitem__(self, key: _K) -> None:
        self._touch()
        super().__delitem__(key)

    def pop(self, *args: Any) -> Any:
        self._touch()
        return super().pop(*args)

    def popitem(self) -> tuple[_K, _V]:
        self._touch()
        return super().popitem()

    def clear(self) -> None:
        self._touch()
        super().clear()

    def update(self, *args: Any, **kwargs: Any) -> None:
        self._touch()
        super().update(*args, **kwargs)

    def setdefault(self, key: _K, default: Any = None) -> Any:
        self._touch()
        return super().setdefault(key, default)

    def __ior__(self, other: Any) -> Any:  # type: ignore[misc]
        self._touch()
        return super().__ior__(other)

    def __reduce_ex__(self, protocol: SupportsIndex) -> Args:
        return dict, (), None, None, iter(self.items())


class ParamState(_Watched[str, Any]):
    """The state of one parameter; a copy or a pickle of it is a plain dict."""

    __slots__ = ("_all",)

    def __init__(self, all_states: list[bool], *args: Mapping[str, object]) -> None:
        self._all = all_states
        super().__init__(*args)

    def _touch(self) -> None:
        self._all[0] = True


class State(_Watched[Tensor, dict[str, Any]], defaultdict[Tensor, dict[str, Any]]):
    """`state[p]` is the dict of parameter p, made empty when first asked for."""

    # A list, as the dicts of the parameters share it: [stale].
    flag: list[bool]

    def __init__(self, items: Mapping[Tensor, Any] | Iterable[tuple[Tensor, Any]] = ()) -> None:
        self.flag = [True]
        defaultdict.__init__(self, dict)
        for key, value in dict(items).items():
            self[key] = value

    @property
    def stale(self) -> bool:
        """True if plans made before may no longer hold."""
        return self.flag[0]

    def _touch(self) -> None:
        self.flag[0] = True

    def __missing__(self, key: Tensor) -> ParamState:
        made = ParamState(self.flag)
        dict.__setitem__(self, key, made)
        return made

    def __setitem__(self, key: Tensor, value: dict[str, Any]) -> None:
        if isinstance(value, dict):
            value = ParamState(self.flag, value)
        super().__setitem__(key, value)

    def publish(self, key: Tensor, values: Mapping[str, object]) -> None:
        """Enters what the core has made itself, which leaves the plans valid."""
        if not values:
            return
        state = self[key]
        for name, value in values.items():
            dict.__setitem__(state, name, value)

    def __reduce_ex__(self, protocol: SupportsIndex) -> Args:
        return defaultdict, (dict,), None, None, iter(self.items())
