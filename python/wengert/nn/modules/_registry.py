"""Where a module keeps its parameters, buffers and submodules.

Note [registries]
`module._parameters`, `_buffers` and `_modules` are dicts and the truth. A registry bound to a
module also writes what it holds into the module's `__dict__`, so that `self.weight` is an ordinary
attribute: `Module.__getattr__`, ten times as slow, is the fallback. Every way of changing a dict
goes through a method here, so direct changes (`del m._parameters["weight"]`) are mirrored too.
Owners are held weakly: a module is freed at once when its last user drops it. Copies and pickles
of a registry are plain dicts; `Module.__setstate__` binds them to the new module.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, SupportsIndex

from ... import _native

if TYPE_CHECKING:
    from .module import Module

_MISSING = object()


class Registry(dict[str, Any]):
    """A dict that mirrors itself into the `__dict__` of the modules that share it."""

    __slots__ = ("_owners",)

    def __init__(self, items: Mapping[str, object] | Iterable[tuple[str, object]] = ()) -> None:
        super().__init__(items)
        self._owners: list[weakref.ref[Module]] = []

    def bind(self, owner: Module) -> Registry:
        """Mirrors into `owner` from now on; shallow copies of a module share a registry."""
        self._owners = [ref for ref in self._owners if ref() not in (None, owner)]
        self._owners.append(weakref.ref(owner))
        vars(owner).update(self)
        return self

    def unbind(self, owner: Module) -> None:
        """Stops mirroring into `owner` and takes back what was mirrored."""
        self._owners = [ref for ref in self._owners if ref() not in (None, owner)]
        mirror = vars(owner)
        for key, value in self.items():
            if mirror.get(key, _MISSING) is value:
                del mirror[key]

    def __setitem__(self, key: str, value: object) -> None:
        _native._changed()
        super().__setitem__(key, value)
        for ref in self._owners:
            owner = ref()
            if owner is not None:
                vars(owner)[key] = value

    def __delitem__(self, key: str) -> None:
        _native._changed()
        super().__delitem__(key)
        for ref in self._owners:
            owner = ref()
            if owner is not None:
                vars(owner).pop(key, None)

    def pop(self, key: str, *default: object) -> Any:
        if key not in self and default:
            return default[0]
        value = self[key]
        del self[key]
        return value

    def popitem(self) -> tuple[str, Any]:
        key, value = super().popitem()
        super().__setitem__(key, value)
        del self[key]
        return key, value

    def clear(self) -> None:
        for key in list(self):
            del self[key]

    def update(self, *args: Any, **kwargs: object) -> None:
        for key, value in dict(*args, **kwargs).items():
            self[key] = value

    def __ior__(self, other: Mapping[str, object]) -> Registry:  # type: ignore[override, misc]
        self.update(other)
        return self

    def setdefault(self, key: str, default: object = None) -> Any:
        if key not in self:
            self[key] = default
        return self[key]

    def move_to_end(self, key: str, last: bool = True) -> None:
        """As of an OrderedDict, which scripts written for older modules expect."""
        value = super().pop(key)
        rest = () if last else tuple(self.items())
        if not last:
            super().clear()
        super().__setitem__(key, value)
        super().update(rest)

    def copy(self) -> dict[str, Any]:
        return dict(self)

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[object, ...]:
        return dict, (), None, None, iter(self.items())

    def __copy__(self) -> dict[str, Any]:
        return dict(self)
