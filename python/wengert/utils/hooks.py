"""Handles for hooks: what every `register_*_hook` of a module or an optimizer returns."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TypeVar

from .. import _native
from .._typing import Args, HookTable, UserFunction

_Owner = TypeVar("_Owner")


class _NativeTable(OrderedDict[int, int]):
    """A table of one hook that a native list holds."""

    def __init__(self, remove: UserFunction, owner: object) -> None:
        super().__init__()
        self.remove, self.owner = remove, owner

    def __delitem__(self, key: int) -> None:
        number = self[key]
        super().__delitem__(key)
        self.remove(self.owner, number)


def native_handle(
    number: int, remove: Callable[[_Owner, int], None], owner: _Owner
) -> RemovableHandle:
    """The handle of a hook that `remove(owner, number)` removes."""
    table = _NativeTable(remove, owner)
    handle = RemovableHandle(table)
    table[handle.id] = number
    handle._table = table  # the handle holds its table weakly
    return handle


class RemovableHandle:
    """Removes one hook from its table, by `remove()` or at the end of a `with` block.

    The table is held weakly, so a handle never keeps its module alive.
    """

    id: int
    next_id: int = 0
    _table: object  # set by a maker of handles whose table nobody else holds

    def __init__(
        self, hooks_dict: HookTable, *, extra_dict: HookTable | Sequence[HookTable] | None = None
    ) -> None:
        self.hooks_dict_ref = weakref.ref(hooks_dict)
        self.id = RemovableHandle.next_id
        RemovableHandle.next_id += 1
        if extra_dict is None:
            extra_dict = []
        elif isinstance(extra_dict, dict):
            extra_dict = [extra_dict]
        self.extra_dict_ref = tuple(weakref.ref(table) for table in extra_dict)

    def remove(self) -> None:
        """Removes the hook; a second call does nothing."""
        _native._changed()
        for table in self._tables():
            if table is not None and self.id in table:
                del table[self.id]

    def _tables(self) -> list[HookTable | None]:
        return [self.hooks_dict_ref(), *(table() for table in self.extra_dict_ref)]

    def __getstate__(self) -> Args:
        main, *extra = self._tables()
        return main, self.id, tuple(extra)

    def __setstate__(self, state: Args) -> None:
        main, self.id, *rest = state
        extra = rest[0] if rest else ()
        # A handle whose table is gone points at an empty one of nobody's.
        self.hooks_dict_ref = weakref.ref(OrderedDict() if main is None else main)
        self.extra_dict_ref = tuple(weakref.ref(OrderedDict() if t is None else t) for t in extra)
        RemovableHandle.next_id = max(RemovableHandle.next_id, self.id + 1)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()
