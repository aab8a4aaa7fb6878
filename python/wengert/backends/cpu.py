"""The CPU that is computed on."""

from __future__ import annotations

from .. import _native

_NAMES = {"v2": "DEFAULT", "v3": "AVX2", "v4": "AVX512", "base": "DEFAULT"}


def get_cpu_capability() -> str:
    """AVX512, AVX2 or DEFAULT: the vector instructions of the core that is loaded."""
    return _NAMES[_native.build_info()["isa"]]
