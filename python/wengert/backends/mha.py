"""PyTorch's second path through attention in evaluation, which there is not; nothing changes."""

from __future__ import annotations

_enabled = True


def get_fastpath_enabled() -> bool:
    """What was last set; at first True."""
    return _enabled


def set_fastpath_enabled(value: bool) -> None:
    """Remembers `value`."""
    global _enabled
    _enabled = value
