"""The one device, asked as the others are."""

from __future__ import annotations


def is_available() -> bool:
    """True."""
    return True


def device_count() -> int:
    """1."""
    return 1


def current_device() -> str:
    """'cpu'."""
    return "cpu"


def set_device(device: object) -> None:
    """Does nothing."""


def synchronize(device: object = None) -> None:
    """Does nothing: an operation has run when its call returns."""
