"""The type of compiled modules, by which libraries know them."""

from __future__ import annotations

from .._capture.compiled import compiled_form
from ..nn import Module

__all__ = ["OptimizedModule"]

OptimizedModule = compiled_form.dispatch(Module)
