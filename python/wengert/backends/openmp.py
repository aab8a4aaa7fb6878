"""Whose threads do the work."""

from __future__ import annotations

from .. import _native


def is_available() -> bool:
    """Whether the core is built to use OpenMP's threads instead of its own."""
    return _native.build_info()["parallel"] == "openmp"
