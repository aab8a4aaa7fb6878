"""Modules without initial values."""

from __future__ import annotations

from typing import TypeVar

from ... import _native
from ..modules.module import Module

_M = TypeVar("_M", bound=Module)


def skip_init(module_cls: type[_M], *args: object, **kwargs: object) -> _M:
    """The module made of these arguments, whose parameters have no particular values.

    The random generator is left as it was, as nothing of what was drawn is kept. TypeError for
    what is no class of modules.
    """
    if not (isinstance(module_cls, type) and issubclass(module_cls, Module)):
        raise RuntimeError(f"Expected a Module; got {module_cls}")
    generator = _native._thread_generator()
    before = generator.get_state()
    module = module_cls(*args, **kwargs)
    generator.set_state(before)
    return module
