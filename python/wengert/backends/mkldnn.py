"""oneDNN is not used; its switches may be set and read, and change nothing."""

from __future__ import annotations

enabled = True
deterministic = False
allow_tf32 = True


def is_available() -> bool:
    """False."""
    return False
