"""MKL is not used: products of matrices run on kernels of our own."""

from __future__ import annotations


def is_available() -> bool:
    """False."""
    return False
