"""What the array API standard lets a program ask of a namespace."""

from __future__ import annotations

from .. import _native
from .._types import cpu, device
from .._typing import Device
from ._kinds import STANDARD, check_device, isdtype

__all__ = ["__array_namespace_info__"]

Kinds = str | tuple[str, ...]


class __array_namespace_info__:
    """What this namespace can do, its dtypes and its one device."""

    __module__ = "wengert.array_api"

    def capabilities(self) -> dict[str, bool | int | None]:
        """Boolean masks as indices, shapes that depend on data, and at most 16 dimensions."""
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 16}

    def default_device(self) -> device:
        """The CPU."""
        return cpu

    def default_dtypes(self, *, device: Device = None) -> dict[str, _native.dtype]:
        """The dtypes of new arrays by kind; none is complex."""
        check_device(device)
        return {
            "real floating": _native.get_default_dtype(),
            "integral": _native.int64,
            "indexing": _native.int64,
        }

    def dtypes(
        self, *, device: Device = None, kind: Kinds | None = None
    ) -> dict[str, _native.dtype]:
        """The dtypes of the standard by name, of one kind or of several if said."""
        check_device(device)
        wanted = ("bool", "numeric") if kind is None else kind
        return {name: t for name, t in STANDARD.items() if isdtype(t, wanted)}

    def devices(self) -> list[device]:
        """The CPU."""
        return [cpu]
