"""How the native core was built."""

from __future__ import annotations

from . import _native


def show() -> str:
    """The ISA level, the compiler, the threads and the Python of the native core, a line each."""
    lines = (f"  - {key}: {value}\n" for key, value in _native.build_info().items())
    return "wengert built with:\n" + "".join(lines)


def parallel_info() -> str:
    """How many threads an operation may use, and whose they are."""
    info = _native.build_info()
    return f"{info['threads']} threads of {info['parallel']}\n"
