"""The type of compiled modules, by which libraries know them."""

from __future__ import annotations

from .._capture.compiled import compiled_form
from ..nn import Module

__all__ = ["OptimizedModule", "is_dynamo_supported"]


def is_dynamo_supported() -> bool:
    """True: `compile` works on every system."""
    return True


OptimizedModule = compiled_form.dispatch(Module)
